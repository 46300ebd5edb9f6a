"""The hooks of mkdocs: pages for files outside docs/, and links that are right on the site."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from website import outside


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the examples and the shipped expressions to the navigation."""
    shown = outside.pages()
    for folder in ("examples", "expressions"):
        names = [{source: page} for source, page in shown.items() if source.startswith(folder)]
        config.nav = [*(config.nav or []), {folder.capitalize(): names}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file outside docs/ that the site shows."""
    for source, page in outside.pages().items():
        files.append(File.generated(config, page, content=outside.text(source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to files of the repository into links to pages."""
    del config, files
    shown = outside.pages()
    sources = {target: source for source, target in shown.items()}
    path = page.file.src_uri
    return outside.rewritten(markdown, sources.get(path, f"docs/{path}"), shown)
