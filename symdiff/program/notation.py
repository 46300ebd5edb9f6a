"""Other notations that have only one meaning: ``^``, ``|x|``, superscripts, LaTeX.

A text is rewritten in Python's grammar before it is parsed, with a note for each kind of change.
A text that Python's grammar accepts is never changed, except for ``^``, which has no other meaning.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from symdiff.catalogue import BY_NAME
from symdiff.errors import ExpressionError, Place
from symdiff.program import limits
from symdiff.program.latex import is_latex, read_latex
from symdiff.program.syntax import is_expression

# Characters with one meaning, as Python's grammar writes them.
SYMBOLS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys("\u2212\u2013", "-"),  # the minus sign, the en dash
        **dict.fromkeys("\u00d7\u00b7\u22c5\u2217", "*"),  # times, two dots, the asterisk operator
        **dict.fromkeys("\u00f7\u2215", "/"),  # the division sign, the division slash
        "\u03c0": "pi",
        "\u2264": "<=",
        "\u2265": ">=",
        "\u2260": "!=",
    }
)
_SHOWN: Final = 60  # characters of LaTeX that a note repeats
_SPACES: Final = "\u00a0\u2009\u202f\u3000"  # without a break, thin, both, as wide as a letter
_WIDE: Final = MappingProxyType({chr(c + 0xFEE0): chr(c) for c in range(0x21, 0x7F)})
_DIGITS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SUPERSCRIPT: Final = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_POWER: Final = re.compile(r"⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_QUOTED: Final = re.compile(
    "\\s*[\u201c\u201d\u201e\u2018\u2019](.*)[\u201c\u201d\u2018\u2019]\\s*"
)
# sin^2(x), sin^(-1) x: a power, and then an argument.
_FUNCTION_POWER: Final = re.compile(
    r"\b([A-Za-z]\w*)\s*(?:\^|\*\*)\s*\(?\s*(-?\d+)\s*\)?"
    r"(?=\s*(?!(?:if|else|and|or|not|in)\b)[A-Za-z(])"
)
_SHORT_ROOT: Final = re.compile(r"\^\s*(\d+\s*/\s*\d+)")
# The end of a text that an operand follows.
_OPERAND_NEXT: Final = re.compile(r"(?:[^\w.)\]]|\b(?:if|else|and|or|not))$")
# What follows a closing bar if it is not clear: further bars, and then an operand.
_BEFORE_FACTOR: Final = re.compile(r"[\s|]*(?!(?:if|else|and|or)\b)[\w(\[.]")


@dataclasses.dataclass(frozen=True, slots=True)
class Understood:
    """A text in Python's grammar.

    Attributes
    ----------
    text
        The text.
    notes
        What was read differently from how it was typed.
    """

    text: str
    notes: tuple[str, ...] = ()


def understand(text: str) -> Understood:
    """Return a text in Python's grammar, checked by `limits.check_text`.

    Raises
    ------
    ExpressionError
        The text exceeds a limit, or its notation has several meanings.

    Examples
    --------
    >>> understand("-|x|^2")
    Understood(text='-abs(x)**2', notes=('read |...| as abs(...)', 'read ^ as **'))
    >>> understand("x + 1")
    Understood(text='x + 1', notes=())
    """
    limits.check_length(text)
    if is_latex(text):
        read = read_latex(text)
        limits.check_text(read.text)
        shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
        return Understood(read.text, (f"read the LaTeX {shown.strip()}", *read.notes))
    rewritten, notes = (text, ()) if text.isascii() else _in_ascii(text)
    limits.check_text(rewritten)
    powers, power_notes = _with_powers(rewritten)
    plain, bar_notes = _without_bars(powers)
    if bar_notes:
        limits.check_text(plain)
    return Understood(plain, (*notes, *bar_notes, *power_notes))


def _in_ascii(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text with characters outside ASCII replaced, where they have one meaning."""
    notes: dict[str, None] = {}
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        text = quoted[1]
        notes["left out the quotation marks around the expression"] = None
    position = text.find("\u03c0")
    while position >= 0:
        _check_product(text, position)
        position = text.find("\u03c0", position + 1)
    wide = [c for c in text if c in _WIDE]
    if wide:
        notes["read wide characters as ASCII"] = None
    for symbol, meaning in SYMBOLS.items():
        if symbol in text:
            notes[f"read {symbol} as {meaning}"] = None
    table: dict[str, str | int | None] = {**SYMBOLS, **_WIDE, **dict.fromkeys(_SPACES, " ")}
    text = _SUPERSCRIPT.sub(lambda match: _power(match, notes), text)
    return text.translate(str.maketrans(table)), tuple(notes)


