"""The extensions that CONTRIBUTING describes, each carried out on a copy of the source tree."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


class Tree:
    """A copy of the source tree that a test edits as a contributor would."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("symdiff", "expressions"):
            shutil.copytree(
                ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copy(ROOT / "pyproject.toml", folder)

    def replace(self, path, old, new):
        """Replace a text that the file has exactly once."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, (path, old)
        file.write_text(text.replace(old, new), encoding="utf-8")

    def python(self, *arguments):
        """Run Python with this tree's symdiff; return what it prints."""
        done = self._run(*arguments)
        assert done.returncode in {0, 1}, done.stderr
        return done.stdout

    def _run(self, *arguments):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )

    def refusal(self, *arguments):
        """Run this tree's command line with bad input; return the message."""
        done = self._run("-m", "symdiff", *arguments)
        assert done.returncode == 2, done.stdout
        return done.stderr

    def symdiff(self, *arguments):
        """Run this tree's command line; return what it prints."""
        return self.python("-m", "symdiff", *arguments)


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_an_option_is_one_edit(tree):
    tree.replace(
        "symdiff/request/options.py",
        "    strict: bool = field(",
        "    patience: float = field(\n"
        '        default=2.5, metadata=option("--patience", "How patient to be.", at_least(0))\n'
        "    )\n"
        "    strict: bool = field(",
    )
    for command in ("eval", "run"):
        text = tree.symdiff(command, "--help")
        assert "--patience <float>" in text and "How patient to be.  [default: 2.5]" in text
    program = (
        "import inspect, symdiff\n"
        "from symdiff.cli import app\n"
        "print(inspect.signature(symdiff.compare).parameters['patience'].default)\n"
        "print('How patient to be.' in symdiff.compare_files.__doc__)\n"
        "print(symdiff.compare('x', at={'x': [1]}, patience=7).evidence[0].options.patience)\n"
        "from symdiff.comparison import compare\n"
        "real = compare.compare\n"
        "compare.compare = lambda r, o, *c: (print(o.patience), real(r, o, *c))[1]\n"
        "app.app(['eval', 'x', '--at', 'x=1', '--patience', '0.5', '--quiet'])\n"
    )
    assert tree.python("-c", program).splitlines()[:4] == ["2.5", "True", "7", "0.5"]


ENGINE = """
'''Forward differences: a worse way to get a derivative.'''

import numpy as np

from symdiff.arithmetics.arrays import evaluate
from symdiff.engines.base import Allowance, Samples, Traits


class _Slopes:
    name = "slopes"
    traits = Traits(modes=("differences",))

    def differentiate(self, problem):
        return Samples({name: self._quotient(problem, name) for name in problem.variables})

    def _quotient(self, problem, name):
        columns, h = problem.columns, 2.0**-26
        ahead = {**columns, name: columns[name] + h}
        return (evaluate(problem.program, ahead) - evaluate(problem.program, columns)) / h

    def estimate_errors(self, problem, variable):
        return None

    def allowance(self, problem, variable, point):
        return Allowance(1e-6, reason="truncation and rounding")


ENGINE = _Slopes()
"""


def test_an_engine_is_one_file_and_one_line(tree):
    (tree.folder / "symdiff/engines/slopes.py").write_text(ENGINE)
    tree.replace(
        "symdiff/engines/registry.py",
        'MappingProxyType({\n    "symbolic"',
        'MappingProxyType({\n    "slopes": BuiltIn("difference quotients"),\n    "symbolic"',
    )
    assert "difference quotients" in tree.symdiff("engines")
    command = ["eval", "x**3", "--at", "x=1,2", "--engine", "slopes", "--format", "jsonl"]
    verdicts = [json.loads(line)["verdict"] for line in tree.symdiff(*command).splitlines()]
    assert verdicts == ["inexact", "inexact"]
    linter = Path(sys.executable).with_name("lint-imports")
    assert "0 broken" in tree.python(linter, "--no-cache")


FORMAT = """
'''The verdicts, one a line.'''


def render(report, layout):
    return "".join(f"{r['engine']}: {r['verdict']}\\n" for r in report.records())
"""


def test_an_output_format_is_one_file_and_one_line(tree):
    (tree.folder / "symdiff/report/formats/verdicts.py").write_text(FORMAT)
    line = '        "jsonl": ".jsonl",\n'
    table = "symdiff/report/formats/__init__.py"
    tree.replace(table, line, f'{line}        "verdicts": ".verdicts",\n')
    command = ["eval", "x", "--at", "x=1", "--engine", "central"]
    assert tree.symdiff(*command, "--format", "verdicts") == "central: agrees\n"
    tree.symdiff(*command, "--output", "report.verdicts")
    assert (tree.folder / "report.verdicts").read_text() == "central: agrees\n"
    assert "jsonl, verdicts" in " ".join(tree.symdiff("eval", "--help").split())


FUNCTION = """
[[expression]]
name = "squareplus at its kink"
expr = "squareplus(abs(x))"
grid = { x = "-1:1:3" }
"""


def test_a_function_with_a_formula_is_one_row_and_one_expression(tree):
    tree.replace(
        "symdiff/catalogue/activations.py",
        "RECTIFIERS = (\n",
        'RECTIFIERS = (\n    Function("squareplus", "x", formula="(x + sqrt(x**2 + 4))/2", '
        'definition="(x + sqrt(x**2 + 4))/2"),\n',
    )
    (tree.folder / "expressions/squareplus.toml").write_text(FUNCTION)
    assert "squareplus" in tree.symdiff("functions")
    command = ["run", "expressions/squareplus.toml", "--engine", "symbolic", "--engine", "central"]
    lines = tree.symdiff(*command, "--format", "jsonl", "--all").splitlines()
    records = [json.loads(line) for line in lines]
    verdicts = {(r["engine"], r["point"]["x"]): r["verdict"] for r in records}
    assert verdicts["symbolic", -1.0] == verdicts["symbolic", 1.0] == "agrees"
    assert verdicts["symbolic", 0.0] == verdicts["central", 0.0] == "subgradient"


DTYPE = """
[[expression]]
name = "with counts in int32"
expr = "(n*x*x).sum()"
values = { x = [0.5, 3.0], n = { data = [1, 2], dtype = "int32" } }
wrt = ["x"]
"""


def test_a_dtype_is_one_row(tree):
    (tree.folder / "int32.toml").write_text(DTYPE)
    command = ["run", "int32.toml", "--engine", "autograd", "--format", "jsonl", "--all"]
    assert "unknown dtype 'int32'" in tree.refusal(*command)
    tree.replace(
        "symdiff/program/values.py",
        '            Dtype("int64"',
        '            Dtype("int32", 31, 1.0, 1.0, is_integer=True),\n            Dtype("int64"',
    )
    records = [json.loads(line) for line in tree.symdiff(*command).splitlines()]
    assert [r["verdict"] for r in records] == ["agrees", "agrees"]
    assert [float(r["value"]) for r in records] == [1.0, 12.0]


def test_the_tree_without_the_edit_has_no_such_option(tree):
    # Negative control: the copy is what runs, and the option comes from the edit alone.
    assert "--patience" not in tree.symdiff("eval", "--help")
    printed = tree.python("-c", "import symdiff; print(symdiff.__file__)")
    assert printed.startswith(str(tree.folder))
