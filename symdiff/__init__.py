"""Compare ways to differentiate: sympy, autograd and finite differences, kinks included.

>>> import symdiff
>>> comparison = symdiff.compare("relu(x) - relu(-x)", {"x": "-1:1:3"})
>>> [r["value"] for r in comparison.records() if r["engine"] == "autograd" and r["role"] == "kink"]
[0.0]
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symdiff.api import compare, compare_file, compare_files
    from symdiff.errors import InputError, SymdiffError
    from symdiff.explanation.explain import explain
    from symdiff.explanation.findings import Explanation
    from symdiff.printing.languages import translate
    from symdiff.program import Program, parse
    from symdiff.report.report import Comparison, Report
    from symdiff.testing.assertions import assert_derivatives
    from symdiff.tracing.trace import trace

__all__ = [
    "Comparison",
    "Explanation",
    "InputError",
    "Program",
    "Report",
    "SymdiffError",
    "assert_derivatives",
    "compare",
    "compare_file",
    "compare_files",
    "explain",
    "parse",
    "trace",
    "translate",
]

# The module of each public name, imported at first use, so that `import symdiff` is fast.
_MODULES = {
    "Comparison": "symdiff.report.report",
    "Explanation": "symdiff.explanation.findings",
    "InputError": "symdiff.errors",
    "Program": "symdiff.program",
    "Report": "symdiff.report.report",
    "SymdiffError": "symdiff.errors",
    "assert_derivatives": "symdiff.testing.assertions",
    "compare": "symdiff.api",
    "compare_file": "symdiff.api",
    "compare_files": "symdiff.api",
    "explain": "symdiff.explanation.explain",
    "parse": "symdiff.program",
    "trace": "symdiff.tracing.trace",
    "translate": "symdiff.printing.languages",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  (any public object)
    """Return a public name from its module, imported now."""
    if name not in _MODULES:
        message = f"module 'symdiff' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:  # noqa: ANN401  (IPython's shell)
    """Add the cell magic ``%%symdiff`` to a notebook: ``%load_ext symdiff``."""
    from symdiff.notebook import magic  # noqa: PLC0415

    shell.register_magic_function(magic, magic_kind="cell", magic_name="symdiff")
