"""Models of smooth functions, of powers, and of roots, which have a cone at 0.

A root of a sum of squares Σ w_i·u_i² of functions u_i that are zero at the point is the norm of
the vector u, and a root Σ w_i·|u_i|^p the p-norm.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import flint

from symdiff.arithmetics.balls import EMPTY, Ball
from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.bounds.jets import Jet
from symdiff.arithmetics.reading import apply
from symdiff.catalogue import CATALOGUE
from symdiff.errors import Unsupported
from symdiff.program.nodes import Builder, Call, Literal, Program
from symdiff.truth.cosines import squares_of_sine
from symdiff.truth.first_order import Key, Missing, Model, Powers, difference, linear
from symdiff.truth.quadratics import Polynomial
from symdiff.truth.sites import Outcome, Site, constant_polynomial, number, sum_of_squares

_JETS: Final = jets.Jets(jets.Strict())


def smooth(site: Site, *arguments: Model) -> Outcome:
    """Return the model of a function that is smooth at its arguments, by the chain rule."""
    active: dict[int, Model] = {}
    for a in site.node.operands:
        value = site.values[a]
        if isinstance(value, Model) and value.inputs:
            active[a] = value
    units = {
        a: Jet(model.value, tuple(flint.arb(int(a == b)) for b in active))
        for a, model in active.items()
    }
    operands = [
        units.get(a, Jet(x.value)) for a, x in zip(site.node.operands, arguments, strict=True)
    ]
    try:
        result = apply(site.row, _JETS, operands)
    except jets.TieError:
        return Missing(f"{site.name} may jump or have a kink here")
    except Unsupported as error:
        return Missing(str(error))
    return _outcome(site, result, active)


def _outcome(site: Site, result: Any, active: Mapping[int, Model]) -> Outcome:  # noqa: ANN401
    """Return the model with the value and the partial derivatives of a jet."""
    if result is EMPTY:
        return Missing(f"{site.name} is undefined at the point")
    if not isinstance(result, Jet):
        return Missing(f"{site.name} has no value here")
    slopes = result.gradient or (flint.arb(0),) * len(active)
    if active and not (result.value.is_finite() and all(s.is_finite() for s in slopes)):
        return Missing(f"{site.name} is at the end of its domain, or has no slope")
    pairs = zip(slopes, active.values(), strict=True)
    model = linear(result.value, pairs, is_nonnegative=bool(result.value > 0))
    is_analytic = all(u.is_analytic for u in active.values())
    return dataclasses.replace(model, is_analytic=is_analytic)


def arithmetic(site: Site, x: Model, y: Model) -> Outcome:
    """Return the model of a sum, a difference, a product or a quotient."""
    model = smooth(site, x, y)
    if not isinstance(model, Model):
        return model
    operator = CATALOGUE[site.name].operator or ""
    is_same = len(set(site.node.operands)) == 1
    both = x.is_nonnegative and y.is_nonnegative
    is_nonnegative = (
        model.is_nonnegative
        or {
            "+": both,
            "-": False,
            "*": both or is_same,
            "/": both or is_same,
        }[operator]
    )
    polynomial = _polynomial(operator, x, y)
    is_zero = polynomial is not None and not polynomial.constant
    value = flint.arb(0) if is_zero else model.value
    powers = None
    if value.contains(0):
        powers = _square(x) if operator == "*" and is_same else _powers(operator, x, y)
    return dataclasses.replace(
        model, value=value, polynomial=polynomial, is_nonnegative=is_nonnegative, powers=powers
    )


def _polynomial(operator: str, x: Model, y: Model) -> Polynomial | None:
    """Return the exact polynomial of a sum, difference, product or quotient, or None."""
    a, b = x.polynomial, y.polynomial
    if a is None or b is None:
        return None
    if operator == "*":
        return a.product(b)
    if operator == "/":
        return a.times(1 / b.constant) if b.degree == 0 and b.constant else None
    return a.plus(b, Fraction(1 if operator == "+" else -1))


def _square(x: Model) -> Powers | None:
    return Powers(Fraction(2), ((flint.arb(1), x),)) if x.value.is_zero() else None


def _powers(operator: str, x: Model, y: Model) -> Powers | None:
    """Return a sum, difference, product or quotient as a sum of powers, or None."""
    if operator == "*":
        powers, factor = (x.powers, y.value) if x.powers else (y.powers, x.value)
        return _scaled(powers, factor)
    if operator == "/":
        return _scaled(x.powers, 1 / y.value)
    if operator == "+":
        return _added(x, y)
    return x.powers if y.value.is_zero() and not y.inputs else None


def _scaled(powers: Powers | None, factor: Ball) -> Powers | None:
    if powers is None or not factor > 0:
        return None
    return Powers(powers.p, tuple((w * factor, u) for w, u in powers.terms))


def _added(x: Model, y: Model) -> Powers | None:
    """Return the sum of two sums of powers, with the smaller of their exponents.

    A higher power of u is that power of a function with the derivative 0.
    """
    for one, other in ((x, y), (y, x)):
        if one.value.is_zero() and not one.inputs:
            return other.powers
    if x.powers is None or y.powers is None:
        return None
    p = min(x.powers.p, y.powers.p)
    terms = [
        (w, u) if powers.p == p else (w, Model(flint.arb(0), inputs=u.inputs))
        for powers in (x.powers, y.powers)
        for w, u in powers.terms
    ]
    return Powers(p, tuple(terms))


def power(site: Site, base: Model, exponent: Model) -> Outcome:
    """Return the model of a power, which has a cone where its base is a sum of powers at 0."""
    a = exponent.constant
    if a is not None and a.denominator != 1 and base.value.is_zero():
        return _root(site, base, a)
    model = smooth(site, base, exponent)
    if not isinstance(model, Model) or a is None:
        return model
    is_even = a.denominator == 1 and a.numerator % 2 == 0
    is_nonnegative = model.is_nonnegative or is_even or base.is_nonnegative
    polynomial = None
    if base.polynomial is not None and a in {1, 2}:
        polynomial = base.polynomial if a == 1 else base.polynomial.product(base.polynomial)
    powers = base.powers if a == 1 else None
    if a > 1 and is_nonnegative and base.value.is_zero():
        powers = Powers(a, ((flint.arb(1), base),))
    return dataclasses.replace(
        model,
        is_nonnegative=is_nonnegative,
        polynomial=polynomial,
        powers=powers,
        root_of=site.node.operands[0] if a == Fraction(1, 2) else None,
    )


def sqrt(site: Site, base: Model) -> Outcome:
    """Return the model of a square root."""
    if base.value.is_zero():
        return _root(site, base, Fraction(1, 2)) if base.inputs else number(0)
    model = smooth(site, base)
    if not isinstance(model, Model):
        return model
    return dataclasses.replace(model, is_nonnegative=True, root_of=site.node.operands[0])


def _root(site: Site, base: Model, a: Fraction) -> Outcome:
    """Return the model of u**a at u = 0, where a is not an integer."""
    if a <= 0:
        return Missing(f"{site.name} is undefined at the point")
    (operand, *_) = site.node.operands
    powers = base.powers or _squares(base) or _at_minimum(site, base, site.program.at(operand))
    if powers is None:
        if not base.is_nonnegative:
            return Missing(f"{site.name}: its argument is 0 here, and not a sum of squares")
        powers = Powers(Fraction(1), ((flint.arb(1), base),))
    degree = powers.p * a
    if powers.p < 1 or degree < 1:
        return Missing(f"{site.name} may have an infinite slope here")
    norm = site.kinks.norm(powers.p, powers.terms, _norm_key(site, base, a))
    if degree == 1:
        return dataclasses.replace(norm, inputs=base.inputs)
    # ‖u‖**degree has the derivative 0.
    raised = Powers(degree, ((flint.arb(1), norm),))
    return Model(flint.arb(0), inputs=base.inputs, is_nonnegative=True, powers=raised)


def _norm_key(site: Site, base: Model, a: Fraction) -> Key:
    """Return the same key for roots of equal quadratic forms."""
    form = base.polynomial
    if not site.kinks.merges or form is None or any(len(m) < 2 for m in form.terms):
        return site.index
    return ("form", a, tuple(sorted(form.terms.items())))


def _squares(base: Model) -> Powers | None:
    """Return a polynomial of degree 2 as a sum of squares of linear functions, or None."""
    return None if base.polynomial is None else sum_of_squares(base.polynomial)


def _at_minimum(site: Site, base: Model, program: Program) -> Powers | None:
    """Return squares of linear functions that an analytic function is to second order, or None.

    The root of the function and of the sum of squares differ by a function with the strict
    derivative 0, since the form is definite.
    """
    rows = site.factor(program, base.inputs) if base.is_analytic else None
    if rows is None:
        return None
    one = flint.arb(1)
    members = [Model(flint.arb(0), row, inputs=base.inputs) for row in rows]
    return Powers(Fraction(2), tuple((one, member) for member in members))


def acos(site: Site, x: Model) -> Outcome:
    """Return the model of acos, which is √(2·(1 - x)) at x = 1 up to a smooth factor."""
    return _at_end(site, x, {1: (Fraction(0), 1), -1: (Fraction(1), -1)})


def asin(site: Site, x: Model) -> Outcome:
    """Return the model of asin = π/2 - acos."""
    return _at_end(site, x, {1: (Fraction(1, 2), -1), -1: (Fraction(-1, 2), 1)})


def atan2(site: Site, x: Model, y: Model) -> Outcome:
    """Return the model of the angle of (y, x); at its cut it is pi + atan(x/y) if x >= 0 nearby."""
    if y.value < 0 and x.value.is_zero() and x.is_nonnegative:
        return linear(flint.arb.pi(), [(1 / y.value, x), (flint.arb(0), y)], is_nonnegative=True)
    return smooth(site, x, y)


def _at_end(site: Site, x: Model, ends: Mapping[int, tuple[Fraction, int]]) -> Outcome:
    """Return the model of acos or asin at an end e of the domain: q·π ± √(2·(1 - e·x)).

    Parameters
    ----------
    site
        The call.
    x
        The argument.
    ends
        By e, the rational q and the sign of the root.
    """
    for end, (q, sign) in ends.items():
        one = number(1)
        rest = difference(one, x) if end == 1 else difference(one, _opposite(x))
        if not rest.value.contains(0) or not x.inputs:
            continue
        builder = Builder.extending(site.program)
        pair = (builder.add(Literal(1)), site.node.operands[0])
        root = builder.add(Call("subtract", pair) if end == 1 else Call("add", pair))
        program = builder.program(root, site.program.sources)
        rest = dataclasses.replace(rest, is_analytic=x.is_analytic)
        powers = _squares(rest) or _at_minimum(site, rest, program)
        # 2·(1 - e·x) = 1 - x² up to a smooth factor
        terms = squares_of_sine(site) if powers is None else Powers(powers.p, _doubled(powers))
        if terms is None:
            return Missing(f"{site.name} is at the end of its domain")
        norm = site.kinks.norm(Fraction(2), terms.terms, site.index)
        value = flint.arb(flint.fmpq(q.numerator, q.denominator)) * flint.arb.pi()
        return linear(value, [(flint.arb(sign), norm)], is_nonnegative=q >= 0 and sign > 0)
    return smooth(site, x)


def _doubled(powers: Powers) -> tuple[tuple[Ball, Model], ...]:
    return tuple((2 * w, u) for w, u in powers.terms)


def _opposite(x: Model) -> Model:
    polynomial = None if x.polynomial is None else x.polynomial.times(Fraction(-1))
    return linear(-x.value, [(flint.arb(-1), x)], polynomial=polynomial)


def negative(site: Site, x: Model) -> Outcome:
    """Return the model of -x."""
    model = smooth(site, x)
    if not isinstance(model, Model) or x.polynomial is None:
        return model
    return dataclasses.replace(model, polynomial=x.polynomial.times(Fraction(-1)))


def positive(site: Site, x: Model) -> Outcome:
    """Return the model of +x."""
    del site
    return x


def detach(site: Site, x: Model) -> Outcome:
    """Return a value held constant."""
    del site
    constant = None if x.polynomial is None else constant_polynomial(x.polynomial.constant)
    # Series do not hold the value, so they cannot be asked about it.
    is_analytic = not x.inputs
    is_nonnegative = bool(x.value >= 0)
    return Model(
        x.value, polynomial=constant, is_nonnegative=is_nonnegative, is_analytic=is_analytic
    )


FUNCTIONS: Final[Mapping[str, Callable[..., Outcome]]] = MappingProxyType(
    {
        "add": arithmetic,
        "subtract": arithmetic,
        "multiply": arithmetic,
        "divide": arithmetic,
        "power": power,
        "sqrt": sqrt,
        "acos": acos,
        "asin": asin,
        "atan2": atan2,
        "negative": negative,
        "positive": positive,
        "detach": detach,
    }
)
