"""Exact numbers that are defined only as the zero of a switch near a double.

Source: interval Newton steps, Moore, Kearfott & Cloud 2009, section 8.1: if the step maps an
interval into itself, the interval contains exactly one zero.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import flint
import sympy as sp

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.bounds.jets import Jet, Strict, TieError
from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.puiseux import Germ, constant_germ
from symdiff.arithmetics.series.reals import MAX_BITS, Real, UndecidedError, nearest_or_none
from symdiff.errors import Unsupported
from symdiff.program import Program

_MAX_STEPS: Final = 40  # Newton steps for one precision
_MARGIN: Final = 32  # bits of precision beyond the requested ones
_AROUND: Final = 2.0**-48  # relative radius, around its double, of the interval with the zero


class Zero(Real):
    """The zero of a program near a double, as an exact number.

    Its balls are computed by Newton steps. `vanishing` says that program - value is zero there.
    """

    __slots__ = ("_around", "_fixed", "_is_known", "_program", "_variable", "value")

    def __init__(
        self, program: Program, variable: str, fixed: Mapping[str, Real], value: int, near: float
    ) -> None:
        """Describe the zero of program - value; `zero_near` proves that there is one."""
        super().__init__(None, "zero")
        self._program = program
        self._variable = variable
        self._fixed = dict(fixed)
        self.value = value
        self._around = near
        self._is_known = False
        text = repr((program.nodes, program.output, variable, value, near, self._fixed))
        self._key = hashlib.blake2b(text.encode(), digest_size=20).digest()

    @property
    def vanishing(self) -> tuple[Real, ...]:
        """The difference of the two sides of the equation that defines the number."""
        if not self._is_known:
            self._is_known = True  # before the evaluation, which may ask for signs itself
            self._vanishing = _difference(
                self._program, self._variable, self._fixed, self, self.value
            )
        return self._vanishing

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
        return middle - (value.value - self.value) / slope.gradient[0]


def zero_near(
    program: Program, variable: str, fixed: Mapping[str, Real], near: float, *, integer: bool
) -> Zero | None:
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
    return zero


def solved(
    number: Real,
    program: Program,
    variable: str,
    fixed: Mapping[str, Real],
    *,
    integer: bool,
) -> Real:
    """Return a closed form of a zero of a program, with the knowledge that it is a zero.

    Parameters
    ----------
    number
        The closed form that was found by solving the equation.
    program, variable, fixed, integer
        The equation, as in `zero_near`.

    Examples
    --------
    >>> from symdiff.arithmetics.series.reals import PI
    >>> from symdiff.program import parse
    >>> zero = solved(PI, parse("x + exp(x) - pi - exp(pi)"), "x", {}, integer=False)
    >>> len(zero.vanishing)
    1
    """
    if number.rational is not None or type(number) is not Real:
        return number  # an algebraic number needs no such knowledge
    return _Solved(number, program, variable, fixed, integer=integer)


class _Solved(Real):
    """A closed form that was found by solving a program for zero.

    Newton steps prove that the program has exactly one zero near the number; that the number is
    this zero is accepted if its ball and that of the zero meet at `MAX_BITS` bits.  Both are done
    when `vanishing` is first read, since most signs are decided without it.
    """

    __slots__ = ("_equation", "_integer", "_is_checked")

    def __init__(
        self,
        number: Real,
        program: Program,
        variable: str,
        fixed: Mapping[str, Real],
        *,
        integer: bool,
    ) -> None:
        super().__init__(None, number.operation, number.arguments)
        others = {name: fixed[name] for name in program.inputs if name != variable}
        self._equation = program, variable, others
        self._integer = integer
        self._is_checked = False

    @property
    def vanishing(self) -> tuple[Real, ...]:
        """The difference of the two sides of the equation, if it is proved to be zero."""
        if not self._is_checked:
            self._is_checked = True  # before the check, which may ask for signs itself
            self._vanishing = self._checked()
        return self._vanishing

    @property
    def scaled(self) -> tuple[Any, Real]:
        """The number as a rational times a number that keeps what is known of this one."""
        factor, core = super().scaled
        return factor, core if core is self else _Part(core, self)

    def _checked(self) -> tuple[Real, ...]:
        program, variable, others = self._equation
        near = nearest_or_none(self)
        if near is None:
            return ()
        zero = zero_near(program, variable, others, near, integer=self._integer)
        try:
            if zero is None or not zero.ball(MAX_BITS).overlaps(self.ball(MAX_BITS)):
                return ()
        except UndecidedError:
            return ()
        return _difference(program, variable, others, self, zero.value)


class _Part(Real):
    """A solved number without its rational factor: the same is zero by definition."""

    __slots__ = ("_whole",)

    def __init__(self, number: Real, whole: Real) -> None:
        super().__init__(None, number.operation, number.arguments)
        self._whole = whole

    @property
    def vanishing(self) -> tuple[Real, ...]:
        """What is zero by the definition of the whole number."""
        return self._whole.vanishing


def _difference(
    program: Program, variable: str, others: Mapping[str, Real], at: Real, value: int
) -> tuple[Real, ...]:
    """Return program - value at a number, as an exact number; nothing if it is not known."""
    inputs = {name: constant_germ(number) for name, number in others.items()}
    germ = germs.evaluate(program, {**inputs, variable: constant_germ(at)})
    if not isinstance(germ, Germ):
        return ()
    difference = germ.constant - Real.of(value)
    return () if difference.rational is not None else (difference,)


def _nearest_integer(
    program: Program, variable: str, others: Mapping[str, Real], near: float
) -> int:
    inputs = {name: constant_germ(number) for name, number in others.items()}
    germ = germs.evaluate(program, {**inputs, variable: constant_germ(Real.of(near))})
    if not isinstance(germ, Germ):
        message = "the value near the zero is unknown"
        raise UndecidedError(message)
    return round(float(germ.constant.ball(128).mid()))
