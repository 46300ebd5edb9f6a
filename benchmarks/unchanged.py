"""Check that a change of the code changes no result: save a run, and compare later runs with it.

    python benchmarks/unchanged.py save FOLDER              run, and save the reports
    python benchmarks/unchanged.py compare FOLDER           run again, and compare
    python benchmarks/unchanged.py compare FOLDER --quick   the same for a tenth of the expressions

Two reports are compared: of the shipped expressions, and of 1000 generated ones. Every record and
every description of an expression has to be equal, number by number. Messages may be reworded on
purpose: files ``reworded*.txt`` in the folder say how, one message a line: the former wording (a
regular expression), a tab, the present wording.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from generated import LOW, expressions

ROOT: Final = Path(__file__).resolve().parent.parent
COUNT: Final = 1000  # generated expressions
QUICK: Final = 10  # --quick compares every tenth of them
QUICK_FILES: Final = ("kinks.toml", "relu_jacobian.toml", "two_layer_network.toml")
MOST_SHOWN: Final = 20  # differences printed per report
# Fields of a record, and keys of an expression's description, that contain messages.
MESSAGES: Final = frozenset({"detail", "note", "notes", "structure", "tensors"})
RENAMED_KEYS: Final = {"mistakes": "errors"}  # of the JSON report
Rewordings = list[tuple[str, str]]
IGNORED_KEYS: Final = frozenset({"versions"})


def main() -> None:
    """Save a run, or compare a new run with a saved one; exit with status 1 if they differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("action", choices=["save", "compare"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.action == "save":
        for name, paths in _corpora(folder, quick=False).items():
            _run(paths, folder / f"{name}.json")
        return
    differences = 0
    for name, paths in _corpora(folder, quick=arguments.quick).items():
        written = folder / str(os.getpid()) / f"{name}.json"
        _run(paths, written)
        saved = folder / f"{name}.json"
        differences += _compared(name, saved, written, _rewordings(folder), part=arguments.quick)
    sys.exit(1 if differences else 0)


def _corpora(folder: Path, *, quick: bool) -> dict[str, list[Path]]:
    """Return the expression files of each report."""
    texts = expressions(COUNT)[:: QUICK if quick else 1]
    generated = folder / str(os.getpid()) / "generated.txt"
    generated.parent.mkdir(exist_ok=True)
    generated.write_text("".join(f"{text} ; x = {LOW}:{-LOW}:41\n" for text in texts))
    shipped = ROOT / "expressions"
    files = [shipped / name for name in QUICK_FILES] if quick else [shipped]
    return {"shipped": files, "generated": [generated]}


def _run(paths: list[Path], output: Path) -> None:
    # In one process: the order in which sympy adds up the terms of a long sum, and so the last
    # digit of its value, may depend on the expressions that a worker compared before.
    command = [sys.executable, "-m", "symdiff", "run", *map(str, paths), "--quiet"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(  # noqa: S603  (symdiff's own command line)
        [*command, "--output", str(output)], cwd=ROOT, env=environment, check=False
    )
    if done.returncode == 2:
        sys.exit(2)


def _rewordings(folder: Path) -> Rewordings:
    """Return the rewordings in the folder: pairs of a regular expression and its replacement."""
    lines = [
        line
        for path in sorted(folder.glob("reworded*.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line
    ]
    return [(former, present) for former, _, present in (line.partition("\t") for line in lines)]


def _compared(name: str, saved: Path, now: Path, rewordings: Rewordings, *, part: bool) -> int:
    """Print how two reports differ; return the number of differences."""
    old, new = (json.loads(path.read_text(encoding="utf-8")) for path in (saved, now))
    names = {head["name"] for head in new["expressions"]}
    if part:
        old["expressions"] = [h for h in old["expressions"] if h["name"] in names]
        old["records"] = [r for r in old["records"] if r["expression"] in names]
    old = {RENAMED_KEYS.get(key, key): value for key, value in old.items()}
    count = 0
    for text in _differences(old, new, rewordings):
        count += 1
        if count <= MOST_SHOWN:
            sys.stdout.write(f"{name}: {text}\n")
    equal = "equal" if not count else f"{count} differences"
    counts = f"{len(new['expressions'])} expressions, {len(new['records'])} records"
    sys.stdout.write(f"{name}: {counts}: {equal}\n")
    return count


def _differences(old: dict[str, Any], new: dict[str, Any], rewordings: Rewordings) -> Iterator[str]:
    for key in sorted((set(old) | set(new)) - IGNORED_KEYS - {"expressions", "records"}):
        if old.get(key) != new.get(key):
            yield f"{key}: {old.get(key)!r} is now {new.get(key)!r}"
    for key in ("expressions", "records"):
        if len(old[key]) != len(new[key]):
            yield f"{key}: {len(old[key])} are now {len(new[key])}"
        for before, after in zip(old[key], new[key], strict=False):
            for field in sorted(set(before) | set(after)):
                first, second = before.get(field), after.get(field)
                if field in MESSAGES:  # both: a rewording may not have reached this tree yet
                    first, second = (_reworded(m, rewordings) for m in (first, second))
                if first != second:
                    yield f"{_label(after)}: {field}: {first!r} is now {second!r}"


def _label(row: dict[str, Any]) -> str:
    words = (row.get(k) for k in ("name", "expression", "spelling", "variable", "engine", "point"))
    return " ".join(str(word) for word in words if word is not None)


def _reworded(message: Any, rewordings: Rewordings) -> Any:  # noqa: ANN401  (text, list, dict, null)
    """Return a message, or all messages in a list or a dict, in the present wording."""
    if isinstance(message, str):
        for former, present in rewordings:
            message = re.sub(former, present, message)
        return message
    if isinstance(message, list):
        return [_reworded(text, rewordings) for text in message]
    if isinstance(message, dict):
        return {key: _reworded(text, rewordings) for key, text in message.items()}
    return message


if __name__ == "__main__":
    main()
