"""The arithmetic of JAX's arrays, with the functions of jax.numpy, jax.nn and jax.scipy."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import jax
import jax.numpy as jnp
from jax.scipy import special

from symdiff.arithmetics.library_arrays import OPERATORS, LibraryArrays, without_keywords

COLUMNS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        **OPERATORS,
        "floor_divide": operator.floordiv,
        "remainder": operator.mod,
        "logical_and": jnp.logical_and,
        "logical_or": jnp.logical_or,
        "logical_not": jnp.logical_not,
        "where": jnp.where,
        "ifelse": jnp.where,
        "float": lambda x: jnp.asarray(x, float),
        "sqrt": jnp.sqrt,
        "cbrt": jnp.cbrt,
        "square": jnp.square,
        "reciprocal": jnp.reciprocal,
        "rsqrt": lambda x: jax.lax.rsqrt(jnp.asarray(x, float)),
        "hypot": jnp.hypot,
        "exp": jnp.exp,
        "exp2": jnp.exp2,
        "expm1": jnp.expm1,
        "log": jnp.log,
        "log2": jnp.log2,
        "log10": jnp.log10,
        "log1p": jnp.log1p,
        "logaddexp": jnp.logaddexp,
        "xlogy": special.xlogy,
        "sin": jnp.sin,
        "cos": jnp.cos,
        "tan": jnp.tan,
        "asin": jnp.arcsin,
        "acos": jnp.arccos,
        "atan": jnp.arctan,
        "atan2": jnp.arctan2,
        "sinh": jnp.sinh,
        "cosh": jnp.cosh,
        "tanh": jnp.tanh,
        "asinh": jnp.arcsinh,
        "acosh": jnp.arccosh,
        "atanh": jnp.arctanh,
        "sinc": jnp.sinc,
        "erf": special.erf,
        "erfc": special.erfc,
        "erfinv": special.erfinv,
        "gamma": special.gamma,
        "lgamma": special.gammaln,
        "digamma": special.digamma,
        "polygamma": special.polygamma,
        # Older versions of JAX have no erfcx.
        **({"erfcx": special.erfcx} if hasattr(special, "erfcx") else {}),
        "i0": special.i0,
        "i1": special.i1,
        "i0e": special.i0e,
        "i1e": special.i1e,
        "abs": jnp.abs,
        "sign": jnp.sign,
        "maximum": jnp.maximum,
        "minimum": jnp.minimum,
        "fmax": jnp.fmax,
        "fmin": jnp.fmin,
        "clamp": jnp.clip,
        "clamp_min": lambda x, lowest: jnp.clip(x, min=lowest),
        "clamp_max": lambda x, highest: jnp.clip(x, max=highest),
        "copysign": jnp.copysign,
        "heaviside": jnp.heaviside,
        "floor": jnp.floor,
        "ceil": jnp.ceil,
        "rint": jnp.rint,
        "round": jnp.round,
        "trunc": jnp.trunc,
        "fmod": jnp.fmod,
        "nan_to_num": jnp.nan_to_num,
        "detach": jax.lax.stop_gradient,
        "relu": jax.nn.relu,
        "relu6": jax.nn.relu6,
        "leaky_relu": jax.nn.leaky_relu,
        "elu": jax.nn.elu,
        "selu": jax.nn.selu,
        "celu": jax.nn.celu,
        "sigmoid": jax.nn.sigmoid,
        "logsigmoid": jax.nn.log_sigmoid,
        "softplus": without_keywords("JAX", "softplus", jax.nn.softplus),
        "gelu": lambda x, approximate="none": jax.nn.gelu(x, approximate=approximate == "tanh"),
        "silu": jax.nn.silu,
        "mish": jax.nn.mish,
        "softsign": jax.nn.soft_sign,
        "hardtanh": without_keywords("JAX", "hardtanh", jax.nn.hard_tanh),
        "hardsigmoid": jax.nn.hard_sigmoid,
        "hardswish": jax.nn.hard_swish,
    }
)
JAX: Final = LibraryArrays("JAX", jnp, COLUMNS)
