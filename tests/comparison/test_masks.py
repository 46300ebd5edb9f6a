"""Masks of attention: -inf in a row of scores is exact, and a row without scores is undefined."""

from __future__ import annotations

import json
import warnings
from math import exp, inf, log

import numpy as np
import pytest

from symdiff import compare
from symdiff.arithmetics.bounds.tensor_estimates import directional_estimate
from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.puiseux import ZERO_GERM
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
# expression, values besides the scores, and the derivatives with respect to the scores
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
    assert {r["kind"] for r in records} == {"smooth"}
    assert {r["joint"] for r in records} <= {None, "differentiable"}
    assert {r["verdict"] for r in records} <= {"agrees", "inexact"}


# fmt: off
# A mask of 0 and 1 is at a jump of m > 0; as a function of the scores, all of these are analytic.
ANALYTIC_IN_SCORES = [
    "softmax(masked_fill(s, m > 0, -inf), dim=1)",
    "log_softmax(masked_fill(s, m > 0, -1e9), dim=1)",
    "logsumexp(masked_fill(s, m > 0, -inf), dim=1)",
    "(softmax(masked_fill(s, m > 0, -inf), dim=1) @ s.T).sum()",
    "where(m > 0, -inf, s).amax()",
    "(s/where(m == 0, 1, 2) + sign(m) + floor(m)).sum()",
    "cumsum(s*relu(m), dim=1)",
    "(abs(m)*s**3).norm()",
]
# fmt: on


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
@pytest.mark.parametrize("text", ANALYTIC_IN_SCORES)
def test_a_mask_that_is_not_differentiated_by_is_held_fixed(text, dtype):
    mask = {"data": MASK, "dtype": dtype}
    result = compare(text, values={"s": SCORES, "m": mask}, wrt=["s"], engines=["autograd"])
    records = list(result.records())
    assert {r["kind"] for r in records} == {"smooth"}
    assert {r["joint"] for r in records} <= {None, "differentiable"}
    assert not any("m" in (r["detail"] or "") for r in records)


def test_a_mask_that_is_differentiated_by_moves():
    text = "softmax(masked_fill(s, m > 0, -inf), dim=1)[0,0]"
    result = compare(text, values={"s": SCORES, "m": MASK}, wrt=["s", "m"], engines=["autograd"])
    records = {r["variable"]: r for r in result.records()}
    assert {records[f"s[0,{j}]"]["kind"] for j in range(3)} == {"partial"}
    assert records["m[0,0]"]["kind"] == "jump"
    # Without its first score nothing is left of the softmax there.
    sentence = "as a function of s and m it is not continuous: the limit is 0 along m[0,0] = t"
    assert sentence in records["s[0,2]"]["detail"]


def test_a_number_on_a_grid_moves_whether_it_is_differentiated_by_or_not():
    result = compare("(s*sign(x)).sum()", values={"s": [1.0]}, at={"x": [0]}, wrt=["s"])
    assert {(r["kind"], r["joint"]) for r in result.records()} == {("partial", "discontinuous")}


def test_indices_are_data():
    rows = {"data": [1, 0, 1], "dtype": "int64"}
    places = {"data": [[1, 0], [0, 0]], "dtype": "int64"}
    for text, index in (
        ("(one_hot(k, 2) @ w)**2", rows),  # an embedding
        ("index_select(w, 0, k)**2", rows),
        ("gather(w, 1, k)**2", places),
        ("nll_loss(log_softmax(w, dim=1), k)", {"data": [1, 0], "dtype": "int64"}),
        ("(w*k).norm()", places),
    ):
        values = {"w": [[1.0, 2.0], [3.0, 4.0]], "k": index}
        records = list(compare(text, values=values, wrt=["w"], engines=["autograd"]).records())
        assert {r["kind"] for r in records} == {"smooth"}
        assert {r["joint"] for r in records} <= {None, "differentiable"}


def test_a_tie_of_masked_scores_has_the_clarke_set_of_the_scores():
    values = {"s": [0.5, -1.0, 0.5], "m": [0.0, 1.0, 0.0]}
    text = "amax(masked_fill(s, m > 0, -inf))"
    # The Clarke set is {(u, 0, 1 - u)}: torch gives the middle, the claim lies outside.
    claims = {"s": "[0.75, 0, 0.75]"}
    records = list(compare(text, values=values, wrt=["s"], claims=claims).records())
    words = {(r["engine"], r["variable"]): r["verdict"] for r in records}
    assert {words[e, "s[0]"] for e in ("symbolic", "autograd", "central")} == {"subgradient"}
    assert words["claim", "s[0]"] == words["claim", "s[2]"] == "not-subgradient"
    assert {r["joint"] for r in records} == {"not-differentiable"}
    assert not any("m[" in (r["detail"] or "") for r in records)


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


