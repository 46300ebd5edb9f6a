"""Order statistics at ties: one-sided slopes by hand, and what PyTorch picks among them."""

import pytest

import symdiff

# text, x, the slopes on the left and on the right of every component
AT_TIES = [
    ("x.sort().values[0]", [1, 1, 2], [(1, 0), (1, 0), (0, 0)]),
    ("x.sort().values[1]", [1, 1, 2], [(0, 1), (0, 1), (0, 0)]),
    ("x.sort(0, True).values[0]", [1, 2, 2], [(0, 0), (0, 1), (0, 1)]),
    ("x.sort().values @ [1, 2, 3]", [1, 1, 1], [(1, 3), (1, 3), (1, 3)]),
    ("x.sort().values.sum()", [1, 1, 1], [(1, 1), (1, 1), (1, 1)]),
    ("x.median()", [1, 1, 1], [(0, 0), (0, 0), (0, 0)]),
    ("x.median()", [2, 2, 1, 3], [(1, 0), (1, 0), (0, 0), (0, 0)]),
    ("x.kthvalue(2).values", [3, 1, 3], [(1, 0), (0, 0), (1, 0)]),
    ("x.topk(2).values.sum()", [1, 2, 2, 2], [(0, 0), (0, 1), (0, 1), (0, 1)]),
    ("x.quantile(0.75)", [1, 2, 2], [(0, 0), (0.5, 0.5), (0.5, 0.5)]),
    ("x.cummax(0).values.sum()", [1, 1, 0], [(1, 3), (0, 2), (0, 0)]),
    ("x.cummin(0).values @ [1, 1, 1]", [1, 2, 2], [(3, 3), (0, 0), (0, 0)]),
]  # fmt: skip


def records(text, values, engine="autograd"):
    comparison = symdiff.compare(text, values={"x": values}, engines=(engine,))
    return [record for record in comparison.records() if record["engine"] == engine]


@pytest.mark.parametrize(("text", "values", "slopes"), AT_TIES)
def test_the_slopes_at_ties_are_those_by_hand(text, values, slopes):
    found = [
        slope for record in records(text, values) for slope in (record["left"], record["right"])
    ]
    assert found == pytest.approx([slope for pair in slopes for slope in pair])


@pytest.mark.parametrize(("text", "values"), [(text, values) for text, values, _ in AT_TIES])
def test_pytorch_picks_an_element_of_the_clarke_set_at_ties(text, values):
    verdicts = {record["verdict"] for record in records(text, values)}
    assert verdicts <= {"agrees", "subgradient"}


# text, x, the gradient
PRODUCTS_WITH_ZEROS = [
    ("x.prod()", [0, 2, 3], [6, 0, 0]),
    ("x.prod()", [0, 0, 3], [0, 0, 0]),
    ("x.prod()", [2, 0, -3], [0, -6, 0]),
    ("x.cumprod(0).sum()", [0, 2, 3], [1 + 2 + 6, 0, 0]),
    ("x.cumprod(0).sum()", [2, 0, 3], [1, 2 + 6, 0]),
    ("x.cumprod(0).sum()", [0, 0, 3], [1, 0, 0]),
]


@pytest.mark.parametrize(("text", "values", "gradient"), PRODUCTS_WITH_ZEROS)
def test_products_with_zeros_have_their_gradient(text, values, gradient):
    found = records(text, values)
    assert [record["derivative"] for record in found] == pytest.approx(gradient)
    assert {record["verdict"] for record in found} == {"agrees"}


def test_a_wrong_slope_at_a_tie_is_found():
    # Negative control: 2 is no slope of a minimum.
    claims = {"x": "[2, 0]"}
    comparison = symdiff.compare("x.sort().values[0]", values={"x": [1, 1]}, claims=claims)
    assert "not-subgradient" in {record["verdict"] for record in comparison.records()}


def test_an_order_of_an_undefined_number_is_undefined():
    comparison = symdiff.compare("sqrt(x).sort().values[1]", values={"x": [2, -1]})
    assert {record["kind"] for record in comparison.records()} == {"outside"}
