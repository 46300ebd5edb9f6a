"""Options: one table, read by the command line and by the library."""

import dataclasses
import inspect
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

import symdiff
from symdiff.cli.app import app
from symdiff.cli.options import with_options_of
from symdiff.comparison import compare as comparing
from symdiff.errors import UsageError
from symdiff.request.options import Options, RunOptions, at_least, described, option, takes

DOORS = [symdiff.compare, symdiff.compare_file, symdiff.compare_files]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Extended(Options):
    """The options, and one that a contributor adds."""

    patience: float = dataclasses.field(
        default=2.5, metadata=option("--patience", "How patient to be.", at_least(0))
    )


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_every_option_is_a_keyword_of_the_library_with_its_default_and_its_help(door):
    parameters = inspect.signature(door).parameters
    for field in dataclasses.fields(Options):
        assert parameters[field.name].default == field.default
        assert parameters[field.name].kind is inspect.Parameter.KEYWORD_ONLY
    head = door.__doc__.split("\nReturns\n")[0]
    for name, about in described(Options).items():
        assert f"\n{name}\n    {about.help[:20]}" in head
    assert "options" not in parameters and "run" not in parameters


@pytest.mark.parametrize("command", ["run", "eval"])
def test_every_flag_is_an_option_of_the_command_line_with_its_default(command):
    options = {p.name: p for p in get_command(app).commands[command].params}
    tables = (Options, RunOptions) if command == "run" else (Options,)
    for table in tables:
        for name, about in described(table).items():
            if about.flag is None:
                assert name not in options
                continue
            assert about.flag.split("/")[0] in options[name].opts
            assert about.help in options[name].help
            default = inspect.signature(table).parameters[name].default
            assert options[name].default == (
                list(default) if isinstance(default, tuple) else default
            )


def test_a_field_becomes_a_keyword():
    @takes(options=Extended)
    def patience_of(text, *, options):
        """Return the text and two options.

        Parameters
        ----------
        text
            Any.

        Returns
        -------
        float
        """
        return text, options.patience, options.seed

    assert patience_of("a", patience=7, seed=1) == ("a", 7, 1)
    assert patience_of("a") == ("a", 2.5, 0)
    assert "patience\n    How patient to be.\n\nReturns" in patience_of.__doc__
    with pytest.raises(UsageError, match=r"patience cannot be -1 \(a finite number, at least 0\)"):
        patience_of("a", patience=-1)


def test_a_field_becomes_an_option_of_a_command():
    import typer

    seen = []
    program = typer.Typer()

    @program.command()
    @with_options_of(Extended)
    def main(text: str, *, options: dict[str, object]) -> None:
        seen.append((text, options["patience"], options["kinks"], options["engines"]))

    done = CliRunner().invoke(
        program, ["a", "--patience", "7", "--no-kinks", "--engine", "central"]
    )
    assert (done.exit_code, seen) == (0, [("a", 7.0, False, ["central"])])
    assert "How patient to be." in CliRunner().invoke(program, ["--help"]).output


def test_flags_and_keywords_reach_the_comparison(monkeypatch):
    seen, real = [], comparing.compare

    def compare(request, options, *columns):
        seen.append(options)
        return real(request, options, *columns)

    monkeypatch.setattr(comparing, "compare", compare)
    typed = ["--rtol", "1e-6", "--atol", "1e-7", "--digits", "2", "--no-kinks", "--max-points", "7", "--seed", "3",
             "--order", "2", "--prove", "all", "--max-proofs", "5", "--max-components", "9", "--strict",
             "--dtype", "float32,bfloat16", "--dtype", "float16",
             "--engine", "central", "--engine", "autograd"]  # fmt: skip
    keywords = {"rtol": 1e-6, "atol": 1e-7, "digits": 2, "kinks": False, "max_points": 7, "seed": 3,
                "order": 2, "prove": "all", "max_proofs": 5, "max_components": 9, "strict": True,
                "dtype": ["float32", "bfloat16", "float16"],
                "engines": ["central", "autograd"]}  # fmt: skip
    assert CliRunner().invoke(app, ["eval", "x", *typed]).exit_code == 0
    symdiff.compare("x", **keywords)
    assert seen == [Options(**keywords)] * 2
    assert set(keywords) | {"columns"} == set(described(Options))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"rtol": -1}, r"rtol cannot be -1 \(a finite number, at least 0\)"),
        ({"atol": float("nan")}, "atol cannot be nan"),
        ({"rtol": float("inf")}, "rtol cannot be inf"),
        ({"max_points": 0}, r"max_points cannot be 0 \(an integer, at least 1\)"),
        ({"max_components": -1}, "max_components cannot be -1"),
        ({"max_proofs": 0}, "max_proofs cannot be 0"),
        ({"seed": -1}, "seed cannot be -1"),
        ({"prove": "al"}, r"prove cannot be 'al' \(did you mean 'all'\?\)"),
        ({"prove": "nothing"}, r"prove cannot be 'nothing' \(filter or all\)"),
    ],
)
def test_a_value_out_of_range_is_refused_in_one_line(keywords, message):
    with pytest.raises(UsageError, match=f"^{message}"):
        Options(**keywords)


