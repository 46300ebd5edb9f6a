"""Solve switches for zero: exactly, or by certified isolation."""
