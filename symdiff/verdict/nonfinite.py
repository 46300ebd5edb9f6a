"""Find the node of a program at which a NaN or an infinity in an engine's number arises.

For an engine whose backward pass can be looked into, that pass is followed from the variable to the
first node that turns finite adjoints into a NaN or an infinity. For other engines, the values of
the program are looked at, and then the derivatives of its nodes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.arrays import ARRAYS, evaluate, evaluate_nodes
from symdiff.arithmetics.branches import selected
from symdiff.arithmetics.reading import read
from symdiff.array_types import Array, Mask
from symdiff.catalogue import CATALOGUE
from symdiff.engines.backward import BackwardPass
from symdiff.engines.base import Problem, TensorProblem
from symdiff.grid.points import difference_step, ends_of_stencil
from symdiff.program import Program
from symdiff.program.nodes import Call, Input
from symdiff.program.parser import template
from symdiff.program.values import component_name, index_inputs

INFINITE_DERIVATIVE: Final = "its derivative is infinite"
OVERFLOW: Final = "a product of finite derivatives overflows"
_SUFFIXES: Final = (
    "",
    ", in a branch that is not taken",
    ", and the gradient that reaches it is 0",
)
_VALUES: Final = ("it is nan", "it is inf", "it is -inf")
# Texts that say what is not finite at a node; `NonfiniteNodes.reasons` has their indices.
REASONS: Final = (
    "",
    *(value + suffix for suffix in _SUFFIXES for value in _VALUES),
    INFINITE_DERIVATIVE,
    OVERFLOW,
)
_IN_BRANCH, _UNUSED = 1, 2  # indices in `_SUFFIXES`


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class NonfiniteNodes:
    """Nodes of a program at which NaNs and infinities arise, at k points.

    Attributes
    ----------
    program
        The program that the nodes belong to.
    points
        The indices of the points, in order; shape (k,), like all other columns.
    nodes
        The node whose value or derivative is not finite; -1 if none was found.
    reasons
        The index in `REASONS` of what is not finite there.
    elements
        For a program on tensors, at each point the element of the node's value that is not finite,
        and the call with its numbers there, such as ``" at [1,0]: 0/0"``. Else empty.
    precision
        The dtype in which the values were computed.
    """

    program: Program
    points: NDArray[np.intp]
    nodes: NDArray[np.intp]
    reasons: NDArray[np.int8]
    elements: tuple[str, ...] = ()
    precision: str = "float64"

    @classmethod
    def join(cls, parts: Sequence[NonfiniteNodes]) -> NonfiniteNodes:
        """Return the nodes at the points of several results, concatenated."""
        return cls(
            parts[0].program,
            np.concatenate([part.points for part in parts]),
            np.concatenate([part.nodes for part in parts]),
            np.concatenate([part.reasons for part in parts]),
            tuple(text for part in parts for text in part.elements),
            parts[0].precision,
        )

    def rows(self, points: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the rows of some points, each of which is among those of the nodes."""
        return np.searchsorted(self.points, points)

    def reason(self, point: int) -> str:
        """Return what is not finite at a point, or ""."""
        row = int(self.rows(np.array([point]))[0])
        what, comma, suffix = REASONS[int(self.reasons[row])].partition(",")
        is_shown = what and self.precision != "float64"
        return what + (f" in {self.precision}" if is_shown else "") + comma + suffix


def nonfinite_nodes(problem: Problem, points: NDArray[np.intp]) -> NonfiniteNodes:
    """Return the nodes at which a value, or else a derivative, is not finite.

    If the value of the program is not finite, the node is the one from which it came. An infinity
    that the program has as a number, such as that of a mask, is no cause.

    Parameters
    ----------
    problem
        The program and its points.
    points
        The indices of the points, in order.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> problem = Problem(parse("where(x <= 10, exp(x), 1)"), {"x": np.array([1e10])}, ("x",))
    >>> arising = nonfinite_nodes(problem, np.array([0]))
    >>> problem.program.place(arising.nodes[0]), arising.reason(0)
    ('exp(x) (expr, column 16)', 'it is inf, in a branch that is not taken')
    """
    if problem.tensor_problem is not None and len(points):
        parts = [_in_tensors(problem, problem.tensor_problem, i) for i in points.tolist()]
        if all(part is not None for part in parts):
            return NonfiniteNodes.join([part for part in parts if part is not None])
    program = problem.program
    nodes = np.full(len(points), -1, dtype=np.intp)
    reasons = np.zeros(len(points), dtype=np.int8)
    result = NonfiniteNodes(program, points, nodes, reasons)
    if not len(points):
        return result
    columns = {name: column[points] for name, column in problem.columns.items()}
    values = evaluate_nodes(program, columns, len(points))
    off = ~np.isfinite(values[program.output])
    for index, made, suffix in _origins(program, values, off):
        here = (nodes < 0) & made
        nodes[here] = index
        reasons[here] = _value_reason(values[index], suffix)[here]
    for index, node in program.calls():
        if (nodes >= 0).all():
            break
        for slope in _slopes(node, values):
            here = (nodes < 0) & ~np.isfinite(np.broadcast_to(slope, len(points)))
            nodes[here], reasons[here] = index, REASONS.index(INFINITE_DERIVATIVE)
    return result


