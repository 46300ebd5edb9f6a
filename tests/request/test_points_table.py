"""Points from files: each row is a point, in the order of the file."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

import symdiff
from symdiff.errors import GridError, UsageError
from symdiff.request.points_table import read_points

POINTS = {"x": [3.0, -1.0, 0.0, 0.0], "y": [1.0, 5.0, 0.0, 0.0]}


def test_a_csv_file_has_names_and_texts(tmp_path):
    file = tmp_path / "points.csv"
    file.write_text("\ufeffx, y\n1/3,2\n\n-1e-3, pi\n", encoding="utf-8")
    assert read_points(file) == {"x": ["1/3", "-1e-3"], "y": ["2", "pi"]}


def test_a_parquet_file_has_arrays(tmp_path):
    file = tmp_path / "points.PARQUET"
    parquet.write_table(pa.table(POINTS), file)
    columns = read_points(file)
    assert {name: column.tolist() for name, column in columns.items()} == POINTS


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.txt", "x\n1\n", "points are not read from '.txt'"),
        ("p", "x\n1\n", "points are not read from 'a file without an ending'"),
        ("p.csv", "", "line 1 has no names of variables"),
        ("p.csv", "1,2\n3,4\n", "line 1 has numbers, not the names of the variables"),
        ("p.csv", "x;y\n3;4\n", "line 1 is not separated by commas"),
        ("p.csv", "x,x\n3,4\n", "line 1 names the column 'x' twice"),
        ("p.csv", "x,y\n3,4\n5\n", "line 3 has 1 cells, not 2"),
        ("p.csv", "x,y\n3,4\n5,\n", "line 3: column 'y' is empty"),
        ("p.csv", "x,y\n", "no points"),
        ("p.csv", b"\xff\xfe\x00", "not UTF-8 text"),
        ("p.parquet", "x,y\n1,2\n", "not a Parquet file"),
        ("missing.csv", None, "No such file or directory"),
    ],
)
def test_a_file_that_is_no_table_gives_one_line_with_the_place(tmp_path, name, text, message):
    file = tmp_path / name
    if text is not None:
        file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(UsageError, match=re.escape(f"{file}: {message}")) as raised:
        read_points(file)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "frame", [pd.DataFrame, pl.DataFrame, dict], ids=["pandas", "polars", "zip"]
)
def test_paired_points_keep_their_order_and_are_neither_sampled_nor_multiplied(frame):
    comparison = symdiff.compare("relu(x)*y", at=frame(POINTS), zip=frame is dict)
    assert comparison.grid.points.tolist() == [[3, 1], [-1, 5], [0, 0], [0, 0]]
    assert comparison.values("autograd", "x").tolist() == [1, 0, 0, 0]
    assert comparison.ok


def test_many_pairs_are_as_many_points():
    count = 5000
    x, y = np.random.default_rng(0).normal(size=(2, count))
    comparison = symdiff.compare("x*y", at={"x": x, "y": y}, zip=True, engines=["autograd"])
    assert np.array_equal(comparison.grid.points, np.stack([x, y], axis=1))
    # Without zip, two lists are multiplied and sampled.
    several = symdiff.compare("x*y", at={"x": x[:100], "y": y[:100]}, engines=["autograd"])
    assert "a Sobol sample of 4096" in several.grid.notes[0]


def test_exact_points_stay_exact_and_kinks_are_not_searched():
    comparison = symdiff.compare("abs(3*x - 1)*y", at={"x": ["1/3", 2], "y": [1, 1]}, zip=True)
    assert comparison.grid.exact == {(0, 0): "1/3"}
    kinds = {(r["point"]["x"], r["variable"]): r["kind"] for r in comparison.records()}
    assert kinds[1 / 3, "x"] == "kink"
    assert len(comparison.grid) == 2


def test_other_columns_of_a_table_are_left_out():
    table = pd.DataFrame({"label": ["a", "b"], "x": [1.0, 2.0]})
    assert symdiff.compare("x**2", at=table).values("autograd").tolist() == [2, 4]


def test_tensors_are_compared_at_paired_points():
    comparison = symdiff.compare("(w*x*y).sum()", at=POINTS, zip=True, values={"w": [1.0, 2.0]})
    assert comparison.values("autograd", "w[1]").tolist() == [3, -5, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"at": {"x": [1]}, "zip": True}, "paired points have no column 'y'"),
        ({"at": {"x": [1, 2], "y": [1]}, "zip": True}, "not 2 of x and 1 of y"),
        ({"at": {"x": [1], "y": [1]}, "grid": {"x": [1]}, "zip": True}, "with a grid"),
        (
            {"at": {"x": [1.0] * 30 + ["abc"], "y": [1.0] * 31}, "zip": True},
            "point 31: 'abc' is not a number",
        ),
        ({"at": pd.DataFrame({"x": ["a"], "y": [1]})}, "cannot be points"),
    ],
)
def test_points_that_are_not_pairs_are_refused(arguments, message):
    with pytest.raises((GridError, UsageError), match=message):
        symdiff.compare("x*y", **arguments)
