"""Look for wrong results of symdiff: `python -m fuzz --minutes 10 --seed 0 --workers 2`."""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

from fuzz.checks import CHECKS
from fuzz.machine import WEIGHTS, Batch, report, run


def main() -> int:
    """Run all batches, or one of them again; return 1 if there is a contradiction, else 0."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output", type=Path, help="a JSON file for the counts")
    parser.add_argument("--batch", type=int, help="run the batch of this seed again, and no other")
    parser.add_argument(
        "--check", choices=sorted(CHECKS), help="run this check alone (with --batch)"
    )
    arguments = parser.parse_args()
    if arguments.batch is None:
        return run(arguments.minutes, arguments.seed, arguments.workers, arguments.output)
    start = time.monotonic()
    checks = WEIGHTS if arguments.check is None else (arguments.check,)
    batch = Batch(arguments.batch, math.inf, checks)
    shrunk = batch.run()
    if shrunk is not None:
        sys.stdout.write(f"{shrunk}\n")
    report(batch.counts, [shrunk] if shrunk else [], time.monotonic() - start, arguments.output)
    return 1 if shrunk else 0


if __name__ == "__main__":
    sys.exit(main())
