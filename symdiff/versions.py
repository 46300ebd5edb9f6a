"""The versions of what a result depends on."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
from typing import Final

DISTRIBUTION: Final = "symdiff-compare"
_COMPUTING: Final = ("torch", "sympy", "numpy", "scipy", "python-flint")
_NAMED: Final = ("torch", "sympy", "numpy")


def versions() -> dict[str, str]:
    """Return the versions that a report names."""
    known = computing_versions()
    named = {name: known[name] for name in ("symdiff", *_NAMED)}
    return {**named, "python": platform.python_version()}


def computing_versions() -> dict[str, str]:
    """Return the versions that numbers and verdicts depend on."""
    return dict(_read())


@functools.cache
def _read() -> tuple[tuple[str, str], ...]:
    own = ("symdiff", importlib.metadata.version(DISTRIBUTION))
    return (own, *((name, importlib.metadata.version(name)) for name in _COMPUTING))
