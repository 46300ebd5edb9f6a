"""Programs become expressions of sympy without work that grows out of proportion."""

import sympy as sp

from symdiff.arithmetics import symbolic
from symdiff.arithmetics.symbolic import expression
from symdiff.program import parse


def pairs_compared(monkeypatch, count):
    """The number of pairs of operands that sympy compares to build a maximum."""
    compared = []
    compare = sp.Max._is_connected

    def counted(first, second):
        compared.append((first, second))
        return compare(first, second)

    operands = ", ".join(f"abs(x + {k}*y)" for k in range(1, count + 1))
    program = parse(f"max({operands})")
    with monkeypatch.context() as patches:
        patches.setattr(sp.Max, "_is_connected", counted)
        built = expression(program)
    assert all(built.has(sp.Abs(x + k * y)) for k in range(2, count + 1))
    return len(compared)


x, y = sp.symbols("x y", real=True)


def test_sympy_does_not_compare_all_pairs_of_many_operands(monkeypatch):
    few = pairs_compared(monkeypatch, 8)
    assert few == sum(k * (k - 1) // 2 for k in range(2, 9))
    assert pairs_compared(monkeypatch, 24) == few
    # Negative control: sympy compares all pairs whenever an operand is added.
    with monkeypatch.context() as patches:
        patches.setattr(symbolic, "_MOST_COMPARED", 24)
        assert pairs_compared(monkeypatch, 12) == sum(k * (k - 1) // 2 for k in range(2, 13))


def test_few_operands_are_compared_as_sympy_does():
    assert expression(parse("max(x, x + 1, 2, 3)")) == sp.Max(3, x + 1)
