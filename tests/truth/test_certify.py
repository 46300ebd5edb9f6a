"""The truth on whole grids: arrays settle what is beyond doubt, the rest is proved."""

import dataclasses

import numpy as np
import pytest

import symdiff
from symdiff.errors import Crash
from symdiff.grid.grid import make_grid
from symdiff.grid.points import axis
from symdiff.program import parse
from symdiff.truth import certify as filtering
from symdiff.truth.certify import FilterError, ProofOptions, ProofTask, certify, decide
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Certified


def all_settled(slope, outside=None):
    n = len(slope)
    nowhere = np.zeros(n, dtype=np.intp)
    return Certified(
        np.ones(n, dtype=bool), slope, np.zeros(n), nowhere if outside is None else outside
    )


def truths(text, spec, *, kinks=False, **judging):
    program = parse(text)
    grid = make_grid([program], [axis("x", spec)], kinks=kinks)
    return decide(ProofTask(program, "x", grid, ProofOptions(**judging)))


# An expression and a point that arrays must leave to a proof.
DOUBTFUL = [
    ("abs(x)", 0.0),
    ("abs(3*x - 1)", 1 / 3),  # the switch is rounded to 0
    ("sqrt(x)", 0.0),
    ("where(sqrt(x) > 1, x, 2*x)", -1.0),
    ("floor(x)", 2.0),
    ("1/x", 0.0),
    ("log(x)", 0.0),
    ("asin(x)", 1.0),
    ("sin(1e15*x)", 0.7),  # the argument is off by a tenth
    ("(1 + pi*x) - 1 - pi*x", 1e-9),
    ("exp(x)", 1000.0),
    ("log(1 + exp(x))", 800.0),
    ("gamma(x)", -1.001),
    ("polygamma(5, x)", -26.5),  # scipy has 5 digits there
    ("polygamma(1, x)", -63.5),
    ("exp(x) - x", 1e-13),
    ("where(x == 1, 1, x**2)", 1.0),
    ("cbrt(x)", 0.0),
    # a rounded argument may be the one point that is treated apart
    ("sinc(x - 1/3)", 1 / 3),
    # a constant outside its domain that looks like a number
    ("x*sign(digamma(0))", 1.5),
    ("where(erfinv(1) > 0, x, 0)", 1.0),
    ("max(x, log(0*x))", 1.0),
    # outside the domain, and a plain number all the same
    ("where(max(log(x), x) > 0.5, x, 0)", -1.5),
    ("where(min(sqrt(x), 1) > 0.5, x, x**2)", -1.5),
    ("0.2 if max(log(x), x) > 0.5 else 3*x", -1.5),
    ("threshold(maximum(log(x), x), 0.5, 0.2)", -1.5),
    # a constant that rounding takes over a step
    ("x*floor(0.5/1e-8)", 1.5),  # 49999999.99..., in doubles 50000000
    ("x*floor(log10(1e8))", 1.5),
    ("x*remainder(0.5, 1e-8)", 1.5),
    ("x*heaviside(sin(pi), 0.5)", 1.5),
    ("x if 2/sin(pi) > 1 else 2*x", 1.5),
    ("x + floor(2/sin(pi))", 1.5),
]


@pytest.mark.parametrize(("text", "point"), DOUBTFUL)
def test_what_is_in_doubt_is_not_settled(text, point):
    assert not certify(parse(text), "x", {"x": np.array([point])}).settled[0]


CLEAR = [
    "x**2",
    "sin(x)*exp(x)",
    "relu(x)",
    "abs(x) + floor(x)",
    "where(x > 0, log(x), 0)",
    "mish(x)",
    "where(x > 0, polygamma(2, x), x)",
    "x*floor(3) + max(2, sqrt(3))*x",
]


@pytest.mark.parametrize("text", CLEAR)
def test_what_is_clear_is_settled(text):
    found = certify(parse(text), "x", {"x": np.array([-1.7, 0.3, 1.9])})
    assert found.settled.tolist()[1:] == [True, True]


