"""The heavy libraries, imported when they are first touched.

The catalogue names sympy, numpy, torch and python-flint in every row, yet reading the
catalogue must cost nothing: `symdiff --help` answers before any of them is loaded.

Examples
--------
>>> numpy.maximum(1.0, 2.0).item()
2.0
"""

from __future__ import annotations

import gc
import importlib
import threading
from typing import Any, Final

_COLLECT_AFTER: Final = 100_000  # new objects: torch and sympy make millions that stay

__all__ = [
    "collect_rarely",
    "flint",
    "keep_torch_to",
    "numpy",
    "scipy_special",
    "sympy",
    "torch",
    "torch_functional",
    "torch_threads",
]


def collect_rarely() -> None:
    """Let Python look for garbage less often, in a process of our own."""
    gc.set_threshold(_COLLECT_AFTER, 50, 50)


def torch_threads() -> int:
    """Return how many threads torch uses for what this thread asks of it."""
    with _SETTING:
        return torch.get_num_threads()  # type: ignore[no-any-return]


def keep_torch_to(count: int, *, others: int) -> None:
    """Have torch use so many threads for what this thread asks of it, from now on.

    What it is told in one thread, those take that ask for the first time later: one that ends at
    once sets that back.

    Parameters
    ----------
    count
        Its threads for this thread.
    others
        Its threads for those that come later.
    """
    with _SETTING:
        if torch.get_num_threads() == count:
            return
        torch.set_num_threads(count)
        other = threading.Thread(target=torch.set_num_threads, args=(others,))
        other.start()
        other.join()


_SETTING: Final = threading.Lock()  # so that nobody here takes the one for the other


class LazyModule:
    """A module that is imported at the first attribute asked of it."""

    def __init__(self, name: str) -> None:
        """Remember the dotted name; nothing is imported yet."""
        self._name = name

    def __getattr__(self, attribute: str) -> Any:  # noqa: ANN401  (whatever the module holds)
        """Return the module's attribute, and remember it."""
        found = getattr(importlib.import_module(self._name), attribute)
        self.__dict__[attribute] = found
        return found


flint = LazyModule("flint")
numpy = LazyModule("numpy")
scipy_special = LazyModule("scipy.special")
sympy = LazyModule("sympy")
torch = LazyModule("torch")
torch_functional = LazyModule("torch.nn.functional")
