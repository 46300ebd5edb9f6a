"""Results of comparisons as tables, records and files: `Report`, and `Comparison` for one."""

from __future__ import annotations

import dataclasses
import html
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from symdiff.array_types import Array
from symdiff.comparison.evidence import Evidence
from symdiff.errors import Crash, SymdiffError, UsageError
from symdiff.grid.grid import Grid
from symdiff.program import Program
from symdiff.report import formats, frames
from symdiff.report.colours import COLUMNS, PLAIN, Look
from symdiff.report.curves.scales import FARTHEST
from symdiff.report.curves.terminal import plotted
from symdiff.report.findings import failing_records
from symdiff.report.layout import USUAL, Layout
from symdiff.report.records import Record, records
from symdiff.report.summary import summary
from symdiff.report.tables import block
from symdiff.verdict.words import Verdict
from symdiff.versions import versions


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Report:
    """Results of comparing several expressions.

    Attributes
    ----------
    evidence
        The result of comparing each expression.
    errors
        Why entries and files could not be used.
    command
        The command or the call that makes the report again; "" if that is not known.
    versions
        The versions of the libraries that the results were computed with.
    """

    evidence: tuple[Evidence, ...]
    errors: tuple[SymdiffError, ...] = ()
    command: str = ""
    versions: Mapping[str, str] = dataclasses.field(default_factory=versions)

    @property
    def ok(self) -> bool:
        """Whether all verdicts pass or are expected, and all entries could be used."""
        return not self.errors and all(e.ok for e in self.evidence)

    @property
    def status(self) -> int:
        """The exit status: 0 if everything passes, 1 if not, 2 if an input could not be used."""
        if any(not isinstance(m, Crash) for m in self.errors):
            return 2
        return 0 if self.ok else 1

    @property
    def findings(self) -> tuple[Record, ...]:
        """The records whose verdicts do not pass and were not expected, the gravest first."""
        gravity = {v.label: v.gravity for v in Verdict}
        found = [r for e in self.evidence if not e.ok for r in failing_records(e)]
        return tuple(sorted(found, key=lambda r: -gravity[r["verdict"]]))

    def check(self) -> None:
        """Raise AssertionError, with the tables, unless `ok`."""
        if not self.ok:
            raise AssertionError("\n".join([str(self), *map(str, self.errors)]))

    def __bool__(self) -> bool:
        """Return `ok`, so that ``assert comparison`` fails where a derivative is wrong."""
        return self.ok

    def __repr__(self) -> str:
        """Return a line: what was compared, and how many derivatives do not pass."""
        names = [e.name if len(e.name) <= 40 else f"{e.name[:37]}..." for e in self.evidence]
        what = repr(names[0]) if len(names) == 1 else f"{len(names)} expressions"
        counts = {"finding": len(self.findings), "error": len(self.errors)}
        parts = [f"{n} {word}{'s' * (n > 1)}" for word, n in counts.items() if n]
        # An expected verdict that did not occur is not a finding, and not ok.
        state = "ok" if self.ok else ", ".join(parts) or "not as expected"
        return f"<{type(self).__name__} of {what}: {state}>"

    def records(self) -> Iterator[Record]:
        """Yield a dict for each expression, spelling, output, variable, engine and point."""
        for e in self.evidence:
            yield from records(e)

    def table(self, form: str = "plain", *, everything: bool = False, width: int = COLUMNS) -> str:
        """Return tables as text.

        Parameters
        ----------
        form
            ``plain``, ``github``, ``latex`` or ``html``.
        everything
            Whether to show every point, not only kinks and disagreements.
        width
            The width of plain text, in columns.

        Raises
        ------
        UsageError
            If there is no such format, or it has no tables.
        """
        rendering, look = formats.load_tables(form), Look(width)
        blocks = [block(e, everything=everything, width=look.width) for e in self.evidence]
        if form == "plain":
            return formats.load_plain().tables(blocks, look)
        return rendering.tables(blocks)

    def summary(self) -> str:
        """Return the numbers of points and verdicts, and what does not pass, in a few lines."""
        return summary(self.evidence, self.errors)

    def to_json(self) -> str:
        """Return a JSON object: descriptions of the expressions, versions, and all records."""
        return str(self.rendered("json"))

    def to_jsonl(self) -> str:
        """Return the records as JSON, one per line."""
        return str(self.rendered("jsonl"))

    def to_csv(self, *, wide: bool = False) -> str:
        """Return the records as CSV, each point as a JSON object in one cell.

        Parameters
        ----------
        wide
            Whether there is one row for each point instead, with a column for each coordinate,
            and for each engine its number and its verdict.
        """
        return str(self.rendered("csv", Layout(is_wide=wide)))

    def to_pandas(self) -> Any:  # noqa: ANN401  (a DataFrame; pandas is optional)
        """Return the records as a pandas DataFrame: a row each, and a column for each coordinate.

        Numbers are floats, also nan and inf; NaN stands for what does not exist. Columns of
        words are categories. A variable that an expression does not have is NaN in its rows.

        Raises
        ------
        UsageError
            If pandas is not installed.
        """
        return frames.to_pandas(self.evidence)

    def to_polars(self) -> Any:  # noqa: ANN401  (a DataFrame; polars is optional)
        """Return the records as a polars DataFrame, as `to_pandas` does; null: does not exist.

        Raises
        ------
        UsageError
            If polars is not installed.
        """
        return frames.to_polars(self.evidence)

    def to_parquet(self, path: str | Path) -> None:
        """Write the records as a file of Parquet, with the columns of `to_polars`.

        Raises
        ------
        UsageError
            If pyarrow is not installed, or the file cannot be written.
        """
        write_atomically(Path(path), frames.parquet(self.evidence))

    def page(self, *, everything: bool = False) -> str:
        """Return the report as an HTML page: one file, which needs no network.

        Parameters
        ----------
        everything
            Whether its tables show every point, not only kinks and disagreements.
        """
        return str(self.rendered("html", Layout(everything=everything)))

    def to_html(self, path: str | Path) -> None:
        """Write the report as an HTML page, see `page`.

        Raises
        ------
        UsageError
            If the file cannot be written.
        """
        write_atomically(Path(path), self.page())

    def write(self, path: str | Path, form: str | None = None, layout: Layout = USUAL) -> None:
        """Write the report, or a picture of its only expression, to a file.

        Parameters
        ----------
        path
            The file. Its ending says what is written: ``.html``, ``.json``, ``.svg``, ``.png``.
        form
            The format, if it does not follow from the name.
        layout
            What to show. A file has no colours.

        Raises
        ------
        UsageError
            There is no such format, or no picture of the report, or the file cannot be written.
        """
        path, in_file = Path(path), dataclasses.replace(layout, look=PLAIN)
        form = form or formats.format_of(path)
        if form in formats.PICTURES:
            write_atomically(path, self.picture(form))
        elif form in formats.BINARY:
            self.to_parquet(path)
        else:
            write_atomically(path, self.rendered(form, in_file))

    def picture(self, form: str = "png") -> bytes:
        """Return a picture of the only expression as the content of a file.

        Parameters
        ----------
        form
            ``svg``, ``png`` or ``pdf``.

        Raises
        ------
        UsageError
            There are several expressions, or nothing can be drawn of this one.
        """
        from symdiff.report.pictures import saved  # noqa: PLC0415  (matplotlib)

        return saved(self._only("a picture"), form)

    def plotted(self, columns: int = 80, *, ascii_only: bool = False) -> str:
        """Return a plot of the only expression and its derivative as text, for a terminal.

        Parameters
        ----------
        columns
            The width of the terminal.
        ascii_only
            Whether to use no character beyond ASCII.

        Raises
        ------
        UsageError
            There are several expressions, or this one is not a function of one variable, or its
            coordinates are too large.
        """
        evidence = self._only("a plot")
        text = plotted(evidence, columns, ascii_only=ascii_only)
        if not text:
            message = (
                f"{evidence.name}: only a function of one variable is plotted as text, "
                f"at coordinates up to {FARTHEST:g}"
            )
            raise UsageError(message, hint="write a picture: --output picture.svg")
        return text

    def _only(self, what: str) -> Evidence:
        """Return the only expression, of which something is to be drawn."""
        if len(self.evidence) != 1:
            count = len(self.evidence) or "no"
            message = f"{what} shows one expression, and this report has {count}"
            raise UsageError(message, hint="a page has all pictures: --output report.html")
        return self.evidence[0]

    def rendered(self, form: str, layout: Layout = USUAL) -> str | bytes:
        """Return the report in any format: tables with a summary, or all records.

        Raises
        ------
        UsageError
            If there is no such format.
        """
        return formats.load(form).render(self, layout)

    def __str__(self) -> str:
        """Return PASS or FAIL with the reason, and the table; of many expressions, the findings."""
        return str(self.rendered("plain")).rstrip("\n")

    def _repr_html_(self) -> str:
        """Return the errors and the tables as HTML, for notebooks."""
        errors = [f"<pre>{html.escape(str(error))}</pre>" for error in self.errors]
        return "\n".join([*errors, self.table("html")])


