"""What is asked about one expression, whichever door it came through."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

from symdiff.errors import FileError, InputError, Place, UsageError
from symdiff.program import Program

GridText = str | list[float | str]
Claims = Mapping[str, str] | Sequence[str] | str

MAX_NAME = 100  # characters
# For a keyword of the library: an example, for messages.
_EXAMPLES: Final[Mapping[str, str]] = {
    "let": 'let={"u": "x**2"}',
    "spellings": 'spellings={"clamp": "clamp(x, min=0)"}',
    "claims": 'claims={"x": "2*x"}, or a list of definitions that ends in "grad_x = 2*x"',
    "values": 'values={"w": [[1, 2], [3, 4]]}',
    "tangent": 'tangent={"x": [1, 0]}',
    "wrt": 'wrt=["x"]',
    "math": 'math="x*sigmoid(x)"',
}
# For the key that an error names: the key of the file's entry.
_KEY_OF = {"claim": "claims", "spelling": "spellings", "expect:": "expect"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a report says about a request; no number depends on it.

    Attributes
    ----------
    name
        Unique in a run; empty: the expression's text stands for it.
    file, line
        Where the request was read from.
    lines
        The line of each key in that file.
    source, note
        Where the expression comes from; what a reader should know.
    expect
        For an engine, the verdicts that are accepted and have to occur.
    """

    name: str = ""
    file: str | None = None
    line: int | None = None
    lines: Mapping[str, int] = dataclasses.field(default_factory=dict)
    source: str = ""
    note: str = ""
    expect: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def locate(self, error: InputError) -> InputError:
        """Return the error with the file, the entry and, where it is known, the key's line."""
        word = (error.place.key or "expr").split()[0]
        line = self.lines.get(_KEY_OF.get(word, word), self.line)
        return error.within(file=self.file, line=line, entry=self.name or None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked about one expression; texts are not parsed yet.

    Attributes
    ----------
    expression
        A text, a Program, or a callable on torch tensors.
    math
        The formula of a callable.
    let
        Named sub-expressions, in order.
    grid, at
        For a variable its points: kinks are added to those of `grid`, nothing to those of `at`.
        A torch tensor in `grid` that has dimensions is moved to `values`.
    zip
        Whether the k-th point has the k-th coordinate that `at` lists for every variable. If not,
        the points are all combinations of the coordinates.
    wrt
        The variables to differentiate with respect to; None: all.
    claims
        Derivatives that somebody asserts; see `claims.read_claims`.
    spellings
        Other programs for the same function, by name.
    values
        For a tensor its value.
    cotangent
        The gradient that `backward` is called with: numbers in the shape of the expression's
        value, several of them along a first dimension, or an expression; None: the derivatives
        of every component of the value are asked for.
    tangent
        For some inputs the direction of a JVP; None: derivatives with respect to every variable.
    accumulate
        How often `backward` is called.
    order
        The order of the derivatives; None: that of the options.
    dtype
        The formats to compute in; none: those of the options.
    label
        Name, file, source, note and expected verdicts.
    given
        The variables in the order in which `grid`, `at` and `values` have them.

    Examples
    --------
    >>> Request(expression="relu(x)", grid={"x": "-1:1:3"}).text
    'relu(x)'
    """

    expression: str | Program | Callable[..., Any]
    math: str | Program | None = None
    let: Mapping[str, str] = dataclasses.field(default_factory=dict)
    grid: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    at: Mapping[str, Any] | None = None
    zip: bool = False
    wrt: Sequence[str] | None = None
    claims: Claims = dataclasses.field(default_factory=dict)
    spellings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    cotangent: Any = None
    tangent: Mapping[str, Any] | None = None
    accumulate: int = 1
    order: int | None = None
    dtype: Sequence[str] = ()
    label: Label = dataclasses.field(default_factory=Label)
    given: tuple[str, ...] = dataclasses.field(init=False, default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        """Check types, and move torch tensors from `grid` to `values`: they are not points."""
        _check_types(self)
        parts = (self.grid, self.at, self.values)
        named = (name for part in parts if isinstance(part, Mapping) for name in part)
        object.__setattr__(self, "given", tuple(dict.fromkeys(named)))
        if not isinstance(self.grid, Mapping):
            return  # reported with the variables' names, once they are known
        tensors = {n: x for n, x in self.grid.items() if hasattr(x, "detach") and x.ndim}
        if tensors:
            points = {name: x for name, x in self.grid.items() if name not in tensors}
            object.__setattr__(self, "grid", points)
            object.__setattr__(self, "values", {**tensors, **self.values})

    @property
    def text(self) -> str:
        """The expression as text; for a callable, its formula."""
        formula = self.math if callable(self.expression) else self.expression
        return formula.text if isinstance(formula, Program) else str(formula)

    @property
    def where(self) -> str:
        """The file and the name, for messages."""
        name = repr(self.label.name or self.text)
        return f"{self.label.file}, entry {name}" if self.label.file else name


def _check_types(request: Request) -> None:
    """Check what a caller of the library can get wrong; files and the command line cannot.

    Raises
    ------
    UsageError
        An argument has a different type than `Request` describes.
    """
    for key in ("let", "spellings", "values", "tangent"):
        value = getattr(request, key)
        if not isinstance(value, Mapping | None):
            _refuse(key, "a mapping", value)
    for key in ("let", "spellings"):
        _check_texts(key, getattr(request, key))
    if isinstance(request.claims, Mapping):
        _check_texts("claims", request.claims)
    elif not _is_texts(request.claims):
        _refuse("claims", "a mapping or a list of texts", request.claims)
    if request.wrt is not None and not _is_texts(request.wrt):
        _refuse("wrt", "a list of variables", request.wrt)
    if callable(request.expression) and not isinstance(request.math, str | Program | None):
        _refuse("math", "a string or a Program", request.math)


def _is_texts(value: object) -> bool:
    """Return whether a value is a sequence of texts; a text is one, of its characters."""
    return isinstance(value, Sequence) and all(isinstance(item, str) for item in value)


def _check_texts(key: str, texts: Mapping[Any, Any]) -> None:
    for name, text in texts.items():
        if not isinstance(name, str):
            _refuse(f"{key} {name!r}", "named by a string", name)
        if not isinstance(text, str):
            _refuse(f"{key} {name}", "a string", text)


def _refuse(key: str, form: str, value: object) -> NoReturn:
    message = f"must be {form}, not {short(repr(value))}"
    raise UsageError(message, place=Place(key=short(key)), hint=_EXAMPLES[key.split(maxsplit=1)[0]])


@dataclasses.dataclass(frozen=True, slots=True)
class Raw:
    """An entry of a file before it is checked.

    Attributes
    ----------
    content
        The TOML table, or the line.
    line
        The line on which it starts, if known.
    text
        Its text in a TOML file.
    """

    content: Any
    line: int | None = None
    text: str = ""


def checked_name(name: str) -> str:
    """Return a name that can stand in tables.

    Raises
    ------
    FileError
        It is empty, longer than `MAX_NAME`, or not printable.
    """
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        message = f"{short(name)!r} is not a name"
        hint = f"1 to {MAX_NAME} printable characters on one line: name = ..."
        raise FileError(message, place=Place(key="name"), hint=hint)
    return name


def short(text: str) -> str:
    """Return the beginning of a text, for messages."""
    return text if len(text) <= 40 else text[:37] + "..."
