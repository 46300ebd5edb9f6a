"""Many expressions in the terminal: what is wrong first, then a line for each, then the counts."""

from __future__ import annotations

import collections
import textwrap
from collections.abc import Sequence
from typing import Final

from symdiff.comparison.evidence import Evidence
from symdiff.errors import SymdiffError
from symdiff.report.colours import PLAIN, Look, printable
from symdiff.report.findings import NO_NUMBER, Finding, by_engines, findings
from symdiff.report.headline import headline, listed, shortened
from symdiff.report.summary import summary
from symdiff.verdict.words import Verdict

# The most findings that are shown; the rest is counted.
MAX_FINDINGS: Final = 20
# The part of a line that the name of an expression may take.
_NAME_SHARE: Final = 0.35
_SHORTEST_NAME: Final = 12  # characters


def digest(
    evidence: Sequence[Evidence],
    errors: Sequence[SymdiffError] = (),
    *,
    look: Look = PLAIN,
    is_brief: bool = False,
) -> str:
    """Return the result of comparing many expressions, what is wrong first.

    Parameters
    ----------
    evidence
        The result of each comparison.
    errors
        Why entries and files could not be used.
    look
        The width of a line, and whether verdicts are coloured.
    is_brief
        Whether the line of each expression is left out.
    """
    parts = [
        wrapped_headline(evidence, errors, look),
        _findings(evidence, look),
        "" if is_brief else _expressions(evidence, look),
        look.verdicts(summary(evidence, errors, look.width)),
    ]
    return "\n\n".join(part for part in parts if part)


def wrapped_headline(
    evidence: Sequence[Evidence], errors: Sequence[SymdiffError], look: Look
) -> str:
    """Return PASS or FAIL and the reason, coloured, in lines of the width of `look`."""
    text = printable(headline(evidence, errors))
    lines = textwrap.wrap(text, look.width, subsequent_indent="  ", break_on_hyphens=False)
    return look.headline("\n".join(lines))


def _findings(evidence: Sequence[Evidence], look: Look) -> str:
    """Return the gravest findings of all expressions, a line for each."""
    found = [item for e in evidence if not e.ok for item in by_engines(findings(e))]
    found.sort(key=lambda item: -item[1].verdict.gravity)
    width = max((len(f.verdict.label) for _, f in found[:MAX_FINDINGS]), default=0)
    lines = [_finding(engines, f, width, look) for engines, f in found[:MAX_FINDINGS]]
    more = len(found) - len(lines)
    if more:
        lines.append(f"and {more} more (--verbose shows all)")
    return "\n".join(lines)


def _finding(engines: Sequence[str], f: Finding, width: int, look: Look) -> str:
    """Return a finding in one line: verdict, expression, who, where, number against truth, why."""
    name = shortened(printable(f.expression), _name_width(look))
    spelling = f" ({f.spelling})" if f.spelling else ""
    told = f"  {name}{spelling}: {printable(sentence(engines, f))}"
    if f.blame and f.value != NO_NUMBER:
        told += f"; {printable(f.blame)}"
    label = f.verdict.label
    room = look.width - width
    told = f"{told[: room - 1]}…" if len(told) > room else told
    return look.verdict(label, f.verdict) + " " * (width - len(label)) + told


def sentence(engines: Sequence[str], f: Finding) -> str:
    """Return who gave what number, where, and what the truth is.

    Parameters
    ----------
    engines
        The engines that gave the number.
    f
        The finding.

    Examples
    --------
    >>> from symdiff import compare
    >>> report = compare("x**2", {"x": "-2:2:5"}, claims={"x": "3*x"}, engines=["autograd"])
    >>> [sentence([f.engine], f) for f in findings(report.evidence[0])]
    ['claim -6, not -4 (1.5 times), at x = -2 and 1 more',
     'claim 3, not 2 (1.5 times), at x = 1 and 1 more']
    """
    variables = "" if f.is_only_variable else f" d/d{listed(f.variables, limit=1)}"
    of = f" of {f.output}" if f.output else ""
    more = len(f.points) - 1
    others = f" and {more} more" if more else ""
    place = f" at {f.at}{others}" if f.at else ""
    who = f"{listed(engines)}{variables}{of}"
    if f.value == NO_NUMBER:
        return f"{who}{place}: {f.detail}"
    times = f" ({f.ratio} times)" if f.ratio else ""
    return f"{who} {f.value}, not {f.truth}{times},{place}".removesuffix(",")


def _expressions(evidence: Sequence[Evidence], look: Look) -> str:
    """Return a line for each expression: whether it passes, and its verdicts."""
    names = [shortened(printable(e.name), _name_width(look)) for e in evidence]
    width = max(map(len, names), default=0)
    lines = []
    for e, name in zip(evidence, names, strict=True):
        state = "ok" if e.ok else "FAIL"
        lines.append(f"{name.ljust(width)}  {state:4}  {look.verdicts(_counts(e))}")
    return "\n".join(lines)


def _counts(e: Evidence) -> str:
    """Return how often each verdict was given, the gravest first, and which were expected."""
    totals: collections.Counter[Verdict] = collections.Counter()
    for counts in e.counts().values():
        totals.update(counts)
    unexpected = {verdict for counts in e.findings().values() for verdict in counts}
    ordered = sorted(totals.items(), key=lambda item: -item[0].gravity)
    return (
        ", ".join(
            f"{count} {verdict}{'' if verdict.passes or verdict in unexpected else ' as expected'}"
            for verdict, count in ordered
        )
        or "nothing to compare"
    )


def _name_width(look: Look) -> int:
    return max(_SHORTEST_NAME, int(look.width * _NAME_SHARE))
