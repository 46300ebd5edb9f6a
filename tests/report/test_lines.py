"""The block of an expression in terminals of several widths."""

import re

import pytest

import symdiff
from symdiff.program import parse
from symdiff.report.choices import choice_of
from symdiff.report.colours import Look, without_codes
from symdiff.report.formats import plain
from symdiff.report.lines import laid_out
from symdiff.report.places import Marked, marked
from symdiff.report.rendering import Block, Table
from symdiff.report.tables import block

# Name, engines: many columns, long names, several variables, failing and unsupported engines.
REPORTS = {
    "four variables": ("sqrt(x*y) + z*w", {"x": [0, 1], "y": [1], "z": [1], "w": [2]}, {}),
    "neighbours": ("x/abs(x)", {"x": "-1:1:3"}, {}),
    "a spelling": ("relu(x)", {"x": [0, 1]}, {"spellings": {"a long name " * 5: "x.clamp(min=0)"}}),
    "formats": ("relu(x)", {"x": [0, 1]}, {"dtype": "float32,bfloat16,float16"}),
    "a long text": (" + ".join(["sin(x)"] * 40 + ["sqrt(relu(x))"]), {"x": [0, 1]}, {}),
}


@pytest.fixture(scope="module", params=REPORTS)
def report(request):
    text, grid, options = REPORTS[request.param]
    return symdiff.compare(text, grid, **options)


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_lines_fit_the_terminal(report, columns):
    assert max(map(len, report.table(width=columns).splitlines())) < columns


def test_a_narrow_table_has_every_number_of_a_wide_one(report):
    wide, narrow = (set(re.findall(r"[\w.:-]+", report.table(width=w))) for w in (900, 60))
    names = set(report.evidence[0].engines)
    assert names <= wide and names <= narrow
    assert {word for word in wide if re.fullmatch(r"-?\d+(\.\d+)?", word)} <= narrow


def test_every_cell_with_a_verdict_is_painted(report):
    look = Look(120, is_coloured=True)
    blocks = [block(e, width=look.width) for e in report.evidence]
    coloured = plain.tables(blocks, look)
    assert without_codes(coloured) == report.table(width=120)
    assert coloured.count("\x1b[") > 2 * len(blocks[0].rows)


# The columns that a table of 3 engines and one of 9 have at a width.
LAYOUTS = [(3, 80, True), (3, 40, False), (9, 80, False), (9, 200, True)]


@pytest.mark.parametrize(("count", "columns", "is_by_engine"), LAYOUTS)
def test_engines_share_rows_where_their_columns_do_not_fit(count, columns, is_by_engine):
    engines = [f"engine-{k}" for k in range(count)]
    header = ("x", "at", "truth", *engines, "verdict")
    rows = (("0", "kink", "[0, 1]", *["0.5 mean"] * count, "subgradient"),)
    tall = (("0", "kink", "[0, 1]", "0.5 mean", "subgradient", ", ".join(engines)),)
    names = ("x", "at", "truth", "number", "verdict", "engines")
    b = Block(
        ("f", "f"),
        (Marked("", "f"),),
        Table(header, rows, ((None,) * len(header),)),
        Table(names, tall, ((None,) * len(names),)),
        (),
    )
    lines = laid_out(b, Look(columns)).splitlines()
    assert max(map(len, lines)) < columns
    assert (lines[0].split() == list(header)) == is_by_engine
    assert all(engine in " ".join(lines) for engine in engines)


# A detail, and what is read from it.
DETAILS = [
    ("left, min-norm; torch's rule says so", ("left", "torch", "so", "")),
    ("right; torch's rule says 0", ("right", "torch", "0", "")),
    ("mean; torch's rule does not apply", ("mean", "torch", "", "")),
    ("other", ("other", "", "", "")),
    (
        "outside [0, 1]; torch's rule says 0; a flipped sign",
        ("outside", "torch", "0", "a flipped sign"),
    ),
    ("mean; the gradient is the shortest", ("mean", "", "", "the gradient is the shortest")),
]


@pytest.mark.parametrize(("detail", "parts"), DETAILS)
def test_the_word_and_the_rule_are_read_from_a_detail(detail, parts):
    choice = choice_of(detail)
    assert (choice.word, choice.owner, choice.documented, choice.rest) == parts


# A text, its definitions, a blame, and the lines with the marked part.
PLACES = [
    ("x + relu(x)", {}, "relu(x) (expr, column 5)", ["x + relu(x)", "    ~~~~~~~"]),
    (
        "h + h",
        {"h": "x*abs(x)"},
        "abs(x) (let h, column 3)",
        ["h + h", "h = x*abs(x)", "      ~~~~~~"],
    ),
    ("relu(x)*relu(x)", {}, "relu(x) (expr, column 1)", ["relu(x)*relu(x)", "~~~~~~~ ~~~~~~~"]),
    ("x  +\n   abs(x)", {}, "abs(x) (expr, column 9)", ["x + abs(x)", "    ~~~~~~"]),
    ("relu(x)", {}, "relu(x) (expr, column 1)", ["relu(x)"]),  # the whole text is not marked
    (
        "x + relu(x)",
        {},
        "abs(y) (expr, column 5)",
        ["x + relu(x)"],
    ),  # and nothing that is not there
    ("x + relu(x)", {}, "", ["x + relu(x)"]),
]


@pytest.mark.parametrize(("text", "definitions", "blame", "lines"), PLACES)
def test_the_part_to_blame_is_marked(text, definitions, blame, lines):
    found = marked(parse(text, definitions=definitions), "", blame)
    written = [line for m in found for line in (m.label + m.text, m.underline()) if line]
    assert written == lines


@pytest.mark.parametrize("width", [12, 20, 30, 200])
def test_an_excerpt_keeps_the_marked_part_marked(width):
    text = "a + b + c + d + e + relu(x) + f + g + h + i + j + k"
    start = text.index("relu(x)")
    line = Marked("f: ", text, ((start, start + 7),)).fitted(width)
    assert len(line.label + line.text) <= width
    (span,) = line.spans
    assert line.text[slice(*span)] == "relu(x)"


def test_wrong_points_share_a_row_and_right_ones_do_not():
    wrong = symdiff.compare("x**2", {"x": "-2:2:9"}, claims={"x": "3*x"})
    assert len(block(wrong.evidence[0]).rows) == 1
    assert "1 of 8 alike" in wrong.table()
    assert len(block(wrong.evidence[0], everything=True).rows) == 9
    asked = symdiff.compare("x**2", at={"x": [-2, -1, 1]}, claims={"x": "3*x"})
    assert len(block(asked.evidence[0]).rows) == 3
    kinks = symdiff.compare("abs(sin(x))", {"x": "-4:4:3"})
    assert len(block(kinks.evidence[0]).rows) == 3


def test_an_exception_is_told_once_and_first():
    engines = ["autograd", "lambdified-torch"]
    report = symdiff.compare("relu(x)", {"x": "-1:1:3"}, engines=engines)
    table = report.table()
    assert table.count("TypeError") == 1
    assert table.splitlines()[1].startswith("  lambdified-torch failed: TypeError")
    # An engine that always fails selects no point.
    assert [row[0] for row in block(report.evidence[0]).rows] == ["0"]


def test_an_infinite_end_of_an_interval_is_open():
    table = symdiff.compare("sqrt(abs(x))", at={"x": [0]}).table()
    assert "(-inf, inf)" in table
    assert "[1, inf)" in symdiff.compare("x + sqrt(relu(x))", at={"x": [0]}).table()
