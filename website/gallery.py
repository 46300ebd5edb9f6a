"""The gallery: its blocks run when the site is built, and what they write stands below them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.docs_blocks import refreshed_in

PAGE: Final = "gallery.md"
FOLDER: Final = "gallery"
_PICTURES: Final = (".svg", ".png")
_BLOCK = re.compile(r"^```\w+\n.*?^```$", re.MULTILINE | re.DOTALL)
_WRITTEN = re.compile(r"""(?:--output |\.write\(")([\w.-]+)""")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def written(markdown: str) -> Mapping[str, bytes]:
    """Run the blocks of a page; return the files that they write, by name.

    Raises
    ------
    BlockError
        A block cannot be run.
    FileNotFoundError
        It does not write the file that it names.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        refreshed_in(folder, markdown, page=PAGE)
        return {name: (folder / name).read_bytes() for name in _WRITTEN.findall(markdown)}


def illustrated(markdown: str) -> str:
    r"""Return a page with the pictures below the blocks that draw them, and links to pages.

    Examples
    --------
    >>> print(illustrated("# A kink\n```sh\nsymdiff eval x --output x.svg\n```"))
    # A kink
    ```sh
    symdiff eval x --output x.svg
    ```
    <BLANKLINE>
    ![Picture: A kink](gallery/x.svg)
    """

    def with_pictures(match: re.Match[str]) -> str:
        headings = _HEADING.findall(markdown[: match.start()])
        shown = (_shown(name, headings[-1]) for name in _WRITTEN.findall(match[0]))
        return "\n\n".join([match[0], *shown])

    return _BLOCK.sub(with_pictures, markdown)


def _shown(name: str, title: str) -> str:
    """Return a picture, or a link to a page."""
    if name.endswith(_PICTURES):
        return f"![Picture: {title}]({FOLDER}/{name})"
    return f"[Open {name}]({FOLDER}/{name})"
