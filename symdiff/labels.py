"""Integer enumerations that are stored and shown by their labels."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Self

import numpy as np
from numpy.typing import NDArray


class LabelledEnum(enum.IntEnum):
    """Integer enumeration whose members have a label.

    Columns in memory hold the integers. Whatever is written to a file or shown holds the labels,
    so that members may be added or renumbered without changing what an old file means.

    Examples
    --------
    >>> class Colour(LabelledEnum):
    ...     RED = 0, "red"
    ...     GREEN = 1, "green"
    >>> Colour.of("green"), f"{Colour(0)}"
    (<Colour.GREEN: 1>, 'red')
    """

    label: str
    meaning: str

    def __new__(cls, code: int, label: str, meaning: str = "") -> Self:
        """Make a member from its integer, its label and its meaning in one sentence."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.meaning = meaning
        return member

    def __str__(self) -> str:
        """Return the label."""
        return self.label

    def __format__(self, specification: str) -> str:
        """Format the label."""
        return format(self.label, specification)

    @classmethod
    def from_code(cls, code: int) -> Self:
        """Return the member that a column stores as an integer."""
        member: Self = cls._value2member_map_[int(code)]  # type: ignore[assignment]
        return member

    @classmethod
    def of(cls, label: str) -> Self:
        """Return the member with the given label.

        Raises
        ------
        ValueError
            No member has this label.
        """
        for member in cls:
            if member.label == label:
                return member
        message = f"{label!r} is not a label of {cls.__name__}"
        raise ValueError(message)

    @classmethod
    def labels(cls) -> tuple[str, ...]:
        """Return all labels, in the order of the class."""
        return tuple(member.label for member in cls)


def among(codes: NDArray[np.int8], members: Iterable[LabelledEnum]) -> NDArray[np.bool_]:
    """Return where the codes of a column are those of some members.

    It is made for few members and long columns, on which `np.isin` takes many times longer.

    Examples
    --------
    >>> class Colour(LabelledEnum):
    ...     RED = 0, "red"
    ...     GREEN = 1, "green"
    >>> among(np.array([0, 1, 2], dtype=np.int8), [Colour.RED, Colour.GREEN]).tolist()
    [True, True, False]
    """
    found = np.zeros(codes.shape, dtype=bool)
    for member in members:
        found |= codes == int(member)  # as an IntEnum, it would be compared as an int64
    return found
