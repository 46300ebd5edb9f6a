"""Long arrays are processed in chunks, on several threads."""

import os
import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest
import torch

import symdiff
from symdiff import chunks
from symdiff.arithmetics import arrays
from symdiff.engines.registry import load
from symdiff.truth import values
from symdiff.truth.kinds import Kind
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


def test_the_exception_of_the_first_failing_chunk_is_raised(monkeypatch):
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
    bounds = []
    chunks.in_chunks(101, lambda chunk: bounds.append((chunk.start, chunk.stop)))
    assert sorted(bounds) == [(0, 36), (36, 72), (72, 101)]


def test_the_calling_thread_processes_chunks_too(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 10)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    together, seen = threading.Barrier(2, timeout=60), set()

    def work(chunk):
        seen.add(threading.get_ident())
        together.wait()  # fails unless two threads wait

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


def test_a_thread_that_is_done_processes_chunks_of_the_other(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 10)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    together = threading.Barrier(2, timeout=60)
    chunks.side_by_side(lambda: chunks.in_chunks(20, lambda _: together.wait()), lambda: None)


def planted():
    raise ZeroDivisionError("planted")


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("functions", [(planted, int), (int, planted)])
def test_an_exception_of_one_function_is_raised_after_both_have_ended(
    monkeypatch, threads, functions
):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    with pytest.raises(ZeroDivisionError, match="planted"):
        chunks.side_by_side(*functions)


def test_no_function_still_runs_when_an_exception_is_raised(monkeypatch):
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


