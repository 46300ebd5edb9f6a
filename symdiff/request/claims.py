"""Claims: derivatives that somebody asserts, as expressions or as a manual backward pass.

A backward pass is a list of definitions, as one would type them; the one named ``grad_w`` is the
claim for the input ``w``.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Final

from symdiff.errors import ExpressionError, Place, UsageError, did_you_mean
from symdiff.program import Input, Program, parse
from symdiff.program.limits import check_text
from symdiff.program.values import component_name
from symdiff.request.request import Claims

_INDEX: Final = r"\s*\d{1,9}\s*(?:,\s*\d{1,9}\s*)*(?:,\s*)?"
_KEY: Final = re.compile(
    rf"(?:\[({_INDEX}|\s*)\]\s*/\s*)?([A-Za-z]\w*)\s*(?:\[({_INDEX})\])?", re.ASCII
)
_BETWEEN_INPUTS: Final = re.compile(r",(?![^\[\]]*\])")  # a comma that is not inside an index
# name = text, or name[mask] = text
_DEFINITION: Final = re.compile(r"([A-Za-z]\w*)\s*(?:\[(.+?)\]\s*)?=(?!=)\s*(.+)", re.DOTALL)
GRADIENT: Final = "grad_"
_EXAMPLE: Final = 'claims = { w = "x.T @ g" }, or a list that ends in "grad_w = x.T @ g"'


@dataclasses.dataclass(frozen=True, slots=True)
class Claimed:
    """A derivative that is asserted.

    Attributes
    ----------
    key
        The key as typed, for messages: ``w``, ``w[2,1]`` or ``[0]/w``.
    program
        The asserted derivative.
    variable
        The input.
    index
        The multi-index of the input's component; None: all components.
    output
        The multi-index of the component of the expression's value; None: all components.
    inner
        For a second derivative ``x,y``, the input or the component that is differentiated by
        first; "" for a key with one input.
    """

    key: str
    program: Program
    variable: str
    index: tuple[int, ...] | None = None
    output: tuple[int, ...] | None = None
    inner: str = ""


def read_claims(
    claims: Claims,
    let: Mapping[str, str],
    inputs: Sequence[str],
    others: Sequence[str] = (),
) -> tuple[Claimed, ...]:
    r"""Parse claims.

    Parameters
    ----------
    claims
        A mapping from an input (``w``), a component of an input (``w[2,1]``) or a component of
        the output and an input (``[0]/w``) to an expression; or the definitions of a backward
        pass, as the lines of a text or as a list. The key of a second derivative has two inputs or
        components, in the order of differentiation: ``x,y``.
    let
        The expression's own definitions, which claims may use.
    inputs
        The inputs of the expression.
    others
        Other names that have a value.

    Raises
    ------
    InputError
        A key does not name an input, or a text is not an expression in these names.

    Examples
    --------
    >>> read_claims("g = 2*x\ngrad_x = g + 1", {}, ["x"])[0].program.text
    'grad_x'
    """
    if isinstance(claims, Mapping):
        definitions = list(let.items())
        texts = dict(claims)
    else:
        backward = _definitions(claims)
        definitions = [*let.items(), *backward]
        gradients = {name: GRADIENT + name for name in inputs}
        defined = dict(backward)
        texts = {name: text for name, text in gradients.items() if text in defined}
        if claims and not texts:
            message = "the backward pass defines no gradient"
            names = " or ".join(GRADIENT + name for name in list(inputs)[:3])
            hint = f"define {names}" if names else _EXAMPLE
            raise UsageError(message, place=Place(key="claims"), hint=hint)
    return tuple(_claimed(key, text, definitions, inputs, others) for key, text in texts.items())


def _claimed(
    key: str,
    text: str,
    definitions: list[tuple[str, str]],
    inputs: Sequence[str],
    others: Sequence[str],
) -> Claimed:
    *first, last = _BETWEEN_INPUTS.split(key.strip())
    matches = [_KEY.fullmatch(part.strip()) for part in (*first, last)]
    if not 1 <= len(matches) <= 2 or None in matches or (first and last.startswith("[")):
        message = f"{key[:40]!r} does not name a derivative"
        raise UsageError(message, hint="name an input: w, w[2,1] or [0]/w")
    parts = [match.groups() for match in matches if match is not None]
    for _, name, _ in parts:
        if name not in inputs:
            hint = did_you_mean(name, inputs) or f"its variables: {', '.join(inputs) or 'none'}"
            message = f"the expression has no variable {name[:40]!r}"
            raise UsageError(message, hint=hint)
    output, inner, inner_index = parts[0]
    _, name, index = parts[-1]
    try:
        program = parse(text, definitions=definitions)
        check_inputs(program, [*inputs, *others])
    except ExpressionError as error:
        raise error.within(key=f"claim {key}") from None
    before = component_name(inner, _multi_index(inner_index) or ()) if first else ""
    return Claimed(key, program, name, _multi_index(index), _multi_index(output), before)


def _multi_index(text: str | None) -> tuple[int, ...] | None:
    return None if text is None else tuple(int(n) for n in text.split(",") if n.strip())


def _definitions(claims: Sequence[str] | str) -> list[tuple[str, str]]:
    lines = claims.splitlines() if isinstance(claims, str) else list(claims)
    definitions: list[tuple[str, str]] = []
    for raw in lines:
        line = re.sub(r"#.*", "", raw).strip()  # also inside items of several lines
        if not line:
            continue
        match = _DEFINITION.fullmatch(line)
        if match is None:
            message = f"{line[:40]!r} is not a definition"
            raise UsageError(message, place=Place(key="claims"), hint=_EXAMPLE)
        name, mask, text = match.groups()
        definitions.append((name, text if mask is None else _filled(name, mask, text)))
    return definitions


def _filled(name: str, mask: str, text: str) -> str:
    """Return ``grad_h[h < 0] = 0`` as an expression: a new value for the name.

    Raises
    ------
    ExpressionError
        The brackets of `mask` or of `text` do not match. Each is checked before they are joined:
        an unmatched bracket of one might match one of the other.
    """
    for part in (mask, text):
        try:
            check_text(part)
        except ExpressionError as error:
            raise error.within(key=f"let {name}") from None
    return f"masked_fill({name}, ({mask}), ({text}))"


def check_inputs(program: Program, names: Sequence[str]) -> None:
    """Check that a program has no other variables than `names`.

    Raises
    ------
    ExpressionError
        It has another one; the message shows where.
    """
    names = list(dict.fromkeys(names))
    unknown = [name for name in program.inputs if name not in names]
    if not unknown:
        return
    node = program.nodes.index(Input(unknown[0]))
    span = program.spans[node][0]
    place = Place(text=program.sources[span.source].text, start=span.start, end=span.end)
    hint = did_you_mean(unknown[0], names) or f"its variables: {', '.join(names) or 'none'}"
    message = f"unknown variable {unknown[0]!r}"
    raise ExpressionError(message, place=place, hint=hint)
