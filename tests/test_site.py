"""The documentation as a site: it builds without a warning, and a broken link is one."""

import re

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from tests.docs_blocks import ROOT
from website import gallery

NEEDS_NETWORK = re.compile(r"""<(?:link|script|img|iframe)\b[^>]*(?:href|src)=["']?https?://""")


def built(folder, **changes):
    """Build a site in a folder as `make docs` does, with some settings changed."""
    settings = {"config_file": str(ROOT / "mkdocs.yml"), "site_dir": str(folder / "site")}
    config = load_config(**settings, **changes)
    config.extra["gallery"] = False  # tests/test_docs.py runs its blocks
    config.use_directory_urls = False  # as the plug-in offline does
    for plugin in ("material/search", "material/offline"):  # a third of the time
        if plugin in config.plugins:
            config.plugins[plugin].config.enabled = False
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    return folder / "site"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return built(tmp_path_factory.mktemp("docs"))


def test_the_site_builds_without_a_warning(site):
    assert (site / "index.html").exists()


def test_every_page_has_a_title_and_a_place_in_the_navigation(site):
    # mkdocs warns of a page without a place: the strict build above would have failed.
    for page in (ROOT / "docs").rglob("*.md"):
        shown = site / page.relative_to(ROOT / "docs").with_suffix(".html")
        assert "<h1" in shown.read_text(encoding="utf-8")


def test_links_that_leave_the_folder_of_pages_lead_to_pages_of_the_site(site):
    assert 'href="index.html#verdicts"' in (site / "glossary.html").read_text(encoding="utf-8")
    assert 'href="project/changelog.html"' in (site / "index.html").read_text(encoding="utf-8")


def test_no_page_needs_the_network(site):
    assert [p.name for p in site.rglob("*.html") if NEEDS_NETWORK.search(p.read_text())] == []


@pytest.mark.parametrize(
    ("planted", "warning"),
    [
        ("[a](none.md)", "1 warnings"),
        ("[a](#nothing)", "1 warnings"),
        ("[a](other.md#nothing)", "1 warnings"),
        ("[a](../LICENSE/none)", "1 warnings"),
        ("[a](other.md#heading)", None),
    ],
)
def test_a_broken_link_is_noticed(tmp_path, planted, warning):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "index.md").write_text(f"# Home\n\n{planted}\n")
    (folder / "other.md").write_text("# Other\n\n## Heading\n")
    changes = {"docs_dir": str(folder), "nav": ["index.md", "other.md"], "hooks": [], "plugins": []}
    if warning is None:
        assert built(tmp_path, **changes)
    else:
        with pytest.raises(Abort, match=warning):
            built(tmp_path, **changes)


DRAWN = """# A line
```console
$ symdiff eval x --at x=0 --engine central --output line.html --quiet
```
"""


def test_what_a_block_of_the_gallery_writes_stands_below_it():
    assert list(gallery.written(DRAWN)) == ["line.html"]
    assert gallery.illustrated(DRAWN).endswith("```\n\n[Open line.html](gallery/line.html)\n")


def test_a_block_of_the_gallery_that_writes_nothing_is_noticed():
    planted = DRAWN.replace("```console\n$ ", "```python\n# ")
    with pytest.raises(FileNotFoundError, match=r"line\.html"):
        gallery.written(planted)
