"""Tables for people: one block an expression, kinks and disagreements first."""

from __future__ import annotations

import dataclasses
import itertools
import math
import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
from tabulate import tabulate

from symdiff.comparison import Evidence, Trial
from symdiff.grid.grid import KINK, NEAREST, ROLES
from symdiff.report.records import detail
from symdiff.verdict import Tolerance, Verdict

MAX_ROWS = 24  # of one block, unless all are asked for
_DIGITS = 6
_LONGEST_EXACT = 20  # characters of an exact coordinate; records have it whole
_WIDTH = 79  # of remarks: the narrowest terminal in use has 80 columns
FORMATS = {"plain": "simple", "github": "github", "latex": "latex", "html": "html"}


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """The table of one expression.

    Attributes
    ----------
    title
        Name and text.
    header, rows
        The table; every cell is text.
    remarks
        What stands below it: points not shown, engines left out, notes.
    """

    title: tuple[str, str]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...]


def block(evidence: Evidence, *, everything: bool = False) -> Block:
    """Return the table of one expression.

    Shown are kinks with the double at each side, and points where engines differ; the others
    are counted in one line.

    Parameters
    ----------
    evidence
        The expression.
    everything
        Whether to show every point.
    """
    lines = [
        (trial, variable, i)
        for trial in evidence.trials
        for variable in evidence.variables
        for i in _chosen(evidence, trial, variable, everything=everything)
    ]
    lines.sort(key=lambda line: line[2])
    shown = lines if everything else _spread(evidence, lines)
    header = _header(evidence)
    rows = tuple(_row(evidence, *line) for line in shown)
    total = len(evidence.trials) * len(evidence.variables) * len(evidence.grid)
    return Block(
        title=(evidence.name, evidence.program.text),
        header=header,
        rows=rows,
        remarks=tuple(_remarks(evidence, total, len(lines), len(shown))),
    )


def render(blocks: Sequence[Block], form: str) -> str:
    """Return blocks as text.

    Parameters
    ----------
    blocks
        One an expression.
    form
        ``plain``, ``github``, ``latex`` or ``html``.
    """
    return "\n\n".join(_render_block(b, form) for b in blocks)


def _render_block(b: Block, form: str) -> str:
    table = tabulate(
        _cells(b, form),
        headers=b.header,
        tablefmt=FORMATS[form],
        disable_numparse=True,
        preserve_whitespace=True,
        colalign=["left" if h in _TEXT_COLUMNS else "right" for h in b.header] if b.rows else None,
    )
    name, text = (" ".join(part.split()) for part in b.title)
    if form == "github":  # where * and _ would turn into emphasis
        name, text = (f"`{text}`" if name == text else _escaped(name)), f"`{text}`"
    title = name if name == text else f"{name}: {text}"
    if form == "html":
        remarks = "".join(f"<p>{_escaped(r)}</p>" for r in b.remarks)
        return f"<h2>{_escaped(title)}</h2>\n{table if b.rows else ''}\n{remarks}"
    if form == "latex":
        remarks = "\n".join(f"% {r}" for r in b.remarks)
        return f"% {title}\n{table if b.rows else ''}\n{remarks}"
    heading = f"### {title}\n\n" if form == "github" else f"{title}\n"
    lines = "\n".join(_remark(r, form) for r in b.remarks)
    body = table + "\n" if b.rows else ""
    if form == "github" and body:
        body += "\n"
    return f"{heading}{body}{lines}".rstrip()


def _cells(b: Block, form: str) -> list[list[str]]:
    if form == "plain":
        return _decimals_aligned(b)
    if form == "github":
        return [[_escaped(cell).replace("|", "\\|") for cell in row] for row in b.rows]
    return [list(row) for row in b.rows]


def _remark(text: str, form: str) -> str:
    if form == "github":
        return f"{text}  "  # two spaces break the line
    return textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")


_TEXT_COLUMNS = frozenset({"spelling", "d/d", "at", "verdict"})


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _chosen(evidence: Evidence, trial: Trial, variable: str, *, everything: bool) -> list[int]:
    if everything:
        return list(range(len(evidence.grid)))
    grid = evidence.grid
    axis = grid.names.index(variable)
    # With spellings or several variables only the kinks along the variable itself.
    important = (grid.roles == KINK) & (grid.along == axis)
    if len(grid.names) == 1 and len(evidence.trials) == 1:
        important |= np.isin(grid.roles, NEAREST)
    differ = ~trial.agreements[variable].agree
    if len(evidence.trials) == 1:
        important |= differ & ((grid.along == axis) | (grid.along < 0))
    else:  # neighbours of kinks, a row for every spelling, would bury the rest
        important |= differ & (grid.roles == 0)
    return [int(i) for i in np.flatnonzero(important)]


def _spread(
    evidence: Evidence, lines: list[tuple[Trial, str, int]]
) -> list[tuple[Trial, str, int]]:
    """Keep at most `MAX_ROWS` lines: kinks first, then disagreements away from kinks."""
    if len(lines) <= MAX_ROWS:
        return lines
    roles = evidence.grid.roles

    def importance(line: tuple[Trial, str, int]) -> int:
        role = int(roles[line[2]])
        if role == KINK:
            return 0
        return 1 if role == 0 else 2 + role

    kept = sorted(range(len(lines)), key=lambda k: (importance(lines[k]), k))[:MAX_ROWS]
    return [lines[k] for k in sorted(kept)]


