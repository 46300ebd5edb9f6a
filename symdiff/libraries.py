"""Heavy libraries, imported when one of their attributes is first used.

The rows of the catalogue name functions of sympy, numpy, torch and python-flint, and yet importing
the catalogue loads none of them: `symdiff --help` answers at once.

Examples
--------
>>> numpy.maximum(1.0, 2.0).item()
2.0
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import threading
from collections.abc import Iterator
from typing import Any, Final

# Objects after which Python collects garbage. torch and sympy make millions that are never freed.
_COLLECT_AFTER: Final = 100_000
# More objects than importing torch and sympy makes: 350 000. To visit them takes 0.1 s.
_LOADED: Final = 500_000

__all__ = [
    "collect_rarely",
    "flint",
    "numpy",
    "one_torch_thread",
    "scipy_special",
    "set_torch_threads",
    "sympy",
    "torch",
    "torch_functional",
    "torch_special",
    "torch_threads",
]


def collect_rarely(*, is_loading: bool = False) -> None:
    """Let Python collect garbage less often; for processes that symdiff starts itself.

    Parameters
    ----------
    is_loading
        Whether torch and sympy are still to be imported. Their objects are then never visited.
    """
    if is_loading:
        gc.callbacks.append(_freeze_what_was_loaded)
    gc.set_threshold(_LOADED if is_loading else _COLLECT_AFTER, 50, 50)


def _freeze_what_was_loaded(phase: str, info: dict[str, int]) -> None:  # noqa: ARG001  (gc's)
    """Exempt all objects from the first collection, which begins now, and from later ones."""
    if phase == "start" and gc.get_threshold()[0] == _LOADED:
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER, 50, 50)


def torch_threads() -> int:
    """Return the number of threads that torch uses for calls from this thread."""
    with _THREADS_LOCK:
        return torch.get_num_threads()  # type: ignore[no-any-return]


def set_torch_threads(count: int, *, others: int) -> None:
    """Set the number of threads that torch uses for calls from this thread.

    `torch.set_num_threads` also sets the default that other threads inherit at their first use of
    torch. A short-lived thread restores that default.

    Parameters
    ----------
    count
        Threads of torch for calls from this thread.
    others
        Threads of torch for calls from threads that use it for the first time later.
    """
    with _THREADS_LOCK:
        if torch.get_num_threads() == count:
            return
        torch.set_num_threads(count)
        other = threading.Thread(target=torch.set_num_threads, args=(others,))
        other.start()
        other.join()


@contextlib.contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let torch use this thread alone, for a chunk while other threads run other chunks."""
    threads = torch_threads()
    set_torch_threads(1, others=threads)
    try:
        yield
    finally:
        set_torch_threads(threads, others=threads)


_THREADS_LOCK: Final = threading.Lock()  # no thread reads torch's setting while another changes it


class LazyModule:
    """A module that is imported when one of its attributes is first used."""

    def __init__(self, name: str) -> None:
        """Keep the dotted name of the module, without importing it."""
        self._name = name

    def __getattr__(self, attribute: str) -> Any:  # noqa: ANN401  (whatever the module holds)
        """Return an attribute of the module, and keep it for the next use."""
        value = getattr(importlib.import_module(self._name), attribute)
        self.__dict__[attribute] = value
        return value


flint = LazyModule("flint")
numpy = LazyModule("numpy")
scipy_special = LazyModule("scipy.special")
sympy = LazyModule("sympy")
torch = LazyModule("torch")
torch_functional = LazyModule("torch.nn.functional")
torch_special = LazyModule("torch.special")