class Comparison(Report):
    """Result of comparing one expression.

    Examples
    --------
    >>> import symdiff
    >>> comparison = symdiff.compare("relu(x)", {"x": [-1, 0, 1]})
    >>> comparison, bool(comparison)
    (<Comparison of 'relu(x)': ok>, True)
    >>> kink = comparison.grid.roles.tolist().index(1)
    >>> comparison.values("autograd")[kink], comparison.values("central")[kink]
    (np.float64(0.0), np.float64(0.5))
    """

    __slots__ = ()

    @property
    def program(self) -> Program:
        """The expression as written."""
        return self.evidence[0].program

    @property
    def grid(self) -> Grid:
        """The points at which it was compared."""
        return self.evidence[0].grid

    def plot(self, ax: Any = None) -> Any:  # noqa: ANN401  (of matplotlib)
        """Draw the function, its true derivative, and the numbers of the engines.

        A notebook displays the figure. Elsewhere ``pyplot.show()`` does, and
        ``comparison.write("relu.png")`` writes it to a file.

        Parameters
        ----------
        ax
            Axes of matplotlib to draw on. They get the derivatives only. None: a new figure.

        Returns
        -------
        matplotlib.axes.Axes or ndarray
            `ax`, or the axes of the new figure.

        Raises
        ------
        UsageError
            Nothing can be drawn of this comparison, or not on one pair of axes.

        Examples
        --------
        >>> import symdiff
        >>> axes = symdiff.compare("relu(x)", {"x": [-1, 0, 1]}).plot()
        >>> [ax.get_ylabel() for ax in axes]
        ['f', 'df/dx']
        """
        from symdiff.report.pictures import plot  # noqa: PLC0415  (matplotlib)

        return plot(self.evidence[0], ax)

    def values(self, engine: str, variable: str | None = None, spelling: str = "") -> Array:
        """Return an engine's derivatives at every point, shape (n,).

        Parameters
        ----------
        engine
            The name of an engine that ran, or ``claim``.
        variable
            The variable of the derivative, or the two of a second derivative as ``"x,y"``; None
            means the first.
        spelling
            The name of a spelling; "" means the expression as written.

        Raises
        ------
        UsageError
            If the comparison has no such engine, variable or spelling.
        """
        e = self.evidence[0]
        first = e.variables[0] if e.variables else ""
        for trial in e.trials:
            wanted = variable or trial.problem.label(first)
            for name in trial.covered(engine) if trial.spelling == spelling else ():
                if trial.problem.label(name) == wanted:
                    return trial.samples[engine].derivatives[name]
        of = spelling or "the expression"
        message = f"no derivative of {of} by {engine} along {variable or first!r}"
        hint = f"engines: {', '.join(e.engines)}; variables: {', '.join(e.variables)}"
        raise UsageError(message, hint=hint)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write text or bytes to a file so that no reader ever sees a part of it.

    Raises
    ------
    UsageError
        If the file cannot be written. An old file of this name is then left as it was.
    """
    try:
        target = path.resolve()  # a link stays a link: its target is written
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(mode)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise UsageError(message, hint="--output takes a path in an existing folder") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
