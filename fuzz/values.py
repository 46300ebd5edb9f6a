"""Evaluate a program, a tree, at one point: numbers, and arrays of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

import numpy as np

from fuzz.meanings import NUMBERS, PARAMETERS, SELECTIONS, Missing
from fuzz.reals import Number, PoleError, Reals, UnclearError, UndefinedError
from fuzz.tensors import TENSORS
from fuzz.trees import CONSTANT, NUMBER, VARIABLE, Tree

Value = Any  # a number, a bool, a `Missing`, or an array of them
_HELD: Final = "detach"


class Values:
    """The values of a program's sub-trees at one point.

    Parameters
    ----------
    reals
        The arithmetic.
    inputs
        A number or an array for every variable.
    held
        The values of sub-trees that count as constants, taken at another point.
    """

    def __init__(
        self, reals: Reals, inputs: Mapping[str, Value], held: Mapping[Tree, Value] | None = None
    ) -> None:
        self._reals = reals
        self._inputs = inputs
        self.held: dict[Tree, Value] = dict(held or {})
        self._values: dict[Tree, Value] = {}

    def of(self, tree: Tree) -> Value:
        """Return the value of a tree."""
        if tree not in self._values:
            self._values[tree] = self._computed(tree)
        return self._values[tree]

    def number(self, tree: Tree) -> Number:
        """Return the value of a tree that is a number.

        Raises
        ------
        UndefinedError, UnclearError
            It has none, or none that can be computed.
        """
        value = self.of(tree)
        if isinstance(value, np.ndarray):
            value = value.item()
        if value in (Missing.UNDEFINED, Missing.NOT_NAN):
            raise UndefinedError
        if value is Missing.UNCLEAR:
            raise UnclearError
        return Fraction(int(value)) if isinstance(value, bool) else value

    def _computed(self, tree: Tree) -> Value:
        if tree.function == VARIABLE:
            return self._inputs[tree.name]
        if tree.function == NUMBER:
            return tree.number
        if tree.function == CONSTANT:
            return +getattr(self._reals.context, tree.name)
        if tree.function == _HELD:
            if tree not in self.held:
                self.held[tree] = self.of(tree.arguments[0])
            return self.held[tree]
        arguments = [self.of(argument) for argument in tree.arguments]
        positional = arguments[: len(arguments) - len(tree.keywords)]
        named = dict(zip(tree.keywords, arguments[len(positional) :], strict=True))
        if tree.function in TENSORS:
            return TENSORS[tree.function](self.each, *positional, **named, **dict(tree.settings))
        named = {PARAMETERS.get(keyword, keyword): x for keyword, x in named.items()}
        return self.each(tree.function, *positional, **named, **dict(tree.settings))

    def each(self, function: str, *arguments: Value, **settings: Any) -> Value:
        """Apply a function of numbers elementwise."""
        if not any(isinstance(a, np.ndarray) for a in arguments):
            return self._one(function, arguments, settings)
        broadcast = np.broadcast(*arguments)
        result = np.empty(broadcast.shape, dtype=object)
        for position, components in zip(np.ndindex(broadcast.shape), broadcast, strict=True):
            result[position] = self._one(function, components, settings)
        return result

    def _one(self, function: str, numbers: tuple[Any, ...], settings: dict[str, Any]) -> Any:
        if function in SELECTIONS:
            return SELECTIONS[function](self._reals, *numbers, **settings)
        missing = {x for x in (*numbers, *settings.values()) if isinstance(x, Missing)}
        for word in (Missing.UNCLEAR, Missing.UNDEFINED, Missing.NOT_NAN):
            if word in missing:
                return word
        try:
            return NUMBERS[function](self._reals, *numbers, **settings)
        except PoleError:
            return Missing.NOT_NAN
        except UndefinedError:
            return Missing.UNDEFINED
        except (UnclearError, OverflowError, ValueError, NotImplementedError):
            return Missing.UNCLEAR
