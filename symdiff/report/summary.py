"""The result of a run in a few lines."""

from __future__ import annotations

import collections
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from tabulate import tabulate

from symdiff.comparison.evidence import Evidence
from symdiff.errors import SymdiffError
from symdiff.grid.grid import Role
from symdiff.report.colours import WIDTH, printable
from symdiff.report.headline import counted
from symdiff.report.undefined import has_undefined_points
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict

# The most names of expressions in one line.
_MAX_NAMES: Final = 20
# Stands between words that stay on one line; `textwrap` does not break here.
_TIE: Final = "\N{NO-BREAK SPACE}"
# Kinds of point at which a switch vanishes.
_AT_SWITCHES: Final = (
    Kind.KINK,
    Kind.VERTICAL,
    Kind.EDGE,
    Kind.JUMP,
    Kind.POLE,
    Kind.ISOLATED,
    Kind.OSCILLATING,
)


def summary(
    evidence: Sequence[Evidence], errors: Sequence[SymdiffError], width: int = WIDTH
) -> str:
    """Return the numbers of expressions, points and verdicts, and what does not pass.

    Parameters
    ----------
    evidence
        The result of each comparison.
    errors
        Why entries and files could not be used.
    width
        The longest line, in characters.
    """
    counts = verdict_counts(evidence)
    size, below = sentences(evidence, errors)
    table = [_table(counts, width)] if any(counts.values()) else []
    return "\n".join([_filled(size, width), *table, *(_filled(line, width) for line in below)])


def sentences(
    evidence: Sequence[Evidence], errors: Sequence[SymdiffError]
) -> tuple[str, list[str]]:
    """Return how much was compared, and what the verdicts mean and does not pass, a line each."""
    points = sum(e.points for e in evidence)
    kinks = sum(kink_count(e) for e in evidence)
    size = f"{counted(len(evidence), 'expression')}, {counted(points, 'point')}"
    size += f", {kinks} of them at possible kinks"
    below = []
    if any(verdict_counts(evidence).values()):
        tolerances = {str(e.tolerance): None for e in evidence}
        below.append(f"agrees: within {'; '.join(tolerances)} of the derivative;")
        below += [*_formats(evidence), _proofs(evidence), *_without_stencil(evidence)]
    return size, below + _failures(evidence, errors)


def _table(counts: Mapping[str, Mapping[Verdict, int]], width: int) -> str:
    """Return the counts of verdicts: the first of three layouts that is narrow enough.

    A row for each engine, or for each verdict, or a sentence for each engine.
    """
    verdicts = [v for v in Verdict if any(v in count for count in counts.values())]
    rows: list[list[Any]] = [["engine", *(v.label for v in verdicts)]]
    rows += [[engine, *(count.get(v, 0) for v in verdicts)] for engine, count in counts.items()]
    turned = [["verdict", *counts], *(list(row) for row in list(zip(*rows, strict=True))[1:])]
    for header, *body in (rows, turned):
        table = tabulate(body, headers=header, tablefmt="simple")
        if max(map(len, table.splitlines())) <= width:
            return table
    longest = max(map(len, counts))
    return "\n".join(
        textwrap.fill(
            ", ".join(f"{number}{_TIE}{verdict}" for verdict, number in sorted(count.items())),
            width,
            initial_indent=f"{engine.ljust(longest)}  ",
            subsequent_indent=" " * (longest + 2),
            break_on_hyphens=False,
        ).replace(_TIE, " ")
        for engine, count in counts.items()
    )


def _formats(evidence: Sequence[Evidence]) -> list[str]:
    """Return what counts as agreement in other formats than float64, if there is one."""
    samples = [s for e in evidence for trial in e.trials for s in trial.samples.values()]
    names = dict.fromkeys(s.asked for s in samples if s.asked != "float64")
    return [f"in {', '.join(names)}: within a unit in the last place;"] if names else []


def kink_count(e: Evidence) -> int:
    """Return the number of points that were added as kinks, or at which a switch vanishes."""
    at_kinks = e.grid.roles == Role.KINK
    for trial in e.trials:
        for truths in trial.truths.values():
            at_kinks = at_kinks | np.isin(truths.kinds, _AT_SWITCHES)
            at_kinks[truths.apparent_kinks] = True
    return int(np.count_nonzero(at_kinks))


def verdict_counts(evidence: Sequence[Evidence]) -> dict[str, collections.Counter[Verdict]]:
    """Return how often each engine got each verdict, in all comparisons."""
    counts: dict[str, collections.Counter[Verdict]] = {}
    for e in evidence:
        for engine, count in e.counts().items():
            counts.setdefault(engine, collections.Counter()).update(count)
    return counts


def _proofs(evidence: Sequence[Evidence]) -> str:
    """Return how many derivatives were proved, certified or not decided."""
    truths = [t for e in evidence for trial in e.trials for t in trial.truths.values()]
    only_counted = sum(e.left_out.points * len(e.trials) * len(e.variables) for e in evidence)
    total = sum(map(len, truths)) + only_counted
    proved = sum(e.proved_count for e in evidence)
    undecided = sum(e.undecided_count for e in evidence)
    certified = sum(e.certified_count for e in evidence)
    by_differences = total - proved - certified - undecided
    parts = [
        f"{proved} of {total} derivatives proved point by point",
        f"{certified} certified by error bounds" if certified else "",
        f"{by_differences} settled by differences alone" if by_differences else "",
        f"{undecided} undecided" if undecided else "",
    ]
    return ", ".join(part for part in parts if part)


def _without_stencil(evidence: Sequence[Evidence]) -> list[str]:
    """Return how many of the verdicts `nonfinite` are in the nature of finite differences."""
    counts: collections.Counter[str] = collections.Counter()
    for e in evidence:
        counts.update(e.without_stencil())
    return [
        f"{engine}: {count} nonfinite since its stencil leaves the domain"
        for engine, count in counts.items()
    ]


def _filled(text: str, width: int) -> str:
    return textwrap.fill(text, width, subsequent_indent="  ", break_on_hyphens=False)


def _failures(evidence: Sequence[Evidence], errors: Sequence[SymdiffError]) -> list[str]:
    """Return what does not pass, which expected verdicts did not occur, and the error count."""
    lines = []
    failing = [e.name for e in evidence if not e.ok]
    if failing:
        lines.append(f"does not pass: {_listed(failing)}")
    undefined = [e.name for e in evidence if has_undefined_points(e)]
    if undefined:
        lines.append(f"undefined at a point that was asked for: {_listed(undefined)}")
    unmet = [e.name for e in evidence if e.unmet()]
    if unmet:
        lines.append(f"expected verdicts that did not occur: {_listed(unmet)}")
    noted = sum(bool(e.grid.notes) for e in evidence)
    if noted:
        lines.append(f"{counted(noted, 'expression')} with notes on kinks that were not settled")
    if errors:
        count = f"{len(errors)} entry" if len(errors) == 1 else f"{len(errors)} entries"
        lines.append(f"{count} could not be used")
    return lines


def _listed(names: Sequence[str]) -> str:
    names = [printable(name) for name in names]
    more = len(names) - _MAX_NAMES
    return ", ".join(names[:_MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
