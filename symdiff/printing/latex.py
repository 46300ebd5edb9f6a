"""Write a Program as a formula of LaTeX, with the commands of the package amsmath."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from symdiff.catalogue import CATALOGUE, Function
from symdiff.printing.levels import (
    AND,
    ATOM,
    CHOICE,
    COMPARISON,
    NOT,
    OR,
    POWER,
    PRODUCT,
    SIGN,
    SUM,
)
from symdiff.printing.preparation import Prepared, prepare, takes
from symdiff.printing.sympy_text import check_length
from symdiff.program import Call, Constant, Input, Literal, Program

# fmt: off
_GREEK: Final = frozenset({
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
    "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi",
    "Omega",
})
# fmt: on
_CONSTANTS: Final = MappingProxyType({"pi": r"\pi", "e": "e", "inf": r"\infty"})
_DOT: Final = r" \cdot "
_NEXT: Final = r" \\ "  # the next line of an environment
# For each operator: its level, the levels of its operands, and its text.
_INFIX: Final[Mapping[str, tuple[int, int, int, str]]] = MappingProxyType(
    {
        "+": (SUM, SUM, PRODUCT, " + "),
        "-": (SUM, SUM, PRODUCT, " - "),
        "%": (PRODUCT, POWER, POWER, r" \bmod "),
        "@": (PRODUCT, PRODUCT, POWER, r" \, "),
        "<": (COMPARISON, SUM, SUM, " < "),
        "<=": (COMPARISON, SUM, SUM, r" \le "),
        ">": (COMPARISON, SUM, SUM, " > "),
        ">=": (COMPARISON, SUM, SUM, r" \ge "),
        "==": (COMPARISON, SUM, SUM, " = "),
        "!=": (COMPARISON, SUM, SUM, r" \ne "),
        "and": (AND, AND, NOT, r" \land "),
        "or": (OR, OR, AND, r" \lor "),
    }
)


def latex_text(program: Program) -> str:
    r"""Return a Program as a formula of LaTeX.

    Definitions keep their names: the formula is then an ``aligned`` block.

    Parameters
    ----------
    program
        The program.

    Raises
    ------
    ExpressionError
        The formula is too long.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> print(latex_text(parse("abs(x)/(1 + x**2)")))
    \frac{\left|x\right|}{1 + x^{2}}
    """
    prepared = prepare(program, "LaTeX", _has_form, shares=False)
    writer = _Writer(prepared)
    lines = []
    for index in prepared.program.order:
        writer.write(index)
        text, _ = writer.known[index]
        check_length(text)
        if index in prepared.names and index != prepared.program.output:
            name = symbol(prepared.names[index])
            lines.append(rf"{name} &= {text} \\")
            writer.known[index] = name, ATOM
    result, _ = writer.known[prepared.program.output]
    if not lines:
        return result
    arguments = ", ".join(map(symbol, prepared.inputs.values()))
    head = rf"f\left({arguments}\right)" if arguments else "f"
    return "\n".join([r"\begin{aligned}", *lines, f"{head} &= {result}", r"\end{aligned}"])


class _Writer:
    """Writes the nodes of a Program, each after its arguments."""

    def __init__(self, prepared: Prepared) -> None:
        self._program = prepared.program
        self.known: dict[int, tuple[str, int]] = {}

    def write(self, index: int) -> None:
        """Find the text of a node whose arguments are known, and its precedence."""
        node = self._program.nodes[index]
        if isinstance(node, Call):
            self.known[index] = self._call(CATALOGUE[node.function], node)
        elif isinstance(node, Input):
            self.known[index] = symbol(node.name), ATOM
        elif isinstance(node, Constant):
            self.known[index] = _CONSTANTS[node.name], ATOM
        elif isinstance(node, Literal):
            self.known[index] = _number(node.value)
        else:
            self.known[index] = _setting(node.value), ATOM

    def _within(self, index: int, level: int) -> str:
        text, own = self.known[index]
        return text if own >= level else rf"\left({text}\right)"

    def _call(self, row: Function, node: Call) -> tuple[str, int]:
        operands = node.operands
        if row.role == "list":
            return rf"\left[{', '.join(self.known[a][0] for a in operands)}\right]", ATOM
        if row.selects_by_condition:
            return self._cases(operands), CHOICE
        spelled = row.spelled.get("latex")
        if spelled is not None and "<" in spelled:
            return self._filled(spelled, row, node)
        if row.operator is not None and (row.is_operator or row.operator in _INFIX):
            return self._operation(row.operator, operands)
        if row.operator == "not":
            return rf"\lnot {self._within(operands[0], NOT + 1)}", NOT
        command = spelled or _word(row.name)
        return rf"{command}\left({self._arguments(row, node)}\right)", POWER

    def _arguments(self, row: Function, node: Call) -> str:
        texts = []
        for parameter, given in row.bind(node.arguments):
            if given is not None:
                text = self.known[given][0]
                is_named = parameter.is_setting or parameter.default is not None
                word = rf"\mathrm{{{_escaped(parameter.name)}}}"
                texts.append(f"{word}={text}" if is_named else text)
        return ", ".join(texts)

    def _operation(self, operator: str, operands: tuple[int, ...]) -> tuple[str, int]:
        first, *rest = operands
        if not rest:
            text = self._within(first, PRODUCT if self.known[first][1] != SIGN else ATOM)
            return (f"-{text}", SIGN) if operator == "u-" else self.known[first]
        (second,) = rest
        if operator == "/":
            return rf"\frac{{{self.known[first][0]}}}{{{self.known[second][0]}}}", PRODUCT
        if operator == "**":
            return f"{self._within(first, ATOM)}^{{{self.known[second][0]}}}", POWER
        if operator == "*":
            left, right = self._within(first, PRODUCT), self._within(second, POWER)
            is_unclear = right[0].isdigit() or right.startswith((r"\left(", r"\left["))
            return f"{left}{_DOT if is_unclear else ' '}{right}", PRODUCT
        level, of_left, of_right, text = _INFIX[operator]
        if self.known[second][0].startswith("-"):  # not a - -b
            of_right = ATOM
        return f"{self._within(first, of_left)}{text}{self._within(second, of_right)}", level

    def _cases(self, operands: tuple[int, ...]) -> str:
        lines = []
        condition, chosen, other = operands
        lines.append(rf"{self.known[chosen][0]} & \text{{if }} {self.known[condition][0]}")
        node = self._program.nodes[other]
        while isinstance(node, Call) and CATALOGUE[node.function].selects_by_condition:
            condition, chosen, other = node.operands
            lines.append(rf"{self.known[chosen][0]} & \text{{if }} {self.known[condition][0]}")
            node = self._program.nodes[other]
        lines.append(rf"{self.known[other][0]} & \text{{otherwise}}")
        return rf"\begin{{cases}} {_NEXT.join(lines)} \end{{cases}}"

    def _filled(self, template: str, row: Function, node: Call) -> tuple[str, int]:
        """Fill a template; what stands in curly brackets or between bars needs no others."""
        given = dict(zip(row.parameter_names, node.arguments, strict=False))

        def fill(match: re.Match[str]) -> str:
            after = template[match.end() :]
            is_enclosed = after.startswith(("}", r"\right"))
            return self._within(given[match.group(1)], CHOICE if is_enclosed else ATOM)  # type: ignore[arg-type]

        text = re.sub(r"<(\w+)>", fill, template)
        is_power = re.search(r"\^\{[^{}]*(<\w+>)?[^{}]*\}$", template) is not None
        return text, POWER if is_power or template.startswith(r"\frac") else ATOM


def _has_form(row: Function, given: frozenset[str]) -> bool:
    return takes(row.spelled.get("latex") or "", given)


def _number(value: float | bool) -> tuple[str, int]:  # noqa: FBT001  (a literal)
    if isinstance(value, bool):
        return rf"\mathrm{{{str(value).lower()}}}", ATOM
    mantissa, is_power, exponent = repr(value).partition("e")
    if is_power and mantissa == "1":
        return f"10^{{{int(exponent)}}}", POWER
    if is_power:
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}", PRODUCT
    return mantissa, SIGN if value < 0 else ATOM


def _setting(value: Any) -> str:  # noqa: ANN401  (whatever the setting is)
    return rf"\mathrm{{{_escaped(str(value))}}}"


def _word(name: str) -> str:
    return rf"\operatorname{{{_escaped(name)}}}"


def _escaped(text: str) -> str:
    return text.replace("_", r"\_")


def symbol(name: str) -> str:
    r"""Return a variable: one letter, a Greek letter, or a word; with an index if it has one.

    Examples
    --------
    >>> [symbol(name) for name in ("x", "alpha", "w_12", "x0", "rate")]
    ['x', '\\alpha', 'w_{12}', 'x_{0}', '\\mathrm{rate}']
    """
    stem, _, index = name.partition("_")
    if not index and (found := re.fullmatch(r"([A-Za-z]+)(\d+)", name)):
        stem, index = found.groups()
    if index and re.fullmatch(r"\w*[A-Za-z]\w*", index):
        index = rf"\mathrm{{{_escaped(index)}}}"
    letter = f"\\{stem}" if stem in _GREEK else stem if len(stem) == 1 else rf"\mathrm{{{stem}}}"
    return f"{letter}_{{{index}}}" if index else letter
