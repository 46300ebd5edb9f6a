"""Prepare a Program for a language: expand functions that it lacks, and name repeated parts."""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType

from symdiff.catalogue import CATALOGUE, Function
from symdiff.errors import ExpressionError, Place
from symdiff.program import Call, Input, Program, Setting
from symdiff.program.nodes import Builder
from symdiff.program.parser import bind, definition

# Whether a language has a form for a row, with arguments for the parameters of these names.
HasForm = Callable[[Function, frozenset[str]], bool]


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """A Program in the functions of one language.

    Attributes
    ----------
    program
        The program; every row that it calls has a form in the language.
    names
        The names of sub-expressions that are written once and then used by name, by node.
    inputs
        What each variable is called.
    """

    program: Program
    names: Mapping[int, str]
    inputs: Mapping[str, str]


def prepare(
    program: Program,
    language: str,
    has_form: HasForm,
    *,
    reserved: Collection[str] = (),
    shares: bool = True,
) -> Prepared:
    """Return a Program in the functions of one language.

    Parameters
    ----------
    program
        The program.
    language
        The name of the language in messages.
    has_form
        Whether the language has a form for a row with arguments for some of its parameters.
        Without one, the row's definition takes its place.
    reserved
        Names that variables cannot have there.
    shares
        Whether sub-expressions that occur several times get names, besides the ``let`` ones.

    Raises
    ------
    ExpressionError
        A row has neither a form nor a definition that stands for it.
    """
    builder = Builder()
    copies: dict[int, int] = {}
    for index in program.order:
        node = program.nodes[index]
        if isinstance(node, Call):
            arguments = tuple(None if a is None else copies[a] for a in node.arguments)
            try:
                copies[index] = _added(builder, Call(node.function, arguments), has_form)
            except _NoFormError as error:
                raise _refusal(program, index, language, error.row) from None
        else:
            copies[index] = builder.add(node)
    expanded = builder.program(copies[program.output], program.sources)
    taken = {*reserved}
    inputs = {name: _unique(name, taken) for name in program.inputs}
    names: dict[int, str] = {}
    for name, index in _definitions(program):
        copy = copies[index]
        if copy not in names and isinstance(expanded.nodes[copy], Call):
            names[copy] = _unique(name, taken)
    if shares:
        fresh = (f"t{k}" for k in itertools.count(1))
        for copy in _shared(expanded):
            if copy not in names:
                names[copy] = _unique(next(fresh), taken)
    return Prepared(expanded, MappingProxyType(names), MappingProxyType(inputs))


def takes(template: str, given: frozenset[str]) -> bool:
    """Return whether a template has a place for every argument that is given.

    Examples
    --------
    >>> takes("softplus(<x>)", frozenset({"x", "beta"})), takes("softplus(<*>)", frozenset({"x"}))
    (False, True)
    """
    return "<" not in template or all(f"<{n}>" in template for n in given) or "<*>" in template


class _NoFormError(Exception):
    """A language has no form for a row, which has no definition either."""

    def __init__(self, row: Function) -> None:
        super().__init__(row.name)
        self.row = row


def _added(builder: Builder, call: Call, has_form: HasForm) -> int:
    """Add a call, or what it is by definition; return its node."""
    row = CATALOGUE[call.function]
    bound_to = row.bind(call.arguments) if row.role != "list" else ()
    given = frozenset(p.name for p, argument in bound_to if argument is not None)
    if row.role == "list" or has_form(row, given):
        return builder.add(call)
    choice = None
    for parameter, argument in bound_to:
        node = None if argument is None else builder.nodes[argument]
        if parameter.kind == "choice" and isinstance(node, Setting):
            choice = node.value
    # A definition "x" gives the values only: detach has no derivative, nan_to_num replaces NaN.
    if row.definition is None or row.definition == row.parameter_names[0]:
        raise _NoFormError(row)
    meaning = definition(row.name, choice)
    bound = bind(builder, row, call.arguments)
    unbounded = {p.name for p, a in bound_to if a is None and str(p.default).endswith("inf")}
    copies: dict[int, int] = {}
    for index in meaning.order:
        node = meaning.nodes[index]
        if isinstance(node, Input):
            copies[index] = bound[node.name]
        elif isinstance(node, Call) and (kept := _without_bound(meaning, node, unbounded)):
            copies[index] = copies[kept[0]]
        elif isinstance(node, Call):
            arguments = tuple(None if a is None else copies[a] for a in node.arguments)
            copies[index] = _added(builder, Call(node.function, arguments), has_form)
        else:
            copies[index] = builder.add(node)
    return copies[meaning.output]


def _without_bound(meaning: Program, call: Call, unbounded: Collection[str]) -> list[int]:
    """Return the operand of a maximum or minimum whose other one is an infinite bound, or []."""
    if not CATALOGUE[call.function].variadic:
        return []
    nodes = [meaning.nodes[a] for a in call.operands]
    ends = [isinstance(node, Input) and node.name in unbounded for node in nodes]
    return [a for a, is_end in zip(call.operands, ends, strict=True) if not is_end and any(ends)]


def _refusal(program: Program, index: int, language: str, row: Function) -> ExpressionError:
    node = program.nodes[index]
    called = CATALOGUE[node.function] if isinstance(node, Call) else row
    part = f", of which {called.name} consists" if called is not row else ""
    message = f"{language} has no form for {row.written}{part}"
    span = next(iter(program.spans[index]), None)
    hint = "another language may have one"
    if span is None:
        return ExpressionError(message, hint=hint)
    source = program.sources[span.source]
    place = Place(
        key=source.name if source.name != "expr" else None,
        text=source.text,
        start=span.start,
        end=span.end,
    )
    return ExpressionError(message, place=place, hint=hint)


def _definitions(program: Program) -> Iterator[tuple[str, int]]:
    """Yield the ``let`` names and their nodes: those whose text is the whole definition."""
    widest: dict[int, tuple[int, int]] = {}
    for index in program.order:
        for span in program.spans[index]:
            widest[span.source] = max(
                widest.get(span.source, (0, 0)), (span.end - span.start, index)
            )
    for number, source in enumerate(program.sources):
        kind, _, name = source.name.partition(" ")
        if kind == "let" and number in widest:
            yield name, widest[number][1]


def _shared(program: Program) -> list[int]:
    """Return the nodes that are used several times and are worth a name."""
    uses = collections.Counter(a for _, call in program.calls() for a in call.operands)
    found = []
    for index, call in program.calls():
        row = CATALOGUE[call.function]
        has_parts = any(isinstance(program.nodes[a], Call) for a in call.operands)
        is_short = row.is_operator or row.role == "comparison" or not row.is_named
        if uses[index] > 1 and row.role != "list" and (has_parts or not is_short):
            found.append(index)
    return found


def _unique(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name
