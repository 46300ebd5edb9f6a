"""Reported NaNs and infinities: where they arise, how, what is true there, and what helps."""

import inspect
import sys

import pytest
import torch

import symdiff
from symdiff.explanation.findings import Mechanism
from tests.explanation import reported_functions as reported

INF = float("inf")


def doubles(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def singles(*numbers):
    return torch.tensor(numbers, dtype=torch.float32)


def halves(*numbers):
    return torch.tensor(numbers, dtype=torch.float16)


KINK = "none (slopes -1 and 1)"
OUTSIDE = "none (outside)"
# Function, inputs, operation, mechanism, the truth by element, and what to write.
CASES = [
    (reported.squared_root, (doubles(0.0),), "sqrt", "ZERO_TIMES_INFINITY", {"x[0]": "1"}, "x"),
    (reported.distance, (doubles(1.0, 2.0), doubles(1.0, 2.0)), "sqrt", "INFINITE_SLOPE",
     {"x[0]": KINK, "x[1]": KINK, "y[0]": KINK, "y[1]": KINK}, "norm(x - y)"),
    (reported.floored_hypotenuse, (doubles(0.0), doubles(0.0)), "sqrt", "ZERO_TIMES_INFINITY",
     {"x[0]": "0", "y[0]": "0"}, "norm(stack([x, y]), dim=0)"),
    (reported.capped_exponential, (doubles(1.0, 1e10),), "exp", "BRANCH",
     {"x[1]": "0"}, "exp(torch.where(x <= 10, x, 1))"),
    (reported.logarithm_or_line, (doubles(0.0, 3.0),), "log2", "BRANCH",
     {"x[0]": "2"}, "log2(torch.where(x > 2, x, 1))"),
    (reported.unused_quotient, (doubles(0.3),), "div", "BRANCH",
     {"a[0]": "0"}, "torch.where(torch.zeros((), dtype=torch.bool), a, 1) / 0"),
    (reported.root_or_one, (doubles(0.0), doubles(0.0)), "sqrt", "BRANCH",
     {"x[0]": "0", "y[0]": "0"}, "sqrt(torch.where(r > 0.5, x ** 2 + y ** 2, 1))"),
    (reported.factor_of_logarithm, (doubles(2.0), doubles(-1.0, 2.0)), "log", "BRANCH",
     {"a[0]": "0.693147"}, "log(torch.where(x >= 0, x, 1))"),
    (reported.power_by_logarithm, (doubles(0.0),), "log", "POLE", {"x[0]": OUTSIDE}, None),
    (reported.nested_logaddexp, (doubles(-INF), doubles(-INF), doubles(2.0)), "logaddexp",
     "MINUS_INFINITY", {"a[0]": "0", "b[0]": "0"}, "logsumexp(stack([a, b, c]), dim=0)"),
    (reported.product_by_logarithm, (doubles(0.0, 2.0, 3.0),), "log", "POLE",
     {"x[0]": OUTSIDE}, None),
    (reported.angle_in_half_precision, (halves(2e-3), halves(2e-3)), "atan2", "OVERFLOW",
     {"a[0]": "249.899", "b[0]": "-249.899"},
     "atan2(a, b), computed from a.to(torch.float32), b.to(torch.float32)"),
    (reported.softplus_by_hand, (doubles(710.0),), "exp", "OVERFLOW", {"x[0]": "1"}, "softplus(x)"),
    (reported.softplus_by_hand, (singles(89.0),), "exp", "OVERFLOW", {"x[0]": "1"}, "softplus(x)"),
    (reported.softplus_by_log1p, (doubles(710.0),), "exp", "OVERFLOW",
     {"x[0]": "1"}, "softplus(x)"),
    (reported.clamped_root, (doubles(0.0, 1.0),), "sqrt", "INFINITE_SLOPE",
     {"x[0]": "none (slopes 0 and inf)"}, None),
    (reported.logsumexp, (doubles(-INF, -INF),), "logsumexp", "MINUS_INFINITY",
     {"x[0]": OUTSIDE, "x[1]": OUTSIDE}, None),
    (reported.first_softmax, (doubles(-INF, -INF),), "softmax", "MINUS_INFINITY",
     {"x[0]": OUTSIDE, "x[1]": OUTSIDE}, None),
    (reported.first_log_softmax, (doubles(-INF, -INF),), "log_softmax", "MINUS_INFINITY",
     {"x[0]": OUTSIDE, "x[1]": OUTSIDE}, None),
    (reported.angle, (doubles(1.0, 0.0), doubles(1.0, 0.0)), "acos", "INFINITE_SLOPE",
     {"a[0]": "0", "a[1]": KINK, "b[0]": "0", "b[1]": KINK},
     "acos(cosine.clamp(-1 + 1e-12, 1 - 1e-12))"),
    (reported.entropy, (doubles(0.0, 1.0),), "log", "POLE", {"x[0]": OUTSIDE}, None),
    (reported.root_of_squares, (doubles(0.0, 0.0),), "sqrt", "INFINITE_SLOPE",
     {"x[0]": KINK, "x[1]": KINK}, "norm(x)"),
    (reported.root_of_squares, (singles(1e-23),), "sqrt", "INFINITE_SLOPE",
     {"x[0]": "1"}, "norm(x)"),
    (reported.hypotenuse, (doubles(0.0), doubles(0.0)), "hypot", "ZERO_BY_ZERO",
     {"x[0]": KINK, "y[0]": KINK}, "norm(stack([x, y]), dim=0)"),
    (reported.root_of_square, (doubles(0.0),), "sqrt", "INFINITE_SLOPE", {"x[0]": KINK}, "abs(x)"),
    (reported.power_of_zero, (doubles(0.3),), "pow", "INFINITE_SLOPE",
     {"u[0]": "0"}, "abs(u - u)"),
    (reported.root_times, (doubles(0.0),), "sqrt", "ZERO_TIMES_INFINITY",
     {"x[0]": "0"}, "x ** 1.5"),
    (reported.root_of_variance, (doubles(1.0, 1.0),), "sqrt", "INFINITE_SLOPE",
     {"x[0]": "none (slopes -0.5 and 0.5)", "x[1]": "none (slopes -0.5 and 0.5)"},
     "std(x, correction=0)"),
    (reported.jump_to_root, (doubles(0.0, 16.0),), "sqrt", "BRANCH",
     {"x[0]": "none (jump)"}, None),
    (reported.log_of_sigmoid, (doubles(-800.0, 1.0),), "log", "POLE",
     {"x[0]": "1"}, "logsigmoid(x)"),
    (reported.log_of_sigmoid, (singles(-120.0, 1.0),), "log", "POLE",
     {"x[0]": "1"}, "logsigmoid(x)"),
    (reported.cross_entropy_by_hand, (doubles(-800.0, 0.0),), "log", "POLE",
     {"x[0]": "-1", "x[1]": "1"}, "log_softmax(x, dim=0)"),
    (reported.logsumexp_by_hand, (doubles(800.0, 0.0),), "exp", "OVERFLOW",
     {"x[0]": "1"}, "logsumexp(x, dim=0)"),
    (reported.sigmoid_by_hand, (doubles(-800.0, 1.0),), "exp", "OVERFLOW",
     {"x[0]": "0"}, "sigmoid(x)"),
    (reported.masked_softmax, (doubles(1.0, 2.0),), "softmax", "MINUS_INFINITY", {}, None),
    (reported.written_over, (doubles(0.0, 4.0),), "log", "BRANCH",
     {"x[0]": "0"}, "log(torch.where(x < 1, 1, x))"),
    (reported.normalised, (doubles(0.0, 0.0),), "div", "ZERO_BY_ZERO",
     {"x[0]": OUTSIDE, "x[1]": OUTSIDE}, None),
    (reported.standard_score, (doubles(1.0, 1.0),), "div", "ZERO_BY_ZERO",
     {"x[0]": OUTSIDE, "x[1]": OUTSIDE}, None),
    (reported.library_entropy, (doubles(0.0, 1.0),), "special_entr", "POLE",
     {"x[0]": "inf"}, None),
    (reported.entropy_by_xlogy, (doubles(0.0, 1.0),), "xlogy", "ZERO_BY_ZERO",
     {"x[0]": "inf"}, None),
    (reported.library_log_sigmoid, (doubles(-INF, 1.0),), "log_sigmoid", "INPUT", {}, None),
    (reported.cardinal_sine, (doubles(0.0, 0.5),), "div", "BRANCH",
     {"x[0]": "0"}, "sin(x * 3.141592653589793) / torch.where(x == 0, 1, x * 3.141592653589793)"),
    (reported.identity_by_relu, (doubles(0.0, 1.0),), "relu", "WRONG_ZERO", {"x[0]": "1"}, "x"),
]  # fmt: skip


def truths(finding):
    return {
        f"{tensor.name}[{','.join(map(str, element.index))}]": str(element.truth)
        for tensor in finding.tensors
        for element in tensor.elements
    }


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{case[0].__name__}-{k}" for k, case in enumerate(CASES)]
)
def test_a_reported_case_is_explained(case):
    function, inputs, operation, mechanism, truth, write = case
    explanation = symdiff.explain(function, *inputs)
    assert not explanation.ok and not explanation
    (finding,) = explanation.findings
    assert (finding.operation, finding.mechanism) == (operation, Mechanism[mechanism])
    assert truths(finding) == truth
    assert finding.line.text in inspect.getsource(function)
    assert [remedy.write for remedy in finding.remedies] == ([] if write is None else [write])
    assert bool(finding.no_remedy) == (write is None)
    assert all(len(line) <= 80 for line in str(explanation).splitlines())


