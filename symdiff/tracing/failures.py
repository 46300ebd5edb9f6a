"""Tell an exception of a user's function in one line, with the line of code that raised it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

from symdiff.errors import CallableError, SymdiffError, describe
from symdiff.tracing.places import LIBRARY, CodeLine, line_of

_OWN: Final = str(Path(__file__).parent.parent)
# What to try where torch's message has some words.
_REMEDIES: Final = (
    ("in-place operation", "a leaf cannot be written to: work on a copy, x = x.clone()"),
    ("same dtype", "use one dtype: module.double(), or x.float()"),
    ("a second time", "retain_graph=True"),
    ("not differentiable with respect to", "name the other inputs: wrt=[...]"),
)


@contextlib.contextmanager
def exceptions_named() -> Iterator[None]:
    """Let exceptions of a user's function be the cause of an error that names their line.

    Raises
    ------
    CallableError
        The function has raised an exception.
    """
    try:
        yield
    except (SymdiffError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  (the user's code may raise anything)
        own = _own_part(error.__traceback__)
        line = _innermost(own)
        where = f"{line}: " if line else ""
        message = f"{where}{describe(error)}"
        hint = next((hint for words, hint in _REMEDIES if words in str(error)), None)
        raise CallableError(message, hint=hint) from error.with_traceback(own)


def _own_part(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback from the user's first line on; empty if there is none."""
    while traceback is not None and not _is_persons(traceback):
        traceback = traceback.tb_next
    return traceback


def _innermost(traceback: TracebackType | None) -> CodeLine | None:
    """Return the user's last line in a traceback."""
    found = None
    while traceback is not None:
        if _is_persons(traceback):
            frame = traceback.tb_frame
            found = line_of(frame.f_code, traceback.tb_lineno, frame.f_globals)
        traceback = traceback.tb_next
    return found


def _is_persons(traceback: TracebackType) -> bool:
    return not traceback.tb_frame.f_code.co_filename.startswith((_OWN, LIBRARY))
