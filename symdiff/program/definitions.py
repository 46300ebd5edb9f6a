"""The catalogue's own texts (definitions, domains, switches, defaults), parsed once."""

from __future__ import annotations

import functools

from symdiff.catalogue import CATALOGUE
from symdiff.program.nodes import Program
from symdiff.program.parser import parse, parse_condition

__all__ = ["default", "definition", "domain", "template"]


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
    """Return a switch or a crossing of a row as a Program in its parameters' names."""
    return parse(text)


@functools.cache
def domain(function: str) -> Program | None:
    """Return a row's domain as a condition in its parameters' names; None: all reals."""
    text = CATALOGUE[function].domain
    return None if text is None else parse_condition(text)


@functools.cache
def default(text: str) -> Program:
    """Return a parameter's default as a constant Program."""
    return parse(text)
