"""The report of a store: nothing is run again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from symdiff.batch.packing import Outcome
from symdiff.batch.store import open_store
from symdiff.comparison.evidence import Evidence
from symdiff.errors import Crash, SymdiffError
from symdiff.report.report import Report


def stored_report(path: Path) -> Report:
    """Return the report of the results in a store, in the order in which they were computed.

    Parameters
    ----------
    path
        A file that `symdiff run --store` made.

    Returns
    -------
    Report
        Its versions are those that the results were computed with; all of them, if results differ.

    Raises
    ------
    StoreError
        The file is not a store, or is damaged.
    """
    outcomes: list[Outcome] = []
    versions: dict[str, dict[str, None]] = {}
    with open_store(path, must_exist=True) as store:
        for name, outcome, dependencies in store.outcomes():
            outcomes.append(_named(outcome, name))
            for library, version in dependencies.items():
                versions.setdefault(library, {})[version] = None
    return Report(
        tuple(o for o in outcomes if isinstance(o, Evidence)),
        tuple(o for o in outcomes if isinstance(o, SymdiffError)),
        versions={library: " and ".join(several) for library, several in versions.items()},
    )


def _named(outcome: Outcome, name: str) -> Outcome:
    """Return an outcome with the last name of its entry, which may have been renamed."""
    if isinstance(outcome, Evidence):
        return dataclasses.replace(outcome, label=dataclasses.replace(outcome.label, name=name))
    if isinstance(outcome, Crash):
        return type(outcome)(outcome.where, outcome.reason, name)
    return outcome
