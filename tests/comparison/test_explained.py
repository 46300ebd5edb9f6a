"""Verdicts are explained when somebody asks, in a worker process as in this one."""

import pickle

import pytest
import torch

import symdiff
from symdiff.batch.packing import pack, unpack
from symdiff.batch.task import perform
from symdiff.comparison import explained
from symdiff.comparison.explained import explained_on_demand
from symdiff.engines.registry import resolve
from symdiff.report.report import Report
from symdiff.request.options import Options
from symdiff.request.request import Request


@pytest.fixture
def calls(monkeypatch):
    """The calls of `explain`, in order."""
    made = []
    explain = explained.explain
    monkeypatch.setattr(explained, "explain", lambda *parts: made.append(parts) or explain(*parts))
    return made


def test_a_comparison_explains_nothing_until_somebody_asks(calls):
    report = symdiff.compare("relu(x)", at={"x": [0]})
    assert report.ok
    assert report.summary()
    assert not calls
    details = [record["detail"] for record in report.records()]
    assert any("left" in str(detail) for detail in details)
    assert len(calls) == 1
    list(report.records())
    assert len(calls) == 1


def test_a_function_of_the_user_is_explained_at_once(calls):
    symdiff.compare(lambda x: x.relu(), math="relu(x)", at={"x": [0]})
    assert len(calls) == 1


def packed(explain):
    options = Options(engines=resolve(["autograd", "central"]))
    return pack((Request(expression="relu(x) - relu(-x)", at={"x": [0]}), options, explain))


def test_a_worker_explains_only_if_it_is_asked_to(calls):
    unexplained = unpack(perform(packed(explain=False)))
    assert not calls
    assert unexplained.trials[0].explanations == {}
    done = unpack(perform(packed(explain=True)))
    assert len(calls) == 1
    later = explained_on_demand(unexplained)
    assert len(calls) == 1
    assert list(Report((later,)).records()) == list(Report((done,)).records())
    assert len(calls) == 2


def test_a_process_that_collects_results_loads_no_engine_until_somebody_asks(monkeypatch):
    unexplained = unpack(perform(packed(explain=False)))
    loaded = []
    load = explained.load
    monkeypatch.setattr(explained, "load", lambda name: loaded.append(name) or load(name))
    later = explained_on_demand(unexplained)
    assert not loaded
    list(Report((later,)).records())
    assert loaded == ["autograd", "central"]


def test_a_pickled_report_has_its_explanations():
    report = symdiff.compare("relu(x)", at={"x": [0]}, engines=["autograd", "central"])
    again = pickle.loads(pickle.dumps(report))  # noqa: S301  (made in the line itself)
    assert list(again.records()) == list(report.records())


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_explanations_are_the_same_whatever_mode_of_torch_they_are_read_in(mode):
    text, at = "sqrt(x)*relu(x) + log(x)/x", {"x": [-1, 0, 1]}
    wanted = list(symdiff.compare(text, at=at).records())
    assert any(r["blame"] == "sqrt(x) (expr, column 1)" for r in wanted)
    read_later = symdiff.compare(text, at=at)
    with mode():
        assert list(read_later.records()) == wanted
        assert list(symdiff.compare(text, at=at).records()) == wanted
