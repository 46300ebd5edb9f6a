"""Cases of losses and distances: see test_tensor_rows."""

import math

import torch
from torch.nn import functional as F  # noqa: N812  (torch's own name for it)

from tests.catalogue.shapes import ANY, MANY_DIMS, PAIRS, SEVERAL, table

ROWS = [((2, 3), (2, 3)), ((3,), (3,))]
TRIPLES = [((2, 3), (2, 3), (2, 3)), ((3,), (3,), (3,))]
SIGNS = torch.tensor([1.0, -1.0]).double()

LOSS_CASES = [
    *table(
        "vector_norm",
        ("torch.linalg.vector_norm(x)", torch.linalg.vector_norm, ANY),
        ("vector_norm(x, 3, dim=-1)", lambda x: torch.linalg.vector_norm(x, 3, dim=-1), SEVERAL),
        ("vector_norm(x, inf, (0, 1), keepdim=True)", lambda x: torch.linalg.vector_norm(x, math.inf, (0, 1), keepdim=True), MANY_DIMS),
        ("vector_norm(x, ord=1)", lambda x: torch.linalg.vector_norm(x, 1), ANY),
    ),
    *table(
        "pairwise_distance",
        ("F.pairwise_distance(x, y)", F.pairwise_distance, ROWS),
        ("pairwise_distance(x, y, p=1, eps=0.5)", lambda x, y: F.pairwise_distance(x, y, 1, 0.5), ROWS),
        ("pairwise_distance(x, y, 3, keepdim=True)", lambda x, y: F.pairwise_distance(x, y, 3.0, keepdim=True), [*ROWS, ((2, 3), (3,))]),
    ),
    *table(
        "cdist",
        ("torch.cdist(x, y)", torch.cdist, [((2, 3), (4, 3)), ((2, 1, 3), (2, 2, 3))]),
        ("cdist(x, y, p=1)", lambda x, y: torch.cdist(x, y, 1.0), [((2, 3), (1, 3))]),
        ("cdist(x, y, inf)", lambda x, y: torch.cdist(x, y, math.inf), [((2, 3), (2, 3))]),
    ),
    *table(
        "margin_ranking_loss",
        ("F.margin_ranking_loss(x, y, t)", F.margin_ranking_loss, TRIPLES),
        (
            "margin_ranking_loss(x, y, [1, -1], margin=2, reduction='none')",
            lambda x, y: F.margin_ranking_loss(x, y, SIGNS, 2.0, reduction="none"),
            [((2,), (2,))],
        ),
    ),
    *table(
        "hinge_embedding_loss",
        ("F.hinge_embedding_loss(x, [1, -1])", lambda x: F.hinge_embedding_loss(x, SIGNS), [(2,)]),
        ("hinge_embedding_loss(x, y, 0.5, 'sum')", lambda x, y: F.hinge_embedding_loss(x, y, 0.5, reduction="sum"), PAIRS),
    ),
    *table(
        "soft_margin_loss",
        ("F.soft_margin_loss(x, y.detach())", lambda x, y: F.soft_margin_loss(x, y.detach()), PAIRS),
        ("soft_margin_loss(x, [1, -1], 'none')", lambda x: F.soft_margin_loss(x, SIGNS, reduction="none"), [(2,)]),
    ),
    *table(
        "triplet_margin_loss",
        ("F.triplet_margin_loss(x, y, z)", F.triplet_margin_loss, TRIPLES),
        (
            "triplet_margin_loss(x, y, z, margin=3, p=1, eps=0.1, swap=True, reduction='sum')",
            lambda x, y, z: F.triplet_margin_loss(x, y, z, 3.0, 1.0, 0.1, swap=True, reduction="sum"),
            TRIPLES,
        ),
    ),
    *table(
        "cosine_embedding_loss",
        ("F.cosine_embedding_loss(x, y, [1, -1])", lambda x, y: F.cosine_embedding_loss(x, y, SIGNS), [((2, 3), (2, 3))]),
        (
            "cosine_embedding_loss(x, y, -1, margin=-1, reduction='none')",
            lambda x, y: F.cosine_embedding_loss(x, y, torch.tensor(-1.0), -1.0, reduction="none"),
            [((3,), (3,))],
        ),
    ),
    *table(
        "nll_loss",
        ("nll_loss(x, i, weight=(w**2 + 1).detach())", lambda x, i, w: F.nll_loss(x, i, (w**2 + 1).detach()), [((3, 2), (3,), (2,)), ((2, 3, 2), (2, 2), (3,)), ((2,), (), (2,))]),
        ("nll_loss(x, i, 'sum', (w**2 + 1).detach(), ignore_index=1)", lambda x, i, w: F.nll_loss(x, i, (w**2 + 1).detach(), ignore_index=1, reduction="sum"), [((4, 2), (4,), (2,))]),
        ("nll_loss(x, [0, 1, -100])", lambda x: F.nll_loss(x, torch.tensor([0, 1, -100])), [(3, 2)]),
    ),
    *table(
        "cross_entropy",
        ("cross_entropy(x, i, weight=(w**2 + 1).detach())", lambda x, i, w: F.cross_entropy(x, i, (w**2 + 1).detach()), [((3, 2), (3,), (2,)), ((2, 3, 2), (2, 2), (3,))]),
        ("cross_entropy(x, [0, 2, 1], ignore_index=2)", lambda x: F.cross_entropy(x, torch.tensor([0, 2, 1]), ignore_index=2), [(3, 3)]),
        ("cross_entropy(x, [0, 2], reduction='none', ignore_index=0)", lambda x: F.cross_entropy(x, torch.tensor([0, 2]), ignore_index=0, reduction="none"), [(2, 3)]),
        ("cross_entropy(x, i, label_smoothing=0.1)", lambda x, i: F.cross_entropy(x, i, label_smoothing=0.1), [((3, 2), (3,)), ((3,), ()), ((2, 3, 2), (2, 2))]),
        (
            "cross_entropy(x, [0, 2, 1], weight=(w**2 + 1).detach(), ignore_index=2, label_smoothing=0.25)",
            lambda x, w: F.cross_entropy(x, torch.tensor([0, 2, 1]), (w**2 + 1).detach(), ignore_index=2, label_smoothing=0.25),
            [((3, 3), (3,))],
        ),
        (
            "cross_entropy(x, [0, 1], weight=(w**2 + 1).detach(), reduction='sum', label_smoothing=1)",
            lambda x, w: F.cross_entropy(x, torch.tensor([0, 1]), (w**2 + 1).detach(), reduction="sum", label_smoothing=1.0),
            [((2, 2), (2,))],
        ),
    ),
    *table(
        "kl_div",
        ("F.kl_div(x, sigmoid(y), reduction='batchmean')", lambda x, y: F.kl_div(x, y.sigmoid(), reduction="batchmean"), PAIRS),
        ("kl_div(x, exp(y), 'sum')", lambda x, y: F.kl_div(x, y.exp(), reduction="sum"), PAIRS),
        ("kl_div(x, y, log_target=True, reduction='none')", lambda x, y: F.kl_div(x, y, reduction="none", log_target=True), PAIRS),
    ),
    *table(
        "poisson_nll_loss",
        ("F.poisson_nll_loss(x, y)", F.poisson_nll_loss, PAIRS),
        ("poisson_nll_loss(exp(x), y, log_input=False, reduction='sum')", lambda x, y: F.poisson_nll_loss(x.exp(), y, log_input=False, reduction="sum"), PAIRS),
        ("poisson_nll_loss(x, [0.5, 3], full=True)", lambda x: F.poisson_nll_loss(x, torch.tensor([0.5, 3.0]).double(), full=True), [(2,)]),
    ),
    *table(
        "gaussian_nll_loss",
        ("F.gaussian_nll_loss(x, y, exp(v))", lambda x, y, v: F.gaussian_nll_loss(x, y, v.exp()), [((2, 3), (2, 3), (2, 3)), ((2, 3), (2, 3), (2, 1)), ((2, 3), (2, 3), (2,))]),
        (
            "gaussian_nll_loss(x, y, v**2, full=True, eps=1, reduction='none')",
            lambda x, y, v: F.gaussian_nll_loss(x, y, v**2, full=True, eps=1.0, reduction="none"),
            [((3,), (3,), (3,))],
        ),
    ),
]  # fmt: skip