def values_inside(function, inputs):
    """Return what the function's variables are when it returns."""
    found = {}

    def note(frame, event, _):
        if event == "return" and frame.f_code is function.__code__:
            found.update(frame.f_locals)

    sys.setprofile(note)
    try:
        function(*inputs)
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case[-1] and "computed from" not in case[-1]],
    ids=lambda case: case[0].__name__,
)
def test_what_a_remedy_says_runs_and_has_the_same_value(case):
    function, inputs, *_ = case
    (remedy,) = symdiff.explain(function, *inputs).findings[0].remedies
    names = {**vars(torch), **vars(torch.nn.functional), "torch": torch}
    names |= values_inside(function, inputs)
    before, after = (
        torch.as_tensor(eval(text, names))  # noqa: S307  (of this repository)
        for text in (remedy.instead_of, remedy.write)
    )
    is_known = before.isfinite() & (before != 0)
    assert torch.allclose(after[is_known], before[is_known], rtol=1e-5)
    assert after.shape == before.shape


def test_each_branch_has_its_own_finding():
    explanation = symdiff.explain(reported.two_branches, doubles(1.0, -1.0))
    found = {
        finding.line.text: (truths(finding), finding.remedies[0].write)
        for finding in explanation.findings
    }
    assert found == {
        "left = 1 / (1 - x)": ({"x[0]": "0.5"}, "1 / torch.where(x < 0, 1 - x, 1)"),
        "right = torch.log(x + 1)": ({"x[1]": "0.25"}, "log(torch.where(x < 0, 1, x + 1))"),
    }


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (reported.norm, (doubles(0.0, 0.0),)),
        (reported.spread, (doubles(1.0, 1.0),)),
        (reported.pairwise_distance, (doubles(0.0, 0.0), doubles(0.0, 0.0))),
        (reported.scaled_by_sum, (doubles(0.05, 0.05, 0.05, 0.05, 0.0),)),
        (reported.absolute_loss, (doubles(0.0, 1.0), doubles(0.0, 2.0))),
        (reported.library_log_sigmoid, (doubles(-800.0, 1.0),)),
        (reported.root_with_power, (doubles(0.0, 1.0),)),
        (reported.library_distance, (doubles(1.0, 2.0), doubles(1.0, 2.0))),
        (reported.power_zero, (doubles(0.0),)),
        (reported.fraction_to_power_zero, (doubles(1.0),)),
        (reported.product, (doubles(0.0, 2.0, 3.0),)),
        (reported.running_product, (doubles(0.0),)),
        (reported.log_of_sigmoid, (doubles(-3.0, 1.0),)),
        (reported.capped_exponential, (doubles(1.0, 100.0),)),
        (reported.root_of_squares, (doubles(1.0, 0.0),)),
    ],
)
def test_nothing_is_found_where_all_is_well(function, inputs):
    explanation = symdiff.explain(function, *inputs)
    assert explanation.ok and explanation
    assert explanation.findings == ()


@pytest.mark.parametrize(
    ("function", "inputs", "found"),
    [
        (reported.slope_of_logaddexp, (doubles(-800.0, 1.0),), "x[0]"),
        (reported.slope_of_sinc, (doubles(0.0, 1.0),), "x[0]"),
        (reported.slope_of_power, (doubles(0.0, 1.0),), "x[0]"),
        (reported.slope_of_product, (halves(5.0),) * 4, "b[0] c[0] d[0]"),
        (reported.slopes_of_determinant, (torch.eye(2, dtype=torch.float64),),
         "a[0,0] a[0,1] a[1,0] a[1,1]"),
    ],
)  # fmt: skip
def test_the_line_of_a_second_derivative_is_found_and_its_truth_is_undecided(
    function, inputs, found
):
    (finding,) = symdiff.explain(function, *inputs).findings
    assert finding.line.text in inspect.getsource(function)
    assert truths(finding) == dict.fromkeys(found.split(), "undecided")
    assert finding.mechanism is not Mechanism.CUSTOM
    assert finding.no_remedy == "nothing is proved that one could be tried on"
