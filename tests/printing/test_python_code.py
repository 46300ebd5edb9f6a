"""The code that is written for PyTorch, NumPy and JAX gives the program's own values.

The code is compiled here, in the tests. The product never executes text.
"""

import collections
import functools

import numpy as np
import pytest

import symdiff
from symdiff.arithmetics.arrays import evaluate_tensor
from symdiff.catalogue import CATALOGUE
from symdiff.catalogue.elements import ShapeMismatchError
from symdiff.errors import ExpressionError, UsageError
from symdiff.printing import levels
from symdiff.printing.languages import LANGUAGES, translate
from symdiff.program import parse
from tests.printing.corpus import in_numpy, in_torch, points, scalar_programs, tensor_programs


def compiled(text):
    """Return the function that a text defines."""
    scope = {}
    exec(compile(text, "<printed>", "exec"), scope)  # noqa: S102  (the text is ours)
    return scope["f"]


def same(got, want, *, rtol=0.0):
    """Return whether two arrays are equal up to a relative error."""
    got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    return np.shape(got) == np.shape(want) and np.allclose(
        got, want, rtol=rtol, atol=0, equal_nan=True
    )


def differences_in_torch(program, inputs):
    """Return whether the code for PyTorch gives other bits than the program in torch."""
    import torch

    tensors = {name: torch.as_tensor(value, dtype=torch.float64) for name, value in inputs.items()}
    try:
        want = in_torch(program, tensors)
    except (RuntimeError, TypeError):  # torch refuses the shapes, or an operation on conditions
        return False
    got = compiled(translate(program, "torch"))(*tensors.values())
    return not same(got, want)


def without_form(programs, language):
    """Return the programs that a language can express, and the functions that it cannot."""
    written, refused = {}, collections.Counter()
    for name, program in programs.items():
        try:
            translate(program, language)
            written[name] = program
        except ExpressionError as error:
            refused[error.message] += 1
    return written, set(refused)


def test_torch_code_gives_the_program_s_values_bit_for_bit():
    written, refused = without_form(scalar_programs(), "torch")
    wrong = [
        name
        for name, program in written.items()
        if any(differences_in_torch(program, inputs) for inputs in points(program))
    ]
    assert wrong == []
    assert refused == {f"PyTorch has no form for {name}" for name in ("cbrt", "gamma", "bessel_i")}


def test_torch_code_of_tensors_gives_the_program_s_values_bit_for_bit():
    assert [
        name for name, (program, values) in tensor_programs().items()
        if differences_in_torch(program, values)
    ] == []  # fmt: skip


def test_every_function_of_torch_has_a_form_in_torch():
    torch = LANGUAGES["torch"].keywords["dialect"]
    known = {
        name for name, row in CATALOGUE.items() if row.torch is None or torch.form(row) is not None
    }
    # torch's prelu takes one weight a channel: it is written by its definition. A list is a list.
    assert set(CATALOGUE) - known == {"prelu", "sequence"}


def test_numpy_code_gives_the_program_s_values():
    written, refused = without_form(scalar_programs(), "numpy")
    assert len(written) > 700
    wrong = []
    for name, program in written.items():
        f = compiled(translate(program, "numpy"))
        for inputs in points(program):
            try:
                want = in_numpy(program, inputs)
            except ShapeMismatchError:  # a call that takes tensors, at numbers
                continue
            with np.errstate(all="ignore"):
                got = f(*(np.float64(value) for value in inputs.values()))
            if not same(got, want, rtol=1e-12):
                wrong.append((name, inputs))
    assert wrong == []
    assert "NumPy has no form for max_pool1d" in refused


def test_numpy_code_of_tensors_gives_the_program_s_values():
    programs = {name: program for name, (program, _) in tensor_programs().items()}
    written, _ = without_form(programs, "numpy")
    assert len(written) >= 20
    for name, program in written.items():
        values = tensor_programs()[name][1]
        with np.errstate(all="ignore"):
            got = compiled(translate(program, "numpy"))(*values.values())
        assert same(got, evaluate_tensor(program, values), rtol=1e-12), name


def test_jax_code_gives_the_program_s_values():
    jax = pytest.importorskip("jax")
    # Only what JAX writes unlike NumPy; compiling takes JAX a tenth of a second each.
    texts = [
        "relu(x)*silu(y) + rsqrt(x**2 + 1)/erfc(y)",
        "clamp(x, min=0) + softplus(y) + softplus(x, beta=2)",
        "(1 if x > 0 else x) + where((x < 0) & (y == 1), 1, 2)**-1",
    ]
    wrong = []
    with jax.enable_x64(new_val=True):
        for text in texts:
            program = parse(text)
            inputs = points(program)[-1]
            got = compiled(translate(program, "jax"))(*map(jax.numpy.asarray, inputs.values()))
            if not same(got, in_numpy(program, inputs), rtol=1e-12):
                wrong.append(text)
    assert wrong == []


