"""What the command line takes: its options, and the values of some read."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from symdiff.errors import UsageError
from symdiff.report import formats
from symdiff.request.options import described

Format = Annotated[
    str | None,
    typer.Option("--format", help=f"One of {', '.join(formats.FORMATS)}."),
]
Output = Annotated[
    Path | None,
    typer.Option(help="Also write the report here; the format follows from the name's ending."),
]
Keep = Annotated[
    str,
    typer.Option(
        "--keep", help="findings; or all: write all columns to a folder named after the output."
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Show every point.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print the summary only.")]
Value = Annotated[
    list[str] | None,
    typer.Option(help="A tensor's value: w=[[1, 2], [3, 4]], x={shape=[2], seed=0}."),
]


def with_options_of(*tables: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command an option for every field with a flag.

    The command gets their values by name, as its parameter `options`.

    Parameters
    ----------
    *tables
        `request.options.Options`, `request.options.RunOptions`.
    """
    added = [parameter for table in tables for parameter in _parameters(table)]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        parameters = [p for p in signature.parameters.values() if p.name != "options"] + added

        @functools.wraps(command)
        def call(**values: Any) -> None:  # noqa: ANN401  (what typer read)
            options = {p.name: values.pop(p.name) for p in added}
            command(**values, options=options)

        call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        return call

    return decorate


def _parameters(table: type) -> list[inspect.Parameter]:
    """Return typer's parameters for the fields of a dataclass that have a flag.

    Examples
    --------
    >>> from symdiff.request.options import Options
    >>> [str(parameter.default) for parameter in _parameters(Options) if parameter.name == "seed"]
    ['0']
    """
    types = typing.get_type_hints(table)
    fields = inspect.signature(table).parameters
    parameters = []
    for name, about in described(table).items():
        if about.flag is None:
            continue
        default = fields[name].default
        is_list = isinstance(default, tuple)
        about_typer = typer.Option(about.flag, help=about.help + " May be repeated." * is_list)
        kind: Any = list[str] if is_list else types[name]
        parameters.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=list(default) if is_list else default,
                annotation=Annotated[kind, about_typer],
            )
        )
    return parameters


def assignments(given: list[str] | None, option: str, example: str) -> dict[str, str]:
    """Return what stands right of "=", by what stands left of it.

    Raises
    ------
    UsageError
        There is no "=", or a name is given twice.

    Examples
    --------
    >>> assignments(["x=-2:2:9", "y = 1/3"], "--grid", "x=0,1")
    {'x': '-2:2:9', 'y': '1/3'}
    """
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or not value:
            message = f"{option} {text[:40]!r} is no assignment"
            raise UsageError(message, hint=f"{option} {example}")
        if name in found:
            message = f"{option} {name[:40]} is given twice"
            lists = option in {"--grid", "--at"}
            hint = f"list points with commas: {option} x=0,1" if lists else "keep one"
            raise UsageError(message, hint=hint)
        found[name] = value
    return found


def numbers(given: list[str] | None, option: str) -> dict[str, Any]:
    """Read tensors in TOML's words: lists of numbers, or a table.

    Raises
    ------
    UsageError
        One is neither.
    """
    found: dict[str, Any] = {}
    for name, text in assignments(given, option, "w=[[1, 2], [3, 4]]").items():
        found[name] = toml_value(text)
        if found[name] is None:
            message = f"{option} {name[:40]}: {text[:40]!r} is no tensor"
            raise UsageError(message, hint=f"{option} 'w=[[1, 2], [3, 4]]'")
    return found


def toml_value(text: str) -> Any:  # noqa: ANN401  (numbers, or None)
    """Return a value in TOML's words, None if the text is none."""
    import tomllib  # a thirtieth of the time of --help

    try:
        return tomllib.loads(f"value = {text}").get("value")
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return None


def columns_folder(keep: str, output: Path | None) -> Path | None:
    """Return the folder for all columns, if they are wanted.

    Raises
    ------
    UsageError
        `keep` is none of the words.
    """
    if keep not in {"findings", "all"}:
        message = f"unknown --keep {keep[:40]!r}"
        raise UsageError(message, hint="--keep findings, or --keep all")
    if keep == "findings":
        return None
    return Path("symdiff.columns") if output is None else output.with_suffix(".columns")


def check_output(form: str | None, output: Path | None) -> None:
    """Refuse a format or a path before the work is done, not after.

    Raises
    ------
    UsageError
        Nothing can be written there, or not so.
    """
    if form is not None:
        formats.check(form)
    if output is None:
        return
    if output.is_dir():
        message = f"--output {output} is a folder"
        raise UsageError(message, hint="give the name of a file, such as report.json")
    if form is None:
        formats.format_of(output)
    if not output.parent.is_dir():
        message = f"{output}: there is no folder {output.parent}"
        raise UsageError(message, hint=f"mkdir -p {output.parent}")
