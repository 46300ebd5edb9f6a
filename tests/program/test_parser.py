"""The parser: which spellings it accepts, what it refuses, and with which message."""

import pytest

from symdiff.errors import ExpressionError
from symdiff.program import Call, Literal, parse

ACCEPTED = [
    # text, variables, another spelling of the same expression
    ("x.clamp(min=0)", ("x",), "clamp(x, min=0)"),
    ("x.abs()", ("x",), "abs(x)"),
    ("torch.relu(x)", ("x",), "relu(x)"),
    ("F.relu(x)", ("x",), "relu(x)"),
    ("torch.nn.functional.softplus(x, beta=2)", ("x",), "softplus(x, 2)"),
    ("torch.special.expit(x)", ("x",), "sigmoid(x)"),
    ("torch.clip(x, 0, 1)", ("x",), "clamp(x, min=0, max=1)"),
    ("np.arctan2(y, x)", ("y", "x"), "atan2(y, x)"),
    ("math.pi*x", ("x",), "pi*x"),
    ("x.pow(2)", ("x",), "x**2"),
    ("torch.add(x, y)", ("x", "y"), "x + y"),
    ("max(x, y, 0)", ("x", "y"), "max(max(x, y), 0)"),
    ("(x > 0) & ~(x > 1)", None, None),
    ("0 < x < 1", None, None),
    ("a if x > 0 and y > 0 else b", ("x", "y", "a", "b"), "(a) if (x > 0 and y > 0) else (b)"),
    ("x // 2 % 3", ("x",), "(x // 2) % 3"),
    ("-x**2", ("x",), "-(x**2)"),
    ("2**-x", ("x",), "2**(-x)"),
    ("  x\n  + 1", ("x",), "x + 1"),
    ("(x + 1).relu().exp()", ("x",), "exp(relu(x + 1))"),
    ("torch.clamp(input=x, max=1)", ("x",), "clamp(x, max=1)"),
    ("clamp(x, None, 1)", ("x",), "clamp(x, max=1)"),
    ("gamma*v", ("gamma", "v"), "gamma * v"),
    ("1_000*x", ("x",), "1000*x"),
    ("0x10*x", ("x",), "16*x"),
    ("x if True else y", ("x", "y"), None),
]


@pytest.mark.parametrize(("text", "inputs", "other"), ACCEPTED)
def test_spellings_are_parsed(text, inputs, other):
    if inputs is None:
        text, inputs = f"where({text}, x, 0)", ("x",)
    program = parse(text)
    assert program.inputs == inputs
    if other is not None:
        assert parse(other).nodes == program.nodes


