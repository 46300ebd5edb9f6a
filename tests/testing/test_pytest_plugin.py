"""The plug-in of pytest: entries of expression files are tests, and the fixture shows its tables."""

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PLUGIN = "symdiff.testing.pytest_plugin"

GOOD_TOML = """
[[expression]]
name = "kink"
expr = "abs(x)"
grid = { x = "-1:1:3" }

[[expression]]
name = "expected"
expr = "relu(x) - relu(-x)"
expect = { autograd = ["wrong"] }
grid = { x = "-1:1:3" }

[[expression]]
name = "wrong claim"
expr = "x**2"
claims = { x = "3*x" }
grid = { x = "1:2:2" }

[[expression]]
name = "no such function"
expr = "nosuch(x)"
"""
LINES = "good: x**2 ; x = 1:2:2\nbad grid: x ; x = 1:2\nunfinished: relu(x\n"
SUITE = """
import torch

def test_right(symdiff):
    assert symdiff.compare("abs(x)", {"x": [1, 2]})
    symdiff.assert_derivatives(torch.sin, torch.ones(2, dtype=torch.float64))

def test_wrong_claim(symdiff):
    assert symdiff.compare("x**2", {"x": [1, 2]}, claims={"x": "3*x"}, engines=["autograd"])

def test_nan(symdiff):
    symdiff.assert_derivatives(lambda x: (x * x).sqrt(), torch.zeros(1, dtype=torch.float64))
"""


@pytest.fixture
def run(pytester):
    """Run pytest with the plug-in, installed or not, in a process of its own."""

    def start(*arguments):
        # The name of the entry point is blocked, so that the plug-in is loaded once.
        options = ("-p", "no:symdiff", "-p", PLUGIN, "-p", "no:cacheprovider", "-v")
        return pytester.runpytest_subprocess(*options, *arguments)

    return start


@pytest.fixture
def folder(pytester):
    inner = pytester.mkdir("formulas")
    (inner / "good.toml").write_text(GOOD_TOML)
    (inner / "lines.txt").write_text(LINES)
    (inner / "other.toml").write_text('[project]\nname = "x"\n')
    (inner / "broken.toml").write_text("[[expression]]\nname = \n")
    (inner / "notes.md").write_text("nothing")
    return inner


def test_a_folder_gives_one_test_for_every_entry(run, folder):
    result = run("--symdiff", "formulas", "--continue-on-collection-errors")
    result.assert_outcomes(passed=3, failed=4, errors=1)
    lines = result.outlines
    shown = {line.split()[0]: line for line in lines if line.startswith("formulas/")}
    assert "formulas/good.toml::kink" in shown
    assert "PASSED" in shown["formulas/good.toml::kink"]
    # One clear line for an entry and for a file that cannot be used.
    text = result.stdout.str()
    assert "\nformulas/good.toml, line 21, entry 'no such function': unknown function" in text
    assert "Traceback" not in text
    result.stdout.fnmatch_lines(["*formulas/broken.toml*line 2*", "*wrong: claim*"])
    result.stdout.fnmatch_lines(
        ["*claim wrong for x from 1 to 2: 3 instead of 2 at x = 1; a factor 1.5 too much*"]
    )
    assert "other.toml" not in text
    assert "notes.md" not in text


def test_files_are_chosen_by_name_and_nothing_without_the_option(run, folder, pytester):
    pytester.makepyfile("def test_own():\n    pass\n")
    result = run()
    result.assert_outcomes(passed=1)
    assert "formulas" not in result.stdout.str()
    # A text file counts only where it or its folder is named.
    result = run("--symdiff", "--continue-on-collection-errors", "--co", "-q")
    assert "lines.txt" not in result.stdout.str()
    assert "<ExpressionTest kink>" in result.stdout.str()
    result = run("--symdiff", "formulas/lines.txt")
    result.assert_outcomes(passed=1, failed=2)
    result = run("--symdiff", "formulas/good.toml::kink")
    result.assert_outcomes(passed=1)
    result = run("--symdiff", "formulas/other.toml")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*other.toml*"])


def test_the_fixture_shows_the_tables_of_a_failing_test(run, pytester):
    pytester.makepyfile(SUITE)
    result = run()
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*<Comparison of 'x[*][*]2': 2 findings>*",
            "*Captured symdiff call*",
            "*wrong: claim*",
            "*1 of 1 derivatives of the lambda of *.py:11 by autograd does not pass*",
        ]
    )


def test_the_plugin_loads_nothing_heavy():
    heavy = ("torch", "sympy", "numpy", "hypothesis", "symdiff.api")
    probe = f"import {PLUGIN}, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_entry_point_names_the_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    name = project["entry-points"]["pytest11"]["symdiff"]
    assert importlib.import_module(name).pytest_collect_file
