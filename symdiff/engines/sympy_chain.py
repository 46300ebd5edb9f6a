"""The chain rule on an expression of sympy, with sympy's derivative of every operation.

The derivative is computed node by node, in forward mode, and never written out as an expression.
sympy gives the partial derivatives of an operation with respect to its operands once
(`symdiff.engines.sympy_rules`); they are kept for all expressions that have the operation.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
import sympy as sp

from symdiff.arithmetics.balls import EMPTY, Ball
from symdiff.arithmetics.bounds.symbolic_balls import Rounding, enclosures, radius_in_doubles
from symdiff.engines.sympy_code import quotient
from symdiff.engines.sympy_plan import Plan, Step
from symdiff.engines.sympy_rules import Operation, Slot, code, rule


class _Arithmetic(Protocol):
    """The numbers that a plan is evaluated with."""

    one: Any

    def number(self, value: sp.Expr) -> Any:  # noqa: ANN401
        """Return a number of sympy."""

    def add(self, terms: Sequence[Any]) -> Any:  # noqa: ANN401
        """Return the sum of some terms."""

    def multiply(self, first: Any, second: Any) -> Any:  # noqa: ANN401
        """Return a product."""

    def apply(
        self, operation: Operation, operands: Sequence[Any], *, with_value: bool
    ) -> tuple[Mapping[int, Any], Any]:
        """Return the derivatives of an operation by operand, and its value where it is needed."""


class _Arrays:
    """Doubles, for all points at once."""

    one = np.float64(1)

    def number(self, value: sp.Expr) -> Any:  # noqa: ANN401
        return _double(value)

    def add(self, terms: Sequence[Any]) -> Any:  # noqa: ANN401
        return functools.reduce(lambda x, y: x + y, terms)

    def multiply(self, first: Any, second: Any) -> Any:  # noqa: ANN401
        return first if second is self.one else first * second

    def apply(
        self, operation: Operation, operands: Sequence[Any], *, with_value: bool
    ) -> tuple[Mapping[int, Any], Any]:
        found = rule(*operation)
        results = code(*operation, with_value=with_value)(*operands)
        return dict(zip(found.partials, results, strict=False)), results[-1] if with_value else None


class _Balls:
    """Balls that contain the results of arithmetic with a given rounding."""

    def __init__(self, rounding: Rounding) -> None:
        self._rounding = rounding
        self.one = self.number(sp.S.One)

    def number(self, value: sp.Expr) -> Any:  # noqa: ANN401
        return enclosures([value], {}, self._rounding)[0]

    def add(self, terms: Sequence[Any]) -> Any:  # noqa: ANN401
        if any(t is EMPTY for t in terms):
            return EMPTY
        return self._rounding.rounded(self._rounding.sum(terms), "Add")

    def multiply(self, first: Any, second: Any) -> Any:  # noqa: ANN401
        if first is EMPTY or second is EMPTY:
            return EMPTY
        return self._rounding.rounded(self._rounding.product([first, second]), "Mul")

    def apply(
        self, operation: Operation, operands: Sequence[Any], *, with_value: bool
    ) -> tuple[Mapping[int, Any], Any]:
        found = rule(*operation)
        inputs = dict(zip(found.operands, operands, strict=True))
        parts = [*found.partials.values(), *((found.value,) if with_value else ())]
        results = enclosures(parts, inputs, self._rounding)
        return dict(zip(found.partials, results, strict=False)), results[-1] if with_value else None


def slopes(
    plan: Plan, variables: Sequence[str], columns: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Return the partial derivatives as arrays, or as numbers where they are constant.

    Parameters
    ----------
    plan
        The plan of the expression.
    variables
        The variables to differentiate with respect to; the plan has no gaps for them.
    columns
        The coordinates by the name of the input.

    Examples
    --------
    >>> from symdiff.engines.sympy_plan import plan
    >>> x, y = sp.symbols("x y", real=True)
    >>> product = plan(sp.Abs(x)*y, ["x", "y"])
    >>> {
    ...     name: slope.tolist()
    ...     for name, slope in slopes(
    ...         product, ["x", "y"], {"x": np.array([-2.0, 3.0]), "y": np.array([4.0, 5.0])}
    ...     ).items()
    ... }
    {'x': [-4.0, 5.0], 'y': [2.0, 3.0]}
    """
    return _evaluated(plan, frozenset(variables), columns, _Arrays())


