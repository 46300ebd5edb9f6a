"""Parse expressions, and the texts of the catalogue, into Programs.

The grammar is that of Python's expressions.  The text is parsed to a syntax tree and never run.
A call of a function that is not in the catalogue is an error that names its position.  The texts
of the catalogue (definitions, domains, defaults, switches) are parsed here too, each only once.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from symdiff.catalogue import CATALOGUE, Function
from symdiff.errors import ExpressionError
from symdiff.program import limits
from symdiff.program.nodes import Builder, Program
from symdiff.program.reader import Reader, check_name

Definitions = Mapping[str, str] | Sequence[tuple[str, str]]


def parse(text: str, *, definitions: Definitions | None = None) -> Program:
    """Parse an expression whose value is a number or a tensor.

    Parameters
    ----------
    text
        An expression in Python's grammar with torch's function names.
    definitions
        Named sub-expressions, each of which may use the ones before it.  In a sequence of pairs a
        name may be redefined.

    Returns
    -------
    Program
        The expression as written; nothing is simplified.

    Raises
    ------
    ExpressionError
        The text is not an expression, uses an unknown function, or exceeds a limit.

    Examples
    --------
    >>> parse("h.clamp(min=0)", definitions={"h": "2*x"}).inputs
    ('x',)
    >>> parse("1 + asb(x)")
    Traceback (most recent call last):
    symdiff.errors.ExpressionError: unknown function 'asb' at column 5 (did you mean 'abs'?)
        1 + asb(x)
            ^^^
    """
    named = list(definitions.items() if isinstance(definitions, Mapping) else definitions or ())
    if len(named) > limits.MAX_DEFINITIONS:
        message = f"{len(named)} definitions, at most {limits.MAX_DEFINITIONS} are allowed"
        raise ExpressionError(message)
    if sum(len(definition) for _, definition in named) + len(text) > limits.MAX_TEXT:
        message = f"expression and definitions together have more than {limits.MAX_TEXT} characters"
        raise ExpressionError(message, hint="split it into several entries")
    reader = Reader(dict(named), _default_definition)
    for name, definition in named:
        try:
            check_name(name)
            reader.define(name, definition)
        except ExpressionError as error:
            raise error.within(key=f"let {name}") from None
    return reader.read(text)


def reader_of(definitions: Mapping[str, str], *, is_traced: bool = False) -> Reader:
    """Return a reader for definitions, by name, and an expression in them; see `Reader`."""
    return Reader(definitions, _default_definition, is_traced=is_traced)


def parse_condition(text: str) -> Program:
    """Parse a text whose value is a condition, such as the domain of a catalogue row.

    Examples
    --------
    >>> parse_condition("x >= 0").inputs
    ('x',)
    """
    return Reader({}, _default_definition).read(text, condition=True)


@functools.cache
def definition(function: str, choice: str | None, *, backward: bool = False) -> Program:
    """Return the definition of a row as a Program whose inputs are the row's parameters.

    Parameters
    ----------
    function
        The name of a row that has a definition.
    choice
        The value of its `choice` parameter; None for the default.
    backward
        Whether to return the formula of torch's backward pass, where the row has one.

    Examples
    --------
    >>> definition("relu", None).text
    'maximum(x, 0)'
    """
    text = CATALOGUE[function].definition_text(choice, backward=backward)
    assert text is not None  # noqa: S101  (callers pass rows with a definition only)
    return parse(text)


@functools.cache
def template(text: str) -> Program:
    """Return a row's switch, crossing or derivative as a Program of the row's parameters."""
    return Reader({}, _default_definition, is_template=True).read(text)


@functools.cache
def domain(function: str) -> Program | None:
    """Return a row's domain as a condition on its parameters, or None if it is all reals."""
    text = CATALOGUE[function].domain
    return None if text is None else parse_condition(text)


@functools.cache
def closed_domain(function: str) -> Program | None:
    """Return a row's domain with its ends, or None if it is no open interval.

    Examples
    --------
    >>> closed_domain("atanh").text
    'x >= -1 and x <= 1'
    """
    text = CATALOGUE[function].domain or ""
    if "=" in text or not ({"<", ">"} & set(text)):
        return None
    return parse_condition(text.replace("<", "<=").replace(">", ">="))


@functools.cache
def default(text: str) -> Program:
    """Return the default of a parameter, given as text, as a constant Program."""
    return parse(text)


def bind(builder: Builder, row: Function, arguments: Sequence[int | None]) -> dict[str, int]:
    """Return the nodes of a row's parameters by name; defaults are added to the builder.

    Parameters
    ----------
    builder
        The nodes of a Program.
    row
        A row of the catalogue.
    arguments
        Nodes in the order of the row's parameters; None for an omitted argument.

    Examples
    --------
    >>> builder = Builder.extending(parse("x"))
    >>> bound = bind(builder, CATALOGUE["clamp"], [0, None])
    >>> {name: builder.nodes[node] for name, node in bound.items()}["max"]
    Constant(name='inf')
    """
    bound: dict[str, int] = {}
    for parameter, argument in row.bind(arguments):
        if argument is not None:
            bound[parameter.name] = argument
        elif parameter.has_default_expression and parameter.default:
            bound[parameter.name] = builder.copy(default(parameter.default), {})
    return bound


def _default_definition(function: str) -> Program:
    return definition(function, None)