def _header(evidence: Evidence) -> tuple[str, ...]:
    spelling = ("spelling",) if len(evidence.trials) > 1 else ()
    variable = ("d/d",) if len(evidence.variables) > 1 else ()
    return (*evidence.grid.names, "at", *spelling, *variable, *evidence.engines, "verdict")


def _row(evidence: Evidence, trial: Trial, variable: str, i: int) -> tuple[str, ...]:
    grid = evidence.grid
    coordinates = [
        _coordinate(float(grid.points[i, j]), ROLES[grid.roles[i]], grid.exact.get((i, j)))
        for j in range(len(grid.names))
    ]
    spelling = (trial.spelling or "as written",) if len(evidence.trials) > 1 else ()
    name = (variable,) if len(evidence.variables) > 1 else ()
    at = ROLES[grid.roles[i]]
    return (
        *coordinates,
        at,
        *spelling,
        *name,
        *_values(evidence, trial, variable, i),
        _verdict(evidence, trial, variable, i),
    )


def _values(evidence: Evidence, trial: Trial, variable: str, i: int) -> list[str]:
    cells: list[str] = []
    numbers: list[float] = []
    for engine in evidence.engines:
        samples = trial.samples.get(engine)
        if samples is None or variable not in samples.derivatives:
            cells.append("")
        elif samples.unsupported:
            cells.append("-")
        elif samples.reason(i):
            cells.append("failed")
        else:
            numbers.append(float(samples.derivatives[variable][i]))
            cells.append("#")
    shown = iter(_numbers(numbers, evidence.tolerance))
    return [next(shown) if cell == "#" else cell for cell in cells]


def _numbers(numbers: Sequence[float], tolerance: Tolerance) -> list[str]:
    """Return numbers with six digits, or as many as it takes to see who disagrees."""
    apart = [(i, j) for i, j in _pairs(numbers) if not tolerance.allows(numbers[i], numbers[j])]
    shown: list[str] = []
    for digits in (_DIGITS, 9, 12, 17):
        shown = [f"{x + 0.0:.{digits}g}" for x in numbers]  # -0.0 is shown as 0
        if all(shown[i] != shown[j] for i, j in apart):
            break
    return shown


def _pairs(numbers: Sequence[float]) -> Iterator[tuple[int, int]]:
    return itertools.combinations([i for i, x in enumerate(numbers) if math.isfinite(x)], 2)


def _coordinate(x: float, role: str, exact: str | None) -> str:
    if exact is not None:
        return exact if len(exact) <= _LONGEST_EXACT else f"≈{x:.{_DIGITS}g}"
    # A neighbour is told from its kink by its role, and needs fewer digits.
    digits = _DIGITS if role in {"", "kink", "nearest"} else _DIGITS - 2
    return f"{x + 0.0:.{digits}g}"


def _verdict(evidence: Evidence, trial: Trial, variable: str, i: int) -> str:
    verdict = Verdict.AGREES if bool(trial.agreements[variable].agree[i]) else Verdict.UNDECIDED
    more = detail(trial, evidence.engines[0], variable, i, verdict)
    return f"{verdict}: {more}" if more else str(verdict)


def _remarks(evidence: Evidence, total: int, chosen: int, shown: int) -> list[str]:
    remarks: list[str] = []
    agreeing = sum(
        int(trial.agreements[v].agree.sum())
        for trial in evidence.trials
        for v in evidence.variables
    )
    unseen = total - shown
    if not evidence.variables:
        remarks.append("no variable to differentiate with respect to")
    elif unseen:
        cut = f", {chosen - shown} of them left out for length" if chosen > shown else ""
        what = "more points" if shown else "points"
        remarks.append(
            f"{unseen} {what}{cut}; engines agree at {agreeing} of {total} (--all shows all)"
        )
    for trial in evidence.trials:
        label = f"{trial.spelling}: " if trial.spelling else ""
        for engine, samples in trial.samples.items():
            if samples.unsupported:
                remarks.append(f"{label}{engine} unsupported: {samples.unsupported}")
            remarks.extend(f"{label}{engine} failed: {r}" for r in samples.reasons[1:])
    remarks.extend(f"note: {note}" for note in evidence.grid.notes)
    return remarks


def _decimals_aligned(b: Block) -> list[list[str]]:
    """Pad numbers on the right so that the decimal points of a column stand in one line."""
    padded = []
    for header, column in zip(b.header, zip(*b.rows, strict=True), strict=bool(b.rows)):
        if header in _TEXT_COLUMNS:
            padded.append(list(column))
            continue
        tails = [len(cell) - _integer_width(cell) for cell in column]
        widest = max(tails)
        padded.append(
            [
                cell if "e" in cell else cell + " " * (widest - tail)
                for cell, tail in zip(column, tails, strict=True)
            ]
        )
    return [list(row) for row in zip(*padded, strict=True)]


def _integer_width(cell: str) -> int:
    for position, character in enumerate(cell):
        if character == "." and "e" not in cell and cell[:position].strip("-").isdigit():
            return position
    return len(cell)
