"""Gradients that users reported: the truth, torch's number and the verdict at every point.

The expected numbers are copied from the reports, or follow from the formula next to them; symdiff
computes none of them.
"""

import dataclasses
import math
import tomllib

import numpy as np
import pytest
import torch

from symdiff.grid.grid import Role
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict
from tests import shipped
from tests.shipped import FOLDER

FILE = FOLDER / "reported.toml"
LEFT_OUT = "# Left out, and why:\n"
TORCH = "2.13"
nan, inf = math.nan, math.inf

# All threads that were collected.
IDS = """
ChainRules.jl#538
ForwardDiff.jl#331
ForwardDiff.jl#480
Mooncake.jl#1195
NNlib.jl#679
Zygote.jl#1101b
autodiff#75
burn#5374
jax#11479
jax#11716
jax#12409
jax#13600
jax#15709 (PR 15737)
jax#2140
jax#2342
jax#34139
jax#347
jax#37635
jax#37820
jax#39799
jax#40342
jax#40384
jax#40387
kornia#4229a
kornia#4594
mlx#3668
pytorch#108618
pytorch#114234
pytorch#115634
pytorch#147801
pytorch#156212
pytorch#184572
pytorch#185472
pytorch#192406
pytorch#192521
pytorch#193012
pytorch#193040
pytorch#195527
pytorch#195530 / #195679
pytorch#196703
pytorch#196704 (PR 196787)
pytorch#23395
pytorch#2421
pytorch#31829
pytorch#3264
pytorch#37154
pytorch#49724
pytorch#52248
pytorch#55587 / #61568
pytorch#59194
pytorch#7002
pytorch#76522
pytorch#773
pytorch#80770
pytorch#80924
pytorch#8940
pytorch#95570
pytorch#96813
stan-dev/math#3031
symforce#36b
sympy#17810
sympy#20881
sympy#30029
tensorflow#12071
tensorflow#20091 / #27684
tensorflow#20355
tensorflow#35011
tensorflow#3862
tensorflow#4886
tensorflow#5562
tinygrad#17758
tinygrad#18029
torch/torch7#734
""".strip().splitlines()


@dataclasses.dataclass(frozen=True)
class Truth:
    """The derivative at a point."""

    kind: str
    left: float | None
    right: float | None
    derivative: float | None


def smooth(slope):
    return Truth("smooth", slope, slope, slope)


def partial(slope):
    """Return the truth where f has a derivative along the axis, and none in all variables.

    Mostly another variable has a kink there.
    """
    return Truth("partial", slope, slope, slope)


def kink(left, right):
    return Truth("kink", left, right, None)


def vertical(left, right):
    return Truth("vertical", left, right, None)


def right_edge(slope):
    """Return the truth at the left end of a domain."""
    return Truth("edge", None, slope, slope)


def jump(left, right):
    return Truth("jump", left, right, None)


def outside(right=None):
    """Return the truth at a point outside the domain.

    `right` is the derivative on the right of the limit of the function there, if it exists.
    """
    return Truth("outside", None, right, None)


@dataclasses.dataclass(frozen=True)
class Case:
    """One reported point.

    `results` has torch's number and its verdict for every spelling, as in (0.5, "subgradient");
    for several variables a tuple of numbers, and one verdict for all or one for each.
    """

    entry: str
    at: dict
    truth: dict
    results: dict
    rtol: float = 1e-12

    def rows(self):
        """Yield spelling, variable, truth, torch's number, and the right verdict."""
        for spelling, (numbers, words) in self.results.items():
            several = numbers if isinstance(numbers, tuple) else (numbers,)
            verdicts = words.split()
            if len(verdicts) == 1:
                verdicts *= len(several)
            for (variable, truth), number, verdict in zip(
                self.truth.items(), several, verdicts, strict=True
            ):
                yield spelling, variable, truth, number, verdict


WRITTEN = ""  # the spelling of the expression as written
ONE_TO_ONE = kink(-1, 1)
THREE_ZEROS = {"x1": smooth(0), "x2": smooth(0), "x3": smooth(0)}

