"""The progress of a run: its outcomes so far, and a bar with the rate and the time left."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from symdiff.cli.interrupts import Interrupts


class Progress:
    """Keeps the outcomes so far, and shows a bar on standard error if that is a terminal.

    It ends the run if an interrupt was lost since the last outcome.
    """

    def __init__(self, stack: contextlib.ExitStack, interrupts: Interrupts) -> None:
        """Close the bar when `stack` closes."""
        self._interrupts = interrupts
        self.outcomes: list[Any] = []
        self.total = 0
        self.started = False
        self._stack = stack
        self._advance: Callable[[int], None] = lambda _: None

    def __call__(self, done: int, total: int, outcome: Any) -> None:  # noqa: ANN401
        """Take the next outcome, or None when the run starts."""
        if outcome is None:
            self._interrupts.check()
            self.total, self.started = total, True
            self._advance = self._stack.enter_context(_bar(total))
            return
        self.outcomes.append(outcome)
        self._interrupts.check()
        self._advance(done)


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty() or total < 2:
        yield lambda _: None
        return
    from rich.console import Console  # on a terminal only
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("comparing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("left"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total, rate="")

        def advance(done: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, rate=f"{speed:.1f}/s" if speed else "")

        yield advance
