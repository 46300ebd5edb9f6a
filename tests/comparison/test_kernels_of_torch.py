"""torch's own functions, run as callables, compute the functions of the catalogue."""

import functools
import math

import pytest
import torch

from symdiff import compare
from symdiff.catalogue import CATALOGUE
from symdiff.catalogue.row import Function

_SIZES = (1e-300, 1e-9, 0.3, 1.3, 6.5, 9, 20.5, 38, 89, 104, 740, 1e16, 1e200)
POINTS = [-x for x in _SIZES[::-1]] + [0.0, *_SIZES]

# Derivatives of torch that are other numbers, and why: rounding of its formula does not explain it.
OFF = {
    # x where x > 20; at 20.5 the derivative is 1 for sigmoid(20.5) = 0.99999999875
    "softplus": "a threshold",
    # 1/6 as a float32, 0.1666666716, also for float64
    "hardsigmoid": "a constant",
}


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
    return found.records()


def test_the_functions_of_the_catalogue_are_found():
    assert len(UNARY) > 50
    assert {"gelu", "sigmoid", "lgamma", "relu", "softplus"} <= set(UNARY)
    assert set(OFF) <= set(UNARY)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", UNARY)
def test_a_function_of_torch_is_the_one_of_that_name(name, dtype):
    words = {r["verdict"] for r in judged(name, dtype)}
    assert "value" not in words
    assert not {"wrong", "not-subgradient"} & words or name in OFF


# What is added to torch's function, and the points at which that is another function.
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
