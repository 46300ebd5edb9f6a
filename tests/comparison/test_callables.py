"""A callable is its formula in value before its derivative is judged."""

import numpy as np
import pytest
import torch

import symdiff


def judged(function, math, grid=None, engine="autograd", **more):
    comparison = symdiff.compare(function, grid, math=math, **more)
    return [r for r in comparison.records() if r["engine"] == engine]


def words(records):
    return {r["verdict"] for r in records}


class TestValues:
    @pytest.mark.parametrize(
        ("function", "math"),
        [
            (lambda x: x + 5, "x"),
            (lambda x: 2 * x + 1e-3, "x"),
            (lambda x: x**2 + 1e-6, "x**2"),
            (lambda x: torch.relu(x) - 1, "relu(x)"),
            (lambda x: torch.exp(x) * torch.nan, "exp(x)"),
            (torch.sin, "cos(x)"),
            (torch.zeros_like, "1/(x - x)"),  # undefined everywhere
        ],
    )
    def test_another_function_has_the_verdict_value_at_every_point(self, function, math):
        records = judged(function, math, {"x": "-2:2:9"}, kinks=False)
        assert words(records) == {"value"}
        assert all("its value is" in r["detail"] for r in records)

    @pytest.mark.parametrize(
        ("function", "math", "points"),
        [
            (lambda x: x.clamp(min=0), "relu(x)", [-1, 0, 2]),
            (lambda x: (x - 1) - x + (x + 3), "x + 2", [1e8, -3e7, 0.1]),  # reordered sums
            (lambda x: x + x * 1e-12, "x", [-1, 0, 2]),  # within tolerance
            (lambda x: torch.log(torch.exp(x) + 1), "softplus(x)", [-2, 0, 2]),
            (lambda x: 1 / x, "1/x", [-1, 0, 2]),  # both are infinite at 0
            (lambda x: x.log(), "log(x)", [-1, 1, 2]),  # both are NaN at -1
            (lambda x: (1 - torch.cos(x)) / x**2, "(1 - cos(x))/x**2", [1e-9, 1.0]),
            (torch.exp, "exp(x)", [-800, 1, 800]),  # it exceeds the doubles at 800
        ],
    )
    def test_the_same_function_is_not_called_another(self, function, math, points):
        assert "value" not in words(judged(function, math, {"x": points}, kinks=False))

    def test_a_value_where_the_formula_is_undefined_is_another(self):
        def guarded(x):
            return torch.where(x == 0, torch.ones_like(x), torch.sin(x) / x)

        (record,) = judged(guarded, "sin(x)/x", {"x": [0]}, kinks=False)
        assert record["verdict"] == "value"
        assert record["detail"] == (
            "its value is 1, and the formula is undefined here: a division by zero"
        )

    def test_only_points_with_another_value_get_the_verdict_value(self):
        def faulty(x):
            return torch.where(x.abs() < 0.6, x + 1, x)

        by_x = {r["point"]["x"]: r["verdict"] for r in judged(faulty, "x", {"x": "-1:1:5"})}
        assert by_x == {-1: "agrees", -0.5: "value", 0: "value", 0.5: "value", 1: "agrees"}

    def test_a_wrong_value_is_reported_in_place_of_a_wrong_derivative(self):
        comparison = symdiff.compare(lambda x: 3 * x + 5, math="x", engines=["autograd"])
        assert not comparison.ok
        assert "its value is" in comparison.table()
        assert comparison.evidence[0].counts()["autograd"] == {symdiff_verdict("value"): 9}

    def test_a_callable_in_float32_is_allowed_its_rounding_and_no_more(self):
        grid = {"x": [0.1, 0.3, 1.7]}
        right = judged(lambda x: (x.float() ** 3).double(), "x**3", grid)
        assert words(right) == {"inexact"}
        assert {r["detail"].partition(" leaves")[0] for r in right} == {"rounding in float32"}
        wrong = judged(lambda x: (x.float() ** 3 + 1e-3).double(), "x**3", grid)
        assert words(wrong) == {"value"}
        assert all(r["detail"].endswith("it was computed in float32") for r in wrong)
        # Negative control: in doubles the same deviation is a different value.
        assert words(judged(lambda x: x**3 * (1 + 1e-8), "x**3", grid)) == {"value"}

    @pytest.mark.parametrize(
        ("function", "math"),
        [
            (lambda x: x * (1 / 0.3) - 1.5 * (1 / 0.3), "(x - 1.5)/0.3"),
            (lambda x: x / 3**0.5 - 1.5 / 3**0.5, "(x - 1.5)/sqrt(3)"),
            (lambda x: x * 3**0.5 - 1.5 * 3**0.5, "(x - 1.5)*sqrt(3)"),
            (lambda x: (x + 0.1) * 3**0.5 - 1.6 * 3**0.5, "(x + 0.1 - 1.6)*sqrt(3)"),
            (lambda x: (x * 7 / 3 - 3.5) * 10, "(x - 1.5)*7/3*10"),
        ],
    )
    @pytest.mark.parametrize("off", [0.0, 1e-12])
    def test_factors_may_be_multiplied_out_where_a_difference_is_0(self, function, math, off):
        # a batch normalization is x/s - m/s in torch
        records = judged(lambda x: function(x) + off, math, {"x": [1.5]}, kinks=False)
        assert words(records) == ({"value"} if off else {"agrees"})

    def test_a_long_grid_is_compared_at_every_point(self):
        records = symdiff.compare(
            lambda x: torch.where(x == 500_001 / 10**6, x + 1, x),
            {"x": np.arange(10**6) / 10**6},
            math="x",
            engines=["autograd"],
        )
        assert records.evidence[0].counts()["autograd"] == {
            symdiff_verdict("agrees"): 10**6 - 1,
            symdiff_verdict("value"): 1,
        }


