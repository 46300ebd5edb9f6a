"""A Program: an expression as written, as a graph in which equal sub-expressions are one node."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclasses.dataclass(frozen=True, slots=True)
class Literal:
    """A number as Python reads it, True or False."""

    value: int | float | bool


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """What says how a function works and is no number: a word, dimensions, a shape, an index."""

    value: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Constant:
    """A named exact number: a key of `catalogue.CONSTANTS`."""

    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Input:
    """A variable."""

    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """A row of the catalogue applied to earlier nodes.

    `arguments` follows the row's parameters; None stands where the user gave nothing.
    """

    function: str
    arguments: tuple[int | None, ...]
    # The nodes of the arguments that were given.
    given: tuple[int, ...] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Leave out what was not given."""
        object.__setattr__(self, "given", tuple(a for a in self.arguments if a is not None))


Node = Literal | Setting | Constant | Input | Call


class Step(NamedTuple):
    """A node where a Program is read, one node after the other.

    Attributes
    ----------
    number
        Of the node.
    node
        The node.
    row
        The name of the row that a call applies; "": a leaf, or a list of tensors.
    arguments
        The nodes of a call's arguments; None stands where the user gave nothing.
    """

    number: int
    node: Node
    row: str
    arguments: tuple[int | None, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one of a Program's texts: ``sources[source].text[start:end]``.

    `component` says which component of a tensor is meant: ``[2,1]``.
    """

    source: int
    start: int
    end: int
    component: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """A text that a Program was read from: ``expr``, or a definition ``let h``."""

    name: str
    text: str


@dataclasses.dataclass(frozen=True)
class Program:
    """An expression as written.

    Attributes
    ----------
    nodes
        Arguments stand before the calls that use them; no two nodes are equal.
    spans
        For every node, every place in the texts where it is written; empty for nodes that a
        definition of the catalogue brought in.
    output
        The node whose value is the expression's.
    inputs
        The variables, in the order in which they first appear.
    sources
        The texts: the definitions in order, the expression last.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> program = parse("relu(x) - relu(x)*y")
    >>> program.inputs
    ('x', 'y')
    >>> [program.written(i) for i in range(len(program.nodes))]
    ['x', 'relu(x)', 'y', 'relu(x)*y', 'relu(x) - relu(x)*y']
    """

    nodes: tuple[Node, ...]
    spans: tuple[tuple[Span, ...], ...]
    output: int
    inputs: tuple[str, ...]
    sources: tuple[Source, ...]

    @functools.cached_property
    def steps(self) -> tuple[int, ...]:
        """The nodes that the output is made of, arguments first."""
        return tuple(sorted(self.reached(self.output)))

    @functools.cached_property
    def plan(self) -> tuple[Step, ...]:
        """The steps, with what reading them needs: proofs read a Program many times."""
        return tuple(self._step(index) for index in self.steps)

    def _step(self, index: int) -> Step:
        node = self.nodes[index]
        if not isinstance(node, Call):
            return Step(index, node, "", ())
        row = "" if node.function == "sequence" else node.function
        return Step(index, node, row, node.arguments)

    @functools.cached_property
    def last_uses(self) -> tuple[tuple[int, ...], ...]:
        """For every step the nodes that no later one takes: their values may be forgotten."""
        last = {a: step for step in self.steps for a in self._arguments(step)}
        found: dict[int, list[int]] = {step: [] for step in self.steps}
        for node, step in last.items():
            found[step].append(node)
        return tuple(tuple(found[step]) for step in self.steps)

    def _arguments(self, node: int) -> tuple[int, ...]:
        here = self.nodes[node]
        return here.given if isinstance(here, Call) else ()

    @functools.cached_property
    def has_branches(self) -> bool:
        """Whether it has a part that runs under a condition only: ``x if c else y``."""
        nodes = (self.nodes[i] for i in self.steps)
        return any(isinstance(n, Call) and n.function == "ifelse" for n in nodes)

    @functools.cached_property
    def _hash(self) -> int:
        return hash((self.nodes, self.output, self.inputs, self.sources))

    def __hash__(self) -> int:
        """Return a hash, computed once: programs are keys of what is known of them."""
        return self._hash

    @property
    def text(self) -> str:
        """The expression's own text."""
        return self.sources[-1].text

    def written(self, node: int) -> str:
        """Return a node's text where it first stands, or "" if it is not written anywhere."""
        if not self.spans[node]:
            return ""
        span = self.spans[node][0]
        return self.sources[span.source].text[span.start : span.end] + span.component

    def place(self, node: int) -> str:
        """Return a node's text with its place: ``relu(x) (expr, column 1)``."""
        if not self.spans[node]:
            return ""
        span = self.spans[node][0]
        return f"{self.written(node)} ({self.sources[span.source].name}, column {span.start + 1})"

    def at(self, node: int) -> Program:
        """Return the sub-expression at `node` as a Program over the same nodes."""
        steps = tuple(sorted(self.reached(node)))
        inputs = tuple(n.name for i in steps if isinstance(n := self.nodes[i], Input))
        found = Program(self.nodes, self.spans, node, inputs, self.sources)
        found.__dict__["steps"] = steps  # which `steps` would find again
        return found

    def written_out(self, root: int) -> int:
        """Return how many sub-expressions `root` has when nothing is shared.

        A power whose exponent varies counts as the square of its parts: that is how sympy
        takes it.

        Examples
        --------
        >>> from symdiff.program import parse
        >>> program = parse("h + h", definitions={"h": "sin(x)"})
        >>> program.written_out(program.output)
        5
        """
        sizes: dict[int, int] = {}
        for index in sorted(self.reached(root)):
            node = self.nodes[index]
            given = node.given if isinstance(node, Call) else ()
            sizes[index] = 1 + sum(sizes[a] for a in given)
            if isinstance(node, Call) and node.function == "power" and sizes[given[1]] > 1:
                sizes[index] = sizes[index] ** 2
        return sizes[root]

    def reached(self, root: int) -> set[int]:
        """Return every node that the value of `root` is made of, itself among them."""
        seen: set[int] = set()
        waiting = [root]
        while waiting:
            index = waiting.pop()
            if index not in seen:
                seen.add(index)
                node = self.nodes[index]
                if isinstance(node, Call):
                    waiting.extend(node.given)
        return seen

    def calls(self) -> Iterator[tuple[int, Call]]:
        """Yield the calls that the output is made of, arguments first."""
        for index in self.steps:
            node = self.nodes[index]
            if isinstance(node, Call):
                yield index, node


class Builder:
    """Makes a Program: gives every distinct node one number.

    Examples
    --------
    >>> builder = Builder()
    >>> builder.add(Input("x")), builder.add(Literal(1)), builder.add(Input("x"))
    (0, 1, 0)
    """

    def __init__(self) -> None:
        """Start without nodes."""
        self.nodes: list[Node] = []
        self._spans: list[dict[Span, None]] = []  # a dict keeps the order and no doubles
        self._known: dict[tuple[object, ...], int] = {}

    @classmethod
    def extending(cls, program: Program) -> Builder:
        """Start with the nodes of a Program, under the same numbers."""
        builder = cls()
        for node, spans in zip(program.nodes, program.spans, strict=True):
            builder._known[_key(node)] = len(builder.nodes)
            builder.nodes.append(node)
            builder._spans.append(dict.fromkeys(spans))
        return builder

    def add(self, node: Node, span: Span | None = None) -> int:
        """Return the number of `node`, new or known, and note where it is written."""
        key = _key(node)
        index = self._known.get(key)
        if index is None:
            index = self._known[key] = len(self.nodes)
            self.nodes.append(node)
            self._spans.append({})
        if span is not None:
            self.mark(index, span)
        return index

    def mark(self, index: int, span: Span) -> None:
        """Note where a node is written."""
        self._spans[index][span] = None

    def copy(self, program: Program, inputs: Mapping[str, int]) -> int:
        """Add the nodes of another Program, its inputs replaced; return its output's number."""
        moved: dict[int, int] = {}
        for index in program.steps:
            node = program.nodes[index]
            if isinstance(node, Input) and node.name in inputs:
                moved[index] = inputs[node.name]
            elif isinstance(node, Call):
                arguments = tuple(None if a is None else moved[a] for a in node.arguments)
                moved[index] = self.add(Call(node.function, arguments))
            else:
                moved[index] = self.add(node)
        return moved[program.output]

    def program(self, output: int, sources: tuple[Source, ...]) -> Program:
        """Return the Program whose value is the node `output`."""
        return Program(
            nodes=tuple(self.nodes),
            spans=tuple(tuple(spans) for spans in self._spans),
            output=output,
            inputs=(),
            sources=sources,
        ).at(output)


def _key(node: Node) -> tuple[object, ...]:
    # 1, 1.0 and True are equal in Python, and so are 0.0 and -0.0: they are different nodes.
    if isinstance(node, Literal | Setting):
        return type(node), type(node.value), repr(node.value)
    return type(node), node
