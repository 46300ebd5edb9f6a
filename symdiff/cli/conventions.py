"""The command `symdiff conventions`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from symdiff.cli.completion import complete_engine, complete_function
from symdiff.cli.messages import clear_errors, layout_for, write
from symdiff.cli.options import Color


def conventions(  # noqa: PLR0913  (options)
    functions: Annotated[
        list[str] | None,
        typer.Argument(
            help="Functions, or patterns of their names: relu 'max*'. Default: all.",
            autocompletion=complete_function,
        ),
    ] = None,
    *,
    engine: Annotated[
        list[str] | None,
        typer.Option(
            help="Engines to run; default: all that are installed. May be repeated.",
            autocompletion=complete_engine,
        ),
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="table, github or json; default: table.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="A folder: write a file of JSON for each version of a library."),
    ] = None,
    python: Annotated[
        Path | None,
        typer.Option(help="The python of another environment, whose libraries are run."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Worker processes; default: one for each processor.")
    ] = None,
    color: Color = "auto",
) -> None:
    """Show what each engine gives where there is a choice: at kinks, jumps, edges, vertical slopes.

    The points are the zeros of each function's own switches.
    """
    with clear_errors():
        look = layout_for(color).look
        from symdiff.atlas.command import conventions as result  # loads numpy

        text = result(functions or [], engine or [], form, output, python, jobs)
        is_table = output is None and form in {None, "table"}
        write(look.verdicts(text) if is_table else text)
