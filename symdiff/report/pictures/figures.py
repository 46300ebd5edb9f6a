"""The figure of a comparison, and the SVG of a page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from symdiff.comparison.evidence import Evidence
from symdiff.report.pictures.courses import course
from symdiff.report.pictures.lines import (
    INK,
    draw_derivative,
    draw_errors,
    draw_value,
    needs_errors,
)
from symdiff.report.pictures.marks import Style, marks
from symdiff.report.pictures.subjects import Subject, moving, subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Sizes in inches: the width is that of a column of text.
_WIDTH: Final = 4.8
_PANEL: Final = 1.35
_LEFT: Final = 0.62
_RIGHT: Final = 0.12
_BOTTOM: Final = 0.4
_GAP: Final = 0.14
_LEGEND: Final = 0.19
# Widths of a mark and of a character in the legend.
_KEY: Final = 0.24
_CHARACTER: Final = 0.066


def svg(evidence: Evidence) -> str:
    """Return a picture of a comparison as an SVG element for a page, "" if there is none."""
    from symdiff.report.pictures.compact_svg import compact_svg  # noqa: PLC0415  (matplotlib)

    with _style():
        drawn = figure(evidence)
        if drawn is None:
            return ""
        return compact_svg(drawn, f"Picture of {evidence.name}", _description(evidence))


def figure(evidence: Evidence) -> Figure | None:
    """Return a picture of a comparison, None if there is nothing to draw."""
    free = moving(evidence)
    if len(free) <= 1:
        chosen = subject(evidence)
        return None if chosen is None else _lines(evidence, chosen)
    return None


def _lines(evidence: Evidence, chosen: Subject) -> Figure:
    shown, drawn = marks(evidence, chosen), course(chosen)
    has_errors = needs_errors(drawn, shown)
    made, panels = _panels(3 if has_errors else 2, [m.style for m in shown])
    draw_value(panels[0], drawn, chosen.value_name)
    draw_derivative(panels[1], drawn, shown, chosen.derivative_name)
    if has_errors:
        draw_errors(panels[2], drawn, shown)
    for ax in panels[:-1]:
        ax.tick_params(labelbottom=False)
    panels[-1].set_xlabel(drawn.axis)
    return made


def _panels(count: int, keys: Sequence[Style]) -> tuple[Figure, list[Any]]:
    """Return a figure with panels one above the other, below a legend."""
    from matplotlib.figure import Figure  # noqa: PLC0415  (heavy)

    rows = _legend_rows(keys)
    height = _BOTTOM + count * (_PANEL + _GAP) + _LEGEND * len(rows)
    made = Figure(figsize=(_WIDTH, height), dpi=72, facecolor="none")
    panels = []
    for k in range(count):
        bottom = _BOTTOM + (count - 1 - k) * (_PANEL + _GAP)
        box = (
            _LEFT / _WIDTH,
            bottom / height,
            (_WIDTH - _LEFT - _RIGHT) / _WIDTH,
            _PANEL / height,
        )
        ax = made.add_axes(box, facecolor="none")
        ax.spines[["top", "right"]].set_visible(False)
        panels.append(ax)
    for k, row in enumerate(rows):
        _draw_legend(made, row, 1 - _LEGEND * (k + 0.6) / height)
    return made, panels


def _legend_rows(keys: Sequence[Style]) -> list[list[tuple[float, Style]]]:
    """Return the engines in rows, each with its place in inches."""
    rows: list[list[tuple[float, Style]]] = [[]]
    x = _LEFT
    for key in keys:
        width = _KEY + _CHARACTER * len(key.engine)
        if x + width > _WIDTH and rows[-1]:
            rows.append([])
            x = _LEFT
        rows[-1].append((x, key))
        x += width + 0.12
    return rows


def _draw_legend(made: Figure, row: Sequence[tuple[float, Style]], y: float) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415  (heavy)

    for x, key in row:
        mark = Line2D(
            [(x + 0.06) / _WIDTH], [y], ls="", marker=key.shape, ms=6, mfc="none",
            mec=key.colour, mew=1.2, transform=made.transFigure,
        )  # fmt: skip
        made.add_artist(mark)
        made.text((x + 0.15) / _WIDTH, y, key.engine, va="center", color=INK, parse_math=False)


@contextlib.contextmanager
def _style() -> Iterator[None]:
    """Draw in the same style whatever the user's configuration of matplotlib is."""
    import matplotlib as mpl  # noqa: PLC0415  (heavy)

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_PARAMETERS)
        yield


_PARAMETERS: Final = {
    "font.size": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "path.simplify_threshold": 0.2,
    "svg.fonttype": "none",
    "svg.hashsalt": "symdiff",
}


def _description(evidence: Evidence) -> str:
    """Return what the picture shows, and how many verdicts do not pass, for screen readers."""
    counts = [
        f"{engine}: {', '.join(f'{n} {verdict.label}' for verdict, n in found.items())}"
        for engine, found in evidence.counts().items()
    ]
    return "The function, its derivative and the numbers of the engines. " + "; ".join(counts) + "."
