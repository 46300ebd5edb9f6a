"""Maps of two variables: the verdict at every point, and the curves where a branch changes."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from symdiff.arithmetics.arrays import evaluate
from symdiff.array_types import Array
from symdiff.comparison.evidence import Evidence, Trial
from symdiff.errors import Unsupported
from symdiff.grid.switches import Switch, find_switches
from symdiff.program import Program
from symdiff.report.curves.marks import ALARM
from symdiff.report.curves.scales import labels, ticks
from symdiff.report.curves.subjects import gravity
from symdiff.verdict.words import Verdict

_MOST_TICKS: Final = 3
# Points along each axis of the mesh on which switches are evaluated.
_MESH: Final = 61
# At most this many curves where a branch changes are drawn.
_MOST_SWITCHES: Final = 12
# Of points closer than this part of an axis, the one with the gravest verdict is drawn.
_RESOLUTION: Final = 1 / 60
_GREY: Final = "#808080"
_BLUE: Final = "#0072B2"


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """The mark of a verdict on a map."""

    shape: str
    colour: str
    size: float
    width: float

    @property
    def mark(self) -> dict[str, Any]:
        """What matplotlib draws."""
        return {
            "ls": "",
            "marker": self.shape,
            "ms": self.size,
            "mew": self.width,
            "mec": self.colour,
            "mfc": self.colour if self.size < _DOT else "none",
        }


# Marks smaller than this are filled.
_DOT: Final = 3.0
_QUIET: Final = Look("o", _GREY, 1.6, 0.8)
_LOOKS: Final = {
    Verdict.AGREES: _QUIET,
    Verdict.INEXACT: Look("+", _GREY, 4.0, 0.8),
    Verdict.SUBGRADIENT: Look("o", _BLUE, 5.0, 1.2),
    Verdict.UNDEFINED: Look("|", _GREY, 4.0, 0.8),
    Verdict.SILENT: Look("_", _GREY, 5.0, 1.2),
    Verdict.UNDECIDED: Look("$?$", _BLUE, 6.0, 0.6),
    Verdict.INACCURATE: Look("D", ALARM, 7.0, 1.6),
    Verdict.FAILED: Look("+", ALARM, 9.0, 2.2),
    Verdict.NONFINITE: Look("s", ALARM, 8.0, 2.0),
    Verdict.NOT_SUBGRADIENT: Look("^", ALARM, 9.0, 2.0),
    Verdict.WRONG: Look("x", ALARM, 8.0, 2.4),
    Verdict.VALUE: Look("*", ALARM, 10.0, 1.6),
}


def look(verdict: Verdict) -> Look:
    """Return the mark of a verdict on a map."""
    return _LOOKS.get(verdict, _QUIET)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Map:
    """The gravest verdict of any engine at every point of a plane.

    Attributes
    ----------
    trial, variable
        The derivative.
    axes
        The inputs along the horizontal and the vertical axis.
    points
        The coordinates, shape (n, 2).
    codes
        The codes of the verdicts, shape (n,).
    """

    trial: Trial
    variable: str
    axes: tuple[str, str]
    points: Array
    codes: NDArray[np.int8]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts that occur, gravest first."""
        found = (Verdict.from_code(code) for code in np.unique(self.codes))
        return tuple(sorted(found, key=lambda verdict: -verdict.gravity))


def maps(evidence: Evidence, axes: tuple[str, str], most: int) -> tuple[Map, ...]:
    """Return the maps of the derivatives with the gravest verdicts, in the order of the report.

    Parameters
    ----------
    evidence
        The result of a comparison.
    axes
        The inputs along the horizontal and the vertical axis.
    most
        The largest number of maps.
    """
    columns = [evidence.grid.names.index(name) for name in axes]
    points = evidence.grid.points[:, columns]
    pairs = [(t, v) for t in evidence.trials for v in t.variables]
    ranked = sorted(range(len(pairs)), key=lambda k: -int(gravity(*pairs[k]).max(initial=0)))
    chosen = [pairs[k] for k in sorted(ranked[:most])]
    return tuple(Map(t, v, axes, points, _gravest(t, v)) for t, v in chosen)


