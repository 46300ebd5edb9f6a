"""Measure symdiff against other tools and against its parts; write results.md.

    make bench              everything, about fifteen minutes
    make bench ONLY=grids   one part, see `PARTS`

Absolute times on a shared machine mean little: compare the ratios. Contestants run one after the
other, round by round, and a figure is the median over rounds.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from measuring import Table, peak
from parts import explain, grids, growth, many, peers, records, start, workers
from tabulate import tabulate

from symdiff.versions import versions

HERE = Path(__file__).parent


class Part(NamedTuple):
    """A part of the measurements: its title, what is measured, and a function that measures it."""

    title: str
    introduction: str
    measure: Callable[[], Table]


PARTS = {
    "grids": Part(f"One expression on {grids.LONG} points", grids.GRIDS, grids.grids),
    "stages": Part("The stages of a comparison on a long grid", grids.STAGED, grids.stages),
    "stream": Part("A range that is streamed", grids.STREAMS, grids.stream),
    "many": Part("Generated expressions", many.MANY, many.many),
    "corpus": Part("The shipped expressions", many.CORPUS, many.corpus),
    "records": Part("Records", records.RECORDS, records.records),
    "growth": Part("Growth", growth.GROWTH, growth.growth),
    "speedup": Part("Two processes", growth.SPEEDUP, growth.speedup),
    "cluster": Part("Several workers", workers.WORKERS, workers.cluster),
    "start": Part("Cold start", start.START, start.start),
    "tensors": Part(f"A network of 101000 weights: `{peers.NETWORK}`", "", peers.tensors),
    "peers": Part("Other checkers", peers.PEERS, peers.peers),
    "explain": Part("Where a NaN comes from", explain.EXPLAIN, explain.explain),
}


def section(part: Part) -> str:
    """Measure a part; return its section of the page."""
    headers, rows = part.measure()
    table = tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)
    texts = [f"## {part.title}", part.introduction, table]
    return "\n\n".join(text for text in texts if text) + "\n"


def main() -> None:
    """Run the parts named on the command line, or all; print and write their tables."""
    chosen = sys.argv[1:] or list(PARTS)
    named = ", ".join(f"{name} {version}" for name, version in versions().items())
    machine = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores"
    page = io.StringIO()
    page.write(f"# Measurements\n\n{machine}; {named}. Medians of rounds, contestants in turn; ")
    page.write(f"{peak():.0f} MiB at the start.\n")
    for name in chosen:
        text = section(PARTS[name])
        page.write(f"\n{text}")
        print(text, flush=True)
    if chosen == list(PARTS):
        (HERE / "results.md").write_text(page.getvalue())


if __name__ == "__main__":
    main()
