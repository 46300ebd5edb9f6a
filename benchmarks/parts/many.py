"""Many expressions: whole runs against the plain script, and the shipped expressions."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from generated import RANGE, nests, written
from measuring import FAST, SYMDIFF, Table, processes_in_turn, with_engines

HERE = Path(__file__).parent
SCRIPT = HERE.parent / "plain_script.py"
MANY = """\
Runs of generated expressions, each on 101 points, against a script that one would write without
symdiff (`plain_script.py`). Every run is a new process with one thread, and its start-up counts.
How many times faster than the script: with sympy's derivative on trial, and with symengine's, in
one process and in two. Memory is the peak of the largest process, in MiB."""
CORPUS = """\
`symdiff run expressions`, with its start-up. Memory is the peak of the largest process."""


class Workload(NamedTuple):
    """Generated expressions: how many, how deep, and of which kind."""

    count: int
    depth: int
    kinks: bool
    rounds: int


WORKLOADS = (
    Workload(100, 4, kinks=True, rounds=2),
    Workload(300, 4, kinks=True, rounds=2),
    Workload(1000, 4, kinks=True, rounds=1),
    Workload(300, 4, kinks=False, rounds=1),
    Workload(1000, 4, kinks=False, rounds=1),
    Workload(50, 7, kinks=True, rounds=1),
    Workload(50, 7, kinks=False, rounds=1),
)
CONTESTANTS: dict[str, list[str]] = {
    "sympy": [],
    "sympy, 2": ["--jobs", "2"],
    "symengine": with_engines(FAST),
    "symengine, 2": [*with_engines(FAST), "--jobs", "2"],
}


def many(workloads: Iterable[Workload] = WORKLOADS) -> Table:
    """Compare runs with the plain script, on one core and on two."""
    rows: list[list[object]] = []
    for workload in workloads:
        with tempfile.TemporaryDirectory() as folder:
            texts = nests(workload.count, workload.depth, kinks=workload.kinks)
            path = written(Path(folder) / "generated.txt", texts, RANGE)
            run = [*SYMDIFF, "run", str(path), "--quiet"]
            commands = {"script": [sys.executable, str(SCRIPT), str(path)]}
            commands |= {name: [*run, *options] for name, options in CONTESTANTS.items()}
            costs = processes_in_turn(commands, workload.rounds)
        base = costs["script"].seconds
        rows.append(
            [
                *(workload.count, workload.depth, "with" if workload.kinks else "without"),
                f"{base / workload.count * 1e3:.1f}",
                *(f"{base / costs[name].seconds:.2f}" for name in CONTESTANTS),
                *(f"{costs[name].memory:.0f}" for name in ("script", "sympy")),
            ]
        )
    headers = ["expressions", "depth", "kinks", "script, ms each", *CONTESTANTS]
    return [*headers, "MiB, script", "MiB, sympy"], rows


def corpus(path: Path = HERE.parent.parent / "expressions") -> Table:
    """Measure a run of the shipped expressions."""
    run = [*SYMDIFF, "run", str(path), "--quiet"]
    commands = {"one process": run, "two processes": [*run, "--jobs", "2"]}
    costs = processes_in_turn(commands, rounds=1)
    rows: list[list[object]] = [
        [name, f"{c.seconds:.1f}", f"{c.memory:.0f}"] for name, c in costs.items()
    ]
    return ["run", "seconds", "MiB"], rows
