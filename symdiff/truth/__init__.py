"""Decide what the derivative is, with proof. Nothing here knows an engine."""