CASES = [
    # Kinks
    Case(
        "maximum with 0",
        {"x": 0},
        {"x": kink(0, 1)},
        {
            WRITTEN: (0, "subgradient"),
            "maximum": (0.5, "subgradient"),
            "clamp_min": (1, "subgradient"),
            "clamp(min=0)": (1, "subgradient"),
            "where x > 0": (0, "subgradient"),
            "where x >= 0": (1, "subgradient"),
            "mean with abs": (0.5, "subgradient"),
            "mask": (0, "subgradient"),
        },
    ),
    Case(
        "unit clamp",
        {"x": 0},
        {"x": kink(0, 1)},
        {
            WRITTEN: (1, "subgradient"),
            "hardtanh": (0, "subgradient"),
            "min(max)": (0.5, "subgradient"),
        },
    ),
    Case(
        "unit clamp",
        {"x": 1},
        {"x": kink(1, 0)},
        {
            WRITTEN: (1, "subgradient"),
            "hardtanh": (0, "subgradient"),
            "min(max)": (0.5, "subgradient"),
        },
    ),
    Case(
        "root of a clamp",
        {"x": 0},
        {"x": vertical(0, inf)},
        {WRITTEN: (inf, "undefined"), "relu": (0, "silent")},
    ),
    Case(
        "negative part masked",
        {"x": 0},
        {"x": kink(0, 1)},
        {
            WRITTEN: (1, "subgradient"),
            "clamp_min": (1, "subgradient"),
            "relu": (0, "subgradient"),
        },
    ),
    Case(
        "clamp between variables",
        {"a": -1, "b": -1, "c": 1},
        {"a": kink(0, 1), "b": kink(0, 1), "c": partial(0)},
        {
            WRITTEN: ((1, 0, 0), "subgradient subgradient agrees"),
            "min(max)": ((0.5, 0.5, 0), "subgradient subgradient agrees"),
        },
    ),
    Case(
        "clamp between variables",
        {"a": 1, "b": -1, "c": 1},
        {"a": kink(1, 0), "b": partial(0), "c": kink(1, 0)},
        {
            WRITTEN: ((1, 0, 0), "subgradient agrees subgradient"),
            "min(max)": ((0.5, 0, 0.5), "subgradient agrees subgradient"),
        },
    ),
    # All three are equal: along a or b alone the function is constant, yet each gets a share.
    Case(
        "clamp between variables",
        {"a": -1, "b": -1, "c": -1},
        {"a": partial(0), "b": partial(0), "c": kink(1, 0)},
        {
            WRITTEN: ((1, 0, 0), "subgradient agrees subgradient"),
            "min(max)": ((0.25, 0.25, 0.5), "subgradient"),
        },
    ),
    Case(
        "absolute value at 0",
        {"x": 0},
        {"x": ONE_TO_ONE},
        {
            WRITTEN: (0, "subgradient"),
            "root": (nan, "nonfinite"),
            "sign": (0, "subgradient"),
            "max": (0, "subgradient"),
            "where x >= 0": (1, "subgradient"),
            "where x > 0": (-1, "subgradient"),
        },
    ),
    Case(
        "relu by maximum",
        {"x": 0},
        {"x": kink(0, 1)},
        {WRITTEN: (0, "subgradient"), "maximum": (0.5, "subgradient")},
    ),
    # The maxima are taken one after the other: 1/2, and of the other half 1/4 and 1/4.
    Case(
        "largest of four",
        {"x1": 1, "x2": 2, "x3": 2, "x4": 2},
        {"x1": partial(0), "x2": kink(0, 1), "x3": kink(0, 1), "x4": kink(0, 1)},
        {
            WRITTEN: ((0, 0.25, 0.25, 0.5), "agrees subgradient subgradient subgradient"),
            "relu": ((0, 1, 0, 0), "agrees subgradient subgradient subgradient"),
        },
    ),
    Case(
        "larger of two equals",
        {"x1": 1, "x2": 1},
        {"x1": kink(0, 1), "x2": kink(0, 1)},
        {
            WRITTEN: ((0.5, 0.5), "subgradient"),
            "first": ((1, 0), "subgradient"),
            "last": ((0, 1), "subgradient"),
        },
    ),
    Case(
        "relu with a lid",
        {"x": 6},
        {"x": kink(1, 0)},
        {WRITTEN: (0, "subgradient"), "min(max)": (0.5, "subgradient")},
    ),
    Case(
        "hardswish written out",
        {"x": -3},
        {"x": kink(0, -0.5)},
        {
            WRITTEN: (0, "subgradient"),
            "clamp": (-0.5, "subgradient"),
            "min(max)": (-0.25, "subgradient"),
        },
    ),
    Case(
        "hardswish written out",
        {"x": 3},
        {"x": kink(1.5, 1)},
        {
            WRITTEN: (1, "subgradient"),
            "clamp": (1.5, "subgradient"),
            "min(max)": (1.25, "subgradient"),
        },
    ),
    Case(
        "hardswish at its bounds",
        {"x": -3},
        {"x": kink(0, -0.5)},
        {WRITTEN: (0, "subgradient")},
    ),
    Case(
        "hardswish at its bounds",
        {"x": 3},
        {"x": kink(1.5, 1)},
        {WRITTEN: (1, "subgradient")},
    ),
    Case(
        "smaller than one half",
        {"x": 0.5},
        {"x": kink(1, 0)},
        {WRITTEN: (0.5, "subgradient")},
    ),
    Case(
        "smooth loss without smoothing",
        {"x": 1, "t": 1, "beta": 0},
        {"x": ONE_TO_ONE},
        {WRITTEN: (nan, "nonfinite"), "one branch only": (0, "subgradient")},
    ),
    Case("modified Bessel function at 0", {"x": 0}, {"x": smooth(0)}, {WRITTEN: (0, "agrees")}),
    Case("absolute value far from 0", {"x": 7}, {"x": smooth(1)}, {WRITTEN: (1, "agrees")}),
    # Norms and distances
    Case(
        "length of a vector",
        {"x1": 0, "x2": 0},
        {"x1": ONE_TO_ONE, "x2": ONE_TO_ONE},
        {WRITTEN: ((nan, nan), "nonfinite"), "hypot": ((nan, nan), "nonfinite")},
    ),
    Case(
        "length of a vector of three",
        {"x1": 0, "x2": 0, "x3": 0},
        {"x1": ONE_TO_ONE, "x2": ONE_TO_ONE, "x3": ONE_TO_ONE},
        {WRITTEN: ((nan, nan, nan), "nonfinite")},
    ),
    Case(
        "spread of two numbers",
        {"x1": 1, "x2": 1},
        {"x1": kink(-0.5, 0.5), "x2": kink(-0.5, 0.5)},
        {WRITTEN: ((nan, nan), "nonfinite"), "half the distance": ((0, 0), "subgradient")},
    ),
    Case(
        "distance of two vectors",
        {"x1": 1, "x2": 2, "y1": 1, "y2": 2},
        {"x1": ONE_TO_ONE, "x2": ONE_TO_ONE, "y1": ONE_TO_ONE, "y2": ONE_TO_ONE},
        {
            WRITTEN: ((nan, nan, nan, nan), "nonfinite"),
            "hypot": ((nan, nan, nan, nan), "nonfinite"),
        },
    ),
    Case(
        "root of a square that vanishes",
        {"x": 0},
        {"x": ONE_TO_ONE},
        {WRITTEN: (nan, "nonfinite"), "abs": (0, "subgradient")},
    ),
    Case(
        "root of a square that vanishes",
        {"x": 1e-19},
        {"x": smooth(1)},
        {WRITTEN: (1, "agrees"), "abs": (1, "agrees")},
    ),
    Case(
        "root of a square that vanishes",
        {"x": 1e-170},
        {"x": smooth(1)},
        {WRITTEN: (inf, "nonfinite"), "abs": (1, "agrees")},
    ),
    # With s = 0.1996 the function is (s - t)/(s + t) on the left of 0, and 1 on the right.
    Case(
        "vector over its size",
        {"x1": 0, "x2": 0, "x3": 0, "x4": 0, "x5": 0.1996},
        {
            "x1": kink(2 / 0.1996, 0),
            "x2": kink(2 / 0.1996, 0),
            "x3": kink(2 / 0.1996, 0),
            "x4": kink(2 / 0.1996, 0),
            "x5": partial(0),
        },
        {
            WRITTEN: (
                (5.01002004008016, 5.01002004008016, 5.01002004008016, 5.01002004008016, 0),
                "subgradient subgradient subgradient subgradient agrees",
            ),
        },
    ),
    Case(
        "length kept off 0",
        {"x": 0, "y": 0},
        {"x": smooth(0), "y": smooth(0)},
        {
            WRITTEN: ((nan, nan), "nonfinite"),
            "clamp_min": ((nan, nan), "nonfinite"),
            "guard inside": ((0, 0), "agrees"),
        },
    ),
    # Along a1 the angle is 0 throughout, as the arc cosine of a quotient that is 1.
    Case(
        "angle between vectors",
        {"a1": 1, "a2": 0},
        {"a1": partial(0), "a2": ONE_TO_ONE},
        {WRITTEN: ((nan, nan), "nonfinite nonfinite")},
    ),
    # Formulas that are wrong at a single point
    Case(
        "guard that changes nothing",
        {"x": 1},
        {"x": smooth(2)},
        {WRITTEN: (0, "wrong"), "if": (0, "wrong")},
    ),
    Case(
        "log of a sigmoid",
        {"x": 0},
        {"x": smooth(0.5)},
        {
            WRITTEN: (0.5, "agrees"),
            "logsigmoid": (0.5, "agrees"),
            "minimum": (0.5, "agrees"),
            "clamp(max=0)": (1, "wrong"),
        },
    ),
    Case("softplus of two kinks", {"x": 0}, {"x": smooth(0.5)}, {WRITTEN: (0, "wrong")}),
    Case(
        "asinh of magnitude and sign",
        {"x": 0},
        {"x": smooth(1)},
        {WRITTEN: (0, "wrong"), "asinh": (1, "agrees")},
    ),
    Case(
        "x times log 2",
        {"x": 0},
        {"x": smooth(0.6931471805599453)},
        {WRITTEN: (0.6931471805599453, "agrees"), "product": (0.6931471805599453, "agrees")},
    ),
    Case(
        "softplus below its threshold",
        {"x": 0.2736},
        {"x": smooth(0.6944061315105916)},
        {WRITTEN: (0.6944061315105916, "agrees")},
    ),
    Case("magnitude by copysign", {"x": -5}, {"x": smooth(-1)}, {WRITTEN: (-1, "agrees")}),
    Case("magnitude by copysign", {"x": 0}, {"x": ONE_TO_ONE}, {WRITTEN: (0, "subgradient")}),
    Case("magnitude by copysign", {"x": 5}, {"x": smooth(1)}, {WRITTEN: (1, "agrees")}),
    # trigamma(x) = pi**2/sin(pi*x)**2 - trigamma(1 - x)
    Case(
        "digamma at negative halves",
        {"x": -16.5},
        {"x": smooth(9.810797812993576)},
        {WRITTEN: (9.810797812993558, "agrees")},
    ),
    Case(
        "digamma at negative halves",
        {"x": -19.5},
        {"x": smooth(9.819614808659397)},
        {WRITTEN: (9.819614808659392, "agrees")},
    ),
    Case(
        "digamma at negative halves",
        {"x": -22.5},
        {"x": smooth(9.826132984822411)},
        {WRITTEN: (9.826132984822408, "agrees")},
    ),
    # Roots, powers and edges
    Case("square of a root", {"x": 0}, {"x": right_edge(1)}, {WRITTEN: (nan, "nonfinite")}),
    Case(
        "root of a square that is always 0",
        {"u": 0.3},
        {"u": smooth(0)},
        {
            WRITTEN: (nan, "nonfinite"),
            "next exponent": (nan, "nonfinite"),
            "exponent 0.51": (nan, "nonfinite"),
        },
    ),
    Case(
        "x times its root",
        {"x": 0},
        {"x": right_edge(0)},
        {WRITTEN: (nan, "nonfinite"), "power": (0, "agrees")},
    ),
    Case(
        "root of the smallest double",
        {"x": 5e-324},
        {"x": smooth(2.2494568972715982e161)},
        {WRITTEN: (2.2494568972715982e161, "agrees")},
    ),
    Case("entropy at 0", {"x": 0}, {"x": right_edge(inf)}, {WRITTEN: (nan, "undefined")}),
    Case("entropy at 0", {"x": 0}, {"x": outside(inf)}, {"product": (nan, "value")}),
    Case("power 0", {"x": 0}, {"x": smooth(0)}, {WRITTEN: (0, "agrees")}),
    Case(
        "square by a power",
        {"x": 0},
        {"x": smooth(0)},
        {WRITTEN: (0, "agrees"), "product": (0, "agrees")},
    ),
    Case("square by a power", {"x": 0}, {"x": outside(0)}, {"logarithm": (nan, "value")}),
    Case("power 0 of a fraction", {"x": 1}, {"x": smooth(0)}, {WRITTEN: (0, "agrees")}),
    # Powers of negative numbers with exponents next to i are undefined.
    Case(
        "exponent that is a variable", {"t": 0, "i": 0}, {"t": partial(0)}, {WRITTEN: (0, "agrees")}
    ),
    Case(
        "exponent that is a variable", {"t": 0, "i": 1}, {"t": partial(1)}, {WRITTEN: (1, "agrees")}
    ),
    Case(
        "exponent that is a variable", {"t": 0, "i": 2}, {"t": partial(0)}, {WRITTEN: (0, "agrees")}
    ),
    # Branches that are not taken
    Case(
        "exponential behind a bound",
        {"x": 1},
        {"x": smooth(2.718281828459045)},
        {WRITTEN: (2.718281828459045, "agrees"), "if": (2.718281828459045, "agrees")},
    ),
    Case(
        "exponential behind a bound",
        {"x": 1e10},
        {"x": smooth(0)},
        {WRITTEN: (nan, "nonfinite"), "if": (0, "agrees")},
    ),
    Case(
        "logarithm behind a bound",
        {"x": 0},
        {"x": smooth(2)},
        {WRITTEN: (nan, "nonfinite"), "if": (2, "agrees")},
    ),
    Case(
        "logarithm behind a bound",
        {"x": 2},
        {"x": jump(2, -inf)},  # from 4 down to log2(2) = 1
        {WRITTEN: (2, "silent"), "if": (2, "silent")},
    ),
    Case(
        "logarithm behind a bound",
        {"x": 3},
        {"x": smooth(0.4808983469629878)},  # 1/(3*log(2))
        {WRITTEN: (0.48089834696298783, "agrees"), "if": (0.48089834696298783, "agrees")},
    ),
    Case(
        "half at 0, root elsewhere",
        {"x": 0},
        {"x": jump(None, inf)},
        {WRITTEN: (nan, "undefined")},
    ),
    Case(
        "half at 0, root elsewhere", {"x": 16}, {"x": smooth(0.125)}, {WRITTEN: (0.125, "agrees")}
    ),
    Case(
        "division that is not taken",
        {"a": 0.3, "b": 0},
        {"a": smooth(0)},
        {WRITTEN: (nan, "nonfinite")},
    ),
    Case(
        "root behind a threshold",
        {"x": 0, "y": 0},
        {"x": smooth(0), "y": smooth(0)},
        {WRITTEN: ((nan, nan), "nonfinite"), "choice inside": ((0, 0), "agrees")},
    ),
    Case(
        "reciprocal or logarithm",
        {"x": 1},
        {"x": smooth(0.5)},
        {WRITTEN: (nan, "nonfinite"), "if": (0.5, "agrees")},
    ),
    Case(
        "reciprocal or logarithm",
        {"x": -1},
        {"x": smooth(0.25)},
        {WRITTEN: (nan, "nonfinite"), "if": (0.25, "agrees")},
    ),
    Case(
        "reciprocal or logarithm",
        {"x": 0},
        {"x": jump(-inf, 1)},  # from 1 down to log(1) = 0
        {WRITTEN: (1, "silent"), "if": (1, "silent")},
    ),
    Case(
        "factor of a masked logarithm",
        {"a": 1, "x": -1},
        {"a": smooth(0)},
        {WRITTEN: (nan, "nonfinite")},
    ),
    # Products
    Case(
        "product with zeros",
        {"x1": 0, "x2": 2, "x3": 3},
        {"x1": smooth(6), "x2": smooth(0), "x3": smooth(0)},
        {WRITTEN: ((6, 0, 0), "agrees")},
    ),
    Case(
        "product with zeros",
        {"x1": 0, "x2": 0, "x3": 3},
        THREE_ZEROS,
        {WRITTEN: ((0, 0, 0), "agrees")},
    ),
    Case(
        "product with zeros",
        {"x1": 0, "x2": 2, "x3": 3},
        {"x1": outside(6), "x2": outside(), "x3": outside()},
        {"logarithms": ((nan, 0, 0), "value")},
    ),
    Case(
        "sum of running products",
        {"x1": 0, "x2": 0, "x3": 0},
        {"x1": smooth(1), "x2": smooth(0), "x3": smooth(0)},
        {WRITTEN: ((1, 0, 0), "agrees")},
    ),
    Case(
        "sum of running products",
        {"x1": 0, "x2": 2, "x3": 3},
        {"x1": smooth(9), "x2": smooth(0), "x3": smooth(0)},
        {WRITTEN: ((9, 0, 0), "agrees")},
    ),
    # Overflow and loss of digits
    Case(
        "log of 1 + exp",
        {"x": 89},
        {"x": smooth(1)},
        {
            WRITTEN: (1, "agrees"),
            "log1p": (1, "agrees"),
            "softplus": (1, "agrees"),
            "logaddexp": (1, "agrees"),
        },
    ),
    Case(
        "log of 1 + exp",
        {"x": 710},
        {"x": smooth(1)},
        {
            WRITTEN: (nan, "nonfinite"),
            "log1p": (nan, "nonfinite"),
            "softplus": (1, "agrees"),
            "logaddexp": (1, "agrees"),
        },
    ),
    # exp(-800) is below the smallest double.
    Case("logaddexp far below 0", {"x": -800}, {"x": smooth(0)}, {WRITTEN: (0, "agrees")}),
    Case(
        "logaddexp far below 0",
        {"x": -20},
        {"x": smooth(2.0611536181902037e-09)},
        {WRITTEN: (2.0611536181902037e-09, "agrees")},
    ),
    Case(
        "angle of a tiny vector",
        {"a": 2e-3, "b": 2e-3},
        {"a": smooth(250), "b": smooth(-250)},
        {WRITTEN: ((250, -250), "agrees")},
    ),
    Case(
        "angle of a tiny vector",
        {"a": 1e-155, "b": 1e-155},
        {"a": smooth(5e154), "b": smooth(-5e154)},
        {WRITTEN: ((inf, -inf), "nonfinite")},
    ),
    Case(
        "argument of an imaginary number",
        {"x": 0, "y": 0.3071},
        {
            "x": smooth(-1 / 0.3071),
            "y": smooth(0),
        },
        {WRITTEN: ((-1 / 0.3071, 0), "agrees")},
    ),
    # With r = |z|: y**2/r**3 and -x*y/r**3, then -x*y/r**3 and x**2/r**3.
    Case(
        "sign of a complex number, real part",
        {"x": -3.8766, "y": -1.1128},
        {"x": smooth(0.018875523652949557), "y": smooth(-0.06575562094987801)},
        {
            WRITTEN: ((0.018875523652949557, -0.065755620949878), "agrees"),
            "hypot": ((0.018875523652949557, -0.065755620949878), "agrees"),
        },
    ),
    Case(
        "sign of a complex number, imaginary part",
        {"x": -3.8766, "y": -1.1128},
        {"x": smooth(-0.06575562094987801), "y": smooth(0.22906923092586007)},
        {
            WRITTEN: ((-0.065755620949878, 0.22906923092586007), "agrees"),
            "hypot": ((-0.065755620949878, 0.22906923092586007), "agrees"),
        },
    ),
    Case(
        "saturated sigmoid",
        {"x": 40},
        {"x": smooth(4.248354255291589e-18)},
        {
            WRITTEN: (0, "inaccurate"),
            "reciprocal": (4.248354255291589e-18, "agrees"),
            "exp of logsigmoid": (4.248354255291589e-18, "agrees"),
        },
    ),
    Case(
        "saturated sigmoid",
        {"x": -40},
        {"x": smooth(4.248354255291589e-18)},
        {
            WRITTEN: (4.248354255291589e-18, "agrees"),
            "reciprocal": (4.248354255291589e-18, "agrees"),
            "exp of logsigmoid": (4.248354255291589e-18, "agrees"),
        },
    ),
    Case(
        "saturated tanh",
        {"x": 20},
        {"x": smooth(1.6993417021166355e-17)},
        {WRITTEN: (0, "inaccurate")},
    ),
    Case(
        "expm1 far below 0",
        {"x": -40},
        {"x": smooth(4.248354255291589e-18)},
        {WRITTEN: (0, "inaccurate"), "exp - 1": (4.248354255291589e-18, "agrees")},
    ),
    Case(
        "first of two log-probabilities",
        {"z1": 37.42994775023705, "z2": 0},
        {"z1": smooth(5.551115123125776e-17), "z2": smooth(-5.551115123125776e-17)},
        {
            WRITTEN: ((0, -5.551115123125776e-17), "inaccurate agrees"),
            "logsigmoid": ((5.551115123125776e-17, -5.551115123125776e-17), "agrees"),
        },
    ),
    Case(
        "sinc at 0",
        {"x": 0},
        {"x": smooth(0)},
        {WRITTEN: (0, "agrees"), "where": (nan, "nonfinite")},
    ),
    # -pi**2*x/3 + pi**4*x**3/30; only the first digits of torch's number are right.
    Case(
        "sinc beside 0",
        {"x": 1e-6},
        {"x": smooth(-3.289868133693206e-06)},
        {WRITTEN: (-3.28992e-06, "inexact"), "sinc": (-3.28989e-06, "inexact")},
        rtol=1e-3,
    ),
    # False alarms of finite differences
    Case("stencil across a kink", {"x": 0}, {"x": kink(0, 1)}, {WRITTEN: (0, "subgradient")}),
    Case("stencil across a kink", {"x": -1e-7}, {"x": smooth(0)}, {WRITTEN: (0, "agrees")}),
    Case("stencil across a kink", {"x": 1e-7}, {"x": smooth(1)}, {WRITTEN: (1, "agrees")}),
    Case("stencil across a kink", {"x": 1e-5}, {"x": smooth(1)}, {WRITTEN: (1, "agrees")}),
]

