"""The command line: read the arguments, call the library, print tables, set the exit status."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from symdiff.cli.completion import complete_language
from symdiff.cli.conventions import conventions
from symdiff.cli.doctor import doctor
from symdiff.cli.examples import examples_of
from symdiff.cli.finishing import TYPED, finish, plot_report
from symdiff.cli.interrupts import remembered
from symdiff.cli.messages import clear_errors, complain, layout_for, write
from symdiff.cli.options import (
    Brief,
    Color,
    Everything,
    Format,
    Keep,
    Output,
    Plot,
    Quiet,
    Value,
    Verbose,
    Wide,
    assignments,
    check_output,
    columns_folder,
    table_of_points,
    tensor_values,
    toml_value,
    with_options_of,
)
from symdiff.cli.progress import Progress
from symdiff.cli.report import report as report_command
from symdiff.errors import (
    INTERRUPTED,
    UsageError,
)
from symdiff.request.options import Options, RunOptions

if TYPE_CHECKING:
    from symdiff.report.report import Report


class _Commands(TyperGroup):
    """Commands without one-letter options, so that "-abs(x)" is an expression."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  (click's)
        """Put a space before arguments with one minus, so that click takes them for values."""
        TYPED.set(tuple(args))
        return super().parse_args(ctx, [f" {a}" if re.match(r"-[^-]", a) else a for a in args])


app = typer.Typer(
    cls=_Commands,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Compare ways to differentiate: sympy, autograd and finite differences, kinks included.",
)


@app.command(epilog=examples_of("run"))
@with_options_of(RunOptions, Options)
def run(  # noqa: PLR0913  (the options that are not in a table)
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Expression files and folders; default: those that symdiff ships."),
    ] = None,
    *,
    form: Format = None,
    output: Output = None,
    keep: Keep = "findings",
    everything: Everything = False,
    plot: Plot = False,
    verbose: Verbose = False,
    brief: Brief = False,
    wide: Wide = False,
    quiet: Quiet = False,
    color: Color = "auto",
    options: dict[str, Any],
) -> None:
    """Compare every expression of some files."""
    with clear_errors():
        check_output(form, output, plot=plot, wide=wide)
        layout = layout_for(
            color, everything=everything, is_verbose=verbose, is_brief=brief, is_wide=wide
        )
        columns = columns_folder(keep, output)
        # Otherwise only findings show explanations: they are few, and explained in this process.
        explain = bool(form or output or verbose or everything)
        chosen = {**options, "columns": columns, "explain": explain}
        report, interrupted = _run(list(paths or []), chosen)
        finish(report, form, output, layout, quiet=quiet)
        if plot:
            plot_report(report, layout)
        _report_columns(columns)
        raise typer.Exit(INTERRUPTED if interrupted else report.status)


