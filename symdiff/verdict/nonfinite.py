"""Find the node of a program at which a NaN or an infinity in an engine's number arises.

The values of the program are looked at, and then the derivatives of its nodes. An engine whose
backward pass can be looked into is served by `symdiff.verdict.backward_search`.
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
from symdiff.engines.base import Problem, TensorProblem
from symdiff.grid.points import difference_step, ends_of_stencil
from symdiff.program import Program
from symdiff.program.formats import FLOAT64
from symdiff.program.nodes import Call
from symdiff.program.parser import template
from symdiff.program.values import DTYPES, component_name, index_inputs

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
IN_BRANCH, UNUSED = 1, 2  # indices in `_SUFFIXES`
_LARGE: Final = 1e30  # the largest number of a dtype is named if it is below this one


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
        where = f" in {self.precision}" if is_shown else ""
        if is_shown and DTYPES[self.precision].largest < _LARGE:
            where += f" (largest number {DTYPES[self.precision].largest:g})"
        return what + where + comma + suffix


def nonfinite_nodes(problem: Problem, points: NDArray[np.intp]) -> NonfiniteNodes:
    """Return the nodes at which a value, or else a derivative, is not finite.

    If the value of the program is not finite, the node is the one from which it came. An infinity
    that the program has as a number, such as that of a mask, is no cause.

    Parameters
    ----------
    problem
        The program and its points. Values are rounded to its format.
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
    dtype = problem.format.dtype
    result = NonfiniteNodes(program, points, nodes, reasons, precision=dtype.name)
    if not len(points):
        return result
    columns = {name: column[points] for name, column in problem.columns.items()}
    coarse = dtype if problem.format != FLOAT64 else None
    values = evaluate_nodes(program, columns, len(points), coarse)
    off = ~np.isfinite(values[program.output])
    for index, made, suffix in _origins(program, values, off):
        here = (nodes < 0) & made
        nodes[here] = index
        reasons[here] = value_reason(values[index], suffix)[here]
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
    form = tensor_problem.format
    values = evaluate_nodes(program, inputs, dtype=None if form == FLOAT64 else form.dtype)
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
                value_reason(values[index], suffix)[made][:1].astype(np.int8),
                (described_element(program, values, index, made),),
                form.dtype.name,
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
    reaching = elements_reaching(program, values, program.output, off)
    for only in (reaching, None):
        for index, created in created_at(program, values):
            suffix = np.where(taken.get(index, np.zeros((), dtype=bool)), 0, IN_BRANCH)
            yield index, created if only is None else created & only[index], suffix


def value_reason(value: Array, suffix: NDArray[np.intp] | int) -> NDArray[np.intp]:
    """Return the index in `REASONS` of values that are not finite."""
    kind = np.where(np.isnan(value), 0, np.where(value > 0, 1, 2))
    index: NDArray[np.intp] = 1 + kind + len(_VALUES) * np.asarray(suffix)
    return np.broadcast_to(index, value.shape)


def created_at(program: Program, values: Mapping[int, Array]) -> Iterator[tuple[int, Mask]]:
    """Yield every call with the elements that it makes NaN or infinite from arguments that are not.

    A NaN is made of arguments that are not NaN, and an infinity of finite arguments.
    """
    for index, node in program.calls():
        value = values.get(index)
        if value is None or value.dtype == bool or not program.spans[index]:
            continue
        has_nan = np.zeros(value.shape, dtype=bool)
        has_infinity = np.zeros(value.shape, dtype=bool)
        for argument in operands_of(program, node):
            operand = values.get(argument)
            if operand is not None and operand.dtype != bool:
                has_nan |= _fitted(np.isnan(operand), value.shape)
                has_infinity |= _fitted(np.isinf(operand), value.shape)
        yield index, np.isnan(value) & ~has_nan | np.isinf(value) & ~has_infinity


def operands_of(program: Program, node: Call) -> Iterator[int]:
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


def elements_reaching(
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
            for argument in operands_of(program, node):
                operand = values.get(argument)
                if operand is not None and operand.dtype != bool:
                    passed = _fitted(reaching[index], operand.shape) & ~np.isfinite(operand)
                    reaching[argument] = reaching[argument] | passed
    return reaching


def described_element(program: Program, values: Mapping[int, Array], index: int, mask: Mask) -> str:
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
    for argument in operands_of(program, node):
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
