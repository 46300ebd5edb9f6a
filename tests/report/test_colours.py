"""Colours repeat what words say, and appear only where they are wanted."""

import re

import pytest
from typer.testing import CliRunner

import symdiff
from symdiff.cli.app import app
from symdiff.errors import UsageError
from symdiff.report.colours import Look, look_of, printable, without_codes
from symdiff.report.formats import plain
from symdiff.report.layout import Layout
from symdiff.verdict.words import Verdict

COLOURED = Look(is_coloured=True)


class File:
    """A file that may be a terminal of 80 columns."""

    def __init__(self, is_terminal):
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal

    def fileno(self):
        raise OSError("not a terminal")


# --color, whether the file is a terminal, the environment, whether there are colours, the columns.
LOOKS = [
    ("auto", True, {"COLUMNS": "120"}, True, 120),
    ("auto", False, {}, False, 80),
    ("auto", False, {"COLUMNS": "200"}, False, 200),
    ("auto", True, {"COLUMNS": "80", "NO_COLOR": "1"}, False, 80),
    ("auto", True, {"COLUMNS": "80", "NO_COLOR": ""}, True, 80),
    ("auto", True, {"COLUMNS": "80", "TERM": "dumb"}, False, 80),
    ("always", False, {"NO_COLOR": "1"}, True, 80),
    ("never", True, {"COLUMNS": "80"}, False, 80),
    ("auto", False, {"COLUMNS": "wide"}, False, 80),
    ("auto", False, {"COLUMNS": "3"}, False, 40),
]


@pytest.mark.parametrize(("color", "is_terminal", "environment", "is_coloured", "columns"), LOOKS)
def test_the_look_of_a_file(color, is_terminal, environment, is_coloured, columns):
    look = look_of(File(is_terminal), color, environment)
    assert (look.is_coloured, look.columns) == (is_coloured, columns)


def test_another_word_for_color_is_refused():
    with pytest.raises(UsageError, match=r"--color cannot be 'alwys'.*did you mean 'always'"):
        look_of(File(is_terminal=True), "alwys", {})


def test_colours_add_only_escape_codes(relu):
    wrong = symdiff.compare("x**2", {"x": "-1:1:3"}, claims={"x": "3*x"})
    for report in (relu, wrong):
        text = plain.render(report, Layout(everything=True))
        coloured = plain.render(report, Layout(everything=True, look=COLOURED))
        assert without_codes(coloured) == text != coloured
        assert "\x1b" not in text


def test_every_verdict_has_a_colour_and_keeps_its_word():
    text = " ".join(f"{v.label}: 1," for v in Verdict)
    coloured = COLOURED.verdicts(text)
    assert re.findall(r"\x1b\[[0-9;]+m([\w-]+)\x1b\[0m", coloured) == [v.label for v in Verdict]
    assert COLOURED.verdicts("wrongly, my-wrong, wrong-ish") == "wrongly, my-wrong, wrong-ish"


def test_failing_verdicts_differ_from_passing_ones_in_grey():
    bold = {v for v in Verdict if "\x1b[1;" in COLOURED.verdict("1", v)}
    assert bold == {v for v in Verdict if not v.passes}


def test_the_command_line_writes_colours_where_they_are_asked_for():
    arguments = ["eval", "x", "--at", "x=1", "--engine", "central"]
    written = {
        color: CliRunner().invoke(app, [*arguments, "--color", color]).output
        for color in ("always", "auto", "never")
    }
    assert "\x1b[" in written["always"]
    assert written["auto"] == written["never"] == without_codes(written["always"])
    refused = CliRunner().invoke(app, [*arguments, "--color", "red"])
    assert refused.exit_code == 2
    assert "symdiff: --color cannot be 'red'" in refused.output


def test_control_characters_are_written_out():
    assert printable("a\x1b[2Jb\u202ec\td") == "a\\x1b[2Jb\\u202ec\td"
