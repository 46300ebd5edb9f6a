"""What an explanation says: findings, with the truth and the remedies that were tried."""

from __future__ import annotations

import dataclasses
import enum
import math
import textwrap
from typing import Final

from symdiff.tracing.places import CodeLine

WIDTH: Final = 80  # columns of the text
_KINK: Final = "kink"  # the kind of point with subgradients
_SHOWN: Final = 4  # elements of one tensor in the text


class Mechanism(enum.Enum):
    """How a number that is not finite, or a wrong zero, comes about."""

    BRANCH = "0*inf in the branch that is not taken"
    ZERO_TIMES_INFINITY = "0*inf"
    INFINITE_SLOPE = "an infinite slope"
    POLE = "a pole"
    ZERO_BY_ZERO = "0/0"
    OVERFLOW = "an overflow"
    DOMAIN = "outside the domain"
    MINUS_INFINITY = "a row of -inf"
    EQUAL_NUMBERS = "the spread of equal numbers"
    ZERO_VECTOR = "the norm of zeros"
    CUSTOM = "a custom backward"
    INPUT = "not finite in the input"
    WRONG_ZERO = "zero where the derivative is not"
    UNKNOWN = "not finite, and the reason is not known"


@dataclasses.dataclass(frozen=True, slots=True)
class Truth:
    """The derivative with respect to one element of a tensor.

    Attributes
    ----------
    kind
        The kind of the point along this element, as in a comparison: ``smooth``, ``kink``, ...;
        ``undecided`` where nothing is proved.
    derivative
        The derivative, if there is one.
    left, right
        The one-sided slopes, where they are known.
    reason
        Why nothing is proved; else "".
    """

    kind: str
    derivative: float | None = None
    left: float | None = None
    right: float | None = None
    reason: str = ""

    @property
    def has_gradient(self) -> bool:
        """Whether a finite number is true: the derivative, or one between two slopes."""
        if self.derivative is None and self.kind != _KINK:
            return False
        slopes = (self.left, self.right) if self.derivative is None else (self.derivative,)
        return all(s is not None and math.isfinite(s) for s in slopes)

    def __str__(self) -> str:
        """Return ``0.5``, ``none (slopes -1 and 1)`` or ``undecided``."""
        if self.derivative is not None:
            return f"{self.derivative:.6g}"
        if self.left is not None and self.right is not None and self.left != self.right:
            return f"none (slopes {self.left:.6g} and {self.right:.6g})"
        return self.kind if self.kind == "undecided" else f"none ({self.kind})"


@dataclasses.dataclass(frozen=True, slots=True)
class Element:
    """One element of a tensor whose gradient is not as it should be.

    Attributes
    ----------
    index
        Its multi-index.
    gradient
        What autograd returns.
    truth
        The derivative.
    """

    index: tuple[int, ...]
    gradient: float
    truth: Truth


