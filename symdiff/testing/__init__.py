"""What test suites use: `assert_derivatives`, and strategies that draw inputs at ties and zeros."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symdiff.testing.assertions import assert_derivatives

__all__ = ["assert_derivatives"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  (any public object)
    """Return a public name, imported now: pytest loads this package in every suite."""
    if name in __all__:
        return getattr(importlib.import_module("symdiff.testing.assertions"), name)
    message = f"module 'symdiff.testing' has no attribute {name!r}"
    raise AttributeError(message)
