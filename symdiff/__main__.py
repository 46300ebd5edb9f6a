"""The program's door: ``symdiff``, or ``python -m symdiff``."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from symdiff.errors import INTERRUPTED, NOTHING_DONE
from symdiff.libraries import collect_rarely


def main() -> None:
    """Run the command line; Ctrl-C and a closed pipe end it without a traceback."""
    collect_rarely()
    try:
        from symdiff.cli.app import app  # noqa: PLC0415  (Ctrl-C may come while it loads)

        app()
    except KeyboardInterrupt:
        _end(INTERRUPTED, NOTHING_DONE)
    except SystemExit as end:
        # Ctrl-C while the command line itself is being built is not told of by those who catch it.
        untold = isinstance(getattr(end.__context__, "__cause__", None), KeyboardInterrupt)
        if isinstance(end.code, str):
            raise
        _end(end.code or 0, NOTHING_DONE if end.code == INTERRUPTED and untold else "")
    except BrokenPipeError:
        # Whoever reads the output has seen enough. Python would complain again when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(status: int, message: str = "") -> NoReturn:
    """End the process at once: taking torch apart, object by object, takes most of a second.

    And Python would end itself by the signal, where an interrupt passed through a call of exec.
    """
    if message:
        sys.stderr.write(f"symdiff: {message}\n")
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = 0  # whoever reads the output has seen enough
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
