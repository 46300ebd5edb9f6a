"""The command line: arguments in, library calls, tables and an exit status out."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from symdiff.cli.options import (
    Atol,
    Dask,
    Engines,
    Everything,
    Format,
    Jobs,
    Keep,
    MaxComponents,
    MaxPoints,
    MaxProofs,
    Memory,
    NoKinks,
    Output,
    Prove,
    Quiet,
    Rtol,
    Seed,
    StoreFile,
    Strict,
    Timeout,
    Value,
    assignments,
    check_output,
    columns_folder,
    format_of,
    numbers,
    options_of,
    toml_value,
    workers_of,
)
from symdiff.errors import (
    INTERRUPTED,
    NOTHING_DONE,
    Crash,
    InputError,
    UsageError,
    describe,
)

if TYPE_CHECKING:
    from symdiff.batch.runner import Workers
    from symdiff.batch.work import Work
    from symdiff.comparison.evidence import Options
    from symdiff.report import Report


class _Commands(TyperGroup):
    """Commands without one-letter options: "-abs(x)" is an expression."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  (click's)
        """Keep what begins with one minus from being taken for an option."""
        return super().parse_args(ctx, [f" {a}" if re.match(r"-[^-]", a) else a for a in args])


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Compare ways to differentiate: sympy, autograd and finite differences, kinks included.",
)


@app.command()
def run(  # noqa: PLR0913  (the options of the command line)
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Expression files and folders; none: the expressions shipped."),
    ] = None,
    *,
    form: Format = None,
    output: Output = None,
    engine: Engines = None,
    jobs: Jobs = 1,
    timeout: Timeout = None,
    memory: Memory = None,
    dask: Dask = None,
    store: StoreFile = None,
    keep: Keep = "findings",
    only: Annotated[
        str | None, typer.Option(help="Run entries whose name matches: 'relu*'.")
    ] = None,
    everything: Everything = False,
    quiet: Quiet = False,
    rtol: Rtol = None,
    atol: Atol = None,
    no_kinks: NoKinks = False,
    max_points: MaxPoints = None,
    seed: Seed = 0,
    prove: Prove = "filter",
    max_proofs: MaxProofs = None,
    max_components: MaxComponents = None,
    strict: Strict = False,
) -> None:
    """Compare every expression of some files."""
    with _clear_errors():
        check_output(form, output)
        if jobs > 1 and dask is None:
            from symdiff.batch.workers import start_loading  # multiprocessing

            start_loading()  # meanwhile files are read
        from symdiff.batch.work import collect  # loads numpy

        work = collect(list(paths or []), only)
        options = options_of(
            engine=engine,
            rtol=rtol,
            atol=atol,
            max_points=max_points,
            seed=seed,
            kinks=not no_kinks,
            prove=prove,
            max_proofs=max_proofs,
            max_components=max_components,
            strict=strict,
            columns=columns_folder(keep, output),
        )
        workers = workers_of(jobs, timeout, memory, dask)
        report, interrupted = _run(work, options, workers, store)
        _finish(report, form, output, everything=everything, quiet=quiet)
        _tell_columns(keep, output)
        raise typer.Exit(INTERRUPTED if interrupted else report.status)


