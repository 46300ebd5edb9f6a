"""Spellings of an expression are one function, or refused with a point that shows it."""

import pytest

import symdiff
from symdiff.errors import UsageError
from tests.test_expressions import FOLDER

SAME = [
    ("max(x, 0)", "relu(x)"),
    ("max(x, 0)", "x*(x > 0)"),
    ("sin(x)**2", "1 - cos(x)**2"),
    ("x", "x*x/x"),  # undefined at 0 only
    ("log(x**2)", "2*log(abs(x))"),
    ("exp(x) - 1", "expm1(x)"),  # apart by rounding
    ("sqrt(x**2 + 1) - x", "1/(sqrt(x**2 + 1) + x)"),
]


@pytest.mark.parametrize(("text", "spelling"), SAME)
def test_two_texts_of_one_function_stand_trial(text, spelling):
    found = symdiff.compare(text, {"x": "-3:3:13"}, spellings={"other": spelling})
    assert {r["spelling"] for r in found.records()} == {None, "other"}


DIFFERENT = [
    ("max(x, 0)", "max(x, 1)", r"at x = .* it is 1, and the expression is 0"),
    ("abs(x)", "x", r"at x = -3 it is -3, and the expression is 3"),
    ("x**3", "x**3 + 1e-6*x", r"at x = -3 it is -27.000003, and the expression is -27"),
    ("where(x > 0, x, 0)", "where(x > 0, x, 1)", r"it is 1, and the expression is 0"),
]


@pytest.mark.parametrize(("text", "spelling", "message"), DIFFERENT)
def test_another_function_is_refused_with_a_point_that_shows_it(text, spelling, message):
    with pytest.raises(UsageError, match=f"spelling 'other' is another function: .*{message}"):
        symdiff.compare(text, {"x": "-3:3:13"}, spellings={"other": spelling})


def test_all_variables_are_named():
    with pytest.raises(UsageError, match=r"at x = 1, y = 2 it is 2, and the expression is 3"):
        symdiff.compare("x + y", at={"x": [1], "y": [2]}, spellings={"product": "x*y"})


def test_in_a_file_it_costs_one_entry(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(
        '[[expression]]\nname = "bad"\nexpr = "x"\n[expression.spellings]\ntwice = "2*x"\n'
        '[[expression]]\nname = "good"\nexpr = "x"\n'
    )
    report = symdiff.compare_file(path)
    assert [e.name for e in report.evidence] == ["good"]
    assert "entry 'bad': spelling 'twice' is another function" in str(report.errors[0])


def test_the_shipped_spellings_are_there():
    assert "[expression.spellings]" in (FOLDER / "relu_and_clamp.toml").read_text()
