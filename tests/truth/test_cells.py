"""Points of long grids are ordered by cells, so that one bound holds for a block of them."""

import numpy as np
import pytest

from symdiff import chunks
from symdiff.program import parse
from symdiff.truth import certify as module
from symdiff.truth.cells import order_by_cells
from symdiff.truth.certify import certify

COUNT = 10_000


def scattered(count=COUNT, dimensions=2):
    """Return coordinates along several variables, in no order."""
    random = np.random.default_rng(3)
    return {name: random.uniform(-3, 3, count) for name in "xyzuvw"[:dimensions]}


@pytest.mark.parametrize("dimensions", [1, 2, 3, 6])
def test_points_that_follow_each_other_lie_close_together(dimensions):
    columns = scattered(dimensions=dimensions)
    order = order_by_cells(columns, 64)
    assert sorted(order.tolist()) == list(range(COUNT))
    blocks = COUNT // 64
    cells = max(2.0, 2.0 ** ((blocks.bit_length() - 1) // dimensions))  # along each variable
    for x in columns.values():
        rows = x[order][: blocks * 64].reshape(blocks, 64)
        widths = rows.max(axis=1) - rows.min(axis=1)
        assert np.median(widths) <= 2 * 6 / cells


def test_points_along_a_curve_and_points_without_a_range_stay_in_order():
    t = np.linspace(0, 1, COUNT)
    assert order_by_cells({"x": t, "y": t**2}, 64) is None
    assert order_by_cells({"x": t, "y": np.full(COUNT, 2.0)}, 64) is None
    assert order_by_cells({"x": np.where(t > 0.5, np.inf, t)}, 64) is None
    assert order_by_cells({}, 64) is None
    assert order_by_cells({"x": t[:64], "y": t[64::-1][:64]}, 64) is None  # a single block


@pytest.mark.parametrize("text", ["exp(-x**2)*sin(3*x + y)", "abs(x - y)*x", "log(x)*y"])
def test_a_grid_in_cells_is_certified_like_its_points(monkeypatch, text):
    count = 100_000
    columns, program = scattered(count), parse(text)
    alone = certify(program, "x", columns, [5])
    monkeypatch.setattr(chunks, "CHUNK", 1024)
    by_points = []
    original = module._bounded

    def spy(program, variable, part):
        by_points.append(part["x"].size if part["x"].ndim == 1 else 0)
        return original(program, variable, part)

    monkeypatch.setattr(module, "_bounded", spy)
    in_cells = certify(program, "x", columns, [5])
    assert (alone.is_certified == in_cells.is_certified).all() and not in_cells.is_certified[5]
    assert (alone.outside == in_cells.outside).all()
    np.testing.assert_allclose(alone.derivative, in_cells.derivative, rtol=1e-10, equal_nan=True)
    # With one bound for a block, most points are not bounded one by one.
    assert 0 < sum(by_points) < count / 3
    by_points.clear()
    monkeypatch.setattr(module, "order_by_cells", lambda columns, size: None)
    certify(program, "x", columns, [5])
    assert sum(by_points) > count * 0.9  # so they are without an order
