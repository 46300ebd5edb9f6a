"""An expression of sympy as steps: its nodes, and sympy's rule for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import sympy as sp
from sympy.logic.boolalg import Boolean

from symdiff.engines.sympy_rules import Operation, Rule, Slot, rule

# Operations whose numbers are operands like others, as those of constants are, so that there are
# fewer rules.
_WITH_NUMBERS: Final = frozenset({sp.Add, sp.Mul, sp.Max, sp.Min})
# A longer product is a product of two shorter ones: a product of n factors has n derivatives.
_MOST_FACTORS: Final = 8


class _Operands:
    """The operands of an operation, in the order in which they are found.

    Each is there once, but the branches of a Piecewise are there in addition: its derivative has
    the same conditions, and the derivatives of the branches.
    """

    def __init__(self, node: sp.Expr, *, is_constant: bool) -> None:
        self.found: list[sp.Expr] = []
        self.branches: list[int] = []
        self._slots: dict[sp.Expr, Slot] = {}
        self._is_constant = is_constant
        if node.func is sp.Piecewise:
            pairs = [
                (pair.func, self._branch(pair.expr), self._part(pair.cond, pair))
                for pair in node.args
            ]
            self.pattern: Any = (sp.Piecewise, *pairs)
        else:
            self.pattern = (node.func, *(self._part(a, node) for a in node.args))

    @property
    def is_sum_or_product(self) -> bool:
        """Whether the operation is a sum or a product of operands, and nothing else."""
        function, *arguments = self.pattern
        return function in {sp.Add, sp.Mul} and all(isinstance(a, Slot) for a in arguments)

    def _part(self, part: Any, whole: Any) -> Any:  # noqa: ANN401
        """Return a part of the operation: a number as it is, an operand as its place."""
        if isinstance(part, (Boolean, sp.Tuple)) and not part.is_Symbol:
            return (part.func, *(self._part(a, part) for a in part.args)) if part.args else part
        if part.is_Number and not (self._is_constant or whole.func in _WITH_NUMBERS):
            return part
        if whole.is_Mul and not self._is_constant:
            # sympy cancels factors: the derivative of x*log(x) is log(x) + 1, that of x**2/y by x
            # is 2*x/y. Factor by factor, they would be NaN where 1/x or 1/y overflows.
            if part.is_Pow and part.exp.is_Number:
                return (sp.Pow, self._slot(part.base), part.exp)
            if isinstance(part, sp.log) and part.args[0] in _bases(whole):
                return (sp.log, self._slot(part.args[0]))
        if whole.is_Pow and whole.exp.is_Number and part.is_Mul and len(part.args) <= _MOST_FACTORS:
            # As sympy does: sqrt(x*y) has the derivative sqrt(x*y)/(2*x) by x, which is 0 at y = 0.
            return (sp.Mul, *(self._part(factor, part) for factor in part.args))
        return self._slot(part)

    def _slot(self, operand: sp.Expr) -> Slot:
        if operand not in self._slots:
            self._slots[operand] = self._new_slot(operand)
        return self._slots[operand]

    def _branch(self, operand: sp.Expr) -> Slot:
        self.branches.append(len(self.found))
        return self._new_slot(operand)

    def _new_slot(self, operand: sp.Expr) -> Slot:
        self.found.append(operand)
        return Slot(len(self.found) - 1)


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
    moving
        For every operand, whether it depends on one of the plan's variables.
    operation
        The operation, for `rule`; None for a number, a symbol, a sum, and a product of operands.
    branches
        The places of the operands that are branches of a Piecewise.
    depends_on
        The plan's variables for which its derivative is not 0 everywhere.
    """

    node: sp.Expr
    operands: tuple[int, ...]
    moving: tuple[bool, ...]
    operation: Operation | None
    branches: frozenset[int]
    depends_on: frozenset[str]

    @property
    def is_extreme(self) -> bool:
        """Whether it is a maximum or minimum of more than two operands."""
        return len(self.operands) > 2 and self.node.func in {sp.Max, sp.Min}


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """The steps that compute the partial derivatives of an expression; the last is the expression.

    Attributes
    ----------
    steps
        The nodes of the expression, operands first, each once.
    with_value
        For every step, whether its value is needed, and not only its derivatives.
    last_uses
        For every step, the steps whose results are used for the last time: arrays are released
        then, so that their memory is used again.
    gaps
        By variable, the sub-expressions whose derivative sympy does not have.
    """

    steps: tuple[Step, ...]
    with_value: tuple[bool, ...]
    last_uses: tuple[tuple[int, ...], ...]
    gaps: Mapping[str, tuple[sp.Expr, ...]]


