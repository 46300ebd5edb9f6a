"""Other checkers, and a pass of torch through a network."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
import torch
from generated import HIGH, LOW
from measuring import FEW_ROUNDS, Table, in_turn
from parts.grids import TORCH

import symdiff
from symdiff.arithmetics.symbolic import expression

NETWORK = "((relu(x @ w1) @ w2 - y)**2).sum()"
SHAPES = {"x": (64, 1000), "y": (64, 10), "w1": (1000, 100), "w2": (100, 10)}
TEXT = next(iter(TORCH))
PEERS = f"`{TEXT}`; the others do not search for kinks."


def tensors() -> Table:
    """Compare a network of 101000 weights with a forward and backward pass of torch."""
    values = {
        name: np.random.default_rng(seed).standard_normal(shape)
        for seed, (name, shape) in enumerate(SHAPES.items())
    }

    def backward() -> None:
        x, y, w1, w2 = (torch.tensor(a, requires_grad=True) for a in values.values())
        ((torch.relu(x @ w1) @ w2 - y) ** 2).sum().backward()

    measured = in_turn(
        {
            "torch forward and backward": backward,
            "symdiff.compare": lambda: symdiff.compare(NETWORK, wrt=["w1", "w2"], values=values),
        }
    )
    base = measured["torch forward and backward"]
    return ["run", "seconds", "ratio"], [
        [name, f"{s:.4f}", f"{s / base:.1f}"] for name, s in measured.items()
    ]


def peers() -> Table:
    """Compare the time per point with that of other checkers, where they are installed."""
    text, function = TEXT, TORCH[TEXT]
    f = sp.lambdify("x", expression(symdiff.parse(text)), "numpy")
    few, some = np.linspace(LOW, HIGH, 100), np.linspace(LOW, HIGH, 10_000)

    def one_by_one() -> None:
        for x in few:
            leaf = torch.tensor(x, requires_grad=True)
            function(leaf).backward()

    def gradcheck() -> None:
        for x in few:
            torch.autograd.gradcheck(function, torch.tensor([x], requires_grad=True))

    contestants: dict[str, tuple[int, Callable[[], object]]] = {
        "symdiff.compare, 10000 points": (10_000, lambda: symdiff.compare(text, {"x": some})),
        "torch, a loop over points": (100, one_by_one),
        "torch.autograd.gradcheck": (100, gradcheck),
    }
    with contextlib.suppress(ImportError):
        differentiate = importlib.import_module("scipy.differentiate")
        contestants["scipy.differentiate"] = 10_000, lambda: differentiate.derivative(f, some)
    with contextlib.suppress(ImportError):
        numdifftools = importlib.import_module("numdifftools")
        contestants["numdifftools"] = 10_000, lambda: numdifftools.Derivative(f)(some)
    with contextlib.suppress(ImportError):
        contestants["jax.test_util.check_grads"] = 100, jax_check(few)
    seconds = in_turn({name: run for name, (_, run) in contestants.items()}, FEW_ROUNDS)
    each = {name: seconds[name] / count * 1e6 for name, (count, _) in contestants.items()}
    base = each["symdiff.compare, 10000 points"]
    rows = [[name, f"{us:.2f}", f"{us / base:.2f}"] for name, us in each.items()]
    return ["checker", "µs a point", "ratio"], rows


def jax_check(points: np.ndarray) -> Callable[[], object]:
    """Return a function that runs jax's checker at all points."""
    jax = importlib.import_module("jax")
    test_util = importlib.import_module("jax.test_util")
    jnp = importlib.import_module("jax.numpy")
    jax.config.update("jax_enable_x64", True)  # noqa: FBT003  (jax's own signature)

    def f(x: Any) -> Any:  # noqa: ANN401  (jax's array)
        return jnp.exp(-(x**2)) * jnp.sin(3 * x) + jnp.log(1 + x**2)

    def check() -> None:
        for x in points:
            test_util.check_grads(f, (x,), order=1, modes=["rev"])

    return check
