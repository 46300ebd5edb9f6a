"""What an engine does for one variable, or at one point, costs no other variable or point."""

import numpy as np
import pytest

import symdiff
from symdiff.engines.base import Problem, Samples, Traits
from symdiff.engines.registry import load
from symdiff.engines.running import run
from symdiff.errors import Unsupported
from symdiff.program import parse
from tests.fakes import Fake

# An expression, a point, an engine, the variable for which it has no derivative, the other
# variable with its derivative there, by hand.
ONE_VARIABLE = [
    ("atan(trunc(y)) + log1p(x)*y*y", {"x": 1, "y": 1.5}, "symbolic", "y", ("x", 1.125)),
    ("floor(y)*x + x**2", {"x": 2, "y": 1.5}, "symbolic", "y", ("x", 5.0)),
    ("(y % 2)*x", {"x": 3, "y": 5.5}, "symbolic", "y", ("x", 1.5)),
    ("exp(ceil(y)) - x**3", {"x": 1, "y": 0.5}, "symbolic", "y", ("x", -3.0)),
    ("x*frac(y)", {"x": 3, "y": 2.25}, "symbolic", "y", ("x", 0.25)),
    ("heaviside(y, 0.5) + x*x", {"x": 1.5, "y": 1}, "autograd", "y", ("x", 3.0)),
    ("x*heaviside(y, 0.5)", {"x": 1.5, "y": 1}, "autograd", "y", ("x", 1.0)),
]


@pytest.mark.parametrize(("text", "point", "engine", "without", "other"), ONE_VARIABLE)
def test_a_variable_without_a_derivative_does_not_take_the_others_with_it(
    text, point, engine, without, other
):
    at = {name: [x] for name, x in point.items()}
    records = symdiff.compare(text, at=at, engines=[engine]).records()
    found = {r["variable"]: (r["verdict"], r["value"]) for r in records}
    name, slope = other
    assert found[without] in {("unsupported", None), ("failed", None)}
    assert found[name] == ("agrees", pytest.approx(slope, rel=1e-12))
    alone = symdiff.compare(text, at=at, engines=[engine], wrt=[name]).records()
    assert [(r["verdict"], r["value"]) for r in alone] == [found[name]]


def test_the_report_says_for_which_variables_an_engine_is_unsupported():
    table = str(symdiff.compare("x*floor(y)", at={"x": [1], "y": [1.5]}))
    assert "symbolic unsupported for y: floor: sympy has no derivative of it" in table
    table = str(symdiff.compare("floor(x*y)", at={"x": [1], "y": [1.5]}))
    assert "symbolic unsupported: floor: sympy has no derivative of it" in table


X = np.array([-2.0, -1.0, 1.0, 2.0])


class Choosy(Fake):
    """An engine that gives 7, and raises where y is differentiated at a negative point."""

    name = "choosy"

    def __init__(self, error=None, traits=None):
        self._error = error or ZeroDivisionError("no y here")
        self.traits = traits or Fake.traits

    def differentiate(self, problem):
        if "y" in problem.variables and (problem.columns["y"] < 0).any():
            if len(problem.columns["y"]) == 4:
                codes = (problem.columns["y"] < 0).astype(np.int32)
                numbers = {n: np.where(codes, np.nan, 7.0) for n in problem.variables}
                failing = dict.fromkeys(problem.variables, codes)
                return Samples(numbers, reason_of=failing, reasons=("", "together"))
            raise self._error
        return Samples({name: np.full(problem.count, 7.0) for name in problem.variables})


def problem(variables=("x", "y"), x=X):
    return Problem(parse("x*y"), {"x": x, "y": x}, variables)


def test_a_variable_that_fails_at_some_points_fails_at_these_points_alone():
    samples = run(Choosy(), problem())
    assert samples.derivatives["x"].tolist() == [7.0] * 4
    assert samples.derivatives["y"].tolist()[2:] == [7.0] * 2
    assert [samples.reason("y", i) for i in range(4)] == [
        "ZeroDivisionError: no y here",
        "ZeroDivisionError: no y here",
        "",
        "",
    ]
    assert not any(samples.reason("x", i) for i in range(4))
    assert "together" not in samples.reasons


def test_a_variable_that_is_unsupported_at_some_points_only_fails_there():
    samples = run(Choosy(Unsupported("y", "not below 0")), problem())
    assert not samples.unsupported
    assert [samples.reason("y", i) for i in range(4)] == ["y: not below 0"] * 2 + ["", ""]


@pytest.mark.parametrize("in_chunks", [True, False])
def test_a_variable_that_fails_everywhere_fails_alone(in_chunks):
    traits = Traits(runs_in_chunks=in_chunks)
    samples = run(Choosy(traits=traits), problem(x=X[:2]))
    assert samples.derivatives["x"].tolist() == [7.0, 7.0]
    assert samples.reasons == ("", "ZeroDivisionError: no y here")
    unsupported = run(Choosy(Unsupported("y", "never"), traits), problem(("y",), X[:2]))
    assert unsupported.unsupported["y"].reason == "y: never"


def test_an_engine_that_fails_for_all_variables_fails_for_all():
    # Negative control: nothing is made up for a variable that fails alone too.
    samples = run(load("autograd"), Problem(parse("heaviside(x, 0.5)*y"), {"x": X, "y": X}, ("x",)))
    assert np.isnan(samples.derivatives["x"]).all()
    assert all("not implemented" in samples.reason("x", i) for i in range(4))


class Crowded(Fake):
    """An engine that supports a few variables at once, and never the last one."""

    name = "crowded"

    def __init__(self, most):
        self._most = most
        self.calls = []

    def differentiate(self, problem):
        self.calls.append(problem.variables)
        if len(problem.variables) > self._most:
            raise Unsupported("crowded", f"not {len(problem.variables)} at once")
        if "last" in problem.variables:
            raise Unsupported("crowded", "not the last")
        return Samples({name: np.full(problem.count, 7.0) for name in problem.variables})


@pytest.mark.parametrize(("most", "calls"), [(8, 1 + 14 + 6), (1, 1 + 126)])
def test_an_engine_that_supports_a_few_variables_at_once_is_given_as_many(most, calls):
    names = (*(f"v{k}" for k in range(63)), "last")
    engine = Crowded(most)
    columns = dict.fromkeys(names, X)
    samples = run(engine, Problem(parse(" + ".join(names)), columns, names))
    assert len(engine.calls) == calls  # each alone: 1 + 64
    assert list(samples.derivatives) == list(names)
    assert {name: gap.reason for name, gap in samples.unsupported.items()} == {
        "last": "crowded: not the last"
    }
    assert samples.derivatives["v62"].tolist() == [7.0] * 4
