"""Read a program at a point as a first-order model, node by node.

The values and slopes are balls of 512 bits. Whether a switch is zero at the point is proved by the
balls, by an exact polynomial, or by the exact value of the node.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import flint

from symdiff.arithmetics.balls import EMPTY, Ball
from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.bounds.jets import Jet
from symdiff.arithmetics.reading import apply
from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.puiseux import Algebra, Germ, constant_germ
from symdiff.arithmetics.series.reals import MAX_BITS, Real, UndecidedError
from symdiff.catalogue import CATALOGUE, Function
from symdiff.errors import Unsupported
from symdiff.program import Call, Constant, Input, Literal, Program, Setting
from symdiff.truth.first_order import Condition, Key, Kinks, Missing, Model, Powers, difference, linear
from symdiff.truth.primitives import expanded
from symdiff.truth.quadratics import Polynomial

BITS: Final = 512  # precision of the balls
_JETS: Final = jets.Jets(jets.Strict())
_TEXT: Final = 40  # the longest text of a sub-expression in a reason

Value = Model | Missing | Condition | bool | str | None


def local_model(
    program: Program,
    variables: Sequence[str],
    point: Mapping[str, Real],
    *,
    merges: bool = True,
) -> Model | Missing:
    """Return the first-order model of a program at a point, or why there is none.

    Parameters
    ----------
    program
        A scalar program whose choices are continuous near the point.
    variables
        The inputs of the gradient; the others are held.
    point
        The exact coordinates of every input.
    merges
        As in `Kinks`.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> zero = {"x": Real.of(0), "y": Real.of(0)}
    >>> model = local_model(parse("3*sqrt(x**2 + y**2) - x"), ["x", "y"], zero)
    >>> [(float(c.mid()), atom.kind) for c, atom in model.terms.values()]
    [(3.0, 'norm')]
    >>> local_model(parse("relu(x) - relu(-x)"), ["x"], zero).terms
    {}
    """
    with flint.ctx.workprec(BITS):
        reader = _Reader(expanded(program, _expands), variables, point, Kinks(merges))
        return reader.model()


def _expands(row: Function) -> bool:
    """Return whether models read a row by its definition: it has kinks, or no derivative."""
    if row.name in _COLUMNS:
        return False
    return row.name == "hypot" or (row.derivative is None and not jets.has_column(row.name))


class _Reader:
    """The models of the nodes of one program at one point."""

    def __init__(
        self, program: Program, variables: Sequence[str], point: Mapping[str, Real], kinks: Kinks
    ) -> None:
        self._program = program
        self._variables = {name: i for i, name in enumerate(variables)}
        self._point = point
        self._germs = {name: constant_germ(x) for name, x in point.items()}
        self._cache: dict[int, Any] = {}
        self.kinks = kinks
        self.values: dict[int, Any] = {}

    def model(self) -> Model | Missing:
        """Return the model of the program's output."""
        for index in self._program.order:
            self.values[index] = self._read(index)
        value = _as_model(self.values[self._program.output])
        if isinstance(value, Model) and not _is_finite(value):
            return Missing("a slope at the point is infinite or not known")
        return value

    def _read(self, index: int) -> Any:
        node = self._program.nodes[index]
        if isinstance(node, Setting):
            return node.value
        if isinstance(node, Input):
            return self._input(node.name)
        if isinstance(node, Literal):
            return node.value if isinstance(node.value, bool) else _number(node.value)
        if isinstance(node, Constant):
            value = _JETS.constant(node.name).value
            return Model(value, is_nonnegative=True)
        return self._call(index, node)

    def _input(self, name: str) -> Model:
        x = self._point[name]
        rational = _fraction(x)
        i = self._variables.get(name)
        value = x.ball(BITS)
        if i is None:
            return Model(value, polynomial=_constant(rational), is_nonnegative=bool(value >= 0))
        polynomial = None
        if rational is not None:
            terms = {(i,): Fraction(1)} | ({(): rational} if rational else {})
            polynomial = Polynomial(terms)
        return Model(
            value,
            {i: flint.arb(1)},
            inputs=1 << i,
            polynomial=polynomial,
            is_nonnegative=bool(value > 0),
        )

    def _call(self, index: int, node: Call) -> Any:
        row = CATALOGUE[node.function]
        arguments = [None if a is None else self.values[a] for a in node.arguments]
        column = _COLUMNS.get(row.name) or _BY_ROLE.get(row.role)
        if column is None:
            column = _smooth
        if row.role not in {"choice", "logic"}:
            missing = next((a for a in arguments if isinstance(a, Missing)), None)
            if missing is not None:
                return missing
            arguments = [
                _as_model(a) if isinstance(a, bool | Condition) else a for a in arguments
            ]
            missing = next((a for a in arguments if isinstance(a, Missing)), None)
            if missing is not None:
                return missing
        result = column(self, index, node, arguments)
        return self._checked(index, result) if isinstance(result, Model) else result

    def _checked(self, index: int, model: Model) -> Model:
        """Return a model with an exact zero for a value that is proved to be zero."""
        value = model.value
        if value.is_zero() or not value.contains(0) or not value.is_finite():
            is_positive = bool(value > 0)
            return dataclasses.replace(model, is_nonnegative=True) if is_positive else model
        if self._sign_of(index) != 0:
            return model
        return dataclasses.replace(model, value=flint.arb(0))

    def _sign_of(self, index: int) -> int | None:
        """Return the proved sign of a node's exact value, or None."""
        number = self._number(index)
        return None if number is None else _sign(number)

    def _number(self, index: int) -> Real | None:
        value = germs.evaluate(self._program.at(index), self._germs, cache=self._cache)
        return value.constant if isinstance(value, Germ) else None

    def compare(self, first: int, second: int) -> int | None:
        """Return the proved sign of the difference of two nodes at the point, or None."""
        x, y = self.values[first], self.values[second]
        if first == second:
            return 0
        if isinstance(x, bool | Condition) or isinstance(y, bool | Condition):
            return None
        if x.value > y.value or x.value < y.value:
            return 1 if x.value > y.value else -1
        if x.polynomial is not None and y.polynomial is not None:
            a, b = x.polynomial.constant, y.polynomial.constant
            return (a > b) - (a < b)
        numbers = self._number(first), self._number(second)
        if numbers[0] is None or numbers[1] is None:
            return None
        return _sign(numbers[0] - numbers[1])

    def text(self, index: int) -> str:
        """Return words for a node."""
        node = self._program.nodes[index]
        return node.function if isinstance(node, Call) else "a value"


