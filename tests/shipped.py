"""Reports of the shipped expressions, which several test modules read: each is made once."""

import functools
from pathlib import Path

import symdiff

FOLDER = Path(__file__).parent.parent / "expressions"
STEMS = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@functools.cache
def report(stem):
    """Return the report of a file of the folder."""
    return symdiff.compare_file(FOLDER / f"{stem}.toml")
