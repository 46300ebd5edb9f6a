"""Functions that ordinary code calls: each with inputs at a smooth point, and at ties or zeros."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import fft
from torch.nn import functional as F  # noqa: N812  (as everybody writes it)

D = torch.float64


def t(*rows):
    return torch.tensor(rows, dtype=D)


X = t([1.5, -2.0, 0.5], [0.25, 3.0, -1.0])
TIES = t([1.0, 1.0, 0.0], [0.0, 1.0, 1.0])
ZERO = torch.zeros(2, 3, dtype=D)
V = t(0.5, -1.5, 2.0, 0.25)
S = t([4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 2.0])
EYE = torch.eye(3, dtype=D)
IMAGE = torch.linspace(-1, 2, 24, dtype=D).reshape(1, 2, 3, 4).sin()
ONES = torch.ones(1, 2, 3, 4, dtype=D)
SIGNAL = torch.linspace(-1, 2, 8, dtype=D).reshape(1, 2, 4).cos()
INDEX = torch.tensor([[0, 2, 0], [1, 1, 0]])
ROWS = torch.tensor([1, 0])
MASK = torch.tensor([[True, False, True], [False, True, True]])
CAUSAL = torch.tensor([[True, False], [True, True]])
TARGETS = torch.tensor([2, 0])
WEIGHT = t(1.0, 2.0, 0.5)
GRID = t([[[-0.3, 0.2], [0.6, -0.7]], [[0.9, 0.45], [-1.1, 0.1]]])
BORDERS = t([[[-1.0, 0.0], [1.0, -1.0]], [[0.0, 1.0], [0.25, -0.25]]])


@dataclasses.dataclass(frozen=True)
class Named:
    """A function of the list with its inputs; `verdicts` are those at `ties`."""

    name: str
    function: Callable[..., Any]
    inputs: tuple[torch.Tensor, ...]
    ties: tuple[torch.Tensor, ...] = ()
    verdicts: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.name


def row(name, function, *inputs, ties=None, verdicts="subgradient"):
    ties = ties if isinstance(ties, tuple) else () if ties is None else (ties,)
    return Named(name, function, inputs, ties, frozenset(verdicts.split()) if ties else frozenset())


def attention(q, v, m=None, **more):
    return F.scaled_dot_product_attention(q, q, v, attn_mask=m, **more)


SOME = "subgradient agrees"
# fmt: off
NORMALIZATIONS = [
    row("layer_norm", lambda x: F.layer_norm(x, (3,), X[0], X[1]), X),
    row("layer_norm without eps", lambda x: F.layer_norm(x, (3,), eps=0.0), X, ties=ZERO + 1, verdicts="undefined"),
    row("batch_norm in training", lambda x, w: F.batch_norm(x, None, None, w, w, training=True), X, X[0]),
    row("batch_norm in evaluation", lambda x: F.batch_norm(x, X[1], X[0] ** 2), X),
    row("group_norm", lambda x: F.group_norm(x, 2), IMAGE[:, :, :2, :2]),
    row("instance_norm", F.instance_norm, SIGNAL),
    row("rms_norm", lambda x: F.rms_norm(x, (3,), X[0]), X, ties=ZERO, verdicts="agrees"),
]
ATTENTION = [
    row("scaled_dot_product_attention", attention, SIGNAL, SIGNAL - 1),
    row("scaled_dot_product_attention with a mask", lambda q, v: attention(q, v, CAUSAL), SIGNAL, SIGNAL - 1),
    row("scaled_dot_product_attention, an added mask", attention, SIGNAL, SIGNAL - 1, V.reshape(2, 2)),
    row("scaled_dot_product_attention, an added mask of -inf", lambda q, v: attention(q, v, t([0.5, -math.inf], [0, 1])), SIGNAL, SIGNAL - 1),
    row("scaled_dot_product_attention, causal", lambda q, v: attention(q, v, is_causal=True), SIGNAL, SIGNAL - 1),
    row("embedding", lambda w: F.embedding(INDEX, w), S),
]
IMAGES = [
    row("max_pool1d", lambda x: F.max_pool1d(x, 2), SIGNAL, ties=SIGNAL * 0),
    row("max_pool2d", lambda x: F.max_pool2d(x, 2), IMAGE, ties=ONES, verdicts=SOME),
    row("avg_pool1d", lambda x: F.avg_pool1d(x, 2), SIGNAL),
    row("avg_pool2d", lambda x: F.avg_pool2d(x, 2), IMAGE),
    row("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x, 3), SIGNAL),
    row("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (2, 3)), IMAGE),
    row("interpolate, nearest", lambda x: F.interpolate(x, size=(2, 5), mode="nearest"), IMAGE),
    row("interpolate, bilinear", lambda x: F.interpolate(x, size=(5, 3), mode="bilinear"), IMAGE),
    row("interpolate, bilinear with aligned corners", lambda x: F.interpolate(x, size=(5, 3), mode="bilinear", align_corners=True), IMAGE),
    row("interpolate, bilinear by a factor", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), IMAGE),
    row("interpolate, linear", lambda x: F.interpolate(x, size=7, mode="linear", align_corners=True), SIGNAL),
    row("grid_sample", lambda x, g: F.grid_sample(x, g, align_corners=False), IMAGE, GRID, ties=(IMAGE, BORDERS), verdicts=SOME),
    row("grid_sample with aligned corners", lambda x, g: F.grid_sample(x, g, align_corners=True), IMAGE, GRID,
        ties=(IMAGE, BORDERS), verdicts=SOME),
    row("grid_sample, nearest", lambda x, g: F.grid_sample(x, g, mode="nearest", align_corners=False), IMAGE, GRID),
    row("grid_sample, border", lambda x, g: F.grid_sample(x, g, padding_mode="border", align_corners=False), IMAGE, GRID,
        ties=(IMAGE, BORDERS), verdicts=SOME),
    row("pad", lambda x: F.pad(x, (1, 2), value=3.0), X),
    row("pad, reflect", lambda x: F.pad(x, (1, 2), mode="reflect") + F.pad(x, (1, 2), mode="replicate"), SIGNAL),
]
PRODUCTS = [
    row("einsum, a product", lambda x, y: torch.einsum("ij,kj->ik", x, y), X, X * 2),
    row("einsum, a trace", lambda x: torch.einsum("ii->", x) + torch.einsum("ii->i", x), S),
    row("einsum, a batch", lambda x, y: torch.einsum("bij,bjk->bik", x, y), SIGNAL[:, :, :2], SIGNAL[:, :, 2:]),
    row("einsum, an ellipsis", lambda x, y: torch.einsum("...i,...j->...ij", x, y), X, X),
    row("einsum, three operands", lambda x, y: torch.einsum("i,ij,j->", x, y, x), X[0], S),
    row("bmm", lambda x: torch.bmm(x, x.mT), SIGNAL),
    row("baddbmm", lambda x: torch.baddbmm(x[:, :, :2], x, x.mT, beta=2, alpha=3), SIGNAL),
    row("outer", torch.outer, X[0], X[1, :2]),
    row("cross", lambda x: torch.linalg.cross(x[0], x[1]) + torch.cross(x, x * x, dim=1)[0], X),
]
NORMS = [
    *(row(f"cdist, p={p}", lambda x, p=p: torch.cdist(x, X * 2, p=p), X, ties=X * 2) for p in (1.0, 2.0, math.inf)),
    row("pairwise_distance", lambda x: F.pairwise_distance(x, X * 2), X),
    row("pairwise_distance without eps", lambda x: F.pairwise_distance(x, X * 2, eps=0), X, ties=X * 2),
    *(row(f"vector_norm, p={p}", lambda x, p=p: torch.linalg.vector_norm(x, p, dim=1), X, ties=ZERO) for p in (1, 1.5, 2, 3, math.inf)),
    row("vector_norm, p=0.5", lambda x: torch.linalg.vector_norm(x, 0.5, dim=1), X, ties=ZERO, verdicts="undecided"),
    *(row(f"matrix_norm, {p}", lambda x, p=p: torch.linalg.matrix_norm(x, p), X[:, :2], ties=ZERO[:, :2]) for p in ("fro", 1, math.inf)),
]
LOSSES = [
    row("kl_div", lambda x, y: F.kl_div(x, y, reduction="sum"), X, X**2, ties=(X, ZERO), verdicts="undefined agrees"),
    row("kl_div of logarithms", lambda x, y: F.kl_div(x, y, reduction="batchmean", log_target=True), X, X**2),
    row("gaussian_nll_loss", F.gaussian_nll_loss, X, X * 2, X**2, ties=(X, X, ZERO + 1e-6), verdicts="agrees"),
    row("gaussian_nll_loss, full", lambda x, y, v: F.gaussian_nll_loss(x, y, v, full=True), X, X * 2, X**2),
    row("poisson_nll_loss", F.poisson_nll_loss, X, X**2),
    row("poisson_nll_loss, full", lambda x, y: F.poisson_nll_loss(x, y, full=True), X, 2 * X**2,
        ties=(X, ZERO + 1), verdicts="agrees silent"),
    row("triplet_margin_loss", lambda x: F.triplet_margin_loss(x, X * 2, X + 1, swap=True, margin=4.0), X),
    row("triplet_margin_loss at its margin", lambda x: F.triplet_margin_loss(x, x.detach(), x.detach() + 1, margin=1.0, p=1.0, eps=0.0), X[:1, :1],
        ties=X[:1, :1]),
    row("cosine_embedding_loss", lambda x: F.cosine_embedding_loss(x, X * X, torch.tensor([1, -1])), X, ties=ZERO, verdicts=SOME),
    row("margin_ranking_loss", lambda x, y: F.margin_ranking_loss(x, y, t(1.0, -1.0, 1), margin=0.5), X[0], X[1],
        ties=(TIES[0], TIES[0] - 0.5), verdicts=SOME),
    row("hinge_embedding_loss", lambda x: F.hinge_embedding_loss(x, t(1.0, -1.0, -1)), X[0], ties=TIES[0], verdicts=SOME),
    row("multi_margin_loss", lambda x: F.multi_margin_loss(x, TARGETS), X, ties=t([1.0, 0.0, 1.0], [2.0, 0.0, 1.0]), verdicts=SOME),
    row("soft_margin_loss", lambda x: F.soft_margin_loss(x, 2 * MASK.double() - 1), X),
    row("cross_entropy", lambda x: F.cross_entropy(x, TARGETS), X),
    row("cross_entropy with class weights", lambda x: F.cross_entropy(x, TARGETS, weight=WEIGHT), X),
    row("cross_entropy with only ignored targets", lambda x: F.cross_entropy(x, 0 * TARGETS - 100, reduction="sum"), X),
    row("cross_entropy with ignore_index", lambda x: F.cross_entropy(x, TARGETS, ignore_index=2), X),
    row("cross_entropy with label smoothing", lambda x: F.cross_entropy(x, TARGETS, label_smoothing=0.25, weight=WEIGHT), X),
    row("cross_entropy of probabilities", F.cross_entropy, X, (X / 2).softmax(1), ties=(X, MASK.double()), verdicts="agrees"),
    row("cross_entropy of probabilities, smoothed", lambda x, p: F.cross_entropy(x, p, weight=WEIGHT, label_smoothing=0.2, reduction="sum"), X, X.softmax(1)),
]
ORDERS = [
    row("sort", lambda x: torch.sort(x, 1).values, X, ties=TIES, verdicts=SOME),
    row("topk", lambda x: torch.topk(x, 2).values, X, ties=TIES, verdicts=SOME),
    row("kthvalue", lambda x: torch.kthvalue(x, 2).values, X, ties=TIES, verdicts=SOME),
    row("median", torch.median, X, ties=TIES, verdicts=SOME),
    row("median along a dimension", lambda x: torch.median(x, 1).values, X, ties=TIES, verdicts=SOME),
    row("quantile", lambda x: torch.quantile(x, 0.3), X, ties=TIES),
    row("cummax", lambda x: torch.cummax(x, 1).values, X, ties=TIES, verdicts=SOME),
    row("cummin", lambda x: torch.cummin(x, 1).values, X, ties=TIES, verdicts=SOME),
    row("cumprod", lambda x: torch.cumprod(x, 1), X, ties=TIES, verdicts="agrees"),
    row("logcumsumexp", lambda x: torch.logcumsumexp(x, 1), X),
    row("prod", torch.prod, X, ties=TIES, verdicts="agrees"),
    row("prod along a dimension", lambda x: torch.prod(x, 1), X, ties=TIES, verdicts="agrees"),
]
SCATTERS = [
    row("boolean indexing", lambda x: x[MASK] * 2, X),
    row("boolean indexing by a value", lambda x: x[x > 0], X, ties=TIES, verdicts="undecided"),
    row("index_put", lambda x: x.index_put((ROWS, ROWS), x[0, :2]), X),
    row("index_put, added", lambda x: x.index_put((ROWS, ROWS * 0), x[0, :2], accumulate=True), X),
    row("index_add", lambda x: x.index_add(0, ROWS, X * x), X),
    row("scatter", lambda x: x.scatter(1, INDEX[:, 1:], x[:, 1:] * x[:, 1:]), X),
    row("scatter_add", lambda x: x.scatter_add(1, INDEX, x * x), X),
    *(row(f"scatter_reduce, {r}", lambda x, r=r: x.scatter_reduce(1, INDEX, x * 1, reduce=r), X) for r in ("sum", "mean", "prod", "amax", "amin")),
    row("scatter_reduce, amax at a tie", lambda x: torch.zeros(2, 3, dtype=D).scatter_reduce(1, INDEX, x * 2, "amax"), X,
        ties=t([1.0, 2.0, 1.0], [3.0, 3.0, 1.0]), verdicts=SOME),
]
ARRANGEMENTS = [
    row("roll", lambda x: torch.roll(x, (1, 2), (0, 1)), X),
    row("rot90", lambda x: torch.rot90(x) + x.rot90(3, (0, 1)), X),
    row("repeat", lambda x: x.repeat(2, 1, 2), X),
    row("tile", lambda x: x.tile(2), X),
    row("chunk", lambda x: torch.chunk(x, 2, 1)[0] * torch.chunk(x, 2, 0)[1][:, :2], X),
    row("split", lambda x: torch.split(x, [1, 2], 1)[1], X),
    row("unbind", lambda x: x.unbind(1)[2], X),
    row("meshgrid", lambda x, y: torch.meshgrid(x, y, indexing="ij")[0] * torch.meshgrid(x, y, indexing="xy")[1].T, X[0], X[1, :2]),
    row("trace", torch.trace, S),
    row("tril", lambda x: torch.tril(x, -1), S),
    row("triu", lambda x: torch.triu(x, 1), S),
]
MATRICES = [
    row("det", torch.det, S, ties=S * 0, verdicts="agrees"),
    row("slogdet", lambda x: torch.slogdet(x)[1], S, ties=S * 0, verdicts="undefined"),
    row("slogdet, both results", lambda x: torch.linalg.slogdet(x).sign * torch.linalg.slogdet(x).logabsdet, -S),
    row("inv", torch.linalg.inv, S),
    row("solve", torch.linalg.solve, S, X[0]),
    row("solve, several right sides", torch.linalg.solve, S, X.T),
    row("cholesky", torch.linalg.cholesky, S),
    row("triangular solve", lambda x, b: torch.linalg.solve_triangular(x, b, upper=True), S, X.T),
    row("triangular solve, the former name", lambda x, b: torch.triangular_solve(b, x)[0], S, X.T),
]
EIGENVALUES = [
    row("eigvalsh", torch.linalg.eigvalsh, S, ties=EYE[:2, :2]),
    row("eigvalsh, 2 rows", torch.linalg.eigvalsh, torch.stack([S[:2, :2], S[1:, 1:]]), ties=torch.zeros(2, 2, dtype=D)),
    row("eigvalsh, 4 rows", torch.linalg.eigvalsh, torch.block_diag(S, t([7.0])) + 0.25),
    row("eigvalsh, 6 rows", torch.linalg.eigvalsh, torch.block_diag(S, 2 * S + EYE) + 0.5),
    row("eigvalsh, of eigh", lambda x: torch.linalg.eigh(x).eigenvalues, S, ties=EYE, verdicts="undecided"),
    row("svdvals", torch.linalg.svdvals, S, ties=EYE, verdicts="undecided"),
    row("svdvals, 2 rows", torch.linalg.svdvals, S[:2, :2], ties=EYE[:2, :2]),
    row("svdvals, 2 rows and 3 columns", torch.linalg.svdvals, X, ties=EYE[:2], verdicts=SOME),
    row("svdvals, 3 columns", torch.linalg.svdvals, torch.cat([S, X])[[0, 1, 3, 4]]),
    row("svdvals, of svd", lambda x: torch.linalg.svd(x).S + torch.svd(x)[1], X.T),
    row("matrix_norm, nuc", lambda x: torch.linalg.matrix_norm(x, "nuc"), X[:, :2], ties=EYE[:2, :2], verdicts="agrees"),
    row("matrix_norm, nuc of 3 rows", lambda x: torch.norm(x, "nuc"), S),
    row("matrix_norm, 2", lambda x: torch.linalg.matrix_norm(x, 2), S, ties=ZERO, verdicts="undecided"),
    row("matrix_norm, -2", lambda x: torch.linalg.norm(x, -2), X),
]
SPECIAL = [
    row("polygamma", lambda x: torch.polygamma(2, x), X.abs(), ties=X[:1] - 0.25, verdicts="agrees"),
    row("lgamma", torch.lgamma, X.abs(), ties=-TIES, verdicts="undefined"),
    row("i0", torch.special.i0, X, ties=ZERO, verdicts="agrees"),
    row("i0e", torch.special.i0e, X, ties=ZERO),
    row("i1", torch.special.i1, X, ties=ZERO, verdicts="agrees"),
    row("i1e", torch.special.i1e, X, ties=ZERO, verdicts="agrees"),
    row("erfcx", torch.special.erfcx, X * 20 - 20, ties=ZERO, verdicts="agrees"),
]
FOURIER = [
    row("rfft, amplitudes", lambda x: fft.rfft(x).abs(), V, ties=V * 0),
    row("rfft, parts", lambda x: fft.rfft(x).real + fft.rfft(x, norm="ortho").imag, V),
    row("rfft, power", lambda x: fft.rfft(x).abs().square(), V, ties=V * 0, verdicts="agrees"),
    row("irfft, a filter", lambda x, h: fft.irfft(fft.rfft(x) * h, n=4), V, X[0]),
]
CASES = [*NORMALIZATIONS, *ATTENTION, *IMAGES, *PRODUCTS, *NORMS, *LOSSES, *ORDERS, *SCATTERS, *ARRANGEMENTS,
         *MATRICES, *EIGENVALUES, *SPECIAL, *FOURIER]
# fmt: on
