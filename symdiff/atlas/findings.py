"""Numbers that contradict what is proved, with the reason for each."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import tomllib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Final

from symdiff.atlas.rows import Answer, Atlas, Row
from symdiff.verdict.words import Verdict

# Verdicts on numbers that contradict the truth. NaN, and exceptions, are no numbers.
CONTRADICTIONS: Final = frozenset(map(str, (Verdict.WRONG, Verdict.NOT_SUBGRADIENT, Verdict.VALUE)))


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """Why some engines contradict the truth on some calls.

    Attributes
    ----------
    calls, engines
        Patterns of their texts and names.
    text
        The reason, in sentences.
    """

    calls: tuple[str, ...]
    engines: tuple[str, ...]
    text: str

    def explains(self, row: Row, engine: str) -> bool:
        """Return whether it is about an engine's answer for a row."""
        return _matches(row.text, self.calls) and _matches(engine, self.engines)


def _matches(text: str, patterns: Iterable[str]) -> bool:
    """Return whether a text matches a pattern in which [ and ] stand for themselves."""
    return any(fnmatchcase(text, pattern.replace("[", "[[]")) for pattern in patterns)


@functools.cache
def findings() -> tuple[Finding, ...]:
    """Return the findings of findings.toml."""
    text = (importlib.resources.files(__package__) / "findings.toml").read_text(encoding="utf-8")
    return tuple(
        Finding(tuple(entry["calls"]), tuple(entry["engines"]), entry["text"])
        for entry in tomllib.loads(text)["finding"]
    )


def contradictions(atlas: Atlas) -> Iterator[tuple[Row, str, Answer]]:
    """Yield every row and engine whose number contradicts the truth."""
    for row, by_engine in atlas.answers.items():
        for engine, answer in by_engine.items():
            if answer.verdict in CONTRADICTIONS:
                yield row, engine, answer


def explanation(row: Row, engine: str) -> Finding | None:
    """Return the finding on an engine's answer for a row, or None."""
    return next((finding for finding in findings() if finding.explains(row, engine)), None)
