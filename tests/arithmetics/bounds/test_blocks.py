"""Blocks of points: bounded by intervals, computed lazily, equal to what numpy computes."""

import numpy as np
import pytest
import scipy.special

from symdiff import chunks
from symdiff.arithmetics.bounds.block_bounds import (
    distance_to_integers,
    everywhere,
    is_anywhere,
    larger_of,
    least,
    lowest,
    size_of,
)
from symdiff.arithmetics.bounds.blocks import Blocks, apply_elementwise, in_blocks, write_rows

SHAPE = (40, 16)


def column(low=0.5, high=3.0):
    return np.linspace(low, high, SHAPE[0] * SHAPE[1]).reshape(SHAPE)


def is_computed(blocks):
    return blocks.computed is not None


# Functions of x, which is a numpy array or blocks; b is one number for every block.
FUNCTIONS = {
    "x*x - 3*x + 1": lambda x: x * x - 3 * x + 1,
    "exp(-x)*x + 2/x": lambda x: np.exp(-x) * x + 2 / x,
    "x**2 + x**0.5 + x**-1 + x**1 + x**3": lambda x: x**2 + x**0.5 + x**-1 + x**1 + x**3,
    "where(x > 1, x, -x)*x": lambda x: np.where(x > 1, x, -x) * x,
    "where(x > 1, 2, x) + where(x > 9, x, 1)": lambda x: (
        np.where(x > 1, 2.0, x) + np.where(x > 9, x, 1.0)
    ),
    "where((x > 1) & ~(x >= 2) | (x < 0.7), x, 0)": lambda x: np.where(
        (x > 1) & ~(x >= 2) | (x < 0.7), x, 0.0
    ),
    "erf(x) + x": lambda x: scipy.special.erf(x) + x,
    "where(x > 1.7, b, 2*b)*2*x": lambda x: (
        np.where(x > 1.7, np.full((SHAPE[0], 1), 3.0), np.full((SHAPE[0], 1), 6.0)) * 2.0 * x
    ),
    "x - b": lambda x: x - np.full((SHAPE[0], 1), 0.25),
    "sin(50*x)*cos(x)": lambda x: np.sin(50 * x) * np.cos(x),
    "sqrt(x - 1)": lambda x: np.sqrt(x - 1),
    "log(x - 1)*0": lambda x: np.log(x - 1) * 0,
    "1/(x - 1.7)": lambda x: 1 / (x - 1.7),
    "exp(1000*x)*exp(-1000*x)": lambda x: np.exp(1000 * x) * np.exp(-1000 * x),
    "floor(x) + maximum(x, 1) + sign(x - 1)": lambda x: (
        np.floor(x) + np.maximum(x, 1.0) + np.sign(x - 1)
    ),
    "where(x - floor(x), x, 7)": lambda x: np.where(x - np.floor(x), x, 7.0),
    "logical_and(x - floor(x), x > 1)*x": lambda x: np.logical_and(x - np.floor(x), x > 1) * x,
}


@pytest.mark.parametrize("text", FUNCTIONS)
@pytest.mark.parametrize("threads", ["1", "3"])
def test_the_numbers_are_those_of_numpy_and_lie_within_the_intervals(monkeypatch, text, threads):
    monkeypatch.setattr(chunks, "CHUNK", 64)
    monkeypatch.setattr(chunks, "BLOCK", 16)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    x = column()
    with np.errstate(all="ignore"):
        expected = FUNCTIONS[text](x)
        blocks = FUNCTIONS[text](in_blocks(x))
        low, high = blocks.interval
    not_finite = ~np.isfinite(expected).all(axis=1)
    assert ((expected >= low) & (expected <= high))[~not_finite].all()
    assert (~np.isfinite(np.stack(blocks.interval))).any(axis=(0, 2))[not_finite].all()
    np.testing.assert_allclose(blocks.values, expected, rtol=1e-15, equal_nan=True)
    np.testing.assert_array_equal(x, column())  # the input is not changed


@pytest.mark.parametrize("text", FUNCTIONS)
def test_some_blocks_can_be_computed_without_the_others(text):
    x = column()
    with np.errstate(all="ignore"):
        expected = FUNCTIONS[text](x)
        blocks = FUNCTIONS[text](in_blocks(x))
    for rows in (slice(0, 3), slice(3, 39), slice(39, 40)):
        out = np.full((rows.stop - rows.start, SHAPE[1]), 5.0)
        write_rows(blocks, rows, out)
        np.testing.assert_allclose(out, expected[rows], rtol=1e-15, equal_nan=True)
    np.testing.assert_array_equal(x, column())


def test_blocks_with_a_rule_for_their_interval_are_not_computed():
    x = in_blocks(column())
    y = np.exp(-x) * x + 1
    assert size_of(y).shape == (40, 1) and (least(y) > 1).all()
    assert not is_computed(y)
    assert (y > 0).all() and not (y < 0).any() and everywhere(y > 0.5).all()
    assert not is_computed(y)
    y.tighten()
    assert is_computed(y) and size_of(y)[0, 0] == y.values[0].max()


def test_blocks_without_a_rule_are_computed_for_their_interval():
    y = scipy.special.erf(in_blocks(column()))
    assert is_computed(y)
    assert size_of(y).shape == (40, 1)


