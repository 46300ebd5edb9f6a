"""Ranges too long to be held: what is kept of them, and that nothing else differs."""

import json

import numpy as np
import pytest

import symdiff
from symdiff.batch.columns import Columns
from symdiff.comparison import long_range
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
    monkeypatch.setattr(long_range, "CHUNK", 700)


def whole(text, **given):
    return symdiff.compare(text, {"x": np.linspace(-2, 2, COUNT)}, **given)


@pytest.mark.parametrize("text", TEXTS)
def test_a_stream_counts_what_a_grid_in_memory_has(short_chunks, text):
    one, other = whole(text).evidence[0], symdiff.compare(text, {"x": f"-2:2:{COUNT}"}).evidence[0]
    assert other.left_out.points > 0
    assert (one.points, one.counts()) == (other.points, other.counts())


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_no_plain_agreement_is_kept_as_it_is(short_chunks, text):
    def notable(comparison):
        found = {}
        for record in comparison.records():
            is_plain = record["verdict"] in {"agrees", "unsupported"}
            if record["role"] or not is_plain:
                key = (record["point"]["x"], record["exact"], record["engine"])
                # how a point was decided may differ: the samples of proofs are others
                words = ("kind", "value", "verdict", "role", "blame")
                found[key] = {word: record[word] for word in words}
        return found

    long = symdiff.compare(text, {"x": f"-2:2:{COUNT}"})
    assert notable(long) == notable(whole(text))
    x = long.grid.points[:, 0]
    assert (np.diff(x) >= 0).all()


def test_spellings_and_claims_go_along(short_chunks):
    given = {"claims": {"x": "2*x + 1e-3*(x > 1)"}, "spellings": {"mul": "x*x"}}
    one = whole("x**2", **given).evidence[0]
    other = symdiff.compare("x**2", {"x": f"-2:2:{COUNT}"}, **given).evidence[0]
    assert one.counts() == other.counts() and one.points == other.points
    assert not other.ok


def test_points_beyond_the_limit_are_counted_and_said(short_chunks, monkeypatch):
    monkeypatch.setattr(long_range, "MAX_KEPT", 100)
    evidence = symdiff.compare("x**2", {"x": f"-2:2:{COUNT}"}, claims={"x": "x"}).evidence[0]
    assert len(evidence.grid) == 100
    assert any(
        "points that do not agree are counted, and not kept" in n for n in evidence.grid.notes
    )
    assert sum(evidence.counts()["claim"].values()) == evidence.points == COUNT


def test_proofs_are_limited_for_the_whole_range(short_chunks):
    given = {"claims": {"x": "x"}, "max_proofs": 50}
    evidence = symdiff.compare("x**2 + 1", {"x": f"1:2:{COUNT}"}, **given).evidence[0]
    proved = sum(int(t.proved.sum()) for t in evidence.trials[0].truths.values())
    sample = 32 + len(range(0, COUNT, 700))  # rounded up in every chunk
    assert proved + evidence.left_out.proved <= 50 + sample


def test_the_report_says_what_is_only_counted(short_chunks):
    comparison = symdiff.compare("relu(x)", {"x": f"-2:2:{COUNT}"})
    head = json.loads(comparison.to_json())["expressions"][0]
    assert head["points"] == comparison.evidence[0].points
    assert head["counted_only"]["points"] == comparison.evidence[0].left_out.points
    assert f"{head['points']} points" in comparison.summary()
    assert "agree and are only counted: --keep all writes them" in " ".join(str(comparison).split())


@pytest.mark.parametrize("count", [COUNT, 11])
def test_all_columns_go_to_disk(short_chunks, tmp_path, count):
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


def test_every_name_has_a_folder_of_its_own(tmp_path):
    folders = [Columns.of(tmp_path, name).folder for name in NAMES]
    assert len(set(folders)) == len(NAMES)
    for folder in folders:
        assert folder.parent == tmp_path and folder.resolve().parent == tmp_path.resolve()
        folder.mkdir()


def test_columns_that_cannot_be_written_are_told(tmp_path):
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
def test_a_long_range_stands_alone(short_chunks, text, grid, more):
    with pytest.raises(InputError, match="a range of more than"):
        symdiff.compare(text, grid, **more)


def test_the_points_are_those_of_linspace():
    line = points.LongRange(-0.3, 1.7, 1234)
    parts = [line.points(first, first + 100) for first in range(0, 1234, 100)]
    assert np.array_equal(np.concatenate(parts), np.linspace(-0.3, 1.7, 1234))
