"""The catalogue, the engines, the kinds of point and the verdicts as tables, for users to read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from tabulate import tabulate

from symdiff.catalogue import CATALOGUE, CONSTANTS, Function
from symdiff.engines.registry import describe_all
from symdiff.errors import UsageError, did_you_mean
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict

FORMATS = ("plain", "github")
_HEADER = ("function", "other names", "meaning", "defined where", "torch")
_CODE = frozenset(
    {"function", "other names", "defined where", "engine", "kind", "verdict"}
)  # columns of code


def function_table(form: str = "plain") -> str:
    """Return every function that an expression may use.

    Parameters
    ----------
    form
        ``plain``: one table with a column for the group; ``github``: a heading and a table for
        each group.

    Raises
    ------
    UsageError
        There is no such format.
    """
    _check(form)
    groups = {group: list(rows) for group, rows in _function_groups()}
    if form == "github":
        return "\n\n".join(
            f"## {group.capitalize()}\n\n{_github(rows, _HEADER)}" for group, rows in groups.items()
        )
    rows = [(*row, group) for group, rows in groups.items() for row in rows]
    return _plain(rows, (*_HEADER, "group"))


def engine_table(form: str = "plain") -> str:
    """Return every engine and what it is; for `form` see `function_table`."""
    _check(form)
    table = _github if form == "github" else _plain
    return table(list(describe_all().items()), ("engine", "what it is"))


def kind_table(form: str = "plain") -> str:
    """Return every kind of point and its meaning; for `form` see `function_table`."""
    _check(form)
    table = _github if form == "github" else _plain
    return table([(kind.label, kind.meaning) for kind in Kind], ("kind", "meaning"))


def verdict_table(form: str = "plain") -> str:
    """Return every verdict, when it is given and whether it passes; see `function_table`."""
    _check(form)
    table = _github if form == "github" else _plain
    rows = [(v.label, v.meaning, "yes" if v.passes else "no") for v in Verdict]
    return table(rows, ("verdict", "meaning", "passes"))


def _function_groups() -> Iterator[tuple[str, Iterator[tuple[str, ...]]]]:
    """Yield the groups of the catalogue, each with its rows; the named constants come last."""
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


def _check(form: str) -> None:
    if form not in FORMATS:
        message = f"unknown format {form[:40]!r}"
        hint = did_you_mean(form, FORMATS) or f"formats: {', '.join(FORMATS)}"
        raise UsageError(message, hint=hint)


def _plain(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    return tabulate(rows, headers=header, tablefmt="simple", disable_numparse=True)


def _github(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Return a table in Markdown without padding, without the columns that are empty."""
    kept = [j for j in range(len(header)) if any(row[j] for row in rows)]
    lines = [[header[j] for j in kept], ["---"] * len(kept)]
    lines += [[_cell(row[j], header[j]) for j in kept] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str, column: str) -> str:
    escaped = text.replace("|", "\\|")
    if not text or column not in _CODE:
        return escaped.replace("*", "\\*")
    words = escaped.split(" ") if column == "other names" else [escaped]
    return " ".join(f"`{word}`" for word in words)
