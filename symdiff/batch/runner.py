"""Run many requests; an error, a crash or a lost worker affects one of them only."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import queue
from collections.abc import Iterator, Mapping, Sequence

from symdiff.batch.packing import Outcome, pack, unpack
from symdiff.batch.store import Store, key_of
from symdiff.batch.task import attempt, crash, lost
from symdiff.batch.work import Work
from symdiff.batch.workers import Future, Limits, Pool, cluster, executed_by, processes
from symdiff.comparison.evidence import Evidence
from symdiff.comparison.explained import explained_on_demand
from symdiff.errors import UsageError, describe
from symdiff.request.options import Options
from symdiff.request.request import Request


@dataclasses.dataclass(frozen=True, slots=True)
class Workers:
    """Where requests are compared: in this process, in a pool, on an executor, or on Dask.

    Attributes
    ----------
    jobs
        The number of worker processes. With 1 and without `limits`, this process does the work.
    limits
        What one request may take in a worker process; None: the default.
    executor
        An executor of `concurrent.futures`, in place of worker processes.
    dask
        The address of a Dask scheduler, in place of worker processes.
    explain
        Whether the workers explain verdicts; otherwise each is explained when somebody asks.

    Raises
    ------
    UsageError
        Both `executor` and `dask` are given.
    """

    jobs: int = 1
    limits: Limits | None = None
    executor: concurrent.futures.Executor | None = None
    dask: str | None = None
    explain: bool = True

    def __post_init__(self) -> None:
        """Check that one place for the work is given."""
        if self.executor is not None and self.dask is not None:
            message = "both an executor and a Dask cluster are given"
            raise UsageError(message, hint="give one of them")

    def pool(self, tasks: int) -> contextlib.AbstractContextManager[Pool] | None:
        """Return the pool for a number of tasks; None: this process does them."""
        if self.executor is not None:
            return executed_by(self.executor)
        if self.dask is not None:
            return cluster(self.dask)
        if self.jobs > 1 or self.limits is not None:
            return processes(min(self.jobs, tasks), self.limits or Limits())
        return None


def run(
    work: Work,
    options: Options,
    *,
    workers: Workers | None = None,
    store: Store | None = None,
) -> Iterator[Outcome]:
    """Yield the outcome of every request, in order, after the errors of reading.

    Parameters
    ----------
    work
        The requests, and the errors of the entries that could not be read.
    options
        How to compare.
    workers
        Where to compare; None: in this process.
    store
        Where results are looked up first, and where new ones are stored as soon as they arrive.

    Raises
    ------
    InputError
        There is no Dask scheduler at the address, or the store cannot be used.
    """
    workers = workers or Workers()
    limits = workers.limits or Limits()
    yield from work.errors
    keys = [key_of(r, options) for r in work.entries] if store is not None else []
    ready: dict[int, Outcome] = {}
    if store is not None and options.columns is None:  # stored results have no columns
        pairs = zip(keys, work.entries, strict=True)
        stored = (store.get(key, request, options, limits) for key, request in pairs)
        ready = {number: outcome for number, outcome in enumerate(stored) if outcome is not None}
    missing = {n: request for n, request in enumerate(work.entries) if n not in ready}
    following = 0
    for number, outcome in _done(missing, options, workers):
        if store is not None:
            store.put(keys[number], missing[number], outcome, limits)
        ready[number] = outcome
        while following in ready:
            yield ready.pop(following)
            following += 1
    for number in range(following, len(work.entries)):
        yield ready.pop(number)


def _done(
    requests: Mapping[int, Request], options: Options, workers: Workers
) -> Iterator[tuple[int, Outcome]]:
    """Yield the outcomes of requests with their numbers, as soon as they arrive."""
    pool = workers.pool(len(requests)) if requests else None
    if pool is None:
        yield from ((number, attempt(request, options)) for number, request in requests.items())
        return
    with pool as running:
        yield from _gathered(requests, options, running, workers)


def _gathered(
    requests: Mapping[int, Request], options: Options, pool: Pool, workers: Workers
) -> Iterator[tuple[int, Outcome]]:
    limits = workers.limits or Limits()
    finished: queue.SimpleQueue[tuple[int, Future]] = queue.SimpleQueue()
    packed = [pack((request, options, workers.explain)) for request in requests.values()]
    futures = dict(zip(requests, pool.submit(packed), strict=True))
    try:
        for number, future in futures.items():
            future.add_done_callback(lambda f, n=number: finished.put((n, f)))  # type: ignore[misc]
        for _ in requests:
            number, future = finished.get()
            del futures[number]  # and with it the result
            outcome = _outcome(requests[number], future, limits)
            if not workers.explain and isinstance(outcome, Evidence):
                outcome = explained_on_demand(outcome)
            yield number, outcome
    finally:
        for future in futures.values():
            future.cancel()


def _outcome(request: Request, future: Future, limits: Limits) -> Outcome:
    try:
        result = future.result()
        outcome: Outcome = unpack(result) if isinstance(result, bytes) else result
    except TimeoutError:
        return lost(request, f"it took more than {limits.timeout:g} s", "raise --timeout")
    except concurrent.futures.CancelledError:
        return lost(request, "the cluster is gone", "start it and this run again")
    except Exception as error:  # noqa: BLE001  (a worker may end in any way; the error is the outcome)
        if _is_death(error):
            return lost(
                request, f"its worker died: {describe(error)}", "raise --memory, or report it"
            )
        return crash(request, error)
    return outcome


def _is_death(error: Exception) -> bool:
    """Return whether a worker died, by the names that pebble, Dask and Python have for that."""
    names: Sequence[str] = [kind.__name__ for kind in type(error).__mro__]
    return bool({"ProcessExpired", "KilledWorker", "BrokenExecutor"} & set(names))
