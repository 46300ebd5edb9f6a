"""Import what every worker needs, once, in the process that workers are forked from.

The imported objects are frozen: the garbage collector does not visit them, and their memory pages
stay shared.
"""

from __future__ import annotations

import gc
import importlib
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
