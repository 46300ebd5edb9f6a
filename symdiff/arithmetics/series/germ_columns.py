"""The germ column of the catalogue: one function of germs for each primitive row.

Each function gets the arithmetic and the arguments.  A row without an entry in `COLUMNS` is read
through its definition, or its series is integrated from its derivative (`by_derivative`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from symdiff.arithmetics.extended import AT_INFINITY, infinity_as_text
from symdiff.arithmetics.reading import read
from symdiff.arithmetics.series.exponentials import exponential
from symdiff.arithmetics.series.germ_choices import CHOICES, GermArithmetic, integer_part
from symdiff.arithmetics.series.germ_values import Infinite, Outside, Unknown, domain_message, named
from symdiff.arithmetics.series.oscillations import sine_wave
from symdiff.arithmetics.series.puiseux import (
    ZERO_GERM,
    ZERO_IN_DOUBLES,
    Germ,
    OrderError,
    constant_germ,
    flat_germ,
)
from symdiff.arithmetics.series.reals import ONE, PI, Real, UndecidedError, apply
from symdiff.catalogue import CATALOGUE, Function
from symdiff.program.parser import definition, template

_FIRST_ORDER: Final = Fraction(1, 64)  # order before the first step of a repeated integration


def at_infinity(germs: GermArithmetic, row: Function, arguments: Sequence[Any]) -> Any:
    """Return a function's value where an argument is inf or -inf."""
    (x, *others) = arguments
    if others:
        return Unknown(f"{row.name} with the argument inf is not implemented")
    text = AT_INFINITY.get(row.name, (None, None))[x.sign > 0]
    if text is None:
        return Outside(f"{row.name} of {infinity_as_text(x.sign)}", "nan")
    value = read(template(text), germs, {})
    return ZERO_IN_DOUBLES if value == ZERO_GERM else value


# -- rows that are integrated from their derivative


def by_definition(row: Function) -> Callable[..., Any]:
    """Return a column that reads a row's definition, for finite arguments."""
    program, names = definition(row.name, None), row.parameter_names

    def column(germs: GermArithmetic, *arguments: Any) -> Any:
        inputs = dict(zip(names, arguments, strict=True))
        return named(row, arguments, read(program, germs, inputs))

    return column


def by_derivative(germs: GermArithmetic, row: Function, arguments: Sequence[Any]) -> Germ:
    """Return f(g) = f(a) + ∫ f'(g)·g' dt, where a is the limit of g.

    Parameters
    ----------
    germs
        The arithmetic.
    row
        The function f, with a derivative and a ball column.
    arguments
        Its arguments; at most one of them varies.

    Raises
    ------
    OrderError
        The order is too low.
    UndecidedError
        Several arguments vary, the limit of one is infinite, f is infinite at the limit, or the
        derivative is not known.
    """
    varying = [i for i, g in enumerate(arguments) if not g.is_constant]
    if len(varying) > 1:
        message = "its series is implemented for one varying argument only"
        raise UndecidedError(message)
    i = varying[0] if varying else len(arguments) - 1
    parts = germs.algebra.split(arguments[i])
    if isinstance(parts, int):
        message = "its argument tends to infinity"
        raise UndecidedError(message)
    limits = [parts[0] if i == j else g.constant for j, g in enumerate(arguments)]
    start = apply(row.name, *limits)
    if not start.ball(64).is_finite():
        message = "its value at the limit of its argument is infinite"
        raise UndecidedError(message)
    if not varying:
        return constant_germ(start)
    text = row.derivative[i] if isinstance(row.derivative, tuple) else row.derivative
    if text is None:
        message = f"it has no derivative with respect to its argument {row.parameters[i].name}"
        raise UndecidedError(message)
    names = row.parameter_names
    return _integrated(germs, text, dict(zip(names, arguments, strict=True)), names[i], start)


def _integrated(
    germs: GermArithmetic, derivative: str, arguments: dict[str, Germ], variable: str, start: Real
) -> Germ:
    """Return start + ∫ f'(g)·g' dt for the derivative f' as a text.

    If the text contains `result`, which is f(g) itself, the integration starts from a constant and
    is repeated until the order no longer rises (Picard iteration).
    """
    algebra = germs.algebra
    if algebra.order <= 1:
        return Germ(constant_germ(start).terms, 1)
    lower = germs.lower()
    speed = algebra.differentiate(arguments[variable])
    program = template(derivative)
    result = Germ(constant_germ(start).terms, None if speed == ZERO_GERM else _FIRST_ORDER)
    rounds = algebra.order if "result" in program.inputs else 1
    for _ in range(rounds):
        slope = read(program, lower, {**arguments, "result": result})
        if not isinstance(slope, Germ):
            error = OrderError if getattr(slope, "order", False) else UndecidedError
            raise error(slope.why if isinstance(slope, Unknown) else slope.reason)
        before, result = result, algebra.integrate(algebra.multiply(slope, speed), start)
        if result.order is not None and result.order == before.order:
            break
    return result


