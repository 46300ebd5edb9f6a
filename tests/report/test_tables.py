"""Tables: their rows, and the remarks below them."""

import re

import pytest

import symdiff

TABLE = """\
relu(x)
x  at     truth  symbolic  autograd   central  verdict
-  ----  ------  --------  --------  --------  -----------
0  kink  [0, 1]  0.5 mean    0 left  0.5 mean  subgradient
  12 more points (--all shows all); 13 of 13 proved
  at x = 0: autograd gives 0, as torch's documentation says"""


def test_the_default_table_shows_kinks_and_findings(relu):
    assert relu.table() == TABLE


def test_a_table_of_everything_shows_every_point(relu):
    table = relu.table(everything=True)
    assert len(table.splitlines()) == 4 + len(relu.grid)
    assert "more points" not in table


def test_a_table_without_rows_is_one_line():
    table = symdiff.compare("sin(x)", {"x": "0:1:3"}).table()
    assert table.splitlines() == [
        "sin(x)",
        "  all engines agree at all 3 points (--all shows all); 3 of 3 proved",
    ]


def test_points_asked_for_are_shown_where_all_engines_agree():
    table = symdiff.compare("x**2", {"x": "0:2:3"}, at={"x": ["1/3", 2]}).table()
    rows = [line.split()[0] for line in table.splitlines()[3:-2]]
    assert rows == ["1/3", "2"]
    assert table.endswith(
        "  all engines agree at all 4 points\n  2 more points (--all shows all); 4 of 4 proved"
    )


def test_points_asked_for_are_shown_for_tensor_programs():
    comparison = symdiff.compare("(w*x).sum()", values={"w": [1.0, 2.0]}, at={"x": [3]})
    rows = [line.split() for line in comparison.table().splitlines() if " agrees" in line]
    assert ["3", "x", "3"] in [row[:3] for row in rows]


def test_an_exact_point_asked_for_is_not_the_double_nearest_to_it():
    table = symdiff.compare("x**2", {"x": [1 / 3]}, at={"x": ["1/3"]}).table()
    assert [line.split()[0] for line in table.splitlines()[3:-2]] == ["1/3"]


def test_points_asked_for_are_the_last_to_be_cut():
    comparison = symdiff.compare("abs(sin(100*x))", {"x": "-2:2:9"}, at={"x": [0.3, "pi/100"]})
    rows = [line.split() for line in comparison.table(width=100).splitlines()[3:27]]
    assert len(rows) == 24
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
def test_points_without_a_finite_derivative_are_shown(text, point, kind):
    comparison = symdiff.compare(text, {"x": [point, 1.5]}, kinks=False, engines=["symbolic"])
    rows = [line.split() for line in comparison.table().splitlines()]
    assert [row[:2] for row in rows if kind in row] == [[str(point), kind]]


def test_a_comparison_that_is_right_everywhere_says_so():
    grid = {"x": "-1:1:3"}
    one = symdiff.compare("sin(x)", grid, engines=["autograd"]).table()
    assert "  autograd agrees at all 3 points (" in one
    without = symdiff.compare("cbrt(x + 2)", grid).table()
    assert "  symbolic and central agree at all 3 points (" in without
    inexact = symdiff.compare("exp(20*x)", {"x": [1]}).table()
    assert "  all engines are right, central inexact (" in inexact
    central = symdiff.compare("exp(20*x)", {"x": "0:1:2"}, engines=["central"]).table()
    assert "  central is right at all 2 points, but inexact at " in central
    wrong = symdiff.compare("x**2", grid, claims={"x": "x"}).table()
    assert "agree" not in wrong and "right" not in wrong


def test_the_same_explanation_of_two_engines_is_given_once():
    table = symdiff.compare("log(x)", {"x": "-2:-1:2"}).table()
    assert table.count("symbolic and autograd silent at x = -2: a logarithm of a") == 1
    assert table.count("silent at") == 1


def test_an_explanation_says_which_neighbour_of_a_kink_it_is_for():
    table = symdiff.compare("F.hardsigmoid(x)", {"x": "-4:0:2"}).table()
    assert "autograd wrong for x from just above -3 to 0: 0.166666672 instead of" in table
    assert "-2.9999999999999996  +1 ulp" in symdiff.compare("abs(x + 3)", {"x": "-4:0:2"}).table(
        everything=True
    )


def test_digits_grow_until_a_difference_shows():
    comparison = symdiff.compare("x**2", {"x": [1]}, claims={"x": "2*x*(1 + 1e-8)"})
    assert "2.00000002" in comparison.table()


