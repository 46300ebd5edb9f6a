"""Documented rules on what a derivative is where there is a choice, and what follows them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from symdiff.atlas.rows import Answer, Number, Row
from symdiff.catalogue import CATALOGUE
from symdiff.program import parse
from symdiff.truth.kinds import Kind
from symdiff.verdict.gradients import SHORTEST
from symdiff.verdict.words import Verdict

# Relative tolerance within which a number is the one that a rule predicts.
_EQUAL: Final = 1e-6
_SUBGRADIENTS: Final = frozenset({Verdict.SUBGRADIENT.label, Verdict.NOT_SUBGRADIENT.label})


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """A documented rule.

    Attributes
    ----------
    name
        What it is called in tables.
    library
        What its library is called in tables; "" if it has none here.
    text
        What it says, in a sentence.
    source
        Where it is documented, with the section.
    url
        The address of that.
    is_followed
        Returns whether an answer is what the rule predicts; None where the rule does not apply, or
        where that is not known.
    """

    name: str
    library: str
    text: str
    source: str
    url: str
    is_followed: Callable[[Row, Answer], bool | None]


def torch_predicts(row: Row, answer: Answer) -> bool | None:
    """Return whether an answer is the subgradient of least norm, where the judge knows that.

    The judge knows where a function of one variable is convex or concave. The gradient of several
    variables may be the shortest of all; where it is not, the function need not be convex.
    """
    del row
    if answer.verdict not in _SUBGRADIENTS:
        return None
    phrases = [phrase.strip() for phrase in answer.detail.split(";")]
    if SHORTEST in phrases:
        return True
    says = next((p.rpartition(" says ")[2] for p in phrases if " says " in p), None)
    return None if says is None else says == "so"


def mean_predicts(row: Row, answer: Answer) -> bool | None:
    """Return whether an answer is the mean of the slopes at a kink of maximum or minimum."""
    if row.kind != Kind.KINK.label or answer.verdict not in _SUBGRADIENTS or not _has_tie(row):
        return None
    return is_close(answer.value, (_number(row.left) + _number(row.right)) / 2)


def _has_tie(row: Row) -> bool:
    """Return whether a call takes the larger or the smaller of two numbers, once."""
    calls = [call for _, call in parse(row.text).calls()]
    return sum(CATALOGUE[call.function].variadic for call in calls) == 1


def chain_rules_value(row: Row) -> float | None:
    """Return the number that the rules of the page of ChainRules lead to; None where none does.

    0 at a local minimum or maximum; the derivative on the side that is defined, or finite; the
    mean of the slopes at other kinks; 0 at the jump of a step. The page is about functions of one
    variable.

    Examples
    --------
    >>> from symdiff.atlas.rows import Row
    >>> row = Row(function="relu", text="relu(x)", output="", variable="x", at="x=0", order=1,
    ...           kind="kink", left=0.0, right=1.0, derivative=None)
    >>> chain_rules_value(row)
    0.0
    """
    if row.order > 1 or "," in row.at:
        return None
    left, right = _number(row.left), _number(row.right)
    finite = [x for x in (left, right) if math.isfinite(x)]
    if row.kind == Kind.EDGE.label:
        return None if row.derivative is None else _number(row.derivative)
    if row.kind == Kind.JUMP.label:
        return 0.0 if finite and not any(finite) else None
    if row.kind not in {Kind.KINK.label, Kind.VERTICAL.label}:
        return None
    at_optimum = 0.0 if left * right <= 0 else None
    mean = sum(finite) / len(finite) if finite else None
    return left if left == right else mean if at_optimum is None else at_optimum


def chain_rules_predict(row: Row, answer: Answer) -> bool | None:
    """Return whether an answer is the number of `chain_rules_value`."""
    value = chain_rules_value(row)
    return None if value is None else is_close(answer.value, value)


CHAIN_RULES: Final = Rule(
    "ChainRules",
    "",
    "0 at local optima; the slope of the only side that is defined, or finite; the mean at other"
    " kinks; 0 for steps",
    'ChainRules.jl, "What to return for non-differentiable points", section "Conclusion"',
    "https://juliadiff.org/ChainRulesCore.jl/stable/maths/nondiff_points.html#Conclusion",
    chain_rules_predict,
)
_TIES: Final = "the mean at ties of maximum and minimum, by symmetry"
# By library, the rule that its documentation or its authors state.
BY_LIBRARY: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "torch": Rule(
            "torch's rule",
            "PyTorch",
            "the subgradient of least norm where the function is convex, the supergradient of"
            " least norm where it is concave",
            'PyTorch, "Autograd mechanics", section "Gradients for non-differentiable functions"',
            "https://docs.pytorch.org/docs/stable/notes/autograd.html"
            "#gradients-for-non-differentiable-functions",
            torch_predicts,
        ),
        "jax": Rule(
            "JAX's rule",
            "JAX",
            _TIES,
            "JAX, pull request 2342, its description; 0 for relu at 0: the page of jax.nn.relu",
            "https://github.com/jax-ml/jax/pull/2342",
            mean_predicts,
        ),
        "autograd": Rule(
            "autograd's rule",
            "HIPS autograd",
            _TIES,
            "JAX, pull request 2342, its description: an old convention of autograd",
            "https://github.com/jax-ml/jax/pull/2342",
            mean_predicts,
        ),
    }
)


def is_close(value: Number, expected: float) -> bool:
    """Return whether a number of an answer is the expected one."""
    if value is None:
        return False
    number = float(value)
    return number == expected or abs(number - expected) <= _EQUAL * abs(expected)


def _number(value: Number) -> float:
    return math.nan if value is None else float(value)
