"""The numbers of engines as marks: shapes and colours, and which marks are drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array, Mask
from symdiff.comparison.evidence import Evidence
from symdiff.program.values import DTYPES
from symdiff.report.curves.subjects import Subject
from symdiff.report.record_columns import ulps
from symdiff.verdict.words import Verdict

# Shapes of matplotlib, and colours that differ in lightness too (after Okabe and Ito), which have
# a contrast of at least 3 with white and with black. Engines get them in order.
_SHAPES: Final = ("o", "x", "+", "s", "D", "^", "v", "<", ">", "p", "h", "*", "P", "X", "d", "8")
_COLOURS: Final = ("#0072B2", "#008F68", "#B0509A", "#A87400", "#6A6FD0", "#7A7A7A")
# The colour of what does not pass. Such marks are larger too, and ringed.
ALARM: Final = "#D9480F"
# At most this many marks of an engine with a verdict that passes are drawn, spread over the axis.
_MOST_PASSING: Final = 40
# Of two marks of an engine closer than this part of the axis, in both directions, one is drawn.
_RESOLUTION: Final = 1 / 80


@dataclasses.dataclass(frozen=True, slots=True)
class Style:
    """The mark of an engine."""

    engine: str
    shape: str
    colour: str

    def mark(self, size: float, width: float) -> dict[str, Any]:
        """Return what matplotlib draws for a mark with the given size and stroke, in points."""
        return {
            "ls": "",
            "marker": self.shape,
            "ms": size,
            "mew": width,
            "mec": self.colour,
            "mfc": "none",
        }


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """The numbers of one engine.

    Attributes
    ----------
    style
        The shape and colour of the marks.
    x, y
        Coordinates and derivatives, shape (n,); `y` may be an infinity or NaN.
    codes
        The verdicts, shape (n,).
    fails
        Whether the verdict does not pass, shape (n,).
    unsure
        Whether the verdict is undecided, shape (n,).
    errors
        By how many units in the last place the number deviates; NaN where unknown; shape (n,).
    """

    style: Style
    x: Array
    y: Array
    codes: NDArray[np.int8]
    fails: Mask
    errors: Array

    @property
    def unsure(self) -> Mask:
        """Whether the verdict is undecided, shape (n,)."""
        return np.isin(self.codes, (Verdict.UNDECIDED,))

    def part(self, chosen: Mask | NDArray[np.intp]) -> Marks:
        """Return some of the marks."""
        return Marks(
            style=self.style,
            x=self.x[chosen],
            y=self.y[chosen],
            codes=self.codes[chosen],
            fails=self.fails[chosen],
            errors=self.errors[chosen],
        )


_NO_MARK: Final = (Verdict.UNSUPPORTED,)


def styles(engines: Sequence[str]) -> dict[str, Style]:
    """Return the mark of every engine.

    Examples
    --------
    >>> [style.shape for style in styles(["symbolic", "autograd"]).values()]
    ['o', 'x']
    """
    return {
        engine: Style(engine, _SHAPES[k % len(_SHAPES)], _COLOURS[k % len(_COLOURS)])
        for k, engine in enumerate(engines)
    }


def marks(evidence: Evidence, subject: Subject) -> tuple[Marks, ...]:
    """Return the numbers of the engines that have a derivative of the subject."""
    trial, variable = subject.trial, subject.variable
    truth = trial.truths[variable].derivative
    found = []
    for engine, style in styles(evidence.engines).items():
        if variable not in trial.covered(engine):
            continue
        samples = trial.samples[engine]
        numbers = samples.derivatives[variable]
        errors = ulps(numbers, truth, DTYPES[samples.asked])
        codes, fails = trial.verdicts(engine, variable), evidence.failing(trial, engine, variable)
        every = Marks(style, subject.coordinates, numbers, codes, fails, errors)
        found.append(every.part(~np.isin(every.codes, _NO_MARK)))
    return tuple(m for m in found if len(m.x))


def thinned(m: Marks, span: tuple[float, float], limits: tuple[float, float]) -> Marks:
    """Return the marks that can be seen as separate; of those that pass, a selection.

    Parameters
    ----------
    m
        The marks of an engine.
    span, limits
        The ends of the horizontal and of the vertical axis.
    """
    fails = m.fails
    kept = np.concatenate([_spread(m, np.flatnonzero(~fails), span), np.flatnonzero(fails)])
    across = _steps(m.x[kept], span)
    up = _steps(np.clip(np.nan_to_num(m.y[kept], nan=2 * limits[1]), *limits), limits)
    cells = np.stack([across, up, m.codes[kept]], axis=1)
    _, first = np.unique(cells, axis=0, return_index=True)
    return m.part(np.sort(kept[first]))


def _spread(m: Marks, passing: NDArray[np.intp], span: tuple[float, float]) -> NDArray[np.intp]:
    """Return passing marks at spread points, of each verdict."""
    cells = np.floor((m.x[passing] - span[0]) / (span[1] - span[0]) * _MOST_PASSING)
    pairs = np.stack([cells, m.codes[passing]], axis=1)
    return passing[np.unique(pairs, axis=0, return_index=True)[1]]


def _steps(x: Array, ends: tuple[float, float]) -> Array:
    return np.round((x - ends[0]) / (ends[1] - ends[0]) / _RESOLUTION)
