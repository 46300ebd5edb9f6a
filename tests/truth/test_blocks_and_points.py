"""Blocks certify no point that would not be certified alone, and give the same derivative."""

import numpy as np
import pytest

from symdiff.arithmetics.bounds import blocks
from symdiff.arithmetics.bounds.intervals import CONDITIONS
from symdiff.catalogue import CATALOGUE
from symdiff.program import parse
from symdiff.truth import certify as filtering
from symdiff.truth.certify import certify

POINTS = 3 * 1024 + 77  # several blocks, and an incomplete one

ALONG_X = [
    "exp(-x**2)*sin(3*x) + log(1 + x**2)",
    "tanh(x)*sigmoid(2*x)",
    "relu(x)*exp(-x)",
    "abs(sin(3*x)) + clamp(x, -1, 1)",
    "where(x > 0.5, x**2, x - 0.25)",
    "where(x > 0, log(x), sqrt(-x))",
    "x if x > 0.3 else x**3",
    "log(x)*abs(x - 1/3)",
    "sqrt(x - 1)*abs(x)",
    "floor(3*x)*erf(x)",
    "remainder(x, 0.3)*x",
    "gamma(x)",
    "digamma(x)*x",
    "x**x",
    "tan(3*x)",
    "1/(x - 0.1)",
    "exp(x)*exp(-x)*x",
    "max(x, x**2, 0.5)",
    "heaviside(x, 0.5)*x",
    "sinc(x)",
    "mish(x) + gelu(x)",
    "x.detach()*x",
    "float(x > 0)*x**3",
    "clamp(softplus(x), -1, 1)",
    "hypot(softplus(x, beta=2), x)",
    "selu(softplus(x))",
    "where(max(log(abs(x)), x) > 0.5, x, 0)",
    "where(exp(x) > 0, 0.5, x) * x",
]
UNDEFINED = [  # nowhere defined
    "1/(x - x)",
    "1/(min(x, 9) - x)",
    "atan2(x - x, x)",
    "fmod(x - x, x)",
    "log(where(exp(x) > 0, 0, x))",
    "where(exp(x) > 0, 0, x)**-1",
]
IN_TWO_VARIABLES = [
    "x*y + abs(x - y)",
    "hypot(x, y)",
    "atan2(y, x)",
    "where(x > y, x**2, y)",
    "x**y",
    "log(x*y)",
    "floor(x + y)*x",
    "gamma(x)*y",
    "1/(x - y)",
]


def columns(program, *, in_order):
    rng = np.random.default_rng(len(program.text))
    values = {name: rng.uniform(-2, 2, POINTS) for name in program.inputs}
    return {name: np.sort(x) for name, x in values.items()} if in_order else values


def disagreements(text, monkeypatch, *, in_order):
    """Return how many points are certified wrongly in blocks, and how many in blocks and alone.

    In blocks a point is certified wrongly if alone it is not, or if the derivatives differ.
    """
    program = parse(text)
    inputs = columns(program, in_order=in_order)
    in_blocks = certify(program, "x", inputs)
    with monkeypatch.context() as patch:
        patch.setattr(filtering, "BLOCK", 10 * POINTS)
        alone = certify(program, "x", inputs)
    both = in_blocks.is_certified & alone.is_certified
    with np.errstate(invalid="ignore"):
        differ = np.abs(in_blocks.derivative - alone.derivative) > in_blocks.errors + alone.errors
    differ |= np.isnan(in_blocks.derivative) != np.isnan(alone.derivative)
    differ |= in_blocks.outside != alone.outside
    more = in_blocks.is_certified & ~alone.is_certified
    return int((both & differ | more).sum()), int(both.sum())


@pytest.mark.parametrize("text", ALONG_X + IN_TWO_VARIABLES)
@pytest.mark.parametrize("in_order", [True, False], ids=["in order", "in disorder"])
def test_blocks_certify_the_derivatives_of_single_points(monkeypatch, text, in_order):
    wrong, certified = disagreements(text, monkeypatch, in_order=in_order)
    assert wrong == 0
    assert certified > POINTS / 3


@pytest.mark.parametrize("text", UNDEFINED)
def test_blocks_certify_nothing_where_a_function_is_undefined(monkeypatch, text):
    wrong, _ = disagreements(text, monkeypatch, in_order=True)
    assert wrong == 0


SCALARS = [
    row
    for row in CATALOGUE.values()
    if row.numpy is not None
    and row.returns == "real"
    and {p.kind for p in row.parameters} <= {"real", "any"}
]


def required(row):
    return sum(parameter.default is None for parameter in row.parameters)


@pytest.mark.parametrize("row", SCALARS, ids=lambda row: row.name)
def test_every_function_accepts_the_result_of_a_choice_in_blocks(monkeypatch, row):
    """A choice that takes one branch in all blocks returns a number or blocks."""
    rest = ", ".join(["x", "0.5"][: required(row) - 1])
    for argument in ("softplus(x)", "max(x, -9)"):
        wrong, _ = disagreements(f"{row.name}({argument}, {rest})", monkeypatch, in_order=True)
        assert wrong == 0
    # for a constant, blocks may certify more: a slope of 0
    program = parse(f"{row.name}(where(exp(x) > 0, 0, x), {rest.replace('x', '1')})")
    result = certify(program, "x", columns(program, in_order=True))
    assert not result.derivative[result.is_certified & (result.outside == 0)].any()


def test_a_comparison_that_is_wrongly_sure_is_noticed(monkeypatch):
    # Negative control.
    always = {**CONDITIONS, "greater": lambda x, _: CONDITIONS["isfinite"](x)}
    monkeypatch.setattr(blocks, "CONDITIONS", always)
    wrong, _ = disagreements("where(x > 0.5, x**2, x - 0.25)", monkeypatch, in_order=True)
    assert wrong > 0
