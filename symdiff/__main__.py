"""Entry point of the command line: ``symdiff``, or ``python -m symdiff``."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from symdiff.cli.interrupts import remembered
from symdiff.errors import INTERRUPTED, NOTHING_DONE
from symdiff.libraries import collect_rarely


def main() -> None:
    """Run the command line; end without a traceback on Ctrl-C and on a closed pipe."""
    collect_rarely(is_loading=True)
    try:
        with remembered() as interrupts:
            from symdiff.cli.app import app  # noqa: PLC0415  (Ctrl-C is handled while it loads)

            interrupts.check()
        app()
    except KeyboardInterrupt:
        _end(INTERRUPTED, NOTHING_DONE)
    except SystemExit as end:
        # On Ctrl-C while the command line is being built, click exits without a message.
        interrupted_early = isinstance(
            getattr(end.__context__, "__cause__", None), KeyboardInterrupt
        )
        if isinstance(end.code, str):
            raise
        _end(end.code or 0, NOTHING_DONE if end.code == INTERRUPTED and interrupted_early else "")
    except BrokenPipeError:
        # The reader closed the pipe, e.g. `| head`. Python would fail again when it flushes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(status: int, message: str = "") -> NoReturn:
    """Flush the output and end the process without Python's cleanup.

    Freeing torch's objects one by one takes most of a second.  After an interrupt inside `exec`,
    Python would also kill itself with SIGINT instead of returning the exit status.
    """
    if message:
        sys.stderr.write(f"symdiff: {message}\n")
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = 0  # the reader closed the pipe: not an error
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
