"""Tests of programs in other languages."""
