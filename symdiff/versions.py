"""The versions of what a result depends on."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Final

DISTRIBUTION: Final = "symdiff-compare"
_PACKAGES: Final = ("torch", "sympy", "numpy", "scipy", "python-flint")


def versions() -> dict[str, str]:
    """Return the versions that a report names."""
    found = {name: importlib.metadata.version(name) for name in _PACKAGES[:3]}
    own = {"symdiff": importlib.metadata.version(DISTRIBUTION)}
    return {**own, **found, "python": platform.python_version()}


def computing_versions() -> dict[str, str]:
    """Return the versions that numbers and verdicts depend on."""
    names = (DISTRIBUTION, *_PACKAGES)
    return {name: importlib.metadata.version(name) for name in names}
