"""The columns of records: what each field says at some points, as arrays."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array, Mask
from symdiff.comparison.evidence import Evidence, Trial
from symdiff.engines.base import Samples
from symdiff.engines.in_format import format_in_name
from symdiff.grid.grid import Role
from symdiff.labels import LabelledEnum
from symdiff.program.values import DTYPES, Dtype
from symdiff.truth.joint import Joint
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict

# The field of a run in other formats than float64.
DTYPE: Final = "dtype"
# numpy compares a short column with an int ten times faster than with a member of an enumeration.
_AGREES: Final = int(Verdict.AGREES)
_UNDECIDED: Final = int(Verdict.UNDECIDED)
_UNSUPPORTED: Final = int(Verdict.UNSUPPORTED)
_FAILED: Final = int(Verdict.FAILED)
# Columns are made for this many points at a time.
_CHUNK: Final = 2**14


@dataclasses.dataclass(frozen=True, slots=True)
class Constant:
    """A column with the same text at every point; None where it does not exist."""

    text: str | None

    def values(self) -> Iterable[str | None]:
        """Return the text without end."""
        return itertools.repeat(self.text)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Words:
    """A column of texts of which many are equal.

    Attributes
    ----------
    codes
        The index in `texts` of each point's text.
    texts
        The texts; "" stands for what does not exist.
    """

    codes: NDArray[Any]
    texts: tuple[str, ...]

    def values(self) -> list[str | None]:
        """Return the text at each point."""
        return [self.texts[code] or None for code in self.codes.tolist()]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """A column of numbers.

    Attributes
    ----------
    numbers
        The numbers.
    exists
        Where there is a number.
    """

    numbers: Array
    exists: Mask

    def values(self) -> list[float | str | None]:
        """Return numbers as JSON can represent them, None where no number exists.

        Examples
        --------
        >>> exists = np.array([True, True, True, False])
        >>> Numbers(np.array([0.5, np.nan, -np.inf, 2.0]), exists).values()
        [0.5, 'nan', '-inf', None]
        """
        values: list[float | str | None] = self.numbers.tolist()
        for i in np.flatnonzero(~np.isfinite(self.numbers)).tolist():
            values[i] = str(values[i])
        for i in np.flatnonzero(~self.exists).tolist():
            values[i] = None
        return values


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Flags:
    """A column of truth values."""

    mask: Mask

    def values(self) -> list[bool]:
        """Return the truth value at each point."""
        flags: list[bool] = self.mask.tolist()
        return flags


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """A column of points.

    Attributes
    ----------
    names
        The variables.
    points
        Their values, one point a row.
    """

    names: tuple[str, ...]
    points: Array

    def values(self) -> list[dict[str, float]]:
        """Return a dict for each point."""
        return [dict(zip(self.names, row, strict=True)) for row in self.points.tolist()]


Column = Constant | Words | Numbers | Flags | Coordinates
Columns = Mapping[str, Column]  # by field


def chunks(evidence: Evidence) -> Iterator[slice]:
    """Yield slices that together make up the points of a comparison."""
    count = len(evidence.grid)
    for start in range(0, count, _CHUNK):
        yield slice(start, min(start + _CHUNK, count))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ExactTexts:
    """The coordinates that are not doubles, as text.

    Attributes
    ----------
    points
        The indices of the points that have such coordinates, in order.
    texts
        Their texts: ``1/3``, or ``x=pi, y=1/3``.
    """

    points: NDArray[np.intp]
    texts: tuple[str, ...]

    @classmethod
    def of(cls, evidence: Evidence) -> ExactTexts:
        """Return the exact coordinates of the points of a comparison."""
        texts: dict[int, list[str]] = {}
        for (i, j), text in sorted(evidence.grid.exact.items()):
            name = "" if len(evidence.scalars) == 1 else f"{evidence.grid.names[j]}="
            texts.setdefault(i, []).append(name + text)
        return cls(np.array(list(texts), dtype=np.intp), tuple(map(", ".join, texts.values())))

    def column(self, chunk: slice) -> Column:
        """Return the column of some points; most of them have no text."""
        first, last = np.searchsorted(self.points, [chunk.start, chunk.stop])
        if first == last:
            return Constant(None)
        codes = np.zeros(chunk.stop - chunk.start, dtype=np.intp)
        codes[self.points[first:last] - chunk.start] = np.arange(1, 1 + last - first)
        return Words(codes, ("", *self.texts[first:last]))


def point_columns(evidence: Evidence, exact: ExactTexts, chunk: slice) -> Columns:
    """Return the columns of some points themselves, which all derivatives share."""
    grid, names = evidence.grid, evidence.scalars
    return {
        "expression": Constant(evidence.name),
        # The components of tensors are coordinates too, but a report has the tensors' values once.
        "point": Coordinates(names, grid.points[chunk, : len(names)]),
        "exact": exact.column(chunk),
        "role": _labels(grid.roles[chunk], Role),
    }


def truth_columns(trial: Trial, variable: str, chunk: slice) -> Columns:
    """Return the columns of a derivative and the truth about it, which all engines share."""
    truths = trial.truths[variable]
    return {
        "spelling": Constant(trial.spelling or None),
        "output": Constant(trial.output or None),
        "variable": Constant(trial.problem.label(variable)),
        "kind": _labels(truths.kinds[chunk], Kind),
        "left": existing(truths.left[chunk]),
        "right": existing(truths.right[chunk]),
        "derivative": existing(truths.derivative[chunk]),
        "joint": _joint(trial, chunk),
    }


def engine_columns(
    evidence: Evidence, trial: Trial, variable: str, engine: str, chunk: slice
) -> Columns:
    """Return the columns of an engine's derivative at some points."""
    form = format_in_name(engine)
    return {
        "engine": Constant(engine),
        DTYPE: Constant(trial.samples[engine].asked if form is None else form.name),
        **_sample_columns(trial, engine, variable, chunk),
        **_explanation_columns(evidence, trial, engine, variable, chunk),
    }


