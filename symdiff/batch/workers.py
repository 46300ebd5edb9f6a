"""Who does the work: processes of this machine, a Dask cluster, or any executor."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import functools
import importlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from symdiff.errors import UsageError
from symdiff.libraries import collect_rarely

TIMEOUT: Final = 300.0  # seconds an expression in a worker process
_PRELOAD: Final = "symdiff.batch.preload"  # what every worker needs
_FORKED: Final = "forkserver" in multiprocessing.get_all_start_methods()
_CONNECTING: Final = 10  # seconds
_RETRIES: Final = 3  # of a task whose worker machine is gone
_TOGETHER: Final = 16  # works in one task of a cluster at most,
_ROUNDS: Final = 2  # and of those left no more than go to one worker in so many rounds
_SENT: Final = 1000  # tasks in one message to a cluster
_GIB: Final = 2**30
_SMALLEST_MEMORY: Final = 0.25  # GiB: torch and sympy alone take that
_LARGEST_MEMORY: Final = 2.0**20
_SHARE: Final = 0.8  # of the machine's memory, for all workers together


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What one expression may take in a worker process.

    Attributes
    ----------
    timeout
        Seconds.
    memory
        GiB; None: an equal share of the machine's memory.
    """

    timeout: float = TIMEOUT
    memory: float | None = None

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if not self.timeout > 0:
            message = f"a time limit of {self.timeout:g} s"
            raise UsageError(message, hint="--timeout takes seconds, more than 0")
        if self.memory is not None and not self.memory >= _SMALLEST_MEMORY:
            message = f"a memory limit of {self.memory:g} GiB"
            raise UsageError(message, hint=f"--memory takes GiB, {_SMALLEST_MEMORY} at least")


def limits_of(timeout: float | None, memory: float | None) -> Limits | None:
    """Return the limits that somebody asked for; None: nobody asked.

    Raises
    ------
    UsageError
        One of them has no meaning.
    """
    if timeout is None and memory is None:
        return None
    return Limits(TIMEOUT if timeout is None else timeout, memory)


Future = concurrent.futures.Future[bytes]


