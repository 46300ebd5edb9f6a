"""What an atlas has: derivatives at points where there is a choice, and the engines' answers."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping
from typing import Any, Final

from symdiff.report.records import Record
from symdiff.truth.kinds import APPARENT, Kind
from symdiff.verdict.words import Verdict

Number = float | str | None  # as in records: "nan", "inf", "-inf"; None where there is none

# Kinds at which there is nothing to choose: the function has no value, or no finite limit.
WITHOUT_CHOICE: Final = frozenset({str(Kind.OUTSIDE), str(Kind.POLE)})
# Numbers are kept with as many digits as are compared: the others depend on the processor.
_DIGITS: Final = 9
_LONGEST_DETAIL: Final = 200  # characters


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A derivative, and what it is.

    Attributes
    ----------
    function
        The function that is computed: a row of the catalogue, or a description.
    text
        The call.
    output
        The component of its value; "" if that is a number.
    variable
        The variable that the derivative is by.
    at
        The point: ``x=0, y=1/3``.
    order
        1, or 2 for a second derivative.
    kind
        The kind of the point along the variable; "apparent kink" where it is smooth.
    left, right, derivative
        The one-sided derivatives, and the derivative, as in records.
    """

    function: str
    text: str
    output: str
    variable: str
    at: str
    order: int
    kind: str
    left: Number
    right: Number
    derivative: Number

    @property
    def place(self) -> tuple[str, str, str, str, int]:
        """What identifies the row among those of a call."""
        return self.text, self.output, self.variable, self.at, self.order


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an engine gives for a derivative.

    Attributes
    ----------
    value
        The number; None if the engine failed or cannot express the call.
    verdict
        The verdict's word.
    detail
        Which subgradient it is, what the engine's documented rule says, why there is no number.
    """

    value: Number
    verdict: str
    detail: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Atlas:
    """Rows with the answers of some engines.

    Attributes
    ----------
    answers
        By row, the answers by engine.
    libraries
        By engine, the library that it runs and its version.
    lost
        Calls that could not be compared, with the reason.
    """

    answers: Mapping[Row, Mapping[str, Answer]]
    libraries: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    lost: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def engines(self) -> tuple[str, ...]:
        """The engines, in their order."""
        return tuple(dict.fromkeys(e for answers in self.answers.values() for e in answers))

    def of(self, engines: tuple[str, ...]) -> Atlas:
        """Return the answers of some engines alone."""
        answers = {
            row: {e: answer for e, answer in by_engine.items() if e in engines}
            for row, by_engine in self.answers.items()
        }
        kept = {row: by_engine for row, by_engine in answers.items() if by_engine}
        libraries = {e: library for e, library in self.libraries.items() if e in engines}
        return Atlas(kept, libraries, self.lost)


def row_of(record: Record, function: str, text: str, order: int = 1) -> Row:
    """Return the row of a record."""
    coordinates = record["point"]
    at = record["exact"] or ""
    if len(coordinates) > 1 or not at:
        exact = dict(part.split("=", 1) for part in at.split(", ")) if at else {}
        at = ", ".join(f"{name}={exact.get(name, f'{x:g}')}" for name, x in coordinates.items())
    else:
        at = f"{next(iter(coordinates))}={at}"
    is_apparent = record["kind"] == Kind.SMOOTH.label
    return Row(
        function=function,
        text=text,
        output=record["output"] or "",
        variable=record["variable"],
        at=at,
        order=order,
        kind=APPARENT if is_apparent else record["kind"],
        left=rounded(record["left"]),
        right=rounded(record["right"]),
        derivative=rounded(record["derivative"]),
    )


def answer_of(record: Record) -> Answer:
    """Return the answer of a record's engine."""
    detail = "" if record["verdict"] == Verdict.AGREES.label else record["detail"] or ""
    words = textwrap.shorten(detail, _LONGEST_DETAIL, placeholder=" ...")
    return Answer(value=rounded(record["value"]), verdict=record["verdict"], detail=words)


def rounded(value: Any) -> Number:  # noqa: ANN401  (a number of a record)
    """Return a number with the digits that are kept.

    Examples
    --------
    >>> rounded(1/3), rounded("nan"), rounded(None), rounded(-0.0)
    (0.333333333, 'nan', None, 0.0)
    """
    return float(f"{value:.{_DIGITS}g}") + 0.0 if isinstance(value, int | float) else value
