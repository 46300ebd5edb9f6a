"""Comparing programs on tensors: Jacobians, VJPs, JVPs, claims, spellings, dtypes, grids."""

import numpy as np
import pytest
import torch

import symdiff
from symdiff.errors import ExpressionError, InputError, UsageError
from tests.fakes import FAULTY

X = [[3, 2, 1], [1, 0, 2], [4, 1, 2], [0, 0, 1]]
NETWORK = {
    "let": {"h": "x @ w1", "y_pred": "relu(h) @ w2"},
    "wrt": ["w1", "w2"],
    "values": {"x": X, "w1": [[1, 2], [0, 1], [4, 0]], "w2": [[-1, 1], [-2, 3]]},
}


def records(comparison, **fields):
    return [r for r in comparison.records() if all(r[k] == v for k, v in fields.items())]


def verdicts(comparison, engine, **fields):
    return {r["verdict"] for r in records(comparison, engine=engine, **fields)}


def jacobian(comparison, engine, variable):
    values = [
        r["value"]
        for r in records(comparison, engine=engine, spelling=None)
        if r["variable"].split("[")[0] == variable
    ]
    return np.array(values, dtype=float)


RANDOM = {"x": {"shape": [2, 3], "seed": 1}, "w": {"shape": [3, 2], "seed": 2}}
# An expression, and the same function in torch.
FUNCTIONS = [
    ("x @ w", lambda x, w: x @ w),
    ("(x @ w).sum(dim=0)", lambda x, w: (x @ w).sum(dim=0)),
    ("softmax(x, dim=1) @ w", lambda x, w: torch.softmax(x, 1) @ w),
    ("(x.T*w).mean(dim=1)", lambda x, w: (x.T * w).mean(dim=1)),
    ("x.std(dim=1) + w.norm()", lambda x, w: x.std(dim=1) + w.norm()),
    ("cat([x, w.t()], dim=0)[1:, ::2]", lambda x, w: torch.cat([x, w.t()], dim=0)[1:, ::2]),
    ("tanh(x @ w).cumsum(dim=1)[:, -1]", lambda x, w: torch.tanh(x @ w).cumsum(dim=1)[:, -1]),
    ("where(x > 0, x, w.T**2).amax(dim=0)", lambda x, w: torch.where(x > 0, x, w.T**2).amax(dim=0)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "function"), FUNCTIONS)
