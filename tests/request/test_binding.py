"""The arguments of a callable are bound by their names, or in the order of grid and values."""

import functools

import pytest
import torch

import symdiff
from symdiff.errors import UsageError
from symdiff.program import parse
from symdiff.request.binding import bind


def called(function, variables, given=()):
    """Return what the callable gets if every variable has its own name as its value."""
    return bind(function, variables, given)(*variables)


class Apply(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a / b

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return g / b, -g * a / b**2


class NewStyle(torch.autograd.Function):
    @staticmethod
    def forward(a, b):
        return a / b

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    backward = Apply.backward


class Module(torch.nn.Module):
    def forward(self, a, b):
        return a / b


NAMED = [
    (lambda a, b: (a, b), ["b", "a"], [], ("a", "b")),
    (lambda a, b: (a, b), ["b", "a"], ["b", "a"], ("a", "b")),  # names come before the order
    (lambda a, *, b: (a, b), ["b", "a"], [], ("a", "b")),
    (lambda a, b, /: (a, b), ["b", "a"], [], ("a", "b")),
    (lambda a, beta=2: (a, beta), ["a"], [], ("a", 2)),
    (lambda a, beta=2: (a, beta), ["beta", "a"], [], ("a", "beta")),
    (lambda a, n=1, b=3: (a, n, b), ["b", "a"], [], ("a", 1, "b")),
    (functools.partial(lambda n, a, b: (n, a, b), 7), ["b", "a"], [], (7, "a", "b")),
    (functools.partial(lambda a, n, b: (a, n, b), n=7), ["b", "a"], [], ("a", 7, "b")),
]
ORDERED = [
    (lambda p, q: (p, q), ["x", "y"], ["y", "x"], ("y", "x")),
    (lambda *xs: xs, ["x", "y"], ["y", "x"], ("y", "x")),
    (lambda p: p, ["x"], [], "x"),
    (lambda p, n=1: (p, n), ["x"], [], ("x", 1)),
    (lambda p, n=1: (p, n), ["x", "y"], ["y", "x"], ("y", "x")),
    (lambda x, q: (x, q), ["y", "x"], ["x", "y"], ("x", "y")),  # both say the same
    (lambda x, q: (x, q), ["y", "x"], [], ("x", "y")),  # one name is left for one parameter
    (lambda *xs: xs, ["x"], [], ("x",)),
]


@pytest.mark.parametrize(("function", "variables", "given", "expected"), [*NAMED, *ORDERED])
def test_arguments_go_by_name_then_by_the_order_given(function, variables, given, expected):
    assert called(function, variables, given) == expected


REFUSED = [
    (lambda a: a, ["x", "y"], [], "takes 1 argument (a), and the formula has x and y"),
    (lambda a, b: a, ["x"], [], "takes 2 arguments (a, b), and the formula has x"),
    (lambda a, b: a, ["a"], [], "takes 2 arguments (a, b), and the formula has a"),
    (lambda: 0, ["x"], [], "takes no arguments, and the formula has x"),
    (lambda x: x, [], [], "takes 1 argument (x), and the formula has no variables"),
    (
        lambda p, q: p,
        ["x", "y"],
        [],
        "parameters p and q are not named like the formula's variables x and y, whose order is not given",
    ),
    (lambda p, q: p, ["x", "y"], ["x"], "whose order is not given"),
    (
        lambda *xs: xs,
        ["x", "y"],
        ["y"],
        "does not name its parameters, and the order of x and y is not given",
    ),
    (lambda x, q: x, ["x", "y"], ["y", "x"], "by the order of grid and values they are y, x"),
    (lambda p, x, q: x, ["x", "y", "z"], ["x", "y", "z"], "parameters are x = x, p = y, q = z"),
]


@pytest.mark.parametrize(("function", "variables", "given", "message"), REFUSED)
def test_what_is_ambiguous_or_does_not_fit_is_an_error(function, variables, given, message):
    with pytest.raises(UsageError) as error:
        bind(function, variables, given)
    assert message in str(error.value)
    assert error.value.hint


@pytest.mark.parametrize("function", [Apply.apply, NewStyle.apply, Module(), Module().forward])
def test_functions_and_modules_of_torch_have_the_names_of_their_forward(function):
    a, b = torch.tensor(6.0), torch.tensor(3.0)
    assert float(bind(function, ["b", "a"])(b, a)) == 2
    assert float(bind(function, ["y", "x"], ["x", "y"])(b, a)) == 2


def test_builtins_take_the_order_given():
    one, two = torch.tensor(1.0), torch.tensor(2.0)
    assert float(bind(torch.sub, ["y", "x"], ["x", "y"])(one, two)) == 1
    assert float(bind(torch.exp, ["x"])(torch.tensor(0.0))) == 1


@pytest.mark.parametrize(
    ("function", "math"),
    [
        (lambda a, b: torch.atan2(b, a), "atan2(b, a)"),
        (lambda a, b: torch.angle(torch.complex(a, b)), "atan2(b, a)"),
        (lambda x, g: x * torch.sigmoid(g), "sigmoid(g)*x"),
        (Apply.apply, "1/b*a"),
        (Module(), "1/b*a"),
        (lambda n, m: n - 2 * m, "-2*m + n"),
    ],
)
def test_a_right_callable_agrees_whatever_order_its_formula_has(function, math):
    names = sorted(parse(math).inputs)
    comparison = symdiff.compare(function, {n: [0.5, 2.0] for n in names}, math=math)
    assert {r["verdict"] for r in comparison.records()} <= {"agrees", "inexact"}


def test_the_order_of_grid_binds_a_callable_without_names():
    right = symdiff.compare(torch.atan2, {"p": [1.0], "q": [2.0]}, math="0*q + atan2(p, q)")
    assert right.ok
    # Negative control: in the other order it is a different function.
    assert not symdiff.compare(torch.atan2, {"q": [2.0], "p": [1.0]}, math="0*q + atan2(p, q)").ok


def test_tensors_and_points_of_a_grid_keep_their_order():
    comparison = symdiff.compare(
        lambda *inputs: (inputs[0] * inputs[1]).sum() - inputs[1],
        {"w": torch.tensor([1.0, 2.0], dtype=torch.float64), "s": [0.5]},
        math="(s*w).sum() - s",
    )
    assert comparison.ok
