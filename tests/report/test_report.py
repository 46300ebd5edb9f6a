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
from symdiff.report.formats import FORMATS
from symdiff.report.records import FIELDS


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


# An expression, a point, an engine: what its record says.
BLAMED = [
    (
        "where(x <= 10, exp(x), 1)",
        1e10,
        "nonfinite",
        "it is inf, in a branch that is not taken",
        "exp(x) (expr, column 16)",
    ),
    ("log(1 + exp(x))", 800, "nonfinite", "it is inf", "exp(x) (expr, column 9)"),
    (
        "x*sqrt(x)",
        0,
        "nonfinite",
        "its derivative is infinite: 0*inf; right side only",
        "sqrt(x) (expr, column 3)",
    ),
    (
        "relu(x) - relu(-x)",
        0,
        "wrong",
        "spurious: inside the AD hull; apparent kink",
        "relu(x) (expr, column 1)",
    ),
    ("floor(x) + x", 2, "silent", "jumps by -1 to the left", "floor(x) (expr, column 1)"),
    (
        "log(x - 1)",
        0,
        "silent",
        "a logarithm of a negative number",
        "log(x - 1) (expr, column 1)",
    ),
    ("sigmoid(x)", 40, "inexact", "rounding", "sigmoid(x) (expr, column 1)"),
    ("max(x, 2*x, 3*x, 4*x)", 0, "subgradient", "other", None),
]


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

    def test_the_rule_is_not_told_of_one_component_of_a_gradient(self):
        (x, y) = symdiff.compare(
            "max(x, y)", at={"x": [0], "y": [0]}, engines=["autograd"]
        ).records()
        assert x["detail"] == y["detail"] == "mean; the gradient is the shortest in the Clarke set"

    def test_digits_that_were_not_proved_are_not_counted(self):
        found = list(symdiff.compare("softplus(20*x)", grid={"x": "-3:3:301"}).records())
        assert {r["ulps"] is None for r in found if not r["proved"]} == {True}
        assert any(r["ulps"] is not None for r in found if r["proved"])

    def test_more_units_than_a_double_can_count_are_not_counted(self):
        found = symdiff.compare("x*abs(x)", at={"x": [5e-324]}, engines=["central"])
        assert [r["ulps"] for r in found.records()] == [None]
        assert json.loads(found.to_json())

    def test_numbers_that_are_not_finite_are_texts(self):
        found = symdiff.compare("1/x", at={"x": [0]}).records()
        assert {r["engine"]: r["value"] for r in found}["autograd"] == "-inf"

    def test_a_kink_has_its_slopes_and_every_engine_its_choice(self, relu):
        kink = {r["engine"]: r for r in relu.records() if r["role"] == "kink"}
        assert {(r["kind"], r["left"], r["right"], r["derivative"]) for r in kink.values()} == {
            ("kink", 0.0, 1.0, None)
        }
        assert {engine: (r["verdict"], r["detail"]) for engine, r in kink.items()} == {
            "symbolic": ("subgradient", "mean"),
            "autograd": ("subgradient", "left, min-norm; torch's rule says so"),
            "central": ("subgradient", "mean"),
        }
        assert {r["blame"] for r in kink.values()} == {"relu(x) (expr, column 1)"}

    def test_a_smooth_point_has_its_derivative_and_units_in_the_last_place(self):
        comparison = symdiff.compare("exp(x)", at={"x": [1]}, claims={"x": "exp(x)*(1 + 1e-15)"})
        found = {r["engine"]: r for r in comparison.records()}
        assert found["claim"]["derivative"] == np.e
        assert 5 <= found["claim"]["ulps"] <= 8  # 1e-15 of e, in units of 2**-51
        assert found["autograd"]["blame"] is None

    def test_every_verdict_but_agrees_has_somebody_to_blame(self, pole, relu):
        for record in [*pole.records(), *relu.records()]:
            assert (record["verdict"] == "agrees") == (record["blame"] is None)

    @pytest.mark.parametrize(("text", "point", "verdict", "detail", "blame"), BLAMED)
    def test_what_a_verdict_leaves_open(self, text, point, verdict, detail, blame):
        comparison = symdiff.compare(text, at={"x": [point]}, engines=["autograd"])
        (record,) = comparison.records()
        assert record["verdict"] == verdict
        assert detail in record["detail"]
        assert blame is None or record["blame"] == blame

    def test_torch_s_rule_is_told_from_what_torch_does(self):
        # Locally convex: the rule asks for the shortest subgradient, 0; clamp has 1.
        (record,) = symdiff.compare("x.clamp(min=0)", at={"x": [0]}, engines=["autograd"]).records()
        assert record["detail"] == "right; torch's rule says 0"
        # Convex on neither side.
        (record,) = symdiff.compare("abs(x) - x**2", at={"x": [0]}, engines=["autograd"]).records()
        assert record["detail"] == "mean, min-norm; torch's rule does not apply"

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

    @pytest.mark.parametrize("form", FORMATS)
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
x  at    truth  symbolic  autograd  central  verdict
-  ----  -----  --------  --------  -------  -----------
0  kink  0 | 1       0.5         0      0.5  subgradient
  12 more points (--all shows all); 13 of 13 proved
  at x = 0: symbolic and central choose mean. autograd chooses left, min-norm;
    torch's rule says so"""


