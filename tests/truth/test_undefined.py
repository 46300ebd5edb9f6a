"""A program is undefined where a value that it uses is, in every arithmetic.

A row has the variable along which the kind is stated, the point, the kind, the one-sided
derivatives, the derivative, and a part of the detail. Every row follows from one sentence: an
argument that is undefined makes the result undefined, except in a branch that is not taken, in
fmax and fmin (which ignore NaN) and in nan_to_num (which replaces it).
"""

from __future__ import annotations

import math
from math import inf

import numpy as np
import pytest

from symdiff import compare
from symdiff.arithmetics.balls import BALLS, EMPTY
from symdiff.arithmetics.bounds.estimates import estimate
from symdiff.arithmetics.bounds.jets import UNKNOWN, Jets, Strict
from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.germs import Budget, Germs, Outside
from symdiff.catalogue import CATALOGUE
from symdiff.program import parse
from symdiff.truth.certify import certify
from symdiff.truth.exact_points import exact_number
from symdiff.truth.kinds import Kind
from symdiff.truth.proof import prove

# fmt: off
ROWS = [
    # -- an argument that the definition does not use
    ("xlogy(t, t/q)", "t", {"t": 0, "q": 0}, "outside", None, None, None, "a division by zero"),
    ("xlogy(0*x, log(x))", "x", {"x": -1}, "outside", None, None, None, "a logarithm of a negative number"),
    ("xlogy(0, sqrt(x))", "x", {"x": -1}, "outside", None, None, None, "square root"),
    ("xlogy(0, x)", "x", {"x": -1}, "smooth", 0, 0, 0, ""),  # x itself is defined, and log(x) is not used
    ("xlogy(x, -1)", "x", {"x": 0}, "isolated", None, None, None, "undefined on both sides"),
    ("prelu(x, log(x - 3))", "x", {"x": 1}, "outside", None, None, None, "logarithm"),
    ("heaviside(x, sqrt(x - 9))", "x", {"x": 2}, "outside", None, None, None, "square root"),
    ("copysign(0*x, sqrt(x))", "x", {"x": -1}, "outside", None, None, None, "square root"),
    ("clamp(x, 0, log(x - 5))", "x", {"x": 1}, "outside", None, None, None, "logarithm"),
    # -- arithmetic with 0 hides nothing
    ("0*log(x)", "x", {"x": -1}, "outside", None, None, None, "logarithm"),
    ("log(x)**0", "x", {"x": -1}, "outside", None, None, None, "logarithm"),
    ("(1/x)**0", "x", {"x": 0}, "outside", 0, 0, None, "the limit is 1"),
    ("log(x) - log(x)", "x", {"x": -1}, "outside", None, None, None, "logarithm"),
    ("min(1/(x - x), x)", "x", {"x": 1}, "outside", None, None, None, "a division by zero"),
    ("atan2(0*x, 0)", "x", {"x": 1}, "outside", None, None, None, "atan2 outside its domain"),
    ("where(atan2(0, 0)*exp(x) > 0, 1, x)", "x", {"x": 1}, "outside", None, None, None, "atan2"),
    ("x*atan2(0, 0)", "x", {"x": 1}, "outside", None, None, None, "atan2"),
    # -- branches: the one that is not taken may be undefined, the condition may not
    ("where(x > 0, log(x), 0)", "x", {"x": -1}, "smooth", 0, 0, 0, ""),
    ("where(log(x) > 0, 1, x)", "x", {"x": -1}, "outside", None, None, None, "logarithm"),
    ("where(x > 0, x, xlogy(0, log(x)))", "x", {"x": 1}, "smooth", 1, 1, 1, ""),
    ("where(x > 0, x, xlogy(0, log(x)))", "x", {"x": -1}, "outside", None, None, None, "logarithm"),
    # -- fmax and fmin ignore NaN, but no division by zero
    ("fmax(log(x), 1)", "x", {"x": -1}, "smooth", 0, 0, 0, ""),
    ("fmax(x, log(x))", "x", {"x": -1}, "smooth", 1, 1, 1, ""),
    ("fmin(log(x), sqrt(x))", "x", {"x": -1}, "outside", None, None, None, ""),
    ("fmax(erfinv(x), y)", "y", {"x": 2, "y": 1}, "smooth", 1, 1, 1, ""),
    ("fmax(atanh(x), 3*y)", "y", {"x": -3, "y": 1}, "smooth", 3, 3, 3, ""),
    ("fmin(log1p(x), y)", "y", {"x": -2, "y": 1}, "smooth", 1, 1, 1, ""),
    ("fmax(atanh(x), y)", "y", {"x": 1, "y": 1}, "outside", None, None, None, ""),  # inf
    ("fmin(log1p(x), y)", "y", {"x": -1, "y": 1}, "outside", None, None, None, ""),  # -inf
    ("nan_to_num(erfinv(x), nan=4)", "x", {"x": 2}, "smooth", 0, 0, 0, ""),
    ("fmax(sqrt(x), -1 - x)", "x", {"x": 0}, "jump", inf, inf, None, "by -1 to the left"),
    ("fmax(1/x, 2)", "x", {"x": 0}, "pole", None, None, None, "a division by zero"),
    ("fmin(atan2(0*x, 0), x)", "x", {"x": -1}, "outside", None, None, None, "atan2"),
    ("max(log(x), 1)", "x", {"x": -1}, "outside", None, None, None, "logarithm"),
    # -- nan_to_num: the program is a constant where its argument is NaN
    ("nan_to_num(log(x), nan=0)", "x", {"x": -1}, "smooth", 0, 0, 0, ""),
    ("nan_to_num(-0.35*log(x), nan=0, posinf=0, neginf=0)", "x", {"x": -1}, "smooth", 0, 0, 0, ""),
    ("nan_to_num(-0.35*log(x), nan=0, posinf=0, neginf=0)", "x", {"x": 0}, "pole", 0, None, None, "+inf on the right"),
    ("nan_to_num(-0.35*log(x), nan=0, posinf=0, neginf=0)", "x", {"x": 1}, "smooth", -0.35, -0.35, -0.35, ""),
    ("nan_to_num(1/x)", "x", {"x": 0}, "pole", None, None, None, "+inf on the right"),  # whatever the value is
    ("nan_to_num(log(x), nan=0)", "x", {"x": 0}, "pole", 0, None, None, "-inf on the right"),
    ("nan_to_num(x/x, nan=1)", "x", {"x": 0}, "undecided", None, None, None, "which number replaces it"),
    ("nan_to_num(sqrt(x))", "x", {"x": 0}, "vertical", 0, inf, None, ""),  # 0 left, sqrt right
    ("nan_to_num(sqrt(x), nan=2)", "x", {"x": 0}, "jump", -inf, inf, None, "by 2 to the left"),
    ("x*nan_to_num(asin(x), nan=3)", "x", {"x": 2}, "smooth", 3, 3, 3, ""),
    # exp(-1/0) is 0 in doubles and exp(1/0) is inf: which number replaces it is not a fact
    ("nan_to_num(exp(1/x), 1, 1, 1)", "x", {"x": 0}, "undecided", None, None, None, ""),
    # -- undefined is not undecided, whatever is known of the sides
    ("-log(-log(u))", "u", {"u": 0}, "outside", None, None, None, "a logarithm of zero"),
    ("exp(1/x)", "x", {"x": 0}, ("outside", "pole"), None, None, None, "a division by zero"),
    ("1/log(x)", "x", {"x": 0}, "outside", None, None, None, "a logarithm of zero"),
    ("1/log(x)", "x", {"x": 1}, "pole", None, None, None, "a division by zero"),
    ("hypot(2, log(x))", "x", {"x": 0}, ("outside", "pole"), None, None, None, "a logarithm of zero"),
    ("sin(1/x)", "x", {"x": 0}, "outside", None, None, None, "a division by zero"),
    ("x*sin(1/x)", "x", {"x": 0}, "outside", None, None, None, "a division by zero"),
    ("log(log(log(x)))", "x", {"x": 1}, "outside", None, None, None, "a logarithm of zero"),
    ("sqrt(log(x)) + 1/x", "x", {"x": 0}, "outside", None, None, None, ""),
    # -- isolated points of the domain: a value and no derivative
    ("x**y", "y", {"x": -2, "y": 4}, "isolated", None, None, None, "a fractional power of a negative number"),
    ("x**y", "x", {"x": -2, "y": 4}, "smooth", -32, -32, -32, ""),
    ("sqrt(-x**2)", "x", {"x": 0}, "isolated", None, None, None, "a square root of a negative number"),
    ("acos(1 + x**2)", "x", {"x": 0}, "isolated", None, None, None, "acos outside its domain"),
    ("sqrt(-abs(x)) + x", "x", {"x": 0}, "isolated", None, None, None, "square root"),
    ("sqrt(x) + sqrt(-x)", "x", {"x": 0}, "isolated", None, None, None, "square root"),
]
# fmt: on


