"""Read benchmarks of FPCore 2.0, the format of FPBench and Herbie, as expressions.

An expression becomes text of the expression language, with its ``let`` as definitions. What has no
meaning here, such as loops, is refused with its place; the other benchmarks are still read.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import keyword
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Final, NoReturn

from symdiff.catalogue import CATALOGUE, Function
from symdiff.errors import ExpressionError, FileError, InputError, did_you_mean
from symdiff.printing.fpcore import CONSTANTS, operation
from symdiff.printing.levels import (
    ATOM,
    CHOICE,
    NOT,
    PRODUCT,
    SIGN,
    Written,
    conditional,
    filled,
    infix,
    negated,
)
from symdiff.program import check_name, parse
from symdiff.program.limits import MAX_DEFINITIONS, MAX_DIGITS, MAX_ENTRIES, MAX_INPUTS, MAX_TEXT
from symdiff.request.preconditions import Ranges, ranges_of
from symdiff.request.request import MAX_NAME, Label, Raw, Request, checked_name, short
from symdiff.request.s_expressions import Form, Item, Word, read_forms

# Formulas of operations of the standard that have no row.
_WITHOUT_ROW: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fma": "<0>*<1> + <2>",
        "fdim": "maximum(<0> - <1>, 0)",
        "round": "trunc(<0> + copysign(1/2, <0>))",
        "remainder": "<0> - rint(<0>/<1>)*<1>",
    }
)
_REFUSED: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        **dict.fromkeys(("while", "while*", "for", "for*"), ("a loop", "unroll it")),
        **dict.fromkeys(
            ("tensor", "tensor*", "array", "ref", "size", "dim"),
            ("a tensor", "write its components as variables"),
        ),
        "!": ("an annotation", "remove it: an expression has one precision, its :precision"),
        "cast": ("a rounding inside an expression", "remove it"),
        **dict.fromkeys(
            ("isfinite", "isinf", "isnan", "isnormal", "signbit"),
            ("a question about a floating-point number", "expressions are functions of reals"),
        ),
    }
)
_PRECISIONS: Final[Mapping[str, str]] = MappingProxyType(
    {"binary16": "float16", "binary32": "float32", "binary64": "", "real": ""}
)
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_RATIONAL: Final = re.compile(r"[+-]?\d+/\d+")
_HEXADECIMAL: Final = re.compile(
    r"[+-]?0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?\d+)?", re.IGNORECASE
)
_EXAMPLE: Final = '(FPCore (x) :name "f" (- (sqrt (+ x 1)) (sqrt x)))'


def fpcore_entries(text: str, file: str) -> list[Raw]:
    """Return the benchmarks of a file, unchecked, each with its line.

    Raises
    ------
    FileError
        There are too many.
    """
    raws = [
        Raw(form, form.place.line if isinstance(form, FileError) else form.at.line)
        for form in read_forms(text)
    ]
    if len(raws) > MAX_ENTRIES:
        message = f"{len(raws)} expressions, at most {MAX_ENTRIES} are read"
        raise FileError(message, hint="split it into several files").within(file=file)
    return raws


def fpcore_entry(raw: Raw, file: str) -> Request:
    """Return the request of a benchmark.

    Raises
    ------
    FileError
        It is not a benchmark, or has a part that is refused.
    """
    form = raw.content
    if isinstance(form, FileError):
        raise form
    core = _core(form)
    try:
        return _request(core, Label(name=_name(core), file=file, line=raw.line))
    except InputError as error:
        raise error.within(entry=short(_name(core)) or None) from None


@dataclasses.dataclass(frozen=True, slots=True)
class _Core:
    """The parts of a benchmark."""

    form: Form
    symbol: str
    arguments: tuple[Item, ...]
    properties: Mapping[str, Item]
    body: Item


def _core(form: Form) -> _Core:
    """Return the parts of a benchmark, unchecked."""
    if form.head != "FPCore":
        form.fail("a benchmark begins with (FPCore", _EXAMPLE)
    items = form.items[1:]
    symbol = items[0].text if items and isinstance(items[0], Word) else ""
    items = items[1:] if symbol else items
    if not items or not isinstance(items[0], Form):
        form.fail("the list of variables is missing", _EXAMPLE)
    arguments, rest = items[0].items, items[1:]
    properties: dict[str, Item] = {}
    first = 0
    while first + 1 < len(rest) and isinstance(key := rest[first], Word) and key.text[:1] == ":":
        properties[key.text[1:]] = rest[first + 1]
        first += 2
    if len(rest) != first + 1:
        form.fail(f"{len(rest) - first} expressions, not one", _EXAMPLE)
    return _Core(form, symbol, arguments, properties, rest[first])


def _name(core: _Core) -> str:
    words = _words(core.properties.get("name")) or core.symbol
    return " ".join(words.split())[:MAX_NAME].strip()


def _request(core: _Core, label: Label) -> Request:
    writer = Writer()
    scope = _scope(core, writer)
    expression = writer.write(core.body, scope).text
    precision, remarks = _precision(core.properties)
    ranges = Ranges({}, ())
    if (condition := core.properties.get("pre")) is not None:
        Writer().write(condition, scope)  # refuses what is not a condition on these variables
        ranges = ranges_of(condition, {name: own.text for name, own in scope.items()})
    renamed = [f"{name} is called {own.text}" for name, own in scope.items() if own.text != name]
    described = _words(core.properties.get("description"))
    program = parse(expression, definitions=writer.definitions)
    label = dataclasses.replace(
        label,
        name=checked_name(label.name or expression[:MAX_NAME]),
        source=_words(core.properties.get("cite")),
        note=" ".join(described.split()),
    )
    # A grid of a variable that the expression does not use would be refused.
    grid = {name: points for name, points in ranges.grid.items() if name in program.inputs}
    program = dataclasses.replace(
        program, notes=(*program.notes, *renamed, *remarks, *ranges.notes)
    )
    return Request(
        expression=program, let=writer.definitions, grid=grid, dtype=precision, label=label
    )


def _scope(core: _Core, writer: Writer) -> dict[str, Written]:
    """Return what the variables of a benchmark are called."""
    scope: dict[str, Written] = {}
    if len(core.arguments) > MAX_INPUTS:
        core.form.fail(f"more than {MAX_INPUTS} variables", "write several expressions")
    for argument in core.arguments:
        if not isinstance(argument, Word):
            argument.fail("a variable is a name here, not a tensor or an annotation", "(x y)")
        if argument.text in scope:
            argument.fail(f"the variable {argument.text[:40]!r} is listed twice", "remove one")
        scope[argument.text] = Written(writer.named(argument))
    return scope


def _words(item: Item | None) -> str:
    """Return a property as text: a word, or words in brackets."""
    if isinstance(item, Form):
        return ", ".join(part.text for part in item.items if isinstance(part, Word))
    return "" if item is None else item.text


def _precision(properties: Mapping[str, Item]) -> tuple[tuple[str, ...], list[str]]:
    """Return the dtypes of :precision, and what to say of one that has none."""
    word = _words(properties.get("precision"))
    if word and word not in _PRECISIONS:
        return (), [f":precision {word[:40]} has no dtype here: float64 is used"]
    dtype = _PRECISIONS.get(word)
    return ((dtype,) if dtype else ()), []


@dataclasses.dataclass(slots=True)
class Writer:
    """Writes items as text of the expression language.

    Attributes
    ----------
    definitions
        The ``let`` bindings so far, by name.
    """

    definitions: dict[str, str] = dataclasses.field(default_factory=dict)
    _taken: set[str] = dataclasses.field(default_factory=set)

    def named(self, word: Word) -> str:
        """Return a name for a variable of FPCore, unlike those before."""
        text = word.text
        name = re.sub(r"[^A-Za-z0-9_]", "_", text)[:60]
        name = name if re.match(r"[A-Za-z]", name) else f"v{name}"
        while name in self._taken or not _is_name(name):
            name += "_"
            if len(name) > 64:  # the longest that `check_name` takes
                word.fail(f"{text[:40]!r} is not a name of a variable", "a letter, digits and _")
        self._taken.add(name)
        return name

    def write(self, item: Item, scope: Mapping[str, Written]) -> Written:
        """Return the text of an item, with names for what `scope` has."""
        if isinstance(item, Word):
            return self._word(item, scope)
        head = item.head
        if head in {"let", "let*"}:
            return self._let(item, scope, one_by_one=head == "let*")
        if head == "digits":
            return self._digits(item)
        if head in _REFUSED:
            what, hint = _REFUSED[head]
            item.fail(f"{head} is refused: {what}", hint)
        if head not in _WITHOUT_ROW and head not in _rows():
            _fail_unknown(item)
        return self._call(item, head, [self.write(part, scope) for part in item.items[1:]])

    def _word(self, word: Word, scope: Mapping[str, Written]) -> Written:
        text = word.text
        if word.is_string:
            word.fail("a string is not a number", "remove it")
        if text in scope:
            return scope[text]
        if text in CONSTANTS:
            meaning = CONSTANTS[text]
            return filled(meaning, lambda _: Written(""))
        if len(text) > MAX_DIGITS:
            word.fail(f"a number with more than {MAX_DIGITS} digits", "write it with an exponent")
        if _NUMBER.fullmatch(text):
            return _signed(text, ATOM)
        if _RATIONAL.fullmatch(text):
            return _signed(text, PRODUCT)
        if _HEXADECIMAL.fullmatch(text):
            return self._hexadecimal(word)
        if text == "NAN":
            word.fail("NAN is no real number", "remove it")
        hint = did_you_mean(text, scope) or f"the variables: {', '.join(scope) or 'none'}"
        return word.fail(f"unknown variable {text[:40]!r}", hint)

    def _hexadecimal(self, word: Word) -> Written:
        try:
            value = float.fromhex(word.text)
        except OverflowError:
            word.fail("this number is too large for a double", "write INFINITY")
        return _signed(repr(value), ATOM)

    def _digits(self, form: Form) -> Written:
        texts = [part.text for part in form.items[1:] if isinstance(part, Word)]
        if len(texts) != 3 or not all(re.fullmatch(r"[+-]?\d{1,300}", t) for t in texts):
            form.fail("digits takes three integers", "(digits 3 -1 10) is 3*10**-1")
        mantissa, exponent, base = texts
        power = infix("**", Written(base.lstrip("+")), _signed(exponent, ATOM))
        return infix("*", _signed(mantissa, ATOM), power)

    def _let(self, form: Form, scope: Mapping[str, Written], *, one_by_one: bool) -> Written:
        if len(form.items) != 3 or not isinstance(form.items[1], Form):
            form.fail(
                f"{form.head} takes bindings and an expression", "(let ([h (+ x 1)]) (* h h))"
            )
        inner = dict(scope)
        for binding in form.items[1].items:
            if not isinstance(binding, Form) or len(binding.items) != 2:
                binding.fail("a binding has a name and an expression", "[h (+ x 1)]")
            name, value = binding.items
            if not isinstance(name, Word):
                name.fail("a binding has a name and an expression", "[h (+ x 1)]")
            written = self.write(value, inner if one_by_one else scope)
            inner[name.text] = self._defined(name, written)
        return self.write(form.items[2], inner)

    def _defined(self, name: Word, written: Written) -> Written:
        if len(self.definitions) == MAX_DEFINITIONS:
            name.fail(f"more than {MAX_DEFINITIONS} definitions", "write several expressions")
        own = self.named(name)
        self.definitions[own] = written.text
        return Written(own)

    def _call(self, form: Form, symbol: str, operands: list[Written]) -> Written:
        count = len(operands)
        if symbol in _WITHOUT_ROW:
            template = _WITHOUT_ROW[symbol]
            _check_count(form, count, len(set(re.findall(r"<\d>", template))))
            return _checked(form, filled(template, lambda place: operands[int(place)]))
        rows = _rows()[symbol]
        row = next((r for r in rows if len(r.parameters) == count), rows[0])
        if row.role == "comparison":
            return self._comparison(form, row, operands)
        is_chain = row.role == "logic" or symbol in {"+", "*", "-", "/"}
        if count > len(row.parameters) and is_chain and len(row.parameters) == 2:
            joined = operands[0]
            for operand in operands[1:]:
                joined = _checked(form, infix(str(row.operator), joined, operand))
            return joined
        _check_count(form, count, len(row.parameters))
        return _checked(form, _applied(row, operands))

    def _comparison(self, form: Form, row: Function, operands: list[Written]) -> Written:
        """Return a chain: each number is compared with the next; for != with all."""
        operator = str(row.operator)
        if len(operands) < 2:
            form.fail(f"{operator} compares two numbers", f"({operator} x 1)")
        pairs = itertools.combinations(operands, 2) if operator == "!=" else pairwise(operands)
        parts = (infix(operator, *pair) for pair in pairs)
        result = next(parts)
        for part in parts:
            result = _checked(form, infix("and", result, part))
        return result


def _checked(form: Form, written: Written) -> Written:
    """Return a text, and refuse one that is too long before it grows further."""
    if len(written.text) > MAX_TEXT:
        form.fail(f"the expression has more than {MAX_TEXT} characters", "use let*")
    return written


def _fail_unknown(form: Form) -> NoReturn:
    if not form.head:
        form.fail("the name of an operation is missing", "(+ x 1)")
    known = {*_rows(), *_WITHOUT_ROW, "let", "let*"}
    hint = did_you_mean(form.head, known) or "FPCore 2.0 lists the operations"
    form.fail(f"unknown operation {form.head[:40]!r}", hint)


def _check_count(form: Form, count: int, needed: int) -> None:
    if count != needed:
        arguments = "one argument" if needed == 1 else f"{needed} arguments"
        form.fail(f"{form.head} takes {arguments}, not {count}", None)


def _applied(row: Function, operands: Sequence[Written]) -> Written:
    """Return a call of a row as text."""
    if row.selects_by_condition:
        return conditional(*operands)
    if row.operator == "u-":
        return negated(operands[0])
    if row.operator == "u+":
        return operands[0]
    if row.operator == "not":
        return Written(f"not {operands[0].within(NOT)}", NOT)
    if row.operator is not None:
        return infix(row.operator, *operands)
    return Written(f"{row.name}({', '.join(o.within(CHOICE) for o in operands)})")


@functools.cache
def _rows() -> Mapping[str, list[Function]]:
    """Return the rows of each operation; that of the same name, or of one branch, first."""
    rows: dict[str, list[Function]] = {}
    for row in CATALOGUE.values():
        symbol = operation(row)
        if symbol is not None and not symbol.startswith("("):
            rows.setdefault(symbol, []).append(row)
    for symbol, several in rows.items():
        several.sort(key=lambda row: (row.name != symbol, not row.runs_one_branch))
    return rows


def _signed(text: str, level: int) -> Written:
    text = text.removeprefix("+")
    return Written(text, min(level, SIGN) if text.startswith("-") else level)


def _is_name(name: str) -> bool:
    try:
        check_name(name)
    except ExpressionError:
        return False
    return not keyword.iskeyword(name)
