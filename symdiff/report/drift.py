"""Changes from one run to another: of verdicts, of truths, and of choices at kinks."""

from __future__ import annotations

import collections
import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tabulate import tabulate

from symdiff.batch.store import MAGIC
from symdiff.errors import Crash, UsageError
from symdiff.report.records import Record, records
from symdiff.report.stored import stored_report
from symdiff.verdict.words import Verdict

# The most changes in the table.
MAX_ROWS: Final = 60
# The most names of expressions in one line.
_MAX_NAMES: Final = 10
# The largest relative difference of two values that count as the same choice of an engine.
_TOLERANCE: Final = 1e-9
# Numbers that are smaller are rounding errors where an engine chose 0.
_NOISE: Final = 1e-12
# Labels of the verdicts on values that an engine chose: there is no derivative.
_CHOICES: Final = frozenset(
    map(str, (Verdict.SUBGRADIENT, Verdict.NOT_SUBGRADIENT, Verdict.SILENT, Verdict.UNDEFINED))
)
# The fields that identify a record, along with its point.
_IDENTITY: Final = ("expression", "spelling", "output", "variable", "engine")
_HINT: Final = "two files: stores of symdiff run --store, or reports of --format json"
Key = tuple[Any, ...]  # the values of `_IDENTITY`, and the point


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """The results of a run, from a store or a report.

    Attributes
    ----------
    expressions
        The texts of the expressions, by name.
    records
        The records by their keys.
    lost
        The names of expressions without a result, because their worker was lost.
    versions
        The versions of the libraries, by name.
    counted
        The number of points of each expression on a long range, whose agreements are only counted.
    """

    expressions: Mapping[str, str]
    records: Mapping[Key, Record]
    lost: tuple[str, ...]
    versions: Mapping[str, str]
    counted: Mapping[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """A change of one record.

    Attributes
    ----------
    what
        What changed: ``verdict``, ``convention`` (the value that an engine chose) or ``truth``.
    old, new
        The record in the old run and in the new run.
    """

    what: str
    old: Record
    new: Record


@dataclasses.dataclass(frozen=True, slots=True)
class Drift:
    """The changes from one run to another.

    Attributes
    ----------
    changes
        The records that changed.
    lost
        Names of expressions with results in the old run that were lost in the new run.
    missing, added
        Names of expressions that only the old run has, and of those that only the new run has.
    rewritten
        Names under which the runs have different expressions.
    versions
        The old and the new version of each library that changed.
    engines, added_engines
        Engines that only the old run has, and those that only the new run has.
    vanished, appeared
        The number of records that only the old run has, and of those that only the new run has, of
        expressions and engines that both have.
    """

    changes: tuple[Change, ...]
    lost: tuple[str, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    rewritten: tuple[str, ...]
    versions: Mapping[str, tuple[str, str]]
    engines: tuple[str, ...] = ()
    added_engines: tuple[str, ...] = ()
    vanished: int = 0
    appeared: int = 0

    @property
    def has_changes(self) -> bool:
        """Whether a record changed or an expression was lost."""
        return bool(self.changes or self.lost)

    @property
    def has_lost_coverage(self) -> bool:
        """Whether the old run has an expression, an engine or a record that the new one lacks."""
        return bool(self.missing or self.rewritten or self.engines or self.vanished)


def read_run(path: Path) -> Run:
    """Read a store or a JSON report.

    Raises
    ------
    UsageError
        If the file is neither, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            is_store = file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise UsageError(message, hint=_HINT) from None
    return _from_store(path) if is_store else _from_report(path)


def _from_store(path: Path) -> Run:
    report = stored_report(path)
    evidence = report.evidence
    texts = {e.name: e.program.text for e in evidence}
    counted = {e.name: e.points for e in evidence if e.left_out.points}
    lost = tuple(error.name for error in report.errors if isinstance(error, Crash))
    by_key = _by_key(r for e in evidence for r in records(e))
    return Run(texts, by_key, lost, dict(report.versions), counted)


def _from_report(path: Path) -> Run:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        is_report = report["format"] == "symdiff report"
        heads = report["expressions"] if is_report else ()
        texts = {head["name"]: head["text"] for head in heads}
        counted = {head["name"]: int(head["points"]) for head in heads if head.get("counted_only")}
        by_key = _by_key(report["records"] if is_report else ())
        lost, versions = tuple(report.get("lost", ())), dict(report.get("versions", {}))
        run = Run(texts, by_key, lost, versions, counted)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        is_report = False
    if not is_report:
        message = f"{path} is neither a store nor a JSON report of symdiff"
        raise UsageError(message, hint=_HINT)
    return run


def _by_key(rows: Iterable[Record]) -> dict[Key, Record]:
    return {_key(record): record for record in rows}


def _key(record: Record) -> Key:
    point = tuple(sorted(record["point"].items()))
    return (*(record[field] for field in _IDENTITY), point, record["exact"])


def drift(old: Run, new: Run) -> Drift:
    """Return the changes from one run to another.

    Records that only one run has are counted. Different expressions under the same name are not
    compared. On a long range, a run does not keep points at which all engines
    agree. If the range has the same number of points in both runs, a point that only one run kept
    is therefore compared with agreement in the other.
    """
    both = old.expressions.keys() & new.expressions.keys()
    rewritten = {name for name in both if old.expressions[name] != new.expressions[name]}
    ranges = {
        name
        for name, points in old.counted.items()
        if name not in rewritten and new.counted.get(name) == points
    }
    old, new = _completed(old, new, ranges), _completed(new, old, ranges)
    engines, added = _engines(old) - _engines(new), _engines(new) - _engines(old)
    common = both - rewritten
    pairs = {n: (v, new.versions[n]) for n, v in old.versions.items() if n in new.versions}
    gone = [name for name in old.expressions if name not in new.expressions]
    return Drift(
        changes=tuple(_changes(old, new, rewritten)),
        lost=tuple(name for name in gone if name in new.lost),
        missing=tuple(name for name in gone if name not in new.lost),
        added=tuple(name for name in new.expressions if name not in old.expressions),
        rewritten=tuple(sorted(rewritten)),
        versions={name: pair for name, pair in pairs.items() if pair[0] != pair[1]},
        engines=tuple(sorted(engines)),
        added_engines=tuple(sorted(added)),
        vanished=_only_in(old, new, common, engines),
        appeared=_only_in(new, old, common, added),
    )


def _engines(run: Run) -> set[str]:
    return {record["engine"] for record in run.records.values()}


def _completed(run: Run, other: Run, names: set[str]) -> Run:
    """Return a run with records of agreement at the points that only the other run kept."""
    agreed = {
        key: {**record, "verdict": str(Verdict.AGREES), "value": record["derivative"]}
        for key, record in other.records.items()
        if key[0] in names and key not in run.records
    }
    return dataclasses.replace(run, records={**run.records, **agreed}) if agreed else run


def _only_in(run: Run, other: Run, names: set[str], engines: set[str]) -> int:
    """Return the number of records of a run that the other lacks, except those of `engines`."""
    return sum(
        key[0] in names and record["engine"] not in engines
        for key, record in run.records.items()
        if key not in other.records
    )


def _changes(old: Run, new: Run, rewritten: set[str]) -> Iterator[Change]:
    for key, before in old.records.items():
        after = new.records.get(key)
        if after is None or before["expression"] in rewritten:
            continue
        if before["verdict"] != after["verdict"]:
            yield Change("verdict", before, after)
        elif before["verdict"] in _CHOICES and not _same_choice(before["value"], after["value"]):
            yield Change("convention", before, after)
        elif before["kind"] != after["kind"] or not _same(
            before["derivative"], after["derivative"]
        ):
            yield Change("truth", before, after)


def _same_choice(a: Any, b: Any) -> bool:  # noqa: ANN401  (as in `_same`)
    """Return whether an engine made the same choice: a difference quotient of 0 is rounding noise.

    The noise differs between processors.
    """
    is_noise = all(x is not None and abs(float(x)) < _NOISE for x in (a, b))
    return is_noise or _same(a, b)


def _same(a: Any, b: Any) -> bool:  # noqa: ANN401  (numbers, "nan", "inf", or None)
    if a is None or b is None:
        return a is b
    x, y = float(a), float(b)
    if not (math.isfinite(x) and math.isfinite(y)):
        return str(x) == str(y)
    return abs(x - y) <= _TOLERANCE * max(abs(x), abs(y))


def rendered(changes: Drift) -> str:
    """Return the changes as plain text: a table of the changed records, and lines on the rest."""
    lines = []
    if changes.changes:
        rows = [_row(change) for change in changes.changes[:MAX_ROWS]]
        headers = ["expression", "d/d", "at", "engine", "old", "new"]
        lines.append(tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True))
        more = len(changes.changes) - MAX_ROWS
        lines.extend([f"and {more} more"] if more > 0 else [])
    if changes.versions:
        pairs = (f"{name} {old} -> {new}" for name, (old, new) in changes.versions.items())
        lines.append("versions: " + ", ".join(pairs))
    lines.extend(_lines_of_names(changes))
    for which, count in (("old", changes.vanished), ("new", changes.appeared)):
        if count:
            lines.append(f"{count} records only in the {which} run: their points differ")
    counts = _change_counts(changes)
    if counts or not changes.has_lost_coverage:
        lines.append(f"changed: {counts or 'nothing'}")
    if changes.has_lost_coverage:
        lines.append("the new run lacks results of the old one (--allow-missing accepts that)")
    return "\n".join(lines)


def _lines_of_names(changes: Drift) -> list[str]:
    names_by_label = {
        "lost in the new run": changes.lost,
        "only in the old run": changes.missing,
        "only in the new run": changes.added,
        "different expressions under one name": changes.rewritten,
        "engines only in the old run": changes.engines,
        "engines only in the new run": changes.added_engines,
    }
    return [
        f"{label}: {', '.join(names[:_MAX_NAMES])}"
        + (f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else "")
        for label, names in names_by_label.items()
        if names
    ]


def _change_counts(changes: Drift) -> str:
    counts = collections.Counter(change.what for change in changes.changes)
    return ", ".join(
        f"{counts[what]} {what}{'s' if counts[what] > 1 else ''}"
        for what in ("verdict", "convention", "truth")
        if counts[what]
    )


def _row(change: Change) -> list[str]:
    old, new = change.old, change.new
    name = old["expression"] + (f" ({old['spelling']})" if old["spelling"] else "")
    variable = old["variable"] + (f" of {old['output']}" if old["output"] else "")
    at = old["exact"] or ", ".join(f"{x:.6g}" for x in old["point"].values())
    words = [f"{r['verdict']} {_number(r['value'])}".strip() for r in (old, new)]
    if change.what == "truth":
        words = [f"{r['kind']} {_number(r['derivative'])}".strip() for r in (old, new)]
    return [name, variable, at, old["engine"], *words]


def _number(value: Any) -> str:  # noqa: ANN401
    return "" if value is None else f"{float(value):.6g}"
