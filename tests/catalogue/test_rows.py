"""Rows of the catalogue: names resolve, and all columns compute the same function."""

import itertools
import math

import flint
import numpy as np
import pytest
import sympy as sp
import torch

from symdiff import catalogue
from symdiff.arithmetics.arrays import ARRAYS, evaluate
from symdiff.arithmetics.balls import EMPTY, PRECISION, enclose
from symdiff.arithmetics.reading import read
from symdiff.arithmetics.symbolic import expression
from symdiff.arithmetics.tensors import TENSORS
from symdiff.catalogue import BY_NAME, CATALOGUE, Function, join
from symdiff.errors import ExpressionError, Unsupported
from symdiff.program import parse
from symdiff.program.parser import definition, domain, template

# Rows that are applied elementwise; test_tensor_rows tests the others.
ROWS = [row for row in CATALOGUE.values() if row.array is None]
REQUIRED = [
    "abs",
    "sign",
    "sqrt",
    "cbrt",
    "square",
    "reciprocal",
    "rsqrt",
    "hypot",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "logaddexp",
    "xlogy",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "atan2",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "sinc",
    "erf",
    "erfc",
    "erfinv",
    "gamma",
    "lgamma",
    "digamma",
    "polygamma",
    "erfcx",
    "bessel_i",
    "i0",
    "i1",
    "i0e",
    "i1e",
    "floor",
    "ceil",
    "round",
    "trunc",
    "frac",
    "fmod",
    "remainder",
    "copysign",
    "heaviside",
    "max",
    "min",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "clamp",
    "clip",
    "where",
    "relu",
    "relu6",
    "leaky_relu",
    "prelu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "softsign",
    "sigmoid",
    "logsigmoid",
    "hardtanh",
    "hardsigmoid",
    "hardswish",
    "hardshrink",
    "softshrink",
    "tanhshrink",
    "threshold",
    "nan_to_num",
    "detach",
]
SAMPLES = (-2.7, -1.3, -0.6, -0.25, 0.1, 0.4, 0.9, 1.7, 2.6)
# Arguments for parameters that do not take 0.75 (or 1.5 as an option).
VALUES = {"decimals": "2", "lower": "0.25", "min_val": "-2", "n": "1"}
SECOND = (-1.5, 0.3, 2.0)
# Functions that torch does not have: the verdict is `unsupported`.
NOT_IN_TORCH = {"cbrt", "gamma", "bessel_i"}


def texts(row: Function):
    """Return calls of the row on x, y and numbers, as users would write them."""
    if row.name == "ifelse":
        return ["x if x > 0 else y"]
    if row.operator in {"and", "or"}:
        return [f"where(x > 0 {row.operator} y > 1, x, y)"]
    if row.operator == "not":
        return ["where(not x > 0, x, y)"]
    if row.operator in {"u-", "u+"}:
        return [f"{row.operator[1]}x"]
    if row.returns == "condition":
        return [f"where(x {row.operator} y, x, -y)"]
    if row.operator:
        return [f"x {row.operator} y"]
    variables = iter("xyz")
    arguments = []
    for parameter in row.parameters:
        if parameter.default is not None:
            break
        if parameter.kind == "condition":
            arguments.append("x > 0")
        elif parameter.kind == "number":
            arguments.append(VALUES.get(parameter.name, "0.75"))
        else:
            arguments.append(next(variables))
    plain = f"{row.name}({', '.join(arguments)})"
    options = [p for p in row.parameters if p.default is not None]
    # torch's clamp needs at least one bound.
    calls = [] if row.name == "clamp" else [plain]
    for p in options:
        value = {"choice": repr(p.choices[-1]) if p.choices else "", "number": "1.5", "any": "0.5"}
        argument = VALUES.get(p.name, value[p.kind])
        calls.append(f"{plain[:-1]}, {p.keyword}={argument})")
    return calls


CASES = [pytest.param(row, text, id=text) for row in ROWS for text in texts(row)]


