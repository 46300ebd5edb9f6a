"""Write a Program as a function in PyTorch, NumPy and SciPy, or JAX."""

from __future__ import annotations

import dataclasses
import keyword
import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from symdiff.catalogue import CATALOGUE, Function, Parameter
from symdiff.catalogue.arrangements import ALL
from symdiff.printing.levels import (
    ATOM,
    CHOICE,
    SIGN,
    Written,
    conditional,
    filled,
    infix,
    negated,
    number,
)
from symdiff.printing.preparation import Prepared, prepare, takes
from symdiff.program import Call, Constant, Input, Literal, Program, Setting

_BITWISE: Final[Mapping[str, str]] = MappingProxyType({"and": "&", "or": "|"})


@dataclasses.dataclass(frozen=True, slots=True)
class Dialect:
    """How a library for arrays is written.

    Attributes
    ----------
    language
        Its key in `Function.spelled`.
    library
        Its name in messages.
    prefixes
        By the folder of a name in a column, what is written in front of the function.
    imports
        The line that imports each module, by the name that the code uses.
    keywords
        The keywords that differ from torch's.
    """

    language: str
    library: str
    prefixes: Mapping[str, str]
    imports: Mapping[str, str]
    keywords: Mapping[str, str]

    @property
    def main(self) -> str:
        """The name of the library's main module in the code."""
        return next(iter(self.imports))

    @property
    def is_torch(self) -> bool:
        """Whether its functions take tensors only."""
        return self.language == "torch"

    def form(self, row: Function) -> str | None:
        """Return how a row is written: a template, or "" for an operator; None: it has no form."""
        if self.language in row.spelled:
            return self._template(row.spelled[self.language])
        if row.is_operator or row.role == "comparison" or row.operator in {*_BITWISE, "@"}:
            return ""
        if row.selects_by_condition and row.runs_one_branch:
            return "" if self.is_torch else self._template(CATALOGUE["where"].numpy)
        if self.is_torch:
            column = row.torch
            is_column = isinstance(column, str)
            return self._template(column) if is_column else None
        text = row.spelled.get("numpy") or (row.numpy if isinstance(row.numpy, str) else None)
        return self._template(text)

    def has_form(self, row: Function, given: frozenset[str]) -> bool:
        """Return whether a row can be written with arguments for the given parameters."""
        form = self.form(row)
        return form is not None and takes(form, given)

    def _template(self, text: Any) -> str | None:  # noqa: ANN401  (a column)
        """Return a template for a dotted name below the library, or for a template."""
        if not text:
            return None
        if "<" in text:
            return re.sub(r"\bnp\.", f"{self.main}.", text)
        folder, _, name = text.rpartition(".")
        prefix = self.prefixes.get(folder, self.prefixes[""] + f"{folder}.")
        return f"{prefix}{name}(<*>)"


_RENAMED: Final = MappingProxyType({"dim": "axis", "keepdim": "keepdims", "diagonal": "k"})
DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        d.language: d
        for d in (
            Dialect(
                "torch",
                "PyTorch",
                {"": "torch.", "F": "F."},
                {"torch": "import torch", "F": "import torch.nn.functional as F"},
                {},
            ),
            Dialect(
                "numpy",
                "NumPy",
                {"": "np.", "special": "special."},
                {"np": "import numpy as np", "special": "from scipy import special"},
                _RENAMED,
            ),
            Dialect(
                "jax",
                "JAX",
                {"": "jnp.", "special": "special.", "nn": "jax.nn.", "lax": "jax.lax."},
                {
                    "jnp": "import jax.numpy as jnp",
                    "jax": "import jax",
                    "special": "from jax.scipy import special",
                },
                _RENAMED,
            ),
        )
    }
)


