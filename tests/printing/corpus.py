"""Programs on which every language is tried: the shipped expressions, and a call of every row."""

import functools

import numpy as np

from symdiff.arithmetics.arrays import evaluate, evaluate_tensor
from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import TENSORS
from symdiff.atlas.cases import cases
from symdiff.batch.work import collect
from symdiff.catalogue import CATALOGUE
from symdiff.program import parse
from symdiff.program.values import read_value
from symdiff.request.parsed import parse_request
from tests.shipped import FOLDER

# What precedence, sharing and numbers can do wrong.
TRICKY = (
    "-x**2",
    "(-x)**2",
    "x**-2",
    "2**-x",
    "-(x*y)",
    "-x*y",
    "x - (y - z)",
    "x - y - z",
    "x + -y",
    "x - -y",
    "-(-x)",
    "-(x + y)",
    "+x*2",
    "x/(y*z)",
    "x/y/z",
    "x*(y/z)",
    "x % y * z",
    "x//(y % z)",
    "(x**2)**y",
    "(abs(x)**y)**z",
    "abs(x)**(y**z)",
    "1/3*x + (1/3)**2 + 2**-3",
    "10**20*x + 7**30",
    "where(0 < x < 1, x, -1)",
    "where(0 < x and not (y > 1 or z <= 0), 1, 2)**-1",
    "(x > 0)*x + (x <= 0)*2",
    "where((x > 0) | (y == 1), 1/3, x)",
    "(1 if x > 0 else -1) + (x if y > 0 else z if z > 0 else 3)",
    "sin(relu(x) + 1)*relu(x) + exp(y + z)*exp(y + z)",
    "maximum(x, 2*pi) + minimum(e, 1e-5*y) + max(x, y, z)",
    "sin(2) + where(x > 0, 1, 0)",
    "clamp(x, min=0) + clamp(x, max=1) + clamp(x, -1, y) + hardtanh(x)",
    "softplus(x) + softplus(x, beta=2) + gelu(x) + gelu(x, approximate='tanh')",
    "float(x > 0)*3 + rint(2.5*x) + round(x, 1)",
    "x if (0 if x > 1 else y) > 0 else xlogy(x, 2)",
)
TENSORS_TOO = (
    ("(x @ w + b).sum(dim=0).max()", {"x": (2, 3), "w": (3, 2), "b": (2,)}),
    (
        "x.T @ x[0, 1:, None].expand(2, 2) + x[0:2, ...].mean(dim=(0, 1), keepdim=True)",
        {"x": (2, 3)},
    ),
    (
        "softmax(x, 1).var(dim=0) + logsumexp(x, 0) + log_softmax(x, -1).max(0).values",
        {"x": (3, 3)},
    ),
    ("x.sort(descending=True).values + median(x, 1, True) + median(x)", {"x": (2, 3)}),
    ("cat([x, 2*x], dim=1).reshape(3, 4).transpose(0, 1)", {"x": (2, 3)}),
    ("[x, y, 1]", {"x": (), "y": ()}),
)


@functools.cache
def scalar_programs():
    """Return programs on numbers, by a text that names each."""
    parsed = [parse_request(e) for e in collect([FOLDER]).entries if not e.values]
    shipped = {f"{p.request.label.name}/{n}": q for p in parsed for n, q in p.programs.items()}
    calls = {case.text: parse(case.text) for case in cases()}
    return {**shipped, **{text: parse(text) for text in TRICKY}, **calls}


@functools.cache
def tensor_programs():
    """Return programs on tensors with the shapes of their inputs."""
    parsed = [parse_request(e) for e in collect([FOLDER]).entries if e.values]
    values = {
        f"{p.request.label.name}/{n}": (q, _values(p.request.values, q))
        for p in parsed
        for n, q in p.programs.items()
    }
    random = np.random.default_rng(1)
    ours = {
        text: (parse(text), {n: random.normal(size=shape) for n, shape in shapes.items()})
        for text, shapes in TENSORS_TOO
    }
    return {**values, **ours}


def _values(values, program):
    known = {name: read_value(name, value).array for name, value in values.items()}
    return {name: known.get(name, np.float64(0.75)) for name in program.inputs}


def points(program, count=3):
    """Return some points of the variables: of both signs, and 0."""
    random = np.random.default_rng(len(program.inputs))
    some = [dict.fromkeys(program.inputs, 0.0), dict.fromkeys(program.inputs, 0.5)]
    drawn = random.normal(size=(count - 2, len(program.inputs)))
    return some + [dict(zip(program.inputs, row.tolist(), strict=True)) for row in drawn]


def in_numpy(program, inputs):
    """Return the program's value in numpy, at one point of numbers."""
    with np.errstate(all="ignore"):
        if any(CATALOGUE[call.function].array for _, call in program.calls()):
            return evaluate_tensor(program, {n: np.float64(v) for n, v in inputs.items()})
        if not inputs:
            return evaluate(program, {"unused": np.zeros(1)})[0]
        return evaluate(program, {name: np.array([value]) for name, value in inputs.items()})[0]


def in_torch(program, inputs):
    """Return the program's value in torch, as engines compute it."""
    import torch

    return read(program, TENSORS, {n: torch.as_tensor(v) for n, v in inputs.items()})
