"""Models of functions that select: absolute values, extrema, comparisons, and choices."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Final

import flint

from symdiff.catalogue import CATALOGUE
from symdiff.program import Call
from symdiff.truth.first_order import Condition, Key, Missing, Model, difference, linear
from symdiff.truth.sites import Outcome, Site, Value, as_number


def size(site: Site, x: Model) -> Outcome:
    """Return the model of |x|."""
    if x.value.is_zero():
        return site.kinks.size(x, site.switch_key(*site.node.operands))
    if x.value > 0:
        return x
    if x.value < 0:
        minus = None if x.polynomial is None else x.polynomial.times(Fraction(-1))
        return linear(-x.value, [(flint.arb(-1), x)], polynomial=minus, is_nonnegative=True)
    return Missing("the sign of the argument of abs is not proved")


def maximum(site: Site, x: Model, y: Model) -> Outcome:
    """Return the model of the larger of two values."""
    return _extreme(site, x, y, is_maximum=True)


def minimum(site: Site, x: Model, y: Model) -> Outcome:
    """Return the model of the smaller of two values."""
    return _extreme(site, x, y, is_maximum=False)


def _extreme(site: Site, x: Model, y: Model, *, is_maximum: bool) -> Outcome:
    first, second = site.node.operands
    sign = site.compare(first, second)
    if sign is None:
        return Missing(f"which operand {site.name} takes is not proved")
    if first == second or sign:
        return x if first == second or (sign > 0) == is_maximum else y
    function = site.kinks.maximum if is_maximum else site.kinks.minimum
    return function(x, y, site.switch_key(first, second), tuple(sorted((first, second))))


def comparison(site: Site, x: Model, y: Model) -> Condition | bool | Missing:
    """Return whether a comparison holds, or a condition if its sides are equal at the point."""
    first, second = site.node.operands
    sign = site.compare(first, second)
    if sign is None:
        return Missing(f"the comparison {site.name} is not decided at the point")
    if sign or first == second or not (x.inputs or y.inputs):
        return _HOLDS[site.name](sign)
    switch = difference(x, y)
    operator = CATALOGUE[site.name].operator or ""
    if operator in {"==", "!="}:
        if not _vanishes_on_null_set(switch):
            return Missing("the sides of == or != may be equal in a whole region around the point")
        return operator == "!="
    operation = "positive" if operator.startswith(">") else "negative"
    return Condition(operation, switch, site.switch_key(first, second))


_HOLDS: Final[Mapping[str, Callable[[int], bool]]] = MappingProxyType(
    {
        "less": lambda sign: sign < 0,
        "less_equal": lambda sign: sign <= 0,
        "greater": lambda sign: sign > 0,
        "greater_equal": lambda sign: sign >= 0,
        "equal": lambda sign: sign == 0,
        "not_equal": lambda sign: sign != 0,
    }
)


def _vanishes_on_null_set(switch: Model) -> bool:
    """Return whether the points nearby where a value is zero are proved to have measure zero."""
    if not switch.terms:
        return any(not slope.contains(0) for slope in switch.center.values())
    if switch.center or len(switch.terms) > 1:
        return False
    ((c, atom),) = switch.terms.values()
    if atom.kind != "norm" or c.contains(0):
        return False
    return any(not slope.contains(0) for m in atom.members for slope in m.center.values())


def logic(site: Site, *values: Value) -> Value:
    """Return a conjunction, a disjunction, a negation, or a condition as a number."""
    operator = CATALOGUE[site.name].operator
    if operator is None:  # float
        return as_number(values[0])
    if operator == "not":
        return _negation(values[0])
    absorbing = operator == "or"
    if any(v is absorbing for v in values):
        return absorbing
    rest = [v for v in values if v is not (not absorbing)]
    missing = next((v for v in rest if isinstance(v, Missing)), None)
    if missing is not None or not rest:
        return not absorbing if missing is None else missing
    parts = tuple(v for v in rest if isinstance(v, Condition))
    return parts[0] if len(parts) == 1 else Condition(site.name, parts=parts)


def _negation(value: Value) -> Value:
    if isinstance(value, bool):
        return not value
    return value.negated() if isinstance(value, Condition) else value


def choice(site: Site, condition: Value, x: Value, y: Value) -> Value:
    """Return the branch that a condition takes, or the model of a continuous choice."""
    if isinstance(condition, bool):
        return as_number(x if condition else y)
    if not isinstance(condition, Condition):
        return condition
    first, second = as_number(x), as_number(y)
    if isinstance(first, Missing) or isinstance(second, Missing):
        reason = first.reason if isinstance(first, Missing) else second.reason  # type: ignore[union-attr]
        return Missing(f"a branch of {site.name} is undecided or undefined: {reason}")
    sign = site.compare(*site.node.operands[1:])
    if sign is None or sign:
        return Missing(f"{site.name} may jump here")
    both = first.is_nonnegative and second.is_nonnegative
    function = _as_extreme(site, condition)
    if function is not None:
        pair = tuple(sorted(site.node.operands[1:]))
        return function(first, second, condition.key, pair)
    chosen = site.kinks.choice(condition, first, second, site.index)
    return dataclasses.replace(chosen, is_nonnegative=both) if isinstance(chosen, Model) else chosen


def _as_extreme(
    site: Site, condition: Condition
) -> Callable[[Model, Model, Key, Key], Model] | None:
    """Return the maximum or the minimum for a choice such as ``where(x > y, x, y)``."""
    node = site.program.nodes[site.node.operands[0]]
    if condition.switch is None or not isinstance(node, Call) or len(node.operands) != 2:
        return None
    sides, branches = node.operands, site.node.operands[1:]
    if set(sides) != set(branches):
        return None
    is_maximum = (condition.operation == "positive") == (sides == branches)
    return site.kinks.maximum if is_maximum else site.kinks.minimum


SELECTIONS: Final[Mapping[str, Callable[..., Outcome]]] = MappingProxyType(
    {"abs": size, "maximum": maximum, "minimum": minimum}
)
BY_ROLE: Final[Mapping[str, Callable[..., Value]]] = MappingProxyType(
    {"comparison": comparison, "logic": logic, "choice": choice}
)
