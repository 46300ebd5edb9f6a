"""Records as tables: dtypes, coordinates of their own, and what round-trips."""

import importlib
import math

import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

import symdiff
from symdiff.errors import UsageError
from symdiff.report import formats, frames
from symdiff.report.report import Report


@pytest.fixture(scope="module")
def mixed():
    """Two expressions with different variables: a pole at 1/3, and a kink."""
    pole = symdiff.compare("1/(3*x - 1)", at={"x": ["1/3", 1]}, engines=["autograd"])
    kink = symdiff.compare("abs(value)", at={"value": [0]}, engines=["autograd"])
    return Report((*pole.evidence, *kink.evidence))


def _number(value):
    return None if value is None else float(value)


def _same(a, b):
    return a == b or (a is not None and b is not None and math.isnan(a) and math.isnan(b))


def _differences(rows, records):
    """Return the fields of a table that differ from the records, exactly."""
    assert len(rows) == len(records) > 0
    found = set()
    for row, record in zip(rows, records, strict=True):
        point = {"x": row["x"], "value": row["point.value"]}
        if {k: v for k, v in point.items() if v is not None} != record["point"]:
            found.add("point")
        if row["exact.x"] != record["exact"]:
            found.add("exact")
        for field in record.keys() - {"point", "exact"}:
            wanted = record[field]
            is_number = field in frames.NUMBERS
            equal = _same(row[field], _number(wanted)) if is_number else row[field] == wanted
            if not equal:
                found.add(field)
    return found


def test_polars_and_parquet_have_all_of_the_records(mixed, tmp_path):
    mixed.write(tmp_path / "report.parquet")
    records = list(mixed.records())
    assert _differences(mixed.to_polars().to_dicts(), records) == set()
    rows = pq.read_table(tmp_path / "report.parquet").to_pylist()
    assert _differences(rows, records) == set()
    rows[0]["verdict"], rows[1]["value"], rows[2]["point.value"] = "wrong", 7.0, 1.0
    assert _differences(rows, records) == {"verdict", "value", "point"}


def test_columns_have_dtypes_that_fit(mixed):
    frame, table = mixed.to_pandas(), mixed.to_polars()
    for name in ("x", "point.value", *frames.NUMBERS):
        assert (frame[name].dtype, table[name].dtype) == ("float64", pl.Float64), name
    for name in ("verdict", "kind", "engine"):
        assert isinstance(frame[name].dtype, pd.CategoricalDtype), name
        assert table[name].dtype == pl.Categorical, name
    assert frame["proved"].dtype == bool
    assert math.isinf(frame["value"][0])
    assert frame["x"].isna().tolist() == [False, False, True]
    assert len(frame.columns) == len(set(frame.columns))


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_an_absent_library_is_one_clear_line(library, mixed, monkeypatch, tmp_path):
    calls = {
        "pandas": mixed.to_pandas,
        "polars": mixed.to_polars,
        "pyarrow": lambda: mixed.to_parquet(tmp_path / "a.parquet"),
    }

    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(UsageError, match=rf"needs {library} \(pip install 'symdiff-compare\["):
        calls[library]()


def test_parquet_is_written_to_files_only(mixed):
    with pytest.raises(UsageError, match=r"is not text.*--output report\.parquet"):
        mixed.rendered("parquet")
    assert formats.BINARY == {"parquet": ".parquet"}


def test_a_format_is_missing_in_the_rows_of_other_runs(mixed):
    in_float32 = symdiff.compare("x", at={"x": [1]}, dtype=["float32"], engines=["autograd"])
    frame = Report((*mixed.evidence, *in_float32.evidence)).to_pandas()
    assert [None if pd.isna(name) else name for name in frame["dtype"]] == [None] * 3 + ["float32"]


def test_no_dict_is_made_for_a_row(mixed, monkeypatch):
    def refuse(*_):
        message = "a record was made"
        raise AssertionError(message)

    monkeypatch.setattr("symdiff.report.records.engine_records", refuse)
    with pytest.raises(AssertionError, match="a record was made"):
        list(mixed.records())  # negative control
    assert len(mixed.to_polars()) == 3
