"""What the command line prints, and one line for whatever goes wrong."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from symdiff.errors import INTERRUPTED, NOTHING_DONE, Crash, InputError, describe

if TYPE_CHECKING:
    from symdiff.report.colours import Look


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Turn an error into one clear message and an exit status: 2 if the input is to blame."""
    try:
        yield
    except InputError as error:
        complain(str(error))
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        complain(NOTHING_DONE)
        raise typer.Exit(INTERRUPTED) from None
    except (typer.Exit, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001  (a defect of symdiff: one line, no traceback)
        complain(str(Crash("this call", describe(error))))
        raise typer.Exit(1) from None


def complain(text: str) -> None:
    """Print a line on standard error."""
    sys.stderr.write(f"symdiff: {text}\n")


def write(text: str) -> None:
    """Print a text on standard output, at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def terminal(color: str) -> Look:
    """Return the look of what is printed on standard output.

    Raises
    ------
    UsageError
        `color` is not a value of `--color`.
    """
    from symdiff.report.colours import look_of  # loads numpy

    return look_of(sys.stdout, color)


def prints_unicode() -> bool:
    """Return whether standard output can show characters beyond ASCII."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
