"""Long arrays: in pieces that fit the cache, on as many threads as there are cores; or in part."""

from __future__ import annotations

import concurrent.futures
import functools
import os
import queue
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
S = TypeVar("S")

CHUNK: Final = 2**17  # numbers, 1 MiB
BLOCK: Final = 1024  # of which a piece has whole ones, but for the last


def cores() -> int:
    """Return how many threads to use: ``OMP_NUM_THREADS`` if that is set, else one a core.

    The threads of torch follow the same variable.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_chunks(count: int, work: Callable[[slice], None]) -> None:
    """Call `work` for pieces that together are the range from 0 to `count`.

    Several pieces run at the same time: numpy and torch let go of the interpreter's lock. What a
    piece raises is raised here, that of the first piece first.

    Examples
    --------
    >>> squares = [0] * 5
    >>> def square(piece):
    ...     for i in range(piece.start, piece.stop):
    ...         squares[i] = i * i
    >>> in_chunks(5, square)
    >>> squares
    [0, 1, 4, 9, 16]
    """
    pieces = queue.SimpleQueue[slice]()
    size = _even_size(count)
    for at in range(0, count, size):
        pieces.put(slice(at, min(at + size, count)))
    failures: dict[int, BaseException] = {}

    def take() -> None:
        while not failures:
            try:
                piece = pieces.get_nowait()
            except queue.Empty:
                return
            try:
                work(piece)
            except BaseException as error:  # noqa: BLE001  (raised again below)
                failures[piece.start] = error

    wanted = min(cores(), pieces.qsize()) - 1
    helpers = [helper for _ in range(wanted) if (helper := _called(take)) is not None]
    take()  # here too: to wait would leave a core idle until somebody wakes it
    for helper in helpers:
        if not helper.cancel():  # one that has not begun would find nothing to do
            helper.result()
    if failures:
        raise failures[min(failures)]


def side_by_side(here: Callable[[], T], there: Callable[[], S]) -> tuple[T, S]:
    """Return what two functions give, the second one called in another thread if there is one.

    Where that one is done first, it takes pieces of the first.

    Examples
    --------
    >>> side_by_side(lambda: 1, lambda: "a")
    (1, 'a')
    """
    other = _called(there)
    if other is None:
        return here(), there()
    try:
        found = here()
    finally:
        begun = not other.cancel()
        if begun:
            concurrent.futures.wait([other])
    return found, other.result() if begun else there()


def _called(work: Callable[[], T]) -> concurrent.futures.Future[T] | None:
    """Have another thread do some work; None: there is none."""
    threads = cores()
    if threads < 2:
        return None
    try:
        return _threads(os.getpid(), threads - 1).submit(work)
    except RuntimeError:  # the interpreter is ending: threads of the user's go on
        return None


@functools.cache
def _threads(process: int, count: int) -> concurrent.futures.ThreadPoolExecutor:
    """Return threads that wait for work: to start one takes as long as a piece.

    They are those of one process: where one was forked, they did not come along.
    """
    del process
    return concurrent.futures.ThreadPoolExecutor(count, thread_name_prefix="symdiff")


def _even_size(count: int) -> int:
    """Return the length of pieces of which every core gets as many."""
    if count <= CHUNK:
        return CHUNK
    rounds = -(-count // (CHUNK * cores()))
    size = -(-count // (rounds * cores()))
    return min(CHUNK, -(-size // BLOCK) * BLOCK)


def renumbered(known: Mapping[int, T], chosen: NDArray[np.intp]) -> dict[int, T]:
    """Return what is known by point for some of the points, by their new numbers.

    Examples
    --------
    >>> renumbered({2: "kink", 5: "pole"}, np.array([4, 5]))
    {1: 'pole'}
    """
    if not known:
        return {}
    old = np.fromiter(known, dtype=np.intp, count=len(known))
    places = np.searchsorted(chosen, old)
    there = places < len(chosen)
    there[there] = chosen[places[there]] == old[there]
    pairs = sorted(zip(places[there].tolist(), old[there].tolist(), strict=True))
    return {new: known[number] for new, number in pairs}
