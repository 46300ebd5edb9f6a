"""What the command line prints, and one line for whatever goes wrong."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from symdiff.errors import INTERRUPTED, NOTHING_DONE, Crash, InputError, describe

if TYPE_CHECKING:
    from symdiff.report.layout import Layout


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


def write(content: str | bytes) -> None:
    """Print a text, or the bytes of a binary format, on standard output at once."""
    if isinstance(content, bytes):
        sys.stdout.buffer.write(content)
    else:
        sys.stdout.write(content)
    sys.stdout.flush()


def layout_for(color: str, **chosen: bool) -> Layout:
    """Return the layout of what is printed on standard output.

    Parameters
    ----------
    color
        The value of `--color`.
    **chosen
        Other fields of `Layout`.

    Raises
    ------
    UsageError
        `color` is none of its values.
    """
    from symdiff.report.colours import look_of  # loads numpy
    from symdiff.report.layout import Layout

    return Layout(look=look_of(sys.stdout, color), **chosen)


def prints_unicode() -> bool:
    """Return whether standard output can show characters beyond ASCII."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
