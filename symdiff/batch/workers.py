"""Pools that compare packed requests: worker processes, a Dask cluster, or any executor."""

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

TIMEOUT: Final = 300.0  # seconds for one expression in a worker process
_PRELOAD: Final = "symdiff.batch.preload"  # imports what every worker needs
_FORKED: Final = "forkserver" in multiprocessing.get_all_start_methods()
_CONNECTING: Final = 10  # seconds to wait for a Dask scheduler
_RETRIES: Final = 3  # times that Dask tries a task again if its worker died
_MAX_BUNDLE: Final = 16  # most requests in one Dask task
# A bundle has at most 1/_ROUNDS of a thread's share of the requests that are left.
_ROUNDS: Final = 2
_BATCH: Final = 1000  # Dask tasks in one message
_GIB: Final = 2**30
_SMALLEST_MEMORY: Final = 0.25  # GiB that torch and sympy need
_LARGEST_MEMORY: Final = 2.0**20  # GiB; a larger limit is lowered to this one
_SHARE: Final = 0.8  # of the machine's memory for all workers together


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the time and the memory for one expression in a worker process.

    Attributes
    ----------
    timeout
        In seconds, more than 0.
    memory
        In GiB, at least 0.25; None: an equal share of the machine's memory.

    Raises
    ------
    UsageError
        A limit is too small.
    """

    timeout: float = TIMEOUT
    memory: float | None = None

    def __post_init__(self) -> None:
        """Check the limits."""
        if not self.timeout > 0:
            message = f"timeout cannot be {self.timeout:g}"
            raise UsageError(message, hint="a number of seconds, more than 0")
        if self.memory is not None and not self.memory >= _SMALLEST_MEMORY:
            message = f"memory cannot be {self.memory:g}"
            raise UsageError(message, hint=f"a number of GiB, at least {_SMALLEST_MEMORY}")


def limits_of(timeout: float | None, memory: float | None) -> Limits | None:
    """Return the limits that are given; None if neither is.

    Raises
    ------
    UsageError
        A limit is too small.
    """
    if timeout is None and memory is None:
        return None
    return Limits(TIMEOUT if timeout is None else timeout, memory)


Future = concurrent.futures.Future[Any]  # of packed bytes, or of evidence


class Pool(Protocol):
    """Runs the comparisons of packed requests; see `submit`."""

    def submit(self, requests: Sequence[bytes]) -> list[Future]:
        """Start every packed request; return the futures of outcomes, packed or as they are."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Executor:
    executor: concurrent.futures.Executor

    def submit(self, requests: Sequence[bytes]) -> list[Future]:
        return [self._start(request) for request in requests]

    def _start(self, request: bytes) -> Future:
        from symdiff.batch.task import perform  # noqa: PLC0415  (see `_Processes`)

        try:
            return self.executor.submit(perform, request)
        except concurrent.futures.BrokenExecutor as error:  # a worker died earlier
            future = Future()
            future.set_exception(error)
            return future


@dataclasses.dataclass(frozen=True, slots=True)
class _Processes:
    pool: Any  # a pebble.ProcessPool
    timeout: float

    def submit(self, requests: Sequence[bytes]) -> list[Future]:
        from symdiff.batch.task import perform_nearby  # noqa: PLC0415  (heavy)

        schedule = functools.partial(self.pool.schedule, perform_nearby, timeout=self.timeout)
        with uninterrupted():  # the pool may start a process now
            return [schedule(args=(request,)) for request in requests]


@dataclasses.dataclass(frozen=True, slots=True)
class _Cluster:
    """Sends several requests in one Dask task, to pay the overhead of a task once for all of them.

    If a task is lost, its requests are sent again, each alone: one that kills its worker must not
    cost the others.
    """

    send: Callable[[Sequence[Sequence[bytes]]], Sequence[Any]]  # bundles -> one future for each
    threads: int
    alone: concurrent.futures.ThreadPoolExecutor

    def submit(self, requests: Sequence[bytes]) -> list[Future]:
        futures = [Future() for _ in requests]
        bundles = list(_bundles(len(requests), self.threads))
        for bundle, sent in zip(bundles, self.send([requests[b] for b in bundles]), strict=True):
            self._await(sent, requests[bundle], futures[bundle])
        return futures

    def _await(self, sent: Any, requests: Sequence[bytes], futures: Sequence[Future]) -> None:  # noqa: ANN401
        sent.add_done_callback(lambda done: self._receive(done, requests, futures))

    def _receive(
        self,
        done: Any,  # noqa: ANN401  (Dask's future, as those of `send`)
        requests: Sequence[bytes],
        futures: Sequence[Future],
    ) -> None:
        try:
            results = done.result()
        except concurrent.futures.CancelledError:  # the cluster is gone, or the run has ended
            for future in futures:
                future.cancel()
            return
        except Exception:  # noqa: BLE001  (a worker may end in any way)
            for request, future in zip(requests, futures, strict=True):
                self._try_alone(request, future)
            return
        for future, result in zip(futures, results, strict=True):
            _finish(future, result)

    def _try_alone(self, request: bytes, future: Future) -> None:
        try:
            self.alone.submit(self._send_alone, request, future)
        except RuntimeError:  # shut down: the run has ended
            future.cancel()

    def _send_alone(self, request: bytes, future: Future) -> None:
        try:
            (sent,) = self.send([[request]])
            (result,) = sent.result()
        except Exception as error:  # noqa: BLE001  (a worker may end in any way)
            _finish(future, error)
        else:
            _finish(future, result)


