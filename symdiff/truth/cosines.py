"""Cosines of angles between vectors, at vectors that are parallel.

There u = a·b/(|a||b|) is 1 or -1, the end of the domain of acos, and 1 - u² is a sum of squares:
of the minors a_i·b_j - a_j·b_i, divided by |a|²|b|² (the identity of Lagrange). Where only one of
the vectors moves, |a|²|b|² - (a·b)² is a polynomial of degree 2 as well.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import flint

from symdiff.catalogue import CATALOGUE
from symdiff.program import Call, Literal
from symdiff.truth.first_order import Missing, Model, Powers, linear
from symdiff.truth.quadratics import Polynomial
from symdiff.truth.sites import Outcome, Site, as_number, constant_polynomial, sum_of_squares

_MAX_COMPONENTS: Final = 16  # of vectors whose minors are formed


def squares_of_sine(site: Site) -> Powers | None:
    """Return 1 - u² for the argument u of a call as a sum of squares, up to a smooth factor.

    The factor is 1 at the point, where u is 1 or -1. The result is None if no form is known.

    Parameters
    ----------
    site
        A call with the argument u, such as ``acos(z/sqrt(x**2 + y**2 + z**2))``.
    """
    factors = list(_factors(site, site.node.operands[0]))
    return _of_polynomials(site, factors) or _of_vectors(site, factors)


@dataclasses.dataclass(frozen=True, slots=True)
class _Factor:
    """A factor of a product: a node or its square root, in the numerator or the denominator."""

    node: int
    is_root: bool
    is_below: bool


def _factors(site: Site, index: int) -> Iterator[_Factor]:
    """Yield the factors of a node, up to its sign."""
    waiting = [_Factor(index, is_root=False, is_below=False)]
    while waiting:
        factor = waiting.pop()
        node = site.program.nodes[factor.node]
        operator = CATALOGUE[node.function].operator if isinstance(node, Call) else None
        radicand = None if factor.is_root else _radicand(site, factor.node)
        if radicand is not None:
            waiting.append(dataclasses.replace(factor, node=radicand, is_root=True))
        elif isinstance(node, Call) and operator in {"*", "/"}:
            first, second = (dataclasses.replace(factor, node=a) for a in node.operands)
            is_below = factor.is_below != (operator == "/")
            waiting += [first, dataclasses.replace(second, is_below=is_below)]
        elif isinstance(node, Call) and operator in {"u-", "u+"} and not factor.is_root:
            waiting.append(dataclasses.replace(factor, node=node.operands[0]))
        else:
            yield factor


def _radicand(site: Site, index: int) -> int | None:
    """Return the node below a square root, or None if a node is none."""
    value = site.values[index]
    return value.root_of if isinstance(value, Model) else None


def _exponent(site: Site, power: Call) -> Fraction | None:
    exponent = as_number(site.values[power.operands[1]])
    return None if isinstance(exponent, Missing) else exponent.constant


def _of_polynomials(site: Site, factors: list[_Factor]) -> Powers | None:
    """Return 1 - u² where the denominator squared minus the numerator squared has degree 2."""
    above = _square(site, [f for f in factors if not f.is_below])
    below = _square(site, [f for f in factors if f.is_below])
    if above is None or below is None or not below.constant > 0:
        return None
    difference = below.plus(above, Fraction(-1))
    square = None if difference is None else difference.times(1 / below.constant)
    return None if square is None else sum_of_squares(square)


def _square(site: Site, factors: list[_Factor]) -> Polynomial | None:
    """Return the square of a product of factors as a polynomial, or None."""
    product = constant_polynomial(Fraction(1))
    for factor in factors:
        value = as_number(site.values[factor.node])
        if isinstance(value, Missing) or value.polynomial is None:
            return None
        for _ in range(1 if factor.is_root else 2):
            product = None if product is None else product.product(value.polynomial)
    return product


def _of_vectors(site: Site, factors: list[_Factor]) -> Powers | None:
    """Return 1 - u² for u = a·b/(|a||b|), or for a component of a vector u = a_k/|a|."""
    numerators = [f.node for f in factors if not f.is_below and not f.is_root]
    radicands = [f.node for f in factors if f.is_below and f.is_root]
    if len(numerators) != 1 or len(factors) != 1 + len(radicands):
        return None
    vectors = [_components(site, index) for index in radicands]
    if any(vector is None or len(vector) > _MAX_COMPONENTS for vector in vectors):
        return None
    sizes = [as_number(site.values[index]) for index in radicands]
    weight = flint.arb(1)
    for size in sizes:
        if isinstance(size, Missing) or not size.value > 0:
            return None
        weight /= size.value
    members = _sines(site, numerators[0], [vector for vector in vectors if vector is not None])
    return None if members is None else Powers(Fraction(2), tuple((weight, m) for m in members))


def _sines(site: Site, numerator: int, vectors: list[list[int]]) -> list[Model] | None:
    """Return functions that are zero at the point, and whose squares add up to |a|²|b|² - (a·b)².

    For one vector a, the numerator is one of its components, and the others are these functions.
    """
    if len(vectors) == 1 and numerator in vectors[0]:
        others = list(vectors[0])
        others.remove(numerator)
        models = [as_number(site.values[index]) for index in others]
        known = [m for m in models if isinstance(m, Model) and m.value.is_zero()]
        return known if len(known) == len(models) else None
    pairs = _matched(site, numerator, *vectors) if len(vectors) == 2 else None
    if pairs is None:
        return None
    models_of = [(as_number(site.values[i]), as_number(site.values[j])) for i, j in pairs]
    minors = [_minor(p, q) for p, q in itertools.combinations(models_of, 2)]
    found = [minor for minor in minors if minor is not None]
    return found if len(found) == len(minors) else None


def _minor(p: tuple[Outcome, Outcome], q: tuple[Outcome, Outcome]) -> Model | None:
    """Return the model of a_i·b_j - a_j·b_i, or None if it is not proved to be 0 at the point."""
    (a, b), (c, d) = p, q
    if isinstance(a, Missing) or isinstance(b, Missing):
        return None
    if isinstance(c, Missing) or isinstance(d, Missing):
        return None
    numbers = [None if x.polynomial is None else x.polynomial.constant for x in (a, d, b, c)]
    known = [x for x in numbers if x is not None]
    if len(known) < len(numbers) or known[0] * known[1] != known[2] * known[3]:
        return None
    products = [(d.value, a), (a.value, d), (-c.value, b), (-b.value, c)]
    return linear(flint.arb(0), products)


def _components(site: Site, index: int) -> list[int] | None:
    """Return the nodes whose squares a node is the sum of, or None."""
    components = []
    for term in _terms(site, index):
        node = site.program.nodes[term]
        if not isinstance(node, Call):
            return None
        row = CATALOGUE[node.function]
        is_square = row.operator == "*" and node.operands[0] == node.operands[1]
        if not is_square and not (row.is_power and _exponent(site, node) == 2):
            return None
        components.append(node.operands[0])
    return components


def _matched(site: Site, index: int, a: list[int], b: list[int]) -> list[tuple[int, int]] | None:
    """Return the pairs of components of a scalar product of two vectors, or None if it is none."""
    rests = [list(a), list(b)]
    pairs = []
    for term in _terms(site, index):
        node = site.program.nodes[term]
        if not isinstance(node, Call) or CATALOGUE[node.function].operator != "*":
            return None
        x, y = node.operands
        for i, j in ((x, y), (y, x)):
            if i in rests[0] and j in rests[1]:
                rests[0].remove(i)
                rests[1].remove(j)
                pairs.append((i, j))
                break
        else:
            return None
    return None if rests[0] or rests[1] else pairs


def _terms(site: Site, index: int) -> Iterator[int]:
    """Yield the terms of a sum, without the literal 0 that a sum may start with."""
    node = site.program.nodes[index]
    if isinstance(node, Call) and CATALOGUE[node.function].operator == "+":
        for operand in node.operands:
            yield from _terms(site, operand)
    elif not (isinstance(node, Literal) and node.value == 0):
        yield index
