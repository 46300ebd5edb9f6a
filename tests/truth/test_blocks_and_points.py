"""Blocks of points settle nothing that the points alone would not, and say the same."""

import numpy as np
import pytest

from symdiff.arithmetics.bounds import blocks
from symdiff.arithmetics.bounds.intervals import CONDITIONS
from symdiff.catalogue import CATALOGUE
from symdiff.program import parse
from symdiff.truth import certify as filtering
from symdiff.truth.certify import certify

POINTS = 3 * 1024 + 77

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
NOWHERE = [
    "1/(x - x)",
    "1/(min(x, 9) - x)",
    "atan2(x - x, x)",
    "fmod(x - x, x)",
    "log(where(exp(x) > 0, 0, x))",
    "where(exp(x) > 0, 0, x)**-1",
]
IN_TWO = [
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
    found = {name: rng.uniform(-2, 2, POINTS) for name in program.inputs}
    return {name: np.sort(x) for name, x in found.items()} if in_order else found


def disagreements(text, monkeypatch, *, in_order):
    """At how many points blocks say more than points, or something else; and how many they say."""
    program = parse(text)
    given = columns(program, in_order=in_order)
    in_blocks = certify(program, "x", given)
    with monkeypatch.context() as patch:
        patch.setattr(filtering, "BLOCK", 10 * POINTS)
        alone = certify(program, "x", given)
    both = in_blocks.settled & alone.settled
    with np.errstate(invalid="ignore"):
        apart = np.abs(in_blocks.slope - alone.slope) > in_blocks.error + alone.error
    apart |= np.isnan(in_blocks.slope) != np.isnan(alone.slope)
    apart |= in_blocks.outside != alone.outside
    more = in_blocks.settled & ~alone.settled
    return int((both & apart | more).sum()), int(both.sum())


@pytest.mark.parametrize("text", ALONG_X + IN_TWO)
@pytest.mark.parametrize("in_order", [True, False], ids=["in order", "in disorder"])
def test_blocks_say_what_points_say(monkeypatch, text, in_order):
    wrong, told = disagreements(text, monkeypatch, in_order=in_order)
    assert wrong == 0
    assert told > POINTS / 3


@pytest.mark.parametrize("text", NOWHERE)
def test_blocks_say_nothing_where_points_say_nothing(monkeypatch, text):
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
def test_every_function_of_what_a_choice_gave_is_taken_in_blocks(monkeypatch, row):
    """Where one side of a choice is taken in all blocks, what comes of it is a number or blocks."""
    rest = ", ".join(["x", "0.5"][: required(row) - 1])
    for given in ("softplus(x)", "max(x, -9)"):
        wrong, _ = disagreements(f"{row.name}({given}, {rest})", monkeypatch, in_order=True)
        assert wrong == 0
    # of a constant blocks may say more: that it has no slope
    program = parse(f"{row.name}(where(exp(x) > 0, 0, x), {rest.replace('x', '1')})")
    found = certify(program, "x", columns(program, in_order=True))
    assert not found.slope[found.settled & (found.outside == 0)].any()


def test_a_comparison_that_is_always_sure_is_noticed(monkeypatch):
    # Negative control.
    always = {**CONDITIONS, "greater": lambda x, _: CONDITIONS["isfinite"](x)}
    monkeypatch.setattr(blocks, "CONDITIONS", always)
    wrong, _ = disagreements("where(x > 0.5, x**2, x - 0.25)", monkeypatch, in_order=True)
    assert wrong > 0
