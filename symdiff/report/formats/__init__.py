"""Formats of a report. Each has an entry in `FORMATS`, and a module of its name in this package.

The module has a function ``render(report, layout)`` that returns the whole report.
The module of a format of tables also has a function ``tables(blocks)``. This module imports
nothing heavy, because ``symdiff --help`` reads it.
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

    from symdiff.report.colours import Look
    from symdiff.report.layout import Layout
    from symdiff.report.rendering import Block
    from symdiff.report.report import Report

# The file name extension of each format.
FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "plain": ".txt",
        "github": ".md",
        "latex": ".tex",
        "html": ".html",
        "csv": ".csv",
        "json": ".json",
        "jsonl": ".jsonl",
        "junit": ".xml",
        "sarif": ".sarif",
    }
)

# Extensions of pictures of one expression, which `symdiff.report.pictures` draws.
PICTURES: Final[Mapping[str, str]] = MappingProxyType({"svg": ".svg", "png": ".png", "pdf": ".pdf"})

# Extensions of tables that are written to files only, which `symdiff.report.frames` makes.
BINARY: Final[Mapping[str, str]] = MappingProxyType({"parquet": ".parquet"})


class Format(Protocol):
    """The module of a format."""

    def render(self, report: Report, layout: Layout) -> str | bytes:
        """Return a report as text, or as the bytes of a binary file.

        Parameters
        ----------
        report
            The report.
        layout
            What to show, and how wide.
        """


class TableFormat(Format, Protocol):
    """The module of a format of tables."""

    def tables(self, blocks: Sequence[Block]) -> str:
        """Return the tables of some expressions as text."""


class PlainFormat(Format, Protocol):
    """The module of plain text."""

    def tables(self, blocks: Sequence[Block], look: Look) -> str:
        """Return the tables of some expressions as text for a terminal."""


def load_plain() -> PlainFormat:
    """Return the module of plain text."""
    return cast("PlainFormat", load("plain"))


def load(name: str) -> Format:
    """Return the module of a format.

    Raises
    ------
    UsageError
        If there is no such format, or it is one of pictures, or of files that are not text.
    """
    check(name)
    if name in BINARY:
        message = f"the format {name!r} is not text, and is written to a file"
        raise UsageError(message, hint=f"--output report{BINARY[name]}")
    if name in PICTURES:
        message = f"the format {name!r} is a picture, which is written to a file"
        raise UsageError(message, hint=f"--output picture{PICTURES[name]}")
    return cast("Format", importlib.import_module(f"symdiff.report.formats.{name}"))


def load_tables(name: str) -> TableFormat:
    """Return the module of a format of tables.

    Raises
    ------
    UsageError
        If there is no such format, or it has no tables.

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
    """Check the name of a format.

    Raises
    ------
    UsageError
        If there is no such format.
    """
    names = (*FORMATS, *PICTURES, *BINARY)
    if name not in names:
        message = f"unknown format {name[:40]!r}"
        hint = did_you_mean(name, names) or f"formats: {', '.join(names)}"
        raise UsageError(message, hint=hint)


def format_of(path: Path) -> str:
    """Return the format with the extension of a file's name.

    Raises
    ------
    UsageError
        If no format has this extension.

    Examples
    --------
    >>> format_of(Path("report.md")), format_of(Path("report.JSON"))
    ('github', 'json')
    """
    for name, ending in {**FORMATS, **PICTURES, **BINARY}.items():
        if ending == path.suffix.lower():
            return name
    message = f"{path}: no format ends in {path.suffix or 'nothing'!r}"
    raise UsageError(message, hint="give --format, or a name such as report.json")
