"""Interval arithmetic: the results of numpy's functions lie within the intervals of the rules."""

import numpy as np
import pytest

from symdiff.arithmetics.bounds.intervals import CONDITIONS, LOGIC, NUMBERS, interval_of_choice

BLOCKS, INSIDE = 400, 64  # intervals, and numbers in each
BINARY = {"add", "subtract", "multiply", "divide", "maximum", "minimum"}
COMPARISONS = {"greater", "greater_equal", "less", "less_equal"}
# Functions whose rule is tried on positive numbers, since it gives no bounds elsewhere.
POSITIVE = {"log", "sqrt", "power"}


def numbers(rng, *, positive=False):
    """Intervals, and numbers in them, end points included; some intervals are single numbers."""
    size = 10 ** rng.uniform(-3, 2, (BLOCKS, 1))
    middle = rng.uniform(0.1 if positive else -1, 1, (BLOCKS, 1)) * size
    width = rng.choice([0, 1e-12, 1e-3, 0.05, 1], (BLOCKS, 1)) * np.abs(middle)
    low, high = middle - width / 2, middle + width / 2
    inside = np.clip(low + rng.random((BLOCKS, INSIDE)) * (high - low), low, high)
    inside[:, :1], inside[:, 1:2] = low, high
    return (low, high), inside


def count_outside(function, rule, rng, *, positive=False, shrunk=0.0):
    """The number of blocks with a result outside the interval; None if the rule gives no interval."""
    count = 2 if function.__name__ in BINARY else 1
    arguments = [numbers(rng, positive=positive) for _ in range(count)]
    with np.errstate(all="ignore"):
        result = rule(*(interval for interval, _ in arguments))
        if result is None:
            return None
        values = function(*(inside for _, inside in arguments))
        low, high = result
        margin = shrunk * (1 + high - low)
        outside = (values < low + margin) | (values > high - margin)
    return int(outside.any(axis=-1).sum())


@pytest.mark.parametrize("name", sorted(NUMBERS.keys() - {"power", "reciprocal"}))
def test_results_lie_within_the_interval_of_the_rule(name):
    rng = np.random.default_rng(len(name))
    function, rule = getattr(np, name), NUMBERS[name]
    positive = name in POSITIVE | {"divide", "log1p"}
    assert count_outside(function, rule, rng, positive=positive) == 0
    # Negative control: an interval that is a little too narrow is noticed.
    assert count_outside(function, rule, rng, positive=positive, shrunk=0.01) > 0


@pytest.mark.parametrize("exponent", [-3.0, -1.0, 0.0, 0.3, 2.0, 7.5])
def test_a_power_of_positive_numbers_lies_within_its_interval(exponent):
    def rule(x):
        return NUMBERS["power"](x, (exponent, exponent))

    def power(x):
        return x**exponent

    assert count_outside(power, rule, np.random.default_rng(1), positive=True) == 0
    assert count_outside(power, rule, np.random.default_rng(1), positive=False) is None


def test_a_quotient_has_bounds_only_where_the_denominator_cannot_be_zero():
    one, across = (np.array([[1.0]]), np.array([[1.0]])), (np.array([[-1.0]]), np.array([[1.0]]))
    assert NUMBERS["divide"](one, across) is None
    assert NUMBERS["reciprocal"](across) is None
    low, high = NUMBERS["reciprocal"]((np.array([[2.0]]), np.array([[4.0]])))
    assert (low.item(), high.item()) == (0.25, 0.5)


def test_a_square_is_narrower_than_a_product_of_two_numbers():
    x = (np.array([[-1.0]]), np.array([[2.0]]))
    assert [bound.item() for bound in NUMBERS["multiply"](x, x)] == [0, 4]
    assert [bound.item() for bound in NUMBERS["multiply"](x, tuple(x))] == [0, 4]
    assert [bound.item() for bound in NUMBERS["multiply"](x, (x[0] + 0, x[1] + 0))] == [-2, 4]


@pytest.mark.parametrize("name", sorted(COMPARISONS))
def test_a_sure_comparison_holds_at_every_point_and_an_impossible_one_at_none(name):
    rng = np.random.default_rng(7)
    (x, inside), (y, other) = numbers(rng), numbers(rng)
    y, other = (x[0] + y[0] / 50, x[0] + y[1] / 50), x[0] + other / 50  # close to each other
    surely, possibly = CONDITIONS[name](x, y)
    holds = getattr(np, name)(inside, other)
    assert holds[surely[:, 0]].all() and surely.any()
    assert not holds[~possibly[:, 0]].any() and not possibly.all()
    assert (surely <= possibly).all() and (surely != possibly).any()


@pytest.mark.parametrize("name", sorted(LOGIC))
def test_a_combination_of_conditions_is_sure_exactly_where_it_has_one_value(name):
    conditions = [(False, False), (False, True), (True, True)]
    function = getattr(np, name)
    count = 1 if name in {"logical_not", "invert"} else 2
    for indices in np.stack(np.meshgrid(*[range(3)] * count), axis=-1).reshape(-1, count):
        intervals = [conditions[i] for i in indices]
        surely, possibly = LOGIC[name](*((np.array(a), np.array(b)) for a, b in intervals))
        choices = np.meshgrid(*[np.array(list({a, b})) for a, b in intervals])
        results = set(function(*(c.reshape(-1) for c in choices)).tolist())
        assert (bool(surely), bool(possibly)) == (results == {True}, True in results)


def test_a_choice_has_the_hull_of_the_possible_branches():
    condition = (np.array([[True], [False], [False]]), np.array([[True], [True], [False]]))
    x, y = (np.full((3, 1), 1.0), np.full((3, 1), 2.0)), (10.0, 20.0)
    low, high = interval_of_choice(condition, x, y)
    assert low[:, 0].tolist() == [1, 1, 10]
    assert high[:, 0].tolist() == [2, 20, 20]
