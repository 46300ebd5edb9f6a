"""Measure symdiff against other tools and against its parts; write results.md.

    make bench              everything, about twenty minutes
    make bench ONLY=grids   one part: grids, stages, stream, many, cluster, start, tensors, peers,
                            explain

Absolute times on a shared machine mean little: compare the ratios. Every figure is the median over
rounds in which all contestants run one after the other.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import cProfile
import datetime as dt
import importlib
import io
import multiprocessing
import os
import platform
import pstats
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
from explain import table as explain
from generated import DEPTH, HIGH, LOW, POINTS, SEED, expressions
from tabulate import tabulate

import symdiff
from symdiff.arithmetics.symbolic import expression
from symdiff.comparison import long_range
from symdiff.versions import versions

HERE = Path(__file__).parent
ROUNDS = 5  # of a measurement
FEW_ROUNDS = 3  # of a measurement that takes minutes
LONG = 1_000_000  # points of the grids
STREAM = 100_000_000  # points of the streamed range
MANY = 1000  # generated expressions, run one by one
SOME = 400  # generated expressions, for workers
FAST = ("symengine", "autograd", "central")
USUAL = ("symbolic", "autograd", "central")
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
NETWORK = "((relu(x @ w1) @ w2 - y)**2).sum()"
SHAPES = {"x": (64, 1000), "y": (64, 10), "w1": (1000, 100), "w2": (100, 10)}
Table = tuple[list[str], list[list[object]]]


def in_turn(
    contestants: dict[str, Callable[[], object]], rounds: int = ROUNDS, *, warm: bool = True
) -> dict[str, float]:
    """Return the median seconds of every contestant over rounds, the first of them not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for round_number in range(rounds + warm):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            if round_number >= warm:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(measured) for name, measured in seconds.items()}