def test_digits_do_not_grow_for_rounding():
    table = symdiff.compare("1/(3*x)", at={"x": [7]}, claims={"x": "-1/3/x**2*(1 + 1e-15)"}).table(
        everything=True
    )
    assert "-0.00680272" in table
    assert "-0.006802721" not in table


def test_a_long_exact_number_is_shown_as_a_decimal():
    comparison = symdiff.compare("abs(x**2 - 0.1*x - 0.7)", {"x": "0:2:3"})
    assert "≈0.888153" in comparison.table()
    assert any(len(r["exact"] or "") > 30 for r in comparison.records())


def test_minus_zero_is_zero():
    assert not re.search(r"-0 ", symdiff.compare("-abs(x)*0").table(everything=True))


def test_long_tables_are_cut_and_say_so():
    table = symdiff.compare("abs(sin(100*x))").table()
    assert len(table.splitlines()) <= 35
    assert re.search(r"\d+ of them left out for length", table)
    assert "note: abs(sin(100*x)) along x: stopped at 32 kinks, those nearest to 0" in table


@pytest.mark.parametrize(
    "text", ["relu(x)", "max(x, 2*x, 3*x, 4*x)", "abs(x - y)", "cbrt(x) + floor(x)"]
)
def test_lines_fit_a_terminal_of_eighty_columns(text):
    table = [
        line
        for line in symdiff.compare(text, {"x": "-1:1:3"}).table().splitlines()
        if "note" not in line
    ]
    limit = 80 if "y" not in text else 100
    assert max(map(len, table)) <= limit


def test_each_spelling_has_a_row():
    table = symdiff.compare("relu(x)", spellings={"clamp": "x.clamp(min=0)"}).table()
    rows = [line.split() for line in table.splitlines() if " kink " in line]
    assert [re.findall(r"as written|clamp|left|right", " ".join(row)) for row in rows] == [
        ["as written", "left"],
        ["clamp", "right"],
    ]


def test_remarks_name_the_spelling():
    spellings = {"sum": "(relu(-x) + x) - relu(x) + relu(x)"}
    table = symdiff.compare("relu(x)", at={"x": [0]}, spellings=spellings).table()
    assert "at x = 0: autograd gives 0, as torch's documentation says" in table
    assert "gives 1" not in table
    odd = symdiff.compare("x", at={"x": [0]}, spellings={"two": "relu(x) - relu(-x)"}).table()
    assert "two: autograd wrong at x = 0: 0 instead of 1; spurious: inside the AD hull" in odd


def test_a_failing_verdict_is_shown_whichever_variable_has_the_kink():
    table = symdiff.compare("where(b < 0, a/b, 1 + 0*a)", {"a": [1], "b": [0]}, wrt=["a"]).table()
    assert "autograd nonfinite at b = 0, a = 1" in table
    assert " partial " in table


def test_github_escapes_names():
    spellings = {"m|x <b>": "x.clamp(min=0)"}
    table = symdiff.compare("relu(x)", spellings=spellings).table("github")
    assert "m\\|x &lt;b&gt;" in table


def test_github_shows_the_expression_as_code():
    table = symdiff.compare("2*x**2").table("github", everything=True)
    assert table.startswith("### `2*x**2`\n")


@pytest.mark.parametrize("text", ["x*y", "abs(x)*y"])
def test_points_that_at_asks_for_along_one_of_two_variables_are_shown(text):
    table = symdiff.compare(text, {"y": "-1:1:3"}, at={"x": [0.25]}).table()
    assert table.count("\n0.25 ") == 6  # two derivatives at three points


# In these, the kinks of the second variable are those of the first one: f depends on x - c·y.
SHARED_KINKS = [
    ("clamp(x, min=y)", "[0, 1]"),
    ("max(x, y)", "[0, 1]"),
    ("abs(x - y)", "[-1, 1]"),
    ("relu(y - x)", "[0, 1]"),
    ("where(x > y, x, y)", "[0, 1]"),
]


@pytest.mark.parametrize(("text", "slopes"), SHARED_KINKS)
def test_kinks_of_a_second_variable_have_rows_and_remarks(text, slopes):
    table = symdiff.compare(text, {"x": [0, 1], "y": [0, 2]}, engines=["autograd"]).table()
    rows = [line for line in table.splitlines() if " kink  y " in line]
    assert rows
    assert all(slopes in row for row in rows)
    assert "(d/dx and d/dy)" in table or "(d/dy and d/dx)" in table


def test_each_choice_of_a_subgradient_is_reported_at_its_first_kink():
    table = symdiff.compare("relu(x) + abs(x - 1)", at={"x": [0, 1]}, engines=["autograd"]).table()
    assert "at x = 0: autograd gives -1; torch's documentation says 0, the shortest" in table
    assert "at x = 1: autograd gives 1; torch's documentation says 0, the shortest" in table
