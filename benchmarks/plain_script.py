"""The script that one would write without symdiff: sympy, batched autograd and differences.

    python benchmarks/plain_script.py FILE      a file as `generated.written` makes it

It looks for no kinks, and knows neither the truth nor a verdict: it prints at how many points the
three derivatives agree. It does nothing that costs time without need: one lambdify of f, one of
f', and torch runs the text itself.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
import torch

X = sp.Symbol("x", real=True)
STEP = 1e-6  # of the central differences
HEAVISIDE = [{"Heaviside": lambda x, at_0=0.5: np.heaviside(x, at_0)}, "numpy"]
FUNCTIONS = ("sin", "cos", "exp", "tanh", "atan", "log", "sqrt", "abs", "relu")


def on_tensors(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Any], torch.Tensor]:
    """Return a torch function that takes plain numbers too."""
    return lambda x: function(torch.as_tensor(x, dtype=torch.float64))


TORCH = {name: on_tensors(getattr(torch, name)) for name in FUNCTIONS}


def compare(text: str, points: np.ndarray) -> int:
    """Return the number of points at which the three derivatives agree."""
    f = sp.sympify(text, locals={"x": X, "relu": lambda x: sp.Max(x, 0)})
    value = sp.lambdify(X, f, "numpy")
    slope = sp.lambdify(X, sp.diff(f, X), HEAVISIDE)
    symbolic = slope(points) + 0 * points
    central = (value(points + STEP) - value(points - STEP)) / (2 * STEP) + 0 * points
    leaf = torch.tensor(points, requires_grad=True)
    output = eval(text, {"x": leaf, **TORCH})  # noqa: S307  (a text that the generator made)
    (autograd,) = torch.autograd.grad((output + 0 * leaf).sum(), leaf)
    close = np.isclose(symbolic, autograd.numpy()) & np.isclose(symbolic, central)
    return int(close.sum())


def entries(path: Path) -> list[tuple[str, np.ndarray]]:
    """Return the expressions of a file, each with its points."""
    found = []
    for line in path.read_text().splitlines():
        text, _, spec = line.partition(": ")[2].partition(" ; x = ")
        low, high, count = spec.split(":")
        found.append((text, np.linspace(float(low), float(high), int(count))))
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(sum(compare(*entry) for entry in entries(Path(sys.argv[1]))))
