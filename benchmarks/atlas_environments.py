"""Make environments with other versions of libraries, and record what these give at kinks.

    python benchmarks/atlas_environments.py FOLDER             make them, and record them
    python benchmarks/atlas_environments.py FOLDER --record    record those that are there
    python benchmarks/atlas_environments.py --here             record the versions of this one

Each version gets an environment of its own in FOLDER; builds of torch bring gigabytes of libraries
for graphics cards, and run on a processor. The results are files in symdiff/atlas/, which
`symdiff drift` compares. None of this is part of the tests.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from symdiff.engines.registry import ALL, library_of, resolve

ROOT: Final = Path(__file__).parent.parent
TARGET: Final = ROOT / "symdiff" / "atlas"
# Versions besides those in constraints.txt: of torch an older one and the newest of its day.
VERSIONS: Final = {"torch": ("2.6.0", "2.15.0"), "jax": ("0.4.38",)}


def requirements(library: str, version: str) -> list[str]:
    """Return what an environment needs: what symdiff depends on, and one version of a library."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    others = [line for line in project["dependencies"] if name_of(line) != library]
    torch = [line for line in pinned if name_of(line) == "torch" != library]
    return [f"{library}=={version}", *torch, *others]


def name_of(requirement: str) -> str:
    """Return the distribution that a requirement names."""
    return requirement.partition(">")[0].partition("=")[0].strip()


def engines_of(library: str) -> list[str]:
    """Return the engines that run a library, without those that `all` leaves out."""
    return [name for name in resolve([ALL]) if library_of(name)[0] == library]


def environments(folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Yield every library and version, with the folder of its environment."""
    for library, versions in VERSIONS.items():
        for version in versions:
            yield library, version, folder / f"{library}-{version}"


def make(library: str, version: str, place: Path) -> None:
    """Make the environment of a version, unless it is there."""
    if (place / "bin" / "python").exists():
        return
    venv.create(place, with_pip=True)
    needed = requirements(library, version)
    subprocess.run([place / "bin" / "pip", "install", "--quiet", *needed], check=True)  # noqa: S603


def record(engines: list[str], *options: str) -> None:
    """Record engines, and print the path of every file that was written."""
    chosen = [f"--engine={engine}" for engine in engines]
    command = [sys.executable, "-m", "symdiff", "conventions", *chosen, f"--output={TARGET}"]
    subprocess.run([*command, *options], check=True)  # noqa: S603


def main() -> None:
    """Make and record what the arguments ask for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, help="where the environments are")
    parser.add_argument("--record", action="store_true", help="make none")
    parser.add_argument("--here", action="store_true", help="record the versions of this one")
    arguments = parser.parse_args()
    if arguments.here:
        record(["all"])
    if arguments.folder is None:
        return
    for library, version, place in environments(arguments.folder):
        if not arguments.record:
            make(library, version, place)
        if place.is_dir():
            record(engines_of(library), f"--python={place / 'bin' / 'python'}")


if __name__ == "__main__":
    main()
