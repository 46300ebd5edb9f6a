"""Several workers: on a cluster, in a process pool, and in independent runs."""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from generated import SEED, expressions, written
from measuring import FAST, SYMDIFF, USUAL, Table, single, with_engines

import symdiff

SOME = 200  # generated expressions
ROUNDS = 1  # each starts several processes
WORKERS = f"""\
{SOME} generated expressions, by workers that have warmed up on others; "runs apart" share
only the machine, so two of them show the largest speed-up that it allows."""


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
                turns = [(measure(1), measure(2)) for _ in range(ROUNDS)]
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
    command = [*SYMDIFF, "run", str(path), "--quiet", *with_engines(engines)]

    def run(_: Path) -> None:
        started = [
            subprocess.Popen(command, env=single(), stdout=subprocess.DEVNULL)  # noqa: S603
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
