"""The engines on torch over the whole catalogue: no number contradicts a truth without a reason.

What is torch's own is shown with torch alone; docs/engines.md explains it.
"""

import math

import numpy as np
import pytest
import torch
from torch.autograd import forward_ad

import symdiff
from symdiff.program import parse
from tests.catalogue.test_rows import CASES
from tests.catalogue.test_tensor_rows import FIRST

ENGINES = ("forward", "func", "double-backward")
CONTRADICTS = {"wrong", "not-subgradient", "nonfinite", "value"}
# The engine and the function of a contradiction that autograd does not have too.
EXPLAINED = {
    ("double-backward", "sinc"),
    ("double-backward", "hypot"),
    ("double-backward", "power"),
    ("double-backward", "xlogy"),
    ("forward", "atan2"),
    ("forward", "det"),
}


@pytest.mark.parametrize(("row", "text"), CASES)
def test_no_number_contradicts_the_truth_without_a_reason(row, text):
    names = parse(text).inputs
    points = "-2:2:9" if len(names) == 1 else [-1.5, 0, 0.3, 1]
    comparison = symdiff.compare(text, dict.fromkeys(names, points), engines=["autograd", *ENGINES])
    assert {(engine, row.name) for engine in new_contradictions(comparison)} <= EXPLAINED


@pytest.mark.parametrize("rounded", [False, True], ids=["smooth", "ties"])
@pytest.mark.parametrize("case", FIRST, ids=lambda case: case.row)
def test_no_gradient_of_tensors_contradicts_the_truth_without_a_reason(case, rounded):
    shape = case.in_torch()[0].shape
    comparison = symdiff.compare(
        case.text,
        values={
            **{n: np.round(v) if rounded else v for n, v in case.values.items()},
            **{
                n: {"data": np.asarray(v).tolist(), "dtype": "int64"}
                for n, v in case.indices.items()
            },
        },
        wrt=list(case.values),
        cotangent=case.weights(shape).tolist() if shape else None,
        engines=["autograd", *ENGINES],
    )
    assert {(engine, case.row) for engine in new_contradictions(comparison)} <= EXPLAINED


def new_contradictions(comparison):
    """Return the engines with a number that is wrong where that of autograd is not."""
    by_autograd = {
        (tuple(r["point"].items()), r["variable"]): r["verdict"]
        for r in comparison.records()
        if r["engine"] == "autograd"
    }
    return {
        r["engine"]
        for r in comparison.records()
        if r["verdict"] in CONTRADICTS
        and by_autograd[tuple(r["point"].items()), r["variable"]] != r["verdict"]
    }


def double_backward(function, *inputs):
    """Return the first derivative with respect to the first input, as the double backward gives it."""
    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in inputs]
    incoming = torch.ones((), dtype=torch.float64, requires_grad=True)
    output = function(*leaves)
    (gradient,) = torch.autograd.grad(output, leaves[0], incoming, create_graph=True)
    (slope,) = torch.autograd.grad(gradient, incoming)
    return gradient.item(), slope.item()


@pytest.mark.parametrize(
    ("function", "inputs", "backward", "twice"),
    [
        (torch.sinc, (0.0,), 0.0, math.nan),
        (torch.hypot, (-1e-323, 0.0), -1.0, -math.inf),
        (torch.pow, (-1e-323, 0.0), 0.0, math.nan),
        (lambda y, x: torch.xlogy(x, y), (5e-324, 0.0), 0.0, math.nan),
    ],
    ids=["sinc", "hypot", "power", "xlogy"],
)
def test_torch_alone_loses_the_double_backward(function, inputs, backward, twice):
    found = double_backward(function, *inputs)
    assert found[0] == backward
    assert found[1] == twice or math.isnan(found[1]) == math.isnan(twice)


def test_torch_alone_has_no_double_backward_of_hardsigmoid():
    with pytest.raises(RuntimeError, match="hardsigmoid_backward is not implemented"):
        double_backward(torch.nn.functional.hardsigmoid, 0.5)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")  # of torch itself
def test_torch_alone_loses_the_forward_mode_of_atan2():
    x, y = torch.tensor([0.0, -1e-323], dtype=torch.float64)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(y, torch.ones_like(y))
        tangent = forward_ad.unpack_dual(torch.atan2(x, dual)).tangent
    assert tangent.isnan()
    y.requires_grad_()
    (gradient,) = torch.autograd.grad(torch.atan2(x, y), y)
    assert gradient == 0


def test_torch_alone_has_another_trigamma_near_a_pole():
    d = 2.0**-53
    value = torch.polygamma(1, torch.tensor(-1 + d, dtype=torch.float64)).item()
    assert value < 0.5 / d**2  # it is 1/d**2 to within a few units


def test_torch_alone_has_a_trigamma_that_jumps_at_a_half():
    x = torch.tensor([0.5 - 1e-12, 0.5], dtype=torch.float64)
    left, right = torch.polygamma(1, x).tolist()
    # The derivative is -16.8, so that the values differ by 1.7e-11, if the function is continuous.
    assert abs(left - right) > 1e-9


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")  # of torch itself
def test_torch_alone_loses_the_forward_mode_of_det_at_a_singular_matrix():
    x = torch.zeros(1, 1, dtype=torch.float64)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, torch.ones_like(x))
        assert forward_ad.unpack_dual(torch.det(dual)).tangent.item() == 0
    x.requires_grad_()
    assert torch.autograd.grad(torch.det(x), x)[0].item() == 1


def test_torch_alone_cannot_flip_a_number_under_vmap():
    assert torch.ones(()).flip(0) == 1
    with pytest.raises(IndexError, match="Dimension out of range"):
        torch.func.vmap(lambda x: x.flip(0))(torch.ones(3))
