"""Records as lines of text, written a whole column at a time."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array
from symdiff.comparison.evidence import Evidence, Trial
from symdiff.report.record_columns import (
    Column,
    Columns,
    Constant,
    Coordinates,
    ExactTexts,
    Flags,
    Numbers,
    Words,
    chunks,
    engine_columns,
    existing,
    point_columns,
    truth_columns,
)
from symdiff.report.records import fields

# Parts of the lines of some records, in order: the same text in all lines, or a text for each.
Pieces = list[str | list[str]]
# A column of numbers and its texts.
_Known = tuple[Numbers, list[str]] | None
_ABSENT: Final = Constant(None)  # a field that only records of other expressions have


@dataclasses.dataclass(frozen=True, slots=True)
class Notation:
    """How a record is written as a line of text.

    Attributes
    ----------
    word
        A function that returns a text, or None, as the value of a field.
    flags
        False and True as values of a field.
    label
        A function that returns what stands before the value of a field.
    between
        What stands between two fields.
    ends
        What stands before the first and after the last field.
    inside
        A function that returns a part of a JSON object as the value of a field has it.
    quotes
        What stands before and after a JSON object that is the value of a field and is not empty.
    """

    word: Callable[[str | None], str]
    flags: tuple[str, str]
    label: Callable[[str], str]
    between: str
    ends: tuple[str, str]
    inside: Callable[[str], str]
    quotes: str


def lines(
    evidence: Sequence[Evidence], notation: Notation, names: Sequence[str] | None = None
) -> Iterator[list[str]]:
    """Yield the lines of the records of comparisons: of an engine, at some points, at a time.

    Parameters
    ----------
    evidence
        The result of each comparison.
    notation
        How a record is written.
    names
        The fields of every line, in order; None: those of the expression.
    """
    for e in evidence:
        own = fields([e])
        yield from _Writer(e, notation, names or own).lines(absent=set(names or own) - set(own))


@dataclasses.dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the records of one comparison."""

    evidence: Evidence
    notation: Notation
    names: Sequence[str]

    def lines(self, absent: set[str]) -> Iterator[list[str]]:
        """Yield the lines; some fields are absent in all of them."""
        e, parts = self.evidence, tuple(chunks(self.evidence))
        nothing = dict.fromkeys(absent, _ABSENT)
        # What variables and engines have in common is written once if all points are in one chunk.
        # The texts of several chunks are not kept: they take as much memory as the lines.
        keep = functools.lru_cache(maxsize=1)
        points = keep(functools.partial(self._points, ExactTexts.of(e), parts))
        for trial in e.trials:
            for variable in trial.variables:
                truth = keep(functools.partial(self._truth, trial, variable, parts, points))
                for engine in e.engines:
                    if variable in trial.covered(engine):
                        for k, chunk in enumerate(parts):
                            columns = engine_columns(e, trial, variable, engine, chunk)
                            yield self._lines(*truth(k), {**columns, **nothing})

    def _points(self, exact: ExactTexts, parts: Sequence[slice], k: int) -> dict[str, Pieces]:
        """Return the fields that all records of the points of a chunk share."""
        columns = point_columns(self.evidence, exact, parts[k])
        return {name: self._field(name, column) for name, column in columns.items()}

    def _truth(
        self,
        trial: Trial,
        variable: str,
        parts: Sequence[slice],
        points: Callable[[int], dict[str, Pieces]],
        k: int,
    ) -> tuple[list[str], _Known]:
        """Return what engines share: the first part of each line, and the derivatives' texts."""
        columns = truth_columns(trial, variable, parts[k])
        numbers = existing(trial.truths[variable].derivative[parts[k]])
        derivative = numbers, _new_texts(numbers, self.notation.word)
        shared = points(k) | {
            name: self._field(name, column, derivative) for name, column in columns.items()
        }
        count = parts[k].stop - parts[k].start
        return _joined([self.notation.ends[0], *self._in_order(shared)], count), derivative

    def _lines(self, starts: list[str], derivative: _Known, columns: Columns) -> list[str]:
        """Return whole lines: their first parts, and then the fields of an engine."""
        own = {
            name: self._field(name, column, derivative if name == "value" else None)
            for name, column in columns.items()
        }
        pieces: Pieces = [starts, *self._in_order(own)]
        return _joined([*pieces[:-1], self.notation.ends[1]], len(starts))

    def _in_order(self, written: Mapping[str, Pieces]) -> Iterator[str | list[str]]:
        """Yield the pieces of some fields in the order of a line, each followed by a separator."""
        for name in self.names:
            if name in written:
                yield from written[name]
                yield self.notation.between

    def _field(self, name: str, column: Column, known: _Known = None) -> Pieces:
        """Return a field as pieces of lines, with its label."""
        return [self.notation.label(name), *_pieces(column, known, self.notation)]


