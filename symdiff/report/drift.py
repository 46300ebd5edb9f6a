"""What changed between two runs: verdicts, and what engines pick where there is a choice."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tabulate import tabulate

from symdiff.batch.store import MAGIC, open_store
from symdiff.comparison.evidence import Evidence
from symdiff.errors import Crash, UsageError
from symdiff.report.records import Record, records
from symdiff.verdict.words import Verdict

MAX_ROWS: Final = 60
_CLOSE: Final = 1e-9  # relative: values that differ by less are one convention
# Where an engine has a choice.
_CHOICES: Final = frozenset(
    map(str, (Verdict.SUBGRADIENT, Verdict.NOT_SUBGRADIENT, Verdict.SILENT, Verdict.UNDEFINED))
)
_IDENTITY: Final = ("expression", "spelling", "output", "variable", "engine")
_HINT: Final = "two files: stores of symdiff run --store, or reports of --format json"
Key = tuple[Any, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """One of two runs that are compared.

    Attributes
    ----------
    expressions
        What every expression was, by name.
    records
        For every expression, engine and point a record.
    lost
        Expressions of which nothing came.
    versions
        Of the libraries.
    counted
        For every expression whose agreements are counted only, the number of its points.
    """

    expressions: Mapping[str, str]
    records: Mapping[Key, Record]
    lost: tuple[str, ...]
    versions: Mapping[str, str]
    counted: Mapping[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One record that changed.

    Attributes
    ----------
    what
        ``verdict``, ``convention`` or ``truth``.
    old, new
        The records.
    """

    what: str
    old: Record
    new: Record