def function_text(program: Program, dialect: Dialect, name: str = "f") -> str:
    """Return the definition of a function of the program's variables, with the imports.

    Parameters
    ----------
    program
        The program.
    dialect
        The library.
    name
        The name of the function.

    Raises
    ------
    ExpressionError
        The library has no form for a function of the program.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> print(function_text(parse("relu(x)/3"), DIALECTS["torch"]))
    import torch
    <BLANKLINE>
    <BLANKLINE>
    def f(x):
        return torch.relu(x)/3
    """
    reserved = {*dialect.imports, *keyword.kwlist, name}
    prepared = prepare(program, dialect.library, dialect.has_form, reserved=reserved)
    writer = _Writer(prepared, dialect)
    lines = []
    for index in prepared.program.order:
        written = writer.write(index)
        if index in prepared.names and index != prepared.program.output:
            lines.append(f"{prepared.names[index]} = {written.text}")
            written = Written(prepared.names[index])
        writer.known[index] = written
    lines.append(f"return {writer.known[prepared.program.output].text}")
    body = "\n".join(f"    {line}" for line in lines)
    imports = [
        line for alias, line in dialect.imports.items() if re.search(rf"(?<![\w.]){alias}\.", body)
    ]
    head = f"def {name}({', '.join(prepared.inputs.values())}):"
    return "\n".join([*sorted(imports), *([""] * 2 if imports else []), head, body])


