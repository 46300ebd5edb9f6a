"""Programs of their own, started by tests."""

import sys


def prepared(statements):
    """What stands before a command so that it runs in a process prepared by Python statements.

    Unlike a function that runs between fork and exec, it is safe where there are threads.
    """
    return [
        sys.executable,
        "-c",
        f"import os, sys\n{statements}\nos.execv(sys.argv[1], sys.argv[1:])",
    ]
