"""The graph that PyTorch records of a program: what its reverse mode goes through."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import torch

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import TENSORS
from symdiff.engines.base import TensorProblem
from symdiff.engines.torch_programs import tensor_leaves
from symdiff.errors import Unsupported, UsageError, describe

_CONSTANT: Final = "no graph: the result does not depend on a variable"


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A step of the reverse mode, or a variable.

    Attributes
    ----------
    name
        The name that torch gives its class, as AddBackward0; of a variable its own.
    inputs
        Places of the nodes that its gradients go to, in the order of the arguments.
    """

    name: str
    inputs: tuple[int, ...] = ()


def autograd_graph(
    tensor_problem: TensorProblem,
    numbers: Mapping[str, float],
    function: Callable[..., Any] | None = None,
) -> tuple[Node, ...]:
    """Return the graph of a program at a point, the root first; empty: there is none.

    Parameters
    ----------
    tensor_problem
        What torch runs, with the values of its tensors.
    numbers
        The other inputs: a conditional expression records one branch only.
    function
        A callable that torch runs in its place.

    Raises
    ------
    UsageError
        torch has no such function.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> tensor_problem = TensorProblem(parse("x*exp(y) + 1"), {})
    >>> for node in autograd_graph(tensor_problem, {"x": 1.0, "y": 2.0}):
    ...     print(node.name, node.inputs)
    AddBackward0 (1,)
    MulBackward0 (2, 3)
    x ()
    ExpBackward0 (4,)
    y ()
    """
    leaves = tensor_leaves(tensor_problem, numbers)
    try:
        output = (
            function(*leaves.values())
            if function
            else read(tensor_problem.program, TENSORS, leaves)
        )
    except Unsupported as error:
        message = f"torch cannot run it: {error}"
        raise UsageError(message) from None
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        message = f"torch refused it: {describe(error)}"
        raise UsageError(
            message, hint="give its tensors values: --value w=[[1, 2], [3, 4]]"
        ) from None
    root = output.grad_fn if isinstance(output, torch.Tensor) else None
    if root is None:
        names = [name for name, leaf in leaves.items() if leaf is output]
        return tuple(Node(name) for name in names)
    found = list(_reached(root))
    place = {node: i for i, node in enumerate(found)}
    variables = {id(leaf): name for name, leaf in leaves.items()}
    return tuple(
        Node(_name(node, variables), tuple(place[n] for n, _ in node.next_functions if n in place))
        for node in found
    )


def root_name(
    tensor_problem: TensorProblem,
    numbers: Mapping[str, float],
    function: Callable[..., Any] | None = None,
) -> str:
    """Return the name of the root's class, or "" where torch records none."""
    try:
        graph = autograd_graph(tensor_problem, numbers, function)
    except Exception:  # noqa: BLE001  (a callable may raise anything; its engine tells of it)
        return ""
    return graph[0].name if graph else ""


def _reached(root: Any) -> Iterator[Any]:  # noqa: ANN401  (torch has no class for all of them)
    """Yield every node once, depth first, in the order of the arguments."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        yield node
        waiting.extend(n for n, _ in reversed(node.next_functions) if n is not None)


def _name(node: Any, variables: Mapping[int, str]) -> str:  # noqa: ANN401
    variable = getattr(node, "variable", None)
    return str(node.name()) if variable is None else variables.get(id(variable), "a constant")


def as_text(graph: Sequence[Node]) -> str:
    """Return a graph as a tree; what is used twice is drawn once and named ``#1`` after that.

    Examples
    --------
    >>> print(as_text((Node("MulBackward0", (1, 1)), Node("ExpBackward0", (2,)), Node("x"))))
    MulBackward0
    ├─ ExpBackward0 #1
    │  └─ x
    └─ #1
    """
    if not graph:
        return _CONSTANT
    uses = [i for node in graph for i in node.inputs]
    shared = [i for i, node in enumerate(graph) if uses.count(i) > 1 and node.inputs]
    label = {i: f"#{number}" for number, i in enumerate(shared, start=1)}
    lines: list[str] = []
    waiting = [(0, "", "")]
    drawn: set[int] = set()
    while waiting:
        i, branch, indent = waiting.pop()
        if i in drawn and i in label:
            lines.append(branch + label[i])
            continue
        drawn.add(i)
        lines.append(f"{branch}{graph[i].name} {label.get(i, '')}".rstrip())
        last = len(graph[i].inputs) - 1
        for k, below in reversed(list(enumerate(graph[i].inputs))):
            corner, line = ("└─ ", "   ") if k == last else ("├─ ", "│  ")
            waiting.append((below, indent + corner, indent + line))
    return "\n".join(lines)


def as_dot(graph: Sequence[Node]) -> str:
    """Return a graph in the language of Graphviz, gradients flowing along the arrows.

    Examples
    --------
    >>> print(as_dot((Node("ExpBackward0", (1,)), Node("x"))))
    digraph autograd {
      n0 [label="ExpBackward0"];
      n1 [label="x", shape=box];
      n0 -> n1;
    }
    """
    nodes = [
        f'  n{i} [label="{node.name}"{"" if node.inputs else ", shape=box"}];'
        for i, node in enumerate(graph)
    ]
    arrows = [f"  n{i} -> n{j};" for i, node in enumerate(graph) for j in node.inputs]
    return "\n".join(["digraph autograd {", *nodes, *arrows, "}"])