OUTSIDE = [
    # an expression, points outside its domain, points within, the words for the former
    ("log(x)", [-2, -0.1], [0.5], "a logarithm of a negative number"),
    ("1 + relu(log10(x))*x", [-2, -0.1], [0.5], "a logarithm of a negative number"),
    ("log1p(x)", [-2, -1.1], [-0.5, 1], "a logarithm of a negative number"),
    ("sqrt(x**2 - 1)", [0.5, -0.9], [-2, 3], "a square root of a negative number"),
    ("x**0.3", [-1, -1e-3], [2], "a fractional power of a negative number"),
    ("x**x", [-1.5], [2], "a fractional power of a negative number"),
    ("asin(x) + log(x)", [1.5], [0.5], "asin outside its domain"),
    ("acosh(x)", [-2, 0.5], [3], "acosh outside its domain"),
    ("sqrt(x) - sqrt(x)", [-1], [2], "a square root of a negative number"),
    ("sqrt(x)**0", [-1], [2], "a square root of a negative number"),
    ("max(sqrt(x), 1)", [-1], [2], "a square root of a negative number"),
    ("where(x > 0, log(x), sqrt(x))", [-1], [2], "a square root of a negative number"),
    ("where(x > 0, log(x), 0)", [], [-1, 2], ""),
]


@pytest.mark.parametrize(("text", "beyond", "within", "words"), OUTSIDE)
def test_what_is_clearly_outside_is_settled_without_proofs(text, beyond, within, words):
    for points, kind in ((beyond, Kind.OUTSIDE), (within, Kind.SMOOTH)):
        if points:
            found = truths(text, sorted(points), sample=0)
            outside = kind is Kind.OUTSIDE
            assert {Kind.from_code(k) for k in found.kinds} == {kind}
            assert not found.proved.any()
            assert (np.isnan(found.derivative) == outside).all()
            assert {found.detail(i) for i in range(len(points))} == {words if outside else ""}


# Numbers that are no number in doubles, and are one in truth; or of which nothing is known.
NOT_CLEARLY_OUTSIDE = [
    ("x**(49*(1/49))", -1.5),
    ("exp(1000*x) - exp(1000*x + x - x)", 1.0),
    ("log(exp(1000*x)/exp(1000*x))", 1.0),
    ("sqrt(0.1 + x - 0.3)", 0.2),
    ("where(log(x) > 0, x, 1)", -1.0),
    ("log(x)", 0.0),
]


@pytest.mark.parametrize(("text", "point"), NOT_CLEARLY_OUTSIDE)
def test_what_may_be_within_is_not_settled_as_outside(text, point):
    found = certify(parse(text), "x", {"x": np.array([point])})
    assert not (found.settled & (found.outside > 0)).any()


@pytest.mark.parametrize(
    ("text", "point", "slope"),
    [
        ("abs(x - 1)", 1 + 2.0**-52, 1.0),
        ("relu(sin(x))", np.pi, -1.0),
        ("floor(x)", 2 - 2.0**-52, 0),
    ],
)
def test_a_double_beside_a_kink_is_none_where_its_switch_is_exact(text, point, slope):
    found = certify(parse(text), "x", {"x": np.array([point])})
    assert (found.settled[0], found.derivative[0]) == (True, slope)


def test_a_long_smooth_grid_takes_few_proofs():
    found = truths("exp(-x**2)*sin(3*x) + log(1 + x**2)", "-3:3:1000000")
    assert found.proved.sum() <= 2000
    assert (found.kinds == Kind.SMOOTH).all()
    x = np.linspace(-3, 3, 1_000_000)
    slope = np.exp(-(x**2)) * (3 * np.cos(3 * x) - 2 * x * np.sin(3 * x)) + 2 * x / (1 + x**2)
    np.testing.assert_allclose(found.derivative, slope, rtol=1e-8, atol=1e-12)


def test_every_kink_of_a_long_grid_is_proved():
    found = truths("abs(sin(x))", "-20:20:10001", kinks=True)
    kinks = found.kinds == Kind.KINK
    assert kinks.sum() == 13  # the multiples of pi
    assert found.proved[kinks].all()


