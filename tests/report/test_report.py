"""Records, tables and files of every format."""

import csv
import io
import json
import re

import numpy as np
import pandas as pd
import pytest

import symdiff
from symdiff.errors import UsageError
from symdiff.report.records import FIELDS
from symdiff.report.report import ALL_FORMATS


@pytest.fixture(scope="module")
def relu():
    return symdiff.compare("relu(x)", {"x": "-1:1:3"})


@pytest.fixture(scope="module")
def pole():
    return symdiff.compare("1/(3*x - 1) + cbrt(y)", {"x": ["1/3"], "y": [0, 1]})


REQUIRED = (
    "expression, spelling, output, variable, point, exact, kind, left, right, derivative, engine, value, verdict, "
    "detail, ulps, blame"
)


class TestRecords:
    def test_have_the_fields_that_users_rely_on(self, relu):
        record = next(relu.records())
        assert set(REQUIRED.split(", ")) <= set(record)
        assert tuple(record) == FIELDS

    def test_one_for_every_point_variable_and_engine(self, pole):
        found = list(pole.records())
        assert len(found) == len(pole.grid) * 2 * 3
        keys = {
            (json.dumps(r["point"]), r["exact"], r["variable"], r["engine"], r["role"])
            for r in found
        }
        assert len(keys) == len(found)

    def test_numbers_that_are_not_finite_are_texts(self):
        found = symdiff.compare("1/x", at={"x": [0]}).records()
        assert {r["engine"]: r["value"] for r in found}["autograd"] == "-inf"

    def test_blame_names_the_sub_expression_and_its_place(self, relu):
        kink = [r for r in relu.records() if r["role"] == "kink"]
        assert {r["blame"] for r in kink} == {"relu(x) (expr, column 1)"}
        assert all(r["verdict"] == "undecided" and r["detail"] == "0.5 apart" for r in kink)

    def test_exact_coordinates_are_named_where_there_are_several_variables(self, pole):
        assert {r["exact"] for r in pole.records()} == {"x=1/3"}

    def test_an_unsupported_function_is_to_blame(self, pole):
        (blame,) = {r["blame"] for r in pole.records() if r["verdict"] == "unsupported"}
        assert blame == "cbrt(y) (expr, column 15)"


class TestFormats:
    def test_json_holds_everything_and_reads_back(self, relu):
        report = json.loads(relu.to_json())
        assert report["records"] == list(relu.records())
        assert set(report["versions"]) == {"symdiff", "torch", "sympy", "numpy", "python"}
        (described,) = report["expressions"]
        assert described["text"] == "relu(x)"
        assert described["points"] == len(relu.grid)

    def test_json_lines_are_the_records(self, relu):
        assert [json.loads(line) for line in relu.to_jsonl().splitlines()] == list(relu.records())

    def test_csv_reads_back(self, relu):
        rows = list(csv.DictReader(io.StringIO(relu.to_csv())))
        assert len(rows) == len(list(relu.records()))
        assert json.loads(rows[0]["point"]) == {"x": -1.0}
        assert float(rows[0]["value"]) == next(relu.records())["value"]

    def test_pandas(self, relu):
        frame = relu.to_pandas()
        assert isinstance(frame, pd.DataFrame)
        assert list(frame.columns) == list(FIELDS)

    def test_html_is_a_page_with_its_text_escaped(self, tmp_path):
        comparison = symdiff.compare("where(x < 0, 0, x)")
        comparison.to_html(tmp_path / "page.html")
        page = (tmp_path / "page.html").read_text()
        assert page.startswith("<!doctype html>")
        assert "where(x &lt; 0, 0, x)" in page
        assert "<table" in comparison._repr_html_()

    @pytest.mark.parametrize("form", ALL_FORMATS)
    def test_every_format_renders(self, relu, pole, form):
        assert "0.5" in relu.rendered(form)
        assert "unsupported" in pole.rendered(form)

    def test_an_unknown_format_gets_a_suggestion(self, relu):
        with pytest.raises(
            UsageError, match=r"unknown format 'githbu' \(did you mean 'github'\?\)"
        ):
            relu.table("githbu")

    def test_writing_keeps_the_mode_of_a_file_and_follows_a_link(self, relu, tmp_path):
        private, link = tmp_path / "private.html", tmp_path / "link.html"
        private.write_text("old")
        private.chmod(0o600)
        link.symlink_to(private)
        relu.to_html(link)
        assert private.read_text().startswith("<!doctype html>")
        assert private.stat().st_mode & 0o777 == 0o600
        assert link.is_symlink()

    def test_writing_keeps_the_old_file_when_it_fails(self, relu, tmp_path):
        with pytest.raises(UsageError, match="No such file"):
            relu.to_html(tmp_path / "missing" / "page.html")
        assert list(tmp_path.iterdir()) == []


