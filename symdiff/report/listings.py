"""Tables of the functions, the engines, the kinds of point and the verdicts."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from tabulate import tabulate

from symdiff.catalogue import CATALOGUE, CONSTANTS, Function
from symdiff.engines.registry import listed
from symdiff.errors import UsageError, did_you_mean
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict

Rows = Sequence[Sequence[str]]

# The columns of the table of functions.
_HEADER = ("function", "other names", "meaning", "defined where", "torch")
# Headings of the columns that Markdown shows as code.
_CODE = frozenset({"function", "other names", "defined where", "engine", "kind", "verdict"})


def function_table(form: str = "plain") -> str:
    """Return the functions that an expression may use, as a table.

    Parameters
    ----------
    form
        ``plain``: one table with a column for the group; ``github``: a heading and a table for
        each group.

    Raises
    ------
    UsageError
        If there is no such format.
    """
    groups = {group: list(rows) for group, rows in _function_groups()}
    return _layout(form).groups(groups, _HEADER)


def engine_table(form: str = "plain") -> str:
    """Return the engines and their libraries, as a table; `form` as in `function_table`."""
    rows = [(name, line.description, line.library) for name, line in listed().items()]
    return _layout(form).table(rows, ("engine", "what it is", "library"))


def kind_table(form: str = "plain") -> str:
    """Return the kinds of point with their meanings, as a table; `form` as in `function_table`."""
    rows = [(kind.label, kind.meaning) for kind in Kind]
    return _layout(form).table(rows, ("kind", "meaning"))


def verdict_table(form: str = "plain") -> str:
    """Return the verdicts with their meanings, as a table; `form` as in `function_table`."""
    rows = [(v.label, v.meaning, "yes" if v.passes else "no") for v in Verdict]
    return _layout(form).table(rows, ("verdict", "meaning", "passes"))


def _function_groups() -> Iterator[tuple[str, Iterator[tuple[str, ...]]]]:
    """Yield the groups of the catalogue with their rows, and the named constants last."""
    for group, rows in itertools.groupby(CATALOGUE.values(), key=lambda row: row.group):
        yield group, map(_function_row, rows)
    yield "constants", ((name, "", f"{x:.15g}", "", "") for name, x in CONSTANTS.items())


def _function_row(row: Function) -> tuple[str, ...]:
    torch = row.torch if isinstance(row.torch, str) else "yes" if row.torch else "no"
    if row.operator is None:
        return row.usage, " ".join(row.aliases), row.formula, row.domain or "", torch
    usage = {"u-": "-x", "u+": "+x"}.get(row.operator, row.operator)
    names = row.names if row.is_named else row.aliases
    return usage, " ".join(names), row.formula, row.domain or "", "yes"


def _plain(rows: Rows, header: Sequence[str]) -> str:
    return tabulate(rows, headers=header, tablefmt="simple", disable_numparse=True)


def _plain_groups(groups: Mapping[str, Rows], header: Sequence[str]) -> str:
    """Return one table, with the group of each row in its last column."""
    rows = [(*row, group) for group, rows in groups.items() for row in rows]
    return _plain(rows, (*header, "group"))


def _github(rows: Rows, header: Sequence[str]) -> str:
    """Return a table in Markdown, without padding and without empty columns."""
    kept = [j for j in range(len(header)) if any(row[j] for row in rows)]
    lines = [[header[j] for j in kept], ["---"] * len(kept)]
    lines += [[_cell(row[j], header[j]) for j in kept] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _github_groups(groups: Mapping[str, Rows], header: Sequence[str]) -> str:
    """Return a heading and a table for each group."""
    return "\n\n".join(
        f"## {group.capitalize()}\n\n{_github(rows, header)}" for group, rows in groups.items()
    )


def _cell(text: str, column: str) -> str:
    escaped = text.replace("|", "\\|")
    if not text or column not in _CODE:
        return escaped.replace("*", "\\*")
    words = escaped.split(" ") if column == "other names" else [escaped]
    return " ".join(f"`{word}`" for word in words)


@dataclasses.dataclass(frozen=True, slots=True)
class _Layout:
    """A format of listings: functions that write one table, and tables of several groups."""

    table: Callable[[Rows, Sequence[str]], str]
    groups: Callable[[Mapping[str, Rows], Sequence[str]], str]


_LAYOUTS: Final[Mapping[str, _Layout]] = MappingProxyType(
    {"plain": _Layout(_plain, _plain_groups), "github": _Layout(_github, _github_groups)}
)


def _layout(form: str) -> _Layout:
    if form not in _LAYOUTS:
        message = f"unknown format {form[:40]!r}"
        hint = did_you_mean(form, _LAYOUTS) or f"formats: {', '.join(_LAYOUTS)}"
        raise UsageError(message, hint=hint)
    return _LAYOUTS[form]
