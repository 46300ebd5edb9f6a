"""Decide derivatives with proof, independently of the engines."""
