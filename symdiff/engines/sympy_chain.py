"""The chain rule on an expression of sympy, with sympy's derivative of every operation.

The derivative is computed node by node, in forward mode, and never written out as an expression.
sympy gives the partial derivatives of an operation with respect to its operands once, in symbols
for the operands (`Rule`); they are kept for all expressions that have the operation.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import sympy as sp
from sympy.logic.boolalg import Boolean

from symdiff.arithmetics.balls import EMPTY, Ball
from symdiff.arithmetics.bounds.symbolic_balls import Rounding, enclosures, radius_in_doubles
from symdiff.engines.sympy_code import compiled, quotient

_CACHED_RULES: Final = 4096
# A longer product is a product of two shorter ones: a product of n factors has n derivatives.
_MOST_FACTORS: Final = 8


class _Slot(NamedTuple):
    """The place of an operand in an operation."""

    place: int


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """An operation, and sympy's derivatives of it with respect to its operands.

    Attributes
    ----------
    operands
        The names of the symbols that stand for the operands.
    value
        The operation.
    partials
        Its derivatives, by the index of the operand, without those that are 0 everywhere.
    unevaluated
        The indices of operands for which sympy has no derivative.
    needed
        The indices of operands whose values occur in the derivatives.
    """

    operands: tuple[str, ...]
    value: sp.Expr
    partials: Mapping[int, sp.Expr]
    unevaluated: frozenset[int]
    needed: frozenset[int]


@functools.lru_cache(_CACHED_RULES)
def rule(pattern: Any, moving: tuple[bool, ...]) -> Rule:  # noqa: ANN401  (nested tuples)
    """Return the rule of an operation.

    Parameters
    ----------
    pattern
        The operation, as `_pattern` describes it.
    moving
        For every operand, whether it depends on a variable.
    """
    operands = [sp.Symbol(f"u{i}", real=True) for i in range(len(moving))]
    value = _built(pattern, operands)
    derivatives = {i: sp.diff(value, u) for i, u in enumerate(operands) if moving[i]}
    unevaluated = frozenset(i for i, d in derivatives.items() if d.has(sp.Derivative))
    partials = {i: d for i, d in derivatives.items() if i not in unevaluated and d != 0}
    symbols = frozenset[sp.Symbol]().union(*(d.free_symbols for d in partials.values()))
    needed = frozenset(i for i, u in enumerate(operands) if u in symbols)
    return Rule(tuple(u.name for u in operands), value, partials, unevaluated, needed)


@functools.lru_cache(_CACHED_RULES)
def _code(pattern: Any, moving: tuple[bool, ...], *, with_value: bool) -> Callable[..., list[Any]]:  # noqa: ANN401
    """Return a function of arrays for the derivatives of an operation, and for its value."""
    found = rule(pattern, moving)
    parts = [*found.partials.values(), *((found.value,) if with_value else ())]
    code: Callable[..., list[Any]] = compiled(found.operands, parts, renames=False)
    return code


def _built(pattern: Any, operands: Sequence[sp.Symbol]) -> Any:  # noqa: ANN401
    if isinstance(pattern, _Slot):
        return operands[pattern.place]
    if isinstance(pattern, tuple):
        function, *arguments = pattern
        return function(*(_built(a, operands) for a in arguments))
    return pattern


class _Operands:
    """The operands of an operation, in the order in which they are found.

    Each is there once, but the branches of a Piecewise are there in addition: its derivative has
    the same conditions, and the derivatives of the branches.
    """

    def __init__(self, node: sp.Expr, *, is_constant: bool) -> None:
        self.found: list[sp.Expr] = []
        self.branches: list[int] = []
        self._slots: dict[sp.Expr, _Slot] = {}
        self._is_constant = is_constant
        if node.func is sp.Piecewise:
            pairs = [
                (pair.func, self._branch(pair.expr), self._part(pair.cond, pair))
                for pair in node.args
            ]
            self.pattern: Any = (sp.Piecewise, *pairs)
        else:
            self.pattern = (node.func, *(self._part(a, node) for a in node.args))

    def _part(self, part: Any, whole: Any) -> Any:  # noqa: ANN401
        """Return a part of the operation: a number as it is, an operand as its place."""
        if isinstance(part, (Boolean, sp.Tuple)) and not part.is_Symbol:
            return (part.func, *(self._part(a, part) for a in part.args)) if part.args else part
        if part.is_Number and not (self._is_constant or whole.is_Add or whole.is_Mul):
            return part
        if whole.is_Mul and not self._is_constant:
            # sympy cancels factors: the derivative of x*log(x) is log(x) + 1, that of x**2/y by x
            # is 2*x/y. It would be NaN where 1/x or 1/y overflows, computed factor by factor.
            if part.is_Pow and part.exp.is_Number:
                return (sp.Pow, self._slot(part.base), part.exp)
            if isinstance(part, sp.log) and part.args[0] in _bases(whole):
                return (sp.log, self._slot(part.args[0]))
        return self._slot(part)

    def _slot(self, operand: sp.Expr) -> _Slot:
        if operand not in self._slots:
            self._slots[operand] = self._new_slot(operand)
        return self._slots[operand]

    def _branch(self, operand: sp.Expr) -> _Slot:
        self.branches.append(len(self.found))
        return self._new_slot(operand)

    def _new_slot(self, operand: sp.Expr) -> _Slot:
        self.found.append(operand)
        return _Slot(len(self.found) - 1)


def _bases(product: sp.Mul) -> frozenset[sp.Expr]:
    """Return the factors of a product without their exponents."""
    return frozenset(a.base if a.is_Pow and a.exp.is_Number else a for a in product.args)


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """A node of an expression, in the order of evaluation.

    Attributes
    ----------
    node
        The sub-expression.
    operands
        The indices of the steps of its operands.
    pattern
        The operation, for `rule`; None for a number, a symbol and a sum.
    moving
        For every operand, whether the operation is differentiated with respect to it.
    branches
        The places of the operands that are branches of a Piecewise.
    depends_on
        The variables that it depends on.
    """

    node: sp.Expr
    operands: tuple[int, ...]
    pattern: Any
    moving: tuple[bool, ...]
    branches: frozenset[int]
    depends_on: frozenset[str]


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """The steps that compute the partial derivatives of an expression; the last is the expression.

    Attributes
    ----------
    steps
        The nodes of the expression, operands first, each once.
    with_value
        For every step, whether its value is needed, and not only its derivatives.
    gaps
        By variable, the sub-expressions whose derivative sympy does not have.
    """

    steps: tuple[Step, ...]
    with_value: tuple[bool, ...]
    gaps: Mapping[str, tuple[sp.Expr, ...]]


def plan(expression: sp.Expr, variables: Sequence[str]) -> Plan:
    """Return the steps that compute the partial derivatives of an expression.

    Parameters
    ----------
    expression
        The expression, in real symbols.
    variables
        The names of the symbols to differentiate with respect to.
    """
    steps = tuple(_steps(expression, frozenset(variables)))
    rules = [None if s.pattern is None else rule(s.pattern, s.moving) for s in steps]
    needed = [False] * len(steps)
    gaps: dict[str, list[sp.Expr]] = {}
    for k in reversed(range(len(steps))):
        step, found = steps[k], rules[k]
        for place in _places_needed(step, found, with_value=needed[k]):
            needed[step.operands[place]] = True
        for place in () if found is None else found.unevaluated:
            for name in steps[step.operands[place]].depends_on:
                gaps.setdefault(name, []).append(step.node)
    return Plan(steps, tuple(needed), {name: tuple(parts) for name, parts in gaps.items()})


def _places_needed(step: Step, found: Rule | None, *, with_value: bool) -> Iterable[int]:
    """Return the places of the operands whose values are needed."""
    everything = range(len(step.operands))
    if with_value:
        return everything
    if step.branches:
        return frozenset(everything) - step.branches
    return () if found is None else found.needed


def _steps(expression: sp.Expr, variables: frozenset[str]) -> Iterator[Step]:
    """Yield the nodes of an expression, operands before the operations on them."""
    places: dict[sp.Expr, int] = {}
    depends_on: list[frozenset[str]] = []
    constants: dict[sp.Basic, bool] = {}
    waiting: list[tuple[sp.Expr, _Operands | None]] = [(expression, None)]
    while waiting:
        node, operands = waiting.pop()
        if node in places:
            continue
        if operands is None and node.args and not node.is_Symbol:
            operands = _Operands(_shortened(node), is_constant=_is_constant(node, constants))
            waiting.append((node, operands))
            waiting.extend((operand, None) for operand in reversed(operands.found))
            continue
        found = () if operands is None else tuple(places[o] for o in operands.found)
        moved = frozenset[str]().union(*(depends_on[i] for i in found))
        if node.is_Symbol and node.name in variables:
            moved = frozenset({node.name})
        branches = frozenset(() if operands is None else operands.branches)
        moving = tuple(bool(depends_on[i]) and not branches for i in found)
        pattern = None if operands is None or node.is_Add else operands.pattern
        places[node] = len(depends_on)
        depends_on.append(moved)
        yield Step(node, found, pattern, moving, branches, moved)


def _is_constant(part: sp.Basic, known: dict[sp.Basic, bool]) -> bool:
    """Return whether there is no symbol in a part; `known` is filled with the answers."""
    if part not in known:
        known[part] = not part.is_Symbol and all(_is_constant(a, known) for a in part.args)
    return known[part]


def _shortened(node: sp.Expr) -> sp.Expr:
    """Return a long product as the product of two shorter ones, and anything else unchanged."""
    if not node.is_Mul or len(node.args) <= _MOST_FACTORS:
        return node
    half = len(node.args) // 2
    parts = (node.args[:half], node.args[half:])
    return sp.Mul(*(sp.Mul(*part, evaluate=False) for part in parts), evaluate=False)


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
        self, step: Step, operands: Sequence[Any], *, with_value: bool
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
        self, step: Step, operands: Sequence[Any], *, with_value: bool
    ) -> tuple[Mapping[int, Any], Any]:
        found = rule(step.pattern, step.moving)
        results = _code(step.pattern, step.moving, with_value=with_value)(*operands)
        return dict(zip(found.partials, results, strict=False)), results[-1] if with_value else None


class _Balls:
    """Balls that contain what an engine may compute in doubles; exact ones for a check."""

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
        self, step: Step, operands: Sequence[Any], *, with_value: bool
    ) -> tuple[Mapping[int, Any], Any]:
        found = rule(step.pattern, step.moving)
        inputs = dict(zip(found.operands, operands, strict=True))
        parts = [*found.partials.values(), *((found.value,) if with_value else ())]
        results = enclosures(parts, inputs, self._rounding)
        return dict(zip(found.partials, results, strict=False)), results[-1] if with_value else None


def slopes(
    steps: Plan, variables: Sequence[str], columns: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Return the partial derivatives as arrays, or as numbers where they are constant.

    Parameters
    ----------
    steps
        The plan of the expression.
    variables
        Those of the plan's variables that it has no gaps for.
    columns
        The coordinates by the name of the input.

    Examples
    --------
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
    return _evaluated(steps, frozenset(variables), columns, _Arrays())


def slope_radius_of_rules(steps: Plan, variable: str, inputs: Mapping[str, Ball]) -> float:
    """Return a bound on the rounding error in a derivative, as `formula_radius` does.

    Parameters
    ----------
    steps
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
        return _evaluated(steps, frozenset({variable}), inputs, _Balls(rounding))[variable]

    return radius_in_doubles(slope)