def identity(row):
    text, variable, point, *_ = row
    return f"{text} by {variable} at {', '.join(f'{n}={x}' for n, x in point.items())}"


def proved(row):
    text, variable, point, *_ = row
    exact = {name: exact_number(str(x)) for name, x in point.items()}
    return prove(parse(text), variable, exact)


@pytest.mark.parametrize("row", ROWS, ids=identity)
def test_the_proof_agrees_with_the_row(row):
    *_, kind, left, right, derivative, detail = row
    truth = proved(row)
    assert truth.kind.label in ((kind,) if isinstance(kind, str) else kind)
    if truth.kind is not Kind.OUTSIDE or left is not None:
        assert (truth.left, truth.right, truth.derivative) == (left, right, derivative)
    assert truth.derivative == derivative
    assert detail in truth.detail


@pytest.mark.parametrize("row", ROWS, ids=identity)
def test_the_error_bounds_do_not_contradict_the_proof(row):
    text, variable, point, *_ = row
    certified = certify(parse(text), variable, {n: np.array([float(x)]) for n, x in point.items()})
    if certified.is_certified[0]:
        truth = proved(row)
        assert truth.kind is (Kind.OUTSIDE if certified.outside[0] else Kind.SMOOTH)
        assert truth.derivative is None or certified.derivative[0] == pytest.approx(
            truth.derivative
        )


