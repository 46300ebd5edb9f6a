"""The graph that PyTorch records for a program, as text and in the language of Graphviz."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from symdiff.engines.graph import Node  # loads torch

# The text of a graph without nodes.
_EMPTY: Final = "no graph: the result does not depend on a variable"


def as_text(graph: Sequence[Node]) -> str:
    """Return a graph as a tree.

    A node with inputs that is used several times is drawn once, with a label such as ``#1``; its
    other uses show only the label.

    Examples
    --------
    >>> from symdiff.engines.graph import Node
    >>> print(as_text((Node("MulBackward0", (1, 1)), Node("ExpBackward0", (2,)), Node("x"))))
    MulBackward0
    ├─ ExpBackward0 #1
    │  └─ x
    └─ #1
    """
    if not graph:
        return _EMPTY
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
    """Return a graph in the language of Graphviz, with arrows in the direction of gradients.

    Examples
    --------
    >>> from symdiff.engines.graph import Node
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
