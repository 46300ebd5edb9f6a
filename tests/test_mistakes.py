"""Common mistakes: what is understood, and what is printed where it is not."""

import pytest
from typer.testing import CliRunner

import symdiff
from symdiff.cli.app import app
from symdiff.errors import InputError
from symdiff.program import parse
from symdiff.request.files import read_text

# What is typed, and what is printed: "read: " and the expression as it is understood, or the error
# after "symdiff: ".
EXPRESSIONS = [
    ("x^2", "read: x**2"),
    ("ln(x)", "read: ln(x)"),
    ("|x|", "read: abs(x)"),
    ("np.exp(x)", "read: np.exp(x)"),
    ("math.sin(x)", "read: math.sin(x)"),
    ("x − 1", "read: x - 1"),
    ("x² + x⁻¹", "read: x**2 + x**-1"),
    ("2×x", "read: 2*x"),
    ("x ÷ 2·π", "read: x / 2*pi"),
    ("“x + 1”", "read: x + 1"),
    ("ｘ＋１", "read: x+1"),
    ("e**x", "read: e**x"),
    ("pow(x, 2)", "read: pow(x, 2)"),
    ("arcsin(x) + log10(x)", "read: arcsin(x) + log10(x)"),
    ("1 if x > 0 else 0", "read: 1 if x > 0 else 0"),
    ("i*x + N*E", "read: i*x + N*E"),
    (r"\frac{x}{1+x^2}", "read: x/(1 + x**2)"),
    ("2x", "this is not an expression: a product needs its sign at column 1 (write the product with its sign: 2*x)"),
    ("2sin(x)", "this is not an expression: a product needs its sign at column 1 (write the product with its sign: 2*sin(...))"),
    ("x y", "this is not an expression: a product needs its sign at column 1 (write the product with its sign: x*y)"),
    ("2(x+1)", "only functions of the catalogue can be called at column 1 (write 2*(x+1) for a product)"),
    ("(x+1)(x-1)", "only functions of the catalogue can be called at column 2 (write (x+1)*(x-1) for a product)"),
    ("x(x+1)", "unknown function 'x' at column 1 (write x*(x+1) for a product)"),
    ("sin x", "the argument of a function needs brackets at column 1 (write sin(x))"),
    ("sqrt x + 1", "the argument of a function needs brackets at column 1 (write sqrt(x))"),
    ("sin^2(x)", "a power of the function sin has no argument at column 1 (write sin(x)**2)"),
    ("tan^-1(x)", "a power of the function tan has no argument at column 1 (write atan(x) or 1/tan(x))"),
    ("sin²(x)", "a power of the function sin has no argument at column 4 (write sin(x)**2)"),
    ("2π", "a product needs its sign at column 2 (write 2*pi)"),
    ("sin(30°)", "angles are in radians at column 5 (write 30*pi/180)"),
    ("sind(x)", "unknown function 'sind' at column 1 (write sin(x*pi/180))"),
    ("lg(x)", "unknown function 'lg' at column 1 (write log10(x) or log2(x))"),
    ("x.tanhh()", "unknown function 'tanhh' at column 3 (did you mean 'tanh'?)"),
    ("tf.exp(x)", "exp takes at most 1 arguments at column 8 (exp(input); if tf is a module, leave it out)"),
    ("np.std(x)", "numpy.std is not torch's std at column 1 (write std(x, correction=0))"),
    ("(x + y", "this bracket is not closed at column 1 (close it)"),
    ("x + y)", "this bracket was not opened at column 6 (remove it)"),
    ("y = x**2", "an equation is not an expression at column 1 (write the right side alone: x**2)"),
    ("f(x) = x**2", "an equation is not an expression at column 1 (write the right side alone: x**2)"),
    ("d/dx x**2", "the derivative is what symdiff computes at column 1 (write the function alone: x**2)"),
    ("d/dx(x**2)", "unknown function 'dx' at column 3 (write the function alone, without d/dx)"),
    ("lambda x: x**2", "a lambda is not allowed in an expression at column 1 (write its formula alone: x**2)"),
    ("import torch", "an import has no meaning here at column 1 (write the formula alone)"),
    ("return x**2", "`return` has no meaning here at column 1 (write the formula alone: x**2)"),
    ("if x > 0: x", "a statement is not an expression at column 1 (write a formula, such as x if x > 0 else 0)"),
    ("x if x > 0", "the value where the condition is false is missing at column 1 (write x if x > 0 else 0)"),
    ("x > 0 ? 1 : 0", "? and : have no meaning here at column 1 (write 1 if x > 0 else 0)"),
    ("where(x > 0 && x < 1, 1, 0)", "&& has no meaning here at column 13 (write `and` between conditions)"),
    ("where(x > 1 || x < 0, 1, 0)",
     "it is not clear which bars belong together at column 13 (write abs(x) for |x|, and `or` between conditions)"),
    ("where(!(x > 0), 1, 0)", "! has no meaning here at column 7 (write `not` before a condition)"),
    ("x!", "! has no meaning here at column 1 (write gamma(x + 1) for x!)"),
    ("x***2", "*** has no meaning here at column 2 (write ** for a power, * for a product)"),
    ("where(x =< 1, x, 1)", "this comparison has no meaning here at column 9 (comparisons are < <= > >= == !=)"),
    ("x > 0", "the expression is a condition, not a number at column 1 (write where(condition, 1, 0))"),
    ("where(x in [0, 1], x, 0)", "only < <= > >= == != compare numbers at column 7 (write 0 <= x <= 1)"),
    ("0,5*x", "a tuple is not allowed in an expression at column 1 (write a number with a point: 0.5)"),
    ("'relu(x)'", "'relu(x)' is not a number at column 1 (leave out the quotation marks)"),
    ("1j*x", "1j is not a number at column 1 (every variable and number is real)"),
    ("nan", "'nan' is reserved and cannot be a variable at column 1 (choose another name)"),
    ("", 'the expression is empty (write a formula, such as "relu(x)")'),
    ("a/relu.toml", "this is the name of a file, not an expression at column 1 (write symdiff run a/relu.toml)"),
    ("√x", "√ has no meaning here at column 1 (write sqrt(x))"),
    ("α*x", "unexpected character 'α' at column 1 (write alpha)"),
    ("½*x", "½ has no meaning here at column 1 (write 1/2)"),
    ("x # half", "a comment has no meaning here at column 3 (leave it out)"),
    ("{x + 1}", "braces have no meaning here at column 1 (write round brackets)"),
    (r"\sin x y", r"LaTeX: how far the argument of \sin goes is not clear at column 1 (write \sin(x y) or (\sin x) y)"),
]  # fmt: skip
# Arguments of the command line, and the error.
COMMANDS = [
    (["eval", "x", "--grid", "x=0..1"], "grid x: '0..1' is not a range (write 0:1:9)"),
    (["eval", "x", "--grid", "x=0:1"], "grid x: '0:1' is not a range (write 0:1:9)"),
    (["eval", "x", "--grid", "x=0,5:1,5"], "grid x: '0,5:1,5' is not a range (write 0.5:1.5:9)"),
    (["eval", "x", "--grid", "x=[0,1]"], "grid x: '[0,1]' is not a range (write 0:1:9 for a range, 0,1 for two points)"),
    (["eval", "x", "--grid", "x in [0,1]"], "--grid 'x in [0,1]' is not an assignment (--grid x=-2:2:9)"),
    (["eval", "x", "--grid", "x="], "--grid 'x=' has no value (write --grid x=-2:2:9)"),
    (["eval", "x", "--at", "0"], "--at '0' is not an assignment (--at x=0)"),
    (["run", "x**2"], 'x**2: no such file or folder (write symdiff eval "x**2" for an expression)'),
]  # fmt: skip
# Files, and the end of the error.
FILES = [
    ("[expression]\nexpr = 'x'", "[expression] is one table, entries are a list of tables (write [[expression]])"),
    ("[[expression]\nexpr = 'x'", "(write [[expression]])"),
    ("[[expression]]\nexpr = relu(x)", '(write expr = "relu(x)")'),
    ("[[expression]]\nexpr = 2*x", '(write expr = "2*x")'),
    ("[[expression]]\nexpr = “x”", '(write straight quotation marks: ")'),
    ("[[expression]]\nexpr = 'x'\ngrid = { x = [0 1] }", "(put commas between the values, and close all brackets)"),
    ("[[expression]]\nexpr = 'x'\ngrid = 'x=0:1:9'", '(grid = { x = "-2:2:9" })'),
    ("[[expresion]]\nexpr = 'x'", "(did you mean 'expression'?)"),
]  # fmt: skip


