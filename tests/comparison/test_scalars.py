"""A spelling is the same function as the expression, or is refused with a point."""

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
    ("exp(x) - 1", "expm1(x)"),  # they differ by rounding
    ("sqrt(x**2 + 1) - x", "1/(sqrt(x**2 + 1) + x)"),
]


@pytest.mark.parametrize(("text", "spelling"), SAME)
def test_a_spelling_of_the_same_function_is_compared(text, spelling):
    comparison = symdiff.compare(text, {"x": "-3:3:13"}, spellings={"other": spelling})
    assert {r["spelling"] for r in comparison.records()} == {None, "other"}


DIFFERENT = [
    ("max(x, 0)", "max(x, 1)", r"at x = .* it is 1, and the expression is 0"),
    ("abs(x)", "x", r"at x = -3 it is -3, and the expression is 3"),
    ("x**3", "x**3 + 1e-6*x", r"at x = -3 it is -27.000003, and the expression is -27"),
    ("where(x > 0, x, 0)", "where(x > 0, x, 1)", r"it is 1, and the expression is 0"),
]


@pytest.mark.parametrize(("text", "spelling", "message"), DIFFERENT)
def test_a_spelling_of_another_function_is_refused_with_a_point(text, spelling, message):
    with pytest.raises(UsageError, match=f"spelling 'other' is another function: .*{message}"):
        symdiff.compare(text, {"x": "-3:3:13"}, spellings={"other": spelling})


def test_the_message_has_the_coordinates_of_all_variables():
    with pytest.raises(UsageError, match=r"at x = 1, y = 2 it is 2, and the expression is 3"):
        symdiff.compare("x + y", at={"x": [1], "y": [2]}, spellings={"product": "x*y"})


def test_in_a_file_a_wrong_spelling_stops_one_entry_only(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(
        '[[expression]]\nname = "bad"\nexpr = "x"\n[expression.spellings]\ntwice = "2*x"\n'
        '[[expression]]\nname = "good"\nexpr = "x"\n'
    )
    report = symdiff.compare_file(path)
    assert [e.name for e in report.evidence] == ["good"]
    assert "entry 'bad': spelling 'twice' is another function" in str(report.errors[0])


def test_a_shipped_file_has_spellings():
    assert "[expression.spellings]" in (FOLDER / "relu_and_clamp.toml").read_text()
