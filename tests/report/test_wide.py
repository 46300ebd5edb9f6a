"""CSV with a row for each point, and the formats of drift."""

import csv
import dataclasses
import io
import json

import pytest
from typer.testing import CliRunner

import symdiff
from symdiff.cli.app import app
from symdiff.errors import UsageError
from symdiff.report.drift import drift, read_run
from symdiff.report.drift_formats import ENDINGS, form_of, written


def test_wide_csv_has_a_row_for_each_point_and_every_number_of_the_records():
    found = symdiff.compare(
        "truth*abs(y)",
        at={"truth": ["1/3", 2], "y": [0, 1]},
        claims={"y": "truth"},
        engines=["autograd", "central"],
    )
    rows = list(csv.DictReader(io.StringIO(found.to_csv(wide=True))))
    assert len(rows) == 2 * 4  # two variables, four points
    cells = {(r["variable"], float(r["point.truth"]), float(r["y"])): r for r in rows}
    assert len(cells) == 8
    for record in found.records():
        row = cells[record["variable"], record["point"]["truth"], record["point"]["y"]]
        engine, value = record["engine"], record["value"]
        assert row[engine] == ("" if value is None else str(value))
        assert row[f"{engine} verdict"] == record["verdict"]
        truth = record["derivative"]
        assert row["truth"] == ("" if truth is None else str(truth))
    without_claim = [r for r in rows if r["variable"] == "truth"]
    assert {r["claim"] for r in without_claim} == {""}


def test_wide_is_refused_for_other_formats():
    done = CliRunner().invoke(app, ["eval", "x", "--at", "x=0", "--format", "json", "--wide"])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "--wide is for CSV only (--format csv --wide" in done.stderr


@pytest.fixture
def runs(tmp_path):
    paths = []
    for factor in ("2", "3"):
        found = symdiff.compare(
            "x**2", at={"x": [1]}, claims={"x": f"{factor}*x"}, engines=["autograd"]
        )
        label = dataclasses.replace(found.evidence[0].label, name="</pre>`|<b>")
        named = dataclasses.replace(found.evidence[0], label=label)
        paths.append(tmp_path / f"{factor}.json")
        symdiff.Report((named,)).write(paths[-1])
    return paths


def test_drift_in_every_format(runs, tmp_path):
    changes = drift(*map(read_run, runs))
    texts = {form: written(changes, "a </pre> b", form) for form in ENDINGS}
    assert texts["plain"] == "a </pre> b\n"
    (row,) = csv.DictReader(io.StringIO(texts["csv"]))
    (change,) = json.loads(texts["json"])["changes"]
    seen = {(c["what"], c["engine"], c["old value"], c["new value"]) for c in [row]}
    assert seen == {("verdict", "claim", "2.0", "3.0")}
    assert (change["old"]["verdict"], change["new"]["verdict"]) == ("agrees", "wrong")
    assert texts["github"].startswith("**1 changed**\n")
    assert texts["github"].count("</pre>") == 1
    assert "a &lt;/pre&gt; b" in texts["github"]


def test_drift_writes_a_file_and_prints_text(runs, tmp_path):
    output = tmp_path / "drift.csv"
    done = CliRunner().invoke(app, ["drift", *map(str, runs), "--output", str(output)])
    assert done.exit_code == 1
    assert "changed: 1 verdict" in done.stdout
    assert output.read_text().startswith("what,expression,")


@pytest.mark.parametrize(
    ("form", "message"), [("jsn", "did you mean 'json'"), ("sarif", "formats: plain, github")]
)
def test_an_unknown_format_of_drift_is_refused(form, message):
    with pytest.raises(UsageError, match=message):
        form_of(form, None)
