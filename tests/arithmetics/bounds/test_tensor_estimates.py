"""Estimates of tensors: errors are within their bounds, and no point on a switch is certified."""

import dataclasses
import functools
import itertools
import math
import zlib

import flint
import numpy as np
import pytest

from symdiff.arithmetics import reading
from symdiff.arithmetics.bounds import models, tensor_estimates
from symdiff.arithmetics.bounds.jets import Jet, Strict, TieError, evaluate
from symdiff.arithmetics.bounds.tensor_estimates import directional_estimate
from symdiff.arithmetics.components.components import variables, write_out
from symdiff.catalogue import CATALOGUE
from symdiff.errors import ExpressionError, Unsupported
from symdiff.program import parse
from symdiff.program.values import component_name

BITS = 300  # precision of the truth
DRAWS = 3  # random values of the inputs of a text

# Shapes of the inputs of the texts below.
SHAPES = {
    "c": (),
    "x": (3,),
    "y": (3,),
    "u": (3,),
    "a": (2, 3),
    "b": (3, 2),
    "d": (2, 3),
    "v": (2, 3),
    "g": (2,),
    "m": (2, 2, 3),
    "n": (2, 3, 2),
    "s": (1, 2, 5),
    "k": (2, 2, 3),
    "i": (1, 2, 4, 4),
    "f": (2, 2, 3, 3),
    "w": (1, 1, 2, 2, 3),
}
# Ranges of the components that differ from (-3, 3), and inputs that are indices.
RANGES = {"u": (0.1, 0.9), "v": (0.1, 0.9)}
INDICES = {"t": np.array([0, 2]), "r": np.array([[0], [2]])}


# -- the truth


def truth(program, values, tangent):
    """Value and slope of a scalar program as balls, or None where they are not proved."""
    inputs = {}
    with flint.ctx.workprec(BITS):
        for name, array in values.items():
            for index in np.ndindex(array.shape):
                varies = name in tangent
                slope = (flint.arb(float(tangent[name][index])),) if varies else ()
                jet = Jet(flint.arb(float(array[index])), slope)
                inputs[component_name(name, index)] = jet
        try:
            jet = evaluate(program, {name: inputs[name] for name in program.inputs}, Strict())
        except TieError:
            return None
    if jet is None or not jet.is_finite:
        return None
    return jet.value, jet.gradient[0] if jet.gradient else flint.arb(0)


def distance(number, ball):
    """The distance of a double to a ball, which is at most its distance to the truth."""
    with flint.ctx.workprec(BITS):
        return abs(flint.arb(float(number)) - ball).lower()


cached_parse = functools.cache(parse)


@functools.cache
def written_out(text, shapes):
    program = cached_parse(text)
    indices = {n: x for n, x in INDICES.items() if n in program.inputs}
    return write_out(program, variables(dict(shapes)), indices)


class Judged:
    """Value and slope of every component of a program, with their bounds and the truth."""

    def __init__(self, text, values, tangent=None, weights=(), times=1):
        program = cached_parse(text)
        values = {n: np.asarray(x, dtype=float) for n, x in values.items() if n in program.inputs}
        indices = {n: x for n, x in INDICES.items() if n in program.inputs}
        if tangent is None:
            tangent = {n: np.ones(x.shape) for n, x in values.items()}
        estimate, self.certified = directional_estimate(
            program, {**values, **indices}, tangent, weights, times
        )
        written = written_out(text, tuple((n, x.shape) for n, x in values.items()))
        if weights:
            scalars = [written.weighted([(w, times) for w in weights])]
        else:
            assert np.shape(estimate.value) == written.output.shape
            scalars = [written.at(index) for index in np.ndindex(*written.output.shape)]
        zeros = np.zeros(np.shape(estimate.value))
        numbers = [estimate.value, zeros if estimate.slope is None else estimate.slope]
        self.numbers = np.stack([np.ravel(x) for x in numbers], axis=1)
        bounds = [estimate.error, zeros + estimate.slope_error]
        self.bounds = np.stack([np.ravel(x) for x in bounds], axis=1)
        self.truths = [truth(program, values, tangent) for program in scalars]

    @property
    def is_known(self):
        return all(t is not None for t in self.truths)

    def wrong(self, shrunk=1.0):
        """The numbers that differ from the truth by more than their bounds over `shrunk`."""
        return [
            (number, bound, ball)
            for numbers, bounds, balls in zip(self.numbers, self.bounds, self.truths, strict=True)
            for number, bound, ball in zip(numbers.tolist(), bounds.tolist(), balls, strict=True)
            if distance(number, ball) > flint.arb(bound / shrunk)
        ]

    def is_right(self):
        """Whether the point is not certified, or certified with correct bounds."""
        return not self.certified or (self.is_known and not self.wrong())


# -- every function on tensors

