"""Measure symdiff against its peers and against what it is made of; write results.md.

    make bench              everything, some twenty minutes
    make bench ONLY=grids   one part: grids, stream, many, cluster, start, tensors, peers

Absolute times on a shared machine mean little: the ratios are what to look at. Every figure is the
median over rounds in which all contestants run in turn.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime as dt
import importlib
import io
import multiprocessing
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
import torch
from generated import DEPTH, HIGH, LOW, POINTS, SEED, expressions
from tabulate import tabulate

import symdiff
from symdiff.arithmetics.symbolic import expression
from symdiff.versions import versions

HERE = Path(__file__).parent
ROUNDS = 5
FEW_ROUNDS = 3  # of what takes minutes
LONG = 1_000_000
STREAM = 100_000_000
MANY = 1000
SOME = 400
FAST = ("symengine", "autograd", "central")
USUAL = ("symbolic", "autograd", "central")
TORCH: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "exp(-x**2)*sin(3*x) + log(1 + x**2)": lambda x: (
        torch.exp(-(x**2)) * torch.sin(3 * x) + torch.log(1 + x**2)
    ),
    "x**3 - 2*x**2 + sqrt(1 + x**2)": lambda x: x**3 - 2 * x**2 + torch.sqrt(1 + x**2),
    "tanh(x)*sigmoid(2*x)": lambda x: torch.tanh(x) * torch.sigmoid(2 * x),
    "relu(x)*exp(-x)": lambda x: torch.relu(x) * torch.exp(-x),
    "abs(sin(3*x)) + clamp(x, -1, 1)": lambda x: (
        torch.abs(torch.sin(3 * x)) + torch.clamp(x, -1, 1)
    ),
    "where(x > 0.5, x**2, x - 0.25)": lambda x: torch.where(x > 0.5, x**2, x - 0.25),
}
NETWORK = "((relu(x @ w1) @ w2 - y)**2).sum()"
SHAPES = {"x": (64, 1000), "y": (64, 10), "w1": (1000, 100), "w2": (100, 10)}
Table = tuple[list[str], list[list[object]]]


def in_turn(
    contestants: dict[str, Callable[[], object]], rounds: int = ROUNDS, *, warm: bool = True
) -> dict[str, float]:
    """Return the median seconds of every contestant, run in turn, after a round to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for round_number in range(rounds + warm):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            if round_number >= warm:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(measured) for name, measured in seconds.items()}


def kernels(text: str, points: np.ndarray) -> dict[str, Callable[[], object]]:
    """Return the bare kernels: f, f', one batched forward and backward pass, two evaluations."""
    f = expression(symdiff.parse(text))
    x = sp.Symbol("x", real=True)
    value = sp.lambdify(x, f, modules=["scipy", "numpy"], cse=True)
    slope = sp.lambdify(x, sp.diff(f, x), modules=["scipy", "numpy"], cse=True)
    tensor = torch.tensor(points)

    def backward() -> None:
        leaf = tensor.clone().requires_grad_()
        TORCH[text](leaf).sum().backward()

    return {
        "f": lambda: value(points),
        "f'": lambda: slope(points),
        "autograd": backward,
        "differences": lambda: (value(points + 6e-6) - value(points - 6e-6)) / 12e-6,
    }


def grids() -> Table:
    """One expression on a long grid: the whole comparison against the sum of the bare kernels."""
    points = np.linspace(LOW, HIGH, LONG)
    rows = []
    for text in TORCH:
        parts = kernels(text, points)
        with np.errstate(all="ignore"):
            found = in_turn({**parts, "compare": lambda t=text: symdiff.compare(t, {"x": points})})
        bare = sum(found[name] for name in parts)
        times = [f"{found[name] / LONG * 1e6:.3f}" for name in (*parts, "compare")]
        rows.append([f"`{text}`", *times, f"{found['compare'] / bare:.2f}"])
    return ["expression", *parts, "compare", "compare / kernels"], rows