def test_tensors_by_position_are_a_type_error_that_names_values():
    with pytest.raises(
        TypeError, match=r"at most 2 arguments by position, not 3 .*values=\{\"x\": x"
    ):
        symdiff.compare("x*y", [1.0], [2.0])


def test_an_unknown_keyword_is_a_type_error_with_a_suggestion():
    with pytest.raises(
        TypeError, match=r"compare has no keyword 'rtoll' \(did you mean 'rtol'\?\)"
    ):
        symdiff.compare("x", rtoll=1e-6)


def test_an_unknown_engine_is_reported_once_and_not_for_every_entry(tmp_path):
    (tmp_path / "a.txt").write_text("a: x\nb: x\n")
    with pytest.raises(UsageError, match="unknown engine 'autogard'"):
        symdiff.compare_file(tmp_path / "a.txt", engines=["autogard"])


def test_engines_and_paths_can_be_texts():
    assert Options(engines="central").engines == ("central",)
    assert Options(engines=["central"]) == Options(engines=("central",))
    assert Options(columns="folder").columns == RunOptions(store="folder").store == Path("folder")
    with pytest.raises(dataclasses.FrozenInstanceError):
        Options().seed = 1


def test_progress_is_called_at_the_start_and_for_every_entry(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a: x\nb: x +\nc: x**2 ; x = 0 ; x = 1\n")
    calls = []
    report = symdiff.compare_file(path, progress=lambda *call: calls.append(call))
    assert [(done, total) for done, total, _ in calls] == [(0, 2), (0, 2), (1, 2), (2, 2)]
    assert calls[0][2] is None and calls[1][2] is report.errors[0]
    assert calls[2][2] is report.evidence[0] and calls[3][2] is report.errors[1]


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"engines": []}, r"engines cannot be \[\] \(a list of one name or more"),
        ({"engines": [1]}, r"engines cannot be \[1\]"),
        ({"engines": 3}, "engines cannot be 3"),
        ({"rtol": "a"}, r"rtol cannot be 'a' \(a finite number, at least 0\)"),
        ({"rtol": None}, "rtol cannot be None"),
        ({"atol": True}, "atol cannot be True"),
        ({"max_points": 2.5}, r"max_points cannot be 2.5 \(an integer, at least 1\)"),
        ({"max_points": True}, "max_points cannot be True"),
        ({"seed": 1.5}, r"seed cannot be 1.5 \(an integer, at least 0\)"),
        ({"strict": "no"}, r"strict cannot be 'no' \(True or False\)"),
        ({"kinks": 1}, r"kinks cannot be 1 \(True or False\)"),
        ({"prove": 3}, r"prove cannot be 3 \(filter or all\)"),
        ({"columns": 3}, r"columns cannot be 3 \(a path, as a string or a pathlib.Path\)"),
    ],
)
def test_a_value_of_another_type_is_refused_in_one_line(keywords, message):
    with pytest.raises(UsageError, match=f"^{message}") as caught:
        symdiff.compare("relu(x)", **keywords)
    assert caught.value.hint and "\n" not in str(caught.value)


def test_integers_of_numpy_are_integers():
    assert Options(max_points=np.int64(5), seed=np.int32(1), rtol=np.float32(0)).max_points == 5


@pytest.mark.parametrize(
    ("door", "paths"),
    [
        (symdiff.compare_file, []),
        (symdiff.compare_file, 3),
        (symdiff.compare_files, 3),
        (symdiff.compare_files, [3]),
    ],
)
def test_what_is_not_a_path_is_refused_in_one_line(door, paths):
    with pytest.raises(UsageError, match=r"^paths? cannot be (3|\[\]) \(a path"):
        door(paths)
