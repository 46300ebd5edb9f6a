r"""Read a formula in LaTeX as an expression in Python's grammar.

A text is LaTeX if it has a command, such as ``\frac``, or braces after ``^`` or ``_``. What is
written without an operator is a product if it has no other meaning: ``2x``, ``x \sin x``,
``(x+1)(x-1)``. ``f(x)`` and ``xy`` are errors, since each may be a product or a name.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Final, NoReturn

from symdiff.catalogue import BY_NAME
from symdiff.errors import ExpressionError, did_you_mean
from symdiff.program.latex_tokens import (
    COMMAND,
    ELSEWHERE,
    FUNCTIONS,
    GREEK,
    LOGIC,
    NORMS,
    OF_PAIR,
    OTHERWISE,
    PAIRS,
    PRODUCTS,
    RECIPROCAL,
    RELATIONS,
    SUMS,
    Cursor,
    is_operand,
)

_MAX_NESTING: Final = 80  # of sums and factors inside one another: fewer than Python's stack allows
# How tightly a text binds, as Python's grammar has it.
_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)


@dataclasses.dataclass(frozen=True, slots=True)
class Formula:
    """A formula in Python's grammar; `notes` says which of several meanings was taken."""

    text: str
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class _Part:
    """A text in Python's grammar, and how tightly it binds."""

    text: str
    level: int = _ATOM

    def at(self, level: int) -> str:
        """Return the text, in brackets if it binds less tightly than `level`."""
        return self.text if self.level >= level else f"({self.text})"


def is_latex(text: str) -> bool:
    r"""Return whether a text is LaTeX.

    Examples
    --------
    >>> is_latex(r"\frac{x}{2}"), is_latex("e^{-x}"), is_latex("e^-x")
    (True, True, False)
    """
    return COMMAND.search(text) is not None


def read_latex(text: str) -> Formula:
    r"""Return a formula in LaTeX as an expression in Python's grammar; nothing is simplified.

    Raises
    ------
    ExpressionError
        A command has no meaning here, or a part has several meanings.

    Examples
    --------
    >>> read_latex(r"\frac{x}{1+x^2}").text
    'x/(1 + x**2)'
    >>> read_latex(r"\sin^2 x + \left|2x\right|").text
    'sin(x)**2 + abs(2*x)'
    """
    reader = _Latex(text)
    part = reader.formula()
    return Formula(part.text, tuple(dict.fromkeys(reader.notes)))


