"""Ranges with more points than fit into memory give the verdicts of a grid in memory."""

import json

import numpy as np
import pytest

import symdiff
from symdiff.batch.columns import Columns
from symdiff.comparison import long_range as chunking
from symdiff.errors import InputError
from symdiff.grid import points

TEXTS = [
    "relu(x)*exp(-x)",
    "abs(3*x - 1) + log(x)",
    "floor(2*x)*x",
    "exp(-x**2)*sin(3*x)",
]
COUNT = 5001


@pytest.fixture
def short_chunks(monkeypatch):
    monkeypatch.setattr(points, "MAX_POINTS_IN_MEMORY", 1000)
    monkeypatch.setattr(chunking, "CHUNK", 700)


def in_memory(text, **keywords):
    return symdiff.compare(text, {"x": np.linspace(-2, 2, COUNT)}, **keywords)


@pytest.mark.parametrize("text", TEXTS)
def test_the_counts_of_verdicts_are_those_of_a_grid_in_memory(short_chunks, text):
    short = in_memory(text).evidence[0]
    long = symdiff.compare(text, {"x": f"-2:2:{COUNT}"}).evidence[0]
    assert long.left_out.points > 0
    assert (long.points, long.counts()) == (short.points, short.counts())


@pytest.mark.parametrize("text", TEXTS)
def test_special_points_and_points_that_do_not_agree_are_kept(short_chunks, text):
    def kept(comparison):
        records = {}
        for record in comparison.records():
            agrees = record["verdict"] in {"agrees", "unsupported"}
            if record["role"] or not agrees:
                key = (record["point"]["x"], record["exact"], record["engine"])
                # other fields may differ: other points are sampled for proofs
                fields = ("kind", "value", "verdict", "role", "blame")
                records[key] = {field: record[field] for field in fields}
        return records

    long = symdiff.compare(text, {"x": f"-2:2:{COUNT}"})
    assert kept(long) == kept(in_memory(text))
    x = long.grid.points[:, 0]
    assert (np.diff(x) >= 0).all()


def test_spellings_and_claims_are_judged_on_a_long_range(short_chunks):
    keywords = {"claims": {"x": "2*x + 1e-3*(x > 1)"}, "spellings": {"mul": "x*x"}}
    short = in_memory("x**2", **keywords).evidence[0]
    long = symdiff.compare("x**2", {"x": f"-2:2:{COUNT}"}, **keywords).evidence[0]
    assert long.counts() == short.counts() and long.points == short.points
    assert not long.ok


def test_at_most_max_kept_points_are_kept_and_a_note_counts_the_others(short_chunks, monkeypatch):
    monkeypatch.setattr(chunking, "MAX_KEPT", 100)
    evidence = symdiff.compare("x**2", {"x": f"-2:2:{COUNT}"}, claims={"x": "x"}).evidence[0]
    assert len(evidence.grid) == 100
    assert any(
        "points that do not agree are counted, and not kept" in n for n in evidence.grid.notes
    )
    assert sum(evidence.counts()["claim"].values()) == evidence.points == COUNT


def test_max_proofs_limits_the_proofs_on_the_whole_range(short_chunks):
    keywords = {"claims": {"x": "x"}, "max_proofs": 50}
    evidence = symdiff.compare("x**2 + 1", {"x": f"1:2:{COUNT}"}, **keywords).evidence[0]
    proved = sum(int(t.proved.sum()) for t in evidence.trials[0].truths.values())
    sample = 32 + len(range(0, COUNT, 700))  # rounded up in every chunk
    assert proved + evidence.left_out.proved <= 50 + sample


def test_the_report_shows_the_number_of_points_that_are_only_counted(short_chunks):
    comparison = symdiff.compare("relu(x)", {"x": f"-2:2:{COUNT}"})
    head = json.loads(comparison.to_json())["expressions"][0]
    assert head["points"] == comparison.evidence[0].points
    assert head["counted_only"]["points"] == comparison.evidence[0].left_out.points
    assert f"{head['points']} points" in comparison.summary()
    assert "agree and are only counted: --keep all writes them" in " ".join(str(comparison).split())


@pytest.mark.parametrize("count", [COUNT, 11])
def test_the_columns_of_all_points_are_written(short_chunks, tmp_path, count):
    grid = {"x": f"-1:1:{count}"}
    comparison = symdiff.compare("relu(x) + x", grid, columns=tmp_path)
    (folder,) = tmp_path.iterdir()
    words = json.loads((folder / "columns.json").read_text())
    columns = {name: np.load(folder / file) for name, file in words["columns"].items()}
    evidence = comparison.evidence[0]
    assert words["points"] == evidence.points
    assert {len(column) for column in columns.values()} == {evidence.points}
    assert (np.diff(columns["x"]) >= 0).all()
    numbers = np.bincount(columns["autograd.verdict"], minlength=len(words["verdict"]))
    counted = {word: int(n) for word, n in zip(words["verdict"], numbers, strict=True) if n}
    assert counted == {str(v): n for v, n in evidence.counts()["autograd"].items()}
    away = np.abs(columns["x"]) > 1e-3
    assert np.array_equal(columns["autograd"][away], 1.0 + (columns["x"][away] > 0))


NAMES = ["a/b", "a_b", "a:b", "..", ".", "a" * 300, "a" * 301, "x*y", "%2F", "é"]


def test_no_two_names_share_a_folder(tmp_path):
    folders = [Columns.of(tmp_path, name).folder for name in NAMES]
    assert len(set(folders)) == len(NAMES)
    for folder in folders:
        assert folder.parent == tmp_path and folder.resolve().parent == tmp_path.resolve()
        folder.mkdir()


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="give a folder that can be written to"):
        symdiff.compare("x", columns=tmp_path / "file")


@pytest.mark.parametrize(
    ("text", "grid", "more"),
    [
        ("x*y", {"x": f"-2:2:{COUNT}"}, {}),
        ("x", {"x": f"-2:2:{COUNT}"}, {"at": {"x": "1/3"}}),
        ("(w*x).sum()", {"x": f"-2:2:{COUNT}"}, {"values": {"w": [1, 2]}}),
    ],
)
def test_a_long_range_with_other_variables_points_or_tensors_is_refused(
    short_chunks, text, grid, more
):
    with pytest.raises(InputError, match="a range of more than"):
        symdiff.compare(text, grid, **more)


def test_the_points_are_those_of_linspace():
    long_range = points.LongRange(-0.3, 1.7, 1234)
    parts = [long_range.points(first, first + 100) for first in range(0, 1234, 100)]
    assert np.array_equal(np.concatenate(parts), np.linspace(-0.3, 1.7, 1234))