def stream() -> Table:
    """Stream a hundred million points: memory over the start, in a process of its own."""
    script = (
        "import sys, resource, symdiff\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "text = 'exp(-x**2)*abs(x - 1/3)'\n"
        "symdiff.compare(text, {'x': '-2:2:1001'})\n"
        "start = peak()\n"
        "e = symdiff.compare(text, {'x': f'-2:2:{sys.argv[1]}'}).evidence[0]\n"
        "print(peak() - start, len(e.grid), e.points)\n"
    )
    rows: list[list[object]] = []
    for count in (STREAM // 10, STREAM):
        start = time.perf_counter()
        done = subprocess.run(  # noqa: S603  (our own command)
            [sys.executable, "-c", script, str(count)], check=True, capture_output=True, text=True
        )
        seconds = time.perf_counter() - start
        memory, kept, points = done.stdout.split()
        rows.append([points, kept, f"{seconds / count * 1e6:.3f}", f"{float(memory):.0f}"])
    return ["points", "kept", "µs a point", "MiB over the start"], rows


def many() -> Table:
    """Compare generated expressions with the straightforward script, on one core and on two."""
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder) / "generated.txt", expressions(MANY))
        single = {**os.environ, "OMP_NUM_THREADS": "1"}
        script = [sys.executable, str(HERE / "straightforward.py"), str(MANY)]
        run = [sys.executable, "-m", "symdiff", "run", str(path), "--quiet"]
        fast = [word for name in FAST for word in ("--engine", name)]

        def process(*command: str) -> Callable[[], object]:
            return lambda: subprocess.run(command, env=single, capture_output=True, check=False)  # noqa: S603

        found = in_turn(
            {
                "straightforward script": process(*script),
                "symdiff, sympy's derivative on trial": process(*run),
                "symdiff, symengine's": process(*run, *fast),
                "symdiff, sympy's, two processes": process(*run, "--jobs", "2"),
                "symdiff, symengine's, two processes": process(*run, *fast, "--jobs", "2"),
            },
            rounds=FEW_ROUNDS,
            warm=False,  # each is a process of its own
        )
    base = found["straightforward script"]
    rows = [[n, f"{s / MANY * 1e3:.1f}", f"{base / s:.2f}"] for n, s in found.items()]
    return ["run", "ms an expression", "times faster"], rows


def written(path: Path, texts: list[str]) -> Path:
    """Write an expression file."""
    lines = (f"f{i}: {text} ; x = {LOW}:{HIGH}:{POINTS}\n" for i, text in enumerate(texts))
    path.write_text("".join(lines))
    return path


def cluster() -> Table:
    """Compare one worker with two: of a cluster, of a pool, and two runs that share nothing."""
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        # What warms the workers is not what is measured: sympy remembers what it has derived.
        warm = written(Path(folder) / "warm.txt", expressions(SOME // 4, SEED + 1))
        path = written(Path(folder) / "some.txt", expressions(SOME))
        for engines in (USUAL, FAST):
            kinds: dict[str, Callable[[int], float]] = {
                "Dask": lambda n, e=engines: on_cluster([warm, path], n, e),
                "processes": lambda n, e=engines: in_processes([warm, path], n, e),
                "runs apart": lambda n, e=engines: apart(path, n, e) / n,
            }
            for kind, measure in kinds.items():
                turns = [(measure(1), measure(2)) for _ in range(FEW_ROUNDS)]
                one, two = (statistics.median(times) / SOME for times in zip(*turns, strict=True))
                times = [f"{one * 1e3:.1f}", f"{two * 1e3:.1f}", f"{one / two:.2f}"]
                rows.append([kind, engines[0], *times])
    return ["workers", "derivative", "ms, one", "ms, two", "times faster"], rows


def on_cluster(paths: Sequence[Path], workers: int, engines: Sequence[str]) -> float:
    """Return the seconds of the last of some runs on one cluster."""
    with dask(workers) as address:
        return last(lambda path: quietly(path, engines, dask=address), paths)


def in_processes(paths: Sequence[Path], workers: int, engines: Sequence[str]) -> float:
    """Return the seconds of the last of some runs in the same processes."""
    spawn = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(workers, spawn, initializer=one_thread)
    with pool:
        return last(lambda path: quietly(path, engines, executor=pool), paths)


def apart(path: Path, runs: int, engines: Sequence[str]) -> float:
    """Return the seconds of some runs at the same time that know nothing of each other."""
    command = [sys.executable, "-m", "symdiff", "run", str(path), "--quiet"]
    command += [word for name in engines for word in ("--engine", name)]
    single = {**os.environ, "OMP_NUM_THREADS": "1"}

    def run(_: Path) -> None:
        started = [
            subprocess.Popen(command, env=single, stdout=subprocess.DEVNULL)  # noqa: S603
            for _ in range(runs)
        ]
        for one in started:
            one.wait()

    return last(run, [path])


def last(run: Callable[[Path], object], paths: Sequence[Path]) -> float:
    """Return the seconds that a run takes on the last of some files, after the others."""
    for path in paths:
        start = time.perf_counter()
        run(path)
    return time.perf_counter() - start


@contextlib.contextmanager
def dask(workers: int) -> Iterator[str]:
    """Start a cluster on this machine."""
    from distributed import LocalCluster  # noqa: PLC0415  (heavy)

    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        with LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as local:
            yield local.scheduler_address
    finally:
        del os.environ["OMP_NUM_THREADS"]


def one_thread() -> None:
    """Keep a worker to its core."""
    os.environ["OMP_NUM_THREADS"] = "1"


def quietly(path: Path, engines: Sequence[str], **how: Any) -> object:  # noqa: ANN401
    """Compare a file."""
    return symdiff.compare_files(path, engines=engines, **how)


def start() -> Table:
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
        },
        rounds=5,
    )
    base = measured["python -c 'import torch, sympy'"]
    rows = [[f"`{name}`", f"{s:.2f}", f"{s / base:.2f}"] for name, s in measured.items()]
    return ["command", "seconds", "ratio"], rows