def _evaluated(
    steps: Plan, variables: frozenset[str], inputs: Mapping[str, Any], numbers: _Arithmetic
) -> dict[str, Any]:
    """Return the partial derivatives by variable."""
    values: list[Any] = []
    moved: list[dict[str, Any]] = []
    for step, with_value in zip(steps.steps, steps.with_value, strict=True):
        names = step.depends_on & variables
        value: Any = None
        slope: dict[str, Any] = {}
        if step.node.is_Symbol:
            value = inputs[step.node.name]
            slope = dict.fromkeys(names, numbers.one)
        elif not step.operands:
            value = numbers.number(step.node)
        elif step.pattern is None:
            if with_value:
                value = numbers.add([values[i] for i in step.operands])
            for name in names:
                terms = [moved[i][name] for i in step.operands if name in moved[i]]
                if terms:
                    slope[name] = numbers.add(terms)
        elif names or with_value:
            operands = [values[i] for i in step.operands]
            if step.branches:
                value = numbers.apply(step, operands, with_value=True)[1] if with_value else None
                slope = _selected(step, operands, moved, names, numbers)
            else:
                partials, value = numbers.apply(step, operands, with_value=with_value)
                slope = _chained(step, partials, moved, names, numbers)
        values.append(value)
        moved.append(slope)
    return {name: moved[-1].get(name, numbers.number(sp.S.Zero)) for name in variables}


