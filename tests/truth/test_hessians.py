"""The quadratic form of a function at a zero that is a strict minimum."""

import flint
import numpy as np
import pytest

from symdiff.program import parse
from symdiff.truth.exact_points import exact_number
from symdiff.truth.hessians import factor_at_minimum


def form_at(text, **point):
    program = parse(text)
    exact = {name: exact_number(str(point.get(name, 0))) for name in program.inputs}
    rows = factor_at_minimum(program, program.inputs, exact, 256)
    if rows is None:
        return None
    a = np.array([[float(x.mid()) for x in row] for row in rows])
    return a.T @ a


# A function, a point, and half its Hessian there, by hand.
FORMS = [
    ("x**2 + 3*y**2", {}, [[1, 0], [0, 3]]),
    ("x**2 + x*y + y**2 + x*y**2", {}, [[1, 0.5], [0.5, 1]]),
    ("2 - cos(x) - cos(2*y)", {}, [[0.5, 0], [0, 2]]),
    ("exp((x - 1)**2 + (x - y)**2) - 1", {"x": 1, "y": 1}, [[2, -1], [-1, 1]]),
    ("cosh(x - y)*cosh(y - z)*cosh(z) - 1", {}, [[0.5, -0.5, 0], [-0.5, 1, -0.5], [0, -0.5, 1]]),
    ("1 - sin(x)", {"x": "pi/2"}, [[0.5]]),
    # sin² + cos² is 1 by an exact test
    (
        "1 - sin(x)*sin(0.5) - cos(x)*cos(0.5)*cos(y)",
        {"x": 0.5},
        [[0.5, 0], [0, np.cos(0.5) ** 2 / 2]],
    ),
]


@pytest.mark.parametrize(("text", "point", "expected"), FORMS)
def test_the_form_is_half_the_hessian(text, point, expected):
    assert form_at(text, **point) == pytest.approx(np.array(expected), abs=1e-15)


NONE = [
    "1 - cos(x - y)",  # singular
    "x**2 - y**2",
    "x**2 + y**4",
    "x**2 + y**2 + x",  # no minimum
    "x**2 + y**2 + 1",  # not zero
    "x**2 + y**2 + 1e-300*y",
    "x**2 + 2*x*y + (1 + 1e-300*0)*y**2",
    "sqrt(x) + y**2",
]


@pytest.mark.parametrize("text", NONE)
def test_without_a_strict_minimum_there_is_no_form(text):
    assert form_at(text) is None


def test_a_tiny_eigenvalue_is_proved_to_be_positive():
    assert form_at("x**2 + 2*x*y + (1 + 2**-200)*y**2") is not None
    with flint.ctx.workprec(64):  # the precision around does not matter
        assert form_at("x**2 + 2*x*y + (1 + 2**-200)*y**2") is not None
