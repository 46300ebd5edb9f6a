"""Trace functions and modules of PyTorch into Programs: calls become rows of the catalogue."""
