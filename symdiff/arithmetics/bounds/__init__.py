"""Certified enclosures and running error bounds."""