def _check_product(text: str, position: int) -> None:
    """Refuse a letter or a digit beside pi: the product needs its sign."""
    before, after = text[max(0, position - 64) : position], text[position + 1 : position + 65]
    left = re.search(r"\w+$", before)
    right = re.match(r"\w+", after)
    if left is None and right is None:
        return
    parts = [left[0] if left else "", "pi", right[0] if right else ""]
    place = Place(text=text, start=position, end=position + 1)
    hint = f"write {'*'.join(filter(None, parts))}"
    message = "a product needs its sign"
    raise ExpressionError(message, place=place, hint=hint)


def _power(match: re.Match[str], notes: dict[str, None]) -> str:
    """Return a superscript as a power.

    Raises
    ------
    ExpressionError
        It is not an exponent, or it belongs to the name of a function.
    """
    text, raised = match.string, match.group()
    before, after = text[: match.start()].rstrip(), text[match.end() :].lstrip()
    place = Place(text=text, start=match.start(), end=match.end())
    word = re.search(r"[A-Za-z]\w*$", before[-64:])
    exponent = raised.translate(_DIGITS)
    if word and word[0] in BY_NAME and re.match(r"[A-Za-z(]", after):
        raise _power_of_function(word[0], exponent, place)
    if not _POWER.fullmatch(raised) or not re.search(r"[\w)\]|]$", before):
        message = "a superscript is read as a power, and this is not one"
        raise ExpressionError(message, place=place, hint="write x**2")
    if after.startswith(("**", "^")):
        message = "it is not clear which power is meant first"
        raise ExpressionError(message, place=place, hint="put brackets: (x**2)**3")
    notes[f"read {raised} as **{exponent}"] = None
    return f"**{exponent}"


def _power_of_function(name: str, exponent: str, place: Place) -> ExpressionError:
    """Return the answer to ``sin^2(x)``: a power belongs behind the argument."""
    inverse = BY_NAME.get(f"a{name}") if exponent == "-1" else None
    other = f"{inverse.name}(x) or 1/{name}(x)" if inverse else f"{name}(x)**{exponent}"
    message = f"a power of the function {name} has no argument"
    return ExpressionError(message, place=place, hint=f"write {other}")


def _with_powers(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text with ``**`` for ``^``."""
    for match in _FUNCTION_POWER.finditer(text):
        if match[1] in BY_NAME:
            place = Place(text=text, start=match.start(), end=match.end())
            raise _power_of_function(match[1], match[2], place)
    if "^" not in text:
        return text, ()
    short = _SHORT_ROOT.search(text)
    root = (f"^{short[1]} divides the power: write ^({short[1]}) for the root",) if short else ()
    return text.replace("^", "**"), ("read ^ as **", *root)


def _without_bars(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text with ``abs(...)`` for ``|...|``, if it is not an expression as it is.

    A bar that follows an operand closes, any other one opens.

    Raises
    ------
    ExpressionError
        It is not clear which bars belong together.
    """
    if "|" not in text or is_expression(text):
        return text, ()
    parts: list[str] = []
    opened: list[int] = []
    for position, character in enumerate(text):
        if character != "|":
            parts.append(character)
            continue
        if len(opened) < limits.MAX_NESTING and _follows_no_operand(text, position, parts):
            opened.append(position)
            parts.append("abs(")
        elif opened and not _BEFORE_FACTOR.match(text, position + 1):
            opened.pop()
            parts.append(")")
        else:
            _refuse_bar(text, position)
    if opened:
        _refuse_bar(text, opened[-1])
    return "".join(parts), ("read |...| as abs(...)",)


def _follows_no_operand(text: str, position: int, parts: list[str]) -> bool:
    """Return whether a bar opens: an operator, a bracket, a word or an opening bar precedes it."""
    start = position - 1
    while start >= 0 and text[start].isspace():
        start -= 1
    if start >= 0 and text[start] == "|":
        return parts[start] == "abs("
    return start < 0 or _OPERAND_NEXT.search(text[max(0, start - 7) : start + 1]) is not None


def _refuse_bar(text: str, position: int) -> None:
    place = Place(text=text, start=position, end=position + 1)
    hint = "write abs(x) for |x|, and `or` between conditions"
    message = "it is not clear which bars belong together"
    raise ExpressionError(message, place=place, hint=hint)
