"""What every worker needs, imported once, by the process that workers are forked from.

Millions of objects are made that stay: Python looks for garbage among them only afterwards.
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
finally:
    if _collecting:
        gc.enable()
