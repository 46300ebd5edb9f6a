"""CSV and Parquet hold names and numbers exactly, whatever they are."""

import csv
import dataclasses
import io
import json
import math

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symdiff
from symdiff.report.report import Report

_NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)
_HOSTILE = [
    "\r",
    'a,b"c"',
    "=cmd|'1'!A1",
    "\r\n\n, ;\t",
    "'",
    '"',
    "\u202e\x1b[31m",
    "é 中 😀",
    " x ",
]


@pytest.fixture(scope="module")
def evidence():
    found = symdiff.compare("x", at={"x": [0.1]}, engines=["autograd"], spellings={"two": "1*x"})
    return found.evidence[0]


def named(evidence, name):
    """Return a report in which the expression and its spelling have a name."""
    label = dataclasses.replace(evidence.label, name=name)
    trials = tuple(
        dataclasses.replace(t, spelling=t.spelling and f"{name}'") for t in evidence.trials
    )
    return Report((dataclasses.replace(evidence, label=label, trials=trials),))


def _read(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _differences(report, wide):
    """Return the fields of CSV that differ from the records."""
    rows, records = _read(report.to_csv(wide=wide)), list(report.records())
    assert len(rows) == len(records) > 1  # one engine: a wide row is a record
    found = set()
    for row, record in zip(rows, records, strict=True):
        point = {"x": float(row["x"])} if wide else json.loads(row["point"])
        value = row["autograd"] if wide else row["value"]
        found |= {"point"} if point != record["point"] else set()
        found |= {"value"} if float(value) != float(record["value"]) else set()
        for field in ("expression", "spelling", "variable"):
            found |= {field} if row[field] != (record[field] or "") else set()
    return found


@settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
)
@given(name=_NAMES, wide=st.booleans(), x=st.floats(allow_nan=False, allow_infinity=False))
def test_csv_reads_back_as_the_records(evidence, name, wide, x):
    report = named(evidence, name)
    points = evidence.grid.points.copy()
    points[:] = x
    grid = dataclasses.replace(evidence.grid, points=points)
    moved = Report((dataclasses.replace(report.evidence[0], grid=grid),))
    assert _differences(moved, wide) == set()


def test_hostile_names_in_every_table(evidence, tmp_path):
    for name in _HOSTILE:
        report = named(evidence, name)
        assert _differences(report, wide=True) == _differences(report, wide=False) == set()
        report.to_parquet(tmp_path / "a.parquet")
        rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
        assert {row["expression"] for row in rows} == {name}
        assert {row["spelling"] for row in rows} == {None, f"{name}'"}


def test_a_planted_fault_is_found(evidence, monkeypatch):
    report = named(evidence, "a,b")
    text = report.to_csv().replace('"a,b"', "a;b").replace("0.1", "0.2")
    monkeypatch.setattr(Report, "to_csv", lambda _, wide: text)
    assert not math.isclose(float(json.loads(_read(text)[0]["point"])["x"]), 0.1)
    assert _differences(report, wide=False) == {"expression", "point"}