# -- columns: functions of the arithmetic and the arguments


def _negate(germs: GermArithmetic, x: Any) -> Any:
    return Infinite(-x.sign) if isinstance(x, Infinite) else germs.algebra.negate(x)


def _add(germs: GermArithmetic, x: Any, y: Any) -> Any:
    infinite = {a for a in (x, y) if isinstance(a, Infinite)}
    if len(infinite) > 1:
        return Outside("inf - inf", "nan")
    return infinite.pop() if infinite else germs.algebra.add(x, y)


def _subtract(germs: GermArithmetic, x: Any, y: Any) -> Any:
    infinite = isinstance(x, Infinite) or isinstance(y, Infinite)
    return _add(germs, x, _negate(germs, y)) if infinite else germs.algebra.subtract(x, y)


def _multiply(germs: GermArithmetic, x: Any, y: Any) -> Any:
    if not (isinstance(x, Infinite) or isinstance(y, Infinite)):
        return germs.algebra.multiply(x, y)
    sign = math.prod(
        a.sign if isinstance(a, Infinite) else germs.algebra.sign_of(a) for a in (x, y)
    )
    return Infinite(sign) if sign else Outside("0*inf", "nan")


def _power_with_infinity(x: Any, exponent: Any) -> Any:
    """Return (±inf)**q for a rational constant q."""
    q = None if isinstance(exponent, Infinite) else _rational(exponent)
    if q is None:
        return Unknown("powers of inf are decided for constant rational exponents only")
    if q == 0:
        return Outside("inf**0")
    if x.sign < 0 and q.denominator != 1:
        return Outside(domain_message("power"), "nan")
    return ZERO_GERM if q < 0 else Infinite(x.sign if q % 2 else 1)


def _logaddexp(germs: GermArithmetic, x: Any, y: Any) -> Any:
    for one, other in ((x, y), (y, x)):
        if isinstance(one, Infinite):  # e^-inf = 0 adds nothing
            return one if one.sign > 0 else other
    return read(definition("logaddexp", None), germs, {"x": x, "y": y})


def _divide(germs: GermArithmetic, x: Any, y: Any) -> Any:
    if isinstance(y, Infinite):
        return Outside("inf/inf", "nan") if isinstance(x, Infinite) else ZERO_GERM
    if isinstance(x, Infinite):
        sign = germs.algebra.sign_of(y)
        return Infinite(x.sign * sign) if sign else Outside("a division by zero", "inf")
    if x.zero_in_doubles and y.zero_in_doubles:
        return Outside("a division by zero", "nan")  # 0/0
    return germs.algebra.multiply(x, germs.algebra.power(y, -1))


def _rational(x: Germ) -> Fraction | None:
    """Return the value of a germ that is a rational constant, else None."""
    if not x.is_constant or x.constant.rational is None:
        return None
    return Fraction(int(x.constant.rational.p), int(x.constant.rational.q))


def _power_of_zero(exponent_sign: int) -> Germ | Outside:
    if exponent_sign < 0:
        return Outside("a negative power of zero", "inf")
    return ZERO_GERM if exponent_sign else constant_germ(ONE)


def _power(germs: GermArithmetic, x: Any, exponent: Any) -> Any:
    if isinstance(x, Infinite) or isinstance(exponent, Infinite):
        return _power_with_infinity(x, exponent)
    algebra = germs.algebra
    q = _rational(exponent)
    if q is None and exponent.is_constant and algebra.sign_of(x) <= 0:
        integer, is_integer = integer_part(exponent.constant, algebra.bits)
        q = Fraction(integer) if is_integer else None
    if q is not None and q.denominator == 1:
        return algebra.power(x, int(q))
    base_sign = algebra.sign_of(x)
    if base_sign < 0:
        return Outside(domain_message("power"), "nan")
    if base_sign == 0:
        return _power_of_zero(algebra.sign_of(exponent))
    if q is not None:
        return algebra.power(x, q)
    return algebra.exp(algebra.multiply(exponent, algebra.log(x)))


def _sqrt(germs: GermArithmetic, x: Germ) -> Germ | Outside:
    if germs.algebra.sign_of(x) < 0:
        return Outside(domain_message("sqrt"), "nan")
    return germs.algebra.power(x, Fraction(1, 2))


