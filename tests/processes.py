"""Commands that tests start in other processes."""

import sys


def prepared(statements):
    """Return the start of a command line: it runs Python statements, then the rest as a command.

    Unlike a `preexec_fn`, which runs between fork and exec, it is safe in a process with threads.
    """
    return [
        sys.executable,
        "-c",
        f"import os, sys\n{statements}\nos.execv(sys.argv[1], sys.argv[1:])",
    ]
