"""torch's own functions, as callables and in expressions, compute those of the catalogue."""

import functools
import math

import pytest
import torch

from symdiff import compare
from symdiff.catalogue import CATALOGUE
from symdiff.catalogue.row import Function

_SIZES = (1e-300, 1e-9, 0.3, 1.3, 6.5, 9, 20.5, 38, 89, 104, 740, 1e16, 1e200)
POINTS = [-x for x in _SIZES[::-1]] + [0.0, *_SIZES]

# Also zeros of derivatives, the ends of the doubles and of what exp and squares of doubles reach.
_FINE_SIZES = (
    *(5e-324, 1e-310, 1e-160, 1e-30, 1e-13, 1e-5, 0.25, 0.5, 0.999, 1 - 2**-53, 1.0, 2.5, 4.0),
    *(0.7517915246935645, 1.2784645427610738, 1.1924, 1.4616321449683622, 1.5707963267948966),
    *(5.5, 7.0, 8.2, 10.0, 15.0, 22.0, 30.0, 36.7, 39.0, 60.0, 300.0, 355.0, 709.5, 720.0, 745.0),
    *(1e3, 1e8, 1e100, 1e154, 1e155, 1e300, 1.7e308),
)
FINE_POINTS = [-x for x in _FINE_SIZES[::-1]] + [0.0, *_FINE_SIZES]

# Derivatives of torch that are other numbers, and why: rounding of its formula does not explain it.
OFF = {
    # x where x > 20; at 20.5 the derivative is 1 for sigmoid(20.5) = 0.99999999875
    "softplus": "a threshold",
    # 1/6 as a float32, 0.1666666716, also for float64
    "hardsigmoid": "a constant",
}
# Functions whose kernel in float32 overflows where their value does not: it is exp(|x|) times a
# small number, and exp(89) is beyond the largest float32.
OVERFLOWING = {"i0": {-89.0, 89.0}, "i1": {-89.0, 89.0}}


def is_unary(row: Function) -> bool:
    """Return whether a row is a function of torch of one number, its other arguments omitted."""
    required = [p for p in row.parameters if p.default is None]
    is_number = len(required) == 1 and required[0].kind in {"real", "any"}
    return bool(row.torch) and row.array is None and row.returns == "real" and is_number


UNARY = [name for name, row in CATALOGUE.items() if is_unary(row)]


@functools.cache
def judged(name: str, dtype: torch.dtype) -> list[dict[str, object]]:
    function = CATALOGUE[name].column("torch")
    assert function is not None
    found = compare(
        lambda x: function(x.to(dtype)),
        {"x": POINTS},
        math=f"{name}(x)",
        engines=["autograd"],
        kinks=False,
    )
    return list(found.records())


def test_the_functions_of_the_catalogue_are_found():
    assert len(UNARY) > 50
    assert {"gelu", "sigmoid", "lgamma", "relu", "softplus"} <= set(UNARY)
    assert set(OFF) <= set(UNARY)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", UNARY)
def test_a_function_of_torch_is_the_one_of_that_name(name, dtype):
    records = judged(name, dtype)
    words = {r["verdict"] for r in records}
    overflowing = OVERFLOWING.get(name, set()) if dtype == torch.float32 else set()
    assert {r["point"]["x"] for r in records if r["verdict"] == "value"} == overflowing
    assert not {"wrong", "not-subgradient"} & words or name in OFF


@pytest.mark.parametrize("name", UNARY)
def test_what_a_kernel_loses_in_an_expression_is_never_wrong(name):
    if not any(p.kind in {"real", "any"} and p.default for p in CATALOGUE[name].parameters):
        found = compare(f"{name}(x)", at={"x": FINE_POINTS}, engines=["autograd"])
        words = {r["verdict"] for r in found.records()}
        assert not {"wrong", "not-subgradient"} & words or name in OFF


# What is added to torch's function, and the points at which that is a different function.
FAULTS = {
    "a term of 5": (lambda f, x: f(x) + 5, math.inf),
    "a part of a million": (lambda f, x: f(x) * (1 + 1e-6), 2.5),
    "a wrong constant": (lambda f, x: f(1.0001 * x), 1.3),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["gelu", "sigmoid", "tanh", "erfc", "mish", "log1p", "lgamma"])
def test_planted_faults_are_found(name, fault):
    planted, largest = FAULTS[fault]
    function = CATALOGUE[name].column("torch")
    x = [x for x in (0.3, -0.3, 1.3, -1.3, 2.4, 38.0, -38.0) if abs(x) <= largest]
    x = [x for x in x if function(torch.tensor(x, dtype=torch.float64)).isfinite()]
    found = compare(
        lambda x: planted(function, x),
        {"x": x},
        math=f"{name}(x)",
        engines=["autograd"],
        kinks=False,
    )
    assert {r["verdict"] for r in found.records()} == {"value"}