@dataclasses.dataclass(frozen=True, slots=True)
class Affected:
    """One tensor in whose gradient a finding shows.

    Attributes
    ----------
    name
        The input or parameter; for a value in between, the name that the code gives it.
    shape
        Its shape.
    count
        How many of its elements are meant.
    elements
        The first few of them.
    """

    name: str
    shape: tuple[int, ...]
    count: int
    elements: tuple[Element, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Remedy:
    """Another way to write a call, for which autograd returned the true gradient.

    Attributes
    ----------
    instead_of, write
        The code as it is, and as it should be.
    gradients
        What autograd returned with it, for every tensor by element, in the order of the finding.
    note
        What else it changes; "" if nothing.
    """

    instead_of: str
    write: str
    gradients: tuple[tuple[float, ...], ...]
    note: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One operation in which a NaN, an infinity or a wrong zero arises.

    Attributes
    ----------
    operation
        The function of torch that was called.
    line
        The line of code that called it.
    mechanism
        How it comes about.
    reason
        The same with the numbers: ``sqrt(0), in the branch of where that is not taken``.
    tensors
        The inputs and parameters in whose gradients it shows.
    basis
        What the proof covers.
    remedies
        The remedies that give the true gradient.
    no_remedy
        Why there is none; "" if there is one.
    times
        How many calls this says the same of, as in a loop.
    """

    operation: str
    line: CodeLine | None
    mechanism: Mechanism
    reason: str
    tensors: tuple[Affected, ...]
    basis: str = ""
    remedies: tuple[Remedy, ...] = ()
    no_remedy: str = ""
    times: int = 1

    def __str__(self) -> str:
        """Return the finding as a paragraph of lines of at most 80 columns."""
        lines = [*_wrapped(str(self.line) if self.line else self.operation, "")]
        often = f" ({self.times} times)" if self.times > 1 else ""
        lines += _wrapped(f"{self.mechanism.value}: {self.reason}{often}", "  ")
        for tensor in self.tensors:
            lines += _of_tensor(tensor)
        if self.basis:
            lines += _wrapped(f"({self.basis})", "  ")
        for remedy in self.remedies:
            lines += _of_remedy(remedy, self.tensors)
        if self.no_remedy:
            lines += _wrapped(f"no remedy: {self.no_remedy}", "  ")
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True, slots=True)
class Explanation:
    """Where the NaNs, infinities and wrong zeros in the gradients of a function come from.

    Attributes
    ----------
    name
        The name of the function.
    findings
        One for every operation in which some arise.
    checked
        How many elements of how many tensors were examined.
    """

    name: str
    findings: tuple[Finding, ...]
    checked: tuple[int, int]

    @property
    def ok(self) -> bool:
        """Whether there is no finding."""
        return not self.findings

    def __bool__(self) -> bool:
        """Return `ok`."""
        return self.ok

    def __repr__(self) -> str:
        """Return the name and the number of findings."""
        return f"<Explanation of {self.name}: {_count(len(self.findings), 'finding')}>"

    def __str__(self) -> str:
        """Return a text that fits 80 columns."""
        numbers, tensors = self.checked
        scope = f"{_count(numbers, 'derivative')} with respect to {_count(tensors, 'tensor')}"
        if self.ok:
            return "\n".join(_wrapped(f"{self.name}: nothing found in {scope}", ""))
        head = _wrapped(f"{self.name}: {_count(len(self.findings), 'finding')} in {scope}", "")
        return "\n\n".join(["\n".join(head), *map(str, self.findings)])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
    )


def _of_tensor(tensor: Affected) -> list[str]:
    size = 1
    for length in tensor.shape:
        size *= length
    lines = _wrapped(f"gradient of {tensor.name}: {tensor.count} of {size} elements", "  ")
    previous = ""
    for element in tensor.elements[:_SHOWN]:
        truth = element.truth
        reason = f" ({truth.reason})" if truth.reason not in {"", previous} else ""
        previous = truth.reason
        name = f"{tensor.name}{_index(element.index)}"
        text = f"{name}: autograd {element.gradient:.6g}, truth {truth}{reason}"
        lines += _wrapped(text, "    ")
    return lines


def _of_remedy(remedy: Remedy, tensors: tuple[Affected, ...]) -> list[str]:
    note = f" ({remedy.note})" if remedy.note else ""
    lines = [
        *_wrapped(f"remedy{note}", "  "),
        *_wrapped(f"instead of  {remedy.instead_of}", "    "),
        *_wrapped(f"write       {remedy.write}", "    "),
    ]
    numbers = [
        f"{tensor.name}{_index(element.index)}: {gradient:.6g}"
        for tensor, gradients in zip(tensors, remedy.gradients, strict=True)
        for element, gradient in list(zip(tensor.elements, gradients, strict=True))[:_SHOWN]
        if element.truth.has_gradient
    ]
    return lines + _wrapped(f"tried: autograd then gives {', '.join(numbers)}", "    ")


def _index(index: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, index))}]" if index else ""
