"""The engines on torch besides `autograd`: their numbers, and what of your code they check."""

import numpy as np
import pytest
import torch

import symdiff
from symdiff.engines.base import Problem
from symdiff.engines.registry import load
from symdiff.engines.running import run
from symdiff.errors import UsageError
from symdiff.program import parse

ENGINES = ("autograd", "forward", "func", "double-backward")


def verdicts(function, engine, **given):
    """Return the verdicts and details of an engine on a callable."""
    comparison = symdiff.compare(function, engines=[engine], **given)
    return [(r["verdict"], r["detail"] or "") for r in comparison.records()]


def words(function, engine, **given):
    return {verdict for verdict, _ in verdicts(function, engine, **given)}


class Cube(torch.autograd.Function):
    """Right in every respect."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g

    @staticmethod
    def jvp(ctx, t):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * t


class WrongJvp(Cube):
    @staticmethod
    def jvp(ctx, t):
        (x,) = ctx.saved_tensors
        return 2 * x**2 * t


class SignedJvp(Cube):
    """Right for positive tangents."""

    @staticmethod
    def jvp(ctx, t):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * t.abs()


class ConstantJvp(Cube):
    """Right for the tangent 1."""

    @staticmethod
    def jvp(ctx, t):
        (x,) = ctx.saved_tensors
        return 3 * x**2


class NoJvp(torch.autograd.Function):
    generate_vmap_rule = True
    forward, setup_context, backward = Cube.forward, Cube.setup_context, Cube.backward


class _Slope(torch.autograd.Function):
    """The backward of a cube, with a backward of its own that is wrong by a factor."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, g):
        return 3 * x**2 * g

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, h):
        x, g = ctx.saved_tensors
        return 6 * x * g * h, 2 * x**2 * h


class WrongDoubleBackward(Cube):
    @staticmethod
    def backward(ctx, g):
        return _Slope.apply(*ctx.saved_tensors, g)


class OnceDifferentiable(Cube):
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


class InNumpy(Cube):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return torch.from_numpy(3 * x.detach().numpy() ** 2 * g.detach().numpy())


class Detached(Cube):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g.detach()


class NoVmap(Cube):
    generate_vmap_rule = False


class OldStyle(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)
        return x**3

    backward, jvp = Cube.backward, Cube.jvp


class OwnVmap(NoVmap):
    """Right in every respect."""

    @staticmethod
    def vmap(info, in_dims, x):
        return x**3, in_dims[0]


class WrongVmap(NoVmap):
    @staticmethod
    def vmap(info, in_dims, x):
        return 2 * x**3, in_dims[0]


class MixingVmap(NoVmap):
    @staticmethod
    def vmap(info, in_dims, x):
        return x**2 * x.mean(in_dims[0], keepdim=True), in_dims[0]


class FlippingVmap(NoVmap):
    @staticmethod
    def vmap(info, in_dims, x):
        return x.flip(in_dims[0]) ** 3, in_dims[0]