class _Writer:
    """Writes the nodes of a Program, each after its arguments."""

    def __init__(self, prepared: Prepared, dialect: Dialect) -> None:
        self._program = prepared.program
        self._inputs = prepared.inputs
        self._dialect = dialect
        self._plain: set[int] = set()  # nodes whose value is a number of Python
        self.known: dict[int, Written] = {}

    def write(self, index: int) -> Written:
        """Return the text of a node whose arguments are known."""
        node = self._program.nodes[index]
        if isinstance(node, Call):
            return self._call(index, node)
        if isinstance(node, Setting):
            return self._setting(node.value)
        if isinstance(node, Input):
            return Written(self._inputs[node.name])
        self._plain.add(index)
        if isinstance(node, Constant):
            return Written(f"{self._dialect.main}.{node.name}")
        return number(node.value)

    def _setting(self, value: Any) -> Written:  # noqa: ANN401  (whatever the setting is)
        if isinstance(value, float) and math.isinf(value):
            return Written(f"{'-' * (value < 0)}{self._dialect.main}.inf", SIGN)
        return Written(repr(value))

    def _call(self, index: int, node: Call) -> Written:
        row = CATALOGUE[node.function]
        if row.role == "list":
            parts = [self._tensor(a).text for a in node.operands]
            return Written(f"[{', '.join(parts)}]")
        form = self._dialect.form(row)
        if form == "":
            return self._operation(index, row, node.operands)
        given = self._arguments(row, node)

        def argument(name: str) -> Written:
            if name == "*":
                return Written(self._listed_arguments(row, given), CHOICE)
            if name in given:
                return given[name]
            (default,) = (str(p.default) for p in row.parameters if p.name == name)
            return Written("None" if default.endswith("inf") else default)  # None is no bound

        written = filled(str(form), argument)
        # torch returns values and indices; median does so along a dimension only.
        reduces_all = any(p.name == "dim" and p.default == "None" for p in row.parameters)
        if row.has_indices and self._dialect.is_torch and not (reduces_all and "dim" not in given):
            return Written(f"{written.text}.values")
        return written

    def _operation(self, index: int, row: Function, operands: tuple[int, ...]) -> Written:
        parts = [self.known[a] for a in operands]
        operator = str(row.operator)
        if row.selects_by_condition:
            _, chosen, other = operands
            return conditional(parts[0], self._tensor(chosen), self._tensor(other))
        if all(a in self._plain for a in operands):
            self._plain.add(index)
            if row.is_power:  # a power of integers may be too large for a library's integers
                parts[0] = self._as_float(operands[0])
        if len(parts) == 1:
            return negated(parts[0]) if operator == "u-" else parts[0]
        return infix(_BITWISE.get(operator, operator), *parts)

    def _arguments(self, row: Function, node: Call) -> dict[str, Written]:
        """Return the arguments that are given, by the row's names of the parameters."""
        bound = [(p, a) for p, a in row.bind(node.arguments) if a is not None]
        are_plain = all(a in self._plain for p, a in bound if p.kind in {"real", "any", "number"})
        bounds = [a for p, a in bound if p.kind == "any" and p.default is not None]
        mixes = not all(a in self._plain for a in bounds)
        texts = {}
        for parameter, a in bound:
            # torch takes bounds that are all numbers or all tensors.
            may_be_number = parameter.kind == "number" or (
                parameter.kind == "any"
                and parameter is not row.parameters[0]
                and not (mixes and a in bounds)
            )
            texts[parameter.name] = self._argument(
                parameter, a, may_be_number=may_be_number, as_float=are_plain
            )
        return texts

    def _argument(
        self, parameter: Parameter, given: int, *, may_be_number: bool, as_float: bool
    ) -> Written:
        node = self._program.nodes[given]
        if parameter.kind == "index" and isinstance(node, Setting):
            return Written(_index(node.value))
        if parameter.kind == "indices":
            return self._indices(given)
        if isinstance(node, Setting) or parameter.kind == "tensors":
            return self.known[given]
        if parameter.kind == "condition":
            is_bare = self._dialect.is_torch and given in self._plain
            return (
                Written(f"torch.tensor({self.known[given].text})") if is_bare else self.known[given]
            )
        if self._dialect.is_torch:
            return self.known[given] if may_be_number else self._tensor(given)
        return self._as_float(given) if as_float else self.known[given]

    def _listed_arguments(self, row: Function, given: Mapping[str, Written]) -> str:
        texts = []
        for parameter in row.parameters:
            if parameter.name in given:
                text = given[parameter.name].text
                word = parameter.keyword if self._dialect.is_torch else parameter.name
                word = self._dialect.keywords.get(word, word)
                is_keyword = parameter.default is not None or parameter.kind == "flag"
                texts.append(f"{word}={text}" if is_keyword else text)
        return ", ".join(texts)

    def _as_float(self, index: int) -> Written:
        """Return a node; an integer is written as a float."""
        node = self._program.nodes[index]
        is_integer = isinstance(node, Literal) and type(node.value) is int
        return number(float(node.value)) if is_integer else self.known[index]  # type: ignore[union-attr]

    def _tensor(self, index: int) -> Written:
        """Return a node; for torch, a number of Python as a tensor of the variables' dtype."""
        if index not in self._plain or not self._dialect.is_torch:
            return self.known[index]
        text = self._as_float(index).text
        first = next(iter(self._inputs.values()), None)
        if first is None:
            return Written(f"torch.tensor({text}, dtype=torch.float64)")
        return Written(f"{first}.new_tensor({text})")

    def _indices(self, given: int) -> Written:
        """Return indices: a list, or a variable converted to integers."""
        node = self._program.nodes[given]
        main = self._dialect.main
        if isinstance(node, Setting):
            make = "tensor" if self._dialect.is_torch else "array"
            return Written(f"{main}.{make}({_listed(node.value)})")
        name = self.known[given].within(ATOM)
        return Written(f"{name}.long()" if self._dialect.is_torch else f"{name}.astype(int)")


def _listed(value: Any) -> str:  # noqa: ANN401  (nested tuples of integers)
    if not isinstance(value, tuple):
        return repr(value)
    return f"[{', '.join(_listed(v) for v in value)}]"


def _index(parts: tuple[Any, ...]) -> str:
    """Return the text of an index.

    Examples
    --------
    >>> _index((0, ("slice", 1, None, None), None))
    '0, 1:, None'
    """
    texts = []
    for part in parts:
        if isinstance(part, tuple):
            start, stop, step = ("" if end is None else str(end) for end in part[1:])
            texts.append(f"{start}:{stop}" + (f":{step}" if step else ""))
        else:
            texts.append("..." if part == ALL else repr(part))
    return ", ".join(texts)
