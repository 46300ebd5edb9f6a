"""The closed list of verdicts."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from symdiff.labels import LabelledEnum


class Verdict(LabelledEnum):
    """Verdict on one engine's number at one point.

    Attributes
    ----------
    label
        The word that users see.
    passes
        Whether the verdict needs no action.
    gravity
        How grave the verdict is: the larger, the graver.
    meaning
        When the verdict is given.
    """

    passes: bool
    gravity: int
    meaning: str

    def __new__(cls, code: int, label: str, passes: bool, gravity: int, meaning: str) -> Self:  # noqa: FBT001  (a row of the table below)
        """Make a member from a row of the table below."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.passes = passes
        member.gravity = gravity
        member.meaning = meaning
        return member

    # fmt: off
    AGREES          = 0,  "agrees",          True,  1,  "within tolerance of the derivative; at an edge, of the derivative on the side that exists"
    INEXACT         = 1,  "inexact",         True,  2,  "not within tolerance, but rounding, truncation or a stencil across a kink explains the deviation"
    SUBGRADIENT     = 2,  "subgradient",     True,  4,  "at a kink, inside the Clarke set: left, right, mean, min-norm or other"
    UNDEFINED       = 3,  "undefined",       True,  3,  "there is no derivative, and the engine says so: NaN, an infinity, or an exception"
    WRONG           = 4,  "wrong",           False, 11, "the derivative is a different number"
    NOT_SUBGRADIENT = 5,  "not-subgradient", False, 10, "at a kink, outside the Clarke set"
    NONFINITE       = 6,  "nonfinite",       False, 9,  "NaN or an infinity where a finite number is right; passes if a stencil leaves the domain"
    SILENT          = 7,  "silent",          True,  5,  "there is no derivative, and the engine gave a finite number; does not pass with `--strict`"
    FAILED          = 8,  "failed",          False, 8,  "the engine raised an exception; its message is kept"
    UNSUPPORTED     = 9,  "unsupported",     True,  0,  "the engine cannot express the program; the function is named"
    UNDECIDED       = 10, "undecided",       True,  6,  "whether the number is right could not be proved"
    VALUE           = 11, "value",           False, 12, "the engine gives a wrong value of the function itself"
    INACCURATE      = 12, "inaccurate",      False, 7,  "rounding explains the deviation, but fewer significant digits are right than `--digits` asks for"
    # fmt: on


def counted(codes: NDArray[np.int8]) -> dict[Verdict, int]:
    """Return how often each verdict occurs among some codes, in the order of `Verdict`.

    Examples
    --------
    >>> counted(np.array([4, 0, 0]))
    {<Verdict.AGREES: 0>: 2, <Verdict.WRONG: 4>: 1}
    """
    counts = np.bincount(codes, minlength=1 + max(Verdict))
    return {verdict: int(counts[verdict]) for verdict in Verdict if counts[verdict]}
