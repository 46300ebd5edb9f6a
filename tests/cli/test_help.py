"""The help of every command, with examples that it accepts, and completion in shells."""

import shlex

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from symdiff.cli.app import app
from symdiff.cli.completion import starting
from symdiff.cli.examples import EXAMPLES

COMMANDS = get_command(app).commands


def test_every_command_has_examples_of_itself():
    assert set(EXAMPLES) == set(COMMANDS)
    for name, lines in EXAMPLES.items():
        assert lines
        assert all(shlex.split(line)[:2] == ["symdiff", name] for line in lines), name


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_an_example_is_accepted_and_stands_in_the_help_on_a_line_of_its_own(line):
    _, name, *arguments = shlex.split(line)
    COMMANDS[name].make_context(name, [*arguments], resilient_parsing=False)
    shown = CliRunner().invoke(app, [name, "--help"]).stdout.splitlines()
    assert line in [text.strip() for text in shown]


def test_an_example_with_an_unknown_option_would_be_noticed():
    with pytest.raises(Exception, match="No such option"):
        COMMANDS["engines"].make_context("engines", ["--nonsense"])


def test_the_list_of_commands_has_whole_sentences():
    shown = CliRunner().invoke(app, ["--help"]).stdout
    assert "..." not in shown.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("symdiff run --engine sym", ["symbolic", "sympy-whole", "symengine", "sympy-limit"]),
        ("symdiff eval --format js", ["json", "jsonl"]),
        ("symdiff run --prove a", ["all"]),
        ("symdiff eval --dtype bf", ["bfloat16"]),
        ("symdiff conventions leaky", ["leaky_relu"]),
        ("symdiff doc", ["doctor"]),
    ],
)
def test_a_shell_completes_commands_and_values(typed, expected, monkeypatch):
    monkeypatch.setenv("_SYMDIFF_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    done = CliRunner().invoke(app, [], prog_name="symdiff")
    assert done.stdout.split() == expected


def test_nothing_is_completed_that_was_not_begun():
    assert starting(lambda: ["filter", "all"])("x") == []
