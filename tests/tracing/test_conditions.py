"""Tensors of conditions are moved, joined and written like tensors of numbers."""

import pytest
import torch

import symdiff

D = torch.float64
X = torch.tensor([[1.5, -0.5, 0.25], [-1.0, 2.0, 0.75]], dtype=D)
B = torch.tensor([[True, False, True], [False, False, True]])
COLUMN = torch.tensor([[0], [1]])


def written(m):
    m = m.clone()
    first = m[0]
    m[0, 1] = True
    m[1] = first
    return m


MOVES = [
    lambda m: m[:, 1:],
    lambda m: m[None, ..., 0],
    lambda m: m[:, [2, 0]],
    lambda m: m.unsqueeze(-1).expand(2, 3, 2),
    lambda m: m.view(-1),
    lambda m: m.T.reshape(2, 3),
    lambda m: m.permute(1, 0),
    lambda m: m.flip(0).roll(1, 1),
    lambda m: torch.cat([m, ~m]),
    lambda m: torch.stack([m, m.logical_not()], dim=1),
    lambda m: m.gather(1, COLUMN),
    lambda m: m.repeat(2, 1),
    lambda m: m.tril(),
    lambda m: m.chunk(2)[0],
    lambda m: torch.broadcast_to(m, (2, 2, 3)),
    lambda m: torch.where(m, m[:1], ~m),
    lambda m: m.masked_fill(m[0], value=False),
    lambda m: m == m[0],
    written,
]


def check(comparison):
    records = list(comparison.records())
    assert {r["verdict"] for r in records} == {"agrees"}
    assert all(r["proved"] for r in records)


@pytest.mark.parametrize("move", MOVES)
def test_conditions_on_values_are_moved(move):
    def chosen(x):
        return torch.where(move(x > 0.1), x.sum(), x.prod())

    check(symdiff.compare(chosen, values={"x": X}, engines=["autograd"]))


@pytest.mark.parametrize("move", MOVES)
def test_masks_that_are_inputs_are_moved(move):
    def chosen(x, m):
        return torch.where(move(m), x.sum(), x.prod())

    check(symdiff.compare(chosen, values={"x": X, "m": B}, engines=["autograd"]))


def test_a_moved_condition_still_has_its_kink():
    def chosen(x):
        return torch.where((x > 0)[:, None].squeeze(1), x, -x)

    comparison = symdiff.compare(chosen, values={"x": 0 * X[0, :1, None]}, engines=["autograd"])
    (record,) = comparison.records()
    assert (record["left"], record["right"], record["verdict"]) == (-1, 1, "subgradient")
