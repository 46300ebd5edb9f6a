"""Markdown for pull requests: what it shows, its length, and that names cannot become markup."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

import symdiff
from symdiff.errors import UsageError
from symdiff.report import markdown
from symdiff.report.formats import github
from symdiff.report.report import Report

_TOML = """
[[expression]]
name = "good"
expr = "abs(x)"
grid = { x = [0] }

[[expression]]
name = "bad"
expr = "x"
grid = { x = [0, 1, 2] }
claims = { x = "3" }
spellings = { other = "relu(x) - relu(-x)" }
"""
HOSTILE = [
    "</details>",
    "</code></summary><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- ",
    "<![CDATA[",
    "&lt;b&gt;",
    "| a | b |",
    r"a\| b \\| c \\\| d",
    "`` ``` ```` `",
    f"{'a' * 75} ```",
    "``` \n```\n# heading",
    "a\n\n# heading\n\n- item\n\n> quote\n\n---\n",
    "# heading",
    "- item",
    "+ item",
    "1. item",
    "> quote",
    "    code",
    "===",
    "---",
    "[link](https://example.org)",
    "![image](x.png)",
    "[x]: https://example.org",
    "<https://example.org>",
    "*em* **strong** _em_ __strong__ ~~gone~~",
    "$`x`$ $$y$$",
    "\x00\x1b[31m\u202e\ufeff",
    "x\\",
]


class _Tree(HTMLParser):
    """The tags of a page in order, with their attributes."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, *attrs))

    def handle_endtag(self, tag):
        self.tags.append(f"/{tag}")

    def handle_data(self, data):
        self.text.append(data)

    def handle_comment(self, data):
        self.tags.append("comment")

    handle_decl = unknown_decl = handle_pi = handle_comment


def tree(text):
    """Return the elements of Markdown that is rendered as GitHub does, and its words."""
    page = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    parser = _Tree()
    parser.feed(page)
    parser.close()
    return parser.tags, "".join(parser.text)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "file.toml"
    path.write_text(_TOML)
    return symdiff.compare_files([path], engines=["autograd"])


def renamed(report, name):
    """Return a report with a name in place of names, spellings, notes and messages."""
    evidence = tuple(
        dataclasses.replace(
            e,
            label=dataclasses.replace(e.label, name=name),
            grid=dataclasses.replace(e.grid, notes=(name,)),
            trials=tuple(dataclasses.replace(t, spelling=t.spelling and name) for t in e.trials),
        )
        for e in report.evidence
    )
    return Report(evidence, (UsageError(name),))


@pytest.mark.parametrize("several", [True, False])
def test_no_name_or_message_becomes_markup(report, several):
    whole = report if several else Report(report.evidence[1:], ())
    harmless, _ = tree(renamed(whole, "name").rendered("github"))
    for name in HOSTILE:
        tags, words = tree(renamed(whole, name).rendered("github"))
        # A name may be code with backticks or as an element: the tree is the same.
        assert tags == harmless, name
        assert "".join(markdown.one_line(name).split())[:9] in "".join(words.split()), name


@pytest.mark.parametrize(
    ("function", "hostile"),
    [
        ("inline", "<b>"),
        ("line", "# heading"),
        ("html_code", "</details>"),
        ("fenced", f"{'a' * 75} ```"),
    ],
)
def test_without_the_escapes_markup_is_seen(report, function, hostile, monkeypatch):
    plain = {"fenced": lambda text: f"```\n{text}\n```"}.get(function, str)
    harmless, _ = tree(renamed(report, "name").rendered("github"))
    monkeypatch.setattr(github, function, plain)
    assert tree(renamed(report, hostile).rendered("github"))[0] != harmless


def test_what_is_wrong_comes_first_and_tables_are_folded(report):
    text = report.rendered("github")
    headline, header, _, finding, *_ = filter(None, text.splitlines())
    assert headline.startswith("**FAIL**: 1 of 2 expressions does not pass: bad")
    assert header == "| verdict | expression | where | engines | number | truth | why |"
    assert re.match(
        r"\| wrong \| `bad` \| x = .* \| claim \| 3 \| 1 \| .*\(expr, column 1\)", finding
    )
    assert text.index("claim ") < text.index("<details>")
    assert text.index("<summary>FAIL <code>bad</code>") < text.index("<summary><code>good</code>")
    assert text.count("<details>") == text.count("</details>") == 2
    single = Report(report.evidence[:1], ()).rendered("github")
    assert single.startswith("**PASS**: ")
    assert "\n### good: `abs(x)`\n" in single
    assert "<details>" not in single


def test_a_comment_is_never_longer_than_its_host_allows(report):
    bad = renamed(report, "\\|" * 4000).evidence[1]
    many = Report((bad,) * 60, tuple(UsageError("|\\" * 9000) for _ in range(60)))
    text = many.rendered("github")
    assert 20_000 < len(text) < github.LIMIT
    shown = text.count("<details>")
    assert f"\n{60 - shown} expressions left out: " in text
    assert "\nand 40 more findings\n" in text or "more findings\n" in text
    assert tree(text)[0].count("/details") == shown
