"""Options of the command line, and the parsing of their values."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from symdiff.cli.completion import COMPLETIONS, complete_format
from symdiff.errors import UsageError
from symdiff.report import formats
from symdiff.request.options import described

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help=f"One of {', '.join(formats.FORMATS)}.",
        autocompletion=complete_format,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        help="Also write the report here; the format follows from the name's ending, as in .svg."
    ),
]
Keep = Annotated[
    str,
    typer.Option(
        "--keep", help="findings; or all: write all columns to a folder named after the output."
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Show every point.")]
Color = Annotated[
    str,
    typer.Option(help="auto, always or never; auto: in a terminal, unless NO_COLOR is set."),
]
Plot = Annotated[
    bool, typer.Option("--plot", help="Draw the function and its derivative in the terminal.")
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show the table of every expression.")]
Brief = Annotated[bool, typer.Option("--brief", help="Leave out the line of each expression.")]
Wide = Annotated[
    bool, typer.Option("--wide", help="CSV: a row for each point, a column for each engine.")
]
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
        about_typer = typer.Option(
            about.flag,
            help=about.help + " May be repeated." * is_list,
            autocompletion=COMPLETIONS.get(name),
        )
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


def assignments(texts: list[str] | None, option: str, example: str) -> dict[str, str]:
    """Return the values of an option's assignments, by name.

    Parameters
    ----------
    texts
        As typed: ``x=-2:2:9``.
    option, example
        The option and an assignment, for messages.

    Raises
    ------
    UsageError
        A text is not an assignment, or a name is given twice.

    Examples
    --------
    >>> assignments(["x=-2:2:9", "y = 1/3"], "--grid", "x=0,1")
    {'x': '-2:2:9', 'y': '1/3'}
    """
    values: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = (part.strip() for part in text.partition("="))
        if equals and name and not value:
            message = f"{option} {text[:40]!r} has no value"
            raise UsageError(
                message, hint=f"write {option} {name[:40]}={example.partition('=')[2]}"
            )
        if not equals or not name:
            message = f"{option} {text[:40]!r} is not an assignment"
            raise UsageError(message, hint=f"{option} {example}")
        if name in values:
            message = f"{option} {name[:40]} is given twice"
            lists = option in {"--grid", "--at"}
            hint = f"list points with commas: {option} x=0,1" if lists else "keep one"
            raise UsageError(message, hint=hint)
        values[name] = value
    return values


def tensor_values(texts: list[str] | None, option: str) -> dict[str, Any]:
    """Return the tensors that an option assigns, in TOML's syntax: lists of numbers, or a table.

    Raises
    ------
    UsageError
        A value is not written in TOML's syntax.
    """
    values: dict[str, Any] = {}
    for name, text in assignments(texts, option, "w=[[1, 2], [3, 4]]").items():
        values[name] = toml_value(text)
        if values[name] is None:
            message = f"{option} {name[:40]}: {text[:40]!r} is not a tensor"
            raise UsageError(message, hint=f"{option} 'w=[[1, 2], [3, 4]]'")
    return values


def table_of_points(path: Path, at: list[str] | None) -> dict[str, Any]:
    """Return the columns of a file of points.

    Raises
    ------
    UsageError
        The file cannot be read, or `--at` is given too.
    """
    from symdiff.request.points_table import read_points  # here: see `toml_value`

    if at:
        message = "--at cannot be combined with --points"
        raise UsageError(message, hint="add a line to the file of points")
    return read_points(path)


def toml_value(text: str) -> Any:  # noqa: ANN401  (numbers, or None)
    """Return the value that a text has in TOML's syntax, or None."""
    import tomllib  # a thirtieth of the time of --help

    try:
        return tomllib.loads(f"value = {text}").get("value")
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return None


def columns_folder(keep: str, output: Path | None) -> Path | None:
    """Return the folder for all columns, or None if only findings are kept.

    Raises
    ------
    UsageError
        `keep` is neither "findings" nor "all".
    """
    if keep not in {"findings", "all"}:
        message = f"keep cannot be {keep[:40]!r}"
        raise UsageError(message, hint="findings or all")
    if keep == "findings":
        return None
    return Path("symdiff.columns") if output is None else output.with_suffix(".columns")


def check_output(form: str | None, output: Path | None, *, plot: bool, wide: bool = False) -> None:
    """Check the format and the path of the output, before the work and not after it.

    Raises
    ------
    UsageError
        The format is unknown, or not for a terminal, or the file cannot be written.
    """
    if form is not None:
        formats.check(form)
    if wide and (form or (output and formats.format_of(output))) != "csv":
        message = "--wide is for CSV only"
        raise UsageError(message, hint="--format csv --wide, or --output report.csv --wide")
    if output is None:
        if form is not None and form in {**formats.PICTURES, **formats.BINARY}:
            formats.load(form)  # raises an error that says what to type
        if plot and form not in {None, "plain"}:
            message = f"--plot is text for people, and --format {form} is not"
            raise UsageError(message, hint="leave one of them out")
        return
    if output.is_dir():
        message = f"--output {output} is a folder"
        raise UsageError(message, hint="give the name of a file, such as report.json")
    if form is None:
        formats.format_of(output)
    if not output.parent.is_dir():
        message = f"{output}: there is no folder {output.parent}"
        raise UsageError(message, hint=f"mkdir -p {output.parent}")
