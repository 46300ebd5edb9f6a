"""benchmarks/operators.py: samples of torch's operators, what becomes of them, and the page."""

import importlib
import json
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def script():
    pytest.importorskip("expecttest", reason="torch's own tests import it")
    return imported("operators")


@pytest.fixture(scope="module")
def pages():
    return imported("operators_page")


def imported(name):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        return importlib.import_module(name)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", ["maximum", "linalg.det", "sort", "nn.functional.hardtanh"])
def test_a_sample_of_an_operator_is_traced_and_compared(script, name, whole):
    result = script.check(name, 0, whole)
    assert result["outcome"] == "compared"
    assert result["derivatives"] == result["proved"] > 0
    assert result["findings"] == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("normal", "draws random numbers"),
        ("fft.rfft", "returns complex numbers"),
        ("argsort", "returns no real numbers"),
    ],
)
def test_what_is_out_of_scope_has_a_reason(script, name, reason):
    op = next(op for op in script.op_db if op.name == name)
    sample = next(iter(op.sample_inputs("cpu", torch.float64, requires_grad=True)))
    assert script.out_of_scope(*script.as_function(op, sample)) == reason


def test_rounded_samples_are_whole_and_need_gradients(script):
    for sample in map(script.rounded, script.samples(script.operators("maximum")["maximum"])):
        assert torch.equal(sample.input, sample.input.round())
        assert sample.input.requires_grad


def case(outcome, derivatives=4, proved=4, findings=()):
    return {
        "outcome": outcome,
        "derivatives": derivatives,
        "proved": proved,
        "findings": list(findings),
    }


@pytest.mark.parametrize(
    ("cases", "word"),
    [
        ([case("compared"), {"outcome": "out of scope"}], "proved"),
        ([case("compared", proved=3)], "undecided"),
        ([case("compared"), {"outcome": "stopped"}], "undecided"),
        ([case("compared"), {"outcome": "not traced"}], "not traced"),
        ([case("compared"), {"outcome": "crash"}, {"outcome": "not traced"}], "crash"),
        ([{"outcome": "out of scope"}], "out of scope"),
        ([case("compared", derivatives=0, proved=0)], "out of scope"),
    ],
)
def test_one_word_says_what_became_of_an_operator(pages, cases, word):
    assert pages.status(cases) == word


def test_the_page_is_up_to_date_and_explains_every_finding(script, pages):
    stored = json.loads((ROOT / "benchmarks" / "operators.json").read_text())
    page = (ROOT / "docs" / "operators.md").read_text()
    if torch.__version__ == stored["torch"]:
        assert page == pages.page(stored["operators"], script.HOW + stored.get("note", ""))
    assert pages.NOT_READ not in page


def test_a_finding_that_nobody_explained_is_marked(pages):
    finding = {"verdict": "wrong", "kind": "smooth", "variable": "x", "derivative": 1.0, "value": 2.0,
               "left": None, "right": None, "output": None, "detail": None}  # fmt: skip
    unread = {**case("compared", findings=[finding]), "kinds": {"smooth": 4}, "undecided": None}
    assert pages.NOT_READ in pages.page({"a_new_operator": [unread]}, "")
