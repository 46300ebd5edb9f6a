"""The description of a Jacobian's structure is true at any values."""

import math
import re

import numpy as np
import pytest

from symdiff.arithmetics.components import jacobian_structure as module
from symdiff.arithmetics.components.dependence import dependence
from symdiff.arithmetics.components.jacobian_structure import structure
from symdiff.arithmetics.components.shapes import shape_of
from symdiff.program import parse

INDICES = {"t": np.arange(5) % 3}


def described(text, variable="x", **shapes):
    program = parse(text)
    indices = {n: i for n, i in INDICES.items() if n in program.inputs}
    shapes = {**shapes, **{n: i.shape for n, i in indices.items()}}
    return structure(program, variable, shapes, indices, shape_of(program, shapes, indices))


STRUCTURES = [
    # text, shapes, the structure with respect to x
    # each component of the value depends on one component of x
    ("relu(x)", {"x": (3,)}, "3 x 3, diagonal"),
    ("relu(x)", {"x": (1,)}, "1 x 1, diagonal"),
    ("relu(x)", {"x": (6400,)}, "6400 x 6400, diagonal"),
    ("round(x)", {"x": (3,)}, "3 x 3, zero"),
    ("rint(x)", {"x": (3,)}, "3 x 3, zero"),
    ("x // 2", {"x": (3,)}, "3 x 3, zero"),
    ("relu(x)*y + 1", {"x": (4,), "y": (4,)}, "4 x 4, diagonal"),
    ("where(x > y, x, y)", {"x": (4,), "y": (4,)}, "4 x 4, diagonal"),
    ("x.reshape(2, 3).flatten()", {"x": (6,)}, "6 x 6, diagonal"),
    ("x.flip(0).flip(0)", {"x": (6,)}, "6 x 6, diagonal"),
    ("stack([x[0], x[2]*0, x[2]])", {"x": (3,)}, "3 x 3, 3 of 9 entries are structurally nonzero"),
    ("stack([x[0], 1, x[2]])", {"x": (3,)}, "3 x 3, diagonal"),
    # ... and there are blocks over a batch too
    ("relu(x)", {"x": (64, 100)}, "6400 x 6400, diagonal, 64 blocks of 100 x 100 on the diagonal"),
    ("x*y", {"x": (2, 3, 4), "y": (4,)}, "24 x 24, diagonal, 6 blocks of 4 x 4 on the diagonal"),
    ("exp(x)", {"x": (1, 4)}, "4 x 4, diagonal"),
    ("exp(x)", {"x": (4, 1)}, "4 x 4, diagonal"),
    ("x.reshape(3, 2)", {"x": (2, 3)}, "6 x 6, diagonal"),
    # blocks over a batch
    ("softmax(x, dim=1)", {"x": (64, 10)}, "640 x 640, 64 blocks of 10 x 10 on the diagonal"),
    ("x @ w", {"x": (5, 3), "w": (3, 2)}, "10 x 15, 5 blocks of 2 x 3 on the diagonal"),
    ("relu(x @ w) @ w.T", {"x": (5, 3), "w": (3, 2)}, "15 x 15, 5 blocks of 3 x 3 on the diagonal"),
    ("x.sum(dim=1)", {"x": (5, 3)}, "5 x 15, 5 blocks of 1 x 3 on the diagonal"),
    ("x - x.mean(dim=1, keepdim=True)", {"x": (5, 3)}, "15 x 15, 5 blocks of 3 x 3 on the diagonal"),
    ("cross_entropy(x, t, reduction='none')", {"x": (5, 3)}, "5 x 15, 5 blocks of 1 x 3 on the diagonal"),
    ("cumsum(x, 1)", {"x": (2, 3)}, "6 x 6, 2 blocks of 3 x 3 on the diagonal"),
    ("conv1d(x, k)", {"x": (4, 1, 5), "k": (1, 1, 2)}, "16 x 20, 4 blocks of 4 x 5 on the diagonal"),
    # ... over two leading dimensions
    ("softmax(x, dim=-1)", {"x": (2, 3, 4)}, "24 x 24, 6 blocks of 4 x 4 on the diagonal"),
    ("x @ w", {"x": (2, 3, 4), "w": (4, 5)}, "30 x 24, 6 blocks of 5 x 4 on the diagonal"),
    ("x @ y", {"x": (2, 3, 4), "y": (2, 4, 5)}, "30 x 24, 6 blocks of 5 x 4 on the diagonal"),
    # ... or over the first only
    ("y @ x", {"x": (2, 4, 5), "y": (2, 3, 4)}, "30 x 40, 2 blocks of 15 x 20 on the diagonal"),
    ("softmax(x, dim=1)", {"x": (2, 3, 4)}, "24 x 24, 2 blocks of 12 x 12 on the diagonal"),
    ("x.mT", {"x": (2, 3, 4)}, "24 x 24, 2 blocks of 12 x 12 on the diagonal"),
    # dense
    ("x.sum()*y", {"x": (3,), "y": (2,)}, "2 x 3, dense"),
    ("softmax(x, dim=0)", {"x": (4,)}, "4 x 4, dense"),
    ("x @ x", {"x": (1, 1)}, "1 x 1, diagonal"),
    ("w @ x", {"x": (3,), "w": (2, 3)}, "2 x 3, dense"),
    ("x*y", {"x": (), "y": (3,)}, "3 x 1, dense"),
    ("norm(x).reshape(1)", {"x": (3,)}, "1 x 3, dense"),
    # zero
    ("x.detach()*y", {"x": (3,), "y": (3,)}, "3 x 3, zero"),
    ("floor(x) + y", {"x": (3,), "y": (3,)}, "3 x 3, zero"),
    ("y", {"x": (3,), "y": (2,)}, "2 x 3, zero"),
    ("float(x > 0)", {"x": (3,)}, "3 x 3, zero"),
    # none of these: the nonzero entries are counted
    ("x.T", {"x": (2, 3)}, "6 x 6, 6 of 36 entries are structurally nonzero"),
    ("x.flip(0)", {"x": (3,)}, "3 x 3, 3 of 9 entries are structurally nonzero"),
    ("cumsum(x, 0)", {"x": (4,)}, "4 x 4, 10 of 16 entries are structurally nonzero"),
    ("x[1:] - x[:-1]", {"x": (4,)}, "3 x 4, 6 of 12 entries are structurally nonzero"),
    ("x[:2]", {"x": (4,)}, "2 x 4, 2 of 8 entries are structurally nonzero"),
    ("x @ w", {"x": (3, 2), "w": (2, 4)}, "12 x 6, 3 blocks of 4 x 2 on the diagonal"),
    ("softmax(x, dim=0)", {"x": (2, 3)}, "6 x 6, 12 of 36 entries are structurally nonzero"),
    ("conv1d(x, k)", {"x": (1, 1, 5), "k": (1, 1, 2)}, "4 x 5, 8 of 20 entries are structurally nonzero"),
    ("x.unsqueeze(1)*y", {"x": (3,), "y": (3, 2)}, "6 x 3, 6 of 18 entries are structurally nonzero"),
    ("x @ x.T", {"x": (2, 3)}, "4 x 6, 18 of 24 entries are structurally nonzero"),
    ("tril(x)", {"x": (2, 2)}, "4 x 4, diagonal, 2 blocks of 2 x 2 on the diagonal"),
]  # fmt: skip


