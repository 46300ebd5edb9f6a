"""Matrices of which torch reads one triangle, where engines move their entries one by one."""

import pytest
import torch

import symdiff

D = torch.float64
A = torch.tensor([[4.0, 1.0], [1.0, 3.0]], dtype=D)
S = torch.tensor([[1.0, 0.5], [0.5, -1.0]], dtype=D)
N = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=D)
MOVING = ("central", "forward", "gradcheck")  # they move entries one by one
REVERSE = ("autograd", "double-backward")


def gaussian(x):
    distribution = torch.distributions.MultivariateNormal(
        torch.zeros(2, dtype=D), covariance_matrix=x, validate_args=False
    )
    return distribution.log_prob(torch.ones(2, dtype=D))


def verdicts(function, x, **keywords):
    engines = [*REVERSE, *MOVING]
    comparison = symdiff.compare(function, values={"x": x}, engines=engines, **keywords)
    found = {name: set() for name in engines}
    for record in comparison.records():
        found[record["engine"]].add(record["verdict"])
    return found


READING_ONE_TRIANGLE = [
    torch.linalg.cholesky,
    lambda x: torch.linalg.cholesky_ex(x)[0],
    torch.linalg.eigvalsh,
    lambda x: torch.linalg.eigh(2 * x).eigenvalues,
    lambda x: torch.linalg.eigvalsh(torch.block_diag(x, 2 * x)),
    gaussian,
]
SYMMETRIC_IN_THE_CODE = [
    lambda x: torch.linalg.cholesky(x @ x.mT),
    lambda x: torch.linalg.eigvalsh((x + x.mT) / 2),
    lambda x: torch.linalg.cholesky(torch.diag(x[0] ** 2) + A),
    torch.logdet,
]


@pytest.mark.parametrize("function", READING_ONE_TRIANGLE)
def test_engines_that_make_the_matrix_asymmetric_are_unsupported(function):
    found = verdicts(function, A)
    assert {name: found[name] for name in MOVING} == {name: {"unsupported"} for name in MOVING}
    assert all(found[name] == {"agrees"} for name in REVERSE)


@pytest.mark.parametrize("function", SYMMETRIC_IN_THE_CODE)
def test_engines_are_compared_where_the_code_makes_the_matrix_symmetric(function):
    found = verdicts(function, A)
    assert all(found[name] and found[name] <= {"agrees", "inexact"} for name in found)


def test_a_float32_matrix_is_told_asymmetric_too():
    assert verdicts(torch.linalg.cholesky, A.float())["forward"] == {"unsupported"}


def test_a_symmetric_tangent_keeps_the_matrix_symmetric():
    found = verdicts(torch.linalg.cholesky, A, tangent={"x": S})
    assert found["central"] == found["forward"] == {"agrees"}


def test_an_asymmetric_tangent_does_not():
    found = verdicts(torch.linalg.cholesky, A, tangent={"x": N})
    assert found["central"] == found["forward"] == {"unsupported"}


def test_a_wrong_backward_of_a_factor_is_found():
    class Factor(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            factor = torch.linalg.cholesky(x)
            ctx.save_for_backward(factor)
            return factor

        @staticmethod
        def backward(ctx, g):
            return g @ ctx.saved_tensors[0]

    comparison = symdiff.compare(Factor.apply, values={"x": A}, engines=["autograd"])
    assert "wrong" in {r["verdict"] for r in comparison.findings}


def test_the_report_says_why_an_engine_is_left_out():
    report = str(symdiff.compare(torch.linalg.cholesky, values={"x": A}))
    assert "central unsupported: cholesky: torch reads one triangle" in report


def test_a_factor_of_more_rows_than_can_be_proved_is_compared_without_proof():
    x = torch.eye(7, dtype=D) * 9 + 1
    comparison = symdiff.compare(lambda x: torch.linalg.cholesky(x).sum(), values={"x": x})
    assert comparison.ok
    assert not any(r["proved"] for r in comparison.records())
    text = str(comparison)
    assert "test_symmetric_matrices.py" in text
    assert "a matrix must have 1 to 6 rows, not 7" in " ".join(text.split())


WITH_ZEROS = torch.tensor([[11.0, 6.0, 0.0], [6.0, 10.0, 4.0], [0.0, 4.0, 18.0]], dtype=D)


@pytest.mark.parametrize("function", ["cholesky(x)", torch.linalg.cholesky])
def test_rounding_explains_small_numbers_in_the_gradient_of_cholesky(function):
    """L[2, 0] is x[2, 0]/L[0, 0], and torch's derivatives of it by others are 1e-17."""
    comparison = symdiff.compare(function, values={"x": WITH_ZEROS}, engines=["autograd"])
    records = list(comparison.records())
    assert {r["verdict"] for r in records} <= {"agrees", "inexact"}
    assert any(r["derivative"] == 0 != r["value"] for r in records if r["output"] == "[2,0]")


class WrongCholesky(torch.autograd.Function):
    """Its gradient has an error of 1e-8 where the derivative is 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.linalg.cholesky(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(torch.linalg.cholesky(x), x, g)
        return gradient + 1e-8 * g[2, 0]


def test_a_small_fault_in_a_gradient_of_cholesky_is_found():
    comparison = symdiff.compare(WrongCholesky.apply, values={"x": WITH_ZEROS})
    wrong = {(r["output"], r["variable"]) for r in comparison.findings}
    assert ("[2,0]", "x[1,1]") in wrong
