"""The first line of a report names where a function is undefined, for points of `at` and `values`."""

import numpy as np
import pytest

import symdiff


def first_lines(text, **request):
    """Return the lines between the title and the table, as one text."""
    _, *lines = symdiff.compare(text, **request).table().splitlines()
    while lines and not lines[0].startswith(("  ", "x ")):  # a definition, and what is marked
        lines.pop(0)
    if lines and set(lines[0]) <= set(" ~"):
        lines.pop(0)
    taken = []
    for line in lines:
        if not line.startswith(("  undefined", "    ") if taken else "  undefined"):
            break
        taken.append(line.strip())
    return " ".join(taken)


ROWS = [[1.0, 2.0], [0.0, 0.0]]
# An expression, the rest of the request, the first lines below the title.
UNDEFINED = [
    (
        "x / x.norm(dim=1, keepdim=True)",
        {"values": {"x": ROWS}},
        (
            "undefined in output [1,0]: "
            "x / x.norm(dim=1, keepdim=True) (expr, column 1) at [1,0]: 0/0 "
            "undefined in output [1,1]: "
            "x / x.norm(dim=1, keepdim=True) (expr, column 1) at [1,1]: 0/0"
        ),
    ),
    (
        "(y*w).sum()",
        {"values": {"x": ROWS, "w": ROWS}, "let": {"y": "x / x.norm(dim=1, keepdim=True)"}},
        "undefined: x / x.norm(dim=1, keepdim=True) (let y, column 1) at [1,0]: 0/0",
    ),
    (
        "log(x).sum()",
        {"values": {"x": [1.0, 0.0, 2.0]}},
        "undefined: log(x) (expr, column 1) at [1]: log(0)",
    ),
    (
        "y.sum()",
        {"values": {"x": [1.0, -1.0, 0.0, 2.0]}, "let": {"y": "log(x)"}},
        "undefined: log(x) (let y, column 1) at [1]: log(-1)",
    ),
    (
        "log(x) + y",
        {"at": {"x": [-1, 1], "y": [0, 1]}},
        (
            "undefined at x = -1, y = 0 and at 1 more of 4 points: a logarithm of a negative number; "
            "log(x) (expr, column 1)"
        ),
    ),
    (
        "1/x + sqrt(x - 1)",
        {"at": {"x": [0]}},
        "undefined at x = 0: a division by zero; 1/x (expr, column 1)",
    ),
]


@pytest.mark.parametrize(("text", "request_", "expected"), UNDEFINED)
def test_an_undefined_function_is_reported_on_the_first_line(text, request_, expected):
    assert first_lines(text, **request_) == expected


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("log(x)", {"grid": {"x": "-1:1:3"}}),  # a range may leave the domain
        ("log(x)", {"at": {"x": [1, 2]}}),
        ("x**2 if x < 1 else 1/x", {"at": {"x": [0]}}),  # a branch that is not taken
        ("relu(x).sum()", {"values": {"x": [0.0, 1.0]}}),
    ],
)
def test_no_line_is_printed_for_ranges_and_defined_functions(text, request_):
    assert "undefined at" not in symdiff.compare(text, **request_).table()
    assert not first_lines(text, **request_)


@pytest.mark.parametrize("form", ["github", "latex", "html"])
def test_every_format_has_the_line_before_the_table(form):
    table = symdiff.compare("log(x)", at={"x": [-1, 1]}).table(form)
    assert table.index("undefined at x = -1") < table.index("autograd")


def test_the_summary_counts_functions_that_are_undefined():
    line = "undefined at a point that was asked for: log(x)"
    assert line in symdiff.compare("log(x)", at={"x": [-1, 1]}).summary()
    assert line not in symdiff.compare("log(x)", at={"x": [1]}).summary()
    assert line not in symdiff.compare("log(x)", grid={"x": "-1:1:3"}).summary()


def test_an_engine_that_cannot_run_has_no_part_in_the_cause():
    line = first_lines("log(floor(x))", at={"x": [-0.5]})  # sympy has no derivative of floor
    assert line.endswith("a logarithm of a negative number; log(floor(x)) (expr, column 1)")


# Programs of more than 512 derivatives, which are judged along random directions; element 17 is 0.
LARGE = [
    (
        "(x / x.norm(dim=1, keepdim=True)).sum()",
        (300, 2),
        "x / x.norm(dim=1, keepdim=True) (expr, column 2) at [17,0]: 0/0",
    ),
    (
        "x / x.norm(dim=1, keepdim=True)",
        (300, 2),
        "x / x.norm(dim=1, keepdim=True) (expr, column 1) at [17,0]: 0/0",
    ),
    ("log(abs(x)).mean()", (600,), "log(abs(x)) (expr, column 1) at [17]: log(0)"),
    ("(1/x).sum()", (600,), "1/x (expr, column 2) at [17]: 1/0"),
    ("(x*log(x**2)).sum()", (600,), "log(x**2) (expr, column 4) at [17]: log(0)"),
    ("(x/x).sum()**2", (600,), "x/x (expr, column 2) at [17]: 0/0"),
]


@pytest.mark.parametrize(("text", "shape", "cause"), LARGE)
def test_an_undefined_function_of_large_tensors_is_reported(text, shape, cause):
    x = np.random.default_rng(0).normal(size=shape)
    x[17] = 0
    assert first_lines(text, values={"x": x}) == f"undefined: {cause}"
    found = symdiff.compare(text, values={"x": x}, engines=["autograd", "central"])
    records = list(found.records())
    assert {r["kind"] for r in records} == {"outside"}
    assert {r["verdict"] for r in records} <= {"undefined", "silent"}
    x[17] = 1e-3  # negative control
    assert not first_lines(text, values={"x": x})


def test_a_component_without_a_cotangent_does_not_make_a_large_program_undefined():
    x = np.random.default_rng(0).normal(size=600)
    x[17] = 0
    given = {"values": {"x": x}, "engines": ["central"]}
    assert first_lines("log(abs(x))", cotangent=np.ones(600), **given)
    weights = np.ones(600)
    weights[17] = 0
    assert not first_lines("log(abs(x))", cotangent=weights, **given)
