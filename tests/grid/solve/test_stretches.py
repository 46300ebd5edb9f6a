"""Stretches on which a switch is zero everywhere."""

import pytest

from symdiff.arithmetics import balls
from symdiff.grid import kinks
from symdiff.grid.kinks import find_roots
from symdiff.grid.solve.coordinates import Coordinate
from symdiff.grid.solve.stretches import pieces
from symdiff.grid.switches import Switch
from symdiff.program import parse

# A switch, the fixed variables, the ends of the line along x, its zeros outside stretches, and
# the stretches on which it is zero.
STRETCHES = [
    ("max(x, 0)", {}, (-1, 1), [], [(-1, 0)]),
    ("low - min(x, high)", {"low": -1.0, "high": -1.0}, (-2, 2), [], [(-1, 2)]),  # -1 for x >= -1
    ("low - min(x, high)", {"low": 0.5, "high": 1.0}, (-2, 2), [0.5], []),
    ("min(x, 0)", {}, (-1, 3), [], [(0, 3)]),
    ("max(x, 0) - x", {}, (-1, 3), [], [(0, 3)]),
    ("abs(x) - x", {}, (-2, 3), [], [(0, 3)]),
    ("relu(x - 1)*relu(-x)", {}, (-2, 3), [], [(-2, 3)]),
    ("max(x, 0)*min(x, 1) - x*max(x, 0)", {}, (-2, 3), [], [(-2, 1)]),  # 0, then x² - x²; x - x²
    ("relu(abs(x) - 1)", {}, (-3, 3), [], [(-1, 1)]),
    ("clamp(x, -1, 1) - 1", {}, (-3, 3), [], [(1, 3)]),
    ("clamp(x, -1, 1)**2 - 1", {}, (-3, 3), [], [(-3, -1), (1, 3)]),
    ("max(sin(x), 0)", {}, (1, 5), [], [(3.141592653589793, 5)]),
    ("abs(max(x, 1) - max(1, x))", {}, (-2, 2), [], [(-2, 2)]),
    ("relu(relu(x))", {}, (-2, 2), [], [(-2, 0)]),
    ("where(x > 0, 0, sqrt(x))", {}, (-2, 2), [], [(0, 2)]),  # undefined for x < 0
    ("y/x", {"y": 0.0}, (-2, 2), [], [(-2, 2)]),
]


@pytest.mark.parametrize(("text", "fixed", "ends", "zeros", "stretches"), STRETCHES)
def test_a_stretch_of_zeros_is_found(text, fixed, ends, zeros, stretches):
    others = {name: Coordinate(x) for name, x in fixed.items()}
    program = parse(text)
    roots = find_roots(Switch(program, program.output), "x", others, ends)
    assert list(roots.stretches) == stretches
    assert roots.open_brackets == ()
    assert roots.everywhere == (stretches == [ends])
    outside = [
        c.value for c in roots.coordinates if not any(a <= c.value <= b for a, b in stretches)
    ]
    assert outside == zeros


NOT_ZERO = [
    ("max(x, 0) - 1e-300", (-1.0, 1.0), [0.0]),
    ("x - sin(x)", (-1e-3, 1e-3), []),
    ("abs(x)", (-1.0, 1.0), [0.0]),
    ("exp(-1/x**2)", (-1.0, 1.0), [0.0]),  # flat at 0, nowhere zero
    ("x**40", (-1.0, 1.0), []),
]


@pytest.mark.parametrize(("text", "ends", "breaks"), NOT_ZERO)
def test_a_function_that_is_nearly_zero_has_no_stretch(text, ends, breaks):
    assert not any(p.is_zero for p in pieces(parse(text), "x", {}, [ends[0], *breaks, ends[1]], 0))


def test_a_stretch_on_which_a_switch_is_an_integer_is_found():
    program = parse("min(x, 0)")
    switch = Switch(program, program.output, crosses_integers=True)
    roots = find_roots(switch, "x", {}, (-1.5, 1.0))
    assert roots.stretches == ((0.0, 1.0),)
    assert [c.value for c in roots.coordinates] == [-1.0]
    assert roots.open_brackets == ()


def enclosures_of(monkeypatch, text):
    """The number of enclosures computed to find the zeros of a switch on a line."""
    counted = []

    def enclose(*arguments, **keywords):
        counted.append(arguments)
        return balls.enclose(*arguments, **keywords)

    with monkeypatch.context() as patches:
        patches.setattr(kinks, "enclose", enclose)
        program = parse(text)
        find_roots(Switch(program, program.output), "x", {}, (-3.0, 3.0))
    return len(counted)


def test_a_stretch_is_taken_out_before_bisection_spends_its_boxes_on_it(monkeypatch):
    assert enclosures_of(monkeypatch, "relu(x)") < 600
    assert enclosures_of(monkeypatch, "relu(x - 9)") < 20  # zero on the whole line
    # Negative control: no test point seems to be zero, so that bisection comes first.
    with monkeypatch.context() as patches:
        patches.setattr(kinks._SwitchOnLine, "_may_equal", lambda *_: [False])
        assert enclosures_of(monkeypatch, "relu(x)") > 1200
