"""A trace is the Program that a function computes: its value, its gradient, its lines of code."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (as everybody writes it)

import symdiff
from symdiff.tracing import trace as tracing
from symdiff.tracing.translations import TRANSLATIONS

D = torch.float64
X = torch.tensor([[1.5, -2.0, 0.5], [0.25, 3.0, -1.0]], dtype=D)
V = torch.tensor([1.5, -2.0, 0.5, 3.0], dtype=D)
W = torch.tensor([[0.5, 1.0, -1.0], [2.0, -0.5, 0.25], [1.0, 1.0, 0.5]], dtype=D)
IMAGE = torch.linspace(-1, 2, 32, dtype=D).reshape(1, 2, 4, 4).sin()


def mask_write(x):
    h = x * 2
    h[h < 0] = 0
    return h


def item_write(x):
    h = x.clone()
    h[0, 1] = 7.0
    h[1] += x[0]
    return h


def view_write(x):
    y = x * 1
    y.view(-1)[2:4].mul_(3)
    return y


def transposed_write(x):
    y = x * 1
    y.T[0] = 5.0
    return y.sin()


def out_argument(x):
    size = torch.zeros_like(x)
    with torch.no_grad():
        torch.mul(x, 3, out=size)
    return x * size


def without_gradient(x):
    with torch.no_grad():
        size = x.norm()
    return x / size


def detached(x):
    return x * x.detach().exp()


def branch(x):
    if x.sum() > 0:
        return x.sin()
    return x


def named_branch(x):
    h = x.exp()
    return h if h.sum() > 100 else x


def loop(x):
    h = x
    for _ in range(4):
        h = torch.tanh(h @ W[: h.shape[-1]])
    return h


def dictionary(x):
    return {"loss": x.square().sum(), "parts": [x.exp(), x[0]]}


def value_replaced(x):
    h = x * 2
    with torch.no_grad():
        h.clamp_(min=0)  # for torch the gradient is still that of x * 2
    return h * h


def value_replaced_through_data(x):
    h = x * 2
    h.data[0] = 1.0
    return h.sin()


def value_replaced_through_detach(x):
    h = x * 2
    h.detach().mul_(3)
    return h.sin()


FUNCTIONS = [
    # -- Python's operators
    value_replaced, value_replaced_through_data, value_replaced_through_detach,
    lambda x: x * (x.argmax() + 1) + x[x.argsort(dim=1)[0, 0]], lambda x: x * (x > 0).any(),
    lambda x: x * (x + 0.3).long() + ((x + 0.3).int() > 0).double() + x.bool().double() * x,
    lambda x: 1 - x / 2 + 3 * x**2,
    lambda x: 2**x - (0.1 - x).floor() + x % 0.4,
    lambda x: torch.add(x, x, alpha=2) - torch.sub(x, 1, alpha=3),
    lambda x: (x > 0).double() * x + (~(x > 1)).double(),
    lambda x: torch.where((x > 0) & (x < 1), x, x.exp()),
    lambda x: torch.rsub(x, 2) + x.addcmul(x, x, value=0.5) + torch.lerp(x, x * 2, 0.25),
    # -- writing
    mask_write, item_write, view_write, transposed_write, out_argument,
    lambda x: x.clone().clamp_(min=0).add_(1).sqrt_(),
    lambda x: x.clone().masked_fill_(x > 1, 2.0),
    lambda x: (x * 1).unsqueeze_(0).squeeze_(0).transpose_(0, 1).t_() + x.sum().unsqueeze_(0).squeeze_(),
    lambda x: torch.zeros(2, 3, dtype=D).copy_(x).zero_() + x,
    lambda x: F.relu(x * 2, inplace=True),
    # -- constants
    without_gradient, detached, branch, loop, dictionary,
    lambda x: x * x[0, 0].item(),
    # -- arrangements
    lambda x: x.T @ x, lambda x: x.reshape(3, 2).flatten().unsqueeze(0).squeeze(),
    lambda x: x.repeat(2, 1).roll(1, 0) + torch.cat([x, x]),
    lambda x: torch.stack(x.unbind(1)).permute(1, 0) + x,
    lambda x: torch.hstack([x, x]) * torch.vstack([x, x])[:2].repeat(1, 2),
    lambda x: x.split(2, dim=1)[0] + x.chunk(3, dim=1)[2],
    lambda x: x[:, [0, 2]] + x[x > -9].reshape(2, 3)[:, :2],
    lambda x: x.gather(1, torch.tensor([[0, 2], [1, 1]])) * x.index_select(1, torch.tensor([1, 0])),
    lambda x: x.scatter(1, torch.tensor([[0], [2]]), 4.0) * 2,
    lambda x: F.pad(x, (1, 2), value=3.0) + F.pad(x, (1, 2)),
    lambda x: F.pad(x[None], (1, 1), mode="reflect"),
    lambda x: x.tril() + x.flip(0) + x.movedim(0, 1).T + torch.rot90(x, 2),
    lambda x: x.expand(2, 2, 3)[1].narrow(1, 0, 2).select(1, 1),
    lambda x: torch.outer(x[0], x[1]) + torch.einsum("ij,kj->ik", x, x).sum(),
    lambda x: F.embedding(torch.tensor([1, 0, 1]), x),
    # -- reductions
    lambda x: x.sum(dim=1) + x.mean(1) + x.prod(dim=1) + x.amax(1) + x.min(1).values,
    lambda x: x.max() + torch.max(x, x * 2).sum() + x.std() + x.var(0, unbiased=False).sum(),
    lambda x: x.norm() + x.norm(p=1, dim=1).sum() + torch.linalg.vector_norm(x, 3),
    lambda x: x.softmax(-1) + F.log_softmax(x, dim=1) + x.logsumexp(1, keepdim=True),
    lambda x: x.cumsum(1) + torch.trace(x @ x.T),
    # -- layers
    lambda x: F.linear(x, W, W[0]) + torch.addmm(W[0], x, W, beta=2, alpha=3),
    lambda x: F.layer_norm(x, (3,), W[0], W[1]) + F.normalize(x, dim=1),
    lambda x: F.batch_norm(x, None, None, training=True),
    lambda x: F.batch_norm(x, W[0], W[0].abs(), W[1], W[2]),
    lambda x: F.group_norm(x[None].expand(1, 2, 3), 2) + F.rms_norm(x, (3,)),
    lambda x: F.instance_norm(x[None]),
    lambda x: F.scaled_dot_product_attention(x, x * 2, x + 1),
    lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
    lambda x: F.scaled_dot_product_attention(x, x, x, attn_mask=torch.tensor([[True, False], [True, True]])),
    lambda x: F.glu(torch.cat([x, x * 2], 1)) + F.gelu(x, approximate="tanh") + F.softplus(x),
    lambda x: F.leaky_relu(x, 0.2) + F.elu(x) + F.hardtanh(x) + F.logsigmoid(x),
    lambda x: F.prelu(x, torch.tensor([0.25], dtype=D)) + F.silu(x) + F.mish(x),
    # -- losses
    lambda x: F.cross_entropy(x, torch.tensor([2, 0])) + F.mse_loss(x, x * 0),
    lambda x: F.kl_div(F.log_softmax(x, 1), F.softmax(W[:2], 1), reduction="batchmean"),
    lambda x: F.gaussian_nll_loss(x, x * 0, x * x + 1) + F.poisson_nll_loss(x, x.detach().abs()),
    lambda x: F.smooth_l1_loss(x, x * 0) + F.huber_loss(x, x * 0) + F.l1_loss(x, x * 0),
    lambda x: F.margin_ranking_loss(x[0], x[1], torch.ones(3, dtype=D), margin=0.5),
    lambda x: F.soft_margin_loss(x, x.detach().sign()) + F.hinge_embedding_loss(x, x.detach().sign()),
    lambda x: F.binary_cross_entropy_with_logits(x, (x > 0).double()),
]  # fmt: skip


@pytest.mark.parametrize("fn", FUNCTIONS)
def test_the_gradient_of_a_traced_function_is_the_one_that_torch_gives(fn):
    program = tracing.trace(fn, X)
    comparison = symdiff.compare(program, engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} <= {"agrees", "inexact", "subgradient"}


ON_IMAGES = [
    lambda x: F.max_pool2d(x, 2), lambda x: F.max_pool2d(x, 3, stride=1, padding=1),
    lambda x: F.avg_pool2d(x, 2) + F.adaptive_avg_pool2d(x, 2),
    lambda x: F.adaptive_max_pool2d(x, (3, 1)), lambda x: F.max_pool1d(x[0], 3, 1),
    lambda x: F.conv2d(x, torch.ones(2, 1, 2, 2, dtype=D), torch.ones(2, dtype=D), groups=2),
    lambda x: F.conv2d(x, IMAGE[:, :, :3, :3], padding="same"), lambda x: F.conv1d(x[0], IMAGE[0]),
    lambda x: F.pixel_shuffle(x.repeat(1, 2, 1, 1), 2), lambda x: F.unfold(x, 2),
]  # fmt: skip


@pytest.mark.parametrize("fn", ON_IMAGES)
def test_layers_on_images_are_traced(fn):
    comparison = symdiff.compare(
        tracing.trace(fn, IMAGE), engines=["autograd"], max_components=9000
    )
    assert {r["verdict"] for r in comparison.records()} <= {"agrees", "inexact", "subgradient"}


# -- modules


def encoder():
    return nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True)


def network():
    return nn.Sequential(
        nn.Conv2d(2, 2, 3),
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2, 1),
    )


MODULES = [
    (encoder, torch.linspace(-1, 1, 8, dtype=D).reshape(1, 2, 4)),
    (lambda: nn.GRUCell(3, 2), X),
    (lambda: nn.LSTMCell(3, 2), X),
    (lambda: nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Dropout(0.5), nn.LayerNorm(4)), X),
    (network, torch.cat([IMAGE, IMAGE.flip(2)])),
    (lambda: nn.MultiheadAttention(4, 2, batch_first=True), torch.ones(1, 2, 4, dtype=D)),
]


@pytest.mark.parametrize(("make", "x"), MODULES)
def test_a_module_is_compared_with_respect_to_its_parameters(make, x):
    torch.manual_seed(0)
    module = make().double()
    before = {name: p.detach().clone() for name, p in module.state_dict().items()}
    inputs = (x, x, x) if isinstance(module, nn.MultiheadAttention) else (x,)
    program = tracing.trace(module, *inputs)
    comparison = symdiff.compare(program, wrt="parameters", engines=["autograd"])
    assert comparison.ok
    assert {
        v.partition("_")[0] for v in {r["variable"].partition("[")[0] for r in comparison.records()}
    }
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_parameters_are_chosen_by_globs():
    module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1)).double()
    program = tracing.trace(module, X)
    names = {
        r["variable"].partition("[")[0] for r in symdiff.compare(program, wrt="*.bias").records()
    }
    assert names == {"x0_bias", "x1_bias"}
    with pytest.raises(symdiff.InputError, match="no input 'bais'"):
        symdiff.compare(program, wrt=["bais"])


# -- what the report says


def test_the_text_of_a_trace_reads_like_the_code():
    program = tracing.trace(mask_write, X)
    assert [s.text for s in program.sources[:-1]] == ["x * 2", "where(h < 0, 0, h)"]
    assert program.sources[0].name == "let h"
    assert program.sources[0].place.endswith("h = x * 2")


NOTES = [
    (branch, "if x.sum() > 0:: the trace holds where sum(x) > 0 is True"),
    (named_branch, "the trace holds where sum(h) > 100 is False"),
    (lambda x: x / 2 if x[0, 0] < 5 and x.prod() > 9 else x, "where x[0, 0] < 5 is True"),
    (lambda x: x / 2 if x[0, 0] < 5 and x.prod() > 9 else x, "where prod(x) > 9 is False"),
    (lambda x: x * x[0, 0].item(), "item makes a constant of a tensor"),
    (lambda x: F.dropout(x, 0.5), "random numbers drawn here are constants"),
    (lambda x: x + torch.randn_like(x), "random numbers drawn here are constants"),
]


@pytest.mark.parametrize(("fn", "note"), NOTES)
def test_a_report_says_what_the_trace_takes_as_given(fn, note):
    program = tracing.trace(fn, X)
    assert any(note in text for text in program.notes)
    report = " ".join(str(symdiff.compare(program, engines=["autograd"])).split())
    assert note.split(":")[0] in report


def test_tracing_leaves_the_caller_s_random_numbers_as_they_were():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    tracing.trace(lambda x: F.dropout(x, 0.5).sin() + torch.randn_like(x), X)
    assert torch.equal(torch.rand(4), expected)


def test_random_numbers_are_those_of_the_trace():
    comparison = symdiff.compare(tracing.trace(lambda x: F.dropout(x, 0.5).sin(), X))
    assert comparison.ok


def saved_output_replaced(x):
    h = x.exp()  # keeps its value for the backward pass, without a copy
    h.data[0] = 1.0
    return h.sin()


def test_a_write_through_data_to_a_saved_tensor_makes_the_gradient_wrong():
    comparison = symdiff.compare(tracing.trace(saved_output_replaced, X), engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} == {"agrees", "wrong"}


# -- refusals


def gradient_inside(x):
    (slope,) = torch.autograd.grad(x.exp().sum(), x, create_graph=True)
    return slope * x


REFUSED = [
    (gradient_inside, "cannot be traced"),
    (lambda x: torch.linalg.svd(x).U, "cannot be traced"),
    (lambda x: x.tolist(), "not a tensor of real numbers"),
    (lambda x: x.to(torch.complex128).sinh().real, "cannot be traced"),
]


@pytest.mark.parametrize(("fn", "message"), REFUSED)
def test_what_has_no_row_is_named_with_its_line(fn, message):
    with pytest.raises(symdiff.InputError, match=message):
        tracing.trace(fn, X)


def test_a_trace_with_another_value_names_the_operation(monkeypatch):
    wrong = dict(TRANSLATIONS) | {"mul": TRANSLATIONS["add"]}
    monkeypatch.setattr("symdiff.tracing.translations.TRANSLATIONS", wrong)
    with pytest.raises(symdiff.InputError, match=r"h = x \* 2: the trace of mul differs"):
        tracing.trace(mask_write, X)


def test_a_function_of_numbers_is_compared_on_a_grid():
    comparison = symdiff.compare(lambda x: F.relu(x) * x.sin(), {"x": "-1:1:3"})
    assert comparison.ok
    with pytest.raises(symdiff.InputError, match="point by point"):
        symdiff.compare(lambda x: x.sum(), {"x": "-1:1:3"})


def test_several_inputs_have_the_names_of_the_parameters():
    def loss(prediction, targets, scale=2.0):
        return scale * F.mse_loss(prediction["logits"], targets[0])

    program = tracing.trace(loss, {"logits": V}, [V * 2])
    assert program.inputs == ("prediction_logits", "targets_0")
    comparison = symdiff.compare(program)
    assert comparison.ok
    assert math.isclose(float(program.function(V, V * 2)), 2 * float((V**2).mean()))


@pytest.mark.parametrize(
    ("wrt", "names"),
    [
        ("0.*", ["x0_weight", "x0_bias"]),
        ("2.weight", ["x2_weight"]),
        ("x2_bias", ["x2_bias"]),
        (["*.bias", "input"], ["x0_bias", "x2_bias", "input"]),
        ("[02].bias", ["x0_bias", "x2_bias"]),
        ("parameters", ["x0_weight", "x0_bias", "x2_weight", "x2_bias"]),
    ],
)
def test_parameters_of_a_sequence_are_chosen_by_the_names_of_torch(wrt, names):
    module = nn.Sequential(nn.Linear(2, 1), nn.Tanh(), nn.Linear(1, 1)).double()
    program = symdiff.trace(module, torch.ones(1, 2, dtype=D))
    comparison = symdiff.compare(program, wrt=wrt, engines=["autograd"])
    assert (
        list(dict.fromkeys(v.partition("[")[0] for v in comparison.evidence[0].variables)) == names
    )
