"""Compare one expression: parse, build the grid, run the engines, judge, explain."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from symdiff.arithmetics.symbolic import deterministic_sympy
from symdiff.comparison.evidence import (
    ColumnWriter,
    Evidence,
    LeftOut,
    Trial,
)
from symdiff.comparison.explained import ERROR_STATE, with_explanations
from symdiff.comparison.long_range import compare_in_chunks
from symdiff.comparison.numpy_request import with_numpy_function
from symdiff.comparison.scalars import Plan, plan_on_numbers, requested_points
from symdiff.comparison.steady import check_steady, with_kept_state
from symdiff.comparison.traced_request import traced, untraced_arguments
from symdiff.comparison.trial import run_trial, with_jacobian_diagnoses
from symdiff.engines.in_format import dtype_of_points, in_formats
from symdiff.engines.registry import check, load, names, resolve, split
from symdiff.errors import ExpressionError, InputError, UntracedError, UsageError, did_you_mean
from symdiff.grid.grid import Grid
from symdiff.program.traced import TracedProgram
from symdiff.program.values import component_names, uses_tensors
from symdiff.request.callables import name_of
from symdiff.request.options import Options
from symdiff.request.parsed import ParsedRequest, parse_request
from symdiff.request.request import Request
from symdiff.truth.certify import ProofOptions
from symdiff.verdict.words import Verdict


def compare(
    request: Request, options: Options, writer: Callable[[str], ColumnWriter] | None = None
) -> Evidence:
    """Run every engine on one expression, and judge what they return.

    Parameters
    ----------
    request
        The expression, its grid, and all else that is asked about it.
    options
        The engines, the tolerance, and how proofs are made.
    writer
        Returns a writer for the columns of an expression, given its name. None: columns are not
        written.

    Raises
    ------
    InputError
        The request cannot be used. The message says what is wrong, where, and what to type next.

    Examples
    --------
    >>> evidence = compare(Request(expression="x**2"), Options(engines=["central"]))
    >>> evidence.name, evidence.ok
    ('x**2', True)
    """
    try:
        options = _with_order(request, options)
        with deterministic_sympy():
            return _compare_with_or_without_proof(request, options, writer)
    except InputError as error:
        raise request.label.locate(error) from error.__cause__


def _with_order(request: Request, options: Options) -> Options:
    """Return the options with the order of derivatives that a request asks for."""
    if request.order is not None:
        options = dataclasses.replace(options, order=request.order)
    if options.order > 1 and request.accumulate != 1:
        message = f"accumulate = {request.accumulate} adds up gradients, and order is 2"
        raise UsageError(message, hint="leave accumulate out")
    return options


def _compare_with_or_without_proof(
    request: Request, options: Options, writer: Callable[[str], ColumnWriter] | None
) -> Evidence:
    """Compare, without a proof if the request has a function on tensors that cannot be traced."""
    try:
        request_traced = traced(request)
        evidence = _with_lines_of_code(request_traced, options, writer)
    except UntracedError as error:
        untraced = untraced_arguments(request)
        if untraced is None or options.order > 1:  # second derivatives need a formula
            raise
        from symdiff.comparison.unproved import compare_without_proof  # noqa: PLC0415  (torch)

        name = request.label.name or name_of(untraced[0].function)
        label = dataclasses.replace(request.label, name=name)
        return compare_without_proof(*untraced, error.message, label, options)
    check_steady(evidence, request_traced)
    return evidence


def _with_lines_of_code(
    request: Request, options: Options, writer: Callable[[str], ColumnWriter] | None
) -> Evidence:
    """Compare; an error about a traced program names the line of code instead of the program.

    Raises
    ------
    UntracedError
        The request has a traced program that the catalogue's rows do not accept, such as a
        Cholesky factor of more rows than can be proved.
    """
    try:
        return _compare(request, options, writer)
    except ExpressionError as error:
        program = request.expression
        if not isinstance(program, TracedProgram):
            raise
        lines = [s.place for s in program.sources if s.name == error.place.key and s.place]
        message = f"{lines[0]}: {error.message}" if lines else error.message
        raise UntracedError(message, hint=error.hint) from None


def _compare(
    request: Request, options: Options, writer: Callable[[str], ColumnWriter] | None
) -> Evidence:
    engines = resolve(options.engines)
    formats = tuple(request.dtype) or options.dtype
    if formats:
        engines = in_formats(engines, formats, {name: load(name) for name in engines})
    options = dataclasses.replace(options, engines=engines, dtype=formats)
    parsed = with_numpy_function(with_kept_state(parse_request(request)))
    label = dataclasses.replace(request.label, name=request.label.name or parsed.program.text)
    with np.errstate(**ERROR_STATE):
        plan = plan_of(parsed, options)
        columns = None if writer is None else writer(label.name)
        grid, trials, left_out = _run_trials(plan, options, columns)
        if plan.cases and plan.tensors is not None:
            shapes = plan.tensors.wrt.items()
            components = {n: tuple(component_names(n, shape)) for n, shape in shapes}
            trials = with_jacobian_diagnoses(trials, components)
        trials = tuple(_as_result(with_explanations(trial, grid)) for trial in trials)
    scalars = grid.names if plan.tensors is None else plan.tensors.scalars
    sampled = (name for trial in trials for name in trial.samples)
    engines = tuple(dict.fromkeys((*engines, *sampled)))  # asserted derivatives are engines too
    _check_expect(label.expect, engines)
    return Evidence(
        label=label,
        options=options,
        program=parsed.program,
        variables=plan.variables,
        grid=grid,
        engines=engines,
        trials=trials,
        tensors=plan.tensors,
        left_out=left_out,
        requested=(
            np.arange(len(grid))
            if request.zip
            else requested_points(grid, scalars, request.at, dtype_of_points(engines))
        ),
    )


def _as_result(trial: Trial) -> Trial:
    """Return a trial without the program written out, which is needed until values are judged."""
    tensors = trial.problem.tensor_problem
    if tensors is None or tensors.written is None:
        return trial
    problem = dataclasses.replace(
        trial.problem, tensor_problem=dataclasses.replace(tensors, written=None)
    )
    return dataclasses.replace(trial, problem=problem)


def _run_trials(
    plan: Plan, options: Options, columns: ColumnWriter | None
) -> tuple[Grid, tuple[Trial, ...], LeftOut]:
    """Return the points that are kept, the trials at these points, and counts of the others."""
    if plan.long_range is not None:
        return compare_in_chunks(plan.cases, plan.grid, plan.long_range, options, columns)
    proofs = ProofOptions.of(options)
    trials = plan.trials or tuple(
        run_trial(case, plan.grid, options, proofs) for case in plan.cases
    )
    if columns is not None and plan.tensors is None:
        columns.append(plan.grid, trials)
    return plan.grid, trials, LeftOut()


def plan_of(parsed: ParsedRequest, options: Options) -> Plan:
    """Return the points of a comparison, and the functions to run the engines on.

    Raises
    ------
    InputError
        A variable, a value, a grid, a claim or a spelling cannot be used.
    """
    if not _uses_tensors(parsed):
        return plan_on_numbers(parsed, options)
    from symdiff.comparison.tensors import plan_on_tensors  # noqa: PLC0415  (loads torch)

    return plan_on_tensors(parsed, options)


def _uses_tensors(parsed: ParsedRequest) -> bool:
    """Return whether a request needs tensors: values, a cotangent, or a function on tensors."""
    request = parsed.request
    contracted = request.cotangent is not None or request.tangent is not None
    programs = (*parsed.programs.values(), *(claim.program for claim in parsed.claims))
    return (
        bool(request.values)
        or contracted
        or request.accumulate != 1
        or any(uses_tensors(program) for program in programs)
    )


def _check_expect(expect: Mapping[str, tuple[str, ...]], engines: tuple[str, ...]) -> None:
    """Raise UsageError if an engine or a verdict that `expect` names does not exist."""
    available = tuple(dict.fromkeys((*names(), *engines)))
    labels = Verdict.labels()
    for engine, words in expect.items():
        base, _ = split(engine)
        if engine not in available and base not in available:
            message = f"expect: unknown engine {base[:40]!r}"
            hint = did_you_mean(base, available) or f"engines: {', '.join(available)}"
            raise UsageError(message, hint=hint)
        if engine not in available:
            check(engine)
        for word in words:
            if word not in labels:
                message = f"expect: unknown verdict {word[:40]!r}"
                hint = did_you_mean(word, labels) or f"verdicts: {', '.join(labels)}"
                raise UsageError(message, hint=hint)
