"""A spelling is the same function as the expression, or has the verdict `value` where it is not."""

import pytest

import symdiff
from tests.test_expressions import FOLDER

SAME = [
    ("max(x, 0)", "relu(x)"),
    ("max(x, 0)", "x*(x > 0)"),
    ("sin(x)**2", "1 - cos(x)**2"),
    ("1/x", "x/(x*x)"),  # both undefined at 0
    ("log(x)", "2*log(sqrt(x))"),  # both undefined where x is not positive
    ("log(x**2)", "2*log(abs(x))"),
    ("exp(x) - 1", "expm1(x)"),  # they differ by rounding
    ("sqrt(x**2 + 1) - x", "1/(sqrt(x**2 + 1) + x)"),
]


@pytest.mark.parametrize(("text", "spelling"), SAME)
def test_a_spelling_of_the_same_function_is_compared(text, spelling):
    comparison = symdiff.compare(text, {"x": "-3:3:13"}, spellings={"other": spelling})
    assert {r["spelling"] for r in comparison.records()} == {None, "other"}
    assert "value" not in {r["verdict"] for r in comparison.records()}


DIFFERENT = [
    ("max(x, 0)", "max(x, 1)", "its value is 1, and the expression's is 0"),
    ("abs(x)", "x", "its value is -3, and the expression's is 3"),
    ("x**3", "x**3 + 1e-6*x", "its value is -27.000003, and the expression's is -27"),
    ("where(x > 0, x, 0)", "where(x > 0, x, 1)", "its value is 1, and the expression's is 0"),
    ("floor(x)", "ceil(x - 0.5)", "its value is"),
    ("log(x + 9)", "log1p(x + 9)", "its value is"),
    ("x", "x*x/x", "it is undefined here: a division by zero; the expression's value is 0"),
    ("x/x", "1 + 0*x", "its value is 1, and the expression is undefined here: a division by zero"),
    ("log(x)", "log(abs(x))", "the expression is undefined here: a logarithm of a negative"),
    ("log(x**2)", "2*log(x)", "it is undefined here: a logarithm of a negative number"),
    ("sqrt(x**2)", "exp(log(x**2)/2)", "it is undefined here: a logarithm of zero"),
]


@pytest.mark.parametrize(("text", "spelling", "detail"), DIFFERENT)
def test_a_spelling_of_another_function_has_the_verdict_value(text, spelling, detail):
    comparison = symdiff.compare(text, {"x": "-3:3:13"}, spellings={"other": spelling})
    off = [r for r in comparison.records() if r["verdict"] == "value"]
    assert {r["spelling"] for r in off} == {"other"}
    assert detail in off[0]["detail"]
    assert not comparison.ok


def test_only_the_points_that_differ_have_it():
    comparison = symdiff.compare("relu(x)", {"x": "-1:1:5"}, spellings={"other": "max(x, -0.5)"})
    off = {r["point"]["x"] for r in comparison.records() if r["verdict"] == "value"}
    assert all(x < 0 for x in off)
    assert {-1, -0.5} <= off


def test_in_a_file_a_wrong_spelling_is_a_finding(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(
        '[[expression]]\nname = "bad"\nexpr = "x"\n[expression.spellings]\ntwice = "2*x"\n'
        '[[expression]]\nname = "good"\nexpr = "x"\n'
    )
    report = symdiff.compare_file(path)
    assert [(e.name, e.ok) for e in report.evidence] == [("bad", False), ("good", True)]


def test_a_shipped_file_has_spellings():
    assert "[expression.spellings]" in (FOLDER / "relu_and_clamp.toml").read_text()