def chain_rule_radius(plan: Plan, variable: str, inputs: Mapping[str, Ball]) -> float:
    """Return a bound on the rounding error in a derivative, as `formula_radius` does.

    Parameters
    ----------
    plan
        The plan of the expression.
    variable
        The variable to differentiate with respect to.
    inputs
        A ball for every symbol of the expression.

    Raises
    ------
    Unsupported
        A function of the expression has no enclosure in ball arithmetic.
    """

    def slope(rounding: Rounding) -> Any:  # noqa: ANN401
        return _evaluated(plan, frozenset({variable}), inputs, _Balls(rounding))[variable]

    return radius_in_doubles(slope)


def values(plan: Plan, columns: Mapping[str, np.ndarray]) -> Any:  # noqa: ANN401
    """Return the values of the expression as an array, or as a number if they are constant.

    Examples
    --------
    >>> from symdiff.engines.sympy_plan import plan
    >>> values(plan(sp.Abs(sp.Symbol("x", real=True)), ["x"]), {"x": np.array([-2.0, 3.0])})
    array([2., 3.])
    """
    return _walked(_valued(plan), frozenset(), columns, _Arrays())[0]


def value_radius(plan: Plan, inputs: Mapping[str, Ball]) -> float:
    """Return a bound on the rounding error in a value, as `formula_radius` does.

    Raises
    ------
    Unsupported
        A function of the expression has no enclosure in ball arithmetic.
    """
    valued = _valued(plan)
    return radius_in_doubles(
        lambda rounding: _walked(valued, frozenset(), inputs, _Balls(rounding))[0]
    )


def _valued(plan: Plan) -> Plan:
    """Return a plan by which every value is computed."""
    return dataclasses.replace(plan, with_value=(True,) * len(plan.steps))


# A number with its derivatives by variable; those that are missing are 0.
_Dual = tuple[Any, Mapping[str, Any]]


def _evaluated(
    plan: Plan, variables: frozenset[str], inputs: Mapping[str, Any], numbers: _Arithmetic
) -> dict[str, Any]:
    """Return the partial derivatives by variable."""
    _, found = _walked(plan, variables, inputs, numbers)
    return {name: found.get(name, numbers.number(sp.S.Zero)) for name in sorted(variables)}


def _walked(
    plan: Plan, variables: frozenset[str], inputs: Mapping[str, Any], numbers: _Arithmetic
) -> _Dual:
    """Return the value, if the plan needs it, and the partial derivatives by variable."""
    results: dict[int, _Dual] = {}
    for k, step in enumerate(plan.steps):
        names, with_value = step.depends_on & variables, plan.with_value[k]
        operands = [results[i] for i in step.operands]
        for i in plan.last_uses[k]:
            del results[i]
        if not operands:
            results[k] = _leaf(step.node, names, inputs, numbers)
        elif not names and not with_value:
            results[k] = None, {}
        elif step.operation is None:
            combine = _product if step.node.is_Mul else _sum
            results[k] = combine(operands, names, numbers, with_value=with_value)
        else:
            evaluate = _selected if step.branches else _extreme if step.is_extreme else _applied
            results[k] = evaluate(step, operands, names, numbers, with_value=with_value)
    (output,) = results.values()
    return output


def _leaf(
    node: sp.Expr, names: frozenset[str], inputs: Mapping[str, Any], numbers: _Arithmetic
) -> _Dual:
    """Return a symbol's or a number's value, and the derivative 1 of a variable by itself."""
    value = inputs[node.name] if node.is_Symbol else numbers.number(node)
    return value, dict.fromkeys(names, numbers.one)


def _sum(
    operands: Sequence[_Dual], names: frozenset[str], numbers: _Arithmetic, *, with_value: bool
) -> _Dual:
    value = numbers.add([v for v, _ in operands]) if with_value else None
    terms = {
        name: [partials[name] for _, partials in operands if name in partials] for name in names
    }
    return value, {name: numbers.add(added) for name, added in terms.items() if added}


