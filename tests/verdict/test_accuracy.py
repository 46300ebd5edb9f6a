"""Numbers that rounding explains are inaccurate where too few of their digits are right."""

import dataclasses

import flint
import numpy as np
import pytest
import torch

import symdiff
from symdiff.arithmetics.bounds import conditioning
from symdiff.arithmetics.bounds.conditioning import nearby_slopes, size_of_terms
from symdiff.errors import Unsupported
from symdiff.program import parse
from symdiff.program.values import DTYPES
from symdiff.request.options import Options
from symdiff.verdict import accuracy
from symdiff.verdict.words import Verdict


def ball_of(x):
    return {"x": flint.arb(x)}


# An expression, a point, the derivative there (mpmath at 60 digits), the operation that cancels.
LOST = [
    ("(1 - cos(x))/x**2", "1e-9", -8.3333333333e-11, "1 - cos(x)"),  # -x/12
    ("(1 - cos(x))/x**2", "1e-4", -8.3333333306e-6, "1 - cos(x)"),
    ("exp(x) - x", "1e-17", 1e-17, "exp(x) - x"),  # exp(x) - 1
    ("log(cosh(x))*0 + (exp(x) - exp(-x) - 2*x)", "1e-8", 1e-16, "exp(x) - exp(-x) - 2*x"),  # x**2
    ("(x - sin(x))/x**3", "1e-6", -1.6666666667e-8, "x - sin(x)"),  # -x/60
    ("sqrt(x + 1) - sqrt(x)", "1e16", -2.5e-25, "sqrt(x + 1) - sqrt(x)"),  # -x**(-3/2)/4
    ("(sqrt(1 + x**2) - 1)/x", "1e-9", 0.5, "sqrt(1 + x**2) - 1"),
]


def records_of(text, point, **more):
    report = symdiff.compare(text, at={"x": point}, engines=["autograd"], **more)
    return list(report.records()), report


@pytest.mark.parametrize(("text", "point", "derivative", "culprit"), LOST)
def test_a_cancellation_that_loses_the_derivative_is_inaccurate_and_blamed(
    text, point, derivative, culprit
):
    (record,), report = records_of(text, float(point))
    assert record["derivative"] == pytest.approx(derivative, rel=1e-6)
    assert record["verdict"] == "inaccurate"
    assert record["detail"].startswith("rounding leaves ")
    assert record["blame"].startswith(culprit + " (expr")
    assert not report.ok
    assert "inaccurate" in report.table()


# An expression, a point, why the number is of use though its relative error is large.
OF_USE = [
    ("sin(x) + cos(x)", np.pi / 4, "the derivative 0 is within a unit in the last place of pi/4"),
    ("x*(log(x) - 1)", 1 + 2.0**-52, "log(x) of the next double is twice as large"),
    ("abs(x - 1/3)", 1 / 3, "the kink is within a unit in the last place"),
    ("exp(x)/(exp(x) + 1) + 1/(exp(x) + 1)", 0.3, "the derivative 0 is a sum of terms that cancel"),
    ("sin(x)**2 + cos(x)**2", 0.7, "the derivative 0 is a sum of terms that cancel"),
    ("where(x > sqrt(2), 1, 3*x - x**3/2)", np.sqrt(2), "rounding takes the other branch"),
    ("1/(x - 0.1*3)", 0.3, "the pole is within a unit in the last place"),
]


@pytest.mark.parametrize(("text", "point", "why"), OF_USE, ids=[why for *_, why in OF_USE])
def test_a_number_that_is_right_for_a_point_next_to_it_is_not_inaccurate(text, point, why):
    rows, report = records_of(text, point)
    assert {row["verdict"] for row in rows} <= {"agrees", "inexact", "subgradient"}, why
    assert report.ok


def test_a_derivative_of_zero_is_measured_by_the_terms_that_cancel():
    """Both terms are (1 - cos(x))/x**2: the one that cancels gives 1e9, the other one is right."""
    text = "(1 - cos(x))/x**2 - (sin(x/2)/(x/2))**2/2"
    assert size_of_terms(parse("3*x - x**2"), "x", ball_of(2.0)) == pytest.approx(7)
    (record,), _ = records_of(text, 1e-9)
    assert (record["derivative"], record["verdict"]) == (0.0, "inaccurate")