REFUSED = [
    # text, the first line of the error
    ("1 + asb(x)", "unknown function 'asb' at column 5 (did you mean 'abs'?)"),
    ("x.reul()", "unknown function 'reul' at column 3 (did you mean 'relu'?)"),
    ("x^(y > 0)", "a number is needed here, not a condition at column 5"),
    (
        "2x",
        "this is not an expression: a product needs its sign at column 1 (write the product with its sign: 2*x)",
    ),
    ("x +", "this is not an expression: invalid syntax at column 3"),
    ("x + y)", "this bracket was not opened at column 6"),
    ("(x + y", "this bracket is not closed at column 1"),
    ("", "the expression is empty"),
    ("x > 0", "the expression is a condition, not a number at column 1"),
    ("sin(x > 0)", "a number is needed here, not a condition at column 5"),
    ("where(x, 1, 0)", "a condition is needed here, not a number at column 7"),
    ("(x > 0) + (y > 0)", "a number is needed here, not a condition at column 2"),
    ("x > 0 & x < 1", "a condition is needed here, not a number at column 5"),
    ("where(x & 1, 1, 0)", "a condition is needed here, not a number at column 7"),
    ("clamp(x, mim=0)", "clamp has no keyword 'mim' at column 10 (did you mean 'min'?)"),
    ("clamp(x, 0, 1, 2)", "clamp takes at most 3 arguments at column 16"),
    ("clamp(x, 0, min=1)", "clamp got 'min' twice at column 17"),
    ("atan2(x)", "atan2 needs an argument 'other' at column 1 (atan2(input, other))"),
    ("elu(x, alpha=a)", "alpha of elu must be a constant at column 14"),
    ("gelu(x, approximate='erf')", "approximate of gelu must be 'none' or 'tanh' at column 21"),
    ("torch.max(x, 0)", "torch's max with a number reduces over that dimension at column 1"),
    ("x.max(0)", "torch's max with a number reduces over that dimension at column 1"),
    ("x[0.5]", "an index must consist of integers and slices at column 3"),
    (
        "x[x > 0]",
        "an index must consist of integers and slices at column 3 (for a mask write where(mask, value, x)",
    ),
    ("x[1:2:-1]", "an index must consist of integers and slices at column 3"),
    ("[]", "the list is empty at column 1"),
    ("cat(x)", "tensors of cat must be a list, such as [x, y] at column 5 (cat(tensors, dim=0))"),
    ("x.sum(dim=y)", "dim of sum must be a dimension or several: 0, -1, (0, 1) at column 11"),
    ("x.sum(keepdim=1)", "keepdim of sum must be True or False at column 15"),
    ("x.softmax(dim=0.5)", "dim of softmax must be an integer at column 15"),
    ("x.norm(p=y)", "p of norm must be a constant at column 10"),
    ("x.reshape(2, y)", "shape of reshape must be integers, such as 2, 3 at column"),
    ("conv1d(x, w, padding='same')", "padding of conv1d must be an integer or one per dimension"),
    ("cross_entropy(z, 2*t)", "target of cross_entropy must be a variable with integer values"),
    (
        "mse_loss(x, y, reduction='average')",
        "reduction of mse_loss must be 'mean' or 'sum' or 'none'",
    ),
    (
        "x.unfold(0, 2, 1)",
        "the method x.unfold is not supported at column 1 (write F.unfold(x, ...))",
    ),
    ("x.y.values", "unknown attribute 'values'"),
    ("x.sum(0).values", "only x.max(dim), x.min(dim), and functions that order, have .values"),
    ("x.sort()[0]", "torch returns values and indices here at column 1 (write the values as"),
    ("torch.topk(x, 2)[1]", "torch returns values and indices here at column 1"),
    ("x.sort(0).indices", "unknown attribute 'indices'"),
    ("x | y", "a condition is needed here, not a number at column 1"),
    ("x << 1", "this operator has no meaning for real numbers at column 1"),
    ("x is y", "only < <= > >= == != compare numbers at column 1"),
    ("1j*x", "1j is not a number at column 1"),
    ("'x'", "'x' is not a number at column 1"),
    ("1/0", "'1/0': division by zero at column 1"),
    ("sqrt(-1)", "'sqrt(-1)': the value is not a real number at column 1"),
    ("(-8)**(1/3)", "'(-8)**(1/3)': the value is not a real number at column 1"),
    ("exp(1000)", "'exp(1000)': the value is too large for a double at column 1"),
    ("inf - inf", "'inf - inf': the value is not a number at column 1"),
    ("9**9**9**9", "'9**9**9': the exponent 387420489 is larger than 10000 at column 4"),
    ("x**100001", "'x**100001': the exponent 100001 is larger than 10000 at column 1"),
    ("1e999*x", "this number is too large for a double at column 1 (write inf)"),
    ("nan*x", "'nan' is reserved and cannot be a variable at column 1"),
    ("_x + 1", "'_x' is not a valid name at column 1"),
    ("x\n + asb(y)", "unknown function 'asb' at line 2, column 4 (did you mean 'abs'?)"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_an_error_says_where_it_is_and_what_to_type_next(text, message):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert str(caught.value).splitlines()[0].startswith(message)


def test_the_caret_is_under_the_error():
    with pytest.raises(ExpressionError) as caught:
        parse("1 + asb(x)")
    _, source, caret = str(caught.value).splitlines()
    assert source.index("asb") == caret.index("^")
    assert caret.count("^") == 3


def test_a_long_text_is_shown_around_the_error_only():
    with pytest.raises(ExpressionError) as caught:
        parse("+".join(["x"] * 400) + "+asb(x)+" + "+".join(["x"] * 400))
    _, source, caret = str(caught.value).splitlines()
    assert len(source) < 100
    assert source.index("asb") == caret.index("^")


class TestDefinitions:
    def test_may_use_those_before_them(self):
        program = parse("b + a", definitions={"a": "x + 1", "b": "a*a"})
        assert program.nodes == parse("(x + 1)*(x + 1) + (x + 1)").nodes

    @pytest.mark.parametrize(
        "definitions", [{"a": "a + 1"}, {"a": "b", "b": "a"}, {"a": "b + 1", "b": "2*x"}]
    )
    def test_are_refused_if_they_are_circular(self, definitions):
        with pytest.raises(ExpressionError, match="is used before it is defined"):
            parse("a", definitions=definitions)

    def test_are_named_in_errors(self):
        with pytest.raises(ExpressionError, match=r"^let h: unknown function 'asb'"):
            parse("h", definitions={"h": "asb(x)"})

    @pytest.mark.parametrize("name", ["pi", "nan", "_h", "1h", "h h", "h.x", "", "é"])
    def test_need_a_valid_name(self, name):
        with pytest.raises(ExpressionError):
            parse("x", definitions={name: "x"})

    def test_keep_their_own_text_and_places(self):
        program = parse("2*h", definitions={"h": "relu(x)"})
        relu = next(
            i for i, n in enumerate(program.nodes) if isinstance(n, Call) and n.function == "relu"
        )
        assert program.place(relu) == "relu(x) (let h, column 1)"


class TestProgram:
    def test_shares_equal_sub_expressions(self):
        program = parse("sin(x)*y + sin( x )**2")
        assert sum(isinstance(n, Call) and n.function == "sin" for n in program.nodes) == 1

    def test_keeps_every_place_of_a_sub_expression(self):
        program = parse("relu(x) - relu( x )")
        relu = next(
            i for i, n in enumerate(program.nodes) if isinstance(n, Call) and n.function == "relu"
        )
        assert [program.text[s.start : s.end] for s in program.spans[relu]] == [
            "relu(x)",
            "relu( x )",
        ]

    def test_does_not_simplify(self):
        assert len(parse("sqrt(x**2) + 0").nodes) == 6

    def test_distinguishes_literals_that_python_calls_equal(self):
        literals = [
            n.value for n in parse("1 + 1.0 + x*where(True, 1, 0)").nodes if isinstance(n, Literal)
        ]
        assert [repr(v) for v in literals] == ["1", "1.0", "True", "0"]

    def test_has_the_span_of_every_node(self):
        program = parse("where(x > 0, -x, x**2) if x < 1 else clamp(x, max=3)")
        assert all(program.text_of(i) for i in range(len(program.nodes)))
