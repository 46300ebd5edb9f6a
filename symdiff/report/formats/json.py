"""A JSON report: descriptions of the expressions, versions, and all records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from symdiff.array_types import Array
from symdiff.comparison.evidence import Evidence, LeftOut, Tensors
from symdiff.errors import Crash
from symdiff.report.formats.jsonl import objects
from symdiff.report.layout import Layout
from symdiff.report.report import Report

# The version of the schema.
FORMAT_VERSION: Final = 1
# A tensor with more components than this is described without its values.
_MAX_COMPONENTS: Final = 10_000


def render(report: Report, layout: Layout) -> str:
    """Return one JSON object."""
    del layout  # all records are written in any case
    head = {
        "format": "symdiff report",
        "version": FORMAT_VERSION,
        "versions": dict(report.versions),
        "expressions": [_described(e) for e in report.evidence],
        "errors": [str(error) for error in report.errors],
        "lost": [error.name for error in report.errors if isinstance(error, Crash)],
    }
    opened = json.dumps(head, indent=1, allow_nan=False).removesuffix("\n}")
    lines = ",\n".join(map(",\n".join, objects(report)))
    return f'{opened},\n "records": [\n{lines}\n]}}\n'


def _described(e: Evidence) -> dict[str, Any]:
    return {
        "name": e.name,
        "text": e.program.text,
        "let": {s.name.removeprefix("let "): s.text for s in e.program.sources[:-1]},
        "spellings": {t.spelling: t.program.text for t in e.trials if t.spelling},
        "variables": list(e.variables),
        **({} if e.options.order == 1 else {"order": e.options.order}),
        "engines": list(e.engines),
        **({} if e.points_dtype is None else {"points_dtype": e.points_dtype.name}),
        "points": e.points,
        "counted_only": _described_counts(e.left_out),
        "rtol": e.tolerance.rtol,
        "atol": e.tolerance.atol,
        "ok": e.ok,
        "source": e.label.source or None,
        "note": e.label.note or None,
        "file": Path(e.label.file).name if e.label.file else None,
        "notes": list(e.notes),
        "tensors": None if e.tensors is None else _described_tensors(e.tensors),
    }


def _described_counts(left_out: LeftOut) -> dict[str, Any] | None:
    if not left_out.points:
        return None
    counts = {e: {str(v): n for v, n in c.items()} for e, c in left_out.counts.items()}
    return {"points": left_out.points, "proved": left_out.proved, "verdicts": counts}


def _as_json(array: Array) -> Any:  # noqa: ANN401  (a number, or nested lists)
    """Return an array as nested lists, in which inf and -inf are strings as in records."""
    if np.isfinite(array).all():
        return array.tolist()
    if array.ndim:
        return [_as_json(part) for part in array]
    return str(float(array))


def _described_tensors(t: Tensors) -> dict[str, Any]:
    return {
        "values": {
            name: {
                "shape": list(value.shape),
                "dtype": value.dtype,
                "data": _as_json(value.array) if value.array.size <= _MAX_COMPONENTS else None,
            }
            for name, value in t.values.items()
        },
        "shape": list(t.shape),
        "contraction": list(t.contraction),
        "root": t.root or None,
        "structure": dict(t.structure),
        "notes": list(t.notes),
    }
