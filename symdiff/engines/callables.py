"""Run a callable on torch tensors; used by every engine that differentiates callables."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from symdiff.arithmetics.arrays import evaluate
from symdiff.arithmetics.components.dependence import dependence
from symdiff.arithmetics.torch_graph import leads_to
from symdiff.array_types import Array, Mask
from symdiff.engines.base import Problem, Samples, TensorProblem
from symdiff.engines.running import check_memory, in_halves
from symdiff.engines.torch_programs import (
    autocast_in,
    check_tensor,
    dtype_in,
    run_program,
    tensor_leaves,
)
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.values import DTYPES, Dtype, component_names
from symdiff.request.numpy_functions import NumpyFunction

__all__ = [
    "FACTOR",
    "DtypesInside",
    "Linear",
    "as_doubles",
    "call_on_grid",
    "change",
    "coarsest_dtype_in",
    "contracted",
    "difference_of_runs",
    "dtype_of",
    "dtype_of_values",
    "gradients_enabled",
    "nonlinearity",
    "notes_of_runs",
    "refuse_numpy",
    "run_on_grid",
    "values_of",
    "values_or_nan",
    "varying",
    "why_unreached",
    "with_linear_checks",
]

_CLOSE: Final = 1e-9  # relative distance of values that do not suggest a coarser dtype
_SUBNORMALS: Final = 64  # deviation in smallest numbers of the dtype that underflow explains
_ROUNDING: Final = 1e-6  # relative; powers of two scale a gradient exactly, and this is generous
# Distance over which a function must vary to need a gradient, relative to the coordinate or to 1.
_NEARBY: Final = 0.05
FACTOR: Final = -4.0  # by which incoming gradients are multiplied to see how a backward scales


class Linear(NamedTuple):
    """What has to be linear, and in what, in words."""

    subject: str = "backward"
    argument: str = "incoming gradient"


BACKWARD: Final = Linear()


def as_doubles(tensor: torch.Tensor) -> Array:
    """Return a tensor as a new array of doubles.

    It may be sparse, in a different dtype, or one of torch's lazy forms (conjugated, negated or a
    zero without memory), which have no form in numpy.
    """
    dense = tensor.detach()
    dense = dense.to_dense() if dense.layout != torch.strided else dense
    copy = torch.empty(dense.shape, dtype=torch.float64, device="cpu")
    copy.copy_(dense)
    array: Array = copy.numpy()
    return array


def call_on_grid(
    function: Callable[..., Any], problem: Problem
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return a callable's values at n points, shape (n,), and the leaves that it was called with.

    The leaves are copies that require gradients, as in a user's training: the callable may write
    to them, or differentiate by them.

    Raises
    ------
    TypeError, ValueError
        The callable returns something else than a tensor of shape (n,).
    """
    leaves = {
        name: torch.tensor(column, dtype=dtype_in(problem.format), requires_grad=True)
        for name, column in problem.columns.items()
    }
    with autocast_in(problem.format):
        return run_on_grid(function, problem.written, leaves), leaves


def run_on_grid(
    function: Callable[..., Any], program: Program, inputs: Mapping[str, torch.Tensor]
) -> torch.Tensor:
    """Return a callable's values for inputs by name, each of shape (n,).

    Raises
    ------
    TypeError, ValueError
        The callable returns something else than a tensor of shape (n,).
    """
    output = function(*(inputs[name] for name in program.inputs))
    check_tensor(output)
    shape = next((tuple(x.shape) for x in inputs.values()), ())
    if output.shape != shape and (inputs or output.shape != (1,)):
        message = f"the callable returned shape {tuple(output.shape)}, not that of its inputs"
        raise ValueError(message)
    return output


@contextlib.contextmanager
def gradients_enabled() -> Iterator[None]:
    """Let torch record gradients, whatever the caller has set: a callable may need them inside."""
    with torch.inference_mode(mode=False), torch.enable_grad():
        yield


def values_of(problem: Problem) -> Array:
    """Return the values of a problem's callable at its points.

    Returns
    -------
    array
        Shape (n,), or (n, ...) with the shape of the value of the problem on tensors.

    Raises
    ------
    TypeError, ValueError
        The callable returns something else than a tensor of the right shape. It may raise any
        other exception.
    """
    function, tensor_problem = problem.function, problem.tensor_problem
    assert function is not None  # noqa: S101  (the caller has checked it)
    with gradients_enabled():
        if tensor_problem is None:
            output, _ = call_on_grid(function, problem)
            return np.broadcast_to(as_doubles(output), problem.count).copy()
        outputs = []
        for i in range(problem.count):
            output = run_program(tensor_problem, _leaves_at(problem, tensor_problem, i), function)
            assert isinstance(output, torch.Tensor)  # noqa: S101  (`run_program` has checked it)
            outputs.append(as_doubles(output))
    return np.array(outputs)