def test_a_function_that_is_not_a_ufunc_is_applied_in_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 64)
    monkeypatch.setattr(chunks, "BLOCK", 16)
    sizes = []

    def polygamma(n, x):
        sizes.append(x.size)
        return scipy.special.polygamma(n, x)

    blocks = apply_elementwise(polygamma, (1, in_blocks(column())))
    np.testing.assert_array_equal(blocks.values, scipy.special.polygamma(1, column()))
    assert len(sizes) > 2 and max(sizes) <= 64
    assert apply_elementwise(np.sinc, [0.0]) == 1


def test_an_elementwise_function_is_applied_once():
    sizes = []

    def minus(x):
        sizes.append(x.size)
        return -x

    y = apply_elementwise(minus, [in_blocks(column())])
    count = len(sizes)
    assert ((y + 1) * y).values.min() <= 0 < (scipy.special.erf(y) + y).values.size
    assert len(sizes) == count


def test_bounds_are_taken_from_the_numbers_where_many_blocks_are_wide():
    """The interval of x*(3 - x) on a wide block is far wider than its numbers."""
    x = in_blocks(np.linspace(0.0, 3.0, 32).reshape(2, 16))
    y = x * (3 - x)
    assert [bound.max().item() for bound in y.interval] == [0, y.values.max()]


def test_only_the_branch_of_a_condition_that_surely_holds_is_computed():
    def only_below(x):
        assert x.max() < 2
        return -x

    x = in_blocks(column())
    low, high = x.interval
    other = Blocks(SHAPE, interval=(-high, -low), operation=(only_below, (x,)))
    assert np.where(x > 0.4, x, other) is x and np.where(np.False_, other, x) is x
    y = np.where(x > 1.7, x, other)
    assert (y.rows(slice(30, 40)) == x.values[30:]).all()
    assert (y.rows(slice(0, 4)) == -x.values[:4]).all()
    assert ((2 * y).rows(slice(30, 40)) == 2 * x.values[30:]).all()
    with pytest.raises(AssertionError):  # negative control
        y.values  # noqa: B018


def test_numbers_are_not_mistaken_for_conditions():
    """Both bounds of a block of -1, 0 and 1 are nonzero, but 0 counts as False."""
    numbers = in_blocks(np.array([[-1.0, 0.0, 1.0]]))
    either = np.logical_or(numbers, in_blocks(np.ones((1, 3))) > 2)
    assert either.any() and not either.all()
    assert np.where(numbers, 5.0, 7.0).values.tolist() == [[5, 7, 5]]


def test_a_block_with_a_nan_is_compared_point_by_point():
    x = in_blocks(np.array([[np.nan, 1.0]]))
    assert (x > 0).any() and not (x > 0).all()
    assert np.isnan(x).any() and not np.isfinite(x).all()
    assert (x > 0).values.tolist() == [[False, True]]
    y = np.exp(1000 * in_blocks(column()))
    assert not y.is_finite
    assert (np.isfinite(y).values == np.isfinite(y.values)).all()


def test_a_number_that_is_used_twice_is_not_overwritten():
    x = in_blocks(column())
    y = np.exp(x)
    chosen = np.where(x > 0, y, 0.0)  # an alias of y
    z = (y + 1) * chosen + y
    expected = (np.exp(column()) + 1) * np.exp(column()) + np.exp(column())
    np.testing.assert_array_equal(z.values, expected)
    np.testing.assert_array_equal((y * y + y).values, np.exp(column()) ** 2 + np.exp(column()))


def test_long_chains_are_computed_without_recursion():
    y = x = in_blocks(column())
    for _ in range(5000):
        y = y + x
    np.testing.assert_allclose(y.values, 5001 * column(), rtol=1e-11)


def test_lower_bounds_of_the_distance_to_zero_and_to_integers():
    x = in_blocks(np.array([[1.25, 1.5], [1.75, 2.25], [-0.5, 0.25], [3.0, 3.25]]))
    assert least(x)[:, 0].tolist() == [1.25, 1.75, 0, 3]
    assert lowest(x)[:, 0].tolist() == [1.25, 1.75, -0.5, 3]
    assert distance_to_integers(x)[:, 0].tolist() == [0.25, 0, 0, 0]
    assert distance_to_integers(np.array([1.25, 1.75])).tolist() == [0.25, 0.25]


def test_the_larger_bound_is_taken_where_the_condition_is_undecided():
    mask = in_blocks(np.array([[1.0, 1.1], [0.9, 1.1], [0.8, 0.9]])) >= 1.0
    assert larger_of(mask, 2.0, 3.0)[:, 0].tolist() == [2, 3, 3]
    assert larger_of(mask, 5.0, 3.0)[:, 0].tolist() == [5, 5, 3]
    assert is_anywhere(mask) and not mask.all()
    assert everywhere(mask)[:, 0].tolist() == [True, False, False]


def test_blocks_have_no_single_truth_value():
    with pytest.raises(ValueError, match="ambiguous"):
        bool(in_blocks(column()) > 1)


def test_a_column_of_points_is_not_turned_into_blocks():
    x = np.array([1.0, -2.0])
    assert in_blocks(x) is x
    assert size_of(x).tolist() == [1, 2]
