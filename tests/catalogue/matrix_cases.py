"""Cases of functions of small matrices: see test_tensor_rows."""

import torch

from tests.catalogue.shapes import MATRICES, table

FAR = torch.tensor([7.0, -8.0]).double().diag()

linalg = torch.linalg

MATRIX_CASES = [
    *table("inverse", ("torch.linalg.inv(x + diag([7, -8]))", lambda x: linalg.inv(x + FAR), [(2, 2)])),
    *table("logdet", ("torch.logdet(x @ x.mT + diag([7, 8]))", lambda x: torch.logdet(x @ x.mT + FAR.abs()), [(2, 2), (3, 2, 2)]),
           ("logdet(x**2 + 1)", lambda x: torch.logdet(x**2 + 1), [(1, 1)])),
    *table(
        "solve",
        ("torch.linalg.solve(x + diag([7, -8]), y)", lambda x, y: linalg.solve(x + FAR, y), [((2, 2), (2,)), ((2, 2), (2, 3)), ((3, 2, 2), (3, 2, 1))]),
        ("linalg.solve(x + [[9, 0, 0], [0, 8, 1], [0, 1, -7]], y)", lambda x, y: linalg.solve(x + torch.tensor([[9.0, 0, 0], [0, 8, 1], [0, 1, -7]]).double(), y), [((3, 3), (3,))]),
    ),
    *table(
        "solve_triangular",
        (
            "torch.linalg.solve_triangular(x + diag([7, -8]), y, upper=True)",
            lambda x, y: linalg.solve_triangular(x + FAR, y, upper=True),
            [((2, 2), (2, 3)), ((3, 2, 2), (3, 2, 1))],
        ),
        (
            "solve_triangular(x + diag([7, -8]), y, upper=False, left=False)",
            lambda x, y: linalg.solve_triangular(x + FAR, y, upper=False, left=False),
            [((2, 2), (3, 2))],
        ),
        (
            "solve_triangular(x, y, upper=False, unitriangular=True)",
            lambda x, y: linalg.solve_triangular(x, y, upper=False, unitriangular=True),
            [((3, 3), (3, 1)), ((1, 1), (1, 2))],
        ),
    ),
    *table(
        "eigvalsh",
        ("torch.linalg.eigvalsh(x + diag([7, -8]))", lambda x: linalg.eigvalsh((x + x.mT) / 2 + FAR), [(2, 2), (3, 2, 2)]),
        ("eigvalsh(x)", linalg.eigvalsh, [(1, 1)]),
    ),
    *table(
        "svdvals",
        ("torch.linalg.svdvals(x + diag([7, -3]))", lambda x: linalg.svdvals(x + torch.tensor([7.0, -3.0]).double().diag()), [(2, 2), (3, 2, 2)]),
        ("svdvals(x + 1/2)", lambda x: linalg.svdvals(x + 0.5), [(1, 1), (1, 3), (3, 1)]),
    ),
    *table("trace", ("x.trace()", torch.trace, MATRICES)),
    *table("outer", ("torch.outer(x, y)", torch.outer, [((2,), (3,)), ((1,), (1,))]), ("x.outer(x)", lambda x: x.outer(x), [(3,)])),
    *table(
        "cross",
        ("torch.linalg.cross(x, y)", linalg.cross, [((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (1, 3))]),
        ("cross(x, y, dim=0)", lambda x, y: torch.cross(x, y, dim=0), [((3,), (3,)), ((3, 2), (3, 2))]),
    ),
]  # fmt: skip
