"""Measure symdiff against what it is made of, side by side in one run; write results.md.

    make bench

Absolute times on a shared machine mean little: the ratios are what to look at. Every figure is the
median over rounds in which all contestants run in turn.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import sympy as sp
import torch
from tabulate import tabulate

import symdiff
from symdiff.arithmetics.symbolic import expression
from symdiff.versions import versions

HERE = Path(__file__).parent
ROUNDS = 5
POINTS = 100_000
TEXTS = (
    "exp(-x**2)*sin(3*x) + log(1 + x**2)",
    "tanh(x)*sigmoid(2*x)",
    "relu(x)*exp(-x)",
    "abs(sin(3*x)) + clamp(x, -1, 1)",
)


EXPLANATION = """\
Nanoseconds a point: f and f' by lambdified numpy, one batched torch forward and backward and two
evaluations for the differences, against the whole `symdiff.compare`, with kinks, truth and
verdicts."""


def in_turn(contestants: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median seconds of every contestant, run in turn after one warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for round_number in range(ROUNDS + 1):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            if round_number:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(measured) for name, measured in seconds.items()}


def long_grid(text: str) -> list[object]:
    """Compare one expression on a long grid with the sum of the bare kernels."""
    program = symdiff.parse(text)
    f = expression(program)
    x = sp.Symbol("x", real=True)
    value = sp.lambdify(x, f, modules=["scipy", "numpy"], cse=True)
    slope = sp.lambdify(x, sp.diff(f, x), modules=["scipy", "numpy"], cse=True)
    points = np.linspace(-2, 2, POINTS)

    def kernels() -> None:
        with np.errstate(all="ignore"):
            for kernel, shift in ((value, 0), (slope, 0), (value, 1e-6), (value, -1e-6)):
                kernel(points + shift)
        leaf = torch.tensor(points, requires_grad=True)
        torch_program(text)(leaf).sum().backward()

    measured = in_turn(
        {"kernels": kernels, "symdiff": lambda: symdiff.compare(text, {"x": points})}
    )
    ratio = measured["symdiff"] / measured["kernels"]
    return [f"`{text}`", *(f"{1e9 * s / POINTS:.0f}" for s in measured.values()), f"{ratio:.1f}"]


def torch_program(text: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the expression as somebody would write it in torch."""
    return {
        TEXTS[0]: lambda x: torch.exp(-(x**2)) * torch.sin(3 * x) + torch.log(1 + x**2),
        TEXTS[1]: lambda x: torch.tanh(x) * torch.sigmoid(2 * x),
        TEXTS[2]: lambda x: torch.relu(x) * torch.exp(-x),
        TEXTS[3]: lambda x: torch.abs(torch.sin(3 * x)) + torch.clamp(x, -1, 1),
    }[text]


def start_up() -> list[list[object]]:
    """Compare cold starts with what they load."""

    def process(*arguments: str) -> Callable[[], object]:
        return lambda: subprocess.run(  # noqa: S603  (our own command)
            [sys.executable, *arguments], check=True, capture_output=True
        )

    measured = in_turn(
        {
            "python -c pass": process("-c", "pass"),
            "symdiff --help": process("-m", "symdiff", "--help"),
            "python -c 'import torch, sympy'": process("-c", "import torch, sympy"),
            'symdiff eval "relu(x)"': process("-m", "symdiff", "eval", "relu(x)"),
        }
    )
    base = measured["python -c 'import torch, sympy'"]
    return [[name, f"{s:.2f}", f"{s / base:.2f}"] for name, s in measured.items()]


def corpus() -> list[list[object]]:
    """Compare the shipped expressions in one process and in two."""
    measured = in_turn(
        {
            "one process": symdiff.compare_files,
            "two processes": lambda: symdiff.compare_files(jobs=2),
        }
    )
    base = measured["one process"]
    return [[name, f"{s:.1f}", f"{base / s:.2f}"] for name, s in measured.items()]


NETWORK = "((relu(x @ w1) @ w2 - y)**2).sum()"
SHAPES = {"x": (64, 1000), "y": (64, 10), "w1": (1000, 100), "w2": (100, 10)}


def tensors() -> list[list[object]]:
    """Compare a network of 101000 weights with one backward pass of torch."""
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
    return [[name, f"{s:.4f}", f"{s / base:.1f}"] for name, s in measured.items()]


def main() -> None:
    """Run everything and write the tables."""
    named = ", ".join(f"{name} {version}" for name, version in versions().items())
    date = dt.datetime.now(dt.UTC)
    machine = f"{date:%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores"
    setting = f"{machine}; {named}. Medians of {ROUNDS} rounds, contestants in turn."
    parts = [
        "# Measurements",
        setting,
        f"## One expression on {POINTS} points",
        EXPLANATION,
        tabulate(
            [long_grid(text) for text in TEXTS],
            headers=["expression", "kernels", "symdiff", "ratio"],
            tablefmt="github",
        ),
        f"## A network of 101000 weights: `{NETWORK}`",
        tabulate(tensors(), headers=["run", "seconds", "ratio"], tablefmt="github"),
        "## Cold start",
        tabulate(start_up(), headers=["command", "seconds", "ratio"], tablefmt="github"),
        "## The shipped expressions",
        tabulate(corpus(), headers=["run", "seconds", "times faster"], tablefmt="github"),
    ]
    text = "\n\n".join(parts) + "\n"
    (HERE / "results.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