ON_TENSORS = [
    # sums, products, maxima
    "x.sum()",
    "a.sum(dim=1)",
    "a.mean()",
    "a.mean(dim=0, keepdim=True)*a",
    "x.prod()",
    "a.prod(dim=1)",
    "amax(a, 1)",
    "amin(a)",
    "max(x)",
    "min(a)",
    "a.max(1).values",
    "a.min(0, keepdim=True).values*a",
    "norm(x)",
    "norm(a, p=1)",
    "norm(x, p=3)",
    "norm(x, p=0.5)",
    "norm(x, p=-2)",
    "norm(x, p=inf)",
    "norm(x, p=-inf)",
    "norm(a, p=2, dim=1)",
    "logsumexp(a, 1)",
    "logsumexp(5*a, (0, 1))",
    "softmax(a, 1)",
    "softmax(10*x, 0)",
    "softmin(x, 0)",
    "log_softmax(a, 1)",
    "log_softmax(100*x, 0)",
    "var(x)",
    "a.var(dim=0, correction=0)",
    "std(x)",
    "a.std(dim=1)",
    "cumsum(a, 1)",
    # matrix products
    "a @ b",
    "x @ b",
    "a @ x",
    "x @ y",
    "m @ n",
    "m @ b",
    "mm(a, b)",
    "mv(a, x)",
    "bmm(m, n)",
    "dot(x, y)",
    # components rearranged
    "[x[0], 2*x[1], c]*y",
    "a.t() @ a",
    "a.T @ a",
    "m.mT @ m",
    "m.transpose(0, 2)",
    "m.permute(2, 0, 1)",
    "a.reshape(3, 2) @ a",
    "a.flatten()*m.flatten()[:6]",
    "x.unsqueeze(0)*y.unsqueeze(1)",
    "x.unsqueeze(0).squeeze(0)*y",
    "x.expand(2, 3)*a",
    "flip(a, 1)*a",
    "cat([x, y**2, u])",
    "stack([x, y], 1)",
    "x.clone()*x",
    "zeros_like(x) + ones_like(y)*u",
    "a[1, ::2]*g",
    "gather(a, 1, r)",
    "index_select(a, 1, [0, 2])",
    "masked_fill(x, y > 0, 2)",
    "masked_fill(x, c > 0, c).sum()",
    "one_hot(t, 3)*a",
    "diag(x)",
    "diag(a @ b)",
    "tril(a)",
    "triu(a, 1)",
    # layers
    "F.linear(x, a, g)",
    "conv1d(s, k, g, stride=2, padding=1)",
    "conv2d(i, f, g, stride=2, padding=1)",
    "F.unfold(i, 2)",
    "F.fold(F.unfold(i, 2), 4, 2)",
    "normalize(a)",
    "normalize(a, p=1, dim=0)",
    "cosine_similarity(a, d)",
    # losses
    "mse_loss(a, d)",
    "l1_loss(a, d, reduction='sum')",
    "smooth_l1_loss(a, d, reduction='none')",
    "huber_loss(a, d, delta=0.7)",
    "binary_cross_entropy(u, u**2)",
    "binary_cross_entropy_with_logits(x, u)",
    "nll_loss(log_softmax(a, 1), t)",
    "cross_entropy(a, t)",
    "cross_entropy(50*a, t, reduction='sum')",
    # compositions
    "((relu(a @ b) @ a - 1)**2).mean()",
    "cross_entropy(tanh(a @ b + g) @ a, t)",
    "softmax(a @ a.T/sqrt(3), dim=1) @ a",
    "(x - x.mean())/sqrt(x.var() + 1e-5)",
    "where(a > 0, a, exp(a) - 1).norm()",
    "(c if c > 0 else c**2)*x",
    "where(c > 0, c, x).sum()",
    "where(x > 0, c, 2).prod()",
    "x.detach()*x + (y - y) + (x > y)*c",
    "clamp(a @ b, -1, 1).sum()",
    "relu(conv2d(i, f)).mean()",
    "log(exp(a).sum(dim=1))",
    "(v**0.7).prod() + v.log().sum() + rsqrt(v).sum()",
    "1/(1 + a**2) @ b",
    "exp(sort(x))",
    "exp(topk(x, 2))",
    "exp(kthvalue(x, 2))",
    "exp(median(x))",
    "quantile(exp(x), 0.3)",
    "exp(cummax(x, 0))",
    "exp(cummin(x, 0))",
    "cumprod(x, 0)",
    "logcumsumexp(x, 0)",
    "det(a @ b)",
    "inverse(a @ b)",
    "solve(a @ b, g)",
    "solve_triangular(tril(a @ b), b[:2], upper=False)",
    "cholesky(a @ a.T)",
    "logdet(a @ a.T)",
    "trace(a @ b)",
    "outer(x, y)",
    "cross(x, y)",
    "eigvalsh(a @ a.T)",
    "svdvals(a @ b)",
    "layer_norm(a, (3,))",
    "rms_norm(a, (3,))",
    "group_norm(m, 1)",
    "instance_norm(m)",
    "batch_norm(a, x, exp(y), training=True)",
    "max_pool1d(exp(s), 2)",
    "max_pool2d(exp(i), 2)",
    "avg_pool1d(s, 2)",
    "avg_pool2d(i, 2)",
    "adaptive_avg_pool1d(s, 2)",
    "adaptive_avg_pool2d(i, 2)",
    "max_pool3d(exp(w), (1, 2, 2), stride=1)",
    "avg_pool3d(w, 2)",
    "adaptive_avg_pool3d(w, (2, 1, 2))",
    "adaptive_max_pool1d(exp(s), 2)",
    "adaptive_max_pool2d(exp(i), 2)",
    "adaptive_max_pool3d(exp(w), (2, 1, 2))",
    "exp(pad(x, (1, 1)))",
    "exp(embedding(t, b))",
    "exp(roll(x, 1))",
    "exp(repeat(x, 2))",
    "exp(tile(x, 2))",
    "exp(scatter(x, 0, [1], y[0:1]))",
    "scatter_add(x, 0, [1], y[0:1])",
    "index_add(x, 0, [0, 2], g)",
    "exp(take(a, [0, 5]))",
    "exp(put(a, [1, 2], g))",
    "scaled_dot_product_attention(a, d, v)",
    "vector_norm(x, 3)",
    "pairwise_distance(a, d)",
    "cdist(a, d)",
    "kl_div(x, u, reduction='sum')",
    "poisson_nll_loss(x, y)",
    "gaussian_nll_loss(x, y, u)",
    "margin_ranking_loss(x, y, u)",
    "hinge_embedding_loss(x, where(y > 0, 1, -1))",
    "soft_margin_loss(x, y)",
    "triplet_margin_loss(a, d, v)",
    "cosine_embedding_loss(a, d, where(g > 0, 1, -1))",
]


def drawn(program, rng):
    """A value for every input."""
    return {
        name: rng.uniform(*RANGES.get(name, (-3, 3)), SHAPES[name])
        for name in program.inputs
        if name not in INDICES
    }


