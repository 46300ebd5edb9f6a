"""Rows of the atlas: what is true, what engines give, and a planted fault."""

import pytest

from symdiff.atlas.cases import Case, cases
from symdiff.atlas.recording import record
from symdiff.atlas.rows import Atlas
from symdiff.engines.base import Samples
from symdiff.engines.registry import registered
from symdiff.engines.symbolic import ENGINE as SYMBOLIC
from tests.fakes import Fake


def rows(*texts, engines=("autograd",)):
    return record([Case("f", text) for text in texts], engines, jobs=1)


def first_order(atlas):
    """Return the answers for first derivatives."""
    return {row: answers for row, answers in atlas.answers.items() if row.order == 1}


# A call with its kind, slopes, autograd's number, and which subgradient that is.
KNOWN = [
    ("relu(x)", "kink", 0.0, 1.0, 0.0, "left, min-norm; torch's rule says so"),
    ("max(x, 0)", "kink", 0.0, 1.0, 0.5, "mean; torch's rule says 0"),
    ("where(x >= 0, x, 0)", "kink", 0.0, 1.0, 1.0, "right; torch's rule says 0"),
    ("abs(x)", "kink", -1.0, 1.0, 0.0, "mean, min-norm; torch's rule says so"),
    ("sqrt(x**2)", "kink", -1.0, 1.0, "nan", "its derivative is infinite: 0*inf"),
    ("sqrt(x)", "edge", None, "inf", "inf", ""),
    ("cbrt(x)", "vertical", "inf", "inf", None, None),
    ("relu(x) - relu(-x)", "apparent kink", 1.0, 1.0, 0.0, None),
    ("float(x > 0)", "jump", 0.0, "inf", 0.0, None),
]


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known[0])
def test_a_row_has_the_truth_and_the_answer(known):
    text, kind, left, right, value, detail = known
    ((row, answers),) = first_order(rows(text)).items()
    assert (row.at, row.kind, row.left, row.right) == ("x=0", kind, left, right)
    assert answers["autograd"].value == value
    assert detail is None or answers["autograd"].detail == detail


def test_points_where_the_same_is_true_are_kept_once():
    assert [row.at for row in first_order(rows("floor(x)"))] == ["x=0"]
    assert [row.at for row in first_order(rows("relu6(x)"))] == ["x=0", "x=6"]


def test_a_tie_has_a_row_for_each_variable():
    answers = rows("amax([x, y, z])").answers
    tied = {row.variable: a["autograd"] for row, a in answers.items() if row.at == "x=0, y=0, z=0"}
    assert {name: answer.value for name, answer in tied.items()} == dict.fromkeys(
        "xyz", 0.333333333
    )
    assert {answer.verdict for answer in tied.values()} == {"subgradient"}


def test_a_tie_that_a_larger_operand_hides_is_left_out():
    assert "x=2, y=2, z=3" not in {row.at for row in rows("max(x, y, z)").answers}
    assert [row.at for row in first_order(rows("relu(x) - relu(-x)"))] == ["x=0"]


def test_points_without_a_value_are_left_out():
    assert rows("1/x", "log(x)").answers == {}


def test_a_call_of_several_functions_is_compared_once():
    atlas = record([Case("abs", "abs(x)"), Case("norm", "abs(x)")], ["autograd"], jobs=1)
    assert [row.function for row in atlas.answers] == ["abs"]


def test_a_call_that_cannot_be_compared_is_named():
    atlas = rows("relu(x)", "relu(")
    assert len(atlas.answers) == 1
    assert list(atlas.lost) == ["relu("]


def test_only_engines_that_run_functions_on_tensors_answer_for_them():
    atlas = rows("amax([x, y])", "max(x, y)", engines=["autograd", "central"])
    assert {row.text: set(answers) for row, answers in atlas.answers.items()} == {
        "amax([x, y])": {"autograd"},
        "max(x, y)": {"autograd", "central"},
    }
    assert rows("amax([x, y])", engines=["central"]).answers == {}


def test_libraries_are_named_with_their_versions():
    libraries = rows("abs(x)", engines=["autograd", "central:h=1e-4"]).libraries
    assert {name: library for name, (library, _) in libraries.items()} == {
        "autograd": "torch",
        "central:h=1e-4": "numpy",
    }
    assert "+" not in libraries["autograd"][1]


class WrongInOne(Fake):
    """The symbolic engine, with a different derivative where the program calls one function."""

    name = "wrong-in-one"

    def __init__(self, function):
        self._function = function

    def differentiate(self, problem):
        samples = SYMBOLIC.differentiate(problem)
        called = {call.function for _, call in problem.program.calls()}
        if self._function not in called:
            return samples
        return Samples({name: d + 3 for name, d in samples.derivatives.items()})

    def allowance(self, problem, variable, point):
        return SYMBOLIC.allowance(problem, variable, point)


FUNCTIONS = ["softshrink", "relu", "hardtanh", "leaky_relu", "relu6", "hardswish"]


@pytest.mark.parametrize("planted", FUNCTIONS)
def test_a_planted_fault_is_outside_the_clarke_set_in_its_function_alone(planted):
    calls = [case for case in cases(FUNCTIONS) if case.text.startswith(case.function)]
    with registered(WrongInOne(planted)) as engine:
        atlas = record(calls, [engine.name], jobs=1)
    outside = {
        row.function
        for row, by_engine in atlas.answers.items()
        if by_engine[engine.name].verdict in {"not-subgradient", "wrong"}
    }
    assert outside == {planted}


def test_an_atlas_of_some_engines_has_their_answers_alone():
    atlas = rows("abs(x)", engines=["autograd", "central"])
    part = atlas.of(("central",))
    assert part.engines == ("central",)
    assert list(part.libraries) == ["central"]
    assert Atlas(atlas.answers).of(("none",)).answers == {}


def test_numbers_have_nine_digits():
    ((row, answers),) = first_order(rows("leaky_relu(x, 1/3)")).items()
    assert (row.left, answers["autograd"].value) == (0.333333333, 0.333333333)


# A call with the kind of f' and its slopes, which are second derivatives, and autograd's number.
SECOND = [
    ("x*abs(x)", "kink", -2.0, 2.0, 0.0),
    ("elu(x)", "kink", 1.0, 0.0, 0.0),
    ("relu(x)**2", "kink", 0.0, 2.0, 0.0),
    ("softplus(abs(x))", None, None, None, None),  # f' does not exist
    ("relu(x)", None, None, None, None),
]


@pytest.mark.parametrize("known", SECOND, ids=lambda known: known[0])
def test_second_derivatives_have_rows_where_the_first_exists(known):
    text, kind, left, right, value = known
    found = [
        (row.variable, row.kind, row.left, row.right, answers["autograd"].value)
        for row, answers in rows(text, engines=["autograd", "forward"]).answers.items()
        if row.order == 2
    ]
    assert found == ([("x,x", kind, left, right, value)] if kind else [])
