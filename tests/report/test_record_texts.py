"""Records are written as whole columns, exactly as they would be written one by one."""

import csv
import io
import json

import numpy as np
import pytest

import symdiff
from symdiff.report import record_columns, record_texts
from symdiff.report.formats import jsonl
from symdiff.report.records import FIELDS, fields
from symdiff.report.report import Report

GRID = {"x": "-2:2:21"}


@pytest.fixture(scope="module")
def report():
    """Return a report of numbers that are not finite, kinks, spellings, and several variables."""
    comparisons = [
        symdiff.compare("1/x", at={"x": [0, "1/3", -0.0, 1e300, "pi"]}),
        symdiff.compare("relu(x) + abs(x - 1)", grid=GRID, spellings={"two, or so": "max(x, 0)"}),
        symdiff.compare("max(x, y) + cbrt(y)", at={"x": ["1/3", 0], "y": ["1/7", 0]}),
        symdiff.compare("x.clamp(min=0)", grid=GRID, dtype=["float32"]),
        symdiff.compare("stack([x, abs(x)])", at={"x": [0, 1]}),
        symdiff.compare("x**3", grid=GRID, order=2),
        symdiff.compare("relu(A).sum()", values={"A": [[1.0, -2.0], [0.0, 0.5]]}),
    ]
    return Report(tuple(c.evidence[0] for c in comparisons))


def one_by_one(report):
    """Return a report as CSV, written a record at a time."""
    text, names = io.StringIO(), fields(report.evidence)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for record in report.records():
        cells = {**record, "point": json.dumps(record["point"])}
        writer.writerow([cells.get(name) for name in names])
    return text.getvalue()


@pytest.mark.parametrize("chunk", [2**14, 5])
def test_columns_are_written_as_single_records_are(report, chunk, monkeypatch):
    monkeypatch.setattr(record_columns, "_CHUNK", chunk)
    objects = [json.dumps(record, allow_nan=False) for record in report.records()]
    assert len(objects) > 400
    assert report.to_jsonl().splitlines() == objects
    assert report.to_json().endswith(' "records": [\n' + ",\n".join(objects) + "\n]}\n")
    assert report.to_csv() == one_by_one(report)


def test_the_fields_of_engines_come_last(report):
    # The parts that engines share are written once, and stand before those of an engine.
    first = FIELDS.index("proved")
    e = report.evidence[0]
    own = record_columns.engine_columns(e, e.trials[0], "x", "autograd", slice(0, 1))
    assert set(FIELDS[first:]) | {record_columns.DTYPE} == set(own)


def counted(monkeypatch, module, name):
    """Return a list that gets an entry, the size of the argument, whenever a function is called."""
    function, sizes = getattr(module, name), []

    def counting(argument, **options):
        sizes.append(len(argument) if isinstance(argument, np.ndarray) else 1)
        return function(argument, **options)

    monkeypatch.setattr(module, name, counting)
    return sizes


def work(points, engines, monkeypatch):
    """Return how often words become text, how many columns of numbers do, and how many numbers."""
    comparison = symdiff.compare("1/x", at={"x": f"0.5:1:{points}"}, engines=engines)
    with monkeypatch.context() as patched:
        words = counted(patched, json, "dumps")
        columns = counted(patched, record_texts, "digits")
        jsonl._word.cache_clear()
        written = comparison.to_jsonl()
    assert len(written.splitlines()) == points * len(engines)
    return len(words), len(columns), sum(columns)


def test_the_calls_of_a_format_do_not_grow_with_the_points(monkeypatch):
    words, columns, numbers = work(30, ["autograd"], monkeypatch)
    assert words < 60 and columns < 6
    more_words, more_columns, more_numbers = work(300, ["autograd"], monkeypatch)
    assert (more_words - words, more_columns) == (0, columns)
    assert more_numbers > 5 * numbers  # the counter counts: every number is written


def test_what_engines_share_is_written_once(monkeypatch):
    _, _, numbers = work(30, ["autograd"], monkeypatch)
    _, _, of_two = work(30, ["autograd", "symbolic"], monkeypatch)
    assert of_two < 2 * numbers - 20  # points and the truth of the second engine are not new
