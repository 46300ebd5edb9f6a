"""One expression on a long grid: against bare kernels, by stage, and streamed."""

from __future__ import annotations

import contextlib
import cProfile
import os
import pstats
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import sympy as sp
import torch
from generated import HIGH, LOW, SEED
from measuring import FEW_ROUNDS, LAUNCH, Table, in_turn

import symdiff
from symdiff.arithmetics.symbolic import expression
from symdiff.comparison import long_range

LONG = 1_000_000  # points of the grids
STREAM = 100_000_000  # points of the streamed range
TORCH: dict[str, Callable[..., torch.Tensor]] = {
    "exp(-x**2)*sin(3*x) + log(1 + x**2)": lambda x: (
        torch.exp(-(x**2)) * torch.sin(3 * x) + torch.log(1 + x**2)
    ),
    "x**3 - 2*x**2 + sqrt(1 + x**2)": lambda x: x**3 - 2 * x**2 + torch.sqrt(1 + x**2),
    "tanh(x)*sigmoid(2*x)": lambda x: torch.tanh(x) * torch.sigmoid(2 * x),
    "sqrt(1 + x**2)/(1 + exp(x))": lambda x: torch.sqrt(1 + x**2) / (1 + torch.exp(x)),
    "x*atan(x) + cos(2*x)": lambda x: x * torch.atan(x) + torch.cos(2 * x),
    "relu(x)*exp(-x)": lambda x: torch.relu(x) * torch.exp(-x),
    "abs(sin(3*x)) + clamp(x, -1, 1)": lambda x: (
        torch.abs(torch.sin(3 * x)) + torch.clamp(x, -1, 1)
    ),
    "where(x > 0.5, x**2, x - 0.25)": lambda x: torch.where(x > 0.5, x**2, x - 0.25),
    "relu(x)*cos(x) + abs(x - 1)": lambda x: torch.relu(x) * torch.cos(x) + torch.abs(x - 1),
    "max(x**2, 1 - x)*tanh(x)": lambda x: torch.maximum(x**2, 1 - x) * torch.tanh(x),
    "exp(-x**2 - y**2)*sin(3*x + y)": lambda x, y: torch.exp(-(x**2) - y**2) * torch.sin(3 * x + y),
    "abs(x - y)*sqrt(1 + x**2*y**2)": lambda x, y: torch.abs(x - y) * torch.sqrt(1 + x**2 * y**2),
}
STREAMED = {
    "exp(-x**2)*abs(x - 1/3)": lambda x: torch.exp(-(x**2)) * torch.abs(x - 1 / 3),
    "exp(-x**2)*sin(3*x) + log(1 + x**2)": TORCH["exp(-x**2)*sin(3*x) + log(1 + x**2)"],
}
# The stages of a comparison: the functions in whose calls its time passes, by module and name.
STAGES = {
    "kinks": (("comparison/compare", "plan_of"),),
    "symbolic": (("engines/symbolic", "differentiate"),),
    "autograd": (("engines/reverse", "differentiate"),),
    "central": (("engines/central", "differentiate"), ("comparison/trial", "_with_estimates")),
    "certification": (("truth/certify", "certify"),),
    "proofs": (("truth/certify", "prove"),),
    "allowances": (("comparison/trial", "_radii"), ("comparison/trial", "_allowance")),
    "verdicts": (
        ("comparison/trial", "_unclear"),
        ("comparison/trial", "_drafts"),
        ("verdict/judge", "judge"),
        ("verdict/gradients", "judge_gradients"),
        ("verdict/at_doubles", "judge_at_doubles"),
        ("verdict/faults", "judge_faults"),
        ("verdict/accuracy", "judge_digits"),
        ("verdict/values", "judge_values"),
    ),
    "explanations": (("comparison/trial", "with_explanations"),),
}

GRIDS = """\
Microseconds per point: f and f' by lambdified numpy, one batched forward and backward pass of
torch, two evaluations for central differences; and the whole `symdiff.compare`, with kinks, truth
and verdicts, also in float32. With two variables there are two f' and four evaluations, and the
points are paired at random."""
STAGED = """\
Seconds of one thread in each stage, divided by those of the bare kernels on one thread. A profile
is taken, which slows down Python: it makes proofs look slower than they are."""
STREAMS = """\
The kernels are measured on one chunk. Memory is that of the process."""


def kernels(
    text: str, run: Callable[..., torch.Tensor], columns: Sequence[np.ndarray]
) -> dict[str, Callable[[], object]]:
    """Return the parts of a comparison: f, f', a batched autograd pass, two evaluations of f.

    `columns` has the coordinates of the variables of the expression, in the order of their names.
    Derivatives along several variables have one f' each, and two evaluations of f.
    """
    program = symdiff.parse(text)
    f = expression(program)
    symbols = [sp.Symbol(name, real=True) for name in sorted(program.inputs)]
    value = sp.lambdify(symbols, f, modules=["scipy", "numpy"], cse=True)
    slopes = [
        sp.lambdify(symbols, sp.diff(f, x), modules=["scipy", "numpy"], cse=True) for x in symbols
    ]
    tensors = [torch.tensor(column) for column in columns]

    def backward() -> None:
        run(*(tensor.clone().requires_grad_() for tensor in tensors)).sum().backward()

    def moved(k: int, step: float) -> list[np.ndarray]:
        return [column + step if k == j else column for j, column in enumerate(columns)]

    return {
        "f": lambda: value(*columns),
        "f'": lambda: [slope(*columns) for slope in slopes],
        "autograd": backward,
        "differences": lambda: [
            (value(*moved(k, 6e-6)) - value(*moved(k, -6e-6))) / 12e-6 for k in range(len(columns))
        ],
    }


