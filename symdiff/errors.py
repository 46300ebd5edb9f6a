"""Errors of symdiff, with messages written for users.

::

    SymdiffError
    ├── InputError           the input cannot be used: exit status 2, never a traceback
    │   ├── ExpressionError  ... the text of an expression
    │   ├── GridError        ... a range, a list of points, an exact number
    │   ├── FileError        ... an expression file
    │   ├── UsageError       ... an option or an argument
    │   │   ├── UntracedError    ... a function calls what has no form in the catalogue
    │   │   └── CallableError    ... a user's function raised an exception: its cause
    │   └── StoreError       ... a store of results
    ├── Unsupported          an arithmetic does not support a function: a verdict, not a crash
    └── Crash                symdiff itself failed on one expression; the others are computed
        └── Lost             a worker returned no result: it hung, died, or ran out of memory

Every message says what is wrong, where, and what to type next.
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

INTERRUPTED = 130  # exit status after Ctrl-C
NOTHING_DONE = "interrupted: nothing is done yet, and nothing is written"
_LONGEST_MESSAGE = 300  # characters kept of an exception raised by another library
_WINDOW = 72  # characters of the source line shown around an error


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an error is: file, line, entry, key of the entry, and range of characters in a text."""

    file: str | None = None
    line: int | None = None
    entry: str | None = None
    key: str | None = None
    text: str | None = None
    start: int | None = None
    end: int | None = None


class SymdiffError(Exception):
    """Base class of all errors that symdiff raises on purpose."""


class InputError(SymdiffError):
    """The input cannot be used.

    Parameters
    ----------
    message
        What is wrong, in a few words, without the place.
    place
        Where the error is; an outer caller adds the file or the entry with `within`.
    hint
        What to type next.

    Examples
    --------
    >>> place = Place(text="1 + asb(x)", start=4, end=7)
    >>> print(ExpressionError("unknown function 'asb'", place=place, hint="did you mean 'abs'?"))
    unknown function 'asb' at column 5 (did you mean 'abs'?)
        1 + asb(x)
            ^^^
    """

    def __init__(
        self, message: str, *, place: Place | None = None, hint: str | None = None
    ) -> None:
        """Store the parts; `str()` joins them."""
        super().__init__(message)
        self.message = message
        self.place = place or Place()
        self.hint = hint

    def within(
        self,
        *,
        file: str | None = None,
        line: int | None = None,
        entry: str | None = None,
        key: str | None = None,
    ) -> Self:
        """Return the same error with the missing parts of its place filled in."""
        place = dataclasses.replace(
            self.place,
            file=self.place.file or file,
            line=self.place.line or line,
            entry=self.place.entry or entry,
            key=self.place.key or key,
        )
        return type(self)(self.message, place=place, hint=self.hint)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle place and hint too, so that the error can cross a process boundary."""
        return _rebuild, (type(self), self.message, self.place, self.hint)

    def __str__(self) -> str:
        """Return the message in one line, then the source line with a caret if there is one."""
        place = self.place
        where = place.file or ""
        if place.line is not None:
            where += f", line {place.line}" if where else f"line {place.line}"
        if place.entry is not None:
            where += f", entry {place.entry!r}" if where else f"entry {place.entry!r}"
        if place.key is not None:
            where += f", {place.key}" if where else place.key
        head = f"{where}: {self.message}" if where else self.message
        tail = f" ({self.hint})" if self.hint else ""
        if place.text is None or place.start is None:
            return head + tail
        return f"{head} at {_column(place.text, place.start)}{tail}\n{_caret(place)}"


class ExpressionError(InputError):
    """The text of an expression is not valid."""


class GridError(InputError):
    """A range, a list of points or an exact number is not valid."""


class FileError(InputError):
    """An expression file cannot be read."""


class UsageError(InputError):
    """An option or an argument is not valid."""


class UntracedError(UsageError):
    """A function on torch tensors calls an operation that has no form in the catalogue."""


class CallableError(UsageError):
    """The user's function raised an exception, which is the cause of this error."""


