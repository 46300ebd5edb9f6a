"""The plug-in for pytest: expression files as tests, and a fixture that shows its tables.

``pytest --symdiff expressions/`` collects every entry of the expression files as a test. Without
the option nothing is collected, and nothing of symdiff is loaded but this file.

Of the files in a folder, a ``.toml`` file is collected if it has an ``[[expression]]``, and a
``.txt`` file if its folder is named on the command line. A file that is named is collected always.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from symdiff.errors import InputError
    from symdiff.report.report import Comparison
    from symdiff.request.request import Request

_OPTION: Final = "symdiff"
_SUFFIXES: Final = (".toml", ".txt", ".fpcore")
_ENTRY: Final = re.compile(r"^\s*\[\[\s*expression\s*\]\]", re.MULTILINE)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option ``--symdiff``."""
    group = parser.getgroup("symdiff", "derivatives")
    group.addoption(
        f"--{_OPTION}",
        action="store_true",
        help="collect expression files (.toml, .txt, .fpcore) as tests, one for every entry",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return the collector of an expression file; None for all other files."""
    if not parent.config.getoption(_OPTION) or file_path.suffix.lower() not in _SUFFIXES:
        return None
    if not _is_wanted(file_path, parent.config):
        return None
    file: ExpressionFile = ExpressionFile.from_parent(parent, path=file_path)
    return file


def _is_wanted(path: Path, config: pytest.Config) -> bool:
    folder = config.invocation_params.dir
    named = {(folder / argument.split("::", maxsplit=1)[0]).resolve() for argument in config.args}
    if path.resolve() in named:
        return True
    if path.suffix.lower() != ".toml":
        return path.parent.resolve() in named
    return _ENTRY.search(path.read_text(encoding="utf-8", errors="replace")) is not None


class ExpressionFile(pytest.File):
    """A file of expressions."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test for every entry, also for those that cannot be used.

        Raises
        ------
        CollectError
            The whole file cannot be used.
        """
        from symdiff.errors import FileError  # noqa: PLC0415
        from symdiff.request.files import read_file  # noqa: PLC0415

        try:
            reading = read_file(_shortened(self.path))
        except FileError as error:
            raise self.CollectError(str(error)) from None
        for request in reading.entries:
            name = request.label.name
            yield ExpressionTest.from_parent(self, name=name, outcome=request)
        for unusable in reading.errors:
            name = unusable.place.entry or f"line {unusable.place.line}"
            yield ExpressionTest.from_parent(self, name=name, outcome=unusable)


def _shortened(path: Path) -> Path:
    """Return a path from the current folder where it is in it: messages begin with it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


class ExpressionTest(pytest.Item):
    """One entry of a file of expressions: a request, or why it cannot be used."""

    def __init__(self, *, outcome: Request | InputError, **keywords: Any) -> None:  # noqa: ANN401
        """Store what was read."""
        super().__init__(**keywords)
        self._outcome = outcome

    def runtest(self) -> None:
        """Compare the expression.

        Raises
        ------
        InputError
            It cannot be used.
        AssertionError
            A verdict does not pass, or an expected one did not occur.
        """
        from symdiff.comparison.compare import compare  # noqa: PLC0415
        from symdiff.report.report import Comparison  # noqa: PLC0415
        from symdiff.request.options import Options  # noqa: PLC0415

        if isinstance(self._outcome, Exception):
            raise self._outcome
        comparison = Comparison((compare(self._outcome, Options()),))
        if not comparison.ok:
            raise AssertionError(comparison.table())

    def repr_failure(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        style: Any = None,  # noqa: ANN401  (pytest's word for a form of traceback)
    ) -> Any:  # noqa: ANN401  (a text, or pytest's own)
        """Return the entry's tables, or the line that says why it cannot be used."""
        from symdiff.errors import InputError  # noqa: PLC0415

        if isinstance(excinfo.value, AssertionError | InputError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the entry stands, and its name."""
        outcome = self._outcome
        line = outcome.place.line if isinstance(outcome, Exception) else outcome.label.line
        return self.path, None if line is None else line - 1, self.name


class Checks:
    """What the fixture `symdiff` gives: comparisons whose tables a failing test shows."""

    def __init__(self, show: Callable[[str], None]) -> None:
        """Store what adds a text to the report of the test."""
        self._show = show

    def compare(self, *arguments: Any, **keywords: Any) -> Comparison:  # noqa: ANN401
        """Return `symdiff.compare` of the same arguments."""
        from symdiff.api import compare  # noqa: PLC0415

        comparison = compare(*arguments, **keywords)
        if not comparison.ok:
            self._show(f"{comparison.table()}\n")
        return comparison

    def assert_derivatives(self, *arguments: Any, **keywords: Any) -> None:  # noqa: ANN401
        """Call `symdiff.assert_derivatives` with the same arguments."""
        from symdiff.testing.assertions import assert_derivatives  # noqa: PLC0415

        __tracebackhide__ = True
        assert_derivatives(*arguments, **keywords)


@pytest.fixture
def symdiff(request: pytest.FixtureRequest) -> Checks:
    """Return an object with `compare` and `assert_derivatives`; a failing test shows the tables."""
    node: pytest.Item = request.node
    return Checks(lambda text: node.add_report_section("call", "symdiff", text))