def _sign(number: Real) -> int | None:
    try:
        return Algebra(1, MAX_BITS).sign(number)
    except UndecidedError:
        return None


def _fraction(x: Real) -> Fraction | None:
    return None if x.rational is None else Fraction(int(x.rational.p), int(x.rational.q))


def _constant(value: Fraction | None) -> Polynomial | None:
    if value is None:
        return None
    return Polynomial({(): value} if value else {})


def _number(value: float) -> Model:
    ball = flint.arb(value)
    exact = _constant(Fraction(value)) if ball.is_finite() else None
    return Model(ball, polynomial=exact, is_nonnegative=bool(ball >= 0))


def _as_model(value: Any) -> Any:
    """Return a condition as a number, 1 or 0, if it is decided."""
    if isinstance(value, bool):
        return _number(int(value))
    if isinstance(value, Condition):
        return Missing("a condition that is used as a number switches here")
    return value


def _is_finite(model: Model) -> bool:
    numbers = [model.value, *model.center.values(), *(c for c, _ in model.terms.values())]
    inner = [m for _, atom in model.terms.values() for m in atom.members]
    return all(x.is_finite() for x in numbers) and all(map(_is_finite, inner))


def _smooth(reader: _Reader, index: int, node: Call, arguments: Sequence[Any]) -> Any:
    """Return the model of a function that is smooth at its arguments, by the chain rule."""
    row = CATALOGUE[node.function]
    active = list(dict.fromkeys(a for a in node.operands if _varies(reader.values[a])))
    units = {
        a: Jet(
            reader.values[a].value, tuple(flint.arb(int(i == k)) for i in range(len(active)))
        )
        for k, a in enumerate(active)
    }
    operands = [
        None if a is None else units.get(a) or _fixed(x)
        for a, x in zip(node.arguments, arguments, strict=True)
    ]
    try:
        result = apply(row, _JETS, operands)
    except jets.TieError:
        return Missing(f"{reader.text(index)} may jump or have a kink here")
    except Unsupported as error:
        return Missing(str(error))
    if result is EMPTY:
        return Missing(f"{reader.text(index)} is undefined at the point")
    if not isinstance(result, Jet):
        return Missing(f"{reader.text(index)} has no value here")
    if not result.value.is_finite() and active:
        return Missing(f"{reader.text(index)} is at the end of its domain")
    slopes = result.gradient or (flint.arb(0),) * len(active)
    if not all(s.is_finite() for s in slopes):
        return Missing(f"{reader.text(index)} is at the end of its domain, or has no slope")
    pairs = [(s, reader.values[a]) for s, a in zip(slopes, active, strict=True)]
    return linear(result.value, pairs, is_nonnegative=bool(result.value > 0))


