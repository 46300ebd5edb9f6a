"""Matrices as pictures: derivatives along the components of tensors, and counts of verdicts."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from symdiff.array_types import Array, Mask
from symdiff.comparison.evidence import Evidence, Tensors, Trial
from symdiff.program.values import component_name
from symdiff.report.curves.marks import ALARM
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict, counted

# A matrix with more rows or columns than this is drawn in blocks.
MOST: Final = 32
# Numbers are written into the cells of matrices with at most this many columns and rows.
MOST_WRITTEN: Final = 5
_MOST_CHARACTERS: Final = 6
_BLUE: Final = "#0072B2"
_AMBER: Final = "#A87400"
_GREY: Final = "#808080"
_WITHOUT_NUMBER: Final = (Verdict.FAILED, Verdict.UNSUPPORTED)
# Depths of colour.
_DEPTHS: Final = 5
_DEEPEST: Final = 0.75


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """A matrix of numbers.

    Attributes
    ----------
    title
        What the numbers are.
    numbers
        Shape (r, c); NaN where there is none.
    texts
        What is written in the cells, shape (r, c).
    framed
        The cells with a verdict that does not pass, shape (r, c).
    is_jacobian
        Whether a row is an output, and a column a component of the input.
    """

    title: str
    numbers: Array
    texts: np.ndarray
    framed: Mask
    is_jacobian: bool = False


def tiles(evidence: Evidence, tensors: Tensors, most: int) -> tuple[Tiles, ...]:
    """Return the matrices of a tensor program: the truth, and the engines that do not pass.

    Parameters
    ----------
    evidence
        The result of comparing a tensor program at one point.
    tensors
        The shapes of the tensors.
    most
        The largest number of matrices. Those of the input with the gravest verdicts are kept.
    """
    trials = [t for t in evidence.trials if not t.spelling]
    is_product = "tangent" in tensors.contraction and evidence.options.order == 1
    shapes = dict.fromkeys(evidence.variables, ()) if is_product else tensors.wrt
    found = [
        _matrices(evidence, trials, name, shape, is_product=is_product)
        for name, shape in shapes.items()
        if np.prod(shape, dtype=int)
    ]
    found.sort(key=lambda matrices: -int(sum(t.framed.sum() for t in matrices)))
    return tuple(itertools.chain.from_iterable(found))[:most]


def draw_tiles(ax: Axes, t: Tiles) -> None:
    """Draw a matrix: blue is positive, brown with a dash is negative; findings are framed.

    Parameters
    ----------
    ax
        The axes to draw on.
    t
        The matrix.
    """
    rows, columns = t.numbers.shape
    ax.set_title(t.title, loc="left", parse_math=False)
    for spine in ax.spines.values():
        spine.set(visible=True, color=_GREY)
    if t.is_jacobian:
        ax.set_ylabel("outputs")
    ax.set_xlim(0, columns)
    ax.set_ylim(rows, 0)
    ax.set_xticks([])
    ax.set_yticks([])
    depth = _depths(t.numbers)
    for level in range(1, _DEPTHS + 1):
        for sign, colour in ((1, _BLUE), (-1, _AMBER)):
            cells = np.argwhere((depth == level) & (np.sign(t.numbers) == sign))
            _fill(ax, cells, colour, _DEEPEST * level / _DEPTHS)
    if max(rows, columns) <= MOST_WRITTEN:
        _write(ax, t)
    else:
        negative = np.argwhere((t.numbers < 0) & (depth > 0))
        ax.plot(
            negative[:, 1] + 0.5, negative[:, 0] + 0.5, "_", color="black", ms=3, mew=0.8,
            gid="negative",
        )  # fmt: skip
        missing = np.argwhere(np.isnan(t.numbers))
        ax.plot(
            missing[:, 1] + 0.5, missing[:, 0] + 0.5, "x", color="black", ms=4, mew=0.8,
            gid="missing",
        )  # fmt: skip
    _frame(ax, np.argwhere(t.framed))


def _matrices(
    evidence: Evidence,
    trials: Sequence[Trial],
    name: str,
    shape: tuple[int, ...],
    *,
    is_product: bool,
) -> list[Tiles]:
    """Return the truth for one input, and the numbers of each engine with a finding."""
    names = [component_name(name, index) if shape else name for index in np.ndindex(*shape)]
    columns = shape[-1] if len(trials) == 1 and shape else len(names)
    is_jacobian = len(trials) > 1
    what = "along the tangent" if is_product else f"d/d{name}"

    def matrix(cells: list[list[object]]) -> np.ndarray:
        return np.array(cells, dtype=object).reshape(-1, columns)

    truth = matrix([[float(t.truths[n].derivative[0]) for n in names] for t in trials])
    texts = matrix([[_text(t, n) for n in names] for t in trials])
    anywhere = np.zeros(truth.shape, dtype=bool)
    engines = []
    for engine in evidence.engines:
        numbers = matrix([[_number(t, engine, n) for n in names] for t in trials])
        fails = matrix([[_fails(evidence, t, engine, n) for n in names] for t in trials]).astype(
            bool
        )
        anywhere |= fails
        if fails.any():
            values = numbers.astype(np.float64)
            shown = matrix([[_number_text(t, engine, n) for n in names] for t in trials])
            engines.append(_blocked(Tiles(f"{engine}: {what}", values, shown, fails, is_jacobian)))
    first = _blocked(
        Tiles(f"truth: {what}", truth.astype(np.float64), texts, anywhere, is_jacobian)
    )
    return [first, *engines]


def _text(trial: Trial, name: str) -> str:
    """Return the truth about a component in a few characters."""
    truths = trial.truths[name]
    if truths.kinds[0] == Kind.KINK:
        return f"{truths.left[0]:.2g}|{truths.right[0]:.2g}"
    if np.isnan(truths.derivative[0]):
        return "?" if truths.kinds[0] == Kind.UNDECIDED else "none"
    return _short(truths.derivative[0])


def _short(number: float) -> str:
    """Return a number in about six characters.

    Examples
    --------
    >>> _short(-11.94), _short(-0.02241), _short(-0.0)
    ('-11.9', '-0.022', '0')
    """
    text = f"{number + 0.0:.3g}"
    return text if len(text) <= _MOST_CHARACTERS else f"{number:.2g}"


def _number(trial: Trial, engine: str, name: str) -> float:
    return (
        float(trial.samples[engine].derivatives[name][0])
        if name in trial.covered(engine)
        else np.nan
    )


def _number_text(trial: Trial, engine: str, name: str) -> str:
    number = _number(trial, engine, name)
    if name in trial.covered(engine) and trial.verdict(engine, name, 0) in _WITHOUT_NUMBER:
        return trial.verdict(engine, name, 0).label
    return "NaN" if np.isnan(number) else _short(number)


def _fails(evidence: Evidence, trial: Trial, engine: str, name: str) -> bool:
    return name in trial.covered(engine) and evidence.fails_at(trial, engine, name, 0)


def _blocked(t: Tiles) -> Tiles:
    """Return a large matrix in blocks: the largest number of each, and whether one is framed."""
    rows, columns = (-(-size // MOST) for size in t.numbers.shape)
    if rows == columns == 1:
        return t
    sizes = [-(-size // step) for size, step in zip(t.numbers.shape, (rows, columns), strict=True)]
    numbers, framed = np.full(sizes, np.nan), np.zeros(sizes, dtype=bool)
    for i, j in np.ndindex(*sizes):
        part = (slice(i * rows, (i + 1) * rows), slice(j * columns, (j + 1) * columns))
        block = t.numbers[part].ravel()
        known = block[~np.isnan(block)]
        if len(known):
            numbers[i, j] = known[np.argmax(np.abs(known))]
        framed[i, j] = t.framed[part].any()
    title = f"{t.title}, cells of {rows} x {columns}"
    return Tiles(title, numbers, np.full(sizes, "", dtype=object), framed, t.is_jacobian)


def _depths(numbers: Array) -> np.ndarray:
    """Return the depth of colour of every cell, 0 for zeros and where there is no number."""
    finite = np.abs(numbers[np.isfinite(numbers)])
    largest = float(finite.max(initial=0.0))
    sizes = np.nan_to_num(np.abs(numbers), nan=0.0, posinf=largest or 1.0)
    scaled = np.ceil(_DEPTHS * np.sqrt(sizes / (largest or 1.0)) - 1e-9)
    return np.clip(scaled, 0, _DEPTHS).astype(int)


def _fill(ax: Axes, cells: np.ndarray, colour: str, depth: float) -> None:
    if len(cells):
        path = Path.make_compound_path(*(_square(i, j) for i, j in cells.tolist()))
        ax.add_patch(PathPatch(path, facecolor=colour, alpha=depth, lw=0, gid="cells"))


def _frame(ax: Axes, cells: np.ndarray) -> None:
    """Draw frames around cells, one path for all of them."""
    if len(cells):
        path = Path.make_compound_path(*(_square(i, j, 0.06) for i, j in cells.tolist()))
        frames = PathPatch(path, facecolor="none", edgecolor=ALARM, lw=2.0, gid="finding", zorder=5)
        ax.add_patch(frames)
        frames.set_clip_on(False)


def _square(row: int, column: int, inset: float = 0.0) -> Path:
    a, b = inset, 1 - inset
    corners = [(a, a), (b, a), (b, b), (a, b), (a, a)]
    return Path([(column + x, row + y) for x, y in corners], closed=True)


def _write(ax: Axes, t: Tiles) -> None:
    for i, j in np.ndindex(*t.numbers.shape):
        ax.text(
            j + 0.5, i + 0.5, str(t.texts[i, j]), ha="center", va="center", color="black",
            fontsize=7, fontweight="bold" if t.framed[i, j] else "normal",
            parse_math=False, gid="number",
        )  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """How often each verdict was given, by engine and derivative.

    Attributes
    ----------
    rows
        The engines.
    columns
        The derivatives.
    texts
        What is written in the cells, shape (r, c).
    fails
        Whether a verdict does not pass, shape (r, c).
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    texts: np.ndarray
    fails: Mask


