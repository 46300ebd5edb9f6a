"""Comparing one expression: verdicts, claims, spellings, options, and planted faults."""

import numpy as np
import pytest
import sympy.core.random as shuffling
import torch

import symdiff
from symdiff.engines.base import Allowance, Samples
from symdiff.errors import InputError, UsageError
from symdiff.grid.grid import Role
from symdiff.verdict.words import Verdict
from tests.fakes import FAULTY, Fake, Fixed, Raising

SMOOTH = "sin(x) + x**3/3"


def verdicts(comparison, engine):
    return [r["verdict"] for r in comparison.records() if r["engine"] == engine]


@pytest.mark.parametrize("rtol", [0.0, 1e-16, 3e-16])
@pytest.mark.parametrize("text", ["tan(x)**2", "gelu(x)*sign(x - 0.5)", "sin(3*x)*exp(-x)"])
def test_the_filter_gives_the_verdicts_of_proofs_even_with_a_tolerance_of_one_ulp(text, rtol):
    verdicts_by_prove = [
        [
            (r["point"], r["engine"], r["verdict"])
            for r in symdiff.compare(text, {"x": "-3:3:61"}, rtol=rtol, prove=prove).records()
        ]
        for prove in ("filter", "all")
    ]
    assert verdicts_by_prove[0] == verdicts_by_prove[1]


def test_the_engines_agree_on_a_smooth_expression():
    comparison = symdiff.compare(SMOOTH)
    assert set(verdicts(comparison, "autograd")) == {"agrees"}
    assert comparison.ok


@pytest.mark.parametrize("engine", FAULTY, ids=lambda engine: engine.name)
def test_every_planted_fault_is_noticed(register, engine):
    name = register(engine)
    comparison = symdiff.compare(SMOOTH, engines=("symbolic", "autograd", name))
    assert set(verdicts(comparison, "autograd")) == {"agrees"}
    assert {"wrong", "nonfinite"} & set(verdicts(comparison, name))
    assert not comparison.ok


@pytest.mark.parametrize("engine", FAULTY, ids=lambda engine: engine.name)
@pytest.mark.parametrize("text", ["relu(x)*(x + 2)", "max(x, 2*x, 3*x) + 1", "x*abs(x)"])
def test_every_planted_fault_is_noticed_in_functions_with_kinks(register, engine, text):
    name = register(engine)
    comparison = symdiff.compare(text, engines=("autograd", name))
    findings = {"wrong", "nonfinite", "not-subgradient"}
    assert findings & set(verdicts(comparison, name))
    assert not findings & set(verdicts(comparison, "autograd"))


def test_an_engine_that_raises_fails_and_the_others_are_judged(register):
    name = register(Raising())
    comparison = symdiff.compare(SMOOTH, engines=("symbolic", "autograd", name))
    assert set(verdicts(comparison, "autograd")) == {"agrees"}
    assert set(verdicts(comparison, name)) == {"failed"}
    record = next(r for r in comparison.records() if r["engine"] == name)
    assert (record["value"], record["detail"]) == (None, "RuntimeError: no kernel")
    assert not comparison.ok
    assert comparison.status == 1


def test_three_spellings_of_relu_have_three_derivatives_at_0():
    comparison = symdiff.compare(
        "relu(x)", spellings={"clamp": "x.clamp(min=0)", "maximum": "maximum(x, 0)"}
    )
    kink = int(np.flatnonzero(comparison.grid.roles == Role.KINK)[0])
    values = {s: comparison.values("autograd", spelling=s)[kink] for s in ("", "clamp", "maximum")}
    assert values == {"": 0.0, "clamp": 1.0, "maximum": 0.5}
    assert comparison.values("symbolic")[kink] == comparison.values("central")[kink] == 0.5


def test_sympy_gives_5_and_differences_2_5_where_four_lines_meet():
    comparison = symdiff.compare("max(x, 2*x, 3*x, 4*x)", {"x": [0]}, kinks=False)
    assert comparison.values("symbolic").tolist() == [5.0]
    assert comparison.values("central") == pytest.approx([2.5])


