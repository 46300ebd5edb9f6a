"""The expression with the part to blame marked, in one line."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from symdiff.program import Program
from symdiff.report.colours import printable
from symdiff.report.headline import shortened

_CUT: Final = "…"


@dataclasses.dataclass(frozen=True, slots=True)
class Marked:
    """A line of source text in which a part is marked.

    Attributes
    ----------
    label
        What stands before the text: ``h = `` for a definition, ``relu: `` for a name.
    text
        The text in one line.
    spans
        The ranges of the characters of `text` that are marked, in order.

    Examples
    --------
    >>> Marked("f: ", "x + relu(x)", ((4, 11),)).underline()
    '       ~~~~~~~'
    """

    label: str
    text: str
    spans: tuple[tuple[int, int], ...] = ()

    def printable(self) -> Marked:
        """Return the line with its control characters written out, and the marks moved along."""
        ends = [len(printable(self.text[:k])) for k in range(len(self.text) + 1)]
        spans = tuple((ends[start], ends[end]) for start, end in self.spans)
        return Marked(printable(self.label), printable(self.text), spans)

    def underline(self) -> str:
        """Return the line of marks below the text; "" if nothing is marked."""
        marks = [" "] * (len(self.label) + len(self.text))
        for start, end in self.spans:
            for k in range(len(self.label) + start, len(self.label) + end):
                marks[k] = "~"
        return "".join(marks).rstrip()

    def fitted(self, width: int) -> Marked:
        """Return the line with at most `width` characters.

        A long label is cut in its middle. Of a long text, the part around what is marked is kept;
        if nothing is, its ends are.

        Examples
        --------
        >>> Marked("", "a + b + c + relu(x) + d + e", ((12, 19),)).fitted(14)
        Marked(label='', text='… + relu(x) +…', spans=((4, 11),))
        """
        label = shortened(self.label, width // 2)
        space = width - len(label)
        if len(self.text) <= space:
            return Marked(label, self.text, self.spans)
        if not self.spans:
            return Marked(label, shortened(self.text, space))
        start, end = self.spans[0]
        first = max(0, min(start, (start + end - space) // 2, len(self.text) - space))
        last = first + space
        text = self.text[first:last]
        before, after = first > 0, last < len(self.text)
        text = f"{_CUT if before else text[:1]}{text[1:-1]}{_CUT if after else text[-1:]}"
        ends = (1 if before else 0, space - (1 if after else 0))
        spans = tuple(
            (max(a - first, ends[0]), min(b - first, ends[1]))
            for a, b in self.spans
            if b - first > ends[0] and a - first < ends[1]
        )
        return Marked(label, text, spans)


def marked(program: Program, label: str, blame: str) -> tuple[Marked, ...]:
    """Return the text of a program, and the definition that is to blame if there is one.

    Parameters
    ----------
    program
        The program.
    label
        What stands before the text of the expression.
    blame
        A sub-expression with its place, as in a record: ``relu(x) (expr, column 1)``. The part is
        marked wherever it is written, unless it is the whole text. "" if nothing is to blame.
    """
    node = _node(program, blame)
    last = len(program.sources) - 1
    spans = [] if node is None else list(program.spans[node])
    source = spans[0].source if spans else last
    shown = [(last, label)]
    if source != last and not program.sources[source].place:
        shown.append((source, f"{program.sources[source].name.removeprefix('let ')} = "))
    lines = []
    for k, before in shown:
        text = program.sources[k].text
        ranges = sorted({(s.start, s.end) for s in spans if s.source == k == source})
        is_part = any(text[start:end].strip() != text.strip() for start, end in ranges)
        lines.append(_in_one_line(before, text, _apart(ranges) if is_part else ()))
    return tuple(lines)


def _node(program: Program, blame: str) -> int | None:
    """Return the node that a text blames, or None."""
    if not blame:
        return None
    nodes = (n for n, spans in enumerate(program.spans) if spans)
    return next((n for n in nodes if blame.startswith(program.place(n))), None)


def _apart(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the ranges that do not overlap an earlier one."""
    kept: list[tuple[int, int]] = []
    for start, end in ranges:
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept


def _in_one_line(label: str, text: str, ranges: Sequence[tuple[int, int]]) -> Marked:
    """Return a text with each run of white space as one space, and its marks moved along."""
    kept: list[str] = []
    position = []  # of each character of the text in the line
    for character in text:
        is_repeated = character.isspace() and (not kept or kept[-1] == " ")
        position.append(len(kept) - (is_repeated and bool(kept)))
        if not is_repeated:
            kept.append(" " if character.isspace() else character)
    position.append(len(kept))
    line = "".join(kept).rstrip()
    spans = ((position[start], min(position[end], len(line))) for start, end in ranges)
    return Marked(" ".join(label.split()) + " " if label.strip() else "", line, tuple(spans))
