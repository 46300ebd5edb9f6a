"""Cold start of the command line."""

from __future__ import annotations

import sys

from measuring import ROUNDS, SYMDIFF, Table, processes_in_turn

START = """\
New processes with one thread, whose modules have been compiled once. The ratio is that of the
processor times."""
BASE = "python -c 'import torch'"
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "symdiff --help": [*SYMDIFF, "--help"],
    BASE: [sys.executable, "-c", "import torch"],
    "python -c 'import torch, sympy'": [sys.executable, "-c", "import torch, sympy"],
    'symdiff eval "relu(x)"': [*SYMDIFF, "eval", "relu(x)"],
}


def start(rounds: int = ROUNDS) -> Table:
    """Compare cold starts with the import of torch."""
    processes_in_turn(COMMANDS, rounds=1)  # compiles the modules
    costs = processes_in_turn(COMMANDS, rounds)
    base = costs[BASE].processor
    rows: list[list[object]] = [
        [
            *(f"`{name}`", f"{c.seconds:.2f}", f"{c.processor:.2f}"),
            *(f"{c.processor / base:.2f}", f"{c.memory:.0f}"),
        ]
        for name, c in costs.items()
    ]
    return ["command", "seconds", "of processor time", "ratio", "MiB"], rows
