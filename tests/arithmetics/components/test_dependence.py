"""Dependence sets contain every nonzero entry of torch's Jacobians, and mostly nothing else."""

import functools
import zlib

import numpy as np
import pytest
import torch

from symdiff.arithmetics.components import dependence as module
from symdiff.arithmetics.components.dependence import dependence
from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import TENSORS
from symdiff.catalogue import CATALOGUE
from symdiff.program import parse

# The signs of the random components: all positive once, all negative once, mixed three times.
SIGNS = [(1,), (-1,), (-1, 1), (-1, 1), (-1, 1)]
SHAPES = {
    "c": (),
    "x": (3,),
    "y": (3,),
    "u": (3,),
    "a": (2, 3),
    "b": (3, 2),
    "d": (2, 3),
    "g": (2,),
    "m": (2, 2, 3),
    "n": (2, 3, 2),
    "s": (1, 2, 5),
    "k": (2, 2, 3),
    "i": (1, 2, 4, 4),
    "f": (2, 2, 3, 3),
    "h": (1, 8, 4),
}
INDICES = {"t": np.array([0, 2]), "r": np.array([[0], [2]])}

# Programs whose sets are exactly the entries that are nonzero at random points.
EXACT = [
    # component by component
    "x + y",
    "2*x - y/3",
    "-x",
    "exp(x)*y",
    "relu(x) + leaky_relu(y)",
    "x*c",
    "x**2 + c**3",
    "atan2(x, y)",
    "hypot(a, d)",
    "logaddexp(x, c)",
    "sin(a)*x",
    "x.unsqueeze(0)*g.unsqueeze(1)",
    "3 + 0*x.detach() + y",
    "gelu(x, approximate='tanh')",
    "softplus(x, beta=2)",
    "prelu(x, y)",
    "frac(x)",
    # piecewise
    "max(x, y)",
    "max(x)",
    "norm(x, p=inf)",
    "masked_fill(x, y > 0, c)",
    "min(x, 0)",
    "where(x > 0, x, y)",
    "a.min(0).values",
    "x % y",
    "fmod(x, y)",
    "hardtanh(x)",
    "c if c > 0 else 2*c**2",
    # constant or piecewise constant parts
    "x.detach()*y",
    "floor(x) + y",
    "round(x)*y + trunc(x) + ceil(x)",
    "sign(x)*y",
    "rint(x) + y",
    "float(x > y)*u",
    "(x > 0)*y",
    "where(x > 0, y, 2*y)",
    "masked_fill(y, x > 0, 1)",
    "zeros_like(x) + ones_like(y)",
    "norm(x, p=0) + y",
    # sums and other reductions
    "x.sum()",
    "a.sum(dim=0)",
    "a.mean(dim=1, keepdim=True)",
    "a.prod(dim=1)",
    "m.sum(dim=(0, 2))",
    "a.mean(dim=1, keepdim=True)*x",
    "norm(a, dim=0)",
    "logsumexp(a, 1)",
    "softmax(a, 1)",
    "softmin(m, -1)",
    "log_softmax(a, 0)",
    "a.var(dim=1)",
    "a.std(dim=0)",
    "cumsum(a, 1)",
    "cumsum(x, 0)*y",
    "cumprod(a, 1)",
    "cummin(x, 0)",
    "logcumsumexp(a, 1)",
    "cummax(a, 1)",
    "kthvalue(a, 1)",
    "median(x)",
    # matrix products
    "a @ b",
    "x @ b",
    "a @ x",
    "x @ y",
    "m @ n",
    "m @ b",
    "a @ a.T",
    "bmm(m, n)[0]",
    "det(a @ b)",
    "logdet(a @ a.T + diag([9, 9]))",
    "solve(a @ b, g)",
    "solve_triangular(a @ b, a, upper=True)",
    "eigvalsh(a @ a.T)",
    "svdvals(a @ b)",
    "trace(a @ b)",
    "outer(x, g)",
    "cross(x, y)",
    "inverse(a @ b)",
    "cholesky(a @ a.T + diag([9, 9]))",
    "mv(a, x)",
    "mm(a, b)[:, 0]",
    "dot(x, y)*g",
    # rearranged components
    "a.T",
    "m.mT",
    "m.transpose(0, 2)",
    "m.permute(2, 0, 1)",
    "a.reshape(3, 2)",
    "a.reshape(-1)[1:3]",
    "flip(a, (0, 1))",
    "x.expand(2, 3)",
    "cat([x, y[:1], u])",
    "stack([x, y], 1)",
    "[x[0], x[1] + x[2], c]",
    "x.clone()",
    "a[1]",
    "a[:, ::2]",
    "a[..., -1]",
    "x[None]",
    "gather(a, 1, r)",
    "gather(a, 0, [[1, 0, 1]])",
    "index_select(a, 1, [2, 0, 2])",
    "take(a, [4, 0, 0])",
    "scatter(a, 1, [[2], [0]], b[:2, :1])",
    "scatter_add(x, 0, [1, 1], g)",
    "index_add(a, 1, [2, 0], n[0, :2])",
    "put(a, [3, 1], g)",
    "diag(x)",
    "diag(a @ b)",
    "tril(a)",
    "triu(a @ b)",
    # layers
    "F.linear(x, a, g)",
    "F.linear(a, d)",
    "conv1d(s, k)",
    "conv1d(s, k, g, stride=2)",
    "conv2d(i, f, dilation=1)",
    "F.unfold(i, 2, padding=1)",
    "F.fold(h, (3, 3), 2)",
    "normalize(a)",
    "cosine_similarity(a, d)",
    "layer_norm(a, (3,), x, y)",
    "rms_norm(a, 3)",
    "F.group_norm(m, 1)",
    "F.instance_norm(m)",
    "batch_norm(d, x.detach(), (y**2).detach())",
    "batch_norm(b, training=True)",
    "F.max_pool1d(s, 2)",
    "F.avg_pool1d(s, 2, stride=1)",
    "F.avg_pool2d(i, 2)",
    "F.adaptive_avg_pool1d(s, 2)",
    "F.adaptive_avg_pool2d(i, 3)",
    "F.avg_pool3d(i.unsqueeze(0), (1, 2, 2))",
    "F.adaptive_avg_pool3d(i.unsqueeze(0), (1, 2, 2))",
    "F.pad(a, (1, 2))",
    "F.embedding(t, n[0])",
    "roll(a, 1, 1)",
    "x.repeat(2, 1)",
    "tile(x, 2)",
    # losses
    "mse_loss(a, d)",
    "mse_loss(a, d, reduction='none')",
    "l1_loss(x, y, reduction='none')",
    "smooth_l1_loss(x, y, reduction='none')",
    "huber_loss(x, y, reduction='sum')",
    "binary_cross_entropy_with_logits(x, y, reduction='none')",
    "nll_loss(a, t, reduction='none')",
    "linalg.vector_norm(a, dim=1)",
    "F.pairwise_distance(a, d)",
    "torch.cdist(a, d)",
    "F.margin_ranking_loss(x, y, u, reduction='none')",
    "F.triplet_margin_loss(a, d, x*a)",
    "F.cosine_embedding_loss(a, d, [1, -1], reduction='none')",
    "F.soft_margin_loss(x, y.detach(), reduction='none')",
    "F.kl_div(x, y, log_target=True, reduction='none')",
    "F.poisson_nll_loss(x, y, reduction='none')",
    "F.gaussian_nll_loss(x, y, u**2, reduction='none')",
    "cross_entropy(a, t, reduction='none')",
    # compositions
    "relu(a @ b) @ a",
    "softmax(a @ a.T, dim=1) @ a",
    "F.scaled_dot_product_attention(a, d, d)",
    "tanh(a)*x + g.unsqueeze(1)",
    "(c if c > 0 else 2*c)*x",
]
# Programs whose sets contain more than the entries that are nonzero at these random points.
WIDER = [
    "x - x",
    "one_hot(t, 3)*a",
    "conv1d(s, k, g, stride=2, padding=1, dilation=1)",  # the padding is zero
    "conv2d(i, f, stride=2, padding=1)",
    "0*x + y",
    "x*y.detach()*0",
    "relu(x) - relu(-x) - x",
    "F.max_pool2d(i, 3, padding=1)",
    "F.max_pool3d(i.unsqueeze(0), (1, 2, 2))",
    "F.adaptive_max_pool1d(s, 2)",
    "F.adaptive_max_pool2d(i, 2)",
    "F.adaptive_max_pool3d(i.unsqueeze(0), (1, 2, 2))",
    "F.hinge_embedding_loss(x, y.detach(), reduction='none')",
    "amax(a, 1)",
    "sort(x, 0).values",
    "topk(a, 2)",
    "quantile(a, 0.25)",
    "amin(a)",
    "clamp(x, y, u + 3)",
    "copysign(x, y)",
    "(x - y + y - x) @ b",
    "(a - a.mean(dim=1, keepdim=True)).sum(dim=1)",
    "softmax(a, 1).sum(dim=1)",
    "x**0",
]


def jacobian(text, values, variable):
    """Return torch's Jacobian of the program as it is written."""
    program = parse(text)
    fixed = {n: INDICES.get(n, values.get(n)) for n in program.inputs}
    fixed = {n: v if n in INDICES else torch.tensor(v) for n, v in fixed.items()}

    def function(moving):
        return torch.as_tensor(
            read(program, TENSORS, {**fixed, variable: moving}), dtype=torch.float64
        )

    return torch.autograd.functional.jacobian(function, fixed[variable])


@functools.cache
def patterns(text):
    """Return two matrices for every input: where random Jacobians are nonzero, and the sets."""
    program = parse(text)
    names = [n for n in program.inputs if n not in INDICES]
    matrices = {}
    for name in names:
        nonzero = None
        for draw, signs in enumerate(SIGNS):
            rng = np.random.default_rng([zlib.crc32(text.encode()), draw])
            values = {
                n: rng.uniform(0.2, 2.5, SHAPES[n]) * rng.choice(signs, SHAPES[n]) for n in names
            }
            matrix = jacobian(text, values, name).reshape(-1, max(1, int(np.prod(SHAPES[name]))))
            entries = np.abs(matrix.numpy()) > 1e-12
            nonzero = entries if nonzero is None else nonzero | entries
        matrices[name] = nonzero, as_matrix(sets_of(text, name), nonzero.shape[1])
    return matrices


