"""The closed list of verdicts, and agreement within tolerance."""

import numpy as np
import pytest

from symdiff.verdict import Tolerance, Verdict

PAIRS = [
    # two numbers, whether they agree
    (1.0, 1.0, True),
    (1.0, 1.0 + 1e-12, True),
    (1.0, 1.0 + 1e-8, False),
    (4.2e-18, 0.0, False),  # a small derivative rounded to 0 does not agree
    (0.0, 0.0, True),
    (0.0, -0.0, True),
    (np.inf, np.inf, True),
    (np.inf, -np.inf, False),
    (np.inf, 1e308, False),
    (np.nan, np.nan, False),  # no number is no agreement
    (np.nan, 1.0, False),
    (1e300, -1e300, False),
]


@pytest.mark.parametrize(("a", "b", "agree"), PAIRS)
def test_agreement_of_two(a, b, agree):
    for pair in ((a, b), (b, a)):
        found = agreement([np.array([v]) for v in pair], [None, None], Tolerance())
        assert found.agree.tolist() == [agree]


def test_all_pairs_have_to_agree():
    values = [np.array([0.0]), np.array([0.9]), np.array([1.8])]
    assert agreement(values[:2], [None] * 2, Tolerance(atol=1)).agree.all()
    found = agreement(values, [None] * 3, Tolerance(atol=1))
    assert not found.agree.any()
    assert found.spread == pytest.approx([1.8])


def test_an_engine_s_own_error_widens_the_tolerance():
    values = [np.array([1.0, 1.0]), np.array([1.1, 1.1])]
    found = agreement(values, [None, np.array([0.2, 0.05])], Tolerance())
    assert found.agree.tolist() == [True, False]


def test_an_engine_that_failed_at_a_point_takes_no_part_there():
    values = [np.array([1.0, 1.0]), np.array([1.0, 1.0]), np.array([np.nan, 5.0])]
    present = [None, None, np.array([False, True])]
    found = agreement(values, [None] * 3, Tolerance(), present=present)
    assert found.agree.tolist() == [True, False]


def test_one_engine_alone_agrees_with_nobody():
    assert not agreement([np.ones(2)], [None], Tolerance()).agree.any()


def test_the_list_is_closed():
    assert [str(v) for v in Verdict] == [
        *("agrees", "inexact", "subgradient", "undefined", "wrong", "not-subgradient", "nonfinite"),
        *("silent", "failed", "unsupported", "undecided"),
    ]
    failing = {v for v in Verdict if not v.passes}
    assert failing == {Verdict.WRONG, Verdict.NOT_SUBGRADIENT, Verdict.NONFINITE, Verdict.FAILED}
