"""Calls of torch and the expressions that stand for them: values, gradients, refusals."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812  (as everybody writes it)

import symdiff
from symdiff.errors import UsageError
from symdiff.tracing import decompositions, syntax
from symdiff.tracing.trace import trace
from symdiff.tracing.translations import TRANSLATIONS, scattering

D = torch.float64
X = torch.tensor([[1.5, -2.0, 0.5], [0.25, 3.0, -1.0]], dtype=D)
S = torch.tensor([[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 2.0]], dtype=D)
TALL = torch.tensor([[1.0, 2.0], [0.5, -1.0], [2.0, 0.25]], dtype=D)
IMAGE = torch.linspace(-1, 2, 24, dtype=D).reshape(1, 2, 3, 4).sin()
VOLUME = torch.linspace(-1, 2, 27, dtype=D).reshape(1, 1, 3, 3, 3).cos()
INDEX = torch.tensor([[0, 2, 0], [1, 1, 0]])
ROWS = torch.tensor([1, 0, 1])
LABELS = torch.tensor([[2, -1, 0], [1, 0, -1]])  # those of a row end at the first -1

ORDERS = [
    lambda x: torch.sort(x, 1).values + torch.sort(x, dim=0, descending=True).values,
    lambda x: torch.msort(x) * x,
    lambda x: torch.topk(x, 2).values.sum(1) + torch.topk(x, 2, largest=False).values[:, 0],
    lambda x: torch.kthvalue(x, 2, 1).values + x.kthvalue(1, dim=1, keepdim=True).values[:, 0],
    lambda x: x.median() + x.median(1).values,
    lambda x: x.quantile(0.3) + torch.quantile(x, torch.tensor([0.2, 0.5], dtype=D), dim=1).sum(),
    lambda x: torch.quantile(x, 0.4, dim=0, interpolation="nearest", keepdim=True),
    lambda x: torch.cummax(x, 1).values + torch.cummin(x, 0).values,
    lambda x: torch.cumprod(x, 1) + torch.logcumsumexp(x, 0),
]
SCATTERS = [
    lambda x: x.scatter(1, INDEX[:, 1:2], x[:, 1:2] * 2) + x.scatter(0, INDEX[:1] % 2, 5.0),
    lambda x: x.scatter_add(1, INDEX, x * x),
    *(lambda x, r=r: x.scatter_reduce(1, INDEX, x * 2, reduce=r) for r in ("sum", "mean", "prod")),
    *(lambda x, r=r: x.scatter_reduce(1, INDEX, x - 1, r, include_self=False) for r in ("amax", "mean")),
    lambda x: x.index_reduce(0, ROWS, torch.cat([x, x[:1]]), "prod"),
    lambda x: x.index_add(0, ROWS, torch.cat([x, x[:1] * 3]), alpha=2),
    lambda x: x.index_copy(0, ROWS[:2], x * x) + x.index_fill(1, ROWS[:1], 7.0),
    lambda x: x.index_put((ROWS, ROWS), x[0], accumulate=True) + x.index_put((ROWS[:1],), x[0] * 2),
    lambda x: x.put(ROWS, x[1], accumulate=True),
    lambda x: x.masked_scatter(torch.tensor([[True, False, True]]), x.flip(1) * 2),
    lambda x: torch.diagonal_scatter(x, x[0, :2] * 2) + torch.select_scatter(x, x[0], 0, 1),
    lambda x: torch.slice_scatter(x, x[:, :2] * 3, dim=1, start=0, end=3, step=2),
    lambda x: torch.diag(x[0], 1)[:2, :3] + torch.diag(x, -1),
]  # fmt: skip
MATRICES = [
    lambda x: torch.det(x) + torch.logdet(x) + torch.linalg.slogdet(x).logabsdet,
    lambda x: torch.linalg.inv(x) @ x[:, :1] + torch.linalg.solve(x, x[0])[:, None],
    lambda x: torch.linalg.cholesky(x) + torch.linalg.cholesky(x, upper=True),
    lambda x: torch.cholesky_solve(x[:, :1], torch.linalg.cholesky(x)),
    lambda x: torch.cholesky_inverse(x.tril()),
    lambda x: torch.linalg.solve_triangular(x, x[:, :2], upper=True),
    lambda x: torch.linalg.solve_triangular(x, x[:2], upper=False, left=False, unitriangular=True),
    lambda x: torch.linalg.pinv(x[:, :2]) + torch.linalg.pinv(x[:2]).T,
    lambda x: torch.linalg.lstsq(x[:, :2], x[:, 2:]).solution,
    lambda x: torch.linalg.qr(x[:, :2]).R + torch.linalg.qr(x[:, :2]).Q[:2],
    lambda x: torch.linalg.norm(x, 1) + torch.linalg.norm(x, float("inf")) + torch.linalg.norm(x),
    lambda x: torch.linalg.lu_solve(*torch.linalg.lu_factor(S), x[:, :1]),
    lambda x: torch.linalg.householder_product(x[:, :2], x[0, :2]),
    lambda x: (x * 1).fill_diagonal_(2.0) @ x,
    lambda x: torch.linalg.householder_product(x, x[0, :2]),  # fewer reflections than columns
    lambda x: torch.linalg.matrix_power(x, 3) + torch.linalg.tensorsolve(x, x[0]),
]
LAYERS = [
    lambda x: F.conv_transpose2d(x, IMAGE[0][:, None, :2, :2], stride=2, output_padding=1),
    lambda x: F.conv_transpose2d(x, x[0][:, None, :2, :2], x[0, 0, 0, :2], groups=2, padding=1),
    lambda x: F.conv_transpose1d(x[0], x[0].movedim(0, 1)[:, :, :3] * 2, dilation=2),
    lambda x: F.conv2d(x, x[:, :1, :2, :2].expand(2, 1, 2, 2), groups=2, padding="same", dilation=2),
    lambda x: F.max_pool2d(x, 2, ceil_mode=True) + F.avg_pool2d(x, 2, ceil_mode=True),
    lambda x: F.avg_pool2d(x, 3, 2, padding=1, count_include_pad=False),
    lambda x: F.avg_pool2d(x, 2, divisor_override=3),
    lambda x: F.grid_sample(x, torch.tanh(x[:, :, :2, :2].movedim(1, -1)), align_corners=False),
    lambda x: F.grid_sample(x, 2 * x[:, :, :2, :2].movedim(1, -1), padding_mode="border", align_corners=True),
    lambda x: torch.cdist(x[0, :, 0], x[0, :, 1]) + torch.cdist(x[0, 0], x[0, 1], p=1.0)[:2, :2],
    lambda x: F.pdist(x[0, 0]) + F.pdist(x[0, 1], p=3.0),
    lambda x: F.embedding_bag(torch.tensor([0, 2, 1]), x[0, 0], torch.tensor([0, 1]), mode="mean"),
    lambda x: F.embedding_bag(torch.tensor([[0, 2], [1, 1]]), x[0, 0], mode="max"),
    lambda x: torch.addbmm(x[0, 0, :3, :3], x[0, :, :, :3], x[0, :, :, :3], beta=2, alpha=3),
    lambda x: torch.var_mean(x, 1)[0] + torch.std_mean(x, dim=1, keepdim=True)[1][0],
    lambda x: torch.native_layer_norm(x, (4,), None, None, 1e-5)[2] * x,
    lambda x: F.batch_norm(x, None, None, training=True),
    lambda x: F.batch_norm(x, x[0, :, 0, 0].detach(), x[0, :, 0, 1].detach() ** 2, eps=0.1),
    lambda x: F.pad(x[0], (1, 2)) + F.pad(x[0], [1, 2], "replicate") + F.pad(x[0], (2, 1), mode="circular"),
    lambda x: F.pad(x[0], (-1, 0), "replicate") + F.pad(x, (0, -1), value=2.0),
    lambda x: x.repeat(1, 2, 1, 1) + x.repeat((1, 2, 1, 1)) + torch.tile(x, (2, 1, 1)) + torch.roll(x, 1).repeat(1, 2, 1, 1),
    lambda x: x.flip(0, 1) + torch.flip(x, (2,)) + x.roll((1, 2), dims=(2, 3)) + x.swapaxes(2, 3).mT,
    lambda x: F.adaptive_avg_pool2d(x, (None, 2)) + F.adaptive_max_pool2d(x, [3, 2], return_indices=True)[0],
]  # fmt: skip
LOSSES = [
    lambda x: F.cross_entropy(x, torch.tensor([2, 0]), weight=X[1].abs(), label_smoothing=0.25),
    lambda x: F.cross_entropy(x, torch.tensor([2, -100]), reduction="sum"),
    lambda x: F.cross_entropy(x, torch.softmax(x.detach(), 1), reduction="none"),
    *(
        lambda x, r=r: F.multilabel_margin_loss(x, LABELS, reduction=r)
        for r in ("none", "mean", "sum")
    ),
    lambda x: (
        F.multilabel_margin_loss(x[0], LABELS[1]) * F.multilabel_margin_loss(x, 0 * LABELS - 1)
    ),
    lambda x: F.gaussian_nll_loss(x, x * 0, x * x + 1, full=True),
    lambda x: torch.special.log_ndtr(x) + torch.special.ndtri(torch.sigmoid(x)),
    lambda x: torch.logaddexp2(x, x * x) + torch.logaddexp2(x, x),
    lambda x: torch.special.erfcx(x) + torch.angle(x) + torch.mvlgamma(x.abs() + 2, 2),
    lambda x: (
        torch.rsub(x, x * x, alpha=2) + torch.rsub(x, 3, alpha=0.5) - torch.sub(x, x * x, alpha=4)
    ),
    lambda x: (
        x * torch.tensor([1, 2, 3], dtype=torch.int32)
        + torch.cov(x, fweights=torch.tensor([1, 2, 1], dtype=torch.int32)).sum()
    ),
    lambda x: (x > 0).sum().double() * x + (x > 0).long().float() * x,
    lambda x: torch.masked.var(x, 1, mask=torch.tensor([[True, True, False]] * 2)).sum() * x,
    lambda x: torch.nanmean(x) + (x > 0).bool().sum() * x.sum() + (x * (x > 0)).sum(),
]
CASES = [
    *((f, X) for f in (*ORDERS, *SCATTERS, *LOSSES)),
    *((f, S) for f in MATRICES),
    *((f, IMAGE) for f in LAYERS),
    (lambda x: F.conv3d(x, x[..., :2, :2, :2] * 2, padding=1), VOLUME),
    (lambda x: F.conv_transpose3d(x[..., :2, :2, :2], x[..., :2, :2, :2], stride=2), VOLUME),
]


def verdicts(function, *inputs):
    value = function(*inputs)
    weights = 1 + torch.arange(value.numel(), dtype=D).reshape(value.shape) % 5
    program = trace(function, *inputs)
    comparison = symdiff.compare(program, engines=["autograd"], cotangent=weights)
    return {r["verdict"] for r in comparison.records()}


@pytest.mark.filterwarnings("ignore:index_reduce")  # in beta
@pytest.mark.parametrize(("function", "x"), CASES)
def test_torch_s_gradient_of_a_translated_call_is_right(function, x):
    assert verdicts(function, x) <= {"agrees", "inexact", "subgradient"}


@pytest.mark.parametrize("function", [*ORDERS[:2], *ORDERS[3:], SCATTERS[5], LAYERS[9]])
def test_at_ties_torch_chooses_a_subgradient(function):
    x = torch.ones(2, 3, dtype=D) if function is not LAYERS[9] else torch.ones(1, 2, 3, 4, dtype=D)
    assert verdicts(function, x) & {"agrees", "subgradient"}
    assert not verdicts(function, x) & {"wrong", "not-subgradient", "value", "failed"}


class WrongMedian(torch.autograd.Function):
    """Its backward pass gives the gradient of the largest component."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.median()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * (x == x.max())


