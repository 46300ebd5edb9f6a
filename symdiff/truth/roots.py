"""Exact numbers that are defined only as the zero of a switch near a double.

Source: interval Newton steps, Moore, Kearfott & Cloud 2009, section 8.1: if the step maps an
interval into itself, the interval contains exactly one zero.
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
from symdiff.arithmetics.series.puiseux import Germ, constant_germ
from symdiff.arithmetics.series.reals import Real, UndecidedError
from symdiff.errors import Unsupported
from symdiff.program import Program

_MAX_STEPS: Final = 40  # Newton steps for one precision
_MARGIN: Final = 32  # bits of precision beyond the requested ones
_AROUND: Final = 2.0**-48  # relative radius, around its double, of the interval with the zero


class Zero(Real):
    """The zero of a program near a double, as an exact number.

    Its balls are computed by Newton steps. `vanishing` records that the program is zero there.
    """

    __slots__ = ("_around", "_fixed", "_program", "_value", "_variable")

    def __init__(
        self, program: Program, variable: str, fixed: Mapping[str, Real], value: int, near: float
    ) -> None:
        """Describe the zero of program - value; `zero_near` proves that there is one."""
        super().__init__(None, "zero")
        self._program = program
        self._variable = variable
        self._fixed = dict(fixed)
        self._value = value
        self._around = near
        text = repr((program.nodes, program.output, variable, value, near, self._fixed))
        self._key = hashlib.blake2b(text.encode(), digest_size=20).digest()

    def symbolic(self) -> sp.Expr:
        """Raise ValueError: sympy cannot represent the number."""
        message = "a zero without a formula"
        raise ValueError(message)

    def _computed(self, bits: int) -> Ball:
        finer = min((b for b in self._balls if b > bits), default=None)
        if finer is not None:
            return self._balls[finer]
        with flint.ctx.workprec(bits + _MARGIN):
            # Start from the best ball of a lower precision, in which the zero is proved.
            coarser = max((b for b in self._balls if b < bits), default=None)
            wide = flint.arb(self._around, max(abs(self._around) * _AROUND, 2.0**-1000))
            x, is_proved = wide if coarser is None else self._balls[coarser], coarser is not None
            for _ in range(_MAX_STEPS):
                step = self._newton(x)
                if step is None or not step.is_finite():
                    break
                is_proved = is_proved or x.contains_interior(step)
                if not is_proved or not step.overlaps(x):
                    break
                narrower = step.intersection(x)
                if narrower.rel_accuracy_bits() >= bits or narrower.rad() >= x.rad():
                    return narrower
                x = narrower
        message = "a zero could not be enclosed"
        raise UndecidedError(message)

    def _newton(self, x: Ball) -> Ball | None:
        """Return m - f(m)/f'(x), m the midpoint of x, or None if f'(x) may be 0 or is unknown."""
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
    """Return the zero of a program near a double, or None if there is no proof of one.

    Parameters
    ----------
    program
        A scalar program, smooth at its zero.
    variable
        The input to solve for.
    fixed
        The exact values of the other inputs.
    near
        The double nearest to the zero.
    integer
        Whether to solve program = n for the integer n nearest to its value, instead of
        program = 0.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> zero = zero_near(parse("x*exp(x) - 1"), "x", {}, 0.5671432904097838, integer=False)
    >>> zero.ball(128).mid().str(30, radius=False)
    '0.567143290409783872999968662210'
    """
    others = {name: fixed[name] for name in program.inputs if name != variable}
    try:
        value = _nearest_integer(program, variable, others, near) if integer else 0
        zero = Zero(program, variable, others, value, near)
        zero.ball(128)
    except UndecidedError:
        return None
    inputs = {name: constant_germ(number) for name, number in others.items()}
    germ = germs.evaluate(program, {**inputs, variable: constant_germ(zero)})
    if isinstance(germ, Germ):
        zero.vanishing = frozenset({(germ.constant - Real.of(value)).scaled[1].key})
    return zero


def _nearest_integer(
    program: Program, variable: str, others: Mapping[str, Real], near: float
) -> int:
    inputs = {name: constant_germ(number) for name, number in others.items()}
    germ = germs.evaluate(program, {**inputs, variable: constant_germ(Real.of(near))})
    if not isinstance(germ, Germ):
        message = "the value near the zero is unknown"
        raise UndecidedError(message)
    return round(float(germ.constant.ball(128).mid()))