class TestClaims:
    def test_a_right_claim_agrees(self):
        comparison = symdiff.compare("x**2*y", claims={"x": "2*x*y"})
        records = [r for r in comparison.records() if r["engine"] == "claim"]
        assert {r["variable"] for r in records} == {"x"}
        assert {r["verdict"] for r in records} == {"agrees"}

    @pytest.mark.parametrize("claim", ["-2*x", "x", "2*x + 1e-6", "0", "2*x + (x > 1)*x"])
    def test_a_wrong_claim_is_noticed(self, claim):
        comparison = symdiff.compare("x**2", claims={"x": claim})
        assert "wrong" in verdicts(comparison, "claim")
        assert not comparison.ok

    def test_a_claim_with_an_unknown_variable_is_refused(self):
        with pytest.raises(InputError, match=r"claim x: unknown variable 'z' at column 3"):
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
        by_x = {
            r["point"]["x"]: r["verdict"] for r in comparison.records() if r["engine"] == "autograd"
        }
        assert [x for x, verdict in by_x.items() if verdict != "wrong"] == [0]
        assert by_x[0] == "agrees"

    def test_a_callable_without_a_formula_is_traced(self):
        comparison = symdiff.compare(torch.relu, {"x": "-1:1:3"})
        assert comparison.program.text == "relu(x)"

    def test_a_formula_without_a_callable_is_refused(self):
        with pytest.raises(UsageError, match="leave math out"):
            symdiff.compare("x", math="x")

    def test_an_expression_that_is_a_number_is_refused(self):
        with pytest.raises(UsageError, match="not int"):
            symdiff.compare(3)


def test_a_program_can_be_compared():
    assert symdiff.compare(symdiff.parse("x**2")).ok


def test_wrt_selects_the_variables_of_the_derivatives():
    comparison = symdiff.compare("x*y", wrt=["y"])
    assert {r["variable"] for r in comparison.records()} == {"y"}
    with pytest.raises(UsageError, match=r"no variable 'z' \(its variables: x, y\)"):
        symdiff.compare("x*y", wrt=["z"])


def test_an_expression_without_variables_has_no_records():
    comparison = symdiff.compare("1 + pi")
    assert list(comparison.records()) == []
    assert comparison.ok
    assert "no variable" in comparison.table()


class TestOptions:
    def test_prove_all_proves_every_point(self):
        few = symdiff.compare("sin(x)", {"x": "0:1:501"})
        every = symdiff.compare("sin(x)", {"x": "0:1:501"}, prove="all")
        proved = [sum(r["proved"] for r in c.records()) / 3 for c in (few, every)]
        assert proved == [16, 501]

    def test_points_left_when_max_proofs_is_reached_are_undecided(self):
        comparison = symdiff.compare("sin(x)", {"x": "0:1:9"}, prove="all", max_proofs=3)
        kinds = [r["kind"] for r in comparison.records() if r["engine"] == "autograd"]
        assert kinds == ["smooth"] * 3 + ["undecided"] * 6
        assert next(r for r in comparison.records() if r["kind"] == "undecided")["detail"] == (
            "more than 3 proofs"
        )

    def test_silent_is_a_finding_with_strict(self):
        assert symdiff.compare("floor(x)", at={"x": [1]}).ok
        strict = symdiff.compare("floor(x)", at={"x": [1]}, strict=True)
        assert not strict.ok
        assert strict.status == 1

    def test_an_option_with_an_invalid_value_is_refused(self):
        with pytest.raises(UsageError, match=r"prove cannot be 'al' \(did you mean 'all'\?\)"):
            symdiff.compare("x", prove="al")
        with pytest.raises(UsageError, match="max_proofs cannot be 0"):
            symdiff.compare("x", max_proofs=0)


