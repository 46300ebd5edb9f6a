"""Load what the command line names: a function of a module, and a file with its inputs."""

from __future__ import annotations

import importlib
import importlib.util
import pickle
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import torch

from symdiff.errors import SymdiffError, UsageError, describe, did_you_mean
from symdiff.explanation.explain import explain
from symdiff.explanation.findings import Explanation
from symdiff.tracing.tensors import tensors_in

_EXAMPLE: Final = "symdiff explain model.py:loss --inputs batch.pt"
_PACKAGE: Final = Path(__file__).parent.parent
_NOT_THEIRS: Final = (str(_PACKAGE), str(Path(torch.__file__).parent), "<")


def explained(name: str, path: Path) -> Explanation:
    """Return the explanation of a function at the inputs in a file.

    Parameters
    ----------
    name
        ``package.module:function`` or ``file.py:function``; a module object will do as well.
    path
        A file that `torch.save` wrote: a tensor, a list or tuple of arguments, or a mapping by
        parameter.

    Raises
    ------
    UsageError
        One of them cannot be used, or the function fails.
    """
    function = load_function(name)
    args, kwargs = load_inputs(path)
    try:
        return explain(function, *args, **kwargs)
    except SymdiffError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        theirs = [f for f in frames if not f.filename.startswith(_NOT_THEIRS)]
        if not theirs:
            raise
        message = f"{name} fails with these inputs: {describe(error)}"
        where = f"{Path(theirs[-1].filename).name}:{theirs[-1].lineno}: {theirs[-1].line}"
        raise UsageError(message, hint=where) from None


def load_function(name: str) -> Callable[..., Any]:
    """Return the function that a text such as ``model.py:loss`` names.

    Raises
    ------
    UsageError
        There is none.
    """
    module_name, colon, attribute = name.rpartition(":")
    if not colon or not module_name or not attribute:
        message = f"{name[:80]!r} does not name a function"
        raise UsageError(message, hint=_EXAMPLE)
    found: Any = _module(module_name)
    for part in attribute.split("."):
        if not hasattr(found, part):
            message = f"{module_name} has no {attribute[:40]!r}"
            raise UsageError(message, hint=did_you_mean(part, vars(found)) or _EXAMPLE)
        found = getattr(found, part)
    if not callable(found) or isinstance(found, type):
        kind = "a class" if isinstance(found, type) else f"of type {type(found).__name__}"
        message = f"{name[:80]} is {kind}, not a function or a module object"
        raise UsageError(message, hint=_EXAMPLE)
    function: Callable[..., Any] = found
    return function


def _module(name: str) -> ModuleType:
    try:
        if name.endswith(".py"):
            return _from_file(Path(name))
        folder = str(Path.cwd())
        if folder not in sys.path:
            sys.path.insert(0, folder)
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        message = f"there is no module {error.name!r}"
        raise UsageError(message, hint=_EXAMPLE) from None
    except SymdiffError:
        raise
    except Exception as error:  # noqa: BLE001  (whatever the user's module raises)
        message = f"{name} cannot be imported: {describe(error)}"
        raise UsageError(message, hint="python -c 'import ...' shows where") from None


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        message = f"there is no file {path}"
        raise UsageError(message, hint=_EXAMPLE)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None  # noqa: S101  (its name ends in .py)
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as `python file.py` does
    spec.loader.exec_module(module)
    return module


def load_inputs(path: Path) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return positional and named arguments from a file of tensors.

    Only tensors and plain containers are read: a file cannot run code.

    Raises
    ------
    UsageError
        The file does not exist, or has something else.
    """
    try:
        loaded = torch.load(path, weights_only=True, map_location="cpu")
    except FileNotFoundError:
        message = f"there is no file {path}"
        raise UsageError(message, hint=_EXAMPLE) from None
    except pickle.UnpicklingError:
        message = (
            f"{path} has more in it than tensors in lists and dicts, which is all that is read"
        )
        raise UsageError(message, hint='torch.save({"x": x}, "batch.pt")') from None
    except Exception:  # noqa: BLE001  (damaged files make torch raise errors of many types)
        message = f"{path} is not a file that torch.save wrote"
        raise UsageError(message, hint='torch.save({"x": x}, "batch.pt")') from None
    if isinstance(loaded, torch.Tensor):
        return (loaded,), {}
    is_named = isinstance(loaded, Mapping) and all(isinstance(key, str) for key in loaded)
    if not (is_named or isinstance(loaded, list | tuple)) or not list(tensors_in(loaded)):
        message = f"{path} has {type(loaded).__name__}, not tensors"
        raise UsageError(message, hint='torch.save({"x": x}, "batch.pt")')
    return ((), dict(loaded)) if is_named else (tuple(loaded), {})