class WrongScatter(torch.autograd.Function):
    """Its backward pass forgets the second of two components for one position."""

    @staticmethod
    def forward(ctx, x):
        return torch.zeros(2, dtype=D).index_add(0, torch.tensor([0, 0, 1]), x)

    @staticmethod
    def backward(ctx, gradient):
        return gradient[torch.tensor([0, 1, 1])] * torch.tensor([1.0, 0.0, 1.0])


class WrongDeterminant(torch.autograd.Function):
    """Its backward pass forgets the determinant in front of the inverse."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.det(x)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * torch.linalg.inv(x).T


class WrongEigenvalue(torch.autograd.Function):
    """Its backward pass has the components of the eigenvector, and not their products."""

    @staticmethod
    def forward(ctx, x):
        values, vectors = torch.linalg.eigh(x)
        ctx.save_for_backward(vectors)
        return values[-1]

    @staticmethod
    def backward(ctx, gradient):
        (vectors,) = ctx.saved_tensors
        return gradient * torch.diag(vectors[:, -1])


PLANTED = [(WrongMedian, X[0]), (WrongScatter, X[0]), (WrongDeterminant, S), (WrongEigenvalue, S)]


@pytest.mark.parametrize(("wrong", "x"), PLANTED)
def test_a_wrong_backward_pass_is_found(wrong, x):
    assert "wrong" in verdicts(wrong.apply, x)


def test_a_wrong_translation_is_refused(monkeypatch):
    def first_only(c, x, dim, index, source):
        return syntax.add(c.write(x), syntax.literal(0))

    known = {**TRANSLATIONS, "index_add": first_only}
    monkeypatch.setattr("symdiff.tracing.translations.TRANSLATIONS", known)
    with pytest.raises(UsageError, match="the trace of index_add differs"):
        trace(lambda x: x.index_add(0, ROWS[:2], x), X)


def test_a_decomposition_with_a_different_value_is_refused(monkeypatch):
    known = {k: v for k, v in TRANSLATIONS.items() if k != "multilabel_margin_loss"}
    monkeypatch.setattr("symdiff.tracing.translations.TRANSLATIONS", known)

    def wrong(x, target, reduction):
        return x.sum(), target.double()

    operation = torch.ops.aten.multilabel_margin_loss_forward.default
    table = {**decompositions.decomposition_table, operation: wrong}
    monkeypatch.setattr(decompositions, "decomposition_table", table)
    words = r"multilabel_margin_loss cannot be traced: torch's decomposition of it differs from it: 2.25"
    with pytest.raises(UsageError, match=words):
        trace(lambda x: F.multilabel_margin_loss(x, LABELS), X)


REFUSED = [
    (torch.linalg.matrix_exp, "linalg_matrix_exp has no row"),
    (lambda x: torch.linalg.eigvalsh(0 * x), "close to each other"),
    (lambda x: torch.linalg.eigvalsh(torch.block_diag(x, 2 * x, x)), "more than 6 rows"),
    (lambda x: torch.linalg.svdvals(x[:, :1] @ x[:1]), "without full rank"),
    (lambda x: torch.linalg.qr(x[:, :1], mode="complete")[0], "qr with mode"),
    (lambda x: torch.linalg.pinv(x[:, :1] @ x[:1]), "without full rank"),
    (lambda x: torch.topk(x, 2, sorted=False)[0], "order is not defined"),
    (lambda x: torch.sort(x.log()).values, "numbers that are NaN"),
    (lambda x: torch.zeros(1, dtype=D).index_add(0, torch.zeros(40, dtype=int), x[0, 0].expand(40)),
     "more than 32 components"),
]  # fmt: skip


def r_of_qr(x):
    return torch.linalg.qr(x).R


def reflected(x):
    return torch.linalg.householder_product(x[:, :2], x[0, :2])


def test_rounding_explains_the_small_numbers_in_the_gradient_of_reflections():
    x = torch.tensor([[2.0, 0.25, 1.0], [0.5, 1.5, -0.75], [-1.0, 0.5, 3.0]], dtype=D) / 3
    comparison = symdiff.compare(reflected, values={"x": x}, engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} <= {"agrees", "inexact"}
    assert {r["proved"] for r in comparison.records()} == {True}


@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (2, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_rounding_explains_the_small_numbers_in_the_gradient_of_qr(shape, seed):
    """Where the derivative is 0 torch's backward pass leaves 1e-17: inexact, not wrong."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, dtype=D, generator=generator) + torch.eye(*shape, dtype=D)
    comparison = symdiff.compare(r_of_qr, values={"x": x}, engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} <= {"agrees", "inexact"}
    assert {r["proved"] for r in comparison.records()} == {True}