def _leaves_at(problem: Problem, tensor_problem: TensorProblem, i: int) -> dict[str, torch.Tensor]:
    """Return the inputs of a callable on tensors at a point, which may move their components."""
    numbers = {name: float(problem.columns[name][i]) for name in tensor_problem.scalars}
    leaves = tensor_leaves(tensor_problem, numbers)
    tangent = tensor_problem.tangent or {}
    with torch.no_grad():
        for name, leaf in leaves.items():
            if name in tangent:
                t = float(next(iter(problem.columns[v][i] for v in problem.variables)))
                leaf.add_(torch.as_tensor(t * tangent[name]))
            elif leaf.is_floating_point() and name in tensor_problem.values:
                parts = component_names(name, tuple(leaf.shape))
                moved = [problem.columns[part][i] for part in parts if part in problem.columns]
                if moved:
                    leaf.copy_(torch.tensor(moved, dtype=torch.float64).reshape(leaf.shape))
    return leaves


def values_or_nan(problem: Problem) -> Array:
    """Return the values of a problem's callable, NaN at points where it raises an exception.

    A callable may refuse the end of a stencil that leaves its domain, and accept the middle.
    """
    try:
        return values_of(problem)
    except Exception as error:  # noqa: BLE001  (a callable may raise anything)
        check_memory(error)
        parts = in_halves(problem.count, lambda chosen: values_of(problem.part(chosen)), error)
    tensor_problem = problem.tensor_problem
    shape = () if tensor_problem is None else tensor_problem.shape or ()
    values = np.full((problem.count, *shape), np.nan)
    for chosen, done in parts:
        if not isinstance(done, str):
            values[chosen] = done
    return values


def dtype_of_values(problem: Problem, values: Array) -> str:
    """Return the dtype in which a problem's callable computed values.

    If they are close to the formula's, the callable is not run once more to find out.
    """
    formula = evaluate(problem.program, dict(problem.columns))
    if np.allclose(contracted(problem, values), formula, rtol=_CLOSE, atol=0.0, equal_nan=True):
        return problem.format.dtype.name
    return dtype_of(problem)


def contracted(problem: Problem, values: Array) -> Array:
    """Return the scalar function that is differentiated, given the values of a callable."""
    if problem.tensor_problem is None:
        return values
    total = np.zeros(len(values))
    for cotangent in problem.tensor_problem.cotangents:
        c = np.ones(values.shape[1:]) if cotangent is None else np.asarray(cotangent)
        chosen = c != 0  # a component that is left out may be undefined
        total += values[:, chosen] @ c[chosen] if c.ndim else values * c
    return total


def dtype_of(problem: Problem) -> str:
    """Return the coarsest floating dtype to which a problem's callable rounds."""
    noted = coarsest_dtype_in(lambda: values_of(problem))
    return min(noted, problem.format.dtype.name, key=lambda name: DTYPES[name].bits)


class _Dtypes(TorchFunctionMode):  # type: ignore[misc]
    """Notes the floating dtypes to which torch's functions round a tensor.

    A constant of a coarse dtype is not noted: sums with it are computed in the finer dtype.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Call a function of torch, and note what it returns."""
        del types
        result = func(*args, **(kwargs or {}))
        self.names |= _rounded_to(result, (*args, *(kwargs or {}).values()))
        return result


class DtypesInside(TorchDispatchMode):  # type: ignore[misc]
    """Notes the dtypes to which operations inside torch round, as those of a backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self._names: set[str] = set()

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Run an operation, and note what it returns."""
        del types
        result = func(*args, **(kwargs or {}))
        self._names |= _rounded_to(result, (*args, *(kwargs or {}).values()))
        return result

    @property
    def coarsest(self) -> str:
        """The dtype with the fewest bits; float64 if nothing is rounded to a coarser one."""
        return _coarsest(self._names)


def _coarsest(names: Iterable[str]) -> str:
    return min(names, key=lambda name: DTYPES[name].bits, default="float64")


def _rounded_to(result: object, arguments: Sequence[Any]) -> set[str]:
    """Return the names of the dtypes in a result that are coarser than those of the arguments."""
    given = max((_bits(x) for x in _flat(arguments)), default=0)
    items = (item for item in _flat((result,)) if 0 < _bits(item) < given)
    return {_name_of_dtype(item) for item in items if isinstance(item, torch.Tensor)}


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    """Yield values, and the items of those that are lists or tuples."""
    for value in values:
        yield from value if isinstance(value, tuple | list) else (value,)


