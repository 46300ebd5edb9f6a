"""What tables show: one block an expression, kinks and disagreements first."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence

import numpy as np

from symdiff.comparison.evidence import Evidence, Trial
from symdiff.grid.grid import Role
from symdiff.report.matrices import matrices
from symdiff.report.rendering import Block
from symdiff.truth.kinds import APPARENT, Kind
from symdiff.truth.truths import Truths
from symdiff.verdict.judge import Tolerance
from symdiff.verdict.words import Verdict

MAX_ROWS = 24  # of one block, unless all are asked for
_DIGITS = 6
_LONGEST_EXACT = 20  # characters of an exact coordinate; records have it whole
_MAX_EXPLANATIONS = 8  # below one table; records have them all
# Verdicts that do not put a point into the table.
_UNREMARKABLE = (Verdict.AGREES, Verdict.INEXACT, Verdict.UNSUPPORTED, Verdict.UNDEFINED)
# What does, whichever variable's kink it is.
_FINDINGS = [v for v in Verdict if not v.passes]
_EXPLAINED = frozenset(
    {Verdict.WRONG, Verdict.NOT_SUBGRADIENT, Verdict.NONFINITE, Verdict.UNDECIDED, Verdict.SILENT}
)


Line = tuple[Trial, str, int]  # a spelling, a variable, a point


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
        for variable in trial.variables
        for i in _chosen(evidence, trial, variable, everything=everything)
    ]
    lines.sort(key=lambda line: line[2])
    shown = lines if everything else _spread(evidence, lines)
    header = _header(evidence)
    rows = tuple(_row(evidence, *line) for line in shown)
    total = len(evidence.trials) * len(evidence.variables) * evidence.points
    return Block(
        title=(evidence.name, evidence.program.text),
        header=header,
        rows=rows,
        remarks=tuple(_remarks(evidence, total, lines, len(shown))),
        matrices=matrices(evidence),
    )


def _chosen(evidence: Evidence, trial: Trial, variable: str, *, everything: bool) -> list[int]:
    if everything:
        return list(range(len(evidence.grid)))
    grid = evidence.grid
    if trial.is_directional:
        return [0]
    axis = grid.names.index(variable)
    # With several variables only the kinks along the variable itself.
    own = (grid.along == axis) | (grid.along < 0)
    important = (grid.roles == Role.KINK) & (grid.along == axis)
    for engine in evidence.engines:
        if variable in trial.covered(engine):
            given = trial.verdicts(engine, variable)
            important |= np.isin(given, _FINDINGS) | (own & ~np.isin(given, _UNREMARKABLE))
    return [int(i) for i in np.flatnonzero(important)]


def _spread(evidence: Evidence, lines: list[Line]) -> list[Line]:
    """Keep at most `MAX_ROWS` lines: kinks first, then disagreements away from kinks."""
    if len(lines) <= MAX_ROWS:
        return lines
    roles = evidence.grid.roles

    def importance(line: Line) -> int:
        role = int(roles[line[2]])
        if role == Role.KINK:
            return 0
        return 1 if role == 0 else 2 + role

    kept = sorted(range(len(lines)), key=lambda k: (importance(lines[k]), k))[:MAX_ROWS]
    return [lines[k] for k in sorted(kept)]


def _header(evidence: Evidence) -> tuple[str, ...]:
    spelling = ("spelling",) if any(t.spelling for t in evidence.trials) else ()
    output = ("output",) if any(t.output for t in evidence.trials) else ()
    variable = ("d/d",) if len(evidence.variables) > 1 else ()
    columns = (*evidence.engines, "verdict")
    at = () if _is_one_point(evidence) else ("at",)
    return (*evidence.scalars, *at, *spelling, *output, *variable, "truth", *columns)


def _row(evidence: Evidence, trial: Trial, variable: str, i: int) -> tuple[str, ...]:
    grid = evidence.grid
    coordinates = [
        _coordinate(
            float(grid.points[i, j]), Role.from_code(grid.roles[i]).label, grid.exact.get((i, j))
        )
        for j in range(len(evidence.scalars))
    ]
    several = any(t.spelling for t in evidence.trials)
    spelling = (trial.spelling or "as written",) if several else ()
    name = (variable,) if len(evidence.variables) > 1 else ()
    at = (
        ()
        if _is_one_point(evidence)
        else (_at(trial.truths[variable], Role.from_code(grid.roles[i]).label, i),)
    )
    output = (trial.output,) if any(t.output for t in evidence.trials) else ()
    return (
        *coordinates,
        *at,
        *spelling,
        *output,
        *name,
        *_values(evidence, trial, variable, i),
        _verdict(evidence, trial, variable, i),
    )


def _is_one_point(evidence: Evidence) -> bool:
    """Tell whether tensors with values are all there is: no variable runs over the grid."""
    return evidence.tensors is not None and not evidence.scalars


def _at(truths: Truths, role: str, i: int) -> str:
    """Return the role of a neighbour, and what the point is unless it is smooth."""
    kind = Kind.from_code(truths.kinds[i])
    if role == "kink" or (not role and truths.is_apparent_kink(i)):
        return APPARENT if kind is Kind.SMOOTH else str(kind)
    words = (role, "" if kind is Kind.SMOOTH else str(kind))
    return ", ".join(word for word in words if word)


def _values(evidence: Evidence, trial: Trial, variable: str, i: int) -> list[str]:
    """Return the cells of the truth and of every engine, with digits enough to tell them apart."""
    truths = trial.truths[variable]
    kind = Kind.from_code(truths.kinds[i])
    numbers: list[float] = []
    if kind is Kind.KINK or (kind is Kind.VERTICAL and np.isnan(truths.derivative[i])):
        numbers += truths.one_sided(i)
        cells = ["# | #"]
    elif np.isnan(truths.derivative[i]):
        cells = ["?" if kind is Kind.UNDECIDED else "none"]
    else:
        numbers.append(float(truths.derivative[i]))
        cells = ["#"]
    for engine in evidence.engines:
        samples = trial.samples.get(engine)
        if samples is None or variable not in samples.derivatives:
            cells.append("")
        elif samples.unsupported:
            cells.append("-")
        elif samples.reason(i) or trial.verdict(engine, variable, i) is Verdict.FAILED:
            cells.append("failed")
        else:
            numbers.append(float(samples.derivatives[variable][i]))
            cells.append("#")
    shown = iter(_numbers(numbers, evidence.tolerance))
    return [re.sub("#", lambda _: next(shown), cell) for cell in cells]


def _numbers(numbers: Sequence[float], tolerance: Tolerance) -> list[str]:
    """Return numbers with six digits, or as many as it takes to see who disagrees."""
    apart = [(i, j) for i, j in _pairs(numbers) if _differ(numbers[i], numbers[j], tolerance)]
    shown: list[str] = []
    for digits in (_DIGITS, 9, 12, 17):
        shown = [f"{x + 0.0:.{digits}g}" for x in numbers]  # -0.0 is shown as 0
        if all(shown[i] != shown[j] for i, j in apart):
            break
    return shown


def _differ(a: float, b: float, tolerance: Tolerance) -> bool:
    return abs(a - b) > tolerance.atol + tolerance.rtol * max(abs(a), abs(b))


def _pairs(numbers: Sequence[float]) -> Iterator[tuple[int, int]]:
    return itertools.combinations([i for i, x in enumerate(numbers) if math.isfinite(x)], 2)


def _coordinate(x: float, role: str, exact: str | None) -> str:
    if exact is not None:
        return exact if len(exact) <= _LONGEST_EXACT else f"≈{x:.{_DIGITS}g}"
    # A neighbour is told from its kink by its role, and needs fewer digits.
    digits = _DIGITS if role in {"", "kink", "nearest"} else _DIGITS - 2
    return f"{x + 0.0:.{digits}g}"


def _verdict(evidence: Evidence, trial: Trial, variable: str, i: int) -> str:
    """Return the gravest verdict and the engines that have it."""
    given = {
        engine: trial.verdict(engine, variable, i)
        for engine in evidence.engines
        if variable in trial.covered(engine)
    }
    worst = max(given.values(), key=lambda verdict: verdict.gravity)
    blamed = [engine for engine, verdict in given.items() if verdict is worst]
    supported = [e for e, verdict in given.items() if verdict is not Verdict.UNSUPPORTED]
    everybody = len(blamed) >= len(supported)
    who = blamed[0] if len(blamed) == 1 else f"{len(blamed)} engines"
    return str(worst) if everybody else f"{worst}: {who}"


def _remarks(evidence: Evidence, total: int, lines: list[Line], shown: int) -> list[str]:
    remarks: list[str] = []
    unseen = total - shown
    if not evidence.variables:
        remarks.append("no variable to differentiate with respect to")
    elif unseen:
        cut = f", {len(lines) - shown} of them left out for length" if len(lines) > shown else ""
        word = "point" if evidence.tensors is None else "derivative"
        what = ("more " if shown else "") + (word if unseen == 1 else f"{word}s")
        proved = sum(int(t.proved.sum()) for x in evidence.trials for t in x.truths.values())
        proved += evidence.left_out.proved
        counted = evidence.left_out.points
        how = f"{counted} agree and are only counted: --keep all writes them" if counted else ""
        remarks.append(
            f"{unseen} {what}{cut} ({how or '--all shows all'}); {proved} of {total} proved"
        )
    remarks.extend(_tensor_remarks(evidence))
    remarks.extend(_choices(evidence, lines))
    remarks.extend(_explanations(evidence, lines))
    for engine, words in evidence.unmet().items():
        remarks.append(f"{engine}: expected {', '.join(words)}, which did not occur")
    for trial in evidence.trials:
        label = f"{trial.spelling}: " if trial.spelling else ""
        for engine, samples in trial.samples.items():
            if samples.unsupported:
                remarks.append(f"{label}{engine} unsupported: {samples.unsupported}")
            reasons = (*samples.reasons[1:], *samples.refusals.values())
            remarks.extend(f"{label}{engine} failed: {reason}" for reason in reasons)
    remarks = list(dict.fromkeys(remarks))  # every component of an output has the same to say
    remarks.extend(f"note: {note}" for note in evidence.grid.notes)
    return remarks


def _tensor_remarks(evidence: Evidence) -> list[str]:
    tensors = evidence.tensors
    if tensors is None:
        return []
    remarks = [f"Jacobian by {name}: {words}" for name, words in tensors.structure.items()]
    if tensors.root:
        remarks.append(f"PyTorch's node at the root: {tensors.root}")
    return [*remarks, *tensors.notes]


def _explanations(evidence: Evidence, lines: list[Line]) -> list[str]:
    """Say why, once for every engine and finding: the first point stands for the others."""
    found: dict[tuple[str, ...], str] = {}
    for trial, variable, i in lines:
        for engine in evidence.engines:
            if variable not in trial.covered(engine):
                continue
            verdict = trial.verdict(engine, variable, i)
            # of claims one line for every input
            asserted = trial.samples[engine].traits.is_asserted
            claimed = variable.split("[", maxsplit=1)[0] if asserted else ""
            key = (engine, verdict.label, trial.spelling, claimed)
            if verdict in _EXPLAINED and key not in found:
                found[key] = _explanation(evidence, trial, variable, engine, i)
    return list(found.values())[:_MAX_EXPLANATIONS]


def _choices(evidence: Evidence, lines: list[Line]) -> list[str]:
    """Say which subgradient every engine has at the first kink of the expression itself."""
    for trial, variable, i in lines:
        if trial.spelling or Kind.from_code(trial.truths[variable].kinds[i]) is not Kind.KINK:
            continue
        chosen = [
            engine
            for engine in evidence.engines
            if variable in trial.covered(engine)
            and trial.verdict(engine, variable, i) is Verdict.SUBGRADIENT
        ]
        if chosen:
            where = _where(evidence, trial, variable, i)
            if evidence.tensors is not None and not trial.is_directional:
                where += f", a kink of {evidence.blame(trial, chosen[0], variable, i)}"
            details = [f"{engine} {trial.detail(engine, variable, i)}" for engine in chosen]
            return [f"at {where}: {'. '.join(details)}"]
    return []


def _where(evidence: Evidence, trial: Trial, variable: str, i: int) -> str:
    grid = evidence.grid
    coordinates = [
        f"{name} = {grid.exact.get((i, j)) or f'{float(grid.points[i, j]) + 0.0:.6g}'}"
        for j, name in enumerate(evidence.scalars)
    ]
    by = [f"d/d{variable}"] if evidence.tensors is not None else []
    output = [f"output {trial.output}"] if trial.output else []
    return ", ".join([*coordinates, *output, *by])


def _explanation(evidence: Evidence, trial: Trial, variable: str, engine: str, i: int) -> str:
    verdict = trial.verdict(engine, variable, i)
    parts = [
        trial.detail(engine, variable, i),
        evidence.blame(trial, engine, variable, i),
    ]
    label = f"{trial.spelling}: " if trial.spelling else ""
    why = "; ".join(part for part in parts if part)
    return f"{label}{engine} {verdict} at {_where(evidence, trial, variable, i)}: {why}"
