"""Large tensors: the elements that matter are cut out, and what cannot be cut is not proved."""

import pytest
import torch

import symdiff
from symdiff.explanation import cutting, nearby
from symdiff.explanation.choosing import cut
from symdiff.explanation.elements import NotCutError
from symdiff.explanation.findings import Mechanism
from symdiff.explanation.recording import run
from symdiff.tracing.inputs import read_arguments

COUNT = 20_000


def numbers(seed=0, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*(shape or (COUNT,)), generator=generator, dtype=torch.float64) + 0.1


def only(function, *inputs):
    (finding,) = symdiff.explain(function, *inputs).findings
    return finding


def truths(tensor):
    return {element.index: str(element.truth) for element in tensor.elements}


def masked_root(x):
    h = torch.where(x > 0, torch.sqrt(x), torch.zeros_like(x))
    return (torch.sigmoid(h) * torch.tanh(x)).mean()


def test_a_few_elements_among_many_are_found_and_proved():
    x = numbers()
    x[[7, 300, COUNT - 1]] = torch.tensor([-1.0, -2.0, -1.0], dtype=torch.float64)
    finding = only(masked_root, x)
    assert (finding.operation, finding.mechanism) == ("sqrt", Mechanism.BRANCH)
    (tensor,) = finding.tensors
    assert (tensor.name, tensor.count, tensor.shape) == ("x", 3, (COUNT,))
    for element in tensor.elements:
        at = x[element.index].requires_grad_()
        (expected,) = torch.autograd.grad(0.5 * torch.tanh(at) / COUNT, at)
        assert element.truth.derivative == pytest.approx(float(expected), rel=1e-12)
    (remedy,) = finding.remedies
    assert remedy.write == "sqrt(torch.where(x > 0, x, 1))"
    assert remedy.gradients[0] == pytest.approx([e.truth.derivative for e in tensor.elements])
    assert finding.basis.startswith("proved for these elements, given the gradient")


def test_nothing_is_found_where_all_is_well():
    assert symdiff.explain(masked_root, numbers()).ok


@pytest.mark.parametrize(
    ("function", "index", "truth", "write"),
    [
        (lambda x: torch.log(torch.sigmoid(x)).sum(), (5,), "1", "logsigmoid(x)"),
        (lambda x: torch.log(torch.sigmoid(x)).mean(), (5,), "5e-05", "logsigmoid(x)"),
        (lambda x: torch.exp(torch.log(torch.sigmoid(x)) * 0.0).sum(), (5,), "0", "logsigmoid(x)"),
        (
            lambda x: (2 * torch.log(torch.sigmoid(x)) + x.sum()).sum(),
            (5,),
            "20002",
            "logsigmoid(x)",
        ),
    ],
)
def test_the_gradient_that_arrives_and_other_uses_are_counted(function, index, truth, write):
    x = numbers()
    x[index] = -800
    finding = only(function, x)
    assert truths(finding.tensors[0]) == {index: truth}
    assert [r.write for r in finding.remedies] == [write]


def row_norms(x):
    r = torch.sqrt((x**2).sum(-1))
    return (r * torch.arange(len(x))).sum()


def test_rows_are_cut_out():
    x = numbers(0, 5000, 4)
    x[3] = 0
    (tensor,) = only(row_norms, x).tensors
    assert (tensor.count, tensor.shape) == (4, (5000, 4))
    assert truths(tensor) == dict.fromkeys([(3, k) for k in range(4)], "none (slopes -3 and 3)")


def test_columns_are_cut_out():
    x = numbers(0, 3, 5000)
    x[:, 7] = 0
    (tensor,) = only(lambda x: torch.sqrt((x**2).sum(0)).sum(), x).tensors
    assert truths(tensor) == dict.fromkeys([(k, 7) for k in range(3)], "none (slopes -1 and 1)")


def test_a_call_that_moves_elements_is_not_taken_for_one_that_does_not():
    """On a tensor of zeros `flip` returns what it gets: only other inputs tell them apart."""

    def flipped(x):
        h = torch.sqrt(x * x)
        return (h.flip(0) * torch.arange(COUNT)).sum()

    (tensor,) = only(flipped, torch.zeros(COUNT, dtype=torch.float64)).tensors
    assert truths(tensor)[0,] == f"none (slopes -{COUNT - 1} and {COUNT - 1})"


