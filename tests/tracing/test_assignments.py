"""A definition has the name of the variable that it is assigned to, and no other's."""

import pytest
import torch
from torch.nn import functional

from symdiff.tracing.assignments import assigned_name
from symdiff.tracing.trace import trace

LAYER = torch.nn.Linear(2, 2).double()


@pytest.mark.parametrize(
    ("text", "operation", "name"),
    [
        ("y = torch.exp(x)", "exp", "y"),
        ("y = x.exp()  # comment", "exp", "y"),
        ("y = x.add_(1)", "add_", "y"),
        ("y = a * b", "mul", "y"),
        ("y = 1 - a", "__rsub__", "y"),
        ("y = 1 / a", "__rdiv__", "y"),
        ("y = 2**a", "__rpow__", "y"),
        ("y = -a", "neg", "y"),
        ("y = a[0]", "__getitem__", "y"),
        ("y = layer(x)", "linear", "y"),
        ("y = self.layers[0](x)", "linear", "y"),
        ("y = x.square().sum()", "sum", "y"),
        ("y = torch.where(", "where", "y"),
        ("y = z = torch.exp(x)", "exp", "y"),
        ("y = loss(torch.exp(x))", "exp", None),
        ("y = loss(x * 2)", "mul", None),
        ("y = loss(x[0])", "__getitem__", None),
        ("y = loss(torch.exp(x)) + 1", "exp", None),
        ("y = [torch.exp(x * i) for i in range(2)]", "exp", None),
        ("y = torch.exp(x), torch.sin(x)", "sin", None),
        ("y = torch.exp(x).tolist()", "exp", None),
        ("mu = x.mean(); r = torch.exp(x)", "exp", None),
        ("y = (torch.exp(x)", "exp", None),
        ("y == torch.exp(x)", "exp", None),
        ("return torch.exp(x)", "exp", None),
    ],
)
def test_a_line_names_what_is_done_last_in_it(text, operation, name):
    assert assigned_name(text, operation) == name


def tripled(z):
    return z * 3


def inner(x):
    loss = tripled(torch.exp(x))
    return loss * loss


def product(x):
    loss = tripled(x * 2)
    return loss * loss


def listed(x):
    parts = [torch.exp(x * i) for i in range(1, 3)]
    return parts[0] * parts[1] * parts[1]


def called(x):
    h = functional.relu(x)
    g = LAYER(h)
    return g * g * h


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (inner, set()),
        (product, set()),
        (listed, set()),
        (called, {"h", "g"}),
    ],
)
def test_names_in_a_trace_are_those_of_their_values(function, names):
    program = trace(function, torch.ones(2, dtype=torch.float64))
    defined = {s.name.removeprefix("let ") for s in program.sources if s.name.startswith("let ")}
    assert {n for n in defined if not (n[0] == "t" and n[1:].isdigit())} == names
