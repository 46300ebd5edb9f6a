"""Expressions by a seeded generator: smooth functions, and abs for kinks."""

from __future__ import annotations

import random

SEED = 20260
DEPTH = 4  # nested operations
POINTS = 101
LOW, HIGH = -2.0, 2.0  # the grid
UNARY = ("sin({})", "cos({})", "tanh({})", "atan({})", "exp(-({})**2)", "log(1 + ({})**2)")
UNARY += ("sqrt(1 + ({})**2)", "abs({})")
BINARY = ("({} + {})", "({} - {})", "{}*{}", "({})/(2 + ({})**2)")
LEAVES = ("x", "2*x", "0.5*x", "(x - 1)", "x**2")


def expressions(count: int, seed: int = SEED, depth: int = DEPTH) -> list[str]:
    """Return distinct expressions in x, with function names that sympy has too."""
    rng = random.Random(seed)  # noqa: S311  (not for cryptography)
    texts: dict[str, None] = {}  # the keys are an ordered set
    while len(texts) < count:
        text = expression(rng, depth)
        if "x" in text.replace("exp", ""):
            texts[text] = None
    return list(texts)


def expression(rng: random.Random, depth: int) -> str:
    """Return one expression of at most `depth` nested operations."""
    if depth == 0:
        return rng.choice(LEAVES)
    if rng.random() < 0.5:
        return rng.choice(UNARY).format(expression(rng, depth - 1))
    return rng.choice(BINARY).format(expression(rng, depth - 1), expression(rng, depth - 1))
