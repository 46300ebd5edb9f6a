"""What a record costs, by format."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from generated import RANGE, nests, written
from measuring import Table, in_child, measured

import symdiff
from symdiff.batch.store import key_of, open_store
from symdiff.batch.work import collect
from symdiff.batch.workers import Limits
from symdiff.libraries import collect_rarely
from symdiff.report.report import Report
from symdiff.report.stored import stored_report
from symdiff.request.options import Options

COUNT = 300  # generated expressions
ROUNDS = 3
RECORDS = f"""\
Microseconds of processor time a record, of {COUNT} generated expressions on 101 points, the least
of {ROUNDS} rounds; and the same as a part of the time of the comparison. Memory is the growth of
the process's peak while a format is written, in MiB; each is measured in a process of its own."""
FORMATS = ("jsonl", "json", "csv", "parquet", "store", "dicts")


def records(count: int = COUNT, formats: tuple[str, ...] = FORMATS) -> Table:
    """Measure what a record costs in each format."""
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder) / "generated.txt", nests(count), RANGE)
        store = Path(folder) / "results.db"
        start = time.process_time()
        symdiff.compare_files(path, store=store)
        comparison = time.process_time() - start
        for name in formats:
            found = in_child("parts.records", "cost_of", name, str(path), str(store))
            each = found["seconds"] / found["records"] * 1e6
            share = found["seconds"] / comparison
            rows.append([name, f"{each:.2f}", f"{share:.1%}", f"{found['memory']:.0f}"])
    return ["format", "µs a record", "of the comparison", "MiB"], rows


def cost_of(form: str, path: str, store: str) -> dict[str, float]:
    """Return what it takes to write stored results in a format here, and the number of records."""
    collect_rarely()  # as the command line does
    report = stored_report(Path(store))
    count = sum(1 for _ in report.records())
    with tempfile.TemporaryDirectory() as folder:
        return {"records": count, **measured(writer(form, report, path, Path(folder)), ROUNDS)}


def writer(form: str, report: Report, path: str, folder: Path) -> Callable[[], object]:
    """Return a function that writes a report."""
    if form == "dicts":
        return lambda: sum(1 for _ in report.records())
    if form == "store":
        return lambda: stored(report, path, folder)
    return lambda: report.write(folder / f"report.{form}")


def stored(report: Report, path: str, folder: Path) -> None:
    """Write the results of a file to a new store."""
    file, options = folder / "new.db", Options()
    file.unlink(missing_ok=True)
    evidence = {e.name: e for e in report.evidence}
    with open_store(file) as store:
        for request in collect([Path(path)]).entries:
            found = evidence[request.label.name]
            store.put(key_of(request, options), request, found, Limits())
