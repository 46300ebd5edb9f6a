"""Run `symdiff conventions` with the interpreter of another environment.

The environment needs what symdiff depends on, but not symdiff itself: the code of this process is
lent to it. Nothing else of this environment is visible there.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from symdiff.errors import UsageError
from symdiff.versions import DISTRIBUTION

_PACKAGE: Final = "symdiff"
_MISSING: Final = "ModuleNotFoundError: No module named "


def run_with(python: Path, arguments: Sequence[str]) -> str:
    """Return what a command of symdiff prints with another interpreter.

    Raises
    ------
    UsageError
        The interpreter cannot be started, lacks a module, or the command fails.
    """
    with tempfile.TemporaryDirectory() as name:
        lend(Path(name))
        try:
            done = subprocess.run(  # noqa: S603  (the interpreter that the user names)
                [str(python.absolute()), "-m", _PACKAGE, *arguments],
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "PYTHONPATH": name},
            )
        except OSError as error:
            message = f"--python {python}: {error.strerror or error}"
            raise UsageError(message, hint="the python of a virtual environment") from None
    if done.returncode:
        raise _failure(python, done.stderr)
    sys.stderr.write(done.stderr)
    return done.stdout


def lend(folder: Path) -> None:
    """Make the package and its metadata importable from a folder."""
    (folder / _PACKAGE).symlink_to(Path(__file__).resolve().parent.parent)
    metadata = importlib.metadata.distribution(DISTRIBUTION).metadata
    information = folder / f"{DISTRIBUTION.replace('-', '_')}-{metadata['Version']}.dist-info"
    information.mkdir()
    fields = (f"{key}: {metadata[key]}" for key in ("Metadata-Version", "Name", "Version"))
    (information / "METADATA").write_text("\n".join(fields) + "\n", encoding="utf-8")


def _failure(python: Path, errors: str) -> UsageError:
    """Return an error that says in one line why a command failed."""
    lines = errors.strip().splitlines() or ["it ended without a message"]
    missing = next((line for line in lines if _MISSING in line), None)
    if missing is None:
        reason = lines[-1].removeprefix(f"{_PACKAGE}: ")
        return UsageError(f"--python {python}: {reason}")
    module = missing.partition(_MISSING)[2].strip("'\" ()")
    hint = "install there what symdiff depends on: see docs/atlas.md"
    return UsageError(f"--python {python}: it has no module {module}", hint=hint)