def _varies(value: Any) -> bool:
    return isinstance(value, Model) and bool(value.inputs)


def _fixed(value: Any) -> Any:
    return Jet(value.value) if isinstance(value, Model) else value


def _polynomial(x: Model, y: Model, name: str) -> Polynomial | None:
    """Return the exact polynomial of a sum, difference, product or quotient, or None."""
    a, b = x.polynomial, y.polynomial
    if a is None or b is None:
        return None
    if name == "multiply":
        return a.product(b)
    if name == "divide":
        return a.times(1 / b.constant) if b.degree == 0 and b.constant else None
    return a.plus(b, Fraction(1 if name == "add" else -1))


def _arithmetic(reader: _Reader, index: int, node: Call, arguments: Sequence[Any]) -> Any:
    """Return the model of a sum, a difference, a product or a quotient."""
    model = _smooth(reader, index, node, arguments)
    if not isinstance(model, Model):
        return model
    x, y = arguments
    same = node.operands[0] == node.operands[1]
    both = x.is_nonnegative and y.is_nonnegative
    is_nonnegative = model.is_nonnegative or {
        "add": both,
        "subtract": False,
        "multiply": both or same,
        "divide": both or same,
    }[node.function]
    polynomial = _polynomial(x, y, node.function)
    value = _exact_value(model.value, polynomial)
    model = dataclasses.replace(
        model, value=value, polynomial=polynomial, is_nonnegative=is_nonnegative
    )
    powers = _powers_of(node.function, x, y, same) if model.value.contains(0) else None
    return dataclasses.replace(model, powers=powers)


def _exact_value(value: Ball, polynomial: Polynomial | None) -> Ball:
    """Return an exact zero for a value that is zero by an exact polynomial."""
    return flint.arb(0) if polynomial is not None and not polynomial.constant else value


def _powers_of(name: str, x: Model, y: Model, same: bool) -> Powers | None:  # noqa: FBT001
    """Return the sum of powers that a sum, product or quotient is."""
    if name == "multiply" and same:
        return Powers(Fraction(2), ((flint.arb(1), x),)) if x.value.is_zero() else None
    if name == "multiply":
        powers, factor = (x.powers, y.value) if x.powers else (y.powers, x.value)
        return _scaled(powers, factor)
    if name == "divide":
        return _scaled(x.powers, 1 / y.value)
    if name == "add":
        return _added(x, y)
    return x.powers if y.value.is_zero() and not y.inputs else None


def _scaled(powers: Powers | None, factor: Ball) -> Powers | None:
    if powers is None or not factor > 0:
        return None
    return Powers(powers.p, tuple((w * factor, u) for w, u in powers.terms))


