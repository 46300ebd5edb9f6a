"""Write all columns of a comparison to files, for grids that are too long for a report."""

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
_DIGEST: Final = 16  # hexadecimal digits of a hash at the end of a name that is cut off
_TRUTH_COLUMNS: Final = ("kinds", "left", "right", "derivative", "proved")


def column_writer(options: Options) -> Callable[[str], Columns] | None:
    """Return a function from an expression's name to its writer, or None if nothing is written."""
    folder = options.columns
    return None if folder is None else lambda name: Columns.of(folder, name)


@dataclasses.dataclass(slots=True)
class Columns:
    """A folder with one ``.npy`` file for every column, written chunk by chunk.

    ``x.npy`` has the points, ``derivative.npy`` the truth, ``autograd.npy`` the derivatives of an
    engine and ``autograd.verdict.npy`` their verdicts. If there are several variables or spellings,
    the names of files of derivatives and verdicts start with theirs. ``columns.json`` has the
    labels of the integers in the columns, and the number of points written so far.

    Attributes
    ----------
    folder
        The folder of the files; it is created if it does not exist.
    """

    folder: Path
    _points: int = 0
    _names: set[str] = dataclasses.field(default_factory=set)

    @classmethod
    def of(cls, folder: Path, name: str) -> Columns:
        """Return the writer of a named expression, whose files are in a subfolder of `folder`."""
        return cls(folder / _file_name(name))

    def append(self, grid: Grid, trials: Sequence[Trial]) -> None:
        """Append the columns of some more points.

        Raises
        ------
        UsageError
            The folder cannot be written to.
        """
        columns: dict[str, np.ndarray] = {"role": grid.roles, **grid.columns()}
        for trial in trials:
            spelling = f"{trial.spelling}." if trial.spelling else ""
            for variable, truths in trial.truths.items():
                label = trial.problem.label(variable)
                prefix = f"{spelling}{label}." if len(trial.truths) > 1 else spelling
                columns |= {f"{prefix}{name}": getattr(truths, name) for name in _TRUTH_COLUMNS}
                for engine in trial.samples:
                    if variable in trial.covered(engine):
                        columns[f"{prefix}{engine}"] = trial.samples[engine].derivatives[variable]
                        columns[f"{prefix}{engine}.verdict"] = trial.verdicts(engine, variable)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, column in columns.items():
                self._write(name, column)
            self._points += len(grid)
            self._names |= set(columns)
            self._describe()
        except OSError as error:
            message = f"{self.folder}: {error.strerror or error}"
            raise UsageError(message, hint="give a folder that can be written to") from None

    def _write(self, name: str, column: np.ndarray) -> None:
        path = self.folder / f"{_file_name(name)}.npy"
        total = self._points + len(column)
        # The header is rewritten in place: numpy leaves space in it for a longer first axis.
        header: dict[str, Any] = {
            "descr": np.lib.format.dtype_to_descr(column.dtype),
            "fortran_order": False,
            "shape": (total,),
        }
        with path.open("r+b" if self._points else "wb") as file:
            file.seek(0, 2)
            if self._points:
                file.write(column.tobytes())
                file.seek(0)
            np.lib.format.write_array_header_1_0(file, header)
            if not self._points:
                file.write(column.tobytes())

    def _describe(self) -> None:
        description = {
            "points": self._points,
            "columns": {name: f"{_file_name(name)}.npy" for name in sorted(self._names)},
            "kinds": list(Kind.labels()),
            "verdict": list(Verdict.labels()),
            "role": list(Role.labels()),
        }
        text = json.dumps(description, indent=1)
        (self.folder / "columns.json").write_text(text + "\n", encoding="utf-8")


def _file_name(name: str) -> str:
    """Return a file name: different for different names, without a folder, not too long.

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
