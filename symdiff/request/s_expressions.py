"""Read s-expressions: brackets, words and strings, each with its place."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Final, NamedTuple, NoReturn

from symdiff.errors import FileError, Place
from symdiff.program.limits import MAX_NESTING

_TOKEN: Final = re.compile(
    r"""[ \t\r\n\f]+ | ;[^\n]* | [(\[\])] | "(?:[^"\\]|\\.)*" | [^\s()\[\]";]+ | . """,
    re.DOTALL | re.VERBOSE,
)
MAX_TOKENS: Final = 20_000  # words and brackets of one form
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
    reader = _Reader(text.split("\n"))
    for token in _tokens(text):
        reader.take(token)
    return reader.finished()


class _Token(NamedTuple):
    """A bracket, a word or a string, with its line and column from 1."""

    text: str
    line: int
    column: int


class _Reader:
    """Puts tokens together; after a mistake it looks for the end of the outermost bracket only."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._found: list[Form | FileError] = []
        self._opened: list[_Token] = []
        self._inside: list[list[Item]] = []  # of each open bracket
        self._size = 0  # tokens inside the outermost bracket
        self._mistake: FileError | None = None

    def take(self, token: _Token) -> None:
        """Take the next token."""
        self._size += 1
        if self._size > MAX_TOKENS and self._mistake is None:
            self._mark(token, f"a benchmark of more than {MAX_TOKENS} words", "split it")
        if token.text in _CLOSING:
            self._open(token)
        elif token.text in _CLOSING.values():
            self._close(token)
        elif self._mistake is None:
            self._word(token)

    def finished(self) -> list[Form | FileError]:
        """Return what was found, with an error if a bracket is still open."""
        if self._opened:
            self._mark(self._opened[0], "this bracket is not closed", "close it")
        return [*self._found, *([self._mistake] if self._mistake else [])]

    def _at(self, token: _Token) -> Position:
        return Position(token.line, token.column, self._lines[token.line - 1])

    def _mark(self, token: _Token, message: str, hint: str) -> None:
        self._mistake = self._mistake or self._at(token).error(message, hint)
        if not self._opened:
            self._end(None)

    def _end(self, form: Form | None) -> None:
        """End what stands in the outermost bracket, or outside all."""
        found = self._mistake or form
        self._found.extend([found] if found else [])
        self._mistake, self._inside, self._size = None, [], 0

    def _word(self, token: _Token) -> None:
        text = token.text
        if not self._opened:
            self._mark(token, f"{text[:40]!r} stands outside brackets", "(FPCore (x) (sin x))")
        elif text == '"':
            self._mark(token, "this string is not closed", "close it")
        else:
            is_string = text.startswith('"')
            content = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if is_string else text
            self._inside[-1].append(Word(content, self._at(token), is_string))

    def _open(self, token: _Token) -> None:
        self._opened.append(token)
        self._inside.append([])
        if len(self._opened) > MAX_NESTING and self._mistake is None:
            self._mark(token, f"more than {MAX_NESTING} nested brackets", "use let")

    def _close(self, token: _Token) -> None:
        if not self._opened:
            self._mark(token, "this bracket was not opened", "remove it")
            return
        opening = self._opened[-1]
        if token.text != _CLOSING[opening.text] and self._mistake is None:
            self._mark(token, f"{opening.text!r} is closed by {token.text!r}", "use one kind")
        self._opened.pop()
        form = None
        if self._mistake is None:
            form = Form(tuple(self._inside.pop()), self._at(opening))
            if self._inside:
                self._inside[-1].append(form)
        if not self._opened:
            self._end(form)


def _tokens(text: str) -> Iterator[_Token]:
    number, start = 1, 0
    for match in _TOKEN.finditer(text):
        found = match.group()
        if not found[0].isspace() and found[0] != ";":
            yield _Token(found, number, match.start() - start + 1)
        breaks = found.count("\n")
        if breaks:
            number += breaks
            start = match.start() + found.rindex("\n") + 1
