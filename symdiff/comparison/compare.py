"""Compare one expression: parse, build the grid, run the engines, judge, explain."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.symbolic import deterministic_sympy
from symdiff.comparison.evidence import ColumnWriter, Evidence, LeftOut, proof_options_of
from symdiff.comparison.long_range import Streamed, stream
from symdiff.comparison.scalars import Plan, plan_on_numbers
from symdiff.comparison.trial import attempt, explained, with_jacobian_diagnoses
from symdiff.engines.registry import check, names
from symdiff.errors import InputError, UsageError, did_you_mean
from symdiff.program.values import component_names, uses_tensors
from symdiff.request.options import Options
from symdiff.request.parsed import ParsedRequest, parse_request
from symdiff.request.request import Request
from symdiff.verdict.words import Verdict

# numpy's defaults, whatever the caller has set.
_ERROR_STATE: Final[Mapping[str, Any]] = MappingProxyType(
    {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
)


def compare(
    request: Request, options: Options, writer: Callable[[str], ColumnWriter] | None = None
) -> Evidence:
    """Run every engine on one expression, and judge what they return.

    Parameters
    ----------
    request
        What is compared.
    options
        How it is compared.
    writer
        Returns a writer for the columns of the expression with a name; None: columns are not
        written.

    Raises
    ------
    InputError
        The request cannot be used: the message says what, where, and what to type next.

    Examples
    --------
    >>> evidence = compare(Request(expression="x**2"), Options(engines=["central"]))
    >>> evidence.name, evidence.ok
    ('x**2', True)
    """
    try:
        return _compared(request, options, writer)
    except InputError as error:
        raise request.label.locate(error) from None


def _compared(
    request: Request, options: Options, writer: Callable[[str], ColumnWriter] | None
) -> Evidence:
    engines = tuple(dict.fromkeys(options.engines))
    for engine in engines:
        check(engine)
    parsed = parse_request(request)
    label = dataclasses.replace(request.label, name=request.label.name or parsed.program.text)
    with deterministic_sympy(), np.errstate(**_ERROR_STATE):
        plan = _planned(parsed, options)
        tried = _tried(plan, options, None if writer is None else writer(label.name))
        trials = tried.trials
        if plan.cases and plan.tensors is not None:
            shapes = plan.tensors.wrt.items()
            components = {n: tuple(component_names(n, shape)) for n, shape in shapes}
            trials = with_jacobian_diagnoses(trials, components)
        trials = tuple(explained(trial, tried.grid) for trial in trials)
    claims = (name for trial in trials for name in trial.samples)
    engines = tuple(dict.fromkeys((*engines, *claims)))
    _check_expect(label.expect, engines)
    return Evidence(
        label=label,
        options=options,
        program=parsed.program,
        variables=plan.variables,
        grid=tried.grid,
        engines=engines,
        trials=trials,
        tensors=plan.tensors,
        left_out=tried.left_out,
    )


def _tried(plan: Plan, options: Options, columns: ColumnWriter | None) -> Streamed:
    if plan.line is not None:
        return stream(plan.cases, plan.grid, plan.line, options, columns)
    proofs = proof_options_of(options)
    trials = plan.trials or tuple(attempt(case, plan.grid, options, proofs) for case in plan.cases)
    if columns is not None and plan.tensors is None:
        columns.append(plan.grid, trials)
    return Streamed(plan.grid, trials, LeftOut())


def _planned(parsed: ParsedRequest, options: Options) -> Plan:
    if not _is_on_tensors(parsed):
        return plan_on_numbers(parsed, options)
    from symdiff.comparison.tensors import plan_on_tensors  # noqa: PLC0415  (loads torch)

    return plan_on_tensors(parsed, options)


def _is_on_tensors(parsed: ParsedRequest) -> bool:
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
    known = tuple(dict.fromkeys((*names(), *engines)))
    for engine, words in expect.items():
        if engine not in known:
            message = f"expect: unknown engine {engine[:40]!r}"
            hint = did_you_mean(engine, known) or f"engines: {', '.join(known)}"
            raise UsageError(message, hint=hint)
        labels = Verdict.labels()
        for word in words:
            if word not in labels:
                message = f"expect: unknown verdict {word[:40]!r}"
                hint = did_you_mean(word, labels) or f"verdicts: {', '.join(labels)}"
                raise UsageError(message, hint=hint)
