"""Rows of the function catalogue: a function, its names, and its meaning in every arithmetic.

A row is either *primitive* (it has a column for every arithmetic) or *defined* (its `definition`
is an expression in other rows, which an arithmetic without a column for the row evaluates).  The
texts of definitions, domains and switches are expressions in the names of the row's parameters.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast

from symdiff import libraries

T = TypeVar("T")
# A number of any arithmetic; only the arithmetic knows its type.
Value = Any
Column = str | Callable[..., Any] | None
Kind = Literal[
    "real", "any", "number", "condition", "choice", "dim", "flag", "integer", "size", "shape",
    "index", "fixed", "tensors", "indices",
]  # fmt: skip
# Kinds of non-numeric parameters: they have the same value in every arithmetic.
SETTINGS = frozenset({"choice", "dim", "flag", "integer", "size", "shape", "index", "fixed"})
Constants = tuple[int | float | None, ...]
Role = Literal["arithmetic", "comparison", "logic", "choice", "step", "hold", "list", "smooth"]

# The keywords of most torch functions for their first and second operand.
_TORCH_KEYWORDS = {"x": "input", "y": "other"}


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function.

    Attributes
    ----------
    name
        The name used in definitions; `keyword` is what users type.
    kind
        `real`: an expression, converted to a tensor for torch. `any`: an expression, whose
        constants torch gets as Python numbers. `number`: a constant. `condition`: a comparison.
        `choice`: one of the words in `choices`. Of functions on tensors: `dim`, a dimension or
        several; `flag`, True or False; `integer`; `size`, an integer or one per dimension; `shape`,
        several integers; `index`, the index of ``x[...]``; `fixed`, a constant that is not
        converted; `tensors`, a list of expressions; `indices`, integers.
    default
        The text of the default; None if the argument is required. torch gets the arguments that
        the user wrote, and uses its own defaults.
    choices
        The words that a parameter of kind `choice` takes.
    """

    name: str
    kind: Kind = "real"
    default: str | None = None
    choices: tuple[str, ...] = ()

    @property
    def keyword(self) -> str:
        """The keyword of this parameter in torch."""
        return _TORCH_KEYWORDS.get(self.name, self.name)

    @property
    def is_setting(self) -> bool:
        """Whether the parameter is not a number: a dimension, a flag, a shape, ..."""
        return self.kind in SETTINGS

    @property
    def has_default_expression(self) -> bool:
        """Whether `default` is an expression, to be used for an omitted argument."""
        return self.default is not None and self.kind != "choice"

    @property
    def fallback(self) -> Any:  # whatever the setting is
        """The value of a setting that is omitted."""
        if self.default is None or self.kind == "choice":
            return self.default
        return ast.literal_eval(self.default)