def symdiff_verdict(label):
    from symdiff.verdict.words import Verdict

    return Verdict.of(label)


def function_of(forward, backward):
    """Return a torch Function of one input with its own backward pass."""

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx, g):
            return backward(ctx.saved_tensors[0], g)

    return Own.apply


class TestBackward:
    @pytest.mark.parametrize(
        ("backward", "reason"),
        [
            (lambda x, g: 2 * x, "backward ignores the incoming gradient"),
            (lambda x, g: 2 * x * g.sign(), "backward is not linear in the incoming gradient"),
            (lambda x, g: 2 * x * g.abs(), "backward is not linear in the incoming gradient"),
            (lambda x, g: 2 * x * g * g, "backward is not linear in the incoming gradient"),
            (lambda x, g: 2 * x * g.clamp(-1, 1), "backward is not linear"),
            (lambda x, g: 2 * x * g.mean(), "backward mixes the incoming gradients"),
        ],
    )
    def test_a_backward_that_is_not_linear_in_what_comes_in_is_wrong(self, backward, reason):
        # With an incoming gradient of ones each of them gives the right derivative.
        records = judged(function_of(lambda x: x * x, backward), "x**2", {"x": [-1, 0.5, 1, 2]})
        assert words(records) == {"wrong"}
        assert all(reason in r["detail"] for r in records)

    @pytest.mark.parametrize("x", [[1.0], [1.0, 2.0], [1.0, 2.0, 3.0]])
    @pytest.mark.parametrize(
        "of_incoming",
        [
            torch.abs,
            torch.relu,
            lambda g: g.clamp(min=-1),
            lambda g: g.clamp(min=0),
            lambda g: torch.where(g > 0, g, 3 * g),
            lambda g: (g * g).sqrt(),
        ],
    )
    def test_both_signs_come_in_at_every_point(self, of_incoming, x):
        # each is the identity where what comes in is positive
        function = function_of(lambda x: 2 * x, lambda _, g: 2 * of_incoming(g))
        records = judged(function, "2*x", {"x": x})
        assert words(records) == {"wrong"}
        assert all("backward is not linear" in r["detail"] for r in records)

    @pytest.mark.parametrize(
        "backward",
        [
            lambda x, g: 2 * x * g,
            lambda x, g: g * x + g * x,
            lambda x, g: (g / 3) * (6 * x),
            lambda x, g: (g.float() * 2).double() * x,  # powers of two are exact in float32
            lambda x, g: torch.where(x > 0, g, g) * 2 * x,
        ],
    )
    def test_a_linear_backward_agrees(self, backward):
        function = function_of(lambda x: x * x, backward)
        assert words(judged(function, "x**2", {"x": [-1, 0, 0.5, 2]})) == {"agrees"}

    @pytest.mark.parametrize(
        ("function", "math"),
        [
            (lambda x: x.detach() ** 2, "x**2"),
            (lambda x: torch.tensor(x.detach().numpy() ** 2), "x**2"),
            (lambda x: torch.from_numpy(np.sin(x.detach().numpy())), "sin(x)"),
            (lambda x: x.data.abs(), "abs(x)"),
            (torch.no_grad()(lambda x: x.exp()), "exp(x)"),
        ],
    )
    def test_a_detached_value_has_no_grad_fn_and_is_no_zero(self, function, math):
        records = judged(function, math, {"x": [-1, 0.5, 2]}, kinks=False)
        assert words(records) == {"failed"}
        assert all("has no grad_fn" in r["detail"] for r in records)
        assert {r["value"] for r in records} == {None}

    def test_a_detached_value_has_failed_also_where_the_derivative_is_zero(self):
        assert words(judged(lambda x: x.detach() ** 2, "x**2", {"x": [0]}, kinks=False)) == {
            "failed"
        }

    @pytest.mark.parametrize(
        ("function", "math"),
        [
            (lambda x: torch.full_like(x, 3.0), "3 + 0*x"),
            (lambda x: (x > 0).double(), "where(x > 0, 1, 0)"),
            (lambda x: torch.ones(len(x), dtype=torch.float64), "x**0"),
            (lambda x: x.detach().floor(), "floor(x)"),
            (lambda x: x.detach(), "detach(x)"),
        ],
    )
    def test_a_constant_needs_no_grad_fn(self, function, math):
        records = judged(function, math, {"x": [-1.5, 0.5, 2.5]}, kinks=False)
        assert words(records) == {"agrees"}
        assert {r["value"] for r in records} == {0}

    def test_an_input_that_no_gradient_reaches_is_named(self):
        records = judged(lambda x, y: x * y.detach(), "x*y", {"x": [1, 2], "y": [3]})
        by_variable = {r["variable"]: (r["verdict"], r["detail"]) for r in records}
        assert by_variable["x"] == ("agrees", None)
        assert by_variable["y"] == (
            "failed",
            "the callable's value has no grad_fn that leads to y",
        )


