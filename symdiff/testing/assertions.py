"""Assert that the gradients of a function on torch tensors are right."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from symdiff.errors import UntracedError, UsageError, did_you_mean
from symdiff.report.records import Record
from symdiff.request.callables import called_signature, written
from symdiff.request.options import checked_order
from symdiff.testing.reproduction import lines

if TYPE_CHECKING:
    from symdiff.report.report import Comparison

ALWAYS_ALLOWED: Final = frozenset({"agrees"})
_ALLOW: Final = ("subgradient", "inexact")
_ENGINE: Final = "autograd"
_MAX_ROWS: Final = 10


def assert_derivatives(
    fn: Callable[..., Any],
    *inputs: Any,  # noqa: ANN401  (tensors, nested lists of them, and other values)
    math: str | None = None,
    allow: Iterable[str] = _ALLOW,
    order: int = 1,
    wrt: str | Sequence[str] | None = None,
    **keywords: Any,  # noqa: ANN401
) -> None:
    """Raise AssertionError unless PyTorch's gradients of a function are right at some inputs.

    The function is traced, its derivatives are proved, and the gradients that `backward` gives
    are judged. A custom `backward` is found wrong without a formula for it. If the function calls
    what has no form in the catalogue, differences along random directions judge, without a proof.

    Parameters
    ----------
    fn
        A function, a module, or the `apply` of a custom Function.
    inputs, keywords
        Its arguments.
    math
        A formula, to check the values of `fn` too.
    allow
        The verdicts that pass besides `agrees`.
    order
        The order of the derivatives: 1, or 2 for those of the double backward.
    wrt
        The inputs to differentiate by: names, globs, or ``"parameters"`` of a module; default:
        all real inputs and parameters.

    Raises
    ------
    AssertionError
        A gradient is wrong. The message has a table of the worst ones, the reasons, and lines
        that reproduce it.
    UsageError
        The function cannot be traced, or an argument cannot be used.

    Examples
    --------
    >>> import torch
    >>> assert_derivatives(torch.relu, torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64))
    >>> assert_derivatives(lambda x: (x * x).sqrt(), torch.tensor([0.0], dtype=torch.float64))
    Traceback (most recent call last):
    AssertionError: 1 of 1 derivatives of the lambda of <doctest ...>:1 by autograd does not pass
    ...
    """
    __tracebackhide__ = True  # pytest shows the line of the test, and the message
    words = [allow] if isinstance(allow, str) else list(allow)
    allowed = _allowed(words)
    checked_order(order)
    comparison = _compared(fn, inputs, keywords, math, wrt, order)
    records = [r for r in comparison.records() if r["engine"] == _ENGINE]
    failing = [r for r in records if r["verdict"] not in allowed]
    if failing:
        settings = {
            "math": math,
            "wrt": wrt,
            "order": None if order == 1 else order,
            "allow": None if allowed == _allowed(_ALLOW) else words,
        }
        given = {name: value for name, value in settings.items() if value is not None}
        again = lines(fn, inputs, keywords, given)
        raise AssertionError(_report(_title(fn), failing, len(records), again))


def _compared(  # noqa: PLR0913, PLR0917  (those of `assert_derivatives`)
    fn: Callable[..., Any],
    inputs: Sequence[Any],
    keywords: Mapping[str, Any],
    math: str | None,
    wrt: str | Sequence[str] | None,
    order: int,
) -> Comparison:
    """Return the comparison of a function's gradients, without a proof if it has no trace."""
    from symdiff.api import compare  # noqa: PLC0415  (the library's door)
    from symdiff.tracing.trace import trace  # noqa: PLC0415  (loads torch)

    try:
        program = trace(fn, *inputs, **keywords)
    except UntracedError:
        # `compare` takes arguments by name, and says what it cannot trace.
        values = _by_name(fn, inputs, keywords)
        if values is None:
            raise
        return compare(fn, math=math, values=values, wrt=wrt, engines=(_ENGINE,), order=order)
    if math is None:
        return compare(program, wrt=wrt, engines=(_ENGINE,), order=order)
    values = {name: program.values[name] for name in program.inputs}
    return compare(
        program.function, math=math, values=values, wrt=wrt, engines=(_ENGINE,), order=order
    )


def _by_name(
    fn: Callable[..., Any], inputs: Sequence[Any], keywords: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the arguments by the names of their parameters, or in order; None if neither will do.

    `compare` passes values by position to a function that does not name its parameters.
    """
    in_order = None if keywords else {f"x{k + 1}": value for k, value in enumerate(inputs)}
    try:
        signature = called_signature(fn)
    except (TypeError, ValueError):  # a builtin
        return in_order
    kinds = {p.kind for p in signature.parameters.values()}
    if kinds & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
        return in_order
    return dict(signature.bind(*inputs, **keywords).arguments)


def _title(fn: Callable[..., Any]) -> str:
    """Return the name of a function; where it stands, if it has none."""
    function = written(fn)
    return function.comment if function.name == "f" and function.comment else function.name


def _allowed(words: Iterable[str]) -> frozenset[str]:
    """Return the verdicts that pass.

    Raises
    ------
    UsageError
        One of them does not exist.
    """
    from symdiff.verdict.words import Verdict  # noqa: PLC0415

    known = Verdict.labels()
    for word in words:
        if word not in known:
            message = f"allow: unknown verdict {str(word)[:40]!r}"
            hint = did_you_mean(str(word), known) or f"verdicts: {', '.join(known)}"
            raise UsageError(message, hint=hint)
    return ALWAYS_ALLOWED | frozenset(words)


def _report(name: str, failing: Sequence[Record], count: int, again: Sequence[str]) -> str:
    """Return the message: what fails, the worst derivatives, why, and how to see it again."""
    from symdiff.verdict.words import Verdict  # noqa: PLC0415

    gravity = {verdict.label: verdict.gravity for verdict in Verdict}
    worst = sorted(failing, key=lambda r: -gravity[r["verdict"]])[:_MAX_ROWS]
    verb = "does" if len(failing) == 1 else "do"
    head = f"{len(failing)} of {count} derivatives of {name} by autograd {verb} not pass"
    rows = [("output", "d/d", "autograd", "truth", "verdict")]
    rows += [
        (r["output"] or "", r["variable"], _number(r["value"]), _truth(r), r["verdict"])
        for r in worst
    ]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    shown = [k for k, width in enumerate(widths) if any(row[k] for row in rows[1:]) and width]
    table = ["  " + "  ".join(row[k].rjust(widths[k]) for k in shown) for row in rows]
    more = [f"  and {len(failing) - len(worst)} more"] if len(failing) > len(worst) else []
    reasons = dict.fromkeys(_reason(r) for r in worst)
    return "\n".join([head, *table, *more, *(f"  {r}" for r in reasons if r), *again])


def _number(value: float | str | None) -> str:
    return "none" if value is None else f"{value:.9g}" if isinstance(value, float) else str(value)


def _truth(record: Record) -> str:
    """Return the derivative, or the two one-sided ones, or the kind of the point."""
    if record["derivative"] is not None:
        return _number(record["derivative"])
    if record["left"] is not None and record["right"] is not None:
        return f"{_number(record['left'])} | {_number(record['right'])}"
    return str(record["kind"])


def _reason(record: Record) -> str:
    where = record["blame"] if record["blame"] != record["expression"] else ""
    return ": ".join(part for part in (where, record["detail"]) if part)
