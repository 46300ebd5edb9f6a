"""Exact and certified zeros of switches."""
