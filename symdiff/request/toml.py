"""Read entries from TOML: the tables, the lines of their keys, and the form of every key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NoReturn

from symdiff.errors import FileError, InputError, Place, did_you_mean
from symdiff.program.formats import read_formats
from symdiff.program.limits import MAX_ENTRIES
from symdiff.request.options import checked_order
from symdiff.request.request import GridText, Label, Raw, Request, checked_name, short


class Key(NamedTuple):
    """A key of an entry.

    Attributes
    ----------
    types
        The Python types of its value.
    form
        Its value, in words.
    example
        The key as it may be typed.
    """

    types: type | tuple[type, ...]
    form: str
    example: str


# fmt: off
_KEYS: Final[Mapping[str, Key]] = MappingProxyType({
    "name": Key(str, "a string", 'name = "relu"'),
    "expr": Key(str, "a string", 'expr = "relu(x)"'),
    "let": Key(dict, "a table of strings", 'let = { h = "2*x" }'),
    "grid": Key(dict, "a table with a key for each variable", 'grid = { x = "-2:2:9" }'),
    "wrt": Key(list, "a list of variables", 'wrt = ["x"]'),
    "claims": Key(
        (dict, list, str), "a table with a key for each input, or a list of definitions",
        'claims = { x = "2*x" }',
    ),
    "values": Key(dict, "a table with a key for each tensor", "values = { w = [[1, 2], [3, 4]] }"),
    "cotangent": Key((list, int, float, str), "numbers, or a string", "cotangent = [0.1, 1.0]"),
    "tangent": Key(dict, "a table with a key for each variable", "tangent = { x = [1, 0] }"),
    "dtype": Key(
        (str, list), "a list of formats, or a string", 'dtype = ["float32", "bfloat16"]'
    ),
    "accumulate": Key(int, "an integer", "accumulate = 2"),
    "order": Key(int, "1 or 2", "order = 2"),
    "spellings": Key(dict, "a table of strings", 'spellings = { clamp = "x.clamp(min=0)" }'),
    "expect": Key(dict, "a table with a key for each engine", 'expect = { autograd = ["failed"] }'),
    "source": Key(str, "a string", 'source = "DLMF 4.20"'),
    "note": Key(str, "a string", 'note = "a kink at 0"'),
})
# fmt: on
_KEY_LINE = re.compile(r"^[ \t]*(?:\[[ \t]*expression[ \t]*\.[ \t]*)?([A-Za-z]+)[ \t]*[=\]]")
_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*expression[ \t]*\]\]", re.MULTILINE)
# Python's TOML reader takes quadratic time for a key with many parts.
_LONG_KEY = re.compile(r"""(?<![\w"'-])(?:[\w"'-]+[ \t]*\.[ \t]*){64}""")


def toml_tables(text: str, file: str) -> list[Raw]:
    """Return the entries of a TOML file, unchecked, each with its line.

    Raises
    ------
    FileError
        The text is not TOML, or has something other than entries.
    """
    long_key = _LONG_KEY.search(text)
    if long_key is not None:
        line = text.count("\n", 0, long_key.start()) + 1
        message = "broken TOML: a key of more than 64 parts"
        raise FileError(message).within(file=file, line=line)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"broken TOML: {error}"
        raise FileError(message, hint=_toml_hint(str(error), text)).within(file=file) from None
    except (RecursionError, ValueError, OverflowError):
        message = "broken TOML: values are nested too deeply, or a number is too large"
        raise FileError(message).within(file=file) from None
    for key in document:
        if key != "expression":
            hint = did_you_mean(key, ["expression"]) or "entries start with [[expression]]"
            message = "unknown key"
            raise FileError(message, place=Place(key=short(key)), hint=hint).within(file=file)
    tables = document.get("expression", [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        message = "[expression] is one table, entries are a list of tables"
        raise FileError(message, hint="write [[expression]]").within(file=file)
    if len(tables) > MAX_ENTRIES:
        message = f"{len(tables)} entries, at most {MAX_ENTRIES} are read"
        raise FileError(message, hint="split it into several files").within(file=file)
    if not tables:
        return []
    starts = [match.start() for match in _HEADER.finditer(text)]
    if len(starts) != len(tables):  # a header inside a long string, or inline tables
        return [Raw(table) for table in tables]
    ends = [*starts[1:], len(text)]
    return [
        Raw(table, text.count("\n", 0, start) + 1, text[start:end])
        for table, start, end in zip(tables, starts, ends, strict=True)
    ]


def _toml_hint(message: str, text: str) -> str:
    r"""Return what to write in the line that is no TOML.

    Examples
    --------
    >>> _toml_hint("Invalid value (at line 2, column 8)", "[[expression]]\nexpr = relu(x)")
    'write expr = "relu(x)"'
    """
    number = re.search(r"at line (\d+)", message)
    lines = text.splitlines()
    at = min(int(number[1]), len(lines)) - 1 if number else len(lines) - 1
    line = lines[at].strip()[:200] if lines else ""
    if re.match(r"\[+\s*expression\s*\]*$", line):
        return "write [[expression]]"
    if re.search("[\u201c\u201d\u2018\u2019]", line):
        return 'write straight quotation marks: "'
    unquoted = re.match(r"(\w+)\s*=\s*([^\"'\[{#]+)$", line)
    if unquoted:
        return f'write {unquoted[1]} = "{short(unquoted[2].strip())}"'
    if re.match(r"\w+\s*=\s*[\[{]", line):
        return "put commas between the values, and close all brackets"
    return 'text needs quotes: expr = "relu(x)"'


def _key_lines(raw: Raw) -> dict[str, int]:
    """Return the lines of the keys that begin a line."""
    lines: dict[str, int] = {}
    for offset, line in enumerate(raw.text.splitlines()):
        match = _KEY_LINE.match(line)
        if match and raw.line is not None:
            lines.setdefault(match.group(1), raw.line + offset)
    return lines


def toml_entry(raw: Raw, file: str) -> Request:
    """Return the request of an entry, after checking its keys and their values.

    Raises
    ------
    FileError
        A key is unknown or missing, or its value has the wrong form.
    """
    table = raw.content
    title = table.get("name")
    lines = _key_lines(raw)
    try:
        _check_keys(table)
        return Request(
            expression=_text(table, "expr"),
            let=_texts(table, "let"),
            grid=_grid(table),
            wrt=_words(table.get("wrt", []), "wrt") or None,
            claims=_claims(table),
            spellings=_texts(table, "spellings"),
            values=dict(table.get("values", {})),
            cotangent=table.get("cotangent"),
            tangent=table.get("tangent"),
            accumulate=table.get("accumulate", 1),
            order=checked_order(table["order"]) if "order" in table else None,
            dtype=_formats(table),
            label=Label(
                name=_name(table),
                file=file,
                line=raw.line,
                lines=lines,
                source=_text(table, "source", ""),
                note=_text(table, "note", ""),
                expect={k: _words(v, f"expect {k}") for k, v in table.get("expect", {}).items()},
            ),
        )
    except InputError as error:
        name = short(title) if isinstance(title, str) else None
        line = lines.get((error.place.key or "").split(" ")[0], raw.line)
        raise error.within(entry=name, line=line) from None


def _check_keys(table: dict[str, Any]) -> None:
    for key, value in table.items():
        described = _KEYS.get(key)
        if described is None:
            hint = did_you_mean(key, _KEYS) or f"known keys: {', '.join(_KEYS)}"
            _fail(key, "unknown key", hint)
        if not isinstance(value, described.types) or isinstance(value, bool):
            _fail(key, f"must be {described.form}", described.example)


def _name(table: dict[str, Any]) -> str:
    name = _text(table, "name", _text(table, "expr"))
    return checked_name(name)


def _text(table: dict[str, Any], key: str, default: str | None = None) -> str:
    value = table.get(key, default)
    if value is None:
        _fail(key, "is missing", _KEYS[key].example)
    return str(value)


def _texts(table: dict[str, Any], key: str) -> dict[str, str]:
    values = table.get(key, {})
    for name, value in values.items():
        if not isinstance(value, str):
            _fail(f"{key} {name}", "must be a string", _KEYS[key].example)
    return dict(values)


def _claims(table: dict[str, Any]) -> dict[str, str] | tuple[str, ...]:
    """Return claims by variable, or the definitions of a backward pass."""
    claims = table.get("claims", {})
    if isinstance(claims, dict):
        return _texts(table, "claims")
    lines = claims.splitlines() if isinstance(claims, str) else claims
    return _words(lines, "claims")


def _formats(table: dict[str, Any]) -> tuple[str, ...]:
    if "dtype" not in table:
        return ()
    try:
        return read_formats("dtype", table["dtype"])
    except InputError as error:
        _fail("dtype", error.message, error.hint or _KEYS["dtype"].example)


def _words(value: object, key: str) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        _fail(key, "must be a list of words", _KEYS[key.split(maxsplit=1)[0]].example)
    return tuple(words)


def _grid(table: dict[str, Any]) -> dict[str, GridText]:
    grid: dict[str, GridText] = {}
    for variable, value in table.get("grid", {}).items():
        values = [value] if isinstance(value, int | float) else value
        if isinstance(values, bool) or not isinstance(values, str | list):
            hint = 'grid = { x = "-2:2:9", y = [0, 1, "pi"] }'
            _fail(f"grid {variable}", "must be a range or a list", hint)
        if isinstance(values, list) and not all(
            isinstance(v, int | float | str) and not isinstance(v, bool) for v in values
        ):
            hint = 'grid = { x = [0, 0.5, "1/3", "pi"] }'
            _fail(f"grid {variable}", "has something other than numbers and strings", hint)
        grid[variable] = values
    return grid


def _fail(key: str, message: str, hint: str) -> NoReturn:
    raise FileError(message, place=Place(key=short(key)), hint=hint)
