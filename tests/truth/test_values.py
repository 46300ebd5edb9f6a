"""A number differs from a formula's value only if that is proved, rounding included."""

import math

import numpy as np
import pytest

from symdiff.arithmetics.arrays import evaluate
from symdiff.program import parse
from symdiff.program.values import DTYPES
from symdiff.truth import values
from symdiff.truth.values import (
    Margin,
    differences,
    differences_of_programs,
    exact_value,
)

NAN, INF = math.nan, math.inf


def differs(text, x, number, **more):
    columns = {"x": np.array([float(x)])}
    return bool(
        len(differences(parse(text), columns, np.array([number]), Margin(1e-9, **more)).points)
    )


# (formula, x, number, whether it differs)
TABLE = [
    ("x", 2, 7, True),
    ("x", 2, 2 + 1e-6, True),
    ("x", 2, 2 + 1e-10, False),  # within tolerance
    ("x", 2, NAN, True),
    ("x", 2, INF, True),
    ("x", 0, 1e-300, True),  # nothing is rounded
    ("abs(x)", 0, 0, False),
    ("abs(x)", 0, 1e-12, True),  # at a tie the value is exact
    ("max(x, 0)", -1e-8, -1e-8, True),
    ("where(x > 0, 1, 2)", 0, 1, True),
    ("where(x > 0, 1, 2)", 0, 2, False),
    # 0.5 exactly; in doubles 1 - cos(1e-9) is 0: no digit is left
    ("(1 - cos(x))/x**2", 1e-9, 0, False),
    ("(1 - cos(x))/x**2", 1.0, 0, True),
    # (x - 1) - x is -1; added in a different order, rounding is as large as that of 1e9
    ("(x - 1) - x", 1e9, -1 + 1e-7, False),
    ("(x - 1) - x", 1.0, -1 + 1e-7, True),
    ("log(x)", -1, NAN, False),
    ("log(x)", -1, 0, True),
    ("log(x)", 0, -INF, False),
    ("log(x)", 0, -745, True),
    ("1/x", 0, INF, False),
    ("1/x", 0, 1e10, True),
    ("sin(x)/x", 0, NAN, False),
    ("sin(x)/x", 0, 1, True),
    ("inf*sign(x)", 1, INF, False),
    ("exp(x)", 800, INF, False),  # beyond the doubles
    ("exp(x)", 800, 1e308, True),
    ("log(exp(x))", 800, INF, False),  # the formula overflows in doubles
    # asin(sin(pi/2)): the double nearest to pi/2; the exact argument is below 1
    ("sqrt(1 - (3*x)**2)", 1 / 3, 0, False),
    # the product rounds to 1; the exact argument of sqrt is negative by 1e-17
    ("sqrt(1 - (49*x)**2)", 1 / 49 * (1 + 2**-52), 0, False),
    ("floor(x)", 3, 2, True),
    ("floor(10*x)", 0.3, 3, False),  # 10*0.3 is 3 in doubles, and 2.9999999999999998890 exactly
    ("floor(10*x)", 0.3, 2, False),
    ("floor(10*x)", 0.3, -1, True),
]


@pytest.mark.parametrize(("text", "x", "number", "expected"), TABLE)
def test_a_number_differs_only_beyond_tolerance_and_rounding(text, x, number, expected):
    assert differs(text, x, number) is expected


