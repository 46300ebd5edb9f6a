"""Run the blocks of README.md and docs/, and compare the pages with what is printed today.

    python -m tests.docs_blocks                       name every page that is out of date
    python -m tests.docs_blocks --write               write today's output (make examples)
    python -m tests.docs_blocks --write docs/grids.md docs/tensors.md

The blocks of a page run in order, in one empty folder with `expressions` and `examples`:

- ``console``: what follows "$ " is a command of symdiff or pytest, what follows a command is all
  that it prints (but the time of pytest); "..." stands for the summary. ``$ echo $?`` shows the exit status of the command before.
- ``sh``: commands whose output is not shown. Those of symdiff have to be ones that it accepts.
- ``python``: runs in the namespace of the page; lines "# prints ..." are all that it prints.
- ``toml``, ``yaml`` and ``text``, if the first line is a comment with a file's name: that file is written
  (a .csv file without that line).
  A file of expressions has to pass.
- ``python`` and ``diff``, if the first line names a file under symdiff/: a copy of the source is
  changed, and all later commands run on the copy.
- ``<!-- generated: SOURCE -->`` to ``<!-- end -->``: what `generated` returns for the source.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

import symdiff
from symdiff.atlas import page as atlas_page
from symdiff.cli.app import app
from symdiff.report.listings import kind_table, verdict_table
from website import command_line

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_TABLES = {
    "kinds of point": lambda: kind_table("github") + "\n",
    "the command line": command_line.commands,
    "verdicts": lambda: verdict_table("github") + "\n",
    "atlas, files": atlas_page.versions,
    "atlas, rules": atlas_page.followed,
    "atlas, changes": atlas_page.changes,
    "atlas, findings": atlas_page.explained,
    "atlas, tables": atlas_page.tables,
    "atlas, telling rows": atlas_page.telling,
}
_CALLS = "atlas, calls "  # followed by some of the calls of the atlas
_BLOCK = re.compile(
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```$"
    r"|^<!-- generated: (?P<source>.*?) -->\n(?P<old>.*?)^<!-- end -->$",
    re.MULTILINE | re.DOTALL,
)
_COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_SUMMARY = re.compile(r"^\n?\d+ expressions?, .*\Z", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"[#;] (\S+\.(?:csv|toml|txt|py|yml|fpcore))\n")  # FPCore's comments have ;
_CHANGED_FILE = re.compile(r"--- (\S+)\n")


class BlockError(AssertionError):
    """A block of a page cannot be run, or does not do what the page says."""


def refreshed(text: str, *, page: str = "page") -> str:
    """Return the text of a page with today's output in its blocks.

    Raises
    ------
    BlockError
        A block cannot be run.
    """
    with tempfile.TemporaryDirectory() as name:
        return refreshed_in(Path(name), text, page=page)


def refreshed_in(folder: Path, text: str, *, page: str = "page") -> str:
    """Return the same as `refreshed`, and leave the files that the blocks write in a folder."""
    with contextlib.chdir(folder):
        for name in ("expressions", "examples"):
            (folder / name).symlink_to(ROOT / name)
        run = _Run(folder)

        def replaced(match: re.Match[str]) -> str:
            line = text.count("\n", 0, match.start()) + 1
            try:
                return run.replaced(match)
            except Exception as error:
                message = f"{page}, line {line}: {type(error).__name__}: {error}"
                raise BlockError(message) from error

        return _BLOCK.sub(replaced, text)


def generated(source: str) -> str:
    """Return the part of a page that is generated: an output, a table, or what was measured.

    Raises
    ------
    BlockError
        The source is unknown.
    """
    if source.startswith("symdiff "):
        return _invoked(shlex.split(source)[1:])[0]
    if source in _TABLES:
        return _TABLES[source]()
    if source.startswith(_CALLS):
        return atlas_page.telling(source.removeprefix(_CALLS).split("; "))
    file, _, heading = source.partition(", ")
    if file == "benchmarks/results.md":
        return _measured(heading)
    message = f"nothing is generated from {source!r}"
    raise BlockError(message)


def _measured(heading: str) -> str:
    """Return the tables under one heading of the measurements."""
    text = (ROOT / "benchmarks" / "results.md").read_text(encoding="utf-8")
    sections = {s.split("\n", 1)[0]: s for s in text.split("\n## ")[1:]}
    rows = [line for line in sections[heading].split("\n") if line.startswith("|")]
    # The columns of the file are padded; a page needs no padding.
    return "\n".join(re.sub(r" {2,}", " ", re.sub(r"-{3,}", "---", row)) for row in rows) + "\n"


class _Run:
    """The run of one page: its folder, its namespace, and its copy of the source if it has one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._namespace: dict[str, object] = {"__name__": "page"}
        self._tree: Path | None = None
        self._status = 0

    def replaced(self, match: re.Match[str]) -> str:
        """Return a block as it is today."""
        source, language, text = match["source"], match["language"], match["text"]
        if source is not None:
            return f"<!-- generated: {source} -->\n{generated(source)}<!-- end -->"
        if language == "console":
            text = "".join(self._shown(*command) for command in _COMMAND.findall(text))
        elif language == "sh":
            for line in text.splitlines():
                _check_command(line)
        elif language == "diff":
            self._change(text)
        elif file := _FILE.match(text):
            self._write(file[1], text)
        elif language == "python":
            text = self._executed(text)
        elif language != "text":
            message = f"a block of {language} that is not run: name a file in its first line"
            raise BlockError(message)
        return f"```{language}\n{text}```"

    def _shown(self, command: str, old: str) -> str:
        """Return a command and what it prints, cut where the old output is cut."""
        if command == "echo $?":
            return f"$ {command}\n{self._status}\n"
        program, *arguments = shlex.split(command)
        if program == "pytest":
            output, self._status = _tested(arguments)
            return f"$ {command}\n{output}"
        if program != "symdiff":
            message = f"{program} is not run: console blocks have commands of symdiff and pytest"
            raise BlockError(message)
        output, self._status = _invoked(arguments, self._tree)
        if old.endswith("...\n"):
            output = _SUMMARY.sub("...\n", output)
        return f"$ {command}\n{output}"

    def _executed(self, code: str) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "page", "exec"), self._namespace)  # noqa: S102  (our own pages)
        kept = [line for line in code.splitlines() if not line.startswith("# prints")]
        shown = [f"# prints {line}".rstrip() for line in printed.getvalue().splitlines()]
        return "".join(f"{line}\n" for line in kept + shown)

    def _write(self, name: str, text: str) -> None:
        target = self._copy() / name if name.startswith("symdiff/") else self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".csv":  # has no comments
            text = text.partition("\n")[2]
        target.write_text(text, encoding="utf-8")
        if target.name == "pyproject.toml":
            tomllib.loads(text)
        elif target.suffix == ".yml":
            yaml.safe_load(text)
        elif target.suffix == ".toml" and self._tree is None:
            report = symdiff.compare_file(target)
            if report.status:
                raise BlockError(report.summary())

    def _change(self, text: str) -> None:
        """Apply a diff whose lines before and after the change stand once in the file."""
        header = _CHANGED_FILE.match(text)
        if header is None:
            message = "a diff begins with --- and the name of a file"
            raise BlockError(message)
        lines = text.splitlines(keepends=True)[1:]
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        target = self._copy() / header[1]
        source = target.read_text(encoding="utf-8")
        if source.count(before) != 1:
            message = f"{header[1]} has {source.count(before)} times what the diff replaces"
            raise BlockError(message)
        target.write_text(source.replace(before, after), encoding="utf-8")

    def _copy(self) -> Path:
        if self._tree is None:
            self._tree = self._folder / "tree"
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / "symdiff", self._tree / "symdiff", ignore=ignored)
        return self._tree


