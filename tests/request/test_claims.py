"""Claims as they are typed: by input and component, or as the lines of a backward pass."""

import re

import numpy as np
import pytest

from symdiff.arithmetics.arrays import evaluate_tensor
from symdiff.errors import ExpressionError, InputError, UsageError
from symdiff.program import parse
from symdiff.request.claims import check_inputs, read_claims

INPUTS = ("x", "w", "h")
LET = {"a": "x*w", "b": "a + 1"}
X, W, H = np.array([3.0, -2.0, 5.0]), np.array([0.5, 4.0, -1.0]), np.array([-1.0, 0.0, 2.0])


def claimed(claims, let=None, others=()):
    return read_claims(claims, let or {}, INPUTS, others)


def value(claim):
    values = {"x": X, "w": W, "h": H, "k": np.array(2.0)}
    return evaluate_tensor(claim.program, {n: values[n] for n in claim.program.inputs}).tolist()


# -- by input

KEYS = [
    # key, input, index of its component, index of the output's component
    ("w", "w", None, None),
    ("w[2,1]", "w", (2, 1), None),
    ("w[0]", "w", (0,), None),
    ("w[1,]", "w", (1,), None),
    ("[0]/w", "w", None, (0,)),
    ("[0,1]/w[2]", "w", (2,), (0, 1)),
    ("[0,1]/w[2,10,3]", "w", (2, 10, 3), (0, 1)),
    ("[]/w", "w", None, ()),
    (" w ", "w", None, None),
    ("w [ 2 , 1 ]", "w", (2, 1), None),
    ("[ 0 , 1 ] / w [ 2 ]", "w", (2,), (0, 1)),
    ("\tw\n", "w", None, None),
]


@pytest.mark.parametrize(("key", "variable", "index", "output"), KEYS)
def test_a_key_names_an_input_a_component_and_an_output(key, variable, index, output):
    (claim,) = claimed({key: "2*x"})
    assert (claim.key, claim.variable, claim.index, claim.output) == (key, variable, index, output)
    assert claim.program.text == "2*x"


NOT_KEYS = [
    "", "1w", "w.", "_w", "w[]", "w[-1]", "w[a]", "w[1 2]", "w[1:2]", "w[,]", "w[,1]", "w[1,,2]", "w[1.5]",
    "w[1][2]", "[0]w", "[0]/", "w/[0]", "w[0]/[0]", "[0]/[1]", "[0 1]/w", "[,]/w", "[0]//w", "w w", "w[٣]",
    "w[99999999999999999999]", "w[" + "9" * 5000 + "]", "w[1" + " " * 5000 + "x", "grad w",
]  # fmt: skip


@pytest.mark.parametrize("key", NOT_KEYS, ids=lambda key: key[:20])
def test_a_key_in_another_form_is_refused(key):
    with pytest.raises(UsageError) as caught:
        claimed({key: "2*x"})
    assert caught.value.message == f"{key[:40]!r} does not name a derivative"
    assert caught.value.hint == "name an input: w, w[2,1] or [0]/w"


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("v", "its variables: x, w, h"),
        ("[0]/grad_w[1]", "its variables: x, w, h"),
        ("xx", "did you mean 'x'?"),
        ("W", "did you mean 'w'?"),
    ],
)
def test_a_key_for_an_unknown_input_is_refused(key, hint):
    with pytest.raises(UsageError, match="the expression has no variable") as caught:
        claimed({key: "2*x"})
    assert caught.value.hint == hint


def test_an_expression_without_variables_takes_no_claims():
    with pytest.raises(UsageError) as caught:
        read_claims({"x": "2"}, {}, [])
    assert caught.value.hint == "its variables: none"
    with pytest.raises(UsageError, match="defines no gradient") as caught:
        read_claims("grad_x = 2", {}, [])
    assert "claims = {" in caught.value.hint


def test_claims_use_the_definitions_of_the_expression():
    first, second = claimed({"x": "b*w", "w": "2*a"}, LET)
    assert value(first) == ((X * W + 1) * W).tolist()
    assert value(second) == (2 * X * W).tolist()


def test_claims_may_use_names_that_have_a_value():
    (claim,) = claimed({"x": "k*x"}, others=("k",))
    assert value(claim) == (2 * X).tolist()
    with pytest.raises(ExpressionError, match="unknown variable 'k'"):
        claimed({"x": "k*x"})


