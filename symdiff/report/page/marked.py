"""The texts of a program, with the part that is to blame marked."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Final

from symdiff.program import Program

# A blame ends in its place: relu(x) (expr, column 1), or h[2] (let h, column 3).
_PLACE: Final = re.compile(r"(?s)(.*) \((expr|let \w+), column (\d+)\)")


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """A text of a program.

    Attributes
    ----------
    name
        The name that a definition defines; "" for the expression.
    before, marked, after
        The text in three parts; the second is to blame.
    place
        For a line of traced code, where it is.
    """

    name: str
    before: str
    marked: str = ""
    after: str = ""
    place: str = ""


def texts(program: Program, blames: Sequence[str]) -> tuple[Text, ...]:
    """Return the definitions and the expression, with one part of them marked.

    That is the first of the blames that names a part; if none does, the first that has a place.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> texts(parse("x + relu(x)"), ["relu(x) (expr, column 5)"])
    (Text(name='', before='x + ', marked='relu(x)', after='', place=''),)
    """
    marks = [mark for mark in (_mark(program, blame) for blame in blames) if mark]
    length = {source.name: len(source.text) for source in program.sources}
    marks.sort(key=lambda mark: mark[2] - mark[1] == length[mark[0]])
    source, start, end = marks[0] if marks else ("", 0, 0)
    return tuple(
        Text(
            name="" if s.name == "expr" else s.name.removeprefix("let "),
            before=s.text[:start] if s.name == source else s.text,
            marked=s.text[start:end] if s.name == source else "",
            after=s.text[end:] if s.name == source else "",
            place=s.place,
        )
        for s in program.sources
    )


def _mark(program: Program, blame: str) -> tuple[str, int, int] | None:
    """Return the source, the start and the end of a blamed part."""
    found = _PLACE.fullmatch(blame)
    if found is None:
        return None
    part, name, column = found[1], found[2], int(found[3]) - 1
    for source in program.sources:
        # The component of a tensor stands behind the part: (x @ w)[0].
        for text in (part, part.rpartition("[")[0]):
            if source.name == name and text and source.text.startswith(text, column):
                return name, column, column + len(text)
    return None
