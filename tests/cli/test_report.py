"""The command ``report``: a store in any format."""

import json

import pytest
from typer.testing import CliRunner

from symdiff.cli.app import app


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    (folder / "a.txt").write_text(
        "half: relu(x) ; x = -1:1:3\nbad: relu(x) - relu(-x) ; x = -1:1:3\n"
    )
    done = run(
        "run",
        folder / "a.txt",
        "--store",
        folder / "s.db",
        "--output",
        folder / "run.html",
        "--quiet",
    )
    assert done.exit_code == 1
    return folder


def test_the_page_of_a_store_is_that_of_the_run_and_runs_nothing(folder, monkeypatch):
    from symdiff.batch import task

    def refuse(*arguments):
        raise AssertionError

    monkeypatch.setattr(task, "compare", refuse)
    path = folder / "it's one.html"
    done = run("report", folder / "s.db", "--output", path, "--quiet")
    assert (done.exit_code, done.stderr) == (1, "")
    again, first = path.read_text(), (folder / "run.html").read_text()
    main = slice(again.index("<main>"), again.index("</main>"))
    assert again[main] == first[first.index("<main>") : first.index("</main>")]
    # The command as it was typed, with the quotes that a shell needs.
    assert (
        f"symdiff report {folder}/s.db --output &#39;{folder}/it&#39;&#34;&#39;&#34;&#39;s one.html&#39;"
        in again
    )


@pytest.mark.parametrize("name", ["r.json", "r.md", "r.csv", "r.txt"])
def test_a_store_is_written_in_every_format(folder, name):
    done = run("report", folder / "s.db", "--output", folder / name)
    assert done.exit_code == 1
    text = (folder / name).read_text()
    assert "half" in text and "bad" in text
    assert "FAIL" in done.stdout
    if name == "r.json":
        assert json.loads(text)["versions"].keys() >= {"symdiff", "torch", "sympy", "python-flint"}


def test_what_is_no_store_is_refused_in_one_line(folder):
    for path, words in ((folder / "a.txt", "is not a store"), (folder / "none.db", "no such file")):
        done = run("report", path)
        assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert words in done.stderr