class Pool(Protocol):
    """Takes tasks and gives futures."""

    def submit(self, works: Sequence[bytes]) -> list[Future]:
        """Start `task.perform` on every work, and return a future for each."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Executor:
    executor: concurrent.futures.Executor

    def submit(self, works: Sequence[bytes]) -> list[Future]:
        return [self._start(work) for work in works]

    def _start(self, work: bytes) -> Future:
        from symdiff.batch.task import perform  # noqa: PLC0415  (see `_Processes`)

        try:
            return self.executor.submit(perform, work)
        except concurrent.futures.BrokenExecutor as error:  # its worker died over an earlier task
            future = Future()
            future.set_exception(error)
            return future


@dataclasses.dataclass(frozen=True, slots=True)
class _Processes:
    pool: Any  # a pebble.ProcessPool
    timeout: float

    def submit(self, works: Sequence[bytes]) -> list[Future]:
        from symdiff.batch.task import perform  # noqa: PLC0415  (named here, run elsewhere)

        with uninterrupted():  # the pool may start a process now
            return [self.pool.schedule(perform, args=(w,), timeout=self.timeout) for w in works]


@dataclasses.dataclass(frozen=True, slots=True)
class _Cluster:
    """Sends several works in one task: what a cluster does for a task is paid once for all.

    Where a task is lost, its works are sent again, one after the other: the one that kills its
    worker must take no other with it.
    """

    send: Callable[[Sequence[Sequence[bytes]]], Sequence[Any]]  # works for each task: futures
    threads: int
    alone: concurrent.futures.ThreadPoolExecutor

    def submit(self, works: Sequence[bytes]) -> list[Future]:
        futures = [Future() for _ in works]
        parts = list(_parts(len(works), self.threads))
        for part, sent in zip(parts, self.send([works[p] for p in parts]), strict=True):
            self._await(sent, works[part], futures[part])
        return futures

    def _await(self, sent: Any, works: Sequence[bytes], futures: Sequence[Future]) -> None:  # noqa: ANN401
        sent.add_done_callback(lambda done: self._receive(done, works, futures))

    def _receive(
        self,
        done: Any,  # noqa: ANN401  (Dask's future, as those of `send`)
        works: Sequence[bytes],
        futures: Sequence[Future],
    ) -> None:
        try:
            results = done.result()
        except concurrent.futures.CancelledError:  # the cluster is gone, or nobody waits any more
            for future in futures:
                future.cancel()
            return
        except Exception:  # noqa: BLE001  (a worker may end in any way)
            for work, future in zip(works, futures, strict=True):
                self._try_alone(work, future)
            return
        for future, result in zip(futures, results, strict=True):
            _finish(future, result)

    def _try_alone(self, work: bytes, future: Future) -> None:
        try:
            self.alone.submit(self._send_alone, work, future)
        except RuntimeError:  # shut down: nobody waits any more
            future.cancel()

    def _send_alone(self, work: bytes, future: Future) -> None:
        try:
            (sent,) = self.send([[work]])
            (result,) = sent.result()
        except Exception as error:  # noqa: BLE001  (a worker may end in any way)
            _finish(future, error)
        else:
            _finish(future, result)


def _parts(count: int, threads: int) -> Iterator[slice]:
    """Yield which works go together: fewer and fewer, so that all workers end at the same time.

    Examples
    --------
    >>> [part.stop - part.start for part in _parts(50, 2)]
    [12, 9, 7, 5, 4, 3, 2, 2, 1, 1, 1, 1, 1, 1]
    """
    start = 0
    while start < count:
        size = max(1, min(_TOGETHER, (count - start) // (_ROUNDS * max(1, threads))))
        yield slice(start, start + size)
        start += size


def _finish(future: Future, outcome: bytes | Exception) -> None:
    """Let a future have its outcome, if somebody still waits for it."""
    if not future.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


@contextlib.contextmanager
def executed_by(executor: concurrent.futures.Executor) -> Iterator[Pool]:
    """Return a pool of any executor; it is not shut down."""
    yield _Executor(executor)


@contextlib.contextmanager
def processes(jobs: int, limits: Limits) -> Iterator[Pool]:
    """Start worker processes; one that hangs, dies or wants too much memory is replaced."""
    from pebble import ProcessPool  # noqa: PLC0415  (loads multiprocessing's managers)

    memory = limits.memory or _SHARE * _machine_memory() / jobs
    start_loading()
    pool = ProcessPool(
        max_workers=jobs,
        # Not forked from this process: threads of torch and numpy do not survive a fork.
        context=multiprocessing.get_context("forkserver" if _FORKED else "spawn"),
        initializer=prepare_worker,
        initargs=(int(min(memory, _LARGEST_MEMORY) * _GIB),),
    )
    try:
        yield _Processes(pool, limits.timeout)
    finally:
        pool.stop()
        pool.join()


def start_loading() -> None:
    """Start the process that worker processes are forked from; what they need is loaded once.

    It returns at once, and does nothing the second time.  The process ends with this one.
    """
    if not _FORKED:
        return
    from multiprocessing import forkserver, resource_tracker  # noqa: PLC0415  (not on every system)

    resource_tracker.ensure_running()  # which would let Ctrl-C through again, below
    multiprocessing.set_forkserver_preload([_PRELOAD])
    with uninterrupted(), _one_thread():
        forkserver.ensure_running()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Have processes that are started meanwhile use one core: torch and numpy look early."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before


def prepare_worker(memory: int) -> None:
    """Load what tasks need, and keep a worker from using other cores and all memory.

    Parameters
    ----------
    memory
        In bytes; beyond it the worker gets no more.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    collect_rarely()
    importlib.import_module(_PRELOAD)  # before the first task: its time limit is not for this
    try:
        import resource  # noqa: PLC0415  (not on every system)
    except ImportError:
        return
    # What the libraries map without touching it does not count.
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _machine_memory() -> float:
    """Return the machine's memory in GiB."""
    if not hasattr(os, "sysconf"):
        return 8.0
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _GIB


@contextlib.contextmanager
def cluster(address: str) -> Iterator[Pool]:
    """Connect to a Dask cluster.

    Raises
    ------
    UsageError
        Dask is not installed, or nobody answers at the address.
    """
    try:
        from distributed import Client  # noqa: PLC0415  (an extra, and heavy)
    except ImportError:
        message = "--dask needs dask"
        raise UsageError(message, hint="pip install 'symdiff-compare[dask]'") from None
    try:
        client = Client(address, timeout=_CONNECTING, set_as_default=False)
    except Exception as error:  # noqa: BLE001  (whatever answers there may say anything)
        message = f"no Dask scheduler at {address[:80]!r}: {_first_line(error)}"
        raise UsageError(message, hint="--dask tcp://HOST:8786") from None
    alone = concurrent.futures.ThreadPoolExecutor(1)
    with client:
        threads = sum(client.nthreads().values())
        try:
            yield _Cluster(functools.partial(_map, client), threads, alone)
        finally:
            alone.shutdown(wait=False, cancel_futures=True)


def _map(client: Any, works: Sequence[Sequence[bytes]]) -> list[Any]:  # noqa: ANN401
    """Send tasks to a cluster in one message."""
    from symdiff.batch.task import perform_all  # noqa: PLC0415  (see `_Processes`)

    sent: list[Any] = client.map(perform_all, works, pure=False, retries=_RETRIES, batch_size=_SENT)
    return sent


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back; processes and threads that are started meanwhile never get it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