@pytest.mark.parametrize("kept", ["the inputs close by", "random numbers", ""])
def test_either_comparison_finds_the_flip(monkeypatch, kept):
    if kept != "the inputs close by":
        monkeypatch.setattr(nearby, "_NEARBY", 0.0)
    if kept != "random numbers":
        monkeypatch.setattr(cutting, "is_independent", lambda *_: True)

    def flipped(x):
        return (torch.sqrt(x * x).flip(0) * torch.arange(COUNT)).sum()

    done = run(read_arguments(flipped, (torch.zeros(COUNT, dtype=torch.float64),), {}))
    truth = cut(done, done.origins[0], [0, 1], []).records().autograd["x[1]"]
    is_right = (truth["left"], truth["right"]) == (-(COUNT - 2), COUNT - 2)
    assert is_right is bool(kept)


def first_numbers(*first):
    x = numbers(0, 1000)
    x[: len(first)] = torch.tensor(first, dtype=torch.float64)
    return x


@pytest.mark.parametrize(
    ("function", "x"),
    [
        # The largest element comes first, and all others depend on it.
        (
            lambda x: torch.log(torch.sigmoid(torch.cummax(x, 0).values - 1000)).sum(),
            first_numbers(5),
        ),
        # The first sums are those of the first elements, and the others depend on these too.
        (
            lambda x: torch.log(torch.sigmoid(torch.cumsum(x, 0))).sum(),
            first_numbers(*[-1000] * 4, 2000),
        ),
        # The other elements count for nothing in the softmax, and for much in its logarithm.
        (
            lambda x: torch.log(torch.softmax(1000 * x, 0)).sum(),
            first_numbers(1, 2, 3, 4, 5, 6),
        ),
    ],
    ids=["cummax", "cumsum", "softmax"],
)
def test_elements_that_others_depend_on_are_not_cut_out(function, x):
    finding = only(function, x)
    assert {str(e.truth) for t in finding.tensors for e in t.elements if t.name == "x"} == {
        "undecided"
    }


def masked_logarithm(x):
    return (torch.log(x) * (x > 0).double()).nansum()


def root_times_largest(x):
    h = torch.where(x > 0, torch.sqrt(x), 0.0 * x)
    return (h * h.amax(1, keepdim=True)).sum()


def with_norm_of_row(x):
    h = torch.sqrt(x * x)
    return (h + h.norm(dim=1, keepdim=True)).cumsum(0).mean()


def product_by_logarithm(x):
    return torch.exp(torch.log(x).sum(1)).sum()


def selected_by_mask(x):
    return torch.log(x)[x > 0].sum()


@pytest.mark.parametrize(
    ("function", "truth"),
    [
        (masked_logarithm, "undecided"),
        (selected_by_mask, "undecided"),
        # The whole row can be cut out.
        (root_times_largest, "none (slopes 0 and 1)"),
        (with_norm_of_row, "none (slopes -0.97375 and 0.97375)"),
        (product_by_logarithm, "none (outside)"),
    ],
)
def test_the_gradient_that_arrives_is_taken_only_if_it_is_that_of_the_function(function, truth):
    x = numbers(0, 60, 40)
    x[3, : 1 if function is product_by_logarithm else 40] = 0
    (tensor,) = (t for t in only(function, x).tensors if t.name == "x")
    assert {str(element.truth) for element in tensor.elements} == {truth}


@pytest.mark.parametrize(
    "function",
    [
        lambda h: (torch.where(h > 0, torch.sqrt(h), 0.0 * h) * h.max()).sum(),
        lambda x: torch.sqrt(x * x).norm(),
        lambda x: (torch.sqrt(x * x) * torch.relu(x.sum())).sum(),
        lambda x: torch.exp(torch.log(x + (torch.arange(2000) > 0)).sum()),
    ],
)
def test_no_truth_is_told_if_the_gradient_that_arrives_jumps(function):
    x = torch.zeros(2000, dtype=torch.float64)
    finding = only(function, x)
    assert {str(e.truth) for t in finding.tensors for e in t.elements} == {"undecided"}


@pytest.mark.parametrize(
    ("other", "truths"),
    [
        (lambda h: h[0], {"none (slopes 0 and 1)", "0"}),
        (lambda h: h.max(), {"undecided"}),
        (lambda h: h.mean(0), {"none (slopes 0 and 0.005)"}),
    ],
)
def test_two_factors_that_are_both_0_change_together(other, truths):
    """The product of two roots has a slope, though each factor meets a gradient of 0."""

    def product(x):
        h = torch.where(x > 0, torch.sqrt(x), 0.0 * x)
        return (h * other(h)).sum()

    finding = only(product, torch.zeros(200, 5, dtype=torch.float64))
    found = {str(e.truth) for t in finding.tensors for e in t.elements if t.name == "x"}
    assert found == truths


