"""Infinite sides of a comparison: no finite number is within tolerance of an infinity."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import symdiff
from symdiff.arithmetics.series.reals import Real
from symdiff.comparison.directions import _bounded
from symdiff.engines.base import Allowance
from symdiff.program import parse
from symdiff.truth.certify import _differ
from symdiff.truth.kinds import Kind, Truth, overflow_detail
from symdiff.truth.proof import prove
from symdiff.truth.truths import Truths
from symdiff.verdict.diagnosis import describe_agreement
from symdiff.verdict.judge import Tolerance, by_tolerance
from symdiff.verdict.words import Verdict
from tests.verdict.test_judge import verdict

NAN, INF = math.nan, math.inf
LARGEST = float(np.finfo(np.float64).max)

# An expression, a point, the size of the derivative there, by hand or by mpmath.
BEYOND = [
    ("1/x", 1e-160, "-1e320"),  # -1/x**2
    ("-2/x", 1e-160, "2e320"),
    ("x**3", 1e155, "3e310"),  # 3*x**2
    ("exp(x)", 710, "2.23399e308"),  # mpmath.exp(710)
    ("sinh(x)", 711, "3.03631e308"),  # mpmath.cosh(711)
    ("log(x)", 2.0**-1030, "1.15052e310"),  # 2**1030
    ("1e200*(1e200*x)", 1, "1e400"),
    ("1e200*(1e200*sqrt(x)**2)", 0, "1e400"),  # an edge
    ("exp(exp(x))", 100, "10^1.16743e43"),  # exp(100)/log(10), plus 100/log(10)
    ("relu(1e200*(1e200*x)) - relu(-1e200*(1e200*x))", 0, "1e400"),  # an apparent kink
]


@pytest.mark.parametrize(("text", "point", "size"), BEYOND)
def test_the_detail_has_the_size_of_a_derivative_beyond_the_doubles(text, point, size):
    truth = prove(parse(text), "x", {"x": Real.of(point)})
    assert truth.kind in {Kind.SMOOTH, Kind.EDGE}
    assert truth.derivative == (-INF if size.startswith("-") else INF)
    assert truth.detail.endswith(overflow_detail(size))


@pytest.mark.parametrize(("text", "point", "size"), BEYOND)
@pytest.mark.parametrize(
    ("value", "word"),
    [
        (INF, "agrees"),
        (LARGEST, "agrees"),  # where an engine saturates
        (-INF, "nonfinite"),
        (NAN, "nonfinite"),
        (1e300, "wrong"),
        (7.0, "wrong"),
        (0.0, "wrong"),
        (-LARGEST, "wrong"),
    ],
)
def test_only_its_infinity_and_the_largest_double_agree_with_it(text, point, size, value, word):
    sign = -1 if size.startswith("-") else 1
    assert verdict(text, point, sign * value) == word


@pytest.mark.parametrize("value", [7.0, 1e300])
def test_no_allowance_and_no_stencil_explains_a_finite_number_for_it(value):
    assert verdict("exp(x)", 710, value, Allowance(INF)) == "wrong"
    assert verdict("exp(x)", 710, value, Allowance(1.0, expected=value)) == "wrong"
    assert verdict("exp(x)", 710, value, errors={"x": np.array([INF])}) == "wrong"
    assert verdict("exp(x)", 710, value, errors={"x": np.array([1e308])}) == "wrong"
    assert verdict("exp(x)", 710, value, straddling={"x": np.array([True])}) == "wrong"


def test_an_infinite_error_estimate_explains_nothing():
    assert verdict("x**2", 1, 7.0, errors={"x": np.array([INF])}) == "wrong"


def test_the_largest_float32_agrees_with_an_overflow_in_float32_only():
    largest = float(np.finfo(np.float32).max)
    assert verdict("exp(x)", 710, largest, dtype="float32") == "agrees"
    assert verdict("exp(x)", 710, INF, dtype="float32") == "agrees"
    assert verdict("exp(x)", 710, largest / 2, dtype="float32") == "wrong"
    assert verdict("exp(x)", 710, largest) == "wrong"


# An expression with a kink at 0, an engine's value there, the verdict.
KINKS = [
    ("1e200*abs(1e200*x)", 7.0, "subgradient"),
    ("1e200*abs(1e200*x)", -INF, "subgradient"),  # the left derivative, -1e400
    ("1e200*abs(1e200*x)", NAN, "nonfinite"),
    ("max(x, 1e200*(1e200*x))", 7.0, "subgradient"),  # between 1 and 1e400
    ("max(x, 1e200*(1e200*x))", 0.9, "not-subgradient"),
    ("max(x, 1e200*(1e200*x))", -1e300, "not-subgradient"),
    ("max(x, 1e200*(1e200*x))", INF, "subgradient"),
    ("max(x, 1e200*(1e200*x))", -INF, "nonfinite"),
    ("max(1e200*(1e200*x), 2e200*(1e200*x))", 1e300, "not-subgradient"),  # between 1e400 and 2e400
    ("max(1e200*(1e200*x), 2e200*(1e200*x))", LARGEST, "subgradient"),
    ("-max(1e200*(1e200*x), 2e200*(1e200*x))", -7.0, "not-subgradient"),
    ("abs(x)", INF, "nonfinite"),
]


@pytest.mark.parametrize(("text", "value", "word"), KINKS)
def test_a_slope_beyond_the_doubles_bounds_the_clarke_set_on_one_side(text, value, word):
    assert verdict(text, 0, value) == word


@pytest.mark.parametrize("text", ["cbrt(x)", "sqrt(x)"])
def test_an_infinite_derivative_is_not_one_that_overflows(text):
    """At a vertical tangent, the largest double is a finite number where no derivative is."""
    assert verdict(text, 0, INF) == "agrees"
    assert verdict(text, 0, LARGEST) == "silent"


def records(expression, **more):
    return {r["engine"]: r for r in symdiff.compare(expression, **more).records()}


def test_a_finite_claim_and_a_finite_quotient_are_wrong_beside_a_pole():
    found = records("1/x", at={"x": 1e-160}, claims={"x": "7"})
    words = {engine: record["verdict"] for engine, record in found.items()}
    assert words == {
        "symbolic": "agrees", "autograd": "agrees", "central": "wrong", "claim": "wrong",
    }  # fmt: skip
    assert all("-1e320" in record["detail"] for record in found.values())


def test_a_finite_claim_is_wrong_on_a_grid_of_which_a_part_overflows():
    report = symdiff.compare(
        "exp(x)", {"x": "709:710:5000"}, engines=["autograd"], claims={"x": "exp(min(x, 709))"}
    )
    words = {(r["engine"], r["verdict"]) for r in report.records()}
    assert words == {("autograd", "agrees"), ("claim", "agrees"), ("claim", "wrong")}


def test_a_component_of_a_tensor_that_overflows_agrees_with_its_infinity_only():
    report = symdiff.compare(
        "(1/x).sum()", values={"x": [1e-160, 2.0]}, engines=["autograd"], claims={"x": "0*x - 0.25"}
    )
    words = [(r["engine"], r["variable"], r["verdict"]) for r in report.records()]
    assert words == [
        ("autograd", "x[0]", "agrees"), ("claim", "x[0]", "wrong"),
        ("autograd", "x[1]", "agrees"), ("claim", "x[1]", "agrees"),
    ]  # fmt: skip


def test_an_infinite_slope_along_a_direction_is_not_certified():
    assert _bounded(INF, 0.0, Tolerance()).kinds[0] == Kind.UNDECIDED
    assert _bounded(NAN, 0.0, Tolerance()).kinds[0] == Kind.UNDECIDED


def test_components_that_are_not_finite_do_not_agree_with_a_gradient():
    other = np.array([1.0, INF, NAN])
    assert describe_agreement(np.array([1.0, 5.0, NAN]), other, 1e-9) == "1 of 3 components agree"
    assert describe_agreement(np.full(3, NAN), other, 1e-9) == "0 of 3 components agree"


def test_a_proof_of_another_infinity_contradicts_a_certified_derivative():
    assert _differ(1.0, INF)
    assert _differ(-INF, INF)
    assert not _differ(INF, INF)


FLOATS = st.floats(allow_nan=False) | st.sampled_from([NAN, INF, -INF, LARGEST, -LARGEST, 0.0])
TRUTHS = st.builds(
    lambda kind, sign, beyond: Truth(
        kind, sign * INF, sign * INF, sign * INF, detail=overflow_detail("1e400") if beyond else ""
    ),
    st.sampled_from([Kind.SMOOTH, Kind.EDGE, Kind.VERTICAL]),
    st.sampled_from([-1, 1]),
    st.booleans(),
)


@given(
    truth=TRUTHS,
    value=FLOATS,
    rtol=st.floats(0, 1e300),
    atol=st.floats(0, 1e300),
    error=st.floats(0) | st.just(NAN),
)
def test_no_finite_number_and_no_nan_passes_for_an_infinite_derivative(
    truth, value, rtol, atol, error
):
    codes = by_tolerance(
        Truths.proved_only(1, {0: truth}),
        np.array([value]),
        Tolerance(rtol, atol),
        errors=np.array([error]),
    )
    if codes[0] in {Verdict.AGREES, Verdict.INEXACT}:
        saturated = (
            _overflows(truth) and math.copysign(1, truth.derivative) * value >= 0.999 * LARGEST
        )
        assert value == truth.derivative or saturated


def _overflows(truth):
    return bool(truth.detail)


@given(kind=st.sampled_from(Kind), slope=FLOATS, rtol=st.floats(0, 1e300), error=st.floats(0))
def test_nan_never_agrees(kind, slope, rtol, error):
    codes = by_tolerance(
        Truths.proved_only(1, {0: Truth(kind, slope, slope, slope)}),
        np.array([NAN]),
        Tolerance(rtol),
        errors=np.array([error]),
    )
    assert codes[0] not in {Verdict.AGREES, Verdict.INEXACT, Verdict.SUBGRADIENT}
