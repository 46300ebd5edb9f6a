"""At the border of a test on a tensor's value, the Program has both sides; elsewhere one."""

import pytest
import torch

import symdiff
from symdiff.tracing.trace import trace

D = torch.float64
AT_TIE = torch.tensor([1.0, -1.0], dtype=D)  # its sum is 0


def doubled(x):
    s = x.sum()
    if s > 0:
        s = 2 * s
    return s


def squared_or_not(x):
    s = x.sum()
    return s * s if s >= 0 else s


def jumps(x):
    return x.sum() + 1 if x.sum() > 0 else x.sum()


def smooth_all_the_same(x):
    s = x.sum()
    return 3 * s if s < 0 else s + 2 * s


def two_tests(x):
    s = x.sum()
    if s > 0:
        s = 2 * s
    if s < 0:
        s = 5 * s
    return s


def with_other_constants(x):
    table = torch.tensor([1.0, 2.0], dtype=D)
    if x.sum() > 0:
        return (x * table).sum()
    return (x * (table + 4)).sum()


def with_a_number(x):
    return x.sum().abs() if x[0] == 1 else x.sum()


CASES = [
    # function, kind along x[0], left, right
    (doubled, "kink", 1, 2),
    (squared_or_not, "kink", 1, 0),
    (jumps, "jump", None, None),
    (smooth_all_the_same, "smooth", 3, 3),
    (two_tests, "kink", 5, 2),
    (with_other_constants, "kink", 5, 1),  # 5*x0 - 6 and x0 - 2, both -1 at the border
    (with_a_number, "partial", 1, 1),  # the sum next to x0 = 1; on that line its absolute value
]


@pytest.mark.parametrize(("fn", "kind", "left", "right"), CASES)
def test_the_truth_at_the_border_has_both_sides(fn, kind, left, right):
    x = AT_TIE
    comparison = symdiff.compare(trace(fn, x), engines=["autograd"])
    record = next(r for r in comparison.records() if r["variable"] == "x[0]")
    assert record["kind"] == kind
    if left is not None:
        assert (record["left"], record["right"]) == (left, right)


@pytest.mark.parametrize("fn", [doubled, squared_or_not, jumps, two_tests])
@pytest.mark.parametrize("shift", [0.25, -0.25])
def test_off_the_border_one_side_is_traced_and_the_report_says_so(fn, shift):
    program = trace(fn, AT_TIE + shift)
    assert " if " not in program.text
    assert any("the trace holds where" in note for note in program.notes)
    assert symdiff.compare(program).ok


def test_a_planted_fault_on_the_other_side_is_not_hidden():
    program = trace(doubled, AT_TIE)
    wrong = symdiff.compare(program, engines=["autograd"], claims={"x": "[3, 3]"})
    assert {r["verdict"] for r in wrong.records() if r["engine"] == "claim"} == {"not-subgradient"}


def test_many_tests_on_their_border_are_refused():
    def fn(x):
        s = x.sum()
        for k in range(5):
            if s > 0:
                s = s * (k + 2)
        return s

    with pytest.raises(symdiff.InputError, match="tests are on their border"):
        trace(fn, AT_TIE)