# (formula, x, number, whether it differs); the number is that of the formula in the comment, in
# doubles, where one is given. The values: mpmath, 50 digits.
OTHER_WAYS = [
    # x*(1 + erf(x/sqrt(2)))/2; the value is -4.9768e-15
    ("gelu(x)", -8, -4.884981308350689e-15, False),
    ("gelu(x)", -8, -2.5e-14, True),  # 22 units in the last place of 4
    ("gelu(x)", -2, -0.04550026389635842 * (1 + 1e-6), True),
    ("x/2*erfc(-x/sqrt(2))", -10, 0, False),
    ("sigmoid(x)", -40, 0, False),  # 1 - 1/(1 + exp(x)); the value is 4.2e-18
    ("sigmoid(x)", -40, 1e-14, True),
    ("expm1(x)", 1e-12, 1.000088900582341e-12, False),  # exp(x) - 1
    ("expm1(x)", 1e-3, 1.0005e-3 * (1 + 1e-6), True),
    ("log1p(x)", 1e-12, 1.000088900581841e-12, False),  # log(1 + x)
    ("tanh(x)", 1e-10, 1.000000082640371e-10, False),  # (exp(2*x) - 1)/(exp(2*x) + 1)
    ("(x - 1)**2", 1 + 1e-9, 0, False),  # x*x - 2*x + 1; the value is 1e-18
    ("(x - 1)*(x - 1)", 1 + 1e-9, 2**-52, False),
    ("(x - 1)**2", 1.001, 1e-6 * (1 + 1e-6), True),
    ("(x - 1)**2", 1 + 1e-9, 1e-12, True),
    ("(x - 1)**7", 1.01, 3e-14, False),  # expanded: a sum of terms up to 35; the value is 1e-14
    ("(x - 1)**7", 1.5, 0.5**7 * (1 + 1e-6), True),
    ("exp(x)", -40, 4.248354255291589e-18 * (1 + 1e-6), True),  # no way has terms of size 1
    ("exp(x)", -40, 0, True),
    ("sqrt(x)", 1e-40, 0, True),
    ("x**2", 1e-20, 0, True),
    ("(x - 1e200)**2", 1e200, 1, False),  # the scale is beyond the doubles
]


@pytest.mark.parametrize(("text", "x", "number", "expected"), OTHER_WAYS)
def test_what_cancels_in_another_way_to_compute_a_formula_does_not_differ(
    text, x, number, expected
):
    assert differs(text, x, number) is expected


# At these points x - 1 and x + 31 are not 0 as doubles, and are 0 where x is a float32.
BESIDE = 1 + 1e-9
UNDER = 1 - 1e-9


@pytest.mark.parametrize(
    ("text", "x", "number", "expected"),
    [
        ("log(x - 1)", BESIDE, -INF, False),
        ("1/(x - 1)", BESIDE, INF, False),
        ("1/(x - 1)", BESIDE, 1e9 * (1 + 1e-7), False),  # x - 1 in doubles, then rounded
        ("sqrt(x - 1)", UNDER, 0, False),
        ("acos(x)", BESIDE, 0, False),
        ("asin(x)", -BESIDE, -math.pi / 2, False),
        ("lgamma(x)", -31.000000000000007, INF, False),
        ("floor(x)", UNDER, 1, False),
        ("floor(x)", UNDER, 5, True),
        ("log(x - 1)", 1.001, -INF, True),
        ("sqrt(x - 1)", 0.999, 0, True),
        ("acos(x)", 1.001, 0, True),
        ("log(x)", 1e200, INF, False),  # x is infinite as a float32
        ("sinh(x)", 89, INF, False),  # 2.2e38, but exp(89) is beyond the largest float32
        ("sinh(x)", 80, INF, True),
    ],
)
def test_a_coordinate_may_be_rounded_onto_a_pole_or_an_edge(text, x, number, expected):
    assert differs(text, x, number, dtype=DTYPES["float32"]) is expected


@pytest.mark.parametrize(
    ("text", "x", "number"),
    [("log(x - 1)", BESIDE, -INF), ("1/(x - 1)", BESIDE, INF), ("sqrt(x - 1)", UNDER, 0)],
)
def test_a_double_is_not_rounded_onto_an_edge(text, x, number):
    assert differs(text, x, number)