def test_the_order_of_claims_is_kept():
    assert [c.key for c in claimed({"w": "1", "x": "2", "w[0]": "3"})] == ["w", "x", "w[0]"]


TEXTS = [
    # a claim, the message
    ("2*", "claim x: this is not an expression: invalid syntax at column 2"),
    ("", "claim x: the expression is empty"),
    ("q*2", "claim x: unknown variable 'q' at column 1"),
    ("2*hh", "claim x: unknown variable 'hh' at column 3 (did you mean 'h'?)"),
    ("asb(x)", "claim x: unknown function 'asb' at column 1 (did you mean 'abs'?)"),
    ("x > 0", "claim x: the expression is a condition, not a number at column 1"),
    ("x) + (x", "claim x: this bracket was not opened at column 2"),
]


@pytest.mark.parametrize(("text", "message"), TEXTS)
def test_a_claim_that_is_not_an_expression_is_refused_with_its_column(text, message):
    with pytest.raises(ExpressionError, match=re.escape(message)):
        claimed({"x": text})


def test_a_definition_that_is_not_an_expression_is_named():
    with pytest.raises(ExpressionError, match=r"let c: unknown function 'asb' at column 1"):
        claimed({"x": "c"}, {"c": "asb(x)"})


@pytest.mark.parametrize("claims", [{}, "", []])
def test_an_empty_text_has_no_claims(claims):
    assert claimed(claims) == ()
    assert claimed(claims, LET) == ()


# -- a backward pass

BACKWARD = [
    # lines, the values of the claimed derivatives
    ("g = 2*x\ngrad_x = g + 1", {"x": 2 * X + 1}),
    ("grad_x = w\ngrad_w = x", {"x": W, "w": X}),
    # comments, blank lines, and blanks anywhere
    ("g=2*x # c = 3\n\n# all = 1\n   grad_x   =  g   \n\n", {"x": 2 * X}),
    ("\n\tgrad_x = x # grad_w = w\r\n", {"x": X}),
    ("grad_x = x\r\ngrad_w = w\r\n", {"x": X, "w": W}),
    # a name that is defined again
    ("g = x\ng = g*2\ng = g + 1\ngrad_x = g", {"x": 2 * X + 1}),
    ("grad_x = 2*x\ngrad_x = 3*x", {"x": 3 * X}),
    ("grad_x = x\ngrad_w = grad_x*w\ngrad_x = 0*x", {"x": 0 * X, "w": X * W}),
    # a gradient that is set where a condition holds
    ("grad_h = x\ngrad_h[h < 0] = 0", {"h": X * (H >= 0)}),
    ("grad_h = x\ngrad_h[h <= 0] = 0", {"h": X * (H > 0)}),
    ("grad_h = x\ngrad_h[h == 0] = 7", {"h": np.where(H == 0, 7, X)}),
    ("grad_h = x\ngrad_h[h >= 0] = 7", {"h": np.where(H >= 0, 7, X)}),
    ("grad_h = x\ngrad_h[h != 0] = 7", {"h": np.where(H != 0, 7, X)}),
    ("grad_h = x\ngrad_h [ h < 0 ]= 0", {"h": X * (H >= 0)}),
    ("grad_h=x\ngrad_h[h<0]=0", {"h": X * (H >= 0)}),
    ("grad_h = x\ngrad_h[h > 0] = 0\ngrad_h[h < 0] = 1", {"h": [1, X[1], 0]}),
    ("grad_h = x\ng = grad_h\ngrad_h[h < 0] = 0\ngrad_x = g", {"x": X, "h": X * (H >= 0)}),
    # ... with brackets in the condition
    ("grad_h = x\ngrad_h[h[0] < 0] = 0", {"h": 0 * X}),
    ("grad_h = x\ngrad_h[h[0] == 0] = 0", {"h": X}),
    ("grad_h = x\ngrad_h[(h < 0) | (x[0] == 3)] = 0", {"h": 0 * X}),
    ("grad_h = x\ngrad_h[w[[0, 1, 2][0]*0 + 1 > 0] = 0", None),
    ("grad_h = x\ngrad_h[h < [0, 1, 0]] = 0", {"h": X * (H >= [0, 1, 0])}),
    ("grad_h = x\ngrad_h[~(h < 0)] = 0", {"h": X * (H < 0)}),
    # ... and commas, brackets or comparisons in the value
    ("grad_h = x\ngrad_h[h < 0] = max(x[0], 1)", {"h": np.where(H < 0, 3, X)}),
    ("grad_h = x\ngrad_h[h < 0] = where(h[0] == 1, 2, w[1])", {"h": np.where(H < 0, 4, X)}),
    ("grad_h = x\ngrad_h[h < 0] = (x > 0).detach()*0 + w[0]", None),
    ("grad_h = x\ngrad_h[maximum(h, 0) == 0] = 0", {"h": X * (H > 0)}),
    ("grad_x = where(x == 3, 1, 2)", {"x": np.where(X == 3, 1, 2)}),
    ("grad_x = x[0]*w", {"x": 3 * W}),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "values"), [b for b in BACKWARD if b[1]])