def test_the_derivatives_next_to_a_point_are_bounded():
    assert nearby_slopes(parse("x**2"), "x", ball_of(1.0)) == pytest.approx((2, 2))
    assert nearby_slopes(parse("1/x"), "x", ball_of(2.0**-1074)) == (-np.inf, np.inf)
    low, high = nearby_slopes(parse("abs(x - 1)"), "x", ball_of(1.0))
    assert low <= -1 < 1 <= high


@pytest.mark.parametrize(
    ("digits", "word"), [(0, "inexact"), (1, "inexact"), (2, "inexact"), (3, "inaccurate")]
)
def test_the_number_of_digits_is_an_option(digits, word):
    """torch gives 9.348e-14 at 30, and the derivative is 9.3576e-14: two digits are right."""
    (record,), _ = records_of("sigmoid(x)", 30.0, digits=digits)
    assert record["verdict"] == word
    assert Options(digits=digits).digits == digits


def test_a_number_that_is_off_for_another_reason_is_wrong_and_not_inaccurate():
    report = symdiff.compare(
        "(1 - cos(x))/x**2", at={"x": 0.5}, engines=["autograd"], claims={"x": "0.001"}
    )
    words = {r["engine"]: r["verdict"] for r in report.records()}
    assert words == {"autograd": "agrees", "claim": "wrong"}


def test_differences_stay_inexact_with_the_size_of_their_error():
    (record,) = symdiff.compare("sin(50*x)", at={"x": 1}, engines=["central"]).records()
    assert record["verdict"] == "inexact"
    assert record["detail"].startswith("truncation and rounding: a relative error of at most 1e-")


def test_float16_is_not_inaccurate_for_its_few_digits():
    values = {"x": {"data": [0.3, 1.7, -0.4], "dtype": "float16"}}
    report = symdiff.compare("sigmoid(x).sum()", values=values, engines=["autograd"])
    assert "inaccurate" not in {r["verdict"] for r in report.records()}


def test_a_cancellation_in_a_component_and_along_a_direction_is_inaccurate():
    """Along a direction nothing is certified where the bound of the true derivative is too wide."""
    for most in (1000, 0):
        report = symdiff.compare(
            "((1 - cos(x))/x**2).sum()",
            values={"x": [1e-9, 2e-9, 3e-9]},
            engines=["autograd"],
            max_components=most,
        )
        words = {r["verdict"] for r in report.records()}
        assert words <= ({"inaccurate"} if most else {"inaccurate", "undecided"})


# A function, its formula, a point and the dtype in which the function computes. The deviation of its
# gradient is the dtype's rounding: of the nearest number, or of a cancellation. Right digits by mpmath.
CALLABLES = [
    (lambda x: (1 - torch.cos(x.float())) / x.float() ** 2, "(1 - cos(x))/x**2", 1e-3, False),
    (lambda x: torch.sigmoid(x.float()), "sigmoid(x)", 50.0, False),  # 0 for 1.9e-22
    (lambda x: torch.tanh(x.float()), "tanh(x)", 10.0, False),  # 0 for 8.2e-9
    (lambda x: torch.tanh(x.half()), "tanh(x)", 5.0, False),  # 1.82e-4; 1 - y**2 is 0 or 2**-10
    (lambda x: x.float().exp() - x.float(), "exp(x) - x", 1e-9, False),  # 0 for 1e-9
    (lambda x: torch.tanh(x.bfloat16()), "tanh(x)", 3.0, False),  # 0.00987; 2**-7 or 2**-6
    (lambda x: torch.exp(x.float()), "exp(x)", -100.0, True),  # 27 units of 2**-149
    (lambda x: torch.exp(x.half()), "exp(x)", -15.0, True),  # 5 units of 2**-24
    (lambda x: torch.sin(x.bfloat16()) * 0.3, "0.3*sin(x)", 0.0, True),  # nearest to 0.3: 0.30078
    (lambda x: x.bfloat16() ** 2, "x**2", 0.7, True),
]


