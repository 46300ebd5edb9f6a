"""Names of other libraries: each has the value that the named library gives it."""

import importlib
import math

import numpy as np
import pytest

from symdiff.arithmetics.arrays import evaluate
from symdiff.catalogue import BY_NAME
from symdiff.errors import ExpressionError
from symdiff.program import parse
from symdiff.program.dialects import DIFFERENT, FORMS, PREFIXES, SAME

POINTS = [(0.3, 0.7), (-1.6, 0.45), (2.5, -1.25), (0.0, 1.5), (-0.5, 2.0)]
MODULES = {"numpy": "numpy", "math": "math", "sympy": "sympy", "scipy.special": "scipy.special"}


def names(library):
    """Return the names of functions of one or two numbers that are read with this prefix."""
    module = importlib.import_module(library)
    for name, row in BY_NAME.items():
        if name in {"max", "min"}:  # numpy's second argument is a dimension, which is refused
            continue
        is_read = (library, name) not in DIFFERENT and name in SAME.get(library, {name})
        needed = [p for p in row.parameters if p.default is None]
        if row.array or row.returns == "condition" or not is_read or not 0 < len(needed) < 3:
            continue
        if all(p.kind in {"real", "any"} for p in needed) and callable(getattr(module, name, 0)):
            yield name, len(needed)


def value_of(function, arguments):
    try:
        with np.errstate(all="ignore"):
            value = complex(function(*arguments))
    except (ValueError, ZeroDivisionError, TypeError):
        return math.nan
    return math.nan if value.imag or math.isnan(value.real) else value.real


def differences(text, function, count):
    """Return the points at which both have a value, and the values differ."""
    program = parse(text)
    found, compared = [], 0
    for point in POINTS:
        arguments = point[:count]
        with np.errstate(all="ignore"):
            ours = float(
                evaluate(program, dict(zip("xy", map(np.float64, arguments), strict=False)))
            )
        theirs = value_of(function, arguments)
        if math.isfinite(ours) and math.isfinite(theirs):
            compared += 1
            if not math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12):
                found.append((arguments, ours, theirs))
    assert compared, text
    return found


@pytest.mark.parametrize("library", MODULES)
def test_a_name_with_a_prefix_has_the_value_of_that_library(library):
    module = importlib.import_module(library)
    checked = list(names(library))
    wrong = {
        name: found
        for name, count in checked
        if (
            found := differences(
                f"{library}.{name}({'x, y'[: 3 * count - 2]})", getattr(module, name), count
            )
        )
    }
    assert wrong == {}
    assert len(checked) >= 18


def test_a_name_with_another_meaning_would_be_seen():
    # Negative control: read as torch's, these names have other values.
    assert differences("frac(x)", importlib.import_module("sympy").frac, 1)
    assert differences("remainder(x, y)", math.remainder, 2)
    assert differences("sinc(x)", importlib.import_module("sympy").sinc, 1)
    assert (
        differences("cbrt(x)", importlib.import_module("sympy").cbrt, 1) == []
    )  # where both are real


def test_jax_has_the_same_values():
    nn = pytest.importorskip("jax.nn")
    checked = [*SAME["jax.nn"], *(n.removeprefix("jax.nn.") for n, _ in FORMS if "jax" in n)]
    for name in checked:
        program = parse(f"jax.nn.{name}(x)")
        for x, _ in POINTS:
            ours = float(evaluate(program, {"x": np.float64(x)}))
            assert ours == pytest.approx(float(getattr(nn, name)(x)), rel=1e-5, abs=1e-6), name


READ = [
    # text, a different text with the same nodes, notes
    ("Abs(x) + Max(x, 0, y) - Min(x, 1)", "abs(x) + max(x, 0, y) - min(x, 1)", ""),
    ("Piecewise((x, x > 0), (1, x > -1), (0, True))", "x if x > 0 else 1 if x > -1 else 0",
     "read Piecewise((x, c), (y, True)) as x if c else y"),
    ("Heaviside(x)", "heaviside(x, 1/2)", "read Heaviside(x) as heaviside(x, 1/2)"),
    ("Heaviside(x, 0)", "heaviside(x, 0)", "read Heaviside(x, h) as heaviside(x, h)"),
    ("Rational(1, 3)*x", "1/3*x", "read Rational(p, q) as p/q"),
    ("log(x, 2)", "log(x)/log(2)", "read log(x, b) as log(x)/log(b)"),
    ("where(And(x > 0, Ne(x, 1)), x, 0)", "where(x > 0 and x != 1, x, 0)",
     "read And(p, q) as p and q; read Ne(x, y) as x != y"),
    ("sin(np.deg2rad(x))", "sin(x*pi/180)", "left out the prefix np.; read deg2rad(x) as x*pi/180"),
    ("np.clip(x, a_min=0, a_max=1)", "clamp(x, 0, 1)", "left out the prefix np."),
    ("jnp.where(x > 0, jnp.exp(x), 0)", "where(x > 0, exp(x), 0)", "left out the prefix jnp."),
    ("jax.nn.gelu(x)", "gelu(x, approximate='tanh')",
     "left out the prefix jax.nn.; read gelu(x) as gelu(x, approximate='tanh')"),
    ("sympy.E**x", "e**x", "left out the prefix sympy."),
    ("E*Abs(x)", "E*abs(x)", "E is a variable: Euler's number is e"),
    ("E*x", "E*x", ""),
    ("math.sin(x) + ln(x)", "sin(x) + log(x)", "left out the prefix math.; read ln as log"),
    ("torch.exp(x)", "exp(x)", ""),
    ("np.sum(x, axis=0)", "x.sum(dim=0)", "left out the prefix np."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "same", "notes"), READ)
def test_names_of_other_libraries_are_read(text, same, notes):
    program = parse(text)
    assert program.nodes == parse(same).nodes
    assert program.text == text
    assert "; ".join(program.notes) == notes


REFUSED = [
    ("np.std(x)", "numpy.std is not torch's std at column 1 (write std(x, correction=0))"),
    ("math.remainder(x, 2)", "math.remainder is not torch's remainder at column 1 (write x - y*rint(x/y))"),
    ("Piecewise((x, x > 0), (0, x <= 0))", "Piecewise needs pairs of a value and a condition, the last one True"),
    ("sympy.besselj(0, x)", "unknown function 'sympy.besselj'"),
    ("np.log(x, 2)", "log takes at most 1 arguments"),
    ("x.log(2)", "log takes at most 1 arguments"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_names_with_another_meaning_are_refused(text, message):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert str(caught.value).startswith(message)


def test_a_form_uses_each_argument_once_and_hides_no_function():
    for (name, count), form in FORMS.items():
        tokens = form.text.replace("(", " ").replace(")", " ").replace("*", " ").replace("/", " ")
        words = tokens.replace(",", " ").split()
        assert all(words.count(parameter) == 1 for parameter in form.parameters), form
        row = BY_NAME.get(name)
        assert row is None or len(row.parameters) < count
    assert {library for library, _ in DIFFERENT} <= set(PREFIXES.values())
