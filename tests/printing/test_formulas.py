"""FPCore, sympy and LaTeX: what is written is read back, and means the same."""

import numpy as np
import pytest
import sympy as sp

from symdiff.arithmetics.symbolic import expression
from symdiff.catalogue import CATALOGUE
from symdiff.errors import ExpressionError, InputError, Unsupported
from symdiff.printing import fpcore, levels
from symdiff.printing.languages import translate
from symdiff.program import Call, Input, Literal, parse
from symdiff.request.fpcore import fpcore_entries, fpcore_entry
from tests.printing.corpus import TRICKY, in_numpy, points, scalar_programs


def written_in(language, programs=None):
    """Return the texts of the programs that a language can express."""
    found = {}
    for name, program in (programs or scalar_programs()).items():
        try:
            found[name] = translate(program, language)
        except ExpressionError:
            continue
    return found


def same_values(one, other, rtol=1e-12):
    """Return whether two programs have the same values at some points."""
    for inputs in points(one):
        known = inputs | {f"{name}_": value for name, value in inputs.items()}
        got = in_numpy(other, {name: known[name] for name in other.inputs})
        if not np.allclose(got, in_numpy(one, inputs), rtol=rtol, atol=1e-300, equal_nan=True):
            return False
    return True


def tree(program, index=None):
    """Return a program as nested tuples, without the places where it is written."""
    node = program.nodes[program.output if index is None else index]
    if isinstance(node, Call):
        return (node.function, *(tree(program, a) for a in node.operands))
    if isinstance(node, Input):  # E, PI, ... are constants of FPCore: such a variable is called E_
        return node.name.rstrip("_")
    return (type(node.value).__name__, node.value) if isinstance(node, Literal) else node


# -- FPCore


def read_fpcore(text):
    """Return the program of a benchmark."""
    (raw,) = fpcore_entries(text, "f")
    return fpcore_entry(raw, "f").expression


def is_in_fpcore(program):
    """Return whether FPCore has each of a program's functions under a name of its own."""
    functions = {call.function for _, call in program.calls()}
    masks = any(
        CATALOGUE[c.function].is_operator
        and any(_is_condition(program.nodes[a]) for a in c.operands)
        for _, c in program.calls()
    )
    # where and maximum are read as the conditional expression and as fmax.
    names = {fpcore.operation(CATALOGUE[f]) for f in functions}
    return not masks and None not in names and not functions & {
        "where", "maximum", "minimum", "float", "positive", "softplus",
    }  # fmt: skip


def _is_condition(node):
    return isinstance(node, Call) and CATALOGUE[node.function].returns == "condition"


def test_fpcore_is_read_back_to_the_same_program():
    texts = written_in("fpcore")
    assert len(texts) > 500
    exact = 0
    for name, text in texts.items():
        program, again = scalar_programs()[name], read_fpcore(text)
        assert translate(again, "fpcore").splitlines()[2:] == text.splitlines()[2:], name
        if is_in_fpcore(program):
            exact += 1
            assert tree(again) == tree(program), name
        elif len(program.order) < 60:
            assert same_values(program, again), name
    assert exact > 250


# -- sympy


def in_sympy(text, program):
    """Return an expression of sympy as a user types it, with real symbols."""
    symbols = {name: sp.Symbol(name, real=True) for name in program.inputs}
    names = symbols | {f"{name}_": symbol for name, symbol in symbols.items()}
    return eval(text, vars(sp) | names)  # noqa: S307  (the text is ours)


def test_sympy_makes_the_program_s_expression_of_the_text():
    texts = written_in("sympy")
    assert len(texts) > 600
    # sympy takes its time: a third of them, and all that is tricky.
    chosen = dict([*texts.items()][::3]) | {text: texts[text] for text in TRICKY if text in texts}
    for name, text in chosen.items():
        program = scalar_programs()[name]
        try:
            want = expression(program)
        except Unsupported:
            continue
        got = in_sympy(text, program)
        assert got == want or close(got, want, program), (name, text)


def close(got, want, program):
    """Return whether two expressions have the same numbers at some points."""
    for inputs in points(program)[1:]:
        at = {sp.Symbol(name, real=True): sp.Float(value) for name, value in inputs.items()}
        ours, theirs = complex(sp.N(got.subs(at))), complex(sp.N(want.subs(at)))
        if not np.allclose(ours, theirs, rtol=1e-9, atol=0, equal_nan=True):
            return False
    return True


def test_an_integer_quotient_is_exact_in_sympy():
    assert translate("1/3 + x/3 + 2**-1 + (1/2)**3*x", "sympy") == (
        "Rational(1, 3) + x/3 + Integer(2)**-1 + Rational(1, 2)**3*x"
    )