@functools.cache
def judged(text):
    """A few draws of values, a direction and a cotangent."""
    program = parse(text)
    judgements = []
    for draw in range(DRAWS):
        rng = np.random.default_rng([zlib.crc32(text.encode()), draw])
        values = drawn(program, rng)
        tangent = {n: rng.standard_normal(x.shape) for n, x in values.items()}
        shape = np.shape(directional_estimate(program, {**values, **INDICES}, tangent)[0].value)
        judgements.append(Judged(text, values, tangent, (rng.standard_normal(shape),)))
    return judgements


@pytest.mark.parametrize("text", ON_TENSORS)
def test_value_and_slope_are_certified_and_within_their_bounds(text):
    for judgement in judged(text):
        assert judgement.certified
        assert judgement.is_known
        assert judgement.wrong() == []


@pytest.mark.parametrize("text", ON_TENSORS)
def test_a_bound_that_is_a_million_times_too_small_is_noticed(text):
    # Negative control.
    assert any(judgement.wrong(shrunk=1e6) for judgement in judged(text))


def test_every_function_on_tensors_is_in_the_table():
    used = {call.function for text in ON_TENSORS for _, call in parse(text).calls()}
    on_tensors = {name for name, row in CATALOGUE.items() if row.array is not None}
    assert on_tensors - used == set()


def test_the_bounds_are_narrow():
    # Infinite bounds would be correct but useless.
    wide = [text for text in ON_TENSORS if any(f.bounds.max() > 1e-8 for f in judged(text))]
    assert wide == []


@pytest.mark.parametrize("text", ["x*y", "a @ b", "cumsum(x, 0)"])
def test_components_without_a_cotangent_are_within_their_bounds(text):
    values = drawn(parse(text), np.random.default_rng(1))
    judgement = Judged(text, values)
    assert judgement.certified and judgement.is_known and judgement.wrong() == []


def test_several_cotangents_are_added_up_and_multiplied():
    rng = np.random.default_rng(2)
    values, weights = {"x": rng.standard_normal(3)}, tuple(rng.standard_normal((3, 3)))
    judgement = Judged("exp(x)", values, weights=weights, times=5)
    assert judgement.certified and judgement.is_known and judgement.wrong() == []
    expected = 5 * float(sum(weights) @ np.exp(values["x"]))
    assert judgement.numbers[0] == pytest.approx([expected, expected])


def test_a_fixed_input_has_no_slope_and_may_lie_on_a_switch():
    x = {"x": np.array([0.0, 2.0])}
    estimate, certified = directional_estimate(parse("exp(x)"), x, {})
    assert estimate.slope is None and certified
    assert directional_estimate(parse("abs(x)"), x, {})[1]
    assert not directional_estimate(parse("abs(x)"), x, {"x": np.ones(2)})[1]


# -- numbers that are hard to compute with

HARD = [
    # cancellation
    ("(x*1e8 - 1e8*x + x).sum()", {"x": [0.1, 0.2, 0.3]}),
    ("x.sum()", {"x": [1e16, 1.0, -1e16]}),
    ("(x + y).var()", {"x": [1e8, 1e8, 2e8], "y": [0.1, 0.2, 0.3]}),
    ("log(1 + x) - x", {"x": [1e-9, 1e-5, 1e-3]}),
    ("(exp(x) - 1)/x", {"x": [1e-9, -1e-7, 1e-3]}),
    ("logsumexp(x, 0) - x[0]", {"x": [700.0, 699.0, -700.0]}),
    ("(1 - tanh(x)**2).sum()", {"x": [20.0, 15.0, -18.0]}),
    ("sin(1e8*x)", {"x": [0.1, 0.7, 3.0]}),
    ("x.std()", {"x": [1.0, 1.0 + 2.0**-8, 1.0 - 2.0**-9]}),
    ("cosine_similarity(x, y, dim=0)", {"x": [1e-3, 1.0, 1e3], "y": [1e3, 1.0, -1e-3]}),
    ("((x - 1/3)**9).sum()", {"x": [0.34, 0.33, 1.0]}),
    # the error bounds are rounded themselves
    ("(x + y) + c", {"x": [128.0], "y": [2.0**-46], "c": 2.0**60}),
    ("cumsum(x, 0)", {"x": [128.0, 2.0**-46, 2.0**60]}),
    # large and small numbers
    ("x.sum()", {"x": [5e307, -5e307, 5e307]}),
    ("x.prod()", {"x": [1e-200, 1e-200, 1e300]}),
    ("x.prod()*1e300", {"x": [1e-100, 1e-150, 1e-100]}),
    ("norm(x)", {"x": [1e-150, 2e-150, 1e-140]}),
    ("norm(x)", {"x": [1e3, 2e3, 1e-3]}),
    ("softmax(x, 0)", {"x": [300.0, -300.0, 0.0]}),
    ("log_softmax(x, 0)", {"x": [1e5, -1e5, 0.0]}),
    ("softmax(x, 0)[1]*1e150*1e150", {"x": [150.0, -150.0, 0.0]}),
    ("exp(x).sum()", {"x": [-800.0, -745.0, -700.0]}),
    ("exp(x)*1e300*1e20", {"x": [-800.0, -745.0, -700.0]}),
    ("sigmoid(x)*1e300*1e20", {"x": [-800.0, -745.0, -700.0]}),
    ("x**2*1e200*1e200", {"x": [1e-200, 1e-160, 3e-162]}),
    ("x**-3", {"x": [1e-70, 1e100, -1e102]}),
    ("sqrt(x*1e-300)*1e150", {"x": [1e-2, 1e-8, 1.0]}),
    # matrix products with terms that underflow
    ("(x @ y)*1e200*1e200", {"x": [1e-200, 0.0], "y": [1e-200, 1e-200]}),
    ("(x @ y)*1e200*1e200", {"x": [1e-200, 3e-180], "y": [1e-200, -1e-180]}),
    ("x @ y", {"x": [1e300, 3e299], "y": [5e-324, 5e-324]}),
    ("x @ y", {"x": [5e-324, 1e-310], "y": [1e300, 0.1]}),
    ("conv1d(s, k)*1e160*1e160", {"s": [[[1e-160, 2e-161]]], "k": [[[3e-162, 1e-160]]]}),
    # one condition for a whole branch
    ("where(c > 0, c, x)", {"c": 1.0, "x": [1.0, 2.0, 3.0]}),
    ("where(c > 0, c, x).sum()", {"c": 1.0, "x": [1.0, 2.0, 3.0]}),
    ("where(c > 0, x, c).sum()", {"c": -1.0, "x": [1.0, 2.0, 3.0]}),
    ("where(c > 0, 2, x).prod()", {"c": 1.0, "x": [1.0, 2.0, 3.0]}),
    ("masked_fill(x, c > 0, 2).sum()", {"c": 1.0, "x": [1.0, 2.0, 3.0]}),
    ("heaviside(c, x).sum()", {"c": 1.0, "x": [1.0, 2.0, 3.0]}),
    ("prelu(c, x).sum()", {"c": 1.0, "x": [1.0, 2.0, 3.0]}),
    ("xlogy(c, x).sum()", {"c": 1.0, "x": [1.0, 2.0, 3.0]}),
    ("max(c, x).sum()", {"c": 2.5, "x": [1.0, 2.0, 3.0]}),
    # a branch that is not taken is undefined
    ("where(x > 0, log(x), x)", {"x": [-1.0, 2.0, -3.0]}),
    ("where(x > 0, sqrt(x), 0).sum()", {"x": [-1.0, 2.0, -3.0]}),
    ("where(x != 0, sin(x)/x, 1).sum()", {"x": [1.0, 2.0, -3.0]}),
    ("binary_cross_entropy(u, x)", {"u": [0.5, 0.9, 0.1], "x": [0.0, 1.0, 0.5]}, "u"),
    # a singularity that the result does not depend on
    ("x[1:].log().sum()", {"x": [-1.0, 2.0, 3.0]}),
    ("tril(1/a)[0, 0]", {"a": [[2.0, 0.0], [1.0, 1.0]]}),
    ("x.detach()*abs(x).detach()*x", {"x": [1.0, -2.0, 3.0]}),
    ("abs(y)*x", {"x": [1.0, -2.0, 3.0], "y": [0.0, 2.0, -1.0]}, "x"),
    ("floor(x)*x + round(x)", {"x": [1.3, -2.7, 3.2]}),
    # long sums
    ("x.sum()", {"x": np.random.default_rng(0).standard_normal(1500)}),
    ("(x*1e10).mean()", {"x": np.random.default_rng(1).standard_normal(999)}),
    ("x @ y", {"x": np.random.default_rng(2).standard_normal(700),
               "y": np.random.default_rng(3).standard_normal(700)}),
    ("cumsum(x, 0)[-1]", {"x": np.random.default_rng(4).standard_normal(400)}),
]  # fmt: skip


