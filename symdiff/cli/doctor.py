"""The command `symdiff doctor`."""

from __future__ import annotations

import typer

from symdiff.cli.messages import clear_errors, write


def doctor() -> None:
    """Show versions, extras and the machine, and check that a planted wrong engine is found.

    The status is 1 if something is wrong.
    """
    with clear_errors():
        from symdiff.doctor import examine  # loads torch

        diagnosis = examine()
        write(f"{diagnosis}\n")
        raise typer.Exit(0 if diagnosis.ok else 1)