# -- LaTeX

FORMULAS = [
    ("abs(x)/(1 + x**2)", r"\frac{\left|x\right|}{1 + x^{2}}"),
    ("sqrt(x) - cbrt(y)", r"\sqrt{x} - \sqrt[3]{y}"),
    ("(x + 1)*(x - 1)", r"\left(x + 1\right) \cdot \left(x - 1\right)"),
    ("2*x*y", "2 x y"),
    ("2*3*x", r"2 \cdot 3 x"),
    ("-x**2", "-x^{2}"),
    ("(-x)**2", r"\left(-x\right)^{2}"),
    ("(x**y)**z", r"\left(x^{y}\right)^{z}"),
    ("x - (y - z)", r"x - \left(y - z\right)"),
    ("x - -y", r"x - \left(-y\right)"),
    ("exp(-x**2/2)", r"e^{\frac{-x^{2}}{2}}"),
    ("max(x, 0)", r"\max\left(x, 0\right)"),
    ("log(alpha_1)*rate", r"\ln\left(\alpha_{1}\right) \mathrm{rate}"),
    ("1e-5*x + 2.5e30", r"10^{-5} x + 2.5 \cdot 10^{30}"),
    ("floor(x)*pi", r"\left\lfloor x\right\rfloor \pi"),
    ("erf(x) + relu(x_max)", r"\operatorname{erf}\left(x\right) + \operatorname{relu}\left(x_{\mathrm{max}}\right)"),
    ("where((x > 0) & (y <= 1), x, -1)",
     r"\begin{cases} x & \text{if } x > 0 \land y \le 1 \\ -1 & \text{otherwise} \end{cases}"),
    ("2*(x if x > 0 else y if y > 0 else 0)",
     r"2 \cdot \left(\begin{cases} x & \text{if } x > 0 \\ y & \text{if } y > 0 \\ 0 & \text{otherwise} \end{cases}\right)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "formula"), FORMULAS)
def test_a_formula_is_typeset(text, formula):
    assert translate(text, "latex") == formula


def test_definitions_keep_their_names_in_latex():
    assert translate("h/(1 + h)", "latex", let={"h": "abs(x)"}).splitlines() == [
        r"\begin{aligned}",
        r"h &= \left|x\right| \\",
        r"f\left(x\right) &= \frac{h}{1 + h}",
        r"\end{aligned}",
    ]


def test_brackets_and_environments_are_closed():
    texts = written_in("latex")
    assert len(texts) > 700
    for name, text in texts.items():
        assert text.count("{") == text.count("}"), name
        assert text.count(r"\left") == text.count(r"\right") + text.count(r"\leftarrow"), name
        assert text.count(r"\begin{") == text.count(r"\end{"), name


@pytest.mark.parametrize(("language", "least"), [("sympy", 600), ("latex", 500)])
def test_what_symdiff_reads_of_a_language_has_the_same_values(language, least):
    read = 0
    for name, text in written_in(language).items():
        program = scalar_programs()[name]
        if "sinc" in text:  # without a prefix the name means torch's sinc, sin(pi*x)/(pi*x)
            continue
        try:
            again = parse(text)
        except InputError:  # what the readers of these languages do not have
            continue
        if set(again.inputs) <= set(program.inputs):
            read += 1
            assert same_values(program, again, rtol=1e-9), (name, text)
    assert read > least


# -- negative controls


def test_a_planted_fault_of_a_printer_is_caught(monkeypatch):
    monkeypatch.setattr(
        "symdiff.printing.sympy_text.infix", lambda operator, a, b: levels.infix(operator, b, a)
    )
    program = parse("x - y")
    assert in_sympy(translate(program, "sympy"), program) != expression(program)
    monkeypatch.setattr(fpcore, "operation", lambda _: "fmin")
    assert tree(read_fpcore(translate("max(x, y)", "fpcore"))) != tree(parse("fmax(x, y)"))


def test_a_program_that_grows_is_refused():
    first = "a_variable_with_a_long_name**2"
    let = {f"h{k}": f"sin(h{k - 1})*h{k - 1}" if k else first for k in range(14)}
    with pytest.raises(ExpressionError, match="more than 100000 characters"):
        translate("h13", "sympy", let=let)
    assert len(translate("h13", "numpy", let=let)) < 1000


def test_there_is_a_tricky_program_for_each_operator():
    used = {call.function for text in TRICKY for _, call in parse(text).calls()}
    operators = {name for name, row in CATALOGUE.items() if row.is_operator}
    assert operators <= used
