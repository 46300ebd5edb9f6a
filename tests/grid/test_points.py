"""Points of a variable are read from ranges, lists and exact numbers."""

import numpy as np
import pytest
import torch

from symdiff.errors import GridError
from symdiff.grid.points import axes, axis, difference_step

ACCEPTED = [
    # a specification, its points, and the exact numbers by index
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
    # sympy evaluates the first to 0, and floor(tanh(400)*7) to 7
    ("sin(sin(log(1 + 1e-15)))", [1e-15], {0: "sin(sin(log(1 + 1e-15)))"}),
    ("floor(tanh(400)*7),floor(exp(30))", [6, 10686474581524], {}),
    ("floor(exp(700))", [1.0142320547350045e304], {0: "floor(exp(700))"}),
]


@pytest.mark.parametrize(("spec", "values", "exact"), ACCEPTED, ids=lambda v: str(v)[:20])
def test_a_specification_is_read_exactly(spec, values, exact):
    points = axis("x", spec)
    assert points.values == pytest.approx(np.array(values), rel=1e-15)
    assert dict(points.exact) == exact


REFUSED = [
    ("1:2", "'1:2' is not a range"),
    ("-1e308:1e308:3", "a range from -1e+308 to 1e+308 is longer than the largest double"),
    ("2:1:3", "a range goes from the smaller number to the larger, not from 2 to 1"),
    ("0:1:0", "a range has 1 to 10000000000 points, not 0"),
    ("0:1:1000000000000", "a range has 1 to 10000000000 points"),
    ("0:1:2.5", "the count '2.5' is not an integer"),
    ("0:inf:3", "'inf' is not a finite number"),
    ("0:nan:3", "'nan' is not a finite number"),
    ("x", "'x' is not a number"),
    ("0:1:1", "a range from 0 to 1 has at least 2 points, not 1"),
    ([True], "'True' is not a number"),
    (np.zeros((2, 2)), "an array of shape (2, 2) is not a list of points"),
    ("abc(1)", "unknown function 'abc'"),
    ("floor(10**30*tanh(9999))", "cannot be evaluated exactly"),
    ("log(0)", "the value is not a real number"),
    ("", "the expression is empty"),
    ([], "a list has 1 to 10000000 points, not 0"),
    (np.array([np.nan]), "every point must be finite"),
    (np.array([1], dtype="longdouble"), "dtypes: float64, float32, float16 and integers"),
    (np.array([True]), "an array of dtype bool cannot be points"),
    (np.array(["1/3"]), "cannot be points"),
    (None, "None is not a range or a list of points"),
    (object(), "is not a range or a list of points"),
    ("__import__('os')", "unknown function '__import__'"),
]


@pytest.mark.parametrize(("spec", "message"), REFUSED, ids=lambda v: str(v)[:20])
def test_a_specification_that_cannot_be_used_is_an_error(spec, message):
    with pytest.raises(GridError) as caught:
        axis("x", spec)
    assert message in str(caught.value)
    assert str(caught.value).startswith("grid x: ")


def test_an_unknown_variable_is_an_error_with_a_suggestion():
    with pytest.raises(GridError, match=r"no variable 'widht' \(did you mean 'width'\?\)"):
        axes(("width",), {"widht": "0:1:2"})


def test_points_given_by_at_are_not_searched_for_kinks():
    at_only, grid_and_at = axes(("x", "y"), {"y": "0:1:2"}, {"x": "0,1/3", "y": "5"})
    assert not at_only.searched
    assert grid_and_at.searched
    assert grid_and_at.values.tolist() == [0, 1, 5]


@pytest.mark.parametrize("x", [0.0, 1.0, -3.7, 1e10, 1e-300])
def test_adding_the_finite_difference_step_is_exact(x):
    h = difference_step(np.array([x]))[0]
    assert (x + h) - x == h
    assert h == pytest.approx(6.06e-6 * max(1, abs(x)), rel=1e-2)


@pytest.mark.parametrize("keyword", ["grid", "at"])
@pytest.mark.parametrize(
    ("specs", "hint"),
    [("0:1:3", "0:1:3"), ("x=1:2:3", "-2:2:9"), ([1, 2], "-2:2:9"), (3, "-2:2:9")],
)
def test_points_without_a_variable_are_an_error_with_a_hint_that_works(keyword, specs, hint):
    arguments = {"grid": {}, keyword: specs}
    with pytest.raises(GridError, match=f"^{keyword} must be a mapping") as caught:
        axes(("x",), **arguments)
    assert caught.value.hint == f'write {{"x": "{hint}"}}'
    axes(("x",), {"x": hint})


def test_a_tensor_in_place_of_a_grid_is_an_error_that_names_values():
    with pytest.raises(GridError, match=r"not ndarray \(.*or values=\{\"x\": ...\} for a tensor"):
        axes(("x",), np.ones(2))


def test_the_points_of_grid_and_at_are_merged_before_kinks_are_searched():
    (merged,) = axes(("x",), {"x": "1:2:2"}, {"x": "-1"})
    assert (merged.low, merged.high, merged.searched) == (-1, 2, True)