def _added(x: Model, y: Model) -> Powers | None:
    """Return the sum of two sums of powers; a higher power adds nothing to first order."""
    for one, other in ((x, y), (y, x)):
        if one.value.is_zero() and not one.inputs:
            return other.powers
    if x.powers is None or y.powers is None:
        return None
    p = min(x.powers.p, y.powers.p)
    terms = [
        term if powers.p == p else (term[0], Model(flint.arb(0), inputs=term[1].inputs))
        for powers in (x.powers, y.powers)
        for term in powers.terms
    ]
    return Powers(p, tuple(terms))


def _power(reader: _Reader, index: int, node: Call, arguments: Sequence[Any]) -> Any:
    """Return the model of a power, which has a cone where its base is a sum of powers at 0."""
    base, exponent = arguments
    a = exponent.constant
    if a is None or not base.value.is_zero():
        return _with_sign(_smooth(reader, index, node, arguments), base, a)
    if a.denominator == 1 and a >= 0:
        return _integer_power(reader, index, node, arguments)
    return _root(reader, index, base, a)


def _with_sign(model: Any, base: Model, a: Fraction | None) -> Any:
    if not isinstance(model, Model):
        return model
    is_even = a is not None and a.denominator == 1 and a.numerator % 2 == 0
    is_nonnegative = model.is_nonnegative or is_even or base.is_nonnegative
    polynomial = None
    if base.polynomial is not None and a in {1, 2}:
        polynomial = base.polynomial if a == 1 else base.polynomial.product(base.polynomial)
    return dataclasses.replace(model, is_nonnegative=is_nonnegative, polynomial=polynomial)


def _integer_power(reader: _Reader, index: int, node: Call, arguments: Sequence[Any]) -> Any:
    base, exponent = arguments
    a = exponent.constant
    model = _with_sign(_smooth(reader, index, node, arguments), base, a)
    if not isinstance(model, Model) or a == 0:
        return model
    powers = None
    if base.is_nonnegative or a % 2 == 0:
        powers = Powers(a, ((flint.arb(1), base),))
        if base.powers is not None:
            powers = base.powers if a == 1 else powers
    return dataclasses.replace(model, powers=powers)


def _root(reader: _Reader, index: int, base: Model, a: Fraction) -> Any:
    """Return the model of u**a at u = 0, for a > 0 that is not an integer."""
    name = reader.text(index)
    if a <= 0:
        return Missing(f"{name} is undefined at the point")
    powers = base.powers or _squares(base)
    if powers is None:
        if not base.is_nonnegative:
            return Missing(f"{name}: its argument is 0 here, and not a sum of squares")
        powers = Powers(Fraction(1), ((flint.arb(1), base),))
    degree = powers.p * a
    if powers.p < 1 or degree < 1:
        return Missing(f"{name} has an infinite slope here")
    if degree > 1:  # ‖u‖**degree has the derivative 0
        raised = Powers(degree, ((flint.arb(1), reader.kinks.norm(powers.p, powers.terms, index)),))
        return Model(flint.arb(0), inputs=base.inputs, is_nonnegative=True, powers=raised)
    norm = reader.kinks.norm(powers.p, powers.terms, index)
    return dataclasses.replace(norm, inputs=base.inputs)


def _squares(base: Model) -> Powers | None:
    """Return a polynomial of degree 2 as a sum of squares of linear functions, or None."""
    squares = None if base.polynomial is None else base.polynomial.squares()
    if squares is None:
        return None
    terms = []
    for d, form in squares:
        center = {i: flint.arb(flint.fmpq(c.numerator, c.denominator)) for i, c in form.items()}
        inputs = sum(1 << i for i in form)
        linear_form = Polynomial({(i,): c for i, c in form.items()})
        weight = flint.arb(flint.fmpq(d.numerator, d.denominator))
        terms.append((weight, Model(flint.arb(0), center, {}, inputs, linear_form)))
    return Powers(Fraction(2), tuple(terms))