def _product(
    operands: Sequence[_Dual], names: frozenset[str], numbers: _Arithmetic, *, with_value: bool
) -> _Dual:
    values = [value for value, _ in operands]
    partials = {
        k: functools.reduce(numbers.multiply, values[:k] + values[k + 1 :])
        for k, (_, derivatives) in enumerate(operands)
        if derivatives
    }
    value = functools.reduce(numbers.multiply, values) if with_value else None
    return value, _chained(partials, operands, names, numbers)


def _applied(
    step: Step,
    operands: Sequence[_Dual],
    names: frozenset[str],
    numbers: _Arithmetic,
    *,
    with_value: bool,
) -> _Dual:
    """Return the result of an operation with a rule."""
    values = [value for value, _ in operands]
    partials, value = numbers.apply(_operation_of(step), values, with_value=with_value)
    return value, _chained(partials, operands, names, numbers)


def _operation_of(step: Step) -> Operation:
    """Return the operation of a step that is applied by a rule."""
    return cast("Operation", step.operation)


def _chained(
    partials: Mapping[int, Any],
    operands: Sequence[_Dual],
    names: frozenset[str],
    numbers: _Arithmetic,
) -> dict[str, Any]:
    """Return the derivatives of an operation by variable, from those of its operands."""
    chained: dict[str, Any] = {}
    for name in names:
        terms = [
            numbers.multiply(partial, operands[i][1][name])
            for i, partial in partials.items()
            if name in operands[i][1]
        ]
        if terms:
            chained[name] = numbers.add(terms)
    return chained


def _extreme(
    step: Step,
    operands: Sequence[_Dual],
    names: frozenset[str],
    numbers: _Arithmetic,
    *,
    with_value: bool,
) -> _Dual:
    """Return a maximum or minimum of several operands.

    sympy differentiates Max(u, v, w) as Max(u, Max(v, w)) with respect to u, and so on.
    """
    del with_value  # it is computed in any case
    pattern = (step.node.func, Slot(0), Slot(1))
    constant, moving = Operation(pattern, (False, False)), Operation(pattern, (True, False))

    def extreme(first: Any, second: Any) -> Any:  # noqa: ANN401
        return numbers.apply(constant, [first, second], with_value=True)[1]

    values = [value for value, _ in operands]
    before = list(itertools.accumulate(values, extreme))
    after = list(itertools.accumulate(reversed(values), extreme))[::-1]
    partials = {}
    for k, value in enumerate(values):
        if not operands[k][1]:
            continue
        others = [*before[max(k - 1, 0) : k], *after[k + 1 : k + 2]]
        rest = functools.reduce(extreme, others)
        partials[k] = numbers.apply(moving, [value, rest], with_value=False)[0][0]
    return before[-1], _chained(partials, operands, names, numbers)


def _selected(
    step: Step,
    operands: Sequence[_Dual],
    names: frozenset[str],
    numbers: _Arithmetic,
    *,
    with_value: bool,
) -> _Dual:
    """Return a Piecewise. Its derivative has the same conditions and the branches' derivatives."""

    def select(branch: Callable[[_Dual], Any]) -> Any:  # noqa: ANN401
        parts = [branch(o) if i in step.branches else o[0] for i, o in enumerate(operands)]
        return numbers.apply(_operation_of(step), parts, with_value=True)[1]

    zero = numbers.number(sp.S.Zero)
    value = select(lambda operand: operand[0]) if with_value else None
    return value, {
        name: select(functools.partial(_derivative, name=name, otherwise=zero)) for name in names
    }


def _derivative(operand: _Dual, name: str, otherwise: Any) -> Any:  # noqa: ANN401
    return operand[1].get(name, otherwise)


def _double(number: sp.Expr) -> Any:  # noqa: ANN401
    """Return the double nearest to a number without arguments; complex for the imaginary unit."""
    if number.is_Rational:
        return np.float64(quotient(int(number.p), int(number.q)))
    if number is sp.I:
        return np.complex128(1j)
    return np.float64(math.nan if number in {sp.zoo, sp.nan} else float(number))
