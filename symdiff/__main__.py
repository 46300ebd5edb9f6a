"""The program's door: ``symdiff``, or ``python -m symdiff``."""

from __future__ import annotations

import os
import sys

from symdiff.errors import INTERRUPTED, NOTHING_DONE


def main() -> None:
    """Run the command line; Ctrl-C and a closed pipe end it without a traceback."""
    try:
        from symdiff.cli import app  # noqa: PLC0415  (Ctrl-C may come while it loads)

        app()
    except KeyboardInterrupt:
        sys.stderr.write(f"symdiff: {NOTHING_DONE}\n")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever reads the output has seen enough. Python would complain again when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
