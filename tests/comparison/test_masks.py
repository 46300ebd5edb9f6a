"""Masks of attention: -inf in a row of scores is exact, and a row without scores is undefined."""

from __future__ import annotations

import json
from math import exp, inf, log

import numpy as np
import pytest

from symdiff import compare
from symdiff.arithmetics.bounds.tensor_estimates import directional_estimate
from symdiff.errors import UsageError
from symdiff.program import parse

SCORES = [[0.5, -1.0, 2.0]]
MASK = [[0, 1, 0]]
ADDED = [[0.0, -inf, 0.0]]
WEIGHTS = [[1.0, 2.0, 3.0]]
# The softmax of the scores that are left, 0.5 and 2: y = 1/(1 + e^1.5) and 1 - y.
Y = 1 / (1 + exp(1.5))
# d/ds of Σ w·y: y_i·(w_i - Σ w·y), where Σ w·y = Y + 3·(1 - Y)
WEIGHTED = [Y * (1 - (3 - 2 * Y)), 0.0, (1 - Y) * (3 - (3 - 2 * Y))]

# fmt: off
# expression, values besides the scores, and the derivatives by the scores
MASKED = [
    ("(softmax(masked_fill(s, m > 0, -inf), dim=1)*w).sum()", {"m": MASK, "w": WEIGHTS}, WEIGHTED),
    ("(softmax(where(m > 0, -inf, s), dim=1)*w).sum()", {"m": MASK, "w": WEIGHTS}, WEIGHTED),
    ("(softmax(s + m, dim=1)*w).sum()", {"m": ADDED, "w": WEIGHTS}, WEIGHTED),
    ("(softmin(-s - m, dim=1)*w).sum()", {"m": ADDED, "w": WEIGHTS}, WEIGHTED),
    ("softmax(s + m, dim=1).sum()", {"m": ADDED}, [0, 0, 0]),
    ("logsumexp(s + m, dim=1).sum()", {"m": ADDED}, [Y, 0, 1 - Y]),
    ("logsumexp(masked_fill(s, m > 0, -inf), dim=1).sum()", {"m": MASK}, [Y, 0, 1 - Y]),
    ("nll_loss(log_softmax(s + m, dim=1), k)", {"m": ADDED, "k": [2]}, [Y, 0, -Y]),
    ("cross_entropy(masked_fill(s, m > 0, -inf), k)", {"m": MASK, "k": [0]}, [Y - 1, 0, 1 - Y]),
    ("amax(s + m)", {"m": ADDED}, [0, 0, 1]),
    ("amax(masked_fill(s, s < 1, -inf))", {}, [0, 0, 1]),
    ("exp(s + m).sum()", {"m": ADDED}, [exp(0.5), 0, exp(2)]),
    ("relu(s + m).sum()", {"m": ADDED}, [1, 0, 1]),
    ("sigmoid(s + m).sum()", {"m": ADDED}, [exp(-0.5) / (1 + exp(-0.5)) ** 2, 0, exp(-2) / (1 + exp(-2)) ** 2]),
    ("(1/(s + m)).sum()", {"m": ADDED}, [-4, 0, -0.25]),
]
# Nothing is left, or what is infinite is used.
UNDEFINED = [
    ("softmax(masked_fill(s, m > 0, -inf), dim=1).sum()", {"m": [[1, 1, 1]]}, "a division by zero"),
    ("(softmax(s + m, dim=1)*w).sum()", {"m": [[-inf] * 3], "w": WEIGHTS}, "a division by zero"),
    ("logsumexp(s + m, dim=1).sum()", {"m": [[-inf] * 3]}, "a logarithm of zero"),
    ("cross_entropy(s + m, k)", {"m": ADDED, "k": [1]}, "the value is inf"),
    ("log_softmax(s + m, dim=1).sum()", {"m": ADDED}, "the value is -inf"),
    ("(log_softmax(s + m, dim=1)*w).sum()", {"m": ADDED, "w": [[1, 0, 1]]}, "0*inf"),
    ("((s + m) - m).sum()", {"m": ADDED}, "inf - inf"),
    ("(0*(s + m)).sum()", {"m": ADDED}, "0*inf"),
    ("cos(s + m).sum()", {"m": ADDED}, "cos of -inf"),
]
# fmt: on


