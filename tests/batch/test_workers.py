"""Worker processes, executors and a cluster: a lost worker affects one expression only."""

import concurrent.futures
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

import symdiff
from symdiff.batch.workers import _FORKED, Limits, _Cluster, start_loading
from symdiff.errors import Lost, UsageError
from tests.conftest import stop_forks

GOOD = "a: relu(x)\nb: abs(x - y) ; x = 0:1:3\nc: x**2\n"


def written(folder, text):
    path = folder / "file.txt"
    path.write_text(text)
    return path


def names(report):
    return [e.name for e in report.evidence]


def test_an_expression_that_hangs_dies_or_takes_all_memory_does_not_affect_others(
    planted, tmp_path
):
    path = written(tmp_path, "hang: x\na: relu(x)\ncrash: x\nhog: x\nb: x**2\nc: abs(x)\n")
    report = symdiff.compare_files(path, jobs=2, timeout=8, memory=1)
    assert names(report) == ["a", "b", "c"]
    messages = {error.name: str(error) for error in report.errors}
    assert all(isinstance(error, Lost) for error in report.errors)
    assert "it took more than 8 s (raise --timeout)" in messages["hang"]
    assert "its worker died" in messages["crash"]
    assert "it needs more memory than there is (raise --memory)" in messages["hog"]
    assert report.status == 1


@pytest.mark.skipif(not _FORKED, reason="workers are not forked here")
def test_workers_are_forked_from_a_process_that_has_loaded_what_they_need(monkeypatch):
    stop_forks()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    start_loading()
    assert os.environ["OMP_NUM_THREADS"] == "3"  # the caller's value is kept
    fork = multiprocessing.get_context("forkserver")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=fork) as pool:
        loaded = pool.submit(eval, "{'torch', 'sympy'} <= set(__import__('sys').modules)")
        assert loaded.result() is True
        assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
        parent = pool.submit(os.getppid).result()
    assert parent != os.getpid()
    if Path("/proc/self/task").exists():
        # No lock can be held by a thread that does not survive the fork.
        assert len(list(Path(f"/proc/{parent}/task").iterdir())) == 1


def test_a_time_limit_applies_to_one_job_too(planted, tmp_path):
    path = written(tmp_path, "hang: x\na: relu(x)\n")
    report = symdiff.compare_files(path, timeout=8)
    assert names(report) == ["a"] and [error.name for error in report.errors] == ["hang"]


def test_any_executor_gives_the_same_report(tmp_path):
    path = written(tmp_path, GOOD)
    plain = symdiff.compare_files(path).to_json()
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        assert symdiff.compare_files(path, executor=threads).to_json() == plain
        # The executor belongs to the caller and is not shut down.
        assert threads.submit(int).result() == 0


def test_a_broken_executor_is_reported_for_the_expressions_it_lost(planted, tmp_path):
    path = written(tmp_path, "crash: x\na: x\n")
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as pool:
        report = symdiff.compare_files(path, executor=pool)
    assert {error.name for error in report.errors} >= {"crash"}
    assert all("its worker died" in str(error) for error in report.errors)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"timeout": 0}, "timeout cannot be 0"),
        ({"memory": -1}, "memory cannot be -1"),
        ({"memory": 1e-9}, "at least 0.25"),
    ],
)
def test_limits_that_are_too_small_are_refused(limits, message):
    with pytest.raises(UsageError, match=message):
        Limits(**limits)


def test_a_time_limit_of_0_is_not_the_default(tmp_path):
    with pytest.raises(UsageError, match="timeout cannot be"):
        symdiff.compare_files(written(tmp_path, GOOD), timeout=0)


def test_an_executor_and_a_cluster_together_are_refused(tmp_path):
    with (
        concurrent.futures.ThreadPoolExecutor(1) as threads,
        pytest.raises(UsageError, match="give one of them"),
    ):
        symdiff.compare_files(written(tmp_path, GOOD), executor=threads, dask="tcp://x:1")


