"""The graph that PyTorch records has the node names that PyTorch gives."""

import pytest
import torch

from symdiff.engines.base import TensorProblem
from symdiff.engines.graph import autograd_graph
from symdiff.errors import UsageError
from symdiff.program import parse
from symdiff.report.graph import as_dot, as_text

ROOTS = [
    ("x + y", lambda x, y: x + y, "AddBackward0"),
    ("x - y", lambda x, y: x - y, "SubBackward0"),
    ("x/y", lambda x, y: x / y, "DivBackward0"),
    ("-x", lambda x, y: -x, "NegBackward0"),
    ("relu(x)", lambda x, y: torch.relu(x), "ReluBackward0"),
    ("sigmoid(x)", lambda x, y: torch.sigmoid(x), "SigmoidBackward0"),
    ("x.clamp(min=0)", lambda x, y: x.clamp(min=0), "ClampBackward1"),
    ("torch.maximum(x, y)", torch.maximum, "MaximumBackward0"),
    ("where(x > 0, x, y)", lambda x, y: torch.where(x > 0, x, y), "WhereBackward0"),
    ("x**2", lambda x, y: x**2, "PowBackward0"),
]


def at_one(text):
    program = parse(text)
    return autograd_graph(TensorProblem(program, {}), dict.fromkeys(program.inputs, 1.0))


@pytest.mark.parametrize(("text", "function", "name"), ROOTS)
def test_the_root_has_the_name_that_torch_gives_it(text, function, name):
    x, y = (torch.ones(1, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert function(x, y).grad_fn.name() == name
    assert at_one(text)[0].name == name


def test_the_leaves_are_the_variables():
    assert {n.name for n in at_one("x*relu(y) + z") if not n.inputs} == {"x", "y", "z"}


def test_arguments_keep_their_order_and_shared_parts_are_one_node():
    graph = at_one("sin(x)*sin(x) - y")
    assert as_text(graph).splitlines() == [
        "SubBackward0",
        "├─ MulBackward0",
        "│  ├─ SinBackward0 #1",
        "│  │  └─ x",
        "│  └─ #1",
        "└─ y",
    ]
    assert [n.name for n in graph].count("SinBackward0") == 1


def test_detached_parts_and_constants_are_not_in_the_graph():
    assert as_text(at_one("x*detach(exp(x)) + 3")).split() == [
        "AddBackward0",
        "└─",
        "MulBackward0",
        "└─",
        "x",
    ]


def test_a_conditional_expression_records_the_branch_that_is_taken():
    program = parse("exp(x) if x > 0 else sin(x)")
    names = [
        {n.name for n in autograd_graph(TensorProblem(program, {}), {"x": x})} for x in (1.0, -1.0)
    ]
    assert "ExpBackward0" in names[0] - names[1]
    assert "SinBackward0" in names[1] - names[0]


@pytest.mark.parametrize("text", ["3", "detach(x)", "float(x > 0)"])
def test_a_program_that_depends_on_no_variable_has_no_graph(text):
    assert as_text(at_one(text)).startswith("no graph")


def test_a_variable_alone_is_its_own_graph():
    assert as_text(at_one("x")) == "x"


def test_dot_holds_every_node_and_arrow():
    graph = at_one("sin(x)*sin(x) - y")
    lines = as_dot(graph).splitlines()
    assert (lines[0], lines[-1]) == ("digraph autograd {", "}")
    assert sum("label=" in line for line in lines) == len(graph)
    assert sum("->" in line for line in lines) == sum(len(n.inputs) for n in graph)


def test_the_error_names_a_function_that_torch_lacks():
    with pytest.raises(UsageError, match="torch cannot run the expression: cbrt"):
        at_one("cbrt(x)")