@pytest.mark.parametrize(("function", "text", "point", "is_near"), CALLABLES)
def test_the_digits_of_a_callable_count_in_the_dtype_in_which_it_computes(
    function, text, point, is_near
):
    report = symdiff.compare(function, {"x": [point]}, math=text, engines=["autograd"], kinks=False)
    (record,) = report.records()
    assert record["verdict"] == ("inexact" if is_near else "inaccurate")
    assert report.ok == is_near


# A tensor's dtype and component, the function, the nearest number of the dtype to its derivative.
NEAREST = [
    ("exp(x)", "float32", -100.0, 27 * 2.0**-149),
    ("exp(x)", "float32", -103.0, 2.0**-149),  # 1.85e-45: 1.3 units
    ("exp(x)", "float16", -15.0, 5 * 2.0**-24),
    ("exp(x)", "float16", -12.0, 103 * 2.0**-24),
    ("exp(x)", "bfloat16", -91.0, 3 * 2.0**-133),  # 3.016e-40: 3.28 units
    ("exp(x)", "float64", -744.0, 2 * 2.0**-1074),  # 9.75e-324: 1.97 units
]


@pytest.mark.parametrize(("text", "dtype", "x", "nearest"), NEAREST)
def test_the_nearest_number_of_the_dtype_is_never_inaccurate(text, dtype, x, nearest):
    values = {"x": {"data": [x], "dtype": dtype}}
    report = symdiff.compare(f"{text}.sum()", values=values, engines=["autograd"])
    (record,) = report.records()
    assert record["value"] == nearest == float(DTYPES[dtype].rounded(record["derivative"]))
    assert record["verdict"] in {"agrees", "inexact"}
    assert report.ok


# Derivatives whose digits are lost and for which 256 bits are too few to tell; by mpmath.
NEEDS_BITS = [
    ("tanh(x)", 360.0, 8.12892320967e-313),
    ("tanh(x)", 100.0, 5.535587e-87),
    ("mish(x)", -740.0, -3.09547e-319),
    ("1 - tanh(x)**2", 200.0, -1.53214e-173),
    ("(exp(x) - 1) - exp(x) + exp(-x)", 300.0, -5.1482e-131),
    ("(x**2 + 1e200) - x**2 + 1e-200*x", 2.0, 1e-200),
]


@pytest.mark.parametrize(("text", "x", "derivative"), NEEDS_BITS)
def test_derivatives_nearby_that_need_many_bits_do_not_count(text, x, derivative):
    low, high = nearby_slopes(parse(text), "x", ball_of(x))
    assert low <= high
    assert [low, high] == pytest.approx([derivative] * 2, rel=0.05, abs=0)


def test_derivatives_nearby_that_cannot_be_computed_are_not_numbers(monkeypatch):
    def without_jets(*_, **__):
        raise Unsupported("zeta", "it has no derivative in ball arithmetic")

    monkeypatch.setattr(conditioning, "evaluate", without_jets)
    assert np.isnan(nearby_slopes(parse("floor(x)"), "x", ball_of(1.5))).all()


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_numbers_with_few_digits_are_found_together_as_one_by_one(dtype):
    text = "(x - sin(x))/x**2 + abs(x - 1/3) + 1e-9*relu(x)"
    comparison = symdiff.compare(text, {"x": np.linspace(-1, 1, 401)}, dtype=dtype)
    trial = comparison.evidence[0].trials[0]
    truths, found = trial.truths["x"], 0
    for (engine, variable), judgement in trial.judgements.items():
        values = trial.samples[engine].derivatives[variable]
        rounded = {i: dtype for i in range(len(values)) if np.isfinite(values[i])}
        codes = np.full(len(values), Verdict.INEXACT, dtype=np.int8)
        codes[::7] = Verdict.AGREES
        all_inexact = dataclasses.replace(judgement, codes=codes, rounded=rounded)
        limit = accuracy.Limit(3 if dtype == "float64" else 2, DTYPES[dtype])
        expected = [
            i
            for i in rounded
            if codes[i] == Verdict.INEXACT
            if accuracy._deviation(truths, i, float(values[i]))
            > limit.at(all_inexact, i).around(accuracy._size(truths, i))
        ]
        assert accuracy.few_digits(all_inexact, truths, values, limit) == expected
        found += len(expected)
    assert found or dtype == "float64"
