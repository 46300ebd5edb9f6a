"""The program's door: ``symdiff``, or ``python -m symdiff``."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from symdiff.errors import INTERRUPTED, NOTHING_DONE


def main() -> None:
    """Run the command line; Ctrl-C and a closed pipe end it without a traceback."""
    try:
        from symdiff.cli import app  # noqa: PLC0415  (Ctrl-C may come while it loads)

        app()
    except KeyboardInterrupt:
        _end_interrupted(NOTHING_DONE)
    except SystemExit as end:
        if end.code != INTERRUPTED:
            raise
        # Ctrl-C while the command line itself is being built is not told of by those who catch it.
        untold = isinstance(getattr(end.__context__, "__cause__", None), KeyboardInterrupt)
        _end_interrupted(NOTHING_DONE if untold else "")
    except BrokenPipeError:
        # Whoever reads the output has seen enough. Python would complain again when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end_interrupted(message: str) -> NoReturn:
    if message:
        sys.stderr.write(f"symdiff: {message}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    # Python would end itself by the signal, where the interrupt passed through a call of exec.
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
