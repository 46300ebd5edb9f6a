"""How large a text may be: expression text is untrusted, and hostile text must stay cheap."""

from __future__ import annotations

import re
from typing import Final

from symdiff.errors import ExpressionError, Place

MAX_TEXT: Final = 10_000  # characters of an expression, with its definitions
MAX_NESTING: Final = 100  # brackets inside brackets, and arguments inside arguments
MAX_NODES: Final = 5_000  # distinct sub-expressions
MAX_DIGITS: Final = 300  # of one number; the largest double has 309 before the point
MAX_EXPONENT: Final = 10_000  # of a power with a constant exponent
MAX_GAMMA: Final = 10_000  # constant argument of gamma, lgamma and digamma
MAX_DEFINITIONS: Final = 200  # let definitions of one entry
MAX_INPUTS: Final = 100  # variables of one expression
MAX_ENTRIES: Final = 5_000  # entries of one file
MAX_FILE: Final = 1_000_000  # bytes of one file

_DIGITS = re.compile(r"\d[\d_]*")
_OPENING, _CLOSING = "([{", ")]}"
_STRANGE = re.compile(r"[^\x20-\x7e\t\n\r]")
_FORBIDDEN = re.compile(r"[\\;#$`?{}]")


def check_text(text: str) -> None:
    """Check a text before any parser sees it: its length, characters, brackets and numbers.

    Raises
    ------
    ExpressionError
        With the column of the first character that cannot stand.

    Examples
    --------
    >>> check_text("x + 1")
    >>> check_text("x + y)")
    Traceback (most recent call last):
    symdiff.errors.ExpressionError: this bracket closes none at column 6 (remove it)
        x + y)
             ^
    """
    if len(text) > MAX_TEXT:
        message = f"the text has {len(text)} characters, at most {MAX_TEXT} are read"
        raise ExpressionError(message, hint="split it with let definitions in several entries")
    if not text.strip():
        message = "the expression is empty"
        raise ExpressionError(message, hint='write a formula, such as "relu(x)"')
    _check_characters(text)
    _check_brackets(text)
    for match in _DIGITS.finditer(text):
        if match.end() - match.start() > MAX_DIGITS:
            message = f"a number with more than {MAX_DIGITS} digits"
            raise _error(message, text, match.start(), match.end(), "write it as a power: 10**20")


def _check_characters(text: str) -> None:
    found = _STRANGE.search(text) or _FORBIDDEN.search(text)
    if found is None:
        return
    character = found.group()
    if character.isprintable() and not character.isascii():
        shown, hint = repr(character), "only ASCII letters and signs are read: write x*y, x**2, pi"
    elif character.isascii() and character.isprintable():
        shown, hint = repr(character), "it has no meaning in an expression"
    else:
        shown, hint = f"U+{ord(character):04X}", "remove it"
    message = f"unexpected character {shown}"
    raise _error(message, text, found.start(), found.end(), hint)


def _check_brackets(text: str) -> None:
    # Python's parser overflows its stack on deep nesting: refuse it before.
    opened: list[int] = []
    for position, character in enumerate(text):
        if character in _OPENING:
            opened.append(position)
            if len(opened) > MAX_NESTING:
                message = f"more than {MAX_NESTING} brackets inside one another"
                raise _error(message, text, position, position + 1, "use let definitions")
        elif character in _CLOSING:
            if not opened:
                message = "this bracket closes none"
                hint = "remove it"
                raise _error(message, text, position, position + 1, hint)
            opened.pop()
    if opened:
        message = "this bracket is not closed"
        raise _error(message, text, opened[-1], opened[-1] + 1, "close it")


def _error(message: str, text: str, start: int, end: int, hint: str | None) -> ExpressionError:
    return ExpressionError(message, place=Place(text=text, start=start, end=end), hint=hint)
