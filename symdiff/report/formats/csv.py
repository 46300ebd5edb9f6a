"""Records as CSV."""

from __future__ import annotations

import csv
import io
import json

from symdiff.report.layout import Layout
from symdiff.report.records import fields
from symdiff.report.report import Report


def render(report: Report, layout: Layout) -> str:
    """Return all records, each point as a JSON object in one cell."""
    del layout  # all records are written in any case
    text = io.StringIO()
    writer = csv.DictWriter(text, fields(report.evidence), lineterminator="\n")
    writer.writeheader()
    writer.writerows({**r, "point": json.dumps(r["point"])} for r in report.records())
    return text.getvalue()