@pytest.mark.parametrize(
    ("text", "x", "number", "dtype", "expected"),
    [
        ("x**3", 0.1, float(np.float32(0.1) ** 3), "float32", False),
        ("x**3", 0.1, 0.001 * (1 + 1e-5), "float32", True),
        ("x**3", 0.1, 0.001 * (1 + 1e-3), "float16", False),
        ("exp(x)", 100, INF, "float32", False),  # e**100 is beyond the largest float32, 3.4e38
        ("exp(x)", 80, INF, "float32", True),
        ("x", 1e-60, 0, "float32", False),  # underflow
        ("x", 1e-30, 0, "float32", True),
    ],
)
def test_rounding_is_that_of_the_dtype(text, x, number, dtype, expected):
    assert differs(text, x, number, dtype=DTYPES[dtype]) is expected


# In a coarse format, what is computed at a number of the format is rounded as well.
@pytest.mark.parametrize(
    ("text", "x", "number", "dtype", "expected"),
    [
        # 1.000999 is rounded to 1: the end of the domain
        ("asin(x + cos(x))", 0.00099945068359375, math.asin(1), "bfloat16", False),
        ("asin(x + cos(x))", 0.5, math.asin(1), "bfloat16", True),
        # x*x is below the smallest float16, and so -0
        ("(-(x*x))**1.5", 1.0013580322265625e-05, 0, "float16", False),
        ("(-(x*x))**1.5", 0.5, 0, "float16", True),
        ("sqrt(-1/exp(x))", 12, 0, "float16", False),  # e**12 is infinite
        ("sqrt(-1/exp(x))", 8, 0, "float16", True),
        ("exp(x)", 800, 1e4, "float16", True),
        # At the end of the domain of a power the value is 0, and the rest is rounded.
        ("x**1.5 - 0.7", 0, -0.69921875, "bfloat16", False),
        ("x**1.5 - 0.7", 0, -0.6, "bfloat16", True),
        ("abs(x)**0.5 + 1/3", 0, 0.333984375, "bfloat16", False),
        ("(x - x)**0.5 + sinh(1.5)", 3, 2.125, "bfloat16", False),
        ("(x**1.5 + 1e16 + 0.3) - 1e16", 0, 2, "float64", False),
    ],
)
def test_intermediate_results_are_rounded_too(text, x, number, dtype, expected):
    assert differs(text, x, number, dtype=DTYPES[dtype]) is expected


def test_the_exact_value_is_proved_by_balls_or_by_series():
    # mpmath, 30 digits: 1 - cos(1e-9) = 4.99999999999999999958e-19
    assert exact_value(parse("(1 - cos(x))/x**2"), {"x": 1e-9}).number == 0.5
    assert exact_value(parse("max(x, -x) + floor(x)"), {"x": 0.0}).number == 0
    assert exact_value(parse("x/x"), {"x": 0.0}).undefined == "a division by zero"
    assert exact_value(parse("exp(x)"), {"x": 800.0}).number == INF
    assert exact_value(parse("inf - x*inf"), {"x": 1.0}).undefined == "inf - inf"
    # exp(-1/x) is undefined at 0, but 0 in doubles, which nan_to_num does not replace.
    assert exact_value(parse("nan_to_num(exp(-1/x))"), {"x": 0.0}) is None


def test_a_long_column_is_bounded_in_arrays_and_only_doubtful_points_one_by_one(monkeypatch):
    monkeypatch.setattr(values, "MAX_EXACT", 0)
    x = np.linspace(-2, 2, 4001)
    wrong = np.where(np.abs(x) < 0.5, x**2 + 1e-6, x**2)
    found = differences(parse("x**2"), {"x": x}, wrong, Margin(1e-9))
    assert found.points.tolist() == np.flatnonzero(np.abs(x) < 0.5).tolist()
    # 1 - cos(x) has no certified digit near 0: such points need the exact value, and the limit is 0
    assert not len(differences(parse("log(exp(x))"), {"x": x + 800}, x, Margin(1e-9)).points)


