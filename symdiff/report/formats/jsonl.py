"""Records as JSON, one per line."""

from __future__ import annotations

import json

from symdiff.report.report import Report


def render(report: Report, *, everything: bool) -> str:
    """Return all records."""
    del everything  # all records are written in any case
    return "".join(f"{json.dumps(r, allow_nan=False)}\n" for r in report.records())
