"""The command ``symdiff conventions``: record, then print or write."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from symdiff.atlas import files, tables
from symdiff.atlas.cases import cases
from symdiff.atlas.elsewhere import run_with
from symdiff.atlas.recording import record
from symdiff.atlas.rows import Atlas
from symdiff.engines.registry import ALL, resolve
from symdiff.errors import UsageError

_FORMAT: Final = "table"  # the default


def conventions(  # noqa: PLR0913, PLR0917  (the options of the command)
    functions: Sequence[str],
    engines: Sequence[str],
    form: str | None,
    output: Path | None,
    python: Path | None,
    jobs: int | None,
) -> str:
    """Return what the command prints.

    Raises
    ------
    UsageError
        An option cannot be used, or the other environment cannot be.
    """
    if form is not None:
        tables.check(form)
    if output is not None and not output.is_dir():
        message = f"--output {output} is not a folder"
        raise UsageError(message, hint=f"mkdir -p {output}")
    if jobs is not None and jobs < 1:
        message = f"jobs cannot be {jobs}"
        raise UsageError(message, hint="an integer, at least 1")
    calls = cases(functions)
    chosen = tuple(engines) or (ALL,)
    if python is None:
        atlas = record(calls, resolve(chosen), jobs=jobs)
    else:
        atlas = _recorded_with(python, functions, chosen, jobs)
    if output is not None:
        paths = files.write(atlas, output)
        return "".join(f"{path}\n" for path in paths)
    return tables.rendered(atlas, form or _FORMAT)


def _recorded_with(
    python: Path, functions: Sequence[str], engines: Sequence[str], jobs: int | None
) -> Atlas:
    """Return what is recorded with another interpreter."""
    options = [f"--engine={engine}" for engine in engines]
    options += [] if jobs is None else [f"--jobs={jobs}"]
    text = run_with(python, ["conventions", *functions, *options, "--format=json"])
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "atlas.json"
        path.write_text(text, encoding="utf-8")
        return files.read(path)
