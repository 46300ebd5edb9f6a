"""A request with its texts parsed, and the names in them checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from symdiff.errors import ExpressionError, UsageError, did_you_mean
from symdiff.program import Program, parse
from symdiff.program.traced import TracedProgram
from symdiff.request.binding import bind
from symdiff.request.claims import Claimed, check_inputs, read_claims
from symdiff.request.request import Request


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParsedRequest:
    """A request and the programs that its texts stand for.

    Attributes
    ----------
    request
        The request with its texts as they were given.
    program
        The expression as written.
    function
        The callable on torch tensors that stands for the expression, or None. It takes the
        program's inputs in their order.
    spellings
        Other programs for the same function, by name.
    claims
        The derivatives that the request asserts, to be checked.
    """

    request: Request
    program: Program
    function: Callable[..., Any] | None
    spellings: Mapping[str, Program]
    claims: tuple[Claimed, ...]

    @property
    def programs(self) -> dict[str, Program]:
        """The expression under "", and its spellings."""
        return {"": self.program, **self.spellings}

    def variables(self) -> tuple[str, ...]:
        """Return the inputs to differentiate with respect to.

        Raises
        ------
        UsageError
            `wrt` names something other than an input, or leaves out an input with a claim.
        """
        inputs, wrt = self.program.inputs, self.request.wrt
        variables = inputs if wrt is None else tuple(dict.fromkeys(wrt))
        for name in variables:
            if name not in inputs:
                message = f"the expression has no variable {name[:40]!r}"
                known = f"its variables: {', '.join(inputs) or 'none'}"
                raise UsageError(message, hint=did_you_mean(name, inputs) or known)
        for claim in self.claims:
            if claim.variable not in variables:
                message = f"there is a claim for {claim.variable!r}, but wrt leaves it out"
                raise UsageError(message, hint="add it to wrt")
        return variables


def parse_request(request: Request) -> ParsedRequest:
    """Parse the expression, its spellings and its claims.

    Raises
    ------
    InputError
        A text cannot be read, or a callable has no formula or other arguments than its formula.
    """
    let = request.let
    program, function = _program(request)
    return ParsedRequest(
        request=request,
        program=program,
        function=function,
        spellings={n: _spelling(n, text, program, let) for n, text in request.spellings.items()},
        claims=read_claims(request.claims, let, program.inputs, tuple(request.values)),
    )


def _program(request: Request) -> tuple[Program, Callable[..., Any] | None]:
    expression, formula = request.expression, request.math
    if isinstance(expression, str | Program):
        if formula is not None:
            message = "math is the formula of a callable, and the expression is not a callable"
            raise UsageError(message, hint="leave math out")
        function = expression.function if isinstance(expression, TracedProgram) else None
        return _parsed(expression, request.let), function
    if not callable(expression):
        message = (
            f"an expression is a string, a Program or a callable, not {type(expression).__name__}"
        )
        raise UsageError(message, hint='symdiff.compare("relu(x)")')
    if formula is None:
        message = "a callable needs its formula"
        raise UsageError(message, hint='symdiff.compare(f, math="x*sigmoid(x)")')
    program = _parsed(formula, request.let)
    return program, bind(expression, program.inputs, request.given)


def _parsed(expression: str | Program, let: Mapping[str, str]) -> Program:
    if isinstance(expression, Program):
        return expression
    try:
        return parse(expression, definitions=let)
    except ExpressionError as error:
        raise error.within(key="expr") if let else error from None


def _spelling(name: str, text: str, program: Program, let: Mapping[str, str]) -> Program:
    """Parse another program for the same function: an expression in the same variables."""
    try:
        other = parse(text, definitions=let)
        check_inputs(other, program.inputs)
    except ExpressionError as error:
        raise error.within(key=f"spelling {name}") from None
    return other