# From the reports on sympy and on finite differences: entry, point, engine, number, verdict.
OTHERS = [
    ("smaller than one half", {"x": 0.5}, "symbolic", 0.5, "subgradient"),
    ("larger of two equals", {"x1": 1, "x2": 1}, "symbolic", 0.5, "subgradient"),
    ("absolute value far from 0", {"x": 7}, "symbolic", 1, "agrees"),
    ("exponent that is a variable", {"t": 0, "i": 2}, "symbolic", nan, "nonfinite"),
    ("stencil across a kink", {"x": 0}, "central", 0.5, "subgradient"),
    ("stencil across a kink", {"x": 1e-7}, "central", 0.50825702, "inexact"),
    ("stencil across a kink", {"x": 1e-5}, "central", 1, "agrees"),
]

each_case = pytest.mark.parametrize(
    "case",
    CASES,
    ids=[f"{c.entry} at {', '.join(f'{k}={v:g}' for k, v in c.at.items())}" for c in CASES],
)
of_this_torch = pytest.mark.skipif(
    not torch.__version__.startswith(f"{TORCH}."),
    reason=f"the figures are those of torch {TORCH}, this is {torch.__version__}",
)


@pytest.fixture(scope="module")
def evidence():
    report = shipped.report("reported")
    assert report.errors == ()
    return {e.name: e for e in report.evidence}


