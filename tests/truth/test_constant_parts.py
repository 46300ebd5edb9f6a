"""Parts of a program that are constant, which no finite number of terms of a series shows."""

import pytest

from symdiff.arithmetics.series.germs import ORDERS, evaluate
from symdiff.arithmetics.series.puiseux import affine_germ
from symdiff.arithmetics.series.reals import Real
from symdiff.program import parse
from symdiff.truth import side_germs
from symdiff.truth.constant_parts import constant_parts
from symdiff.truth.exact_points import exact_number
from symdiff.truth.kinds import Kind
from symdiff.truth.proof import prove

# An expression, the variable, the point, and the two one-sided derivatives.
DECIDED = [
    # Along z the cosine of the angle is z/|z| = 1, and acos(1) = 0. Along x the angle is |atan x|.
    ("acos(z/sqrt(x*x + y*y + z*z))", "z", {"x": "0", "y": "0", "z": "1"}, (0, 0)),
    ("acos(z/sqrt(x*x + y*y + z*z))", "x", {"x": "0", "y": "0", "z": "1"}, (-1, 1)),
    ("acos(z/sqrt(x*x + y*y + z*z))", "z", {"x": "0", "y": "0", "z": "-2"}, (0, 0)),
    ("asin(x/abs(x))", "x", {"x": "3"}, (0, 0)),  # asin(1)
    ("asin(x/sqrt(x**2)) + x", "x", {"x": "-3"}, (1, 1)),  # asin(-1) + x
    ("acos(x/hypot(x, y))*x", "x", {"x": "2", "y": "0"}, (0, 0)),  # acos(1)*x
    ("acosh(exp(x)*exp(-x))", "x", {"x": "1"}, (0, 0)),  # acosh(1)
    ("sqrt(cos(x)**2 + sin(x)**2 - 1)", "x", {"x": "1"}, (0, 0)),  # sqrt(0)
    ("acos(cos(x)**2 + sin(x)**2)", "x", {"x": "1"}, (0, 0)),  # acos(1)
    ("floor(cos(x)**2 + sin(x)**2)*x", "x", {"x": "1"}, (1, 1)),  # 1*x
    ("acosh(cosh(x)**2 - sinh(x)**2)", "x", {"x": "1"}, (0, 0)),  # acosh(1)
    ("where(x/sqrt(x*x) == 1, 2*x, 3)", "x", {"x": "2"}, (2, 2)),  # 2x for x > 0
    ("where(x/abs(x) < 1, 2*x, 3)", "x", {"x": "2"}, (0, 0)),  # 3 for x > 0
    ("sqrt((x - 1)**2 - x**2 + 2*x - 1)", "x", {"x": "1/3"}, (0, 0)),  # sqrt(0)
]


@pytest.mark.parametrize(("text", "variable", "point", "slopes"), DECIDED)
def test_a_function_of_a_constant_part_is_decided(text, variable, point, slopes):
    truth = prove(parse(text), variable, {k: exact_number(v) for k, v in point.items()})
    assert truth.kind in {Kind.SMOOTH, Kind.KINK}
    assert (truth.left, truth.right) == slopes


def constants(text, at):
    """Return the parts of an expression that are proved to be constant right of a point."""
    program, nodes, start = parse(text), {}, exact_number(at)
    evaluate(program, {"x": affine_germ(start, Real.of(1))}, cache=nodes)
    return {
        program.text_of(i): g for i, g in constant_parts(program, "x", {"x": start}, nodes).items()
    }


# Flat, but not constant: the series to the order 4 shows no other term.
NOT_CONSTANT = [
    ("cos(x**3)", "0"),
    ("1/(1 + x**50)", "0"),
    ("exp(-1/x**2)", "0"),
    ("erf(1/x)", "0"),
    ("sqrt(1 + x**40)", "0"),
    ("cos(x)**2 + sin(x)**2 + sin(x**30)", "0"),
    ("tanh(1/x)", "0"),
]


@pytest.mark.parametrize(("text", "at"), NOT_CONSTANT)
def test_a_flat_part_is_not_taken_for_a_constant(text, at):
    assert text not in constants(text, at)


@pytest.mark.parametrize(("at", "limit"), [("2", 1), ("-2", -1)])
def test_the_constant_is_the_limit(at, limit):
    germ = constants("x/sqrt(x*x)", at)["x/sqrt(x*x)"]
    assert germ.is_constant and germ.constant.rational == limit


def orders_tried(monkeypatch):
    """The orders of the series that are computed to decide a condition that is always false."""
    orders = []
    evaluate = side_germs.evaluate

    def counted(program, inputs, order, *arguments, **keywords):
        orders.append(order)
        return evaluate(program, inputs, order, *arguments, **keywords)

    program = parse("where(sin(x)**2 + cos(x)**2 > 1, x, 2*x)")
    with monkeypatch.context() as patches:
        patches.setattr(side_germs, "evaluate", counted)
        assert prove(program, "x", {"x": Real.of(0.5)}).derivative == 2
    return orders


def test_parts_are_proved_to_be_constant_before_long_series_are_tried(monkeypatch):
    assert set(orders_tried(monkeypatch)) == {ORDERS[0]}
    # Negative control: all series come first.
    with monkeypatch.context() as patches:
        patches.setattr(side_germs, "_SHORT", len(ORDERS))
        assert max(orders_tried(monkeypatch)) >= ORDERS[2]
