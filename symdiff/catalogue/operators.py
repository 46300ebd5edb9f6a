"""Rows for Python's operators, comparisons, logic, and the functions that select a branch."""

from __future__ import annotations

import operator

from symdiff.catalogue.enclosures import (
    choice,
    conjunction,
    disjunction,
    equal,
    less,
    less_equal,
    negation,
    power,
)
from symdiff.catalogue.row import Constants, Function, Value
from symdiff.libraries import numpy, sympy, torch


def _power_switches(constants: Constants) -> tuple[str, ...]:
    base, exponent = constants
    if base == 0:
        return ("exponent",)
    smooth = exponent is not None and exponent >= 0 and exponent % 1 == 0
    return () if smooth else ("x",)


def _piecewise(condition: Value, x: Value, y: Value) -> Value:
    return sympy.Piecewise((x, condition), (y, True))


# fmt: off
ARITHMETIC = (
    Function("add",          "x: any, y: any", operator="+",  formula="x + y",  aliases=(),
             sympy=operator.add, numpy=operator.add, torch=operator.add, ball=operator.add, role="arithmetic", piecewise_affine=True),
    Function("subtract",     "x: any, y: any", operator="-",  formula="x - y",  aliases=("sub",),
             sympy=operator.sub, numpy=operator.sub, torch=operator.sub, ball=operator.sub, role="arithmetic", piecewise_affine=True),
    Function("multiply",     "x: any, y: any", operator="*",  formula="x*y",    aliases=("mul",),
             sympy=operator.mul, numpy=operator.mul, torch=operator.mul, ball=operator.mul, role="arithmetic"),
    Function("divide",       "x: any, y: any", operator="/",  formula="x/y",    aliases=("div", "true_divide"),
             sympy=operator.truediv, numpy=operator.truediv, torch=operator.truediv, ball=operator.truediv,
             domain="y != 0", role="arithmetic"),
    Function("floor_divide", "x: any, y: any", operator="//", formula="floor(x/y)",
             definition="floor(x/y)", numpy=operator.floordiv, torch=operator.floordiv, role="step",
             spelled={"latex": r"\left\lfloor \frac{<x>}{<y>}\right\rfloor"}),
    Function("remainder",    "x: any, y: any", operator="%",  formula="x - floor(x/y)*y", aliases=("mod", "Mod"),
             definition="x - floor(x/y)*y", sympy="Mod", numpy=operator.mod, torch=operator.mod,
             spelled={"fpcore": None}),
    Function("power",        "x: any, exponent: any", operator="**", formula="x**y", aliases=("pow", "Pow"),
             sympy=operator.pow, numpy=operator.pow, torch=operator.pow, ball=power,
             domain="x > 0 or floor(exponent) == exponent and x != 0 or x == 0 and exponent >= 0",
             switches=_power_switches, role="arithmetic",
             spelled={"fpcore": "pow"}),
    Function("negative",     "x: any", operator="u-", formula="-x", aliases=("neg",),
             sympy=operator.neg, numpy=operator.neg, torch=operator.neg, ball=operator.neg, role="arithmetic", piecewise_affine=True, zero_at=0),
    Function("positive",     "x: any", operator="u+", formula="+x",
             sympy=operator.pos, numpy=operator.pos, torch=operator.pos, ball=operator.pos, role="arithmetic", piecewise_affine=True, zero_at=0),
)

COMPARISONS = (
    Function("less",          "x: any, y: any", operator="<",  formula="x < y",  aliases=("lt",), returns="condition",
             sympy="Lt", numpy=operator.lt, torch=operator.lt, ball=less, switches=("x - y",), role="comparison"),
    Function("less_equal",    "x: any, y: any", operator="<=", formula="x <= y", aliases=("le",), returns="condition",
             sympy="Le", numpy=operator.le, torch=operator.le, ball=less_equal, switches=("x - y",), role="comparison"),
    Function("greater",       "x: any, y: any", operator=">",  formula="x > y",  aliases=("gt",), returns="condition",
             sympy="Gt", numpy=operator.gt, torch=operator.gt, ball=lambda x, y: less(y, x), switches=("x - y",), role="comparison"),
    Function("greater_equal", "x: any, y: any", operator=">=", formula="x >= y", aliases=("ge",), returns="condition",
             sympy="Ge", numpy=operator.ge, torch=operator.ge, ball=lambda x, y: less_equal(y, x), switches=("x - y",), role="comparison"),
    Function("equal",         "x: any, y: any", operator="==", formula="x == y", aliases=("eq",), returns="condition",
             sympy="Eq", numpy=operator.eq, torch=operator.eq, ball=equal, switches=("x - y",), role="comparison"),
    Function("not_equal",     "x: any, y: any", operator="!=", formula="x != y", aliases=("ne",), returns="condition",
             sympy="Ne", numpy=operator.ne, torch=operator.ne, ball=lambda x, y: negation(equal(x, y)), switches=("x - y",), role="comparison"),
)

LOGIC = (
    Function("logical_and", "x: condition, y: condition", operator="and", formula="x and y", returns="condition",
             sympy="And", numpy="logical_and", torch="logical_and", ball=conjunction, role="logic"),
    Function("logical_or",  "x: condition, y: condition", operator="or",  formula="x or y",  returns="condition",
             sympy="Or",  numpy="logical_or",  torch="logical_or", ball=disjunction, role="logic"),
    Function("logical_not", "x: condition",               operator="not", formula="not x",   returns="condition",
             sympy="Not", numpy="logical_not", torch="logical_not", ball=negation, role="logic"),
)

CHOICES = (
    # Both branches are computed; torch multiplies the gradient of the other by zero (0*inf is NaN).
    Function("where",  "condition: condition, x, y", formula="x where condition, else y",
             sympy=_piecewise, numpy="where", torch="where", ball=choice, role="choice",
             spelled={"sympy": "Piecewise((<x>, <condition>), (<y>, True))", "fpcore": "if"}),
    # Only the branch taken is computed; the arithmetics on arrays take care of that point by point.
    Function("ifelse", "condition: condition, x, y", operator="x if condition else y",
             formula="x if condition else y",
             sympy=_piecewise, numpy=lambda c, x, y: numpy.where(c, x, y), torch=lambda c, x, y: torch.where(c, x, y), ball=choice, role="choice", runs_one_branch=True,
             spelled={"sympy": "Piecewise((<x>, <condition>), (<y>, True))", "fpcore": "if"}),
    Function("float",  "x: condition", formula="1 if x else 0", aliases=("double",),
             sympy=lambda x: _piecewise(x, 1, 0), numpy=lambda x: numpy.where(x, 1.0, 0.0),
             torch=lambda x: x.double(), ball=lambda x: x, role="logic",
             spelled={"torch": "<x>.double()", "numpy": "np.where(<x>, 1.0, 0.0)", "sympy": "Piecewise((1, <x>), (0, True))", "fpcore": "(if <x> 1 0)"}),
)
# fmt: on
