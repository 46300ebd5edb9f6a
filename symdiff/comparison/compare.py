"""One expression compared: what was asked is read, planned, tried, and kept as evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.symbolic import in_one_order
from symdiff.comparison.columns import Columns, columns_of
from symdiff.comparison.evidence import Evidence, LeftOut, Options
from symdiff.comparison.long_range import Streamed, stream
from symdiff.comparison.plan import Plan, Question, plan_on_numbers
from symdiff.comparison.trial import attempt, diagnose_jacobians
from symdiff.engines.claim import CLAIM
from symdiff.engines.registry import check, names
from symdiff.errors import ExpressionError, InputError, UsageError, did_you_mean
from symdiff.grid.points import Spec
from symdiff.program import Program, parse
from symdiff.program.values import component_names, uses_tensors
from symdiff.request.claims import Claims, check_inputs, read_claims
from symdiff.request.request import Entry
from symdiff.verdict.judge import VERDICTS

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
# What numpy does about numbers that are none, whatever the caller has it do.
_USUAL: Final[Mapping[str, Any]] = MappingProxyType(
    {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
)


def compare_program(  # noqa: PLR0913  (the library call's own arguments)
    expression: str | Program | Callable[..., Any],
    grid: Mapping[str, Spec] | None = None,
    *,
    options: Options,
    at: Mapping[str, Spec] | None = None,
    math: str | Program | None = None,
    wrt: Sequence[str] | None = None,
    claims: Claims = _NOTHING,
    spellings: Mapping[str, str] = _NOTHING,
    let: Mapping[str, str] = _NOTHING,
    values: Mapping[str, Any] = _NOTHING,
    cotangent: Any = None,  # noqa: ANN401  (numbers, or an expression)
    tangent: Mapping[str, Any] | None = None,
    accumulate: int = 1,
    entry: Entry | None = None,
) -> Evidence:
    """Run every engine on one expression.

    Parameters
    ----------
    expression
        Text, a Program, or a callable on torch tensors, whose formula is `math`.
    grid, at
        Points along each variable, to which kinks are added, and to which nothing is.
    options
        How to compare.
    math
        The formula of a callable.
    wrt
        The variables to differentiate with respect to; None: all inputs.
    claims
        Derivatives that somebody asserts; see `read_claims`.
    spellings
        Other programs for the same function, by name.
    let
        Named sub-expressions.
    values
        For every tensor its value.
    cotangent, tangent, accumulate
        As in `Question`.
    entry
        Where all this was read from, if it was a file.

    Raises
    ------
    InputError
        Something cannot be used: it says what.
    """
    program, function = _program(expression, math, let)
    engines = tuple(dict.fromkeys(options.engines))
    for engine in engines:
        check(engine)
    question = Question(
        program=program,
        spellings={name: _spelling(name, text, program, let) for name, text in spellings.items()},
        function=function,
        grid=grid or {},
        at=at,
        wrt=wrt,
        claims=read_claims(claims, let, program.inputs, tuple(values)),
        values=values,
        cotangent=cotangent,
        tangent=tangent,
        accumulate=accumulate,
    )
    name = entry.name if entry else program.text
    with in_one_order(), np.errstate(**_USUAL):
        plan = _planned(question, options)
        found = _tried(plan, options, columns_of(options.columns, name))
    trials = found.trials
    if plan.cases and plan.tensors is not None:
        by_input = {n: tuple(component_names(n, shape)) for n, shape in plan.tensors.wrt.items()}
        diagnose_jacobians(trials, by_input)
    return Evidence(
        name=name,
        program=program,
        variables=plan.variables,
        grid=found.grid,
        engines=(*engines, CLAIM) if question.claims else engines,
        trials=trials,
        tolerance=options.tolerance,
        expect=_checked_expect(entry.expect) if entry else {},
        strict=options.strict,
        source=entry.source if entry else "",
        note=entry.note if entry else "",
        file=entry.file if entry else None,
        tensors=plan.tensors,
        left_out=found.left_out,
    )


def _tried(plan: Plan, options: Options, columns: Columns | None) -> Streamed:
    if plan.line is not None:
        return stream(plan.cases, plan.grid, plan.line, options, columns)
    trials = plan.trials or tuple(attempt(case, plan.grid, options) for case in plan.cases)
    if columns is not None and plan.tensors is None:
        columns.append(plan.grid, trials)
    return Streamed(plan.grid, trials, LeftOut())


def _planned(question: Question, options: Options) -> Plan:
    if not _is_on_tensors(question):
        return plan_on_numbers(question, options)
    from symdiff.comparison.tensor_plan import plan_on_tensors  # noqa: PLC0415  (loads torch)

    return plan_on_tensors(question, options)


def _is_on_tensors(question: Question) -> bool:
    contracted = question.cotangent is not None or question.tangent is not None
    given = bool(question.values) or contracted or question.accumulate != 1
    programs = (*question.programs.values(), *(claim.program for claim in question.claims))
    return given or any(uses_tensors(program) for program in programs)


def compare_entry(entry: Entry, options: Options) -> Evidence:
    """Run every engine on one entry of an expression file.

    Raises
    ------
    InputError
        With the entry's place.
    """
    try:
        return compare_program(
            entry.expr,
            entry.grid,
            options=options,
            wrt=entry.wrt or None,
            claims=entry.claims,
            spellings=entry.spellings,
            let=entry.let,
            values=entry.values,
            cotangent=entry.cotangent,
            tangent=entry.tangent,
            accumulate=entry.accumulate,
            entry=entry,
        )
    except InputError as error:
        raise entry.blame(error) from None


def _program(
    expression: str | Program | Callable[..., Any],
    math: str | Program | None,
    let: Mapping[str, str],
) -> tuple[Program, Callable[..., Any] | None]:
    if isinstance(expression, str | Program):
        if math is not None:
            message = "math is the formula of a callable, and the expression is none"
            raise UsageError(message, hint="leave math out")
        return _parsed(expression, let), None
    if not callable(expression):
        message = (
            f"an expression is a text, a Program or a callable, not {type(expression).__name__}"
        )
        raise UsageError(message, hint='symdiff.compare("relu(x)")')
    if math is None:
        message = "a callable needs its formula"
        raise UsageError(message, hint='symdiff.compare(f, math="x*sigmoid(x)")')
    return _parsed(math, let), expression


def _parsed(expression: str | Program, let: Mapping[str, str]) -> Program:
    if isinstance(expression, Program):
        return expression
    try:
        return parse(expression, definitions=let)
    except ExpressionError as error:
        raise error.within(key="expr") if let else error from None


def _spelling(name: str, text: str, program: Program, let: Mapping[str, str]) -> Program:
    """Read another program for the same function: an expression in the same names."""
    try:
        other = parse(text, definitions=let)
        check_inputs(other, program.inputs)
    except ExpressionError as error:
        raise error.within(key=f"spelling {name}") from None
    return other


def _checked_expect(expect: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    for engine, words in expect.items():
        if engine not in (*names(), CLAIM):
            message = f"expect: unknown engine {engine[:40]!r}"
            hint = did_you_mean(engine, names()) or f"engines: {', '.join(names())}"
            raise UsageError(message, hint=hint)
        for word in words:
            if word not in VERDICTS:
                message = f"expect: unknown verdict {word[:40]!r}"
                hint = did_you_mean(word, VERDICTS) or f"verdicts: {', '.join(VERDICTS)}"
                raise UsageError(message, hint=hint)
    return expect