@pytest.mark.parametrize(
    ("text", "point", "kind"),
    [
        ("xlogy(t, t/q)", {"t": "0", "q": "0"}, "outside"),
        ("xlogy(0*x, log(x))", {"x": "-1"}, "outside"),
        ("log(x)**0", {"x": "-1"}, "outside"),
        ("where(atan2(0, 0)*exp(x) > 0, 1, x)", {"x": "1"}, "outside"),
        ("-log(-log(u))", {"u": "0"}, "outside"),
        ("sqrt(-x**2)", {"x": "0"}, "isolated"),
    ],
)
def test_no_engine_is_wrong_where_nothing_is_defined(text, point, kind):
    records = compare(text, at=point).records()
    verdicts = {r["verdict"] for r in records if r["kind"] == kind}
    assert verdicts
    assert verdicts <= {"undefined", "silent", "unsupported"}


DEFINED_BY_OTHERS = [
    row
    for row in CATALOGUE.values()
    if row.definition is not None
    and row.array is None
    and not row.short_circuits
    and sum(p.kind in ("real", "any") for p in row.parameters) == 2
]


@pytest.mark.parametrize("row", DEFINED_BY_OTHERS, ids=lambda row: row.name)
@pytest.mark.parametrize("which", [0, 1])
def test_a_function_of_two_numbers_is_undefined_where_one_is(row, which):
    texts = ["1", "1"]
    texts[which] = "log(x)"
    call = (
        f"{texts[0]} {row.operator} {texts[1]}"
        if row.is_operator
        else f"{row.name}({texts[0]}, {texts[1]})"
    )
    truth = prove(parse(call), "x", {"x": exact_number("-1")})
    expected = Kind.SMOOTH if row.replaces_undefined else Kind.OUTSIDE
    assert truth.kind is expected