def test_an_address_without_a_scheduler_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr("symdiff.batch.workers._CONNECTING", 0.5)
    with pytest.raises(UsageError, match=r"no Dask scheduler at 'tcp://127\.0\.0\.1:9'"):
        symdiff.compare_files(written(tmp_path, GOOD), dask="tcp://127.0.0.1:9")


def test_without_dask_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(UsageError, match=r"symdiff-compare\[dask\]"):
        symdiff.compare_files(written(tmp_path, GOOD), dask="tcp://127.0.0.1:9")


def two_workers():
    """Start a cluster on this machine; free ports are used, as other tests may have one too."""
    from distributed import LocalCluster

    return LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")


def test_a_killed_worker_of_a_cluster_affects_no_other_expression(planted, tmp_path):
    """Several expressions are sent to a worker in one task."""
    lines = [f"f{i}: relu(x - {i})\n" for i in range(20)]
    others = [f"f{i}" for i in range(20)]
    with two_workers() as cluster:
        before = set(cluster.scheduler.workers)
        path = written(tmp_path, "".join([*lines[:10], "once: x**2\n", *lines[10:]]))
        report = symdiff.compare_files(path, dask=cluster.scheduler_address)
        assert set(cluster.scheduler.workers) != before  # one was killed, and replaced
        assert (planted / "once").exists()
        assert names(report) == [*others[:10], "once", *others[10:]] and report.ok
        assert report.to_json() == symdiff.compare_files(path).to_json()

        # One that kills every worker is lost, and no other one.
        cluster.scheduler.allowed_failures = 0
        path = written(tmp_path, "".join([*lines[:10], "crash: x**2\n", *lines[10:]]))
        report = symdiff.compare_files(path, dask=cluster.scheduler_address)
    assert names(report) == others
    (lost,) = report.errors
    assert lost.name == "crash" and "its worker died" in str(lost)


class Scripted:
    """A cluster whose futures end as the test decides."""

    def __init__(self):
        self.futures = []

    def send(self, parts):
        futures = [concurrent.futures.Future() for _ in parts]
        self.futures += futures
        return futures


def test_tasks_that_a_closing_cluster_cancels_are_not_sent_again():
    scripted = Scripted()
    with concurrent.futures.ThreadPoolExecutor(1) as alone:
        futures = _Cluster(scripted.send, 1, alone).submit([b"a", b"b"])
        for future in scripted.futures:
            future.cancel()
    assert all(future.cancelled() for future in futures)
    assert len(scripted.futures) == 2


def test_tasks_lost_while_a_cluster_closes_are_cancelled(caplog):
    scripted = Scripted()
    alone = concurrent.futures.ThreadPoolExecutor(1)
    futures = _Cluster(scripted.send, 1, alone).submit([b"a"])
    alone.shutdown()
    scripted.futures[0].set_exception(OSError("planted"))
    assert futures[0].cancelled()
    assert caplog.text == ""  # an exception in a callback would be logged


def test_a_lost_cluster_is_reported_for_every_expression(tmp_path):
    class Gone(concurrent.futures.Executor):
        def submit(self, function, *arguments):
            future = concurrent.futures.Future()
            future.cancel()
            return future

    report = symdiff.compare_files(written(tmp_path, GOOD), executor=Gone())
    assert [error.name for error in report.errors] == ["a", "b", "c"]
    assert all("the cluster is gone" in str(error) for error in report.errors)


@pytest.mark.parametrize(
    ("error", "printed"), [(FileNotFoundError(2, "semaphore"), False), (EOFError(), False), (ValueError("no"), True)]
)  # fmt: skip
def test_a_process_forked_after_the_run_has_ended_prints_no_traceback(error, printed):
    program = (
        "import symdiff.batch.preload, sys\n"
        f"sys.excepthook({type(error).__name__}, {error!r}, None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert (type(error).__name__ in done.stderr) is printed