def _cbrt(germs: GermArithmetic, x: Germ) -> Germ:
    third = Fraction(1, 3)
    if germs.algebra.sign_of(x) < 0:
        return germs.algebra.negate(germs.algebra.power(germs.algebra.negate(x), third))
    return germs.algebra.power(x, third)


def _log(germs: GermArithmetic, x: Germ) -> Germ | Outside:
    if germs.algebra.sign_of(x) < 0:
        return Outside(domain_message("log"), "nan")
    return germs.algebra.log(x)


def _tanh(germs: GermArithmetic, x: Germ) -> Germ:
    algebra, parts = germs.algebra, germs.algebra.split(x)
    if not isinstance(parts, int):
        return by_derivative(germs, CATALOGUE["tanh"], [x])
    # ±tanh x = (1 - y)/(1 + y) with y = e^(-2|x|), which is a power of t where x is a logarithm
    y = algebra.exp(algebra.scale(x, Real.of(-2 * parts)))
    numerator = algebra.subtract(constant_germ(ONE), y)
    denominator = algebra.add(constant_germ(ONE), y)
    quotient = algebra.multiply(numerator, algebra.power(denominator, -1))
    return quotient if parts > 0 else algebra.negate(quotient)


def _erf(germs: GermArithmetic, x: Germ) -> Germ:
    parts = germs.algebra.split(x)
    if isinstance(parts, int):  # 1 - erf x < e^(-x²) is flat, even where x is a logarithm
        return germs.algebra.add(constant_germ(Real.of(parts)), flat_germ(germs.algebra.order))
    return by_derivative(germs, CATALOGUE["erf"], [x])


def _atan(germs: GermArithmetic, x: Germ) -> Germ:
    parts = germs.algebra.split(x)
    if not isinstance(parts, int):
        return by_derivative(germs, CATALOGUE["atan"], [x])
    # atan x = ±π/2 - atan 1/x
    rest = by_derivative(germs, CATALOGUE["atan"], [germs.algebra.power(x, -1)])
    return germs.algebra.subtract(constant_germ(PI * Real.of(Fraction(parts, 2))), rest)


def _by_recurrence(name: str) -> Callable[..., Any]:
    """Return the column of gamma, lgamma or digamma; at a pole it goes by a recurrence."""

    def column(germs: GermArithmetic, *arguments: Germ) -> Any:
        x = arguments[-1]
        parts = germs.algebra.split(x)
        if isinstance(parts, int):
            message = "its argument tends to infinity"
            raise UndecidedError(message)
        a = parts[0].rational
        if a is None or a > 0 or a.q != 1 or x.is_constant:
            return by_derivative(germs, CATALOGUE[name], arguments)
        names = [parameter.name for parameter in CATALOGUE[name].parameters]
        return read(template(_RECURRENCES[name]), germs, dict(zip(names, arguments, strict=True)))

    return column


# Each function at x in terms of its value at x + 1, which is farther from the poles.
_RECURRENCES: Mapping[str, str] = MappingProxyType(
    {
        "gamma": "gamma(x + 1)/x",
        "lgamma": "lgamma(x + 1) - log(abs(x))",
        "digamma": "digamma(x + 1) - 1/x",
    }
)


def _atan2(germs: GermArithmetic, x: Germ, y: Germ) -> Any:
    return read(definition("atan2", None), germs, {"x": x, "y": y})


def _sin(germs: GermArithmetic, x: Any) -> Any:
    return sine_wave(germs.algebra, x) if _is_endless(germs, x) else germs.algebra.sin(x)


def _cos(germs: GermArithmetic, x: Any) -> Any:
    return sine_wave(germs.algebra, x) if _is_endless(germs, x) else germs.algebra.cos(x)


def _is_endless(germs: GermArithmetic, x: Germ) -> bool:
    """Return whether x tends to an infinity, so that it passes through every period."""
    return isinstance(germs.algebra.split(x), int)


COLUMNS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "add": _add,
        "subtract": _subtract,
        "multiply": _multiply,
        "logaddexp": _logaddexp,
        "divide": _divide,
        "power": _power,
        "negative": _negate,
        "positive": lambda _, x: x,
        "sqrt": _sqrt,
        "cbrt": _cbrt,
        "exp": lambda germs, x: exponential(germs.algebra, 1, x),
        "log": _log,
        "sin": _sin,
        "cos": _cos,
        "atan": _atan,
        "atan2": _atan2,
        "tanh": _tanh,
        "erf": _erf,
        "gamma": _by_recurrence("gamma"),
        "lgamma": _by_recurrence("lgamma"),
        "digamma": _by_recurrence("digamma"),
        **CHOICES,
    }
)
