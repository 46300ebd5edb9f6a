"""Names of expressions and points as the fragments of links: ``#relu/x=0``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_MAX_LENGTH: Final = 60
# What a fragment keeps. Everything else becomes a hyphen, so that a link can be pasted anywhere.
_OTHER: Final = re.compile(r"[^\w.+*()=,/^-]+")


def fragment(text: str) -> str:
    """Return a text as a part of a link.

    Examples
    --------
    >>> fragment("log of <x>"), fragment("x = 1/3"), fragment("???")
    ('log-of-x', 'x-=-1/3', 'expression')
    """
    kept = _OTHER.sub("-", text).strip("-")[:_MAX_LENGTH]
    return kept or "expression"


def unique_fragments(names: Iterable[str]) -> list[str]:
    """Return a fragment for each name, different ones for different names.

    Examples
    --------
    >>> unique_fragments(["a<b", "a b", "c/d"])
    ['a-b', 'a-b.2', 'c-d']
    """
    taken: dict[str, None] = {}
    for name in names:
        # The slash divides an expression from its point.
        short = fragment(name.replace("/", "-"))
        candidate, count = short, 1
        while candidate in taken:
            count += 1
            candidate = f"{short}.{count}"
        taken[candidate] = None
    return list(taken)