def plan(expression: sp.Expr, variables: Sequence[str]) -> Plan:
    """Return the steps that compute the partial derivatives of an expression.

    Parameters
    ----------
    expression
        The expression, in real symbols.
    variables
        The names of the symbols to differentiate with respect to.

    Examples
    --------
    >>> found = plan(sp.exp(sp.ceiling(sp.Symbol("x", real=True))), ["x"])
    >>> [step.node for step in found.steps]
    [x, ceiling(x), exp(ceiling(x))]
    >>> found.gaps
    {'x': (ceiling(x),)}
    """
    steps = tuple(_steps(expression, frozenset(variables)))
    rules = [None if s.operation is None or s.is_extreme else rule(*s.operation) for s in steps]
    needed = [False] * len(steps)
    differentiated = [False] * (len(steps) - 1) + [True]
    gaps: dict[str, list[sp.Expr]] = {}
    for k in reversed(range(len(steps))):
        step, found = steps[k], rules[k]
        for place in _places_needed(step, found, with_value=needed[k]):
            needed[step.operands[place]] = True
        if not differentiated[k]:  # as in a condition
            continue
        for place in _places_moving(step):
            differentiated[step.operands[place]] = True
        for place in () if found is None else found.unevaluated:
            for name in steps[step.operands[place]].depends_on:
                gaps.setdefault(name, []).append(step.node)
    last = {i: k for k, step in enumerate(steps) for i in step.operands}
    last_uses = [tuple(i for i in set(s.operands) if last[i] == k) for k, s in enumerate(steps)]
    found_gaps = {name: tuple(parts) for name, parts in gaps.items()}
    return Plan(steps, tuple(needed), tuple(last_uses), found_gaps)


def _places_needed(step: Step, found: Rule | None, *, with_value: bool) -> Iterable[int]:
    """Return the places of the operands whose values are needed."""
    everything = range(len(step.operands))
    if with_value or (step.is_extreme and step.depends_on):
        return everything
    if found is None and step.node.is_Mul:  # the derivative by a factor has all others
        moving = [place for place in everything if step.moving[place]]
        return everything if len(moving) > 1 else frozenset(everything) - frozenset(moving)
    if step.branches:
        return frozenset(everything) - step.branches
    return () if found is None else found.needed


def _steps(expression: sp.Expr, variables: frozenset[str]) -> Iterator[Step]:
    """Yield the nodes of an expression, operands before the operations on them."""
    places: dict[sp.Expr, int] = {}
    dependencies: list[frozenset[str]] = []
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
        step = _step(node, operands, found, [dependencies[i] for i in found])
        if node.is_Symbol and node.name in variables:
            step = dataclasses.replace(step, depends_on=frozenset({node.name}))
        places[node] = len(dependencies)
        dependencies.append(step.depends_on)
        yield step


def _step(
    node: sp.Expr,
    operands: _Operands | None,
    found: tuple[int, ...],
    dependencies: Sequence[frozenset[str]],
) -> Step:
    """Return the step of a node, given the steps of its operands, and what those depend on."""
    moving = tuple(map(bool, dependencies))
    everything = frozenset[str]().union(*dependencies)
    if operands is None or operands.is_sum_or_product:
        return Step(node, found, moving, None, frozenset(), everything)
    branches = frozenset(operands.branches)
    differentiated = (False,) * len(found) if branches else moving
    step = Step(
        node, found, moving, Operation(operands.pattern, differentiated), branches, everything
    )
    return dataclasses.replace(
        step, depends_on=frozenset[str]().union(*(dependencies[i] for i in _places_moving(step)))
    )


def _places_moving(step: Step) -> Iterable[int]:
    """Return the places of the operands for which an operation's derivative is not 0 everywhere.

    A Piecewise of numbers has the derivative 0, whatever its conditions depend on. So sympy does
    not ask for the derivative by the exponent of y**Piecewise((2, x > 0), (3, True)).
    """
    if step.branches:
        return step.branches
    if step.operation is None or step.is_extreme:
        return range(len(step.operands))
    found = rule(*step.operation)
    return found.partials.keys() | found.unevaluated


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
