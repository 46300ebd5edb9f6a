"""How text for a terminal looks: its width, and colours that repeat what its words say.

Text without colours is the same text: only escape codes are left out.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from typing import Final, Protocol

from symdiff.errors import UsageError, did_you_mean
from symdiff.verdict.words import Verdict

# The columns of a terminal of unknown width, and the fewest and most that a table is laid out for.
COLUMNS: Final = 80
# The longest line in it, since some terminals break a line that fills all columns.
WIDTH: Final = COLUMNS - 1
_FEWEST: Final = 40
_MOST: Final = 1000
# What `--color` takes.
CHOICES: Final = ("auto", "always", "never")

_RESET: Final = "\x1b[0m"
_RED, _GREEN, _YELLOW, _MAGENTA, _CYAN = 31, 32, 33, 35, 36
_BOLD, _DIM, _UNDERLINED = 1, 2, 4
# The codes of each verdict. Grave ones differ from the others without colour too: they are bold.
_CODES: Final[Mapping[Verdict, tuple[int, ...]]] = {
    Verdict.AGREES: (_GREEN,),
    Verdict.INEXACT: (_GREEN,),
    Verdict.SUBGRADIENT: (_CYAN,),
    Verdict.UNDEFINED: (_CYAN,),
    Verdict.WRONG: (_BOLD, _RED),
    Verdict.NOT_SUBGRADIENT: (_BOLD, _RED),
    Verdict.NONFINITE: (_BOLD, _MAGENTA),
    Verdict.SILENT: (_YELLOW,),
    Verdict.FAILED: (_BOLD, _YELLOW),
    Verdict.UNSUPPORTED: (_DIM,),
    Verdict.UNDECIDED: (_YELLOW,),
    Verdict.VALUE: (_BOLD, _RED),
    Verdict.INACCURATE: (_BOLD, _RED),
}
_BY_WORD: Final = {verdict.label: verdict for verdict in Verdict}
# A verdict that is a word of its own: "wrong", but not "wrongly" or the end of "not-subgradient".
_WORDS: Final = re.compile(
    rf"(?<![\w-])(?:{'|'.join(sorted(map(re.escape, _BY_WORD), key=len, reverse=True))})(?![\w-])"
)
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;]*m")


class Stream(Protocol):
    """The methods that the file that is written to must have."""

    def isatty(self) -> bool:
        """Return whether the file is a terminal."""

    def fileno(self) -> int:
        """Return the number of the file."""


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    r"""How text is laid out and painted.

    Attributes
    ----------
    columns
        The columns of the terminal.
    is_coloured
        Whether escape codes are written.

    Examples
    --------
    >>> Look().verdict("3", Verdict.WRONG), Look(is_coloured=True).verdict("3", Verdict.WRONG)
    ('3', '\x1b[1;31m3\x1b[0m')
    """

    columns: int = COLUMNS
    is_coloured: bool = False

    @property
    def width(self) -> int:
        """The longest line: one column less, as `WIDTH`."""
        return self.columns - 1

    def verdict(self, text: str, verdict: Verdict) -> str:
        """Return a text in the colour of a verdict."""
        return self._painted(text, _CODES[verdict])

    def verdicts(self, text: str) -> str:
        r"""Return a text in which each word that is a verdict has its colour.

        For text that is laid out already, and has no code in it.

        Examples
        --------
        >>> Look(is_coloured=True).verdicts("claim wrong at x = 1")
        'claim \x1b[1;31mwrong\x1b[0m at x = 1'
        """
        return _WORDS.sub(lambda word: self.verdict(word[0], _BY_WORD[word[0]]), text)

    def headline(self, text: str) -> str:
        """Return a line whose first word, PASS or FAIL, is coloured."""
        word, _, rest = text.partition(":")
        codes = {"PASS": (_BOLD, _GREEN), "FAIL": (_BOLD, _RED)}.get(word, ())
        return f"{self._painted(word, codes)}:{self.verdicts(rest)}" if codes else text

    def title(self, text: str) -> str:
        """Return the text of a title, bold."""
        return self._painted(text, (_BOLD,))

    def underlined(self, text: str) -> str:
        """Return a text that is underlined and bold."""
        return self._painted(text, (_BOLD, _UNDERLINED))

    def _painted(self, text: str, codes: tuple[int, ...]) -> str:
        if not self.is_coloured or not codes or not text.strip():
            return text
        return f"\x1b[{';'.join(map(str, codes))}m{text}{_RESET}"


# The look of text in a file, and of tables for programs.
PLAIN: Final = Look()


def look_of(
    stream: Stream, color: str = "auto", environment: Mapping[str, str] = os.environ
) -> Look:
    """Return the look of text that is written to a file.

    Parameters
    ----------
    stream
        The file. One that is not a terminal has 80 columns and no colours.
    color
        ``always`` or ``never``; ``auto``: in a terminal, unless the environment has a NO_COLOR that
        is not empty, or TERM is ``dumb``.
    environment
        Its COLUMNS, if it is a number, is the width in any file.

    Raises
    ------
    UsageError
        `color` is none of these words.
    """
    check_color(color)
    is_terminal = stream.isatty()
    is_wanted = not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    is_coloured = color == "always" or (color == "auto" and is_terminal and is_wanted)
    return Look(_columns(stream, environment), is_coloured)


def _columns(stream: Stream, environment: Mapping[str, str]) -> int:
    """Return the width of a file, from COLUMNS or the terminal."""
    stated = environment.get("COLUMNS", "")
    columns = int(stated) if stated.isascii() and stated.isdigit() else 0
    if not columns and stream.isatty():
        columns = os.get_terminal_size(stream.fileno()).columns
    return min(max(columns, _FEWEST), _MOST) if columns else COLUMNS


def check_color(color: str) -> None:
    """Check the value of `--color`, before the work and not after it.

    Raises
    ------
    UsageError
        It is none of `CHOICES`.
    """
    if color not in CHOICES:
        message = f"--color cannot be {color[:40]!r}"
        raise UsageError(message, hint=did_you_mean(color, CHOICES) or ", ".join(CHOICES))


def without_codes(text: str) -> str:
    """Return a text without colours.

    Examples
    --------
    >>> without_codes(Look(is_coloured=True).title("relu(x)"))
    'relu(x)'
    """
    return _ESCAPES.sub("", text)


def printable(text: str) -> str:
    r"""Return a text with characters that cannot be seen written as Python writes them.

    These are control characters, those that change the direction of text, and halves of pairs.

    Examples
    --------
    >>> printable("a\u202eb\x00")
    'a\\u202eb\\x00'
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text
    )
