"""Import what every worker needs, once, in the process that workers are forked from.

The imported objects are frozen: the garbage collector does not visit them, and their memory pages
stay shared.
"""

from __future__ import annotations

import gc
import importlib
import sys
from types import TracebackType
from typing import Final

_NEEDED: Final = ("torch", "sympy", "symdiff.batch.task")

_collecting = gc.isenabled()
gc.disable()
try:
    for _name in _NEEDED:
        importlib.import_module(_name)
    gc.freeze()
finally:
    if _collecting:
        gc.enable()


def _print_unless_orphaned(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print an uncaught error, unless the run ended while this process was being forked.

    Ctrl-C may end the run at that time. The new process then finds its pipe closed and the pool's
    semaphores removed.
    """
    if not isinstance(error, FileNotFoundError | EOFError | ConnectionError):
        sys.__excepthook__(kind, error, trace)


# Called for errors before a worker process runs its first task; errors of tasks are outcomes.
sys.excepthook = _print_unless_orphaned