def case_name(case):
    return f"{case[0]} {case[1]}"


@pytest.mark.parametrize("case", STRUCTURES, ids=case_name)
def test_the_structure_is_described(case):
    text, shapes, words = case
    assert described(text, **shapes) == words


SMALL = [case for case in STRUCTURES if math.prod(case[1]["x"]) <= 100]


@pytest.mark.parametrize("case", SMALL, ids=case_name)
def test_the_description_is_true_of_the_dependence_sets(case):
    # Each word is checked on the matrix of entries that may be nonzero.
    text, shapes, _ = case
    program = parse(text)
    indices = {n: i for n, i in INDICES.items() if n in program.inputs}
    shapes = {**shapes, **{n: i.shape for n, i in indices.items()}}
    sets = dependence(program, "x", shapes, indices).reshape(-1).tolist()
    matrix = np.array([[s >> k & 1 for k in range(math.prod(shapes["x"]))] for s in sets])
    words = described(text, **{n: s for n, s in shapes.items() if n not in indices})
    assert is_true(words, matrix)
    # Negative control: the words are false for some matrix that differs in one entry.
    assert matrix.size == 1 or not all(is_true(words, other) for other in neighbours(matrix))


def neighbours(matrix):
    """Yield the matrices that differ in one entry."""
    for index in np.ndindex(matrix.shape):
        other = matrix.copy()
        other[index] = 1 - other[index]
        yield other


