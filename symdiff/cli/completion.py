"""What a shell completes after an option; nothing is loaded before the key is pressed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from symdiff.report import formats
from symdiff.request.options import PROVE

Completion = Callable[[str], list[str]]


def starting(words: Callable[[], Iterable[str]]) -> Completion:
    """Return a function that finds the words that begin with what was typed.

    Examples
    --------
    >>> starting(lambda: ["filter", "all"])("f")
    ['filter']
    """

    def complete(incomplete: str) -> list[str]:
        return [word for word in words() if word.startswith(incomplete)]

    return complete


def _engines() -> Iterable[str]:
    from symdiff.engines.registry import ALL, names

    return (*names(), ALL)


def _functions() -> Iterable[str]:
    from symdiff.catalogue import CATALOGUE

    return CATALOGUE


def _languages() -> Iterable[str]:
    from symdiff.printing.languages import LANGUAGES

    return LANGUAGES


def _dtypes() -> Iterable[str]:
    from symdiff.program.formats import FORMATS

    return FORMATS


complete_engine: Final = starting(_engines)
complete_format: Final = starting(lambda: formats.FORMATS)
complete_function: Final = starting(_functions)
complete_language: Final = starting(_languages)
# For a field of `Options` or `RunOptions`, what completes its value.
COMPLETIONS: Final[Mapping[str, Completion]] = MappingProxyType(
    {
        "engines": complete_engine,
        "prove": starting(lambda: PROVE),
        "dtype": starting(_dtypes),
    }
)
