"""Work on long arrays in chunks that fit the cache, on as many threads as there are cores.

`is_long` says from which length on an array is worked on by several threads.
"""

from __future__ import annotations

import concurrent.futures
import functools
import itertools
import os
import queue
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
S = TypeVar("S")

CHUNK: Final = 2**17  # doubles in a chunk at most: 1 MiB
BLOCK: Final = 1024  # the length of every chunk but the last is a multiple of this


def is_long(count: int) -> bool:
    """Return whether an array of this length is worked on in several chunks, on several threads."""
    return count > CHUNK


def cores() -> int:
    """Return how many threads to use: ``OMP_NUM_THREADS`` if it is set, else one for every core.

    torch reads the same variable.
    """
    setting = os.environ.get("OMP_NUM_THREADS", "")
    if setting.isdecimal() and int(setting) > 0:
        return int(setting)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_chunks(count: int, work: Callable[[slice], None]) -> None:
    """Call `work` with slices that together make up the range from 0 to `count`.

    Several chunks run at the same time, since numpy and torch release the interpreter's lock. If
    chunks raise, the exception of the first of them in the range is raised here.

    Examples
    --------
    >>> squares = [0] * 5
    >>> def square(chunk):
    ...     for i in range(chunk.start, chunk.stop):
    ...         squares[i] = i * i
    >>> in_chunks(5, square)
    >>> squares
    [0, 1, 4, 9, 16]
    """
    size = _even_size(count)
    if count > size:
        _in_several(count, size, work)
    elif count:
        work(slice(0, count))


def _in_several(count: int, size: int, work: Callable[[slice], None]) -> None:
    """Call `work` with slices of a length, at the same time in several threads."""
    waiting = queue.SimpleQueue[slice]()
    for at in range(0, count, size):
        waiting.put(slice(at, min(at + size, count)))
    failures: dict[int, BaseException] = {}

    def take() -> None:
        while not failures:
            try:
                chunk = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                work(chunk)
            except BaseException as error:  # noqa: BLE001  (raised again below)
                failures[chunk.start] = error

    others = min(cores(), waiting.qsize()) - 1
    futures = [future for _ in range(others) if (future := _submitted(take)) is not None]
    take()  # in this thread too: waiting would leave a core idle until the thread is woken
    for future in futures:
        if not future.cancel():  # one that has not begun would find no chunk left
            future.result()
    if failures:
        raise failures[min(failures)]


def side_by_side(here: Callable[[], T], there: Callable[[], S]) -> tuple[T, S]:
    """Return the results of two functions, the second one called in another thread if possible.

    If the second one is done first, its thread takes chunks of the first.

    Examples
    --------
    >>> side_by_side(lambda: 1, lambda: "a")
    (1, 'a')
    """
    other = _submitted(there)
    if other is None:
        return here(), there()
    try:
        result = here()
    finally:
        begun = not other.cancel()
        if begun:
            concurrent.futures.wait([other])
    return result, other.result() if begun else there()


def _submitted(work: Callable[[], T]) -> concurrent.futures.Future[T] | None:
    """Submit work to another thread; return None if no other thread can be used."""
    threads = cores()
    if threads < 2:
        return None
    try:
        return _threads(os.getpid(), threads - 1).submit(work)
    except RuntimeError:  # the interpreter is shutting down, and a thread of the user still runs
        return None


@functools.cache
def _threads(process: int, count: int) -> concurrent.futures.ThreadPoolExecutor:
    """Return a pool of threads that is kept, since starting a thread takes as long as a chunk.

    The pool belongs to one process: a forked process does not inherit its threads.
    """
    del process
    return concurrent.futures.ThreadPoolExecutor(count, thread_name_prefix="symdiff")


def _even_size(count: int) -> int:
    """Return a length of chunks such that every core gets the same number of them."""
    if not is_long(count):
        return CHUNK
    rounds = -(-count // (CHUNK * cores()))
    size = -(-count // (rounds * cores()))
    return min(CHUNK, -(-size // BLOCK) * BLOCK)


def renumbered(values: Mapping[int, T], chosen: NDArray[np.intp]) -> dict[int, T]:
    """Return the values of the points that are kept, by their new indices.

    Parameters
    ----------
    values
        Values by the index of a point; not every point has one.
    chosen
        Indices of the points that are kept, in increasing order.

    Examples
    --------
    >>> renumbered({2: "kink", 5: "pole"}, np.array([4, 5]))
    {1: 'pole'}
    """
    if not values:
        return {}
    old = np.fromiter(values, dtype=np.intp, count=len(values))
    new = np.searchsorted(chosen, old)
    is_kept = new < len(chosen)
    is_kept[is_kept] = chosen[new[is_kept]] == old[is_kept]
    pairs = sorted(zip(new[is_kept].tolist(), old[is_kept].tolist(), strict=True))
    return {index: values[former] for index, former in pairs}


def starts_of(lengths: Iterable[int]) -> list[int]:
    """Return the index at which each of several consecutive parts begins, from their lengths.

    Examples
    --------
    >>> starts_of([10, 5, 2])
    [0, 10, 15]
    """
    return [0, *itertools.accumulate(lengths)][:-1]


def shifted(parts: Sequence[Mapping[int, T]], starts: Sequence[int]) -> dict[int, T]:
    """Return the values at points of parts of a grid, by the index in the whole grid.

    Parameters
    ----------
    parts
        The values of each part, by the index of the point in the part.
    starts
        The index in the whole grid of the first point of each part.

    Examples
    --------
    >>> shifted([{1: "pole"}, {0: "kink"}], [0, 10])
    {1: 'pole', 10: 'kink'}
    """
    pairs = zip(parts, starts, strict=True)
    return {start + i: value for part, start in pairs for i, value in part.items()}
