"""Pictures of lines: a function, its derivative, and the numbers of engines beside it."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from symdiff.array_types import Array
from symdiff.report.curves.courses import Course, Curve
from symdiff.report.curves.frames import ROW, Frame, derivative_frame, value_frame
from symdiff.report.curves.marks import ALARM, Marks, thinned
from symdiff.report.curves.scales import labels, power_of, ticks
from symdiff.verdict.words import Verdict

INK: Final = "black"  # text and lines; a page shows it in the colour of its text
_PALE: Final = "#8080804D"
# Sizes in points.
_LINE: Final = 1.6
_END: Final = 4.5
_BAR: Final = 5.0
_RING: Final = 14.0
_DENSE_RING: Final = 9.0
# At most this many texts stand in one label.
_MOST_TEXTS: Final = 2
# In this part of the axis at its ends, labels do not reach beyond their marks.
_NEAR_END: Final = 0.06
# Marks closer to each other than this part of the axis share a label.
_LABEL_WIDTH: Final = 0.18


def draw_value(ax: Axes, course: Course, name: str) -> None:
    """Draw a function: its line, and the intervals in which it is undefined.

    Parameters
    ----------
    ax
        The axes to draw on.
    course
        The function along the horizontal axis.
    name
        The label of the vertical axis.
    """
    frame = value_frame(course)
    _prepare(ax, course, frame, name)
    _draw_curve(ax, course.value, frame)


def draw_derivative(ax: Axes, course: Course, marks: tuple[Marks, ...], name: str) -> None:
    """Draw the true derivative, the Clarke intervals, and the numbers of the engines.

    Numbers beyond the limits are drawn on the edge with an arrow, and NaN in a row at the bottom.

    Parameters
    ----------
    ax
        The axes to draw on.
    course
        The function along the horizontal axis.
    marks
        The numbers of the engines.
    name
        The label of the vertical axis.
    """
    frame = derivative_frame(course, marks)
    _prepare(ax, course, frame, name)
    _draw_bars(ax, course.bars, frame)
    _draw_curve(ax, course.derivative, frame)
    few = [thinned(m, course.span, (frame.low, frame.high)) for m in marks]
    for m in few:
        _draw_passing(ax, m.part(~m.fails), frame)
    _draw_failing(ax, [m.part(m.fails) for m in few], frame)
    _label_edges(ax, few, course, frame)


def draw_errors(ax: Axes, course: Course, marks: tuple[Marks, ...]) -> None:
    """Draw by how many units in the last place the numbers deviate, on a logarithmic axis."""
    ax.set_yscale("log")
    tops = [m.errors[np.isfinite(m.errors)].max(initial=1.0) for m in marks]
    top = 10.0 ** np.ceil(np.log10(max([10.0, *tops])) + 0.5)
    frame = Frame(0.5, top, 0.5, top)
    _prepare(ax, course, frame, "")
    ax.set_ylabel("error in ulps")
    powers = np.arange(0, np.log10(top) + 0.01, max(1, round(np.log10(top) / 3)))
    ax.set_yticks(10.0**powers, [f"1e{k:.0f}" if k else "1" for k in powers])
    ax.set_yticks([], minor=True)
    ax.set_ylim(frame.bottom, frame.top)
    few = []
    for m in marks:
        known = m.part(np.isfinite(m.errors))
        logs = dataclasses.replace(known, y=np.log10(np.maximum(known.errors, 1.0)))
        thin = thinned(logs, course.span, (0.0, float(np.log10(top))))
        few.append(dataclasses.replace(thin, y=10.0**thin.y))
        _draw_passing(ax, few[-1].part(~few[-1].fails), frame)
    _draw_failing(ax, [m.part(m.fails) for m in few], frame)


def needs_errors(course: Course, marks: tuple[Marks, ...]) -> bool:
    """Return whether errors are too small to be seen beside the line of the derivative."""
    frame = derivative_frame(course, marks)
    size = 0.03 * (frame.high - frame.low)
    judged = (Verdict.INEXACT, Verdict.INACCURATE, Verdict.WRONG)
    for m in marks:
        off = m.part(np.isin(m.codes, judged) & np.isfinite(m.errors) & np.isfinite(m.y))
        if not len(off.x):
            continue
        slopes = np.interp(off.x, *_known(course.derivative))
        if (np.abs(off.y - slopes) < size).any():
            return True
    return False


def _known(curve: Curve) -> tuple[Array, Array]:
    known = np.isfinite(curve.y)
    return (curve.x[known], curve.y[known]) if known.any() else (np.zeros(1), np.full(1, np.inf))


@dataclasses.dataclass(frozen=True, slots=True)
class _Look:
    """The size of marks and the width of their strokes in points, and matplotlib's zorder."""

    size: float
    width: float
    order: float


_SMALL: Final = _Look(5.5, 1.1, 4)
_LARGE: Final = _Look(9.0, 2.0, 7)
_DENSE: Final = _Look(5.5, 1.4, 7)  # of more marks than this:
_MOST_LARGE: Final = 20


