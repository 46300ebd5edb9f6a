"""The engines by name: the built-in ones, and those of installed plug-in packages.

A built-in engine is a module of this package, named after it, with an object ``ENGINE``, and a
line of the table below. A plug-in package offers engines as entry points::

    [project.entry-points."symdiff.engines"]
    NAME = "package.module:ENGINE"

Options stand after a name: ``central:h=1e-4`` (see `symdiff.engines.options`). The name ``all``
stands for every engine that is installed.

Nothing is imported before an engine is used: the table has all that a listing needs.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.metadata
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from symdiff.engines.in_format import asked_for, formats_of, split_format
from symdiff.engines.options import SEPARATOR, read_options
from symdiff.errors import InputError, UsageError, describe, did_you_mean

if TYPE_CHECKING:
    from symdiff.engines.base import Engine

__all__ = [
    "ALL",
    "BUILT_IN",
    "GROUP",
    "Listed",
    "check",
    "distributions",
    "library_of",
    "listed",
    "load",
    "names",
    "registered",
    "resolve",
    "split",
    "unusable_plugins",
]

GROUP: Final = "symdiff.engines"  # of entry points
ALL: Final = "all"  # what users type for every engine that is installed
_PROJECT: Final = "symdiff-compare"  # whose extras install the libraries of engines
_METHODS: Final = ("differentiate", "estimate_errors", "allowance")
_COMPILERS: Final = ("g++", "clang++")
_REQUIREMENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class BuiltIn(NamedTuple):
    """A line of the table of built-in engines.

    Attributes
    ----------
    description
        What it is, in a line.
    distributions
        The distributions that its numbers depend on; the first is the library that it runs.
    extra
        The extra that installs its library; "" if the library is always installed.
    place
        Where the engine is, as ``module:OBJECT`` in this package; "": ``ENGINE`` in the module of
        its name, with underscores for hyphens.
    compiler
        Whether it needs a C++ compiler. It takes seconds for each program then, and ``all`` leaves
        it out.
    """

    description: str
    distributions: tuple[str, ...] = ()
    extra: str = ""
    place: str = ""
    compiler: bool = False


# fmt: off
BUILT_IN: Final[Mapping[str, BuiltIn]] = MappingProxyType({
    "symbolic": BuiltIn("sympy's derivatives of all operations, put together by the chain rule", ("sympy", "numpy", "scipy")),
    "autograd": BuiltIn("PyTorch reverse mode on the program as written; autograd:float32 sets the format", ("torch",)),
    "forward": BuiltIn("PyTorch forward mode on the program as written, or on the jvp of a callable's Functions", ("torch",)),
    "func": BuiltIn("torch.func.grad under vmap over the points, or with the vmap rules of a callable's Functions", ("torch",)),
    "double-backward": BuiltIn("PyTorch reverse mode, differentiated with respect to the incoming gradient", ("torch",)),
    "compiled": BuiltIn("PyTorch reverse mode through torch.compile; all leaves it out: it takes seconds for each", ("torch",), compiler=True),
    "gradcheck": BuiltIn("the numerical derivative of torch.autograd.gradcheck, and whether gradcheck passes", ("torch",)),
    "central": BuiltIn("central finite differences on the program as written, in numpy; h=1e-4 sets the step", ("numpy", "scipy")),
    "casadi": BuiltIn("CasADi's derivative of the program as an expression graph", ("casadi",), "casadi"),
    "forward-difference": BuiltIn("(f(x+h) - f(x))/h in numpy: at a kink the right slope; h=1e-6 sets the step", ("numpy", "scipy"), place="differences:FORWARD"),
    "backward-difference": BuiltIn("(f(x) - f(x-h))/h in numpy: at a kink the left slope; h=1e-6 sets the step", ("numpy", "scipy"), place="differences:BACKWARD"),
    "richardson": BuiltIn("central differences with h and h/2, extrapolated, in numpy; h=1e-3 sets the step", ("numpy", "scipy"), place="differences:RICHARDSON"),
    "complex-step": BuiltIn("Im f(x + ih)/h in numpy, where the program is analytic; h=1e-20 sets the step", ("numpy", "scipy")),
    "scipy": BuiltIn("scipy.differentiate.derivative, which chooses its steps, in numpy", ("scipy", "numpy")),
    "numdifftools": BuiltIn("numdifftools' Derivative, which chooses its steps, in numpy", ("numdifftools", "numpy", "scipy"), "numdifftools"),
    "sympy-whole": BuiltIn("sympy's derivative of the whole expression, lambdified to numpy", ("sympy", "numpy", "scipy")),
    "symengine": BuiltIn("symengine's derivative, kinks as Piecewise: fast", ("symengine",), "symengine"),
    "lambdified-torch": BuiltIn("sympy's printer for torch, followed by PyTorch's reverse mode", ("sympy", "torch")),
    "sympy-limit": BuiltIn("sympy's limit of the difference quotient; side=left, seconds=5: slow", ("sympy",)),
    "jax": BuiltIn("JAX's reverse mode on the program as written", ("jax", "jaxlib"), "jax"),
    "jax-forward": BuiltIn("JAX's forward mode on the program as written", ("jax", "jaxlib"), "jax", "jax:FORWARD"),
    "hips": BuiltIn("HIPS autograd's reverse mode on the program as written, in numpy", ("autograd", "numpy", "scipy"), "hips"),
})
# fmt: on
_registered: dict[str, Engine] = {}  # in this process alone; see `registered`


@functools.cache
def _plugins() -> Mapping[str, importlib.metadata.EntryPoint]:
    """Return the entry points of plug-in engines by name; a name that is taken stays as it is."""
    points: dict[str, importlib.metadata.EntryPoint] = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        if point.name not in BUILT_IN:
            points.setdefault(point.name, point)
    return points


def _package(point: importlib.metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.module


def unusable_plugins() -> tuple[str, ...]:
    """Return a line for every engine of a plug-in that is not used, since its name is taken."""
    lines = []
    for point in importlib.metadata.entry_points(group=GROUP):
        first = _plugins().get(point.name)
        if first is None or first.value != point.value:
            owner = "symdiff" if first is None else f"the plug-in {_package(first)}"
            lines.append(
                f"the engine {point.name} of the plug-in {_package(point)} is not used:"
                f" {owner} has an engine of this name"
            )
    return tuple(lines)


def names() -> tuple[str, ...]:
    """Return the names of all engines.

    Examples
    --------
    >>> "central" in names()
    True
    """
    return tuple(dict.fromkeys((*BUILT_IN, *_plugins(), *_registered)))


def check(name: str) -> None:
    """Check that there is an engine of this name, without importing it.

    Raises
    ------
    UsageError
        There is no such engine.
    """
    base, options = split(name)
    if not _exists(base):
        if base == ALL:
            message = f"{ALL} takes no options"
            raise UsageError(
                message,
                hint="write them after an engine, central:h=1e-4; dtype sets the formats of all",
            )
        message = f"unknown engine {base[:40]!r}"
        raise UsageError(message, hint=_hint_on(name, base))
    if options is not None:
        load(name)


def _hint_on(name: str, base: str) -> str:
    """Return what to type instead of a name that is not one of an engine."""
    several = [part.strip() for part in name.split(",")]
    if len(several) > 1 and all(_exists(split(part)[0]) or part == ALL for part in several):
        return f"name each separately: {' '.join(f'--engine {part}' for part in several)}"
    known = (*names(), ALL)
    return did_you_mean(base, known) or f"engines: {', '.join(known)}"


def _exists(name: str) -> bool:
    return name in BUILT_IN or name in _registered or name in _plugins()


def split(name: str) -> tuple[str, str | None]:
    """Return the name of an engine without its options, and the options; None if there are none.

    Examples
    --------
    >>> split("central:h=1e-4"), split("central")
    (('central', 'h=1e-4'), ('central', None))
    """
    if _exists(name):
        return name, None
    base, colon, options = name.partition(SEPARATOR)
    return base.strip(), options if colon else None


def resolve(engines: Iterable[str]) -> tuple[str, ...]:
    """Return the names of engines, each once, with ``all`` replaced by those that are installed.

    Raises
    ------
    UsageError
        There is no such engine, or its options are wrong.

    Examples
    --------
    >>> resolve(["central", "autograd", "central"])
    ('central', 'autograd')
    """
    found = [name for e in engines for name in (_installed() if e == ALL else (e,))]
    for name in found:
        check(name)
    return tuple(dict.fromkeys(found))


def _installed() -> list[str]:
    """Return the names of the engines that are installed, without those that need a compiler."""
    slow = {name for name, line in BUILT_IN.items() if line.compiler}
    return [name for name, line in listed().items() if line.is_installed and name not in slow]


def load(name: str) -> Engine:
    """Return the engine of a name, with the options that stand after it.

    Raises
    ------
    UsageError
        There is no such engine, its options are wrong, a library that it needs is not installed,
        or a plug-in cannot be loaded.

    Examples
    --------
    >>> load("central").name
    'central'
    """
    base, options = split(name)
    if options is None:
        check(name)
        return _loaded(name)
    check(base)
    engine: Any = _loaded(base)
    options, form = split_format(options)
    if options is not None or form is None:
        formats = formats_of(engine)
        values = read_options(base, options or "", getattr(engine, "options", ()), formats)
        engine = engine.configured(name, values)
    configured: Engine = engine if form is None else asked_for(name, engine, form)
    return configured


def _loaded(name: str) -> Engine:
    """Return the engine of a name without options."""
    if name in _registered:
        return _registered[name]
    if name not in BUILT_IN:
        return _loaded_plugin(name)
    line = BUILT_IN[name]
    if line.compiler and not _has_compiler():
        message = f"the engine {name} needs a C++ compiler"
        raise UsageError(message, hint="install g++ or clang++, or let CXX name one")
    module, _, attribute = line.place.partition(":")
    try:
        loaded = importlib.import_module(f"{__package__}.{module or name.replace('-', '_')}")
    except ModuleNotFoundError as error:
        if not line.extra:
            raise
        message = f"the engine {name} needs {error.name}"
        raise UsageError(message, hint=_installation(line)) from None
    engine: Engine = getattr(loaded, attribute or "ENGINE")
    return engine


def _has_compiler() -> bool:
    """Return whether torch.compile finds a C++ compiler."""
    return any(shutil.which(name) for name in (os.environ.get("CXX"), *_COMPILERS) if name)


def _installation(line: BuiltIn) -> str:
    return f"pip install '{_PROJECT}[{line.extra}]'"


def _loaded_plugin(name: str) -> Engine:
    point = _plugins()[name]
    try:
        engine: Engine = point.load()
        _check_contract(name, engine)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001  (a plug-in may raise anything while it is imported)
        package, reason = _package(point), describe(error)
        message = f"the engine {name} of the plug-in {package} cannot be loaded: {reason}"
        raise UsageError(message) from None
    return engine


def _check_contract(name: str, engine: Engine) -> None:
    """Check that an object has the attributes and methods of an engine.

    Raises
    ------
    TypeError
        One is missing, or is something else.
    """
    from symdiff.engines.base import Traits  # noqa: PLC0415  (loads numpy)

    if getattr(engine, "name", None) != name:
        message = f"its name is {getattr(engine, 'name', None)!r}, not {name!r}"
        raise TypeError(message)
    if not isinstance(getattr(engine, "traits", None), Traits):
        message = "its attribute traits is not a symdiff.engines.base.Traits"
        raise TypeError(message)
    for method in _METHODS:
        if not callable(getattr(engine, method, None)):
            message = f"it has no method {method}"
            raise TypeError(message)


@contextlib.contextmanager
def registered(engine: Engine) -> Iterator[Engine]:
    """Offer an engine under its name while a ``with`` block runs, in this process alone.

    Raises
    ------
    UsageError
        There is an engine of this name already.
    TypeError
        It is not an engine.
    """
    name = engine.name
    if name in names():
        message = f"there is an engine {name!r} already"
        raise UsageError(message, hint="give it another name")
    _check_contract(name, engine)
    _registered[name] = engine
    try:
        yield engine
    finally:
        del _registered[name]


class Listed(NamedTuple):
    """An engine in a listing.

    Attributes
    ----------
    description
        What it is, in a line; of a plug-in, the package's summary.
    library
        The library that it runs, with its version; if it is absent, the command that installs it.
    is_installed
        Whether all that it needs is installed.
    """

    description: str
    library: str
    is_installed: bool = True


def listed() -> dict[str, Listed]:
    """Return what a listing says about every engine, by name.

    Examples
    --------
    >>> listed()["central"].description
    'central finite differences on the program as written, in numpy; h=1e-4 sets the step'
    """
    found = {name: _listed(line) for name, line in BUILT_IN.items()}
    for name, point in _plugins().items():
        summary = point.dist.metadata["Summary"] if point.dist else None
        found[name] = Listed(summary or "no description", f"{_package(point)} (plug-in)")
    return found


def _listed(line: BuiltIn) -> Listed:
    versions = [_version(name) for name in line.distributions]
    if "" in versions:
        return Listed(line.description, f"not installed: {_installation(line)}", False)  # noqa: FBT003
    if line.compiler and not _has_compiler():
        return Listed(line.description, "not installed: no C++ compiler", False)  # noqa: FBT003
    library = f"{line.distributions[0]} {versions[0]}" if versions else ""
    return Listed(line.description, library)


def _version(distribution: str) -> str:
    """Return the version of an installed distribution, or ""."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def library_of(name: str) -> tuple[str, str]:
    """Return the library that an engine runs and its version, without the name of a build.

    Of a plug-in, these are its package and the version of that. An engine of this process has none.

    Examples
    --------
    >>> library_of("autograd")[0], library_of("central:h=1e-4")[0]
    ('torch', 'numpy')
    """
    base, _ = split(name)
    if base in BUILT_IN:
        distributions = BUILT_IN[base].distributions
        library = distributions[0] if distributions else _PROJECT
        return library, _version(library).partition("+")[0]
    point = _plugins().get(base)
    if point is None or point.dist is None:
        return base, ""
    return point.dist.name, point.dist.version


def distributions(engines: Iterable[str]) -> frozenset[str]:
    """Return the names of the installed distributions that the numbers of some engines depend on.

    For a plug-in these are its package and what its package requires.

    Examples
    --------
    >>> sorted(distributions(["autograd", "central"]))
    ['numpy', 'scipy', 'torch']
    """
    found: set[str] = set()
    for name, _ in map(split, engines):
        if name in BUILT_IN:
            found.update(BUILT_IN[name].distributions)
        elif (point := _plugins().get(name)) is not None and point.dist is not None:
            found.update((point.dist.name, *_required(point.dist)))
    return frozenset(found)


def _required(distribution: importlib.metadata.Distribution) -> list[str]:
    """Return the names of the distributions that one requires, without its extras."""
    needed = [text for text in distribution.requires or () if "extra ==" not in text]
    return [match[0] for text in needed if (match := _REQUIREMENT.match(text))]
