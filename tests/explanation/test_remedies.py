"""Remedies are tried, and those that do not give the true gradient are not offered."""

import pytest
import torch

import symdiff
from symdiff.explanation import remedies
from symdiff.explanation.problems import SmallProblem
from symdiff.explanation.rewriting import Candidate
from symdiff.program import parse
from symdiff.tracing.trace import trace


def doubles(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def problem_of(function, x):
    program = trace(function, x)
    places = {f"x[{k}]": ("x", (k,)) for k in range(len(x))}
    return SmallProblem(
        program=program,
        values=dict(program.values),
        cotangent=torch.ones_like(x),
        places=places,
        shapes={},
        counts={},
        basis="",
    )


def log_of_sigmoid(x):
    return torch.log(torch.sigmoid(x))


PROBLEM = problem_of(log_of_sigmoid, doubles(-800.0, 1.0))


@pytest.mark.parametrize(
    ("text", "is_true"),
    [
        ("logsigmoid(x)", True),
        ("-logaddexp(0, -x)", True),
        ("-softplus(-x)", True),
        ("log(sigmoid(x))", False),  # as before: NaN
        ("log(sigmoid(x) + 1e-300)", False),  # finite, and 0 where the derivative is 1
        ("log(sigmoid(clamp(x, min=-700)))", False),  # likewise
        ("logsigmoid(x) + relu(-x - 799)", False),  # another function
        ("logsigmoid(2*x)", False),  # likewise
        ("logsigmoid(x) + 0*detach(x)*x", True),
        ("detach(logsigmoid(x))", False),  # its gradient is 0
        ("logsigmoid(x) + x - detach(x)", False),  # the value, and a different gradient
        ("logsigmoid(sum(x))", False),  # a different shape
    ],
)
def test_only_what_has_the_value_and_the_true_gradient_passes(text, is_true):
    candidate = Candidate(parse(text), "", "")
    proof = PROBLEM.records()
    assert (remedies.tried(PROBLEM, candidate, proof.autograd, proof) is not None) is is_true


def test_a_wrong_candidate_is_not_offered(monkeypatch):
    wrong = Candidate(parse("log(sigmoid(x) + 1e-300)"), "log(sigmoid(x))", "wrong")
    monkeypatch.setattr(remedies, "candidates", lambda *_: iter([wrong]))
    (finding,) = symdiff.explain(log_of_sigmoid, doubles(-800.0, 1.0)).findings
    assert finding.remedies == ()
    assert finding.no_remedy == "none of those that were tried gives the true gradient"


def test_a_candidate_that_is_wrong_only_where_all_is_well_is_not_offered(monkeypatch):
    texts = [f"where(x > 0, {n}*sqrt(where(x > 0, x, 1)), 0*x)" for n in (2, 1)]
    candidates = [Candidate(parse(text), "", text) for text in texts]
    monkeypatch.setattr(remedies, "candidates", lambda *_: iter(candidates))
    x = torch.ones(1000, dtype=torch.float64)
    x[5] = -1
    explanation = symdiff.explain(lambda x: torch.where(x > 0, torch.sqrt(x), 0 * x).sum(), x)
    assert [r.write for r in explanation.findings[0].remedies] == texts[1:]


def test_a_right_candidate_after_a_wrong_one_is_offered(monkeypatch):
    wrong = Candidate(parse("log(sigmoid(x) + 1e-300)"), "log(sigmoid(x))", "wrong")
    right = Candidate(parse("logsigmoid(x)"), "log(sigmoid(x))", "right")
    monkeypatch.setattr(remedies, "candidates", lambda *_: iter([wrong, right]))
    (finding,) = symdiff.explain(log_of_sigmoid, doubles(-800.0, 1.0)).findings
    assert [remedy.write for remedy in finding.remedies] == ["right"]


def test_a_subgradient_is_true_at_a_kink_and_another_number_is_not():
    problem = problem_of(lambda x: torch.sqrt(x * x), doubles(0.0, 3.0))
    proof = problem.records()
    for text, is_true in (("abs(x)", True), ("abs(x) + 2*(x - detach(x))", False)):
        candidate = Candidate(parse(text), "", "")
        tried = remedies.tried(problem, candidate, proof.autograd, proof)
        assert (tried is not None) is is_true, text


@pytest.mark.parametrize(
    ("function", "x", "write", "change"),
    [
        (lambda x: torch.acos((x * x).sum() / (x.norm() * x.norm())), doubles(1.0, 0.0), "clamp", "1.4e-06"),
        (lambda x: torch.maximum((x**2).mean().sqrt(), x.sum() * 0 + 1e-10), doubles(0.0, 0.0), "1e-24", ""),
        (lambda x: ((x**2).mean() ** 0.5).clamp(min=1e-3), doubles(0.0, 0.0), "1e-24", ""),
    ],
)  # fmt: skip
def test_a_small_change_is_offered_last_and_says_how_much_it_changes(function, x, write, change):
    (finding,) = symdiff.explain(function, x).findings
    (remedy,) = finding.remedies
    assert write in remedy.write
    assert change in remedy.note


ROWS = torch.tensor([[0.0, 0.0], [1.0, 2.0]], dtype=torch.float64)
FAR_APART = torch.tensor([[0.0, 800.0], [1.0, 2.0]], dtype=torch.float64)
TARGETS = torch.tensor([0, 1])


@pytest.mark.parametrize(
    ("function", "x", "write"),
    [
        (lambda x: x.square().sum().sqrt(), doubles(0.0, 0.0), "norm(x)"),
        (lambda x: (x**2).sum() ** 0.5, doubles(0.0, 0.0), "norm(x)"),
        (lambda x: x.pow(2).sum(-1).pow(0.5), ROWS, "norm(x, dim=-1)"),
        (lambda x: x.square().sum(1, keepdim=True).sqrt(), ROWS, "norm(x, dim=1, keepdim=True)"),
        (lambda x: torch.sqrt(x @ x), doubles(0.0, 0.0), "norm(x)"),
        (lambda x: torch.sqrt(torch.dot(x, x)), doubles(0.0, 0.0), "norm(x)"),
        (lambda x: torch.sqrt(x[0] ** 2 + x[1] ** 2), doubles(0.0, 0.0), "norm(stack([x[0], x[1]]), dim=0)"),
        (lambda x: torch.sqrt(x.square()), doubles(0.0), "abs(x)"),
        (lambda x: x.var() ** 0.5, doubles(3.0, 3.0), "std(x, correction=1)"),
        (lambda x: (x**2).mean() ** 0.5, doubles(0.0, 0.0), "(mean(x ** 2) + 1e-24) ** 0.5"),
        (lambda x: torch.log(torch.softmax(x, -1))[0], doubles(0.0, 800.0), "log_softmax(x, dim=-1)"),
        (lambda x: torch.log(torch.softmax(x, -1))[0], doubles(0.0, 744.2), "log_softmax(x, dim=-1)"),
        (lambda x: torch.log(torch.softmax(x, 0))[0], doubles(0.0, 120.0).float(), "log_softmax(x, dim=0)"),
        (lambda x: torch.log(torch.softmax(x, 1)).sum(), FAR_APART, "log_softmax(x, dim=1)"),
        (lambda x: torch.nn.functional.nll_loss(torch.log(torch.softmax(x, 1)), TARGETS), FAR_APART, "log_softmax(x, dim=1)"),
    ],
)  # fmt: skip
def test_another_spelling_is_offered(function, x, write):
    (finding,) = symdiff.explain(function, x).findings
    assert [r.write for r in finding.remedies] == [write]


def test_a_candidate_is_refused_where_all_numbers_close_by_are_too_small():
    problem = problem_of(lambda x: torch.log(torch.softmax(x, 0)), doubles(0.0, 744.0))
    proof = problem.records()
    for text, is_true in (("log_softmax(x, 0)", True), ("log_softmax(x, 0)*(1 + 1e-4)", False)):
        found = remedies.tried(problem, Candidate(parse(text), "", ""), {}, proof)
        assert (found is not None) is is_true, text


def mean_or_zero(x, mask):
    m = (x * mask).sum() / mask.sum()
    return torch.where(mask.any(), m, torch.zeros_like(m))


def test_a_condition_is_written_as_in_the_code():
    x, mask = doubles(1.0, 2.0, 3.0), torch.tensor([False, False, False])
    (finding,) = symdiff.explain(mean_or_zero, x, mask).findings
    assert "torch.where(mask.any(), m, torch.zeros_like(m)) does not select" in finding.reason
    (remedy,) = finding.remedies
    assert remedy.instead_of == "sum(x * mask) / sum(mask)"
    assert remedy.write == "sum(x * mask) / torch.where(mask.any(), sum(mask), 1)"


def test_a_condition_that_cannot_be_written_is_no_remedy():
    x, mask = doubles(1.0, 2.0, 3.0), torch.tensor([False, False, False])

    def two_choices(x, mask):
        m = (x * mask).sum() / mask.sum()
        return torch.where(mask.any(), torch.where(mask.any(), m, 0 * m), x.sum())

    (finding,) = symdiff.explain(two_choices, x, mask).findings
    assert [r.write for r in finding.remedies] == ["(sum(mask)).clamp(min=1)"]


def means_of_rows(x, mask):
    m = mask.double()
    mean = (x * m).sum(1) / m.sum(1)
    return torch.where(mask.any(1), mean, torch.zeros_like(mean)).sum()


def selected_means(x, lengths):
    inside = torch.arange(x.shape[1])[None] < lengths[:, None]
    mean = (x * inside).sum(1) / lengths
    return mean[lengths > 0].sum()


def test_constants_of_a_large_function_have_the_names_of_the_code():
    x = torch.linspace(0.1, 2, 400, dtype=torch.float64).reshape(100, 4)
    mask = torch.arange(400).reshape(100, 4) % 7 != 0
    mask[5] = False
    (finding,) = symdiff.explain(means_of_rows, x, mask).findings
    (remedy,) = finding.remedies
    assert remedy.instead_of == "sum(x * m, 1) / sum(m, 1)"
    assert remedy.write == "sum(x * m, 1) / torch.where(mask.any(1), sum(m, 1), 1)"


def test_a_count_of_zero_is_kept_from_the_division():
    x = torch.linspace(0.1, 2, 400, dtype=torch.float64).reshape(100, 4)
    lengths = torch.arange(100) % 5
    (finding,) = symdiff.explain(selected_means, x, lengths).findings
    assert finding.reason == "sum(x * inside, 1) / lengths is 0/0"
    (remedy,) = finding.remedies
    assert (remedy.instead_of, remedy.write) == ("lengths", "lengths.clamp(min=1)")


def test_a_wider_dtype_is_that_of_the_inputs():
    """The exponential overflows before the quotient: it would be too late to widen that."""

    def tangent(x):
        e = torch.exp(2 * x)
        return ((e - 1) / (e + 1)).sum()

    (finding,) = symdiff.explain(tangent, doubles(100.0, 1.0).float()).findings
    (remedy,) = finding.remedies
    assert remedy.write == "(e - 1) / (e + 1), computed from x.to(torch.float64)"


def test_a_zero_after_an_overflow_in_float32_is_found():
    x = torch.tensor([1e20, 1.0])
    value, zero = symdiff.explain(lambda x: torch.sqrt((x * x).sum()), x).findings
    assert value.reason == "1e+20*1e+20 is inf in float32; 1 of 1 values are not finite"
    ((element,),) = (tensor.elements for tensor in zero.tensors)
    assert (element.index, element.gradient, element.truth.derivative) == ((0,), 0, 1)
    (remedy,) = zero.remedies
    assert remedy.write == "sqrt(sum(x * x)), computed from x.to(torch.float64)"
    assert remedy.gradients == ((1.0,),)


def test_a_finite_value_of_an_undefined_function_is_told():
    x = doubles(0.0, 1.0)
    (finding,) = symdiff.explain(lambda x: torch.log(x.abs()).clamp(min=-10).sum(), x).findings
    assert finding.no_remedy.startswith("in real numbers the function is undefined there")
    (finding,) = symdiff.explain(lambda x: torch.log(x.abs()) * x, x).findings
    assert finding.no_remedy == "as it is written, the function has no finite derivative there"


def test_an_undefined_element_leaves_others_their_truth():
    def loss(x):
        a = torch.where(x > 0, torch.sqrt(x), 0.0)
        b = torch.where(x != 0, 1 / x, 0.0)
        c = torch.log(x.abs()).clamp(min=-10)
        return (a + b + c).sum()

    *_, root = symdiff.explain(loss, doubles(-1.0, 0.0, 2.0)).findings
    assert root.operation == "sqrt"
    ((element,),) = (tensor.elements for tensor in root.tensors)
    assert (element.index, element.truth.derivative) == ((0,), -2)
    assert root.remedies[0].write == "sqrt(torch.where(x > 0, x, 1))"
    assert "where(x != 0, 1 / x, 0.0) does not select" in _[1].reason
