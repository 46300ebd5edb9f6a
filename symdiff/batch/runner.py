"""Running many expressions; a mistake, a crash or a lost worker costs one only."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import queue
from collections.abc import Iterator, Mapping, Sequence

from symdiff.batch.packing import pack, unpack
from symdiff.batch.store import Store, key_of
from symdiff.batch.task import Outcome, attempt, crash, lost
from symdiff.batch.work import Work
from symdiff.batch.workers import Future, Limits, Pool, cluster, executed_by, processes
from symdiff.errors import UsageError, describe
from symdiff.request.options import Options
from symdiff.request.request import Request


@dataclasses.dataclass(frozen=True, slots=True)
class Workers:
    """Who does the work.

    Attributes
    ----------
    jobs
        Worker processes; 1: this process alone, without limits.
    limits
        What one expression may take in a worker process; None: the usual, and with them given one
        job is a worker process too.
    executor
        Takes the place of `jobs`: any executor of `concurrent.futures`.
    dask
        Takes the place of `jobs`: the address of a Dask scheduler.
    """

    jobs: int = 1
    limits: Limits | None = None
    executor: concurrent.futures.Executor | None = None
    dask: str | None = None

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.jobs < 1:
            message = f"{self.jobs} jobs"
            raise UsageError(message, hint="--jobs takes a number from 1 on")
        if self.executor is not None and self.dask is not None:
            message = "an executor and a Dask cluster"
            raise UsageError(message, hint="give one of them")

    def pool(self, tasks: int) -> contextlib.AbstractContextManager[Pool] | None:
        """Return who is to be given so many tasks; None: nobody, they are done here."""
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
    """Yield what came of every entry, in the order of the entries.

    Parameters
    ----------
    work
        What to do; its mistakes come first.
    options
        How to compare.
    workers
        Who does the work; None: this process.
    store
        Where results are looked up first, and kept as soon as they come.

    Raises
    ------
    InputError
        Nobody answers at the address of a cluster, or the store fails.
    """
    workers = workers or Workers()
    limits = workers.limits or Limits()
    yield from work.errors
    keys = [key_of(e, options) for e in work.entries] if store is not None else []
    ready: dict[int, Outcome] = {}
    if store is not None and options.columns is None:  # a store has no columns to write
        found = (store.get(k, e, options, limits) for k, e in zip(keys, work.entries, strict=True))
        ready = {number: known for number, known in enumerate(found) if known is not None}
    missing = {n: entry for n, entry in enumerate(work.entries) if n not in ready}
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
    entries: Mapping[int, Request], options: Options, workers: Workers
) -> Iterator[tuple[int, Outcome]]:
    """Yield what came of some entries, as soon as it came."""
    pool = workers.pool(len(entries)) if entries else None
    if pool is None:
        yield from ((number, attempt(entry, options)) for number, entry in entries.items())
        return
    with pool as running:
        yield from _gathered(entries, options, running, workers.limits or Limits())


def _gathered(
    entries: Mapping[int, Request], options: Options, pool: Pool, limits: Limits
) -> Iterator[tuple[int, Outcome]]:
    finished: queue.SimpleQueue[tuple[int, Future]] = queue.SimpleQueue()
    works = [pack((entry, options)) for entry in entries.values()]
    futures = dict(zip(entries, pool.submit(works), strict=True))
    try:
        for number, future in futures.items():
            future.add_done_callback(lambda f, n=number: finished.put((n, f)))  # type: ignore[misc]
        for _ in entries:
            number, future = finished.get()
            del futures[number]  # and its result with it
            yield number, _outcome(entries[number], future, limits)
    finally:
        for future in futures.values():
            future.cancel()


def _outcome(entry: Request, future: Future, limits: Limits) -> Outcome:
    try:
        outcome: Outcome = unpack(future.result())
    except TimeoutError:
        return lost(entry, f"it took more than {limits.timeout:g} s", "raise --timeout")
    except concurrent.futures.CancelledError:
        return lost(entry, "the cluster is gone", "start it and this run again")
    except Exception as error:  # noqa: BLE001  (a worker may end in any way: that is its outcome)
        if _is_death(error):
            return lost(
                entry, f"its worker died: {describe(error)}", "raise --memory, or report it"
            )
        return crash(entry, error)
    return outcome


def _is_death(error: Exception) -> bool:
    """Tell whether a worker died: pebble, Dask and the standard library have each a name for it."""
    names: Sequence[str] = [kind.__name__ for kind in type(error).__mro__]
    return bool({"ProcessExpired", "KilledWorker", "BrokenExecutor"} & set(names))
