"""The shipped files of the atlas: what the command gives today, and what the pages show."""

import pytest

from symdiff.atlas import files, page
from symdiff.atlas.cases import cases, telling_calls
from symdiff.atlas.drift import run_of
from symdiff.atlas.recording import record
from symdiff.atlas.rules import BY_LIBRARY
from symdiff.engines.registry import library_of, listed
from symdiff.report.drift import drift
from tests.docs_blocks import ROOT

INSTALLED = {"-".join(library_of(name)) for name, line in listed().items() if line.is_installed}
# The engines of these files: one that was added later is not in them yet.
ENGINES = tuple(
    e
    for name in INSTALLED & set(files.shipped())
    for e in files.read(files.shipped()[name]).libraries
)
# Functions of every kind: kinks, ties, a norm, a jump, an edge, a vertical slope, second derivatives.
SAMPLE = ["relu6", "clamp_min", "norm of two", "sqrt", "cbrt", "elu", "float", "fmax"]


def test_the_installed_versions_are_shipped_and_others_of_torch_and_jax():
    shipped = files.shipped()
    assert set(shipped) >= INSTALLED
    by_library = [name.partition("-")[0] for name in shipped]
    assert by_library.count("torch") >= 3
    assert by_library.count("jax") >= 2


@pytest.mark.parametrize("name", sorted(files.shipped()))
def test_a_file_is_as_the_command_writes_it(name):
    path = files.shipped()[name]
    atlas = files.read(path)
    assert files.as_json(atlas) == path.read_text(encoding="utf-8")
    assert {"-".join(library) for library in atlas.libraries.values()} == {name}
    assert atlas.lost == {}


def test_the_engines_of_the_files_exist():
    engines = {e for path in files.shipped().values() for e in files.read(path).libraries}
    assert engines <= set(listed())
    assert engines >= {"symbolic", "autograd", "central"}


@pytest.fixture(scope="module")
def today():
    calls = [case for case in cases(SAMPLE) if not case.text.startswith(("where", "m"))]
    return record(calls, ENGINES, jobs=1)


@pytest.mark.parametrize("name", sorted(INSTALLED))
def test_shipped_rows_are_what_engines_give_today(name, today):
    atlas = files.read(files.shipped()[name])
    engines = tuple(atlas.libraries)
    texts = {row.text for row in today.answers}
    kept = {row: answers for row, answers in atlas.answers.items() if row.text in texts}
    shipped = files.Atlas(kept, atlas.libraries)
    changes = drift(run_of(shipped), run_of(today.of(engines)))
    assert changes.changes == ()
    assert changes.vanished == 0  # an engine may have learned more than the files have


def test_another_answer_than_the_shipped_one_is_noticed(today):
    atlas = today.of(("autograd",))
    row = next(iter(atlas.answers))
    changed = {**atlas.answers, row: {"autograd": files.Answer(value=7.0, verdict="wrong")}}
    assert len(drift(run_of(atlas), run_of(files.Atlas(changed, atlas.libraries))).changes) == 1


def test_clamp_changed_at_its_bounds():
    text = page.changes()
    assert "| `clamp(x, min=-1, max=1)` | x | x=-1 | " in text
    line = next(line for line in text.splitlines() if "`clamp(x, min=-1, max=1)`" in line)
    assert line.endswith("| 1 subgradient | 0 subgradient |")
    assert "https://github.com/pytorch/pytorch/issues/195931" in text


def test_the_page_has_a_row_of_every_call_on_which_engines_differ():
    text = (ROOT / "docs" / "atlas.md").read_text(encoding="utf-8")
    rows = {
        row.text
        for atlas in page.atlases().values()
        for row, answers in atlas.answers.items()
        if any(answer.verdict not in {"agrees", "inexact"} for answer in answers.values())
    }
    assert rows
    assert [call for call in rows if f"| `{call}` |" not in text] == []


def test_the_readme_has_the_ten_most_telling_rows():
    assert len(telling_calls()) == 10
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert page.telling() in text
    assert all(f"| `{call}` | " in text for call in telling_calls())


def test_every_library_with_a_rule_is_shipped():
    assert {name.partition("-")[0] for name in files.shipped()} >= set(BY_LIBRARY)
