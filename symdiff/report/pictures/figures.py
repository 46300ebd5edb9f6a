"""The figure of a comparison, and the SVG of a page."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from symdiff.comparison.evidence import Evidence, Tensors
from symdiff.errors import UsageError
from symdiff.report.curves.courses import course
from symdiff.report.curves.marks import marks
from symdiff.report.curves.scales import FARTHEST
from symdiff.report.curves.subjects import Subject, derivative_name, is_too_far, moving, subject
from symdiff.report.headline import shortened
from symdiff.report.pictures.compact_svg import compact_svg
from symdiff.report.pictures.lines import (
    INK,
    draw_derivative,
    draw_errors,
    draw_value,
    needs_errors,
)
from symdiff.report.pictures.maps import draw_map, look, maps
from symdiff.report.pictures.tiles import counts, draw_counts, draw_tiles, tiles

Make = Callable[[float], Figure]  # makes an empty figure of a height in inches
Key = tuple[str, dict[str, Any]]  # a name in a legend, and the mark before it

# Sizes in inches: the width is that of a column of text.
_WIDTH: Final = 4.8
_PANEL: Final = 1.35
_LEFT: Final = 0.62
_RIGHT: Final = 0.12
_BOTTOM: Final = 0.4
_GAP: Final = 0.14
_LEGEND: Final = 0.19
_TITLE: Final = 0.22
_TITLE_CHARACTERS: Final = 64
_SQUARE: Final = 2.2
_CELL: Final = 0.48
_MARGIN: Final = 0.25
_ROW: Final = 0.32  # of a matrix of counts
# The most maps, matrices and columns of counts in one picture.
_MOST_MAPS: Final = 2
_MOST_TILES: Final = 2
_MOST_COLUMNS: Final = 4
# Widths of a mark and of a character in the legend.
_KEY: Final = 0.24
_CHARACTER: Final = 0.066


def svg(evidence: Evidence) -> str:
    """Return a picture of a comparison as an SVG element for a page, "" if there is none."""
    with _style():
        drawn = figure(evidence)
        if drawn is None:
            return ""
        return compact_svg(drawn, f"Picture of {evidence.name}", _description(evidence))


def figure(evidence: Evidence, make: Make | None = None) -> Figure | None:
    """Return a picture of a comparison, None if there is nothing to draw.

    Parameters
    ----------
    evidence
        The result of a comparison.
    make
        Makes an empty figure of a height in inches; None: one without pyplot.
    """
    make = make or _figure
    free = moving(evidence)
    if evidence.tensors is not None and _has_components(evidence, evidence.tensors):
        return _tiles(evidence, evidence.tensors, make)
    if len(free) > 2 or any(t.is_directional for t in evidence.trials):
        return _counts(evidence, make)
    if len(free) == 2:
        if any(is_too_far(evidence, axis) for axis in free):
            return None
        return _maps(evidence, (free[0], free[1]), make)
    chosen = subject(evidence)
    return None if chosen is None else _lines(evidence, chosen, make)


def _has_components(evidence: Evidence, tensors: Tensors) -> bool:
    """Return whether derivatives are along components of tensors, each with its own name."""
    is_whole = any(t.is_directional for t in evidence.trials)
    return len(evidence.grid) == 1 and not is_whole and any(tensors.wrt.values())


def _maps(evidence: Evidence, axes: tuple[str, str], make: Make) -> Figure:
    shown = maps(evidence, axes, _MOST_MAPS)
    verdicts = sorted({v for m in shown for v in m.verdicts}, key=lambda v: -v.gravity)
    keys = [(v.label, {**look(v).mark, "ms": min(look(v).size, 6)}) for v in verdicts]
    made, panels = _beside(len(shown), keys, make)
    for ax, m in zip(panels, shown, strict=True):
        draw_map(ax, m, derivative_name(m.trial, m.variable))
    return made


def _tiles(evidence: Evidence, tensors: Tensors, make: Make) -> Figure | None:
    shown = tiles(evidence, tensors, _MOST_TILES)
    if not shown:
        return None
    width = (_WIDTH - _RIGHT) / len(shown)
    sizes = [t.numbers.shape for t in shown]
    cells = [min((width - _MARGIN) / columns, _SQUARE / rows, _CELL) for rows, columns in sizes]
    tallest = max(cell * rows for cell, (rows, _) in zip(cells, sizes, strict=True))
    height = tallest + _TITLE + _MARGIN
    made = make(height)
    for k, (t, cell) in enumerate(zip(shown, cells, strict=True)):
        rows, columns = t.numbers.shape
        bottom = height - _TITLE - cell * rows
        box = (_MARGIN + width * k, bottom, cell * columns, cell * rows)
        draw_tiles(_axes(made, box, height), t)
    return made


def _counts(evidence: Evidence, make: Make) -> Figure:
    shown = counts(evidence, _MOST_COLUMNS)
    height = _ROW * len(shown.rows) + 0.4
    made = make(height)
    left = 0.2 + _CHARACTER * max(map(len, shown.rows))
    box = (left / _WIDTH, 0.06, (_WIDTH - left - _RIGHT) / _WIDTH, 1 - 0.3 / height - 0.06)
    draw_counts(made.add_axes(box, facecolor="none"), shown)
    return made


def _lines(evidence: Evidence, chosen: Subject, make: Make) -> Figure:
    shown, drawn = marks(evidence, chosen), course(chosen)
    has_errors = needs_errors(drawn, shown)
    made, panels = _panels(
        3 if has_errors else 2, [(m.style.engine, m.style.mark(6, 1.2)) for m in shown], make
    )
    draw_value(panels[0], drawn, chosen.value_name)
    draw_derivative(panels[1], drawn, shown, derivative_name(chosen.trial, chosen.variable))
    if has_errors:
        draw_errors(panels[2], drawn, shown)
    for ax in panels[:-1]:
        ax.tick_params(labelbottom=False)
    panels[-1].set_xlabel(drawn.axis)
    return made


def _panels(count: int, keys: Sequence[Key], make: Make) -> tuple[Figure, list[Any]]:
    """Return a figure with panels one above the other, below a legend."""
    rows = _legend_rows(keys)
    height = _BOTTOM + count * (_PANEL + _GAP) + _LEGEND * len(rows)
    made = make(height)
    bottoms = [_BOTTOM + (count - 1 - k) * (_PANEL + _GAP) for k in range(count)]
    panels = [
        _axes(made, (_LEFT, bottom, _WIDTH - _LEFT - _RIGHT, _PANEL), height) for bottom in bottoms
    ]
    _draw_legend(made, rows, height)
    return made, panels


def _beside(count: int, keys: Sequence[Key], make: Make) -> tuple[Figure, list[Any]]:
    """Return a figure with square panels beside each other, below a legend."""
    rows = _legend_rows(keys) if keys else []
    width = (_WIDTH - _RIGHT) / count
    side = min(_SQUARE, width - _LEFT)
    height = _BOTTOM + side + _TITLE + _LEGEND * len(rows)
    made = make(height)
    panels = [_axes(made, (_LEFT + width * k, _BOTTOM, side, side), height) for k in range(count)]
    _draw_legend(made, rows, height)
    return made, panels


def _figure(height: float) -> Figure:
    return Figure(figsize=(_WIDTH, height), dpi=72, facecolor="none")


def _figure_of_pyplot(height: float) -> Figure:
    """Return a figure that pyplot shows, in a window or in a notebook."""
    from matplotlib import pyplot as plt  # noqa: PLC0415  (it keeps figures)

    made: Figure = plt.figure(figsize=(_WIDTH, height), facecolor="white")
    return made


def _axes(made: Figure, box: tuple[float, float, float, float], height: float) -> Axes:
    """Return axes whose place is given in inches."""
    left, bottom, width, tall = box
    ax = made.add_axes(
        (left / _WIDTH, bottom / height, width / _WIDTH, tall / height), facecolor="none"
    )
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _legend_rows(keys: Sequence[Key]) -> list[list[tuple[float, Key]]]:
    """Return the engines in rows, each with its place in inches."""
    rows: list[list[tuple[float, Key]]] = [[]]
    x = _LEFT
    for key in keys:
        width = _KEY + _CHARACTER * len(key[0])
        if x + width > _WIDTH and rows[-1]:
            rows.append([])
            x = _LEFT
        rows[-1].append((x, key))
        x += width + 0.12
    return rows


def _draw_legend(made: Figure, rows: Sequence[Sequence[tuple[float, Key]]], height: float) -> None:
    for k, row in enumerate(rows):
        y = 1 - _LEGEND * (k + 0.6) / height
        for x, (name, mark) in row:
            drawn = Line2D(
                [(x + 0.06) / _WIDTH], [y], transform=made.transFigure, **mark
            )  # fmt: skip
            made.add_artist(drawn)
            made.text((x + 0.15) / _WIDTH, y, name, va="center", color=INK, parse_math=False)


def saved(evidence: Evidence, form: str) -> bytes:
    """Return a picture of a comparison as the content of a file.

    Parameters
    ----------
    evidence
        The result of a comparison.
    form
        ``svg``, ``png`` or ``pdf``.

    Raises
    ------
    UsageError
        Nothing can be drawn of this comparison.
    """
    content = io.BytesIO()
    with _style():
        drawn = _titled(evidence, figure(evidence))
        drawn.savefig(
            content, format=form, facecolor="white", dpi=_DOTS, metadata=_METADATA[form],
            bbox_inches="tight",
        )  # fmt: skip
    return content.getvalue()


def plot(evidence: Evidence, ax: Axes | None) -> Any:  # noqa: ANN401  (Axes, or an array of them)
    """Draw a comparison on a new figure of pyplot, or its derivative on the given axes.

    Parameters
    ----------
    evidence
        The result of a comparison.
    ax
        The axes to draw on; None: a new figure.

    Returns
    -------
    matplotlib.axes.Axes or ndarray
        `ax`, or the axes of the new figure.

    Raises
    ------
    UsageError
        Nothing can be drawn of this comparison, or not on one pair of axes.
    """
    if ax is None:
        with _style():
            return np.array(_titled(evidence, figure(evidence, _figure_of_pyplot)).axes)
    chosen = subject(evidence)
    if chosen is None or len(moving(evidence)) > 1:
        message = f"{evidence.name}: only a function of one variable is drawn on given axes"
        raise UsageError(message, hint="comparison.plot() makes a figure")
    shown, drawn = marks(evidence, chosen), course(chosen)
    draw_derivative(ax, drawn, shown, derivative_name(chosen.trial, chosen.variable))
    ax.set_xlabel(drawn.axis)
    ax.set_title(shortened(evidence.name, _TITLE_CHARACTERS), parse_math=False)
    handles = [Line2D([], [], label=m.style.engine, **m.style.mark(6, 1.2)) for m in shown]
    ax.legend(handles=handles, fontsize="small")
    return ax


def _titled(evidence: Evidence, drawn: Figure | None) -> Figure:
    """Return a figure with the name of the expression above it."""
    if drawn is None:
        message = f"{evidence.name}: there is nothing to draw at coordinates up to {FARTHEST:g}"
        raise UsageError(message, hint="write a table: --output report.html")
    name = shortened(evidence.name, _TITLE_CHARACTERS)
    drawn.text(_LEFT / _WIDTH, 1.01, name, va="bottom", fontsize=9, parse_math=False)
    return drawn


@contextlib.contextmanager
def _style() -> Iterator[None]:
    """Draw in the same style whatever the user's configuration of matplotlib is."""
    with warnings.catch_warnings(), mpl.rc_context():
        # A name may have characters that matplotlib's font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(_PARAMETERS)
        yield


# Dots per inch of a PNG, and the metadata of a file: nothing that changes from run to run.
_DOTS: Final = 200
_METADATA: Final[Mapping[str, dict[str, Any]]] = MappingProxyType(
    {"svg": {"Date": None}, "png": {"Software": None}, "pdf": {"CreationDate": None}}
)
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
