"""The truth on whole grids: most points are certified in arrays, the others are proved."""

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


def all_certified(slope, outside=None):
    n = len(slope)
    inside = np.zeros(n, dtype=np.intp)
    return Certified(
        np.ones(n, dtype=bool), slope, np.zeros(n), inside if outside is None else outside
    )


def truths(text, spec, *, kinks=False, **options):
    program = parse(text)
    grid = make_grid([program], [axis("x", spec)], kinks=kinks)
    return decide(ProofTask(program, "x", grid, ProofOptions(**options)))


# An expression and a point that must not be certified.
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
    # the argument may be rounded to 0, where sinc has a different formula
    ("sinc(x - 1/3)", 1 / 3),
    # a constant that is undefined, though it is a number in doubles
    ("x*sign(digamma(0))", 1.5),
    ("where(erfinv(1) > 0, x, 0)", 1.0),
    ("max(x, log(0*x))", 1.0),
    # undefined, though the value is a number in doubles
    ("where(max(log(x), x) > 0.5, x, 0)", -1.5),
    ("where(min(sqrt(x), 1) > 0.5, x, x**2)", -1.5),
    ("0.2 if max(log(x), x) > 0.5 else 3*x", -1.5),
    ("threshold(maximum(log(x), x), 0.5, 0.2)", -1.5),
    # a constant that rounding moves across a jump
    ("x*floor(0.5/1e-8)", 1.5),  # 49999999.99..., in doubles 50000000
    ("x*floor(log10(1e8))", 1.5),
    ("x*remainder(0.5, 1e-8)", 1.5),
    ("x*heaviside(sin(pi), 0.5)", 1.5),
    ("x if 2/sin(pi) > 1 else 2*x", 1.5),
    ("x + floor(2/sin(pi))", 1.5),
]


@pytest.mark.parametrize(("text", "point"), DOUBTFUL)
def test_a_point_near_a_switch_or_with_a_large_error_is_not_certified(text, point):
    assert not certify(parse(text), "x", {"x": np.array([point])}).is_certified[0]


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
def test_a_point_away_from_switches_is_certified(text):
    certified = certify(parse(text), "x", {"x": np.array([-1.7, 0.3, 1.9])})
    assert certified.is_certified.tolist()[1:] == [True, True]


