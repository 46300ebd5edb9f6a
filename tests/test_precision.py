"""Reported cases in float32, bfloat16 and float16: torch's number, the truth and the verdict.

The numbers of torch are those of the reports, with torch 2.13; the derivatives follow from the
formulas. symdiff computes none of them.
"""

import functools
import math

import pytest

import symdiff
from tests import shipped

PI = math.pi

# An entry, a spelling, an engine, a variable, a point, torch's number, the derivative, the verdict.
CASES = [
    ("hardtanh", None, "bfloat16", "x", 0.69921875, 1.0, 1.0, "agrees"),
    ("hardtanh", None, "float32", "x", 0.69921875, 1.0, 1.0, "agrees"),
    ("hardtanh", "clamp", "bfloat16", "x", 0.69921875, 1.0, 1.0, "agrees"),
    ("square root", None, "float32", "x", 1e-19, 0.9999999403953552, 1.0, "agrees"),
    ("square root", None, "float32", "x", 1e-23, math.inf, 1.0, "nonfinite"),
    ("norm", None, "float32", "x", 1e-19, 1.0, 1.0, "agrees"),
    ("norm", None, "float32", "x", 0.0, 0.0, None, "subgradient"),
    ("angle", None, "float16", "a", 2e-3, math.inf, 250.0, "nonfinite"),
    ("angle", None, "float16", "b", 2e-3, -math.inf, -250.0, "nonfinite"),
    ("angle", None, "float32", "a", 2e-3, 250.0, 250.0, "agrees"),
    ("softplus", None, "float32", "x", 89.0, math.nan, 1.0, "nonfinite"),
    ("softplus", "softplus", "float32", "x", 89.0, 1.0, 1.0, "agrees"),
    ("softplus", "logaddexp", "bfloat16", "x", 89.0, 1.0, 1.0, "agrees"),
    ("sinc", None, "float32", "x", 1e-6, 0.0, -(PI**2) / 3 * 1e-6, "inaccurate"),
    ("sinc", "sinc", "float32", "x", 1e-6, 0.0, -(PI**2) / 3 * 1e-6, "inaccurate"),
    ("tails", None, "float32", "x", 17.0, 0.0, math.exp(-17), "inaccurate"),
    ("tails", None, "float32", "x", 40.0, 0.0, math.exp(-40), "inaccurate"),
    ("tails", None, "float16", "x", 17.0, 0.0, math.exp(-17), "agrees"),  # below its smallest
    ("matrices", None, "bfloat16", "A[0,1]", None, 4.90625, 4.90625, "agrees"),
    ("product", None, "float16", "a,b", 0.03, 4000.0, 4000.0, "agrees"),
    ("product", None, "float16", "b,c", 0.03, 120.0, 120.0, "agrees"),
]


@functools.cache
def records():
    return list(shipped.report("precision").records())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} in {case[2]} at {case[4]}")
def test_a_reported_case(case):
    entry, spelling, form, variable, point, value, derivative, word = case
    rows = [
        r
        for r in records()
        if r["expression"].startswith(entry)
        and (r["spelling"], r["engine"], r["variable"]) == (spelling, f"autograd:{form}", variable)
        and (point is None or math.isclose(next(iter(r["point"].values())), point, rel_tol=1e-2))
    ]
    assert rows
    for row in rows:
        found = float(row["value"])
        assert found == pytest.approx(value, rel=1e-2, nan_ok=True)
        assert row["derivative"] == (derivative and pytest.approx(derivative, rel=1e-2))
        assert row["verdict"] == word
        assert row["dtype"] == form


@pytest.mark.parametrize(("engine", "value"), [("jax", 0.0), ("jax-forward", None)])
def test_sinc_in_jax_is_0_or_wildly_wrong(engine, value):
    """jax#34139, in JAX's own dtype."""
    pytest.importorskip("jax")
    report = symdiff.compare("sinc(x)", at={"x": 1e-6}, engines=[engine], dtype="float32")
    (row,) = report.records()
    assert row["derivative"] == pytest.approx(-3.2898681e-6, rel=1e-2)
    assert (row["verdict"], row["dtype"]) == ("inaccurate", "float32")
    assert row["value"] == value or abs(row["value"]) > 1e-3


def test_every_entry_names_its_thread_and_is_as_expected():
    assert shipped.report("precision").ok
    for evidence in shipped.report("precision").evidence:
        assert "#" in evidence.label.source
