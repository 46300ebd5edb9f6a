"""Losses and distances: proved gradients, kinks at the ends of margins, PyTorch's conventions."""

import pytest

import symdiff

# text, values, the derivatives with respect to x
SMOOTH = [
    ("F.kl_div(x, y.detach(), reduction='batchmean')", {"x": [-1, -2], "y": [1, 3]}, [-0.5, -1.5]),
    ("F.poisson_nll_loss(x, [1, 2], reduction='sum')", {"x": [0, 0]}, [0, -1]),
    ("F.gaussian_nll_loss(x, [1, 1], [2, 4], reduction='sum')", {"x": [3, 1]}, [1, 0]),
    ("cross_entropy(x, [0, -100])", {"x": [[0, 0], [5, 1]]}, [-0.5, 0.5, 0, 0]),
    ("cross_entropy(x, [0, 1], weight=[1, 3])", {"x": [[0, 0], [0, 0]]}, [-1 / 8, 1 / 8, 3 / 8, -3 / 8]),
    ("cross_entropy(x, 0, label_smoothing=0.5)", {"x": [0, 0]}, [-0.25, 0.25]),
    ("F.soft_margin_loss(x, [1, -1], 'sum')", {"x": [0, 0]}, [-0.5, 0.5]),
    ("F.triplet_margin_loss(x, [3], [0], eps=0)", {"x": [1]}, [-2]),
    ("F.cosine_embedding_loss(x, [0, 1], -1, margin=-1)", {"x": [1, 0]}, [0, 1]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "values", "gradient"), SMOOTH)
def test_a_smooth_loss_has_its_gradient(text, values, gradient):
    comparison = symdiff.compare(text, values=values, wrt=["x"], engines=("autograd",))
    records = comparison.records()
    assert [r["derivative"] for r in records] == pytest.approx(gradient, abs=1e-11)
    assert {record["verdict"] for record in records} <= {"agrees", "inexact"}


# text, x, the slopes on the left and on the right of every component
AT_KINKS = [
    ("F.margin_ranking_loss(x, [0], [1], margin=1)", [1], [(-1, 0)]),
    ("F.hinge_embedding_loss(x, [-1])", [1], [(-1, 0)]),
    ("F.triplet_margin_loss(x, [3], [0], margin=3, eps=0)", [3], [(-2, 0)]),
    ("F.pairwise_distance(x, [1, 2], eps=0)", [1, 2], [(-1, 1), (-1, 1)]),
    ("F.pairwise_distance(x, [1, 2], p=1, eps=0)", [1, 2], [(-1, 1), (-1, 1)]),
    ("torch.cdist(x, [[1, 2]]).sum()", [[1, 2]], [(-1, 1), (-1, 1)]),
    ("torch.linalg.vector_norm(x, inf)", [2, -2], [(0, 1), (-1, 0)]),
]


@pytest.mark.parametrize(("text", "x", "slopes"), AT_KINKS)
def test_a_kink_has_its_slopes(text, x, slopes):
    comparison = symdiff.compare(text, values={"x": x}, engines=("autograd",))
    records = comparison.records()
    assert [slope for r in records for slope in (r["left"], r["right"])] == pytest.approx(
        [slope for pair in slopes for slope in pair]
    )
    assert {record["verdict"] for record in records} <= {"agrees", "subgradient"}
