"""What every worker needs, loaded on import: once, by the process that workers are forked from."""

import gc
import importlib
import os

from symdiff.libraries import collect_rarely

os.environ["OMP_NUM_THREADS"] = "1"  # before torch and numpy look: a worker has one core
collect_rarely()
for _module in ("torch", "sympy", "symdiff.batch.task"):
    importlib.import_module(_module)
gc.freeze()  # what is loaded stays
