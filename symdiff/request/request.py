"""One entry of an expression file, whatever the file's format."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from symdiff.errors import FileError, InputError, Place

GridText = str | list[float | str]

MAX_NAME = 100  # characters
# The key in the file for what an error calls its place.
_KEY_OF = {"claim": "claims", "spelling": "spellings", "expect:": "expect"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of an expression file, as typed; nothing is parsed yet but the file's own form.

    Attributes
    ----------
    name
        Unique in its file.
    expr, let
        The expression, and named sub-expressions in order.
    grid
        For each variable a range ``start:stop:count``, or a list of numbers and exact texts.
    wrt
        The variables to differentiate with respect to; empty: all.
    claims
        For a variable, the derivative that somebody asserts.
    spellings
        Other programs for the same function, by name.
    expect
        For an engine, the verdicts that are accepted.
    values
        For every tensor its value.
    cotangent, tangent, accumulate
        What stands in front of the Jacobian, behind it, and how often.
    source, note
        Where the expression comes from; what a reader should know.
    file, line, lines
        Where the entry stands, and each of its keys.
    """

    name: str
    expr: str
    let: Mapping[str, str] = dataclasses.field(default_factory=dict)
    grid: Mapping[str, GridText] = dataclasses.field(default_factory=dict)
    wrt: tuple[str, ...] = ()
    claims: Mapping[str, str] | tuple[str, ...] = dataclasses.field(default_factory=dict)
    spellings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    expect: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    cotangent: Any = None
    tangent: Mapping[str, Any] | None = None
    accumulate: int = 1
    source: str = ""
    note: str = ""
    file: str | None = None
    line: int | None = None
    lines: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def blame(self, error: InputError) -> InputError:
        """Return the error with this entry's place: the line of the key, where it is known."""
        word = (error.place.key or "expr").split()[0]
        line = self.lines.get(_KEY_OF.get(word, word), self.line)
        return error.within(file=self.file, line=line, entry=self.name)


@dataclasses.dataclass(frozen=True, slots=True)
class Raw:
    """An entry before it is checked: its content, the line it starts on, its own text."""

    content: Any
    line: int | None = None
    text: str = ""


def checked_name(name: str) -> str:
    """Return a name that can stand in tables.

    Raises
    ------
    FileError
        It is empty, too long, or not printable.
    """
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        message = f"{short(name)!r} is not a name"
        hint = f"1 to {MAX_NAME} printable characters on one line: name = ..."
        raise FileError(message, place=Place(key="name"), hint=hint)
    return name


def short(text: str) -> str:
    """Return the beginning of a text, for messages."""
    return text if len(text) <= 40 else text[:37] + "..."
