"""A store keeps results in an SQLite file, so that a run that was killed can go on.

Schema, version 2 (``PRAGMA application_id`` = 0x73796d64, ``PRAGMA user_version`` = 2)::

    names
        name        of a request; unique
        key         of the result that the last run had under this name
    results
        number      in the order in which results arrived
        key         of the request and the options, see `key_of`; unique
        expression  its text
        versions    of what the result depends on, as JSON
        outcome     'compared', or 'lost' if its worker ended without a result
        limits      of time and memory, for a lost result
        content     the outcome, as `packing.pack` writes it

Every result is one transaction. The file is in write-ahead mode, so several runs may write to it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from symdiff.batch.packing import Outcome, PackingError, pack, unpack
from symdiff.batch.workers import Limits
from symdiff.comparison.evidence import Evidence
from symdiff.engines.registry import distributions
from symdiff.errors import Crash, Lost, StoreError
from symdiff.request.options import Options
from symdiff.request.request import Label, Request
from symdiff.versions import computing_versions

APPLICATION: Final = 0x73796D64  # "symd"
VERSION: Final = 2  # of the schema and of the packed outcomes
MAGIC: Final = b"SQLite format 3\x00"
_HEADER: Final = 100  # bytes; https://www.sqlite.org/fileformat.html section 1.3
_PATIENCE: Final = 60.0  # seconds to wait while another run locks the file
_SCHEMA: Final = (
    """
CREATE TABLE IF NOT EXISTS names (
    name TEXT PRIMARY KEY,
    key TEXT NOT NULL
)
""",
    """
