"""The library's door: compare one expression, a file, or many files."""

from __future__ import annotations

import concurrent.futures
import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from symdiff.batch.runner import Workers, run
from symdiff.batch.store import open_store
from symdiff.batch.work import collect
from symdiff.batch.workers import limits_of
from symdiff.comparison.compare import compare_program
from symdiff.comparison.evidence import MAX_COMPONENTS, Evidence, Options
from symdiff.engines.registry import DEFAULT
from symdiff.errors import SymdiffError
from symdiff.grid.grid import MAX_PRODUCT
from symdiff.grid.points import Spec
from symdiff.program import Program
from symdiff.report import Comparison, Report
from symdiff.request.claims import Claims
from symdiff.truth.certify import MAX_PROOFS, ProofOptions
from symdiff.verdict.judge import Tolerance

_TOLERANCE = Tolerance()


def compare(  # noqa: PLR0913  (one argument for each thing that a user may want to say)
    expression: str | Program | Callable[..., Any],
    grid: Mapping[str, Spec] | None = None,
    *,
    at: Mapping[str, Spec] | None = None,
    engines: Sequence[str] = DEFAULT,
    math: str | Program | None = None,
    wrt: Sequence[str] | None = None,
    claims: Claims | None = None,
    spellings: Mapping[str, str] | None = None,
    let: Mapping[str, str] | None = None,
    values: Mapping[str, Any] | None = None,
    cotangent: Any = None,  # noqa: ANN401  (numbers, an array, or an expression)
    tangent: Mapping[str, Any] | None = None,
    accumulate: int = 1,
    max_components: int = MAX_COMPONENTS,
    rtol: float = _TOLERANCE.rtol,
    atol: float = _TOLERANCE.atol,
    kinks: bool = True,
    max_points: int = MAX_PRODUCT,
    seed: int = 0,
    prove: str = "filter",
    max_proofs: int = MAX_PROOFS,
    strict: bool = False,
    columns: str | Path | None = None,
) -> Comparison:
    """Compare what every engine gives for the derivatives of one expression.

    Parameters
    ----------
    expression
        Text in Python's grammar with torch's names, a Program, or a callable on torch tensors,
        one an input of `math`: of shape (n,), or of the shape of the input's value.
    grid
        For every variable a range ``"start:stop:count"`` or (start, stop), a list of numbers and
        exact texts such as ``"1/3"``, or an array. Default: ``"-2:2:9"``. Kinks are added.
    at
        The same, with nothing added.
    engines
        Names; `symdiff engines` lists them.
    math
        The formula that a callable stands for.
    wrt
        The variables to differentiate with respect to; default: all.
    claims
        For a variable, a derivative to be checked; or a manual backward pass, a list of
        definitions such as ``"grad_w = x.T @ g"``.
    spellings
        Other programs for the same function, by name.
    let
        Named sub-expressions, in order.
    values
        For a tensor its value: nested lists, an array, a torch tensor, or a mapping with `shape`
        and `seed` for normal random numbers. A torch tensor in `grid` counts as one too.
    cotangent
        For an expression that is no number, what stands in front of its Jacobian, as in
        ``backward(gradient=...)``: numbers in its shape, several of them, or an expression.
    tangent
        For some variables the direction to go: what stands behind the Jacobian.
    accumulate
        How often ``backward`` is called.
    max_components
        So many derivatives of a program on tensors are judged one by one; of more, some along
        random directions.
    rtol, atol
        A value v agrees with the derivative d if ``|v - d| <= atol + rtol*|d|``.
    kinks
        Whether kinks and their neighbours are added to the grid.
    max_points
        The largest product of several axes; a larger one becomes a Sobol sample.
    seed
        Of that sample, and of the sample of points that are proved besides.
    prove
        ``"filter"``: points that error bounds settle are not proved one by one, but for a
        sample; ``"all"``: every point is.
    max_proofs
        Of one expression along one variable; points beyond are left undecided.
    strict
        Whether a number given without a word where there is no derivative counts as a finding.
    columns
        A folder to write all columns to, as ``.npy`` files: of a range of more than four million
        points only what does not plainly agree is kept in memory.

    Returns
    -------
    Comparison
        With `.records()`, `.table()`, `.to_json()`, `.values(engine)`, and more.

    Raises
    ------
    InputError
        Something cannot be used; the message says what, where, and what to type next.

    Examples
    --------
    >>> compare("x @ w", values={"x": [1, 2], "w": [3, 4]}).values("autograd", "w[1]")
    array([2.])
    >>> comparison = compare("abs(x)", {"x": "-1:1:3"})
    >>> [(r["left"], r["right"], r["value"], r["verdict"]) for r in comparison.records()
    ...  if r["kind"] == "kink" and r["engine"] == "autograd"]
    [(-1.0, 1.0, 0.0, 'subgradient')]
    """
    options = Options(
        engines=tuple(engines),
        tolerance=Tolerance(rtol, atol),
        kinks=kinks,
        max_points=max_points,
        seed=seed,
        judging=ProofOptions(prove=prove, max_proofs=max_proofs, seed=max(seed, 0)),
        max_components=max_components,
        strict=strict,
        columns=None if columns is None else Path(columns),
    )
    given: Mapping[str, Any] = grid if isinstance(grid, Mapping) else {}
    tensors = {name: x for name, x in given.items() if hasattr(x, "detach") and x.ndim}
    evidence = compare_program(
        expression,
        {name: x for name, x in given.items() if name not in tensors} if tensors else grid,
        options=options,
        at=at,
        math=math,
        wrt=wrt,
        claims=claims or {},
        spellings=spellings or {},
        let=let or {},
        values={**tensors, **(values or {})},
        cotangent=cotangent,
        tangent=tangent,
        accumulate=accumulate,
    )
    return Comparison((evidence,))


