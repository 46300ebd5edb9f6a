"""What the command line takes: its options, read into what the library works with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symdiff.errors import UsageError

if TYPE_CHECKING:
    from symdiff.batch.runner import Workers
    from symdiff.comparison.evidence import Options

_SUFFIXES = {".md": "github", ".tex": "latex", ".txt": "plain"}

Format = Annotated[
    str | None,
    typer.Option("--format", help="plain, github, latex, html, csv, json or jsonl."),
]
Output = Annotated[
    Path | None,
    typer.Option(help="Also write the report here; the format follows from the name's ending."),
]
Engines = Annotated[
    list[str] | None, typer.Option("--engine", help="An engine to run; may be given several times.")
]
Jobs = Annotated[int, typer.Option(help="Worker processes.")]
Timeout = Annotated[
    float | None,
    typer.Option(help="Seconds that one expression may take in a worker process; 300."),
]
Memory = Annotated[
    float | None,
    typer.Option(help="GiB that a worker process may take; an equal share of the machine's."),
]
StoreFile = Annotated[
    Path | None,
    typer.Option("--store", help="Keep results in this file; what it has is not run again."),
]
Dask = Annotated[
    str | None, typer.Option("--dask", help="Work on this Dask cluster: tcp://HOST:8786.")
]
Keep = Annotated[
    str,
    typer.Option(
        "--keep", help="findings; or all: write all columns to a folder named after the output."
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Show every point.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print the summary only.")]
Rtol = Annotated[float | None, typer.Option(help="Relative tolerance of agreement.")]
Atol = Annotated[float | None, typer.Option(help="Absolute tolerance of agreement.")]
NoKinks = Annotated[bool, typer.Option("--no-kinks", help="Do not add kinks to the grid.")]
MaxPoints = Annotated[
    int | None, typer.Option(help="Largest product of several axes; beyond, a Sobol sample.")
]
Seed = Annotated[int, typer.Option(help="Seed of the Sobol sample and of the sample of proofs.")]
Prove = Annotated[
    str, typer.Option(help="Prove every point: all; or what error bounds leave open: filter.")
]
MaxProofs = Annotated[
    int | None, typer.Option(help="Proofs an expression and variable; the rest is undecided.")
]
MaxComponents = Annotated[
    int | None,
    typer.Option(help="Derivatives of tensors judged one by one; beyond, random directions."),
]
Value = Annotated[
    list[str] | None,
    typer.Option(help="A tensor's value: w=[[1, 2], [3, 4]], x={shape=[2], seed=0}."),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="A number where there is no derivative does not pass.")
]


def options_of(  # noqa: PLR0913  (one for each option)
    *,
    engine: list[str] | None,
    rtol: float | None,
    atol: float | None,
    max_points: int | None,
    seed: int,
    kinks: bool,
    prove: str,
    max_proofs: int | None,
    max_components: int | None,
    strict: bool,
    columns: Path | None,
) -> Options:
    """Return how to compare, with what is usual where nothing was said.

    Raises
    ------
    UsageError
        An option has a value without meaning.
    """
    from symdiff.comparison.evidence import Options  # loads numpy
    from symdiff.engines import registry as engine_table
    from symdiff.truth.certify import ProofOptions
    from symdiff.verdict.judge import Tolerance

    for name in engine or ():
        engine_table.check(name)
    default = Options()
    return Options(
        engines=tuple(engine or default.engines),
        tolerance=Tolerance(
            default.tolerance.rtol if rtol is None else rtol,
            default.tolerance.atol if atol is None else atol,
        ),
        kinks=kinks,
        max_points=default.max_points if max_points is None else max_points,
        seed=seed,
        judging=ProofOptions(
            prove=prove,
            max_proofs=default.judging.max_proofs if max_proofs is None else max_proofs,
            seed=max(seed, 0),
        ),
        max_components=default.max_components if max_components is None else max_components,
        strict=strict,
        columns=columns,
    )


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


def workers_of(jobs: int, timeout: float | None, memory: float | None, dask: str | None) -> Workers:
    """Return who does the work.

    Raises
    ------
    UsageError
        A limit has no meaning.
    """
    from symdiff.batch.runner import Workers  # loads numpy
    from symdiff.batch.workers import limits_of

    return Workers(jobs=jobs, limits=limits_of(timeout, memory), dask=dask)


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
    known = ("plain", "github", "latex", "html", "csv", "json", "jsonl")
    if form is not None and form not in known:
        message = f"unknown format {form[:40]!r}"
        raise UsageError(message, hint=f"formats: {', '.join(known)}")
    if output is None:
        return
    if output.is_dir():
        message = f"--output {output} is a folder"
        raise UsageError(message, hint="give the name of a file, such as report.json")
    if form is None and format_of(output) not in known:
        message = f"{output}: no format ends in {output.suffix or 'nothing'!r}"
        raise UsageError(message, hint="give --format, or a name such as report.json")
    if not output.parent.is_dir():
        message = f"{output}: there is no folder {output.parent}"
        raise UsageError(message, hint=f"mkdir -p {output.parent}")


def format_of(output: Path) -> str:
    """Return the format that a file's name asks for.

    Examples
    --------
    >>> format_of(Path("report.md")), format_of(Path("report.json"))
    ('github', 'json')
    """
    suffix = output.suffix.lower()
    return _SUFFIXES.get(suffix, suffix.removeprefix("."))