# By what is planted: the function, the engine that must tell it, the verdict, and words of its detail.
PLANTED = {
    "a jvp with a different factor": (WrongJvp, "forward", "wrong", ""),
    "a jvp of the size of the tangent": (
        SignedJvp, "forward", "wrong", "jvp is not linear in the tangent: it gives",
    ),
    "a jvp without the tangent": (
        ConstantJvp, "forward", "wrong", "jvp ignores the tangent: it gives",
    ),
    "no jvp": (
        NoJvp, "forward", "unsupported", "NoJvp: this Function has no jvp, which forward mode needs",
    ),
    "a backward with a wrong backward": (WrongDoubleBackward, "double-backward", "wrong", ""),
    "a backward that is once differentiable": (
        OnceDifferentiable, "double-backward", "failed",
        "the gradient with respect to x cannot be differentiated: @once_differentiable",
    ),
    "a backward in numpy": (
        InNumpy, "double-backward", "failed",
        "the gradient with respect to x cannot be differentiated: its backward is not computed by torch's functions",
    ),
    "a backward that detaches the incoming gradient": (
        Detached, "double-backward", "failed",
        "its backward does not use the incoming gradient, or detaches it",
    ),
    "no vmap rule": (
        NoVmap, "func", "failed", "NoVmap has no vmap rule: neither vmap nor generate_vmap_rule",
    ),
    "an old-style Function": (
        OldStyle, "func", "failed", "OldStyle has no setup_context, which torch.func needs",
    ),
    "a vmap with a factor": (WrongVmap, "func", "value", "its value"),
    "a vmap that mixes the batch": (MixingVmap, "func", "value", "its value"),
    "a vmap that turns the batch round": (FlippingVmap, "func", "value", "its value"),
}  # fmt: skip
# Engines that cannot run a Function in which a fault is planted for another engine.
NEITHER = {NoJvp: (), OnceDifferentiable: ("func",), InNumpy: ("func",)}
FORMS = {
    "on a grid": lambda f: ((f.apply,), {"at": {"x": [0.5, 1, 2]}, "math": "x**3"}),
    "on a tensor": lambda f: (
        (lambda x: (2 * f.apply(x)).sum(),),
        {"values": {"x": [0.5, 1.0, 2.0]}, "math": "(2*x**3).sum()"},
    ),
    "along directions": lambda f: (
        (lambda x: f.apply(x).mean(),),
        {"values": {"x": np.linspace(0.5, 2.0, 3000)}, "math": "(x**3).mean()"},
    ),
    "traced": lambda f: ((lambda x: f.apply(x).sum(),), {"values": {"x": [0.5, 1.0, 2.0]}}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("right", [Cube, OwnVmap])
def test_a_right_function_agrees(right, engine, form):
    (function,), given = FORMS[form](right)
    assert words(function, engine, **given) <= {"agrees", "inexact"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_reported_by_one_engine_and_by_no_other(planted, form):
    fault, engine, verdict, detail = PLANTED[planted]
    (function,), given = FORMS[form](fault)
    found = verdicts(function, engine, **given)
    assert {word for word, _ in found} == {verdict}
    assert all(detail in text and "\n" not in text for _, text in found)
    for other in ENGINES:
        if other != engine and other not in NEITHER.get(fault, ()):
            assert words(function, other, **given) <= {"agrees", "inexact"}, other


def test_a_backward_in_numpy_beside_another_term_is_wrong_in_the_double_backward():
    # torch has recorded the gradient of the other term, and takes the rest for a constant.
    found = words(
        lambda x: InNumpy.apply(x) + x**2, "double-backward", at={"x": [1]}, math="x**3 + x**2"
    )
    assert found == {"wrong"}


@pytest.mark.parametrize("engine", ENGINES[1:])
@pytest.mark.parametrize(
    ("function", "math"),
    [
        (lambda x: x + 5, "x"),
        (lambda x: x**2 + 1e-6, "x**2"),
        (lambda x: torch.relu(x) - 1, "relu(x)"),
        (lambda x: 2 * x + 1e-3, "2*x"),
        (lambda x: torch.sin(x) + (x > 1), "sin(x)"),
    ],
)
def test_a_different_value_is_reported_before_the_derivative(engine, function, math):
    by_x = zip([0.5, 2.0], verdicts(function, engine, at={"x": [0.5, 2.0]}, math=math), strict=True)
    verdict_at = {x: verdict for x, (verdict, _) in by_x}
    assert verdict_at[2.0] == "value"
    assert verdict_at[0.5] == ("agrees" if math == "sin(x)" else "value")


@pytest.mark.parametrize("engine", ENGINES[1:])
def test_values_of_a_program_are_returned(engine):
    x = np.array([-1.0, 0.0, 2.0])
    samples = run(load(engine), Problem(parse("abs(x) + y"), {"x": x, "y": x}, ("x", "y")))
    assert samples.values.tolist() == [0.0, 0.0, 4.0]
    constant = run(load(engine), Problem(parse("3"), {"x": x}, ("x",)))
    assert constant.values.tolist() == [3.0, 3.0, 3.0]
    assert constant.derivatives["x"].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("engine", ENGINES[1:])
@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("x*y**2 + sin(z)", {"at": {"x": [0.5, 1], "y": [2], "z": [0, 1]}}),
        ("(softmax(x, 0)*w).sum()", {"values": {"x": [0.5, 3, 0], "w": [1, 2, 4]}}),
        ("x @ w", {"values": {"x": [[1, 2], [3, 4]], "w": [[0.5, 1], [2, 0.25]]}}),
        ("x @ w", {"values": {"x": [[1, 2], [3, 4]], "w": [1, 2]}, "cotangent": [1, -2]}),
        ("tanh(x @ w)", {"values": {"x": [[1, 2], [3, 4]], "w": [1, 2]}, "tangent": {"w": [1, 3]}}),
        ("x @ w", {"values": {"x": [[1, 2], [3, 4]], "w": [1, 2]}, "accumulate": 3}),
        ("(c*x).sum()", {"values": {"x": [1, 2]}, "at": {"c": [-1, 0.5]}}),
        ("x.exp().sum()", {"values": {"x": {"data": [1, 2], "dtype": "float32"}}}),
        ("index_select(x, 0, i).sum()", {"values": {"x": [1, 2, 3], "i": {"data": [0, 2], "dtype": "int64"}}}),
        ("(x**3).sum()", {"values": {"x": {"shape": [4000], "seed": 0}}}),
        ("x**2 if x > 1 else 3*x - 1", {"at": {"x": [-1, 0.5, 2]}}),
    ],
)  # fmt: skip
def test_programs_of_all_forms(engine, text, given):
    allowed = {"unsupported"} if engine == "func" and " if " in text else {"agrees", "inexact"}
    assert words(text, engine, **given) <= allowed


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("text", ["abs(x)", "relu(x)", "max(x, -x)", "clamp(x, 0, 1)", "abs(x)*x"])
def test_at_a_kink_it_is_judged_as_autograd_is(engine, text):
    (record,) = symdiff.compare(text, engines=[engine], at={"x": [0]}).records()
    if text == "abs(x)*x":
        assert record["verdict"] == "agrees"
    else:
        assert record["verdict"] == "subgradient"
        assert "torch's rule" in record["detail"]


@pytest.mark.parametrize("engine", ["forward", "double-backward"])
def test_a_detached_value_has_no_derivative_by_the_input(engine):
    found = verdicts(lambda x: 3 * x.detach(), engine, at={"x": [1, 2]}, math="3*x")
    reason = "the callable's value has no tangent that comes from x"
    assert found == [("failed", reason)] * 2
    held = verdicts(lambda x: 3 * x.detach(), engine, at={"x": [1, 2]}, math="3*detach(x)")
    assert {verdict for verdict, _ in held} == {"agrees"}


@pytest.mark.parametrize("engine", ["forward", "double-backward"])
def test_a_failure_at_one_point_affects_no_other_point(engine):
    def function(x):
        if (x > 1.5).any():
            raise ValueError("too large")
        return x**3

    found = verdicts(function, engine, at={"x": [0.5, 1, 2]}, math="x**3")
    assert found == [("agrees", ""), ("agrees", ""), ("failed", "ValueError: too large")]


def counting(change):
    """Return a cube whose backward depends on how often it was called."""
    calls = []

    class Counting(Cube):
        @staticmethod
        def backward(ctx, g):
            calls.append(1)
            (x,) = ctx.saved_tensors
            return 3 * x**2 * g * change(len(calls))

    return Counting


@pytest.mark.parametrize("form", FORMS)
def test_a_backward_that_depends_on_the_number_of_calls_is_wrong(form):
    (function,), given = FORMS[form](counting(float))
    found = verdicts(function, "autograd", **given)
    assert {verdict for verdict, _ in found} == {"wrong"}
    how = "backward gives a different number when it is called again: "
    assert all(detail.startswith(how) and "\n" not in detail for _, detail in found)


def test_a_second_run_that_differs_in_the_last_bit_is_noted_and_not_wrong():
    ((verdict, detail),) = verdicts(
        counting(lambda calls: 1 + 2.0**-52 * calls).apply,
        "autograd",
        at={"x": [1]},
        math="x**3",
    )
    assert verdict == "agrees"
    assert detail == "a second run gives 3.0000000000000013"


@pytest.mark.parametrize("text", ["x**3 + sin(x)", "(x**3).sum()"])
def test_two_runs_of_a_program_agree_to_the_last_bit(text):
    given = {"at": {"x": [0.1, 3]}} if "sum" not in text else {"values": {"x": [0.1, 3]}}
    assert {detail for _, detail in verdicts(text, "autograd", **given)} == {""}


def test_a_function_that_torch_cannot_differentiate_in_forward_mode_is_named():
    samples = run(
        load("forward"),
        Problem(parse("heaviside(x, 0.5)"), {"x": np.ones(1)}, ("x",)),
    )
    assert "heaviside" in samples.unsupported["x"].reason


class TestDevices:
    @pytest.mark.parametrize(
        "given",
        [
            {"expression": "x**3 + relu(x)", "at": {"x": [-1, 2]}},
            {"expression": "(x**3).sum()", "values": {"x": [-1, 2]}},
            {"expression": "(x**3).mean()", "values": {"x": {"shape": [4000], "seed": 0}}},
            {"expression": Cube.apply, "at": {"x": [-1, 2]}, "math": "x**3"},
        ],
    )
    @pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
    def test_a_device_computes_or_says_why_not(self, device, given):
        function, others = (
            given["expression"],
            {k: v for k, v in given.items() if k != "expression"},
        )
        found = verdicts(function, f"autograd:{device}", **others)
        if getattr(torch, device).is_available() and device != "mps":
            assert {verdict for verdict, _ in found} <= {"agrees", "inexact"}
        else:
            assert {verdict for verdict, _ in found} == {"unsupported"}
            assert all(detail.startswith(f"{device}: ") for _, detail in found)

    def test_a_device_that_does_not_exist_is_one_clear_line(self):
        with pytest.raises(UsageError, match="autograd has no option 'tpu'"):
            symdiff.compare("x", engines=["autograd:tpu"])
