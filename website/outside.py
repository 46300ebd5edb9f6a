"""Files outside docs/ that are pages of the site, and the links between both.

A page links to another file by its path in the repository, as code hosts need it. `rewritten`
turns each of these paths into the page of the site that shows the file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parent.parent

_LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def pages(root: Path = ROOT) -> Mapping[str, str]:
    """Return for each file outside docs/ that the site shows its page: paths from the root.

    Examples
    --------
    >>> pages()["README.md"], pages()["examples/nan_hunt.py"]
    ('index.md', 'examples/nan_hunt.md')
    """
    scripts = sorted((root / "examples").glob("*.py"))
    files = sorted((root / "expressions").glob("*.toml"))
    return MappingProxyType(
        {
            "README.md": "index.md",
            "CHANGELOG.md": "project/changelog.md",
            "CONTRIBUTING.md": "project/contributing.md",
            "LICENSE": "project/licence.md",
            "benchmarks/results.md": "project/measurements.md",
            **{f"examples/{file.name}": f"examples/{file.stem}.md" for file in scripts},
            **{f"expressions/{file.name}": f"expressions/{file.stem}.md" for file in files},
        }
    )


def text(source: str, root: Path = ROOT) -> str:
    """Return the page of a file outside docs/, in Markdown with the links of the repository."""
    content = (root / source).read_text(encoding="utf-8")
    name = Path(source)
    if name.suffix == ".md":
        return content
    if name.suffix == "":
        return f"# {name.name.capitalize()}\n\n{content}"
    return f"# {source}\n\n```{name.suffix[1:].replace('py', 'python')}\n{content}```\n"


def rewritten(markdown: str, source: str, shown: Mapping[str, str]) -> str:
    """Return a page whose links lead to pages of the site.

    Parameters
    ----------
    markdown
        The page, with the links of the repository.
    source
        The path of the page in the repository.
    shown
        What `pages` returns.

    Examples
    --------
    >>> shown = {"README.md": "index.md", "LICENSE": "project/licence.md"}
    >>> rewritten("[a](../README.md#use) [b](model.md)", "docs/glossary.md", shown)
    '[a](index.md#use) [b](model.md)'
    >>> rewritten("[c](docs/model.md) [d](LICENSE)", "README.md", shown)
    '[c](model.md) [d](project/licence.md)'
    """
    folder = posixpath.dirname(source)
    here = posixpath.dirname(_page(source, shown))

    def on_site(match: re.Match[str]) -> str:
        if "://" in match[2]:
            return match[0]
        target = posixpath.normpath(posixpath.join(folder, match[2]))
        return match[1] + posixpath.relpath(_page(target, shown), here or ".") + match[3]

    parts: Iterable[str] = _FENCE.split(markdown)
    return "".join(p if p.startswith("```") else _LINK.sub(on_site, p) for p in parts)


def _page(path: str, shown: Mapping[str, str]) -> str:
    """Return the page of the site for a path in the repository."""
    return shown.get(path) or posixpath.relpath(path, "docs")
