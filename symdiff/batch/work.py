"""Collect the entries of files for a run, each with a unique name."""

from __future__ import annotations

import collections
import dataclasses
import importlib.resources
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from symdiff.errors import FileError, InputError, UsageError
from symdiff.request.files import find_files, read_file
from symdiff.request.request import Request


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """The requests of a run, with unique names, and the errors found while reading files."""

    entries: tuple[Request, ...]
    errors: tuple[InputError, ...] = ()


def shipped_expressions() -> Path:
    """Return the folder of the expressions that come with symdiff."""
    inside = Path(str(importlib.resources.files("symdiff"))) / "expressions"
    # A wheel has them inside the package, a source tree beside it.
    return inside if inside.is_dir() else inside.parent.parent / "expressions"


def collect(paths: Sequence[Path], only: str | None = None) -> Work:
    """Read the entries of files.

    Parameters
    ----------
    paths
        Files and folders; if empty, the shipped expressions.
    only
        A pattern such as ``relu*``: only entries whose name matches are kept.

    Raises
    ------
    FileError
        A path does not exist, or a folder has no expression file.
    UsageError
        No name matches `only`.
    """
    entries: list[Request] = []
    errors: list[InputError] = []
    for path in find_files(list(paths) or [shipped_expressions()]):
        try:
            reading = read_file(path)
        except FileError as error:
            errors.append(error)
            continue
        entries.extend(reading.entries)
        errors.extend(reading.errors)
    named = _unique(entries)
    if only is not None:
        chosen = [entry for entry in named if fnmatchcase(entry.label.name, only)]
        if named and not chosen:
            message = f"no entry's name matches {only!r}"
            raise UsageError(message, hint=f"the first is {named[0].label.name!r}")
        named = chosen
    return Work(tuple(named), tuple(errors))


def _unique(entries: list[Request]) -> list[Request]:
    """Prefix the names that several entries share with their files' stems, names or whole paths.

    The shortest of these prefixes that makes a name unique is used.
    """
    named = entries
    for prefix in (_stem, _file_name, _whole_path):
        counts = collections.Counter(entry.label.name for entry in named)
        named = [
            _named(entry, f"{prefix(Path(entry.label.file))}/{original.label.name}")
            if counts[entry.label.name] > 1 and entry.label.file
            else entry
            for entry, original in zip(named, entries, strict=True)
        ]
    return named


def _named(request: Request, name: str) -> Request:
    return dataclasses.replace(request, label=dataclasses.replace(request.label, name=name))


def _stem(path: Path) -> str:
    return path.stem


def _file_name(path: Path) -> str:
    return path.name


def _whole_path(path: Path) -> str:
    return str(path)
