"""Expressions by seeded generators, and files of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

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


# A second generator: functions that torch and sympy call the same, but for relu.
KINKS = ("abs({})", "relu({})")
FUNCTIONS = ("sin({})", "cos({})", "exp({})", "tanh({})", "log(1 + ({})**2)", "sqrt(1 + ({})**2)")
FUNCTIONS += (*KINKS, "atan({})")
SUMS = ("({} + {})", "({} - {})", "({} * {})")
ENDS = ("x", "x", "x", "2", "3", "0.5")
RANGE = "-3:3:101"
SEED_OF_NESTS = 7


def nests(count: int, depth: int = DEPTH, *, kinks: bool = True) -> list[str]:
    """Return distinct expressions in x on `RANGE`, of half functions and half sums and products."""
    rng = random.Random(SEED_OF_NESTS)  # noqa: S311  (not for cryptography)
    functions = [f for f in FUNCTIONS if kinks or f not in KINKS]
    texts: dict[str, None] = {}
    while len(texts) < count:
        text = nest(rng, depth, functions)
        if "x" in text.replace("exp", ""):
            texts[text] = None
    return list(texts)


def nest(rng: random.Random, depth: int, functions: Sequence[str]) -> str:
    """Return one expression of `depth` nested operations."""
    if depth == 0:
        return rng.choice(ENDS)
    if rng.random() < 0.5:
        return rng.choice(functions).format(nest(rng, depth - 1, functions))
    parts = (nest(rng, depth - 1, functions) for _ in range(2))
    return rng.choice(SUMS).format(*parts)


def written(path: Path, texts: Sequence[str], points: str = f"{LOW}:{HIGH}:{POINTS}") -> Path:
    """Write an expression file and return its path."""
    path.write_text("".join(f"f{i}: {t} ; x = {points}\n" for i, t in enumerate(texts)))
    return path
