"""The hooks of mkdocs: pages for files outside docs/, right links, and the gallery."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from website import gallery, outside


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the examples and the shipped expressions to the navigation."""
    shown = outside.pages()
    for folder in ("examples", "expressions"):
        names = [{source: page} for source, page in shown.items() if source.startswith(folder)]
        config.nav = [*(config.nav or []), {folder.capitalize(): names}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file outside docs/ that the site shows, and what the gallery shows."""
    for source, page in outside.pages().items():
        files.append(File.generated(config, page, content=outside.text(source)))
    shown = files.get_file_from_path(gallery.PAGE)
    if shown is not None and config.extra["gallery"]:
        for name, content in gallery.written(shown.content_string).items():
            files.append(File.generated(config, f"{gallery.FOLDER}/{name}", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to files of the repository into links to pages; add pictures to the gallery."""
    del files
    shown = outside.pages()
    sources = {target: source for source, target in shown.items()}
    path = page.file.src_uri
    linked = outside.rewritten(markdown, sources.get(path, f"docs/{path}"), shown)
    return (
        gallery.illustrated(linked) if path == gallery.PAGE and config.extra["gallery"] else linked
    )
