"""Eigenvalues and singular values of three rows and more: Newton steps that leave no error."""

import pytest
import torch

import symdiff
from symdiff.tracing import syntax
from symdiff.tracing.translations import eigenvalues

D = torch.float64
A = torch.tensor([[2.5, -0.25, 1.0], [0.5, 3.0, -1.5], [0.75, -0.5, 5.0]], dtype=D)


def values_of(x):
    return torch.linalg.eigvalsh(x + x.mT)


def diagonal(x):
    return torch.linalg.eigvalsh(torch.diag(torch.diagonal(x)))


def singular(x):
    return torch.linalg.svdvals(x)


def singular_of_diagonal(x):
    return torch.linalg.svdvals(torch.diag(torch.diagonal(x)))


def nuclear(x):
    return torch.linalg.matrix_norm(x, "nuc")


class Slightly(torch.autograd.Function):
    """The largest eigenvalue, with a gradient that is off by 1e-8."""

    @staticmethod
    def forward(ctx, x):
        values, vectors = torch.linalg.eigh(x)
        ctx.save_for_backward(vectors[:, -1])
        return values[-1]

    @staticmethod
    def backward(ctx, g):
        (v,) = ctx.saved_tensors
        return g * torch.outer(v, v) * (1 + 1e-8)


def verdicts(function, x, **settings):
    comparison = symdiff.compare(function, values={"x": x}, engines=["autograd"], **settings)
    records = list(comparison.records())
    assert records
    assert all(r["proved"] for r in records)
    return {r["verdict"] for r in records}


@pytest.mark.parametrize("function", [values_of, singular, nuclear])
def test_second_derivatives_are_those_of_the_eigenvalues(function):
    cotangent = None if function is nuclear else [1.0, -2.0, 0.5]
    assert verdicts(function, A, order=2, cotangent=cotangent) <= {"agrees", "inexact"}


@pytest.mark.parametrize("function", [diagonal, singular_of_diagonal, values_of, singular, nuclear])
@pytest.mark.parametrize("x", [A, torch.diag(torch.tensor([0.1, 0.3, 0.7], dtype=D)), A.float()])
def test_gradients_of_eigenvalues_are_right_where_they_are_0(function, x):
    """An eigenvalue that is off by 1e-16 would have a derivative of 1e-32 there, and not 0."""
    assert verdicts(function, x) <= {"agrees", "inexact"}


def test_small_faults_are_found():
    symmetric = (A + A.mT) / 2
    assert "wrong" in verdicts(lambda x: Slightly.apply((x + x.mT) / 2), symmetric)


@pytest.mark.parametrize("count", [3, 4, 5, 6])
def test_the_steps_lead_from_a_rough_number_to_the_eigenvalue(count):
    """The expressions have their values with them; these are checked against torch's."""
    generator = torch.Generator().manual_seed(count)
    matrix = torch.randn(count, count, generator=generator, dtype=D)
    matrix = matrix + matrix.mT + 5 * torch.diag(torch.arange(count, dtype=D))
    defined = []

    def define(expression, value):
        defined.append(value)
        return syntax.name(f"t{len(defined)}")

    call = eigenvalues.Call("eigvalsh", (), {}, None, lambda _: syntax.name("c"), list, define)
    for expected in torch.linalg.eigvalsh(matrix):
        named = eigenvalues._Number(syntax.name("x"), matrix)
        eigenvalues._near(call, named, count, float(expected) + 0.01)
        assert float(defined[-1]) == pytest.approx(-0.01, rel=1e-9)
