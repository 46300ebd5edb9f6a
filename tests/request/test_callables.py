"""Names and parameters of callables: functions, modules, and the `apply` of custom Functions."""

import functools

import pytest
import torch
from torch import nn
from torch.autograd import Function

import symdiff
from symdiff.request.callables import called_signature, name_of, written


class Own(Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x * w

    @staticmethod
    def backward(ctx, gradient):
        x, w = ctx.saved_tensors
        return gradient * w, gradient * x


class WithSetup(Function):
    @staticmethod
    def forward(u, v):
        return u + v

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gradient):
        return gradient, gradient


class Inherited(Own):
    pass


class Module(nn.Module):
    def forward(self, a, b=None):
        return a.sin()


class Layer:
    def method(self, q):
        return q

    def __call__(self, r):
        return r


def several(*xs):
    return sum(xs)


CASES = [
    # callable, its name, its parameters, the module that it is imported from
    (Own.apply, "Own.apply", ["x", "w"], __name__),
    (WithSetup.apply, "WithSetup.apply", ["u", "v"], __name__),
    (Inherited.apply, "Inherited.apply", ["x", "w"], __name__),
    (Module(), "Module", ["a", "b"], None),
    (Layer(), "Layer", ["r"], None),
    (Layer().method, "Layer.method", ["q"], None),
    (several, "several", ["xs"], __name__),
    (functools.partial(several, 1), "several", ["xs"], None),
    (lambda t: t, "<lambda>", ["t"], None),
    (torch.sqrt, "sqrt", None, "torch"),
    (nn.functional.softplus, "softplus", None, "torch.nn.functional"),
    (nn.functional.leaky_relu, "leaky_relu", ["input", "negative_slope", "inplace"], "torch.nn.functional"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "name", "parameters", "module"), CASES)
def test_a_callable_has_a_name_parameters_and_a_module(function, name, parameters, module):
    assert name_of(function) == name
    assert written(function).module == module
    if parameters is None:
        with pytest.raises(ValueError, match="no signature"):
            called_signature(function)
    else:
        assert list(called_signature(function).parameters) == parameters


def test_a_local_function_of_the_name_of_another_is_not_imported():
    def several(x):
        return x

    assert written(several).module is None
    assert written(several).comment.startswith("several of test_callables.py:")


X = torch.tensor([1.0, 2.0], dtype=torch.float64)
TRACED = [
    (Own.apply, ("x", "w")),
    (WithSetup.apply, ("u", "v")),
    (several, ("xs1", "xs2")),
    (torch.mul, ("x1", "x2")),
    (lambda p, q: p - q, ("p", "q")),
]


@pytest.mark.parametrize(("function", "inputs"), TRACED)
def test_inputs_of_a_trace_are_named_by_the_parameters(function, inputs):
    assert symdiff.trace(function, X, X).inputs == inputs


def test_values_go_to_the_parameters_of_an_apply_by_name():
    comparison = symdiff.compare(WithSetup.apply, values={"v": X, "u": X * 2})
    assert comparison.program.inputs == ("u", "v")
    assert comparison.ok


def test_an_apply_is_compared_on_a_grid():
    comparison = symdiff.compare(Own.apply, {"w": [3.0], "x": [2.0]})
    assert comparison.values("autograd", "x").tolist() == [3.0]
    assert comparison.ok
