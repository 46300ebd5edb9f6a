"""Inputs that are held fixed because `wrt` leaves them out."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

import symdiff
from symdiff.errors import CallableError

D = torch.float64
X = torch.tensor([[1.5, -2.0], [0.5, 3.0]], dtype=D)
STATISTICS = {"x": X, "mean": X[0] * 0, "variance": X[0].abs() + 1}


def normalized(x, mean, variance):
    return F.batch_norm(x, mean, variance)


def test_inputs_that_wrt_leaves_out_require_no_gradient():
    comparison = symdiff.compare(normalized, values=STATISTICS, wrt=["x"], engines=["autograd"])
    assert {(r["verdict"], r["proved"]) for r in comparison.records()} == {("agrees", True)}


def test_a_gradient_that_torch_does_not_have_is_refused_with_a_remedy():
    with pytest.raises(CallableError, match=r"'running_mean'.*name the other inputs: wrt=\[...\]"):
        symdiff.compare(normalized, values=STATISTICS)


def test_a_held_input_may_be_written_to():
    def counted(x, seen):
        seen.add_(x.detach())
        return x * seen

    values = {"x": X, "seen": torch.ones_like(X)}
    comparison = symdiff.compare(counted, values=values, wrt=["x"], engines=["autograd"])
    assert comparison.ok
    assert {r["derivative"] for r in comparison.records()} == {*(X + 1).reshape(-1).tolist(), 0.0}
    assert (values["seen"] == 1).all()


def test_a_wrong_gradient_is_found_beside_held_inputs():
    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.save_for_backward(factor)
            return x * factor

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0] * 2, None

    values = {"x": X, "factor": X}
    comparison = symdiff.compare(Scaled.apply, values=values, wrt=["x"], engines=["autograd"])
    assert {r["verdict"] for r in comparison.findings} == {"wrong"}
