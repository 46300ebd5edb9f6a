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
CHILD = (sys.executable, str(Path(__file__).with_name("child.py")))
MEBIBYTE = 1024  # kibibytes, in which the system counts memory
Table = tuple[list[str], list[list[object]]]  # headings, and rows


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a process took.

    Attributes
    ----------
    seconds
        From its start to its end.
    processor
        Seconds of processor time, of its own processes too.
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
    """Return the median seconds of every contestant over rounds, the first of them not counted."""
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
    start = time.perf_counter()
    process = subprocess.Popen(command, env=single(), stdout=subprocess.DEVNULL)  # noqa: S603
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 1}:  # symdiff's 1: a verdict does not pass
        raise subprocess.CalledProcessError(process.returncode, command)
    processor = usage.ru_utime + usage.ru_stime
    return Cost(seconds, processor, usage.ru_maxrss / MEBIBYTE)


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
    command = [*CHILD, module, function, *arguments]
    done = subprocess.run(command, env=single(), check=True, stdout=subprocess.PIPE)  # noqa: S603
    found: dict[str, float] = json.loads(done.stdout)
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
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEBIBYTE
