"""Files of an atlas: one for each version of a library, one line for each row."""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from symdiff.atlas.rows import Answer, Atlas, Number, Row
from symdiff.errors import UsageError
from symdiff.report.report import write_atomically

FORMAT: Final = "symdiff atlas"  # the value of "format" in a file
_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Row))
_HINT: Final = "symdiff conventions --output FOLDER writes files of an atlas"


def as_json(atlas: Atlas) -> str:
    """Return an atlas as JSON: a row is a list of the values of its columns.

    The last column has the answers: those engines, value, verdict, detail. Engines with the same
    answer share it.
    """
    head = {
        "format": FORMAT,
        "engines": {name: " ".join(library) for name, library in atlas.libraries.items()},
        "lost": dict(atlas.lost),
        "columns": [*_FIELDS, "answers"],
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    rows = ",\n".join(json.dumps(_line(row, atlas.answers[row])) for row in atlas.answers)
    return "{\n" + ",\n".join(lines) + ',\n"rows": [\n' + rows + "\n]\n}\n"


def _line(row: Row, answers: Mapping[str, Answer]) -> list[Any]:
    engines: dict[Answer, list[str]] = {}
    for engine, answer in answers.items():
        engines.setdefault(answer, []).append(engine)
    shared = [[" ".join(e), *dataclasses.astuple(answer)] for answer, e in engines.items()]
    return [*dataclasses.astuple(row), shared]


def write(atlas: Atlas, folder: Path) -> list[Path]:
    """Write the file of every library: ``torch-2.13.0.json``. Return their paths."""
    paths = []
    for library in dict.fromkeys(atlas.libraries.values()):
        engines = tuple(e for e, other in atlas.libraries.items() if other == library)
        path = folder / ("-".join(part for part in library if part) + ".json")
        write_atomically(path, as_json(atlas.of(engines)))
        paths.append(path)
    return paths


def read(path: Path) -> Atlas:
    """Read a file of an atlas.

    Raises
    ------
    UsageError
        It cannot be read, or is not a file of an atlas.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError  # noqa: TRY301  (as if the key were missing)
        return _atlas(content)
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise UsageError(message, hint=_HINT) from None
    except (ValueError, TypeError, KeyError, AttributeError):
        message = f"{path} is not a file of an atlas"
        raise UsageError(message, hint=_HINT) from None


def _atlas(content: Mapping[str, Any]) -> Atlas:
    columns = content["columns"]
    rows = [dict(zip(columns, line, strict=True)) for line in content["rows"]]
    answers = {Row(**{n: row[n] for n in _FIELDS}): dict(_answers(row["answers"])) for row in rows}
    libraries = {e: text.partition(" ") for e, text in content["engines"].items()}
    return Atlas(answers, {e: (n, v) for e, (n, _, v) in libraries.items()}, content["lost"])


def _answers(groups: Iterable[tuple[str, Number, str, str]]) -> Iterator[tuple[str, Answer]]:
    for engines, value, verdict, detail in groups:
        answer = Answer(value=value, verdict=verdict, detail=detail)
        yield from ((engine, answer) for engine in engines.split(" "))


def shipped() -> dict[str, Path]:
    """Return the files that come with symdiff, by library and version: ``torch-2.13.0``."""
    folder = Path(str(importlib.resources.files(__package__)))
    return {path.stem: path for path in sorted(folder.glob("*.json"))}