def test_a_backward_pass_is_read_line_by_line(lines, values):
    for claims in (lines, lines.splitlines(), tuple(lines.splitlines())):
        read = claimed(claims)
        assert {c.key: value(c) for c in read} == {n: list(v) for n, v in values.items()}
        assert {(c.key, c.variable, c.index, c.output) for c in read} == {
            (name, name, None, None) for name in values
        }


@pytest.mark.parametrize("lines", [b[0] for b in BACKWARD if not b[1]])
def test_unbalanced_brackets_and_a_condition_used_as_a_number_are_refused(lines):
    with pytest.raises(ExpressionError):
        claimed(lines)


def test_gradients_come_in_the_order_of_the_inputs():
    assert [c.key for c in claimed("grad_h = h\ngrad_x = x\ngrad_w = w")] == ["x", "w", "h"]


def test_a_backward_pass_may_use_the_definitions_of_the_expression():
    (claim,) = claimed("g = 2*b\ngrad_x = g*w", LET)
    assert value(claim) == (2 * (X * W + 1) * W).tolist()
    # and may define one of their names again, from that line on
    (claim,) = claimed("a = 3*x\ngrad_x = a + b", LET)
    assert value(claim) == (3 * X + X * W + 1).tolist()


def test_a_definition_of_the_expression_is_not_a_claim():
    let = {"grad_x": "x*w"}
    assert claimed({"w": "grad_x"}, let)[0].key == "w"
    with pytest.raises(UsageError, match="defines no gradient"):
        claimed("q = 1", let)
    assert [c.key for c in claimed("grad_w = grad_x", let)] == ["w"]
    assert [c.key for c in claimed("grad_x[x < 0] = 0\n", let)] == ["x"]


def test_an_item_of_a_list_may_have_several_lines():
    (claim,) = claimed(["grad_x = (x + # the first\n   2*w) # the second\n   "])
    assert value(claim) == (X + 2 * W).tolist()
    (claim,) = claimed(["grad_x = x # the first\n + 2*w"])
    assert value(claim) == (X + 2 * W).tolist()


@pytest.mark.parametrize(
    "claims", ["q = 1", "grad_q = 1", "gradx = 1", "# grad_x = 1", "  \n ", ["q = 1"], "grad = 1"]
)
def test_a_backward_pass_without_a_gradient_is_refused(claims):
    with pytest.raises(UsageError, match="claims: the backward pass defines no gradient") as caught:
        claimed(claims)
    assert caught.value.hint == "define grad_x or grad_w or grad_h"


@pytest.mark.parametrize(
    "line",
    [
        "grad_x", "grad_x =", "grad_x == 2", "= 2", "2 = 3", "grad_x += 2", "grad_x *= 2", "grad_x: float = 2",
        "grad_x[x < 0] += 1", "grad_x[x < 0] == 1", "grad_x[] = 1", "grad_x[x < 0 = 1", "grad_x.data = 1",
        "x, w = 1, 2", "return x", "_g = 1", "for i in x:", "grad_x -> 2", "2*x",
    ],
)  # fmt: skip
def test_a_line_that_is_not_a_definition_is_refused(line):
    with pytest.raises(UsageError) as caught:
        claimed(f"grad_w = 1\n{line}")
    assert caught.value.message == f"{line!r} is not a definition"
    assert caught.value.place.key == "claims"
    assert "claims = {" in caught.value.hint