def on_grid(text: str) -> dict[str, np.ndarray]:
    """Return the points of an expression by variable: one after the other, or paired at random."""
    x = np.linspace(LOW, HIGH, LONG)
    if len(symdiff.parse(text).inputs) == 1:
        return {"x": x}
    return {"x": x, "y": np.random.default_rng(SEED).permutation(x)}


def compared(text: str, points: dict[str, np.ndarray], dtype: str = "float64") -> object:
    """Compare the default engines at points."""
    if len(points) > 1:
        return symdiff.compare(text, at=points, zip=True, dtype=dtype)
    return symdiff.compare(text, points, dtype=dtype)


def grids() -> Table:
    """Measure one expression on a long grid: the comparison against the sum of its parts."""
    rows = []
    for text, run in TORCH.items():
        points = on_grid(text)
        parts = kernels(text, run, [*points.values()])
        runs: dict[str, Callable[[], object]] = {
            "compare": lambda t=text, p=points: compared(t, p),
            "in float32": lambda t=text, p=points: compared(t, p, "float32"),
        }
        with np.errstate(all="ignore"):
            seconds = in_turn({**parts, **runs}, FEW_ROUNDS)
        total = sum(seconds[name] for name in parts)
        times = [f"{seconds[name] / LONG * 1e6:.3f}" for name in (*parts, *runs)]
        ratio = seconds["compare"] / total
        coarse = seconds["in float32"] / seconds["compare"]
        rows.append([f"`{text}`", *times, f"{ratio:.2f}", f"{coarse:.2f}"])
    headers = [*parts, *runs, "compare / kernels", "float32 / float64"]
    middle = statistics.median(float(row[-2]) for row in rows)
    rows.append(["median", *[""] * (len(headers) - 2), f"{middle:.2f}", ""])
    return ["expression", *headers], rows


def stages() -> Table:
    """Measure the stages of a comparison on a long grid, as multiples of the bare kernels."""
    rows: list[list[object]] = []
    with single_thread():
        for text, run in TORCH.items():
            points = on_grid(text)
            parts = kernels(text, run, [*points.values()])
            with np.errstate(all="ignore"):
                total = sum(in_turn(parts, FEW_ROUNDS).values())
            compared(text, points)  # derivatives, compiled functions and imports are cached
            with cProfile.Profile() as profile:
                compared(text, points)
            stats = pstats.Stats(profile)
            shares = {name: in_calls(stats, calls) / total for name, calls in STAGES.items()}
            rest = stats.total_tt / total - sum(shares.values())  # type: ignore[attr-defined]
            rows.append([f"`{text}`", *(f"{share:.2f}" for share in (*shares.values(), rest))])
    return ["expression", *STAGES, "the rest"], rows


def in_calls(stats: pstats.Stats, calls: Sequence[tuple[str, str]]) -> float:
    """Return the seconds that a profile has in calls of functions, by module and name.

    If a module has a method and a function of the same name, one calls the other: only the longer
    one counts.
    """
    seconds = dict.fromkeys(calls, 0.0)
    for (path, _, name), (*_, cumulative, _) in stats.stats.items():  # type: ignore[attr-defined]
        for module, function in calls:
            if name == function and path.endswith(f"symdiff/{module}.py"):
                seconds[module, function] = max(seconds[module, function], cumulative)
    return sum(seconds.values())


def stream() -> Table:
    """Measure time and memory of a range of a hundred million points, and its bare kernels."""
    script = (
        "import sys, resource, time, symdiff\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "text, count = sys.argv[1:]\n"
        "symdiff.compare(text, {'x': '-2:2:1001'})\n"
        "memory, start = peak(), time.perf_counter()\n"
        "e = symdiff.compare(text, {'x': f'-2:2:{count}'}).evidence[0]\n"
        "seconds = time.perf_counter() - start\n"
        "print(seconds, peak() - memory, peak(), len(e.grid), e.points)\n"
    )
    rows: list[list[object]] = []
    for text, run in STREAMED.items():
        for count in (STREAM // 10, STREAM):
            done = subprocess.run(  # noqa: S603  (symdiff's command line)
                [*LAUNCH, sys.executable, "-c", script, text, str(count)],
                check=True,
                capture_output=True,
                text=True,
            )
            seconds, added, peak, kept, points = done.stdout.splitlines()[0].split()
            bare = bare_stream(text, run, count)
            times = [f"{s / count * 1e6:.3f}" for s in (float(seconds), bare)]
            sizes = [f"{float(size):.0f}" for size in (added, peak)]
            ratio = f"{float(seconds) / bare:.2f}"
            rows.append([f"`{text}`", points, kept, *times, ratio, *sizes])
    times = ["µs a point", "µs of the kernels", "ratio"]
    return ["expression", "points", "kept", *times, "MiB over the start", "MiB at most"], rows


def bare_stream(text: str, run: Callable[..., torch.Tensor], count: int) -> float:
    """Return the seconds that the bare kernels take for a range, in chunks of the same length."""
    chunk = np.linspace(-2, 2, long_range.CHUNK)
    with np.errstate(all="ignore"):
        seconds = in_turn(kernels(text, run, [chunk]))
    return sum(seconds.values()) * count / len(chunk)


@contextlib.contextmanager
def single_thread() -> Iterator[None]:
    """Let symdiff and torch use one thread, so that a profile has all of their work."""
    before, threads = os.environ.get("OMP_NUM_THREADS"), torch.get_num_threads()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        del os.environ["OMP_NUM_THREADS"]
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before
