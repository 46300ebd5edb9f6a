"""Calls of the library as text, so that a report says how it was made."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any, Final

from symdiff.program import Program

# The longest argument that is written out, in characters.
_MAX_LENGTH: Final = 200
_LEFT_OUT: Final = "..."


def written_call(function: str, *arguments: Any, options: tuple[Any, ...], **keywords: Any) -> str:  # noqa: ANN401  (of any call)
    """Return a call as Python, without what has its default value.

    Parameters
    ----------
    function
        Its name.
    *arguments, **keywords
        Arguments; keywords that are None or empty are left out, as defaults.
    options
        Dataclasses whose fields are further keywords.

    Examples
    --------
    >>> from symdiff.request.options import Options
    >>> written_call("symdiff.compare", "x*y", {"x": [0, 1]}, options=(Options(seed=1),), wrt=["x"])
    "symdiff.compare('x*y', {'x': [0, 1]}, wrt=['x'], seed=1)"
    """
    fields = (
        (field.name, getattr(table, field.name), field.default)
        for table in options
        for field in dataclasses.fields(table)
    )
    chosen = {name: value for name, value in keywords.items() if _is_given(value)}
    chosen |= {name: value for name, value, default in fields if value != default}
    parts = [_written(value) for value in arguments]
    parts += [f"{name}={_written(value)}" for name, value in chosen.items()]
    return f"{function}({', '.join(parts)})"


def _is_given(value: Any) -> bool:  # noqa: ANN401
    return not (value is None or value is False or (isinstance(value, Mapping) and not value))


def _written(value: Any) -> str:  # noqa: ANN401
    """Return an argument as Python; "..." stands for what has no short text."""
    if isinstance(value, Program):
        return _written(value.text)
    if isinstance(value, os.PathLike):
        return repr(os.fspath(value))
    if callable(value) and not _is_plain(value):
        return str(getattr(value, "__name__", type(value).__name__))
    text = repr(value) if _is_plain(value) else _LEFT_OUT
    return text if len(text) <= _MAX_LENGTH else _LEFT_OUT


def _is_plain(value: Any) -> bool:  # noqa: ANN401
    if isinstance(value, Mapping):
        return all(_is_plain(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float)
