"""The first line of a report: PASS or FAIL, with the reason."""

import pytest

import symdiff
from symdiff.report.headline import headline, listed, shortened


def line(expression, *arguments, **keywords):
    report = symdiff.compare(expression, *arguments, **keywords)
    text = headline(report.evidence, report.errors)
    assert text.startswith("PASS") == report.ok
    return text


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({"expression": "relu(x)"}, "PASS: symbolic, autograd and central at all 19 points"),
        ({"expression": "relu(x)", "at": {"x": [1]}, "engines": ["central"]}, "PASS: central"),
        ({"expression": "sqrt(x**2)"}, "FAIL: autograd nonfinite at 5 of 19 points"),
        ({"expression": "x*y", "claims": {"x": "x"}}, "FAIL: claim wrong for 72 of 81 derivatives"),
        (
            {"expression": "sqrt(x**2)", "claims": {"x": "0*x"}, "engines": ["autograd", "func"]},
            "FAIL: claim wrong at 18 of 19 points; autograd and func nonfinite at 5 of 19 points",
        ),
        ({"expression": "floor(x)", "at": {"x": [0]}}, "PASS: autograd and central; symbolic unsupported"),
        (
            {"expression": "floor(x)", "at": {"x": [0, 1]}, "strict": True},
            "FAIL: autograd and central silent at 2 of 2 points",
        ),
        ({"expression": "2"}, "PASS: no derivative was compared"),
    ],
)  # fmt: skip
def test_the_reason_names_engines_and_counts_points(keywords, expected):
    assert line(**keywords).startswith(expected)


def run(tmp_path, text):
    file = tmp_path / "several.toml"
    file.write_text(text)
    report = symdiff.compare_file(file)
    return headline(report.evidence, report.errors)


BAD, GOOD = '[[expression]]\nexpr = "sqrt(x**2)"\n', '[[expression]]\nexpr = "x + {}"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD.format(1) + GOOD.format(2), "PASS: all 2 expressions"),
        (BAD + GOOD.format(1), "FAIL: 1 of 2 expressions does not pass: sqrt(x**2) (autograd nonfinite)"),
        (GOOD.format("("), "FAIL: 1 entry could not be used; nothing was compared"),
        (
            GOOD.format(1) + 'expect = { autograd = ["wrong"] }\n',
            "FAIL: autograd was expected to be wrong",
        ),
    ],
)  # fmt: skip
def test_several_expressions_are_counted_and_some_named(tmp_path, text, expected):
    assert run(tmp_path, text) == expected


def test_long_lists_are_counted_and_long_names_cut_in_the_middle():
    assert listed([str(n) for n in range(9)]) == "0, 1, 2, 3 and 5 more"
    assert shortened("abcdefghij", 5) == "ab…ij"
    assert shortened("abc", 3) == "abc"


@pytest.mark.parametrize("form", ["plain", "github"])
def test_a_report_begins_with_the_headline(form):
    report = symdiff.compare("x**2", at={"x": [1]}, claims={"x": "3*x"}, engines=["autograd"])
    first = report.rendered(form).splitlines()[0].replace("*", "")
    assert first == headline(report.evidence) == "FAIL: claim wrong"
