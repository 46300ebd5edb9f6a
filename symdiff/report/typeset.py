r"""Text and numbers in LaTeX: nothing in a name or a message is a command.

Formulas need the package amsmath.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from symdiff.errors import SymdiffError
from symdiff.printing.latex import latex_text, symbol
from symdiff.program import parse
from symdiff.report.headline import shortened
from symdiff.report.markdown import one_line

# Characters that are commands of LaTeX, or that fonts lack. A row that begins with [ or * would
# belong to the \\ before it.
_ESCAPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "\\": r"\textbackslash{}",
        **{c: rf"\{c}" for c in "{}$&#_%"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "`": r"\textasciigrave{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        **{c: f"{{{c}}}" for c in '[*"'},
        "…": r"\ldots{}",
        "≈": r"$\approx$",
        "∞": r"$\infty$",
        "²": r"$^{2}$",
        "∂": r"$\partial$",
    }
)
_NUMBER: Final = r"≈?[-+]?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|inf)(?![\w.])"
# An interval, two slopes, or a number.
_MATH: Final = re.compile(
    rf"[\[(]{_NUMBER}, {_NUMBER}[\])]|(?<![\w.]){_NUMBER}(?: \| {_NUMBER})?|(?<!\w)nan(?!\w)"
)
_PARTS: Final = re.compile(
    r"(?P<about>≈?)(?P<number>[-+]?[\d.]+|[-+]?inf)(?:e(?P<power>[-+]?\d+))?"
)
# The longest formula, and the most characters of an expression as text.
_LONGEST_FORMULA, _LONGEST_TEXT = 400, 120


def text(words: str) -> str:
    r"""Return a text in which every character stands for itself.

    Letters of any script are kept. A sign that has no command is written as its number.

    Examples
    --------
    >>> print(text("50% of x_1 {a} \\input"))
    50\% of x\_1 \{a\} \textbackslash{}input
    """
    escaped = "".join(map(_character, one_line(words)))
    return re.sub("-(?=-)", "-{}", escaped)  # not a dash


def _character(c: str) -> str:
    if c in _ESCAPES:
        return _ESCAPES[c]
    return c if c.isascii() or c.isalnum() else f"U+{ord(c):04X}"


def numbers(cell: str) -> str:
    r"""Return a cell with its numbers and intervals in math mode, and its words as text.

    Examples
    --------
    >>> for cell in ("-1", "[0, 1]", "(-inf, 2]", "≈0.5 mean", "1e-10", "0 | 1", "nan", "failed"):
    ...     print(numbers(cell))
    $-1$
    $[0, 1]$
    $(-\infty, 2]$
    $\approx 0.5$ mean
    $10^{-10}$
    $0 \mid 1$
    NaN
    failed
    """
    parts, end = [], 0
    for found in _MATH.finditer(cell):
        parts += [_between(cell[end : found.start()]), _math(found[0])]
        end = found.end()
    return "".join([*parts, _between(cell[end:])])


def _between(words: str) -> str:
    """Return a text with the spaces at its ends."""
    before, after = words[:1].isspace(), words[-1:].isspace() and words.strip()
    return f"{' ' if before else ''}{text(words)}{' ' if after else ''}"


def _math(piece: str) -> str:
    if piece == "nan":
        return "NaN"
    math = _PARTS.sub(_number, piece).replace("|", r"\mid")
    return f"${math}$"


def _number(found: re.Match[str]) -> str:
    about = r"\approx " if found["about"] else ""
    number = found["number"].replace("inf", r"\infty")
    if not found["power"]:
        return f"{about}{number}"
    factor = {"1": "", "-1": "-"}.get(number, rf"{number} \cdot ")
    return f"{about}{factor}10^{{{int(found['power'])}}}"


def coordinate(cell: str) -> str:
    r"""Return a coordinate, which may be an exact number.

    Examples
    --------
    >>> print(coordinate("1/3"), coordinate("-2.5"), coordinate("pi/2"))
    $\frac{1}{3}$ $-2.5$ $\frac{\pi}{2}$
    """
    if not cell or _MATH.fullmatch(cell):
        return numbers(cell)
    return formula(cell) or numbers(cell)


def variable(name: str) -> str:
    r"""Return a variable in math mode; one with an index as text.

    Examples
    --------
    >>> print(variable("alpha"), variable("w[2,1]"))
    $\alpha$ w{[}2,1]
    """
    return f"${symbol(name)}$" if name.isidentifier() and name.isascii() else text(name)


def expression(words: str) -> str:
    r"""Return the text of an expression as a formula, or as it is where it is none.

    Examples
    --------
    >>> print(expression("abs(x)"), expression("f(x) in model.py"))
    $\left|x\right|$ \texttt{f(x) in model.py}
    """
    return formula(words) or rf"\texttt{{{text(shortened(one_line(words), _LONGEST_TEXT))}}}"


def formula(words: str) -> str:
    """Return a text as a formula in one line; "" if it is none, or too long."""
    try:
        found = latex_text(parse(words))
    except SymdiffError:
        return ""
    # A caption cannot hold an environment of several lines.
    is_simple = len(found) <= _LONGEST_FORMULA and r"\begin" not in found and found.isascii()
    return f"${found}$" if is_simple else ""