def _sqrt(reader: _Reader, index: int, node: Call, arguments: Sequence[Any]) -> Any:
    (base,) = arguments
    if base.value.is_zero():
        if not base.inputs:
            return _number(0)
        return _root(reader, index, base, Fraction(1, 2))
    model = _smooth(reader, index, node, arguments)
    return dataclasses.replace(model, is_nonnegative=True) if isinstance(model, Model) else model


def _negative(reader: _Reader, index: int, node: Call, arguments: Sequence[Any]) -> Any:
    (x,) = arguments
    model = _smooth(reader, index, node, arguments)
    polynomial = None if x.polynomial is None else x.polynomial.times(Fraction(-1))
    return dataclasses.replace(model, polynomial=polynomial) if isinstance(model, Model) else model


def _abs(reader: _Reader, index: int, node: Call, arguments: Sequence[Any]) -> Any:
    (x,) = arguments
    (operand,) = node.operands
    if x.value.is_zero():
        return reader.kinks.size(x, _switch_key(reader, operand, None))
    if x.value > 0:
        return x
    if x.value < 0:
        return _negated(x)
    return Missing("the sign of the argument of abs is not proved")


def _negated(x: Model) -> Model:
    polynomial = None if x.polynomial is None else x.polynomial.times(Fraction(-1))
    minus = linear(-x.value, [(flint.arb(-1), x)], polynomial=polynomial)
    return dataclasses.replace(minus, is_nonnegative=bool(minus.value > 0))


def _switch_key(reader: _Reader, first: int, second: int | None) -> Key:
    """Return a key of the switch first - second, the same for both orders of the operands."""
    program = reader._program  # noqa: SLF001
    if second is not None:
        for one, other in ((first, second), (second, first)):
            value = reader.values[one]
            if isinstance(value, Model) and value.constant == 0:
                return _switch_key(reader, other, None)
        return ("difference", *sorted((first, second)))
    node = program.nodes[first]
    if isinstance(node, Call) and node.function == "subtract":
        return _switch_key(reader, *node.operands)
    if isinstance(node, Call) and node.function in {"negative", "positive"}:
        return _switch_key(reader, node.operands[0], None)
    return ("value", first)


def _extreme(reader: _Reader, index: int, node: Call, arguments: Sequence[Any]) -> Any:
    """Return the model of a maximum or a minimum."""
    del index
    first, second = node.operands
    x, y = arguments
    sign = reader.compare(first, second)
    if sign is None:
        return Missing(f"the larger operand of {node.function} is not proved")
    is_maximum = node.function == "maximum"
    if first == second or sign:
        return x if first == second or (sign > 0) == is_maximum else y
    key = _switch_key(reader, first, second)
    extreme = reader.kinks.maximum if is_maximum else reader.kinks.minimum
    return extreme(x, y, key, tuple(sorted((first, second))))


def _comparison(reader: _Reader, index: int, node: Call, arguments: Sequence[Any]) -> Any:
    """Return a comparison: True, False, or a condition if its sides are equal at the point."""
    del index
    first, second = node.operands
    sign = reader.compare(first, second)
    if sign is None:
        return Missing(f"the comparison {node.function} is not decided at the point")
    name = node.function
    x, y = arguments
    if sign or first == second or not (x.inputs or y.inputs):
        return {
            "less": sign < 0,
            "less_equal": sign <= 0,
            "greater": sign > 0,
            "greater_equal": sign >= 0,
            "equal": sign == 0,
            "not_equal": sign != 0,
        }[name]
    switch = difference(x, y)
    if name in {"equal", "not_equal"}:
        if not _vanishes_on_null_set(switch):
            return Missing("two sides of an equation may be equal in a whole region here")
        return name == "not_equal"
    key = _switch_key(reader, first, second)
    operation = "positive" if name.startswith("greater") else "negative"
    return Condition(operation, switch, key)


