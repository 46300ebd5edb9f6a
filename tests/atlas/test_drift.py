"""What changed between two files of an atlas, and where that is documented."""

import dataclasses

import pytest
from typer.testing import CliRunner

from symdiff.atlas import files
from symdiff.atlas.cases import cases
from symdiff.atlas.drift import Note, compared, documented, notes, run_of
from symdiff.atlas.recording import record
from symdiff.atlas.rows import Answer
from symdiff.cli.app import app
from symdiff.report.drift import drift


@pytest.fixture(scope="module")
def atlas():
    recorded = record(cases(["clamp_min", "relu6", "sqrt"]), ["autograd"], jobs=1)
    return dataclasses.replace(recorded, libraries={"autograd": ("torch", "2.13.0")})


def changed(atlas, version, change):
    """Return an atlas of a different version, in which `change` gives an answer for each row."""
    answers = {row: {"autograd": change(row, a["autograd"])} for row, a in atlas.answers.items()}
    return dataclasses.replace(atlas, answers=answers, libraries={"autograd": ("torch", version)})


def zero_at(call):
    def change(row, answer):
        if row.text != call or row.variable != "x" or answer.verdict != "subgradient":
            return answer
        return Answer(value=0.25, verdict="subgradient", detail="other")

    return change


def test_an_atlas_does_not_drift_from_itself(atlas):
    same = drift(run_of(atlas), run_of(atlas))
    assert not same.has_changes and not same.has_lost_coverage
    assert documented(same) == {}


def test_another_choice_is_found_with_its_note(atlas):
    new = changed(atlas, "2.15.0", zero_at("clamp_min(x, y)"))
    changes = drift(run_of(atlas), run_of(new))
    assert {(c.what, c.old["expression"]) for c in changes.changes} == {
        ("convention", "clamp_min(x, y)")
    }
    assert changes.versions == {"torch": ("2.13.0", "2.15.0")}
    ((note, calls),) = documented(changes).items()
    assert note.url.startswith("https://github.com/pytorch/pytorch/")
    assert calls == ("clamp_min(x, y)",)


@pytest.mark.parametrize(
    ("call", "version"),
    [("relu6(x)", "2.15.0"), ("clamp_min(x, y)", "2.13.1")],
)
def test_a_change_without_a_note_says_so(atlas, call, version):
    changes = drift(run_of(atlas), run_of(changed(atlas, version, zero_at(call))))
    assert documented(changes) == {None: (call,)}


def test_the_command_reads_two_files(atlas, tmp_path):
    new = changed(atlas, "2.15.0", zero_at("relu6(x)"))
    for name, one in (("old", atlas), ("new", new)):
        (tmp_path / f"{name}.json").write_text(files.as_json(one))
    changes, text = compared(tmp_path / "old.json", tmp_path / "new.json")
    assert changes.has_changes
    done = CliRunner().invoke(
        app, ["drift", str(tmp_path / "old.json"), str(tmp_path / "new.json")]
    )
    assert (done.exit_code, done.stdout) == (1, f"{text}\n")
    assert "relu6(x) x x=0 autograd subgradient 0 subgradient 0.25" in " ".join(text.split())
    assert "versions: torch 2.13.0 -> 2.15.0" in text
    assert "no note found: relu6(x)" in text


def test_a_file_that_is_neither_is_refused_in_one_line(atlas, tmp_path):
    (tmp_path / "old.json").write_text(files.as_json(atlas))
    (tmp_path / "new.json").write_text("[]")
    done = CliRunner().invoke(
        app, ["drift", str(tmp_path / "old.json"), str(tmp_path / "new.json")]
    )
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("note", notes(), ids=lambda note: note.url)
def test_every_note_is_on_calls_of_the_atlas(note):
    assert isinstance(note, Note)
    assert note.url.startswith("https://")
    assert note.text.endswith(".")
