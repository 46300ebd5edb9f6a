"""Examine an installation: versions, extras, the machine, and whether a planted fault is found."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import multiprocessing
import os
import platform
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from symdiff.versions import DISTRIBUTION

if TYPE_CHECKING:
    from packaging.requirements import Requirement

# Extras that users of the product do not install.
_INTERNAL: Final = frozenset({"test"})
_PLANTED: Final = "planted"
_FROM: Final = 1.0  # the planted engine is wrong from here on
_FAULT: Final = 1e-6  # and by this part of the derivative


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One thing that was examined.

    Attributes
    ----------
    name, state
        What was examined, and the result.
    ok
        Whether symdiff works as it should in this respect.
    """

    name: str
    state: str
    ok: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Diagnosis:
    """What `examine` found.

    Attributes
    ----------
    libraries, extras, machine, checks
        The required libraries, the optional ones, the machine, and the self-check.
    """

    libraries: tuple[Line, ...]
    extras: tuple[Line, ...]
    machine: tuple[Line, ...]
    checks: tuple[Line, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; a missing extra is not an error."""
        return not self._wrong()

    def _wrong(self) -> list[Line]:
        lines = (*self.libraries, *self.extras, *self.machine, *self.checks)
        return [line for line in lines if not line.ok]

    def __str__(self) -> str:
        """Return the result in the first line, then a paragraph for each part."""
        wrong = [f"{line.name}: {line.state}" for line in self._wrong()]
        first = f"FAIL: {'; '.join(wrong)}" if wrong else "PASS: symdiff works here"
        parts = {
            "Libraries": self.libraries,
            "Extras": self.extras,
            "Machine": self.machine,
            "Self-check": self.checks,
        }
        return "\n\n".join([first, *(_paragraph(title, lines) for title, lines in parts.items())])


def _paragraph(title: str, lines: tuple[Line, ...]) -> str:
    width = max(len(line.name) for line in lines)
    return "\n".join([title, *(f"  {line.name.ljust(width)}  {line.state}" for line in lines)])


def examine() -> Diagnosis:
    """Return what an installation has, and whether a planted fault is found in it.

    Examples
    --------
    >>> examine().ok
    True
    """
    required, optional = _requirements()
    return Diagnosis(
        libraries=(
            Line("python", platform.python_version()),
            Line("symdiff", importlib.metadata.version(DISTRIBUTION)),
            *(_library(requirement) for requirement in required),
        ),
        extras=tuple(_extra(name, needed) for name, needed in optional.items()),
        machine=tuple(_machine()),
        checks=_self_check(),
    )


def _requirements() -> tuple[list[Requirement], dict[str, list[Requirement]]]:
    """Return what symdiff requires, and what each of its extras requires."""
    from packaging.requirements import Requirement  # noqa: PLC0415  (matplotlib requires it)

    metadata = importlib.metadata.metadata(DISTRIBUTION)
    every = [Requirement(text) for text in importlib.metadata.requires(DISTRIBUTION) or ()]
    required = [r for r in every if r.marker is None or r.marker.evaluate({"extra": ""})]
    extras = [e for e in metadata.get_all("Provides-Extra") or () if e not in _INTERNAL]
    optional = {
        extra: [r for r in every if r.marker and f'"{extra}"' in str(r.marker)] for extra in extras
    }
    return required, optional


def _library(requirement: Requirement) -> Line:
    """Return the state of a required library."""
    version = _version(requirement)
    if version is None:
        return Line(requirement.name, f"not installed: pip install '{DISTRIBUTION}'", ok=False)
    if not _fits(requirement, version):
        wanted = f"pip install '{requirement.name}{requirement.specifier}'"
        return Line(requirement.name, f"{version} is too old: {wanted}", ok=False)
    return Line(requirement.name, version)


def _extra(name: str, needed: list[Requirement]) -> Line:
    """Return the state of an extra: the versions of its libraries, or how to install them."""
    versions = {requirement: _version(requirement) for requirement in needed}
    if None in versions.values():
        return Line(name, f"not installed: pip install '{DISTRIBUTION}[{name}]'")
    old = [r for r, version in versions.items() if not _fits(r, version)]
    state = ", ".join(f"{r.name} {version}" for r, version in versions.items())
    if old:
        wanted = f"pip install --upgrade '{DISTRIBUTION}[{name}]'"
        return Line(name, f"{state}; too old: {wanted}", ok=False)
    return Line(name, state)


def _version(requirement: Requirement) -> str | None:
    try:
        return importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _fits(requirement: Requirement, version: str | None) -> bool:
    return requirement.specifier.contains(version or "", prereleases=True)


def _machine() -> Iterator[Line]:
    import torch  # noqa: PLC0415

    from symdiff.engines.registry import listed  # noqa: PLC0415

    yield Line("system", f"{platform.system()} {platform.release()}, {platform.machine()}")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Line("processors", f"{usable}; torch uses {torch.get_num_threads()} threads")
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        yield Line("memory", f"{pages / 2**30:.1f} GiB")
    has_forkserver = "forkserver" in multiprocessing.get_all_start_methods()
    yield Line("workers", f"started by {'forkserver' if has_forkserver else 'spawn'}")
    installed = {name: line.is_installed for name, line in listed().items()}
    absent = [name for name, is_installed in installed.items() if not is_installed]
    count = f"{len(installed) - len(absent)} of {len(installed)} can run"
    yield Line("engines", f"{count}; not {', '.join(absent)}" if absent else count)


class _Planted:
    """An engine that is wrong by a part in a million from `_FROM` on, and right elsewhere."""

    name = _PLANTED

    def __init__(self, engine: Any) -> None:  # noqa: ANN401  (an Engine)
        self._engine = engine
        self.traits = engine.traits

    def differentiate(self, problem: Any) -> Any:  # noqa: ANN401  (a Problem; Samples)
        samples = self._engine.differentiate(problem)
        factor = 1 + _FAULT * (problem.columns["x"] >= _FROM)
        wrong = {name: values * factor for name, values in samples.derivatives.items()}
        return dataclasses.replace(samples, derivatives=wrong)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (of the engine)
        return getattr(self._engine, name)


def _self_check() -> tuple[Line, ...]:
    """Return whether the kink of relu is found, and a planted fault where it is and only there."""
    from symdiff.api import compare  # noqa: PLC0415
    from symdiff.engines.registry import load, registered  # noqa: PLC0415
    from symdiff.request.options import ENGINES  # noqa: PLC0415

    right = ENGINES[0]
    start = time.perf_counter()
    with registered(_Planted(load(right))):
        comparison = compare("relu(x)*x", {"x": "-2:2:9"}, engines=[right, _PLANTED])
    records = list(comparison.records())
    seconds = time.perf_counter() - start
    wrong = {r["point"]["x"] for r in records if (r["engine"], r["verdict"]) == (_PLANTED, "wrong")}
    planted = {r["point"]["x"] for r in records if r["point"]["x"] >= _FROM}
    right_records = [r for r in records if r["engine"] == right]
    agreeing = [r for r in right_records if r["verdict"] == "agrees"]
    relu = compare("relu(x)", {"x": "-1:1:3"}, engines=[right]).records()
    has_kink = {(r["left"], r["right"]) for r in relu if r["kind"] == "kink"} == {(0.0, 1.0)}
    return (
        Line(
            "planted fault",
            f"found at {len(wrong & planted)} of {len(planted)} points, and at "
            f"{len(wrong - planted)} others, in {seconds:.1f} s",
            ok=wrong == planted,
        ),
        Line(
            "right engine",
            f"agrees at {len(agreeing)} of {len(right_records)} points",
            ok=len(agreeing) == len(right_records),
        ),
        Line("kink of relu", "found" if has_kink else "not found", ok=has_kink),
    )