def name_of(case):
    parts = [n + "=" + np.array2string(np.asarray(v), threshold=5) for n, v in case[1].items()]
    return " ".join([case[0], *parts]).replace("\n", "")


def judged_at(text, values, varying=None):
    tangent = {n: np.ones(np.shape(values[n])) for n in varying} if varying else None
    return Judged(text, values, tangent)


@pytest.mark.parametrize("case", HARD, ids=name_of)
def test_hard_numbers_are_within_their_bounds(case):
    judgement = judged_at(*case)
    assert judgement.certified and judgement.is_known
    assert judgement.wrong() == []


# Where rounding, underflow or overflow hides the derivative.
LOST = [
    ("x.sum()", {"x": [1e308, 1e308, -1e308]}),
    ("x.prod()", {"x": [1e200, 1e200, 1e-300]}),
    ("x*x - x*x", {"x": [1e200]}),
    ("norm(x)", {"x": [1e-170, 2e-170]}),
    ("norm(x)", {"x": [1e170, 2e170]}),
    ("exp(x)", {"x": [1000.0]}),
    ("1/exp(x)", {"x": [1000.0]}),
    ("1/(x*1e-200*1e-200)", {"x": [1.0]}),
    ("log(x*1e-200*1e-200)", {"x": [1.0]}),
    ("min(x*1e200*1e200, 1)", {"x": [1.0]}),
    ("std(x)", {"x": [1e8, 1e8, 1e8 + 1e-8]}),
    ("1/((x + 1e16) - 1e16)", {"x": [0.7]}),
    ("log((x + 1e16) - 1e16)", {"x": [0.7]}),
    ("sqrt((x + 1e16) - 1e16)", {"x": [0.7]}),
    ("((x + 1e16) - 1e16)**y", {"x": [0.7], "y": [2.0]}),
    ("((x + 1e10) - 1e10)**c", {"x": [1.0], "c": 1e7}, "x"),
    ("where(x - 0.1 - 0.2 == 0, 1e9, 1)*x", {"x": [0.3]}),
]  # fmt: skip


@pytest.mark.parametrize("case", LOST, ids=name_of)
def test_a_derivative_that_rounding_may_hide_is_not_certified(case):
    assert not judged_at(*case).certified


# Expressions for which a first-order bound, or one that underflows, would be too narrow.
DELICATE = [
    ("relu(logsumexp(x, 0))", {"x": [-0.9712236815267259, -0.47581157458818707]}),
    ("relu(logaddexp(x, y))", {"x": [-1.350688964608343], "y": [-0.29983794297663613]}),
    ("logaddexp(x, x)*1e16", {"x": [-0.6931471805599453]}),
    ("1/((x + y) - c)*1e200", {"x": [1e206], "y": [1.2345678e200], "c": 1e206}),
    ("((x + y) - c)**-1*1e200", {"x": [1e206], "y": [1.2345678e200], "c": 1e206}),
    ("sin(((x + y) - c) + u)", {"x": [5e9], "y": [4.3e-7], "c": 5e9, "u": [math.pi / 2]}),
    ("sin((x + y) - c)", {"x": [5e9], "y": [4.3e-7], "c": 5e9}),
    ("cosh((x + y) - c)", {"x": [5e9], "y": [4.3e-7], "c": 5e9}),
    ("erfc(x)*1e200*1e112", {"x": [26.7]}),
    ("relu(erfc(x)*1e200*1e112 - 2)", {"x": [26.7]}),
]