CREATE TABLE IF NOT EXISTS results (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    expression TEXT NOT NULL,
    versions TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('compared', 'lost')),
    limits TEXT NOT NULL,
    content BLOB NOT NULL
)
""",
)
_NAME: Final = "INSERT OR REPLACE INTO names (name, key) VALUES (?, ?)"
_HINT: Final = "give another file, or move this one away"


def key_of(request: Request, options: Options) -> str:
    """Return a digest of all that a result depends on.

    That is the request without its label, the options without `strict` and `columns`, and the
    versions of symdiff and of the distributions that the truth and the engines use.

    Examples
    --------
    >>> request = Request(expression="relu(x)")
    >>> key = key_of(request, Options())
    >>> key == key_of(dataclasses.replace(request, label=Label(name="relu")), Options(strict=True))
    True
    >>> key == key_of(request, Options(seed=1))
    False
    """
    content = dataclasses.replace(request, label=Label())
    computing = dataclasses.replace(options, strict=False, columns=None)
    versions = _versions(options.engines)
    return hashlib.sha256(pack((content, computing, versions))).hexdigest()


def _versions(engines: tuple[str, ...]) -> dict[str, str]:
    return computing_versions(distributions(engines))


class Store:
    """An open store; see `open_store`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Use a connection to a file that has been checked."""
        self._path = path
        self._connection = connection

    def get(self, key: str, request: Request, options: Options, limits: Limits) -> Outcome | None:
        """Return the stored outcome with the request's label, or None.

        A lost result is returned only if the limits are the same.

        Raises
        ------
        StoreError
            The file is damaged, or cannot be read.
        """
        with self._clear_errors():
            row = self._connection.execute(
                "SELECT outcome, limits, content FROM results WHERE key = ?", (key,)
            ).fetchone()
        if row is None or (row[0] == "lost" and row[1] != _written(limits)):
            return None
        outcome = self._unpacked(row[2])
        self._name(request.label.name, key)
        if isinstance(outcome, Evidence):
            # The rest of the options is in the key. Stored are those of the entry: its order, say.
            stored = dataclasses.replace(
                outcome.options, strict=options.strict, columns=options.columns
            )
            return dataclasses.replace(outcome, label=request.label, options=stored)
        return outcome

    def put(self, key: str, request: Request, outcome: Outcome, limits: Limits) -> None:
        """Store an outcome; an error in the request's text is not stored.

        Raises
        ------
        StoreError
            The file cannot be written to: the disk is full, say.
        """
        if not isinstance(outcome, Evidence | Crash):
            return
        # without limits a crash of symdiff itself never matches in `get`: it is tried again
        allowed = _written(limits) if isinstance(outcome, Lost) else ""
        row = (
            *(
                key,
                request.text,
                json.dumps(_versions(outcome.engines if isinstance(outcome, Evidence) else ())),
            ),
            *("lost" if isinstance(outcome, Crash) else "compared", allowed),
            pack(outcome),
        )
        with self._clear_errors(), self._connection:
            self._connection.execute(
                "INSERT INTO results (key, expression, versions, outcome, limits, content)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET outcome ="
                " excluded.outcome, limits = excluded.limits, content = excluded.content",
                row,
            )
            self._connection.execute(_NAME, (request.label.name, key))

    def _name(self, name: str, key: str) -> None:
        """Store which result a name has, if that changed."""
        with self._clear_errors(), self._connection:
            row = self._connection.execute(
                "SELECT 1 FROM names WHERE name = ? AND key = ?", (name, key)
            )
            if row.fetchone() is None:
                self._connection.execute(_NAME, (name, key))

    def outcomes(self) -> Iterator[tuple[str, Outcome, dict[str, str]]]:
        """Yield every name, its last outcome, and the versions that the outcome depends on.

        Raises
        ------
        StoreError
            The file is damaged, or cannot be read.
        """
        with self._clear_errors():
            rows = self._connection.execute(
                "SELECT name, content, versions FROM names JOIN results USING (key)"
                " ORDER BY number, name"
            ).fetchall()
        for name, content, versions in rows:
            yield name, self._unpacked(content), json.loads(versions)

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.Error):  # a full disk: what is committed is safe
            self._connection.close()

    def _unpacked(self, content: bytes) -> Outcome:
        try:
            outcome: Outcome = unpack(content)
        except PackingError as error:
            message = f"{self._path}: a result is {error}"
            raise StoreError(message, hint=_HINT) from None
        return outcome

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            message = f"{self._path}: {error}"
            raise StoreError(message, hint="what was stored before is safe") from None


def _written(limits: Limits) -> str:
    return f"{limits.timeout:g} s, {limits.memory or 'no'} GiB"


@contextlib.contextmanager
def open_store(path: Path, *, must_exist: bool = False) -> Iterator[Store]:
    """Open a store; make the file if it does not exist.

    Parameters
    ----------
    path
        The file.
    must_exist
        Whether the file has to exist.

    Raises
    ------
    StoreError
        The file is not a store, has a different version, or is damaged; it is not changed. Or it
        cannot be made.
    """
    _check_file(path, must_exist=must_exist)
    try:
        connection = sqlite3.connect(path, timeout=_PATIENCE)
    except sqlite3.Error as error:
        message = f"{path}: {error}"
        raise StoreError(message, hint=_HINT) from None
    store = Store(path, connection)
    try:
        _prepare(path, connection)
        yield store
    except sqlite3.Error as error:
        message = f"{path}: {error}"
        raise StoreError(message, hint=_HINT) from None
    finally:
        store.close()


def _check_file(path: Path, *, must_exist: bool) -> None:
    """Refuse a file by its first bytes if it is not a store: SQLite might change it."""
    try:
        if path.is_dir() or (path.exists() and not path.is_file()):
            message = f"{path} is not a file"
            raise StoreError(message, hint="give the name of a file, such as results.db")
        if not path.exists():
            if must_exist:
                message = f"{path}: no such file"
                raise StoreError(message, hint="symdiff run --store makes one")
            if not path.parent.is_dir():
                message = f"{path}: there is no folder {path.parent}"
                raise StoreError(message, hint=f"mkdir -p {path.parent}")
            return
        with path.open("rb") as file:
            head = file.read(_HEADER)
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise StoreError(message, hint=_HINT) from None
    if not head and not must_exist:  # a run was killed before it wrote anything
        return
    application, version = (int.from_bytes(head[at : at + 4], "big") for at in (68, 60))
    if not head.startswith(MAGIC) or len(head) < _HEADER or application != APPLICATION:
        message = f"{path} is not a store of symdiff"
        raise StoreError(message, hint=_HINT)
    if version != VERSION:
        message = f"{path} has version {version} of the store, and this symdiff reads {VERSION}"
        raise StoreError(message, hint=_HINT)


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    """Make the tables of a new file; check an existing one.

    Raises
    ------
    StoreError
        The file is damaged.
    """
    is_new = not connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    if is_new:
        # Before write-ahead mode is on: the marks must be in the file, not in a separate log that
        # a killed run leaves behind.
        connection.execute("BEGIN IMMEDIATE")
        for table in _SCHEMA:
            connection.execute(table)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.commit()
    else:
        (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            message = f"{path} is damaged: {state}"
            raise StoreError(message, hint=_HINT)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
