"""The line that is named: of several lambdas on one line, the part of the one that ran."""

import pytest
import torch

import symdiff

X = torch.tensor([1.5, -2.0, 0.5], dtype=torch.float64)

# fmt: off
SINE, RAMP, SHORT = lambda x: x.sin(), lambda x: torch.relu(x) * x, lambda x: x @ x[:2]
IN_A_LIST = [lambda x: x, lambda x: x.abs() + 1, lambda x: [x, lambda y: y.exp() + 1][1](x), lambda x: ("é", x.cos())]
OVER_LINES = [lambda x: (x.sin()
                         * x.exp())]
# fmt: on


def plain(x):
    return [lambda y: y.exp(), torch.sin][1](x)


PLACES = [
    (SINE, 0, "x.sin()"),
    (RAMP, 0, "torch.relu(x) * x"),
    (IN_A_LIST[1], 0, "x.abs() + 1"),
    (IN_A_LIST[2], 0, "y.exp() + 1"),
    (IN_A_LIST[3], 0, '("é", x.cos())'),
    (OVER_LINES[0], 1, "x.exp()"),
    (plain, 1, "return [lambda y: y.exp(), torch.sin][1](x)"),
]


@pytest.mark.parametrize(("function", "line", "text"), PLACES)
def test_an_operation_is_placed_where_it_stands(function, line, text):
    program = symdiff.trace(function, X)
    first = min(program.calls())[0]
    number = function.__code__.co_firstlineno + line
    assert program.place(first).endswith(f"(test_lines.py:{number}: {text})")


def test_so_is_an_exception():
    with pytest.raises(symdiff.InputError, match=r"test_lines.py:\d+: x @ x\[:2\]: RuntimeError: "):
        symdiff.trace(SHORT, X)


def test_a_number_that_changes_its_sign_nearby_is_no_choice():
    assert float(sum(v.item() for v in X)) == 0
    assert symdiff.trace(lambda x: sum(v.item() for v in x) * x, X).text == "x * 0.0"


class Scaled(torch.autograd.Function):
    """A sine whose gradient is one percent too large."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0].cos() * 1.01


class Around(torch.autograd.Function):
    """Calls the other one in its forward; its gradient is wrong, whatever that of the other is."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return Scaled.apply(x) * 2

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


def around_a_custom_function(x):
    h = torch.tanh(x)
    h = Scaled.apply(h)
    return (h * 2).sum()


def nested_functions(x):
    return Around.apply(x).exp()


def two_functions(x):
    return Around.apply(Scaled.apply(x)).exp()


@pytest.mark.parametrize(
    ("function", "line"),
    [
        (around_a_custom_function, "return x.sin()"),
        (nested_functions, "return Scaled.apply(x) * 2"),
        (two_functions, "return Around.apply(Scaled.apply(x)).exp()"),
    ],
)
def test_the_custom_function_is_blamed_for_a_wrong_gradient(function, line):
    x = torch.tensor([0.5, -1.0], dtype=torch.float64)
    comparison = symdiff.compare(function, values={"x": x}, engines=["autograd"])
    assert comparison.findings
    assert {r["blame"].partition(": ")[2].rstrip(")") for r in comparison.findings} == {
        line.rstrip(")")
    }
