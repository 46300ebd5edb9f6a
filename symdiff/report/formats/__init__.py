"""The formats of a report, by name: a line of the table and a module of this package for each.

The module of a format has the name of the format, and a function ``render(report, *,
everything)`` that returns the whole report as text. A format of tables has a function
``tables(blocks)`` too. This module imports nothing heavy, because ``symdiff --help`` reads it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol, cast

from symdiff.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symdiff.report.rendering import Block
    from symdiff.report.report import Report

# For each format the ending of its files.
FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "plain": ".txt",
        "github": ".md",
        "latex": ".tex",
        "html": ".html",
        "csv": ".csv",
        "json": ".json",
        "jsonl": ".jsonl",
    }
)


class Format(Protocol):
    """A module of this package."""

    def render(self, report: Report, *, everything: bool) -> str:
        """Return a report as text.

        Parameters
        ----------
        report
            The report.
        everything
            Whether tables show every point, not only kinks and disagreements.
        """


class TableFormat(Format, Protocol):
    """A module for a format of tables."""

    def tables(self, blocks: Sequence[Block]) -> str:
        """Return the tables of some expressions as text."""


def load(name: str) -> Format:
    """Return the module of a format.

    Raises
    ------
    UsageError
        There is no such format.
    """
    check(name)
    return cast("Format", importlib.import_module(f"symdiff.report.formats.{name}"))


def load_tables(name: str) -> TableFormat:
    """Return the module of a format of tables.

    Raises
    ------
    UsageError
        There is no such format, or it has no tables.

    Examples
    --------
    >>> load_tables("json")
    Traceback (most recent call last):
    symdiff.errors.UsageError: the format 'json' has no tables (formats: plain, github, latex, html)
    """
    module = load(name)
    if not hasattr(module, "tables"):
        message = f"the format {name!r} has no tables"
        having = [other for other in FORMATS if hasattr(load(other), "tables")]
        raise UsageError(message, hint=f"formats: {', '.join(having)}")
    return cast("TableFormat", module)


def check(name: str) -> None:
    """Check that there is a format of this name.

    Raises
    ------
    UsageError
        There is no such format.
    """
    if name not in FORMATS:
        message = f"unknown format {name[:40]!r}"
        hint = did_you_mean(name, FORMATS) or f"formats: {', '.join(FORMATS)}"
        raise UsageError(message, hint=hint)


def format_of(path: Path) -> str:
    """Return the format that a file's name asks for by its ending.

    Raises
    ------
    UsageError
        No format has this ending.

    Examples
    --------
    >>> format_of(Path("report.md")), format_of(Path("report.JSON"))
    ('github', 'json')
    """
    for name, ending in FORMATS.items():
        if ending == path.suffix.lower():
            return name
    message = f"{path}: no format ends in {path.suffix or 'nothing'!r}"
    raise UsageError(message, hint="give --format, or a name such as report.json")