def said(*arguments):
    """Return the first line of the error that the command line prints."""
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    return done.stderr.splitlines()[0].removeprefix("symdiff: ")


@pytest.mark.parametrize(("text", "expected"), EXPRESSIONS)
def test_a_mistake_is_understood_or_answered(text, expected):
    if expected.startswith("read: "):
        assert f"read: {parse(text).text}" == expected
    else:
        assert said("eval", text) == expected
        with pytest.raises(InputError):
            parse(text)


@pytest.mark.parametrize(("arguments", "expected"), COMMANDS)
def test_a_mistake_in_a_command_is_answered(arguments, expected):
    assert said(*arguments) == expected


@pytest.mark.parametrize(("text", "expected"), FILES)
def test_a_mistake_in_a_file_is_answered(text, expected):
    try:
        (error,) = read_text(text, "a.toml", is_toml=True).errors
    except InputError as caught:  # the whole file cannot be used
        error = caught
    assert str(error).endswith(expected)


def test_files_and_callers_are_understood_as_the_command_line_is():
    text = "[[expression]]\nexpr = '''" + r"\left|x\right|^2" + "'''\nlet = { h = 'x^2' }"
    (entry,) = read_text(text, "a.toml", is_toml=True).entries
    assert parse(entry.text).text == "abs(x)**2"
    comparison = symdiff.compare("|x|^2 + h", {"x": [1]}, let={"h": "2*x²"}, engines=["symbolic"])
    assert "note: read ^ as **" in str(comparison)
    assert "note: read ² as **2" in str(comparison)
    with pytest.raises(InputError, match="write the product with its sign"):
        symdiff.compare("2x")