def entries():
    return tomllib.loads(FILE.read_text(encoding="utf-8"))["expression"]


def index_of(evidence, at):
    """Return the index of a regular point or a kink in the grid."""
    is_point = np.isin(evidence.grid.roles, (0, Role.KINK))
    for name, value in at.items():
        is_point &= evidence.grid.points[:, evidence.grid.names.index(name)] == value
    (i,) = np.flatnonzero(is_point).tolist()
    return i


def trial_of(evidence, spelling):
    return next(t for t in evidence.trials if t.spelling == spelling)


def differ(number, expected, rtol):
    return number != pytest.approx(expected, rel=rtol, abs=0, nan_ok=True)


def truth_faults(evidence, case):
    """Return symdiff's truth and the expected one, where they differ."""
    i = index_of(evidence, case.at)
    faults = []
    for spelling, variable, truth, _, _ in case.rows():
        decided = trial_of(evidence, spelling).truths[variable]
        kind = Kind.from_code(decided.kinds[i]).label
        if kind != truth.kind:
            faults.append((spelling, variable, "kind", kind, truth.kind))
        for side in ("left", "right", "derivative"):
            number = float(getattr(decided, side)[i])
            expected = getattr(truth, side)
            if differ(number, nan if expected is None else expected, 1e-12):
                faults.append((spelling, variable, side, number, expected))
    return faults