def _vanishes_on_null_set(switch: Model) -> bool:
    """Return whether the points near x0 where a value is zero are proved to have measure zero."""
    if not switch.terms:
        return any(not slope.contains(0) for slope in switch.center.values())
    if switch.center or len(switch.terms) > 1:
        return False
    ((c, atom),) = switch.terms.values()
    if atom.kind != "norm" or c.contains(0):
        return False
    return any(not slope.contains(0) for m in atom.members for slope in m.center.values())


def _logic(reader: _Reader, index: int, node: Call, arguments: Sequence[Any]) -> Any:
    """Return a conjunction, disjunction or negation, or a condition as a number."""
    del reader, index
    if node.function == "float":
        (value,) = arguments
        return value if isinstance(value, Missing) else _as_model(value)
    if node.function == "logical_not":
        (value,) = arguments
        if isinstance(value, bool):
            return not value
        return value.negated() if isinstance(value, Condition) else value
    absorbing = node.function == "logical_or"
    if any(a is absorbing for a in arguments):
        return absorbing
    open_ones = [a for a in arguments if a is not (not absorbing)]
    missing = next((a for a in open_ones if isinstance(a, Missing)), None)
    if missing is not None:
        return missing
    if len(open_ones) < 2:
        return open_ones[0] if open_ones else not absorbing
    return Condition("or" if absorbing else "and", parts=tuple(open_ones))


def _choice(reader: _Reader, index: int, node: Call, arguments: Sequence[Any]) -> Any:
    """Return the branch that a condition takes, or the model of a continuous choice."""
    condition, x, y = arguments
    if isinstance(condition, bool):
        return _as_model(x if condition else y)
    if isinstance(condition, Missing):
        return condition
    x, y = _as_model(x), _as_model(y)
    for branch in (x, y):
        if isinstance(branch, Missing):
            return Missing(f"a branch of {node.function} is undefined or undecided: {branch.reason}")
    sign = reader.compare(node.operands[1], node.operands[2])
    if sign is None or sign:
        return Missing(f"{node.function} jumps here" if sign else "the branches may differ here")
    extreme = _as_extreme(reader, node, condition)
    if extreme is not None:
        return extreme(x, y, condition.key, tuple(sorted(node.operands[1:])))
    chosen = reader.kinks.choice(condition, x, y, index)
    if isinstance(chosen, Model) and x.is_nonnegative and y.is_nonnegative:
        return dataclasses.replace(chosen, is_nonnegative=True)
    return chosen


def _as_extreme(
    reader: _Reader, node: Call, condition: Condition
) -> Callable[[Model, Model, Key, Key], Model] | None:
    """Return the maximum or the minimum for a choice such as ``where(x > y, x, y)``."""
    comparison = reader._program.nodes[node.operands[0]]  # noqa: SLF001
    if condition.switch is None or not isinstance(comparison, Call):
        return None
    sides, branches = comparison.operands, node.operands[1:]
    if set(sides) != set(branches) or len(sides) != 2:
        return None
    is_maximum = (condition.operation == "positive") == (sides == branches)
    return reader.kinks.maximum if is_maximum else reader.kinks.minimum


def _hold(reader: _Reader, index: int, node: Call, arguments: Sequence[Any]) -> Any:
    """Return a value held constant."""
    del reader, index, node
    (x,) = arguments
    constant = None if x.polynomial is None else _constant(x.polynomial.constant)
    return Model(x.value, polynomial=constant, is_nonnegative=bool(x.value >= 0))


_COLUMNS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "add": _arithmetic,
        "subtract": _arithmetic,
        "multiply": _arithmetic,
        "divide": _arithmetic,
        "power": _power,
        "sqrt": _sqrt,
        "negative": _negative,
        "positive": lambda _, __, ___, arguments: arguments[0],
        "abs": _abs,
        "maximum": _extreme,
        "minimum": _extreme,
        "detach": _hold,
    }
)
_BY_ROLE: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"comparison": _comparison, "logic": _logic, "choice": _choice}
)
