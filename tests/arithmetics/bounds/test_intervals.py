"""Ends: what numpy makes of numbers between two ends lies between the ends that a rule gives."""

import numpy as np
import pytest

from symdiff.arithmetics.bounds.intervals import CONDITIONS, LOGIC, NUMBERS, ends_of_choice

BLOCKS, INSIDE = 400, 64
TWO = {"add", "subtract", "multiply", "divide", "maximum", "minimum"}
COMPARISONS = {"greater", "greater_equal", "less", "less_equal"}
# Where a rule knows nothing: the numbers on which it is tried are those on which it does.
POSITIVE = {"log", "sqrt", "power"}


def numbers(rng, *, positive=False):
    """Ends of blocks, and numbers between them, ends included; some blocks are single numbers."""
    size = 10 ** rng.uniform(-3, 2, (BLOCKS, 1))
    middle = rng.uniform(0.1 if positive else -1, 1, (BLOCKS, 1)) * size
    width = rng.choice([0, 1e-12, 1e-3, 0.05, 1], (BLOCKS, 1)) * np.abs(middle)
    low, high = middle - width / 2, middle + width / 2
    inside = np.clip(low + rng.random((BLOCKS, INSIDE)) * (high - low), low, high)
    inside[:, :1], inside[:, 1:2] = low, high
    return (low, high), inside


def off(function, rule, rng, *, positive=False, shrunk=0.0):
    """How many blocks have a number outside the ends; None: the rule knows nothing."""
    count = 2 if function.__name__ in TWO else 1
    given = [numbers(rng, positive=positive) for _ in range(count)]
    with np.errstate(all="ignore"):
        found = rule(*(ends for ends, _ in given))
        if found is None:
            return None
        values = function(*(inside for _, inside in given))
        low, high = found
        inner = shrunk * (1 + high - low)
        wrong = (values < low + inner) | (values > high - inner)
    return int(wrong.any(axis=-1).sum())


@pytest.mark.parametrize("name", sorted(NUMBERS.keys() - {"power", "reciprocal"}))
def test_what_comes_of_numbers_lies_between_the_ends(name):
    rng = np.random.default_rng(len(name))
    function, rule = getattr(np, name), NUMBERS[name]
    positive = name in POSITIVE | {"divide", "log1p"}
    assert off(function, rule, rng, positive=positive) == 0
    # Negative control: ends that are a little too narrow are noticed.
    assert off(function, rule, rng, positive=positive, shrunk=0.01) > 0


@pytest.mark.parametrize("exponent", [-3.0, -1.0, 0.0, 0.3, 2.0, 7.5])
def test_a_power_of_positive_numbers_lies_between_its_ends(exponent):
    def rule(x):
        return NUMBERS["power"](x, (exponent, exponent))

    def power(x):
        return x**exponent

    assert off(power, rule, np.random.default_rng(1), positive=True) == 0
    assert off(power, rule, np.random.default_rng(1), positive=False) is None


def test_a_quotient_is_bounded_where_the_denominator_does_not_vanish():
    one, across = (np.array([[1.0]]), np.array([[1.0]])), (np.array([[-1.0]]), np.array([[1.0]]))
    assert NUMBERS["divide"](one, across) is None
    assert NUMBERS["reciprocal"](across) is None
    low, high = NUMBERS["reciprocal"]((np.array([[2.0]]), np.array([[4.0]])))
    assert (low.item(), high.item()) == (0.25, 0.5)


def test_a_square_is_not_taken_for_the_product_of_two_numbers():
    x = (np.array([[-1.0]]), np.array([[2.0]]))
    assert [e.item() for e in NUMBERS["multiply"](x, x)] == [0, 4]
    assert [e.item() for e in NUMBERS["multiply"](x, tuple(x))] == [0, 4]
    assert [e.item() for e in NUMBERS["multiply"](x, (x[0] + 0, x[1] + 0))] == [-2, 4]


@pytest.mark.parametrize("name", sorted(COMPARISONS))
def test_a_comparison_that_is_sure_holds_everywhere_and_one_that_is_impossible_nowhere(name):
    rng = np.random.default_rng(7)
    (x, inside), (y, other) = numbers(rng), numbers(rng)
    y, other = (x[0] + y[0] / 50, x[0] + y[1] / 50), x[0] + other / 50  # near one another
    surely, possibly = CONDITIONS[name](x, y)
    holds = getattr(np, name)(inside, other)
    assert holds[surely[:, 0]].all() and surely.any()
    assert not holds[~possibly[:, 0]].any() and not possibly.all()
    assert (surely <= possibly).all() and (surely != possibly).any()


@pytest.mark.parametrize("name", sorted(LOGIC))
def test_what_is_sure_of_conditions_is_sure_of_their_combinations(name):
    truth = [(False, False), (False, True), (True, True)]
    function = getattr(np, name)
    count = 1 if name in {"logical_not", "invert"} else 2
    for given in np.stack(np.meshgrid(*[range(3)] * count), axis=-1).reshape(-1, count):
        ends = [truth[i] for i in given]
        surely, possibly = LOGIC[name](*((np.array(a), np.array(b)) for a, b in ends))
        choices = np.meshgrid(*[np.array(list({a, b})) for a, b in ends])
        can_be = set(function(*(c.reshape(-1) for c in choices)).tolist())
        assert (bool(surely), bool(possibly)) == (can_be == {True}, True in can_be)


def test_a_choice_has_the_ends_of_what_may_be_chosen():
    condition = (np.array([[True], [False], [False]]), np.array([[True], [True], [False]]))
    x, y = (np.full((3, 1), 1.0), np.full((3, 1), 2.0)), (10.0, 20.0)
    low, high = ends_of_choice(condition, x, y)
    assert low[:, 0].tolist() == [1, 1, 10]
    assert high[:, 0].tolist() == [2, 20, 20]
