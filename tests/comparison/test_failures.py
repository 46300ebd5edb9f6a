"""What fails inside costs one point of one engine, or the entry, never the run."""

from __future__ import annotations

import numpy as np
import pytest

from symdiff import compare
from symdiff.arithmetics.arrays import evaluate
from symdiff.program import parse
from symdiff.truth import certify

# Programs whose constants are integers, their derivative at 1, and why.
INTEGERS = [
    ("trunc(1)**-1*x", 1.0, "x"),
    ("clamp(-1, -1, 1)**-1*x", -1.0, "x/-1"),
    ("abs(-2)**(-3)*x", 0.125, "x/8"),
    ("relu(2)**-2 + x", 1.0, "1/4 + x"),
    ("max(2, 3)**-1*x", 1 / 3, "x/3"),
    ("sign(3)**trunc(-1)*x", 1.0, "x"),
    ("trunc(2)**trunc(-3)*x", 0.125, "x/8"),
    ("where(x > 0, 2, 3)**-2*x", 0.25, "x/4 for x > 0"),
    ("(2 if x > 0 else 3)**-2*x", 0.25, "x/4 for x > 0"),
    ("max(3, 2**62)*4*x", 2.0**64, "4 times 2^62, which is no integer of 64 bits"),
    ("where(x > 0, 2**62, 1)*4*x", 2.0**64, "4 times 2^62, which is no integer of 64 bits"),
]


@pytest.mark.parametrize(("text", "derivative", "reason"), INTEGERS)
def test_integers_are_numbers_of_any_size_and_any_power(text, derivative, reason):
    values = evaluate(parse(text), {"x": np.array([1.0, 3.0])})
    assert (values[1] - values[0]) / 2 == pytest.approx(derivative), reason


def test_differences_get_a_number_from_a_negative_power_of_an_integer():
    records = compare("trunc(1)**-1*x", at={"x": "1"}, engines=("central", "autograd")).records()
    assert {r["verdict"] for r in records} == {"agrees"}


@pytest.mark.parametrize("count", [33, 100])
def test_many_scalar_variables(count):
    names = [f"x{k}" for k in range(count)]
    at = dict.fromkeys(names, "1")
    records = list(
        compare(" + ".join(names), at=at, wrt=names[-2:], engines=("central",)).records()
    )
    assert [r["derivative"] for r in records] == [1.0, 1.0]


def test_a_proof_that_fails_costs_one_point(monkeypatch):
    original = certify.prove

    def fails_at_0(program, variable, point, budget):
        if point["x"].rational == 0:
            message = "cannot convert float infinity to integer"
            raise OverflowError(message)
        return original(program, variable, point, budget)

    monkeypatch.setattr(certify, "prove", fails_at_0)
    records = list(
        compare("abs(x)*abs(x - 1)", at={"x": [0, 1, 2]}, engines=("autograd",)).records()
    )
    kinds = {r["point"]["x"]: r["kind"] for r in records}
    assert kinds == {0.0: "undecided", 1.0: "kink", 2.0: "smooth"}
    (undecided,) = (r for r in records if r["kind"] == "undecided")
    assert "symdiff itself failed here (OverflowError: cannot convert" in undecided["detail"]
    assert undecided["verdict"] == "undecided"


def test_a_contradiction_is_no_failure_of_one_point(monkeypatch):
    def contradicts(*_):
        message = "planted"
        raise certify.FilterError(message)

    monkeypatch.setattr(certify, "prove", contradicts)
    with pytest.raises(certify.FilterError, match="planted"):
        compare("abs(x)", at={"x": "0"}, engines=("autograd",))