def _chained(
    step: Step,
    partials: Mapping[int, Any],
    moved: Sequence[Mapping[str, Any]],
    names: frozenset[str],
    numbers: _Arithmetic,
) -> dict[str, Any]:
    """Return the derivatives of an operation by variable, from those of its operands."""
    chained: dict[str, Any] = {}
    for name in names:
        terms = [
            numbers.multiply(partial, moved[step.operands[i]][name])
            for i, partial in partials.items()
            if name in moved[step.operands[i]]
        ]
        if terms:
            chained[name] = numbers.add(terms)
    return chained


def _selected(
    step: Step,
    operands: Sequence[Any],
    moved: Sequence[Mapping[str, Any]],
    names: frozenset[str],
    numbers: _Arithmetic,
) -> dict[str, Any]:
    """Return the derivatives of a Piecewise by variable: those of the branches, selected alike."""
    zero = numbers.number(sp.S.Zero)
    selected: dict[str, Any] = {}
    for name in names:
        branches = {i: moved[step.operands[i]].get(name, zero) for i in step.branches}
        parts = [branches.get(i, value) for i, value in enumerate(operands)]
        selected[name] = numbers.apply(step, parts, with_value=True)[1]
    return selected


def _double(number: sp.Expr) -> Any:  # noqa: ANN401
    """Return the double nearest to a number without arguments; complex for the imaginary unit."""
    if number.is_Rational:
        return np.float64(quotient(int(number.p), int(number.q)))
    if number is sp.I:
        return np.complex128(1j)
    return np.float64(math.nan if number in {sp.zoo, sp.nan} else float(number))
