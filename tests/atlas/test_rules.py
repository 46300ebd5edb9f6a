"""Documented rules: what they predict, and where they say nothing."""

import dataclasses

import pytest

from symdiff.atlas.cases import Case
from symdiff.atlas.recording import record
from symdiff.atlas.rows import Answer, Row
from symdiff.atlas.rules import BY_LIBRARY, CHAIN_RULES, chain_rules_value
from symdiff.verdict.words import Verdict


def row(kind, left, right, derivative=None, text="max(x, 0)"):
    return Row(
        function="f", text=text, output="", variable="x", at="x=0", order=1,
        kind=kind, left=left, right=right, derivative=derivative,
    )  # fmt: skip


# The cases of the page of ChainRules, and relatives.
@pytest.mark.parametrize(
    ("kind", "left", "right", "derivative", "value"),
    [
        ("kink", -1.0, 1.0, None, 0.0),  # abs
        ("kink", 1.0, -1.0, None, 0.0),  # a maximum
        ("kink", 1.0, 5.0, None, 3.0),
        ("kink", -3.0, -1.0, None, -2.0),
        ("kink", 0.0, 1.0, None, 0.0),  # relu: a minimum, though not a strict one
        ("edge", None, 0.0, 0.0, 0.0),  # exp(2*log(x)) at 0
        ("edge", None, "inf", "inf", float("inf")),
        ("vertical", "inf", "inf", "inf", float("inf")),  # cbrt
        ("vertical", "-inf", "inf", None, 0.0),  # sign(x)*cbrt(x)
        ("vertical", 2.0, "inf", None, 2.0),  # the finite side
        ("jump", 0.0, "inf", None, 0.0),  # ceil
        ("jump", 1.0, "inf", None, None),
        ("partial", 1.0, 1.0, 1.0, None),
    ],
)
def test_chain_rules_says_what_its_page_says(kind, left, right, derivative, value):
    assert chain_rules_value(row(kind, left, right, derivative)) == value


def test_chain_rules_is_about_one_variable_and_first_derivatives():
    tie = row("kink", 0.0, 1.0)
    assert chain_rules_value(dataclasses.replace(tie, at="x=0, y=0")) is None
    assert chain_rules_value(dataclasses.replace(tie, order=2)) is None


def test_chain_rules_is_followed_or_not():
    tie = row("kink", 1.0, 5.0)
    answers = [Answer(value=value, verdict="subgradient") for value in (3.0, 1.0, None)]
    assert [CHAIN_RULES.is_followed(tie, a) for a in answers] == [True, False, False]
    assert CHAIN_RULES.is_followed(row("partial", 0.0, 0.0), answers[0]) is None


@pytest.mark.parametrize(
    ("text", "variable", "followed"),
    [
        ("relu(x)", "x", True),
        ("max(x, 0)", "x", False),
        ("-relu(-x)", "x", True),  # concave
        ("x*(x > 0) - 2*relu(-x)*0", "x", True),
        ("amax([x, y])", "x", True),  # the shortest gradient
        ("stack([x, y]).max(0).values", "x", None),  # another one: not known to be against it
        ("sqrt(x)", "x", None),
        ("relu(x) - relu(-x)", "x", None),
    ],
)
def test_torch_s_rule_is_judged_where_the_judge_does(text, variable, followed):
    atlas = record([Case("f", text)], ["autograd"], jobs=1)
    rule = BY_LIBRARY[atlas.libraries["autograd"][0]]
    found = [
        rule.is_followed(r, answers["autograd"])
        for r, answers in atlas.answers.items()
        if r.variable == variable and r.order == 1
    ]
    assert found == [followed]


@pytest.mark.parametrize("library", ["jax", "autograd"])
@pytest.mark.parametrize(
    ("text", "left", "value", "followed"),
    [
        ("max(x, 0)", 0.0, 0.5, True),
        ("max(x, 0)", 0.0, 1.0, False),
        ("min(x, 3*x)", 3.0, 2.0, True),
        ("abs(x)", -1.0, 0.0, None),  # no tie of two operands
        ("max(x, max(0, 2*x))", 0.0, 0.25, None),  # two ties, one inside the other
    ],
)
def test_the_rule_of_ties_is_the_mean(library, text, left, value, followed):
    answer = Answer(value=value, verdict=Verdict.SUBGRADIENT.label)
    tie = row("kink", left, 1.0, text=text)
    assert BY_LIBRARY[library].is_followed(tie, answer) is followed


@pytest.mark.parametrize("rule", [*BY_LIBRARY.values(), CHAIN_RULES], ids=lambda rule: rule.name)
def test_every_rule_has_a_source(rule):
    assert rule.url.startswith("https://")
    assert rule.source
    assert rule.text