@pytest.mark.parametrize("case", DELICATE, ids=name_of)
def test_first_order_bounds_are_wide_enough(case):
    assert judged_at(*case).is_right()


# -- elementwise functions, at points where they may not be smooth

ONE = [-40.0, -6.0, -3.0, -2.5, -2.0, -1.0, -0.5, -0.3, -1e-8, -1e-160, 0.0, 1e-160, 1e-8,
       0.125, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 6.0, 20.0, 1e6 + 1/3, math.pi, math.pi/2]  # fmt: skip
TWO = [-3.0, -1.0, -1e-160, 0.0, 0.5, 1e160]
REFUSED = {
    "cbrt", "hypot", "tan", "asin", "acos", "acosh", "atanh", "erfinv",
    "gamma", "lgamma", "digamma", "polygamma",
}  # fmt: skip
SPELLED = {
    "where": ["where(x > y, x, y*x)", "where(x == y, x, y)", "where(not (x >= y) or x*y > 1, x, 2*y)"],
    "ifelse": ["x if x <= y else 2*y", "x if x != 1 and y < 1 else y"],
    "float": ["float(x < y)*x"],
    "negative": ["-x"],
    "positive": ["+x"],
    "polygamma": ["polygamma(1, x)"],
    "bessel_i": ["bessel_i(0, x)", "bessel_i(3, x)"],
    "threshold": ["threshold(x, 1, 0.5)", "threshold(x, 0, 0)"],
    "clamp": ["clamp(x, -1, 1)", "clamp(x, min=y)", "clamp(x, max=y)", "clamp(x, 2, y)"],
    "softplus": ["softplus(x)", "softplus(x, beta=2, threshold=3)"],
    "gelu": ["gelu(x)", "gelu(x, approximate='tanh')"],
    "round": ["round(x)", "round(x, decimals=1)"],
    "power": ["x**y", "x**0", "x**1", "x**2", "x**3", "x**-1", "x**0.5", "x**2.5", "x**-0.5", "2**x"],
    "elu": ["elu(x)", "elu(x, alpha=2)"],
    "celu": ["celu(x)", "celu(x, alpha=2)"],
    "hardtanh": ["hardtanh(x)", "hardtanh(x, -0.5, 2)"],
    "hardshrink": ["hardshrink(x)", "hardshrink(x, lambd=0)"],
    "softshrink": ["softshrink(x)", "softshrink(x, lambd=1)"],
    "nan_to_num": ["nan_to_num(x)", "nan_to_num(log(x))", "nan_to_num(1/x, posinf=1)"],
}  # fmt: skip
ELEMENTWISE = [
    name for name, row in CATALOGUE.items() if row.array is None and row.returns == "real"
]


def spellings(name):
    row = CATALOGUE[name]
    needed = [p for p in row.parameters if p.default is None]
    if row.operator in {"+", "-", "*", "/", "//", "%"}:
        return [f"x {row.operator} y"]
    return SPELLED.get(name, [f"{name}({', '.join('xy'[: len(needed)])})"])


def points(program):
    columns = [ONE] if len(program.inputs) == 1 else [TWO] * 2
    for point in itertools.product(*columns):
        yield {name: [value] for name, value in zip(sorted(program.inputs), point, strict=True)}


@pytest.mark.parametrize("name", sorted(set(ELEMENTWISE) - REFUSED))
def test_no_kink_jump_or_end_of_a_domain_is_certified_wrongly(name):
    for text in spellings(name):
        judgements = [Judged(text, point) for point in points(parse(text))]
        assert [j.numbers.tolist() for j in judgements if not j.is_right()] == []
        assert any(j.certified for j in judgements)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_functions_whose_switches_are_not_checked_are_refused(name):
    values = {"x": np.array([0.5]), "y": np.array([0.5])}
    with pytest.raises(Unsupported, match="not checked"):
        directional_estimate(parse(spellings(name)[0]), values, {"x": np.ones(1)})


def test_a_function_with_new_switches_would_be_refused(monkeypatch):
    # Negative control: exp with a kink somewhere.
    x = {"x": np.array([0.5])}
    assert directional_estimate(parse("exp(x)"), x, x)[1]
    row = dataclasses.replace(CATALOGUE["exp"], switches=("x - 1",))
    monkeypatch.setattr(reading, "CATALOGUE", {**CATALOGUE, "exp": row})
    with pytest.raises(Unsupported, match="not checked"):
        directional_estimate(parse("exp(x)"), x, x)


# -- switches that are zero, or within rounding of it

