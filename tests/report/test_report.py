"""Reports in every format, and files."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest

import symdiff
from symdiff.errors import UsageError
from symdiff.report.formats import FORMATS
from symdiff.report.records import FIELDS


def test_json_holds_everything_and_reads_back(relu):
    report = json.loads(relu.to_json())
    assert report["records"] == list(relu.records())
    assert set(report["versions"]) == {"symdiff", "torch", "sympy", "numpy", "python"}
    (described,) = report["expressions"]
    assert described["text"] == "relu(x)"
    assert described["points"] == len(relu.grid)


def test_json_lines_are_the_records(relu):
    assert [json.loads(line) for line in relu.to_jsonl().splitlines()] == list(relu.records())


def test_csv_reads_back(relu):
    rows = list(csv.DictReader(io.StringIO(relu.to_csv())))
    assert len(rows) == len(list(relu.records()))
    assert json.loads(rows[0]["point"]) == {"x": -1.0}
    assert float(rows[0]["value"]) == next(relu.records())["value"]


def test_pandas(relu):
    frame = relu.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    split = {"point": "x", "exact": None}
    assert list(frame.columns) == [c for f in FIELDS if (c := split.get(f, f))]


def test_html_is_a_page_with_escaped_text(tmp_path):
    comparison = symdiff.compare("where(x < 0, 0, x)")
    comparison.to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "where(x &lt; 0, 0, x)" in page
    assert "<table" in comparison._repr_html_()


# Formats of what does not pass only; test_code_hosts.py has their tests.
OF_FINDINGS = {"junit", "sarif"}


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in OF_FINDINGS])
def test_every_format_renders(relu, pole, form):
    assert "0.5" in relu.rendered(form)
    assert "unsupported" in pole.rendered(form)


def test_an_unknown_format_gets_a_suggestion(relu):
    with pytest.raises(UsageError, match=r"unknown format 'githbu' \(did you mean 'github'\?\)"):
        relu.table("githbu")


def test_writing_keeps_the_mode_of_a_file_and_follows_a_link(relu, tmp_path):
    private, link = tmp_path / "private.html", tmp_path / "link.html"
    private.write_text("old")
    private.chmod(0o600)
    link.symlink_to(private)
    relu.to_html(link)
    assert private.read_text().startswith("<!doctype html>")
    assert private.stat().st_mode & 0o777 == 0o600
    assert link.is_symlink()


def test_writing_leaves_no_file_behind_when_it_fails(relu, tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        relu.to_html(tmp_path / "missing" / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_values_are_arrays(relu):
    values = relu.values("central")
    assert isinstance(values, np.ndarray)
    assert values.shape == (len(relu.grid),)
