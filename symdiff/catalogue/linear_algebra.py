"""Rows for functions of small matrices, whose minors are written out."""

from __future__ import annotations

from typing import Any

from symdiff.catalogue.elements import Array, Elements, ShapeMismatchError, one_axis, parts
from symdiff.catalogue.row import Function
from symdiff.libraries import numpy, torch

_LARGEST = 6  # rows of a matrix: its minors are written out
_MINORS = dict[tuple[tuple[int, ...], tuple[int, ...]], Array]


def _size(a: Elements, x: Array) -> int:
    """Return the number of rows of square matrices.

    Raises
    ------
    ShapeMismatchError
        They are not square, or too large.
    """
    shape = a.shape(x)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        message = f"a square matrix is needed, not the shape {shape}"
        raise ShapeMismatchError(message)
    if not 0 < shape[-1] <= _LARGEST:
        message = f"a matrix must have 1 to {_LARGEST} rows, not {shape[-1]}"
        raise ShapeMismatchError(message)
    return shape[-1]


def _entry(a: Elements, x: Array, i: int, j: int) -> Array:
    return a.arrange(lambda v: v[..., i, j], x)


def _minor(
    a: Elements, x: Array, rows: tuple[int, ...], columns: tuple[int, ...], known: _MINORS
) -> Array:
    """Return the determinant of some rows and columns, expanded along the first of the rows."""
    if not rows:
        return a.each("positive", 1)
    key = rows, columns
    if key not in known:
        total = None
        for k, j in enumerate(columns):
            rest = _minor(a, x, rows[1:], (*columns[:k], *columns[k + 1 :]), known)
            entry = _entry(a, x, rows[0], j)
            term = entry if len(rows) == 1 else a.each("multiply", entry, rest)
            total = term if total is None else a.each("subtract" if k % 2 else "add", total, term)
        known[key] = total
    return known[key]


def _det(a: Elements, x: Array) -> Array:
    every = tuple(range(_size(a, x)))
    return _minor(a, x, every, every, {})


def _inverse(a: Elements, x: Array) -> Array:
    """Return the transposed cofactors divided by the determinant."""
    every = tuple(range(_size(a, x)))
    known: _MINORS = {}
    determinant = _minor(a, x, every, every, known)
    entries = []
    for i in every:
        for j in every:
            rows, columns = (tuple(k for k in every if k != left) for left in (j, i))
            minor = _minor(a, x, rows, columns, known)
            signed = a.each("negative", minor) if (i + j) % 2 else minor
            entries.append(a.each("divide", signed, determinant))
    return _matrix(a, entries, len(every))


def _cholesky(a: Elements, x: Array) -> Array:
    """Return the lower triangular factor of the symmetric part, column by column.

    torch reads one triangle, takes the other as equal to it, and returns a symmetric gradient: it
    differentiates in the space of symmetric matrices.
    """
    count = _size(a, x)
    mirrored = a.arrange(lambda v: numpy.swapaxes(v, -1, -2), x)
    x = a.each("divide", a.each("add", x, mirrored), 2)
    factor: dict[tuple[int, int], Array] = {}
    for j in range(count):
        for i in range(j, count):
            rest = _entry(a, x, i, j)
            for k in range(j):
                rest = a.each("subtract", rest, a.each("multiply", factor[i, k], factor[j, k]))
            is_diagonal = i == j
            factor[i, j] = (
                a.each("sqrt", rest) if is_diagonal else a.each("divide", rest, factor[j, j])
            )
    zero = a.each("positive", 0)
    entries = [factor.get((i, j), zero) for i in range(count) for j in range(count)]
    return _matrix(a, entries, count)


def _cholesky_for_backward(a: Elements, x: Array) -> Array:
    """Return L/2 + L @ P, with P the lower triangle of L^-1 @ x @ L^-T and half of its diagonal.

    That product is 1, so that the value is L; its parts cancel as those of torch's gradient do,
    which leaves rounding errors in components that do not depend on an entry of x.
    Source: Murray 2016, Differentiation of the Cholesky decomposition, equation 8.
    """
    factor = _cholesky(a, x)
    mirrored = a.arrange(lambda v: numpy.swapaxes(v, -1, -2), x)
    symmetric = a.each("divide", a.each("add", x, mirrored), 2)
    half = _solve_triangular(a, factor, symmetric, upper=False)
    half = a.arrange(lambda v: numpy.swapaxes(v, -1, -2), half)
    whole = _solve_triangular(a, factor, half, upper=False)
    count, zero = _size(a, x), a.each("positive", 0)
    entries = [
        zero if i < j else _entry(a, whole, i, j) if i > j else _half_of(a, whole, i)
        for i in range(count)
        for j in range(count)
    ]
    moved = a.product(factor, _matrix(a, entries, count))
    return a.each("add", a.each("divide", factor, 2), moved)


def _half_of(a: Elements, x: Array, i: int) -> Array:
    return a.each("divide", _entry(a, x, i, i), 2)


