"""Engines that are asked to compute in a different format than float64: ``autograd:float32``.

Any engine that declares a format in `Traits.dtypes` can be asked for it: its problem says in which
format its numbers are (`Problem.format`). So the engines themselves have no option for it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from symdiff.engines.options import SEPARATOR
from symdiff.errors import Unsupported, UsageError
from symdiff.libraries import numpy
from symdiff.program.formats import FLOAT64, FORMATS, Format, read_formats, shared
from symdiff.program.values import DTYPES

if TYPE_CHECKING:
    from symdiff.array_types import Array
    from symdiff.engines.backward import BackwardPass
    from symdiff.engines.base import (
        Allowance,
        Engine,
        ErrorEstimate,
        Problem,
        Samples,
        Traits,
    )
    from symdiff.engines.directional import (
        DirectionalBound,
        DirectionalProblem,
        DirectionalSamples,
    )
    from symdiff.program.values import Dtype

_COMMA: Final = ","
# How torch says that it has no function in a dtype.
_NO_KERNEL: Final = (
    re.compile(r'"(?P<name>\w+)" not implemented for'),
    re.compile(r"(?P<name>[\w.]+): Low precision dtypes not supported"),
    re.compile(r"(?P<name>[\w.]+)\(\) input tensor must be either float or double dtype"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class InFormat:
    """An engine that computes in a format; see `symdiff.engines.base.Engine`.

    Attributes
    ----------
    name
        As it was typed.
    engine
        The engine.
    format
        The format in which it is asked to compute.
    """

    name: str
    engine: Engine
    format: Format

    @property
    def traits(self) -> Traits:
        """The traits of the engine."""
        return self.engine.traits

    def differentiate(self, problem: Problem) -> Samples:
        """Return the derivatives at every point, computed in the format."""
        try:
            samples = self.engine.differentiate(problem.in_format(self.format))
        except (RuntimeError, TypeError) as error:
            raise _gap(str(error), self.format) or error from None
        return _with_gaps(samples, self.format).asked_in(self.format)

    def estimate_errors(self, problem: Problem, variable: str) -> ErrorEstimate | None:
        """Return the engine's own estimates of its errors."""
        return self.engine.estimate_errors(problem.in_format(self.format), variable)

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        """Return how far a correct engine may deviate in the format."""
        return self.engine.allowance(problem.in_format(self.format), variable, point)

    def radii(self, problem: Problem, variable: str) -> Array | None:
        """Return bounds of the rounding errors of a program on numbers; None for anything else.

        They are those of doubles, multiplied by the ratio of the units. What underflows, overflows
        or takes a different branch in the format is not explained by them.
        """
        from symdiff.arithmetics.bounds.estimates import estimate  # noqa: PLC0415  (loads numpy)

        if problem.function is not None or problem.tensor_problem is not None:
            return None
        try:
            found = estimate(problem.program, problem.columns, variable)
        except Unsupported:
            return None
        radii = numpy.asarray(found.slope_error) * self._ratio
        radii = numpy.where(numpy.isfinite(radii), radii, numpy.nan)
        bounds: Array = numpy.broadcast_to(radii, problem.count)
        return bounds

    @property
    def _ratio(self) -> float:
        """The unit in the last place of the format in those of doubles."""
        return 2.0 ** (DTYPES["float64"].bits - self.format.coarsest.bits)

    def backward_pass(self, problem: Problem) -> BackwardPass | None:
        """Return the backward pass in the format; None if it cannot be looked into."""
        from symdiff.engines.backward import HasBackwardPass  # noqa: PLC0415  (loads numpy)

        if not isinstance(self.engine, HasBackwardPass):
            return None
        return self.engine.backward_pass(problem.in_format(self.format))

    def along(
        self, problem: DirectionalProblem, bounds: Mapping[str, DirectionalBound]
    ) -> DirectionalSamples:
        """Return the derivatives along every direction, computed in the format."""
        from symdiff.engines.directional import run_along  # noqa: PLC0415  (loads numpy)

        done = run_along(self.engine, problem.in_format(self.format), bounds)
        samples = _with_gaps(done.samples, self.format).asked_in(self.format)
        return done._replace(samples=samples)


def _gap(message: str, form: Format) -> Unsupported | None:
    """Return the exception for a function that torch does not have in a format, or None."""
    found = next((m for pattern in _NO_KERNEL if (m := pattern.search(message))), None)
    if found is None:
        return None
    return Unsupported(form.name, f"torch does not compute {found['name']} in it")


