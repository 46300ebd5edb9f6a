"""Calls of the atlas: every function has one, and spellings compute the same function."""

import numpy as np
import pytest

from symdiff.arithmetics.arrays import evaluate_tensor
from symdiff.atlas.cases import Case, call_of, cases, listed_calls, spellings
from symdiff.atlas.points import requests_of
from symdiff.catalogue import BY_NAME, BY_OPERATOR, CATALOGUE
from symdiff.errors import UsageError
from symdiff.program import parse

# Functions on tensors without kinks, jumps, edges or infinite slopes inside their domains.
SMOOTH = {
    *("sum", "mean", "prod", "logsumexp", "softmax", "softmin", "log_softmax", "var", "cumsum"),
    *("cumprod", "logcumsumexp", "matmul", "mm", "mv", "bmm", "dot", "det", "inverse", "logdet"),
    *("solve", "solve_triangular", "trace", "outer", "cross", "cholesky", "sequence", "tensor"),
    *("t", "transpose_all", "transpose_last", "transpose", "permute", "reshape", "flatten"),
    *("unsqueeze", "squeeze", "expand", "flip", "roll", "repeat", "tile", "cat", "stack", "clone"),
    *("zeros_like", "ones_like", "index", "gather", "index_select", "take", "put", "one_hot"),
    *("diag", "tril", "triu", "scatter", "scatter_add", "index_add", "linear", "conv1d", "conv2d"),
    *("embedding", "unfold", "fold", "layer_norm", "rms_norm", "group_norm", "batch_norm"),
    *("instance_norm", "avg_pool1d", "avg_pool2d", "adaptive_avg_pool1d", "adaptive_avg_pool2d"),
    *("avg_pool3d", "adaptive_avg_pool3d"),
    *("pad", "mse_loss", "binary_cross_entropy", "nll_loss", "cross_entropy", "poisson_nll_loss"),
    *("gaussian_nll_loss", "soft_margin_loss"),
}


def test_every_function_on_tensors_has_a_call_or_is_smooth():
    named = {*listed_calls(), *spellings()}
    without = {row.name for row in CATALOGUE.values() if row.array is not None} - named
    assert without == SMOOTH, "give it a call in symdiff/atlas/calls.toml, or name it in SMOOTH"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("abs", "abs(x)"),
        ("maximum", "maximum(x, y)"),
        ("clamp", "clamp(x, min=-1, max=1)"),
        ("clamp_min", "clamp_min(x, y)"),
        ("threshold", "threshold(x, 1, 1)"),
        ("where", "where(x > 0, x, y)"),
        ("float", "float(x > 0)"),
        ("amax", None),
    ],
)
def test_a_function_is_called_by_its_signature(name, text):
    assert call_of(BY_NAME[name]) == text


@pytest.mark.parametrize(("operator", "text"), [("%", "x % y"), ("u-", "-x"), ("<", None)])
def test_an_operator_is_written_between_its_operands(operator, text):
    assert call_of(BY_OPERATOR[operator]) == text


def test_a_call_without_text_is_the_first_of_its_function():
    chosen = cases(["relu", "sqrt(x?*2)"])
    assert chosen[0] == Case("relu", "relu(x)")
    assert {case.function for case in chosen} == {"relu", "sqrt(x**2)"}


@pytest.mark.parametrize(("pattern", "hint"), [("reul", "did you mean 'relu'"), ("zzz", "symdiff")])
def test_an_unknown_function_is_refused(pattern, hint):
    with pytest.raises(UsageError, match=hint):
        cases(["relu", pattern])


def values(text, points):
    program = parse(text)
    given = [{n: np.array(p[n]) for n in program.inputs} for p in points]
    with np.errstate(all="ignore"):
        return np.array([float(np.squeeze(evaluate_tensor(program, g))) for g in given])


def different_spellings(texts):
    """Return the texts whose values differ from those of the first at random points."""
    rng = np.random.default_rng(0)
    points = [dict(zip("xyzw", row, strict=True)) for row in rng.normal(size=(20, 4)) * 2]
    first = values(texts[0], points)
    return [t for t in texts if not np.allclose(values(t, points), first, rtol=1e-9, atol=1e-9)]


@pytest.mark.parametrize("function", spellings())
def test_spellings_compute_the_same_function(function):
    texts = list(spellings()[function])
    if function in CATALOGUE:
        texts.insert(0, call_of(CATALOGUE[function]))
    assert different_spellings(texts) == []


def test_a_spelling_of_another_function_is_noticed():
    assert different_spellings(["abs(x)", "max(x, -x)", "relu(x)"]) == ["relu(x)"]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("relu6(x)", [{"x": ["0", "6"]}]),
        ("clamp(x, min=-1, max=1)", [{"x": ["-1", "1"]}]),
        ("abs(3*x - 1)", [{"x": ["1/3"]}]),
        ("floor(x)", [{"x": ["0"]}]),  # the same switch is zero at every integer
        ("maximum(x, y)", [{"x": ["0"], "y": ["0"]}]),
        ("hypot(x, y)", [{"x": ["0"], "y": ["0"]}]),
        ("sin(x)", []),
        ("amax([x, y])", [{"x": ["0"], "y": ["0"]}]),
        (
            "max(x, y, z)",
            [
                {"x": ["-2", "0"], "y": ["0"], "z": ["0"]},  # y and z are tied for all x < 0
                {"x": ["2", "3"], "y": ["2"], "z": ["3"]},
            ],
        ),
    ],
)
def test_the_points_of_a_call_are_the_zeros_of_its_switches(text, at):
    assert [request.at for request in requests_of(Case("f", text))] == at


def test_every_call_can_be_parsed():
    assert {name for case in cases() for name in parse(case.text).inputs} == set("xyzw")
