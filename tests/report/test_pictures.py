"""Pictures of comparisons, as statements about what is drawn."""

import pytest
from defusedxml import ElementTree

import symdiff
from symdiff.report.pictures import svg

# A picture of a page has at most this many bytes.
MOST_BYTES = 12_000


def evidence(expression, grid=None, **request):
    return symdiff.compare(expression, grid, **request).evidence[0]


@pytest.mark.parametrize("expression", ["relu(x)", "floor(x)", "1/x", "sqrt(x)"])
def test_a_picture_is_small_well_formed_and_always_the_same(expression):
    e = evidence(expression)
    text = svg(e)
    assert text == svg(e)
    assert len(text.encode()) < MOST_BYTES
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg") and root[0].tag.endswith("title")


def test_text_of_a_picture_is_text_without_markup():
    text = svg(evidence("relu(x)", {"x": [-1, 0, 1]}))
    assert ">autograd</text>" in text and "currentColor" in text
    assert "style=" not in text and "<script" not in text
