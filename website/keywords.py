"""The keywords of functions that `symdiff.request.options.takes` decorates, for the reference.

The reference is made from the source, where such a function has one parameter `options`. What
users call has a keyword for each option: signature and docstring are read from the function.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import griffe


class Keywords(griffe.Extension):
    """Gives functions the signature and the docstring that they have when they are called."""

    def on_function(self, *, func: griffe.Function, **others: Any) -> None:  # noqa: ANN401
        """Replace what users do not see: the parameter `options`, and private names."""
        del others
        if any(str(decorator.value).startswith("takes(") for decorator in func.decorators):
            called = getattr(importlib.import_module(func.module.path), func.name)
            parameters = inspect.signature(called).parameters.values()
            func.parameters = griffe.Parameters(*map(_parameter, parameters))
            if func.docstring is not None:
                func.docstring.value = inspect.getdoc(called) or ""
        for parameter in func.parameters:
            named = func.module.members.get(str(parameter.default))
            if isinstance(named, griffe.Attribute):
                parameter.default = named.value


def _parameter(parameter: inspect.Parameter) -> griffe.Parameter:
    has_default = parameter.default is not inspect.Parameter.empty
    return griffe.Parameter(
        parameter.name,
        annotation=str(parameter.annotation),
        kind=griffe.ParameterKind(parameter.kind.description),
        default=repr(parameter.default) if has_default else None,
    )