@dataclasses.dataclass(frozen=True, slots=True)
class Drift:
    """What changed between two runs.

    Attributes
    ----------
    changes
        Record by record.
    lost
        Expressions of which nothing came in the new run, and something in the old.
    missing, added, rewritten
        Expressions that only the old run has, only the new one, and both with other texts.
    versions
        For every library that changed its old and its new version.
    unpaired
        How many records of expressions that both runs have only one of them has.
    """

    changes: tuple[Change, ...]
    lost: tuple[str, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    rewritten: tuple[str, ...]
    versions: Mapping[str, tuple[str, str]]
    unpaired: int = 0

    @property
    def found(self) -> bool:
        """Whether anything changed that a user would see: a verdict, a convention, a loss."""
        return bool(self.changes or self.lost)


def read_run(path: Path) -> Run:
    """Read a store or a JSON report.

    Raises
    ------
    InputError
        The file is neither.
    """
    try:
        with path.open("rb") as file:
            is_store = file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise UsageError(message, hint=_HINT) from None
    return _from_store(path) if is_store else _from_report(path)


def _from_store(path: Path) -> Run:
    found, lost, versions = [], [], {}
    with open_store(path, must_exist=True) as store:
        for name, outcome, own in store.outcomes():
            versions = own
            if isinstance(outcome, Evidence):
                label = dataclasses.replace(outcome.label, name=name)
                found.append(dataclasses.replace(outcome, label=label))
            elif isinstance(outcome, Crash):
                lost.append(name)
    texts = {e.name: e.program.text for e in found}
    counted = {e.name: e.points for e in found if e.left_out.points}
    kept = _by_key(r for e in found for r in records(e))
    return Run(texts, kept, tuple(lost), versions, counted)


def _from_report(path: Path) -> Run:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        is_report = report["format"] == "symdiff report"
        heads = report["expressions"] if is_report else ()
        texts = {head["name"]: head["text"] for head in heads}
        counted = {head["name"]: int(head["points"]) for head in heads if head.get("counted_only")}
        found = _by_key(report["records"] if is_report else ())
        lost, versions = tuple(report.get("lost", ())), dict(report.get("versions", {}))
        run = Run(texts, found, lost, versions, counted)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        is_report = False
    if not is_report:
        message = f"{path} is no JSON report of symdiff, nor a store"
        raise UsageError(message, hint=_HINT)
    return run


def _by_key(found: Iterable[Record]) -> dict[Key, Record]:
    return {_key(record): record for record in found}


def _key(record: Record) -> Key:
    place = tuple(sorted(record["point"].items()))
    return (*(record[name] for name in _IDENTITY), place, record["exact"])


def drift(old: Run, new: Run) -> Drift:
    """Return what changed from one run to the other.

    Points that only one of them has are left aside, and so is what an expression of another text
    gives under the same name. On a long range of as many points in both, what only one has kept
    agreed in the other.

    Parameters
    ----------
    old, new
        The runs.
    """
    both = old.expressions.keys() & new.expressions.keys()
    rewritten = {name for name in both if old.expressions[name] != new.expressions[name]}
    ranges = {name: points for name, points in old.counted.items() if name not in rewritten}
    same = {name for name, points in ranges.items() if new.counted.get(name) == points}
    old, new = _completed(old, new, same), _completed(new, old, same)
    pairs = {n: (v, new.versions[n]) for n, v in old.versions.items() if n in new.versions}
    gone = [name for name in old.expressions if name not in new.expressions]
    return Drift(
        changes=tuple(_changes(old, new, rewritten)),
        lost=tuple(name for name in gone if name in new.lost),
        missing=tuple(name for name in gone if name not in new.lost),
        added=tuple(name for name in new.expressions if name not in old.expressions),
        rewritten=tuple(sorted(rewritten)),
        versions={name: pair for name, pair in pairs.items() if pair[0] != pair[1]},
        unpaired=_unpaired(old, new, both - rewritten),
    )


def _completed(run: Run, other: Run, names: set[str]) -> Run:
    """Add what a run only counted, and the other kept: at those points its engines agreed."""
    more = {
        key: {**record, "verdict": str(Verdict.AGREES), "value": record["derivative"]}
        for key, record in other.records.items()
        if key[0] in names and key not in run.records
    }
    return dataclasses.replace(run, records={**run.records, **more}) if more else run


def _unpaired(old: Run, new: Run, names: set[str]) -> int:
    one_sided = old.records.keys() ^ new.records.keys()
    return sum(key[0] in names for key in one_sided)


def _changes(old: Run, new: Run, rewritten: set[str]) -> Iterator[Change]:
    for key, before in old.records.items():
        after = new.records.get(key)
        if after is None or before["expression"] in rewritten:
            continue
        if before["verdict"] != after["verdict"]:
            yield Change("verdict", before, after)
        elif before["verdict"] in _CHOICES and not _same(before["value"], after["value"]):
            yield Change("convention", before, after)
        elif before["kind"] != after["kind"]:
            yield Change("truth", before, after)


def _same(a: Any, b: Any) -> bool:  # noqa: ANN401  (numbers, "nan", "inf", or None)
    if a is None or b is None:
        return a is b
    x, y = float(a), float(b)
    if not (math.isfinite(x) and math.isfinite(y)):
        return str(x) == str(y)
    return abs(x - y) <= _CLOSE * max(abs(x), abs(y))


def rendered(found: Drift) -> str:
    """Return what changed as a table, with what surrounds it in a few lines."""
    lines = []
    if found.changes:
        shown = [_row(change) for change in found.changes[:MAX_ROWS]]
        headers = ["expression", "d/d", "at", "engine", "old", "new"]
        lines.append(tabulate(shown, headers=headers, tablefmt="simple", disable_numparse=True))
        more = len(found.changes) - MAX_ROWS
        lines.extend([f"and {more} more"] if more > 0 else [])
    if found.versions:
        pairs = (f"{name} {old} -> {new}" for name, (old, new) in found.versions.items())
        lines.append("versions: " + ", ".join(pairs))
    for label, names in (
        ("nothing came any more of", found.lost),
        ("only in the old run", found.missing),
        ("only in the new run", found.added),
        ("another text under the same name", found.rewritten),
    ):
        if names:
            rest = f" and {len(names) - 10} more" if len(names) > 10 else ""
            lines.append(f"{label}: {', '.join(names[:10])}{rest}")
    if found.unpaired:
        lines.append(f"{found.unpaired} records without a counterpart: other points, or engines")
    counts = {
        w: sum(c.what == w for c in found.changes) for w in ("verdict", "convention", "truth")
    }
    told = ", ".join(f"{n} {w}{'s' if n != 1 else ''}" for w, n in counts.items() if n)
    lines.append(f"changed: {told or 'nothing'}")
    return "\n".join(lines)


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
