"""Tables, records and summaries: pure functions of what was compared."""

from symdiff.report.report import ALL_FORMATS, Comparison, Report

__all__ = ["ALL_FORMATS", "Comparison", "Report"]