@pytest.mark.parametrize(
    ("text", "other", "x", "expected"),
    [
        ("log(abs(x))", "log(x)", [-1, 0, 1], [0]),  # at 0 both are infinite
        ("log(x)", "log(abs(x))", [-1, 0, 1], [0]),
        ("1 + 0*x", "x/x", [0, 1], [0]),
        ("x*x/x", "x", [-1, 0, 1], [1]),
        ("2*log(x)", "log(x*x)", [-1, 0, 1], [0]),
        ("log(x + 1e-20)", "log(x)", [0, 1], [0]),  # -46.05, and infinite
        ("sqrt(x*x)", "exp(log(x*x)/2)", [0, 1], [0]),  # 0 for both in doubles, as exp(-inf) is
        ("exp(log(x*x)/2)", "sqrt(x*x)", [0, 1], [0]),
        ("x**-1", "1/x", [0, 2], []),
        ("exp(log(x)/2)", "sqrt(x)", [-1, 1], []),
        ("atan(x/sqrt(1 - x*x))", "asin(x)", [0.5, 2], []),
        # NaN and 0 in doubles, as exp(800) overflows, and nearly 1 and 0 exactly
        ("exp(x)/(1 + exp(x))", "1/(1 + exp(-x))", [-800, 800], []),
        ("where(x > 0, log(x), 0)", "where(x > 0, log(x), 0*x)", [-1, 0, 1], []),
        ("where(x > 0, log(x), x)", "where(x > 0, log(x), x*x/x)", [-1, 0, 1], [1]),
    ],
)
def test_a_program_differs_where_one_is_defined_and_the_other_is_not(text, other, x, expected):
    columns = {"x": np.array(x, dtype=float)}
    found = differences_of_programs(parse(text), parse(other), columns, Margin(1e-9))
    assert found.points.tolist() == expected


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(
    "text",
    [
        "exp(-x**2)*sin(3*x)",
        "x - 0.25",
        "x**2",
        "-x",
        "abs(x)",
        "0.1 + 0*x",
        "max(x, 0.1)",
        "where(x > 0.5, x**2, x - 0.25)",
        "x*3 - x*2",
        "sigmoid(x)/(1 + x)",
        "gelu(x)",
        "x.detach()",
    ],
)
def test_what_one_rounding_explains_is_no_difference(text, name):
    """Where the bound over arrays finds no difference, balls find none at the single points."""
    random, dtype, program = np.random.default_rng(5), DTYPES[name], parse(text)
    x = dtype.rounded(random.uniform(-2, 2, 60))
    value = evaluate(program, {"x": x})
    for units in (0.0, 0.3, 0.7, 1.0, 1.5, 4.0):
        numbers = value + units * dtype.units(value)
        numbers = dtype.rounded(numbers) if units > 1 else numbers
        margin = values.Margin(1e-9, 0.0, dtype)
        explained = values._is_rounding(program, {"x": x}, numbers, dtype)
        for i in np.flatnonzero(explained).tolist():
            assert values._difference(program, {"x": x[i]}, float(numbers[i]), margin) is None
        assert units < 4 or not explained.any()


def test_most_numbers_in_float32_need_no_exact_value(monkeypatch):
    asked = []
    original = values._difference

    def spy(*arguments):
        asked.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(values, "_difference", spy)
    x = DTYPES["float32"].rounded(np.linspace(-3, 3, 1000))
    numbers = evaluate(parse("tanh(x)*sigmoid(2*x)"), {"x": x}).astype(np.float32)
    margin = values.Margin(1e-9, 0.0, DTYPES["float32"])
    columns = {"x": x}
    found = values.differences(parse("tanh(x)*sigmoid(2*x)"), columns, numbers * 1.0, margin)
    assert not len(found.points) and len(asked) <= 10
    asked.clear()
    wrong = numbers + np.where(np.arange(1000) == 7, 1e-3, 0.0)  # one that differs is found
    found = values.differences(parse("tanh(x)*sigmoid(2*x)"), columns, wrong, margin)
    assert found.points.tolist() == [7] and len(asked) <= 11