@pytest.mark.parametrize(("function", "reason"), REFUSED)
def test_what_cannot_be_translated_is_refused_with_a_reason(function, reason):
    with pytest.raises(UsageError, match=reason):
        trace(function, -S if "log" in reason or "NaN" in reason else torch.diag(S.diag()))


def test_another_result_of_a_call_is_refused_where_it_is_used():
    query = IMAGE[None, 0]

    def function(x):
        return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(x, x, x)[1]

    with pytest.raises(UsageError, match="its result has no form"):
        trace(function, query)


def test_a_result_that_tracing_does_not_see_is_refused():
    def function(x):
        with torch._C.DisableTorchFunction():
            return x.sin()

    with pytest.raises(UsageError, match="SinBackward0 cannot be traced"):
        trace(function, X)


def test_a_write_without_gradients_changes_the_value_and_not_the_graph():
    def function(x):
        h = x * x
        with torch.no_grad():
            h.clamp_(min=1.0)
        return h * x

    program = trace(function, X)
    comparison = symdiff.compare(program, engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} == {"agrees"}


def test_a_mask_among_the_inputs_is_a_condition():
    mask = torch.tensor([[True, False, True]])
    program = trace(lambda x, m: torch.where(m, x, x * x) + x.masked_fill(m, 1.0), X, mask)
    assert program.roles["m"] == "constant"
    comparison = symdiff.compare(program, engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} == {"agrees"}


def test_integers_may_be_indices_and_numbers():
    k = torch.tensor([0, 2, 1])
    assert verdicts(lambda x: x[0].gather(0, k) * (k > 0).double() * k, X) == {"agrees"}


@pytest.mark.parametrize(("positions", "count"), [([3, 0, 3], 2), ([1, 2], 1), ([0, 0, 0, 0], 4)])
def test_rounds_have_every_position_once(positions, count):
    found = [k.tolist() for k in scattering.rounds(torch.tensor(positions))]
    assert len(found) == count
    assert sorted(k for part in found for k in part) == list(range(len(positions)))
    assert all(len({positions[k] for k in part}) == len(part) for part in found)
