"""Strategies draw inputs where switches vanish, and find faults that random inputs miss."""

import pytest
import torch
from hypothesis import find, given, settings
from hypothesis import strategies as st
from torch.autograd import Function

import symdiff
from symdiff.testing import strategies
from tests.tracing.custom_functions import D, tensor

SEARCH = settings(
    max_examples=50, deadline=None, database=None, derandomize=True, report_multiple_bugs=False
)


class Larger(Function):
    """A maximum whose backward gives nothing to two operands that are equal."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return torch.maximum(x, y)

    @staticmethod
    def backward(ctx, gradient):
        x, y = ctx.saved_tensors
        return gradient * (x > y), gradient * (y > x)


class Clipped(Function):
    """A clamp whose backward doubles the gradient at the upper end."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(-0.5, 1.25)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * ((x > -0.5) & (x <= 1.25)) * torch.where(x == 1.25, 2.0, 1.0)


class Length(Function):
    """A norm whose backward divides by zero at zero."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.norm()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * x / x.norm()


class Hinge(Function):
    """A hinge loss of a margin, with a wrong slope where the margin is met exactly."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return (1 - x * y).clamp(min=0).sum()

    @staticmethod
    def backward(ctx, gradient):
        x, y = ctx.saved_tensors
        size = gradient * torch.where(x * y == 1, 3.0, (x * y < 1).double())
        return -size * y, -size * x


class Rooted(Function):
    """A root whose gradient at the end of its domain is zero."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x - 0.75).sqrt()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * torch.where(x > 0.75, 0.5 / (x - 0.75).sqrt(), 0.0)


TWO = tensor(1.0, 2.0)
FAULTS = [
    (Larger.apply, (tensor(1.0, 2.0), tensor(3.0, 0.0))),
    (Clipped.apply, (TWO,)),
    (Length.apply, (TWO,)),
    (Hinge.apply, (TWO, tensor(0.5, 1.0))),
    (Rooted.apply, (TWO,)),
]


def searched(function, strategy):
    """Search 50 examples of a strategy for one with a wrong gradient."""

    @SEARCH
    @given(strategy)
    def holds(drawn):
        allow = ("subgradient", "inexact", "undefined")
        symdiff.assert_derivatives(function, *drawn.values(), allow=allow)

    holds()


def uniform(program):
    """Return a strategy of uniform random numbers, as most test suites use."""

    def tensors(seed):
        generator = torch.Generator().manual_seed(seed)
        return {
            name: torch.rand(value.shape, dtype=D, generator=generator) * 2 + 0.8
            for name, value in program.values.items()
        }

    return st.integers(0, 2**32).map(tensors)


@pytest.mark.parametrize(("function", "start"), FAULTS)
def test_a_fault_that_shows_only_at_a_switch_is_found(function, start):
    with pytest.raises(AssertionError, match="not pass"):
        searched(function, strategies.inputs(symdiff.trace(function, *start)))


@pytest.mark.parametrize(("function", "start"), FAULTS)
def test_random_inputs_do_not_find_it(function, start):
    searched(function, uniform(symdiff.trace(function, *start)))


RIGHT = [
    (torch.maximum, (tensor(1.0, 2.0), tensor(3.0, 0.0))),
    (lambda x: x.clamp(-0.5, 1.25), (TWO,)),
    (torch.norm, (TWO,)),
    (lambda x: x.cumsum(0).amax(), (tensor(1.0, 2.0, 0.0),)),
]


@pytest.mark.parametrize(("function", "start"), RIGHT)
def test_a_right_function_passes_at_its_switches(function, start):
    searched(function, strategies.inputs(symdiff.trace(function, *start)))


def picked(program, wanted):
    """Return an example of a kind, found within 200."""
    limits = settings(max_examples=200, database=None, derandomize=True)
    return find(strategies.inputs(program), wanted, settings=limits)


SWITCHES = [
    # a function, its argument, whether an input is at a switch that random numbers miss
    (lambda x: x.clamp(-0.3, 1.7), TWO, lambda x: 1.7 in x),
    (lambda x: (x[0] - 2 * x[1]).abs(), TWO, lambda x: x[0] == 2 * x[1] != 0),
    (torch.log1p, TWO, lambda x: -1 in x),
    (lambda x: torch.acos(x / 2), tensor(0.5), lambda x: x[0] == 2),
    (lambda x: x.amax(), tensor(1.0, 2.0, 3.0), lambda x: x[0] == x[1] == x[2] != 0),
    (lambda x: x.norm(), TWO, lambda x: not x.any()),
    (torch.floor, tensor(0.5), lambda x: x[0] == 5),
    (lambda x: torch.where(x**2 > 2.25, x, 0.0).sum(), TWO, lambda x: -1.5 in x),
    (lambda x: x.std(), tensor(1.0, 2.0, 3.0), lambda x: x[0] == x[1] == x[2]),
]


@pytest.mark.parametrize(("function", "argument", "wanted"), SWITCHES)
def test_switches_vanish(function, argument, wanted):
    drawn = picked(symdiff.trace(function, argument), lambda d: bool(wanted(*d.values())))
    assert wanted(*drawn.values())


def test_tensors_have_the_names_shapes_and_dtypes_of_the_trace():
    def function(x, parts, scale, index, *, flag=True):
        return (x * parts[1].sum() * scale + parts[0]).gather(0, index) if flag else x

    x = torch.ones(2, 3, dtype=torch.float32)
    index = torch.zeros(1, 3, dtype=torch.int64)
    module_input = (x, [tensor(1.0, 2.0, 3.0), tensor(1.0)], 2.0, index)
    program = symdiff.trace(function, *module_input)
    drawn = picked(program, lambda d: True)
    assert {name: (t.dtype, tuple(t.shape)) for name, t in drawn.items()} == {
        "x": (torch.float32, (2, 3)),
        "parts_0": (D, (3,)),
        "parts_1": (D, (1,)),
    }
    assert symdiff.compare(program, values=drawn, engines=["autograd"]).program is program


def test_parameters_of_a_module_stay_as_they_are():
    program = symdiff.trace(torch.nn.Linear(2, 1), torch.ones(2))
    assert list(picked(program, lambda d: True)) == ["input"]


def test_every_example_has_a_value_where_the_trace_has_one():
    program = symdiff.trace(
        lambda x: (x[:, 0] - x[:, 1] - 1).sqrt().log(), torch.rand(4, 2) + tensor(9.0, 0.0)
    )

    @SEARCH
    @given(strategies.inputs(program))
    def holds(drawn):
        x = drawn["x"]
        assert ((x[:, 0] - x[:, 1]) >= 1 - 1e-6).all()

    holds()


def test_a_large_program_has_equal_and_zero_components():
    program = symdiff.trace(lambda x: x.amax(1).sum(), torch.rand(40, 40))
    drawn = picked(program, lambda d: len(d["x"].unique()) < 1600 and bool((d["x"] == 0).any()))
    assert drawn["x"].shape == (40, 40)


def test_numbers_are_drawn_for_a_program_on_numbers():
    program = symdiff.parse("relu(x - 1/4) + sqrt(y)*abs(x + y)")
    assert picked(program, lambda d: d["x"] == 0.25)["x"] == 0.25
    drawn = picked(program, lambda d: d["x"] == -d["y"] != 0)
    assert drawn["y"] == -drawn["x"]
    assert picked(program, lambda d: d["y"] == 0)["y"] == 0


def test_a_program_on_tensors_without_shapes_is_refused():
    with pytest.raises(symdiff.InputError, match="a program on tensors has no shapes"):
        strategies.inputs(symdiff.parse("x @ w"))
