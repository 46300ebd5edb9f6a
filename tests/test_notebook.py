"""Tables in notebooks: the cell magic, and HTML with nothing of the input in it unescaped."""

import re

import pytest

import symdiff
from symdiff.notebook import compared

interactive = pytest.importorskip("IPython.core.interactiveshell")

TEXT = "kink: abs(x) ; x = -1:1:3\ncurve: x**2 ; x = 1:2:2\n"
TOML = '[[expression]]\nname = "kink"\nexpr = "abs(x)"\ngrid = { x = "-1:1:3" }\n'


@pytest.fixture(scope="module")
def shell():
    shell = interactive.InteractiveShell.instance(history_length=0)
    shell.history_manager.enabled = False
    shell.run_line_magic("load_ext", "symdiff")
    yield shell
    interactive.InteractiveShell.clear_instance()


@pytest.mark.parametrize(("cell", "names"), [(TEXT, ["kink", "curve"]), (TOML, ["kink"])])
def test_a_cell_gives_a_table(shell, cell, names):
    report = shell.run_cell_magic("symdiff", "", cell)
    assert [e.name for e in report.evidence] == names
    html = shell.display_formatter.format(report)[0]["text/html"]
    assert html == report._repr_html_()
    assert "<h2>kink: abs(x)</h2>" in html
    assert "[-1, 1]" in html
    assert "subgradient" in html


def test_engines_stand_after_the_magic(shell):
    report = shell.run_cell_magic("symdiff", "autograd", TEXT)
    assert report.evidence[0].engines == ("autograd",)


@pytest.mark.parametrize(
    ("line", "cell", "message"),
    [
        ("", "[[expression]]\nname = \n", "cell: broken TOML"),
        ("", "# nothing\n", "cell: no expression in this file"),
        ("autogard", TEXT, "unknown engine 'autogard' (did you mean 'autograd'?)"),
    ],
)
def test_a_cell_that_cannot_be_used_gives_one_line(shell, capsys, line, cell, message):
    result = shell.run_cell(f"%%symdiff {line}\n{cell}")
    printed = "".join(capsys.readouterr())
    assert not result.success
    assert message in printed
    assert "Traceback" not in printed


def test_an_entry_that_cannot_be_used_is_named_above_the_others(shell):
    report = shell.run_cell_magic("symdiff", "", "good: x\nbad: nosuch(x)\n")
    html = report._repr_html_()
    assert html.startswith("<pre>cell, line 2, entry &#x27;bad&#x27;: unknown function")
    assert "<h2>good: x</h2>" in html


HOSTILE = "<script>alert('x')</script> & <b>\"y\"</b>"


ENTRY = f"""
[[expression]]
name = "a"
expr = "abs(x)"
note = \'\'\'{HOSTILE}\'\'\'
grid = {{ x = [0.0] }}
spellings = {{ "<i>s</i>" = "abs(x)" }}
"""


@pytest.mark.parametrize(
    "cell",
    [
        f"{HOSTILE}: abs(x) ; x = -1:1:3\n",
        f"{HOSTILE}: nosuch(x)\n",
        f"<img src=x onerror=alert(1)>: {HOSTILE}\n",
        ENTRY,
    ],
)
def test_nothing_of_a_cell_is_html(cell):
    html = compared("", cell)._repr_html_()
    # Only the tags of tables and headings.
    tags = set(re.findall(r"</?([a-zA-Z]\w*)", html))
    assert tags <= {"h2", "p", "pre", "table", "thead", "tbody", "tr", "th", "td"}


def test_a_lambda_is_shown_by_its_name():
    comparison = symdiff.compare(lambda x: x * x, {"x": [1]})
    assert "&lt;lambda&gt;" in comparison._repr_html_()
    assert "<lambda>" not in comparison._repr_html_()
