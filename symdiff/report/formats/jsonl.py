"""Records as JSON, one per line."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Final

from symdiff.report.layout import Layout
from symdiff.report.record_texts import Notation, lines
from symdiff.report.report import Report


@functools.lru_cache(maxsize=1024)  # records have few different words
def _word(text: str | None) -> str:
    return json.dumps(text)


# As `json.dumps` writes a dict.
_NOTATION: Final = Notation(
    word=_word,
    flags=("false", "true"),
    label=lambda field: f"{_word(field)}: ",
    between=", ",
    ends=("{", "}"),
    inside=str,
    quotes="",
)


def render(report: Report, layout: Layout) -> str:
    """Return all records."""
    del layout  # all records are written in any case
    return "".join(f"{chr(10).join(some)}\n" for some in objects(report))


def objects(report: Report) -> Iterator[list[str]]:
    """Yield all records as JSON objects, many at a time."""
    return lines(report.evidence, _NOTATION)