def _invoked(arguments: list[str], tree: Path | None = None) -> tuple[str, int]:
    """Run symdiff; return what it prints, and its exit status."""
    if tree is None:
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        return result.output, result.exit_code
    done = subprocess.run(
        [sys.executable, "-m", "symdiff", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tree)},
    )
    return done.stdout, done.returncode


def _tested(arguments: list[str]) -> tuple[str, int]:
    """Run pytest in this process; return what it prints but the time, and its exit status."""
    plugins = [f"no:{name}" for name in ("cacheprovider", "faulthandler", "warnings", "xdist")]
    options = [word for plugin in plugins for word in ("-p", plugin)]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = pytest.main([*options, "--import-mode=importlib", *arguments])
    return re.sub(r" in \d+\.\d+s$", "", printed.getvalue(), flags=re.MULTILINE), int(status)


def _check_command(line: str) -> None:
    """Check that symdiff accepts a command, without running it.

    Raises
    ------
    click.UsageError
        It does not.
    """
    program, *arguments = shlex.split(line, comments=True) or [""]
    if program == "symdiff":
        group = get_command(app)
        with group.make_context("symdiff", arguments, resilient_parsing=False) as context:
            name, command, rest = group.resolve_command(context, arguments)
            command.make_context(name, rest, parent=context)


def main(arguments: list[str]) -> int:
    """Check or write all pages, or those named; return the exit status."""
    stale = 0
    named = [Path(name).resolve() for name in arguments if name != "--write"]
    for path in named or PAGES:
        text = path.read_text(encoding="utf-8")
        today = refreshed(text, page=path.name)
        if today != text:
            stale += 1
            sys.stdout.write(f"{path.relative_to(ROOT)} is out of date\n")
            if "--write" in arguments:
                path.write_text(today, encoding="utf-8")
    return 0 if "--write" in arguments else min(stale, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
