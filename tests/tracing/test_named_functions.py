"""Every function that ordinary code calls is traced and compared, with a proof."""

import inspect

import pytest
import torch

import symdiff
from tests.tracing.named_functions import CASES, ZERO, D

# What a trace has to cover.
NAMES = """
layer_norm batch_norm group_norm instance_norm rms_norm scaled_dot_product_attention embedding
max_pool1d max_pool2d avg_pool1d avg_pool2d adaptive_avg_pool interpolate grid_sample pad einsum bmm
baddbmm cdist pairwise_distance vector_norm matrix_norm kl_div gaussian_nll_loss poisson_nll_loss
triplet_margin_loss cosine_embedding_loss margin_ranking_loss hinge_embedding_loss cross_entropy sort
topk kthvalue median quantile cummax cummin cumprod logcumsumexp prod boolean index_put index_add
scatter scatter_add scatter_reduce roll rot90 repeat tile chunk split unbind meshgrid outer cross
trace tril triu det slogdet inv solve cholesky triangular polygamma i0 i1 erfcx lgamma eigvalsh svdvals rfft irfft
"""
TIED = [case for case in CASES if case.ties]


def compared(function, inputs):
    """Return the records of a comparison, of the sum of the components with fixed weights."""
    value = function(*inputs)
    weights = 1 + torch.arange(value.numel(), dtype=D).reshape(value.shape) % 5
    names = [f"x{k}" for k in range(len(inputs))]
    signature = inspect.Signature(
        [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in names]
    )

    def named(*arguments):
        return function(*arguments)

    named.__signature__ = signature
    comparison = symdiff.compare(
        named,
        values=dict(zip(names, inputs, strict=True)),
        engines=["autograd"],
        cotangent=weights if value.ndim else None,
    )
    return list(comparison.records())


@pytest.mark.filterwarnings("ignore")  # torch's own, of functions that it will remove
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_gradient_at_a_smooth_point_is_proved(case):
    records = compared(case.function, case.inputs)
    assert {r["verdict"] for r in records} <= {"agrees", "inexact"} | case.verdicts
    assert all(r["proved"] for r in records)
    assert len(records) == sum(x.numel() for x in case.inputs)


@pytest.mark.parametrize("case", TIED, ids=str)
def test_the_gradient_at_ties_and_zeros_has_its_verdict(case):
    records = compared(case.function, case.ties)
    assert {r["verdict"] for r in records} == case.verdicts
    assert all(r["proved"] for r in records) or case.verdicts == {"undecided"}


@pytest.mark.parametrize("name", NAMES.split())
def test_every_name_has_a_case(name):
    assert any(case.name.startswith(name) for case in CASES)


class WrongNorm(torch.autograd.Function):
    """Its backward pass gives a gradient of length 2 at 0."""

    @staticmethod
    def forward(ctx, x):
        return torch.linalg.vector_norm(x)

    @staticmethod
    def backward(ctx, gradient):
        return gradient * torch.full((2, 3), 2.0, dtype=D)


def test_a_gradient_that_is_no_subgradient_at_a_tie_is_found():
    assert {r["verdict"] for r in compared(WrongNorm.apply, (ZERO,))} == {"not-subgradient"}