def points(program):
    choices = [SAMPLES, SECOND, SECOND][: len(program.inputs)]
    return list(itertools.product(*choices))


def enclosures(program):
    """Yield the points where the program is defined, with a ball that encloses its value."""
    for point in points(program):
        balls = {n: flint.arb(v) for n, v in zip(program.inputs, point, strict=True)}
        value = enclose(program, balls)
        if value is not EMPTY and value.is_finite():
            yield point, value


def test_every_function_of_the_first_release_is_there():
    assert [name for name in REQUIRED if name not in BY_NAME] == []
    assert set(catalogue.CONSTANTS) == {"pi", "e", "inf"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_names_resolve_in_every_library(row):
    for arithmetic in ("sympy", "numpy", "torch", "ball"):
        column = row.column(arithmetic)
        assert column is None or callable(column)
    if row.definition is None:
        assert row.column("sympy") and row.column("numpy") and row.column("ball")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_definitions_and_domains_use_the_row_s_parameters_only(row):
    names = {parameter.name for parameter in row.parameters}
    choices = row.definition if isinstance(row.definition, dict) else [None]
    for choice in choices:
        if row.definition is not None:
            assert set(definition(row.name, choice).inputs) <= names
    condition = domain(row.name)
    assert condition is None or set(condition.inputs) <= names


def derivative_texts(row):
    return row.derivative if isinstance(row.derivative, tuple) else (row.derivative,)


def unknown_names(row, text):
    """Return the names in a derivative's text that are neither parameters nor `result`."""
    names = {parameter.name for parameter in row.parameters} | {"result"}
    return set(template(text).inputs) - names


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.derivative is not None], ids=lambda row: row.name
)
def test_derivatives_parse_and_use_the_row_s_parameters_only(row):
    derivatives = derivative_texts(row)
    assert len(derivatives) == len(row.parameters)
    assert any(derivatives)
    for text in derivatives:
        assert text is None or unknown_names(row, text) == set()


def test_an_invalid_derivative_is_noticed():
    # Negative control: a parameter of another row, an unknown function, and invalid expressions.
    assert unknown_names(CATALOGUE["exp"], "result*y") == {"y"}
    for text in ("resutl(x)", "1/", "x > 0"):
        with pytest.raises(ExpressionError):
            template(text)


@pytest.mark.parametrize(("row", "text"), CASES)
def test_columns_agree_with_the_ball_at_domain_samples(row, text):
    program = parse(text)
    samples = list(enclosures(program))
    assert samples, "no sample lies in the domain"
    columns = {n: np.array([p[i] for p, _ in samples]) for i, n in enumerate(program.inputs)}
    truth = np.array([float(ball.mid()) for _, ball in samples])
    assert evaluate(program, columns) == pytest.approx(truth, rel=1e-12, abs=1e-14)
    if row.name not in NOT_IN_TORCH:
        tensors = {n: torch.tensor(c) for n, c in columns.items()}
        value = read(program, TENSORS, tensors)
        assert value.dtype == torch.float64
        # torch's softplus is x beyond its threshold, with an error of at most 2e-9.
        expected = torch_truth(text, columns, truth)
        assert value.expand(len(truth)).numpy() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def torch_truth(text, columns, truth):
    if text.startswith("nan_to_num"):
        return columns["x"]
    return truth


@pytest.mark.parametrize(("row", "text"), CASES)
def test_sympy_lies_in_the_ball_at_domain_samples(row, text):
    program = parse(text)
    # As a value, detach is the identity.
    f = expression(program, exact=True).replace(
        lambda e: e.func.__name__ == "detach", lambda e: e.args[0]
    )
    for point, ball in list(enclosures(program))[::3]:
        values = {
            sp.Symbol(n, real=True): sp.Rational(v)
            for n, v in zip(program.inputs, point, strict=True)
        }
        # sympy's log-gamma of a negative number is complex; its real part is the function.
        value = sp.re(f.subs(values).evalf(40))
        with flint.ctx.workprec(PRECISION):
            assert ball.overlaps(flint.arb(str(value)) + flint.arb(0, 1e-30)), (point, value, ball)


