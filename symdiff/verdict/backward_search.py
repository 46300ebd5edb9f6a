"""Find the node at which a backward pass makes a NaN or an infinity.

The pass is followed from the variable to the first node that turns finite adjoints into one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.branches import selected
from symdiff.array_types import Mask
from symdiff.catalogue import CATALOGUE
from symdiff.engines.backward import BackwardPass
from symdiff.program import Program
from symdiff.program.nodes import Input
from symdiff.program.values import component_name
from symdiff.verdict.nonfinite import (
    IN_BRANCH,
    INFINITE_DERIVATIVE,
    OVERFLOW,
    REASONS,
    UNUSED,
    NonfiniteNodes,
    created_at,
    described_element,
    elements_reaching,
    operands_of,
    value_reason,
)


def nodes_in_backward_pass(
    done: BackwardPass, points: NDArray[np.intp], variable: str
) -> NonfiniteNodes:
    """Return the nodes at which a backward pass makes the adjoint of a variable not finite.

    Parameters
    ----------
    done
        The backward pass at these points; a pass that is not pointwise has one point.
    points
        The indices of the points, in order.
    variable
        The name of the input, or of one of its components.

    Returns
    -------
    NonfiniteNodes
        The node is that of the first step, in the order of the pass, whose own adjoint is finite
        and that adds a NaN or an infinity. If the reason is a value that is not finite, the node
        is the one from which that value came.
    """
    search = _Search(done, len(points))
    start = _start(done, variable)
    if start is not None:
        search.follow(*start)
    elements = () if done.pointwise else (search.element,)
    reasons = search.reasons.astype(np.int8)
    return NonfiniteNodes(
        done.program, points, search.causes, reasons, elements, precision=done.precision
    )


def _start(done: BackwardPass, variable: str) -> tuple[int, Mask] | None:
    """Return the node of a variable, and where its adjoint is not finite; None if nowhere."""
    for index in done.program.order:
        node = done.program.nodes[index]
        if not isinstance(node, Input) or index not in done.adjoints:
            continue
        off = ~np.isfinite(done.adjoints[index])
        if node.name != variable:
            if done.pointwise or not variable.startswith(f"{node.name}["):
                continue
            chosen = [component_name(node.name, i) == variable for i in np.ndindex(*off.shape)]
            off &= np.array(chosen).reshape(off.shape)
        return (index, off) if off.any() else None
    return None


class _Search:
    """The search through a backward pass, from a variable upwards.

    Attributes
    ----------
    causes, reasons
        The node and the index in `REASONS` by point, shape (k,); -1 and 0 where none is found.
    element
        The element of the node's value that is not finite, if the pass is not pointwise.
    """

    def __init__(self, done: BackwardPass, count: int) -> None:
        self._done = done
        self._users = _users(done.program)
        self._created = dict(created_at(done.program, done.values))
        self._taken = selected(done.program, done.values)
        self.causes = np.full(count, -1, dtype=np.intp)
        self.reasons = np.zeros(count, dtype=np.intp)
        self.element = ""

    def follow(self, start: int, off: Mask) -> None:
        """Find the causes of the elements of a node's adjoint that are not finite."""
        waiting = {start: off}
        while waiting:
            node = min(waiting)  # users come after their arguments
            mask = waiting.pop(node)
            for user in self._users.get(node, ()):
                for above, elements in self._step(node, user, mask):
                    known = waiting.get(above, np.zeros((), dtype=bool))
                    waiting[above] = elements | known

    def _step(self, node: int, user: int, mask: Mask) -> Iterator[tuple[int, Mask]]:
        """Follow the adjoint of a node back to one of its users.

        Record the user as the cause where its own adjoint is finite; yield it with the elements of
        its adjoint that are not.
        """
        done = self._done
        adjoint = done.adjoints.get(user)
        added = None if adjoint is None else done.contribution(user, node, adjoint)
        if adjoint is None or added is None:
            return
        bad = mask & ~np.isfinite(added)
        finite = np.isfinite(adjoint)
        if done.pointwise:
            own, above = bad & finite, bad & ~finite
        else:
            alone = done.contribution(user, node, np.where(finite, adjoint, 0.0))
            own = bad & (False if alone is None else ~np.isfinite(alone))
            above = ~finite & bool((bad & ~own).any())
        if own.any():
            self._record(node, user, own)
        if above.any():
            yield user, above

    def _record(self, node: int, user: int, own: Mask) -> None:
        """Record why a step of the pass adds a NaN or an infinity, at points without a cause."""
        done = self._done
        new = self.causes < 0
        new &= own if done.pointwise else own.any()
        if not new.any():
            return
        unit = done.contribution(user, node, np.ones(done.adjoints[user].shape))
        steep = own if unit is None else own & ~np.isfinite(unit)
        self.causes[new] = user
        self.reasons[new] = REASONS.index(OVERFLOW)
        self.reasons[new & (steep if done.pointwise else steep.any())] = REASONS.index(
            INFINITE_DERIVATIVE
        )
        self._record_values(user, own, new)

    def _record_values(self, user: int, own: Mask, new: Mask) -> None:
        """Record the values that are not finite and make a step's derivative not finite."""
        done = self._done
        mask = own if done.pointwise else np.ones(done.values[user].shape, dtype=bool)
        reaching = elements_reaching(done.program, done.values, user, mask)
        place = own
        for index in done.program.at(user).order:
            if index in self._created and new.any():
                made = self._created[index] & reaching[index]
                here = new & (made if done.pointwise else made.any())
                if here.any():
                    self.causes[here] = index
                    self.reasons[here] = self._value_reasons(index, made)[here]
                    new, place = new & ~here, made
        if not done.pointwise:
            self.element = described_element(done.program, done.values, int(self.causes[0]), place)

    def _value_reasons(self, index: int, made: Mask) -> NDArray[np.intp]:
        """Return the reasons, by point, at a node whose value is not finite where `made` is."""
        value, taken = self._done.values[index], self._taken.get(index, np.zeros((), dtype=bool))
        unused = self._done.adjoints.get(index, np.zeros(())) == 0
        suffix = np.where(taken, np.where(unused, UNUSED, 0), IN_BRANCH)
        reasons = value_reason(value, suffix)
        return reasons if self._done.pointwise else reasons[made][:1]


def _users(program: Program) -> dict[int, tuple[int, ...]]:
    """Return by node the calls that use it, in order."""
    users: dict[int, dict[int, None]] = {}
    for index, node in program.calls():
        if CATALOGUE[node.function].role != "list":
            for argument in operands_of(program, node):
                users.setdefault(argument, {})[index] = None
    return {argument: tuple(calls) for argument, calls in users.items()}