def _bundles(count: int, threads: int) -> Iterator[slice]:
    """Yield bundles of requests as slices; they shrink, so that all workers end at the same time.

    Examples
    --------
    >>> [bundle.stop - bundle.start for bundle in _bundles(50, 2)]
    [12, 9, 7, 5, 4, 3, 2, 2, 1, 1, 1, 1, 1, 1]
    """
    start = 0
    while start < count:
        size = max(1, min(_MAX_BUNDLE, (count - start) // (_ROUNDS * max(1, threads))))
        yield slice(start, start + size)
        start += size


def _finish(future: Future, outcome: bytes | Exception) -> None:
    """Set the outcome of a future, unless it was cancelled."""
    if not future.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


@contextlib.contextmanager
def executed_by(executor: concurrent.futures.Executor) -> Iterator[Pool]:
    """Yield a pool of an executor, which is not shut down."""
    yield _Executor(executor)


@contextlib.contextmanager
def processes(jobs: int, limits: Limits) -> Iterator[Pool]:
    """Yield a pool of worker processes; one that hangs or dies is replaced."""
    from pebble import ProcessPool  # noqa: PLC0415  (loads multiprocessing's managers)

    memory = limits.memory or _SHARE * _machine_memory() / jobs
    start_loading()
    pool = ProcessPool(
        max_workers=jobs,
        # Not forked from this process, because threads of torch and numpy do not survive a fork.
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
    """Start the process that worker processes are forked from; it loads what they need.

    The function does not wait for it, and does nothing if it is running. The process ends with
    this one.
    """
    if not _FORKED:
        return
    from multiprocessing import forkserver, resource_tracker  # noqa: PLC0415  (not on every system)

    resource_tracker.ensure_running()  # before Ctrl-C is blocked: its start unblocks it again
    multiprocessing.set_forkserver_preload([_PRELOAD])
    with uninterrupted(), _one_thread():
        forkserver.ensure_running()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Make processes that are started meanwhile use one core."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before


def prepare_worker(memory: int) -> None:
    """Load what tasks need, and limit a worker to one core and to a part of the memory.

    Parameters
    ----------
    memory
        In bytes; a larger allocation raises MemoryError.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    collect_rarely()
    # Imported here, so that the time does not count towards the limit of the first task.
    importlib.import_module(_PRELOAD)
    try:
        import resource  # noqa: PLC0415  (not on every system)
    except ImportError:
        return
    # RLIMIT_DATA does not count what libraries map without writing to it.
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
        Dask is not installed, or there is no scheduler at the address.
    """
    try:
        from distributed import Client  # noqa: PLC0415  (an extra, and heavy)
    except ImportError:
        message = "--dask needs dask"
        raise UsageError(message, hint="pip install 'symdiff-compare[dask]'") from None
    try:
        client = Client(address, timeout=_CONNECTING, set_as_default=False)
    except Exception as error:  # noqa: BLE001  (a server there may answer anything)
        message = f"no Dask scheduler at {address[:80]!r}: {_first_line(error)}"
        raise UsageError(message, hint="--dask tcp://HOST:8786") from None
    alone = concurrent.futures.ThreadPoolExecutor(1)
    with client:
        threads = sum(client.nthreads().values())
        try:
            yield _Cluster(functools.partial(_map, client), threads, alone)
        finally:
            alone.shutdown(wait=False, cancel_futures=True)


def _map(client: Any, requests: Sequence[Sequence[bytes]]) -> list[Any]:  # noqa: ANN401
    """Send tasks to a cluster in large messages."""
    from symdiff.batch.task import perform_all  # noqa: PLC0415  (see `_Processes`)

    sent: list[Any] = client.map(
        perform_all, requests, pure=False, retries=_RETRIES, batch_size=_BATCH
    )
    return sent


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Block Ctrl-C; processes and threads that are started meanwhile never receive it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
