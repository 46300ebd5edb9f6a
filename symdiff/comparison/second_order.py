"""Plan second derivatives: one case for every input that is differentiated by first."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from symdiff.comparison.trial import Case
from symdiff.engines.base import Problem
from symdiff.errors import Unsupported, UsageError
from symdiff.program import Program
from symdiff.program.differentiation import SecondOrder, derivative_program
from symdiff.program.values import component_name
from symdiff.request.claims import Claimed
from symdiff.request.parsed import ParsedRequest

# Claims by the inner variable, and then by the variable.
SecondClaims = Mapping[str, Mapping[str, Program]]


def first_claims(parsed: ParsedRequest) -> tuple[Claimed, ...]:
    """Return the claims of a request for first derivatives.

    Raises
    ------
    UsageError
        One is for a second derivative.
    """
    for claim in parsed.claims:
        if claim.inner:
            message = f"a claim for {claim.key!r} is a second derivative, and order is 1"
            raise UsageError(message, hint="order = 2")
    return parsed.claims


def second_claims(parsed: ParsedRequest) -> SecondClaims:
    """Return the claims of a request for second derivatives.

    Raises
    ------
    UsageError
        The claims are a backward pass, or one of several inputs has a key with one input only.
    """
    if parsed.claims and not isinstance(parsed.request.claims, Mapping):
        message = "a backward pass has first derivatives, and order is 2"
        raise UsageError(message, hint='claims = { "x,y" = "..." }')
    claims: dict[str, dict[str, Program]] = {}
    for claim in parsed.claims:
        name = component_name(claim.variable, claim.index or ())
        if not claim.inner and len(parsed.program.inputs) > 1:
            message = f"a claim for {claim.key!r}: a second derivative has two variables"
            raise UsageError(message, hint=f'"{name},{name}" = ...')
        claims.setdefault(claim.inner or name, {})[name] = claim.program
    return claims


def second_order_cases(
    cases: Iterable[Case], inner: Sequence[str], claims: SecondClaims
) -> tuple[Case, ...]:
    """Return cases for the second derivatives of the functions of some cases.

    Parameters
    ----------
    cases
        The cases for first derivatives, without claims.
    inner
        The inputs that are differentiated by first.
    claims
        The asserted second derivatives.

    Raises
    ------
    UsageError
        A function has no derivative in the catalogue.
    """
    return tuple(
        dataclasses.replace(
            case,
            problem=_second(case.problem, name),
            claims={} if case.spelling else claims.get(name, {}),
        )
        for case in cases
        for name in inner
    )


def _second(problem: Problem, inner: str) -> Problem:
    """Return the problem of differentiating the derivative with respect to an input."""
    tensor_problem = problem.tensor_problem
    try:
        derivative = derivative_program(problem.program, inner)
        if tensor_problem is not None and tensor_problem.backward_formula is not None:
            formula = derivative_program(tensor_problem.backward_formula, inner)
            tensor_problem = dataclasses.replace(tensor_problem, backward_formula=formula)
    except Unsupported as error:
        message = f"no second derivatives: {error}"
        raise UsageError(message, hint="order = 1") from None
    second = SecondOrder(problem.program, inner)
    return dataclasses.replace(
        problem, program=derivative, second=second, tensor_problem=tensor_problem
    )
