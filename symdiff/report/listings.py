"""The catalogue and the engines as tables: for the command line and the README."""

from __future__ import annotations

from tabulate import tabulate

from symdiff.catalogue import CATALOGUE, CONSTANTS, Function
from symdiff.engines.registry import describe_all
from symdiff.errors import UsageError

_FORMATS = {"plain": "simple", "github": "github"}


def function_table(form: str = "plain") -> str:
    """Return every function that an expression may use.

    Parameters
    ----------
    form
        ``plain`` or ``github``.

    Raises
    ------
    UsageError
        There is no such format.
    """
    rows = [_function_row(row) for row in CATALOGUE.values()]
    rows += [[name, "", f"{value:.15g}", "", "", "constants"] for name, value in CONSTANTS.items()]
    header = ["function", "other names", "meaning", "defined where", "torch", "group"]
    return _table(rows, header, form)


def engine_table(form: str = "plain") -> str:
    """Return every engine, in the same formats."""
    return _table([list(item) for item in describe_all().items()], ["engine", "what it is"], form)


def _function_row(row: Function) -> list[str]:
    spelled = "-x" if row.operator == "u-" else "+x" if row.operator == "u+" else row.operator
    usage = row.usage if spelled is None else f"{spelled}"
    names = row.aliases if spelled is None or not row.is_named else row.names
    torch = row.torch if isinstance(row.torch, str) else "yes" if row.torch else "no"
    if row.operator is not None:
        torch = "yes"
    domain = row.domain or ""
    return [usage, " ".join(names), row.formula, domain, torch, row.group]


def _table(rows: list[list[str]], header: list[str], form: str) -> str:
    if form not in _FORMATS:
        message = f"unknown format {form[:40]!r}"
        raise UsageError(message, hint=f"formats: {', '.join(_FORMATS)}")
    if form == "github":
        rows = [
            [f"`{c}`" if c and i in {0, 3} else c.replace("|", "\\|") for i, c in enumerate(r)]
            for r in rows
        ]
        rows = [
            [c.replace("|", "\\|") if i in {0, 3} else c for i, c in enumerate(r)] for r in rows
        ]
    return tabulate(rows, headers=header, tablefmt=_FORMATS[form], disable_numparse=True)
