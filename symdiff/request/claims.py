"""Derivatives that a person asserts: one expression each, or a manual backward pass.

A backward pass is a list of definitions, as one would type them; those named ``grad_w`` are
what is asserted of the input ``w``.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Final

from symdiff.errors import ExpressionError, Place, UsageError, did_you_mean
from symdiff.program import Input, Program, parse
from symdiff.program.limits import check_text
from symdiff.request.request import Claims

_PLACE: Final = r"\s*\d{1,9}\s*(?:,\s*\d{1,9}\s*)*(?:,\s*)?"
_KEY: Final = re.compile(
    rf"(?:\[({_PLACE}|\s*)\]\s*/\s*)?([A-Za-z]\w*)\s*(?:\[({_PLACE})\])?", re.ASCII
)
# name = text, or name[mask] = text
_DEFINITION: Final = re.compile(r"([A-Za-z]\w*)\s*(?:\[(.+?)\]\s*)?=(?!=)\s*(.+)", re.DOTALL)
GRADIENT: Final = "grad_"
_EXAMPLE: Final = 'claims = { w = "x.T @ g" }, or a list that ends in "grad_w = x.T @ g"'


@dataclasses.dataclass(frozen=True, slots=True)
class Claimed:
    """One derivative that is asserted.

    Attributes
    ----------
    key
        What it was given under, for messages.
    program
        What is asserted.
    variable, place
        The input, and the component of it; None: all.
    output
        The component of the expression's value; None: all.
    """

    key: str
    program: Program
    variable: str
    place: tuple[int, ...] | None = None
    output: tuple[int, ...] | None = None


def read_claims(
    claims: Claims,
    let: Mapping[str, str],
    inputs: Sequence[str],
    known: Sequence[str] = (),
) -> tuple[Claimed, ...]:
    r"""Read what is asserted.

    Parameters
    ----------
    claims
        For an input (``w``), a component of one (``w[2,1]``) or a pair with a component of the
        output (``[0]/w``) an expression; or definitions in order, as lines of a text or a list.
    let
        The expression's own definitions, which claims may use.
    inputs
        The inputs of the expression.
    known
        Other names that have a value.

    Raises
    ------
    InputError
        A key names no input, or a text is no expression in these names.

    Examples
    --------
    >>> read_claims("g = 2*x\ngrad_x = g + 1", {}, ["x"])[0].program.text
    'grad_x'
    """
    if isinstance(claims, Mapping):
        pairs = [(key, text, list(let.items())) for key, text in claims.items()]
    else:
        definitions = _definitions(claims)
        chain = [*let.items(), *definitions]
        defined = dict(definitions)
        pairs = [(name, GRADIENT + name, chain) for name in inputs if GRADIENT + name in defined]
        if claims and not pairs:
            message = "the backward pass ends in no gradient"
            names = " or ".join(GRADIENT + name for name in list(inputs)[:3])
            hint = f"name it {names}" if names else _EXAMPLE
            raise UsageError(message, place=Place(key="claims"), hint=hint)
    return tuple(_claimed(key, text, chain, inputs, known) for key, text, chain in pairs)


def _claimed(
    key: str,
    text: str,
    chain: list[tuple[str, str]],
    inputs: Sequence[str],
    known: Sequence[str],
) -> Claimed:
    match = _KEY.fullmatch(key.strip())
    if match is None:
        message = f"a claim for {key[:40]!r}"
        raise UsageError(message, hint="name an input, w[2,1], or [0]/w")
    output, name, place = match.groups()
    if name not in inputs:
        hint = did_you_mean(name, inputs) or f"its variables: {', '.join(inputs) or 'none'}"
        message = f"the expression has no variable {name[:40]!r}"
        raise UsageError(message, hint=hint)
    try:
        program = parse(text, definitions=chain)
        check_inputs(program, [*inputs, *known])
    except ExpressionError as error:
        raise error.within(key=f"claim {key}") from None
    return Claimed(key, program, name, _place(place), _place(output))


def _place(text: str | None) -> tuple[int, ...] | None:
    return None if text is None else tuple(int(n) for n in text.split(",") if n.strip())


def _definitions(claims: Sequence[str] | str) -> list[tuple[str, str]]:
    lines = claims.splitlines() if isinstance(claims, str) else list(claims)
    found: list[tuple[str, str]] = []
    for raw in lines:
        line = re.sub(r"#.*", "", raw).strip()  # an item of a list may have several lines
        if not line:
            continue
        match = _DEFINITION.fullmatch(line)
        if match is None:
            message = f"{line[:40]!r} defines nothing"
            raise UsageError(message, place=Place(key="claims"), hint=_EXAMPLE)
        name, mask, text = match.groups()
        found.append((name, text if mask is None else _filled(name, mask, text)))
    return found


def _filled(name: str, mask: str, text: str) -> str:
    """Return what grad_h[h < 0] = 0 leaves: here it is a new value under the old name.

    Raises
    ------
    ExpressionError
        The brackets of a part do not match: together they might.
    """
    for part in (mask, text):
        try:
            check_text(part)
        except ExpressionError as error:
            raise error.within(key=f"let {name}") from None
    return f"masked_fill({name}, ({mask}), ({text}))"


def check_inputs(program: Program, known: Sequence[str]) -> None:
    """Check that a program's variables are known ones.

    Raises
    ------
    ExpressionError
        One is not.
    """
    known = list(dict.fromkeys(known))
    strange = [name for name in program.inputs if name not in known]
    if not strange:
        return
    node = program.nodes.index(Input(strange[0]))
    span = program.spans[node][0]
    place = Place(text=program.sources[span.source].text, start=span.start, end=span.end)
    hint = did_you_mean(strange[0], known) or f"its variables: {', '.join(known) or 'none'}"
    message = f"{strange[0]!r} is no variable of the expression"
    raise ExpressionError(message, place=place, hint=hint)
