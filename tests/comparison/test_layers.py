"""Normalizations and pooling: proved gradients, and what PyTorch picks at ties."""

import pytest

import symdiff

# text, values: smooth there, and proved
SMOOTH = [
    ("F.layer_norm(x, (3,)) @ [1, 2, 4]", {"x": [1, 2, 5]}),
    ("F.layer_norm(x, (3,)) @ [1, 2, 4]", {"x": [2, 2, 2]}),
    ("F.rms_norm(x, (2,), w) @ [1, 3]", {"x": [0, 0], "w": [1, -1]}),
    ("F.batch_norm(x, None, None, training=True)[0] @ [1, 2]", {"x": [[1, 2], [3, 5], [4, 4]]}),
    ("F.group_norm(x, 1)[0] @ [1, 2]", {"x": [[1, 3], [2, 2]]}),
    ("F.avg_pool1d(x, 2, stride=1, padding=1).sum()", {"x": [[1, 2, 5]]}),
    ("F.pad(x, (1, 1), 'circular')[0, 0]*x[0, 0]", {"x": [[1, 2, 5]]}),
]


@pytest.mark.parametrize(("text", "values"), SMOOTH)
def test_a_smooth_layer_is_proved_and_agrees(text, values):
    comparison = symdiff.compare(text, values=values, engines=("autograd",))
    records = comparison.records()
    assert {record["verdict"] for record in records} <= {"agrees", "inexact"}
    assert {record["kind"] for record in records} <= {"smooth", "partial"}


# text, x, the slopes on the left and on the right of every component
AT_TIES = [
    ("F.max_pool1d(x, 2)[0, 0]", [[1, 1, 0]], [(0, 1), (0, 1), (0, 0)]),
    ("F.max_pool1d(x, 2, stride=1).sum()", [[0, 1, 1]], [(0, 0), (1, 2), (0, 1)]),
    ("F.max_pool1d(x, 3, 1, 1).sum()", [[1, 1]], [(0, 2), (0, 2)]),
    ("F.max_pool2d(x, 2).sum()", [[[2, 1], [2, 2]]], [(0, 1), (0, 0), (0, 1), (0, 1)]),
]


@pytest.mark.parametrize(("text", "x", "slopes"), AT_TIES)
def test_a_tie_in_a_window_is_a_kink(text, x, slopes):
    comparison = symdiff.compare(text, values={"x": x}, engines=("autograd",))
    records = comparison.records()
    assert [(record["left"], record["right"]) for record in records] == slopes
    assert {record["verdict"] for record in records} <= {"agrees", "subgradient"}


def test_the_row_of_the_padding_is_a_constant():
    comparison = symdiff.compare(
        "F.embedding([0, 1], w, padding_idx=0).sum()",
        values={"w": [[1], [2]]},
        engines=("autograd",),
    )
    assert [(r["derivative"], r["verdict"]) for r in comparison.records()] == [
        (0, "agrees"),
        (1, "agrees"),
    ]


def test_equal_numbers_without_eps_have_no_normalization():
    comparison = symdiff.compare("F.layer_norm(x, (2,), eps=0)[0]", values={"x": [1, 1]})
    assert {record["kind"] for record in comparison.records()} == {"outside"}