OUTSIDE = [
    # an expression, points outside its domain, points within, the detail outside
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


@pytest.mark.parametrize(("text", "outside", "within", "words"), OUTSIDE)
def test_points_clearly_outside_the_domain_are_certified_as_outside(text, outside, within, words):
    for points, kind in ((outside, Kind.OUTSIDE), (within, Kind.SMOOTH)):
        if points:
            decided = truths(text, sorted(points), sample=0)
            is_outside = kind is Kind.OUTSIDE
            assert {Kind.from_code(k) for k in decided.kinds} == {kind}
            assert not decided.proved.any()
            assert (np.isnan(decided.derivative) == is_outside).all()
            assert {decided.detail(i) for i in range(len(points))} == {words if is_outside else ""}


# Values that are NaN in doubles though the expression is defined, or may be.
NOT_CLEARLY_OUTSIDE = [
    ("x**(49*(1/49))", -1.5),
    ("exp(1000*x) - exp(1000*x + x - x)", 1.0),
    ("log(exp(1000*x)/exp(1000*x))", 1.0),
    ("sqrt(0.1 + x - 0.3)", 0.2),
    ("where(log(x) > 0, x, 1)", -1.0),
    ("log(x)", 0.0),
]


@pytest.mark.parametrize(("text", "point"), NOT_CLEARLY_OUTSIDE)
def test_a_point_that_may_be_in_the_domain_is_not_certified_as_outside(text, point):
    certified = certify(parse(text), "x", {"x": np.array([point])})
    assert not (certified.is_certified & (certified.outside > 0)).any()


@pytest.mark.parametrize(
    ("text", "point", "slope"),
    [
        ("abs(x - 1)", 1 + 2.0**-52, 1.0),
        ("relu(sin(x))", np.pi, -1.0),
        ("floor(x)", 2 - 2.0**-52, 0),
    ],
)
def test_a_double_next_to_a_kink_is_certified_if_its_switch_is_exact(text, point, slope):
    certified = certify(parse(text), "x", {"x": np.array([point])})
    assert (certified.is_certified[0], certified.derivative[0]) == (True, slope)


def test_a_long_smooth_grid_needs_few_proofs():
    decided = truths("exp(-x**2)*sin(3*x) + log(1 + x**2)", "-3:3:1000000")
    assert decided.proved.sum() <= 2000
    assert (decided.kinds == Kind.SMOOTH).all()
    x = np.linspace(-3, 3, 1_000_000)
    slope = np.exp(-(x**2)) * (3 * np.cos(3 * x) - 2 * x * np.sin(3 * x)) + 2 * x / (1 + x**2)
    np.testing.assert_allclose(decided.derivative, slope, rtol=1e-8, atol=1e-12)


def test_every_kink_of_a_long_grid_is_proved():
    decided = truths("abs(sin(x))", "-20:20:10001", kinks=True)
    kinks = decided.kinds == Kind.KINK
    assert kinks.sum() == 13  # the multiples of pi
    assert decided.proved[kinks].all()


class TestAudit:
    def test_a_sample_of_the_certified_points_is_proved(self):
        assert truths("sin(x)", "0:1:10001").proved.sum() == 32
        assert truths("sin(x)", "0:1:1001", sample=5).proved.sum() == 5

    @pytest.mark.parametrize(
        ("count", "size"), [(3, 3), (16, 16), (17, 1), (101, 4), (1024, 32), (2048, 32)]
    )
    def test_one_certified_point_in_32_is_proved_and_all_of_few(self, count, size):
        assert truths("exp(x)", f"0:1:{count}").proved.sum() == size

    def test_the_sample_has_no_doubtful_points(self):
        for doubtful in ([], [0], [6], [0, 1, 5], [2, 3], [5, 6]):
            sample = filtering._sample(7, np.array(doubtful, dtype=np.intp), 32, 0)
            assert sample == [i for i in range(7) if i not in doubtful]

    def test_another_seed_gives_another_sample(self):
        first, same, other = (truths("sin(x)", "0:1:1001", seed=s).proved for s in (0, 0, 1))
        assert (first == same).all()
        assert (first != other).any()

    FAULTS = (
        ("off by one", lambda slope: slope + 1),
        ("off by a part in 1e8", lambda slope: slope * (1 + 1e-8)),
        ("sign flipped", np.negative),
    )

    @pytest.mark.parametrize("fault", [f for _, f in FAULTS], ids=[name for name, _ in FAULTS])
    def test_a_wrong_certified_derivative_raises(self, monkeypatch, fault):
        def wrong(program, variable, columns, excluded):
            right = certify(program, variable, columns, excluded)
            return dataclasses.replace(right, derivative=fault(right.derivative))

        monkeypatch.setattr(filtering, "certify", wrong)
        with pytest.raises(FilterError, match="the filter certified"):
            truths("sin(x)", "0:1:1001")

    def test_a_certified_kink_raises(self, monkeypatch):
        monkeypatch.setattr(
            filtering, "certify", lambda p, v, c, excluded: all_certified(np.array([-1.0, 0, 1.0]))
        )
        with pytest.raises(FilterError, match="the proof says kink"):
            truths("abs(x)", [-1, 0, 1])

    def test_a_point_wrongly_certified_as_outside_raises(self, monkeypatch):
        monkeypatch.setattr(
            filtering,
            "certify",
            lambda p, v, c, excluded: all_certified(np.full(3, np.nan), np.ones(3, dtype=np.intp)),
        )
        with pytest.raises(
            FilterError, match=r"the filter certified outside nan, the proof says sm"
        ):
            truths("x**2", [-1, 0, 1])

    def test_in_a_run_a_contradiction_stops_one_expression_only(self, monkeypatch, tmp_path):
        monkeypatch.setattr(
            filtering, "certify", lambda p, v, c, excluded: all_certified(0 * c["x"])
        )
        path = tmp_path / "a.txt"
        path.write_text("a: sin(x)\nb: 1 + 0*x\n")
        report = symdiff.compare_file(path)
        (error,) = report.errors
        assert isinstance(error, Crash)
        assert "the filter certified" in str(error)
        assert [e.name for e in report.evidence] == ["b"]


def test_prove_all_proves_every_point():
    assert truths("sin(x)", "0:1:101", prove="all").proved.all()


def test_points_left_when_max_proofs_is_reached_are_undecided_with_the_reason():
    decided = truths("sin(x)", "0:1:101", prove="all", max_proofs=10)
    assert decided.proved.sum() == 10
    assert (decided.kinds == Kind.UNDECIDED).sum() == 91
    assert decided.detail(50) == "more than 10 proofs"


def test_the_truth_at_an_exact_point_is_not_that_at_the_nearest_double():
    exact = truths("abs(3*x - 1)", ["1/3"])
    assert Kind.from_code(exact.kinds[0]) is Kind.KINK
    nearest = truths("abs(3*x - 1)", [1 / 3])  # this double is less than 1/3
    assert (Kind.from_code(nearest.kinds[0]), nearest.derivative[0]) == (Kind.SMOOTH, -3.0)