def nonfinite_nodes_at_ends(
    problem: Problem, points: NDArray[np.intp], variable: str
) -> NonfiniteNodes:
    """Return the nodes that are not finite at an end of the stencil of a central difference.

    Parameters
    ----------
    problem
        A program on numbers, and its points.
    points
        The indices of the points, in order.
    variable
        The input that moves.
    """
    nodes = np.full(len(points), -1, dtype=np.intp)
    reasons = np.zeros(len(points), dtype=np.int8)
    here = problem.part(points)
    x = here.columns[variable]
    step = difference_step(x)
    for end in ends_of_stencil(x, step):
        moved = dataclasses.replace(here, columns={**here.columns, variable: end})
        off = ~np.isfinite(evaluate(moved.program, dict(moved.columns))) & (nodes < 0)
        rows = np.flatnonzero(off)
        found = nonfinite_nodes(moved, rows)
        nodes[rows], reasons[rows] = found.nodes, found.reasons
    return NonfiniteNodes(problem.program, points, nodes, reasons)


def _in_tensors(
    problem: Problem, tensor_problem: TensorProblem, point: int
) -> NonfiniteNodes | None:
    """Return where a component of a program on tensors becomes NaN or infinite, or None."""
    program = tensor_problem.program
    indices = index_inputs(program)
    inputs = {
        name: value.array.astype(np.int64) if name in indices else value.array
        for name, value in tensor_problem.values.items()
    }
    inputs |= {name: np.array(problem.columns[name][point]) for name in tensor_problem.scalars}
    values = evaluate_nodes(program, inputs)
    output = values[program.output]
    off = ~np.isfinite(output) & _weighted(tensor_problem, output.shape)
    if not off.any():
        return None
    for index, made, suffix in _origins(program, values, off):
        if made.any():
            return NonfiniteNodes(
                program,
                np.array([point]),
                np.array([index]),
                _value_reason(values[index], suffix)[made][:1].astype(np.int8),
                (_described_element(program, values, index, made),),
            )
    return None


def _weighted(tensor_problem: TensorProblem, shape: tuple[int, ...]) -> Mask:
    """Return which components of the output have a cotangent that is not 0."""
    weighted = np.zeros(shape, dtype=bool)
    for cotangent in tensor_problem.cotangents:
        weighted |= True if cotangent is None else np.reshape(cotangent, shape) != 0
    return weighted


def _origins(
    program: Program, values: Mapping[int, Array], off: Mask
) -> Iterator[tuple[int, Mask, NDArray[np.intp]]]:
    """Yield the calls whose values become NaN or infinite, first those that spoil the output.

    Each comes with the elements that are meant, and by element the index in `_SUFFIXES`. The output
    is not finite at `off`.
    """
    taken = selected(program, values)
    reaching = _reaching(program, values, program.output, off)
    for only in (reaching, None):
        for index, created in _created(program, values):
            suffix = np.where(taken.get(index, np.zeros((), dtype=bool)), 0, _IN_BRANCH)
            yield index, created if only is None else created & only[index], suffix


def _value_reason(value: Array, suffix: NDArray[np.intp] | int) -> NDArray[np.intp]:
    """Return the index in `REASONS` of values that are not finite."""
    kind = np.where(np.isnan(value), 0, np.where(value > 0, 1, 2))
    index: NDArray[np.intp] = 1 + kind + len(_VALUES) * np.asarray(suffix)
    return np.broadcast_to(index, value.shape)


def _created(program: Program, values: Mapping[int, Array]) -> Iterator[tuple[int, Mask]]:
    """Yield every call with the elements that it makes NaN or infinite from arguments that are not.

    A NaN is made of arguments that are not NaN, and an infinity of finite arguments.
    """
    for index, node in program.calls():
        value = values.get(index)
        if value is None or value.dtype == bool or not program.spans[index]:
            continue
        has_nan = np.zeros(value.shape, dtype=bool)
        has_infinity = np.zeros(value.shape, dtype=bool)
        for argument in _operands(program, node):
            operand = values.get(argument)
            if operand is not None and operand.dtype != bool:
                has_nan |= _fitted(np.isnan(operand), value.shape)
                has_infinity |= _fitted(np.isinf(operand), value.shape)
        yield index, np.isnan(value) & ~has_nan | np.isinf(value) & ~has_infinity