def _matrix(a: Elements, entries: list[Array], count: int) -> Array:
    """Return matrices from their entries, row by row."""

    def joined(*v: Any) -> Any:
        together = numpy.stack(numpy.broadcast_arrays(*v), axis=-1)
        return together.reshape(*together.shape[:-1], count, count)

    return a.arrange(joined, *entries)


def _logdet(a: Elements, x: Array) -> Array:
    return a.each("log", _det(a, x))


def _solve(a: Elements, A: Array, B: Array) -> Array:  # noqa: N803  (torch's names)
    """Return the inverse matrix times the right-hand side, which is a vector or a matrix."""
    count, shape = _size(a, A), a.shape(B)
    is_vector = len(shape) == 1 or shape == a.shape(A)[:-1]
    right = a.arrange(lambda v: v[..., None], B) if is_vector else B
    if a.shape(right)[-2:-1] != (count,):
        message = f"a right-hand side with {count} rows is needed, not the shape {shape}"
        raise ShapeMismatchError(message)
    solution = a.product(_inverse(a, A), right)
    return a.arrange(lambda v: v[..., 0], solution) if is_vector else solution


def _solve_triangular(
    a: Elements,
    A: Array,  # noqa: N803
    B: Array,  # noqa: N803
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
) -> Array:
    """Solve by substitution, row by row; the other triangle is not read."""
    count = _size(a, A)
    if not left:  # X @ A = B: the transposed X solves A.mT @ X.mT = B.mT
        matrix, right = (a.arrange(lambda v: numpy.swapaxes(v, -1, -2), v) for v in (A, B))
        other = _solve_triangular(a, matrix, right, not upper, unitriangular=unitriangular)
        return a.arrange(lambda v: numpy.swapaxes(v, -1, -2), other)
    if len(a.shape(B)) < 2 or a.shape(B)[-2] != count:
        message = f"a right-hand side with {count} rows is needed, not the shape {a.shape(B)}"
        raise ShapeMismatchError(message)
    solved: dict[int, Array] = {}
    for i in reversed(range(count)) if upper else range(count):
        rest = a.arrange(lambda v, i=i: v[..., i, :], B)
        for j, known in solved.items():
            entry = a.arrange(lambda v, i=i, j=j: v[..., i, j, None], A)
            rest = a.each("subtract", rest, a.each("multiply", entry, known))
        diagonal = a.arrange(lambda v, i=i: v[..., i, i, None], A)
        solved[i] = rest if unitriangular else a.each("divide", rest, diagonal)
    rows = [solved[i] for i in range(count)]
    return a.arrange(lambda *v: numpy.stack(numpy.broadcast_arrays(*v), -2), *rows)


def _eigvalsh(a: Elements, x: Array) -> Array:
    """Return the eigenvalues of the symmetric part: m - r and m + r of a matrix with two rows.

    Where they are equal, r = sqrt(((a - c)/2)² + b²) has a kink.
    """
    if _size(a, x) == 1:
        return a.arrange(lambda v: v[..., 0], x)
    if _size(a, x) > 2:
        message = f"eigenvalues of at most 2 rows can be written out, not of {_size(a, x)}"
        raise ShapeMismatchError(message)
    first, last = (_entry(a, x, i, i) for i in (0, 1))
    beside = _half(a, "add", _entry(a, x, 0, 1), _entry(a, x, 1, 0))
    radius = _length(a, _half(a, "subtract", first, last), beside)
    middle = _half(a, "add", first, last)
    both = (a.each("subtract", middle, radius), a.each("add", middle, radius))
    return a.arrange(lambda *v: numpy.stack(v, -1), *both)


def _half(a: Elements, function: str, x: Array, y: Array) -> Array:
    return a.each("divide", a.each(function, x, y), 2)


def _length(a: Elements, x: Array, y: Array) -> Array:
    return a.each("sqrt", a.each("add", a.each("square", x), a.each("square", y)))


def _svdvals(a: Elements, A: Array) -> Array:  # noqa: N803
    """Return the singular values: (s + t)/2 and |s - t|/2 of a matrix with two rows and columns.

    s and t are the lengths of (a + d, c - b) and (a - d, c + b).
    """
    shape = a.shape(A)
    if len(shape) >= 2 and min(shape[-2:]) == 1:
        flat = a.arrange(lambda v: v.reshape(*shape[:-2], 1, -1), A)
        squares = a.total(a.each("square", flat), (len(shape) - 1,), keep=False)
        return a.each("sqrt", squares)
    if shape[-2:] != (2, 2):
        message = f"singular values of vectors and of 2 rows and columns can be written out, not of the shape {shape}"
        raise ShapeMismatchError(message)
    (p, q), (r, s) = ([_entry(a, A, i, j) for j in (0, 1)] for i in (0, 1))
    first = _length(a, a.each("add", p, s), a.each("subtract", r, q))
    second = _length(a, a.each("subtract", p, s), a.each("add", r, q))
    least = a.each("abs", _half(a, "subtract", first, second))
    return a.arrange(lambda *v: numpy.stack(v, -1), _half(a, "add", first, second), least)


