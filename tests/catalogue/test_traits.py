"""The roles and traits of rows agree with the values that numpy computes."""

import numpy as np
import pytest

from symdiff.arithmetics.arrays import ARRAYS, evaluate
from symdiff.arithmetics.reading import apply
from symdiff.catalogue import CATALOGUE, Function
from symdiff.program import parse
from symdiff.program.nodes import Builder, Call, Input, Literal

SCALAR = [row for row in CATALOGUE.values() if row.array is None]
RETURN_NUMBERS = [
    r for r in SCALAR if r.returns == "real" and r.parameters[0].kind in {"real", "any"}
]


def program_of(row):
    """Return a call of a row on variables, with numbers for its constant parameters."""
    builder = Builder()
    arguments = []
    for position, parameter in enumerate(row.parameters):
        if parameter.kind in {"real", "any"}:
            arguments.append(builder.add(Input(f"x{position}")))
        elif parameter.default is None:
            arguments.append(builder.add(Literal(0.75)))
    return builder.program(builder.add(Call(row.name, tuple(arguments))), parse("x").sources)


def on_segments(program, seed=0):
    """Return the values at the start, the middle and the end of 2000 short line segments."""
    generator = np.random.default_rng(seed)
    starts = {name: generator.uniform(-3, 3, 2000) for name in program.inputs}
    directions = {name: generator.uniform(-1, 1, 2000) for name in program.inputs}
    h = 2.0**-10
    return [
        evaluate(program, {n: starts[n] + k * h * directions[n] for n in program.inputs})
        for k in range(3)
    ]


def share_of_changes(row):
    """Return the share of the segments on which the value is not constant."""
    first, middle, last = on_segments(program_of(row))
    return np.mean((first != middle) | (middle != last))


@pytest.mark.parametrize("row", RETURN_NUMBERS, ids=lambda row: row.name)
def test_only_steps_are_constant_nearly_everywhere(row):
    if row.name == "heaviside":  # a step in x, but at 0 the value is the other argument
        assert (share_of_changes(row) < 0.05, row.role) == (True, "smooth")
    else:
        assert (share_of_changes(row) < 0.05) == (row.role == "step")


AFFINE = [row for row in CATALOGUE.values() if row.piecewise_affine]


@pytest.mark.parametrize("row", AFFINE, ids=lambda row: row.name)
def test_a_piecewise_affine_function_is_continuous_and_affine_between_kinks(row):
    first, middle, last = on_segments(program_of(row))
    differences = np.abs(first - 2 * middle + last)
    assert np.mean(differences > 1e-12) < 0.02  # segments that contain a kink
    assert differences.max() < 0.01  # a jump would give more


@pytest.mark.parametrize("name", ["hardshrink", "square", "prelu", "copysign", "sign"])
def test_a_function_that_is_not_piecewise_affine_is_recognized(name):
    # Negative control of the test above.
    row = CATALOGUE[name]
    assert not row.piecewise_affine
    samples = []
    for seed in range(5):
        first, middle, last = on_segments(program_of(row), seed)
        samples.append(np.abs(first - 2 * middle + last))
    differences = np.concatenate(samples)
    assert np.mean(differences > 1e-12) > 0.02 or differences.max() > 0.01


def test_roles_agree_with_the_types_of_parameters_and_results():
    for row in CATALOGUE.values():
        kinds = {parameter.kind for parameter in row.parameters}
        assert (row.returns == "condition") == (
            row.role == "comparison" or (row.role == "logic" and not row.takes_condition)
        ), row.name
        assert not row.takes_condition or "condition" in kinds, row.name
        assert not row.runs_one_branch or row.role == "choice", row.name


def test_operators_and_special_functions_are_marked():
    operators = {row.operator for row in CATALOGUE.values() if row.is_operator}
    assert operators == {"+", "-", "*", "/", "//", "%", "**", "u-", "u+"}
    assert {"erf", "gamma", "polygamma"} <= {r.name for r in CATALOGUE.values() if r.is_special}


def test_functions_that_stop_gradients_return_their_argument():
    detaching = [row for row in CATALOGUE.values() if row.role == "hold"]
    assert detaching
    assert all(apply(row, ARRAYS, [3.0]) == 3.0 for row in detaching)


def test_the_role_of_a_row_is_smooth_by_default():
    assert Function("f", "x", definition="x*abs(x)").role == "smooth"