@app.command("eval")
def evaluate(  # noqa: PLR0913  (the options of the command line)
    expression: Annotated[str, typer.Argument(help='An expression, such as "relu(x)".')],
    *,
    grid: Annotated[
        list[str] | None, typer.Option(help="Points, to which kinks are added: x=-2:2:9.")
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option(help="Points, to which nothing is added: x=0,1/3.")
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
        str | None, typer.Option(help="What backward is called with: [0.1, 1, 0.0001].")
    ] = None,
    tangent: Annotated[list[str] | None, typer.Option(help="A direction to go: x=[1, 0].")] = None,
    accumulate: Annotated[int, typer.Option(help="How often backward is called.")] = 1,
    keep: Keep = "findings",
    form: Format = None,
    output: Output = None,
    engine: Engines = None,
    everything: Everything = False,
    quiet: Quiet = False,
    rtol: Rtol = None,
    atol: Atol = None,
    no_kinks: NoKinks = False,
    max_points: MaxPoints = None,
    seed: Seed = 0,
    prove: Prove = "filter",
    max_proofs: MaxProofs = None,
    max_components: MaxComponents = None,
    strict: Strict = False,
) -> None:
    """Compare one expression."""
    with _clear_errors():
        check_output(form, output)
        from symdiff.program import parse  # a fifth of the time of --help

        definitions = assignments(let, "--let", "h=2*x")
        program = parse(_unescaped(expression), definitions=definitions)
        # A mistake in the text has been told by now: what follows loads for seconds.
        from symdiff.comparison.compare import compare_program
        from symdiff.report import Comparison

        evidence = compare_program(
            program,
            assignments(grid, "--grid", "x=-2:2:9"),
            options=options_of(
                engine=engine,
                rtol=rtol,
                atol=atol,
                max_points=max_points,
                seed=seed,
                kinks=not no_kinks,
                prove=prove,
                max_proofs=max_proofs,
                max_components=max_components,
                strict=strict,
                columns=columns_folder(keep, output),
            ),
            at=assignments(at, "--at", "x=0"),
            wrt=wrt or None,
            claims=assignments(claim, "--claim", "x=2*x"),
            let=definitions,
            values=numbers(value, "--value"),
            cotangent=None if cotangent is None else toml_value(cotangent) or cotangent,
            tangent=numbers(tangent, "--tangent") or None,
            accumulate=accumulate,
        )
        report = Comparison((evidence,))
        _finish(report, form, output, everything=everything, quiet=quiet)
        _tell_columns(keep, output)
        raise typer.Exit(report.status)


@app.command()
def graph(
    expression: Annotated[str, typer.Argument(help='An expression, such as "relu(x)*x".')],
    *,
    at: Annotated[
        list[str] | None, typer.Option(help="Where it runs: x=1/3; 1 for the others.")
    ] = None,
    let: Annotated[list[str] | None, typer.Option(help="A named sub-expression: h=2*x.")] = None,
    value: Value = None,
    form: Annotated[str, typer.Option("--format", help="text, or dot for Graphviz.")] = "text",
) -> None:
    """Show the graph that PyTorch records of an expression."""
    with _clear_errors():
        if form not in {"text", "dot"}:
            message = f"unknown format {form[:40]!r}"
            raise UsageError(message, hint="formats: text, dot")
        from symdiff.program import parse  # see eval

        program = parse(_unescaped(expression), definitions=assignments(let, "--let", "h=2*x"))
        given = assignments(at, "--at", "x=0")
        tensors = numbers(value, "--value")
        from symdiff.engines.base import TensorProblem
        from symdiff.engines.graph import as_dot, as_text, autograd_graph
        from symdiff.grid.points import axes
        from symdiff.program.values import read_value

        moving = [name for name in program.inputs if name not in tensors]
        places = axes(moving, {}, {**dict.fromkeys(moving, "1"), **given})
        several = next((axis.name for axis in places if len(axis.values) != 1), None)
        if several is not None:
            message = f"--at {several} gives several points"
            raise UsageError(message, hint="a graph is that of one: --at x=0")
        whole = TensorProblem(program, {name: read_value(name, x) for name, x in tensors.items()})
        found = autograd_graph(whole, {axis.name: float(axis.values[0]) for axis in places})
        _write((as_dot if form == "dot" else as_text)(found) + "\n")


@app.command()
def drift(
    old: Annotated[Path, typer.Argument(help="A store, or a JSON report.")],
    new: Annotated[Path, typer.Argument(help="Another, of a later run.")],
) -> None:
    """Show what changed between two runs: verdicts, and choices at kinks."""
    with _clear_errors():
        from symdiff.report.drift import drift as compare_runs  # loads numpy
        from symdiff.report.drift import read_run, rendered

        found = compare_runs(read_run(old), read_run(new))
        _write(rendered(found) + "\n")
        raise typer.Exit(1 if found.found else 0)


