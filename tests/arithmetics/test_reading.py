"""Reading a program in an arithmetic: definitions, branches and detached parts."""

import tracemalloc

import numpy as np
import pytest
import sympy as sp
import torch

from symdiff.arithmetics.arrays import evaluate, held_nodes
from symdiff.arithmetics.reading import read
from symdiff.arithmetics.symbolic import expression
from symdiff.arithmetics.tensors import TENSORS
from symdiff.program import parse

X = np.array([-4.0, -1.0, 0.0, 1.0, 4.0])


def gradient(text, x=X):
    leaf = torch.tensor(x, requires_grad=True)
    output = read(parse(text), TENSORS, {"x": leaf})
    output.sum().backward()
    return output.detach().numpy(), leaf.grad.numpy()


def test_arrays_are_released_after_their_last_use():
    x, depth = np.linspace(0, 1, 100_000), 30
    program = parse("sin(" * depth + "x" + ")" * depth)
    evaluate(program, {"x": x})
    tracemalloc.start()
    try:
        evaluate(program, {"x": x})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * x.nbytes


def test_every_value_but_the_result_is_released_once():
    program = parse("x*x + exp(x*x) - 2")
    released = [node for nodes in program.last_uses for node in nodes]
    assert sorted([*released, program.output]) == list(program.order)
    assert len(program.last_uses) == len(program.order)


class TestBranches:
    def test_each_branch_runs_only_where_it_is_taken(self):
        # where runs both branches everywhere, so that its gradient is NaN (0*inf) for x <= 0.
        _, by_where = gradient("where(x > 0, sqrt(x), 0*x)")
        _, by_if = gradient("sqrt(x) if x > 0 else 0*x")
        assert np.isnan(by_where[:3]).all()
        assert by_if.tolist() == [0, 0, 0, 0.5, 0.25]

    def test_a_branch_that_is_taken_nowhere_does_not_run(self):
        # torch has no derivative of heaviside, and would raise here.
        _, slope = gradient("heaviside(x, 0.5) if x > 100 else x**2")
        assert slope.tolist() == (2 * X).tolist()

    def test_a_definition_used_in_one_branch_runs_in_that_branch_only(self):
        program = parse("r if x > 0 else x", definitions={"r": "sqrt(x)"})
        leaf = torch.tensor(X, requires_grad=True)
        read(program, TENSORS, {"x": leaf}).sum().backward()
        assert leaf.grad.tolist() == [1, 1, 1, 0.5, 0.25]

    def test_a_part_used_outside_and_inside_a_branch_is_shared(self):
        value, slope = gradient("exp(x) + (exp(x) if x > 0 else -exp(x))")
        assert value == pytest.approx(np.where(X > 0, 2 * np.exp(X), 0))
        assert slope == pytest.approx(np.where(X > 0, 2 * np.exp(X), 0))

    def test_branches_nest(self):
        text = "1 if x < -2 else (2*x if x < 0 else (3*x if x < 2 else x**2))"
        expected = [1.0, -2.0, 0.0, 3.0, 16.0]
        assert evaluate(parse(text), {"x": X}).tolist() == expected
        value, slope = gradient(text)
        assert value.tolist() == expected
        assert slope.tolist() == [0, 2, 3, 3, 8]

    def test_a_constant_condition_takes_its_branch_everywhere(self):
        assert evaluate(parse("x if 1 > 2 else 2*x"), {"x": X}).tolist() == (2 * X).tolist()


class TestDetach:
    def test_a_detached_part_is_constant_in_sympy_torch_and_differences(self):
        program = parse("x*detach(x**2)")
        x = sp.Symbol("x", real=True)
        assert expression(program).diff(x).subs(x, 3).doit().args[0] == 9
        assert gradient("x*detach(x**2)")[1].tolist() == (X**2).tolist()
        held = held_nodes(program, {"x": X})
        shifted = evaluate(program, {"x": X + 1}, held=held)
        assert shifted.tolist() == ((X + 1) * X**2).tolist()


class TestSymbolic:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("sqrt(x**2)", "Abs(x)"),
            ("1/3 + x", "x + 1/3"),
            ("relu(x)", "Max(0, x)"),
            ("x if x > 0 else 0", "Piecewise((x, x > 0), (0, True))"),
            ("(x > 0)*x", "x*Piecewise((1, x > 0), (0, True))"),
        ],
    )
    def test_sympy_simplifies_the_expression_as_usual(self, text, expected):
        assert str(expression(parse(text))) == expected

    def test_a_decimal_is_read_as_its_double(self):
        assert float(expression(parse("0.1 + 0*x"))) == 0.1
        assert expression(parse("0.1 + 0*x"), exact=True) == sp.Rational(0.1)
        assert expression(parse("0.1 + 0*x"), exact=True) != sp.Rational(1, 10)

    @pytest.mark.parametrize(
        "text", ["2**-9000 + x", "((10**300)**-10)**100 + x", "lgamma(9999) + x", "gamma(170)*x"]
    )
    def test_an_enormous_integer_is_not_evaluated(self, text):
        assert expression(parse(text)).has(sp.Symbol("x", real=True))


def test_integers_that_are_not_doubles_become_the_nearest_doubles():
    assert evaluate(parse("x + 10**300"), {"x": X}).tolist() == [1e300] * 5
    assert gradient("x*10**30")[1].tolist() == [1e30] * 5