def _name_of_dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _bits(value: object) -> int:
    """Return the bits of the significands of a floating-point tensor; 0 for anything else."""
    is_floating = isinstance(value, torch.Tensor) and value.is_floating_point()
    name = _name_of_dtype(value) if isinstance(value, torch.Tensor) and is_floating else ""
    return DTYPES[name].bits if name in DTYPES else 0


def coarsest_dtype_in(run: Callable[[], Any]) -> str:
    """Return the floating dtype with the fewest bits to which a run rounds.

    Examples
    --------
    >>> x = torch.ones(2, dtype=torch.float64)
    >>> coarsest_dtype_in(lambda: (x.float() * 3).double())
    'float32'
    """
    with _Dtypes() as noted:
        run()
    return _coarsest(noted.names)


def varying(problem: Problem, variables: Sequence[str]) -> tuple[str, ...]:
    """Return the variables of which the formula of a callable is not a constant near the points.

    Where it is constant, a gradient that torch does not compute is 0 all the same.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> columns = {"x": np.zeros(1), "y": np.ones(1)}
    >>> varying(Problem(parse("x**2 + 0*y + sign(y)"), columns, ("x", "y")), ("x", "y"))
    ('x',)
    """
    program = problem.program
    shapes = dict.fromkeys(program.inputs, ())
    return tuple(
        name
        for name in variables
        if name in program.inputs
        and dependence(program, name, shapes, {}).item()
        and _changes(program, problem.columns, name)
    )


def _changes(program: Program, columns: Mapping[str, Array], name: str) -> bool:
    """Return whether a program has other values near one of the points, along an input."""
    x = columns[name]
    here = evaluate(program, dict(columns))
    for step in (_NEARBY, -_NEARBY):
        moved = evaluate(program, {**columns, name: x + step * np.maximum(np.abs(x), 1.0)})
        if not np.array_equal(here, moved, equal_nan=True):
            return True
    return False


def why_unreached(name: str, output: Any, leaf: torch.Tensor) -> str:  # noqa: ANN401
    """Return why a callable with some output has no gradient with respect to an input."""
    if not (isinstance(output, torch.Tensor) and output.requires_grad):
        return (
            "the callable's value has no grad_fn: it is detached, and backward raises an exception"
        )
    if leads_to(output, [id(leaf)]):
        return f"backward returns None as the gradient of {name}"
    return f"the callable's value has no grad_fn that leads to {name}"


def nonlinearity(
    gradient: Array,
    passes: Sequence[tuple[Array | float, Array]],
    uniform: Callable[[], Array],
    dtype: Dtype = DTYPES["float64"],
    linear: Linear = BACKWARD,
) -> tuple[str, Mask] | None:
    """Return how a backward pass deviates from being linear in the incoming gradient, and where.

    Parameters
    ----------
    gradient
        The gradient for some incoming gradient, shape (n,).
    passes
        Factors, shape (n,) or one for all, and the gradients for these factors times that incoming
        gradient. They are powers of two, whose products are not rounded. Every point needs a
        positive and a negative one: a backward pass with ``abs(g)`` or ``relu(g)`` is right for
        positive incoming gradients.
    uniform
        Returns the gradient for `FACTOR` times that incoming gradient; called only if needed.
    dtype
        The dtype in which the gradient is computed: numbers near its smallest are rounded.
    linear
        What it is, if it is not a backward pass.

    Returns
    -------
    tuple or None
        A sentence, and a mask of shape (n,); None if the gradient is linear.
    """
    off_line = functools.partial(_deviates, gradient, _SUBNORMALS * dtype.smallest_subnormal)
    off: Mask = np.logical_or.reduce([off_line(s, factors) for factors, s in passes])
    if not off.any():
        return None
    by_factor = uniform()
    off_uniform = off_line(by_factor, FACTOR)
    if not off_uniform.any():
        return f"{linear.subject} mixes the {linear.argument}s of several points", off
    off = off | off_uniform
    i = int(np.argmax(off_uniform))
    if np.array_equal(by_factor[off_uniform], gradient[off_uniform]):
        how = f"{linear.subject} ignores the {linear.argument}"
        return f"{how}: it gives {gradient[i]:g} for 1 and for {FACTOR:g}", off
    how = f"{linear.subject} is not linear in the {linear.argument}"
    times = f"{by_factor[i]:g} for {FACTOR:g}, not {FACTOR * gradient[i]:g}"
    return f"{how}: it gives {gradient[i]:g} for 1, and {times}", off