THIRD = 1 / 3
# A text, a point on a switch, and inputs that change to leave it.
SWITCHES = [
    # hidden units at zero, or within rounding of it
    ("relu(x @ b).sum()", {"x": [1.0, 2.0], "b": [[2.0, 1.0], [-1.0, 1.0]]}, {"x": [1.0, 3.0]}),
    ("relu(x - y - 0.2).sum()", {"x": [0.3, 1.0], "y": [0.1, 0.3]}, {"x": [0.4, 1.0]}),
    ("relu(x @ y - 1)", {"x": [0.1] * 10, "y": [1.0] * 10}, {"x": [0.2] * 10}),
    ("relu(x.sum())", {"x": [0.1, 0.2, -0.3]}, {"x": [0.1, 0.2, -0.2]}),
    ("relu(x.mean() - 0.2)", {"x": [0.1, 0.2, 0.3]}, {"x": [0.1, 0.2, 0.4]}),
    ("relu(softmax(x, 0) - 1/3).sum()", {"x": [2.0, 2.0, 2.0]}, {"x": [2.0, 2.1, 2.3]}),
    ("relu(conv1d(s, k)).sum()", {"s": [[[1.0, 2.0, 3.0]]], "k": [[[2.0, -1.0]]]}, {"k": [[[3.0, -1.0]]]}),
    ("relu(exp(x) - exp(y))", {"x": [1.0], "y": [1.0]}, {"x": [2.0]}),
    ("abs(x - 1/3)", {"x": [THIRD]}, {"x": [0.5]}),
    ("abs(x**2 - 2)", {"x": [math.sqrt(2)]}, {"x": [1.5]}),
    ("abs(log(x))", {"x": [1.0]}, {"x": [1.1]}),
    ("abs(x*1e-200*1e-200)", {"x": [1.0]}, None),
    ("relu((x @ y)*1e300*1e300)", {"x": [1e-310], "y": [-1e-310]}, {"y": [-1.0]}),
    # ties
    ("max(x, y).sum()", {"x": [1.0, 2.0], "y": [2.0, 2.0]}, {"y": [2.0, 3.0]}),
    ("min(x, 0.3)", {"x": [0.3]}, {"x": [0.2]}),
    ("max(x + 0.1 + 0.2, 0.6)", {"x": [0.3]}, {"x": [0.4]}),
    ("amax(x, 0)", {"x": [1.0, 1.0, 0.0]}, {"x": [1.0, 2.0, 0.0]}),
    ("amin(x/3*3, 0)", {"x": [0.7, 0.7]}, {"x": [0.7, 0.8]}),
    ("max(x)", {"x": [1.0, 1.0, 0.0]}, {"x": [1.0, 2.0, 0.0]}),
    ("a.min(1).values", {"a": [[1.0, 1.0], [0.0, 1.0]]}, {"a": [[1.0, 2.0], [0.0, 1.0]]}),
    ("norm(x, p=inf)", {"x": [1.0, -1.0]}, {"x": [1.0, -2.0]}),
    ("norm(x, p=inf)", {"x": [0.0]}, {"x": [1.0]}),
    # norms at zero
    ("norm(x)", {"x": [0.0, 0.0]}, {"x": [0.0, 1.0]}),
    ("norm(x - y)", {"x": [THIRD, 0.1], "y": [THIRD, 0.1]}, {"x": [1.0, 0.1]}),
    ("norm(x, p=1)", {"x": [0.0, 1.0]}, {"x": [1.0, 1.0]}),
    ("norm(x, p=3)", {"x": [0.0, 0.0]}, {"x": [1.0, 1.0]}),
    ("norm(x, p=0)", {"x": [0.0, 1.0]}, {"x": [1.0, 1.0]}),
    ("std(x)", {"x": [2.0, 2.0, 2.0]}, {"x": [2.0, 2.0, 3.0]}),
    ("std(x)", {"x": [0.1, 0.1, 0.1]}, {"x": [0.1, 0.1, 0.2]}),
    ("normalize(x, dim=0)", {"x": [0.0, 0.0]}, {"x": [0.0, 1.0]}),
    ("normalize(x, dim=0, eps=5)", {"x": [3.0, 4.0]}, {"x": [3.0, 5.0]}),
    ("cosine_similarity(x, y, dim=0)", {"x": [0.0, 0.0], "y": [1.0, 1.0]}, {"x": [0.0, 1.0]}),
    # roots, powers, logarithms and quotients at the ends of their domains
    ("sqrt(x)", {"x": [0.0]}, {"x": [1e-300]}),
    ("sqrt(x - 0.1 - 0.2)", {"x": [0.3]}, {"x": [0.4]}),
    ("sqrt(x)", {"x": [-1.0]}, {"x": [1.0]}),
    ("rsqrt(x)", {"x": [0.0]}, {"x": [1.0]}),
    ("x**0.5", {"x": [0.0]}, {"x": [0.1]}),
    ("x**1.5", {"x": [0.0]}, {"x": [0.1]}),
    ("x**1.5", {"x": [-1.0]}, {"x": [0.1]}),
    ("x**-2", {"x": [0.0]}, {"x": [0.1]}),
    ("x**y", {"x": [0.0], "y": [2.0]}, {"x": [0.1]}),
    ("x**y", {"x": [-2.0], "y": [2.0]}, {"x": [2.0]}),
    ("abs(x)**y", {"x": [0.0], "y": [2.0]}, {"x": [0.1]}),
    ("x**[2, 0.5]", {"x": [1.0, 0.0]}, {"x": [1.0, 2.0]}),
    ("log(x)", {"x": [0.0]}, {"x": [0.1]}),
    ("log(x - 0.1 - 0.2)", {"x": [0.3]}, {"x": [0.4]}),
    ("log1p(x)", {"x": [-1.0]}, {"x": [-0.9]}),
    ("1/x", {"x": [0.0]}, {"x": [0.1]}),
    ("1/(x - 0.1 - 0.2)", {"x": [0.3]}, {"x": [0.4]}),
    ("reciprocal(x)", {"x": [0.0]}, {"x": [0.1]}),
    ("xlogy(x, y)", {"x": [0.0], "y": [2.0]}, {"x": [1.0]}),
    ("xlogy(x, y)", {"x": [1.0], "y": [0.0]}, {"y": [1.0]}),
    ("xlogy(x, y)", {"x": [1.0], "y": [-1.0]}, {"y": [1.0]}),
    ("xlogy(x, y)", {"x": [0.0], "y": [0.0]}, {"x": [1.0], "y": [1.0]}),
    ("binary_cross_entropy(u, x)", {"u": [1.0], "x": [0.5]}, {"u": [0.5]}),
    ("nll_loss(log(a), t)", {"a": [[0.0, 1.0, 1.0]] * 2}, {"a": [[0.5, 1.0, 1.0]] * 2}),
    # poles that cancel or disappear in the result
    ("1/x - 1/x", {"x": [0.0]}, {"x": [1.0]}),
    ("log(x) - log(x)", {"x": [0.0]}, {"x": [1.0]}),
    ("log(x - 0.1 - 0.2)*(log(x - 0.1 - 0.2) - log(x - 0.1 - 0.2))", {"x": [0.3]}, {"x": [0.4]}),
    ("(1/x)**0", {"x": [0.0]}, {"x": [1.0]}),
    ("log(x)**0", {"x": [-1.0]}, {"x": [1.0]}),
    ("0*(1/x)", {"x": [0.0]}, {"x": [1.0]}),
    ("1/(1/x)", {"x": [0.0]}, {"x": [1.0]}),
    ("exp(-1/x**2)", {"x": [0.0]}, {"x": [1.0]}),
    ("tanh(1/x)", {"x": [0.0]}, {"x": [1.0]}),
    ("atan(log(x))", {"x": [0.0]}, {"x": [2.0]}),
    ("clamp(1/x, -5, 5)", {"x": [0.0]}, {"x": [1.0]}),
    ("max(log(x), 0)", {"x": [-1.0]}, {"x": [2.0]}),
    ("where(log(x) > 0, x, 0)", {"x": [-1.0]}, {"x": [2.0]}),
    ("sign(sqrt(x))", {"x": [-1.0]}, {"x": [2.0]}),
    ("floor(1/x)*0", {"x": [0.0]}, {"x": [3.0]}),
    ("(1/x).detach()*x", {"x": [0.0]}, {"x": [1.0]}),
    ("exp(x) - exp(x)", {"x": [1000.0]}, {"x": [1.0]}),
    # steps
    ("floor(x)", {"x": [2.0]}, {"x": [2.5]}),
    ("floor(x*10)", {"x": [0.3]}, {"x": [0.35]}),
    ("floor((x + 1e16) - 1e16)", {"x": [1.5]}, None),
    ("ceil(x/0.1)", {"x": [0.3]}, {"x": [0.35]}),
    ("round(x)", {"x": [2.5]}, {"x": [2.4]}),
    ("round(x, decimals=1)", {"x": [0.25]}, {"x": [0.22]}),
    ("trunc(x)", {"x": [-2.0]}, {"x": [-2.5]}),
    ("frac(x)", {"x": [3.0]}, {"x": [3.1]}),
    ("x % 3", {"x": [6.0]}, {"x": [7.0]}),
    ("x % 0.1", {"x": [0.3]}, {"x": [0.33]}),
    ("x // y", {"x": [6.0], "y": [3.0]}, {"x": [7.0]}),
    ("fmod(x, y)", {"x": [-6.0], "y": [3.0]}, {"y": [4.1]}),
    ("sign(x)", {"x": [0.0]}, {"x": [0.1]}),
    ("sign(x - 0.1 - 0.2)", {"x": [0.3]}, {"x": [0.4]}),
    ("heaviside(x, y)", {"x": [0.0], "y": [0.5]}, {"x": [1.0]}),
    ("copysign(x, y)", {"x": [1.0], "y": [0.0]}, {"y": [1.0]}),
    ("copysign(x, y)", {"x": [0.0], "y": [1.0]}, {"x": [1.0]}),
    # conditions
    ("where(x > 0, x, 0)", {"x": [0.0]}, {"x": [1.0]}),
    ("where(x >= y, 1, 0)*x", {"x": [1.0], "y": [1.0]}, {"y": [2.0]}),
    ("where(x == 1, 1, x)", {"x": [1.0]}, {"x": [2.0]}),
    ("where(x != 0.3, x, 0.3)", {"x": [0.3]}, {"x": [0.2]}),
    ("where(x - 0.1 == 0.2, x, 0)", {"x": [0.3]}, {"x": [0.4]}),
    ("where(x > 0 and y > 0, x, y)", {"x": [1.0], "y": [0.0]}, {"y": [1.0]}),
    ("(x > 0)*x**2", {"x": [0.0]}, {"x": [1.0]}),
    ("float(x < 0.5)", {"x": [0.5]}, {"x": [1.0]}),
    ("x if c > 0 else 2*x", {"x": [1.0], "c": 0.0}, {"c": 1.0}),
    ("where(x.sum() > 0, x, 2*x)", {"x": [0.1, 0.2, -0.3]}, {"x": [0.1, 0.2, 0.3]}),
    ("masked_fill(x, y > 0, 0)", {"x": [1.0], "y": [0.0]}, {"y": [1.0]}),
    # piecewise functions
    ("clamp(x, -1, 1)", {"x": [1.0]}, {"x": [2.0]}),
    ("clamp(x, -1, 1)", {"x": [-1.0]}, {"x": [0.5]}),
    ("clamp(x, min=y)", {"x": [1.0], "y": [1.0]}, {"y": [2.0]}),
    ("hardtanh(x)", {"x": [1.0]}, {"x": [0.9]}),
    ("relu6(x)", {"x": [6.0]}, {"x": [5.0]}),
    ("hardsigmoid(x)", {"x": [3.0]}, {"x": [2.0]}),
    ("hardswish(x)", {"x": [-3.0]}, {"x": [2.0]}),
    ("hardshrink(x)", {"x": [0.5]}, {"x": [0.6]}),
    ("softshrink(x)", {"x": [-0.5]}, {"x": [0.6]}),
    ("leaky_relu(x)", {"x": [0.0]}, {"x": [-1.0]}),
    ("prelu(x, y)", {"x": [0.0], "y": [0.5]}, {"x": [-1.0]}),
    ("elu(x, alpha=2)", {"x": [0.0]}, {"x": [-1.0]}),
    ("selu(x)", {"x": [0.0]}, {"x": [-1.0]}),
    ("threshold(x, 1, 0)", {"x": [1.0]}, {"x": [2.0]}),
    ("nan_to_num(log(x))", {"x": [0.0]}, {"x": [2.0]}),
    ("nan_to_num(log(x))", {"x": [-1.0]}, {"x": [2.0]}),
    ("softplus(x, threshold=1)", {"x": [1.0]}, {"x": [2.0]}),
    ("atan2(x, y)", {"x": [0.0], "y": [-1.0]}, {"x": [1.0]}),
    ("atan2(x, y)", {"x": [0.0], "y": [0.0]}, {"x": [1.0], "y": [1.0]}),
    ("l1_loss(x, y)", {"x": [1.0, 2.0], "y": [1.0, 1.0]}, {"y": [3.0, 1.0]}),
    ("smooth_l1_loss(x, y)", {"x": [1.0], "y": [2.0]}, {"y": [3.0]}),
    ("huber_loss(x, y)", {"x": [1.0], "y": [2.0]}, {"y": [3.0]}),
]  # fmt: skip


