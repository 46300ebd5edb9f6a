"""Functions that keep a state: it is restored after every call, or the function is refused."""

import functools
import itertools
import random
import types

import numpy as np
import pytest
import torch
from torch import nn

import symdiff
from symdiff.tracing.state import modules_used_by, random_state

D = torch.float64
X = torch.tensor([1.5, -2.0, 0.5], dtype=D)
ROWS = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0], [2.0, 2.5, 1.0]], dtype=D)


class CountsInABuffer(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=D))

    def forward(self, x):
        self.count += 1
        return x * x * self.count


class CountsInAnAttribute(nn.Module):
    count = 0

    def forward(self, x):
        self.count += 1
        return x * x * self.count


class ReplacesABuffer(CountsInABuffer):
    def forward(self, x):
        self.count = self.count + 1
        return x * x * self.count


class HoldsModules:
    def __init__(self, module):
        self.parts = {"first": [module]}

    def __call__(self, x):
        return self.parts["first"][0](x)

    def method(self, x):
        return self(x)


def as_itself(module):
    return module


def in_a_closure(module):
    return lambda x: module(x)  # noqa: PLW0108  (its closure is the point)


def in_a_function_inside(module):
    def outer(x):
        def inner(y):
            return module(y)

        return inner(x)

    return outer


def bound(module):
    return module.forward


def of_an_object(module):
    return HoldsModules(module)


def method_of_an_object(module):
    return HoldsModules(module).method


def partial(module):
    return functools.partial(lambda m, x: m(x), module)


def in_a_default(module):
    return lambda x, m=module: m(x)


def global_name(module):
    code = (lambda x: 1 * the_module(x)).__code__  # noqa: F821  (a global of the new function)
    return types.FunctionType(code, {"the_module": module, "__name__": "elsewhere"})


WAYS = [
    as_itself,
    in_a_closure,
    in_a_function_inside,
    bound,
    of_an_object,
    method_of_an_object,
    partial,
    in_a_default,
    global_name,
]
COUNTERS = [CountsInABuffer, CountsInAnAttribute, ReplacesABuffer]


@pytest.mark.parametrize("way", WAYS)
def test_modules_are_found_however_a_function_reaches_them(way):
    inner = nn.ReLU()
    module = nn.Sequential(inner)
    found = modules_used_by(way(module))
    assert any(m is module for m in found)
    assert any(m is inner for m in found)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("counter", COUNTERS)
def test_a_module_that_counts_its_calls_starts_each_call_from_the_same_state(way, counter):
    module = counter()
    symdiff.assert_derivatives(way(module), X)
    assert float(module.count) == 0


@pytest.mark.parametrize("math", [None, "x*x"])
def test_a_formula_and_a_grid_leave_the_state_too(math):
    module = CountsInABuffer()
    assert symdiff.compare(in_a_closure(module), math=math, engines=["autograd", "central"]).ok
    assert symdiff.compare(in_a_closure(module), math=math, values={"x": X}).ok
    assert float(module.count) == 0


@pytest.mark.parametrize("way", [as_itself, in_a_closure, bound])
def test_statistics_of_a_batch_norm_are_as_before(way):
    module = nn.BatchNorm1d(3).double()
    symdiff.assert_derivatives(way(module), ROWS)
    assert module.running_mean.tolist() == [0, 0, 0]
    assert module.num_batches_tracked == 0


def test_the_power_iteration_of_a_spectral_norm_starts_from_the_same_vectors():
    module = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 3).double())
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    symdiff.assert_derivatives(module, X)
    assert all(torch.equal(b, before[n]) for n, b in module.named_buffers())


def test_parameters_that_are_not_inputs_get_no_gradient():
    module, weight = nn.Linear(3, 2).double(), X.clone().requires_grad_()
    symdiff.assert_derivatives(lambda x: module(x * weight), X)
    assert module.weight.grad is None
    assert weight.grad is None


def by_a_list(calls):
    def function(x):
        calls.append(1)
        return x * x * len(calls)

    return function


def by_an_iterator(calls):
    del calls
    numbers = itertools.count(1)
    return lambda x: x * next(numbers)


def by_a_tensor(calls):
    del calls
    total = torch.zeros((), dtype=D)

    def function(x):
        total.add_(1)
        return x * total

    return function


def by_a_generator_of_torch(calls):
    del calls
    own = torch.Generator()
    return lambda x: x * torch.rand((), generator=own)


def by_a_generator_of_numpy(calls):
    del calls
    own = np.random.default_rng(0)
    return lambda x: x * own.random()


def late(calls):
    def function(x):
        calls.append(1)
        return x * max(1, len(calls) - 3)

    return function


def without_a_trace(calls):
    function = by_a_list(calls)
    return lambda x: torch.fft.fft(function(x)).abs().sum()


CHANGING = [
    by_a_list,
    by_an_iterator,
    by_a_tensor,
    by_a_generator_of_torch,
    by_a_generator_of_numpy,
    late,
    without_a_trace,
]


@pytest.mark.parametrize("make", CHANGING)
def test_a_function_whose_value_changes_from_call_to_call_is_refused_in_one_line(make):
    with pytest.raises(
        symdiff.InputError, match="returns a different value in each call"
    ) as raised:
        symdiff.compare(make([]), values={"x": X}, engines=["autograd"])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("values", [None, {"x": X}])
def test_such_a_function_is_refused_with_a_formula_too(values):
    with pytest.raises(symdiff.InputError, match="returns a different value in each call: "):
        symdiff.compare(by_a_list([]), values=values, math="x*x", engines=["autograd"])


def test_the_line_that_differs_first_is_named():
    with pytest.raises(symdiff.InputError, match=r"test_state.py:\d+: return x \* x \* len\(calls"):
        symdiff.trace(by_a_list([]), X)


DRAWING = [
    lambda x: x * torch.rand(()),
    lambda x: x * random.random(),  # noqa: S311
    lambda x: x * np.random.rand(),  # noqa: NPY002
    lambda x: nn.functional.dropout(x, 0.5),
    lambda x: torch.fft.fft(x * random.random()).abs().square().sum(),  # noqa: S311
]


@pytest.mark.parametrize("function", DRAWING)
def test_random_numbers_are_the_same_in_every_call_and_the_state_is_restored(function):
    before = random_state()
    assert symdiff.compare(function, values={"x": X}, engines=["autograd"]).ok
    after = random_state()
    assert all(map(same, before, after))


def same(state, other):
    return bool(np.array_equal(np.asarray(state[1]), np.asarray(other[1])))


def test_a_caller_in_inference_mode_gets_the_same_verdicts():
    with torch.inference_mode():
        assert symdiff.compare(lambda x: x * x, values={"x": X}, engines=["autograd"]).ok
