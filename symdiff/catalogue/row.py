"""What a row of the function catalogue says: one function, all its names, every meaning.

A row is either *primitive* (it has a column for every arithmetic) or *defined* (its
`definition` is an expression in other rows, and an arithmetic that has no column of its own
reads that).  The text of definitions, domains and switches is the catalogue's own language,
in the names of the row's parameters.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast

from symdiff import libraries

T = TypeVar("T")
# A number of whichever arithmetic reads the program: only the arithmetic knows its type.
Value = Any
Column = str | Callable[..., Any] | None
Kind = Literal[
    "real", "any", "number", "condition", "choice", "dim", "flag", "integer", "size", "shape",
    "index", "fixed", "tensors", "indices",
]  # fmt: skip
# Kinds of parameter that say how a function works: no arithmetic has a number for them.
SETTINGS = frozenset({"choice", "dim", "flag", "integer", "size", "shape", "index", "fixed"})
Constants = tuple[int | float | None, ...]
Role = Literal["arithmetic", "comparison", "logic", "choice", "step", "hold", "list", "smooth"]

# torch calls the first and the second operand of most functions so.
_TORCH_KEYWORDS = {"x": "input", "y": "other"}


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function.

    Attributes
    ----------
    name
        The name used in definitions; `keyword` is what users type.
    kind
        `real`: a number or an expression, a tensor for torch. `any`: the same, but torch
        takes a plain number as it is. `number`: a constant. `condition`: a comparison.
        `choice`: one of the words in `choices`. Of functions on tensors: `dim`, a dimension or
        several; `flag`, True or False; `integer`; `size`, an integer or one for each dimension;
        `shape`, several integers; `index`, what stands in ``x[...]``; `fixed`, a constant number
        taken as it is; `tensors`, a list of expressions; `indices`, integers.
    default
        Text that stands for an argument not given; None where one must be given.
        Torch is called with what the user gave and keeps its own defaults.
    """

    name: str
    kind: Kind = "real"
    default: str | None = None
    choices: tuple[str, ...] = ()

    @property
    def keyword(self) -> str:
        """The keyword that torch has for this parameter."""
        return _TORCH_KEYWORDS.get(self.name, self.name)

    @property
    def is_setting(self) -> bool:
        """Whether it says how the function works, and is no number."""
        return self.kind in SETTINGS

    @property
    def has_default_expression(self) -> bool:
        """Whether `default` is an expression that stands for an argument not given."""
        return self.default is not None and self.kind != "choice"

    @property
    def fallback(self) -> Any:  # whatever the setting is
        """What a setting is where it is not given."""
        if self.default is None or self.kind == "choice":
            return self.default
        return ast.literal_eval(self.default)


