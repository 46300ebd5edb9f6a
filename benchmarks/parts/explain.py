"""Time `symdiff.explain` beside a plain forward and backward pass, and beside detect_anomaly.

All are timed in turns, in one process with one thread; a number is the median of processor times.
"""

from __future__ import annotations

import contextlib
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from measuring import Table

import symdiff
from symdiff.explanation.recording import run
from symdiff.tracing.inputs import read_arguments

ROUNDS = 7
EXPLAIN = """\
Milliseconds of processor time for functions of a million numbers, with one thread, and the ratio to
a plain forward and backward pass.
"The lines" is the search alone, without proof and remedies; detect_anomaly stops at the first
NaN."""


def masked_root(x: torch.Tensor) -> torch.Tensor:
    """Return a mean over elements; an element that is negative makes a NaN."""
    h = torch.where(x > 0, torch.sqrt(x), torch.zeros_like(x))
    return (torch.sigmoid(h) * torch.tanh(x)).mean()


def network(x: torch.Tensor, w1: torch.Tensor, w2: torch.Tensor) -> torch.Tensor:
    """Return the loss of a network with layer norm and softmax."""
    h = torch.nn.functional.layer_norm(torch.relu(x @ w1), (w1.shape[1],))
    p = torch.softmax(torch.nn.functional.gelu(h) @ w2, -1)
    return -torch.log(p[:, 0]).mean()


def row_norms(x: torch.Tensor) -> torch.Tensor:
    """Return a mean of norms; a row of zeros makes a NaN."""
    r = torch.sqrt((x**2).sum(-1))
    return torch.log1p(r * torch.sigmoid(r)).mean()


def cases() -> dict[str, tuple[Callable[..., torch.Tensor], tuple[torch.Tensor, ...]]]:
    """Return functions with a million elements, without and with one thing wrong."""
    torch.manual_seed(0)
    x = torch.rand(10**6, dtype=torch.float64) + 0.1
    bad = x.clone()
    bad[[5, 500_000]] = torch.tensor([-1.0, -2.0], dtype=torch.float64)
    rows = torch.randn(10**5, 10, dtype=torch.float64)
    w1 = torch.randn(10, 64, dtype=torch.float64) / 4
    w2 = torch.randn(64, 10, dtype=torch.float64) / 8
    zero = rows.clone()
    zero[77] = 0
    return {
        "10 calls by element, nothing wrong": (masked_root, (x,)),
        "10 calls by element, one thing wrong": (masked_root, (bad,)),
        "norms of rows, nothing wrong": (row_norms, (rows,)),
        "norms of rows, one thing wrong": (row_norms, (zero,)),
        "network, nothing wrong": (network, (rows, w1, w2)),
        "network, one thing wrong": (network, (rows, w1, w2 * 200)),
    }


def plain(function: Callable[..., torch.Tensor], inputs: tuple[torch.Tensor, ...]) -> None:
    """Run a function with its backward pass."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    torch.autograd.grad(function(*leaves), leaves)


def watched(function: Callable[..., torch.Tensor], inputs: tuple[torch.Tensor, ...]) -> None:
    """Run it with PyTorch's own search for NaNs, which stops at the first one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.autograd.detect_anomaly(), contextlib.suppress(RuntimeError):
            plain(function, inputs)


def searched(function: Callable[..., torch.Tensor], inputs: tuple[torch.Tensor, ...]) -> None:
    """Find the lines where gradients stop being finite, without proof and remedies."""
    run(read_arguments(function, inputs, {}))


def explained(function: Callable[..., torch.Tensor], inputs: tuple[torch.Tensor, ...]) -> None:
    """Explain it."""
    symdiff.explain(function, *inputs)


WAYS: dict[str, Callable[..., None]] = {
    "forward and backward": plain,
    "detect_anomaly": watched,
    "the lines": searched,
    "explain": explained,
}


def seconds(way: Callable[..., None], *arguments: Any) -> float:  # noqa: ANN401
    """Return the processor time that a call takes."""
    start = time.process_time()
    way(*arguments)
    return time.process_time() - start


def explain() -> Table:
    """Return the headers and rows of a table of milliseconds, with their ratios."""
    torch.set_num_threads(1)
    rows: list[list[object]] = []
    for name, case in cases().items():
        rounds = [[seconds(way, *case) for way in WAYS.values()] for _ in range(ROUNDS + 1)]
        base, *others = (
            1000 * statistics.median(column) for column in zip(*rounds[1:], strict=True)
        )
        rows.append([name, f"{base:.0f}", *(f"{t:.0f} ({t / base:.1f})" for t in others)])
    return ["function", *WAYS], rows
