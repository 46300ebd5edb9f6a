"""Numbers without a formula: the zero of a switch, which its grid point is said to be near.

Source: interval Newton steps, Moore, Kearfott & Cloud 2009, section 8.1: where the step maps an
interval into itself there is one zero in it, and only one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import flint
import sympy as sp

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.bounds.jets import Jet, Strict, TieError
from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.puiseux import Germ, constant
from symdiff.arithmetics.series.reals import Real, UndecidedError
from symdiff.errors import Unsupported
from symdiff.program import Program

_MAX_STEPS: Final = 40
_MARGIN: Final = 32  # bits
_AROUND: Final = 2.0**-48  # relative, of the double that a zero is nearest to


class Zero(Real):
    """The one zero of a program near a double, as an exact number.

    Its balls come from Newton steps.  That the program vanishes there is known by `vanishing`.
    """

    __slots__ = ("_around", "_fixed", "_program", "_value", "_variable")

    def __init__(
        self, program: Program, variable: str, fixed: Mapping[str, Real], value: int, near: float
    ) -> None:
        """Keep what vanishes (program - value) and where; `zero_near` proves that it does."""
        super().__init__(None, "zero")
        self._program = program
        self._variable = variable
        self._fixed = dict(fixed)
        self._value = value
        self._around = near
        text = repr((program.nodes, program.output, variable, value, near, self._fixed))
        self._key = hashlib.blake2b(text.encode(), digest_size=20).digest()

    def symbolic(self) -> sp.Expr:
        """Refuse: sympy has no name for the number."""
        message = "a zero without a formula"
        raise ValueError(message)

    def _computed(self, bits: int) -> Ball:
        finer = min((b for b in self._balls if b > bits), default=None)
        if finer is not None:
            return self._balls[finer]
        with flint.ctx.workprec(bits + _MARGIN):
            # What fewer bits have proved already is where more of them go on.
            fewer = max((b for b in self._balls if b < bits), default=None)
            wide = flint.arb(self._around, max(abs(self._around) * _AROUND, 2.0**-1000))
            x, inside = wide if fewer is None else self._balls[fewer], fewer is not None
            for _ in range(_MAX_STEPS):
                step = self._newton(x)
                if step is None or not step.is_finite():
                    break
                inside = inside or x.contains_interior(step)
                if not inside or not step.overlaps(x):
                    break
                narrower = step.intersection(x)
                if narrower.rel_accuracy_bits() >= bits or narrower.rad() >= x.rad():
                    return narrower
                x = narrower
        message = "a zero could not be enclosed"
        raise UndecidedError(message)

    def _newton(self, x: Ball) -> Ball | None:
        """Return m - f(m)/f'(x) for the middle m of x."""
        bits = flint.ctx.prec
        fixed = {name: Jet(number.ball(bits)) for name, number in self._fixed.items()}
        middle = x.mid()
        try:
            slope = jets.evaluate(
                self._program, {**fixed, self._variable: Jet(x, (flint.arb(1),))}, Strict()
            )
            value = jets.evaluate(self._program, {**fixed, self._variable: Jet(middle)}, Strict())
        except (TieError, Unsupported):
            return None
        if slope is None or value is None or not slope.gradient or slope.gradient[0].contains(0):
            return None
        return middle - (value.value - self._value) / slope.gradient[0]


def zero_near(
    program: Program, variable: str, fixed: Mapping[str, Real], near: float, *, integer: bool
) -> Real | None:
    """Return the zero of a program near a double, or None if it is not proved to be one.

    Parameters
    ----------
    program
        What vanishes there; with `integer`, what is an integer there.
    variable
        The input that is sought.
    fixed
        The exact values of the other inputs.
    near
        The double.
    integer
        Whether the program crosses an integer, not 0.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> zero = zero_near(parse("x*exp(x) - 1"), "x", {}, 0.5671432904097838, integer=False)
    >>> zero.ball(128).mid().str(30, radius=False)
    '0.567143290409783872999968662210'
    """
    others = {name: fixed[name] for name in program.inputs if name != variable}
    try:
        level = _nearest_integer(program, variable, others, near) if integer else 0
        zero = Zero(program, variable, others, level, near)
        zero.ball(128)
    except UndecidedError:
        return None
    inputs = {name: constant(number) for name, number in others.items()}
    value = germs.evaluate(program, {**inputs, variable: constant(zero)})
    if isinstance(value, Germ):
        zero.vanishing = frozenset({(value.constant - Real.of(level)).scaled[1].key})
    return zero


def _nearest_integer(
    program: Program, variable: str, others: Mapping[str, Real], near: float
) -> int:
    inputs = {name: constant(number) for name, number in others.items()}
    value = germs.evaluate(program, {**inputs, variable: constant(Real.of(near))})
    if not isinstance(value, Germ):
        message = "a level that is not known"
        raise UndecidedError(message)
    return round(float(value.constant.ball(128).mid()))
