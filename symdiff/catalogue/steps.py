"""Rows for functions with kinks and jumps, and for `nan_to_num` and `detach`."""

from __future__ import annotations

import functools
from typing import Any

from symdiff.catalogue.enclosures import absolute, sign
from symdiff.catalogue.row import Crossing, Function
from symdiff.libraries import numpy, sympy, torch

_LARGEST = "1.7976931348623157e308"  # the largest double

# fmt: off
SIGNS_AND_EXTREMA = (
    Function("abs",     "x", formula="|x|", aliases=("absolute", "fabs", "Abs"), sympy="Abs", numpy="abs", torch="abs", ball=absolute, switches=("x",), piecewise_affine=True, zero_at=0,
             spelled={"latex": r"\left|<x>\right|", "fpcore": "fabs"}),
    Function("sign",    "x", formula="-1, 0 or 1", aliases=("sgn",), sympy="sign", numpy="sign", torch="sign", ball=sign, switches=("x",), role="step", zero_at=0),
    Function("maximum", "x, y", formula="the larger", aliases=("max", "Max"), sympy="Max", numpy="maximum", torch="maximum", ball="max",
             switches=("x - y",), variadic=True, piecewise_affine=True,
             spelled={"latex": r"\max", "fpcore": "fmax"}),
    Function("minimum", "x, y", formula="the smaller", aliases=("min", "Min"), sympy="Min", numpy="minimum", torch="minimum", ball="min",
             switches=("x - y",), variadic=True, piecewise_affine=True,
             spelled={"latex": r"\min", "fpcore": "fmin"}),
    Function("fmax",    "x, y", formula="the larger, NaN ignored",  definition="maximum(x, y)", numpy="fmax", torch="fmax", piecewise_affine=True, replaces_undefined=True,
             spelled={"latex": r"\max"}),
    Function("fmin",    "x, y", formula="the smaller, NaN ignored", definition="minimum(x, y)", numpy="fmin", torch="fmin", piecewise_affine=True, replaces_undefined=True,
             spelled={"latex": r"\min"}),
    Function("clamp",   "x, min: any = -inf, max: any = inf", formula="min(max(x, min), max)", aliases=("clip",),
             definition="minimum(maximum(x, min), max)", torch=lambda x, **bounds: _torch_clamp(x, **bounds), piecewise_affine=True,
             spelled={"torch": "clamp", "numpy": "np.clip(<x>, <min>, <max>)", "jax": "clip"}),
    Function("clamp_min", "x, min: any", formula="max(x, min)", definition="maximum(x, min)", torch="clamp_min", piecewise_affine=True,
             spelled={"jax": "jnp.clip(<x>, min=<min>)"}),
    Function("clamp_max", "x, max: any", formula="min(x, max)", definition="minimum(x, max)", torch="clamp_max", piecewise_affine=True,
             spelled={"jax": "jnp.clip(<x>, max=<max>)"}),
    Function("copysign",  "x, y: any",   formula="|x| with the sign of y", definition="abs(x)*where(y >= 0, 1, -1)",
             numpy="copysign", torch="copysign"),
    Function("heaviside", "x, values",   formula="0 if x < 0, 1 if x > 0, values at 0", definition="where(x > 0, 1, where(x < 0, 0, values))",
             sympy="Heaviside", numpy="heaviside", torch="heaviside"),
)

ROUNDING = (
    Function("floor", "x", formula="largest integer <= x",  sympy="floor",   numpy="floor", torch="floor", ball="floor", crossings=(Crossing("x"),), role="step",
             spelled={"latex": r"\left\lfloor <x>\right\rfloor"}),
    Function("ceil",  "x", formula="smallest integer >= x", aliases=("ceiling",), sympy="ceiling", numpy="ceil",  torch="ceil",  ball="ceil",  crossings=(Crossing("x"),), role="step",
             spelled={"latex": r"\left\lceil <x>\right\rceil"}),
    Function("rint",  "x", formula="nearest integer, ties to even",
             definition="floor(x + 1/2) - where(remainder(x + 1/2, 2) == 1, 1, 0)", numpy="rint", torch="round",
             switches=(), crossings=(Crossing("x - 1/2"),), role="step",
             spelled={"fpcore": "nearbyint"}),
    Function("round", "x, decimals: number = 0", formula="nearest multiple of 10**-decimals, ties to even", definition="rint(x*10**decimals)/10**decimals",
             torch="round", role="step",
             spelled={"jax": "round", "fpcore": None}),
    Function("trunc", "x", formula="x without its fractional part", aliases=("fix",), definition="sign(x)*floor(abs(x))", numpy="trunc", torch="trunc",
             switches=(), crossings=(Crossing("x"),), role="step"),
    Function("frac",  "x", formula="x - trunc(x)", definition="x - trunc(x)", torch="frac"),
    Function("fmod",  "x, y: any", formula="x - trunc(x/y)*y", definition="x - trunc(x/y)*y", numpy="fmod", torch="fmod"),
)

GUARDS = (
    Function("nan_to_num", f"x, nan: number = 0, posinf: number = {_LARGEST}, neginf: number = -{_LARGEST}", formula="x, with numbers in place of NaN and inf",
             definition="x", numpy=lambda x, nan=0, posinf=None, neginf=None: numpy.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
             torch="nan_to_num", replaces_undefined=True,
             spelled={"numpy": "nan_to_num"}),
    Function("detach", "x", formula="x, held constant", aliases=("no_grad",), definition="x", sympy=lambda x: _sympy_detach(x), torch=lambda x: x.detach(), role="hold",
             spelled={"torch": "<x>.detach()", "numpy": "<x>", "jax": "lax.stop_gradient"}),
)
# fmt: on


@functools.cache
def _sympy_detach_class() -> Any:  # made at its first use, since sympy is loaded late
    """Return the sympy function whose value is its argument and whose derivative is 0."""
    return type("detach", (sympy.Function,), {"is_real": True, "fdiff": _no_derivative})


def _no_derivative(call: Any, argument: int = 1) -> Any:  # noqa: ARG001  (sympy's signature)
    return sympy.S.Zero


def _sympy_detach(x: Any) -> Any:  # a sympy expression
    return _sympy_detach_class()(x)


def _torch_clamp(x: Any, **bounds: Any) -> Any:  # tensors and numbers
    """Call torch.clamp, which takes two numbers or two tensors but not one of each."""
    if any(isinstance(bound, torch.Tensor) for bound in bounds.values()):
        dtype = x.dtype if isinstance(x, torch.Tensor) else torch.float64
        bounds = {name: torch.as_tensor(bound, dtype=dtype) for name, bound in bounds.items()}
    return torch.clamp(x, **bounds)