def counts(evidence: Evidence, most: int) -> Counts:
    """Return the counts of the verdicts for the first derivatives, all spellings together.

    Parameters
    ----------
    evidence
        The result of a comparison.
    most
        The largest number of columns; those with findings come first.
    """
    by_cell: dict[tuple[str, str], dict[Verdict, int]] = {}
    failing = set()
    for trial in evidence.trials:
        for engine in evidence.engines:
            for variable in trial.covered(engine):
                key = (engine, trial.problem.label(variable))
                if evidence.failing(trial, engine, variable).any():
                    failing.add(key)
                cell = by_cell.setdefault(key, {})
                for verdict, count in counted(trial.verdicts(engine, variable)).items():
                    cell[verdict] = cell.get(verdict, 0) + count
    names = dict.fromkeys(name for _, name in by_cell)
    first = {name for _, name in failing}
    columns = sorted(names, key=lambda n: n not in first)[:most]
    cells = [[by_cell.get((e, n), {}) for n in columns] for e in evidence.engines]
    texts = np.array([[_counted(cell) for cell in row] for row in cells], dtype=object)
    fails = np.array([[(e, n) in failing for n in columns] for e in evidence.engines])
    return Counts(evidence.engines, tuple(columns), texts, fails)


def draw_counts(ax: Axes, c: Counts) -> None:
    """Draw counts of verdicts as a matrix; findings are framed.

    Parameters
    ----------
    ax
        The axes to draw on.
    c
        The counts.
    """
    rows, columns = c.fails.shape
    ax.set_xlim(0, columns)
    ax.set_ylim(rows, 0)
    ax.set_xticks(np.arange(columns) + 0.5, [f"d/d{name}" for name in c.columns])
    ax.set_yticks(np.arange(rows) + 0.5, c.rows)
    ax.tick_params(length=0, top=False, bottom=False, labeltop=True, labelbottom=False)
    _fill(ax, np.argwhere(c.fails), ALARM, 0.2)
    _frame(ax, np.argwhere(c.fails))
    for i, j in np.ndindex(rows, columns):
        ax.text(
            j + 0.5, i + 0.5, str(c.texts[i, j]), ha="center", va="center", color="black",
            fontsize=7, fontweight="bold" if c.fails[i, j] else "normal",
            parse_math=False, gid="count",
        )  # fmt: skip


def _counted(cell: dict[Verdict, int]) -> str:
    """Return the two gravest verdicts with their counts, each on a line."""
    gravest = sorted(cell, key=lambda verdict: -verdict.gravity)[:2]
    return "\n".join(f"{cell[verdict]} {verdict.label}" for verdict in gravest)
