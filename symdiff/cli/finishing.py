"""The end of every command that has a report: print it, write the file, and print the errors."""

from __future__ import annotations

import contextvars
import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from symdiff.cli.messages import complain, prints_unicode, write
from symdiff.report.formats import PICTURES, format_of

if TYPE_CHECKING:
    from symdiff.report.layout import Layout
    from symdiff.report.report import Report

# The arguments of the command line, which a page says it was made with.
TYPED: Final[contextvars.ContextVar[tuple[str, ...]]] = contextvars.ContextVar("TYPED")


def typed() -> str:
    """Return the command as it was typed."""
    return shlex.join(["symdiff", *TYPED.get()])


def finish(
    report: Report, form: str | None, output: Path | None, layout: Layout, *, quiet: bool
) -> None:
    """Print the table or the summary, write the file, and print every error."""
    is_picture = output is not None and (form or format_of(output)) in PICTURES
    report = dataclasses.replace(report, command=typed())
    if output is not None and not is_picture:
        report.write(output, form, layout)
    if quiet:
        write(layout.look.verdicts(report.summary()) + "\n")
    else:
        write(report.rendered("plain" if output or not form else form, layout))
    for error in report.errors:
        complain(str(error))
    if output is not None and is_picture:  # last: there may be none of this report
        report.write(output, form)


def plot_report(report: Report, layout: Layout) -> None:
    """Draw the only expression in the terminal, or say what to do instead."""
    text = report.plotted(layout.look.columns, ascii_only=not prints_unicode())
    write(f"\n{text}\n")
