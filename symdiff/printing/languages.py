"""Translate an expression to another language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from symdiff.errors import UsageError, did_you_mean
from symdiff.printing.fpcore import fpcore_text
from symdiff.printing.latex import latex_text
from symdiff.printing.python_code import DIALECTS, function_text
from symdiff.printing.sympy_text import sympy_text
from symdiff.program import Program, parse

LANGUAGES: Final[Mapping[str, Callable[[Program], str]]] = MappingProxyType(
    {
        "torch": partial(function_text, dialect=DIALECTS["torch"]),
        "sympy": sympy_text,
        "latex": latex_text,
        "fpcore": fpcore_text,
        "numpy": partial(function_text, dialect=DIALECTS["numpy"]),
        "jax": partial(function_text, dialect=DIALECTS["jax"]),
    }
)


def translate(
    expression: str | Program, language: str, *, let: Mapping[str, str] | None = None
) -> str:
    """Return an expression in another language.

    Nothing is simplified. A function that the language lacks is written by its definition.

    Parameters
    ----------
    expression
        Text, or a Program, such as one that `symdiff.trace` returns.
    language
        ``torch``, ``numpy``, ``jax``: a function of the variables. ``sympy``: an expression in
        real symbols. ``latex``: a formula. ``fpcore``: a benchmark for Herbie.
    let
        Named sub-expressions of a text; torch, numpy, jax, latex and fpcore keep their names.

    Raises
    ------
    ExpressionError
        The text is not an expression, or the language has no form for a function.
    UsageError
        There is no such language.

    Examples
    --------
    >>> print(translate("h/(1 + h)", "numpy", let={"h": "abs(x)"}))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def f(x):
        h = np.abs(x)
        return h/(1 + h)
    >>> translate("relu(x)/3", "sympy")
    'Max(x, 0)/3'
    """
    check_language(language)
    program = parse(expression, definitions=let) if isinstance(expression, str) else expression
    return LANGUAGES[language](program)


def check_language(language: str) -> None:
    """Check the name of a language.

    Raises
    ------
    UsageError
        There is no such language.
    """
    if language not in LANGUAGES:
        message = f"unknown language {language[:40]!r}"
        hint = did_you_mean(language, LANGUAGES) or f"languages: {', '.join(LANGUAGES)}"
        raise UsageError(message, hint=hint)
