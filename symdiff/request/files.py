"""Read expression files: TOML, plain text with one expression per line, or FPCore.

An entry with a mistake does not affect the other entries: it becomes an error with its file and
line.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

from symdiff.errors import FileError, InputError, did_you_mean
from symdiff.program.limits import MAX_ENTRIES, MAX_FILE
from symdiff.request.fpcore import fpcore_entries, fpcore_entry
from symdiff.request.request import MAX_NAME, GridText, Label, Raw, Request, checked_name, short
from symdiff.request.toml import toml_entry, toml_tables

_FORMULA = re.compile(r"[()*+^=|]")  # in an expression, and in few names of files
SUFFIXES = (".toml", ".txt", ".fpcore")
_ENDINGS = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """The entries of a file that can be used, and the errors of the others."""

    entries: tuple[Request, ...]
    errors: tuple[InputError, ...] = ()


def read_file(path: Path) -> Reading:
    """Read one expression file.

    Parameters
    ----------
    path
        A ``.toml``, ``.txt`` or ``.fpcore`` file, at most one million bytes of UTF-8.

    Raises
    ------
    FileError
        The whole file cannot be used: it is missing, too large, not UTF-8, or not TOML.
    """
    text = _read_text(path)
    if path.suffix.lower() not in SUFFIXES:
        message = f"{path}: the name of an expression file ends in {_ENDINGS}"
        raise FileError(message, hint="rename it, or use symdiff eval for one expression")
    if path.suffix.lower() == ".fpcore":
        return _collect(fpcore_entries(text, str(path)), str(path), fpcore_entry)
    return read_text(text, str(path), is_toml=path.suffix.lower() == ".toml")


def read_text(text: str, name: str, *, is_toml: bool) -> Reading:
    """Read the text of an expression file, or of a cell of a notebook.

    Parameters
    ----------
    text
        The text.
    name
        What messages call it: the path of the file.
    is_toml
        Whether it is TOML; else it has one expression per line.

    Raises
    ------
    FileError
        The whole text cannot be used.
    """
    if is_toml:
        return _collect(toml_tables(text, name), name, toml_entry)
    return _read_lines(text, name)


def find_files(paths: list[Path]) -> list[Path]:
    """Return `paths` with every folder replaced by its expression files in sorted order.

    Raises
    ------
    FileError
        A path does not exist, or a folder has no expression file.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
            if not inside:
                message = f"{path}: no expression file in this folder"
                raise FileError(message, hint=f"expression files end in {_ENDINGS}")
            files.extend(inside)
        elif path.exists():
            files.append(path)
        else:
            hint = did_you_mean(path.name, _siblings(path)) or "symdiff run FILE or FOLDER"
            if _FORMULA.search(str(path)):
                hint = f'write symdiff eval "{short(str(path))}" for an expression'
            message = f"{path}: no such file or folder"
            raise FileError(message, hint=hint)
    return list(dict.fromkeys(files))


def _siblings(path: Path) -> list[str]:
    parent = path.parent
    return [p.name for p in parent.iterdir()] if parent.is_dir() else []


def _read_text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_FILE:
            message = f"{path}: {size} bytes, at most {MAX_FILE} are read"
            raise FileError(message, hint="split it into several files")
        data = path.read_bytes()
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise FileError(message, hint="check the path and its permissions") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"byte {error.start} is not UTF-8"
        raise FileError(message, hint="save the file as UTF-8").within(
            file=str(path), line=line
        ) from None


def _collect(raws: list[Raw], file: str, build: Callable[[Raw, str], Request]) -> Reading:
    entries: list[Request] = []
    errors: list[InputError] = []
    seen: dict[str, int | None] = {}
    for raw in raws:
        try:
            entry = build(raw, file)
            name = entry.label.name
            if name in seen:
                first = f"line {seen[name]}" if seen[name] else "an earlier entry"
                message = f"the name {short(name)!r} is taken by {first}"
                raise FileError(message, hint="give each entry its own name")
        except InputError as error:
            errors.append(error.within(file=file, line=raw.line))
            continue
        seen[name] = raw.line
        entries.append(entry)
    if not entries and not errors:
        message = "no expression in this file"
        raise FileError(message, hint="relu: relu(x), or [[expression]] in TOML").within(file=file)
    return Reading(tuple(entries), tuple(errors))


def _read_lines(text: str, file: str) -> Reading:
    lines = [
        Raw(stripped, number)
        for number, line in enumerate(text.splitlines(), start=1)
        if (stripped := line.split("#", 1)[0].strip())
    ]
    if len(lines) > MAX_ENTRIES:
        message = f"{len(lines)} expressions, at most {MAX_ENTRIES} are read"
        raise FileError(message, hint="split it into several files").within(file=file)
    return _collect(lines, file, _line_entry)


def _line_entry(raw: Raw, file: str) -> Request:
    head, *settings = raw.content.split(";")
    # An expression has no colon: the text before the first colon is the name.
    before, colon, after = (part.strip() for part in head.partition(":"))
    expr = after if colon else before
    name = before if colon else expr[:MAX_NAME]
    grid: dict[str, GridText] = {}
    for setting in settings:
        variable, equals, value = (part.strip() for part in setting.partition("="))
        if not equals or not variable or not value:
            message = f"{short(setting.strip())!r} is not a grid"
            raise FileError(message, hint="relu: relu(x) ; x = -2:2:9").within(entry=name)
        if variable in grid:
            message = f"the grid of {short(variable)!r} is given twice"
            raise FileError(message, hint="keep one").within(entry=name)
        grid[variable] = value
    if not expr:
        message = "the expression is missing"
        raise FileError(message, hint="relu: relu(x) ; x = -2:2:9").within(entry=name)
    label = Label(name=checked_name(name), file=file, line=raw.line)
    return Request(expression=expr, grid=grid, label=label)
