"""What changed between two files of an atlas, with the threads and release notes on it."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import json
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from symdiff.atlas import files
from symdiff.atlas.rows import Answer, Atlas, Row
from symdiff.report.drift import Drift, Run, drift, rendered
from symdiff.report.drift import read_run as read_other_run
from symdiff.report.records import Record

NO_NOTE: Final = "no note found"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Where a change of a library is documented.

    Attributes
    ----------
    library
        The library.
    after, until
        The last version that is known without the change, and the first one known with it.
    calls
        Patterns of the calls that changed.
    text
        What changed, in a sentence.
    url
        The thread or the release note.
    """

    library: str
    after: str
    until: str
    calls: tuple[str, ...]
    text: str
    url: str


@functools.cache
def notes() -> tuple[Note, ...]:
    """Return the notes of notes.toml."""
    text = (importlib.resources.files(__package__) / "notes.toml").read_text(encoding="utf-8")
    return tuple(
        Note(**{**entry, "calls": tuple(entry["calls"])}) for entry in tomllib.loads(text)["note"]
    )


def read_run(path: Path) -> Run:
    """Read a file of an atlas, a store or a JSON report.

    Raises
    ------
    UsageError
        The file is none of these, or cannot be read.
    """
    return run_of(files.read(path)) if _is_atlas(path) else read_other_run(path)


def _is_atlas(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return bool(content["format"] == files.FORMAT)
    except (OSError, ValueError, TypeError, KeyError):
        return False  # the other reader says why


def run_of(atlas: Atlas) -> Run:
    """Return an atlas as a run of `symdiff.report.drift`."""
    records = {}
    for row, by_engine in atlas.answers.items():
        for engine, answer in by_engine.items():
            key = (_name(row), None, row.output, row.variable, engine, (), row.at)
            records[key] = _record(row, engine, answer)
    names = {_name(row): row.text for row in atlas.answers}
    return Run(names, records, tuple(atlas.lost), dict(atlas.libraries.values()))


def _name(row: Row) -> str:
    return row.text if row.order == 1 else f"{row.text}, order {row.order}"


def _record(row: Row, engine: str, answer: Answer) -> Record:
    return {
        "expression": _name(row),
        "spelling": None,
        "output": row.output or None,
        "variable": row.variable,
        "point": {},
        "exact": row.at,
        "kind": row.kind,
        "derivative": row.derivative,
        "engine": engine,
        "value": answer.value,
        "verdict": answer.verdict,
        "detail": answer.detail,
    }


def documented(changes: Drift) -> dict[Note | None, tuple[str, ...]]:
    """Return the calls that changed by the note on them; None: no note was found."""
    calls: dict[Note | None, dict[str, None]] = {}
    for change in changes.changes:
        call = change.old["expression"]
        calls.setdefault(next(_notes_on(call, changes), None), {})[call] = None
    return {note: tuple(names) for note, names in calls.items()}


def _notes_on(call: str, changes: Drift) -> Iterator[Note]:
    """Yield the notes on a call between the versions that were compared."""
    for note in notes():
        old, new = changes.versions.get(note.library, ("", ""))
        is_between = (
            old
            and numbers_of(old) <= numbers_of(note.after)
            and numbers_of(note.until) <= numbers_of(new)
        )
        if is_between and any(fnmatchcase(call, pattern) for pattern in note.calls):
            yield note


def numbers_of(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, for comparison.

    Examples
    --------
    >>> numbers_of("2.9.1") < numbers_of("2.13.0")
    True
    """
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def compared(old: Path, new: Path) -> tuple[Drift, str]:
    """Return the changes between two runs, and a text; of two atlases with the notes on them.

    Raises
    ------
    UsageError
        A file cannot be read.
    """
    changes = drift(read_run(old), read_run(new))
    notes_on = documented(changes) if _is_atlas(old) and _is_atlas(new) else {}
    lines = [
        f"{f'{note.text} {note.url}' if note else NO_NOTE}: {', '.join(calls)}"
        for note, calls in notes_on.items()
    ]
    return changes, "\n".join([rendered(changes), *lines])
