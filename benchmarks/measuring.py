"""Times and memory of contestants that run one after the other, round by round."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROUNDS = 5  # of a measurement
FEW_ROUNDS = 3  # of a measurement that takes minutes
USUAL = ("symbolic", "autograd", "central")
FAST = ("symengine", "autograd", "central")
SYMDIFF = (sys.executable, "-m", "symdiff")
HERE = Path(__file__).parent
CHILD = (sys.executable, str(HERE / "child.py"))
LAUNCH = (sys.executable, "-S", str(HERE / "launch.py"))
Table = tuple[list[str], list[list[object]]]  # headings, and rows


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a process took.

    Attributes
    ----------
    seconds
        From its start to its end.
    processor
        Seconds of processor time, without those of workers.
    memory
        The peak of its memory, or of that of its largest process, in MiB.
    """

    seconds: float
    processor: float
    memory: float

    @classmethod
    def median(cls, costs: Sequence[Cost]) -> Cost:
        """Return the median of each number."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(*(statistics.median(getattr(c, name) for c in costs) for name in names))


def in_turn(
    contestants: Mapping[str, Callable[[], object]], rounds: int = ROUNDS, *, warm: bool = True
) -> dict[str, float]:
    """Return the median seconds of every contestant over rounds, after one that warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for round_number in range(rounds + warm):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            if round_number >= warm:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(measured) for name, measured in seconds.items()}


def processes_in_turn(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Cost]:
    """Return what the processes of commands take, the median over rounds.

    Each process has one thread. Its start-up counts, with imports from compiled files as after an
    installation.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            costs[name].append(cost(command))
    return {name: Cost.median(measured) for name, measured in costs.items()}


def cost(command: Sequence[str]) -> Cost:
    """Return what the process of a command takes; what it prints is lost."""
    return launched(command)[1]


def launched(command: Sequence[str]) -> tuple[str, Cost]:
    """Return what a process with one thread prints, and what it takes."""
    done = subprocess.run(  # noqa: S603  (commands of the benchmarks)
        [*LAUNCH, *command], env=single(), check=True, stdout=subprocess.PIPE, text=True
    )
    *output, took = done.stdout.splitlines()
    return "\n".join(output), Cost(**json.loads(took))


def single() -> dict[str, str]:
    """Return the environment of a process with one thread, which keeps compiled files."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def with_engines(engines: Sequence[str]) -> list[str]:
    """Return the options that choose engines."""
    return [word for name in engines for word in ("--engine", name)]


def in_child(module: str, function: str, *arguments: str) -> dict[str, float]:
    """Return what a function of a part returns in a process of its own, with one thread."""
    printed, _ = launched([*CHILD, module, function, *arguments])
    found: dict[str, float] = json.loads(printed)
    return found


def measured(run: Callable[[], object], rounds: int) -> dict[str, float]:
    """Return the least processor time of calls, and by how many MiB the peak of memory grew."""
    before, seconds = peak(), []
    for _ in range(rounds):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return {"seconds": min(seconds), "memory": peak() - before}


def peak() -> float:
    """Return the peak of this process's memory in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
