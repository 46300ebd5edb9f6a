"""Formulas as MathML, printed by sympy and written out by this module.

sympy's printer builds a tree of elements, whose text may contain "<". So the tree is written here:
only elements of a closed list are, without attributes, and all text is escaped.
"""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterator
from typing import Any, Final

import sympy as sp
from markupsafe import Markup
from sympy.printing.mathml import MathMLPresentationPrinter

from symdiff.arithmetics.symbolic import deterministic_sympy, expression
from symdiff.comparison.evidence import Evidence
from symdiff.engines.sympy_derivatives import derivatives
from symdiff.errors import Unsupported
from symdiff.program import Program

# The largest formula that is typeset, in sub-expressions when it is written out: sympy's derivative
# of one of this size takes milliseconds. The text of the expression says the same.
MAX_SIZE: Final = 32
# The longest MathML, in characters: more does not fit a line of the page.
MAX_LENGTH: Final = 4000
# The most derivatives that are typeset.
MAX_DERIVATIVES: Final = 3
_ELEMENTS: Final = frozenset(
    {"math", "mrow", "mi", "mn", "mo", "mtext", "mfrac", "msqrt", "mroot", "msup", "msub"}
    | {"msubsup", "mover", "munder", "munderover", "mtable", "mtr", "mtd"}
)


@dataclasses.dataclass(frozen=True, slots=True)
class Formula:
    """A formula to be shown.

    Attributes
    ----------
    label
        What it is: ``f``, or ``d/dx``.
    mathml
        The formula as a MathML element.
    """

    label: str
    mathml: Markup


def formulas(evidence: Evidence) -> tuple[Formula, ...]:
    """Return the function as written, and sympy's derivatives of it.

    There are none for programs on tensors, for large formulas, and for functions that sympy lacks:
    the page has the text of the expression in any case.
    """
    program = evidence.program
    if evidence.tensors is not None or program.written_out > MAX_SIZE:
        return ()
    with deterministic_sympy():
        return tuple(_typeset(evidence))


def _typeset(evidence: Evidence) -> Iterator[Formula]:
    written = _as_written(evidence.program)
    if written is None:
        return
    shown = mathml(written)
    if shown:
        yield Formula("f", shown)
    if evidence.options.order != 1:
        return
    try:
        by_variable = derivatives(evidence.program, evidence.variables[:MAX_DERIVATIVES])
    except Unsupported:
        return  # of a function; the table says so for the engine
    for name, derivative in by_variable.items():
        shown = Markup() if isinstance(derivative, Unsupported) else mathml(derivative)
        if shown:
            yield Formula(f"d/d{name}", shown)


def _as_written(program: Program) -> sp.Expr | None:
    """Return a program as a sympy expression that nothing simplifies, None if sympy lacks it."""
    try:
        with sp.evaluate(x=False):
            return expression(program)
    except Unsupported:
        return None


def mathml(formula: Any) -> Markup:  # noqa: ANN401  (a sympy expression or condition)
    """Return a formula as a MathML element, empty if it is too long to be shown.

    Examples
    --------
    >>> mathml(sp.Symbol("x") < 1)
    Markup('<math><mrow><mi>x</mi><mo>&lt;</mo><mn>1</mn></mrow></math>')
    """
    tree = _Printer()._print(formula)  # noqa: SLF001  (its public method gives unescaped text)
    text = f"<math>{''.join(_written(tree))}</math>"
    return Markup(text) if len(text) <= MAX_LENGTH else Markup()  # noqa: S704  (escaped below)


def _written(node: Any) -> Iterator[str]:  # noqa: ANN401  (a node of xml.dom)
    if node.nodeType == node.TEXT_NODE:
        # The text may have names of characters, such as &InvisibleTimes;.
        yield html.escape(html.unescape(node.data), quote=False)
        return
    name = node.tagName if node.tagName in _ELEMENTS else "mrow"
    yield f"<{name}>"
    for child in node.childNodes:
        yield from _written(child)
    yield f"</{name}>"


class _Printer(MathMLPresentationPrinter):  # type: ignore[misc]
    """Prints what sympy prints as words."""

    def _element(self, name: str, *children: Any) -> Any:  # noqa: ANN401
        element = self.dom.createElement(name)
        for child in children:
            node = self.dom.createTextNode(child) if isinstance(child, str) else child
            element.appendChild(node)
        return element

    def _print_Piecewise(self, choice: sp.Piecewise) -> Any:  # noqa: ANN401, N802  (sympy's)
        rows = []
        for value, condition in choice.args:
            when = (
                self._element("mtext", "otherwise")
                if condition == sp.true
                else self._element("mrow", self._element("mtext", "if "), self._print(condition))
            )
            cells = (self._element("mtd", self._print(value)), self._element("mtd", when))
            rows.append(self._element("mtr", *cells))
        return self._element("mrow", self._element("mo", "{"), self._element("mtable", *rows))

    def _print_Heaviside(self, step: sp.Heaviside) -> Any:  # noqa: ANN401, N802
        name = self._element("mi", "H")
        return self._element("mrow", name, *self._bracketed(step.args[0]))

    def _bracketed(self, argument: Any) -> tuple[Any, ...]:  # noqa: ANN401
        return (self._element("mo", "("), self._print(argument), self._element("mo", ")"))
