"""Long arrays in chunks: every point is worked on once, and failures are raised."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch

import symdiff
from symdiff import chunks
from symdiff.engines.registry import load
from symdiff.verdict.words import Verdict


@pytest.mark.parametrize("count", [0, 1, 10, 11, 95])
@pytest.mark.parametrize("threads", ["1", "3"])
def test_every_point_is_in_one_chunk(monkeypatch, count, threads):
    monkeypatch.setattr(chunks, "CHUNK", 10)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    seen = np.zeros(count, dtype=int)

    def work(chunk):
        seen[chunk] += 1

    chunks.in_chunks(count, work)
    assert (seen == 1).all()


@pytest.mark.parametrize("threads", ["1", "3"])
def test_an_exception_in_a_chunk_is_raised(monkeypatch, threads):
    monkeypatch.setattr(chunks, "CHUNK", 10)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)

    def work(chunk):
        if chunk.start == 20:
            raise ZeroDivisionError("planted")

    with pytest.raises(ZeroDivisionError, match="planted"):
        chunks.in_chunks(55, work)


def test_of_several_exceptions_that_of_the_first_chunk_is_raised(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 10)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    later_has_failed = threading.Event()

    def work(chunk):
        if chunk.start == 20:
            later_has_failed.set()
            raise ValueError("later")
        if chunk.start == 10:
            later_has_failed.wait()
            raise ZeroDivisionError("first")

    with pytest.raises(ZeroDivisionError, match="first"):
        chunks.in_chunks(55, work)


def test_every_core_gets_the_same_number_of_chunks_of_whole_blocks(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 40)
    monkeypatch.setattr(chunks, "BLOCK", 4)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = []
    chunks.in_chunks(101, lambda chunk: found.append((chunk.start, chunk.stop)))
    assert sorted(found) == [(0, 36), (36, 72), (72, 101)]


def test_the_calling_thread_works_on_chunks_too(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 10)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    together, seen = threading.Barrier(2, timeout=60), set()

    def work(chunk):
        seen.add(threading.get_ident())
        together.wait()  # two at the same time, or neither

    chunks.in_chunks(20, work)
    assert threading.get_ident() in seen and len(seen) == 2


@pytest.mark.parametrize("threads", ["1", "2"])
def test_two_functions_side_by_side_return_both_results(monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert chunks.side_by_side(lambda: 1, lambda: "a") == (1, "a")


def test_two_functions_side_by_side_run_at_the_same_time(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    together = threading.Barrier(2, timeout=60)
    assert sorted(chunks.side_by_side(together.wait, together.wait)) == [0, 1]


def test_the_thread_that_is_done_first_takes_chunks_of_the_other(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 10)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    together = threading.Barrier(2, timeout=60)
    chunks.side_by_side(lambda: chunks.in_chunks(20, lambda _: together.wait()), lambda: None)


def planted():
    raise ZeroDivisionError("planted")


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("functions", [(planted, int), (int, planted)])
def test_an_exception_of_one_function_is_raised_when_the_other_is_done(
    monkeypatch, threads, functions
):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    with pytest.raises(ZeroDivisionError, match="planted"):
        chunks.side_by_side(*functions)


def test_nothing_runs_on_after_an_exception_was_raised(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    begun, failed, done = threading.Event(), threading.Event(), threading.Event()

    def here():
        begun.wait()
        failed.set()
        planted()

    def there():
        begun.set()
        failed.wait()
        time.sleep(0.1)
        done.set()

    with pytest.raises(ZeroDivisionError, match="planted"):
        chunks.side_by_side(here, there)
    assert done.is_set()


def runs(code):
    """Run a program on two cores."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked here")
def test_a_forked_process_has_threads_of_its_own():
    """A forked process does not inherit the threads of its parent."""
    runs("""
import os, threading
from symdiff import chunks

def both():
    together = threading.Barrier(2, timeout=20)  # two at the same time, or neither
    try:
        return sorted(chunks.side_by_side(together.wait, together.wait)) == [0, 1]
    except threading.BrokenBarrierError:
        return False

assert both()
child = os.fork()
if not child:
    os._exit(0 if both() else 1)
assert os.waitpid(child, 0)[1] == 0
""")


def test_work_goes_on_while_the_interpreter_ends():
    """Then no thread can be asked to help."""
    said = runs("""
import atexit, threading
import numpy, torch, symdiff

def late():
    print(symdiff.compare("relu(x)", {"x": numpy.linspace(-1, 1, 300000)}).ok)

def when_the_main_thread_is_done():
    threading.main_thread().join()
    late()

threading.Thread(target=when_the_main_thread_is_done).start()
atexit.register(late)
""")
    assert said == "True\nTrue\n"


def test_threads_that_come_later_have_as_many_of_torch_as_before():
    """Although several comparisons at the same time have it use fewer."""
    said = runs("""
import concurrent.futures, threading
import numpy, torch, symdiff

torch.set_num_threads(4)
x = numpy.linspace(-1, 1, 300000)
with concurrent.futures.ThreadPoolExecutor(4) as users:
    list(users.map(lambda n: symdiff.compare(f"abs(x - 1/{n})", {"x": x}), range(2, 10)))
later = threading.Thread(target=lambda: print(torch.get_num_threads()))
later.start()
later.join()
print(torch.get_num_threads())
""")
    assert said == "4\n4\n"


def test_on_a_long_grid_torch_runs_beside_the_others_on_half_of_its_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(chunks, "CHUNK", 500)
    seen = {}
    for name in ("symbolic", "autograd"):
        engine = load(name)

        def spy(problem, engine=engine, differentiate=engine.differentiate):
            seen.setdefault(engine.name, []).append(
                (threading.get_ident(), torch.get_num_threads())
            )
            return differentiate(problem)

        monkeypatch.setattr(type(engine), "differentiate", staticmethod(spy))
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        symdiff.compare("x*exp(-x)", {"x": np.linspace(-2, 2, 4001)})
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)
    ((thread, threads),) = seen["autograd"]
    assert thread != threading.get_ident() and threads == 2
    assert (threading.get_ident(), 4) in seen["symbolic"]


@pytest.mark.parametrize(
    ("value", "threads"), [("1", 1), ("7", 7), ("nonsense", 2), ("0", 2), ("", 2), (None, 2)]
)
def test_the_threads_follow_the_variable_that_torch_reads(monkeypatch, value, threads):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5}, raising=False)
    if value is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert chunks.cores() == threads


@pytest.mark.parametrize(
    "text", ["exp(-x**2)*sin(3*x)", "abs(x - 1/3)*x", "heaviside(x, 0.5)", "log(x)", "x.detach()*x"]
)
def test_pieces_give_what_one_pass_gives(monkeypatch, text):
    """Also where an engine fails, at points of some pieces only."""
    grid = {"x": np.linspace(-2, 2, 4001)}
    one = symdiff.compare(text, grid)
    monkeypatch.setattr(chunks, "CHUNK", 500)
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
    monkeypatch.setattr(chunks, "CHUNK", 100)
    brief = symdiff.compare("abs(x - 1/3)*exp(x)", grid).evidence[0].trials[0]
    agrees = brief.judgements["central", "x"].codes == Verdict.AGREES
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
