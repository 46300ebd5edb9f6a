"""What to type instead of a text that is not an expression: common mistakes and their hints."""

from __future__ import annotations

import keyword
import re
import unicodedata
from types import MappingProxyType
from typing import Final, NamedTuple

from symdiff.catalogue import BY_NAME
from symdiff.errors import ExpressionError, Place

_LONGEST: Final = 400  # characters of a text that is searched for mistakes


class Mistake(NamedTuple):
    """A pattern, what is wrong with a text that contains it, and what to write.

    The message and the hint are formats of the pattern's groups.
    """

    pattern: re.Pattern[str]
    message: str
    hint: str


def _mistake(pattern: str, message: str, hint: str) -> Mistake:
    return Mistake(re.compile(pattern), message, hint)


# A file is recognized in any text, the others in texts that are not expressions. The first
# pattern that is found decides.
_FILE: Final = _mistake(
    r"^\s*(?P<path>[\w./-]+\.(?:toml|txt|fpcore))\s*$",
    "this is the name of a file, not an expression",
    "write symdiff run {path}",
)
MISTAKES: Final = (
    _mistake(r"^\s*(?:import|from)\s", "an import has no meaning here", "write the formula alone"),
    _mistake(
        r"^\s*return\s+(?P<f>.+)$", "`return` has no meaning here", "write the formula alone: {f}"
    ),
    _mistake(
        r"^\s*(?:if|def|for|while|class|with)\b",
        "a statement is not an expression",
        "write a formula, such as x if x > 0 else 0",
    ),
    _mistake(
        r"^\s*d\s*/\s*d(?P<v>[a-z])\s+(?P<f>.+)$",
        "the derivative is what symdiff computes",
        "write the function alone: {f}",
    ),
    _mistake(r"=<|=>|<>", "this comparison has no meaning here", "comparisons are < <= > >= == !="),
    _mistake(
        r"^(?P<a>.*\S)\s+if\s+(?P<c>(?!.*\belse\b).*\S)\s*$",
        "the value where the condition is false is missing",
        "write {a} if {c} else 0",
    ),
    _mistake(
        r"^\s*[A-Za-z]\w*(?:\([\w\s,]*\))?\s*:?=(?!=)\s*(?P<f>[^=]*[^=\s])\s*$",
        "an equation is not an expression",
        "write the right side alone: {f}",
    ),
    _mistake(
        r"^\s*(?P<c>[^?:]*[^?:\s])\s*\?\s*(?P<a>[^?:]*[^?:\s])\s*:\s*(?P<b>[^?:]*[^?:\s])\s*$",
        "? and : have no meaning here",
        "write {a} if {c} else {b}",
    ),
    _mistake(r"&&", "&& has no meaning here", "write `and` between conditions"),
    _mistake(r"(?P<f>\b\w+)!(?!=)", "! has no meaning here", "write gamma({f} + 1) for {f}!"),
    _mistake(r"!(?!=)", "! has no meaning here", "write `not` before a condition"),
    _mistake(
        r"(?P<f>\d+(?:\.\d+)?|[A-Za-z]\w*)\s*°",
        "angles are in radians",
        "write {f}*pi/180",
    ),
    _mistake(r"√\s*(?P<f>\w+)", "√ has no meaning here", "write sqrt({f})"),
    _mistake(r"√", "√ has no meaning here", "write sqrt(x)"),
    _mistake(r"∞", "∞ has no meaning here", "write inf"),
    _mistake(r"½", "½ has no meaning here", "write 1/2"),
    _mistake(r"\*\*\*", "*** has no meaning here", "write ** for a power, * for a product"),
    _mistake(r";", "; has no meaning here", "write one expression"),
    _mistake(r"#", "a comment has no meaning here", "leave it out"),
    _mistake(r"[{}]", "braces have no meaning here", "write round brackets"),
    _mistake(r"\$", "$ has no meaning here", "leave it out"),
)
# Functions of other languages, with what to write.
OTHER_NAMES: Final = MappingProxyType(
    {
        "sind": "write sin(x*pi/180)",
        "cosd": "write cos(x*pi/180)",
        "tand": "write tan(x*pi/180)",
        "lg": "write log10(x) or log2(x)",
        "dx": "write the function alone, without d/dx",
        "If": "write a if condition else b",
        **dict.fromkeys(
            ["complex", "conj", "fft", "ifft", "rfft", "irfft", "imag", "polar", "view_as_complex"],
            "complex numbers may stand inside a Python function alone: symdiff.compare(f, ...)",
        ),
    }
)
_JUXTAPOSED: Final = re.compile(
    r"(?<![\w.])(?P<a>\d+(?:\.\d*)?|[A-Za-z]\w*)(?P<space>\s*)(?P<b>[A-Za-z]\w*)"
)


def answered(error: ExpressionError, text: str) -> ExpressionError:
    """Return an error with the answer to a common mistake, or the error as it is.

    Parameters
    ----------
    error
        What is wrong with a text that is not an expression.
    text
        The text.

    Examples
    --------
    >>> answered(ExpressionError("invalid syntax"), "y = x**2").hint
    'write the right side alone: x**2'
    """
    if len(text) > _LONGEST:
        return error
    for mistake in MISTAKES:
        found = mistake.pattern.search(text)
        if found:
            return _answer(mistake, found)
    return _greek(text) or _product(text) or error


def file_name(text: str) -> ExpressionError | None:
    """Return an error if a text is the name of an expression file.

    Examples
    --------
    >>> file_name("a/relu.toml").hint
    'write symdiff run a/relu.toml'
    """
    found = _FILE.pattern.search(text) if len(text) <= _LONGEST else None
    return _answer(_FILE, found) if found else None


def _answer(mistake: Mistake, found: re.Match[str]) -> ExpressionError:
    place = Place(text=found.string, start=found.start(), end=max(found.end(), found.start() + 1))
    parts = found.groupdict()
    return ExpressionError(mistake.message, place=place, hint=mistake.hint.format(**parts))


def _greek(text: str) -> ExpressionError | None:
    """Return an error if a text has a Greek letter."""
    for position, character in enumerate(text):
        script, _, rest = unicodedata.name(character, "").partition(" ")
        if script == "GREEK" and " LETTER " in f" {rest} ":
            name = rest.rsplit(" ", 1)[1].lower()
            place = Place(text=text, start=position, end=position + 1)
            message = f"unexpected character {character!r}"
            return ExpressionError(message, place=place, hint=f"write {name}")
    return None


def _product(text: str) -> ExpressionError | None:
    """Return an error if two operands, or a function and its argument, have nothing between."""
    for found in _JUXTAPOSED.finditer(text):
        first, second = found["a"], found["b"]
        if not first or keyword.iskeyword(first) or keyword.iskeyword(second):
            continue
        if not first[0].isdigit() and not found["space"]:
            continue
        place = Place(text=text, start=found.start(), end=found.end())
        if first in BY_NAME:
            message = "the argument of a function needs brackets"
            return ExpressionError(message, place=place, hint=f"write {first}({second})")
        message = "this is not an expression: a product needs its sign"
        called = "(...)" if second in BY_NAME else ""
        hint = f"write the product with its sign: {first}*{second}{called}"
        return ExpressionError(message, place=place, hint=hint)
    return None
