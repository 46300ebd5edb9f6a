"""README.md and docs/: every example is what is printed, every link leads somewhere."""

import re

import pytest

from symdiff.report.listings import engine_table, function_table
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict
from tests.docs_blocks import PAGES, ROOT, BlockError, refreshed

DOCUMENTS = (*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_block_is_what_is_printed_today(path):
    text = path.read_text(encoding="utf-8")
    assert refreshed(text, page=path.name) == text, f"{path.name} is out of date: make examples"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_relative_link_leads_to_a_heading_or_a_file(path):
    assert broken_links(path.read_text(encoding="utf-8"), path) == []


def broken_links(text, path):
    """Return the links of a page that lead to no file, or to no heading of a page."""
    return [
        target
        for target in LINK.findall(text)
        if "://" not in target and not leads_somewhere(target, path)
    ]


def leads_somewhere(target, path):
    name, _, heading = target.partition("#")
    file = (path.parent / name).resolve() if name else path
    return file.exists() and (not heading or heading in anchors(file.read_text(encoding="utf-8")))


def anchors(text):
    """Return what GitHub makes of the headings of a page."""
    headings = re.findall(
        r"^#+ (.*)$",
        re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL),
        re.MULTILINE,
    )
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_readme_is_short_and_narrow():
    lines = README.splitlines()
    assert len(lines) <= 170
    assert [line for line in lines if len(line) > 120] == []


def test_the_readme_explains_every_kind_and_every_verdict():
    words = set(re.findall(r"^\| `([a-z-]+)` \|", README, re.MULTILINE))
    assert {str(word) for word in (*Verdict, *Kind)} <= words


def test_the_tables_in_markdown_have_a_row_for_each_row_of_the_plain_ones():
    for table in (function_table, engine_table):
        rows = [line for line in table("github").splitlines() if line.startswith("| `")]
        assert len(rows) == len(table("plain").splitlines()) - 2  # a heading and a rule


def test_the_tables_in_markdown_are_not_padded():
    assert "  " not in function_table("github").replace("|  |", "| |")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_make_target_that_is_mentioned_exists(path):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?\bmake ([a-z]+)`", path.read_text(encoding="utf-8"))) <= targets


@pytest.mark.parametrize(
    ("heading", "folder"),
    [("How the code is laid out", "symdiff"), ("Looking for wrong results", "fuzz")],
)
def test_contributing_names_every_part_of_a_package(heading, folder):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = "\n".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))
    named = {name.rstrip("/") for name in re.findall(r"`([a-z_]+(?:/|\.py))`", table)}
    parts = {
        path.name
        for path in (ROOT / folder).iterdir()
        if path.is_dir() or path.suffix == ".py"
        if not path.name.startswith("__")
    }
    assert named == parts


RIGHT = '$ symdiff eval "x" --at x=0 --engine central\n'


class TestTheCheckerOfBlocks:
    def test_keeps_a_page_that_is_right(self):
        page = refreshed(f"```console\n{RIGHT}```\n")
        assert "agrees" in page
        assert refreshed(page) == page

    @pytest.mark.parametrize(
        ("planted", "mended"),
        [
            (f"```console\n{RIGHT}x is wrong\n```\n", "x is wrong"),
            (f"```console\n{RIGHT}a wrong table\n...\n```\n", "a wrong table"),
            (f"```console\n{RIGHT}...\n$ echo $?\n7\n```\n", "\n7\n"),
            ("```python\nprint(1 + 1)\n# prints 3\n```\n", "3"),
            ("<!-- generated: symdiff engines -->\nnone\n<!-- end -->\n", "none"),
        ],
    )
    def test_replaces_a_wrong_output(self, planted, mended):
        assert mended not in refreshed(planted)

    @pytest.mark.parametrize(
        ("planted", "message"),
        [
            ("```console\n$ rm -r x\n```\n", "line 1: BlockError: rm is not run"),
            ("\n```sh\nsymdiff run --onyl 'relu*'\n```\n", "line 2: .*--onyl"),
            ("```sh\nsymdiff rnu\n```\n", "rnu"),
            ("```toml\n[[expression]]\n```\n", "a block of toml that is not run"),
            ("```python\nassert False\n```\n", "AssertionError"),
            (
                '```toml\n# a.toml\n[[expression]]\nexpr = "relu(x) - relu(-x)"\n```\n',
                "does not pass",
            ),
            ("```diff\n--- symdiff/errors.py\n+x\n no such line\n```\n", "has 0 times"),
            ("<!-- generated: nothing -->\n<!-- end -->\n", "nothing is generated from 'nothing'"),
        ],
    )
    def test_refuses_a_block_that_does_not_run(self, planted, message):
        with pytest.raises(BlockError, match=message):
            refreshed(planted)

    def test_runs_commands_on_the_changed_source(self):
        change = "```diff\n--- symdiff/errors.py\n from __future__ import annotations\n+PLANTED = 1\n```\n"
        file = "```python\n# symdiff/__main__.py\nimport symdiff.errors\nprint(symdiff.errors.PLANTED)\n```\n"
        page = refreshed(f"{change}{file}```console\n$ symdiff functions\n```\n")
        assert page.endswith("$ symdiff functions\n1\n```\n")


def test_a_broken_link_is_noticed():
    path = ROOT / "README.md"
    assert broken_links("[a](docs/none.md) [b](#install) [c](#none)", path) == [
        "docs/none.md",
        "#none",
    ]