LINES = [
    # lines, the start of the message
    ("grad_h[h < 0] = 0", "let grad_h: 'grad_h' is used before it is defined"),
    ("grad_x = grad_w\ngrad_w = 1", "let grad_x: 'grad_w' is used before it is defined"),
    ("x = 2*x\ngrad_x = x", "let x: 'x' is used before it is defined"),
    ("grad_x = y", "claim x: unknown variable 'y'"),
    ("g = y + 1\ngrad_x = g", "claim x: unknown variable 'y'"),
    ("grad_x = asb(x)", "let grad_x: unknown function 'asb' at column 1 (did you mean 'abs'?)"),
    ("grad_x = x +", "let grad_x: this is not an expression"),
    ("a = b = 2\ngrad_x = a", "let a: an equation is not an expression"),
    ("grad_x = 1; grad_w = 2", "let grad_x: ; has no meaning here"),
    ("grad_x = (y := 2)", "let grad_x: an assignment is not allowed in an expression"),
    ("grad_x = x == 2", "claim x: the expression is a condition, not a number"),
    ("pi = 2\ngrad_x = pi", "let pi: 'pi' is reserved"),
    ("grad_x = x[0] = 1", "let grad_x: this is not an expression"),
    # a gradient that is set somewhere
    ("grad_x = x\ngrad_x[0] = 5", "let grad_x: a condition is needed here, not a number"),
    ("grad_x = x\ngrad_x[:, 0] = 5", "let grad_x: this is not an expression"),
    ("grad_x = x\ngrad_x[x < 0, 1] = 0", "let grad_x: a tuple is not allowed in an expression"),
    ("grad_x = x\ngrad_x[x < 0] = 1, 2", "let grad_x: a tuple is not allowed in an expression"),
    ("grad_x = x\ngrad_x[x < 0] = x > 1", "let grad_x: a number is needed here, not a condition"),
    ("grad_x = x\ngrad_x[x < 0] = 0) * (2", "let grad_x: this bracket was not opened at column 2"),
    ("grad_x = x\ngrad_x[x < 0] = (0", "let grad_x: this bracket is not closed at column 1"),
    ("grad_x = x\ngrad_x[(x < 0] = 0)", "let grad_x: this bracket is not closed at column 1"),
    ("grad_x = x\ngrad_x[0][x < 0] = 0", "let grad_x: this bracket was not opened"),
    ("grad_x = x\ngrad_x[h < 0] = value=2", "let grad_x: this is not an expression"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "message"), LINES)
def test_a_line_that_cannot_be_read_is_refused_with_its_name(lines, message):
    with pytest.raises(ExpressionError) as caught:
        claimed(lines)
    assert str(caught.value).startswith(message)


def test_an_error_is_shown_with_a_caret():
    with pytest.raises(ExpressionError) as caught:
        claimed("grad_x = x\ngrad_w = 2*asb(x)")
    assert str(caught.value).splitlines()[1:] == ["    2*asb(x)", "      ^^^"]


HOSTILE = ["grad_x" * 2000, "grad_x = " + "(" * 5000, "grad_x[" + "x" * 5000, "a" + "[" * 3000 + "=",
           "grad_x = " + "]" * 5000, "\0", "grad_x = \x00", "grad_x = 9" + "9" * 5000, "[" * 9999]  # fmt: skip


@pytest.mark.parametrize("claims", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_lines_are_refused_with_a_short_message(claims):
    with pytest.raises(InputError) as caught:
        claimed(claims)
    assert len(caught.value.message) < 200
    with pytest.raises(InputError):
        claimed({claims: "1"})


def test_check_inputs_names_the_first_unknown_variable():
    check_inputs(parse("x*w"), ["x", "w", "q"])
    with pytest.raises(ExpressionError) as caught:
        check_inputs(parse("x*ww + z"), ["x", "w"])
    error = caught.value
    assert error.message == "unknown variable 'ww'"
    assert (error.place.text, error.place.start, error.place.end) == ("x*ww + z", 2, 4)
    assert error.hint == "did you mean 'w'?"


def test_a_reader_that_skips_lines_is_noticed(monkeypatch):
    # Negative control.
    from symdiff.request import claims as module

    real = module._definitions
    monkeypatch.setattr(module, "_definitions", lambda claims: real(claims)[-1:])
    read = claimed(["grad_x = 3*x", "grad_x = x"])
    assert [value(c) for c in read] == [X.tolist()]
    with pytest.raises(ExpressionError, match="unknown variable 'g'"):
        claimed("g = 2*x\ngrad_x = g + 1")