def tensors() -> Table:
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
    return ["run", "seconds", "ratio"], [
        [name, f"{s:.4f}", f"{s / base:.1f}"] for name, s in measured.items()
    ]


def peers() -> Table:
    """Compare with other checkers on the first expression, a point, where they are installed."""
    text = next(iter(TORCH))
    function = TORCH[text]
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
    found = in_turn({name: run for name, (_, run) in contestants.items()}, rounds=3)
    each = {name: found[name] / count * 1e6 for name, (count, _) in contestants.items()}
    base = each["symdiff.compare, 10000 points"]
    rows = [[name, f"{us:.2f}", f"{us / base:.2f}"] for name, us in each.items()]
    return ["checker", "µs a point", "ratio"], rows


def jax_check(points: np.ndarray) -> Callable[[], object]:
    """Return a run of jax's checker over points."""
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


GRIDS = """\
Microseconds a point: f and f' by lambdified numpy, one batched torch forward and backward, two
evaluations for the differences; and the whole `symdiff.compare`, with kinks, truth and verdicts."""
GENERATED = f"""\
Depth {DEPTH}, {POINTS} points, seed {SEED}; every run is a process of its own, start-up included,
with one thread each."""
WORKERS = f"""\
{SOME} of these expressions, by workers that were warmed with others; "runs apart" are whole runs
that share nothing but the machine: what two of them reach is what it has to give."""
PARTS: dict[str, tuple[str, str, Callable[[], Table]]] = {
    "grids": (f"One expression on {LONG} points", GRIDS, grids),
    "stream": ("A range that is not held", "`exp(-x**2)*abs(x - 1/3)`.", stream),
    "many": (f"{MANY} generated expressions", GENERATED, many),
    "cluster": (
        "Several workers",
        WORKERS,
        cluster,
    ),
    "start": ("Cold start", "", start),
    "tensors": (f"A network of 101000 weights: `{NETWORK}`", "", tensors),
    "peers": ("Other checkers", f"`{next(iter(TORCH))}`; none of them looks at kinks.", peers),
}


def main() -> None:
    """Run the parts that are asked for and write their tables."""
    chosen = sys.argv[1:] or list(PARTS)
    named = ", ".join(f"{name} {version}" for name, version in versions().items())
    machine = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores"
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    text = io.StringIO()
    text.write(f"# Measurements\n\n{machine}; {named}. Medians of rounds, contestants in turn; ")
    text.write(f"{memory:.0f} MiB at the start.\n")
    for name in chosen:
        title, words, run = PARTS[name]
        headers, rows = run()
        table = tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)
        text.write(f"\n## {title}\n\n{words + chr(10) * 2 if words else ''}{table}\n")
        print(f"{title}\n{table}\n", flush=True)
    if chosen == list(PARTS):
        (HERE / "results.md").write_text(text.getvalue())


if __name__ == "__main__":
    main()
