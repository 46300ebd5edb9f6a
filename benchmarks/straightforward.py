"""The script that one would write without symdiff: sympy, batched autograd and differences."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import sympy as sp
import torch
from generated import HIGH, LOW, POINTS, expressions

X = sp.Symbol("x", real=True)
NAMES = ("sin", "cos", "tanh", "atan", "exp", "log", "sqrt")


def on_tensors(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Return a torch function that takes numbers too, because sympy's formulas contain some."""
    return lambda x: function(torch.as_tensor(x))


TORCH = {"Abs": on_tensors(torch.abs), **{n: on_tensors(getattr(torch, n)) for n in NAMES}}
STEP = 6e-6  # of the central differences


def compare(text: str) -> int:
    """Return the number of points at which the three derivatives agree."""
    points = np.linspace(LOW, HIGH, POINTS)
    f = sp.sympify(text, locals={"x": X})
    derivative = sp.diff(f, X)
    value = sp.lambdify(X, f, modules="numpy", cse=True)
    slope = sp.lambdify(X, derivative, modules="numpy", cse=True)
    symbolic = slope(points) + 0 * points
    leaf = torch.tensor(points, requires_grad=True)
    output = sp.lambdify(X, f, modules=[TORCH, "math"], cse=True)(leaf)
    (output + 0 * leaf).sum().backward()
    assert leaf.grad is not None  # noqa: S101
    autograd = leaf.grad.numpy()
    central = (value(points + STEP) - value(points - STEP)) / (2 * STEP)
    close = np.isclose(symbolic, autograd) & np.isclose(symbolic, central)
    return int(close.sum())


if __name__ == "__main__":
    count = int(sys.argv[1])
    print(sum(compare(text) for text in expressions(count)))