def test_every_component_of_a_jacobian_is_right(text, function):
    comparison = symdiff.compare(text, values=RANDOM)
    assert {v for e in ("symbolic", "autograd", "central") for v in verdicts(comparison, e)} <= {
        "agrees",
        "inexact",
    }
    values = comparison.evidence[0].tensors.values
    leaves = tuple(torch.tensor(values[n].array) for n in ("x", "w") if n in values)
    expected = torch.autograd.functional.jacobian(
        lambda *inputs: function(*inputs, *[None] * (2 - len(inputs))), leaves
    )
    for name, matrix in zip(("x", "w"), expected, strict=False):
        truth = [r["derivative"] for r in records(comparison, engine="autograd")
                 if r["variable"].startswith(name)]  # fmt: skip
        assert truth == pytest.approx(matrix.reshape(-1).tolist(), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("fault", FAULTY, ids=lambda e: e.name)
def test_every_planted_fault_is_noticed(register, fault):
    engines = ["autograd", register(fault)]
    comparison = symdiff.compare("((tanh(x @ w) - 1)**2).sum()", values=RANDOM, engines=engines)
    assert verdicts(comparison, "autograd") == {"agrees"}
    if fault.name != "shifted by one point":  # there is one point only
        assert verdicts(comparison, fault.name) & {"wrong", "nonfinite"}


def test_records_name_components_and_the_json_has_each_value_once():
    comparison = symdiff.compare("x @ w", values=RANDOM)
    by_component = records(comparison, engine="autograd")
    assert {r["output"] for r in by_component} == {"[0,0]", "[0,1]", "[1,0]", "[1,1]"}
    assert {r["variable"] for r in by_component} >= {"x[0,0]", "x[1,2]", "w[2,1]"}
    assert all(r["point"] == {} and r["exact"] is None for r in by_component)
    text = comparison.to_json()
    assert text.count('"data"') == 2


class TestCotangents:
    def test_the_cotangent_multiplies_the_jacobian_from_the_left(self):
        c = [[1.0, -2.0], [0.5, 3.0]]
        comparison = symdiff.compare("tanh(x @ w)", values=RANDOM, cotangent=c)
        values = comparison.evidence[0].tensors.values
        x, w = (torch.tensor(values[n].array, requires_grad=True) for n in ("x", "w"))
        torch.tanh(x @ w).backward(torch.tensor(c, dtype=torch.float64))
        for name, leaf in (("x", x), ("w", w)):
            assert jacobian(comparison, "autograd", name) == pytest.approx(leaf.grad.reshape(-1))
        assert verdicts(comparison, "autograd") == verdicts(comparison, "symbolic") == {"agrees"}
        assert {r["output"] for r in comparison.records()} == {None}

    def test_the_gradients_of_several_cotangents_are_added(self):
        single = [
            symdiff.compare("x**2", values={"x": [1, 2]}, cotangent=c) for c in ([1, 0], [3, 4])
        ]
        both = symdiff.compare("x**2", values={"x": [1, 2]}, cotangent=[[1, 0], [3, 4]])
        total = sum(jacobian(c, "autograd", "x") for c in single)
        assert jacobian(both, "autograd", "x").tolist() == total.tolist() == [8, 16]
        assert verdicts(both, "autograd") == verdicts(both, "central") == {"agrees"}

    def test_accumulate_adds_the_gradients_of_repeated_calls_of_backward(self):
        comparison = symdiff.compare("(x**2).sum()", values={"x": [1, 2]}, accumulate=3)
        assert jacobian(comparison, "autograd", "x").tolist() == [6, 12]
        assert verdicts(comparison, "autograd") == {"agrees"}

    def test_accumulate_multiplies_every_row_of_a_jacobian(self):
        comparison = symdiff.compare("x**2", values={"x": [1, 2]}, accumulate=2)
        assert jacobian(comparison, "autograd", "x").tolist() == [4, 0, 0, 8]
        assert verdicts(comparison, "symbolic") == {"agrees"}

    def test_a_cotangent_can_be_an_expression_in_the_values(self):
        comparison = symdiff.compare("2*x", values={"x": [1, 2], "g": [5, 7]}, cotangent="g**2")
        assert jacobian(comparison, "autograd", "x").tolist() == [50, 98]

    def test_an_expression_on_a_grid_can_have_a_cotangent(self):
        comparison = symdiff.compare("x**2", {"x": "1:2:2"}, cotangent=3, kinks=False)
        assert comparison.values("autograd").tolist() == [6, 12]


class TestTangents:
    def test_the_tangent_multiplies_the_jacobian_from_the_right(self):
        v = [[1.0, 0.0, -1.0], [2.0, 0.5, 0.0]]
        comparison = symdiff.compare("tanh(x) @ w", values=RANDOM, tangent={"x": v})
        values = comparison.evidence[0].tensors.values
        x, w = (torch.tensor(values[n].array) for n in ("x", "w"))
        tangent = torch.tensor(v, dtype=torch.float64)
        _, expected = torch.autograd.functional.jvp(lambda x: torch.tanh(x) @ w, x, tangent)
        values = [r["value"] for r in records(comparison, engine="autograd")]
        assert values == pytest.approx(expected.reshape(-1).tolist())
        assert {r["variable"] for r in comparison.records()} == {"tangent"}
        assert verdicts(comparison, "autograd") == verdicts(comparison, "symbolic") == {"agrees"}

    def test_a_cotangent_and_a_tangent_leave_one_number(self):
        comparison = symdiff.compare(
            "x**2", values={"x": [1, 2]}, cotangent=[1, 10], tangent={"x": [1, 1]}
        )
        (record,) = records(comparison, engine="autograd")
        assert record["value"] == 2 + 40 and record["verdict"] == "agrees"

    def test_one_sided_derivatives_are_those_along_the_tangent(self):
        comparison = symdiff.compare("relu(x)", values={"x": [0, 1]}, tangent={"x": [-2, 1]})
        kink = records(comparison, engine="autograd", output="[0]")[0]
        assert (kink["kind"], kink["left"], kink["right"]) == ("kink", -2, 0)


CLAIMS = [
    ({"w2": "relu(h).T @ (2*(y_pred - 1))"}, "agrees", ""),
    ({"w2": "-relu(h).T @ (2*(y_pred - 1))"}, "wrong", "the sign is flipped"),
    ({"w2": "relu(h).T @ (y_pred - 1)"}, "wrong", "the factor 2 is missing"),
    ({"w2": "relu(h).T @ (2*(y_pred - 1)) + 5"}, "wrong", "the term -5 is missing"),
    ({"w2[0,1]": "1608"}, "agrees", ""),
    ({"w2[0,1]": "1609"}, "wrong", ""),
]


class TestClaims:
    @pytest.mark.parametrize(("claims", "verdict", "how"), CLAIMS)
    def test_a_claim_is_judged_and_the_detail_says_how_it_is_wrong(self, claims, verdict, how):
        comparison = symdiff.compare("((y_pred - 1)**2).sum()", claims=claims, **NETWORK)
        claimed = records(comparison, engine="claim")
        assert {r["verdict"] for r in claimed} == {verdict}
        # h[3,1] is 0, so that every derivative along w2 is a partial one.
        details = [r["detail"].partition("along w2") for r in claimed]
        assert {(said.rstrip("; "), along) for said, along, _ in details} == {(how, "along w2")}

    def test_a_claim_can_be_for_one_output_and_one_input(self):
        claims = {"[0]/x": "[2*x[0], 0]", "[1]/x[1]": "7"}
        comparison = symdiff.compare("x**2", values={"x": [1, 3]}, claims=claims)
        by_pair = {
            (r["output"], r["variable"]): r["verdict"] for r in records(comparison, engine="claim")
        }
        assert by_pair == {
            ("[0]", "x[0]"): "agrees",
            ("[0]", "x[1]"): "agrees",
            ("[1]", "x[1]"): "wrong",
        }

    def test_a_claimed_backward_pass_can_be_right_except_at_kinks(self):
        comparison = symdiff.compare(
            "relu(h)",
            values={"h": [-1, 0, 2], "g": [0, 1, 1]},
            cotangent="g",
            claims="grad_h = g.clone()\ngrad_h[h == 0] = 2",
        )
        claimed = {r["variable"]: r for r in records(comparison, engine="claim")}
        assert [claimed[f"h[{k}]"]["verdict"] for k in range(3)] == [
            "agrees",
            "not-subgradient",
            "agrees",
        ]
        assert "right except at kinks" in claimed["h[1]"]["detail"]

    @pytest.mark.parametrize(
        ("claims", "message"),
        [
            ({"w2": "relu(h)"}, "the claim has shape (4, 2), and w2 has (2, 2): a gradient has"),
            ({"w2": "relu(h) @ x"}, "matmul of relu(h) (4, 2) and x (4, 3)"),
        ],
    )
    def test_a_claim_of_the_wrong_shape_fails(self, claims, message):
        comparison = symdiff.compare("((y_pred - 1)**2).sum()", claims=claims, **NETWORK)
        claimed = records(comparison, engine="claim")
        assert {r["verdict"] for r in claimed} == {"failed"}
        assert all(r["detail"].startswith(message) and r["value"] is None for r in claimed)
        assert not comparison.ok

    def test_other_claims_are_judged_if_one_fails(self):
        claims = {"w1": "w2", "w2": "relu(h).T @ (2*(y_pred - 1))"}
        comparison = symdiff.compare("((y_pred - 1)**2).sum()", claims=claims, **NETWORK)
        by_component = {r["variable"]: r["verdict"] for r in records(comparison, engine="claim")}
        assert by_component["w1[0,0]"] == "failed" and by_component["w2[0,0]"] == "agrees"


class TestSpellings:
    def test_a_spelling_is_compared_component_by_component(self):
        comparison = symdiff.compare(
            "relu(x)", values={"x": [-1, 0, 2]}, spellings={"clamp": "x.clamp(min=0)"}
        )
        kinks = {
            r["spelling"]: r["value"] for r in records(comparison, kind="kink", engine="autograd")
        }
        assert kinks == {None: 0, "clamp": 1}

    def test_a_spelling_of_another_shape_is_refused(self):
        with pytest.raises(
            UsageError, match=r"spelling 's' has shape \(3,\), and the expression \(\)"
        ):
            symdiff.compare("x.sum()", values={"x": [1, 2, 3]}, spellings={"s": "x"})

    @pytest.mark.parametrize("other", ["x.amax()", "x.sum() + 1e-6", "2*x.sum()"])
    def test_a_spelling_of_another_function_has_the_verdict_value(self, other):
        comparison = symdiff.compare("x.sum()", values={"x": [1, 2, 3]}, spellings={"s": other})
        of_spelling = [r for r in comparison.records() if r["spelling"] == "s"]
        assert {r["verdict"] for r in of_spelling} == {"value"}
        assert "and the expression's is 6" in of_spelling[0]["detail"]

    def test_a_spelling_that_agrees_at_the_values_only_is_refused(self):
        with pytest.raises(UsageError, match="is a different function"):
            symdiff.compare("(x*x).sum()", values={"x": [1, 1]}, spellings={"s": "x.sum()"})


class TestDtypes:
    def test_rounding_in_float32_passes(self):
        value = {"shape": [4], "seed": 0, "dtype": "float32"}
        within_a_unit = symdiff.compare("(x.exp()/3).sum()", values={"x": value})
        assert verdicts(within_a_unit, "autograd") == {"agrees"}
        comparison = symdiff.compare("(x.exp()/3*x.tanh()*x.sin()).sum()", values={"x": value})
        assert verdicts(comparison, "autograd") <= {"agrees", "inexact"}
        assert "inexact" in verdicts(comparison, "autograd")
        assert comparison.ok

    def test_a_planted_fault_larger_than_rounding_in_float32_is_noticed(self):
        value = {"shape": [4], "seed": 0, "dtype": "float32"}
        comparison = symdiff.compare(
            lambda x: (x.exp() / 3 * 1.0001).sum(), math="(x.exp()/3).sum()", values={"x": value}
        )
        assert verdicts(comparison, "autograd") == {"value"}

    def test_the_rounding_of_sums_in_any_order_passes(self):
        # The derivative of a softmax near 1, s*(1 - s), may cancel until two digits are left.
        passing = {"agrees", "inexact"}
        allowed = {
            "(x @ w).sum()": passing,
            "F.linear(x, w.T).abs().sum()": passing,
            "softmax(x @ w, dim=1)[:, 0].sum()": passing | {"inaccurate"},
        }
        words = {text: set() for text in allowed}
        for seed in range(30):
            values = {
                "x": {"shape": [3, 3], "seed": seed, "dtype": "float32"},
                "w": {"shape": [3, 2], "seed": seed + 1000, "dtype": "float32"},
            }
            for text in allowed:
                words[text] |= verdicts(
                    symdiff.compare(text, values=values, engines=["autograd"]), "autograd"
                )
        assert words == allowed

    def test_integers_have_no_gradients(self):
        with pytest.raises(UsageError, match="x is int64: PyTorch differentiates real numbers"):
            symdiff.compare("x*x", values={"x": torch.tensor([1, 2])})


class TestRounding:
    @pytest.mark.parametrize(
        ("text", "more"),
        [
            ("softmax(x, dim=0)", {}),
            ("F.softmin(-x, dim=0)", {}),
            ("log_softmax(x, dim=0)", {}),
            ("cross_entropy(x, t)", {"t": 0}),
            ("cross_entropy(x, t, reduction='sum')*3", {"t": 0}),
        ],
    )
    def test_the_digits_that_torch_s_formula_loses_are_explained(self, text, more):
        # 1 - y of a saturated class has three digits.
        comparison = symdiff.compare(text, values={"x": [30.0, 0.0, 1.0], **more})
        assert verdicts(comparison, "autograd") == {"agrees", "inexact"}
        assert comparison.ok

    def test_a_planted_fault_next_to_a_saturated_class_is_noticed(self):
        comparison = symdiff.compare(
            lambda x: torch.softmax(x, 0) * 1.01,
            math="softmax(x, dim=0)",
            values={"x": [30.0, 0.0, 1.0]},
        )
        assert "value" in verdicts(comparison, "autograd")


class TestGrids:
    def test_a_scalar_varies_over_a_grid_with_kinks_while_tensors_are_fixed(self):
        comparison = symdiff.compare(
            "relu(s*x).sum()", {"s": "-1:1:3"}, values={"x": [1, 2]}, wrt=["s"]
        )
        kink = records(comparison, role="kink", engine="autograd")[0]
        assert (kink["point"], kink["left"], kink["right"]) == ({"s": 0}, 0, 3)
        assert kink["verdict"] == "subgradient"

    def test_a_list_of_scalars_is_a_tensor_without_value(self):
        comparison = symdiff.compare("softmax([x, y], dim=0)[0]", {"x": "-1:1:3", "y": [0.5]})
        assert {
            v for e in ("symbolic", "autograd", "central") for v in verdicts(comparison, e)
        } <= {
            "agrees",
            "inexact",
        }

    def test_a_callable_is_called_with_whole_tensors(self):
        comparison = symdiff.compare(
            lambda x, w: (x @ w).sum(), math="(x @ w).sum()", values=RANDOM
        )
        assert verdicts(comparison, "autograd") == {"agrees"}

    def test_a_callable_that_is_not_its_formula_has_another_value(self):
        comparison = symdiff.compare(
            lambda x, w: (x @ w * 2).sum(), math="(x @ w).sum()", values=RANDOM
        )
        assert verdicts(comparison, "autograd") == {"value"}

    @pytest.mark.parametrize(
        ("function", "reason"),
        [
            (lambda x: None, "TypeError: the callable returned NoneType, not a tensor"),
            (lambda x: 3.0, "TypeError: the callable returned float, not a tensor"),
            (
                lambda x: x[:1],
                "ValueError: the callable returned shape (1,), but its formula has (2,)",
            ),
        ],
    )
    def test_a_callable_that_returns_something_else_fails(self, function, reason):
        comparison = symdiff.compare(function, math="x*0", values={"x": [0.0, 1.0]})
        assert verdicts(comparison, "autograd") == {"failed"}
        assert {r["detail"] for r in records(comparison, engine="autograd")} == {reason}

    def test_a_callable_on_a_grid_that_returns_a_number_fails(self):
        comparison = symdiff.compare(lambda x: 3.0, {"x": [0, 1]}, math="x*0")
        assert verdicts(comparison, "autograd") == {"failed"}

    def test_a_torch_tensor_in_the_grid_is_a_value(self):
        comparison = symdiff.compare("(w**2).sum()", {"w": torch.ones(2, 2)})
        assert len(comparison.grid) == 1
        assert comparison.evidence[0].tensors.values["w"].dtype == "float32"


@pytest.mark.parametrize("text", ["index_select(x, 0, i)", "nll_loss(x, i, reduction='none')"])
def test_integer_values_are_used_as_indices(text):
    comparison = symdiff.compare(text, values={"x": [[1.0, 2], [3, 4]], "i": [1, 0]})
    assert verdicts(comparison, "autograd") == verdicts(comparison, "central") == {"agrees"}


def test_a_kink_of_a_function_on_tensors_is_blamed_on_its_call():
    table = symdiff.compare("x.max()", values={"x": [1, 1, 0]}).table()
    assert "a kink of x.max() (expr, column 1)" in table


def test_every_wrong_claim_is_explained():
    comparison = symdiff.compare(
        "3*a + 2*b.sum()", values={"a": 1.0, "b": [1.0, 2]}, claims={"a": "-3", "b": "[4, 4]"}
    )
    table = " ".join(comparison.table().split())
    assert "claim wrong at d/da: -3 instead of 3; the sign is flipped" in table
    assert "claim wrong at d/db[0] and d/db[1]: 4 instead of 2; a factor 2 too much" in table


def test_a_probability_of_0_is_an_edge_of_cross_entropy():
    comparison = symdiff.compare(
        "binary_cross_entropy(x, t)", values={"x": [0.0, 0.5], "t": [0.0, 1.0]}, wrt=["x"]
    )
    edge = records(comparison, engine="autograd", variable="x[0]")[0]
    assert (edge["kind"], edge["derivative"], edge["verdict"]) == ("edge", 0.5, "wrong")  # torch: 0


REFUSED = [
    ({"expression": "x[5:].sum()", "values": {"x": [1, 2]}}, "the result is empty, of shape (0,)"),
    ({"expression": "x", "values": {"x": [1, 2]}, "accumulate": 10**30}, "an integer from 1 to 100"),
    ({"expression": "x", "values": {"x": [1, 2]}, "accumulate": 1.5}, "accumulate cannot be 1.5"),
    ({"expression": "x", "values": {"x": torch.ones(2).to_sparse()}}, "this tensor cannot be converted to an array"),
    ({"expression": "x", "values": {"x": [1], "e": [1]}}, "e is a constant"),
    ({"expression": "x @ w", "values": {"x": [[1, 2]], "w": [[1, 2]]}}, "matmul of x (1, 2) and w (1, 2)"),
    ({"expression": "x.sum()", "values": {"x": [1], "v": [1]}}, "no expression has a variable 'v'"),
    ({"expression": "x*s", "values": {"x": [1]}, "grid": {"x": "0:1:2"}}, "'x' has both a value and a grid"),
    ({"expression": "x*s", "values": {"x": [1]}, "grid": {"t": "0:1:2"}}, "no variable 't' on a grid"),
    ({"expression": "x", "values": {"x": [1, 2]}, "cotangent": [1, 2, 3]}, "the cotangent has shape (3,)"),
    ({"expression": "x", "values": {"x": [1, 2]}, "cotangent": "y"}, "unknown variable 'y'"),
    ({"expression": "x", "values": {"x": [1, 2]}, "cotangent": [1, "a"]}, "'a' is not a number"),
    ({"expression": "x", "values": {"x": [1, 2]}, "tangent": {"x": [1]}}, "the tangent of x has shape (1,)"),
    ({"expression": "x", "values": {"x": [1, 2]}, "tangent": {"y": [1]}}, "no variable 'y'"),
    ({"expression": "x", "values": {"x": [1, 2]}, "tangent": {"x": [0, 0]}}, "the tangent is zero"),
    ({"expression": "x", "values": {"x": [1, 2]}, "accumulate": 0}, "accumulate cannot be 0"),
    ({"expression": "cross_entropy(x, t)", "values": {"x": [1, 2]}}, "t is used as indices or classes"),
    ({"expression": "cross_entropy(x, t)", "values": {"x": [1, 2], "t": 0.5}}, "t is used as indices or classes"),
    ({"expression": "cross_entropy(x, t)", "values": {"x": [1, 2], "t": 2}}, "the index 2 is not between 0 and 1"),
    ({"expression": "cross_entropy(x, t)*t", "values": {"x": [1, 2], "t": 0}}, "t is used both as indices and as numbers"),
    ({"expression": "x.sum()", "values": {"x": [1, 2]}, "claims": {"x[5]": "1"}}, "x has shape (2,)"),
    ({"expression": "x.sum()", "values": {"x": [1, 2]}, "claims": {"[0]/x": "1"}}, "output is one number"),
    ({"expression": "x", "values": {"x": [1, 2]}, "claims": {"[7]/x": "1"}}, "the output has shape (2,)"),
    ({"expression": "x", "values": {"x": [1]}, "claims": {"x": "1"}, "tangent": {"x": [1]}}, "leave the claims or the tangent out"),
    ({"expression": "x if x > 0 else 0", "values": {"x": [1, 2]}}, "the condition of `if` is a tensor"),
]  # fmt: skip


@pytest.mark.parametrize(("keywords", "message"), REFUSED)
def test_an_invalid_request_is_refused_with_a_hint(keywords, message):
    with pytest.raises(InputError) as caught:
        symdiff.compare(**keywords)
    assert message in str(caught.value)


def test_a_shape_error_in_a_definition_names_the_definition_and_the_column():
    with pytest.raises(ExpressionError) as caught:
        symdiff.compare("h.sum()", let={"h": "x @ x"}, values={"x": [[1, 2]]})
    assert str(caught.value).startswith("let h: matmul of x (1, 2) and x (1, 2)")
    assert "at column 1" in str(caught.value)