def test_the_rule_is_that_of_every_arithmetic():
    row = CATALOGUE["xlogy"]
    series = Germs(4, Budget())
    outside = Outside("a reason")
    assert series.defined(row, [series.number(0), outside], series.number(0)) == outside
    assert BALLS.defined(row, [BALLS.number(0), EMPTY], BALLS.number(0)) is EMPTY
    jets = Jets(Strict())
    assert jets.defined(row, [jets.number(0), UNKNOWN], jets.number(0)) is UNKNOWN
    result = estimate(parse("xlogy(0*x, log(x))"), {"x": np.array([-1.0, 2.0])}, "x")
    assert (np.asarray(result.outside) > 0).tolist() == [True, False]
    assert result.slope[1] == 0


def test_a_rule_that_is_left_out_is_noticed(monkeypatch):
    row = next(row for row in ROWS if row[0] == "xlogy(0*x, log(x))")
    monkeypatch.setattr(Germs, "defined", lambda *_: _[-1])
    monkeypatch.setattr(Jets, "defined", lambda *_: _[-1])
    assert proved(row).kind is Kind.SMOOTH


def test_error_bounds_certify_what_fmax_and_nan_to_num_replace():
    x = np.linspace(-2.0, -1.0, 5)
    for text, slope in [("fmax(log(x), 3*x)", 3.0), ("x*nan_to_num(log(x), nan=2)", 2.0)]:
        certified = certify(parse(text), "x", {"x": x})
        assert certified.is_certified.all()
        assert not certified.outside.any()
        assert certified.derivative == pytest.approx(slope)


def test_a_ball_beyond_the_doubles_is_no_error():
    point = {"x": exact_number("800")}
    assert prove(parse("xlogy(0*x, lgamma(exp(x)))"), "x", point).derivative == 0
    # d/dx lgamma(e^x) = digamma(e^x)·e^x = (800 - ...)·e^800, beyond the doubles
    assert math.isinf(prove(parse("lgamma(exp(x))"), "x", point).derivative)


# An expression, a point, the functions that its detail names, and one inside their definitions.
NAMED = [
    ("acos(x)", "2", "acos outside its domain", "asin"),
    ("1 + arccos(x)", "-3", "acos outside its domain", "asin"),
    ("acosh(x)", "1/2", "acosh outside its domain", "square root"),
    ("atanh(x)", "3", "atanh outside its domain", "logarithm"),
    ("atanh(x)", "1", "atanh outside its domain", "logarithm"),
    ("x*atanh(2*x)", "-1/2", "atanh outside its domain", "logarithm"),
    ("acos(1 + x**2)", "0", "acos outside its domain", "asin"),
    ("log10(x)", "-1", "a logarithm of a negative number", "log10"),
    ("where(sin(1/x) <= 0, x, 0)", "0", "the operator <=: ", "less_equal"),
    ("clamp(sin(1/x), 0, 1)", "0", "clamp: ", "maximum"),
    ("relu(sin(1/x))", "0", "relu: ", "maximum"),
    ("atanh(sin(1/x))", "0", "atanh: ", "log:"),
    ("acos(sin(1/x))", "0", "acos: ", "greater_equal"),
    ("1/sin(1/x)", "0", "the operator /: ", "divide"),
    ("mish(x)", "1e100", "mish: ", "tanh"),
    ("gamma(1/x)", "0", "gamma: infinitely many steps", "floor"),
    ("lgamma(log(x))", "0", "lgamma: infinitely many steps", "floor"),
]


@pytest.mark.parametrize(("text", "x", "words", "inner"), NAMED)
def test_a_detail_names_the_function_that_was_written(text, x, words, inner):
    detail = prove(parse(text), "x", {"x": exact_number(x)}).detail
    assert words in detail
    assert inner not in detail


def test_a_definition_that_keeps_its_names_is_noticed(monkeypatch):
    monkeypatch.setattr(germs, "named", lambda _row, _arguments, result: result)
    assert "asin" in prove(parse("acos(x)"), "x", {"x": exact_number("2")}).detail