class TestSample:
    def test_a_sample_of_the_settled_points_is_proved(self):
        assert truths("sin(x)", "0:1:10001").proved.sum() == 32
        assert truths("sin(x)", "0:1:1001", sample=5).proved.sum() == 5

    @pytest.mark.parametrize(
        ("count", "size"), [(3, 3), (16, 16), (17, 1), (101, 4), (1024, 32), (2048, 32)]
    )
    def test_of_few_points_it_is_small(self, count, size):
        assert truths("exp(x)", f"0:1:{count}").proved.sum() == size

    def test_it_leaves_out_what_was_in_doubt(self):
        for doubtful in ([], [0], [6], [0, 1, 5], [2, 3], [5, 6]):
            found = filtering._sample(7, np.array(doubtful, dtype=np.intp), 32, 0)
            assert found == [i for i in range(7) if i not in doubtful]

    def test_another_seed_takes_another_sample(self):
        first, same, other = (truths("sin(x)", "0:1:1001", seed=s).proved for s in (0, 0, 1))
        assert (first == same).all()
        assert (first != other).any()

    FAULTS = (
        ("off by one", lambda slope: slope + 1),
        ("off by a part in 1e8", lambda slope: slope * (1 + 1e-8)),
        ("sign flipped", np.negative),
    )

    @pytest.mark.parametrize("fault", [f for _, f in FAULTS], ids=[name for name, _ in FAULTS])
    def test_a_filter_that_passes_wrong_points_is_found_out(self, monkeypatch, fault):
        def wrong(program, variable, columns, excluded):
            found = certify(program, variable, columns, excluded)
            return dataclasses.replace(found, derivative=fault(found.derivative))

        monkeypatch.setattr(filtering, "certify", wrong)
        with pytest.raises(FilterError, match="the filter settled"):
            truths("sin(x)", "0:1:1001")

    def test_a_filter_that_passes_a_kink_is_found_out(self, monkeypatch):
        monkeypatch.setattr(
            filtering, "certify", lambda p, v, c, excluded: all_settled(np.array([-1.0, 0, 1.0]))
        )
        with pytest.raises(FilterError, match="the proof says kink"):
            truths("abs(x)", [-1, 0, 1])

    def test_a_filter_that_takes_a_point_for_outside_is_found_out(self, monkeypatch):
        monkeypatch.setattr(
            filtering,
            "certify",
            lambda p, v, c, excluded: all_settled(np.full(3, np.nan), np.ones(3, dtype=np.intp)),
        )
        with pytest.raises(FilterError, match=r"the filter settled outside nan, the proof says sm"):
            truths("x**2", [-1, 0, 1])

    def test_in_a_run_it_costs_one_expression(self, monkeypatch, tmp_path):
        monkeypatch.setattr(filtering, "certify", lambda p, v, c, excluded: all_settled(0 * c["x"]))
        path = tmp_path / "a.txt"
        path.write_text("a: sin(x)\nb: 1 + 0*x\n")
        report = symdiff.compare_file(path)
        (mistake,) = report.errors
        assert isinstance(mistake, Crash)
        assert "the filter settled" in str(mistake)
        assert [e.name for e in report.evidence] == ["b"]


def test_all_points_are_proved_if_that_is_asked_for():
    assert truths("sin(x)", "0:1:101", prove="all").proved.all()


def test_beyond_the_number_of_proofs_points_are_undecided_and_say_so():
    found = truths("sin(x)", "0:1:101", prove="all", max_proofs=10)
    assert found.proved.sum() == 10
    assert (found.kinds == Kind.UNDECIDED).sum() == 91
    assert found.detail(50) == "more than 10 proofs"


def test_at_an_exact_point_the_truth_is_decided_there():
    found = truths("abs(3*x - 1)", ["1/3"])
    assert Kind.from_code(found.kinds[0]) is Kind.KINK
    beside = truths("abs(3*x - 1)", [1 / 3])  # the double is a little less
    assert (Kind.from_code(beside.kinds[0]), beside.derivative[0]) == (Kind.SMOOTH, -3.0)