def _operands(program: Program, node: Call) -> Iterator[int]:
    """Yield the arguments of a call, and those in lists among them."""
    for argument in node.operands:
        inner = program.nodes[argument]
        if isinstance(inner, Call) and CATALOGUE[inner.function].role == "list":
            yield from inner.operands
        else:
            yield argument


def _fitted(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Return a mask in a shape: broadcast, or else everywhere whether it has a true element."""
    fits = mask.shape == shape or not mask.shape
    return np.broadcast_to(mask if fits else np.asarray(mask.any()), shape)


def _reaching(
    program: Program, values: Mapping[int, Array], root: int, mask: Mask
) -> dict[int, Mask]:
    """Return by node the elements that are not finite and from which a NaN or infinity comes.

    Those of the node `root` that are traced back are given by `mask`.
    """
    order = program.at(root).order
    shapes = {index: np.shape(values.get(index, ())) for index in order}
    reaching = {index: np.zeros(shape, dtype=bool) for index, shape in shapes.items()}
    reaching[root] = mask
    for index in reversed(order):
        node = program.nodes[index]
        if isinstance(node, Call) and reaching[index].any():
            for argument in _operands(program, node):
                operand = values.get(argument)
                if operand is not None and operand.dtype != bool:
                    passed = _fitted(reaching[index], operand.shape) & ~np.isfinite(operand)
                    reaching[argument] = reaching[argument] | passed
    return reaching


def nodes_in_backward_pass(
    done: BackwardPass, points: NDArray[np.intp], variable: str
) -> NonfiniteNodes:
    """Return the nodes at which a backward pass makes the adjoint of a variable not finite.

    Parameters
    ----------
    done
        The backward pass at these points; a pass that is not pointwise has one point.
    points
        The indices of the points, in order.
    variable
        The name of the input, or of one of its components.

    Returns
    -------
    NonfiniteNodes
        The node is that of the first step, in the order of the pass, whose own adjoint is finite
        and that adds a NaN or an infinity. If the reason is a value that is not finite, the node
        is the one from which that value came.
    """
    search = _Search(done, len(points))
    start = _start(done, variable)
    if start is not None:
        search.follow(*start)
    elements = () if done.pointwise else (search.element,)
    reasons = search.reasons.astype(np.int8)
    return NonfiniteNodes(
        done.program, points, search.causes, reasons, elements, precision=done.precision
    )


def _start(done: BackwardPass, variable: str) -> tuple[int, Mask] | None:
    """Return the node of a variable, and where its adjoint is not finite; None if nowhere."""
    for index in done.program.order:
        node = done.program.nodes[index]
        if not isinstance(node, Input) or index not in done.adjoints:
            continue
        off = ~np.isfinite(done.adjoints[index])
        if node.name != variable:
            if done.pointwise or not variable.startswith(f"{node.name}["):
                continue
            chosen = [component_name(node.name, i) == variable for i in np.ndindex(*off.shape)]
            off &= np.array(chosen).reshape(off.shape)
        return (index, off) if off.any() else None
    return None


class _Search:
    """The search through a backward pass, from a variable upwards.

    Attributes
    ----------
    causes, reasons
        The node and the index in `REASONS` by point, shape (k,); -1 and 0 where none is found.
    element
        The element of the node's value that is not finite, if the pass is not pointwise.
    """

    def __init__(self, done: BackwardPass, count: int) -> None:
        self._done = done
        self._users = _users(done.program)
        self._created = dict(_created(done.program, done.values))
        self._taken = selected(done.program, done.values)
        self.causes = np.full(count, -1, dtype=np.intp)
        self.reasons = np.zeros(count, dtype=np.intp)
        self.element = ""

    def follow(self, start: int, off: Mask) -> None:
        """Find the causes of the elements of a node's adjoint that are not finite."""
        waiting = {start: off}
        while waiting:
            node = min(waiting)  # users come after their arguments
            mask = waiting.pop(node)
            for user in self._users.get(node, ()):
                for above, elements in self._step(node, user, mask):
                    known = waiting.get(above, np.zeros((), dtype=bool))
                    waiting[above] = elements | known

    def _step(self, node: int, user: int, mask: Mask) -> Iterator[tuple[int, Mask]]:
        """Follow the adjoint of a node back to one of its users.

        Record the user as the cause where its own adjoint is finite; yield it with the elements of
        its adjoint that are not.
        """
        done = self._done
        adjoint = done.adjoints.get(user)
        added = None if adjoint is None else done.contribution(user, node, adjoint)
        if adjoint is None or added is None:
            return
        bad = mask & ~np.isfinite(added)
        finite = np.isfinite(adjoint)
        if done.pointwise:
            own, above = bad & finite, bad & ~finite
        else:
            alone = done.contribution(user, node, np.where(finite, adjoint, 0.0))
            own = bad & (False if alone is None else ~np.isfinite(alone))
            above = ~finite & bool((bad & ~own).any())
        if own.any():
            self._record(node, user, own)
        if above.any():
            yield user, above

    def _record(self, node: int, user: int, own: Mask) -> None:
        """Record why a step of the pass adds a NaN or an infinity, at points without a cause."""
        done = self._done
        new = self.causes < 0
        new &= own if done.pointwise else own.any()
        if not new.any():
            return
        unit = done.contribution(user, node, np.ones(done.adjoints[user].shape))
        steep = own if unit is None else own & ~np.isfinite(unit)
        self.causes[new] = user
        self.reasons[new] = REASONS.index(OVERFLOW)
        self.reasons[new & (steep if done.pointwise else steep.any())] = REASONS.index(
            INFINITE_DERIVATIVE
        )
        self._record_values(user, own, new)

    def _record_values(self, user: int, own: Mask, new: Mask) -> None:
        """Record the values that are not finite and make a step's derivative not finite."""
        done = self._done
        mask = own if done.pointwise else np.ones(done.values[user].shape, dtype=bool)
        reaching = _reaching(done.program, done.values, user, mask)
        place = own
        for index in done.program.at(user).order:
            if index in self._created and new.any():
                made = self._created[index] & reaching[index]
                here = new & (made if done.pointwise else made.any())
                if here.any():
                    self.causes[here] = index
                    self.reasons[here] = self._value_reasons(index, made)[here]
                    new, place = new & ~here, made
        if not done.pointwise:
            self.element = _described_element(done.program, done.values, int(self.causes[0]), place)

    def _value_reasons(self, index: int, made: Mask) -> NDArray[np.intp]:
        """Return the reasons, by point, at a node whose value is not finite where `made` is."""
        value, taken = self._done.values[index], self._taken.get(index, np.zeros((), dtype=bool))
        unused = self._done.adjoints.get(index, np.zeros(())) == 0
        suffix = np.where(taken, np.where(unused, _UNUSED, 0), _IN_BRANCH)
        reasons = _value_reason(value, suffix)
        return reasons if self._done.pointwise else reasons[made][:1]


def _described_element(
    program: Program, values: Mapping[int, Array], index: int, mask: Mask
) -> str:
    """Return the first element in a mask, and the call with its numbers there, as text.

    It is as in ``" at [1,0]: 0/0"``, without the numbers where arguments have other shapes, and
    without the element for a number.
    """
    element = tuple(np.argwhere(mask)[0].tolist()) if mask.ndim else ()
    text = f" at {component_name('', element)}" if element else ""
    node = program.nodes[index]
    if not isinstance(node, Call):
        return text
    numbers = []
    for argument in _operands(program, node):
        operand = values.get(argument)
        if operand is None or operand.dtype == bool:
            return text
        try:
            number = np.broadcast_to(operand, mask.shape)[element]
        except ValueError:  # the element depends on several elements of the argument
            return text
        numbers.append(f"{float(number):.6g}")
    operator = CATALOGUE[node.function].operator
    if operator and len(numbers) == 2:
        return f"{text}: {operator.join(numbers)}"
    return f"{text}: {node.function}({', '.join(numbers)})"


def _users(program: Program) -> dict[int, tuple[int, ...]]:
    """Return by node the calls that use it, in order."""
    users: dict[int, dict[int, None]] = {}
    for index, node in program.calls():
        if CATALOGUE[node.function].role != "list":
            for argument in _operands(program, node):
                users.setdefault(argument, {})[index] = None
    return {argument: tuple(calls) for argument, calls in users.items()}


def _slopes(node: Call, values: Mapping[int, Array]) -> Iterator[Array]:
    """Yield the partial derivatives of a call with respect to its operands, shape (n,)."""
    operands = [values[a] for a in node.operands if a in values and values[a].dtype != bool]
    row = CATALOGUE[node.function]
    texts = row.derivative if isinstance(row.derivative, tuple) else (row.derivative,)
    with np.errstate(all="ignore"):
        if row.is_power and len(operands) == 2:
            yield operands[1] * operands[0] ** (operands[1] - 1)
        elif row.operator == "/":
            yield 1 / operands[1]
        elif row.derivative is not None and len(operands) == len(row.parameters):
            column = row.column("numpy")
            if column is None:
                return
            bound = {p.name: v for p, v in zip(row.parameters, operands, strict=True)}
            bound["result"] = column(*operands)
            for text in texts:
                if text is not None:
                    yield np.asarray(read(template(text), ARRAYS, bound))