def rows(function, count=256):
    x = numbers(0, 300, count) - 0.5
    x[7] = 0
    return only(function, x)


@pytest.mark.parametrize(
    ("function", "truth", "write"),
    [
        (lambda x: torch.sqrt((x * x).sum(1)).sum(), "none (slopes -1 and 1)", "norm(x, dim=1)"),
        (
            lambda x: x.var(1).sqrt().sum(),
            "none (slopes -0.0625 and 0.0625)",
            "std(x, dim=1, correction=1, keepdim=False)",
        ),
        (
            lambda x: -torch.log(torch.softmax(1000 * x, 1))[:, 0].mean(),
            None,
            "log_softmax(x * 1000, dim=1)",
        ),
        (lambda x: (x / torch.sqrt((x * x).sum(1, keepdim=True))).sum(), "none (outside)", None),
    ],
)
def test_a_long_row_is_cut_out_by_itself(function, truth, write):
    finding = rows(function)
    tensor = finding.tensors[-1]
    if truth is not None:
        assert tensor.count == 256
        assert [str(element.truth) for element in tensor.elements] == [truth] * 4
    assert [remedy.write for remedy in finding.remedies] == ([] if write is None else [write])


def test_a_long_row_of_two_tensors_has_the_truth_of_both():
    def distances(a, b):
        return torch.sqrt(((a - b) ** 2).sum(1)).mean()

    a, b = numbers(0, 300, 256), numbers(1, 300, 256)
    b[7] = a[7]
    finding = only(distances, a, b)
    assert [remedy.write for remedy in finding.remedies] == ["norm(a - b, dim=1)"]
    assert finding.tensors[0].elements[0].truth.right == pytest.approx(1 / 300)


def test_the_truth_is_0_if_the_elements_are_not_used():
    x = numbers(0, 60, 40)
    x[3] = 0
    finding = only(lambda x: x.sqrt()[torch.arange(60) != 3].sum(), x)
    assert {str(e.truth) for t in finding.tensors for e in t.elements} == {"0"}


def test_a_value_that_depends_on_all_elements_is_undecided():
    x = numbers()
    x[0] = 0
    finding = only(lambda x: torch.sqrt(torch.cumsum(x, 0)).sum(), x)
    assert {str(e.truth) for t in finding.tensors for e in t.elements if t.name == "x"} == {
        "undecided"
    }


def test_a_cut_needs_elements():
    done = run(read_arguments(lambda x: torch.sqrt(x.sum() - x.sum()), (numbers(),), {}))
    with pytest.raises(NotCutError, match="a number does not have elements"):
        cut(done, done.origins[0], [0], [])


def test_a_row_of_minus_infinity_is_named_though_others_are_well():
    scores = numbers(0, 3000, 6)
    mask = numbers(1, 3000, 6) > 0.6
    mask[:, 0] = False
    mask[11] = True

    def attention(scores):
        masked = scores.masked_fill(mask, -float("inf"))
        weights = torch.softmax(masked, -1)
        return (weights * scores).sum()

    finding = only(attention, scores)
    assert (finding.operation, finding.mechanism) == ("softmax", Mechanism.MINUS_INFINITY)
    assert finding.line.text == "weights = torch.softmax(masked, -1)"
    assert {e.index[0] for e in finding.tensors[0].elements} == {11}


def test_a_module_shows_the_truth_of_the_value_in_between():
    torch.manual_seed(0)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(10, 32).double()
            self.outer = torch.nn.Linear(32, 1).double()

        def forward(self, x):
            h = self.outer(torch.relu(self.inner(x)))
            logits = (h - h.detach().mean()) * 50000
            p = torch.sigmoid(logits)
            return -torch.log(p).mean()

    finding = only(Net(), numbers(0, 500, 10) - 0.6)
    assert finding.line.text == "return -torch.log(p).mean()"
    assert {"inner_weight", "inner_bias", "outer_weight", "outer_bias", "x"} <= {
        tensor.name for tensor in finding.tensors
    }
    assert [remedy.write for remedy in finding.remedies] == ["logsigmoid(logits)"]
    (inner,) = (tensor for tensor in finding.tensors if tensor.name == "h")
    assert inner.shape == (500, 1) and inner.count > 100
    assert {e.truth.derivative for e in inner.elements} == {-50000 / 500}


