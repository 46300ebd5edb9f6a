"""Gradients of differences of tensors that are exactly 0: judged by the Clarke set, not rounding."""

import pytest
import torch

import symdiff

D = torch.float64
A = torch.tensor([1.0, 1.0, 2.0], dtype=D)
B = torch.tensor([1.0, 2.0, 2.0], dtype=D)


class Distance(torch.autograd.Function):
    """The mean distance of sorted numbers, with a gradient at equal ones that is given."""

    at_ties = 0.0

    @staticmethod
    def forward(ctx, a, b):
        sorted_a, order_a = torch.sort(a)
        sorted_b, order_b = torch.sort(b)
        gap = sorted_a - sorted_b
        ctx.save_for_backward(gap, order_a, order_b)
        return gap.abs().mean()

    @classmethod
    def backward(cls, ctx, g):
        gap, order_a, order_b = ctx.saved_tensors
        slope = torch.where(gap == 0, torch.full_like(gap, cls.at_ties), gap.sign())
        slope = g * slope / len(gap)
        to_a, to_b = torch.empty_like(slope), torch.empty_like(slope)
        to_a[order_a], to_b[order_b] = slope, -slope
        return to_a, to_b


class OneAtTies(Distance):
    at_ties = 1.0


class TwoAtTies(Distance):
    at_ties = 2.0


def verdicts(function):
    comparison = symdiff.compare(function, values={"a": A, "b": B}, engines=["autograd"])
    return {r["verdict"] for r in comparison.records()}


def distance(a, b):
    return (torch.sort(a).values - torch.sort(b).values).abs().mean()


@pytest.mark.parametrize("function", [distance, Distance.apply, OneAtTies.apply])
def test_an_element_of_the_clarke_set_is_a_subgradient_and_not_a_rounding_error(function):
    assert verdicts(function) == {"agrees", "subgradient"}


def test_a_slope_outside_the_clarke_set_does_not_pass():
    assert {"wrong", "not-subgradient"} <= verdicts(TwoAtTies.apply)


def test_a_wrong_slope_of_a_hinge_on_its_border_is_not_taken_for_rounding():
    class Hinge(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x - 1).clamp(min=0)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * torch.where(x == 1, -1.5, (x > 1).double())

    comparison = symdiff.compare(Hinge.apply, values={"x": [0.0, 1.0, 2.0]}, engines=["autograd"])
    assert {r["verdict"] for r in comparison.findings} == {"not-subgradient"}
