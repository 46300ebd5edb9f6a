"""No number contradicts a proved truth without a finding that explains it."""

import pytest

from symdiff.atlas import files
from symdiff.atlas.findings import Finding, contradictions, explanation, findings
from symdiff.atlas.rows import Row


def found(name):
    return list(contradictions(files.read(files.shipped()[name])))


@pytest.mark.parametrize("name", sorted(files.shipped()))
def test_every_contradiction_is_explained(name):
    unexplained = [
        (row.text, row.at, row.order, engine, answer.value)
        for row, engine, answer in found(name)
        if explanation(row, engine) is None
    ]
    assert unexplained == []


def test_every_finding_is_about_something():
    explained = {
        explanation(row, engine) for name in files.shipped() for row, engine, _ in found(name)
    }
    assert [f.text for f in findings() if f not in explained] == []


@pytest.mark.parametrize(
    ("text", "engine", "is_explained"),
    [
        ("cdist([x], y)", "autograd", True),
        ("cdist(x, y)", "autograd", False),
        ("cdist([x], y)", "symbolic", False),
    ],
)
def test_a_finding_explains_its_calls_and_engines_alone(text, engine, is_explained):
    row = Row(
        function="f", text=text, output="", variable="x", at="x=0", order=1,
        kind="kink", left=0.0, right=1.0, derivative=None,
    )  # fmt: skip
    assert Finding(("cdist([x]*",), ("auto*",), "").explains(row, engine) is is_explained