def kernels(
    text: str, run: Callable[..., torch.Tensor], columns: Sequence[np.ndarray]
) -> dict[str, Callable[[], object]]:
    """Return the parts of a comparison: f, f', a batched autograd pass, two evaluations of f.

    `columns` has the coordinates of the variables of the expression, by name. Derivatives along
    several variables have one f' each, and two evaluations of f.
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
    """Name the stages of a comparison on a long grid, in parts of the bare kernels."""
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

    Of a method and a function with the same name, one calls the other.
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
                [sys.executable, "-c", script, text, str(count)],
                check=True,
                capture_output=True,
                text=True,
            )
            seconds, added, peak, kept, points = done.stdout.split()
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

        seconds = in_turn(
            {
                "straightforward script": process(*script),
                "symdiff, sympy's derivative": process(*run),
                "symdiff, symengine's": process(*run, *fast),
                "symdiff, sympy's, two processes": process(*run, "--jobs", "2"),
                "symdiff, symengine's, two processes": process(*run, *fast, "--jobs", "2"),
            },
            rounds=FEW_ROUNDS,
            warm=False,  # every run starts a process
        )
    base = seconds["straightforward script"]
    rows = [[n, f"{s / MANY * 1e3:.1f}", f"{base / s:.2f}"] for n, s in seconds.items()]
    return ["run", "ms an expression", "times faster"], rows


def written(path: Path, texts: list[str]) -> Path:
    """Write an expression file and return its path."""
    lines = (f"f{i}: {text} ; x = {LOW}:{HIGH}:{POINTS}\n" for i, text in enumerate(texts))
    path.write_text("".join(lines))
    return path


def cluster() -> Table:
    """Compare one worker with two: on a cluster, in a process pool, and in independent runs."""
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        # Workers warm up on other expressions, because sympy caches derivatives.
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
    """Return the seconds that the last file takes on a cluster that has run the others."""
    with dask(workers) as address:
        return last(lambda path: quietly(path, engines, dask=address), paths)


def in_processes(paths: Sequence[Path], workers: int, engines: Sequence[str]) -> float:
    """Return the seconds that the last file takes in a pool that has run the others."""
    spawn = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(workers, spawn, initializer=one_thread)
    with pool:
        return last(lambda path: quietly(path, engines, executor=pool), paths)


def apart(path: Path, runs: int, engines: Sequence[str]) -> float:
    """Return the seconds of several independent runs at the same time."""
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
    """Return the seconds that the last file takes after the others."""
    for path in paths:
        start = time.perf_counter()
        run(path)
    return time.perf_counter() - start


@contextlib.contextmanager
def dask(workers: int) -> Iterator[str]:
    """Start a Dask cluster on this machine; yield its address."""
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
    """Restrict a worker to one thread."""
    os.environ["OMP_NUM_THREADS"] = "1"


def quietly(path: Path, engines: Sequence[str], **options: Any) -> object:  # noqa: ANN401
    """Compare a file with some engines."""
    return symdiff.compare_files(path, engines=engines, **options)


def start() -> Table:
    """Compare cold starts with the import of torch and sympy."""

    def process(*arguments: str) -> Callable[[], object]:
        return lambda: subprocess.run(  # noqa: S603  (symdiff's command line)
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
    seconds = in_turn({name: run for name, (_, run) in contestants.items()}, rounds=3)
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


GRIDS = """\
Microseconds per point: f and f' by lambdified numpy, one batched forward and backward pass of
torch, two evaluations for central differences; and the whole `symdiff.compare`, with kinks, truth
and verdicts, also in float32. With two variables there are two f' and four evaluations, and the
points are paired at random."""
STAGED = """\
Seconds of one thread in each stage, divided by those of the bare kernels on one thread. A profile
is taken, which makes proofs slower than they are, as they are Python."""
STREAMS = """\
The kernels are measured on one chunk. Memory is that of the process."""
GENERATED = f"""\
Depth {DEPTH}, {POINTS} points, seed {SEED}; every run is a new process with one thread, and its
start-up is included."""
WORKERS = f"""\
{SOME} of these expressions, by workers that have warmed up on others; "runs apart" share
only the machine, so two of them show the largest speed-up that it allows."""
EXPLAIN = """\
Milliseconds of processor time for functions of a million numbers, with one thread, and the ratio to
a plain forward and backward pass.
"The lines" is the search alone, without proof and remedies; detect_anomaly stops at the first NaN.
"""
PARTS: dict[str, tuple[str, str, Callable[[], Table]]] = {
    "grids": (f"One expression on {LONG} points", GRIDS, grids),
    "stages": ("The stages of a comparison on a long grid", STAGED, stages),
    "stream": ("A range that is streamed", STREAMS, stream),
    "many": (f"{MANY} generated expressions", GENERATED, many),
    "cluster": (
        "Several workers",
        WORKERS,
        cluster,
    ),
    "start": ("Cold start", "", start),
    "tensors": (f"A network of 101000 weights: `{NETWORK}`", "", tensors),
    "peers": (
        "Other checkers",
        f"`{next(iter(TORCH))}`; the others do not search for kinks.",
        peers,
    ),
    "explain": ("Where a NaN comes from", EXPLAIN, explain),
}


def main() -> None:
    """Run the parts named on the command line, or all; print and write their tables."""
    chosen = sys.argv[1:] or list(PARTS)
    named = ", ".join(f"{name} {version}" for name, version in versions().items())
    machine = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores"
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    text = io.StringIO()
    text.write(f"# Measurements\n\n{machine}; {named}. Medians of rounds, contestants in turn; ")
    text.write(f"{memory:.0f} MiB at the start.\n")
    for name in chosen:
        title, introduction, run = PARTS[name]
        headers, rows = run()
        table = tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)
        text.write(f"\n## {title}\n\n{introduction + chr(10) * 2 if introduction else ''}{table}\n")
        print(f"{title}\n{table}\n", flush=True)
    if chosen == list(PARTS):
        (HERE / "results.md").write_text(text.getvalue())


if __name__ == "__main__":
    main()