def sets_of(text, name):
    shapes = {**SHAPES, **{n: np.shape(i) for n, i in INDICES.items()}}
    return dependence(parse(text), name, shapes, INDICES)


def as_matrix(sets, columns):
    rows = [[bool(s >> k & 1) for k in range(columns)] for s in sets.reshape(-1).tolist()]
    assert all(s >> columns == 0 for s in sets.reshape(-1).tolist())
    return np.array(rows)


@pytest.mark.parametrize("text", EXACT)
def test_the_sets_are_the_nonzero_entries_of_jacobians(text):
    for name, (nonzero, sets) in patterns(text).items():
        assert sets.tolist() == nonzero.tolist(), name


@pytest.mark.parametrize("text", WIDER)
def test_no_nonzero_entry_is_left_out(text):
    for name, (nonzero, sets) in patterns(text).items():
        assert not (nonzero & ~sets).any(), name


@pytest.mark.parametrize("text", WIDER)
def test_the_sets_contain_more_than_the_nonzero_entries(text):
    # Otherwise the text belongs in the other table.
    assert any((sets & ~nonzero).any() for nonzero, sets in patterns(text).values())


def test_every_tensor_function_is_in_the_tables():
    tested = {c.function for text in (*EXACT, *WIDER) for _, c in parse(text).calls()}
    on_tensors = {name for name, row in CATALOGUE.items() if row.array is not None}
    variants = {
        "amin",
        "min_all",
        "max_along",
        "flatten",
        "unsqueeze",
        "squeeze",
        "t",
        "transpose_all",
    }
    # binary_cross_entropy takes probabilities, which the random points are not.
    assert on_tensors - tested - variants == {"binary_cross_entropy"}


