"""Rows for the elementwise activations of torch.nn, with torch's keywords and defaults."""

from __future__ import annotations

from typing import Any

from symdiff.catalogue.row import Function
from symdiff.libraries import numpy, torch, torch_functional


def _torch_prelu(x: Any, weight: Any) -> Any:
    """Call torch's prelu with every point as a channel, because it takes one weight per channel."""
    x, weight = torch.broadcast_tensors(x, weight)
    return torch_functional.prelu(x.reshape(1, -1), weight.reshape(-1)).reshape(x.shape)


_LEAST_SAFE = -700.0  # for smaller x, e^-x may overflow


def _numpy_sigmoid(x: Any) -> Any:
    """Return 1/(1 + e^-x), or e^x/(1 + e^x) for negative x where e^-x would overflow."""
    if not numpy.less(x, _LEAST_SAFE).any():
        return 1.0 / (1.0 + numpy.exp(-x))
    power = numpy.exp(-numpy.abs(x))
    return numpy.where(numpy.greater_equal(x, 0), 1.0, power) / (1.0 + power)


# fmt: off
RECTIFIERS = (
    Function("relu",       "x", formula="max(x, 0)",         definition="maximum(x, 0)", torch="relu", piecewise_affine=True,
             spelled={"jax": "nn.relu"}),
    Function("relu6",      "x", formula="min(max(x, 0), 6)", definition="clamp(x, 0, 6)", torch="F.relu6", piecewise_affine=True,
             spelled={"jax": "nn.relu6"}),
    Function("leaky_relu", "x, negative_slope: number = 0.01", formula="x if x > 0 else slope*x",
             definition="where(x > 0, x, negative_slope*x)", torch="F.leaky_relu", piecewise_affine=True,
             spelled={"jax": "nn.leaky_relu"}),
    Function("prelu",      "x, weight", formula="x if x > 0 else weight*x",
             definition="where(x > 0, x, weight*x)", torch=_torch_prelu,
             spelled={"torch": None}),
    Function("rrelu",      "x, lower: number = 1/8, upper: number = 1/3", formula="leaky_relu with the mean slope (evaluation mode)",
             definition="where(x > 0, x, (lower + upper)/2*x)", torch="F.rrelu", piecewise_affine=True),
    Function("elu",        "x, alpha: number = 1.0", formula="x if x > 0 else alpha*(e**x - 1)",
             definition="where(x > 0, x, alpha*expm1(x))", torch="F.elu",
             spelled={"jax": "nn.elu"}),
    Function("selu",       "x", formula="scale*elu(x, alpha)",
             definition="1.0507009873554804934193349852946*where(x > 0, x, 1.6732632423543772848170429916717*expm1(x))", torch="selu",
             spelled={"jax": "nn.selu"}),
    Function("celu",       "x, alpha: number = 1.0", formula="x if x > 0 else alpha*(e**(x/alpha) - 1)",
             definition="where(x > 0, x, alpha*expm1(x/alpha))", torch="F.celu",
             spelled={"jax": "nn.celu"}),
    Function("threshold",  "x, threshold: number, value: number", formula="x if x > threshold else value",
             definition="where(x > threshold, x, value)", torch="F.threshold"),
)

SMOOTH = (
    Function("sigmoid",    "x", formula="1/(1 + e**-x)", aliases=("expit",), definition="1/(1 + exp(-x))", numpy=_numpy_sigmoid, torch="sigmoid",
             switches=(), derivative="result*(1 - result)", cancels=True,
             spelled={"jax": "nn.sigmoid"}),
    Function("logsigmoid", "x", formula="log(sigmoid(x))", definition="-logaddexp(0, -x)", torch="F.logsigmoid",
             spelled={"jax": "nn.log_sigmoid"}),
    # torch's threshold is 20 by default: it returns x where beta*x > 20, an approximation. Here the default is exact.
    Function("softplus",   "x, beta: number = 1.0, threshold: number = inf", formula="log(1 + e**(beta*x))/beta",
             definition="where(beta*x > threshold, x, logaddexp(0, beta*x)/beta)", torch="F.softplus",
             spelled={"sympy": "log(1 + exp(<x>))", "fpcore": "(log1p (exp <x>))", "numpy": "np.logaddexp(0, <x>)", "jax": "jax.nn.softplus(<x>)"}),
    Function("gelu",       "x, approximate: none|tanh = none", formula="x*Phi(x), or its tanh form", torch="F.gelu",
             definition={"none": "x/2*erfc(-x/sqrt(2))", "tanh": "x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))"},
             backward_definition={"none": "x/2*(1 + erf(x/sqrt(2)))", "tanh": "x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))"},
             spelled={"jax": "jax.nn.gelu(<x>, approximate=False)"}),
    Function("silu",       "x", formula="x*sigmoid(x)", aliases=("swish",), definition="x*sigmoid(x)", torch="F.silu",
             spelled={"jax": "nn.silu"}),
    Function("mish",       "x", formula="x*tanh(softplus(x))", definition="x*tanh(logaddexp(0, x))", torch="F.mish",
             spelled={"jax": "nn.mish"}),
    Function("softsign",   "x", formula="x/(1 + |x|)", definition="x/(1 + abs(x))", torch="F.softsign",
             spelled={"jax": "nn.soft_sign"}),
    Function("tanhshrink", "x", formula="x - tanh(x)", definition="x - tanh(x)", torch="F.tanhshrink"),
)

PIECES = (
    Function("hardtanh",    "x, min_val: number = -1.0, max_val: number = 1.0", formula="clamp(x, -1, 1)",
             definition="clamp(x, min_val, max_val)", torch="F.hardtanh", piecewise_affine=True,
             spelled={"jax": "jax.nn.hard_tanh(<x>)"}),
    Function("hardsigmoid", "x", formula="relu6(x + 3)/6",   definition="clamp(x + 3, 0, 6)/6", torch="F.hardsigmoid", piecewise_affine=True,
             spelled={"jax": "nn.hard_sigmoid"}),
    Function("hardswish",   "x", formula="x*relu6(x + 3)/6", definition="x*clamp(x + 3, 0, 6)/6", torch="F.hardswish",
             spelled={"jax": "nn.hard_swish"}),
    Function("hardshrink",  "x, lambd: number = 0.5", formula="x if |x| > lambd else 0",
             definition="where(x > lambd, x, where(x < -lambd, x, 0))", torch="F.hardshrink"),
    Function("softshrink",  "x, lambd: number = 0.5", formula="x shrunk by lambd towards 0",
             definition="where(x > lambd, x - lambd, where(x < -lambd, x + lambd, 0))", torch="F.softshrink", piecewise_affine=True),
)
# fmt: on
