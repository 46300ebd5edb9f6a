"""Inputs of integers and of booleans, converted inside the function."""

import pytest
import torch

import symdiff

D = torch.float64
X = torch.tensor([1.5, -2.0, 0.5], dtype=D)
I = torch.tensor([1, 2, 3])  # noqa: E741
B = torch.tensor([True, False, True])


def with_flags(x, b):
    y = x * 1
    y[0], y[1] = True, b[1]
    y[2:].copy_(b[2:])
    y[x > 1] = True
    return y * x


def log_probability(x, i):
    return torch.distributions.Categorical(logits=torch.stack([x, 2 * x])).log_prob(i[:2] - 1)


CASES = [
    (lambda x, i: x.gather(0, i - 1) + x.take(i // 2), I),
    (lambda x, i: torch.nn.functional.embedding(i % 3, x[:, None]), I),
    (log_probability, I),
    (with_flags, B),
    (lambda x, i: x * i.double(), I),
    (lambda x, i: x ** i.double(), I),
    (lambda x, i: x[i - 1] * i.double(), I),
    (lambda x, i: x * i.to(x.dtype) / i.sum(), I),
    (lambda x, i: x * i.type_as(x), I),
    (lambda x, i: x * i.float(), I.int()),
    (lambda x, i: x * i, I.to(torch.uint8)),
    (lambda x, i: x * i.double().sqrt(), I.to(torch.int16)),
    (lambda x, i: torch.nn.functional.one_hot(i, 4).double().T[:3] @ x, I),
    (lambda x, i: torch.where(i > 1, x, x.sin()), I),
    (lambda x, n: (x * (torch.arange(3) < n)).sum(), torch.tensor(2)),
    (lambda x, b: x * b.double(), B),
    (lambda x, b: x * b.float().to(x.dtype), B),
    (lambda x, b: x * (~b).to(x.dtype), B),
    (lambda x, b: torch.where(b, x, x.sin()), B),
    (lambda x, b: x.masked_fill(b, 0.0).exp(), B),
    (lambda x, b: x[b].square().sum(), B),
    (lambda x, b: x * (b.double().mean() + b.long().sum()), B),
]


@pytest.mark.parametrize(("function", "other"), CASES)
def test_they_are_constants_of_a_trace_that_is_proved(function, other):
    name = function.__code__.co_varnames[1]
    comparison = symdiff.compare(function, values={"x": X, name: other}, engines=["autograd"])
    records = list(comparison.records())
    assert {r["verdict"] for r in records} == {"agrees"}
    assert all(r["proved"] for r in records)
    assert {r["variable"][0] for r in records} == {"x"}