@app.command()
def functions(
    form: Annotated[str, typer.Option("--format", help="plain or github.")] = "plain",
) -> None:
    """List the functions that an expression may use."""
    from symdiff.report.listings import function_table  # loads tabulate

    with _clear_errors():
        _write(function_table(form) + "\n")


@app.command()
def engines(
    form: Annotated[str, typer.Option("--format", help="plain or github.")] = "plain",
) -> None:
    """List the engines."""
    from symdiff.engines.registry import unusable_plugins
    from symdiff.report.listings import engine_table  # loads tabulate

    with _clear_errors():
        for line in unusable_plugins():
            _complain(line)
        _write(engine_table(form) + "\n")


def _show_version(value: bool) -> None:  # noqa: FBT001  (typer's callback)
    if value:
        from importlib.metadata import version  # a third of the time of --help

        _write(f"symdiff {version('symdiff-compare')}\n")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Hold the options of the program itself."""


@contextlib.contextmanager
def _clear_errors() -> Iterator[None]:
    """Turn a mistake in the input into one clear message and exit status 2."""
    try:
        yield
    except InputError as error:
        _complain(str(error))
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        _complain(NOTHING_DONE)
        raise typer.Exit(INTERRUPTED) from None
    except (typer.Exit, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001  (a defect: said in one line, not in a traceback)
        _complain(str(Crash("this call", describe(error))))
        raise typer.Exit(1) from None


def _unescaped(expression: str) -> str:
    """Take back the space that `_Commands` puts before a minus."""
    return expression[1:] if expression.startswith(" -") else expression


def _complain(text: str) -> None:
    sys.stderr.write(f"symdiff: {text}\n")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _tell_columns(keep: str, output: Path | None) -> None:
    folder = columns_folder(keep, output)
    if folder is not None:
        _complain(f"all columns are in {folder}")


def _run(work: Work, options: Options, workers: Workers, path: Path | None) -> tuple[Report, bool]:
    """Run all entries; Ctrl-C keeps what is done."""
    from symdiff.batch.runner import run as run_work  # loads numpy
    from symdiff.batch.store import open_store
    from symdiff.comparison.evidence import Evidence
    from symdiff.report import Report

    outcomes: list[Any] = []
    interrupted = False
    try:
        store = contextlib.nullcontext() if path is None else open_store(path)
        with store as kept, _progress(len(work.entries)) as advance:
            for outcome in run_work(work, options, workers=workers, store=kept, advance=advance):
                outcomes.append(outcome)  # noqa: PERF402  (kept if the loop is interrupted)
    except KeyboardInterrupt:
        interrupted = True
        done = sum(isinstance(o, Evidence) for o in outcomes)
        _complain(f"interrupted: {done} of {len(work.entries)} expressions are done")
    evidence = tuple(o for o in outcomes if isinstance(o, Evidence))
    return Report(evidence, tuple(o for o in outcomes if not isinstance(o, Evidence))), interrupted


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """Show a bar on standard error, if a person is there to see it."""
    if not sys.stderr.isatty() or total < 2:
        yield lambda: None
        return
    from rich.console import Console  # on a terminal only
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("comparing", total=total)
        yield lambda: bar.advance(task)


def _finish(
    report: Report, form: str | None, output: Path | None, *, everything: bool, quiet: bool
) -> None:
    """Print the table or the summary, write the file, and name every mistake."""
    from symdiff.report.report import write_atomically

    if output is not None:
        text = report.rendered(form or format_of(output), everything=everything)
        write_atomically(output, text)
    if quiet:
        _write(report.summary() + "\n")
    else:
        _write(report.rendered("plain" if output or not form else form, everything=everything))
    for mistake in report.errors:
        _complain(str(mistake))
