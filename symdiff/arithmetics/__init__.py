"""Arithmetics: a Program read in sympy, symengine, numpy, torch, ball arithmetic or series."""