@dataclasses.dataclass(frozen=True, slots=True)
class Crossing:
    """An expression; the function has a jump or a pole where its value is an integer.

    `highest` is the largest such integer (gamma has no poles right of 0); None if all are.
    """

    text: str
    highest: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Function:
    """One function of the catalogue.

    Attributes
    ----------
    name, aliases
        The names that users type; unique in the catalogue.
    signature
        The parameters, in order: ``name``, ``name: kind``, ``name: kind = default``.
    group
        The heading of the row in tables.
    formula
        The meaning as a short formula, for tables.
    operator
        The Python operator, if there is one.
    definition
        The meaning as an expression in other rows; a mapping by the value of the `choice`
        parameter, if the row has one.
    spelled
        How a language writes the function, where that does not follow from the columns: by
        language (``torch``, ``numpy``, ``jax``, ``sympy``, ``latex``, ``fpcore``) a name, or a
        template with parameters in angle brackets, ``<*>`` for all arguments. None: by its
        definition. JAX follows NumPy.
    sympy, numpy, torch, ball
        A dotted name in that library, or a callable. `ball` maps `arb` balls to a ball that
        encloses all values on the part of the domain inside the arguments.
    array
        A function on tensors, as a callable of `Elements` and its arguments; None for a function
        that is applied elementwise.
    backward_formula
        The same function as `array`, by the formula that torch's backward pass differentiates, if
        that formula loses digits that `array` keeps. Rounding errors are bounded with it.
    backward_definition
        The same for a row with a `definition`: an expression in other rows.
    derivative
        The derivative as an expression in the row's parameters and `result`, the value of the
        function; torch's own formula if that loses digits. For several parameters, a tuple with
        one text each, or None where the derivative is not stated.
    domain
        The condition under which the function is defined over the reals.
    switches
        Expressions whose zeros contain all kinks, jumps, poles and ends of the domain. None means
        the switches of the definition, or the comparisons of the domain. A callable gets the
        constant arguments, and None for the others.
    crossings
        Expressions whose integer values mark the jumps or poles of the function.
    returns
        `real`, or `condition` for comparisons and logic.
    variadic
        Whether the function takes more than two arguments, folded to the left: ``max(a, b, c)``.
    role
        What the function does. Code that treats some functions differently tests the role or
        one of the traits below, never the name.

        `arithmetic`: adds, subtracts, multiplies, divides, negates, or raises to a power.
        `comparison`: compares two numbers and returns a condition.
        `logic`: combines conditions, or converts a condition to the number 1 or 0.
        `choice`: returns one of two expressions, selected by a condition.
        `step`: is constant between its jumps.
        `hold`: returns its argument as a constant: the derivative is 0.
        `list`: makes a list of tensors for a function that takes several.
        `smooth`: any other function; it is smooth where none of its switches vanishes.
    runs_one_branch
        Whether only the branch that the condition selects is evaluated.
    replaces_undefined
        Whether the function returns a number where an argument is undefined: it ignores or replaces
        NaN. All other functions except choices and logic are undefined there.
    piecewise_affine
        Whether the function is continuous, and affine in all real arguments between its kinks.
    zero_at
        The only value of the first argument at which the function is 0; None if there is no such
        value, or it is not needed.
    cancels
        Whether usual ways to compute the function subtract numbers of size 1, as 1 - erf(x) for
        erfc(x). Small values of the function then have the rounding error of numbers of size 1.
    short_circuits
        Whether the value may not depend on an argument, which may then be undefined.
    needs_arguments
        Whether the function is undefined wherever an argument is.
    takes_condition
        Whether it returns a number and takes a condition.
    is_method
        Whether tensors have a method of that name with the same meaning.
    has_indices
        Whether torch returns values and indices; the row describes the values.
    """

    name: str
    signature: str
    _: dataclasses.KW_ONLY
    group: str = ""
    formula: str = ""
    aliases: tuple[str, ...] = ()
    operator: str | None = None
    definition: str | Mapping[str, str] | None = None
    spelled: Mapping[str, str | None] = dataclasses.field(default_factory=dict, hash=False)
    sympy: Column = None
    numpy: Column = None
    torch: Column = None
    ball: Column = None
    array: Callable[..., Any] | None = None
    backward_formula: Callable[..., Any] | None = None
    backward_definition: str | Mapping[str, str] | None = None
    derivative: str | tuple[str | None, ...] | None = None
    domain: str | None = None
    switches: tuple[str, ...] | Callable[[Constants], tuple[str, ...]] | None = None
    crossings: tuple[Crossing, ...] = ()
    returns: Literal["real", "condition"] = "real"
    variadic: bool = False
    role: Role = "smooth"
    runs_one_branch: bool = False
    replaces_undefined: bool = False
    piecewise_affine: bool = False
    zero_at: int | None = None
    cancels: bool = False
    is_method: bool = True
    has_indices: bool = False
    parameters: tuple[Parameter, ...] = dataclasses.field(init=False)
    parameter_names: tuple[str, ...] = dataclasses.field(init=False, repr=False, compare=False)
    short_circuits: bool = dataclasses.field(init=False, repr=False, compare=False)
    needs_arguments: bool = dataclasses.field(init=False, repr=False, compare=False)
    takes_condition: bool = dataclasses.field(init=False, repr=False, compare=False)
    # Cache of `column`.
    _resolved: dict[str, Callable[..., Any] | None] = dataclasses.field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Parse the signature, and compute the traits that every arithmetic asks for."""
        parameters = _read_signature(self.signature)
        short_circuits = self.role == "choice" or (self.role == "logic" and len(parameters) > 1)
        takes_condition = any(p.kind == "condition" for p in parameters)
        object.__setattr__(self, "parameters", parameters)
        object.__setattr__(self, "parameter_names", tuple(p.name for p in parameters))
        object.__setattr__(self, "short_circuits", short_circuits)
        object.__setattr__(self, "needs_arguments", not (short_circuits or self.replaces_undefined))
        object.__setattr__(self, "takes_condition", self.returns == "real" and takes_condition)

    @property
    def names(self) -> tuple[str, ...]:
        """All names that users may type."""
        return (self.name, *self.aliases)

    @property
    def is_named(self) -> bool:
        """Whether users call it by name, unlike x[i], x.T and ``x if c else y``."""
        return self.operator is None or not set("x[") & set(self.operator)

    @property
    def written(self) -> str:
        """What messages call the function: its name, or its operator."""
        is_symbol = self.operator is not None and not self.operator.startswith(("u", "x"))
        return f"the operator {self.operator}" if is_symbol else self.name

    @property
    def is_operator(self) -> bool:
        """Whether it is an arithmetic operator of Python, such as + or %."""
        return self.group == "operators"

    @property
    def is_special(self) -> bool:
        """Whether it is a special function, such as erf: libraries compute it less accurately."""
        return self.group == "special"

    @property
    def is_polynomial(self) -> bool:
        """Whether it is a polynomial: a sum, a difference, a product or a negation."""
        return self.role == "arithmetic" and self.domain is None

    @property
    def is_power(self) -> bool:
        """Whether the function is x**y."""
        return self.operator == "**"

    @property
    def has_kinks(self) -> bool:
        """Whether the function itself has kinks, jumps, poles or vertical tangents."""
        if self.returns == "condition":
            return False
        is_choice = self.role == "choice"
        return is_choice or self.has_closed_domain or bool(self.switches or self.crossings)

    @property
    def has_closed_domain(self) -> bool:
        """Whether it is defined at an end of its domain, as sqrt at 0, with a vertical tangent."""
        return ">=" in (self.domain or "")

    @property
    def has_poles(self) -> bool:
        """Whether it has poles at all integers up to a largest one, as gamma does."""
        return any(crossing.highest is not None for crossing in self.crossings)

    @property
    def selects_by_condition(self) -> bool:
        """Whether its value is the second argument where the first one is true, else the third."""
        return self.role == "choice" and self.parameters[0].kind == "condition"

    @property
    def usage(self) -> str:
        """The signature for messages: ``clamp(input, min=-inf, max=inf)``."""
        parameters = (
            p.keyword if p.default is None else f"{p.keyword}={p.default}" for p in self.parameters
        )
        return f"{self.name}({', '.join(parameters)})"

    @property
    def has_backward_formula(self) -> bool:
        """Whether torch's backward pass differentiates a formula that loses digits."""
        return bool(self.backward_formula or self.backward_definition)

    def definition_text(self, choice: str | None, *, backward: bool = False) -> str | None:
        """Return the text of the definition for a value of the `choice` parameter, or None.

        `backward` asks for the formula of torch's backward pass, where the row has one.
        """
        text = (self.backward_definition if backward else None) or self.definition
        if isinstance(text, Mapping):
            return text[choice or self._choice_default()]
        return text

    def bind(self, arguments: Sequence[T | None]) -> tuple[tuple[Parameter, T | None], ...]:
        """Return every parameter with its argument, or None for an omitted one.

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
        """Return the column of an arithmetic as a callable, or None if it has none.

        Parameters
        ----------
        arithmetic
            ``sympy``, ``numpy``, ``torch`` or ``ball``.

        Raises
        ------
        AttributeError
            The library does not have the function; a test checks that no row has this fault.

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
    ("torch", "special"): libraries.torch_special,
}


def _read_signature(signature: str) -> tuple[Parameter, ...]:
    return tuple(_read_parameter(text) for text in signature.split(","))


def _read_parameter(text: str) -> Parameter:
    head, has_default, default = (part.strip() for part in text.partition("="))
    name, _, kind = (part.strip() for part in head.partition(":"))
    default_text = default if has_default else None
    if "|" in kind:
        return Parameter(name, "choice", default_text, tuple(kind.split("|")))
    return Parameter(name, kind or "real", default_text)  # type: ignore[arg-type]