@dataclasses.dataclass(frozen=True, slots=True)
class Crossing:
    """An expression whose integer values are where a function jumps or has poles.

    `highest` bounds the integers from above (gamma has no pole right of zero).
    """

    text: str
    highest: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Function:
    """One function of the catalogue.

    Attributes
    ----------
    name, aliases
        What users type; unique over the catalogue.
    signature
        The parameters, in order: ``name``, ``name: kind``, ``name: kind = default``.
    group
        The heading it stands under in tables.
    formula
        The meaning in a few characters of mathematics, for people.
    operator
        The Python operator that spells it, if one does.
    definition
        The meaning as an expression in other rows; by the value of the row's `choice`
        parameter where it has one.
    sympy, numpy, torch, ball
        A dotted name in that library, or a callable. `ball` maps `arb` balls to one that
        encloses every value (of the part of the domain inside the arguments).
    array
        What a function on tensors does, as a callable of `Elements` and its arguments; None for
        a function that goes component by component.
    backward_formula
        As `array`, in the formula that torch's backward pass goes by, where that loses digits that
        `array` keeps: it says what rounding may do.
    derivative
        The derivative as an expression in other rows, in the names of the row's parameters and
        `result`, the function's own value; where torch's backward formula loses digits, that
        formula. For several parameters one text each, None where there is none.
    domain
        The condition under which the function is defined over the reals.
    switches
        Expressions whose zeros hold every kink, jump, pole and end of domain; None: those of
        the definition, or of the domain's comparisons. A callable gets the arguments that are
        constants (None for the others).
    crossings
        Expressions whose integer values do.
    returns
        `real`, or `condition` for comparisons and logic.
    variadic
        More arguments than two fold to the left: ``max(a, b, c)``.
    role
        What the function does; whoever treats some functions in a way of their own asks this.

        `arithmetic`: adds, subtracts, multiplies, divides, negates, or raises to a power.
        `comparison`: compares two numbers and returns a condition.
        `logic`: joins conditions, or returns the number 1 or 0 for one.
        `choice`: returns one of two expressions, as a condition says.
        `step`: is constant between its jumps.
        `hold`: returns its argument as a constant: the derivative is 0.
        `list`: makes a list of tensors for a function that takes several.
        `smooth`: every other function: smooth where none of its switches vanishes.
    runs_one_branch
        Whether only the branch that the condition selects is evaluated.
    piecewise_affine
        Whether it is continuous, and between its kinks an affine function of all real arguments.
    zero_at
        The number v with: the function is 0 where its first argument is v, and nowhere else.
        None: there is none, or nobody needs it.
    is_method
        Whether a tensor has a method of that name with the same meaning.
    """

    name: str
    signature: str
    _: dataclasses.KW_ONLY
    group: str = ""
    formula: str = ""
    aliases: tuple[str, ...] = ()
    operator: str | None = None
    definition: str | Mapping[str, str] | None = None
    sympy: Column = None
    numpy: Column = None
    torch: Column = None
    ball: Column = None
    array: Callable[..., Any] | None = None
    backward_formula: Callable[..., Any] | None = None
    derivative: str | tuple[str | None, ...] | None = None
    domain: str | None = None
    switches: tuple[str, ...] | Callable[[Constants], tuple[str, ...]] | None = None
    crossings: tuple[Crossing, ...] = ()
    returns: Literal["real", "condition"] = "real"
    variadic: bool = False
    role: Role = "smooth"
    runs_one_branch: bool = False
    piecewise_affine: bool = False
    zero_at: int | None = None
    is_method: bool = True
    parameters: tuple[Parameter, ...] = dataclasses.field(init=False)
    parameter_names: tuple[str, ...] = dataclasses.field(init=False, repr=False, compare=False)
    # What `column` has resolved.
    _resolved: dict[str, Callable[..., Any] | None] = dataclasses.field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Read the signature once."""
        object.__setattr__(self, "parameters", _read_signature(self.signature))
        object.__setattr__(self, "parameter_names", tuple(p.name for p in self.parameters))

    @property
    def names(self) -> tuple[str, ...]:
        """All names that users may type."""
        return (self.name, *self.aliases)

    @property
    def is_named(self) -> bool:
        """Whether users call it by name; x[i], x.T and ``x if c else y`` they spell otherwise."""
        return self.operator is None or not set("x[") & set(self.operator)

    @property
    def is_operator(self) -> bool:
        """Whether it is one of Python's operators on numbers, such as + or %."""
        return self.group == "operators"

    @property
    def is_special(self) -> bool:
        """Whether it is a special function, such as erf: libraries compute those less exactly."""
        return self.group == "special"

    @property
    def is_polynomial(self) -> bool:
        """Whether it is a sum, a difference, a product or a sign: a polynomial everywhere."""
        return self.role == "arithmetic" and self.domain is None

    @property
    def is_power(self) -> bool:
        """Whether it is x**y."""
        return self.operator == "**"

    @property
    def has_kinks(self) -> bool:
        """Whether the function itself has kinks, jumps, poles or vertical tangents."""
        if self.returns == "condition":
            return False
        has_vertical_tangent = ">=" in (self.domain or "")  # at a closed end, as sqrt
        is_choice = self.role == "choice"
        return is_choice or has_vertical_tangent or bool(self.switches or self.crossings)

    @property
    def has_poles(self) -> bool:
        """Whether it has poles at the integers up to a highest one, as gamma has."""
        return any(crossing.highest is not None for crossing in self.crossings)

    @property
    def short_circuits(self) -> bool:
        """Whether an argument may be left out of account: an undefined one does no harm then."""
        return self.role == "choice" or (self.role == "logic" and len(self.parameters) > 1)

    @property
    def takes_condition(self) -> bool:
        """Whether it returns a number and an argument is a condition."""
        return self.returns == "real" and any(p.kind == "condition" for p in self.parameters)

    @property
    def usage(self) -> str:
        """How the function is called, for messages: ``clamp(input, min=-inf, max=inf)``."""
        shown = (
            p.keyword if p.default is None else f"{p.keyword}={p.default}" for p in self.parameters
        )
        return f"{self.name}({', '.join(shown)})"

    def definition_text(self, choice: str | None) -> str | None:
        """Return the definition, for one value of the `choice` parameter."""
        if isinstance(self.definition, Mapping):
            return self.definition[choice or self._choice_default()]
        return self.definition

    def bind(self, arguments: Sequence[T | None]) -> tuple[tuple[Parameter, T | None], ...]:
        """Return every parameter with its argument, None for one not given.

        Examples
        --------
        >>> [(p.name, a) for p, a in Function("f", "x, n: number = 2").bind([5])]
        [('x', 5), ('n', None)]
        """
        missing = [None] * (len(self.parameters) - len(arguments))
        return tuple(zip(self.parameters, (*arguments, *missing), strict=True))

    def _choice_default(self) -> str:
        return next(p.default for p in self.parameters if p.kind == "choice" and p.default)

    def column(self, arithmetic: str) -> Callable[..., Any] | None:
        """Return the function's meaning in one arithmetic, or None if it has no column there.

        Parameters
        ----------
        arithmetic
            ``sympy``, ``numpy``, ``torch`` or ``ball``.

        Raises
        ------
        AttributeError
            The library has no such name; a test resolves every row.

        Examples
        --------
        >>> Function("abs", "x", numpy="abs").column("numpy")(-2.0).item()
        2.0
        """
        if arithmetic not in self._resolved:
            self._resolved[arithmetic] = self._resolve(arithmetic)
        return self._resolved[arithmetic]

    def _resolve(self, arithmetic: str) -> Callable[..., Any] | None:
        column: Column = getattr(self, arithmetic)
        if not isinstance(column, str):
            return column
        if arithmetic == "ball":
            return cast("Callable[..., Any]", getattr(libraries.flint.arb, column))
        library, _, name = column.rpartition(".")
        resolved: Callable[..., Any] = getattr(_LIBRARIES[arithmetic, library], name)
        return resolved


_LIBRARIES = {
    ("sympy", ""): libraries.sympy,
    ("numpy", ""): libraries.numpy,
    ("numpy", "special"): libraries.scipy_special,
    ("torch", ""): libraries.torch,
    ("torch", "F"): libraries.torch_functional,
}


def _read_signature(signature: str) -> tuple[Parameter, ...]:
    return tuple(_read_parameter(text) for text in signature.split(","))


def _read_parameter(text: str) -> Parameter:
    head, has_default, default = (part.strip() for part in text.partition("="))
    name, _, kind = (part.strip() for part in head.partition(":"))
    given = default if has_default else None
    if "|" in kind:
        return Parameter(name, "choice", given, tuple(kind.split("|")))
    return Parameter(name, kind or "real", given)  # type: ignore[arg-type]
