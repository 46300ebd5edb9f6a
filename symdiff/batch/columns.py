"""All columns of a comparison as files on disk, for grids too long for a report."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import urllib.parse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from symdiff.comparison.evidence import Trial
from symdiff.errors import UsageError
from symdiff.grid.grid import Grid, Role
from symdiff.request.options import Options
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict

_LONGEST_NAME: Final = 150  # of the 255 bytes that file systems allow
_DIGEST: Final = 16
_TRUTHS: Final = ("kinds", "left", "right", "derivative", "proved")


def column_writer(options: Options) -> Callable[[str], Columns] | None:
    """Return what makes a writer for the expression with a name; None: nothing is written."""
    folder = options.columns
    return None if folder is None else lambda name: Columns.of(folder, name)


@dataclasses.dataclass(slots=True)
class Columns:
    """A folder with one ``.npy`` file for every column, written chunk by chunk.

    ``x.npy`` has the points; ``derivative.npy`` the truth; ``autograd.npy`` what an engine gave,
    ``autograd.verdict.npy`` what that is worth. With several variables or spellings their names
    stand before. ``columns.json`` has the words for the numbers, and how many points there are by
    now.

    Attributes
    ----------
    folder
        Made if it is not there.
    """

    folder: Path
    _points: int = 0
    _names: set[str] = dataclasses.field(default_factory=set)

    @classmethod
    def of(cls, folder: Path, name: str) -> Columns:
        """Return the columns of the expression with a name: a folder of its own in `folder`."""
        return cls(folder / _file_name(name))

    def append(self, grid: Grid, trials: Sequence[Trial]) -> None:
        """Write some points more.

        Raises
        ------
        UsageError
            The folder cannot be written to.
        """
        found: dict[str, np.ndarray] = {"role": grid.roles, **grid.columns()}
        for trial in trials:
            spelling = f"{trial.spelling}." if trial.spelling else ""
            for variable, truths in trial.truths.items():
                by = f"{spelling}{variable}." if len(trial.truths) > 1 else spelling
                found |= {f"{by}{name}": getattr(truths, name) for name in _TRUTHS}
                for engine in trial.samples:
                    if variable in trial.covered(engine):
                        found[f"{by}{engine}"] = trial.samples[engine].derivatives[variable]
                        found[f"{by}{engine}.verdict"] = trial.verdicts(engine, variable)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, column in found.items():
                self._write(name, column)
            self._points += len(grid)
            self._names |= set(found)
            self._describe()
        except OSError as error:
            message = f"{self.folder}: {error.strerror or error}"
            raise UsageError(message, hint="give a folder that can be written to") from None

    def _write(self, name: str, column: np.ndarray) -> None:
        path = self.folder / f"{_file_name(name)}.npy"
        total = self._points + len(column)
        # numpy leaves room in a header for a longer first axis.
        head: dict[str, Any] = {
            "descr": np.lib.format.dtype_to_descr(column.dtype),
            "fortran_order": False,
            "shape": (total,),
        }
        with path.open("r+b" if self._points else "wb") as file:
            file.seek(0, 2)
            if self._points:
                file.write(column.tobytes())
                file.seek(0)
            np.lib.format.write_array_header_1_0(file, head)
            if not self._points:
                file.write(column.tobytes())

    def _describe(self) -> None:
        words = {
            "points": self._points,
            "columns": {name: f"{_file_name(name)}.npy" for name in sorted(self._names)},
            "kinds": list(Kind.labels()),
            "verdict": list(Verdict.labels()),
            "role": list(Role.labels()),
        }
        text = json.dumps(words, indent=1)
        (self.folder / "columns.json").write_text(text + "\n", encoding="utf-8")


def _file_name(name: str) -> str:
    """Return a name for a file: another for every name, no path, and not too long.

    Examples
    --------
    >>> _file_name("relu(x)/y"), _file_name(".")
    ('relu(x)%2Fy', '%2E')
    """
    quoted = urllib.parse.quote(name, safe=" ()[],+=@")
    quoted = quoted.replace(".", "%2E", 1) if quoted.startswith(".") else quoted
    if len(quoted) <= _LONGEST_NAME:
        return quoted
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{quoted[: _LONGEST_NAME - _DIGEST - 1]}~{digest}"
