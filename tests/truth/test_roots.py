"""The truth at a kink without a formula is decided at the exact zero of its switch."""

import mpmath
import numpy as np
import pytest

import symdiff
from symdiff.arithmetics.series import zero_tests
from symdiff.arithmetics.series.reals import Real, apply, sign
from symdiff.program import parse
from symdiff.truth import roots
from symdiff.truth.exact_points import exact_number
from symdiff.truth.kinds import Kind
from symdiff.truth.proof import prove
from symdiff.truth.roots import solved, zero_near

# A program, a double near its zero, whether it is an integer there instead, and 40 digits.
ZEROS = [
    ("x*exp(x) - 1", 0.5671432904097838, False, "0.5671432904097838729999686622103555497538"),
    ("cos(x) - x", 0.7390851332151607, False, "0.7390851332151606416553120876738734040134"),
    ("x**3 - x - 1", 1.324717957244746, False, "1.324717957244746025960908854478097340734"),
    ("x*exp(x)", 0.8526055020137255, True, "0.8526055020137254913464724146953174668985"),
]


@pytest.mark.parametrize(("text", "near", "integer", "digits"), ZEROS)
def test_a_zero_can_be_computed_to_any_precision(text, near, integer, digits):
    zero = zero_near(parse(text), "x", {}, near, integer=integer)
    for bits in (64, 128, 400, 2000):
        ball = zero.ball(bits)
        assert ball.rel_accuracy_bits() >= bits - 8
        with mpmath.workdps(40):
            assert abs(mpmath.mpf(ball.str(45, radius=False)) - mpmath.mpf(digits)) < 1e-17


def test_the_sign_of_a_number_that_depends_on_the_zero_is_decided():
    zero = zero_near(parse("x*exp(x) - 1"), "x", {}, 0.5671432904097838, integer=False)
    product = zero * apply("exp", zero)
    assert sign(product - Real.of(1)) == 0
    assert sign(product - Real.of(1 + 2.0**-52)) == -1
    assert sign(zero - Real.of(0.5671432904097838)) == 1


@pytest.mark.parametrize(
    ("text", "near"),
    [("x**2", 0.0), ("x**2 + 1e-30", 0.0), ("x - 1", 0.5), ("abs(x)", 0.0), ("(x - 1)**3", 1.0)],
)
def test_a_zero_that_cannot_be_proved_is_not_returned(text, near):
    assert zero_near(parse(text), "x", {}, near, integer=False) is None


# An expression, its range, and the one-sided derivatives at its kink without a formula.
KINKS = [
    ("abs(x**3 - x - 1)", "0:2:3", lambda r: (1 - 3 * r**2, 3 * r**2 - 1)),
    ("abs(x*exp(x) - 1)", "0:2:3", lambda r: (-(1 + r) * np.exp(r), (1 + r) * np.exp(r))),
    ("max(cos(x), x)", "0:2:3", lambda r: (-np.sin(r), 1.0)),
]


@pytest.mark.parametrize(("text", "grid", "slopes"), KINKS)
def test_the_one_sided_derivatives_at_a_kink_without_a_formula(text, grid, slopes):
    records = [r for r in symdiff.compare(text, {"x": grid}).records() if r["exact"]]
    (kink,) = {(r["kind"], r["point"]["x"], r["left"], r["right"]) for r in records}
    assert kink[0] == "kink"
    assert kink[2:] == pytest.approx(slopes(kink[1]), rel=1e-12)


def test_an_apparent_kink_without_a_formula_is_smooth():
    comparison = symdiff.compare("relu(cos(x) - x) - relu(x - cos(x))", {"x": "0:1:3"})
    (record,) = [r for r in comparison.records() if r["exact"] and r["engine"] == "autograd"]
    assert record["kind"] == "smooth"
    assert record["derivative"] == pytest.approx(-np.sin(record["point"]["x"]) - 1)


def test_a_ball_of_higher_precision_is_reused_for_a_lower_one():
    zero = zero_near(parse("x*exp(x) - 1"), "x", {}, 0.5671432904097838, integer=False)
    assert zero.ball(64) is zero.ball(128)


def kind_and_questions(monkeypatch):
    """The kind of a point where a quotient is 2, and how often sympy is asked about a number."""
    asked = []
    program = parse("floor(exp2(0.5)/asinh(x))")
    number = solved(
        exact_number("sinh(sqrt(2)/2)"), parse("exp2(0.5)/asinh(x)"), "x", {}, integer=True
    )

    with monkeypatch.context() as patches:
        original = zero_tests._sympy_proves_zero
        patches.setattr(
            zero_tests, "_sympy_proves_zero", lambda keyed: asked.append(keyed) or original(keyed)
        )
        kind = prove(program, "x", {"x": number}).kind
    return kind, len(asked)


def test_a_solved_number_without_its_rational_factor_is_known_to_be_a_zero(monkeypatch):
    assert kind_and_questions(monkeypatch) == (Kind.JUMP, 0)
    # Negative control: sympy is asked, and finds no answer in a second.
    with monkeypatch.context() as patches:
        patches.setattr(roots._Solved, "scaled", Real.scaled)
        kind, questions = kind_and_questions(monkeypatch)
        assert kind is Kind.UNDECIDED
        assert questions > 0
