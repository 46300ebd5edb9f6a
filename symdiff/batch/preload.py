"""What every worker needs: imported once, by the process that workers are forked from.

All of it stays, so that nothing of it is looked at when Python looks for garbage.
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
