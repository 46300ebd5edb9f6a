"""The page of the command line: every command with its options and examples, as in its help."""

from __future__ import annotations

import re
from collections.abc import Iterator

from typer.core import TyperCommand
from typer.main import get_group

from symdiff.cli.app import app
from symdiff.cli.examples import EXAMPLES


def commands() -> str:
    """Return a section in Markdown for every command."""
    named = get_group(app).commands.items()
    return "\n".join(_section(n, c) for n, c in named if isinstance(c, TyperCommand))


def _section(name: str, command: TyperCommand) -> str:
    about = [_paragraph(text) for text in (command.help or "").split("\n\n")]
    rows = list(_rows(name, command))
    table = ["| argument or option | meaning |", "| --- | --- |", *rows, ""] if rows else []
    examples = ["```sh", *EXAMPLES[name], "```"]
    return "\n".join([f"## symdiff {name}", "", *about, *table, *examples, ""])


def _rows(name: str, command: TyperCommand) -> Iterator[str]:
    context = command.make_context(name, [], resilient_parsing=True)
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None:
            names, meaning = record
            yield f"| `{names}` | {_cell(meaning)} |"


def _paragraph(text: str) -> str:
    return " ".join(text.split()) + "\n"


def _cell(text: str) -> str:
    r"""Return a help text as a cell of a table, with what Markdown would read as markup escaped.

    Examples
    --------
    >>> print(_cell("|v - d| <= rtol*|d|, `eval` <b>  [default: 1e-09]"))
    \|v - d\| &lt;= rtol\*\|d\|, `eval` &lt;b> Default: 1e-09.
    """
    said, _, setting = text.removesuffix("]").partition("  [")
    whole = f"{said} {setting.capitalize()}." if setting else text
    return re.sub(r"([|*_\[\]])", r"\\\1", whole).replace("<", "&lt;")
