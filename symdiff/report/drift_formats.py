"""The changes between two runs as Markdown, JSON and CSV."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from symdiff.errors import UsageError, did_you_mean
from symdiff.report.drift import Change, Drift
from symdiff.report.formats import csv
from symdiff.report.rendering import escaped

# The file name extension of each format.
ENDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {"plain": ".txt", "github": ".md", "json": ".json", "csv": ".csv"}
)
# The fields of a changed record that both runs share.
_SHARED: Final = ("expression", "spelling", "output", "variable", "point", "exact", "engine")
_CHANGED: Final = ("verdict", "value", "kind", "derivative")


def form_of(form: str | None, output: Path | None) -> str:
    """Return the format to write: the one that is asked for, or that a file's ending names.

    Raises
    ------
    UsageError
        There is no such format.

    Examples
    --------
    >>> form_of(None, Path("drift.md")), form_of("json", None), form_of(None, None)
    ('github', 'json', 'plain')
    """
    if form is None and output is None:
        return "plain"
    names = {ending: name for name, ending in ENDINGS.items()}
    if form is None and output is not None:
        form = names.get(output.suffix.lower())
        if form is None:
            message = f"{output}: drift has no format that ends in {output.suffix or 'nothing'!r}"
            raise UsageError(message, hint=f"one of {', '.join(names)}, or give --format")
    if form is None or form not in ENDINGS:
        message = f"unknown format {str(form)[:40]!r}"
        hint = did_you_mean(str(form), ENDINGS) or f"formats: {', '.join(ENDINGS)}"
        raise UsageError(message, hint=hint)
    return form


def written(changes: Drift, text: str, form: str) -> str:
    """Return changes in a format.

    Parameters
    ----------
    changes
        The changes.
    text
        The same as plain text, with the notes on them.
    form
        A key of `ENDINGS`.
    """
    if form == "json":
        return json.dumps(_described(changes), indent=1, allow_nan=False) + "\n"
    if form == "csv":
        return _csv(changes)
    return f"{_markdown(changes, text)}\n" if form == "github" else f"{text}\n"


def _described(changes: Drift) -> dict[str, Any]:
    rest = {f.name: getattr(changes, f.name) for f in dataclasses.fields(changes)}
    del rest["changes"]
    return {
        "format": "symdiff drift",
        "version": 1,
        "changes": [{"what": c.what, "old": c.old, "new": c.new} for c in changes.changes],
        **{name: dict(v) if isinstance(v, Mapping) else v for name, v in rest.items()},
    }


def _csv(changes: Drift) -> str:
    pairs = [f"{age} {field}" for field in _CHANGED for age in ("old", "new")]
    return csv.written(["what", *_SHARED, *pairs], map(_row, changes.changes))


def _row(change: Change) -> dict[str, Any]:
    ages = {"old": change.old, "new": change.new}
    return {
        "what": change.what,
        **{field: change.old[field] for field in _SHARED},
        "point": json.dumps(change.old["point"]),
        **{f"{age} {field}": r[field] for age, r in ages.items() for field in _CHANGED},
    }


def _markdown(changes: Drift, text: str) -> str:
    """Return a headline, and the plain text folded."""
    count = len(changes.changes)
    counted = f"{count} changed" if count else "Nothing changed"
    gone = f", {len(changes.lost)} lost" if changes.lost else ""
    lacks = "; the new run lacks results" if changes.has_lost_coverage else ""
    # As preformatted HTML: a code block would end at ``` in a name.
    body = escaped(text)
    return (
        f"**{counted}{gone}{lacks}**\n\n"
        f"<details><summary>Changes</summary>\n\n<pre>\n{body}\n</pre>\n\n</details>"
    )
