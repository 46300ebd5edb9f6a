"""Comparison of one expression: plan it, run the engines, judge, and return the evidence."""