@pytest.mark.parametrize(("text", "values", "derivatives"), MASKED)
def test_a_masked_score_is_a_constant(text, values, derivatives):
    result = compare(text, values={"s": SCORES, **values}, wrt=["s"])
    records = list(result.records())
    truth = [r["derivative"] for r in records if r["engine"] == "autograd"]
    assert truth == pytest.approx(derivatives, rel=1e-14)
    # A mask of 0 and 1 is at a jump of m > 0: as a function of s and m together it is not continuous.
    assert {r["kind"] for r in records} <= {"smooth", "partial"}
    assert {r["verdict"] for r in records} <= {"agrees", "inexact"}


@pytest.mark.parametrize(("text", "values", "reason"), UNDEFINED)
def test_a_row_without_scores_is_undefined_where_it_arises(text, values, reason):
    result = compare(text, values={"s": SCORES, **values}, wrt=["s"], engines=["autograd"])
    records = list(result.records())
    assert {r["kind"] for r in records} == {"outside"}
    assert {r["verdict"] for r in records} <= {"undefined", "silent"}
    assert all(reason in r["detail"] for r in records)


def test_the_harmless_row_is_not_affected_by_the_other():
    values = {"s": [[1.0, 2.0], [3.0, 4.0]], "m": [[-inf, -inf], [0.0, 0.0]]}
    records = compare("softmax(s + m, dim=1)", values=values, wrt=["s"], engines=["autograd"])
    kinds = {(r["output"][1], r["kind"]) for r in records.records()}
    assert kinds == {("0", "outside"), ("1", "smooth")}


@pytest.mark.parametrize("engine", ["symbolic", "autograd", "central"])
def test_an_infinite_component_of_an_input_does_not_move(engine):
    records = list(
        compare(
            "logsumexp(s, dim=0)", values={"s": [-inf, 0, -inf, log(3)]}, engines=[engine]
        ).records()
    )
    assert [r["derivative"] for r in records] == pytest.approx([0, 0.25, 0, 0.75])
    assert {r["verdict"] for r in records} <= {"agrees", "inexact"}


@pytest.mark.parametrize(
    "text",
    [
        "(softmax(masked_fill(s, m < 0, -inf), dim=1)**2).sum()",
        "(softmax(s + m, dim=1)**2).sum()",
        "logsumexp(s + m, dim=1).sum()",
        "exp(log_softmax(s + m, dim=1)).sum(dim=0).amax()",
        "(softmax(s @ s.T + n, dim=1) @ s).sum()",
        "(tanh(s + m) + sigmoid(s + m) + 1/(s + m)).sum()",
    ],
)
def test_a_masked_tensor_is_certified_along_a_direction(text):
    rng = np.random.default_rng(0)
    s, v = rng.standard_normal((2, 3, 4))
    mask = np.where(rng.random((3, 4)) < 0.4, -inf, 0.0)
    mask[:, 0] = 0.0
    values = {"s": s, "m": mask, "n": np.triu(np.full((3, 3), -inf), 1)}
    program = parse(text)
    used = {n: x for n, x in values.items() if n in program.inputs}
    jvp, is_certified = directional_estimate(program, used, {"s": v})
    h = 1e-6
    ends = [directional_estimate(program, {**used, "s": s + t * v}, {})[0].value for t in (h, -h)]
    assert is_certified
    assert float(jvp.slope) == pytest.approx(float(ends[0] - ends[1]) / (2 * h), rel=1e-7)


def test_what_is_undefined_is_not_certified_along_a_direction():
    s, v = np.array([[1.0, 2.0]]), np.array([[1.0, 0.5]])
    for text in ("softmax(s + m, dim=1).sum()", "((s + m) - m).sum()", "cos(s + m).sum()"):
        values = {"s": s, "m": np.array([[-inf, -inf]])}
        assert not directional_estimate(parse(text), values, {"s": v})[1]


def test_a_report_on_infinite_values_is_valid_json():
    result = compare("softmax(s + m, dim=0)", values={"s": [1.0, 2.0], "m": [0.0, -inf]})
    (expression,) = json.loads(result.to_json())["expressions"]
    assert expression["tensors"]["values"]["m"]["data"] == [0.0, "-inf"]


@pytest.mark.parametrize("what", ["cotangent", "tangent"])
def test_directions_are_finite(what):
    direction = {"cotangent": [1.0, inf], "tangent": {"s": [1.0, inf]}}[what]
    with pytest.raises(UsageError, match="every component must be finite"):
        compare("exp(s)", values={"s": [1.0, 2.0]}, **{what: direction})


def test_a_component_that_is_not_a_number_is_refused():
    with pytest.raises(UsageError, match="a component is not a number"):
        compare("s.sum()", values={"s": [1.0, float("nan")]})
