"""The graph that PyTorch records of a program, which its reverse mode walks through."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import TENSORS
from symdiff.engines.base import TensorProblem
from symdiff.engines.torch_programs import tensor_leaves
from symdiff.errors import Unsupported, UsageError, describe


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A step of the reverse mode, or a variable.

    Attributes
    ----------
    name
        The name of its class in torch, as AddBackward0, or the name of the variable.
    inputs
        Indices of the nodes that its gradients go to, in the order of the arguments.
    """

    name: str
    inputs: tuple[int, ...] = ()


def autograd_graph(
    tensor_problem: TensorProblem,
    numbers: Mapping[str, float],
    function: Callable[..., Any] | None = None,
) -> tuple[Node, ...]:
    """Return the graph of a program at a point, the root first; empty if torch records none.

    Parameters
    ----------
    tensor_problem
        The program with the values of its tensors.
    numbers
        The other inputs: a conditional expression records the branch that is taken.
    function
        A callable that torch runs in place of the program.

    Raises
    ------
    UsageError
        torch has no such function, or raises an error.

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
        message = f"torch cannot run the expression: {error}"
        raise UsageError(message) from None
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        message = f"torch refused the expression: {describe(error)}"
        raise UsageError(
            message, hint="give its tensors values: --value w=[[1, 2], [3, 4]]"
        ) from None
    root = output.grad_fn if isinstance(output, torch.Tensor) else None
    if root is None:
        names = [name for name, leaf in leaves.items() if leaf is output]
        return tuple(Node(name) for name in names)
    nodes = list(nodes_below(root))
    index = {node: i for i, node in enumerate(nodes)}
    variables = {id(leaf): name for name, leaf in leaves.items()}
    return tuple(
        Node(_name(node, variables), tuple(index[n] for n, _ in node.next_functions if n in index))
        for node in nodes
    )


def root_name(
    tensor_problem: TensorProblem,
    numbers: Mapping[str, float],
    function: Callable[..., Any] | None = None,
) -> str:
    """Return the name of the root's class, or "" if torch records no graph."""
    try:
        graph = autograd_graph(tensor_problem, numbers, function)
    except Exception:  # noqa: BLE001  (a callable may raise anything; its engine reports it)
        return ""
    return graph[0].name if graph else ""


def nodes_below(root: Any) -> Iterator[Any]:  # noqa: ANN401  (torch has no class for all of them)
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
