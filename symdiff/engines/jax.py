"""JAX's reverse and forward mode on the program as written, on JAX's default device."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np

from symdiff.arithmetics.jax_arrays import JAX
from symdiff.arithmetics.reading import read
from symdiff.array_types import Array
from symdiff.engines.base import Allowance, Problem, Samples, Traits
from symdiff.engines.formulas import program_allowance
from symdiff.engines.running import numbers_or_failures
from symdiff.program.formats import FLOAT64
from symdiff.program.values import DTYPES, Dtype

__all__ = ["ENGINE", "FORWARD"]

_FORMATS: Final = ("float64", "float32", "float16", "bfloat16")


@dataclasses.dataclass(frozen=True, slots=True)
class _Jax:
    """An engine of JAX; see `symdiff.engines.base.Engine`.

    Attributes
    ----------
    name
        The name that users type.
    mode
        reverse: one pull-back of ones for all points; forward: one push-forward for each variable.
    """

    name: str
    mode: str

    @property
    def traits(self) -> Traits:
        """JAX has threads of its own."""
        return Traits(modes=(self.mode,), dtypes=_FORMATS, runs_in_chunks=False, orders=(1, 2))

    def differentiate(self, problem: Problem) -> Samples:
        with _double_precision(enabled=problem.format == FLOAT64):
            return numbers_or_failures(problem, self._differentiate)

    def _differentiate(self, problem: Problem) -> Samples:
        names, dtype = problem.moving, jnp.dtype(problem.format.dtype.name)
        columns_of = {name: jnp.asarray(x, dtype) for name, x in problem.columns.items()}
        points = tuple(columns_of[name] for name in names)

        def value(*columns: jax.Array) -> jax.Array:
            """Return the values at all points: the value at one depends on this point alone."""
            inputs = {**columns_of, **dict(zip(names, columns, strict=True))}
            result = jnp.asarray(read(problem.written, JAX, inputs), dtype)
            return jnp.broadcast_to(result, problem.count)

        def inner_slope(*columns: jax.Array) -> jax.Array:
            return self._slopes(value, columns, [0])[1][0]

        function = value if problem.second is None else inner_slope
        values, slopes = self._slopes(function, points, range(len(names)))
        arrays = dict(zip(names, map(_doubles, slopes), strict=True))
        derivatives = {name: arrays[name] for name in problem.variables}
        return Samples(derivatives, values=_doubles(values), dtype=_dtype(problem).name)

    def _slopes(
        self, function: Callable[..., jax.Array], points: Sequence[jax.Array], which: Sequence[int]
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Return the values of a function, and its derivatives along some of its arguments."""
        if self.mode == "reverse":
            values, pull_back = jax.vjp(function, *points)
            slopes = pull_back(jnp.ones_like(values))
            return values, [slopes[k] for k in which]
        return function(*points), [_push_forward(function, points, k) for k in which]

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        return program_allowance(problem, variable, point, _dtype(problem))


def _dtype(problem: Problem) -> Dtype:
    """Return what XLA computes with on a CPU."""
    return DTYPES[f"{problem.format.dtype.name} without subnormals"]


def _doubles(array: jax.Array) -> Array:
    return np.array(array).astype(np.float64)


def _double_precision(*, enabled: bool) -> contextlib.AbstractContextManager[Any]:
    """Return a context in which JAX computes in float64 or not, whatever the caller has set."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(new_val=enabled)  # type: ignore[no-any-return]
    from jax.experimental import enable_x64  # noqa: PLC0415  (up to version 0.7)

    return enable_x64(enabled)  # type: ignore[no-any-return]


def _push_forward(
    function: Callable[..., jax.Array], points: Sequence[jax.Array], k: int
) -> jax.Array:
    """Return the derivatives along one argument; the others are constants, without a tangent."""

    def along(column: jax.Array) -> jax.Array:
        return function(*points[:k], column, *points[k + 1 :])

    _, tangents = jax.jvp(along, (points[k],), (jnp.ones_like(points[k]),))
    return tangents


ENGINE = _Jax("jax", "reverse")
FORWARD = _Jax("jax-forward", "forward")
