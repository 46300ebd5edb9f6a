"""Reports on runs in formats other than float64, and on runs in float64 only."""

import csv
import io
import json

import symdiff
from symdiff.report.records import FIELDS

TEXT, POINTS = "tanh(x)", [0.5, 3.0]


def report(**more):
    return symdiff.compare(TEXT, at={"x": POINTS}, engines=["central", "autograd"], **more)


def test_records_have_the_format_of_their_engine():
    found = report(dtype="float32,bfloat16,autocast-bfloat16")
    formats = {r["engine"]: r["dtype"] for r in found.records()}
    assert formats == {
        "central": "float64",
        "autograd:float32": "float32",
        "autograd:bfloat16": "bfloat16",
        "autograd:autocast-bfloat16": "autocast-bfloat16",
    }
    keys = list(next(iter(found.records())))
    assert keys[keys.index("engine") + 1] == "dtype"
    assert [k for k in keys if k != "dtype"] == list(FIELDS)


def test_a_run_in_float64_has_records_as_before():
    rows = list(report().records())
    assert {tuple(row) for row in rows} == {FIELDS}
    assert rows == list(report(dtype="float64").records())
    assert "dtype" not in json.loads(report().to_json())["expressions"][0]


def test_tables_show_the_formats_side_by_side():
    text = report(dtype="float32,bfloat16").table(width=120)
    header = next(line for line in text.splitlines() if "truth" in line)
    assert header.split()[-4:] == ["central", "autograd:float32", "autograd:bfloat16", "verdict"]
    assert "the points are numbers of bfloat16" in " ".join(text.split())
    assert "rounding in bfloat16 leaves 2 of 8" in " ".join(text.split())


def test_the_summary_says_what_agrees_in_a_format():
    assert (
        "in float32, bfloat16: within a unit in the last place;"
        in report(dtype="float32,bfloat16").summary()
    )
    assert "last place" not in report().summary()


def test_csv_and_pandas_have_the_column():
    found = report(dtype="float32")
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert {row["dtype"] for row in rows} == {"float64", "float32"}
    assert {*found.to_pandas()["dtype"]} == {"float64", "float32"}
    assert "dtype" not in report().to_pandas().columns


def test_json_says_to_which_numbers_points_were_rounded():
    (about,) = json.loads(report(dtype="float16,bfloat16").to_json())["expressions"]
    assert about["points_dtype"] == "float16 and bfloat16"
