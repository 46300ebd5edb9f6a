"""Program: an expression as written, a graph with one node per distinct sub-expression."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from symdiff.catalogue import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclasses.dataclass(frozen=True, slots=True)
class Literal:
    """A literal as Python reads it: a number, True or False."""

    value: int | float | bool


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """A non-numeric argument of a function: a word, dimensions, a shape, an index."""

    value: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Constant:
    """A named exact constant: a key of `catalogue.CONSTANTS`."""

    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Input:
    """A variable."""

    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """A catalogue function applied to earlier nodes.

    Attributes
    ----------
    function
        The name of its row in the catalogue.
    arguments
        The index of one node per parameter of the row; None for an omitted argument.
    operands
        `arguments` without the omitted ones.
    """

    function: str
    arguments: tuple[int | None, ...]
    operands: tuple[int, ...] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compute `operands`."""
        object.__setattr__(self, "operands", tuple(a for a in self.arguments if a is not None))


Node = Literal | Setting | Constant | Input | Call


class Step(NamedTuple):
    """One step of the evaluation of a Program.

    Attributes
    ----------
    node_index
        The index of the node.
    node
        The node.
    row
        The name of the catalogue row that a call applies; "" for a leaf or a list of tensors.
    arguments
        The indices of a call's arguments; None for an omitted one.
    """

    node_index: int
    node: Node
    row: str
    arguments: tuple[int | None, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """A range of characters in a source text: ``sources[source].text[start:end]``.

    `component` is the multi-index of one component of a tensor, such as ``[2,1]``; "" for all.
    """

    source: int
    start: int
    end: int
    component: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """A text that a Program was parsed from.

    Attributes
    ----------
    name
        ``expr`` or, for a definition, ``let h``.
    text
        The text.
    place
        For a definition that was traced, the line of code: ``model.py:41: h = x / x.norm()``.
    inside
        For one that was traced, the name of the custom Function in whose `forward` the line is.
    """

    name: str
    text: str
    place: str = ""
    inside: str = ""


@dataclasses.dataclass(frozen=True)
class Program:
    """An expression as written.

    Attributes
    ----------
    nodes
        The distinct nodes; arguments precede the calls that use them.
    spans
        For every node, all ranges of the texts where it is written; empty for nodes that come
        from a definition of the catalogue.
    output
        The index of the node whose value is the expression's value.
    inputs
        The variables, in order of first appearance.
    sources
        The source texts: the definitions in order, then the expression.
    notes
        What a reader should know: what was read differently from how it was typed.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> program = parse("relu(x) - relu(x)*y")
    >>> program.inputs
    ('x', 'y')
    >>> [program.text_of(i) for i in range(len(program.nodes))]
    ['x', 'relu(x)', 'y', 'relu(x)*y', 'relu(x) - relu(x)*y']
    """

    nodes: tuple[Node, ...]
    spans: tuple[tuple[Span, ...], ...]
    output: int
    inputs: tuple[str, ...]
    sources: tuple[Source, ...]
    notes: tuple[str, ...] = dataclasses.field(default=(), kw_only=True, compare=False)

    @functools.cached_property
    def order(self) -> tuple[int, ...]:
        """The indices of the nodes that the output depends on, in evaluation order."""
        return tuple(sorted(self.dependencies(self.output)))

    @functools.cached_property
    def plan(self) -> tuple[Step, ...]:
        """The steps of an evaluation in order; computed once, because proofs evaluate often."""
        return tuple(self._step(index) for index in self.order)

    def _step(self, index: int) -> Step:
        node = self.nodes[index]
        if not isinstance(node, Call):
            return Step(index, node, "", ())
        row = "" if CATALOGUE[node.function].role == "list" else node.function
        return Step(index, node, row, node.arguments)

    @functools.cached_property
    def last_uses(self) -> tuple[tuple[int, ...], ...]:
        """For every step, the nodes that no later step uses: their values can be dropped."""
        last_user = {a: user for user in self.order for a in self._operands(user)}
        released: dict[int, list[int]] = {index: [] for index in self.order}
        for index, user in last_user.items():
            released[user].append(index)
        return tuple(tuple(released[index]) for index in self.order)

    def _operands(self, index: int) -> tuple[int, ...]:
        node = self.nodes[index]
        return node.operands if isinstance(node, Call) else ()

    @functools.cached_property
    def has_branches(self) -> bool:
        """Whether a part of the program is evaluated conditionally: ``x if c else y``."""
        nodes = (self.nodes[i] for i in self.order)
        return any(isinstance(n, Call) and CATALOGUE[n.function].runs_one_branch for n in nodes)

    @functools.cached_property
    def written_out(self) -> int:
        """The number of sub-expressions if none were shared; see `tree_size`."""
        return self.tree_size(self.output)

    @functools.cached_property
    def _hash(self) -> int:
        return hash((self.nodes, self.output, self.inputs, self.sources))

    def __hash__(self) -> int:
        """Return a hash, computed once: programs are keys of caches."""
        return self._hash

    @property
    def text(self) -> str:
        """The text of the expression, without its definitions."""
        return self.sources[-1].text

    def text_of(self, node: int) -> str:
        """Return the text of a node where it first appears, or "" if it is not written anywhere."""
        if not self.spans[node]:
            return ""
        span = self.spans[node][0]
        return self.sources[span.source].text[span.start : span.end] + span.component

    def place(self, node: int) -> str:
        """Return the text of a node and its place in the source: ``relu(x) (expr, column 1)``."""
        if not self.spans[node]:
            return ""
        span = self.spans[node][0]
        source = self.sources[span.source]
        where = source.place or f"{source.name}, column {span.start + 1}"
        return f"{self.text_of(node)} ({where})"

    def at(self, node: int) -> Program:
        """Return the sub-expression at `node` as a Program over the same nodes."""
        order = tuple(sorted(self.dependencies(node)))
        inputs = tuple(n.name for i in order if isinstance(n := self.nodes[i], Input))
        program = Program(self.nodes, self.spans, node, inputs, self.sources)
        program.__dict__["order"] = order  # fills the cached property
        return program

    def tree_size(self, root: int) -> int:
        """Return the number of sub-expressions of `root` if none were shared.

        A power whose exponent is not a leaf counts as the square of its size, which models what
        it costs sympy.

        Examples
        --------
        >>> from symdiff.program import parse
        >>> program = parse("h + h", definitions={"h": "sin(x)"})
        >>> program.tree_size(program.output)
        5
        """
        sizes: dict[int, int] = {}
        for index in sorted(self.dependencies(root)):
            node = self.nodes[index]
            operands = node.operands if isinstance(node, Call) else ()
            sizes[index] = 1 + sum(sizes[a] for a in operands)
            if (
                isinstance(node, Call)
                and CATALOGUE[node.function].is_power
                and sizes[operands[1]] > 1
            ):
                sizes[index] = sizes[index] ** 2
        return sizes[root]

    def dependencies(self, root: int) -> set[int]:
        """Return the indices of all nodes that the value of `root` depends on, with `root`."""
        seen: set[int] = set()
        waiting = [root]
        while waiting:
            index = waiting.pop()
            if index not in seen:
                seen.add(index)
                node = self.nodes[index]
                if isinstance(node, Call):
                    waiting.extend(node.operands)
        return seen

    def calls(self) -> Iterator[tuple[int, Call]]:
        """Yield the calls that the output depends on and their indices, in evaluation order."""
        for index in self.order:
            node = self.nodes[index]
            if isinstance(node, Call):
                yield index, node


class Builder:
    """Builds a Program: gives every distinct node one index.

    Examples
    --------
    >>> builder = Builder()
    >>> builder.add(Input("x")), builder.add(Literal(1)), builder.add(Input("x"))
    (0, 1, 0)
    """

    def __init__(self) -> None:
        """Start without nodes."""
        self.nodes: list[Node] = []
        self._spans: list[dict[Span, None]] = []  # the keys are an ordered set
        self._indices: dict[tuple[object, ...], int] = {}

    @classmethod
    def extending(cls, program: Program) -> Builder:
        """Return a Builder with the nodes of a Program, under the same indices."""
        builder = cls()
        for node, spans in zip(program.nodes, program.spans, strict=True):
            builder._indices[_key(node)] = len(builder.nodes)
            builder.nodes.append(node)
            builder._spans.append(dict.fromkeys(spans))
        return builder

    def add(self, node: Node, span: Span | None = None) -> int:
        """Return the index of `node`, added if it is new; record where it is written."""
        key = _key(node)
        index = self._indices.get(key)
        if index is None:
            index = self._indices[key] = len(self.nodes)
            self.nodes.append(node)
            self._spans.append({})
        if span is not None:
            self.add_span(index, span)
        return index

    def add_span(self, index: int, span: Span) -> None:
        """Record where a node is written."""
        self._spans[index][span] = None

    def copy(self, program: Program, inputs: Mapping[str, int]) -> int:
        """Add the nodes of a Program with its inputs replaced; return the index of its output."""
        copies: dict[int, int] = {}
        for index in program.order:
            node = program.nodes[index]
            if isinstance(node, Input) and node.name in inputs:
                copies[index] = inputs[node.name]
            elif isinstance(node, Call):
                arguments = tuple(None if a is None else copies[a] for a in node.arguments)
                copies[index] = self.add(Call(node.function, arguments))
            else:
                copies[index] = self.add(node)
        return copies[program.output]

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
    # In Python 1 == 1.0 == True and 0.0 == -0.0; here they are different nodes.
    if isinstance(node, Literal | Setting):
        return type(node), type(node.value), repr(node.value)
    return type(node), node
