"""The shipped expressions: there are enough, each has a source, and known answers are right."""

import json

import numpy as np
import pytest

from symdiff.batch.work import collect
from symdiff.engines.claim import CLAIM
from symdiff.grid.grid import Role
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict
from tests import shipped
from tests.shipped import FOLDER, STEMS

LEAST = {"calculus": 80, "physics": 40, "activations": 30, "kinks": 60, "relu_and_clamp": 5}
# The elementwise activations of torch.nn; GLU is not elementwise.
MODULES = [
    "ELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardtanh",
    "Hardswish",
    "LeakyReLU",
    "LogSigmoid",
    "PReLU",
    "ReLU",
    "ReLU6",
    "RReLU",
    "SELU",
    "CELU",
    "GELU",
    "Sigmoid",
    "SiLU",
    "Mish",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]

RIGHT = [Verdict.AGREES, Verdict.INEXACT]


@pytest.fixture(scope="module")
def reports():
    return {stem: shipped.report(stem) for stem in STEMS}


def test_there_are_enough_and_each_has_a_source():
    entries = collect([FOLDER]).entries
    assert len(entries) >= 250
    assert [e.label.name for e in entries if not e.label.source] == []
    for stem, least in LEAST.items():
        assert len(collect([FOLDER / f"{stem}.toml"]).entries) >= least


def test_the_json_report_contains_all_of_them(reports):
    for stem, report in reports.items():
        records = json.loads(report.to_json())["records"]
        assert {r["expression"] for r in records} == {e.name for e in report.evidence}, stem


def test_all_of_them_run_and_pass(reports):
    for report in reports.values():
        assert report.errors == ()
        assert [e.name for e in report.evidence if not e.ok] == []


def test_every_textbook_derivative_agrees_with_its_claim_at_every_regular_point(reports):
    for evidence in reports["calculus"].evidence:
        assert CLAIM in evidence.engines, evidence.name
        trial = evidence.trials[0]  # the others are spellings, without claims
        regular = evidence.grid.roles == 0
        for variable in trial.covered(CLAIM):
            there = regular & (trial.truths[variable].kinds == Kind.SMOOTH)
            agree = np.isin(trial.verdicts(CLAIM, variable), RIGHT)
            assert agree[there].all(), (evidence.name, evidence.grid.points[there & ~agree])


def test_physics_has_several_variables_and_its_claims_agree_with_autograd(reports):
    claimed = 0
    for evidence in reports["physics"].evidence:
        assert len(evidence.program.inputs) >= 2
        (trial,) = evidence.trials
        regular = evidence.grid.roles == 0
        for variable, claim in trial.samples.get(
            CLAIM, trial.samples["autograd"]
        ).derivatives.items():
            autograd = trial.samples["autograd"].derivatives[variable]
            both = regular & np.isfinite(claim) & np.isfinite(autograd)
            assert claim[both] == pytest.approx(autograd[both], rel=1e-9, abs=1e-12), evidence.name
            claimed += 1
    assert claimed >= 40


def test_every_elementwise_activation_of_torch_nn_is_there(reports):
    sources = " ".join(e.label.source for e in reports["activations"].evidence)
    assert [m for m in MODULES if f"torch.nn.{m}" not in sources] == []


def test_spellings_of_relu_give_different_numbers_at_0_only(reports):
    evidence = reports["relu_and_clamp"].evidence[0]
    kink = int(np.flatnonzero(evidence.grid.roles == Role.KINK)[0])
    at_zero = {
        t.spelling: float(t.samples["autograd"].derivatives["x"][kink]) for t in evidence.trials
    }
    assert {name: at_zero[name] for name in ("", "clamp(min=0)", "maximum", "where x > 0", "where x >= 0")} == {
        "": 0, "clamp(min=0)": 1, "maximum": 0.5, "where x > 0": 0, "where x >= 0": 1,
    }  # fmt: skip
    regular = evidence.grid.roles == 0
    for trial in evidence.trials:
        slopes = trial.samples["autograd"].derivatives["x"][regular]
        assert slopes.tolist() == (evidence.grid.points[regular, 0] > 0).astype(float).tolist()


def test_a_hidden_unit_at_0_gets_a_gradient_through_clamp_only(reports):
    evidence = next(
        e for e in reports["relu_and_clamp"].evidence if e.name == "one hidden unit at 0"
    )
    at_zero = (evidence.grid.points[:, evidence.grid.names.index("w31")] == 0) & np.isin(
        evidence.grid.roles, (0, Role.KINK)
    )
    gradients = {
        t.spelling: t.samples["autograd"].derivatives["w31"][at_zero].tolist()
        for t in evidence.trials
    }
    assert gradients == {"": [0.0, 0.0], "clamp": [-6.0, -18.0]}


def test_the_positions_of_most_kinks_are_proved():
    report = shipped.report("kinks")
    unproved = [e.name for e in report.evidence if any("neither" in n for n in e.grid.notes)]
    assert len(unproved) <= 3