def compare_file(path: str | Path, **options: Any) -> Report:  # noqa: ANN401  (compare_files')
    """Compare every entry of one expression file; see `compare_files`."""
    return compare_files([path], **options)


def compare_files(  # noqa: PLR0913  (one argument for each thing that a user may want to say)
    paths: str | Path | Sequence[str | Path] = (),
    *,
    jobs: int = 1,
    executor: concurrent.futures.Executor | None = None,
    engines: Sequence[str] = DEFAULT,
    only: str | None = None,
    rtol: float = _TOLERANCE.rtol,
    atol: float = _TOLERANCE.atol,
    kinks: bool = True,
    max_points: int = MAX_PRODUCT,
    seed: int = 0,
    prove: str = "filter",
    max_proofs: int = MAX_PROOFS,
    max_components: int = MAX_COMPONENTS,
    strict: bool = False,
    store: str | Path | None = None,
    dask: str | None = None,
    timeout: float | None = None,
    memory: float | None = None,
    columns: str | Path | None = None,
) -> Report:
    """Compare every entry of some expression files.

    Parameters
    ----------
    paths
        Files and folders, or one of them; none: the expressions that come with symdiff.
    jobs
        Worker processes.
    executor
        Takes the place of `jobs`: any executor of `concurrent.futures`.
    dask
        Takes the place of `jobs`: the address of a Dask scheduler.
    store
        A file that keeps results: what is in it already is not compared again.
    timeout, memory
        What one expression may take in a worker process, in seconds and GiB; default: 300 s, and
        an equal share of the machine's memory.
    engines, rtol, atol, kinks, max_points, seed, prove, max_proofs, max_components, strict, columns
        As in `compare`.
    only
        A pattern such as ``"relu*"``: entries whose name matches.

    Returns
    -------
    Report
        Entries that cannot be used stand in `.errors`; the others are not lost.

    Raises
    ------
    InputError
        A path does not exist, an option is not one.
    """
    options = Options(
        engines=tuple(engines),
        tolerance=Tolerance(rtol, atol),
        kinks=kinks,
        max_points=max_points,
        seed=seed,
        judging=ProofOptions(prove=prove, max_proofs=max_proofs, seed=max(seed, 0)),
        max_components=max_components,
        strict=strict,
        columns=None if columns is None else Path(columns),
    )
    several = [paths] if isinstance(paths, str | Path) else paths
    work = collect([Path(path) for path in several], only)
    limits = limits_of(timeout, memory)
    workers = Workers(jobs=jobs, limits=limits, executor=executor, dask=dask)
    with open_store(Path(store)) if store is not None else contextlib.nullcontext() as kept:
        outcomes = list(run(work, options, workers=workers, store=kept))
    return Report(
        tuple(o for o in outcomes if isinstance(o, Evidence)),
        tuple(o for o in outcomes if isinstance(o, SymdiffError)),
    )
