"""Check that a trace does not depend on a choice that inputs right beside the traced ones change.

A Program has no form for what the code reads as a Python value: the position of a maximum, a whole
number, `torch.allclose`, `.item()` in a test. Where inputs nearby make another choice, the Program
of one side is not the function near the inputs, so it must not be the truth there.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import torch

from symdiff.errors import CallableError, UntracedError
from symdiff.tracing.syntax import Syntax
from symdiff.tracing.writing import names_in

if TYPE_CHECKING:
    from symdiff.tracing.branches import Run
    from symdiff.tracing.records import Definition

_STEP: Final = 2.0**16  # distance of the inputs nearby, in units of rounding of their dtype
_JUMP: Final = 2.0**8  # steps by which a constant that varies smoothly may change


def check_choices(
    run: Run,
    again: Callable[[Mapping[str, torch.Tensor]], Run],
    inputs: Mapping[str, torch.Tensor],
) -> None:
    """Compare a run with runs at inputs nearby, which must make the same choices.

    Parameters
    ----------
    run
        The run at the inputs.
    again
        Runs the function on other inputs.
    inputs
        The inputs that are real numbers and not buffers.

    Raises
    ------
    UntracedError
        A run nearby has other operations, indices or whole numbers, and the message names the
        line; or it raises an exception.
    """
    for direction in _directions(inputs):
        for side in (1.0, -1.0):
            moved = {name: _moved(x, side * direction[name]) for name, x in inputs.items()}
            try:
                other = again(moved)
            except CallableError as error:
                message = f"at inputs nearby the function raises an exception: {error.message}"
                raise UntracedError(message, hint="move the inputs off this border") from error
            difference = _first_difference(run, other, _room(inputs))
            if difference is not None:
                message = (
                    f"{difference}the inputs are on the border of a choice that this line makes, "
                    "and a trace has one side of it"
                )
                raise UntracedError(message, hint="move the inputs off the border")


def _directions(inputs: Mapping[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    drawn = {
        name: torch.rand(x.shape, generator=generator, dtype=torch.float64) * 2 - 1
        for name, x in inputs.items()
    }
    return [{name: torch.ones_like(v) for name, v in drawn.items()}, drawn]


def _moved(x: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """Return an input moved by a few units of rounding, zeros by those of its largest number."""
    size = x.detach().abs()
    finite = size[size.isfinite() & (size > 0)]
    scale = size.where(size > 0, finite.max() if finite.numel() else torch.ones_like(size))
    step = _STEP * torch.finfo(x.dtype).eps
    change = direction.to(x.dtype) * scale * step
    return x.detach() + change.where(change.isfinite(), 0)


def _room(inputs: Mapping[str, torch.Tensor]) -> float:
    step = max((torch.finfo(x.dtype).eps for x in inputs.values()), default=0.0)
    return _JUMP * _STEP * step


def _first_difference(run: Run, other: Run, tolerance: float) -> str | None:
    """Return the line of the first difference, as the beginning of a message; None without one."""
    for mine, theirs in zip(run.branches, other.branches, strict=False):
        if mine.taken != theirs.taken:
            return _at(mine.line)
    for mine_, theirs_ in zip(run.definitions, other.definitions, strict=False):
        if _differs(run, other, mine_.expression, theirs_.expression, tolerance):
            return _at(mine_.line)
    if len(run.definitions) != len(other.definitions):
        longer: tuple[Definition, ...] = max(run.definitions, other.definitions, key=len)
        first = longer[min(len(run.definitions), len(other.definitions))]
        return _at(first.line)
    return "" if _differs(run, other, run.output, other.output, tolerance) else None


def _at(line: object) -> str:
    return f"{line}: " if line else ""


def _differs(run: Run, other: Run, mine: Syntax, theirs: Syntax, tolerance: float) -> bool:
    if _without_numbers(mine) != _without_numbers(theirs):
        return True
    pairs = zip(_numbers(mine), _numbers(theirs), strict=True)
    if any(not math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance) for a, b in pairs):
        return True
    shared = [n for n in names_in(mine) if n in run.constants and n in other.constants]
    return any(_jumps(run.constants[n], other.constants[n], tolerance) for n in shared)


def _jumps(mine: torch.Tensor, theirs: torch.Tensor, tolerance: float) -> bool:
    if mine.shape != theirs.shape or mine.dtype != theirs.dtype:
        return True
    if not mine.is_floating_point():
        return not torch.equal(mine, theirs)
    return not torch.allclose(mine, theirs, rtol=tolerance, atol=tolerance, equal_nan=True)


class _Signed(ast.NodeTransformer):
    """Writes the sign of a number into it."""

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        operand = self.visit(node.operand)
        if isinstance(node.op, ast.USub) and _is_float(operand):
            return ast.Constant(-operand.value)
        return ast.UnaryOp(node.op, operand)


class _Blank(ast.NodeTransformer):
    """Writes 0 for every number that is not whole."""

    def visit_Constant(self, node: ast.Constant) -> Any:
        return ast.Constant(0.0) if _is_float(node) else node


def _is_float(node: Any) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def _signed(expression: Syntax) -> ast.AST:
    tree: ast.AST = _Signed().visit(ast.parse(ast.unparse(expression), mode="eval"))
    return tree


def _without_numbers(expression: Syntax) -> str:
    return ast.dump(_Blank().visit(_signed(expression)))


def _numbers(expression: Syntax) -> list[float]:
    constants = (n for n in ast.walk(_signed(expression)) if isinstance(n, ast.Constant))
    return [n.value for n in constants if isinstance(n.value, float)]