class TestGradients:
    """Gradients are judged as a whole where a switch of several variables is zero."""

    def verdicts(self, text, at, engine="autograd", **options):
        comparison = symdiff.compare(text, at=at, engines=[engine], **options)
        return {r["variable"]: (r["verdict"], r["detail"]) for r in comparison.records()}

    def test_a_gradient_in_the_clarke_set_is_a_subgradient(self):
        at = {"a": [-1], "b": [-1], "c": [1]}
        by_variable = self.verdicts("clamp(a, b, c)", at)
        assert {verdict for verdict, _ in by_variable.values()} == {"subgradient", "agrees"}
        shortest = self.verdicts("min(max(a, b), c)", at)
        assert "the gradient is the shortest in the Clarke set" in shortest["a"][1]

    def test_components_between_one_sided_derivatives_can_lie_outside_the_clarke_set(
        self, register
    ):
        name = register(Fixed("mean", dict.fromkeys("abc", 0.5)))
        by_variable = self.verdicts("max(a, b, c)", {"a": [1], "b": [1], "c": [1]}, engine=name)
        assert {verdict for verdict, _ in by_variable.values()} == {"not-subgradient"}
        name = register(Fixed("mean of two", dict.fromkeys("ab", 0.5)))
        two = self.verdicts("max(a, b)", {"a": [1], "b": [1]}, engine=name)
        assert {verdict for verdict, _ in two.values()} == {"subgradient"}

    def test_finite_differences_are_judged_as_a_whole_too(self):
        # Three halves add up to 1.5, and the components of every subgradient to 1.
        by_variable = self.verdicts(
            "max(a, b, c)", {"a": [1], "b": [1], "c": [1]}, engine="central"
        )
        assert {verdict for verdict, _ in by_variable.values()} == {"not-subgradient"}
        assert all("differences vary one variable at a time" in d for _, d in by_variable.values())
        by_variable = self.verdicts("max(a, b)", {"a": [1], "b": [1]}, engine="central")
        assert {verdict for verdict, _ in by_variable.values()} == {"subgradient"}

    def test_a_component_that_is_not_its_partial_derivative_can_be_a_subgradient(self, register):
        # Gradients near 0 are (0, 0), (1, 1) and (1, -1); along y there is a derivative, 0.
        name = register(Fixed("corner", {"x": 1.0, "y": 1.0}))
        by_variable = self.verdicts("max(0, x - abs(y))", {"x": [0], "y": [0]}, engine=name)
        assert {verdict for verdict, _ in by_variable.values()} == {"subgradient"}

    def test_a_gradient_between_the_bounds_of_the_clarke_set_is_undecided(self, register):
        name = register(Fixed("thin", {"x": 0.0, "y": 1.0}))
        by_variable = self.verdicts(
            "abs(y - x**2) - abs(y + x**2)", {"x": [0], "y": [0]}, engine=name
        )
        assert by_variable["y"][0] == "undecided"


class TestExpect:
    ENTRY = """[[expression]]
name = "a"
expr = "relu(x) - relu(-x)"
grid = {{ x = [0] }}
source = "s"
expect = {{ autograd = [{words}] }}
"""

    def report(self, tmp_path, words):
        path = tmp_path / "a.toml"
        path.write_text(self.ENTRY.format(words=words))
        return symdiff.compare_file(path)

    def test_an_expected_finding_passes(self, tmp_path):
        assert self.report(tmp_path, '"wrong"').status == 0

    def test_an_unexpected_finding_does_not_pass(self, tmp_path):
        assert self.report(tmp_path, "").status == 1

    def test_an_expected_finding_that_does_not_occur_is_reported(self, tmp_path):
        report = self.report(tmp_path, '"wrong", "nonfinite"')
        assert report.status == 1
        assert "expected nonfinite, which did not occur" in report.table()
        assert "expected verdicts that did not occur: a" in report.summary()


def test_two_comparisons_give_the_same_results():
    first, second = (symdiff.compare("abs(x - y)*z").to_json() for _ in range(2))
    assert first == second


def test_sympy_shuffles_with_a_fixed_seed_and_the_caller_s_generator_is_restored():
    # sympy shuffles facts with a global random generator.
    drawn = []

    def square(x):
        drawn.append(shuffling.rng.random())
        return x * x

    shuffling.seed(1)
    for _ in range(2):
        symdiff.compare(square, {"x": [1.0]}, math="x**2", engines=["autograd"])
    after = shuffling.rng.random()
    once = len(drawn) // 2
    assert drawn[:once] == drawn[once:]
    shuffling.seed(1)
    assert shuffling.rng.random() == after not in drawn


def test_a_tiny_number_that_sympy_takes_for_zero_makes_no_kink():
    report = symdiff.compare("abs(tanh(log(cosh(x))))", {"x": "-1:1:5"})
    assert {record["kind"] for record in report.records()} == {"smooth"}


def test_values_of_an_unknown_engine_are_refused_with_the_names():
    comparison = symdiff.compare("x")
    with pytest.raises(UsageError, match="engines: symbolic, autograd, central; variables: x"):
        comparison.values("jax")


def test_only_the_requested_engines_run():
    comparison = symdiff.compare("x**2", engines=["central"])
    assert comparison.evidence[0].engines == ("central",)
    record = next(comparison.records())
    assert record["verdict"] in {"agrees", "inexact"}


def test_an_error_names_the_spelling_or_the_definition():
    with pytest.raises(InputError, match=r"^spelling b: unknown function 'asb' at column 1"):
        symdiff.compare("abs(x)", spellings={"b": "asb(x)"})
    with pytest.raises(InputError, match=r"^expr: unknown function"):
        symdiff.compare("asb(h)", let={"h": "x"})


def test_rtol_and_atol_set_the_tolerance():
    evidence = symdiff.compare("x**2", rtol=1e-3, atol=1e-4).evidence[0]
    assert (evidence.tolerance.rtol, evidence.tolerance.atol) == (1e-3, 1e-4)


