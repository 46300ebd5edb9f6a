"""The calls of torch that tracing reads: those with a row of the same name, and translations."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.catalogue import BY_NAME, Function
from symdiff.tracing import syntax
from symdiff.tracing.syntax import NotWrittenError
from symdiff.tracing.tensors import tensors_in
from symdiff.tracing.translations.arithmetic import ARITHMETIC
from symdiff.tracing.translations.arrangements import ARRANGEMENTS
from symdiff.tracing.translations.attention import ATTENTION
from symdiff.tracing.translations.call import Call, Translation, Written
from symdiff.tracing.translations.complex_numbers import has_complex_numbers, translated
from symdiff.tracing.translations.convolutions import CONVOLUTIONS
from symdiff.tracing.translations.eigenvalues import EIGENVALUES
from symdiff.tracing.translations.fourier import FOURIER
from symdiff.tracing.translations.losses import LOSSES
from symdiff.tracing.translations.matrices import MATRICES
from symdiff.tracing.translations.normalizations import NORMALIZATIONS
from symdiff.tracing.translations.ordering import ORDERING
from symdiff.tracing.translations.pooling import POOLING
from symdiff.tracing.translations.products import PRODUCTS
from symdiff.tracing.translations.reductions import REDUCTIONS
from symdiff.tracing.translations.sampling import SAMPLING
from symdiff.tracing.translations.scattering import SCATTERING
from symdiff.tracing.translations.special import SPECIAL

TRANSLATIONS: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        **ARITHMETIC,
        **ARRANGEMENTS,
        **REDUCTIONS,
        **PRODUCTS,
        **NORMALIZATIONS,
        **ATTENTION,
        **CONVOLUTIONS,
        **POOLING,
        **LOSSES,
        **SCATTERING,
        **ORDERING,
        **MATRICES,
        **EIGENVALUES,
        **SAMPLING,
        **SPECIAL,
    }
)
# torch's other names of functions in the catalogue.
_SYNONYMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "log_sigmoid": "logsigmoid",
        "arcsin": "asin",
        "arccos": "acos",
        "arctan": "atan",
        "arctan2": "atan2",
        "arcsinh": "asinh",
        "arccosh": "acosh",
        "arctanh": "atanh",
        "ger": "outer",
        "linalg_det": "det",
        **{f"bessel_{name}": name for name in ("i0", "i0e", "i1", "i1e")},  # in torch's prims
    }
)
# Groups of functions that move components, and functions that leave conditions as they are.
_MOVING: Final = frozenset({"arrangements", "indexing", "scattering"})
_UNCHANGED: Final = frozenset({"clone", "alias", "contiguous", "masked_fill"})
# Keywords without an effect on the value.
_WITHOUT_EFFECT: Final = frozenset(
    {"inplace", "_stacklevel", "dtype", "out", "memory_format", "layout", "device", "requires_grad",
     "size_average", "reduce", "non_blocking", "copy"}
)  # fmt: skip


def translate(call: Call, function: Callable[..., Any]) -> Written:
    """Return the expressions that stand for the tensors that a call returned.

    Raises
    ------
    NotWrittenError
        The call has no form in the expression language.
    """
    if _moves_conditions(call):
        numbers = dataclasses.replace(call, has_flags_as_numbers=True)
        return _as_conditions(_translated(numbers, function))
    return _translated(call, function)


def _moves_conditions(call: Call) -> bool:
    """Return whether a call moves the components of conditions, which only numbers have."""
    name = call.name.strip("_")
    row = BY_NAME.get(_SYNONYMS.get(name, name))
    is_moving = call.name in ARRANGEMENTS or (row is not None and row.group in _MOVING)
    is_moving |= call.name in SCATTERING and "mask" not in call.name
    results = list(tensors_in(call.result))
    return is_moving and name not in _UNCHANGED and all(t.dtype == torch.bool for t in results)


def _as_conditions(written: Written) -> Written:
    if isinstance(written, syntax.Syntax):
        return syntax.as_condition(written)
    return [None if part is None else syntax.as_condition(part) for part in written]


def _translated(call: Call, function: Callable[..., Any]) -> Written:
    keywords = {
        k: v for k, v in call.keywords.items() if k not in _WITHOUT_EFFECT or isinstance(v, str)
    }
    try:
        if call.name in FOURIER:
            return FOURIER[call.name](call, *call.arguments, **keywords)
        if has_complex_numbers(call):
            given = dataclasses.replace(call, keywords=keywords)
            return translated(given, lambda part: translate(part, function))
        translation = TRANSLATIONS.get(call.name)
        if translation is None:
            return _by_row(call, function)
        return translation(call, *call.arguments, **keywords)
    except TypeError as error:
        message = f"these arguments of {call.name} ({error})"
        raise NotWrittenError(message) from None


def _by_row(call: Call, function: Callable[..., Any]) -> Written:
    """Return a call of the row of the same name."""
    name = call.name.removeprefix("special_").strip("_")
    row = BY_NAME.get(_SYNONYMS.get(name, name))
    if row is None or not isinstance(call.result, torch.Tensor):
        message = f"{call.name} has no row in the catalogue"
        raise NotWrittenError(message)
    positional, named = _bound(call, function, row)
    defaults = _defaults(function)
    kinds = {p.keyword: p.kind for p in row.parameters} | {p.name: p.kind for p in row.parameters}
    keywords = {}
    for key, value in named.items():
        if key in _WITHOUT_EFFECT or (key not in kinds and value in (None, defaults.get(key))):
            continue
        if key not in kinds:
            message = f"{key}={value!r} of {call.name}"
            raise NotWrittenError(message)
        if value is not None:
            keywords[key] = _argument(call, value, kinds[key])
    arguments = [
        _argument(call, value, row.parameters[k].kind if k < len(row.parameters) else "any")
        for k, value in enumerate(positional)
    ]
    return syntax.call(row.name if row.is_named else name, *arguments, **keywords)


def _bound(
    call: Call, function: Callable[..., Any], row: Function
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments that stand where the row has them, and the others by name.

    Several integers, as in x.repeat(2, 3), are one argument of a row.
    """
    given = list(call.arguments)
    count = len(row.parameters)
    if len(given) > count and row.parameters[-1].kind in {"shape", "dim"}:
        given[count - 1 :] = [tuple(given[count - 1 :])]
    names = _names(function) or [p.keyword for p in row.parameters]
    positional: list[Any] = []
    keywords = dict(call.keywords)
    for k, value in enumerate(given):
        fits = k >= len(names) or names[k] in {p.keyword for p in row.parameters[k : k + 1]}
        if fits and len(positional) == k and value is not None:
            positional.append(value)
        elif k < len(names):
            keywords[names[k]] = value
        else:
            message = f"argument {k + 1} of {call.name}"
            raise NotWrittenError(message)
    if isinstance(keywords.get("reduction"), int):  # as the functions below torch.nn have it
        keywords["reduction"] = ("none", "mean", "sum")[keywords["reduction"]]
    return positional, keywords


def _argument(call: Call, value: Any, kind: str) -> syntax.Syntax:
    if kind == "indices":
        return call.indices(value)
    if kind == "tensors":
        return syntax.listed([call.number(item) for item in value])
    return call.number(value) if kind in {"real", "any", "number"} else call.write(value)


def _names(function: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments of a function that is written in Python; none if any."""
    if not inspect.isfunction(function):
        return []
    parameters = inspect.signature(function).parameters.values()
    is_open = any(p.kind == p.VAR_POSITIONAL for p in parameters)
    return [] if is_open else [p.name for p in parameters]


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the defaults of a function of torch that is written in Python."""
    if not inspect.isfunction(function):
        return {}
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}