def _pieces(column: Column, known: _Known, notation: Notation) -> Pieces:
    """Return a column as pieces of lines."""
    match column:
        case Constant(text):
            return [notation.word(text)]
        case Words(codes, texts):
            return [_chosen(codes, lambda code: notation.word(texts[code] or None))]
        case Numbers():
            return [_numbers(column, known, notation.word)]
        case Flags(mask):
            return [_chosen(mask, notation.flags.__getitem__)]
        case Coordinates(names, points):
            return _objects(names, points, notation)


def _chosen(codes: NDArray[Any], text: Callable[[int], str]) -> str | list[str]:
    """Return the text of each code, or one text if all codes are equal; `text` gives each once."""
    codes_of_points = codes.tolist()
    text_of = {code: text(code) for code in set(codes_of_points)}
    if len(text_of) == 1:
        return next(iter(text_of.values()))
    return [text_of[code] for code in codes_of_points]


def _objects(names: tuple[str, ...], points: Array, notation: Notation) -> Pieces:
    """Return points as pieces of JSON objects."""
    if not names:
        return ["{}"]
    pieces: Pieces = [notation.quotes, notation.inside("{")]
    for name, numbers in zip(names, points.T, strict=True):
        pieces += [notation.inside(f"{json.dumps(name)}: "), digits(numbers), ", "]
    return [*pieces[:-1], notation.inside("}"), notation.quotes]


def _numbers(column: Numbers, known: _Known, word: Callable[[str | None], str]) -> list[str]:
    """Return the texts of numbers; where a known column has the same number, its text is used."""
    if known is None:
        return _new_texts(column, word)
    like, known_texts = known
    # 0 and -0 are different texts, and have different bits.
    differs = column.numbers.view(np.int64) != like.numbers.view(np.int64)
    different = np.flatnonzero(differs | (column.exists != like.exists))
    if not len(different):
        return known_texts
    if 2 * len(different) > len(differs):
        return _new_texts(column, word)
    texts = known_texts.copy()
    part = Numbers(column.numbers[different], column.exists[different])
    for i, text in zip(different.tolist(), _new_texts(part, word), strict=True):
        texts[i] = text
    return texts


def _new_texts(column: Numbers, word: Callable[[str | None], str]) -> list[str]:
    """Return the texts of numbers."""
    numbers, exists = column.numbers, column.exists
    if exists.all():
        texts = digits(numbers)
    else:
        texts, places = [word(None)] * len(numbers), np.flatnonzero(exists)
        for i, text in zip(places.tolist(), digits(numbers[places]), strict=True):
            texts[i] = text
    for i in np.flatnonzero(exists & ~np.isfinite(numbers)).tolist():
        texts[i] = word(texts[i])
    return texts


def digits(numbers: Array) -> list[str]:
    """Return each number with as many digits as tell it from all other numbers."""
    return list(map(float.__repr__, numbers.tolist()))


def _joined(pieces: Pieces, count: int) -> list[str]:
    """Return `count` lines from their pieces."""
    parts: list[Iterable[str]] = []
    common = ""
    for piece in pieces:
        if isinstance(piece, str):
            common += piece
        else:
            parts += [itertools.repeat(common, count), piece]
            common = ""
    parts.append(itertools.repeat(common, count))
    return list(map("".join, zip(*parts, strict=True)))