@app.command("eval", epilog=examples_of("eval"))
@with_options_of(Options)
def evaluate(  # noqa: PLR0913  (one for each part of a request)
    expression: Annotated[str, typer.Argument(help='An expression, such as "relu(x)".')],
    *,
    grid: Annotated[
        list[str] | None, typer.Option(help="Points of a variable; kinks are added: x=-2:2:9.")
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option(help="Points of a variable; nothing is added: x=0,1/3.")
    ] = None,
    points: Annotated[
        Path | None,
        typer.Option(help="A .csv or .parquet file: a column for each variable, a row a point."),
    ] = None,
    let: Annotated[list[str] | None, typer.Option(help="A named sub-expression: h=2*x.")] = None,
    wrt: Annotated[
        list[str] | None, typer.Option(help="A variable to differentiate with respect to.")
    ] = None,
    claim: Annotated[
        list[str] | None, typer.Option(help="A derivative to be checked: x=2*x.")
    ] = None,
    value: Value = None,
    cotangent: Annotated[
        str | None, typer.Option(help="The gradient given to backward: [0.1, 1, 0.0001].")
    ] = None,
    tangent: Annotated[
        list[str] | None, typer.Option(help="The direction of a JVP: x=[1, 0].")
    ] = None,
    accumulate: Annotated[int, typer.Option(help="How often backward is called.")] = 1,
    language: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="Print it in torch, numpy, jax, sympy, latex or fpcore; compare nothing.",
            autocompletion=complete_language,
        ),
    ] = None,
    keep: Keep = "findings",
    form: Format = None,
    output: Output = None,
    everything: Everything = False,
    plot: Plot = False,
    wide: Wide = False,
    quiet: Quiet = False,
    color: Color = "auto",
    options: dict[str, Any],
) -> None:
    """Compare one expression, or print it in another language."""
    with clear_errors():
        check_output(form, output, plot=plot, wide=wide)
        columns = columns_folder(keep, output)
        from symdiff.program import parse  # here: takes a fifth of the time of --help

        definitions = assignments(let, "--let", "h=2*x")
        # A mistake in the text is reported here, before torch and sympy load for seconds.
        program = parse(_unescaped(expression), definitions=definitions)
        if language is not None:
            if output is not None:
                message = "--output is for a report, and --as prints the expression"
                raise UsageError(message, hint=f"--as {language[:40]} > FILE")
            from symdiff.printing.languages import translate

            write(translate(program, language) + "\n")
            return
        layout = layout_for(color, everything=everything, is_wide=wide)
        from symdiff.api import compare

        report = compare(
            program,
            assignments(grid, "--grid", "x=-2:2:9"),
            at=assignments(at, "--at", "x=0") if points is None else table_of_points(points, at),
            zip=points is not None,
            wrt=wrt or None,
            claims=assignments(claim, "--claim", "x=2*x"),
            let=definitions,
            values=tensor_values(value, "--value"),
            cotangent=None if cotangent is None else toml_value(cotangent) or cotangent,
            tangent=tensor_values(tangent, "--tangent") or None,
            accumulate=accumulate,
            columns=columns,
            **options,
        )
        finish(report, form, output, layout, quiet=quiet)
        if plot:
            plot_report(report, layout)
        _report_columns(columns)
        raise typer.Exit(report.status)


@app.command(epilog=examples_of("graph"))
def graph(
    expression: Annotated[str, typer.Argument(help='An expression, such as "relu(x)*x".')],
    *,
    at: Annotated[
        list[str] | None, typer.Option(help="Point to run at: x=1/3; other variables are 1.")
    ] = None,
    let: Annotated[list[str] | None, typer.Option(help="A named sub-expression: h=2*x.")] = None,
    value: Value = None,
    form: Annotated[str, typer.Option("--format", help="text, or dot for Graphviz.")] = "text",
) -> None:
    """Show the graph that PyTorch records of an expression."""
    with clear_errors():
        if form not in {"text", "dot"}:
            message = f"unknown format {form[:40]!r}"
            raise UsageError(message, hint="formats: text, dot")
        from symdiff.program import parse  # see eval

        program = parse(_unescaped(expression), definitions=assignments(let, "--let", "h=2*x"))
        coordinates = assignments(at, "--at", "x=0")
        tensors = tensor_values(value, "--value")
        from symdiff.engines.base import TensorProblem
        from symdiff.engines.graph import autograd_graph
        from symdiff.grid.points import axes
        from symdiff.program.values import read_value
        from symdiff.report.graph import as_dot, as_text

        scalars = [name for name in program.inputs if name not in tensors]
        point = axes(scalars, {}, {**dict.fromkeys(scalars, "1"), **coordinates})
        several = next((axis.name for axis in point if len(axis.values) != 1), None)
        if several is not None:
            message = f"--at {several} has several points"
            raise UsageError(message, hint="give one: --at x=0")
        problem = TensorProblem(program, {name: read_value(name, x) for name, x in tensors.items()})
        recorded = autograd_graph(problem, {axis.name: float(axis.values[0]) for axis in point})
        write((as_dot if form == "dot" else as_text)(recorded) + "\n")