class _Latex(Cursor):
    """Reads a formula by recursive descent; `_position` is the token that is read next."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._bars = 0  # plain bars that are open
        self.notes: list[str] = []

    def formula(self) -> _Part:
        """Read the whole text."""
        if not self._tokens:
            message = "the formula is empty"
            raise ExpressionError(message, hint=r"write a formula, such as \frac{x}{2}")
        part = self._sum()
        if self._peek in RELATIONS:
            hint = "write the right side alone" if self._peek == "=" else "write the formula alone"
            self._fail("an equation or a condition is not a formula", hint)
        if self._peek:
            self._fail(f"unexpected {self._peek!r}", "remove it, or write \\cdot for a product")
        return part

    # -- sums and products

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > _MAX_NESTING:
            self._fail(f"more than {_MAX_NESTING} nested parts", "use let definitions")

    def _sum(self) -> _Part:
        self._enter()
        part = self._signed()
        while self._peek in SUMS:
            operator = SUMS[self._take()]
            right = self._signed()
            part = _Part(f"{part.text} {operator} {right.at(_PRODUCT)}", _SUM)
        self._depth -= 1
        return part

    def _signed(self) -> _Part:
        signs = ""
        while self._peek in SUMS:
            signs += self._take()
        part = self._product()
        # The sign is applied last: -x^2 is -(x^2), and -xy is -(xy), which is the same number.
        return (
            _Part(f"{signs}{part.text}", _PRODUCT if part.level == _PRODUCT else _SIGN)
            if (signs)
            else part
        )

    def _product(self) -> _Part:
        part = self._factor()
        while True:
            if self._peek in PRODUCTS:
                start = self._position
                operator = PRODUCTS[self._take()]
                right = self._signed_factor()
                if operator == "/" and self._starts_factor():
                    hint = r"write \frac{1}{2x} or \frac{1}{2} x"
                    self._fail("what belongs to the denominator is not clear", hint, start)
            elif self._starts_factor():
                operator, right = "*", self._factor()
            else:
                return part
            part = _Part(f"{part.at(_PRODUCT)}{operator}{right.at(_SIGN)}", _PRODUCT)

    def _signed_factor(self) -> _Part:
        if self._peek not in SUMS:
            return self._factor()
        sign = self._take()
        return _Part(f"{sign}{self._factor().at(_POWER)}", _SIGN)

    def _starts_factor(self) -> bool:
        """Return whether a factor follows without an operator."""
        written = self._peek
        if written == "|":
            return not self._bars
        return (self._kind in {"number", "letters", "word"} and written not in LOGIC) or (
            written in PAIRS
            or written in NORMS
            or (self._kind == "command" and is_operand(written))
        )

    # -- powers and atoms

    def _factor(self) -> _Part:
        start = self._position
        base = self._atom()
        return self._raised(base, start)

    def _raised(self, base: _Part, start: int) -> _Part:
        if self._peek == "'":
            self._fail("a prime has no meaning here", "write the function itself")
        if self._peek == "!":
            self._fail("a factorial has no derivative", r"write \Gamma(x+1)")
        if self._peek != "^":
            return base
        exponent = self._exponent()
        if self._peek == "^":
            self._fail("two exponents", "put braces: x^{2^3}", start)
        return _Part(f"{base.at(_ATOM)}**{exponent.at(_SIGN)}", _POWER)

    def _exponent(self) -> _Part:
        self._take("^")
        if self._peek == "{":
            return self._group("{")
        if self._kind == "number" and len(self._peek) > 1:
            self._fail("which digits are raised is not clear", f"write ^{{{self._peek}}}")
        if (self._kind == "letters" and len(self._peek) > 1) or self._peek in {"-", "+", "("}:
            self._fail("what is raised is not clear", "write braces: x^{-1}")
        return self._atom()

    def _atom(self) -> _Part:
        self._enter()
        part = self._any_atom()
        self._depth -= 1
        return part

    def _any_atom(self) -> _Part:
        kind, written, start = self._kind, self._peek, self._position
        if kind == "number":
            return _Part(self._take())
        if kind in {"letters", "word"}:
            return self._word()
        if written == "\\begin":
            return self._cases()
        if written in NORMS:
            hint = r"write \left|x\right| for a number, \operatorname{norm}(x) for a vector"
            self._fail("which norm is meant is not clear", hint)
        if written in PAIRS:
            inner = self._group(written)
            return inner if written == "{" else _Part(f"{OF_PAIR.get(written, '')}({inner.text})")
        if kind == "command":
            return self._command(written.removeprefix("\\"), start)
        return self._missing()

    def _missing(self) -> NoReturn:
        found = f", not {self._peek!r}" if self._peek else ""
        self._fail(f"a number or a variable is expected{found}", "complete the formula")

    def _group(self, opening: str) -> _Part:
        self._take(opening)
        closing, bars = PAIRS[opening], self._bars
        self._bars = bars + 1 if opening == "|" else 0
        inner = self._sum()
        if self._peek != closing:
            hint = f"close it with {closing}" if not self._peek else "remove it, or write \\cdot"
            self._fail(f"{closing} is expected to close {opening}", hint)
        self._take(closing)
        self._bars = bars
        if opening == "|" and bars == 0 and self._kind in {"number", "letters"}:
            self._fail("it is not clear which bars belong together", r"write \left| and \right|")
        return inner

    def _word(self) -> _Part:
        kind, word = self._kind, self._take()
        start = self._position - 1
        if self._peek == "_":
            return _Part(self._indexed(word))
        called = self._peek in {"(", "[", "\\{"}
        if called and len(word) > 1:
            row = BY_NAME.get(word) or BY_NAME.get(word.lower())
            if row is None:
                hint = did_you_mean(word, BY_NAME) or r"write \cdot for a product"
                self._fail(f"unknown function {word[:40]!r}", hint, start)
            return _Part(f"{row.name}({', '.join(self._arguments())})")
        if called and not word.isdigit():
            hint = rf"write {word} \cdot (...) for a product"
            self._fail(f"{word}(...) may be a function or a product", hint, start)
        if len(word) > 1 and kind == "letters" and word != "pi":
            spaced = " ".join(word[:8])
            hint = rf"write {spaced} for a product, \mathrm{{{word[:8]}}} for one variable"
            self._fail(f"{word[:40]} may be a product or one variable", hint, start)
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", word):
            self._fail(f"{word[:40]!r} is not a name", "write letters and digits", start)
        return _Part(word)

    def _indexed(self, word: str) -> str:
        """Return the name of a variable with an index: x_1, x_{10}."""
        self._take("_")
        if self._peek != "{":
            index = self._take()[:1] if len(self._peek) == 1 else self._unclear_index()
        else:
            self._take("{")
            index = ""
            while self._kind in {"number", "letters", "word"}:
                index += self._take()
            self._take("}", "write letters and digits as an index: x_{10}")
        if not re.fullmatch(r"[A-Za-z0-9]+", index):
            self._fail("an index must have letters and digits", "write x_{10}", self._position - 1)
        return f"{word}_{index}"

    def _unclear_index(self) -> NoReturn:
        self._fail("where the index ends is not clear", f"write _{{{self._peek}}}")

    # -- commands

    def _command(self, name: str, start: int) -> _Part:
        read: Callable[[], _Part] | None = {
            "frac": self._fraction, "dfrac": self._fraction, "tfrac": self._fraction,
            "sqrt": self._root,
        }.get(name)  # fmt: skip
        if name in FUNCTIONS or name in RECIPROCAL:
            self._take()
            return self._function(name)
        if read is not None:
            self._take()
            return read()
        if name in {"pi", "infty"} or name in GREEK or name == "lambda":
            self._take()
            word = {"infty": "inf", "lambda": "lambda_"}.get(name, name)
            if self._peek == "_":
                return _Part(self._indexed(word))
            if self._peek == "(" and name != "pi":
                hint = rf"write \operatorname{{sigmoid}}(x), or \{name} \cdot (...) for a product"
                self._fail(f"\\{name}(...) may be a function or a product", hint, start)
            return _Part(word)
        if name in ELSEWHERE or not name.isalpha():
            self._fail(f"{self._peek} has no meaning here", "write the formula without it")
        known = [*FUNCTIONS, *RECIPROCAL, "frac", "sqrt", "cdot", "left", "right", *GREEK]
        hint = did_you_mean(name, known) or rf"functions are written \operatorname{{{name}}}(x)"
        return self._fail(f"\\{name} has no meaning here", hint)

    def _fraction(self) -> _Part:
        above = self._argument("\\frac{x}{y}")
        below = self._argument("\\frac{x}{y}")
        return _Part(f"{above.at(_PRODUCT)}/{below.at(_SIGN)}", _PRODUCT)

    def _argument(self, example: str) -> _Part:
        if self._peek == "{":
            return self._group("{")
        if len(self._peek) == 1 and self._kind in {"number", "letters"}:
            return _Part(self._take())
        return self._fail("braces are expected", f"write {example}")

    def _root(self) -> _Part:
        index = "2"
        if self._peek == "[":
            index = self._group("[").text
        start = self._position
        inside = self._argument("\\sqrt{x}")
        if index in {"2", "3"}:
            return _Part(f"{'sqrt' if index == '2' else 'cbrt'}({inside.text})")
        if not re.fullmatch("[1-9][0-9]?", index) or int(index) % 2:
            hint = f"write x^{{1/{index}}}, which is undefined for x < 0"
            self._fail("this root of a negative number is not clear", hint, start - 1)
        return _Part(f"{inside.at(_ATOM)}**(1/{index})", _POWER)

    def _function(self, name: str) -> _Part:
        start = self._position - 1
        base, function = "", FUNCTIONS.get(name) or RECIPROCAL[name]
        if name == "log" and self._peek == "_":
            self._take("_")
            base = self._group("{").text if self._peek == "{" else self._take()
            function = {"2": "log2", "10": "log10", "e": "log"}.get(base, "log")
        elif name == "log":
            self.notes.append("read \\log as the natural logarithm")
        power = self._exponent() if self._peek == "^" else None
        if power is not None and power.text.startswith("-"):
            inverse = f"a{function}"
            other = rf"\operatorname{{{inverse}}} x or " if inverse in BY_NAME else ""
            hint = rf"write {other}1/\{name} x"
            self._fail(f"\\{name}^{{{power.text}}} has two meanings", hint, start)
        if name in {"max", "min"} and self._peek not in {"(", "\\{", "[", "{"}:
            self._fail(f"\\{name} needs its arguments in brackets", rf"write \{name}(0, x)")
        text = f"{function}({self._applied(name, start)})"
        part = _Part(text)
        if base not in {"", "2", "10", "e"}:
            part = _Part(f"{text}/log({base})", _PRODUCT)
        if name in RECIPROCAL:
            part = _Part(f"1/{text}", _PRODUCT)
        return part if power is None else _Part(f"{part.at(_ATOM)}**{power.at(_SIGN)}", _POWER)

    def _applied(self, name: str, start: int) -> str:
        """Return the arguments of a function: in brackets, or one factor such as 2x."""
        if self._peek in {"(", "[", "\\{", "{"}:
            arguments = self._arguments()
            if self._peek == "^":
                hint = rf"write \{name}^2(x), or \{name}((x)^2)"
                self._fail(f"what is raised after \\{name}(...) is not clear", hint)
            return ", ".join(arguments)
        factors = []
        while self._kind == "number" or self._peek == "\\pi":
            factors.append(self._factor())
        if self._starts_operand():
            factors.append(self._factor())
        if not factors:
            self._fail(f"\\{name} needs an argument", rf"write \{name}(x)")
        if self._starts_operand():
            hint = rf"write \{name}(x y) or (\{name} x) y"
            self._fail(f"how far the argument of \\{name} goes is not clear", hint, start)
        return "*".join(f.at(_SIGN if len(factors) > 1 else _SUM) for f in factors)

    def _starts_operand(self) -> bool:
        """Return whether a factor follows that is not a function: sin x cos x is a product."""
        name = self._peek.removeprefix("\\")
        return self._starts_factor() and name not in FUNCTIONS and name not in RECIPROCAL

    def _arguments(self) -> list[str]:
        opening = self._take()
        closing, bars = PAIRS[opening], self._bars
        self._bars = 0
        arguments = [self._sum().text]
        while self._peek == ",":
            self._take()
            arguments.append(self._sum().text)
        self._take(closing, f"close it with {closing}")
        self._bars = bars
        return arguments

    # -- cases

    def _cases(self) -> _Part:
        start = self._position
        self._take()
        if self._take() not in {"cases", "dcases"}:
            self._fail("only the environment cases has a meaning", r"write \begin{cases}", start)
        text, opened, is_complete = "", 0, False
        while self._peek != "\\end":
            value = self._sum().text
            self._skip(",")
            self._take("&", r"write x & x > 0 \\")
            if self._peek in OTHERWISE:
                self._take()
                text, is_complete = f"{text}({value})", True
            else:
                text = f"{text}(({value}) if {self._condition()} else "
                opened += 1
            for mark in (",", ".", "\\\\"):
                self._skip(mark)
            if is_complete:
                break
        if not is_complete or not opened:
            hint = r"end with a case for the rest: x & \text{otherwise}"
            self._fail("the cases may not cover all numbers", hint, start)
        self._take("\\end", "the case `otherwise` comes last")
        self._take("cases" if self._peek == "cases" else "dcases")
        return _Part(text + ")" * opened)

    def _condition(self) -> str:
        for word in ("if", "for", "when"):
            self._skip(word)
        text = self._comparison()
        while self._peek in LOGIC:
            operator = LOGIC[self._take()]
            text = f"{text} {operator} {self._comparison()}"
        return text

    def _comparison(self) -> str:
        text = self._sum().text
        if self._peek not in RELATIONS:
            self._fail("a condition is expected", r"compare it, such as x \ge 0")
        while self._peek in RELATIONS:
            operator = RELATIONS[self._take()]
            text = f"{text} {operator} {self._sum().text}"
        return text
