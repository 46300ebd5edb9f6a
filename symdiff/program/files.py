"""Expression files: TOML, or plain text with one expression a line.

A mistake in one entry costs that entry only: it is kept, with its place, beside the others.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symdiff.errors import FileError, InputError, did_you_mean
from symdiff.program.limits import MAX_ENTRIES, MAX_FILE

GridText = str | list[float | str]

_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "name": str,
    "expr": str,
    "let": dict,
    "grid": dict,
    "wrt": list,
    "claims": dict,
    "spellings": dict,
    "expect": dict,
    "source": str,
    "note": str,
}
_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*expression[ \t]*\]\]", re.MULTILINE)
_LINE_NAME = re.compile(r"([A-Za-z_][\w .+-]{0,80}?)\s*:\s*(?!=)")
# Python's TOML reader takes quadratic time for a key of many parts.
_LONG_KEY = re.compile(r"""(?<![\w"'-])(?:[\w"'-]+[ \t]*\.[ \t]*){64}""")
_MAX_NAME = 100
SUFFIXES = (".toml", ".txt")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of an expression file, as typed; nothing is parsed yet but the file's own form.

    Attributes
    ----------
    name
        Unique in its file.
    expr, let
        The expression, and named sub-expressions in order.
    grid
        For each variable a range ``start:stop:count``, or a list of numbers and exact texts.
    wrt
        The variables to differentiate with respect to; empty: all.
    claims
        For a variable, the derivative that somebody asserts.
    spellings
        Other programs for the same function, by name.
    expect
        For an engine, the verdicts that are accepted.
    source, note
        Where the expression comes from; what a reader should know.
    file, line
        Where the entry stands.
    """

    name: str
    expr: str
    let: Mapping[str, str] = dataclasses.field(default_factory=dict)
    grid: Mapping[str, GridText] = dataclasses.field(default_factory=dict)
    wrt: tuple[str, ...] = ()
    claims: Mapping[str, str] = dataclasses.field(default_factory=dict)
    spellings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    expect: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    source: str = ""
    note: str = ""
    file: str | None = None
    line: int | None = None

    def blame(self, error: InputError) -> InputError:
        """Return the error with this entry's place."""
        return error.within(file=self.file, line=self.line, entry=self.name)


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds: the entries that can be used, and the mistakes in the others."""

    entries: tuple[Entry, ...]
    mistakes: tuple[InputError, ...] = ()


def read_file(path: Path) -> Reading:
    """Read one expression file.

    Parameters
    ----------
    path
        A ``.toml`` or a ``.txt`` file, at most one million bytes of UTF-8.

    Raises
    ------
    FileError
        The file as a whole cannot be used: missing, too large, not UTF-8, broken TOML.
    """
    text = _read_text(path)
    if path.suffix.lower() == ".toml":
        return _read_toml(text, str(path))
    if path.suffix.lower() == ".txt":
        return _read_lines(text, str(path))
    message = f"{path}: files end in {' or '.join(SUFFIXES)}"
    raise FileError(message, hint="rename it, or use symdiff eval for one expression")


def find_files(paths: list[Path]) -> list[Path]:
    """Return the expression files that `paths` name; a folder stands for those in it, sorted.

    Raises
    ------
    FileError
        A path does not exist, or a folder holds no expression file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
            if not inside:
                message = f"{path}: no expression file in this folder"
                raise FileError(message, hint="expression files end in .toml or .txt")
            found.extend(inside)
        elif path.exists():
            found.append(path)
        else:
            hint = did_you_mean(path.name, _siblings(path)) or "symdiff run FILE or FOLDER"
            message = f"{path}: no such file or folder"
            raise FileError(message, hint=hint)
    return list(dict.fromkeys(found))


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


def _read_toml(text: str, file: str) -> Reading:
    long_key = _LONG_KEY.search(text)
    if long_key is not None:
        line = text.count("\n", 0, long_key.start()) + 1
        message = "broken TOML: a key of more than 64 parts"
        raise FileError(message).within(file=file, line=line)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"broken TOML: {error}"
        raise FileError(message, hint='text needs quotes: expr = "relu(x)"').within(
            file=file
        ) from None
    except (RecursionError, ValueError, OverflowError):
        message = "broken TOML: values are nested too deeply, or a number is too large"
        raise FileError(message).within(file=file) from None
    for key in document:
        if key != "expression":
            hint = did_you_mean(key, ["expression"]) or "entries start with [[expression]]"
            message = f"unknown key {_short(key)!r}"
            raise FileError(message, hint=hint).within(file=file)
    tables = document.get("expression", [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        message = "[expression] is one table, entries are a list of tables"
        raise FileError(message, hint="write [[expression]]").within(file=file)
    if len(tables) > MAX_ENTRIES:
        message = f"{len(tables)} entries, at most {MAX_ENTRIES} are read"
        raise FileError(message, hint="split it into several files").within(file=file)
    lines = [text.count("\n", 0, match.start()) + 1 for match in _HEADER.finditer(text)]
    if len(lines) != len(tables):  # a header inside a long string, or inline tables
        lines = [None] * len(tables)  # type: ignore[list-item]
    return _collect(
        (_Raw(table, line) for table, line in zip(tables, lines, strict=True)), file, _toml_entry
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Raw:
    content: Any
    line: int | None


def _collect(raws: Any, file: str, build: Any) -> Reading:  # noqa: ANN401  (two formats)
    entries: list[Entry] = []
    mistakes: list[InputError] = []
    seen: dict[str, int | None] = {}
    for raw in raws:
        try:
            entry = build(raw.content, file, raw.line)
            if entry.name in seen:
                first = f"line {seen[entry.name]}" if seen[entry.name] else "an earlier entry"
                message = f"the name {_short(entry.name)!r} is taken by {first}"
                raise FileError(message, hint="give each entry its own name")
        except InputError as error:
            mistakes.append(error.within(file=file, line=raw.line))
            continue
        seen[entry.name] = raw.line
        entries.append(entry)
    return Reading(tuple(entries), tuple(mistakes))


def _toml_entry(table: dict[str, Any], file: str, line: int | None) -> Entry:
    shown = table.get("name")
    try:
        _check_keys(table)
        return Entry(
            name=_name(table),
            expr=_text(table, "expr"),
            let=_texts(table, "let"),
            grid=_grid(table),
            wrt=_words(table.get("wrt", []), "wrt"),
            claims=_texts(table, "claims"),
            spellings=_texts(table, "spellings"),
            expect={k: _words(v, f"expect {k}") for k, v in table.get("expect", {}).items()},
            source=_text(table, "source", ""),
            note=_text(table, "note", ""),
            file=file,
            line=line,
        )
    except InputError as error:
        raise error.within(entry=_short(shown) if isinstance(shown, str) else None) from None


def _check_keys(table: dict[str, Any]) -> None:
    for key, value in table.items():
        expected = _KEYS.get(key)
        if expected is None:
            hint = did_you_mean(key, _KEYS) or f"known keys: {', '.join(_KEYS)}"
            message = f"unknown key {_short(key)!r}"
            raise FileError(message, hint=hint)
        if not isinstance(value, expected):
            message = f"{key} must be {_FORMS[key]}"
            raise FileError(message, hint=_EXAMPLES[key])


_FORMS = {
    "name": "a text",
    "expr": "a text",
    "let": "a table of texts",
    "grid": "a table, one key a variable",
    "wrt": "a list of variables",
    "claims": "a table, one key a variable",
    "spellings": "a table of texts",
    "expect": "a table, one key an engine",
    "source": "a text",
    "note": "a text",
}
_EXAMPLES = {
    "name": 'name = "relu"',
    "expr": 'expr = "relu(x)"',
    "let": 'let = { h = "2*x" }',
    "grid": 'grid = { x = "-2:2:9" }',
    "wrt": 'wrt = ["x"]',
    "claims": 'claims = { x = "2*x" }',
    "spellings": 'spellings = { clamp = "x.clamp(min=0)" }',
    "expect": 'expect = { autograd = ["failed"] }',
    "source": 'source = "DLMF 4.20"',
    "note": 'note = "a kink at 0"',
}


def _name(table: dict[str, Any]) -> str:
    name = _text(table, "name", _text(table, "expr"))
    return _checked_name(name)


def _checked_name(name: str) -> str:
    if not name.strip() or len(name) > _MAX_NAME or not name.isprintable():
        message = f"{_short(name)!r} is not a name"
        hint = f"1 to {_MAX_NAME} printable characters on one line: name = ..."
        raise FileError(message, hint=hint)
    return name


def _text(table: dict[str, Any], key: str, default: str | None = None) -> str:
    value = table.get(key, default)
    if value is None:
        message = f"{key} is missing"
        raise FileError(message, hint=_EXAMPLES[key])
    return str(value)


def _texts(table: dict[str, Any], key: str) -> dict[str, str]:
    values = table.get(key, {})
    for name, value in values.items():
        if not isinstance(value, str):
            message = f"{key} {_short(name)} must be a text"
            raise FileError(message, hint=_EXAMPLES[key])
    return dict(values)


def _words(value: object, key: str) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        message = f"{_short(key)} must be a list of words"
        raise FileError(message, hint=_EXAMPLES[key.split(maxsplit=1)[0]])
    return tuple(words)


def _grid(table: dict[str, Any]) -> dict[str, GridText]:
    grid: dict[str, GridText] = {}
    for variable, value in table.get("grid", {}).items():
        values = [value] if isinstance(value, int | float) else value
        if isinstance(values, bool) or not isinstance(values, str | list):
            message = f"grid {_short(variable)} must be a range or a list"
            raise FileError(message, hint='grid = { x = "-2:2:9", y = [0, 1, "pi"] }')
        if isinstance(values, list) and not all(
            isinstance(v, int | float | str) and not isinstance(v, bool) for v in values
        ):
            message = f"grid {_short(variable)} holds something else than numbers and texts"
            raise FileError(message, hint='grid = { x = [0, 0.5, "1/3", "pi"] }')
        grid[variable] = values
    return grid


def _read_lines(text: str, file: str) -> Reading:
    lines = [
        _Raw(stripped, number)
        for number, line in enumerate(text.splitlines(), start=1)
        if (stripped := line.split("#", 1)[0].strip())
    ]
    if len(lines) > MAX_ENTRIES:
        message = f"{len(lines)} expressions, at most {MAX_ENTRIES} are read"
        raise FileError(message, hint="split it into several files").within(file=file)
    return _collect(lines, file, _line_entry)


def _line_entry(line: str, file: str, number: int | None) -> Entry:
    head, *settings = line.split(";")
    match = _LINE_NAME.match(head)
    expr = head[match.end() :].strip() if match else head.strip()
    name = match.group(1).strip() if match else expr[:_MAX_NAME]
    grid: dict[str, GridText] = {}
    for setting in settings:
        variable, equals, value = (part.strip() for part in setting.partition("="))
        if not equals or not variable or not value:
            message = f"{_short(setting.strip())!r} is not a grid"
            raise FileError(message, hint="relu: relu(x) ; x = -2:2:9").within(entry=name)
        if variable in grid:
            message = f"the grid of {_short(variable)!r} is given twice"
            raise FileError(message, hint="keep one").within(entry=name)
        grid[variable] = value
    if not expr:
        message = "the expression is missing"
        raise FileError(message, hint="relu: relu(x) ; x = -2:2:9").within(entry=name)
    return Entry(name=_checked_name(name), expr=expr, grid=grid, file=file, line=number)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
