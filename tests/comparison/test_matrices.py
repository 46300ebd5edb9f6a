"""Functions of small matrices: gradients by hand, ties of eigenvalues, singular matrices."""

import pytest

import symdiff

# text, values, the derivatives with respect to x
SMOOTH = [
    ("det(x)", {"x": [[1, 2], [3, 4]]}, [4, -3, -2, 1]),
    ("det(x)", {"x": [[0, 0], [0, 3]]}, [3, 0, 0, 0]),
    ("inv(x).trace()", {"x": [[1, 0], [0, 2]]}, [-1, 0, 0, -0.25]),
    ("torch.logdet(x)", {"x": [[1, 0], [0, 2]]}, [1, 0, 0, 0.5]),
    ("torch.linalg.solve(x, [1, 2])[0]", {"x": [[1, 0], [0, 2]]}, [-1, -1, 0, 0]),
    ("solve_triangular(x, [[1], [2]], upper=True)[0, 0]", {"x": [[1, 1], [9, 2]]}, [0, -1, 0, 0.5]),
    ("eigvalsh(x)[0]", {"x": [[1, 0], [0, 3]]}, [1, 0, 0, 0]),
    ("svdvals(x)[1]", {"x": [[1, 0], [0, 3]]}, [1, 0, 0, 0]),
    ("svdvals(x).sum()", {"x": [[1, 0], [0, 3]]}, [1, 0, 0, 1]),
    ("svdvals(x).prod()", {"x": [[2, 0], [0, 2]]}, [2, 0, 0, 2]),
    ("x.trace()", {"x": [[1, 2], [3, 4]]}, [1, 0, 0, 1]),
    ("cross(x, [0, 0, 1])[0]", {"x": [1, 2, 3]}, [0, 1, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "values", "gradient"), SMOOTH)
def test_a_function_of_a_matrix_has_its_gradient(text, values, gradient):
    records = symdiff.compare(text, values=values, engines=("autograd",)).records()
    assert [r["derivative"] for r in records] == pytest.approx(gradient)


# text, x, the slopes on the left and on the right of every component
AT_TIES = [
    ("eigvalsh(x)[0]", [[1, 0], [0, 1]], [(1, 0), (0.5, -0.5), (0.5, -0.5), (1, 0)]),
    ("eigvalsh(x)[1]", [[1, 0], [0, 1]], [(0, 1), (-0.5, 0.5), (-0.5, 0.5), (0, 1)]),
    ("eigvalsh(x).sum()", [[1, 0], [0, 1]], [(1, 1), (0, 0), (0, 0), (1, 1)]),
    ("svdvals(x)[0]", [[0, 0], [0, 0]], [(-1, 1)] * 4),
    ("svdvals(x)[0]", [[2, 0], [0, 2]], [(0, 1), (-0.5, 0.5), (-0.5, 0.5), (0, 1)]),
    ("svdvals(x)[1]", [[1, 0], [0, 0]], [(0, 0), (0, 0), (0, 0), (-1, 1)]),
    ("svdvals(x).sum()", [[1, 0], [0, 0]], [(1, 1), (0, 0), (0, 0), (-1, 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "x", "slopes"), AT_TIES)
def test_a_tie_of_eigenvalues_or_a_singular_matrix_is_a_kink(text, x, slopes):
    records = symdiff.compare(text, values={"x": x}, engines=("autograd",)).records()
    found = [slope for record in records for slope in (record["left"], record["right"])]
    assert found == pytest.approx([slope for pair in slopes for slope in pair])


SINGULAR = ["inv(x)[0, 0]", "solve(x, [1, 1])[0]", "logdet(x)"]


@pytest.mark.parametrize("text", SINGULAR)
def test_a_singular_matrix_has_no_inverse(text):
    comparison = symdiff.compare(text, values={"x": [[1, 2], [2, 4]]}, engines=("central",))
    assert "smooth" not in {record["kind"] for record in comparison.records()}
    assert {record["derivative"] for record in comparison.records()} == {None}
