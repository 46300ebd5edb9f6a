"""Exact one-sided series: real numbers, truncated Puiseux series, germs of programs."""