def test_wrong_zeros_are_found_among_many_right_ones():
    x = numbers() - 0.6
    x[12] = 0
    finding = only(lambda x: (torch.relu(x) - torch.relu(-x)).sum(), x)
    assert finding.mechanism is Mechanism.WRONG_ZERO
    assert truths(finding.tensors[0]) == {(12,): "1"}
    assert symdiff.explain(lambda x: torch.relu(x).sum(), x).ok


@pytest.mark.parametrize("count", [3, COUNT])
def test_a_function_that_refuses_inputs_close_by_is_explained(count):
    p, t = torch.ones(count, dtype=torch.float64), torch.zeros(count, dtype=torch.float64)
    p[1], t[2] = 0.5, 1
    loss = torch.nn.functional.binary_cross_entropy
    explanation = symdiff.explain(loss, p, t)
    assert explanation.findings[0].operation == "binary_cross_entropy"
    assert symdiff.explain(lambda p: loss(p, t), p / 2 + 0.1).ok


def test_pairs_are_cut_out_with_what_belongs_to_each():
    def distances(x):
        gap = x[:, None] - x[None]
        return torch.sqrt((gap**2).sum(-1)).sum()

    finding = only(distances, numbers(0, 50, 3))
    (gap,) = (tensor for tensor in finding.tensors if tensor.name == "gap")
    assert (gap.shape, gap.count) == ((50, 50, 3), 150)
    assert truths(gap)[0, 0, 1] == "none (slopes -1 and 1)"
    assert [remedy.write for remedy in finding.remedies] == ["norm(gap, dim=-1)"]


def test_calls_that_refuse_the_shapes_of_a_cut_stay_outside():
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    mask = torch.zeros(2, 5, dtype=torch.bool)
    mask[0, 3:] = True
    assert symdiff.explain(layer, torch.randn(2, 5, 16)).ok
    assert symdiff.explain(layer, torch.randn(2, 5, 16), src_key_padding_mask=mask).ok


def test_a_module_and_its_gradients_stay_as_they_are():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU())
    before = {name: value.clone() for name, value in net.state_dict().items()}
    symdiff.explain(net, torch.randn(5, 3))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_random_numbers_are_drawn_again():
    x = numbers(0, 6)
    x[2] = 0

    def dropped(x):
        return torch.nn.functional.dropout(torch.sqrt(x), 0.5).sum()

    for seed in range(4):
        torch.manual_seed(seed)
        (finding,) = symdiff.explain(dropped, x).findings
        (element,) = finding.tensors[0].elements
        assert element.truth.kind in {"edge", "smooth"}
        assert str(element.truth) in {"inf", "0", "none (edge)"}


def norms_of_rows(x):
    return torch.log1p(torch.sqrt((x.reshape(-1, 10) ** 2).sum(-1))).mean()


def calling_max(x):
    # On numbers that are all 0, the largest one has the value of every element.
    return torch.sqrt(torch.max(x) + x * x).sum()


@pytest.mark.parametrize(
    ("function", "count"), [(masked_root, 1), (norms_of_rows, 2), (calling_max, 2)]
)
def test_a_function_of_the_elements_runs_once_and_others_run_on_other_inputs_too(function, count):
    runs = []

    def counted(x):
        runs.append(x)
        return function(x)

    x = torch.zeros(COUNT, dtype=torch.float64)
    explanation = symdiff.explain(counted, x)
    assert not explanation.ok
    assert len(runs) >= count
    assert (len(runs) == 1) == (count == 1)


def test_a_second_origin_behind_the_first_one_is_found_by_its_own():
    done = run(read_arguments(lambda x: torch.log(torch.sqrt(x)).sum(), (numbers() * 0,), {}))
    assert [origin.step.name for origin in done.origins] == ["log", "sqrt"]
    beside = run(
        read_arguments(lambda x, y: (torch.sqrt(x) + torch.sqrt(y)).sum(), (numbers() * 0,) * 2, {})
    )
    assert [origin.step.name for origin in beside.origins] == ["sqrt", "sqrt"]
    assert [*beside.gradients] == ["x", "y"]
    assert all(g.isinf().all() for g in beside.gradients.values())