# Values of which one does not move, and the function is undefined: no stencil is tried again.
FULLY_MASKED = ["softmax(x, dim=1).sum()", "log_softmax(x, dim=1).sum()", "(x - x).sum()"]


@pytest.mark.parametrize("text", FULLY_MASKED)
def test_an_infinity_that_does_not_move_warns_of_nothing(text):
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        found = compare(text, values={"x": [[-inf, -inf], [1.0, 2.0]]})
        assert {r["kind"] for r in found.records()} == {"outside"}
    assert noted == []


# A row of which nothing is left is NaN, and nan_to_num makes it a constant. The second row has the
# scores 0.5 and 2; the derivatives are those by the scores of both rows.
TWO_ROWS = [[0.5, -1.0, 2.0], [0.5, -1.0, 2.0]]
SECOND_MASKED = [[1, 1, 1], [0, 1, 0]]
SECOND_ADDED = [[-inf] * 3, [0.0, -inf, 0.0]]
TWO_WEIGHTS = [WEIGHTS[0], WEIGHTS[0]]
# fmt: off
REPLACED = [
    ("(nan_to_num(softmax(masked_fill(s, m > 0, -inf), dim=1), nan=0)*w).sum()", {"m": SECOND_MASKED}, WEIGHTED),
    ("(nan_to_num(softmax(where(m > 0, -inf, s), dim=1))*w).sum()", {"m": SECOND_MASKED}, WEIGHTED),
    ("(nan_to_num(softmax(s + m, dim=1), nan=7)*w).sum()", {"m": SECOND_ADDED}, WEIGHTED),
    ("(nan_to_num(softmin(-s - m, dim=-1), 0)*w).sum()", {"m": SECOND_ADDED}, WEIGHTED),
    ("(nan_to_num(exp(s + m)/exp(s + m).sum(dim=1, keepdim=True))*w).sum()", {"m": SECOND_ADDED}, WEIGHTED),
    ("(w @ nan_to_num(softmax(masked_fill(s, m > 0, -inf), dim=1).T)).sum()", {"m": SECOND_MASKED}, [2*d for d in WEIGHTED]),
    ("(nan_to_num(exp(s + m).sum(dim=1)/exp(m).sum(dim=1), nan=1)).sum()", {"m": SECOND_ADDED}, [exp(0.5)/2, 0, exp(2)/2]),
    ("(nan_to_num(softmax(s.T + m.T, dim=0)).T*w).sum()", {"m": SECOND_ADDED}, WEIGHTED),
]
# fmt: on


@pytest.mark.parametrize(("text", "values", "second"), REPLACED)
def test_a_row_without_scores_that_is_replaced_is_a_constant(text, values, second):
    given = {"s": TWO_ROWS, "w": TWO_WEIGHTS, **values}
    used = {name: given[name] for name in given if name in parse(text).inputs}
    records = list(compare(text, values=used, wrt=["s"], engines=["autograd"]).records())
    assert [r["derivative"] for r in records] == pytest.approx([0, 0, 0, *second], abs=1e-15)
    assert {r["kind"] for r in records} <= {"smooth", "partial"}
    assert {r["verdict"] for r in records} <= {"agrees", "inexact", "nonfinite"}


# A zero that doubles may not have: whether the quotient is NaN or infinite depends on rounding.
ROUNDED_ZEROS = [
    ("nan_to_num(x/x, nan=1)", "0"),
    ("nan_to_num((x + 1/3 - x - 1/3)/(x - x), nan=0)", "1"),
    ("nan_to_num((x - 1/3)/(3*x - 1), nan=0)", "1/3"),
    ("nan_to_num(sin(pi)/(x - x), nan=0)", "1"),
    ("nan_to_num((exp(x - inf) + sin(pi))/exp(x - inf), nan=0)", "1"),
]


@pytest.mark.parametrize(("text", "x"), ROUNDED_ZEROS)
def test_a_quotient_of_zeros_that_doubles_may_not_have_is_not_decided(text, x):
    (record,) = compare(text, at={"x": [x]}, engines=["autograd"]).records()
    assert record["kind"] in {"undecided", "outside"}
    assert "which number replaces it depends on rounding" in record["detail"]


def test_zeros_of_which_nothing_is_known_are_noticed(monkeypatch):
    monkeypatch.setattr(germs, "ZERO_IN_DOUBLES", ZERO_GERM)  # e^-inf + e^-inf is any zero
    text, *_ = REPLACED[0]
    given = {"s": TWO_ROWS, "w": TWO_WEIGHTS, "m": SECOND_MASKED}
    records = compare(text, values=given, wrt=["s"], engines=["autograd"]).records()
    assert "undecided" in {r["kind"] for r in records}
