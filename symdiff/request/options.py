"""The options of a comparison and of a run: one table for the command line and the library.

Every field of `Options` and `RunOptions` is an option: its name is the library's keyword, and its
metadata has the command line's flag, the help text of both, and the check of its value. To add
an option, add a field. This module imports nothing heavy, because ``symdiff --help`` reads it.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import numbers
import os
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import field
from pathlib import Path
from typing import Any, Final, TypeVar

from symdiff.errors import UsageError, did_you_mean

ENGINES: Final = ("symbolic", "autograd", "central")  # those that run by default
# The largest product of several axes, in points; a larger one becomes a Sobol sample.
MAX_POINTS: Final = 4096
ORDERS: Final = (1, 2)  # the values of `Options.order`
PROVE: Final = ("filter", "all")  # the values of `Options.prove`
MAX_PROOFS: Final = 20_000  # largest number of proofs of one expression along one variable
# The largest number of derivatives of a tensor program that are judged one by one.
MAX_COMPONENTS: Final = 512

_KEY: Final = "option"  # where the metadata of a field has its `Option`
Result = TypeVar("Result")
Reader = Callable[[str, Any], Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """The flag, the help and the check of an option, as the metadata of a field.

    Attributes
    ----------
    flag
        The command line's option; None if the command line sets the field in a different way.
    help
        A sentence for the command line's help and for the library's documentation.
    read
        Takes the field's name and a value, and returns the value to store; raises UsageError.
    """

    flag: str | None
    help: str
    read: Reader


def _unchanged(name: str, value: Any) -> Any:  # noqa: ANN401  (of any option)
    del name
    return value


def option(flag: str | None, text: str, read: Reader = _unchanged) -> dict[str, Option]:
    """Return the metadata of a dataclass field that is an option; see `Option`."""
    return {_KEY: Option(flag, text, read)}


def at_least(lowest: float) -> Reader:
    """Return a check that a number is finite and at least `lowest`.

    Examples
    --------
    >>> at_least(0)("seed", 3)
    3
    """
    return _bounded(numbers.Real, "a finite number", lowest)


def integer_at_least(lowest: int) -> Reader:
    """Return a check that a value is an integer and at least `lowest`.

    Examples
    --------
    >>> integer_at_least(0)("seed", 3)
    3
    """
    return _bounded(numbers.Integral, "an integer", lowest)


def _bounded(kind: type, described_as: str, lowest: float) -> Reader:
    def read(name: str, value: Any) -> Any:  # noqa: ANN401  (checked here)
        is_of_kind = isinstance(value, kind) and not isinstance(value, bool)
        if not is_of_kind or not lowest <= value < math.inf:
            message = f"{name} cannot be {_shown(value)}"
            raise UsageError(message, hint=f"{described_as}, at least {lowest:g}")
        return value

    return read


def _shown(value: object) -> str:
    """Return the beginning of a value, for messages."""
    return f"{value:g}" if isinstance(value, float) else repr(value)[:40]


def boolean(name: str, value: Any) -> bool:  # noqa: ANN401  (checked here)
    """Return `value` if it is True or False, and raise UsageError otherwise."""
    if not isinstance(value, bool):
        message = f"{name} cannot be {_shown(value)}"
        raise UsageError(message, hint="True or False")
    return value


def _order(name: str, value: Any) -> int:  # noqa: ANN401  (checked here)
    del name
    return checked_order(value)


def checked_order(value: object) -> int:
    """Return the order of derivatives, and raise UsageError if it is none of `ORDERS`."""
    if type(value) is not int or value not in ORDERS:
        message = f"order cannot be {_shown(value)}"
        raise UsageError(message, hint="1 or 2")
    return value


def one_of(words: tuple[str, ...]) -> Reader:
    """Return a check that a value is one of some words."""

    def read(name: str, value: Any) -> str:  # noqa: ANN401  (checked here)
        if not isinstance(value, str) or value not in words:
            message = f"{name} cannot be {_shown(value)}"
            raise UsageError(message, hint=did_you_mean(str(value), words) or " or ".join(words))
        return value

    return read


def _names(name: str, value: Any) -> tuple[str, ...]:  # noqa: ANN401  (any sequence)
    names = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not names or not all(isinstance(item, str) for item in names):
        message = f"{name} cannot be {_shown(value)}"
        raise UsageError(message, hint=f'a list of one name or more, such as ["{ENGINES[1]}"]')
    return names


def _formats(name: str, value: Any) -> tuple[str, ...]:  # noqa: ANN401  (checked there)
    if isinstance(value, tuple) and not value:
        return ()
    from symdiff.program.formats import read_formats  # noqa: PLC0415  (loads the catalogue)

    return read_formats(name, value)


def read_path(name: str, value: Any) -> Path:  # noqa: ANN401  (checked here)
    """Return a text or a path-like object as a Path, and raise UsageError for anything else."""
    if not isinstance(value, str | os.PathLike):
        message = f"{name} cannot be {_shown(value)}"
        raise UsageError(message, hint="a path, as a string or a pathlib.Path")
    return Path(value)


def _path(name: str, value: Any) -> Path | None:  # noqa: ANN401  (checked by `read_path`)
    return None if value is None else read_path(name, value)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to compare; the same for every expression of a run.

    The meaning of each field is in its metadata: see `described`.

    Raises
    ------
    UsageError
        The value of an option is out of range.

    Examples
    --------
    >>> Options(engines=["autograd"], seed=1).engines
    ('autograd',)
    """

    engines: tuple[str, ...] = field(
        default=ENGINES,
        metadata=option(
            "--engine",
            "Engines to run, options after a colon (central:h=1e-4), or all; "
            "`symdiff engines` lists them.",
            _names,
        ),
    )
    dtype: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "--dtype",
            "Formats to compute in, for engines that have them: float32,bfloat16. Points are "
            "rounded to numbers that all formats have. Default: float64.",
            _formats,
        ),
    )
    rtol: float = field(
        default=1e-9,
        metadata=option(
            "--rtol", "A value v agrees with d if |v - d| <= atol + rtol*|d|.", at_least(0)
        ),
    )
    atol: float = field(default=0.0, metadata=option("--atol", "See rtol.", at_least(0)))
    digits: int = field(
        default=3,
        metadata=option(
            "--digits",
            "Significant digits that must be right where rounding explains a deviation; "
            "with fewer, the verdict is inaccurate.",
            integer_at_least(0),
        ),
    )
    kinks: bool = field(
        default=True,
        metadata=option(
            "--kinks/--no-kinks", "Add kinks and their neighbours to the grid.", boolean
        ),
    )
    max_points: int = field(
        default=MAX_POINTS,
        metadata=option(
            "--max-points",
            "Largest product of several axes; a larger one becomes a Sobol sample.",
            integer_at_least(1),
        ),
    )
    seed: int = field(
        default=0,
        metadata=option(
            "--seed", "Seed of the Sobol sample and of the sample of proofs.", integer_at_least(0)
        ),
    )
    order: int = field(
        default=1,
        metadata=option(
            "--order",
            "The order of the derivatives: 1, or 2 for second derivatives with respect to every "
            "pair of variables.",
            _order,
        ),
    )
    prove: str = field(
        default="filter",
        metadata=option(
            "--prove",
            "Points to prove: those that error bounds leave open and a sample (filter), or all.",
            one_of(PROVE),
        ),
    )
    max_proofs: int = field(
        default=MAX_PROOFS,
        metadata=option(
            "--max-proofs",
            "Largest number of proofs for an expression and variable; "
            "points that are left are undecided.",
            integer_at_least(1),
        ),
    )
    max_components: int = field(
        default=MAX_COMPONENTS,
        metadata=option(
            "--max-components",
            "Largest number of derivatives of a tensor program that are judged one by one; "
            "a larger program is judged along random directions.",
            integer_at_least(0),
        ),
    )
    strict: bool = field(
        default=False,
        metadata=option(
            "--strict",
            "Values where there is no derivative (verdict silent) do not pass.",
            boolean,
        ),
    )
    columns: Path | None = field(
        default=None,
        metadata=option(
            None,
            "A folder to write all columns to, as .npy files: a report on more than four million "
            "points has only those that do not agree.",
            _path,
        ),
    )

    def __post_init__(self) -> None:
        """Check every value."""
        _read_fields(self)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Which entries of files are compared, where, and where results are kept.

    The meaning of each field is in its metadata: see `described`.
    """

    jobs: int = field(
        default=1, metadata=option("--jobs", "Number of worker processes.", integer_at_least(1))
    )
    executor: Any = field(
        default=None,
        metadata=option(None, "An executor of `concurrent.futures`, in place of processes."),
    )
    dask: str | None = field(
        default=None,
        metadata=option(
            "--dask", "Address of a Dask scheduler, in place of processes: tcp://HOST:8786."
        ),
    )
    store: Path | None = field(
        default=None,
        metadata=option(
            "--store",
            "A file that keeps results; stored expressions are not compared again.",
            _path,
        ),
    )
    timeout: float | None = field(
        default=None,
        metadata=option(
            "--timeout", "Seconds that one expression may take in a worker process; default: 300."
        ),
    )
    memory: float | None = field(
        default=None,
        metadata=option(
            "--memory",
            "GiB that a worker process may take; default: an equal share of the machine's memory.",
        ),
    )
    only: str | None = field(
        default=None,
        metadata=option("--only", "Compare only entries whose name matches a pattern: 'relu*'."),
    )
    progress: Callable[[int, int, Any], None] | None = field(
        default=None,
        metadata=option(
            None,
            "Called as progress(done, total, outcome): first with None, then with the evidence "
            "or the error of every entry, in order.",
        ),
    )

    explain: bool = field(
        default=True,
        metadata=option(
            None,
            "Whether worker processes explain the verdicts; if not, each is explained when it is "
            "first read.",
        ),
    )

    def __post_init__(self) -> None:
        """Check every value."""
        _read_fields(self)


def _read_fields(options: Options | RunOptions) -> None:
    for name, about in described(type(options)).items():
        object.__setattr__(options, name, about.read(name, getattr(options, name)))


def described(table: type) -> dict[str, Option]:
    """Return the `Option` of every field of a table of options, by name.

    Examples
    --------
    >>> described(Options)["seed"].flag
    '--seed'
    """
    return {f.name: f.metadata[_KEY] for f in dataclasses.fields(table)}


def takes(**tables: type) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Return a decorator that replaces parameters by keywords, one for each field of a dataclass.

    The caller gives the fields as keywords; the function gets the dataclass. The keywords stand
    in the signature and, with their help, at the end of the docstring's section "Parameters".

    Parameters
    ----------
    **tables
        For a keyword-only parameter of the function, the dataclass whose fields replace it.

    Raises
    ------
    TypeError
        The decorated function is called with a keyword that it does not have.

    Examples
    --------
    >>> @takes(options=Options)
    ... def seed_of(*, options):
    ...     return options.seed
    >>> seed_of(seed=3)
    3
    """

    def decorate(function: Callable[..., Result]) -> Callable[..., Result]:
        signature = inspect.signature(function)
        parameters = [p for p in signature.parameters.values() if p.name not in tables]
        parameters += [_parameter(f) for t in tables.values() for f in dataclasses.fields(t)]
        names = [parameter.name for parameter in parameters]
        count = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
        takes_any = any(p.kind is p.VAR_POSITIONAL for p in parameters)

        @functools.wraps(function)
        def call(*arguments: Any, **keywords: Any) -> Result:  # noqa: ANN401  (the function's own)
            if len(arguments) > count and not takes_any:
                hint = ' (give tensors by name: values={"x": x})' if "values" in names else ""
                message = f"{function.__name__} takes at most {count} arguments by position, "
                message += f"not {len(arguments)}{hint}"
                raise TypeError(message)
            for name in keywords:
                if name not in names:
                    hint = did_you_mean(name, names) or f"its keywords: {', '.join(names)}"
                    message = f"{function.__name__} has no keyword {name!r} ({hint})"
                    raise TypeError(message)
            made = {}
            for parameter, table in tables.items():
                chosen = [name for name in described(table) if name in keywords]
                made[parameter] = table(**{name: keywords.pop(name) for name in chosen})
            return function(*arguments, **keywords, **made)

        call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        call.__annotations__["return"] = signature.return_annotation
        call.__doc__ = _documented(inspect.getdoc(function) or "", list(tables.values()))
        return call

    return decorate


def _parameter(f: dataclasses.Field[Any]) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(f.name, kind, default=f.default, annotation=f.type)


def _documented(doc: str, tables: list[type]) -> str:
    """Add the fields of tables to the section "Parameters" of a docstring, in numpydoc's form."""
    lines = [
        f"{name}\n{textwrap.indent(textwrap.fill(about.help, 92), '    ')}"
        for table in tables
        for name, about in described(table).items()
    ]
    head, heading, rest = doc.partition("\n\nReturns\n")
    return "\n".join([head, *lines]) + heading + rest
