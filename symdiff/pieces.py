"""Long arrays: in pieces that fit the cache, on as many threads as there are cores; or in part."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

PIECE: Final = 2**17  # numbers, 1 MiB


def cores() -> int:
    """Return how many threads to use: ``OMP_NUM_THREADS`` if that is set, else one a core.

    The threads of torch follow the same variable.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_pieces(count: int, work: Callable[[slice], None]) -> None:
    """Call `work` for pieces that together are the range from 0 to `count`.

    Several pieces run at the same time: numpy and torch let go of the interpreter's lock. What a
    piece raises is raised here, that of the first piece first.

    Examples
    --------
    >>> squares = [0] * 5
    >>> def square(piece):
    ...     for i in range(piece.start, piece.stop):
    ...         squares[i] = i * i
    >>> in_pieces(5, square)
    >>> squares
    [0, 1, 4, 9, 16]
    """
    pieces = [slice(at, min(at + PIECE, count)) for at in range(0, count, PIECE)]
    if len(pieces) <= 1 or cores() == 1:
        for piece in pieces:
            work(piece)
        return
    with concurrent.futures.ThreadPoolExecutor(min(cores(), len(pieces))) as threads:
        for _ in threads.map(work, pieces):
            pass


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
