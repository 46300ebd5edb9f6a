"""Versions of the distributions that results depend on."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import platform
from collections.abc import Iterable
from typing import Final

DISTRIBUTION: Final = "symdiff-compare"
# What truths, verdicts and descriptions depend on, whichever engines run.
_ALWAYS: Final = ("torch", "sympy", "numpy", "scipy", "python-flint")
_IN_REPORTS: Final = ("torch", "sympy", "numpy")


def versions() -> dict[str, str]:
    """Return the versions that a report names."""
    return {
        "symdiff": _version(DISTRIBUTION),
        **{name: _version(name) for name in _IN_REPORTS},
        "python": platform.python_version(),
    }


def computing_versions(distributions: Iterable[str] = ()) -> dict[str, str]:
    """Return the versions that numbers and verdicts depend on.

    Parameters
    ----------
    distributions
        What the engines of a run depend on, in addition to what every run depends on. One that is
        not installed is left out.
    """
    known = {"symdiff": _version(DISTRIBUTION), **{name: _version(name) for name in _ALWAYS}}
    for name in sorted(set(distributions) - {*_ALWAYS, DISTRIBUTION}):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            known[name] = _version(name)
    return known


_version = functools.cache(importlib.metadata.version)
