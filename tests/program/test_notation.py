"""Other notations: what is understood, as what, and what is asked for."""

import pytest

from symdiff.errors import ExpressionError
from symdiff.program import parse

CASES = r"\begin{cases} x & x > 0 \\ 0 & \text{otherwise} \end{cases}"
UNDERSTOOD = [
    # text, as it is read, notes besides the one on LaTeX
    ("-x^2", "-x**2", "read ^ as **"),
    ("x^-1", "x**-1", "read ^ as **"),
    ("x^1/2", "x**1/2", "read ^ as **; ^1/2 divides the power: write ^(1/2) for the root"),
    ("3*x²", "3*x**2", "read ² as **2"),
    ("x⁻¹²", "x**-12", "read ⁻¹² as **-12"),
    ("2*|x|²", "2*abs(x)**2", "read ² as **2; read |...| as abs(...)"),
    ("||x| - 1|", "abs(abs(x) - 1)", "read |...| as abs(...)"),
    ("|x - |y||", "abs(x - abs(y))", "read |...| as abs(...)"),
    ("x if |x| > 1 else |y|", "x if abs(x) > 1 else abs(y)", "read |...| as abs(...)"),
    ("where((x > 0) | (y > 0), 1, 0)", "where((x > 0) | (y > 0), 1, 0)", ""),
    ("x − 2×y ÷ 3·z", "x - 2*y / 3*z", "read − as -; read × as *; read · as *; read ÷ as /"),
    ("where(x ≤ π, 1, 0)", "where(x <= pi, 1, 0)", "read π as pi; read ≤ as <="),
    ("“x + 1”", "x + 1", "left out the quotation marks around the expression"),
    ("ａｂｓ（ｘ）＋１", "abs(x)+1", "read wide characters as ASCII"),
    ("x\u00a0+ 1", "x + 1", ""),
    (r"\frac{x}{1+x^2}", "x/(1 + x**2)", ""),
    (r"\left|x\right| + |x-1|", "abs(x) + abs(x - 1)", ""),
    (r"\max(0, x) - \min\{0, x\}", "max(0, x) - min(0, x)", ""),
    (r"\sqrt{x^2+1} \sqrt[3]{x}\sqrt[4]{x}", "sqrt(x**2 + 1)*cbrt(x)*x**(1/4)", ""),
    (r"e^{-x^2}", "e**-x**2", ""),
    (r"2\pi x_1 - \alpha_{12} \cdot x", "2*pi*x_1 - alpha_12*x", ""),
    (r"\sin x + \sin^2 2x", "sin(x) + sin(2*x)**2", ""),
    (r"\sin x \cos x \ln(x+1)", "sin(x)*cos(x)*log(x + 1)", ""),
    (r"\log x + \log_2 x + \log_{3} y", "log(x) + log2(x) + log(y)/log(3)",
     "read \\log as the natural logarithm"),
    (r"\operatorname{relu}(x) - \mathrm{ReLU}(2x)", "relu(x) - relu(2*x)", ""),
    (r"-\frac{a+b}{c} x \frac{1}{2}", "-(a + b)/c*x*(1/2)", ""),
    (r"a - (b-c)\pi", "a - (b - c)*pi", ""),
    (r"\exp\left(-\frac{x^2}{2\sigma^2}\right)", "exp(-x**2/(2*sigma**2))", ""),
    (r"\lfloor x \rfloor (x+1)(x-1)", "floor(x)*(x + 1)*(x - 1)", ""),
    (r"2 |x| \cdot x", "2*abs(x)*x", ""),
    (r"$\cot\frac{x}{2}$", "1/tan(x/2)", ""),
    (CASES, "((x) if x > 0 else (0))", ""),
    (CASES.replace("x >", r"\text{if } 0 \le x \land x >"),
     "((x) if 0 <= x and x > 0 else (0))", ""),
]  # fmt: skip
ASKED = [
    # text, what the message starts with, its hint
    ("2x²", "this is not an expression", "2*x²"),
    ("sin²(x)", "a power of the function sin", "write sin(x)**2"),
    ("sin⁻¹(x)", "a power of the function sin", "write asin(x) or 1/sin(x)"),
    ("x²**3", "it is not clear which power", "put brackets: (x**2)**3"),
    ("2π", "a product needs its sign", "write 2*pi"),
    ("|x||y|", "it is not clear which bars", "write abs(x) for |x|, and `or` between conditions"),
    ("|a|b|c|", "it is not clear which bars", "write abs(x) for |x|, and `or` between conditions"),
    ("a | b", "a condition is needed here", "compare it, such as x != 0"),
    (r"x y z \cdot ab", "LaTeX: ab may be", r"write a b for a product, \mathrm{ab} for one variable"),
    (r"x(x+1)\pi", "LaTeX: x(...) may be", r"write x \cdot (...) for a product"),
    (r"\sin x y", "LaTeX: how far", r"write \sin(x y) or (\sin x) y"),
    (r"\sin(x)^2", "LaTeX: what is raised", r"write \sin^2(x), or \sin((x)^2)"),
    (r"\sin^{-1} x", r"LaTeX: \sin^{-1} has two", r"write \operatorname{asin} x or 1/\sin x"),
    (r"\pi x^-1", "LaTeX: what is raised", "write braces: x^{-1}"),
    (r"\pi x^12", "LaTeX: which digits", "write ^{12}"),
    (r"1/2x \pi", "LaTeX: what belongs", r"write \frac{1}{2x} or \frac{1}{2} x"),
    (r"\lVert x \rVert", "LaTeX: which norm",
     r"write \left|x\right| for a number, \operatorname{norm}(x) for a vector"),
    (r"\|x\|", "unexpected character", "it has no meaning in an expression"),
    (r"|a|b|c| \pi", "LaTeX: it is not clear which bars", r"write \left| and \right|"),
    (r"y = \frac{x}{2}", "LaTeX: an equation", "write the right side alone"),
    (r"\frac{x}{", "LaTeX: a number or a variable", "complete the formula"),
    (r"\sqrt[5]{x}", "LaTeX: this root", "write x^{1/5}, which is undefined for x < 0"),
    (r"\foo x", r"LaTeX: \foo has no meaning", r"functions are written \operatorname{foo}(x)"),
    (r"\operatorname{rleu}(x)", "LaTeX: unknown function", "did you mean 'relu'?"),
    (r"\int x", r"LaTeX: \int has no meaning", "write the formula without it"),
    (CASES.replace(r"\text{otherwise}", r"x \le 0"), "LaTeX: the cases may not cover",
     r"end with a case for the rest: x & \text{otherwise}"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "read", "notes"), UNDERSTOOD)
def test_a_notation_is_understood_and_noted(text, read, notes):
    program = parse(text)
    assert program.text == read
    assert "; ".join(n for n in program.notes if not n.startswith("read the LaTeX")) == notes
    assert parse(read).nodes == program.nodes
    assert parse(read).notes == ()


@pytest.mark.parametrize(("text", "message", "hint"), ASKED)
def test_what_has_several_meanings_is_asked_for(text, message, hint):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.message.startswith(message)
    assert (caught.value.hint or "").endswith(hint)


def test_notes_of_definitions_are_those_of_the_expression():
    program = parse("h + 1", definitions={"h": "x^2"})
    assert program.notes == ("read ^ as **",)
    assert program.place(2) == "x**2 (let h, column 1)"
