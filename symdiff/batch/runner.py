"""Running many expressions; a mistake or a crash in one costs that one only."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import dataclasses
import importlib.resources
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from symdiff.comparison.compare import compare_entry
from symdiff.comparison.evidence import Evidence, Options
from symdiff.errors import Crash, FileError, InputError, SymdiffError, UsageError, describe
from symdiff.program.entry import Entry
from symdiff.program.files import find_files, read_file

Outcome = Evidence | SymdiffError


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """What a run is to do: entries with unique names, and mistakes found while reading."""

    entries: tuple[Entry, ...]
    mistakes: tuple[InputError, ...] = ()


def shipped_expressions() -> Path:
    """Return the folder of the expressions that come with symdiff."""
    inside = Path(str(importlib.resources.files("symdiff"))) / "expressions"
    # In a source tree they stand beside the package; a wheel has them inside.
    return inside if inside.is_dir() else inside.parent.parent / "expressions"


def collect(paths: Sequence[Path], only: str | None = None) -> Work:
    """Read every entry of the files.

    Parameters
    ----------
    paths
        Files and folders; none: the shipped expressions.
    only
        A pattern such as ``relu*``: entries whose name matches.

    Raises
    ------
    FileError
        A path does not exist, or holds no expression file.
    UsageError
        `only` matches nothing.
    """
    entries: list[Entry] = []
    mistakes: list[InputError] = []
    for path in find_files(list(paths) or [shipped_expressions()]):
        try:
            reading = read_file(path)
        except FileError as error:
            mistakes.append(error)
            continue
        entries.extend(reading.entries)
        mistakes.extend(reading.mistakes)
    named = _unique(entries)
    if only is not None:
        chosen = [entry for entry in named if fnmatchcase(entry.name, only)]
        if named and not chosen:
            message = f"no entry's name matches {only!r}"
            raise UsageError(message, hint=f"the first is {named[0].name!r}")
        named = chosen
    return Work(tuple(named), tuple(mistakes))


def _unique(entries: list[Entry]) -> list[Entry]:
    """Put as much of the file before a name as it takes to tell it from the others."""
    named = entries
    for prefix in (_stem, _file_name, _whole_path):
        counts = collections.Counter(entry.name for entry in named)
        named = [
            dataclasses.replace(entry, name=f"{prefix(Path(entry.file))}/{first.name}")
            if counts[entry.name] > 1 and entry.file
            else entry
            for entry, first in zip(named, entries, strict=True)
        ]
    return named


def _stem(path: Path) -> str:
    return path.stem


def _file_name(path: Path) -> str:
    return path.name


def _whole_path(path: Path) -> str:
    return str(path)


def run(
    work: Work,
    options: Options,
    *,
    jobs: int = 1,
    executor: concurrent.futures.Executor | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Iterator[Outcome]:
    """Yield what came of every entry, in the order of the entries.

    Parameters
    ----------
    work
        What to do; its mistakes come first.
    options
        How to compare.
    jobs
        Worker processes.
    executor
        Takes the place of `jobs`: any executor of `concurrent.futures`.
    advance
        Called after every entry, for a progress bar.

    Raises
    ------
    UsageError
        `jobs` is below 1.
    """
    if jobs < 1:
        message = f"{jobs} jobs"
        raise UsageError(message, hint="--jobs takes a number from 1 on")
    yield from work.mistakes
    if executor is None and (jobs == 1 or len(work.entries) <= 1):
        for entry in work.entries:
            yield attempt(entry, options)
            advance()
        return
    own = _processes(jobs) if executor is None else contextlib.nullcontext(executor)
    with own as pool:
        with _uninterrupted():
            waiting = [pool.submit(attempt, entry, options) for entry in work.entries]
        try:
            for entry, future in zip(work.entries, waiting, strict=True):
                yield _result(entry, future)
                advance()
        finally:
            for future in waiting:
                future.cancel()


def attempt(entry: Entry, options: Options) -> Outcome:
    """Compare one entry; whatever goes wrong is returned, not raised."""
    try:
        return compare_entry(entry, options)
    except SymdiffError as error:
        return error
    except Exception as error:  # noqa: BLE001  (a defect of symdiff costs one expression)
        return _crash(entry, error)


def _result(entry: Entry, future: concurrent.futures.Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001  (the worker died)
        return _crash(entry, error)


def _crash(entry: Entry, error: Exception) -> Crash:
    where = f"{entry.file}, entry {entry.name!r}" if entry.file else repr(entry.name)
    return Crash(where, describe(error))


def _processes(jobs: int) -> concurrent.futures.ProcessPoolExecutor:
    # Spawned, not forked: torch's threads do not survive a fork.
    return concurrent.futures.ProcessPoolExecutor(
        jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_prepare_worker
    )


def _prepare_worker() -> None:
    """Keep the workers from sharing one core among many threads each."""
    import torch  # noqa: PLC0415  (in the worker)

    torch.set_num_threads(1)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back; processes that are started meanwhile never get it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
