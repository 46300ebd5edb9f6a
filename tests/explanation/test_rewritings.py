import math

import numpy as np
import pytest
import torch

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import TENSORS
from symdiff.catalogue.rewritings import REWRITINGS
from symdiff.explanation.rewriting import rewritings
from symdiff.program import parse

PAIRS = pytest.mark.parametrize(
    ("old", "new"), REWRITINGS, ids=[f"{o} as {n}" for o, n in REWRITINGS]
)


def values(text, x):
    program = parse(text)
    inputs = {name: x[name].clone().requires_grad_() for name in program.inputs}
    value = torch.as_tensor(read(program, TENSORS, inputs))
    gradients = torch.autograd.grad(value.sum(), [*inputs.values()])
    return value.detach(), dict(zip(inputs, gradients, strict=True))


@PAIRS
def test_both_sides_are_one_function(old, new):
    generator = np.random.default_rng(0)
    for _ in range(5):
        x = {n: torch.tensor(generator.uniform(0.2, 3, 4)) for n in "xyz"}
        before, after = values(old, x), values(new, x)
        torch.testing.assert_close(after[0], before[0])
        for name, gradient in after[1].items():
            torch.testing.assert_close(gradient, before[1][name])


@PAIRS
def test_the_text_itself_is_found(old, new):
    found = [candidate.program for candidate in rewritings(parse(old))]
    x = {n: torch.tensor([0.3, 1.7], dtype=torch.float64) for n in "xyz"}
    expected = values(new, x)[0]
    assert any(
        torch.allclose(torch.as_tensor(read(p, TENSORS, {n: x[n] for n in p.inputs})), expected)
        for p in found
    )


@pytest.mark.parametrize(
    "text",
    [
        "log(sigmoid(x) + 1)",
        "log(2 + exp(x))",
        "sqrt(x**3)",
        "x*sqrt(y)",
        "logaddexp(x, logaddexp(y, z))",
    ],
)
def test_other_texts_are_left_alone(text):
    assert list(rewritings(parse(text))) == []


def test_settings_are_kept():
    (candidate, *_) = rewritings(parse("log(softmax(h + 1, dim=1))"))
    assert candidate.write == "log_softmax(h + 1, dim=1)"
    x = torch.tensor([[1.0, 2.0], [3.0, 5.0]], dtype=torch.float64)
    value = read(candidate.program, TENSORS, {"h": x})
    torch.testing.assert_close(value, torch.log_softmax(x + 1, 1))
    assert math.isfinite(float(value.sum()))