@pytest.mark.parametrize("case", SWITCHES, ids=name_of)
def test_a_point_on_a_switch_is_never_certified(case):
    text, on, _ = case
    assert not Judged(text, on).certified


@pytest.mark.parametrize("case", [c for c in SWITCHES if c[2]], ids=name_of)
def test_a_point_off_the_switch_is_certified(case):
    # Negative control: the point before was refused for its switch.
    text, on, off = case
    judgement = Judged(text, {**on, **off})
    assert judgement.certified and judgement.is_known and judgement.wrong() == []


def certified_on_switches():
    return [case for case in SWITCHES if Judged(case[0], case[1]).certified]


@pytest.mark.parametrize(
    ("check", "least"),
    [("_compare", 40), ("_note_switches", 8)],
)
def test_a_missing_check_of_switches_is_noticed(monkeypatch, check, least):
    # Negative control.
    replaced = {"_compare": lambda *_, **__: None, "_note_switches": lambda *_: None}[check]
    monkeypatch.setattr(tensor_estimates._TensorEstimates, check, replaced)
    assert len(certified_on_switches()) >= least


@pytest.mark.parametrize("module", [tensor_estimates, models])
def test_bounds_without_rounding_are_noticed(monkeypatch, module):
    # Negative control.
    monkeypatch.setattr(module, "UNIT", 0.0)
    rng = np.random.default_rng(0)
    text = "x @ y" if module is tensor_estimates else "x/3 + y"
    assert Judged(text, {n: rng.standard_normal(50) for n in "xy"}).wrong()