def test_a_grid_that_is_a_text_is_refused_with_the_mapping_to_type():
    with pytest.raises(
        InputError, match=r"must be a mapping from variable to points, not '0:1:3' .*x.*0:1:3"
    ):
        symdiff.compare("relu(x)", "0:1:3")


@pytest.mark.parametrize("points", [9, 200_000])
@pytest.mark.parametrize(
    "mode",
    [torch.no_grad, torch.inference_mode, lambda: np.errstate(all="raise")],
    ids=["no_grad", "inference_mode", "errstate"],
)
def test_global_modes_of_torch_and_numpy_change_no_verdict(mode, points):
    grid = {"x": np.linspace(-1, 1, points)}
    plain = symdiff.compare("sin(x)*relu(x)", grid).evidence[0]
    with mode():
        assert symdiff.compare("sin(x)*relu(x)", grid).evidence[0].counts() == plain.counts()
    assert plain.counts()["autograd"][Verdict.AGREES] > points // 2


class Malformed(Fake):
    """An engine that breaks its contract in one method."""

    def __init__(self, name, *, samples=None, allowance=None, estimate=None):
        self.name = name
        self._samples, self._allowance, self._estimate = samples, allowance, estimate

    def differentiate(self, problem):
        if self._samples is not None:
            return self._samples(problem)
        return Samples({name: np.full(problem.count, 7.0) for name in problem.variables})

    def allowance(self, problem, variable, point):
        return self._allowance() if self._allowance else Allowance()

    def estimate_errors(self, problem, variable):
        return self._estimate() if self._estimate else None


def fail():
    raise KeyError("nope")


# What an engine does, its verdict, and the detail of its verdict.
MALFORMED = [
    (
        {"samples": lambda problem: 7},
        "failed",
        "TypeError: differentiate returned int, not Samples",
    ),
    (
        {"samples": lambda problem: Samples({})},
        "failed",
        "ValueError: differentiate returned no derivatives",
    ),
    (
        {"samples": lambda problem: Samples({"x": np.zeros(problem.count + 1)})},
        "failed",
        "ValueError: the derivatives with respect to x have shape (2,), not (1,)",
    ),
    ({"allowance": fail}, "undecided", "the engine's allowance failed: KeyError: 'nope'"),
    ({"estimate": fail}, "undecided", "the engine's error estimate failed: KeyError: 'nope'"),
]


@pytest.mark.parametrize(("methods", "verdict", "detail"), MALFORMED)
def test_an_engine_that_breaks_its_contract_costs_only_its_own_verdict(
    register, methods, verdict, detail
):
    name = register(Malformed("malformed", **methods))
    comparison = symdiff.compare("x**2", at={"x": [1]}, engines=["autograd", name])
    records = {r["engine"]: r for r in comparison.records()}
    assert records["autograd"]["verdict"] == "agrees"
    assert (records[name]["verdict"], records[name]["detail"]) == (verdict, detail)
    assert name in str(comparison)


# A function of a and b, and the kind and the joint truth at 0 along a.
JOINT = [
    ("0 if a == 0 and b == 0 else a*b/(a**2 + b**2)", "partial", "discontinuous"),
    ("sqrt(abs(a*b))", "partial", "not-differentiable"),
    ("b*abs(a)", "smooth", "differentiable"),
    ("exp(a)*b", "smooth", None),
    ("abs(b)*exp(a)", "partial", "not-differentiable"),
    ("abs(a) + b", "kink", "not-differentiable"),
    ("a*b/(a**2 + b**2)", "outside", "no-limit"),
]


@pytest.mark.parametrize(("text", "kind", "joint"), JOINT)
@pytest.mark.parametrize("wrt", [["a"], ["a", "b"], ["b", "a"]])
def test_a_derivative_along_an_axis_alone_has_the_kind_partial(text, kind, joint, wrt):
    comparison = symdiff.compare(text, {"a": [0], "b": [0]}, wrt=wrt, engines=["autograd"])
    at_zero = [r for r in comparison.records() if r["point"] == {"a": 0.0, "b": 0.0}]
    (record,) = (r for r in at_zero if r["variable"] == "a")
    assert (record["kind"], record["joint"]) == (kind, joint)
    assert ("along a only" in (record["detail"] or "")) == (kind == "partial")


def test_with_one_variable_no_detail_is_about_several():
    for record in symdiff.compare("relu(x) - relu(-x)", at={"x": [0]}).records():
        assert (record["kind"], record["joint"]) == ("smooth", None)
    for record in symdiff.compare("sin(x)/x", at={"x": [0]}).records():
        assert "along" not in record["detail"]