def _prepare(ax: Axes, course: Course, frame: Frame, name: str) -> None:
    low, high = course.span
    margin = 0.02 * (high - low)
    power = power_of(frame.low, frame.high)
    ax.set_ylabel(f"{name} / 1e{power}" if power else name)
    across, up = ticks(low, high, 6), ticks(frame.low, frame.high)
    ax.set_xticks(across, labels(across))
    ax.set_yticks(up, labels(up, power))
    ax.set_xlim(low - margin, high + margin)
    ax.set_ylim(frame.bottom, frame.top)
    for start, stop in course.undefined:
        ax.axvspan(start, stop, facecolor=_PALE, edgecolor="none", linewidth=0, gid="undefined")
    if len(course.undecided):
        bottom = np.full(len(course.undecided), frame.bottom)
        ax.plot(
            course.undecided, bottom, "", marker="$?$", color=INK, ms=6, ls="", gid="undecided",
            clip_on=False,
        )  # fmt: skip


def _draw_curve(ax: Axes, curve: Curve, frame: Frame) -> None:
    y = frame.broken(curve.y)
    ax.plot(curve.x, y, color=INK, linewidth=_LINE, solid_capstyle="butt", gid="truth", zorder=2)
    for points, face, gid in ((curve.open, "white", "open"), (curve.closed, INK, "closed")):
        inside = points[frame.holds(points[:, 1])]
        if len(inside):
            ax.plot(
                *inside.T, "o", markersize=_END, markerfacecolor=face, markeredgecolor=INK,
                markeredgewidth=1.0, gid=gid, zorder=3,
            )  # fmt: skip


def _draw_bars(ax: Axes, bars: Array, frame: Frame) -> None:
    """Draw the Clarke intervals."""
    if len(bars):
        ends = np.clip(bars[:, 1:], frame.bottom, frame.top)
        ax.vlines(
            bars[:, 0], ends[:, 0], ends[:, 1], colors="#999999", linewidth=_BAR, alpha=None,
            gid="clarke", zorder=1.5,
        )  # fmt: skip


def _draw_passing(ax: Axes, m: Marks, frame: Frame) -> None:
    shown = m.part(~np.isnan(m.y))
    _marks(ax, shown, frame, _SMALL)
    unsure = shown.part(shown.unsure)
    if len(unsure.x):
        ax.plot(
            unsure.x, frame.placed(unsure.y), ls="", marker="$?$", color=INK, ms=6,
            gid="unsure", zorder=4.5, clip_on=False,
        )  # fmt: skip


def _draw_failing(ax: Axes, failing: list[Marks], frame: Frame) -> None:
    """Draw the marks that do not pass: larger, and with a ring."""
    x = np.concatenate([np.zeros(0), *(m.x for m in failing)])
    y = np.concatenate([np.zeros(0), *(m.y for m in failing)])
    if not len(x):
        return
    is_dense = any(len(m.x) > _MOST_LARGE for m in failing)
    ax.plot(
        x, frame.placed(y), "o", ls="", ms=_DENSE_RING if is_dense else _RING, mfc="none",
        mec=ALARM, mew=2.2, gid="alarm", zorder=6, clip_on=False,
    )  # fmt: skip
    for m in failing:
        _marks(ax, m, frame, _DENSE if is_dense else _LARGE)


def _marks(ax: Axes, m: Marks, frame: Frame, look: _Look) -> None:
    if not len(m.x):
        return
    y = frame.placed(m.y)
    ax.plot(
        m.x, y, **m.style.mark(look.size, look.width), gid=m.style.engine, zorder=look.order,
        clip_on=False,
    )  # fmt: skip
    for beyond, marker, shift in ((m.y > frame.high, "^", 1), (m.y < frame.low, "v", -1)):
        far = beyond & ~frame.holds(m.y)
        if far.any():
            height = shift * 0.5 * ROW * (frame.top - frame.bottom)
            ax.plot(
                m.x[far], y[far] + height, ls="", marker=marker, ms=5, mfc=m.style.colour,
                mec=m.style.colour, mew=0.5, gid="beyond", zorder=look.order, clip_on=False,
            )  # fmt: skip


def _label_edges(ax: Axes, few: list[Marks], course: Course, frame: Frame) -> None:
    """Label the marks on the edge that do not pass: ``NaN``, ``inf``, or the number."""
    width = course.span[1] - course.span[0]
    for is_high in (True, False):
        for x, texts in _labels(few, frame, _LABEL_WIDTH * width, is_high=is_high):
            part = (x - course.span[0]) / width
            ax.annotate(
                ", ".join(texts),
                (x, frame.above if is_high else frame.below),
                (0, -9 if is_high else 9), textcoords="offset points",
                ha="left" if part < _NEAR_END else "right" if part > 1 - _NEAR_END else "center",
                va="top" if is_high else "bottom", color=ALARM, fontweight="bold",
                gid="label", zorder=8, annotation_clip=False,
            )  # fmt: skip


def _labels(
    few: list[Marks], frame: Frame, width: float, *, is_high: bool
) -> list[tuple[float, list[str]]]:
    """Return the labels on one edge: a coordinate, and what the marks there stand for."""
    labels: list[tuple[float, list[str]]] = []
    for m in few:
        off = m.part(m.fails & ~frame.holds(m.y) & ((m.y > frame.high) == is_high))
        for x, y, code in zip(off.x.tolist(), off.y.tolist(), off.codes.tolist(), strict=True):
            text = "failed" if code == Verdict.FAILED else "NaN" if np.isnan(y) else f"{y:.3g}"
            near = next((texts for at, texts in labels if abs(at - x) < width), None)
            if near is None:
                labels.append((x, [text]))
            elif text not in near and len(near) < _MOST_TEXTS:
                near.append(text)
    return labels