def figure_faults(evidence, case):
    """Return torch's number and the expected one, where they differ."""
    i = index_of(evidence, case.at)
    faults = []
    for spelling, variable, _, expected, _ in case.rows():
        number = float(trial_of(evidence, spelling).samples["autograd"].derivatives[variable][i])
        if differ(number, expected, case.rtol):
            faults.append((spelling, variable, number, expected))
    return faults


def verdict_faults(evidence, case):
    """Return the verdict on autograd and the expected one, where they differ."""
    i = index_of(evidence, case.at)
    faults = []
    for spelling, variable, _, _, expected in case.rows():
        verdict = Verdict.from_code(
            trial_of(evidence, spelling).verdicts("autograd", variable)[i]
        ).label
        if verdict != expected:
            faults.append((spelling, variable, verdict, expected))
    return faults


def with_wrong_truth(case):
    """Return the case with the sign of every number changed; 1 for 0 and for None."""

    def wrong(number):
        return -number if number else 1.0

    truth = {
        variable: Truth(t.kind, wrong(t.left), wrong(t.right), wrong(t.derivative))
        for variable, t in case.truth.items()
    }
    return dataclasses.replace(case, truth=truth)


def with_wrong_figures(case):
    def wrong(number):
        return 0.0 if math.isnan(number) else -number if number else 1.0

    results = {
        spelling: (tuple(map(wrong, n)) if isinstance(n, tuple) else wrong(n), words)
        for spelling, (n, words) in case.results.items()
    }
    return dataclasses.replace(case, results=results)


