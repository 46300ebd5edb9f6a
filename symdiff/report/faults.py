"""What is wrong with one expression, in sentences that stand above its table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

from symdiff.comparison.evidence import Evidence, Trial
from symdiff.grid.grid import Role
from symdiff.report.findings import Finding, by_engines, findings
from symdiff.report.headline import listed
from symdiff.report.rendering import FIRST, SECOND
from symdiff.report.selection import Selection
from symdiff.report.undefined import undefined_points
from symdiff.verdict.words import Verdict

# The most sentences on verdicts, and the most regions that one of them names.
_MAX_FAULTS: Final = 8
_MAX_REGIONS: Final = 3
# Verdicts on which the two derivatives would say nothing.
_WITHOUT_NUMBERS: Final = (Verdict.VALUE, Verdict.FAILED)
# Verdicts for which a part is marked though nothing is wrong.
_TELLING: Final = (Verdict.SILENT, Verdict.UNDECIDED, Verdict.SUBGRADIENT)


@dataclasses.dataclass(frozen=True, slots=True)
class _Fault:
    """Findings of the same engines with the same verdict and blame: what one sentence says."""

    engines: tuple[str, ...]
    found: tuple[Finding, ...]


def faults(evidence: Evidence) -> list[str]:
    """Return what failed, where the function is undefined, and what is wrong: the gravest first.

    Each exception is reported once, with the engines that raised it.
    """
    found = _faults(evidence)
    lines = [_sentence(evidence, fault) for fault in found]
    more = len(lines) - _MAX_FAULTS
    shown = lines[:_MAX_FAULTS] + ([f"and {more} more findings"] if more > 0 else [])
    return [*_failures(evidence), *undefined_points(evidence), *dict.fromkeys(shown)]


def first_blame(evidence: Evidence, selections: Sequence[Selection]) -> str:
    """Return the sub-expression to mark, with its place: that of the gravest verdict, or ""."""
    found = _faults(evidence)
    if found:
        first = found[0].found[0]
        return "" if first.spelling else first.blame
    for verdict in _TELLING:
        for selection in selections:
            blame = _blame(evidence, selection, verdict)
            if blame:
                return blame
    return ""


def _blame(evidence: Evidence, selection: Selection, verdict: Verdict) -> str:
    """Return what is to blame at the first selected point with a verdict."""
    trial, variable = selection.trial, selection.variable
    if trial.spelling:
        return ""
    for engine in evidence.engines:
        if variable in trial.covered(engine):
            has = trial.verdicts(engine, variable)[selection.points] == verdict
            if has.any():
                return evidence.blame(trial, engine, variable, int(selection.points[has.argmax()]))
    return ""


def _faults(evidence: Evidence) -> list[_Fault]:
    """Return the findings, put together where one sentence is enough for several."""
    samples = [item for trial in evidence.trials for item in trial.samples.items()]
    asserted = {engine for engine, given in samples if given.traits.is_asserted}
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for engines, f in by_engines(findings(evidence)):
        if f.verdict is not Verdict.FAILED:
            why = f.detail if f.engine in asserted else ""
            groups.setdefault((engines, f.spelling, f.verdict, f.blame, why), []).append(f)
    return [
        _Fault(key[0], tuple(sorted(several, key=lambda f: _is_neighbour(evidence, f))))  # type: ignore[arg-type]
        for key, several in groups.items()
    ]


def _is_neighbour(evidence: Evidence, f: Finding) -> bool:
    return Role.from_code(evidence.grid.roles[f.example]) not in {Role.REGULAR, Role.KINK}


def _sentence(evidence: Evidence, fault: _Fault) -> str:
    """Return who is wrong, where, by how much at one point, and why."""
    first = fault.found[0]
    label = f"{first.spelling}: " if first.spelling else ""
    regions = list(dict.fromkeys(f.where for f in fault.found))
    numbers = ""
    if first.verdict not in _WITHOUT_NUMBERS:
        numbers = f"{first.value} instead of {first.truth}"
        numbers += f" ({first.ratio} times)" if first.ratio and not first.detail else ""
        numbers += f" at {first.at}" if regions != [first.at] else ""
    # The whole expression stands above the sentence.
    blame = "" if first.blame.startswith(f"{evidence.program.text} (") else first.blame
    why = "; ".join(text for text in (numbers, first.detail, blame) if text)
    return (
        f"{label}{listed(fault.engines)} {first.verdict}{_place(evidence, fault, regions)}: {why}"
    )


def _place(evidence: Evidence, fault: _Fault, regions: Sequence[str]) -> str:
    """Return the regions of a fault, with the output and the variables if there are several."""
    first = fault.found[0]
    more = len(regions) - _MAX_REGIONS
    shown = [*regions[:_MAX_REGIONS], *([f"{more} more regions"] if more > 0 else [])]
    where = " and ".join(text for text in shown if text)
    parts = [f"{'for' if ' from ' in where else 'at'} {where}"] if where else []
    if evidence.tensors is not None or len(evidence.variables) > 1:
        names = dict.fromkeys(v for f in fault.found for v in f.variables)
        head = FIRST if evidence.options.order == 1 else SECOND
        parts.append(f"{'' if where else 'at '}{listed([f'{head}{name}' for name in names])}")
    if first.output:
        parts.append(f"output {first.output}")
    return f" {', '.join(parts)}" if parts else ""


def _failures(evidence: Evidence) -> list[str]:
    """Return which exceptions engines raised, each with all engines that raised it."""
    engines: dict[tuple[str, str], list[str]] = {}
    for trial in evidence.trials:
        for engine, reason in _raised(trial):
            engines.setdefault((trial.spelling, reason), []).append(engine)
    return [
        f"{f'{spelling}: ' if spelling else ''}{listed(list(dict.fromkeys(names)))} "
        f"{Verdict.FAILED}: {reason}"
        for (spelling, reason), names in engines.items()
    ]


def _raised(trial: Trial) -> Iterator[tuple[str, str]]:
    for engine, samples in trial.samples.items():
        for reason in dict.fromkeys((*samples.reasons[1:], *samples.refusals.values())):
            yield engine, reason
