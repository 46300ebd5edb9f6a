"""How time and memory grow, with a fitted exponent beside the bound that is promised."""

from __future__ import annotations

import functools
import itertools
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from generated import RANGE, nests, written
from measuring import SYMDIFF, Table, in_child, measured, processes_in_turn

import symdiff

LINE = {"x": RANGE}
GROWTH = """\
Each measurement is made in a process of its own with one thread: the processor time without the
start, and the growth of its peak of memory. The exponent e of a growth as n**e is fitted by least
squares to the logarithms of all sizes; that of the last step alone is hardly lowered by fixed
costs."""
SPEEDUP = """\
A run of generated expressions: the time with one process divided by that with two, start-up
included."""


class Growth(NamedTuple):
    """Work of several sizes.

    Attributes
    ----------
    sizes
        The sizes, from small to large.
    bound
        The largest exponent that is promised.
    work
        A function that returns the work of a size, as a function without arguments.
    """

    sizes: tuple[int, ...]
    bound: float
    work: Callable[[int], Callable[[], object]]


def points(count: int) -> Callable[[], object]:
    """Return the comparison of an expression with a kink at some points."""
    return lambda: symdiff.compare("exp(-x**2)*sin(3*x) + abs(x - 1)", {"x": f"-2:2:{count}"})


def summed(count: int) -> Callable[[], object]:
    """Return the comparison of a sum of different smooth terms, of some sub-expressions."""

    def total(x: torch.Tensor) -> torch.Tensor:  # as a text it would be too long
        return sum((torch.sin(k * x) for k in range(2, count // 5 + 1)), torch.sin(x))

    return lambda: symdiff.compare(total, LINE)


def nested(count: int) -> Callable[[], object]:
    """Return the comparison of nested smooth functions, of some sub-expressions."""

    def tree(x: torch.Tensor) -> torch.Tensor:
        factors = itertools.count(1)

        def part(size: int) -> torch.Tensor:
            if size < 5:
                return torch.sin(next(factors) * x)
            half = (size - 2) // 2
            return torch.tanh(part(half) - part(size - 2 - half))

        return part(count)

    return lambda: symdiff.compare(tree, LINE)


def variables(count: int) -> Callable[[], object]:
    """Return the comparison of the gradient of a smooth function of numbers at three points."""
    names = [f"x{k}" for k in range(count)]
    text = " + ".join(f"sin({a})*{b}" for a, b in itertools.pairwise([*names, names[0]]))
    at = {name: np.linspace(0.1, 1, 3) + k for k, name in enumerate(names)}
    return lambda: symdiff.compare(text, at=at, zip=True)


def components(count: int) -> Callable[[], object]:
    """Return the comparison of the gradient of a function of a vector with kinks."""
    values = {"v": np.linspace(-1, 1, count)}
    return lambda: symdiff.compare("(relu(v)*sin(v)).sum()", values=values)


def kinks(count: int) -> Callable[[], object]:
    """Return the comparison of a function with some kinks on a line."""
    text = " + ".join(f"abs(x - {5 * k}/{count})" for k in range(-count // 2, count - count // 2))
    return lambda: symdiff.compare(text, LINE)


def many_expressions(count: int) -> Callable[[], object]:
    """Return the comparison of generated expressions."""

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            symdiff.compare_files(written(Path(folder) / "some.txt", nests(count), RANGE))

    return run


GROWTHS = {
    "points": Growth((10_000, 100_000, 1_000_000, 4_000_000), 1, points),
    "parts of a sum": Growth((10, 30, 100, 300, 1000, 2900), 1.2, summed),
    # Trees of 2, 8, 32, 128 and 256 leaves; sympy is given no larger ones.
    "nested parts": Growth((10, 46, 190, 766, 1534), 1.2, nested),
    "variables": Growth((2, 4, 8, 16, 32, 64), 1.3, variables),
    "components of a vector": Growth((2, 8, 32, 128, 512), 1.3, components),
    "kinks on a line": Growth((1, 2, 4, 8, 16, 32), 1, kinks),
    "expressions": Growth((25, 50, 100, 200, 400), 1, many_expressions),
}


def growth(names: Iterable[str] = tuple(GROWTHS)) -> Table:
    """Measure how time grows."""
    rows: list[list[object]] = []
    for name in names:
        sizes = GROWTHS[name].sizes
        measure = functools.partial(in_child, "parts.growth", "cost_of", name)
        rows += rows_of(name, sizes, [measure(str(size)) for size in sizes])
    return ["time against", "", "seconds", "MiB", "exponent", "of the last step", "bound"], rows


def rows_of(
    name: str, sizes: Sequence[int], costs: Sequence[dict[str, float]]
) -> list[list[object]]:
    """Return the rows of a growth; the last has the exponents."""
    seconds = [cost["seconds"] for cost in costs]
    rows: list[list[object]] = [
        [name, size, f"{cost['seconds']:.4f}", f"{cost['memory']:.0f}", "", "", ""]
        for size, cost in zip(sizes, costs, strict=True)
    ]
    last = exponent(sizes[-2:], seconds[-2:])
    rows[-1][4:] = [f"{exponent(sizes, seconds):.2f}", f"{last:.2f}", f"{GROWTHS[name].bound:g}"]
    return rows


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Return e of the growth as n**e that fits best, by least squares in the logarithms."""
    slope, _ = np.polyfit(np.log(sizes), np.log(seconds), 1)
    return float(slope)


def cost_of(name: str, size: str) -> dict[str, float]:
    """Return what work of a size takes in this process."""
    symdiff.compare("relu(x)", LINE)  # imports
    work = GROWTHS[name].work(int(size))
    return measured(work, rounds=1)  # a second round would find derivatives in caches


def speedup(count: int = 400, rounds: int = 2) -> Table:
    """Measure a run on one process and on two."""
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder) / "generated.txt", nests(count), RANGE)
        run = [*SYMDIFF, "run", str(path), "--quiet"]
        costs = processes_in_turn({"1": run, "2": [*run, "--jobs", "2"]}, rounds)
    base = costs["1"].seconds
    rows: list[list[object]] = [
        [n, f"{c.seconds:.1f}", f"{base / c.seconds:.2f}", f"{c.memory:.0f}"]
        for n, c in costs.items()
    ]
    return ["processes", "seconds", "times faster", "MiB"], rows
