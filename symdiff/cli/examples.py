"""Examples of every command, which stand at the end of its help."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "run": (
            "symdiff run",
            "symdiff run losses.toml activations.toml --jobs 2",
            "symdiff run losses.toml --store results.db --output report.html",
            "symdiff run losses.toml --only 'hinge*' --engine autograd --engine jax",
        ),
        "eval": (
            'symdiff eval "relu(x)"',
            'symdiff eval "max(x, 2*x)" --at x=0,1/3 --engine all',
            'symdiff eval "x**2" --claim "x=3*x"',
            'symdiff eval "sqrt(x**2 + y**2)" --grid x=-1:1:5 --grid y=0,1 --order 2',
            'symdiff eval "sin(x)*y" --points measured.csv',
            'symdiff eval "relu(x)/(1 + x**2)" --as torch',
            'symdiff eval "relu(x @ w).sum()" --value "x=[1, -1]" --value "w=[[1, 2], [3, 4]]"',
        ),
        "graph": (
            'symdiff graph "relu(x)*x"',
            'symdiff graph "relu(x)*x" --at x=1/3 --format dot',
        ),
        "explain": ("symdiff explain model.py:loss --inputs batch.pt",),
        "report": (
            "symdiff report results.db",
            "symdiff report results.db --output report.html",
        ),
        "drift": (
            "symdiff drift old.db new.db",
            "symdiff drift old.json new.json --allow-missing",
        ),
        "conventions": (
            "symdiff conventions relu 'max*'",
            "symdiff conventions --engine autograd --engine jax --format github",
            "symdiff conventions --python ../other/bin/python --output atlas",
        ),
        "functions": ("symdiff functions", "symdiff functions --format github"),
        "engines": ("symdiff engines",),
        "doctor": ("symdiff doctor",),
    }
)


def examples_of(command: str) -> str:
    """Return the examples of a command as the end of its help, one a line.

    Examples
    --------
    >>> examples_of("engines").splitlines()[1:]
    ['Examples:', '  symdiff engines']
    """
    # click does not wrap a paragraph that begins with "\b".
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in EXAMPLES[command])])