TABLE = """\
relu(x)
          x  at        symbolic    autograd    central  verdict
-----------  ------  ----------  ----------  ---------  ---------------------
 -3.028e-06  -h/2           0             0       0.25  undecided: 0.25 apart
-9.881e-324  -2 ulp         0             0       0.5   undecided: 0.5 apart
-4.941e-324  -1 ulp         0             0       0.5   undecided: 0.5 apart
          0  kink           0.5           0       0.5   undecided: 0.5 apart
 4.941e-324  +1 ulp         1             1       0.5   undecided: 0.5 apart
 9.881e-324  +2 ulp         1             1       0.5   undecided: 0.5 apart
  3.028e-06  +h/2           1             1       0.75  undecided: 0.25 apart
  6 more points; engines agree at 6 of 13 (--all shows all)"""


class TestTables:
    def test_the_default_table_shows_kinks_and_disagreements(self, relu):
        assert str(relu) == TABLE

    def test_everything_shows_every_point(self, relu):
        table = relu.table(everything=True)
        assert len(table.splitlines()) == 3 + len(relu.grid)
        assert "more points" not in table

    def test_a_table_without_rows_is_one_line(self):
        table = str(symdiff.compare("sin(x)", {"x": "0:1:3"}))
        assert table.splitlines() == [
            "sin(x)",
            "  3 points; engines agree at 3 of 3 (--all shows all)",
        ]

    def test_digits_grow_until_a_difference_shows(self):
        comparison = symdiff.compare("x**2", {"x": [1]}, claims={"x": "2*x*(1 + 1e-8)"})
        assert "2.00000002" in str(comparison)

    def test_digits_do_not_grow_for_rounding(self):
        table = symdiff.compare(
            "1/(3*x)", at={"x": [7]}, claims={"x": "-1/3/x**2*(1 + 1e-15)"}
        ).table(everything=True)
        assert "-0.00680272" in table
        assert "-0.006802721" not in table

    def test_a_long_exact_number_is_shown_as_a_decimal(self):
        comparison = symdiff.compare("abs(x**2 - 0.1*x - 0.7)", {"x": "0:2:3"})
        assert "≈0.888153" in str(comparison)
        assert any(len(r["exact"] or "") > 30 for r in comparison.records())

    def test_minus_zero_is_zero(self):
        assert not re.search(r"-0 ", symdiff.compare("-abs(x)*0").table(everything=True))

    def test_long_tables_are_cut_and_say_so(self):
        table = str(symdiff.compare("abs(sin(100*x))"))
        assert len(table.splitlines()) < 35
        assert re.search(r"\d+ of them left out for length", table)
        assert "note: abs(sin(100*x)) along x: stopped at 32 kinks, those nearest to 0" in table

    @pytest.mark.parametrize(
        "text", ["relu(x)", "max(x, 2*x, 3*x, 4*x)", "abs(x - y)", "cbrt(x) + floor(x)"]
    )
    def test_lines_fit_a_terminal_of_eighty_columns(self, text):
        table = [
            line
            for line in str(symdiff.compare(text, {"x": "-1:1:3"})).splitlines()
            if "note" not in line
        ]
        limit = 80 if "y" not in text else 100
        assert max(map(len, table)) <= limit

    def test_spellings_stand_side_by_side(self):
        table = str(symdiff.compare("relu(x)", spellings={"clamp": "x.clamp(min=0)"}))
        rows = [line.split() for line in table.splitlines() if " kink " in line]
        assert [(row[2], row[-5]) for row in rows] == [("as", "0"), ("clamp", "1")]

    def test_disagreeing_spellings_show_at_regular_points_too(self):
        spellings = {"clamp": "x.clamp(min=0)"}
        table = str(symdiff.compare("relu(x)", at={"x": [0]}, spellings=spellings))
        assert table.count("undecided: 0.5 apart") == 2

    def test_github_escapes_names(self):
        spellings = {"m|x <b>": "x.clamp(min=0)"}
        table = symdiff.compare("relu(x)", spellings=spellings).table("github")
        assert "m\\|x &lt;b&gt;" in table

    def test_github_keeps_the_text_as_it_is(self):
        table = symdiff.compare("2*x**2").table("github", everything=True)
        assert table.startswith("### `2*x**2`\n")


class TestSummary:
    def test_counts(self, relu):
        summary = relu.summary()
        assert summary.startswith("1 expression, 13 points, 1 of them at possible kinks")
        assert re.search(r"autograd +6 +7", summary)

    def test_names_what_does_not_pass(self):
        assert "does not pass: heaviside(x, 0.5)" in symdiff.compare("heaviside(x, 0.5)").summary()


def test_values_are_arrays(relu):
    values = relu.values("central")
    assert isinstance(values, np.ndarray)
    assert values.shape == (len(relu.grid),)