def test_a_function_that_torch_does_not_have_is_unsupported():
    for name in NOT_IN_TORCH:
        with pytest.raises(Unsupported, match=name):
            read(parse(texts(CATALOGUE[name])[0]), TENSORS, {"x": torch.ones(1)})


ENDS = [-2.0, -1.0, 0.0, 1.0, 2.0]
NEAR = [end + d for end in ENDS for d in (-1e-9, 0.0, 1e-9)]
# atan2(0, 0) is undefined; numpy and torch return 0 by convention.
VALUE_OUTSIDE = {"atan2"}


@pytest.mark.parametrize("name", [r.name for r in ROWS if r.domain is not None and r.name != "tan"])
def test_a_point_is_in_the_domain_if_numpy_s_value_is_finite(name):
    row = CATALOGUE[name]
    condition = domain(name)
    names = [p.name for p in row.parameters]
    column = row.column("numpy")
    varied = [p for p in row.parameters if p.kind != "number"]
    ends = NEAR if len(varied) == 1 else [*ENDS, -0.5, 0.5]
    choices = [ends if p in varied else [float(VALUES[p.name])] for p in row.parameters]
    for point in itertools.product(*choices):
        inside = bool(evaluate_condition(condition, dict(zip(names, point, strict=True))))
        with np.errstate(all="ignore"):
            value = column(*map(np.float64, point))
        if inside:
            assert np.isfinite(value), point
        elif name not in VALUE_OUTSIDE:
            assert not np.isfinite(value), point


def evaluate_condition(condition, values):
    return read(condition, ARRAYS, values)


def test_a_wrong_domain_is_noticed():
    # Negative control: the domains of sqrt and log differ at 0.
    assert bool(evaluate_condition(domain("sqrt"), {"x": 0.0})) is True
    assert bool(evaluate_condition(domain("log"), {"x": 0.0})) is False


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("softplus(x)", math.log1p(math.exp(0.5))),
        ("softplus(x, beta=2)", math.log1p(math.exp(1.0)) / 2),
        ("softplus(x, threshold=0.25)", 0.5),  # x beyond the threshold
        ("gelu(x, approximate='tanh')", 0.345714),
        ("round(2.5*x)", 1.0),
        ("round(5*x)", 2.0),  # ties to even
        ("round(7*x)", 4.0),
        ("float(x > 0)", 1.0),
        ("(x > 0)*x", 0.5),
        ("torch.where(x < 0, 0.1, x)", 0.5),
        ("threshold(x, 1, 0.1)", 0.1),
        ("hardsigmoid(x)", 3.5 / 6),
    ],
)
def test_known_values_at_one_half(text, value):
    program = parse(text)
    x = np.array([0.5])
    assert evaluate(program, {"x": x})[0] == pytest.approx(value, rel=1e-6)
    assert read(program, TENSORS, {"x": torch.tensor(x)}).item() == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "where(x > 9, x, 0.1)",
        "threshold(x, 9, 0.1)",
        "max(x - 9, 0.1)",
        "clamp(x - 9, min=0.1)",
        "heaviside(x - 9, 0.5) + 0.1",
        "0.1 if x < 9 else x",
        "nan_to_num(0*x) + 0.1",
        "xlogy(0*x, 3) + 0.1",
    ],
)
def test_a_constant_stays_a_double(text):
    value = read(parse(text), TENSORS, {"x": torch.zeros(2, dtype=torch.float64)})
    assert value.dtype == torch.float64
    assert value[0].item() == 0.1  # exactly the double, not 0.10000000149 of float32


def test_two_rows_with_one_name_are_refused():
    with pytest.raises(ValueError, match="two rows for 'Abs'"):
        join({"a": (CATALOGUE["abs"],), "b": (CATALOGUE["abs"],)})
