"""One expression compared, here or in a worker: work comes as text and goes as columns."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.batch.packing import pack, unpack
from symdiff.comparison.compare import compare_entry
from symdiff.comparison.evidence import Evidence, Options
from symdiff.errors import Crash, Lost, SymdiffError, describe
from symdiff.request.request import Entry

Outcome = Evidence | SymdiffError


def attempt(entry: Entry, options: Options) -> Outcome:
    """Compare one entry; whatever goes wrong is returned, not raised."""
    try:
        return compare_entry(entry, options)
    except SymdiffError as error:
        return error
    except MemoryError:
        return lost(entry, "it needs more memory than there is", "raise --memory")
    except Exception as error:  # noqa: BLE001  (a defect of symdiff costs one expression)
        return Crash(where(entry), describe(error), entry.name)


def perform(work: bytes, *, short: bool = False) -> bytes:
    """Compare the entry that `work` is, with its options; return the outcome."""
    entry, options = unpack(work)
    return pack(attempt(entry, options), short=short)


def perform_all(several: Sequence[bytes]) -> list[bytes]:
    """Perform some work, one after the other; what came of it goes over a network."""
    return [perform(work, short=True) for work in several]


def lost(entry: Entry, reason: str, hint: str) -> Lost:
    """Return what stands for an expression that gave nothing."""
    return Lost(where(entry), f"{reason} ({hint})", entry.name)


def where(entry: Entry) -> str:
    """Return the place of an entry, for messages."""
    return f"{entry.file}, entry {entry.name!r}" if entry.file else repr(entry.name)