def test_the_shape_is_that_of_the_value():
    shapes = {"a @ b": (2, 2), "a.sum()": (), "a[:, None]": (2, 1, 3), "x[0]": ()}
    assert {text: sets_of(text, parse(text).inputs[0]).shape for text in shapes} == shapes


def test_the_sets_of_an_input_that_is_not_used_are_empty():
    assert sets_of("x*2 + y", "y").tolist() == [1, 2, 4]
    assert sets_of("x*2", "y").tolist() == [0, 0, 0]
    assert sets_of("c*2", "c").tolist() == 1
    assert sets_of("2*3", "x").tolist() == 0


def test_a_set_may_have_more_components_than_a_machine_word_has_bits():
    sets = dependence(parse("x.flip(0) @ w"), "x", {"x": (200,), "w": (200, 2)}, {})
    assert sets.tolist() == [2**200 - 1] * 2
    sets = dependence(parse("x.flip(0)"), "x", {"x": (200,)}, {})
    assert sets.tolist() == [1 << k for k in reversed(range(200))]


def test_integer_indices_need_no_shape():
    sets = dependence(parse("gather(a, 1, r)"), "a", {"a": (2, 3)}, {"r": INDICES["r"]})
    assert sets.tolist() == [[1], [32]]


def test_heaviside_depends_on_its_value_at_zero():
    assert sets_of("heaviside(x, y)", "y").tolist() == [1, 2, 4]


# -- negative controls


def missed(monkeypatch, name, fault):
    """Return the texts for which a planted fault leaves out a nonzero entry."""
    texts = ("x*y", "a @ b", "cumsum(x, 0)", "a.sum(dim=0)", "a.T", "softmax(a, 1)")
    correct = {text: patterns(text) for text in texts}
    monkeypatch.setattr(module._Dependence, name, fault)
    incomplete = []
    for text in texts:
        for variable, (nonzero, _) in correct[text].items():
            sets = as_matrix(sets_of(text, variable), nonzero.shape[1])
            if (nonzero & ~sets).any():
                incomplete.append(text)
    return set(incomplete)


def test_an_argument_that_is_forgotten_is_noticed(monkeypatch):
    real = module._Dependence.each
    texts = missed(monkeypatch, "each", lambda self, f, *a: real(self, f, *a[:1]))
    assert {"x*y", "cumsum(x, 0)"} <= texts


def test_a_product_with_rows_in_the_wrong_order_is_noticed(monkeypatch):
    real = module._Dependence.product
    texts = missed(monkeypatch, "product", lambda self, x, y: real(self, x[..., ::-1, :], y))
    assert texts == {"a @ b"}


def test_a_sum_without_its_last_term_is_noticed(monkeypatch):
    real = module._Dependence.total

    def total(self, array, axes, *, keep):
        return real(self, array.take(range(array.shape[axes[0]] - 1), axes[0]), axes, keep=keep)

    assert missed(monkeypatch, "total", total) == {"a.sum(dim=0)", "softmax(a, 1)"}


def test_components_in_the_wrong_position_are_noticed(monkeypatch):
    real = module._Dependence.arrange

    def arrange(self, how, *arrays):
        return real(self, lambda *v: np.flip(how(*v)), *arrays)

    assert "a.T" in missed(monkeypatch, "arrange", arrange)
