"""The engine `symbolic`: sympy's derivatives of all operations, put together by the chain rule."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import sympy as sp

from symdiff.arithmetics.arrays import owned_copy
from symdiff.arithmetics.symbolic import expression
from symdiff.engines.base import Allowance, Gap, Problem, Samples, Traits, no_numbers
from symdiff.engines.formulas import rounding_allowance
from symdiff.engines.sympy_chain import chain_rule_radius, slopes
from symdiff.engines.sympy_code import real_numbers
from symdiff.engines.sympy_derivatives import check_size, no_derivative
from symdiff.engines.sympy_plan import Plan, plan
from symdiff.program import Program

__all__ = ["ENGINE"]


class _Symbolic:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "symbolic"
    traits = Traits(modes=("symbolic",), orders=(1, 2))

    def differentiate(self, problem: Problem) -> Samples:
        steps = _plan(problem.written, problem.variables, problem.inner)
        gaps = {
            name: Gap.of(no_derivative(problem.written, name, parts))
            for name, parts in steps.gaps.items()
        }
        expressed = tuple(name for name in problem.variables if name not in gaps)
        with np.errstate(all="ignore"):
            found = slopes(steps, expressed, problem.columns)
        columns = tuple(problem.columns.values())
        derivatives = no_numbers(problem.variables, problem.count)
        for name in expressed:
            derivatives[name] = owned_copy(real_numbers(found[name]), (problem.count,), columns)
        return Samples(derivatives, unsupported=gaps)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        steps = _plan(problem.written, problem.variables, problem.inner)
        return rounding_allowance(
            problem, variable, point, lambda balls: chain_rule_radius(steps, variable, balls)
        )


@functools.lru_cache(maxsize=16)
def _plan(program: Program, variables: tuple[str, ...], inner: str) -> Plan:
    """Return how to compute the derivatives of a program, or of its derivative by `inner`.

    Raises
    ------
    Unsupported
        The program has a function that sympy lacks, or it is too large.
    """
    check_size(program, 1)  # the work for each variable is numpy's
    f = expression(program)
    if not inner:
        return plan(f, variables)
    return _plan_of_derivative(sp.diff(f, sp.Symbol(inner, real=True)), variables)


def _plan_of_derivative(f: sp.Expr, variables: tuple[str, ...]) -> Plan:
    """Return the plan of a derivative of which sympy may have left parts unevaluated."""
    unevaluated = f.atoms(sp.Derivative, sp.Subs)
    if not unevaluated:
        return plan(f, variables)
    found = {name: sp.diff(f, sp.Symbol(name, real=True)) for name in variables}
    parts = {name: tuple(d.expr for d in g.atoms(sp.Derivative)) for name, g in found.items()}
    # 0 takes their place: derivatives that contain such parts are gaps, others have none of them.
    whole = plan(f.xreplace(dict.fromkeys(unevaluated, sp.S.Zero)), variables)
    return dataclasses.replace(whole, gaps={**whole.gaps, **{n: p for n, p in parts.items() if p}})


ENGINE = _Symbolic()