def is_true(words, matrix):
    size, *parts = words.split(", ")
    if size != f"{matrix.shape[0]} x {matrix.shape[1]}":
        return False
    return all(is_part_true(part, matrix) for part in parts)


def is_part_true(part, matrix):
    height, width = matrix.shape
    numbers = [int(n) for n in re.findall(r"\d+", part)]
    if part == "diagonal":
        return height == width and not (matrix * (1 - np.eye(height))).any()
    if part == "dense":
        return bool(matrix.all())
    if part == "zero":
        return not matrix.any()
    if "entries" in part:
        return numbers == [matrix.sum(), matrix.size]
    count, rows, columns = numbers
    mask = np.kron(np.eye(count), np.ones((rows, columns)))
    return mask.shape == matrix.shape and not (matrix * (1 - mask)).any()


def test_the_structure_is_that_with_respect_to_the_named_input():
    shapes = {"x": (5, 3), "w": (3, 2)}
    assert described("x @ w", "w", **shapes) == "10 x 6, 30 of 60 entries are structurally nonzero"
    assert described("x*c", "c", x=(3,), c=()) == "3 x 1, dense"


TOO_LARGE = [
    ((10_001, 9_999), "99999999 x 99999999, too large to analyse its structure"),
    ((20_001,), "20001 x 20001, too large to analyse its structure"),
    ((10_001,), "10001 x 10001, too large to analyse its structure"),
]


@pytest.mark.parametrize(("shape", "words"), TOO_LARGE)
def test_a_jacobian_that_is_too_large_is_not_analysed(monkeypatch, shape, words):
    monkeypatch.setattr(module, "dependence", None)  # it would raise
    assert described("relu(x)", x=shape) == words


def test_a_jacobian_with_too_many_rows_is_not_analysed(monkeypatch):
    monkeypatch.setattr(module, "dependence", None)
    words = "20001 x 1, too large to analyse its structure"
    assert described("x*y", x=(), y=(20_001,)) == words


def test_the_largest_jacobian_is_analysed():
    assert described("relu(x)", x=(10_000,)) == "10000 x 10000, diagonal"


def test_an_entry_too_many_or_too_few_is_noticed(monkeypatch):
    # Negative control.
    def planted(row, bit):
        def faulty(*arguments):
            sets = dependence(*arguments)
            sets.reshape(-1)[row] ^= bit
            return sets

        return faulty

    shapes = {"x": (5, 3)}
    right = "15 x 15, 5 blocks of 3 x 3 on the diagonal"
    assert described("softmax(x, dim=1)", **shapes) == right
    monkeypatch.setattr(module, "dependence", planted(0, 1 << 14))
    wrong = "15 x 15, 46 of 225 entries are structurally nonzero"
    assert described("softmax(x, dim=1)", **shapes) == wrong
    monkeypatch.setattr(module, "dependence", planted(2, 1))
    assert described("exp(x)", x=(3,)) == "3 x 3, 4 of 9 entries are structurally nonzero"
    assert (
        described("softmax(x, dim=0)", x=(3,)) == "3 x 3, 8 of 9 entries are structurally nonzero"
    )
