"""Read s-expressions: brackets, words and strings, each with its place."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Final, NoReturn

from symdiff.errors import FileError, Place
from symdiff.program.limits import MAX_NESTING

_TOKEN: Final = re.compile(
    r"""[ \t\r\n\f]+ | ;[^\n]* | [(\[\])] | "(?:[^"\\]|\\.)*" | [^\s()\[\]";]+ | . """,
    re.DOTALL | re.VERBOSE,
)
_CLOSING: Final = {"(": ")", "[": "]"}


@dataclasses.dataclass(frozen=True, slots=True)
class Position:
    """A place in a file: the line and column, from 1, and the text of the line."""

    line: int
    column: int
    text: str

    def fail(self, message: str, hint: str | None = None, length: int = 1) -> NoReturn:
        """Raise an error that points here."""
        raise self.error(message, hint, length)

    def error(self, message: str, hint: str | None = None, length: int = 1) -> FileError:
        """Return an error that points here."""
        start = self.column - 1
        place = Place(line=self.line, text=self.text, start=start, end=start + length)
        return FileError(message, place=place, hint=hint)


@dataclasses.dataclass(frozen=True, slots=True)
class Word:
    """A word, a number, or a string without its quotes."""

    text: str
    at: Position
    is_string: bool = False

    def fail(self, message: str, hint: str | None = None) -> NoReturn:
        """Raise an error that points to the word."""
        self.at.fail(message, hint, max(1, len(self.text)))


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """What stands between two brackets."""

    items: tuple[Item, ...]
    at: Position

    def fail(self, message: str, hint: str | None = None) -> NoReturn:
        """Raise an error that points to the opening bracket and the first word."""
        first = self.items[0].text if self.items and isinstance(self.items[0], Word) else ""
        self.at.fail(message, hint, 1 + len(first))

    @property
    def head(self) -> str:
        """The first word; "" if there is none."""
        first = self.items[0] if self.items else None
        return first.text if isinstance(first, Word) and not first.is_string else ""


Item = Word | Form


def read_forms(text: str) -> list[Form | FileError]:
    """Return the forms of a text, and an error for each that is nested too deeply or not closed.

    Examples
    --------
    >>> [form] = read_forms("(sqrt (+ x 1)) ; a comment")
    >>> form.head, form.items[1].at.column
    ('sqrt', 7)
    """
    reader = _Reader()
    for text_of_token, at in _tokens(text):
        reader.take(text_of_token, at)
    return reader.finished()


class _Reader:
    """Puts tokens together; a mistake ends with the outermost bracket around it."""

    def __init__(self) -> None:
        self._found: list[Form | FileError] = []
        self._opened: list[tuple[str, Position]] = []
        self._inside: list[list[Item]] = []  # of each open bracket
        self._mistake: FileError | None = None

    def take(self, text: str, at: Position) -> None:
        """Take the next token."""
        if text in _CLOSING:
            self._open(text, at)
        elif text in _CLOSING.values():
            self._close(text, at)
        elif not self._opened:
            hint = "(FPCore (x) (sin x))"
            self._found.append(at.error(f"{text[:40]!r} stands outside brackets", hint))
        elif text == '"':
            self._mark(at.error("this string is not closed", "close it"))
        else:
            is_string = text.startswith('"')
            content = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if is_string else text
            self._inside[-1].append(Word(content, at, is_string))

    def finished(self) -> list[Form | FileError]:
        """Return what was found, with an error if a bracket is still open."""
        if self._opened:
            _, start = self._opened[0]
            unclosed = start.error("this bracket is not closed", "close it")
            self._found.append(self._mistake or unclosed)
        return self._found

    def _mark(self, mistake: FileError) -> None:
        self._mistake = self._mistake or mistake

    def _open(self, bracket: str, at: Position) -> None:
        self._opened.append((bracket, at))
        self._inside.append([])
        if len(self._opened) > MAX_NESTING:
            self._mark(at.error(f"more than {MAX_NESTING} nested brackets", "use let"))

    def _close(self, bracket: str, at: Position) -> None:
        if not self._opened:
            self._found.append(at.error("this bracket was not opened", "remove it"))
            return
        opening, start = self._opened.pop()
        if bracket != _CLOSING[opening]:
            self._mark(at.error(f"{opening!r} is closed by {bracket!r}", "use one kind"))
        items = tuple(self._inside.pop())
        if self._inside:
            # Below the deepest bracket nothing is kept: its form would be too deep to walk.
            too_deep = len(self._opened) >= MAX_NESTING
            self._inside[-1].append(Form(() if too_deep else items, start))
        else:
            self._found.append(self._mistake or Form(items, start))
            self._mistake = None


def _tokens(text: str) -> Iterator[tuple[str, Position]]:
    lines = text.split("\n")
    number, start = 1, 0
    for match in _TOKEN.finditer(text):
        found = match.group()
        if not found[0].isspace() and found[0] != ";":
            column = match.start() - start + 1
            yield found, Position(number, column, lines[number - 1])
        breaks = found.count("\n")
        if breaks:
            number += breaks
            start = match.start() + found.rindex("\n") + 1