@app.command(
    epilog=examples_of("explain"),
    short_help="Find the origin of NaNs and wrong zeros in gradients.",
)
def explain(
    function: Annotated[
        str, typer.Argument(help="A function of PyTorch code: package.module:f, or file.py:f.")
    ],
    *,
    inputs: Annotated[
        Path, typer.Option(help="A file of torch.save: a tensor, or arguments in a list or dict.")
    ],
) -> None:
    """Say where NaNs, infinities and wrong zeros in the gradients of your code come from.

    The status is 1 if there is a finding.
    """
    with clear_errors():
        from symdiff.explanation.loading import explained  # loads torch

        explanation = explained(function, inputs)
        write(f"{explanation}\n")
        raise typer.Exit(0 if explanation.ok else 1)


@app.command(epilog=examples_of("drift"), short_help="Show what changed between two runs.")
def drift(  # noqa: PLR0913  (the options)
    old: Annotated[Path, typer.Argument(help="A store, a JSON report, or a file of the atlas.")],
    new: Annotated[Path, typer.Argument(help="The same of a later run.")],
    *,
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Status 0 although the new run lacks results."),
    ] = False,
    form: Annotated[
        str | None, typer.Option("--format", help="plain, github, json or csv.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Also write the changes here, as .txt, .md, .json or .csv."),
    ] = None,
    color: Color = "auto",
) -> None:
    """Show what changed between two runs: verdicts, choices at kinks, and results that are gone.

    The status is 1 if anything changed, or if the new run lacks an expression, an engine or a point
    of the old one.
    """
    with clear_errors():
        look = layout_for(color).look
        from symdiff.atlas.drift import compared  # loads numpy
        from symdiff.report.drift_formats import form_of, written
        from symdiff.report.report import write_atomically

        in_file, shown = form_of(form, output), form_of("plain" if output else form, None)
        changes, text = compared(old, new)
        if output is not None:
            write_atomically(output, written(changes, text, in_file))
        if shown == "plain":
            text = look.verdicts(text)
        write(written(changes, text, shown))
        is_less = changes.has_lost_coverage and not allow_missing
        raise typer.Exit(1 if changes.has_changes or is_less else 0)


app.command(
    "report",
    epilog=examples_of("report"),
    short_help="Show the results in a store, or write them in any format.",
)(report_command)
app.command(
    epilog=examples_of("conventions"),
    short_help="Show what each engine gives at kinks, ties and jumps.",
)(conventions)
app.command(
    epilog=examples_of("doctor"),
    short_help="Check the installation, and that a planted fault is found.",
)(doctor)


@app.command(epilog=examples_of("functions"))
def functions(
    form: Annotated[str, typer.Option("--format", help="plain or github.")] = "plain",
) -> None:
    """List the functions that an expression may use."""
    from symdiff.report.listings import function_table  # loads tabulate

    with clear_errors():
        write(function_table(form) + "\n")


@app.command(epilog=examples_of("engines"))
def engines(
    form: Annotated[str, typer.Option("--format", help="plain or github.")] = "plain",
) -> None:
    """List the engines."""
    from symdiff.engines.registry import unusable_plugins
    from symdiff.report.listings import engine_table  # loads tabulate

    with clear_errors():
        for line in unusable_plugins():
            complain(line)
        write(engine_table(form) + "\n")


def _show_version(value: bool) -> None:  # noqa: FBT001  (typer's callback)
    if value:
        from importlib.metadata import version  # here: takes a third of the time of --help

        write(f"symdiff {version('symdiff-compare')}\n")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Declare the options that stand before a command."""


def _unescaped(expression: str) -> str:
    """Remove the space that `_Commands` puts before a minus."""
    return expression[1:] if expression.startswith(" -") else expression


def _report_columns(folder: Path | None) -> None:
    if folder is not None:
        complain(f"all columns are in {folder}")


def _run(paths: list[Path], options: dict[str, Any]) -> tuple[Report, bool]:
    """Compare the entries of files; return the report, and whether Ctrl-C ended it early."""
    with contextlib.ExitStack() as stack:
        progress = Progress(stack, stack.enter_context(remembered()))
        from symdiff.api import compare_files, report_of

        try:
            return compare_files(paths, progress=progress, **options), False
        except KeyboardInterrupt:
            if not progress.started:
                raise
    report = report_of(progress.outcomes)
    count = len(report.evidence)
    complain(f"interrupted: {count} of {progress.total} expressions are done")
    return report, True
