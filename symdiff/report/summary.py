"""What a run found, in a few lines."""

from __future__ import annotations

import collections
from collections.abc import Sequence

import numpy as np
from tabulate import tabulate

from symdiff.comparison.evidence import Evidence
from symdiff.errors import SymdiffError
from symdiff.grid.grid import Role
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict

_MAX_LISTED = 20


def summary(evidence: Sequence[Evidence], mistakes: Sequence[SymdiffError]) -> str:
    """Return counts of expressions, points and verdicts, and what does not pass.

    Parameters
    ----------
    evidence
        What was compared.
    mistakes
        Entries and files that could not be used.
    """
    points = sum(e.points for e in evidence)
    kinks = sum(_kinks(e) for e in evidence)
    size = f"{_many(len(evidence), 'expression')}, {_many(points, 'point')}"
    lines = [f"{size}, {kinks} of them at possible kinks"]
    counts = _counts(evidence)
    verdicts = [v for v in Verdict if any(v in found for found in counts.values())]
    if verdicts:
        rows = [[engine, *(found.get(v, 0) for v in verdicts)] for engine, found in counts.items()]
        headers = ["engine", *(v.label for v in verdicts)]
        lines.append(tabulate(rows, headers=headers, tablefmt="simple"))
        tolerances = {str(e.tolerance): None for e in evidence}
        proved, judged = _proofs(evidence)
        lines.append(
            f"agrees: within {'; '.join(tolerances)} of the derivative;\n"
            f"{proved} of {judged} derivatives proved point by point, the others by error bounds"
        )
    lines.extend(_findings(evidence, mistakes))
    return "\n".join(lines)


def _kinks(e: Evidence) -> int:
    """Return how many points stand at kinks: of the grid, or of tensors with their values."""
    at_kinks = e.grid.roles == Role.KINK
    if e.tensors is not None:
        for truths in (t for trial in e.trials for t in trial.truths.values()):
            at_kinks = at_kinks | (truths.kinds == Kind.KINK)
    return int(np.count_nonzero(at_kinks))


def _counts(evidence: Sequence[Evidence]) -> dict[str, collections.Counter[Verdict]]:
    counts: dict[str, collections.Counter[Verdict]] = {}
    for e in evidence:
        for engine, found in e.counts().items():
            counts.setdefault(engine, collections.Counter()).update(found)
    return counts


def _proofs(evidence: Sequence[Evidence]) -> tuple[int, int]:
    """Return how many truths were proved by themselves, and how many there are."""
    truths = [t for e in evidence for trial in e.trials for t in trial.truths.values()]
    proved = sum(int(t.proved.sum()) for t in truths) + sum(e.left_out.proved for e in evidence)
    left_out = sum(e.left_out.points * len(e.trials) * len(e.variables) for e in evidence)
    return proved, sum(len(t) for t in truths) + left_out


def _findings(evidence: Sequence[Evidence], mistakes: Sequence[SymdiffError]) -> list[str]:
    failing = [e.name for e in evidence if not e.ok]
    lines = []
    if failing:
        shown = ", ".join(failing[:_MAX_LISTED])
        more = len(failing) - _MAX_LISTED
        lines.append(f"does not pass: {shown}" + (f" and {more} more" if more > 0 else ""))
    unmet = [e.name for e in evidence if e.unmet()]
    if unmet:
        lines.append(f"expected findings that did not occur: {', '.join(unmet[:_MAX_LISTED])}")
    noted = sum(bool(e.grid.notes) for e in evidence)
    if noted:
        lines.append(f"{_many(noted, 'expression')} with notes on kinks that were not settled")
    if mistakes:
        lines.append(
            f"{_many(len(mistakes), 'entry')} could not be used".replace("entrys", "entries")
        )
    return lines


def _many(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