class TestDifferentiatingInside:
    def test_create_graph_inside_a_callable_works(self):
        def slope(x):
            y = x**2
            return torch.autograd.grad(y.sum(), x, create_graph=True)[0]

        assert words(judged(slope, "2*x")) == {"agrees"}

    @pytest.mark.parametrize(
        ("inner", "math"),
        [
            (lambda x: x**3, "3*x**2"),
            (lambda x: x.exp() * x, "exp(x)*(x + 1)"),
            (lambda x: x.sin(), "cos(x)"),
            (lambda x: 5 * x + 0 * x**2, "5 + 0*x"),
            (lambda x: x.relu(), "where(x > 0, 1, 0)"),
        ],
    )
    def test_the_derivative_of_a_derivative_is_judged(self, inner, math):
        def slope(x):
            return torch.autograd.grad(inner(x).sum(), x, create_graph=True)[0]

        records = judged(slope, math, {"x": [-1.5, 0.5, 2.5]}, kinks=False)
        assert words(records) == {"agrees"}

    def test_it_may_differentiate_by_an_input_that_wrt_leaves_out(self):
        def slope(x, y):
            return torch.autograd.grad((x * y * y).sum(), y, create_graph=True)[0]

        grid = {"x": [1, 2], "y": [3, 4]}
        assert words(judged(slope, "2*x*y", grid, wrt=["x"])) == {"agrees"}

    def test_a_lazy_zero_of_torch_is_a_zero(self):
        def lazy(x):
            return x * 0 + torch._efficientzerotensor(len(x), dtype=torch.float64)

        assert words(judged(lazy, "0*x", {"x": [-1, 2]})) == {"agrees"}


