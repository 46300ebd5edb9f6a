"""The library's functions: compare one expression, a file, or many files."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symdiff.errors import UsageError
from symdiff.request.calls import written_call
from symdiff.request.options import Options, RunOptions, read_path, takes
from symdiff.request.request import Claims, Request

# What is heavy is imported where it is used: the command line imports this module.
if TYPE_CHECKING:
    from symdiff.batch.packing import Outcome
    from symdiff.grid.points import Spec
    from symdiff.program import Program
    from symdiff.report.report import Comparison, Report


@takes(options=Options)
def compare(  # noqa: PLR0913  (one argument for each part of a request)
    expression: str | Program | Callable[..., Any],
    grid: Mapping[str, Spec] | None = None,
    *,
    at: Any = None,  # noqa: ANN401  (a mapping, or a DataFrame of an optional library)
    zip: bool = False,  # noqa: A002  (the name that users know)
    math: str | Program | None = None,
    wrt: Sequence[str] | None = None,
    claims: Claims | None = None,
    spellings: Mapping[str, str] | None = None,
    let: Mapping[str, str] | None = None,
    values: Mapping[str, Any] | None = None,
    cotangent: Any = None,  # noqa: ANN401  (numbers, an array, or an expression)
    tangent: Mapping[str, Any] | None = None,
    accumulate: int = 1,
    options: Options,
) -> Comparison:
    """Compare what every engine gives for the derivatives of one expression.

    Parameters
    ----------
    expression
        Text in Python's grammar with torch's names, a Program, a sympy expression, or a callable.
        A callable on torch tensors takes one for each input: of shape (n,) for n points, or of
        the shape of the input's value if `values` are given. Inputs go to the parameters of the
        same names, others in the order of `grid`, `at` and `values`. A callable on numpy arrays
        needs `math`.
    grid
        For every variable a range ``"start:stop:count"`` or (start, stop), a list of numbers and
        exact texts such as ``"1/3"``, or an array. Default: ``"-2:2:9"``. Kinks are added.
    at
        Points in the same forms as in `grid`; no kinks are added to them. Or a DataFrame of pandas
        or polars with a column for every variable: each row is a point, as with `zip`.
    zip
        Whether the k-th point has the k-th coordinate that `at` lists for every variable. The
        points stay in that order. If False, all combinations of the coordinates are points.
    math
        The formula that a callable computes.
    wrt
        The variables to differentiate with respect to; default: all.
    claims
        Derivatives to check, by variable; or a manual backward pass, a list of definitions
        such as ``"grad_w = x.T @ g"``.
    spellings
        Other programs for the same function, by name.
    let
        Named sub-expressions; each may use those before it.
    values
        The value of each tensor: nested lists, an array, a torch tensor, or a mapping with `shape`
        and `seed` for normal random numbers. A torch tensor in `grid` that has dimensions is a
        value too.
    cotangent
        For a tensor expression, the gradient that ``backward(gradient=...)`` is called with:
        numbers in the shape of the expression's value, several such arrays along a first
        dimension, or an expression.
    tangent
        For some variables, the direction of a JVP.
    accumulate
        How often ``backward`` is called.

    Returns
    -------
    Comparison
        With `.records()`, `.table()`, `.to_json()`, `.values(engine)`, and more.

    Raises
    ------
    InputError
        An argument cannot be used; the message says what, where, and what to type next.

    Examples
    --------
    >>> compare("x @ w", values={"x": [1, 2], "w": [3, 4]}).values("autograd", "w[1]")
    array([2.])
    >>> compare("x*y", at={"x": [1, 2], "y": [3, 4]}, zip=True).values("autograd", "x")
    array([3., 4.])
    >>> comparison = compare("abs(x)", {"x": "-1:1:3"})
    >>> [(r["left"], r["right"], r["value"], r["verdict"]) for r in comparison.records()
    ...  if r["kind"] == "kink" and r["engine"] == "autograd"]
    [(-1.0, 1.0, 0.0, 'subgradient')]
    """
    from symdiff.batch.columns import column_writer  # noqa: PLC0415
    from symdiff.comparison.compare import compare as compare_request  # noqa: PLC0415
    from symdiff.report.report import Comparison  # noqa: PLC0415

    is_frame = hasattr(at, "columns")
    request = Request(
        expression=_without_sympy(expression),
        math=_without_sympy(math),
        let=let or {},
        grid={} if grid is None else grid,
        at={str(name): at[name] for name in at.columns} if is_frame else at,
        zip=zip or is_frame,
        wrt=wrt,
        claims=claims or {},
        spellings=spellings or {},
        values=values or {},
        cotangent=cotangent,
        tangent=tangent,
        accumulate=accumulate,
    )
    command = written_call(
        "symdiff.compare",
        *(given for given in (expression, grid) if given is not None),
        at=at,
        zip=zip,
        math=math,
        wrt=wrt,
        claims=claims,
        spellings=spellings,
        let=let,
        values=values,
        cotangent=cotangent,
        tangent=tangent,
        accumulate=accumulate if accumulate != 1 else None,
        options=(options,),
    )
    evidence = compare_request(request, options, column_writer(options))
    return Comparison((evidence,), command=command)


def _without_sympy(expression: Any) -> Any:  # noqa: ANN401  (whatever was given)
    """Return a sympy expression as text, and anything else as it is."""
    if not any(str(kind.__module__).startswith("sympy.") for kind in type(expression).__mro__):
        return expression
    from symdiff.arithmetics.symbolic_text import text_of  # noqa: PLC0415

    return text_of(expression)


@takes(options=Options, run=RunOptions)
def compare_file(path: str | Path, *, options: Options, run: RunOptions) -> Report:
    """Compare every entry of one expression file; see `compare_files`.

    Parameters
    ----------
    path
        A ``.toml`` or ``.txt`` file.

    Returns
    -------
    Report
        As that of `compare_files`.
    """
    return _compared([read_path("path", path)], options, run)


@takes(options=Options, run=RunOptions)
def compare_files(
    paths: str | Path | Sequence[str | Path] = (), *, options: Options, run: RunOptions
) -> Report:
    """Compare every entry of some expression files.

    Parameters
    ----------
    paths
        Files and folders, or one of them; none: the expressions that come with symdiff.

    Returns
    -------
    Report
        Its `.errors` has what could not be used; the other entries are compared all the same.

    Raises
    ------
    InputError
        A path does not exist, or an option cannot be used.
    """
    several = [paths] if isinstance(paths, str | Path) else paths
    if not isinstance(several, Iterable):
        message = f"paths cannot be {several!r}"
        raise UsageError(message, hint="a path, or a list of paths")
    return _compared([read_path("paths", path) for path in several], options, run)


def _compared(paths: list[Path], options: Options, run: RunOptions) -> Report:
    from symdiff.batch.work import collect  # noqa: PLC0415
    from symdiff.batch.workers import limits_of, start_loading  # noqa: PLC0415

    if run.jobs > 1 and run.executor is None and run.dask is None:
        start_loading()  # in another process, while this one reads the files
    work = collect(paths, run.only)
    from symdiff.batch.runner import Workers  # noqa: PLC0415
    from symdiff.batch.runner import run as run_all  # noqa: PLC0415
    from symdiff.batch.store import open_store  # noqa: PLC0415
    from symdiff.engines.registry import resolve  # noqa: PLC0415

    command = written_call("symdiff.compare_files", [*map(str, paths)], options=(options, run))
    options = dataclasses.replace(options, engines=resolve(options.engines))
    limits = limits_of(run.timeout, run.memory)
    explain = run.explain or run.store is not None  # a store keeps explanations too
    workers = Workers(run.jobs, limits, run.executor, run.dask, explain)
    outcomes: list[Outcome] = []
    total, unread = len(work.entries), len(work.errors)
    with open_store(run.store) if run.store is not None else contextlib.nullcontext() as store:
        if run.progress is not None:
            run.progress(0, total, None)
        for outcome in run_all(work, options, workers=workers, store=store):
            outcomes.append(outcome)
            if run.progress is not None:
                run.progress(max(0, len(outcomes) - unread), total, outcome)
    return report_of(outcomes, command)


def report_of(outcomes: Iterable[Outcome], command: str = "") -> Report:
    """Return the report of what was compared and of what went wrong.

    Parameters
    ----------
    outcomes
        The evidence or the error of every entry.
    command
        The command or the call that makes the report again.
    """
    from symdiff.comparison.evidence import Evidence  # noqa: PLC0415
    from symdiff.report.report import Report  # noqa: PLC0415

    several = list(outcomes)
    evidence = tuple(outcome for outcome in several if isinstance(outcome, Evidence))
    return Report(evidence, tuple(o for o in several if not isinstance(o, Evidence)), command)
