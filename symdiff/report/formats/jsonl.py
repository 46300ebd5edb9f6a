"""Records as JSON, one per line."""

from __future__ import annotations

import json

from symdiff.report.layout import Layout
from symdiff.report.report import Report


def render(report: Report, layout: Layout) -> str:
    """Return all records."""
    del layout  # all records are written in any case
    return "".join(f"{json.dumps(r, allow_nan=False)}\n" for r in report.records())
