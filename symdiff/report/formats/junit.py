"""XML as JUnit writes it, for the displays of CI: a test for each expression and engine."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from typing import Final

from symdiff.comparison.evidence import Evidence
from symdiff.report.findings import Finding, findings
from symdiff.report.headline import headline
from symdiff.report.layout import Layout
from symdiff.report.report import Report
from symdiff.verdict.words import Verdict

# Characters that XML 1.0 does not allow, not even as references.
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COUNTED: Final = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def render(report: Report, layout: Layout) -> str:
    """Return a suite for each expression, with a test for each engine."""
    del layout  # findings are grouped in any case
    root = ET.Element("testsuites", name="symdiff")
    root.extend([*map(_suite, report.evidence), *_errors(report)])
    _count(root)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(e: Evidence) -> ET.Element:
    suite = ET.Element("testsuite", name=_allowed(e.name))
    properties = ET.SubElement(suite, "properties")
    for name, value in (("expression", e.program.text), ("headline", headline([e]))):
        ET.SubElement(properties, "property", name=name, value=_allowed(value))
    found, unmet = findings(e), e.unmet()
    for engine, counts in e.counts().items():
        case = ET.SubElement(suite, "testcase", classname=_allowed(e.name), name=_allowed(engine))
        faults = [_sentence(f) for f in found if f.engine == engine]
        # Points of a long range are counted, not kept: the counts include their findings.
        counted = [f"{v}: {n}" for v, n in e.findings().get(engine, {}).items()]
        missing = [f"expected to be {word}" for word in unmet.get(engine, ())]
        lines = [*(faults or counted), *missing]
        if lines:
            _outcome(case, "failure", lines, kind=_kind(found, engine))
        elif counts.keys() <= {Verdict.UNSUPPORTED}:
            _outcome(case, "skipped", ["unsupported" if counts else "nothing was compared"])
    _count(suite)
    return suite


def _sentence(f: Finding) -> str:
    """Return a finding in a line, with its number and the truth."""
    names = ", ".join(f.variables)
    what = " of ".join(part for part in (f"d/d{names}", f.output, f.spelling) if part)
    numbers = f"{f.value}, the truth is {f.truth} at {f.at}" if f.at else f"{f.value}, {f.truth}"
    why = f" ({f.why})" if f.why else ""
    return f"{f.verdict}: {what} at {f.where}: {numbers}{why}"


def _kind(found: Iterable[Finding], engine: str) -> str:
    return next((str(f.verdict) for f in found if f.engine == engine), "expectation")


def _outcome(case: ET.Element, tag: str, lines: list[str], kind: str = "") -> None:
    attributes = {"message": _allowed(lines[0]), **({"type": kind} if kind else {})}
    element = ET.SubElement(case, tag, attributes)
    if tag != "skipped":
        element.text = _allowed("\n".join(lines))


def _errors(report: Report) -> list[ET.Element]:
    """Return a suite of the entries and files that could not be used, if there are any."""
    if not report.errors:
        return []
    suite = ET.Element("testsuite", name="entries that could not be used")
    for number, error in enumerate(report.errors, start=1):
        case = ET.SubElement(suite, "testcase", classname="symdiff", name=f"entry {number}")
        _outcome(case, "error", str(error).splitlines() or ["unknown"], type(error).__name__)
    _count(suite)
    return [suite]


def _count(element: ET.Element) -> None:
    """Write the numbers of tests into a suite, or the suite of all suites."""
    counts = {"tests": "testcase", **_COUNTED}
    if element.tag == "testsuites":
        counts.pop("skipped")  # the schema has it for one suite only
    for name, tag in counts.items():
        element.set(name, str(sum(1 for _ in element.iter(tag))))


def _allowed(text: str) -> str:
    r"""Return a text in which characters that XML forbids are written as escapes.

    Examples
    --------
    >>> _allowed("a\x1bb")
    'a\\x1bb'
    """
    return _FORBIDDEN.sub(lambda m: m[0].encode("unicode_escape").decode("ascii"), text)
