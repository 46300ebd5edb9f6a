"""Long arrays in pieces: every point once, and failures are told."""

import os
import threading

import numpy as np
import pytest

import symdiff
from symdiff import pieces
from symdiff.engines import base
from symdiff.verdict import VERDICTS, Verdict


@pytest.mark.parametrize("count", [0, 1, 10, 11, 95])
@pytest.mark.parametrize("threads", ["1", "3"])
def test_every_point_is_in_one_piece(monkeypatch, count, threads):
    monkeypatch.setattr(pieces, "PIECE", 10)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    seen = np.zeros(count, dtype=int)

    def work(piece):
        seen[piece] += 1

    pieces.in_pieces(count, work)
    assert (seen == 1).all()


@pytest.mark.parametrize("threads", ["1", "3"])
def test_what_a_piece_raises_is_raised(monkeypatch, threads):
    monkeypatch.setattr(pieces, "PIECE", 10)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)

    def work(piece):
        if piece.start == 20:
            raise ZeroDivisionError("planted")

    with pytest.raises(ZeroDivisionError, match="planted"):
        pieces.in_pieces(55, work)


def test_of_several_failures_that_of_the_first_piece_is_raised(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE", 10)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    later_has_failed = threading.Event()

    def work(piece):
        if piece.start == 20:
            later_has_failed.set()
            raise ValueError("later")
        if piece.start == 10:
            later_has_failed.wait()
            raise ZeroDivisionError("first")

    with pytest.raises(ZeroDivisionError, match="first"):
        pieces.in_pieces(55, work)


def test_every_core_gets_as_many_pieces_of_whole_blocks(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE", 40)
    monkeypatch.setattr(pieces, "BLOCK", 4)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = []
    pieces.in_pieces(101, lambda piece: found.append((piece.start, piece.stop)))
    assert sorted(found) == [(0, 36), (36, 72), (72, 101)]


def test_who_asks_works_too(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE", 10)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    together, seen = threading.Barrier(2, timeout=60), set()

    def work(piece):
        seen.add(threading.get_ident())
        together.wait()  # two at the same time, or nobody

    pieces.in_pieces(20, work)
    assert threading.get_ident() in seen and len(seen) == 2


@pytest.mark.parametrize(
    ("value", "threads"), [("1", 1), ("7", 7), ("nonsense", 2), ("0", 2), ("", 2), (None, 2)]
)
def test_the_threads_follow_the_variable_that_torch_reads(monkeypatch, value, threads):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5}, raising=False)
    if value is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert pieces.cores() == threads


@pytest.mark.parametrize(
    "text", ["exp(-x**2)*sin(3*x)", "abs(x - 1/3)*x", "heaviside(x, 0.5)", "log(x)", "x.detach()*x"]
)
def test_pieces_give_what_one_pass_gives(monkeypatch, text):
    """Also where an engine fails, at points of some pieces only."""
    grid = {"x": np.linspace(-2, 2, 4001)}
    one = symdiff.compare(text, grid)
    monkeypatch.setattr(pieces, "PIECE", 500)
    monkeypatch.setattr(base, "PIECE", 500)
    other = symdiff.compare(text, grid)
    assert one.evidence[0].counts() == other.evidence[0].counts()
    for engine in one.evidence[0].engines:
        np.testing.assert_allclose(
            one.values(engine), other.values(engine), rtol=1e-12, equal_nan=True
        )
    reasons = [c.evidence[0].trials[0].samples["autograd"].reasons for c in (one, other)]
    assert reasons[0] == reasons[1]


def test_an_engine_s_doubts_are_asked_where_it_does_not_agree_at_once(monkeypatch):
    """What nobody asked is not known: an error of 0 would be a claim."""
    grid = {"x": np.linspace(-2, 2, 1001)}
    whole = symdiff.compare("abs(x - 1/3)*exp(x)", grid).evidence[0].trials[0]
    monkeypatch.setattr(pieces, "PIECE", 100)
    monkeypatch.setattr(base, "PIECE", 100)
    brief = symdiff.compare("abs(x - 1/3)*exp(x)", grid).evidence[0].trials[0]
    agrees = brief.judgements["central", "x"].codes == VERDICTS.index(Verdict.AGREES)
    errors, straddling = (
        [getattr(trial.samples["central"], name)["x"] for trial in (whole, brief)]
        for name in ("errors", "straddling")
    )
    asked = ~np.isnan(errors[1])
    assert asked.any() and (~asked).any() and (asked | agrees).all()
    np.testing.assert_allclose(errors[0][asked], errors[1][asked], rtol=1e-12)
    assert (straddling[0][asked] == straddling[1][asked]).all() and straddling[1].any()
    assert not brief.samples["autograd"].errors


def test_the_filter_leaves_few_points_to_proofs():
    """The guard of speed: on a smooth grid of a million points at most 2000 are proved."""
    for text in ("exp(-x**2)*sin(3*x) + log(1 + x**2)", "tanh(x)*sigmoid(2*x)"):
        comparison = symdiff.compare(text, {"x": np.linspace(-2, 2, 10**6)})
        (truths,) = comparison.evidence[0].trials[0].truths.values()
        assert len(truths) == 10**6
        assert 0 < np.count_nonzero(truths.proved) <= 2000
        assert comparison.ok
