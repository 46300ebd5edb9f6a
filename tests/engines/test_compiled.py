"""The engine `compiled`. torch.compile takes long, so one test has all; it needs a C++ compiler."""

import pytest
import torch

import symdiff
from symdiff.engines import registry
from symdiff.errors import UsageError


class _Cube(torch.autograd.Function):
    """Its backward is wrong by a factor."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x**2 * g


@pytest.mark.skipif(not registry.listed()["compiled"].is_installed, reason="no C++ compiler")
def test_what_is_compiled_is_judged():
    kink, tensor, planted = (
        symdiff.compare(what, engines=["compiled"], **given)
        for what, given in (
            ("relu(x)*sin(y) + abs(x)", {"at": {"x": [-1, 0, 2], "y": [0.5]}}),
            ("(softmax(x, 0)*w).sum()", {"values": {"x": [0.5, 3, 0], "w": [1, 2, 4]}}),
            (_Cube.apply, {"at": {"x": [1, 2]}, "math": "x**3"}),
        )
    )
    assert [r["verdict"] for r in kink.records() if r["variable"] == "x"] == [
        "agrees",
        "subgradient",
        "agrees",
    ]
    assert {r["verdict"] for r in tensor.records()} <= {"agrees", "inexact"}
    # Negative control: a planted fault.
    assert {r["verdict"] for r in planted.records()} == {"wrong"}


@pytest.mark.skipif(not registry.listed()["compiled"].is_installed, reason="no C++ compiler")
def test_a_branch_on_a_value_is_unsupported():
    found = symdiff.compare("x if x > 0 else y", at={"x": [1], "y": [2]}, engines=["compiled"])
    assert {r["verdict"] for r in found.records()} == {"unsupported"}
    assert {r["detail"].partition(": ")[0] for r in found.records()} == {"make_fx"}


@pytest.mark.skipif(not registry.listed()["compiled"].is_installed, reason="no C++ compiler")
def test_a_failure_has_the_message_of_what_failed():
    found = symdiff.compare("x // y", at={"x": [1], "y": [2]}, engines=["compiled"])
    assert {r["verdict"] for r in found.records()} == {"failed"}
    assert all("floor_divide" in r["detail"] for r in found.records())


def test_without_a_compiler_it_is_not_installed_and_says_so(monkeypatch):
    monkeypatch.setattr(registry, "_COMPILERS", ())
    monkeypatch.delenv("CXX", raising=False)
    line = registry.listed()["compiled"]
    assert (line.is_installed, line.library) == (False, "not installed: no C++ compiler")
    with pytest.raises(UsageError, match="the engine compiled needs a C\\+\\+ compiler"):
        registry.load("compiled")


def test_all_leaves_it_out():
    assert "compiled" not in registry.resolve(["all"])
    assert registry.resolve(["compiled", "all"])[0] == "compiled"