def output_of(code):
    """Run Python code in a process with two threads, and return its output."""
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_starts_new_threads():
    """A forked process does not inherit the threads of its parent."""
    output_of("""
import os, threading
from symdiff import chunks

def both():
    together = threading.Barrier(2, timeout=20)  # fails unless two threads wait
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


def test_chunks_are_processed_while_the_interpreter_shuts_down():
    """New threads cannot be started then."""
    printed = output_of("""
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
    assert printed == "True\nTrue\n"


def test_later_threads_find_the_former_number_of_torch_s_threads():
    """Several comparisons at the same time make torch use fewer threads for a while."""
    printed = output_of("""
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
    assert printed == "4\n4\n"


def recorded(monkeypatch, names):
    """Record each call of `differentiate`: its thread, torch's threads, the number of points."""
    seen = {name: [] for name in names}
    for name in names:
        kind = type(load(name))

        def spy(self, problem, differentiate=kind.differentiate):
            call = (threading.get_ident(), torch.get_num_threads(), problem.count)
            seen[self.name].append(call)
            return differentiate(self, problem)

        monkeypatch.setattr(kind, "differentiate", spy)
    return seen


def test_on_a_long_grid_an_engine_not_in_chunks_runs_beside_on_half_of_torch_s_threads(
    monkeypatch,
):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(chunks, "CHUNK", 500)
    seen = recorded(monkeypatch, ["symbolic", "forward"])
    # The calling thread would run both if it were done with the chunks before the other begins.
    begun = threading.Event()
    forward, symbolic = (type(load(name)) for name in ("forward", "symbolic"))
    run_forward, run_symbolic = forward.differentiate, symbolic.differentiate
    monkeypatch.setattr(forward, "differentiate", lambda *a: begun.set() or run_forward(*a))
    monkeypatch.setattr(symbolic, "differentiate", lambda *a: begun.wait(60) and run_symbolic(*a))
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        grid = {"x": np.linspace(-2, 2, 4001)}
        symdiff.compare("x*exp(-x)", grid, engines=["symbolic", "forward"])
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)
    ((thread, threads, count),) = seen["forward"]
    assert (thread != threading.get_ident(), threads, count) == (True, 2, 4001)
    assert threading.get_ident() in {thread for thread, *_ in seen["symbolic"]}


def test_on_a_long_grid_autograd_runs_in_chunks_each_on_one_thread_of_torch(monkeypatch):
    """What a chunk needs stays in the cache, so that it takes a fraction of the time."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(chunks, "CHUNK", 1024)
    seen, passes = recorded(monkeypatch, ["autograd"]), []
    original = torch.autograd.grad

    def grad(output, *arguments, **options):
        passes.append(torch.get_num_threads())
        return original(output, *arguments, **options)

    monkeypatch.setattr(torch.autograd, "grad", grad)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        symdiff.compare("x*exp(-x)", {"x": np.linspace(-2, 2, 4001)})
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)
    assert sorted(count for *_, count in seen["autograd"]) == [929, 1024, 1024, 1024]
    assert passes == [1] * 4  # one backward pass for each chunk
    passes.clear()
    symdiff.compare("x*exp(-x)", {"x": np.linspace(-2, 2, 1001)})
    assert len(passes) == 2  # on a short grid the second one shows whether both give the same


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
def test_a_grid_in_chunks_gives_the_results_of_one_in_a_single_chunk(monkeypatch, text):
    """An engine may fail at points of some chunks only."""
    grid = {"x": np.linspace(-2, 2, 4001)}
    single = symdiff.compare(text, grid)
    monkeypatch.setattr(chunks, "CHUNK", 500)
    several = symdiff.compare(text, grid)
    assert single.evidence[0].counts() == several.evidence[0].counts()
    for engine in single.evidence[0].engines:
        np.testing.assert_allclose(
            single.values(engine), several.values(engine), rtol=1e-12, equal_nan=True
        )
    reasons = [c.evidence[0].trials[0].samples["autograd"].reasons for c in (single, several)]
    assert reasons[0] == reasons[1]


def test_on_a_long_grid_errors_are_estimated_where_the_engine_does_not_agree(monkeypatch):
    """Elsewhere the estimate is NaN: 0 would mean that there is no error."""
    grid = {"x": np.linspace(-2, 2, 1001)}
    whole = symdiff.compare("abs(x - 1/3)*exp(x)", grid).evidence[0].trials[0]
    monkeypatch.setattr(chunks, "CHUNK", 100)
    chunked = symdiff.compare("abs(x - 1/3)*exp(x)", grid).evidence[0].trials[0]
    agrees = chunked.judgements["central", "x"].codes == Verdict.AGREES
    errors, straddling = (
        [getattr(trial.samples["central"], name)["x"] for trial in (whole, chunked)]
        for name in ("errors", "straddling")
    )
    estimated = ~np.isnan(errors[1])
    assert estimated.any() and (~estimated).any() and (estimated | agrees).all()
    np.testing.assert_allclose(errors[0][estimated], errors[1][estimated], rtol=1e-12)
    assert (straddling[0][estimated] == straddling[1][estimated]).all() and straddling[1].any()
    assert not chunked.samples["autograd"].errors


def test_the_values_of_a_long_grid_are_compared_in_chunks(monkeypatch):
    """No column of intermediate values is as long as the grid."""
    monkeypatch.setattr(chunks, "CHUNK", 1024)
    lengths = []

    def spy(program, inputs, **options):
        lengths.append(len(inputs["x"]))
        return arrays.evaluate(program, inputs, **options)

    monkeypatch.setattr(values, "evaluate", spy)
    symdiff.compare("x*exp(-x)", {"x": np.linspace(-2, 2, 4001)})
    assert sum(lengths) == 4001 and max(lengths) == 1024


def test_at_most_2000_points_of_a_smooth_grid_of_a_million_are_proved():
    """Proofs are slow: this guards the speed of long grids."""
    for text in ("exp(-x**2)*sin(3*x) + log(1 + x**2)", "tanh(x)*sigmoid(2*x)"):
        comparison = symdiff.compare(text, {"x": np.linspace(-2, 2, 10**6)})
        (truths,) = comparison.evidence[0].trials[0].truths.values()
        assert len(truths) == 10**6
        assert 0 < np.count_nonzero(truths.proved) <= 2000
        assert comparison.ok


def test_a_comparison_copies_no_column_of_certified_derivatives_to_put_proofs_in():
    """The columns with proofs are made when a report reads them."""
    comparison = symdiff.compare("relu(x)*exp(-x)", {"x": np.linspace(-2, 2, 300_001)})
    truths = comparison.evidence[0].trials[0].truths["x"]
    made = {"derivative", "errors", "left", "right"} & set(vars(truths))
    assert not made and len(truths.proofs)
    (kink,) = truths.proofs.points[truths.proofs.kinds == Kind.KINK].tolist()
    for i in (kink, kink + 1000):  # a point that is proved, and one that is not
        assert truths.one_sided(i) == (truths.left[i], truths.right[i])
        np.testing.assert_equal(truths.derivative_at(i), truths.derivative[i])


def test_a_comparison_of_a_long_grid_keeps_few_whole_columns(monkeypatch):
    """At most one column beside those of the result: all else is as long as a chunk."""
    monkeypatch.setattr(chunks, "CHUNK", 2**13)
    count = 400_000
    grid = {"x": np.linspace(-2, 2, count)}
    symdiff.compare("relu(x)*cos(x) + abs(x - 1)", grid)  # what is kept for later comparisons
    tracemalloc.start()
    try:
        comparison = symdiff.compare("relu(x)*cos(x) + abs(x - 1)", grid)
        kept, most = (size / (8 * count) for size in tracemalloc.get_traced_memory())
    finally:
        tracemalloc.stop()
    assert comparison.ok
    # Points, four columns of numbers, estimates of their errors, derivatives and their bounds, codes.
    assert kept <= 11
    assert most <= kept + 1
