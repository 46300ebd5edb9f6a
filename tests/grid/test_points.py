"""Ranges, lists and exact numbers."""

import numpy as np
import pytest
import torch

from symdiff.errors import GridError
from symdiff.grid.points import axes, axis, difference_step

GIVEN = [
    ("-2:2:9", np.linspace(-2, 2, 9).tolist(), {}),
    ("0:pi:3", [0, np.pi / 2, np.pi], {2: "pi"}),
    ("1:1:1", [1], {}),
    ("1/3", [1 / 3], {0: "1/3"}),
    ("0, 1/3 , pi", [0, 1 / 3, np.pi], {1: "1/3", 2: "pi"}),
    ("atan2(1, 2),0", [np.arctan2(1, 2), 0], {0: "atan2(1, 2)"}),
    ("1e-3", [0.001], {}),
    ((-2, 2), np.linspace(-2, 2, 9).tolist(), {}),
    ([0, 0.5, "1/2", "sqrt(2)"], [0, 0.5, 0.5, 2**0.5], {3: "sqrt(2)"}),
    (np.array([1.0, 2.0]), [1, 2], {}),
    (3, [3], {}),
    (torch.tensor([0.5, 1.0]), [0.5, 1], {}),
    (["-1/4", "2**-3"], [-0.25, 0.125], {}),
    # sympy calls the first one 0, and the second one 7
    ("sin(sin(log(1 + 1e-15)))", [1e-15], {0: "sin(sin(log(1 + 1e-15)))"}),
    ("floor(tanh(400)*7),floor(exp(30))", [6, 10686474581524], {}),
    ("floor(exp(700))", [1.0142320547350045e304], {0: "floor(exp(700))"}),
]


@pytest.mark.parametrize(("spec", "values", "exact"), GIVEN, ids=lambda v: str(v)[:20])
def test_is_read(spec, values, exact):
    found = axis("x", spec)
    assert found.values == pytest.approx(np.array(values), rel=1e-15)
    assert dict(found.exact) == exact


REFUSED = [
    ("1:2", "'1:2' is not a range"),
    ("2:1:3", "a range goes from the smaller to the larger, not from 2 to 1"),
    ("0:1:0", "a range has 1 to 10000000000 points, not 0"),
    ("0:1:1000000000000", "a range has 1 to 10000000000 points"),
    ("0:1:2.5", "the count '2.5' is not an integer"),
    ("0:inf:3", "'inf' is not a finite number"),
    ("0:nan:3", "'nan' is not a finite number"),
    ("x", "'x' is not a number"),
    ("0:1:1", "one point cannot go from 0 to 1"),
    ([True], "'True' is not a number"),
    (np.zeros((2, 2)), "an array of shape (2, 2) is no list of points"),
    ("abc(1)", "unknown function 'abc'"),
    ("floor(10**30*tanh(9999))", "cannot be evaluated exactly"),
    ("log(0)", "the value is not a real number"),
    ("", "the expression is empty"),
    ([], "a list has 1 to 10000000 points, not 0"),
    (np.array([np.nan]), "every point must be finite"),
    ("__import__('os')", "unknown function '__import__'"),
]


@pytest.mark.parametrize(("spec", "message"), REFUSED, ids=lambda v: str(v)[:20])
def test_is_refused(spec, message):
    with pytest.raises(GridError) as caught:
        axis("x", spec)
    assert message in str(caught.value)
    assert str(caught.value).startswith("grid x: ")


def test_a_variable_that_is_not_there_is_refused_with_a_suggestion():
    with pytest.raises(GridError, match=r"no variable 'widht' \(did you mean 'width'\?\)"):
        axes(("width",), {"widht": "0:1:2"})


def test_points_given_by_at_are_not_searched_for_kinks():
    only_at, both = axes(("x", "y"), {"y": "0:1:2"}, {"x": "0,1/3", "y": "5"})
    assert not only_at.searched
    assert both.searched
    assert both.values.tolist() == [0, 1, 5]


@pytest.mark.parametrize("x", [0.0, 1.0, -3.7, 1e10, 1e-300])
def test_the_step_is_representable(x):
    h = difference_step(np.array([x]))[0]
    assert (x + h) - x == h
    assert h == pytest.approx(6.06e-6 * max(1, abs(x)), rel=1e-2)