# -- random programs

# Templates: of two expressions, of one, and on whole tensors.
BINARY = ["{a} + {b}", "{a} - {b}", "{a}*{b}", "max({a}, {b})", "where({a} > {b}, {a}, 2*{b})",
          "where({a} <= 1, {b}, {a}*{b})", "({a}/(1 + {b}**2))", "min({a}, {b})", "({a} % ({b} + 3))",
          "({a} + 1e8) - {b}", "copysign({a}, {b})", "(c*{a} if c > 0 else {b})"]  # fmt: skip
UNARY = ["abs({a})", "relu({a})", "sin({a})", "tanh({a})", "({a})**2", "({a})**3", "floor({a})", "round({a})",
        "sqrt({a})", "sqrt(abs({a}) + 1)", "log({a})", "1/({a})", "exp(-abs({a}))", "elu({a})", "clamp({a}, -1, 1)",
        "softsign({a})", "({a}).detach()*{a}", "sign({a})", "gelu({a})", "({a})*1e-170", "-({a})",
        "({a} - 1/3)", "(({a} + 1e7) - 1e7)", "sigmoid({a})", "({a})**0.5", "atan({a})"]  # fmt: skip
TENSOR = ["({a}).sum()*x", "softmax({a} + x, 0)", "cumsum({a} + x, 0)", "norm({a} + 0*x)*x", "max({a} + 0*x) - x",
         "({a} + 0*x) @ diag(x)", "({a} + 0*x).mean() + x", "mse_loss({a} + 0*x, x)*x", "flip({a} + x, 0)",
         "stack([{a} + x, {b} + x])[1]", "std({a} + 0*x) + x", "log_softmax({a} + x, 0)"]  # fmt: skip
SPECIAL = [0.0, 1.0, -1.0, 2.0, 0.5, -0.5, 3.0, 1 / 3, 0.1, math.pi, 1e-8, 7.0]


def random_text(pick, depth):
    if depth == 0:
        return pick(["x", "y", "x", "y", "c", "1", "0.5", "0"])
    a, b = random_text(pick, depth - 1), random_text(pick, pick(range(depth)))
    return "(" + pick(pick([BINARY, UNARY, UNARY, TENSOR])).format(a=a, b=b) + ")"


@functools.cache
def at_random(count=200):
    judgements = []
    rng = np.random.default_rng(20)

    def pick(options):
        return options[int(rng.integers(len(options)))]

    while len(judgements) < count:
        text = random_text(pick, pick([1, 2, 3]))
        drawn = rng.standard_normal((2, 3)), rng.choice(SPECIAL, (2, 3))
        x, y = np.where(rng.random((2, 3)) < 0.5, *drawn)
        y = x if rng.random() < 0.2 else y
        try:
            inputs = parse(text).inputs
        except ExpressionError:  # a constant that is undefined
            continue
        tangent = {n: rng.standard_normal(3) for n in "xy" if n in inputs}
        if tangent:
            judgements.append((text, Judged(text, {"x": x, "y": y, "c": pick(SPECIAL)}, tangent)))
    return judgements


def test_random_programs_are_certified_correctly_or_not_at_all():
    judgements = at_random()
    assert [text for text, j in judgements if not j.is_right()] == []
    certified = sum(j.certified for _, j in judgements)
    assert 0.3 * len(judgements) < certified < 0.9 * len(judgements)


def test_the_bounds_of_random_programs_could_not_be_much_smaller():
    # Negative control.
    assert sum(bool(j.wrong(shrunk=1e3)) for _, j in at_random() if j.certified) > 50