def _deviates(gradient: Array, least: float, scaled: Array, factors: Array | float) -> Mask:
    """Return where a scaled gradient is not, to within `least`, the gradient times the factors."""
    with np.errstate(all="ignore"):
        expected = factors * gradient
        deviates: Mask = np.abs(scaled - expected) > _ROUNDING * np.abs(expected) + least
    return deviates & np.isfinite(scaled) & np.isfinite(expected)


def powers_of_two(count: int) -> Array:
    """Return random incoming gradients: powers of two of both signs, the same in every run."""
    rng = np.random.default_rng(0)
    powers: Array = rng.choice([-1.0, 1.0], count) * 2.0 ** rng.integers(1, 4, count)
    return powers


def refuse_numpy(function: Callable[..., Any] | None) -> None:
    """Raise `Unsupported` if a callable computes in numpy, which torch does not record."""
    if isinstance(function, NumpyFunction):
        raise Unsupported(function.name, "it computes in numpy, without a gradient")


def with_linear_checks(
    samples: Samples,
    gradients: Mapping[str, Array],
    gradients_for: Callable[[Array], Mapping[str, Array]],
    linear: Linear = BACKWARD,
) -> Samples:
    """Return samples of a callable on a grid with the faults of what has to be linear.

    Parameters
    ----------
    samples
        The samples, with the dtype in which the callable computes.
    gradients
        The gradients for an incoming gradient of ones, by variable.
    gradients_for
        Returns the gradients for an incoming gradient.
    linear
        What has to be linear.
    """
    if not gradients:
        return samples
    ones = np.ones(len(next(iter(gradients.values()))))
    faults: dict[str, Mask] = {}
    reasons: dict[str, str] = {}
    with DtypesInside() as noted:
        again = gradients_for(ones)
    factors = powers_of_two(len(ones))
    both_signs = [(c, gradients_for(c)) for c in (factors, -factors)]
    for name, gradient in gradients.items():
        uniform = functools.partial(lambda n: gradients_for(FACTOR * ones)[n], name)
        passes = [(c, found[name]) for c, found in both_signs]
        dtype = DTYPES[samples.dtype]
        fault = change(gradient, again[name], dtype, linear) or nonlinearity(
            gradient, passes, uniform, dtype, linear
        )
        if fault is not None:
            reasons[name], faults[name] = fault
    notes = notes_of_runs(gradients, again, noted.coarsest, DTYPES[samples.dtype], linear)
    return dataclasses.replace(samples, faults=faults, fault_reasons=reasons, notes=notes)


def change(
    gradient: Array, again: Array, dtype: Dtype = DTYPES["float64"], linear: Linear = BACKWARD
) -> tuple[str, Mask] | None:
    """Return how a gradient differs when it is computed again, and where; None if it does not.

    Examples
    --------
    >>> change(np.array([1.0, 2.0]), np.array([1.0, 4.0]))[0]
    'backward gives a different number when it is called again: 2, and then 4'
    """
    off = _deviates(gradient, _SUBNORMALS * dtype.smallest_subnormal, again, 1.0)
    off |= np.isfinite(gradient) != np.isfinite(again)
    if not off.any():
        return None
    i = np.unravel_index(int(np.argmax(off)), off.shape)
    how = f"{linear.subject} gives a different number when it is called again"
    return f"{how}: {gradient[i]:g}, and then {again[i]:g}", off


def notes_of_runs(
    first: Mapping[str, Array],
    second: Mapping[str, Array],
    coarsest: str,
    dtype: Dtype,
    linear: Linear = BACKWARD,
) -> dict[str, dict[int, str]]:
    """Return notes on the numbers of a callable: what differs in a second run, and a coarse dtype.

    Parameters
    ----------
    first, second
        The gradients of the two runs.
    coarsest
        The coarsest dtype to which the second run rounds.
    dtype
        The dtype in which the value is computed.
    linear
        What has to be linear.
    """
    notes: dict[str, dict[int, str]] = {}
    if DTYPES[coarsest].bits < dtype.bits:
        text = f"{linear.subject} computes in {coarsest}"
        notes = {name: dict.fromkeys(range(x.size), text) for name, x in first.items()}
    for name, texts in difference_of_runs(first, second).items():
        notes[name] = {**notes.get(name, {}), **texts}
    return notes


def difference_of_runs(
    first: Mapping[str, Array], second: Mapping[str, Array]
) -> dict[str, dict[int, str]]:
    """Return notes on numbers that two runs do not give alike to the last bit."""
    notes: dict[str, dict[int, str]] = {}
    for name in first:
        x, y = first[name].reshape(-1), second[name].reshape(-1)
        for i in np.flatnonzero(~((x == y) | (np.isnan(x) & np.isnan(y)))).tolist():
            text = f"a second run gives {float(y[i])!r}"
            notes.setdefault(name, {})[i] = text
    return notes
