"""SARIF 2.1.0, which code hosts show beside the lines of the expressions."""

from __future__ import annotations

import collections
import hashlib
import json
import linecache
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from symdiff.comparison.evidence import Evidence
from symdiff.errors import InputError, Place, SymdiffError
from symdiff.report.findings import Finding, findings
from symdiff.report.layout import Layout
from symdiff.report.report import Report
from symdiff.verdict.words import Verdict

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
# The place behind a part to blame: "(expr, column 3)", "(let h, column 1)", "(model.py:41: h = 1)".
_COLUMN: Final = re.compile(
    r"^(?P<part>.*) \((?P<source>expr|let \w+), column (?P<column>\d+)\)$", re.DOTALL
)
_CODE: Final = re.compile(
    r"^(?P<part>.*) \((?P<file>[^():]+):(?P<line>\d+): (?P<code>.*)\)$", re.DOTALL
)
# Rules that are not verdicts.
_UNUSABLE: Final = "unusable-entry"
_UNMET: Final = "unmet-expectation"
_OWN_RULES: Final = {
    _UNUSABLE: "An entry or a file could not be used.",
    _UNMET: "An expected verdict did not occur.",
}
Result = dict[str, Any]
Region = dict[str, Any]


def render(report: Report, layout: Layout) -> str:
    """Return a log with one run, and a result for each finding."""
    del layout  # findings are grouped in any case
    results = [r for e in report.evidence for r in (*_found(e), *_unmet(e))]
    results += [_unusable(error) for error in report.errors]
    rules = sorted({r["ruleId"] for r in results})
    for result in results:
        result["ruleIndex"] = rules.index(result["ruleId"])
    driver = {
        "name": "symdiff",
        "version": report.versions.get("symdiff", "unknown"),
        "rules": [{"id": r, "shortDescription": {"text": _meaning(r)}} for r in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": _fingerprinted(results),
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, allow_nan=False) + "\n"


def _meaning(rule: str) -> str:
    return _OWN_RULES.get(rule) or Verdict.of(rule).meaning or rule


def _found(e: Evidence) -> Iterator[Result]:
    found = findings(e)
    for f in found:
        level = "error" if f.verdict.gravity >= Verdict.WRONG.gravity else "warning"
        what = f"{f.engine} gives {f.value} for d/d{', '.join(f.variables)} of {f.expression}"
        why = f" ({f.why})" if f.why else ""
        message = f"{what} at {f.at}, the truth is {f.truth}; {f.verdict} at {f.where}{why}"
        key = (f.expression, f.spelling, f.output, f.engine, *f.variables, _part(f.blame))
        yield _result(str(f.verdict), level, message, _location(e, f), key)
    # The points of a long range may be counted without being kept.
    for engine in e.findings().keys() - {f.engine for f in found}:
        for verdict, count in e.findings()[engine].items():
            message = f"{engine} on {e.name}: {verdict} {count} times"
            place = _place(e.label.file, e.label.line, e.name, {})
            yield _result(str(verdict), "error", message, place, (e.name, engine))


def _unmet(e: Evidence) -> Iterator[Result]:
    location = _place(e.label.file, e.label.line, e.name, {})
    for engine, words in e.unmet().items():
        message = f"{engine} on {e.name} was expected to be {' and '.join(words)}"
        yield _result(_UNMET, "error", message, location, (e.name, engine, *words))


def _unusable(error: SymdiffError) -> Result:
    place = error.place if isinstance(error, InputError) else Place()
    entry = place.entry or ""
    location = _place(place.file, place.line, entry, {})
    message = str(error).splitlines()[0] if str(error) else type(error).__name__
    return _result(_UNUSABLE, "error", message, location, (entry,))


def _result(
    rule: str, level: str, message: str, location: dict[str, Any], key: tuple[str, ...]
) -> Result:
    """Return a result; `key` says what stays the same from run to run: no value, point or line."""
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": message},
        "locations": [location] if location else [],
        "partialFingerprints": {"symdiff/v1": json.dumps([rule, *key])},
    }


def _fingerprinted(results: list[Result]) -> list[Result]:
    """Return results whose fingerprints are hashes; a number distinguishes those of equal keys."""
    seen: collections.Counter[str] = collections.Counter()
    hashed = []
    for result in results:
        ((name, key),) = result["partialFingerprints"].items()
        digest = hashlib.sha256(f"{key} {seen[key]}".encode()).hexdigest()
        seen[key] += 1
        hashed.append({**result, "partialFingerprints": {name: digest}})
    return hashed


def _part(blame: str) -> str:
    """Return the part to blame without its line and column."""
    place = _CODE.match(blame) or _COLUMN.match(blame)
    return place["part"] if place else blame


def _location(e: Evidence, f: Finding) -> dict[str, Any]:
    """Return where the part to blame is written: in traced code, or in the expression file."""
    if code := _CODE.match(f.blame):
        return _place(code["file"], int(code["line"]), e.name, {"snippet": {"text": code["code"]}})
    written = _COLUMN.match(f.blame)
    key = written["source"].split()[0] if written else "expr"
    line = e.label.lines.get(key, e.label.line)
    columns = {}
    if written and line and e.label.file and not f.spelling:
        columns = _columns(e, written, _line(e.label.file, line))
    return _place(e.label.file, line, e.name, columns)


def _columns(e: Evidence, written: re.Match[str], line: str) -> Region:
    """Return the columns of a part in its line of the file, if the source stands there as it is."""
    texts = [source.text for source in e.program.sources if source.name == written["source"]]
    if len(texts) != 1 or line.count(texts[0]) != 1:
        return {}
    start, part = line.index(texts[0]) + int(written["column"]) - 1, written["part"]
    if not line.startswith(part, start):
        return {}
    first, end = start + 1, start + len(part) + 1
    return {"startColumn": first, "endColumn": end, "snippet": {"text": part}}


def _line(file: str, line: int) -> str:
    """Return a line of a file as it is now; "" if it cannot be read."""
    linecache.checkcache(file)
    return linecache.getline(file, line)


def _place(file: str | None, line: int | None, name: str, more: Region) -> dict[str, Any]:
    """Return a location; the name alone where there is no file. `more` is known of the line."""
    location: dict[str, Any] = {}
    if file:
        physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(file)}}
        if line:
            physical["region"] = {"startLine": line, **more}
        location["physicalLocation"] = physical
    if name:
        location["logicalLocations"] = [{"name": name}]
    return location


def _uri(file: str) -> str:
    """Return a file as a relative URI: from the current folder, or its name if it is elsewhere."""
    path, here = Path(file), Path.cwd()
    if path.is_absolute() or ".." in path.parts:
        whole = path.resolve()
        path = whole.relative_to(here) if whole.is_relative_to(here) else Path(path.name)
    return quote(path.as_posix())
