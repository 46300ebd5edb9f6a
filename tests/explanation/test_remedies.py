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
