"""One expression, all engines: columns, verdicts, claims, spellings, and planted faults."""

import numpy as np
import pytest
import torch

import symdiff
from symdiff.errors import InputError, UsageError
from symdiff.grid.grid import KINK
from tests.fakes import FAULTY, Raising

SMOOTH = "sin(x) + x**3/3"


@pytest.fixture
def planted(monkeypatch):
    """Make an engine available under its name."""

    def plant(engine):
        from symdiff import comparison

        real = comparison.load
        monkeypatch.setattr(comparison, "check", lambda name: None)
        monkeypatch.setattr(
            comparison, "load", lambda name: engine if name == engine.name else real(name)
        )
        return engine.name

    return plant


def regular(comparison):
    return comparison.grid.roles == 0


def verdicts(comparison, engine):
    return [r["verdict"] for r in comparison.records() if r["engine"] == engine]


def test_the_engines_agree_on_a_smooth_expression():
    comparison = symdiff.compare(SMOOTH)
    assert set(verdicts(comparison, "autograd")) == {"agrees"}
    assert comparison.ok


@pytest.mark.parametrize("engine", FAULTY, ids=lambda engine: engine.name)
def test_every_planted_fault_is_noticed(planted, engine):
    name = planted(engine)
    comparison = symdiff.compare(SMOOTH, engines=("symbolic", "autograd", name))
    assert "undecided" in verdicts(comparison, "autograd")
    assert "undecided" in verdicts(comparison, name)


def test_an_engine_that_raises_fails_and_costs_the_others_nothing(planted):
    name = planted(Raising())
    comparison = symdiff.compare(SMOOTH, engines=("symbolic", "autograd", name))
    assert set(verdicts(comparison, "autograd")) == {"agrees"}
    assert set(verdicts(comparison, name)) == {"failed"}
    record = next(r for r in comparison.records() if r["engine"] == name)
    assert (record["value"], record["detail"]) == (None, "RuntimeError: no kernel")
    assert not comparison.ok
    assert comparison.status == 1


def test_the_question_it_began_with():
    comparison = symdiff.compare(
        "relu(x)", spellings={"clamp": "x.clamp(min=0)", "maximum": "maximum(x, 0)"}
    )
    kink = int(np.flatnonzero(comparison.grid.roles == KINK)[0])
    given = {s: comparison.values("autograd", spelling=s)[kink] for s in ("", "clamp", "maximum")}
    assert given == {"": 0.0, "clamp": 1.0, "maximum": 0.5}
    assert comparison.values("symbolic")[kink] == comparison.values("central")[kink] == 0.5


def test_four_lines_through_zero_as_sympy_has_them():
    comparison = symdiff.compare("max(x, 2*x, 3*x, 4*x)", {"x": [0]}, kinks=False)
    assert comparison.values("symbolic").tolist() == [5.0]
    assert comparison.values("central") == pytest.approx([2.5])


class TestClaims:
    def test_a_right_claim_agrees(self):
        comparison = symdiff.compare("x**2*y", claims={"x": "2*x*y"})
        at_regular_points = [r for r in comparison.records() if r["engine"] == "claim"]
        assert {r["variable"] for r in at_regular_points} == {"x"}
        assert {r["verdict"] for r in at_regular_points} == {"agrees"}

    @pytest.mark.parametrize("claim", ["-2*x", "x", "2*x + 1e-6", "0", "2*x + (x > 1)*x"])
    def test_a_wrong_claim_is_noticed(self, claim):
        comparison = symdiff.compare("x**2", claims={"x": claim})
        assert "undecided" in verdicts(comparison, "claim")

    def test_a_claim_in_other_names_is_refused(self):
        with pytest.raises(
            InputError, match=r"claim x: 'z' is no variable of the expression at column 3"
        ):
            symdiff.compare("x**2", claims={"x": "2*z"})
        with pytest.raises(UsageError, match="no variable 'y'"):
            symdiff.compare("x**2", claims={"y": "2*x"})


class TestCallables:
    def test_a_callable_is_compared_with_its_formula(self):
        class Square(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return g * 3 * x  # a wrong factor

        comparison = symdiff.compare(Square.apply, math="x**2")
        # 3x and 2x agree at 0 only
        agreeing = comparison.evidence[0].trials[0].agreements["x"].agree
        assert comparison.grid.points[agreeing, 0].tolist() == [0]

    def test_a_callable_needs_its_formula(self):
        with pytest.raises(UsageError, match="a callable needs its formula"):
            symdiff.compare(torch.relu)

    def test_a_formula_belongs_to_a_callable(self):
        with pytest.raises(UsageError, match="leave math out"):
            symdiff.compare("x", math="x")

    def test_anything_else_is_refused(self):
        with pytest.raises(UsageError, match="not int"):
            symdiff.compare(3)


def test_a_program_may_be_given_instead_of_text():
    assert symdiff.compare(symdiff.parse("x**2")).ok


def test_wrt_chooses_variables():
    comparison = symdiff.compare("x*y", wrt=["y"])
    assert {r["variable"] for r in comparison.records()} == {"y"}
    with pytest.raises(UsageError, match=r"no variable 'z' \(its variables: x, y\)"):
        symdiff.compare("x*y", wrt=["z"])


def test_an_expression_without_variables_has_no_records():
    comparison = symdiff.compare("1 + pi")
    assert list(comparison.records()) == []
    assert comparison.ok
    assert "no variable" in comparison.table()


def test_results_are_the_same_every_time():
    first, second = (symdiff.compare("abs(x - y)*z").to_json() for _ in range(2))
    assert first == second


def test_values_refuse_what_is_not_there():
    comparison = symdiff.compare("x")
    with pytest.raises(UsageError, match="engines symbolic, autograd, central; variables x"):
        comparison.values("jax")


def test_only_the_engines_asked_for_run():
    comparison = symdiff.compare("x**2", engines=["central"])
    assert comparison.evidence[0].engines == ("central",)
    record = next(comparison.records())
    assert (record["verdict"], record["detail"]) == ("undecided", "not compared")


def test_an_error_says_where_it_is():
    with pytest.raises(InputError, match=r"^spelling b: unknown function 'asb' at column 1"):
        symdiff.compare("abs(x)", spellings={"b": "asb(x)"})
    with pytest.raises(InputError, match=r"^expr: unknown function"):
        symdiff.compare("asb(h)", let={"h": "x"})


def test_library_arguments_of_a_comparison_reach_it():
    evidence = symdiff.compare("x**2", rtol=1e-3, atol=1e-4).evidence[0]
    assert (evidence.tolerance.rtol, evidence.tolerance.atol) == (1e-3, 1e-4)