def _with_gaps(samples: Samples, form: Format) -> Samples:
    """Return samples that are unsupported where torch lacks a function in a format everywhere."""
    from symdiff.engines.base import Gap  # noqa: PLC0415  (loads numpy)

    gaps = [_gap(reason, form) for reason in samples.reasons]
    unsupported = {
        name: Gap.of(found)
        for name, column in samples.reason_of.items()
        if len(column)
        and (found := gaps[int(column[0])])
        and all(gaps[k] for k in set(column.tolist()))
    }
    if not unsupported:
        return samples
    left = {name: x for name, x in samples.reason_of.items() if name not in unsupported}
    return dataclasses.replace(
        samples, unsupported={**samples.unsupported, **unsupported}, reason_of=left
    )


def split_format(options: str | None) -> tuple[str | None, Format | None]:
    """Return the options after the name of an engine without its format, and the format.

    Raises
    ------
    UsageError
        There are two formats.

    Examples
    --------
    >>> split_format("cuda,float32")[0], split_format("float32")[0], split_format("h=1")
    ('cuda', None, ('h=1', None))
    """
    parts = [] if options is None else options.split(_COMMA)
    found = [FORMATS[part.strip()] for part in parts if part.strip() in FORMATS]
    if len(found) > 1:
        message = f"two formats, {found[0].name} and {found[1].name}, for one engine"
        raise UsageError(message, hint="name the engine twice, or use --dtype")
    if not found:
        return options, None
    others = [part for part in parts if part.strip() not in FORMATS]
    return _COMMA.join(others) or None, found[0]


def asked_for(name: str, engine: Engine, form: Format) -> Engine:
    """Return an engine that computes in a format.

    Raises
    ------
    UsageError
        The engine has no such format.
    """
    if not has_format(engine, form):
        base, _, _ = name.partition(SEPARATOR)
        message = f"the engine {base} does not compute in {form.name}"
        own = formats_of(engine) or [FLOAT64.name]
        raise UsageError(message, hint=f"its formats: {', '.join(own)}")
    return InFormat(name, engine, form)


def formats_of(engine: Engine) -> list[str]:
    """Return the names of the formats that an engine declares, if it has others than float64."""
    own = [form.name for form in FORMATS.values() if has_format(engine, form)]
    return own if own != [FLOAT64.name] else []


def has_format(engine: Engine, form: Format) -> bool:
    """Return whether an engine declares that it computes in a format."""
    needed = {form.dtype.name, form.coarsest.name}
    is_mixed = form.autocast is not None
    return needed <= set(engine.traits.dtypes) and (engine.traits.autocasts or not is_mixed)


def in_formats(
    engines: Sequence[str], formats: Sequence[str], loaded: Mapping[str, Engine]
) -> tuple[str, ...]:
    """Return the names of engines, each with every format that was asked for and that it has.

    Parameters
    ----------
    engines
        Names, with options.
    formats
        Names of formats; without any, every engine computes as it is.
    loaded
        The engines by name.
    """
    found: list[str] = []
    for name in engines:
        base, _, options = name.partition(SEPARATOR)
        _, own = split_format(options or None)
        wanted = () if own else tuple(FORMATS[f] for f in read_formats("dtype", list(formats)))
        chosen = [form for form in wanted if has_format(loaded[name], form)]
        # An engine without any of the formats is run in its own, to compare with.
        found += [_named(base, options, form) for form in chosen] or [name]
    return tuple(dict.fromkeys(found))


def _named(base: str, options: str, form: Format) -> str:
    parts = [options] if options else []
    parts += [form.name] if form.name != "float64" else []
    return SEPARATOR.join([base, _COMMA.join(parts)]) if parts else base


def format_in_name(name: str) -> Format | None:
    """Return the format that stands after the name of an engine, or None.

    Examples
    --------
    >>> format_in_name("autograd:float32").name, format_in_name("autograd")
    ('float32', None)
    """
    _, _, options = name.partition(SEPARATOR)
    return split_format(options or None)[1]


def dtype_of_points(engines: Iterable[str]) -> Dtype | None:
    """Return the dtype whose numbers all engines have; None: all doubles.

    Examples
    --------
    >>> dtype_of_points(["autograd:float32", "central"]).name
    'float32'
    """
    formats = [format_in_name(name) for name in engines]
    return shared(form.dtype for form in formats if form is not None)
