"""Find the line of a user's code that is running: file, number and text."""

from __future__ import annotations

import dataclasses
import linecache
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType, FrameType

LIBRARY: Final = str(Path(torch.__file__).parent)
_TRACING: Final = str(Path(__file__).parent)
_EXPLANATION: Final = str(Path(__file__).parent.parent / "explanation")  # it runs code too
_FUNCTION: Final = str(Path(torch.autograd.function.__file__))  # its `apply` calls `forward`
_ENTRY: Final = "trace.py"  # the file of this package that calls the user's function


@dataclasses.dataclass(frozen=True, slots=True)
class CodeLine:
    """One line of a source file.

    Attributes
    ----------
    file
        The path, as Python reports it.
    line
        The number of the line, from 1.
    text
        The line without the white space around it; "" where the source is not available.
    """

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        """Return ``model.py:41: h = x / x.norm()``."""
        where = f"{Path(self.file).name}:{self.line}"
        return f"{where}: {self.text}" if self.text else where


def line_of(code: CodeType, line: int, names: Mapping[str, Any]) -> CodeLine:
    """Return a line of some code; for a lambda its own part of the line, which may have others.

    Parameters
    ----------
    code, line
        The code, and the number of the line in its file.
    names
        The global names of the code, by which sources that are in no file are found.
    """
    written = linecache.getline(code.co_filename, line, dict(names))
    if code.co_name == "<lambda>":
        # Positions are counted in bytes.
        columns = [
            (start, end)
            for first, last, start, end in code.co_positions()
            if first == last == line and start is not None and end is not None and start < end
        ]
        if columns:
            first, last = min(start for start, _ in columns), max(end for _, end in columns)
            written = written.encode()[first:last].decode(errors="replace")
    return CodeLine(code.co_filename, line, written.strip())


def calling_line() -> CodeLine | None:
    """Return the innermost line of the traced code that is not in torch; None without one.

    A call that is run again, from another place, stands for the line that made it: the frame that
    runs it has that line as its variable `line_of_code`.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  (as the traceback module does)
    while frame is not None:
        file = frame.f_code.co_filename
        if file == str(Path(_TRACING) / _ENTRY):
            return None
        if file.startswith(_EXPLANATION) and "line_of_code" in frame.f_locals:
            known: CodeLine | None = frame.f_locals["line_of_code"]
            return known
        if not file.startswith((LIBRARY, _TRACING, _EXPLANATION)):
            return line_of(frame.f_code, frame.f_lineno, frame.f_globals)
        frame = frame.f_back
    return None


def custom_function() -> str:
    """Return the name of the custom Function whose `forward` is running; "" outside of one.

    Of several, one inside the other, it is the outermost: torch runs the `backward` of no other.
    """
    found = ""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None:
        if frame.f_code.co_name == "apply" and frame.f_code.co_filename == _FUNCTION:
            found = str(getattr(frame.f_locals.get("cls"), "__name__", "")) or found
        frame = frame.f_back
    return found


def is_in_custom_forward() -> bool:
    """Return whether a custom Function's `forward` is running, where torch turns gradients off."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None:
        if frame.f_code.co_name == "apply" and frame.f_code.co_filename == _FUNCTION:
            return True
        frame = frame.f_back
    return False
