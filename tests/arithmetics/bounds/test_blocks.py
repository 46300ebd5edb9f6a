"""Blocks: they are bounded at once, and computed where somebody asks, as numpy computes them."""

import numpy as np
import pytest
import scipy.special

from symdiff import chunks
from symdiff.arithmetics.bounds.blocks import (
    Blocks,
    applied,
    everywhere,
    in_blocks,
    is_anywhere,
    larger_of,
    least,
    lowest,
    size_of,
    to_integers,
    write_rows,
)

SHAPE = (40, 16)


def column(low=0.5, high=3.0):
    return np.linspace(low, high, SHAPE[0] * SHAPE[1]).reshape(SHAPE)


def is_computed(blocks):
    return blocks.computed is not None


# What is made of x, numpy's array or blocks.
MADE = {
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
    "x - x.mean": lambda x: x - np.full((SHAPE[0], 1), 0.25),
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


@pytest.mark.parametrize("text", MADE)
@pytest.mark.parametrize("threads", ["1", "3"])
def test_the_numbers_are_numpy_s_own_and_lie_between_the_ends(monkeypatch, text, threads):
    monkeypatch.setattr(chunks, "CHUNK", 64)
    monkeypatch.setattr(chunks, "BLOCK", 16)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    x = column()
    with np.errstate(all="ignore"):
        wanted = MADE[text](x)
        found = MADE[text](in_blocks(x))
        low, high = found.ends
    broken = ~np.isfinite(wanted).all(axis=1)
    assert ((wanted >= low) & (wanted <= high))[~broken].all()
    assert (~np.isfinite(np.stack(found.ends))).any(axis=(0, 2))[broken].all()
    np.testing.assert_allclose(found.values, wanted, rtol=1e-15, equal_nan=True)
    np.testing.assert_array_equal(x, column())  # what was given is left alone


@pytest.mark.parametrize("text", MADE)
def test_a_few_blocks_have_the_numbers_of_the_whole(text):
    x = column()
    with np.errstate(all="ignore"):
        wanted = MADE[text](x)
        found = MADE[text](in_blocks(x))
    for rows in (slice(0, 3), slice(3, 39), slice(39, 40)):
        out = np.full((rows.stop - rows.start, SHAPE[1]), 5.0)
        write_rows(found, rows, out)
        np.testing.assert_allclose(out, wanted[rows], rtol=1e-15, equal_nan=True)
    np.testing.assert_array_equal(x, column())


def test_what_is_bounded_is_not_computed():
    x = in_blocks(column())
    y = np.exp(-x) * x + 1
    assert size_of(y).shape == (40, 1) and (least(y) > 1).all()
    assert not is_computed(y)
    assert (y > 0).all() and not (y < 0).any() and everywhere(y > 0.5).all()
    assert not is_computed(y)
    y.tighten()
    assert is_computed(y) and size_of(y)[0, 0] == y.values[0].max()


def test_what_no_rule_bounds_is_computed_for_its_ends():
    y = scipy.special.erf(in_blocks(column()))
    assert is_computed(y)
    assert size_of(y).shape == (40, 1)


def test_a_function_that_is_no_ufunc_is_applied_in_pieces(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 64)
    monkeypatch.setattr(chunks, "BLOCK", 16)
    seen = []

    def polygamma(n, x):
        seen.append(x.size)
        return scipy.special.polygamma(n, x)

    found = applied(polygamma, (1, in_blocks(column())))
    np.testing.assert_array_equal(found.values, scipy.special.polygamma(1, column()))
    assert len(seen) > 2 and max(seen) <= 64
    assert applied(np.sinc, [0.0]) == 1


def test_a_dear_number_is_computed_once():
    seen = []

    def dear(x):
        seen.append(x.size)
        return -x

    y = applied(dear, [in_blocks(column())])
    count = len(seen)
    assert ((y + 1) * y).values.min() <= 0 < (scipy.special.erf(y) + y).values.size
    assert len(seen) == count


def test_ends_are_taken_from_the_numbers_where_many_blocks_are_wide():
    """x*(3 - x): by its ends a wide block says next to nothing."""
    x = in_blocks(np.linspace(0.0, 3.0, 32).reshape(2, 16))
    y = x * (3 - x)
    assert [end.max().item() for end in y.ends] == [0, y.values.max()]


def test_of_a_choice_that_is_sure_one_side_is_computed():
    def only_below(x):
        assert x.max() < 2
        return -x

    x = in_blocks(column())
    low, high = x.ends
    other = Blocks(SHAPE, ends=(-high, -low), work=(only_below, (x,)))
    assert np.where(x > 0.4, x, other) is x and np.where(np.False_, other, x) is x
    y = np.where(x > 1.7, x, other)
    assert (y.rows(slice(30, 40)) == x.values[30:]).all()
    assert (y.rows(slice(0, 4)) == -x.values[:4]).all()
    assert ((2 * y).rows(slice(30, 40)) == 2 * x.values[30:]).all()
    with pytest.raises(AssertionError):  # negative control
        y.values  # noqa: B018


def test_numbers_are_no_conditions():
    """-1, 0 and 1: by its ends such a block would be true everywhere."""
    numbers = in_blocks(np.array([[-1.0, 0.0, 1.0]]))
    either = np.logical_or(numbers, in_blocks(np.ones((1, 3))) > 2)
    assert either.any() and not either.all()
    assert np.where(numbers, 5.0, 7.0).values.tolist() == [[5, 7, 5]]


def test_where_a_block_has_no_number_its_points_are_asked():
    x = in_blocks(np.array([[np.nan, 1.0]]))
    assert (x > 0).any() and not (x > 0).all()
    assert np.isnan(x).any() and not np.isfinite(x).all()
    assert (x > 0).values.tolist() == [[False, True]]
    y = np.exp(1000 * in_blocks(column()))
    assert not y.is_finite
    assert (np.isfinite(y).values == np.isfinite(y.values)).all()


def test_a_number_that_two_need_is_not_overwritten_by_one():
    x = in_blocks(column())
    y = np.exp(x)
    chosen = np.where(x > 0, y, 0.0)  # the same numbers, by another name
    z = (y + 1) * chosen + y
    wanted = (np.exp(column()) + 1) * np.exp(column()) + np.exp(column())
    np.testing.assert_array_equal(z.values, wanted)
    np.testing.assert_array_equal((y * y + y).values, np.exp(column()) ** 2 + np.exp(column()))


def test_long_chains_are_computed_without_recursion():
    y = x = in_blocks(column())
    for _ in range(5000):
        y = y + x
    np.testing.assert_allclose(y.values, 5001 * column(), rtol=1e-11)


def test_bounds_beside_zero_and_integers():
    x = in_blocks(np.array([[1.25, 1.5], [1.75, 2.25], [-0.5, 0.25], [3.0, 3.25]]))
    assert least(x)[:, 0].tolist() == [1.25, 1.75, 0, 3]
    assert lowest(x)[:, 0].tolist() == [1.25, 1.75, -0.5, 3]
    assert to_integers(x)[:, 0].tolist() == [0.25, 0, 0, 0]
    assert to_integers(np.array([1.25, 1.75])).tolist() == [0.25, 0.25]


def test_the_larger_bound_counts_where_either_may_be_chosen():
    mask = in_blocks(np.array([[1.0, 1.1], [0.9, 1.1], [0.8, 0.9]])) >= 1.0
    assert larger_of(mask, 2.0, 3.0)[:, 0].tolist() == [2, 3, 3]
    assert larger_of(mask, 5.0, 3.0)[:, 0].tolist() == [5, 5, 3]
    assert is_anywhere(mask) and not mask.all()
    assert everywhere(mask)[:, 0].tolist() == [True, False, False]


def test_many_conditions_are_not_one():
    with pytest.raises(ValueError, match="many numbers"):
        bool(in_blocks(column()) > 1)


def test_points_that_are_no_blocks_stay_as_they_are():
    x = np.array([1.0, -2.0])
    assert in_blocks(x) is x
    assert size_of(x).tolist() == [1, 2]
