"""Options of engines, typed after the name: ``central:h=1e-4``, ``autograd:cuda``.

An engine that takes options has two more attributes than `symdiff.engines.base.Engine`: a tuple
`options`, and a method `configured` that returns the engine with the options set. Options are
separated by commas. A word that names a choice may stand alone: ``autograd:cuda`` is
``autograd:device=cuda``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from symdiff.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from symdiff.engines.base import Engine

SEPARATOR = ":"  # between the name of an engine and its options
_LONGEST_SHOWN = 40  # characters of a text in messages


@dataclasses.dataclass(frozen=True, slots=True)
class EngineOption:
    """An option of an engine.

    Attributes
    ----------
    name
        The name that is typed before the equals sign.
    takes
        What its value is, in a few words, for messages: "a positive number".
    read
        Returns the value of a text; raises ValueError if the text is not what it takes. None: the
        text is one of `words`.
    words
        The values that may stand without the name and the equals sign.
    """

    name: str
    takes: str
    read: Callable[[str], Any] | None = None
    words: tuple[str, ...] = ()


class Configurable(Protocol):
    """What an engine with options has in addition to the contract of an engine."""

    @property
    def options(self) -> tuple[EngineOption, ...]:
        """The options that it takes."""

    def configured(self, name: str, values: Mapping[str, Any]) -> Engine:
        """Return the engine with some options set, under the name that was typed."""


def positive(text: str) -> float:
    """Return the positive number that a text is.

    Raises
    ------
    ValueError
        It is not a finite positive number.

    Examples
    --------
    >>> positive("1e-4")
    0.0001
    """
    number = float(text)
    if not 0 < number < math.inf:
        message = f"{text} is not a positive number"
        raise ValueError(message)
    return number


# Words that people type for others.
_OTHER_WORDS: Mapping[str, str] = MappingProxyType({"gpu": "cuda"})


def read_options(
    engine: str, text: str, options: Sequence[EngineOption], formats: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the values that are typed after the name of an engine, by option.

    Parameters
    ----------
    engine
        The name of the engine, for messages.
    text
        What stands after the colon.
    options
        The options that the engine takes.
    formats
        The formats that may stand there as well, for messages.

    Raises
    ------
    UsageError
        The engine has no such option, the value is not what the option takes, or an option is
        given twice.

    Examples
    --------
    >>> step = EngineOption("h", "a positive number", positive)
    >>> device = EngineOption("device", "a device", words=("cpu", "cuda"))
    >>> read_options("central", "h=1e-4,cuda", [step, device])
    {'h': 0.0001, 'device': 'cuda'}
    """
    if not options and not formats:
        message = f"the engine {engine} takes no options, and {_shown(text)} stands after its name"
        raise UsageError(message, hint=engine)
    values: dict[str, Any] = {}
    for part in text.split(","):
        option, value = _assigned(engine, part.strip(), options, formats)
        if option.name in values:
            message = f"the engine {engine} is given the option {option.name} twice"
            raise UsageError(message, hint="keep one")
        values[option.name] = _read(engine, option, value)
    return values


def _assigned(
    engine: str, part: str, options: Sequence[EngineOption], formats: Sequence[str]
) -> tuple[EngineOption, str]:
    """Return the option that a part sets, and the text of its value."""
    name, equals, value = (text.strip() for text in part.partition("="))
    for option in options:
        if equals and name == option.name:
            return option, value
        if not equals and name in option.words:
            return option, name
    message = f"the engine {engine} has no option {_shown(name)}"
    if not equals and any(name == option.name for option in options):
        message = f"the option {name} of the engine {engine} has no value"
    words = [*(word for option in options for word in option.words), *formats]
    meant = _meant(name, [option.name for option in options] if equals else words)
    raise UsageError(message, hint=meant or _taken(options, formats))


def _taken(options: Sequence[EngineOption], formats: Sequence[str]) -> str:
    """Return what may stand after the name of an engine."""
    taken = [f"{o.name}={'|'.join(o.words)}" if o.words else f"{o.name}=..." for o in options]
    parts = {"options": taken, "formats": formats}
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in parts.items() if names)


def _meant(text: str, words: Sequence[str]) -> str | None:
    """Return a hint with the word that is meant, or None."""
    other = _OTHER_WORDS.get(text)
    return f"write {other}" if other in words else did_you_mean(text, words)


def _read(engine: str, option: EngineOption, text: str) -> Any:  # noqa: ANN401  (of any option)
    if option.read is None and text in option.words:
        return text
    with contextlib.suppress(ValueError):  # the error below says what the option takes
        if option.read is not None:
            return option.read(text)
    message = f"the option {option.name} of the engine {engine} cannot be {_shown(text)}"
    raise UsageError(message, hint=_meant(text, option.words) or option.takes)


def _shown(text: str) -> str:
    return repr(text[:_LONGEST_SHOWN])