def draw_map(ax: Axes, m: Map, name: str) -> None:
    """Draw the verdicts at the points, and the curves where a branch changes.

    Parameters
    ----------
    ax
        The axes to draw on.
    m
        The map.
    name
        The name of the derivative, which is the title.
    """
    ax.set_title(name)
    ax.set_xlabel(m.axes[0])
    ax.set_ylabel(m.axes[1], rotation=0, ha="right", va="bottom")
    ax.yaxis.set_label_coords(-0.04, 1.02)
    spans = [_span(m.points[:, k]) for k in range(2)]
    for axis, (low, high) in zip((ax.xaxis, ax.yaxis), spans, strict=True):
        marks = ticks(low, high, _MOST_TICKS)
        axis.set_ticks(marks, labels(marks))
    _draw_switches(ax, m, spans)
    ax.set_xlim(_widened(spans[0]))
    ax.set_ylim(_widened(spans[1]))
    for code, points in _by_verdict(m, spans):
        verdict = Verdict.from_code(code)
        mark = look(verdict).mark
        ax.plot(*points.T, **mark, gid=verdict.label, clip_on=False, zorder=3 + verdict.gravity)


def _gravest(trial: Trial, variable: str) -> NDArray[np.int8]:
    """Return the code of the gravest verdict of any engine at every point, shape (n,)."""
    worst = np.full(len(trial.truths[variable]), Verdict.UNSUPPORTED, dtype=np.int8)
    ranks = np.array([Verdict.from_code(code).gravity for code in range(1 + max(Verdict))])
    for (_, name), judgement in trial.judgements.items():
        if name == variable:
            worst = np.where(ranks[judgement.codes] > ranks[worst], judgement.codes, worst)
    return worst


def _by_verdict(m: Map, spans: list[tuple[float, float]]) -> list[tuple[int, Array]]:
    """Return the points of every verdict, lightest first, each place with its gravest one only."""
    ranks = np.array([Verdict.from_code(code).gravity for code in m.codes])
    order = np.argsort(-ranks, kind="stable")
    cells = np.stack(
        [
            np.round((m.points[:, k] - low) / (high - low) / _RESOLUTION)
            for k, (low, high) in enumerate(spans)
        ],
        axis=1,
    )
    _, first = np.unique(cells[order], axis=0, return_index=True)
    kept = order[first]
    codes = sorted(
        np.unique(m.codes[kept]).tolist(), key=lambda code: Verdict.from_code(code).gravity
    )
    return [(code, m.points[kept[m.codes[kept] == code]]) for code in codes]


def _span(x: Array) -> tuple[float, float]:
    return float(x.min()), float(x.max())


def _widened(span: tuple[float, float]) -> tuple[float, float]:
    margin = 0.05 * (span[1] - span[0])
    return span[0] - margin, span[1] + margin


def _draw_switches(ax: Axes, m: Map, spans: list[tuple[float, float]]) -> None:
    """Draw the curves where a switch is zero."""
    x, y = (np.linspace(*_widened(span), _MESH) for span in spans)
    program = m.trial.problem.written
    for switch in find_switches(program)[:_MOST_SWITCHES]:
        values = _on_mesh(switch.program, m, x, y)
        levels = _levels(switch, values)
        if len(levels):
            ax.contour(
                x, y, values, levels=levels, colors="black", linewidths=1.0, linestyles="dashed",
                zorder=2,
            ).set_gid("switch")  # fmt: skip


def _on_mesh(program: Program, m: Map, x: Array, y: Array) -> Array:
    """Return the values of a switch at the points of a mesh; NaN where it cannot be evaluated."""
    across, up = np.meshgrid(x, y)
    moving = {m.axes[0]: across.ravel(), m.axes[1]: up.ravel()}
    columns = {
        name: moving[name] if name in moving else np.full(across.size, column[0])
        for name, column in m.trial.problem.columns.items()
    }
    try:
        return evaluate(program, columns).reshape(across.shape)
    except Unsupported:
        return np.full(across.shape, np.nan)


def _levels(switch: Switch, values: Array) -> Array:
    """Return the values of a switch that it takes on the mesh and at which a branch changes."""
    finite = values[np.isfinite(values)]
    if not len(finite) or finite.min() == finite.max():
        return np.zeros(0)
    low, high = float(finite.min()), float(finite.max())
    if not switch.crosses_integers:
        return np.zeros(1) if low < 0 < high else np.zeros(0)
    last = min(high, np.inf if switch.highest is None else switch.highest)
    if last - low > _MOST_SWITCHES:
        return np.zeros(0)
    return np.arange(np.ceil(low), np.floor(last) + 1)
