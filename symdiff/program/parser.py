"""Text to Program: Python's expression grammar, checked node by node against the catalogue.

The text is parsed to a syntax tree and never run.  Whatever the catalogue does not know is
refused with its column.  The catalogue's own texts are parsed here too, each once.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from symdiff.catalogue import CATALOGUE
from symdiff.errors import ExpressionError
from symdiff.program import limits
from symdiff.program.nodes import Program
from symdiff.program.reader import Reader, check_name

Definitions = Mapping[str, str] | Sequence[tuple[str, str]]


def parse(text: str, *, definitions: Definitions | None = None) -> Program:
    """Read a text as a Program whose value is a number.

    Parameters
    ----------
    text
        An expression in Python's grammar with torch's function names.
    definitions
        Named sub-expressions, each of which may use those before it; as pairs, a name may be
        given a new meaning.

    Returns
    -------
    Program
        The expression as written; nothing is simplified.

    Raises
    ------
    ExpressionError
        The text is no expression, names an unknown function, or is beyond a limit.

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
        message = f"{len(named)} definitions, at most {limits.MAX_DEFINITIONS} are read"
        raise ExpressionError(message)
    if sum(len(definition) for _, definition in named) + len(text) > limits.MAX_TEXT:
        message = f"expression and definitions together have more than {limits.MAX_TEXT} characters"
        raise ExpressionError(message, hint="split it into several entries")
    reader = Reader(dict(named), _meaning)
    for name, definition in named:
        try:
            check_name(name)
            reader.define(name, definition)
        except ExpressionError as error:
            raise error.within(key=f"let {name}") from None
    return reader.read(text)


def parse_condition(text: str) -> Program:
    """Read a text as a Program whose value is a condition: the domain of a catalogue row.

    Examples
    --------
    >>> parse_condition("x >= 0").inputs
    ('x',)
    """
    return Reader({}, _meaning).read(text, condition=True)


@functools.cache
def definition(function: str, choice: str | None) -> Program:
    """Return what a defined row means, as a Program in its parameters' names.

    Examples
    --------
    >>> definition("relu", None).text
    'maximum(x, 0)'
    """
    text = CATALOGUE[function].definition_text(choice)
    assert text is not None  # noqa: S101  (callers ask for defined rows only)
    return parse(text)


@functools.cache
def template(text: str) -> Program:
    """Return a switch, crossing or derivative of a row as a Program in its parameters' names."""
    return Reader({}, _meaning, catalogued=True).read(text)


@functools.cache
def domain(function: str) -> Program | None:
    """Return a row's domain as a condition in its parameters' names; None: all reals."""
    text = CATALOGUE[function].domain
    return None if text is None else parse_condition(text)


@functools.cache
def default(text: str) -> Program:
    """Return a parameter's default as a constant Program."""
    return parse(text)


def _meaning(function: str) -> Program:
    return definition(function, None)