def _trace(a: Elements, x: Array) -> Array:
    if len(a.shape(x)) != 2:
        message = f"trace takes a matrix, not the shape {a.shape(x)}"
        raise ShapeMismatchError(message)
    return a.total(a.arrange(numpy.diagonal, x), (0,), keep=False)


def _outer(a: Elements, x: Array, vec2: Array) -> Array:
    if (len(a.shape(x)), len(a.shape(vec2))) != (1, 1):
        message = f"outer takes vectors, not the shapes {a.shape(x)} and {a.shape(vec2)}"
        raise ShapeMismatchError(message)
    return a.each("multiply", a.arrange(lambda v: v[:, None], x), vec2)


def _cross(a: Elements, x: Array, y: Array, dim: int = -1) -> Array:
    shapes = a.shape(x), a.shape(y)
    if len(shapes[0]) != len(shapes[1]) or not shapes[0]:
        message = f"the tensors have {len(shapes[0])} and {len(shapes[1])} dimensions"
        raise ShapeMismatchError(message)
    axis = one_axis(shapes[0], dim)
    if (shapes[0][axis], shapes[1][axis]) != (3, 3):
        message = f"the dimension {dim} must have the length 3 in both tensors"
        raise ShapeMismatchError(message)
    first, second = parts(a, x, axis), parts(a, y, axis)
    entries = []
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        plus, minus = (a.each("multiply", first[m], second[n]) for m, n in ((j, k), (k, j)))
        entries.append(a.each("subtract", plus, minus))
    return a.arrange(lambda *v: numpy.stack(v, axis), *entries)


def _torch_solve_triangular(A: Any, B: Any, upper: bool, **settings: bool) -> Any:  # noqa: N803
    return torch.linalg.solve_triangular(A, B, upper=upper, **settings)


# fmt: off
LINEAR_ALGEBRA = (
    Function("det",      "x", formula="determinant, at most 6 rows", array=_det, torch="det",
             spelled={"numpy": "linalg.det", "latex": r"\det"}),
    Function("inverse",  "x", aliases=("inv",), formula="inverse matrix, at most 6 rows", array=_inverse, torch="inverse",
             spelled={"numpy": "linalg.inv", "latex": "<x>^{-1}"}),
    Function("logdet",   "x", formula="log of the determinant, at most 6 rows", array=_logdet, torch="logdet",
             spelled={"numpy": "np.log(np.linalg.det(<x>))"}),
    Function("solve",    "A, B", formula="X with A @ X = B, at most 6 rows", array=_solve, torch=lambda *both: torch.linalg.solve(*both), is_method=False,
             spelled={"torch": "linalg.solve", "numpy": "linalg.solve"}),
    Function("solve_triangular", "A, B, upper: flag, left: flag = True, unitriangular: flag = False", formula="X with A @ X = B, at most 6 rows",
             array=_solve_triangular, torch=_torch_solve_triangular, is_method=False,
             spelled={"torch": "linalg.solve_triangular"}),
    Function("eigvalsh", "x", formula="eigenvalues of (x + x.T)/2, at most 2 rows", array=_eigvalsh, torch=lambda x: torch.linalg.eigvalsh((x + x.mT)/2),
             is_method=False,
             spelled={"torch": "torch.linalg.eigvalsh((<x> + <x>.mT)/2)", "numpy": "np.linalg.eigvalsh((<x> + np.swapaxes(<x>, -1, -2))/2)"}),
    Function("svdvals",  "A", formula="singular values, at most 2 rows and columns", array=_svdvals, torch=lambda x: torch.linalg.svdvals(x), is_method=False,
             spelled={"torch": "linalg.svdvals", "numpy": "np.linalg.svd(<A>, compute_uv=False)"}),
    Function("trace",    "x", formula="Σ x[i, i]", array=_trace, torch="trace",
             spelled={"numpy": "trace"}),
    Function("outer",    "x, vec2", formula="x[i]*vec2[j]", array=_outer, torch="outer",
             spelled={"numpy": "outer"}),
    Function("cross",    "x, y, dim: integer = -1", formula="cross product of vectors", array=_cross, torch=lambda x, y, dim=-1: torch.linalg.cross(x, y, dim=dim),
             spelled={"torch": "linalg.cross", "numpy": "np.cross(<x>, <y>, axis=<dim>)"}),
    Function("cholesky", "x", formula="L with L @ L.T = (x + x.T)/2, at most 6 rows", array=_cholesky, backward_formula=_cholesky_for_backward,
             torch=lambda x: torch.linalg.cholesky((x + x.mT)/2),
             spelled={"torch": "torch.linalg.cholesky((<x> + <x>.mT)/2)", "numpy": "np.linalg.cholesky((<x> + np.swapaxes(<x>, -1, -2))/2)"}),
)
# fmt: on
