"""Points as text, in sentences."""

from __future__ import annotations

from symdiff.comparison.evidence import Evidence
from symdiff.grid.grid import Role
from symdiff.report.numbers import short


def where(evidence: Evidence, i: int) -> str:
    """Return the coordinates of a point as text; "" for a program on tensors alone."""
    return ", ".join(
        f"{name} = {_coordinate(evidence, i, j)}" for j, name in enumerate(evidence.scalars)
    )


def _coordinate(evidence: Evidence, i: int, j: int) -> str:
    """Return a coordinate; a neighbour of a kink, which may look like the kink, with its role."""
    grid = evidence.grid
    exact, role = grid.exact.get((i, j)), Role.from_code(grid.roles[i])
    is_neighbour = role not in {Role.REGULAR, Role.KINK} and grid.along[i] == j
    number = exact or short(float(grid.points[i, j]))
    return f"{number} ({role})" if is_neighbour else number
