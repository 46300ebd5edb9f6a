"""Random programs over the whole catalogue, as strategies of hypothesis.

Simple choices come first, so that hypothesis shrinks to them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final

from hypothesis import strategies as st

from fuzz.points import Coordinate
from fuzz.trees import NUMBER, Tree, call, number, variable
from symdiff.catalogue import CATALOGUE, Function, Parameter

Draw = Callable[[st.SearchStrategy[Any]], Any]

_CONSTANTS: Final = ("0", "1", "2", "-1", "1/2", "-3/2", "1/3", "3", "0.1")
# Constants for parameters that do not take every number, by function and parameter.
_FITTING: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("polygamma", "n"): ("1", "2"),
    ("bessel_i", "n"): ("0", "1", "2"),
    ("round", "decimals"): ("0", "1", "-1"),
    ("softplus", "beta"): ("1", "2", "0.5"),
    ("softplus", "threshold"): ("20", "1"),
    ("celu", "alpha"): ("1", "2", "0.5"),
    ("elu", "alpha"): ("1", "2", "0.5"),
    ("hardshrink", "lambd"): ("0.5", "1", "0"),
    ("softshrink", "lambd"): ("0.5", "1", "0"),
    ("hardtanh", "min_val"): ("-1", "-2", "0"),
    ("hardtanh", "max_val"): ("1", "2", "0.5"),
    ("rrelu", "lower"): ("0.125", "0.25"),
    ("rrelu", "upper"): ("0.5", "1"),
}
_COMPARISONS: Final = tuple(n for n, r in CATALOGUE.items() if r.role == "comparison")
# Functions of numbers, and how often each is drawn beyond once.
_MORE: Final = {
    "add": 6, "multiply": 6, "subtract": 5, "divide": 4, "abs": 8, "maximum": 8, "minimum": 4,
    "where": 7, "relu": 4, "sqrt": 3, "power": 4, "clamp": 2, "log": 1, "square": 2, "ifelse": 2,
    "floor": 1, "sign": 1, "xlogy": 1, "hypot": 1,
}  # fmt: skip
REAL_ROWS: Final = tuple(
    row for row in CATALOGUE.values() if row.array is None and row.returns == "real"
)
SMOOTH: Final = ("add", "multiply", "subtract", "divide", "negative", "sin", "cos", "exp", "log",
                 "sqrt", "tanh", "atan", "square", "log1p", "expm1", "sinh", "cosh", "tan")  # fmt: skip
# Functions that are polynomials on finitely many pieces, and continuous.
PIECEWISE: Final = ("add", "subtract", "abs", "maximum", "minimum", "relu", "multiply", "negative",
                    "clamp", "leaky_relu", "square", "hardtanh", "softshrink", "relu6", "where")  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Language:
    """Which programs are drawn.

    Attributes
    ----------
    rows
        The functions, each as often as it is drawn relative to the others.
    point
        The coordinates at which switches vanish.
    continuous
        Whether conditions select between branches that meet.
    """

    rows: tuple[Function, ...]
    point: Mapping[str, Coordinate]
    continuous: bool = False


def language(point: Mapping[str, Coordinate], names: tuple[str, ...] | None = None) -> Language:
    """Return the language of the whole catalogue, or of some functions."""
    if names is not None:
        return Language(tuple(CATALOGUE[n] for n in names), point)
    rows = [row for row in REAL_ROWS for _ in range(1 + _MORE.get(row.name, 0))]
    return Language(tuple(sorted(rows, key=_complexity)), point)


def _complexity(row: Function) -> tuple[bool, str]:
    return row.name not in _MORE, row.name


@st.composite
def numbers(draw: Draw, spoken: Language, depth: int) -> Tree:
    """Draw a program whose value is a number."""
    if depth <= 0 or draw(st.integers(0, 9)) == 0:
        return leaf(draw, spoken)
    return row_call(draw, draw(st.sampled_from(spoken.rows)), spoken, depth)


def leaf(draw: Draw, spoken: Language) -> Tree:
    """Draw a variable, a constant, or an expression that vanishes at the point."""
    kind = draw(st.sampled_from(("variable", "vanishing", "vanishing", "vanishing", "constant")))
    if kind == "constant":
        return constant(draw(st.sampled_from(_CONSTANTS)))
    name = draw(st.sampled_from(sorted(spoken.point)))
    return variable(name) if kind == "variable" else vanishing(draw, spoken, name)


def constant(text: str) -> Tree:
    """Return a number as a program."""
    return Tree(NUMBER, name=text) if "." in text else number(Fraction(text))


def vanishing(draw: Draw, spoken: Language, name: str) -> Tree:
    """Draw an expression that is 0, 1 or -1 at the point."""
    x, at = variable(name), spoken.point[name].tree
    shifted = call("subtract", x, at)
    forms = [
        shifted,
        shifted,
        call("add", shifted, number(1)),
        call("subtract", shifted, number(1)),
    ]
    if len(spoken.point) > 1:
        other = draw(st.sampled_from([n for n in sorted(spoken.point) if n != name]))
        second = call("subtract", variable(other), spoken.point[other].tree)
        forms += [call("subtract", shifted, second), call("add", shifted, second)]
        forms.append(call("add", shifted, call("multiply", number(2), second)))
    allowed = {row.name for row in spoken.rows}
    if "square" in allowed:
        forms.append(call("square", shifted))
        forms.append(call("subtract", call("square", x), call("square", at)))
    if "abs" in allowed:
        forms.append(call("subtract", call("abs", x), call("abs", at)))
    forms += [call(f, shifted) for f in ("sin", "expm1") if f in allowed]
    form: Tree = draw(st.sampled_from(forms))
    return form


def row_call(draw: Draw, row: Function, spoken: Language, depth: int) -> Tree:
    """Draw a call of a function of the catalogue, from its signature."""
    if spoken.continuous and row.name == "where":
        return _meeting_branches(draw, spoken, depth)
    arguments: list[Tree] = []
    keywords: list[str] = []
    settings: dict[str, Any] = {}
    skipped = False
    for parameter in row.parameters:
        if parameter.default is not None and not draw(st.booleans()):
            skipped = True
            continue
        if parameter.kind == "choice":
            settings[parameter.keyword] = draw(st.sampled_from(parameter.choices))
            continue
        arguments.append(_argument(draw, row, parameter, spoken, depth - 1))
        if skipped:
            keywords.append(parameter.keyword)
    if row.variadic and draw(st.integers(0, 4)) == 4:
        arguments.append(draw(numbers(spoken, depth - 2)))
    return Tree(row.name, tuple(arguments), tuple(settings.items()), keywords=tuple(keywords))


def _argument(
    draw: Draw, row: Function, parameter: Parameter, spoken: Language, depth: int
) -> Tree:
    if parameter.kind == "condition":
        return condition(draw, spoken, depth)
    fitting = _FITTING.get((row.name, parameter.name))
    if parameter.kind == "number" or fitting:
        return constant(draw(st.sampled_from(fitting or _CONSTANTS)))
    if row.is_power and parameter.name == "exponent" and draw(st.integers(0, 3)):
        return constant(draw(st.sampled_from(("2", "3", "1/2", "-1", "0", "1/3", "1.5", "-2"))))
    argument: Tree = draw(numbers(spoken, depth))
    return argument


def condition(draw: Draw, spoken: Language, depth: int) -> Tree:
    """Draw a comparison, or a combination of two."""
    kind = draw(st.sampled_from(("comparison",) * 5 + ("logical_and", "logical_or", "logical_not")))
    if kind == "comparison" or depth <= 0:
        function = draw(st.sampled_from(_COMPARISONS))
        second = draw(
            st.sampled_from(("0", "0", "1", "-1", "1/2")).map(constant) | numbers(spoken, depth - 1)
        )
        return call(function, draw(numbers(spoken, depth - 1)), second)
    first = condition(draw, spoken, depth - 1)
    return (
        call(kind, first)
        if kind == "logical_not"
        else call(kind, first, condition(draw, spoken, depth - 1))
    )


def _meeting_branches(draw: Draw, spoken: Language, depth: int) -> Tree:
    """Draw where(s > 0, a, a + s·b): the branches meet where s is 0."""
    switch = draw(numbers(spoken, 0))
    first = draw(numbers(spoken, depth - 1))
    factor = draw(numbers(spoken, depth - 2))
    comparison = call(draw(st.sampled_from(("greater", "less", "less_equal"))), switch, number(0))
    return call("where", comparison, first, call("add", first, call("multiply", switch, factor)))
