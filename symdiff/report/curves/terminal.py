"""A function and its derivative in a terminal: lines in braille, and characters for the rest."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array
from symdiff.comparison.evidence import Evidence
from symdiff.report.curves.courses import Course, Curve, course
from symdiff.report.curves.frames import Frame, derivative_frame, value_frame
from symdiff.report.curves.marks import Marks, marks
from symdiff.report.curves.subjects import derivative_name, moving, subject

# Lines of one panel, and the fewest and the most columns of a plot with its labels.
_ROWS: Final = 9
_NARROWEST: Final = 40
_WIDEST: Final = 120
# A limit smaller than this part of the height of its axis is shown as 0.
_ZERO: Final = 1e-3
# Columns for the numbers on the left.
_LABELS: Final = 10
# A cell of a terminal has 2 by 4 dots. The bit of each in the code of a braille character:
_BITS: Final = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_BLANK: Final = 0x2800
_OPEN, _CLOSED, _BAR, _FAILS, _UP, _DOWN, _NAN, _SHADE = "○", "●", "┃", "X", "▲", "▼", "N", "░"
_MEANINGS: Final = {
    _OPEN: "end without its point",
    _CLOSED: "end with its point",
    _BAR: "Clarke interval at a kink",
    _FAILS: "a number that does not pass",
    _UP: "a number above the axis that does not pass",
    _DOWN: "a number below the axis that does not pass",
    _NAN: "NaN that does not pass",
    _SHADE: "undefined",
}
# What stands for a character where only ASCII can be printed; "*" for dots.
_ASCII: Final = {_OPEN: "o", _CLOSED: "@", _BAR: "#", _UP: "^", _DOWN: "v", _SHADE: ":"}
_FRAMES: Final = {"│": "|", "└": "+", "─": "-", "┬": "+"}


def plotted(evidence: Evidence, width: int = 80, *, ascii_only: bool = False) -> str:
    """Return a plot of a function of one variable and its derivative as text, "" if there is none.

    Parameters
    ----------
    evidence
        The result of a comparison.
    width
        The number of columns of the terminal. Lines are one column shorter.
    ascii_only
        Whether to use no character beyond ASCII.
    """
    chosen = subject(evidence)
    if chosen is None or len(moving(evidence)) > 1 or len(evidence.scalars) == 0:
        return ""
    shown, drawn = marks(evidence, chosen), course(chosen)
    columns = min(max(width, _NARROWEST), _WIDEST) - _LABELS - 2
    value = _Canvas.empty(columns, drawn, value_frame(drawn))
    value.curve(drawn.value)
    derivative = _Canvas.empty(columns, drawn, derivative_frame(drawn, shown))
    derivative.curve(drawn.derivative)
    derivative.bars(drawn.bars)
    for m in shown:
        derivative.failing(m)
    lines = [
        *value.lines(chosen.value_name),
        "",
        *derivative.lines(derivative_name(chosen.trial, chosen.variable)),
        *_axis(drawn, columns),
        *_legend(value.characters | derivative.characters, columns + _LABELS),
    ]
    return _as_ascii("\n".join(lines)) if ascii_only else "\n".join(lines)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Canvas:
    """The cells of a panel: dots of lines, and characters in front of them."""

    span: tuple[float, float]
    frame: Frame
    dots: NDArray[np.bool_]  # shape (4*rows, 2*columns)
    cells: NDArray[np.str_]  # shape (rows, columns); "" where the dots are seen

    @classmethod
    def empty(cls, columns: int, drawn: Course, frame: Frame) -> _Canvas:
        """Return a canvas on which only the intervals are shaded in which nothing is defined."""
        canvas = cls(
            drawn.span,
            frame,
            np.zeros((4 * _ROWS, 2 * columns), dtype=bool),
            np.full((_ROWS, columns), "", dtype="<U1"),
        )
        for start, stop in drawn.undefined:
            first, last = canvas.column(np.array([start, stop]))
            canvas.cells[:, first : last + 1] = _SHADE
        return canvas

    @property
    def characters(self) -> set[str]:
        """The characters in front of the dots."""
        return set(np.unique(self.cells).tolist()) - {""}

    def column(self, x: Array) -> NDArray[np.intp]:
        """Return the columns of cells at coordinates."""
        return self._dot_column(x) // 2

    def row(self, y: Array) -> NDArray[np.intp]:
        """Return the rows of cells at heights."""
        return self._dot_row(y) // 4

    def _dot_column(self, x: Array) -> NDArray[np.intp]:
        low, high = self.span
        last = self.dots.shape[1] - 2  # even: the middle of the axis is inside one column
        return _rounded((x - low) / (high - low) * last, last)

    def _dot_row(self, y: Array) -> NDArray[np.intp]:
        last = self.dots.shape[0] - 1
        height = self.frame.top - self.frame.bottom
        return _rounded((self.frame.top - y) / height * last, last)

    def curve(self, curve: Curve) -> None:
        """Draw a line, and the open and closed ends of its pieces."""
        y = self.frame.broken(curve.y)
        for k in np.flatnonzero(np.isfinite(y[:-1]) & np.isfinite(y[1:])).tolist():
            self._stroke(curve.x[k : k + 2], y[k : k + 2])
        for points, character in ((curve.open, _OPEN), (curve.closed, _CLOSED)):
            inside = points[self.frame.holds(points[:, 1])]
            self.cells[self.row(inside[:, 1]), self.column(inside[:, 0])] = character

    def _stroke(self, x: Array, y: Array) -> None:
        """Draw a straight line between two points, without what is beyond the frame."""
        low, high = self.frame.bottom, self.frame.top
        if max(y) < low or min(y) > high:
            return
        ends = self._dot_row(np.clip(y, low, high))
        count = 2 + int(max(abs(np.diff(self._dot_column(x)))[0], abs(np.diff(ends))[0]))
        part = np.linspace(0.0, 1.0, count)
        from_y, to_y = np.clip(y, low, high)
        across, up = x[0] + (x[1] - x[0]) * part, from_y + (to_y - from_y) * part
        self.dots[self._dot_row(up), self._dot_column(across)] = True

    def bars(self, bars: Array) -> None:
        """Draw the Clarke intervals between the ends of the lines."""
        for x, left, right in bars.tolist():
            rows = self.row(np.clip([left, right], self.frame.bottom, self.frame.top))
            column = self.column(np.array([x]))[0]
            inner = self.cells[min(rows) : max(rows) + 1, column]
            inner[(inner == "") | (inner == _SHADE)] = _BAR

    def failing(self, m: Marks) -> None:
        """Draw the numbers that do not pass; those beyond the axis at its ends."""
        off = m.part(m.fails)
        is_beyond = ~self.frame.holds(off.y)
        characters = np.select(
            [~is_beyond, np.isnan(off.y), off.y > self.frame.high], [_FAILS, _NAN, _UP], _DOWN
        )
        self.cells[self.row(self.frame.placed(off.y)), self.column(off.x)] = characters

    def lines(self, name: str) -> list[str]:
        """Return the lines of the panel, with its name and the ends of its vertical axis."""
        patterns = self.dots.reshape(_ROWS, 4, -1, 2).transpose(0, 2, 1, 3)
        codes = (patterns * _BITS).sum(axis=(2, 3))
        labels = self._labels(name)
        return [
            f"{label:>{_LABELS - 1}} │"
            + "".join(
                cell or (chr(_BLANK + code) if code else " ")
                for cell, code in zip(cells, row, strict=True)
            ).rstrip()
            for label, cells, row in zip(labels, self.cells.tolist(), codes.tolist(), strict=True)
        ]

    def _labels(self, name: str) -> list[str]:
        labels = [""] * _ROWS
        labels[_ROWS // 2] = name[: _LABELS - 1]
        for y in (self.frame.low, self.frame.high):
            is_zero = abs(y) < _ZERO * (self.frame.high - self.frame.low)
            labels[self.row(np.array([y]))[0]] = "0" if is_zero else f"{y:.3g}"
        return labels


def _rounded(x: Array, last: int) -> NDArray[np.intp]:
    """Return places as indices from 0 to the last one."""
    indices: NDArray[np.intp] = np.clip(np.round(x), 0, last).astype(np.intp)
    return indices


def _axis(drawn: Course, columns: int) -> list[str]:
    """Return the horizontal axis: its ends, and the coordinates of kinks below ``┬``."""
    low, high = drawn.span
    line, below = ["─"] * columns, [" "] * (columns + _LABELS)
    ends = [(low, 0), (high, columns - 1)]
    kinks = [
        (x, round((x - low) / (high - low) * (columns - 1)))
        for x in np.unique(drawn.bars[:, 0]).tolist()
    ]
    for _, column in kinks:
        line[column] = "┬"
    taken = np.zeros(len(below), dtype=bool)
    for x, column in (*ends, *kinks):
        text = f"{x:.5g}"
        start = min(max(column + _LABELS + 1 - len(text) // 2, 0), len(below) - len(text))
        around = slice(max(start - 1, 0), start + len(text) + 1)
        if not taken[around].any():
            below[start : start + len(text)] = text
            taken[around] = True
    name = drawn.axis[: _LABELS - 1]
    text = "".join(below)
    text = (
        f"{name:>{_LABELS - 1}}" + text[_LABELS - 1 :] if not text[: _LABELS - 1].strip() else text
    )
    return [" " * _LABELS + "└" + "".join(line), text.rstrip()]


def _legend(characters: set[str], width: int) -> list[str]:
    """Return the meanings of the characters that occur, in lines of at most this width."""
    lines: list[str] = []
    for character, meaning in _MEANINGS.items():
        if character in characters:
            part = f"{character} {meaning}"
            if lines and len(lines[-1]) + len(part) + 4 <= width:
                lines[-1] += f"    {part}"
            else:
                lines.append(f"  {part}")
    return lines


def _as_ascii(text: str) -> str:
    """Return a plot with ASCII characters only.

    Examples
    --------
    >>> _as_ascii("│⠉○")
    '|*o'
    """
    table = {**_ASCII, **_FRAMES, "²": "2"}
    return "".join(
        "*" if _BLANK < ord(character) <= _BLANK + 0xFF else table.get(character, character)
        for character in text
    )