def test_the_names_in_jax_are_those_that_the_engine_calls():
    jax = pytest.importorskip("jax")
    from symdiff.arithmetics.jax_arrays import COLUMNS

    dialect = LANGUAGES["jax"].keywords["dialect"]
    modules = {"jax": jax, "jnp": jax.numpy, "special": jax.scipy.special}
    compared = 0
    for name, function in COLUMNS.items():
        form = dialect.form(CATALOGUE[name])
        if form.endswith("(<*>)") and getattr(function, "__name__", "<lambda>") != "<lambda>":
            module, *path = form.removesuffix("(<*>)").split(".")
            assert functools.reduce(getattr, path, modules[module]) is function, name
            compared += 1
    assert compared > 60


# -- negative controls: a printer with a planted fault is caught


def _faults():
    table = dict(levels._INFIX)
    loose = {**table, "**": (levels.POWER, levels.SIGN, levels.SIGN, "**")}
    chain = {**table, "/": (levels.PRODUCT, levels.PRODUCT, levels.PRODUCT, "/")}
    minus = {**table, "-": (levels.SUM, levels.SUM, levels.SUM, " - ")}
    return {"(-x)**2": loose, "(x**2)**y": loose, "x/(y*z)": chain, "x - (y - z)": minus}


@pytest.mark.parametrize("text", _faults())
def test_missing_brackets_are_caught(text, monkeypatch):
    monkeypatch.setattr(levels, "_INFIX", _faults()[text])
    program = parse(text)
    assert any(differences_in_torch(program, inputs) for inputs in points(program))


def test_swapped_operands_are_caught(monkeypatch):
    infix = levels.infix
    monkeypatch.setattr(
        "symdiff.printing.python_code.infix", lambda operator, a, b: infix(operator, b, a)
    )
    program = parse("x - y")
    assert any(differences_in_torch(program, inputs) for inputs in points(program))


def test_an_integer_quotient_is_caught(monkeypatch):
    table = {**levels._INFIX, "/": (levels.PRODUCT, levels.PRODUCT, levels.POWER, "//")}
    monkeypatch.setattr(levels, "_INFIX", table)
    assert differences_in_torch(parse("1/3*x"), {"x": 1.0})


def test_a_comparison_without_brackets_is_caught(monkeypatch):
    table = {**levels._INFIX, "&": (levels.BIT_AND, levels.CHOICE, levels.CHOICE, " & ")}
    program = parse("where((0 < x) & (x < 1), x, -1)")
    assert not differences_in_torch(program, {"x": 1.5})
    monkeypatch.setattr(levels, "_INFIX", table)
    # Python reads 0 < x & x < 1 as 0 < (x & x) < 1, which torch refuses for doubles.
    with pytest.raises(NotImplementedError):
        differences_in_torch(program, {"x": 1.5})


# -- names and messages


def test_definitions_and_what_occurs_twice_have_names():
    text = translate("h*(x + 1) + sin(x*y)/(1 + sin(x*y))", "torch", let={"h": "relu(x)"})
    assert text.splitlines()[3:] == [
        "def f(x, y):",
        "    h = torch.relu(x)",
        "    t1 = torch.sin(x*y)",
        "    return h*(x + 1) + t1/(1 + t1)",
    ]


def test_a_variable_does_not_hide_a_module():
    program = parse("relu(F) + F*np + f")
    text = translate(program, "numpy")
    assert "def f(F, np_, f_):" in text
    assert compiled(text)(-2.0, 3.0, 1.0) == -5.0


def test_a_traced_function_is_written():
    torch = pytest.importorskip("torch")

    def swish(x):
        return x * torch.sigmoid(2 * x)

    program = symdiff.trace(swish, torch.ones((), dtype=torch.float64))
    assert translate(program, "sympy") == "x*(1/(1 + exp(-(x*2))))"


def test_what_has_no_form_is_refused_with_its_place():
    with pytest.raises(ExpressionError) as caught:
        translate("1 + h", "torch", let={"h": "2*cbrt(x)"})
    assert str(caught.value).splitlines() == [
        "let h: PyTorch has no form for cbrt at column 3 (another language may have one)",
        "    2*cbrt(x)",
        "      ^^^^^^^",
    ]


def test_an_unknown_language_is_refused():
    with pytest.raises(UsageError, match=r"unknown language 'latx' .did you mean 'latex'"):
        translate("x", "latx")
