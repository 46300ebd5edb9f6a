"""Many expressions in the terminal: what is wrong first, then a line for each, then the counts."""

from __future__ import annotations

import collections
import dataclasses
import textwrap
from collections.abc import Mapping, Sequence
from typing import Final

from symdiff.comparison.evidence import Evidence
from symdiff.errors import SymdiffError
from symdiff.report.colours import PLAIN, Look, printable
from symdiff.report.findings import NO_NUMBER, Finding, by_engines, findings
from symdiff.report.headline import counted, headline, listed, shortened
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
    found = [fault for e in evidence if not e.ok for fault in _faults(e)]
    found.sort(key=lambda fault: -fault.largest.verdict.gravity)
    shown = found[:MAX_FINDINGS]
    width = max((len(fault.largest.verdict.label) for fault in shown), default=0)
    lines = [_line(fault, width, look) for fault in shown]
    more = len(found) - len(shown)
    if more:
        lines.append(f"and {more} more (--verbose shows all)")
    return "\n".join(lines)


@dataclasses.dataclass(frozen=True, slots=True)
class _Fault:
    """The largest finding of some engines with one verdict, and how many others there are."""

    engines: tuple[str, ...]
    largest: Finding
    others: int


def _faults(e: Evidence) -> list[_Fault]:
    """Return the findings of one comparison: one for each verdict on the same engines."""
    faults: dict[tuple[tuple[str, ...], str, Verdict], list[Finding]] = {}
    for engines, f in by_engines(findings(e)):
        faults.setdefault((engines, f.spelling, f.verdict), []).append(f)
    return [
        _Fault(engines, max(several, key=lambda f: f.count), len(several) - 1)
        for (engines, _, _), several in faults.items()
    ]


def _line(fault: _Fault, width: int, look: Look) -> str:
    """Return a fault in one line: verdict, expression, who, where, number against truth, why."""
    f = fault.largest
    name = shortened(printable(f.expression), _name_width(look))
    spelling = f" ({f.spelling})" if f.spelling else ""
    line = f"  {name}{spelling}: {printable(sentence(fault.engines, f))}"
    if fault.others:
        line += f" (and {counted(fault.others, 'more finding')})"
    if f.why and not _is_shown(f):
        line += f"; {printable(f.why)}"
    label = f.verdict.label
    line = _cut(line, look.width - width)
    return look.verdict(label, f.verdict) + " " * (width - len(label)) + line


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


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
    ['claim -6, not -4 (1.5 times), at x = -2 (x from -2 to -1)',
     'claim 3, not 2 (1.5 times), at x = 1 (x from 1 to 2)']
    """
    variables = "" if f.is_only_variable else f" d/d{listed(f.variables, limit=1)}"
    of = f" of {listed(f.outputs, limit=1)}" if f.output else ""
    region = place(f)
    at = f" at {region}" if region else ""
    who = f"{listed(engines)}{variables}{of}"
    if _is_shown(f):
        return f"{who}{at}: {f.detail}"
    times = f" ({f.ratio} times)" if f.ratio else ""
    return f"{who} {f.value}, not {f.truth}{times},{at}".removesuffix(",")


def place(f: Finding) -> str:
    """Return the region of a finding in a few words: one around a kink is named by the kink."""
    if " from " not in f.where:
        return f.where
    if f.at.count(" = ") == 1:
        return f"{f.at} ({f.where})"
    return f"{f.at} and {counted(len(f.points) - 1, 'more point')}"


def _is_shown(f: Finding) -> bool:
    """Return whether the detail of a finding is the finding: there is no number to compare."""
    return f.value == NO_NUMBER or f.verdict is Verdict.VALUE


def _expressions(evidence: Sequence[Evidence], look: Look) -> str:
    """Return a line for each expression: whether it passes, and its verdicts."""
    names = [shortened(printable(e.name), _name_width(look)) for e in evidence]
    width = max(map(len, names), default=0)
    lines = []
    for e, name in zip(evidence, names, strict=True):
        state = "ok" if e.ok else "FAIL"
        counts = _cut(_counts(e), look.width - width - len("  FAIL  "))
        lines.append(f"{name.ljust(width)}  {state:4}  {look.verdicts(counts)}")
    return "\n".join(lines)


def _counts(e: Evidence) -> str:
    """Return how often each verdict was given, the gravest first, and which were expected."""
    found, expected, totals = map(_totals, (e.findings(), e.expected(), e.counts()))
    parts = []
    for verdict in sorted(totals, key=lambda v: -v.gravity):
        rest = totals[verdict] - found[verdict] - expected[verdict]
        # What neither passes nor is a finding nor expected has a stencil that leaves the domain.
        reason = "" if e.passes(verdict) else " (stencil leaves the domain)"
        parts += [(found[verdict], f"{verdict}"), (expected[verdict], f"{verdict} as expected")]
        parts.append((rest, f"{verdict}{reason}"))
    return ", ".join(f"{count} {text}" for count, text in parts if count) or "nothing to compare"


def _totals(counts: Mapping[str, Mapping[Verdict, int]]) -> collections.Counter[Verdict]:
    """Return the counts of all engines together."""
    totals: collections.Counter[Verdict] = collections.Counter()
    for of_engine in counts.values():
        totals.update(of_engine)
    return totals


def _name_width(look: Look) -> int:
    return max(_SHORTEST_NAME, int(look.width * _NAME_SHARE))
