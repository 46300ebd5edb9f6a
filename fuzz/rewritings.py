"""Programs whose derivatives follow from those of another program.

A rewriting returns another question, and what it does to the slopes. Both questions are asked;
where both are decided, the truths must correspond.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from hypothesis import strategies as st

from fuzz.points import Coordinate
from fuzz.product import Question, Word
from fuzz.trees import NUMBER, VARIABLE, Tree, call, number, variable

Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Rewriting:
    """A question and its counterpart.

    Attributes
    ----------
    name
        What was changed.
    question
        The other question.
    mirrors
        The variable whose sign was changed, or "".
    factor
        What the slopes are multiplied by.
    added
        What is added to the slopes along x0 at a point, as a function of its coordinate; None for
        nothing.
    renamed
        By variable of the first question, its name in the other.
    """

    name: str
    question: Question
    mirrors: str = ""
    factor: Fraction = Fraction(1)
    added: Callable[[float], float] | None = None
    renamed: tuple[tuple[str, str], ...] = ()

    def point_of(self, inputs: dict[str, Coordinate]) -> dict[str, Coordinate]:
        """Return the corresponding point of the other question."""
        names = dict(self.renamed)
        return {names.get(n, n): c.negated() if n == self.mirrors else c for n, c in inputs.items()}


def _mirror(_: Draw, q: Question, name: str) -> Rewriting:
    tree = q.tree.replaced(lambda t: call("negative", t) if t == variable(name) else None)
    at = {n: tuple(c.negated() for c in cs) if n == name else cs for n, cs in q.at.items()}
    return Rewriting("f(-x)", Question(tree, at), mirrors=name)


def _scale(draw: Draw, q: Question, _: str) -> Rewriting:
    k = draw(st.sampled_from((1, -1, 3, -7, 40, -40)))
    sign = draw(st.sampled_from((1, -1)))
    tree = call("multiply", number(sign * Fraction(2) ** k), q.tree)
    return Rewriting("a factor", Question(tree, q.at), factor=sign * Fraction(2) ** k)


_SMOOTH: Final[tuple[tuple[str, Callable[[Tree], Tree], Callable[[float], float]], ...]] = (
    ("7*x", lambda x: call("multiply", number(7), x), lambda _: 7.0),
    ("x**2", lambda x: call("square", x), lambda x: 2 * x),
    ("atan(x)", lambda x: call("atan", x), lambda x: 1 / (1 + x * x)),
)


def _add_smooth(draw: Draw, q: Question, name: str) -> Rewriting:
    text, tree, slope = draw(st.sampled_from(_SMOOTH))
    added = call("add", q.tree, tree(variable(name)))
    return Rewriting(f"adding {text}", Question(added, q.at), added=slope)


def _permute(_: Draw, q: Question, __: str) -> Rewriting:
    names = sorted(q.at)
    other = dict(zip(names, [*names[1:], names[0]], strict=True))
    tree = q.tree.replaced(lambda t: variable(other[t.name]) if t.function == VARIABLE else None)
    at = {other[n]: cs for n, cs in q.at.items()}
    return Rewriting("permuting the variables", Question(tree, at), renamed=tuple(other.items()))


def _inline(draw: Draw, q: Question, _: str) -> Rewriting:
    parts = [
        t for t in q.tree.nodes() if t.variables and t.function not in {VARIABLE, *_CONDITIONS}
    ]
    part = draw(st.sampled_from(parts)) if parts else q.tree
    named = q.tree.replaced(lambda t: variable("part") if t == part else None)
    question = Question(q.tree, q.at, let={"part": str(part)}, text=str(named))
    return Rewriting("a let", question)


_CONDITIONS: Final = frozenset({"less", "less_equal", "greater", "greater_equal", "equal", "not_equal",
                                "logical_and", "logical_or", "logical_not"})  # fmt: skip
_TWO, _ZERO, _HALF = number(2), number(0), call("divide", number(1), number(2))


def _half_sum(x: Tree, y: Tree, how: str) -> Tree:
    size = call("abs", call("subtract", x, y))
    return call("divide", call(how, call("add", x, y), size), _TWO)


# Other spellings of a function, equal where its arguments are defined.
SPELLINGS: Final[dict[str, tuple[Callable[..., Tree], ...]]] = {
    "maximum": (
        lambda x, y, *z: _rest("maximum", _half_sum(x, y, "add"), z),
        lambda x, y, *z: _rest("maximum", call("add", y, call("relu", call("subtract", x, y))), z),
        lambda x, y, *z: _rest("maximum", call("where", call("greater", x, y), x, y), z),
    ),
    "minimum": (
        lambda x, y, *z: _rest("minimum", _half_sum(x, y, "subtract"), z),
        lambda x, y, *z: _rest(
            "minimum",
            call("negative", call("maximum", call("negative", x), call("negative", y))),
            z,
        ),
    ),
    "abs": (
        lambda x: call("maximum", x, call("negative", x)),
        lambda x: call("sqrt", call("square", x)),
        lambda x: call("where", call("less", x, _ZERO), call("negative", x), x),
        lambda x: call("multiply", x, call("sign", x)),
        lambda x: call("copysign", x, number(1)),
    ),
    "relu": (
        lambda x: call("maximum", x, _ZERO),
        lambda x: call("multiply", x, call("heaviside", x, _HALF)),
        lambda x: call("clamp_min", x, _ZERO),
        lambda x: call("divide", call("add", x, call("abs", x)), _TWO),
        lambda x: call("threshold", x, _ZERO, _ZERO),
    ),
    "square": (lambda x: call("multiply", x, x), lambda x: call("power", x, _TWO)),
    "sqrt": (lambda x: call("power", x, _HALF),),
    "cbrt": (
        lambda x: call(
            "multiply",
            call("sign", x),
            call("power", call("abs", x), call("divide", number(1), number(3))),
        ),
    ),
    "reciprocal": (lambda x: call("power", x, number(-1)),),
    "hypot": (lambda x, y: call("sqrt", call("add", call("square", x), call("square", y))),),
    "sigmoid": (
        lambda x: call(
            "divide", call("add", number(1), call("tanh", call("divide", x, _TWO))), _TWO
        ),
    ),
    "subtract": (
        lambda x, y: call("add", x, call("negative", y)),
        lambda x, y: call("negative", call("subtract", y, x)),
    ),
    "add": (lambda x, y: call("add", y, x), lambda x, y: call("subtract", x, call("negative", y))),
    "multiply": (lambda x, y: call("multiply", y, x),),
    "divide": (lambda x, y: call("multiply", x, call("reciprocal", y)),),
    "tanhshrink": (lambda x: call("subtract", x, call("tanh", x)),),
    "floor": (lambda x: call("negative", call("ceil", call("negative", x))),),
    "frac": (lambda x: call("fmod", x, number(1)),),
    "cosh": (
        lambda x: call(
            "divide", call("add", call("exp", x), call("exp", call("negative", x))), _TWO
        ),
    ),
    "expm1": (lambda x: call("subtract", call("exp", x), number(1)),),
    "log1p": (lambda x: call("log", call("add", number(1), x)),),
    "softsign": (lambda x: call("divide", x, call("add", number(1), call("abs", x))),),
}


def _rest(function: str, first: Tree, others: tuple[Tree, ...]) -> Tree:
    return call(function, first, *others) if others else first


def _respell(draw: Draw, q: Question, _: str) -> Rewriting:
    parts = sorted({t for t in q.tree.nodes() if t.function in SPELLINGS}, key=str)
    if not parts:
        return _inline(draw, q, _)
    part = draw(st.sampled_from(parts))
    spelling = draw(st.sampled_from(SPELLINGS[part.function]))(*part.arguments)
    tree = q.tree.replaced(lambda t: spelling if t == part else None)
    name = "splitting a maximum" if part.function in {"maximum", "minimum"} else "another spelling"
    return Rewriting(f"{name} of {part.function}", Question(tree, q.at))


_ALL: Final = (_respell, _mirror, _scale, _add_smooth, _inline, _permute)


@st.composite
def rewritings(draw: Draw, question: Question) -> Rewriting:
    """Draw a rewriting of a question about numbers."""
    several = len(question.at) > 1
    how: Callable[[Draw, Question, str], Rewriting] = draw(
        st.sampled_from(_ALL if several else _ALL[:-1])
    )
    return how(draw, question, min(question.at))


def contradiction(rewriting: Rewriting, word: Word, other: Word) -> str:
    """Return how the truth of the other question does not correspond, or ""."""
    if "undecided" in (word.kind, other.kind):
        return ""
    # Whether a function is differentiable in all variables may be undecided: that is `partial` too.
    kinds = {word.kind, other.kind}
    if len(kinds) > 1 and kinds != {"smooth", "partial"}:
        return f"{word.truth}, but {other.truth} for {rewriting.question}"
    slopes = [word.left, word.right, word.derivative]
    if word.variable == rewriting.mirrors:
        slopes = [word.right, word.left, word.derivative]
    factor = float(rewriting.factor) * (-1 if word.variable == rewriting.mirrors else 1)
    added = 0.0
    if rewriting.added is not None and word.variable == min(word.inputs):
        added = rewriting.added(word.inputs[word.variable].nearest)
    for mine, theirs in zip(slopes, (other.left, other.right, other.derivative), strict=True):
        if (mine is None) != (theirs is None):
            return f"{word.truth}, but {other.truth} for {rewriting.question}"
        if mine is None or theirs is None or not math.isfinite(mine * factor):
            continue
        expected = mine * factor + added
        tolerance = 1e-12 * (abs(mine * factor) + abs(added)) + 1e-300
        if not abs(expected - theirs) <= tolerance:
            return f"{word.truth}, but {other.truth} for {rewriting.question}"
    return ""


def is_literal(tree: Tree) -> bool:
    """Return whether a tree is a number."""
    return tree.function == NUMBER
