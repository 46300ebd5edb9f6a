"""The command symdiff conventions: tables, files, and one line for what cannot be used."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from symdiff.atlas import elsewhere
from symdiff.cli.app import app


def run(*arguments):
    done = CliRunner().invoke(app, ["conventions", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


def test_the_table_has_a_line_for_every_different_answer():
    done = run("relu6", "--engine", "autograd", "--engine", "symbolic", "--engine", "central")
    assert done.exit_code == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [
        "relu6(x)",
        "x",
        "x=0",
        "0",
        "|",
        "1",
        "0",
        "subgradient",
        "left,",
        "min-norm",
        "autograd",
        "autograd:",
        "yes",
    ] in lines
    assert ["0.5", "subgradient", "mean", "symbolic,", "central"] in lines
    assert "2 derivatives of 1 calls" in done.stdout
    assert "autograd: torch's rule says what to choose; it follows it at 2" in done.stdout


def test_json_is_a_file_of_an_atlas():
    content = json.loads(run("abs*", "--engine", "autograd", "--format", "json").stdout)
    assert content["format"] == "symdiff atlas"
    assert content["rows"][0][:2] == ["abs", "abs(x)"]


def test_markdown_is_a_table():
    done = run("relu6", "--engine", "autograd", "--format", "github")
    assert done.stdout.startswith("| call ")


def test_a_folder_gets_a_file_for_each_library(tmp_path):
    done = run("relu6", "--engine", "autograd", "--engine", "central", "--output", tmp_path)
    assert sorted(done.stdout.split()) == sorted(map(str, tmp_path.iterdir()))
    assert {path.name.split("-")[0] for path in tmp_path.iterdir()} == {"torch", "numpy"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reul"], "the atlas has no function 'reul' (did you mean 'relu'?)"),
        (["--engine", "autogard"], "unknown engine 'autogard' (did you mean 'autograd'?)"),
        (["--format", "yaml"], "unknown format 'yaml'"),
        (["--output", "absent"], "--output absent is not a folder (mkdir -p absent)"),
        (["--jobs", "0"], "jobs cannot be 0"),
        (["--python", "absent/python"], "--python absent/python: No such file"),
    ],
)
def test_bad_input_gets_one_line(arguments, message):
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_another_interpreter_runs_this_code_with_its_own_libraries():
    # The same environment, where symdiff is lent as to any other.
    assert run("relu6", "--engine", "autograd", "--python", sys.executable).stdout == (
        run("relu6", "--engine", "autograd").stdout
    )


def test_a_missing_module_is_named_in_one_line(tmp_path):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} -I -S -c 'import typer'\n")
    python.chmod(0o755)
    done = run("relu6", "--python", python)
    assert done.exit_code == 2
    assert f"--python {python}: it has no module typer (install there" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_error_of_the_other_run_is_shown():
    done = run("relu6", "--engine", "none", "--python", sys.executable)
    assert done.exit_code == 2
    assert "unknown engine 'none'" in done.stderr


def test_what_is_lent_is_the_package_alone(tmp_path):
    elsewhere.lend(tmp_path)
    assert sorted(path.name.split("-")[0] for path in tmp_path.iterdir()) == [
        "symdiff",
        "symdiff_compare",
    ]
    code = "import symdiff, importlib.metadata as m; print(m.version('symdiff-compare'))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip()
