"""The shipped second derivatives: right answers, which are copied from reports or follow by hand."""

import math

import pytest

from symdiff.verdict.words import Verdict
from tests import shipped

inf, nan = math.inf, math.nan

# entry, derivative, point, kind, left, right, derivative
# fmt: off
ANSWERS = [
    ("sinc''", "x,x", {"x": 0.0}, "smooth", -math.pi**2/3, -math.pi**2/3, -math.pi**2/3),
    ("sinc''", "x,x", {"x": 1.0}, "smooth", 2.0, 2.0, 2.0),
    ("logaddexp''", "x,x", {"x": -800.0}, "smooth", 0.0, 0.0, 0.0),
    ("logaddexp''", "x,x", {"x": -20.0}, "smooth", 2.0611536139418475e-09, 2.0611536139418475e-09, 2.0611536139418475e-09),
    ("softplus'' in two spellings", "x,x", {"x": 37.42994775023705}, "smooth", 5.551115123125775e-17, 5.551115123125775e-17, 5.551115123125775e-17),
    ("logsigmoid''", "x,x", {"x": 40.0}, "smooth", -4.248354255291589e-18, -4.248354255291589e-18, -4.248354255291589e-18),
    ("logsigmoid''", "x,x", {"x": -40.0}, "smooth", -4.248354255291589e-18, -4.248354255291589e-18, -4.248354255291589e-18),
    ("x**2''", "x,x", {"x": 0.0}, "smooth", 2.0, 2.0, 2.0),
    ("x**1''", "x,x", {"x": 0.0}, "smooth", 0.0, 0.0, 0.0),
    ("x**4''", "x,x", {"x": 0.0}, "smooth", 0.0, 0.0, 0.0),
    ("Hessian of a determinant", "A[0,0],A[1,1]", {}, "smooth", 1.0, 1.0, 1.0),
    ("Hessian of a determinant", "A[0,1],A[1,0]", {}, "smooth", -1.0, -1.0, -1.0),
    ("squared norm at 0", "x[0],x[0]", {}, "partial", 2.0, 2.0, 2.0),
    ("squared norm at 0", "x[0],x[1]", {}, "partial", 0.0, 0.0, 0.0),
    ("mixed partials that differ", "x,y", {"x": 0.0, "y": 0.0}, "partial", -1.0, -1.0, -1.0),
    ("mixed partials that differ", "y,x", {"x": 0.0, "y": 0.0}, "partial", 1.0, 1.0, 1.0),
    ("x|x|''", "x,x", {"x": 0.0}, "kink", -2.0, 2.0, None),
    ("relu**2''", "x,x", {"x": 0.0}, "kink", 0.0, 2.0, None),
    ("Huber''", "x,x", {"x": 1.0}, "kink", 1.0, 0.0, None),
    ("elu''", "x,x", {"x": 0.0}, "kink", 1.0, 0.0, None),
    ("relu''", "x,x", {"x": 0.0}, "outside", 0.0, 0.0, None),
    ("|x|**3''", "x,x", {"x": 0.0}, "smooth", 0.0, 0.0, 0.0),
    ("x**1.5''", "x,x", {"x": 0.0}, "edge", None, inf, inf),
]
# entry, spelling, point, what autograd returned in the reports
TORCH = [
    ("sinc''", None, 0.0, nan),
    ("sinc''", "where", 0.0, nan),
    ("logaddexp''", None, -800.0, nan),
    ("logaddexp''", None, -700.0, 0.0),
    ("softplus'' in two spellings", "softplus", 37.42994775023705, 0.0),
    ("softplus'' in two spellings", "logaddexp", 21.0, 7.58256041641286e-10),
    ("logsigmoid''", None, 40.0, 0.0),
    ("logsigmoid''", None, -40.0, -4.248354255291589e-18),
]
# fmt: on


def records(name):
    return [r for r in shipped.report("second_order").records() if r["expression"] == name]


def number(value):
    return None if value is None else float(value)


@pytest.mark.parametrize(
    ("name", "variable", "point", "kind", "left", "right", "derivative"), ANSWERS
)
def test_the_truth(name, variable, point, kind, left, right, derivative):  # noqa: PLR0913, PLR0917
    rows = [
        r
        for r in records(name)
        if r["variable"] == variable and r["point"] == point and r["spelling"] is None
    ]
    assert len({r["engine"] for r in rows}) >= 3
    for row in rows:
        assert row["kind"] == kind
        found = [number(row[key]) for key in ("left", "right", "derivative")]
        for value, expected in zip(found, (left, right, derivative), strict=True):
            assert value == (expected if expected is None else pytest.approx(expected, rel=1e-13))


@pytest.mark.parametrize(("name", "spelling", "x", "value"), TORCH)
def test_what_autograd_returned(name, spelling, x, value):
    (row,) = [
        r
        for r in records(name)
        if r["engine"] == "autograd" and r["spelling"] == spelling and r["point"] == {"x": x}
    ]
    assert float(row["value"]) == pytest.approx(value, rel=1e-13, abs=0, nan_ok=True)
    assert (row["verdict"] == "agrees") == (not math.isnan(value) and value != 0)


def test_all_entries_pass_as_expected():
    report = shipped.report("second_order")
    assert [e.name for e in report.evidence if not e.ok] == []
    assert all(e.options.order == 2 for e in report.evidence)
    assert any(e.counts()["autograd"].get(Verdict.SUBGRADIENT) for e in report.evidence)