def at(index, by):
    """Return a function that adds a number to one component of a tensor."""

    def changed(y):
        y = y.clone()
        y[index] += by
        return y

    return changed


VECTOR = {"x": [1.0, 2.0, -3.0]}
LARGE = {"x": {"shape": [40, 20], "seed": 0}, "w": {"shape": [20, 30], "seed": 1}}


class TestTensors:
    def test_every_component_of_a_value_is_compared(self):
        function = at(1, 1e-3)
        records = judged(lambda x: function(x.cumsum(0)), "x.cumsum(dim=0)", values=VECTOR)
        assert {r["output"] for r in records if r["verdict"] == "value"} == {"[1]"}
        assert {r["output"] for r in records if r["verdict"] == "agrees"} == {"[0]", "[2]"}
        detail = next(r["detail"] for r in records if r["verdict"] == "value")
        assert detail == "its value at [1] is 3.001, and the formula's is 3"

    @pytest.mark.parametrize("cotangent", [[1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
    def test_also_the_components_that_a_cotangent_leaves_out(self, cotangent):
        function = at(1, 1e-3)
        records = judged(lambda x: function(x * x), "x*x", values=VECTOR, cotangent=cotangent)
        assert words(records) == {"value"}

    @pytest.mark.parametrize(
        ("function", "math", "values"),
        [
            (lambda x: x.sum(), "x[2] + x[1] + x[0]", {"x": [1e8, 3.0, -1e8]}),
            (lambda x, w: w.T @ x, "(x @ w)", {"x": [0.1, 0.7], "w": [[0.3], [0.9]]}),
            (lambda x: torch.softmax(x, 0), "exp(x)/exp(x).sum()", {"x": [30.0, 0.0, 1.0]}),
            (lambda x: x.half().float().sum(), "x.sum()", {"x": [0.1, 0.2]}),
            (lambda x: x.log(), "log(x)", {"x": [-1.0, 2.0]}),
            (
                lambda x: (x * 3).sum(),
                "(3*x).sum()",
                {"x": {"shape": [9], "seed": 0, "dtype": "float32"}},
            ),
        ],
    )
    def test_the_same_function_of_tensors_is_not_called_another(self, function, math, values):
        assert not words(judged(function, math, values=values)) & {"value", "wrong"}

    def test_a_value_that_is_another_in_float32_is_noticed(self):
        values = {"x": {"shape": [9], "seed": 0, "dtype": "float32"}}
        assert words(judged(lambda x: x.sum() + 1e-3, "x.sum()", values=values)) == {"value"}

    def test_along_directions_every_component_is_compared(self):
        def right(x, w):
            return torch.relu(x @ w).sum(1)

        math = "relu(x @ w).sum(dim=1)"
        assert words(judged(right, math, values=LARGE)) == {"agrees"}
        function = at(3, 1e-3)
        records = judged(lambda x, w: function(right(x, w)), math, values=LARGE)
        assert words(records) == {"value"}
        assert "its value at [3] is" in records[0]["detail"]

    def test_along_directions_a_coarse_dtype_has_no_bound(self):
        records = judged(
            lambda x, w: (x.half() @ w.half()).double().sum(1), "(x @ w).sum(dim=1)", values=LARGE
        )
        assert words(records) == {"undecided"}
        assert "computes in float16" in records[0]["detail"]

    @pytest.mark.parametrize("values", [{"x": [[1.0, 2.0]], "w": [[3.0], [4.0]]}, LARGE])
    def test_an_input_that_no_gradient_reaches_is_named(self, values):
        records = judged(lambda x, w: (x @ w.detach()).sum(), "(x @ w).sum()", values=values)
        by_input = {r["variable"][0]: (r["verdict"], r["detail"]) for r in records}
        assert by_input["x"][0] == "agrees"
        assert by_input["w"] == (
            "failed",
            "the callable's value has no grad_fn that leads to w",
        )

    @pytest.mark.parametrize("values", [VECTOR, {"x": {"shape": [600], "seed": 0}}])
    @pytest.mark.parametrize(
        ("backward", "word"), [(lambda x, g: 2 * x, "wrong"), (lambda x, g: 2 * x * g, "agrees")]
    )
    def test_a_backward_of_tensors_is_linear_in_what_comes_in(self, values, backward, word):
        function = function_of(lambda x: (x * x).sum(), backward)
        records = judged(function, "(x*x).sum()", values=values)
        assert words(records) == {word}
        if word == "wrong":
            assert "backward ignores the incoming gradient" in records[0]["detail"]

    def test_a_callable_that_calls_backward_itself_is_not_charged_with_it(self):
        def penalty(x):
            (x**2).sum().backward(retain_graph=True)
            return (x**3).sum()

        assert words(judged(penalty, "(x**3).sum()", values=VECTOR)) == {"agrees"}


class TestCentral:
    @pytest.mark.parametrize(
        ("function", "math", "more"),
        [
            (lambda x: x * x + x, "x*x", {"grid": {"x": [-1, 0.5, 2]}}),
            (lambda x: torch.sin(x) + 1, "sin(x)", {"grid": {"x": [-1, 0.5, 2]}}),
            (lambda x: 2 * x, "x", {"grid": {"x": [-1, 0.5, 2]}}),
            (lambda x: (x * x).sum() + 1, "(x*x).sum()", {"values": VECTOR}),
            (lambda x, w: (x @ w).sum(1) + 1, "(x @ w).sum(dim=1)", {"values": LARGE}),
            (lambda x: x * x + 1, "x*x", {"values": VECTOR, "cotangent": [1.0, 2.0, 3.0]}),
        ],
    )
    def test_it_runs_the_callable_and_not_the_formula(self, function, math, more):
        assert words(judged(function, math, engine="central", **more)) == {"value"}

    @pytest.mark.parametrize(
        ("function", "math", "more"),
        [
            (lambda x: x * x, "x*x", {}),
            (torch.relu, "relu(x)", {}),
            (lambda x, y: torch.atan2(y, x), "atan2(y, x)", {"grid": {"x": [1, 2], "y": [3]}}),
            (lambda x: x.cumsum(0) ** 2, "x.cumsum(dim=0)**2", {"values": VECTOR}),
            (lambda x: x * x, "x*x", {"values": VECTOR, "cotangent": [1.0, 0.0, 3.0]}),
            (lambda x: x * x, "x*x", {"values": VECTOR, "tangent": {"x": [1.0, 0.0, 3.0]}}),
            (lambda x: x * x, "x*x", {"values": VECTOR, "accumulate": 3}),
            (
                lambda s, x: torch.relu(s * x).sum(),
                "relu(s*x).sum()",
                {"grid": {"s": "-1:1:3"}, "values": VECTOR, "wrt": ["s"]},
            ),
            (lambda x, w: torch.relu(x @ w).sum(1), "relu(x @ w).sum(dim=1)", {"values": LARGE}),
            (lambda x: torch.autograd.grad((x**3).sum(), x, create_graph=True)[0], "3*x**2", {}),
            (lambda x: (x.float() ** 3).double(), "x**3", {"grid": {"x": [0.1, 0.3, 1.7]}}),
        ],
    )
    def test_a_right_callable_agrees(self, function, math, more):
        passing = {"agrees", "inexact", "subgradient"}
        assert words(judged(function, math, engine="central", **more)) <= passing

    def test_a_slope_that_the_formula_does_not_have_is_noticed(self):
        # The values agree at the points, and differ beside them: within 1e-4 of 1 the slope is 0.
        def flat(x):
            return torch.where((x - 1).abs() < 1e-4, torch.ones_like(x), x)

        (record,) = judged(flat, "x", {"x": [1.0]}, engine="central", kinks=False)
        assert (record["value"], record["verdict"]) == (0, "wrong")

    def test_a_callable_that_refuses_the_end_of_the_stencil_is_not_failing(self):
        def strict(x):
            if (x < 0).any():
                message = "negative"
                raise ValueError(message)
            return x.sqrt()

        by_x = {
            r["point"]["x"]: (r["verdict"], r["detail"])
            for r in judged(strict, "sqrt(x)", {"x": [-1, 1e-7, 1]}, engine="central", kinks=False)
        }
        assert by_x[-1] == ("undefined", "ValueError: negative")
        assert by_x[1e-7][0] == by_x[1][0] == "inexact" or by_x[1][0] == "agrees"

    def test_a_formula_that_detaches_a_part_is_unsupported(self):
        def straight_through(x):
            return x + (x.round() - x).detach()

        math, grid = "x + detach(round(x) - x)", {"x": [0.1, 0.7]}
        assert words(judged(straight_through, math, grid, engine="central")) == {"unsupported"}
        assert words(judged(straight_through, math, grid)) == {"agrees"}

    def test_float32_tensors_are_not_differenced(self):
        values = {"x": {"shape": [3], "seed": 0, "dtype": "float32"}}
        records = judged(lambda x: x * x, "x*x", values=values, engine="central")
        assert words(records) == {"unsupported"}


# Callables that round to bfloat16 or float16, with the formula: their numbers are right to within the
# bits of that dtype (8 and 11), and differences with the step of doubles see steps of the dtype.
COARSE = [
    (lambda x: x.bfloat16() * 2, "2*x"),
    (lambda x: x.bfloat16().exp().float(), "exp(x)"),
    (lambda x: (x.bfloat16() ** 2).double(), "x**2"),
    (lambda x: torch.sin(x).to(torch.bfloat16), "sin(x)"),
    (lambda x: torch.tanh(x.half()), "tanh(x)"),
    (lambda x: (x.half() * 3).bfloat16(), "3*x"),
]


@pytest.mark.parametrize(("function", "text"), COARSE)
def test_a_callable_in_a_coarse_dtype_is_judged_in_that_dtype(function, text):
    report = symdiff.compare(function, {"x": [0.3, 1, 1.001]}, math=text, kinks=False)
    assert {r["verdict"] for r in report.records()} <= {"agrees", "inexact"}
    assert report.ok


def test_another_function_in_a_coarse_dtype_has_another_value():
    report = symdiff.compare(
        lambda x: x.bfloat16() * 2.5,
        {"x": [1, 1.001]},
        math="2*x",
        kinks=False,
        engines=["autograd"],
    )
    assert {r["verdict"] for r in report.records()} == {"value"}
    assert {r["detail"] for r in report.records()} == {
        "its value is 2.5, and the formula's is 2; it was computed in bfloat16",
        "its value is 2.5, and the formula's is 2.002; it was computed in bfloat16",
    }


# torch's own kernels, in doubles and in float32, where they give 0 for a number below the normal ones.
FLUSHED = [
    (torch.sigmoid, "sigmoid(x)", -740.0),  # 4.2e-322
    (torch.sigmoid, "sigmoid(x)", -720.0),  # 2e-313
    (lambda x: torch.sigmoid(x.float()), "sigmoid(x)", -100.0),  # 3.7e-44
    (torch.nn.functional.silu, "silu(x)", -730.0),
    (lambda x: torch.exp(x.float()), "exp(x)", -104.0),  # 6.8e-46: 0.49 units
]
# 2e-13; the rounding in 1 - sigmoid(-x), another way to compute it, explains what is below 1e284.
MAGNIFIED = (lambda x: 1e300 * torch.sigmoid(x), "1e300*sigmoid(x)", -720.0)


@pytest.mark.parametrize(("function", "text", "x"), [*FLUSHED, MAGNIFIED])
def test_a_value_that_underflows_in_the_kernel_is_no_other_value(function, text, x):
    report = symdiff.compare(function, {"x": [x]}, math=text, kinks=False, engines=["autograd"])
    (record,) = report.records()
    assert record["verdict"] in {"agrees", "inexact", "inaccurate"}


@pytest.mark.parametrize(("function", "text", "x"), FLUSHED)
def test_a_different_value_beside_one_that_underflows_is_reported(function, text, x):
    report = symdiff.compare(
        lambda x: function(x) + 1e-3, {"x": [x]}, math=text, kinks=False, engines=["autograd"]
    )
    (record,) = report.records()
    assert record["verdict"] == "value"
