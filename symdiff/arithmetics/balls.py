"""A Program on balls: certified enclosures of its values over an interval.

A ball (python-flint's `arb`) holds every value that the Program takes on the interval, on the
part of it where the Program is defined.  `EMPTY` says that there is no such part: proved.
A comparison is True, False, or None where the ball cannot decide it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import flint

from symdiff.arithmetics.reading import read
from symdiff.catalogue import Function
from symdiff.catalogue.enclosures import EMPTY, Ball
from symdiff.program import Program
from symdiff.program.parser import domain

__all__ = ["BALLS", "EMPTY", "PRECISION", "Ball", "enclose"]

PRECISION: Final = 128  # bits


class _Balls:
    """The ball column, with comparisons and branches that know of undecided conditions."""

    def column(self, row: Function) -> Callable[..., Any] | None:
        return row.column("ball")

    def number(self, value: float | bool) -> Any:  # noqa: ANN401, FBT001
        return value if isinstance(value, bool) else flint.arb(value)

    def constant(self, name: str) -> Ball:
        return _CONSTANTS[name]()

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:  # noqa: ANN401
        if row.name in _CHOICES:
            return column(*arguments)
        if any(a is EMPTY for a in arguments):
            return EMPTY
        numbers = [_as_number(a) for a in arguments] if row.returns == "real" else arguments
        if _is_outside(row, numbers):
            return EMPTY
        return column(*numbers)


def _is_outside(row: Function, arguments: Sequence[Ball]) -> bool:
    condition = domain(row.name)
    if condition is None:
        return False
    names = (parameter.name for parameter in row.parameters)
    return read(condition, BALLS, dict(zip(names, arguments, strict=False))) is False


def _as_number(value: Any) -> Ball:  # noqa: ANN401
    if value is None:
        return flint.arb(0).union(flint.arb(1))
    return flint.arb(int(value)) if isinstance(value, bool) else value


_CHOICES = frozenset({"where", "ifelse"})
_CONSTANTS: Mapping[str, Callable[[], Ball]] = MappingProxyType(
    {"pi": flint.arb.pi, "e": flint.arb.const_e, "inf": flint.arb.pos_inf}
)
BALLS = _Balls()


def enclose(
    program: Program,
    inputs: Mapping[str, Ball],
    *,
    bits: int = PRECISION,
    held: Mapping[int, Ball] | None = None,
) -> Any:  # noqa: ANN401
    """Return a ball that holds every value of a Program on a box, or `EMPTY`.

    Parameters
    ----------
    program
        What to enclose.
    inputs
        A ball for every variable.
    bits
        Of precision.
    held
        Balls of nodes that are taken as they are.

    Raises
    ------
    Unsupported
        A function of the program has no ball column and no definition.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> enclose(parse("exp(x) - 1"), {"x": flint.arb(2, 1)}) > 0
    True
    >>> enclose(parse("sqrt(x)"), {"x": flint.arb(-3, 1)})
    EMPTY
    """
    with flint.ctx.workprec(bits):
        return read(program, BALLS, inputs, held=held)
