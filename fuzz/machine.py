"""Run the checks on random cases until the time is over, and shrink every contradiction."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from fuzz.checks import CHECKS, Case, Counts, Finding, cases, examine
from fuzz.sympy_limits import OutOfTime, time_limit

BATCH: Final = 200  # number of cases in one run of hypothesis
SECONDS_PER_CASE: Final = 60
SHRINK_SECONDS: Final = 120
SHRINK_TRIES: Final = 600  # largest number of smaller cases that are tried
MAX_FINDINGS: Final = 40  # a worker stops after this many findings
# The names of the checks; one that stands there twice is drawn twice as often.
WEIGHTS: Final = ("quotients", "quotients", "quotients", "rewritings", "rewritings", "tensors", "cones", "sympy")  # fmt: skip


class ContradictionError(AssertionError):
    """A case contradicts a route; hypothesis shrinks the case that raises it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Shrunk:
    """The finding of a shrunk case, with the seed of its batch."""

    finding: Finding
    seed: int

    def __str__(self) -> str:
        """Return the finding and how to find it again."""
        return f"{self.finding}\n  again:   python -m fuzz --batch {self.seed}"


class Batch:
    """One run of hypothesis: draw cases from a seed until one contradicts, then shrink it.

    Parameters
    ----------
    number
        The seed.
    end
        When to stop, by `time.monotonic`.
    checks
        The names of the checks, from which one is drawn for each case, as in `WEIGHTS`.
    """

    def __init__(self, number: int, end: float, checks: Sequence[str] = WEIGHTS) -> None:
        self._seed = number
        self._end = end
        self._checks = checks
        self._found_at = 0.0
        self._tries = 0
        self._best: tuple[Case, Finding] | None = None
        self.counts = Counts()
        self.current: Case | None = None

    @property
    def failing(self) -> Case | None:
        """The shrunk case that contradicts, or None."""
        return None if self._best is None else self._best[0]

    def run(self, examples: int = BATCH) -> Shrunk | None:
        """Return the shrunk contradiction, or None."""

        @seed(self._seed)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
            report_multiple_bugs=False,
            print_blob=False,
        )
        @given(cases(tuple(self._checks)))
        def check(case: Case) -> None:
            self._check(case)

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                check()
        except ContradictionError:
            pass
        except BaseExceptionGroup:
            if self._best is None:
                raise
        except Exception:
            if self._best is None:
                raise
        return None if self._best is None else Shrunk(self._best[1], self._seed)

    def _check(self, case: Case) -> None:
        now = time.monotonic()
        self.current = case
        if self._best is None:
            if now > self._end:
                return
        elif case == self._best[0]:
            raise ContradictionError
        elif now > self._found_at + SHRINK_SECONDS or self._tries >= SHRINK_TRIES:
            return
        self._tries += self._best is not None
        counts = self.counts if self._best is None else Counts()
        try:
            with time_limit(SECONDS_PER_CASE):
                finding = examine(case, counts)
        except OutOfTime:
            counts.of["programs that took too long"] += 1
            return
        if finding is None or (self._best is not None and finding.route != self._best[1].route):
            return
        self._found_at = self._found_at or now
        self._best = case, finding
        raise ContradictionError


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """A worker has ended; `next_seed` is that of its next batch, or None if it is done."""

    next_seed: int | None = None


def work(batch_seed: int, end: float, results: Any) -> None:
    """Run batches until the time is over; put the counts and the finding of each into a queue.

    `Ended` is put at the end, which comes early if an exception out of a time limit has left a
    library in a state in which other programs fail: a fresh process goes on.

    Parameters
    ----------
    batch_seed
        The seed of the first batch.
    end
        When to stop, by `time.time`.
    results
        The queue.
    """
    findings = interrupted = 0
    last = time.monotonic() + end - time.time()
    while time.monotonic() < last and findings < MAX_FINDINGS:
        batch = Batch(batch_seed, last)
        try:
            shrunk = batch.run()
        except Exception:  # noqa: BLE001  (a route failed: that is to be mended too)
            text = traceback.format_exc()[-1500:]
            finding = Finding("the machine itself", str(batch.current), "", "", text)
            shrunk = Shrunk(finding, batch_seed)
        batch_seed += 1
        interrupted += batch.counts.of["programs that took too long"]
        if interrupted and shrunk and not _fails_in_a_fresh_process(batch.failing):
            batch.counts.of["failures after a time limit only"] += 1
            results.put((batch.counts, None))
            results.put(Ended(batch_seed))
            return
        results.put((batch.counts, shrunk))
        findings += shrunk is not None
    results.put(Ended())


def _fails_in_a_fresh_process(case: Case | None) -> bool:
    """Return whether a case contradicts where no time limit has interrupted anything."""
    if case is None:
        return True
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_contradicts, (case,))


def _contradicts(case: Case) -> bool:
    warnings.simplefilter("ignore")
    return examine(case, Counts()) is not None


def run(minutes: float, first_seed: int, workers: int, output: Path | None) -> int:
    """Run all workers; print findings as they come, then the counts; return the exit status."""
    start = time.monotonic()
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    end = time.time() + 60 * minutes
    processes = []

    def begin(batch_seed: int) -> None:
        processes.append(context.Process(target=work, args=(batch_seed, end, results)))
        processes[-1].start()

    for k in range(workers):
        begin(first_seed * 1_000_000 + k * 100_000)
    counts, findings, running = Counts(), [], workers
    while running:
        message = results.get()
        if isinstance(message, Ended):
            if message.next_seed is None:
                running -= 1
            else:
                begin(message.next_seed)
            continue
        more, shrunk = message
        counts.update(more)
        if shrunk is not None:
            findings.append(shrunk)
            _print(f"{shrunk}\n")
    for process in processes:
        process.join()
    report(counts, findings, time.monotonic() - start, output)
    return 1 if findings else 0


def report(counts: Counts, findings: Sequence[Shrunk], seconds: float, output: Path | None) -> None:
    """Print the counts as a table, and write them as JSON."""
    rows = [
        *sorted(counts.of.items()),
        ("contradictions", len(findings)),
        ("minutes", round(seconds / 60, 1)),
    ]
    rows.append(("programs per minute", round(60 * counts.of["programs"] / max(seconds, 1))))
    _print("\n".join(f"{name:<45}{count:>12}" for name, count in rows))
    for title, counter in (("undecided", counts.undecided), ("refused", counts.refused)):
        if counter:
            _print(f"\n{title}, by reason")
            _print("\n".join(f"{n:>8}  {reason}" for reason, n in counter.most_common(25)))
    if output is not None:
        written = {
            "counts": dict(rows),
            "undecided": dict(counts.undecided.most_common()),
            "refused": dict(counts.refused.most_common()),
            "contradictions": [{**dataclasses.asdict(s.finding), "seed": s.seed} for s in findings],
        }
        output.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


assert set(WEIGHTS) == set(CHECKS)  # noqa: S101
