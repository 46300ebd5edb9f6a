"""Compare one expression, in this process or in a worker."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.batch.columns import column_writer
from symdiff.batch.packing import Outcome, pack, unpack
from symdiff.comparison.compare import compare
from symdiff.comparison.evidence import Evidence
from symdiff.comparison.explained import without_explanations
from symdiff.errors import Crash, Lost, SymdiffError, describe
from symdiff.request.options import Options
from symdiff.request.request import Request


def attempt(request: Request, options: Options) -> Outcome:
    """Compare one expression; return whatever goes wrong instead of raising it."""
    try:
        return compare(request, options, column_writer(options))
    except SymdiffError as error:
        return error
    except MemoryError:
        return lost(request, "it needs more memory than there is", "raise --memory")
    except Exception as error:  # noqa: BLE001  (a defect of symdiff costs one expression)
        return crash(request, error)


def perform(packed: bytes, *, compress: bool = False) -> bytes:
    """Compare a packed request with its packed options, and return the packed outcome.

    The third packed value says whether verdicts are explained here. If not, `explained_on_demand`
    makes the outcome complete.
    """
    return pack(_performed(packed), compress=compress)


def perform_nearby(packed: bytes) -> Evidence | bytes:
    """Compare a packed request in a worker process on the same machine; see `perform`.

    Evidence is returned unpacked: to pickle it takes half the time of packing. Errors are packed.
    """
    outcome = _performed(packed)
    return outcome if isinstance(outcome, Evidence) else pack(outcome, compress=False)


def _performed(packed: bytes) -> Outcome:
    request, options, is_explained = unpack(packed)
    outcome = attempt(request, options)
    if not is_explained and isinstance(outcome, Evidence):
        return without_explanations(outcome)
    return outcome


def perform_all(batch: Sequence[bytes]) -> list[bytes]:
    """Compare packed requests in order; the outcomes are compressed for the network."""
    return [perform(packed, compress=True) for packed in batch]


def lost(request: Request, reason: str, hint: str) -> Lost:
    """Return the outcome of a request whose worker ended without a result."""
    return Lost(request.where, f"{reason} ({hint})", request.label.name)


def crash(request: Request, error: Exception) -> Crash:
    """Return the outcome of a request on which symdiff itself failed."""
    return Crash(request.where, describe(error), request.label.name)
