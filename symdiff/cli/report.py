"""The command ``report``: show a store, or write it in any format, without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from symdiff.cli.finishing import finish
from symdiff.cli.messages import clear_errors, layout_for
from symdiff.cli.options import (
    Brief,
    Color,
    Everything,
    Format,
    Output,
    Quiet,
    Verbose,
    check_output,
)


def report(  # noqa: PLR0913  (options)
    store: Annotated[Path, typer.Argument(help="A file that `symdiff run --store` made.")],
    *,
    form: Format = None,
    output: Output = None,
    everything: Everything = False,
    verbose: Verbose = False,
    brief: Brief = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Show the results in a store, or write them in any format; nothing is run again.

    The status is that of the run: 1 if something does not pass.
    """
    with clear_errors():
        check_output(form, output, plot=False)
        layout = layout_for(color, everything=everything, is_verbose=verbose, is_brief=brief)
        from symdiff.report.stored import stored_report  # loads numpy

        stored = stored_report(store)
        finish(stored, form, output, layout, quiet=quiet)
        raise typer.Exit(stored.status)