class TestTables:
    def test_the_default_table_shows_kinks_and_findings(self, relu):
        assert str(relu) == TABLE

    def test_everything_shows_every_point(self, relu):
        table = relu.table(everything=True)
        assert len(table.splitlines()) == 5 + len(relu.grid)
        assert "more points" not in table

    def test_a_table_without_rows_is_one_line(self):
        table = str(symdiff.compare("sin(x)", {"x": "0:1:3"}))
        assert table.splitlines() == [
            "sin(x)",
            "  all engines agree at all 3 points (--all shows all); 3 of 3 proved",
        ]

    def test_points_asked_for_are_shown_where_all_engines_agree(self):
        table = str(symdiff.compare("x**2", {"x": "0:2:3"}, at={"x": ["1/3", 2]}))
        rows = [line.split()[0] for line in table.splitlines()[3:-2]]
        assert rows == ["1/3", "2"]
        assert table.endswith(
            "  all engines agree at all 4 points\n  2 more points (--all shows all); 4 of 4 proved"
        )

    def test_a_point_is_asked_for_if_all_its_coordinates_are(self):
        table = str(symdiff.compare("x*y", {"y": [1, 2, 3]}, at={"x": [5]}))
        assert table.splitlines()[1:] == [
            "  all engines agree for all 6 derivatives (--all shows all); 6 of 6 proved"
        ]
        table = str(symdiff.compare("x*y", at={"x": [5], "y": [7]}))
        assert [line.split()[:3] for line in table.splitlines()[3:-1]] == [
            ["5", "7", "x"],
            ["5", "7", "y"],
        ]

    def test_an_exact_point_asked_for_is_not_the_double_nearest_to_it(self):
        table = str(symdiff.compare("x**2", {"x": [1 / 3]}, at={"x": ["1/3"]}))
        assert [line.split()[0] for line in table.splitlines()[3:-2]] == ["1/3"]

    def test_points_asked_for_are_the_last_to_be_cut(self):
        comparison = symdiff.compare("abs(sin(100*x))", {"x": "-2:2:9"}, at={"x": [0.3, "pi/100"]})
        rows = [line.split() for line in str(comparison).splitlines()[3:27]]
        assert any(row[0] == "0.3" for row in rows) and any(row[0] == "pi/100" for row in rows)
        (kinks,) = {row[1] for row in rows if row[0] != "0.3"}
        assert kinks == "kink"

    @pytest.mark.parametrize(
        ("text", "point", "kind"),
        [
            ("sqrt(x)", 0, "edge"),
            ("cbrt(x)", 0, "vertical"),
            ("1/x", 0, "pole"),
            ("floor(x)", 1, "jump"),
        ],
    )
    def test_points_without_a_finite_derivative_are_shown(self, text, point, kind):
        comparison = symdiff.compare(text, {"x": [point, 1.5]}, kinks=False, engines=["symbolic"])
        rows = [line.split() for line in str(comparison).splitlines()]
        assert [row[:2] for row in rows if kind in row] == [[str(point), kind]]

    def test_a_comparison_that_is_right_everywhere_says_so(self):
        grid = {"x": "-1:1:3"}
        one = str(symdiff.compare("sin(x)", grid, engines=["autograd"]))
        assert "  autograd agrees at all 3 points (" in one
        without = str(symdiff.compare("cbrt(x + 2)", grid))
        assert "  symbolic and central agree at all 3 points (" in without
        inexact = str(symdiff.compare("exp(20*x)", {"x": [1]}))
        assert "  all engines are right, central inexact (" in inexact
        central = str(symdiff.compare("exp(20*x)", {"x": "0:1:2"}, engines=["central"]))
        assert "  central is right at all 2 points, but inexact at " in central
        wrong = str(symdiff.compare("x**2", grid, claims={"x": "x"}))
        assert "agree" not in wrong and "right" not in wrong

    def test_the_same_explanation_of_two_engines_is_given_once(self):
        table = str(symdiff.compare("log(x)", {"x": "-2:-1:2"}))
        assert table.count("symbolic and autograd silent at x = -2: a logarithm of a") == 1
        assert table.count("silent at") == 1

    def test_an_explanation_says_which_neighbour_of_a_kink_it_is_for(self):
        table = str(symdiff.compare("F.hardsigmoid(x)", {"x": "-4:0:2"}))
        assert "autograd wrong at x = -3 (+1 ulp): F.hardsigmoid(x)" in table

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
        assert [(row[2], row[-3]) for row in rows] == [("as", "0"), ("clamp", "1")]

    def test_what_a_table_says_below_names_the_spelling(self):
        spellings = {"sum": "(relu(-x) + x) - relu(x) + relu(x)"}
        table = str(symdiff.compare("relu(x)", at={"x": [0]}, spellings=spellings))
        assert "at x = 0: symbolic and central choose mean" in table
        assert "sum: at x = 0" not in table
        odd = str(symdiff.compare("x", at={"x": [0]}, spellings={"two": "relu(x) - relu(-x)"}))
        assert "two: autograd wrong at x = 0: spurious: inside the AD hull" in odd

    def test_a_finding_is_shown_whichever_variable_has_the_kink(self):
        table = str(symdiff.compare("where(b < 0, a/b, 1 + 0*a)", {"a": [1], "b": [0]}, wrt=["a"]))
        assert "autograd nonfinite at b = 0, a = 1" in table
        assert " kink " in table

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
        assert re.search(r"autograd +12 +0 +1", summary)
        assert "13 of 13 derivatives proved point by point" in summary

    def test_a_point_that_is_a_kink_is_counted_as_one(self):
        summary = symdiff.compare("abs(x)", at={"x": [0, 1]}).summary()
        assert summary.startswith("1 expression, 2 points, 1 of them at possible kinks")

    def test_undecided_points_are_not_counted_as_proved(self):
        comparison = symdiff.compare("x*sin(1/x)", at={"x": [0]})
        assert {r["kind"] for r in comparison.records()} == {"undecided"}
        assert comparison.summary().endswith(
            "\n0 of 1 derivatives proved point by point, 1 undecided"
        )
        hidden = symdiff.compare("x*sin(1/x)", {"x": [0, 1]}, kinks=False)
        assert "1 more point (--all shows all); 1 of 2 proved" in str(hidden)

    def test_certified_derivatives_are_counted(self):
        summary = symdiff.compare("sin(x)", {"x": "1:2:101"}).summary()
        proved, certified = map(
            int, re.search(r"(\d+) of 101 .* point, (\d+) certified by", summary).groups()
        )
        assert proved + certified == 101 and certified > 0

    def test_names_what_does_not_pass(self):
        assert "does not pass: heaviside(x, 0.5)" in symdiff.compare("heaviside(x, 0.5)").summary()


def test_values_are_arrays(relu):
    values = relu.values("central")
    assert isinstance(values, np.ndarray)
    assert values.shape == (len(relu.grid),)
