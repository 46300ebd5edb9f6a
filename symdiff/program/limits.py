"""Limits on the size of the input: text is untrusted, and hostile text must be cheap to refuse."""

from __future__ import annotations

import re
from typing import Final

from symdiff.errors import ExpressionError, Place

MAX_TEXT: Final = 10_000  # characters of an expression and its definitions together
MAX_NESTING: Final = 100  # levels of nested brackets
MAX_NODES: Final = 5_000  # distinct sub-expressions
MAX_DIGITS: Final = 300  # digits of one number; the largest double has 309
MAX_EXPONENT: Final = 10_000  # absolute value of a constant exponent
MAX_GAMMA: Final = 10_000  # absolute value of a constant argument of gamma, lgamma and digamma
MAX_DEFINITIONS: Final = 200  # let definitions of one entry
MAX_INPUTS: Final = 100  # variables of one expression
MAX_ENTRIES: Final = 5_000  # entries of one file
MAX_FILE: Final = 1_000_000  # bytes of one file

_DIGITS = re.compile(r"\d[\d_]*")
_OPENING, _CLOSING = "([{", ")]}"
_NOT_ASCII = re.compile(r"[^\x20-\x7e\t\n\r]")
_FORBIDDEN = re.compile(r"[\\;#$`?{}]")


def check_text(text: str) -> None:
    """Check the length, characters, brackets and numbers of a text before it is parsed.

    Raises
    ------
    ExpressionError
        The text is empty, too long, or has a character, a bracket or a number that is refused; the
        error points to the first.

    Examples
    --------
    >>> check_text("x + 1")
    >>> check_text("x + y)")
    Traceback (most recent call last):
    symdiff.errors.ExpressionError: this bracket was not opened at column 6 (remove it)
        x + y)
             ^
    """
    check_length(text)
    if not text.strip():
        message = "the expression is empty"
        raise ExpressionError(message, hint='write a formula, such as "relu(x)"')
    _check_characters(text)
    _check_brackets(text)
    for match in _DIGITS.finditer(text):
        if match.end() - match.start() > MAX_DIGITS:
            message = f"a number with more than {MAX_DIGITS} digits"
            raise _error(message, text, match.start(), match.end(), "write it as a power: 10**20")


def check_length(text: str) -> None:
    """Check the length of a text.

    Raises
    ------
    ExpressionError
        The text is too long.
    """
    if len(text) > MAX_TEXT:
        message = f"the text has {len(text)} characters, at most {MAX_TEXT} are allowed"
        raise ExpressionError(message, hint="split it into several entries")


def _check_characters(text: str) -> None:
    match = _NOT_ASCII.search(text) or _FORBIDDEN.search(text)
    if match is None:
        return
    character = match.group()
    if character.isprintable() and not character.isascii():
        name, hint = repr(character), "use ASCII characters only: x*y, x**2, pi"
    elif character.isascii() and character.isprintable():
        name, hint = repr(character), "it has no meaning in an expression"
    else:
        name, hint = f"U+{ord(character):04X}", "remove it"
    message = f"unexpected character {name}"
    raise _error(message, text, match.start(), match.end(), hint)


def _check_brackets(text: str) -> None:
    # Deep nesting overflows the stack of Python's parser, so it is refused here.
    opened: list[int] = []
    for position, character in enumerate(text):
        if character in _OPENING:
            opened.append(position)
            if len(opened) > MAX_NESTING:
                message = f"more than {MAX_NESTING} nested brackets"
                raise _error(message, text, position, position + 1, "use let definitions")
        elif character in _CLOSING:
            if not opened:
                message = "this bracket was not opened"
                hint = "remove it"
                raise _error(message, text, position, position + 1, hint)
            opened.pop()
    if opened:
        message = "this bracket is not closed"
        raise _error(message, text, opened[-1], opened[-1] + 1, "close it")


def _error(message: str, text: str, start: int, end: int, hint: str | None) -> ExpressionError:
    return ExpressionError(message, place=Place(text=text, start=start, end=end), hint=hint)
