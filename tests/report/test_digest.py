"""Many expressions in the terminal: what is wrong first, one line each, cut to the width."""

import dataclasses
import re

import pytest

import symdiff
from symdiff.report.colours import Look, without_codes
from symdiff.report.digest import MAX_FINDINGS, digest

FILE = """
[[expression]]
name = "right"
expr = "relu(x)"
[[expression]]
name = "a claim whose name is much too long for a line of a terminal"
expr = "x**2"
claims = { x = "3*x" }
[[expression]]
expr = "sqrt(x**2)"
[[expression]]
name = "expected"
expr = "sqrt((2*x)**2)"
expect = { autograd = ["nonfinite"], symbolic = ["subgradient"] }
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    file = tmp_path_factory.mktemp("digest") / "several.toml"
    file.write_text(FILE)
    return symdiff.compare_file(file)


def shown(report, columns=120, **keywords):
    return digest(report.evidence, report.errors, look=Look(columns), **keywords)


def test_the_headline_then_findings_then_a_line_each_then_the_summary(report):
    first, findings, expressions, summary = shown(report).split("\n\n")
    assert first.startswith("FAIL: 2 of 4 expressions do not pass: ")
    assert [line.split()[0] for line in findings.splitlines()] == ["wrong", "nonfinite"]
    assert findings.splitlines()[-1] == (
        "nonfinite  sqrt(x**2): autograd nan, not [-1, 1], at x = 0 and 4 neighbours;"
        " its derivative is infinite: 0*inf; sqrt(x…"
    )
    assert [line.split()[-1] for line in expressions.splitlines()] == ["agrees"] * 4
    assert re.findall(r"  (ok|FAIL) ", expressions) == ["ok", "FAIL", "FAIL", "ok"]
    assert "5 nonfinite as expected" in expressions.splitlines()[3]
    assert summary.startswith("4 expressions, ")


def test_a_stencil_that_leaves_the_domain_is_not_called_expected(report):
    passing = symdiff.compare("sqrt(x)", {"x": "0:1:3"}, engines=["central"])
    assert (
        shown(passing)
        .split("\n\n")[1]
        .startswith("sqrt(x)  ok    2 nonfinite (stencil leaves the domain), ")
    )
    strict = symdiff.compare("sqrt(x)", {"x": "0:1:3"}, engines=["central"], strict=True)
    assert "FAIL  2 nonfinite, " in shown(strict)


def test_a_brief_digest_has_no_line_of_an_expression_that_is_right(report):
    assert "right  " in shown(report)
    assert "right  " not in shown(report, is_brief=True)


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
def test_no_line_is_longer_than_the_terminal(report, columns):
    assert max(map(len, shown(report, columns).splitlines())) < columns
    assert "-4 (1.5 times)" in shown(report, 120)


def test_a_long_name_is_cut_in_the_middle(report):
    assert "a claim whose…of a terminal" in shown(report, 80)


def test_findings_beyond_twenty_are_counted(tmp_path):
    file = tmp_path / "many.toml"
    count = MAX_FINDINGS + 3
    file.write_text(
        "".join(
            f'[[expression]]\nname = "{n}"\nexpr = "x*{n}"\nclaims = {{ x = "{n + 1}" }}\n'
            for n in range(1, count + 1)
        )
    )
    report = symdiff.compare_file(file, engines=["autograd"])
    _, findings, _, _ = shown(report).split("\n\n")
    *lines, last = findings.splitlines()
    assert len(lines) == MAX_FINDINGS
    assert last == "and 3 more (--verbose shows all)"


def test_colours_only_add_codes(report):
    coloured = digest(report.evidence, report.errors, look=Look(100, is_coloured=True))
    assert coloured != without_codes(coloured) == shown(report, 100)


def test_control_characters_of_a_name_do_not_reach_the_terminal(tmp_path):
    report = symdiff.compare("x**2", claims={"x": "3*x"}, engines=["autograd"])
    (evidence,) = report.evidence
    label = dataclasses.replace(evidence.label, name="\x1b[31mred")
    hostile = dataclasses.replace(evidence, label=label)
    assert "\x1b" not in digest([hostile, evidence])


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (
            {"expression": "x**2", "grid": {"x": "-2:2:5"}, "claims": {"x": "3*x"}},
            "wrong  x**2: claim -6, not -4 (1.5 times), at x = -2 (x from -2 to -1) (and 1 more",
        ),
        (
            {"expression": "abs(x)", "spellings": {"s": "x"}, "engines": ["autograd", "central"]},
            "value  abs(x) (s): autograd and central at x = -2 (x from -2 to just below 0): its val",
        ),
        (
            {"expression": "x*y", "at": {"x": [1, 2], "y": [1, 3]}, "claims": {"y": "2*x"}},
            "wrong  x*y: claim d/dy 2, not 1 (2 times), at x = 1, y = 1 and 3 more points; ",
        ),
        (
            {"expression": "(x**2).sum()", "values": {"x": [1.0, 2.0]}, "claims": {"x": "3*x"}},
            "wrong  (x**2).sum(): claim d/dx[0] and 1 more 3, not 2 (1.5 times); ",
        ),
    ],
)
def test_a_finding_says_who_gave_what_where_and_why(request_, line):
    (evidence,) = symdiff.compare(**{"engines": ["autograd"], **request_}).evidence
    text = digest([evidence], look=Look(300)).split("\n\n")[1]
    assert text.startswith(line)
    assert "\n" not in text