def _joint(trial: Trial, chunk: slice) -> Column:
    """Return the column of the truths about the function of all its variables together."""
    joints = trial.joints
    first, last = np.searchsorted(joints.points, [chunk.start, chunk.stop])
    if first == last:
        return Constant(None)
    codes = np.zeros(chunk.stop - chunk.start, dtype=np.intp)
    codes[joints.points[first:last] - chunk.start] = 1 + joints.codes[first:last]
    return Words(codes, ("", *_label_of(Joint)))


def _sample_columns(trial: Trial, engine: str, variable: str, chunk: slice) -> dict[str, Column]:
    samples, truths = trial.samples[engine], trial.truths[variable]
    codes, values = trial.verdicts(engine, variable)[chunk], samples.derivatives[variable][chunk]
    succeeded = _succeeded(samples, variable, chunk)
    has_value = succeeded & (codes != _UNSUPPORTED) & (codes != _FAILED)
    errors = samples.errors.get(variable)
    proved = truths.proved[chunk] & (codes != _UNDECIDED) & (not trial.is_directional)
    measured = np.flatnonzero(proved & succeeded)
    units = np.full(len(codes), np.nan)
    if len(measured):
        derivatives = truths.derivative[chunk][measured]
        units[measured] = ulps(values[measured], derivatives, DTYPES[samples.asked])
    return {
        # Where the truth was proved, and the verdict on the engine follows.
        "proved": Flags(proved),
        "value": Numbers(values, has_value),
        "error": Constant(None) if errors is None else Numbers(errors[chunk], has_value),
        "verdict": _labels(codes, Verdict),
        "ulps": existing(units),
    }


def _succeeded(samples: Samples, variable: str, chunk: slice) -> Mask:
    """Return at which points an engine returned a number."""
    if variable in samples.unsupported:
        return np.zeros(chunk.stop - chunk.start, dtype=bool)
    return ~samples.failing(variable, chunk)


def _explanation_columns(
    evidence: Evidence, trial: Trial, engine: str, variable: str, chunk: slice
) -> dict[str, Column]:
    explanations = trial.explanations[engine, variable]
    agrees = trial.verdicts(engine, variable)[chunk] == _AGREES
    first, last = np.searchsorted(explanations.points, [chunk.start, chunk.stop])
    explained = explanations.points[first:last] - chunk.start
    details, blames = np.zeros((2, len(agrees)), dtype=np.intp)
    details[explained] = explanations.details[first:last]
    blames[explained] = explanations.blames[first:last]
    texts = explanations.texts  # the first is ""
    blames[~agrees & (blames == 0)] = len(texts)
    blames[agrees] = 0
    return {"detail": Words(details, texts), "blame": Words(blames, (*texts, evidence.name))}


def _labels(codes: NDArray[np.int8], listing: type[LabelledEnum]) -> Words:
    """Return the labels of codes as a column."""
    return Words(codes, _label_of(listing))


@functools.cache
def _label_of(listing: type[LabelledEnum]) -> tuple[str, ...]:
    """Return the labels of an enumeration by code."""
    label_of = {int(member): member.label for member in listing}
    return tuple(label_of.get(code, "") for code in range(1 + max(label_of)))


def existing(numbers: Array) -> Numbers:
    """Return a column of numbers of which NaN is none."""
    return Numbers(numbers, ~np.isnan(numbers))


def ulps(values: Array, derivatives: Array, dtype: Dtype) -> Array:
    """Return by how many units in the last place values deviate from derivatives.

    A unit is the distance from the derivative to the next number of the dtype of larger magnitude.
    The result is NaN where the value or the derivative is not finite, where the derivative is 0 and
    the value is not, and where the number of units overflows.

    Examples
    --------
    >>> ones = np.array([1.0, 1.0, 1.0, 0.0])
    >>> ulps(np.array([1.0, 1.0 + 2**-51, np.nan, 1.0]), ones, DTYPES["float64"])
    array([ 0.,  2., nan, nan])
    >>> ulps(1 + 2.0 ** np.array([-6, -23]), np.ones(2), DTYPES["float32"])
    array([1.31072e+05, 1.00000e+00])
    """
    with np.errstate(all="ignore"):
        units: Array = np.abs(values - derivatives) / dtype.units(derivatives)
    units[(derivatives == 0) | ~np.isfinite(units)] = np.nan
    units[(values == derivatives) & np.isfinite(values)] = 0.0
    return units