def with_wrong_verdicts(case):
    results = {spelling: (n, "unsupported") for spelling, (n, _) in case.results.items()}
    return dataclasses.replace(case, results=results)


@each_case
def test_the_truth_is_the_expected_one(evidence, case):
    assert truth_faults(evidence[case.entry], case) == []


@of_this_torch
@each_case
def test_torch_gives_the_expected_number(evidence, case):
    assert figure_faults(evidence[case.entry], case) == []


@of_this_torch
@each_case
def test_the_verdict_on_autograd_is_right(evidence, case):
    assert verdict_faults(evidence[case.entry], case) == []


@pytest.mark.parametrize("other", OTHERS, ids=[f"{o[2]}, {o[0]} at {o[1]}" for o in OTHERS])
def test_sympy_and_differences_give_the_expected_number(evidence, other):
    entry, at, engine, expected, verdict = other
    expression = evidence[entry]
    i = index_of(expression, at)
    variable = expression.variables[0]
    trial = trial_of(expression, WRITTEN)
    number = float(trial.samples[engine].derivatives[variable][i])
    assert not differ(number, expected, 1e-6)
    assert Verdict.from_code(trial.verdicts(engine, variable)[i]).label == verdict


@each_case
def test_every_planted_fault_is_caught(evidence, case):
    expression = evidence[case.entry]
    rows = len(list(case.rows()))
    assert len(truth_faults(expression, with_wrong_truth(case))) >= 3 * rows
    assert len(figure_faults(expression, with_wrong_figures(case))) == rows
    assert len(verdict_faults(expression, with_wrong_verdicts(case))) == rows


def test_every_entry_and_spelling_has_a_case():
    written = {(e["name"], s) for e in entries() for s in (WRITTEN, *e.get("spellings", ()))}
    assert {(case.entry, spelling) for case in CASES for spelling in case.results} == written


def test_every_thread_is_shipped_or_left_out_with_a_reason():
    assert len(set(IDS)) == len(IDS) == 73
    shipped = {thread for e in entries() for thread in e["source"].split(", ")}
    _, _, end = FILE.read_text(encoding="utf-8").partition(LEFT_OUT)
    reasons = dict(line.removeprefix("# ").split(": ", 1) for line in end.splitlines())
    assert all(reasons.values())
    assert shipped.isdisjoint(reasons)
    assert sorted(shipped | set(reasons)) == sorted(IDS)
