"""The engines on trial: one small file each, known here by name and loaded when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType

from symdiff.errors import UsageError, did_you_mean

__all__ = ["DEFAULT", "ENGINES", "check", "load"]

# For each engine what it does; its module has the same name and an object ENGINE.
ENGINES: Mapping[str, str] = MappingProxyType(
    {
        "symbolic": "sympy's derivative of the expression, lambdified to numpy",
        "autograd": "PyTorch reverse mode on the program as written, in float64",
        "central": "central finite differences on the program as written, in numpy",
        "symengine": "symengine's derivative, kinks as Piecewise: fast; an extra, `symengine`",
    }
)
DEFAULT = ("symbolic", "autograd", "central")


def check(name: str) -> None:
    """Check that there is an engine of this name, without loading it.

    Raises
    ------
    UsageError
        There is none.
    """
    if name not in ENGINES:
        message = f"unknown engine {name[:40]!r}"
        hint = did_you_mean(name, ENGINES) or f"engines: {', '.join(ENGINES)}"
        raise UsageError(message, hint=hint)


def load(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN201  (Engine is typed in base)
    """Return the engine of a name.

    Raises
    ------
    UsageError
        There is none, or a library that it needs is not installed.

    Examples
    --------
    >>> load("central").name
    'central'
    """
    check(name)
    try:
        return importlib.import_module(f"symdiff.engines.{name}").ENGINE
    except ModuleNotFoundError as error:
        message = f"the engine {name} needs {error.name}"
        raise UsageError(message, hint=f"pip install 'symdiff-compare[{error.name}]'") from None
