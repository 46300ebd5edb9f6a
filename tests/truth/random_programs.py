"""Random programs as text, with kinks at a given point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

Pick = Callable[[Sequence], object]  # returns one of the options

POINTS = sorted({Fraction(n, d) for d in (1, 2, 3, 7) for n in range(-3, 4)})
_CONSTANTS = ("0", "1", "2", "-1", "1/2", "-3/2", "1/3", "0.1")
_LOWER_BOUNDS, _UPPER_BOUNDS = ("0", "-1", "-1/2", "-2"), ("1", "2", "1/2", "3")  # of clamp
_SHARED = ("+", "-", "abs", "max", "min", "relu", "sin", "square", "where")
_UNIVARIATE = (*_SHARED, "leaf", "*", "clamp", "where", "exp", "tanh", "cube", "root")
_BIVARIATE = (*_SHARED, "abs", "max", "*c", "xy")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


class _Texts:
    """Leaves of random expressions in the variables of a point."""

    def __init__(self, pick: Pick, point: Mapping[str, Fraction]) -> None:
        self._pick = pick
        self._point = point
        self._names = list(point)

    def leaf(self) -> str:
        """Return a variable, a constant, or an expression that is zero at the point."""
        kind = self._pick(("variable", "vanishing", "vanishing", "constant"))
        if kind == "constant":
            return self._pick(_CONSTANTS)
        return self._pick(self._names) if kind == "variable" else self.vanishing()

    def vanishing(self) -> str:
        """Return an expression in one variable that is zero at the point."""
        name = self._pick(self._names)
        start = self._point[name]
        return self._pick(
            (
                f"({name} - ({start}))",
                f"({name} - ({start}))",
                f"({name} - ({start}))**2",
                f"({name}**2 - {start**2})",
                f"(abs({name}) - {abs(start)})",
                f"sin({name} - ({start}))",
                f"(exp({name} - ({start})) - 1)",
            )
        )


class Univariate(_Texts):
    """Piecewise programs in x."""

    def text(self, depth: int) -> str:
        if depth == 0:
            return self.leaf()
        kind = self._pick(_UNIVARIATE)
        if kind == "leaf":
            return self.leaf()
        a = self.text(
            min(1, depth - 1) if kind == "exp" else depth - 1
        )  # no exp of a deep expression
        if kind in ("+", "-", "*"):
            return f"({a} {kind} {self.text(depth - 1)})"
        if kind in ("max", "min"):
            return f"{kind}({a}, {self.text(depth - 1)})"
        if kind == "clamp":
            return f"clamp({a}, {self._pick(_LOWER_BOUNDS)}, {self._pick(_UPPER_BOUNDS)})"
        if kind == "where":
            other = self._pick(("0", self._pick(_CONSTANTS), self.text(1)))
            condition = f"{a} {self._pick(_COMPARISONS)} {other}"
            return f"where({condition}, {self.text(depth - 1)}, {self.text(depth - 1)})"
        written = {"square": f"({a})**2", "cube": f"({a})**3", "root": f"sqrt(abs({a}))"}
        return written.get(kind, f"{kind}({a})")


class Bivariate(_Texts):
    """Programs in x and y, with several switches that vanish at the point."""

    kinds: tuple[str, ...] = _BIVARIATE

    def text(self, depth: int) -> str:
        if depth == 0:
            return self._pick((self.leaf(), self.joint()))
        kind = self._pick(self.kinds)
        a = self.joint() if kind == "where" else self.text(depth - 1)
        if kind in ("+", "-"):
            return f"({a} {kind} {self.text(depth - 1)})"
        if kind == "*c":
            return f"({self._pick(_CONSTANTS[1:])})*{a}"
        if kind in ("max", "min"):
            return f"{kind}({a}, {self.text(depth - 1)})"
        if kind == "norm":
            inside = self._pick((self.joint(), f"abs({self.joint()})", f"relu({self.joint()})"))
            return f"(sqrt(({self.joint()})**2 + ({inside})**2) + {a})"
        if kind == "xy":
            return f"({a})*({self.text(0)})"
        if kind == "where":
            factor = self._pick((f"{a}*", f"{a}*", ""))
            first, second = self.text(depth - 1), self._pick(("0", self.text(1)))
            return f"where({a} {self._pick(_COMPARISONS[:4])} 0, {factor}({first}), {factor}({second}))"
        return f"({a})**2" if kind == "square" else f"{kind}({a})"

    def joint(self) -> str:
        """A switch in both variables that vanishes at the point."""
        a, b = (f"({name} - ({start}))" for name, start in self._point.items())
        return self._pick(
            (a, b, f"({a} - {b})", f"({a} + 2*{b})", f"({a} + {b})", f"{a}*{b}", f"({a} - {b}**2)")
        )


class WithNorms(Bivariate):
    """Programs in x and y in which norms vanish at the point too."""

    kinds = (*_BIVARIATE, "norm", "norm")