class StoreError(InputError):
    """A store of results cannot be read or written."""


class Unsupported(SymdiffError):  # noqa: N818  (the name of a verdict)
    """An arithmetic does not support a function of the program.

    Parameters
    ----------
    function
        The name of the function in the catalogue.
    reason
        Why, in a few words.
    written
        The function as users write it, such as an operator; "" for its name.
    """

    def __init__(self, function: str, reason: str, written: str = "") -> None:
        """Start the message with the function: it is what the user looks for."""
        super().__init__(f"{written or function}: {reason}")
        self.function = function
        self.reason = reason


class Crash(SymdiffError):  # noqa: N818  (says what happened)
    """symdiff itself failed on one expression: a bug of symdiff, to be reported.

    Parameters
    ----------
    where
        The file and the entry.
    reason
        The type and message of the exception.
    name
        The entry's name.
    """

    def __init__(self, where: str, reason: str, name: str = "") -> None:
        """Compose a message that says that the input is not to blame."""
        super().__init__(f"{where}: symdiff itself failed ({reason}); please report this")
        self.where = where
        self.reason = reason
        self.name = name

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle all parts, so that the error can cross a process boundary."""
        return type(self), (self.where, self.reason, self.name)


class Lost(Crash):
    """A worker returned no result for one expression: it hung, died, or ran out of memory."""

    def __init__(self, where: str, reason: str, name: str = "") -> None:
        """Compose a message that says what happened to the worker."""
        super().__init__(where, reason, name)
        self.args = (f"{where}: no result: {reason}",)


def describe(error: Exception) -> str:
    """Return the type of an exception and the first line of its message."""
    lines = str(error).strip().splitlines()
    message = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return message[:_LONGEST_MESSAGE]


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return a hint with the known word most similar to `word`, or None.

    Examples
    --------
    >>> did_you_mean("asb", ["abs", "asin"])
    "did you mean 'abs'?"
    """
    typed = word.lower()[:64]
    folded = {str(name).lower(): str(name) for name in sorted(known)}
    close = difflib.get_close_matches(typed, folded, n=5, cutoff=0.6)
    if not close:
        return None
    # Prefer two swapped letters, the most common typo: difflib rates them like two wrong letters.
    best = max(close, key=lambda name: (sorted(name) == sorted(typed), name[0] == typed[:1]))
    return f"did you mean {folded[best]!r}?"


def complex_number(given: str) -> str:
    """Return the message on a complex number, or on a dtype of complex numbers.

    Examples
    --------
    >>> complex_number("complex64")
    'complex64: complex numbers are out of scope, inputs and outputs are real'
    """
    return f"{given[:40]}: complex numbers are out of scope, inputs and outputs are real"


def _rebuild(kind: type[InputError], message: str, place: Place, hint: str | None) -> InputError:
    return kind(message, place=place, hint=hint)


def _line_bounds(text: str, start: int) -> tuple[int, int]:
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", start)
    return first, len(text) if last < 0 else last


def _column(text: str, start: int) -> str:
    first, _ = _line_bounds(text, start)
    column = f"column {start - first + 1}"
    line = text.count("\n", 0, start) + 1
    return f"line {line}, {column}" if "\n" in text else column


def _caret(place: Place) -> str:
    text, start = place.text or "", place.start or 0
    first, last = _line_bounds(text, start)
    left = max(first, start - _WINDOW // 2)
    right = min(last, left + _WINDOW)
    shown = "".join(c if c.isprintable() else "?" for c in text[left:right])
    width = max(1, min(place.end if place.end is not None else start + 1, right) - start)
    before, after = ("..." if left > first else ""), ("..." if right < last else "")
    return f"    {before}{shown}{after}\n    {' ' * (len(before) + start - left)}{'^' * width}"
