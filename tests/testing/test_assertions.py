"""The message of assert_derivatives: what is wrong, both numbers, why, and lines that run."""

import functools
import re

import pytest
import torch
from torch import nn
from torch.autograd import Function

import symdiff
from symdiff.testing import assert_derivatives
from tests.tracing.custom_functions import D, function, tensor

X = tensor(1.0, 2.0)
W = tensor(3.0, 0.5)


class Bad(Function):
    """A product whose gradient with respect to the second factor is twice as large as it should be."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x * w

    @staticmethod
    def backward(ctx, gradient):
        x, w = ctx.saved_tensors
        return gradient * w, 2 * gradient * x


class BadWithSetup(Function):
    """A cube with the gradient of a square."""

    @staticmethod
    def forward(u):
        return u**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 2 * ctx.saved_tensors[0]


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(W.clone())

    def forward(self, x):
        return Bad.apply(x, self.scale)


class Owner:
    def method(self, x):
        return Bad.apply(x, x)


scaled = Scaled()
owner = Owner()
twice = lambda x: Bad.apply(x, x)  # noqa: E731  (a lambda with a name)
partial = functools.partial(Bad.apply, W)


def shifted(x):
    return x.square() + 1


def rooted(x, *, shift=0.0, parts=()):
    return (x * x + shift).sqrt() + sum(p.sum() for p in parts)


def failure(fn, *inputs, **keywords):
    with pytest.raises(AssertionError) as caught:
        assert_derivatives(fn, *inputs, **keywords)
    return str(caught.value)


def test_the_message_names_the_class_the_inputs_and_both_numbers():
    head, *lines = failure(Bad.apply, X, W).splitlines()
    assert head == "2 of 8 derivatives of Bad.apply by autograd do not pass"
    assert [line.split() for line in lines[:3]] == [
        ["output", "d/d", "autograd", "truth", "verdict"],
        ["[0]", "w[0]", "2", "1", "wrong"],
        ["[1]", "w[1]", "4", "2", "wrong"],
    ]
    assert re.fullmatch(r"  x \* w\[0\] \(test_assertions.py:\d+: return x \* w\).*", lines[3])


CALLS = [
    (Bad.apply, (X, W), {}),
    (BadWithSetup.apply, (X,), {}),
    (rooted, (tensor(0.0),), {}),
    (rooted, (tensor(0.0),), {"shift": 0.0, "parts": (tensor(1.0), tensor(2.0))}),
    (rooted, (tensor(0.0),), {"parts": [tensor(1.0)]}),
    (torch.abs, (tensor(0.0),), {"allow": ()}),
    (torch.nn.functional.relu, (tensor(0.0, 1.0),), {"allow": ["inexact"]}),
    (shifted, (X,), {"math": "x**2"}),
    (Bad.apply, (X, W), {"wrt": "w"}),
    (rooted, (torch.zeros(2, 1, dtype=torch.float32),), {}),
    (scaled, (X,), {"wrt": "parameters"}),
    (owner.method, (X,), {}),
    (twice, (X,), {}),
    (partial, (X,), {}),
]


@pytest.mark.parametrize(("fn", "inputs", "keywords"), CALLS)
def test_the_lines_run_and_fail_in_the_same_way(fn, inputs, keywords):
    message = failure(fn, *inputs, **keywords)
    _, _, lines = message.partition("To reproduce:\n")
    code = "\n".join(line.strip() for line in lines.splitlines())
    with pytest.raises(AssertionError) as again:
        exec(code, {})  # noqa: S102  (the lines that were written)
    assert str(again.value) == message


def test_what_cannot_be_imported_is_written_with_the_place_where_it_stands():
    message = failure(lambda x: Bad.apply(x, x), X)
    assert re.match(r"2 of 4 derivatives of the lambda of test_assertions.py:\d+ by", message)
    last = message.splitlines()[-1]
    assert re.search(
        r"assert_derivatives\(f, .*\)  # f: the lambda of test_assertions.py:\d+$", last
    )

    def local(x):
        return Bad.apply(x, x)

    last = failure(local, X).splitlines()[-1]
    assert re.search(r"assert_derivatives\(local, .*\)  # local of test_assertions.py:\d+$", last)
    last = failure(functools.partial(Bad.apply, X), W).splitlines()[-1]
    assert "assert_derivatives(f, " in last
    assert "Bad.apply of test_assertions.py" in last


def test_a_module_fails_by_its_parameter():
    message = failure(Scaled(), X)
    assert re.match(r"2 of 8 derivatives of Scaled of test_assertions.py:\d+ by autograd", message)
    assert "scale[0]" in message
    assert re.search(
        r"assert_derivatives\(f, .*\)  # f: Scaled of test_assertions.py:\d+$", message
    )
    assert_derivatives(Scaled(), X, wrt="x")
    assert "scale[1]" in failure(Scaled(), X, wrt="parameters")


def bessel(sign):
    """Return the Bessel function of order 0, which has no row, with a backward of this sign."""
    return function(
        torch.special.bessel_j0, lambda g, x: sign * g * torch.special.bessel_j1(x), "Bessel"
    )


def test_a_function_without_a_trace_is_judged_by_differences():
    assert_derivatives(bessel(-1), X)
    message = failure(bessel(1), X)
    assert message.startswith("3 of 3 derivatives of Bessel.apply")
    assert "by differences along a direction, without a proof" in message
    scaled = failure(lambda x, factor=2.0: factor * bessel(1)(x), X, factor=3.0)
    assert "x along v1" in scaled
    assert "factor=3.0" in scaled


def test_long_inputs_are_not_written_out():
    message = failure(lambda x: Bad.apply(x, x).sum(), torch.ones(41, dtype=D))
    assert "To reproduce" not in message
    assert "  and 31 more\n" in message


def test_the_worst_come_first_and_the_rest_is_counted():
    def several(x):
        return torch.cat([x[:1].abs(), Bad.apply(x, x)])

    lines = failure(several, torch.arange(0.0, 12.0, dtype=D), allow=()).splitlines()
    assert "wrong" in lines[2]
    assert lines[12] == "  and 2 more"


@pytest.mark.parametrize("allow", [("subgradient",), "subgradient", {"subgradient", "inexact"}])
def test_allowed_verdicts_pass(allow):
    assert_derivatives(torch.abs, tensor(0.0), allow=allow)


def test_one_sided_slopes_are_shown_at_a_kink():
    message = failure(torch.abs, tensor(0.0), allow=())
    assert message.splitlines()[2].split() == ["[0]", "x1[0]", "0", "-1", "|", "1", "subgradient"]


def test_a_formula_finds_a_wrong_value():
    assert_derivatives(shifted, X, math="x**2 + 1")
    message = failure(shifted, X, math="x**2")
    assert "its value at [0] is 2, and the formula's is 1" in message


REFUSED = [
    ({"order": 3}, "order cannot be 3 (1 or 2)"),
    ({"order": "1"}, "order cannot be '1' (1 or 2)"),
    (
        {"allow": ("subgradeint",)},
        "allow: unknown verdict 'subgradeint' (did you mean 'subgradient'?)",
    ),
    ({"allow": "x" * 50}, f"allow: unknown verdict '{'x' * 40}' "),
    ({"allow": [3]}, "allow: unknown verdict '3' "),
    ({"wrt": "y"}, "the function has no input 'y'"),
    ({"math": "x**"}, "expr"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_bad_arguments_are_refused_in_one_line(settings, message):
    with pytest.raises(symdiff.InputError) as caught:
        assert_derivatives(shifted, X, **settings)
    assert message in str(caught.value)


def test_an_input_of_no_tensor_is_refused():
    with pytest.raises(symdiff.InputError, match="there is no tensor among the arguments"):
        assert_derivatives(shifted, 1.0)


class TestThatAComparison:
    GOOD = symdiff.compare("relu(x)", {"x": [-1, 0, 1]})
    WRONG = symdiff.compare(Bad.apply, values={"x": X, "w": W})

    def test_is_true_only_where_nothing_is_wrong(self):
        assert self.GOOD
        assert self.GOOD.ok
        assert not self.WRONG
        assert not self.WRONG.ok

    def test_has_findings_the_gravest_first(self):
        assert self.GOOD.findings == ()
        verdicts = [(r["engine"], r["variable"], r["verdict"]) for r in self.WRONG.findings]
        assert verdicts == [("autograd", "w[0]", "wrong"), ("autograd", "w[1]", "wrong")]
        mixed = symdiff.compare(
            "x", values={"x": [1.0, 2.0]}, claims={"x": "0*x"}, engines=["autograd"]
        )
        assert {r["engine"] for r in mixed.findings} == {"claim"}

    def test_check_raises_with_the_tables(self):
        self.GOOD.check()
        with pytest.raises(AssertionError) as caught:
            self.WRONG.check()
        assert "wrong: autograd" in str(caught.value)
        assert "does not pass: Bad.apply" in str(caught.value)

    def test_has_a_short_repr(self):
        assert repr(self.GOOD) == "<Comparison of 'relu(x)': ok>"
        assert repr(self.WRONG) == "<Comparison of 'Bad.apply': 2 findings>"
        long = symdiff.compare("+".join(["x"] * 60), {"x": [1]})
        assert len(repr(long)) < 80

        one = symdiff.compare("abs(x)", {"x": [1]}, claims={"x": "2*x"})
        assert repr(one) == "<Comparison of 'abs(x)': 1 finding>"

    def test_of_files_counts_what_could_not_be_used(self, tmp_path):
        file = tmp_path / "two.txt"
        file.write_text("good: x\nbad: nosuch(x)\n")
        report = symdiff.compare_file(file)
        assert repr(report) == "<Report of 'good': 1 error>"
        assert not report
        with pytest.raises(AssertionError, match="unknown function 'nosuch'"):
            report.check()


class Square(torch.autograd.Function):
    """x**2 with a right backward that hides its dependence on x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x.detach() * g


def test_second_derivatives_are_asserted():
    x = torch.tensor([-1.0, 0.5, 2.0], dtype=torch.float64)
    assert_derivatives(lambda x: x * torch.sigmoid(x), x, order=2)
    assert_derivatives(Square.apply, x)
    with pytest.raises(AssertionError, match="derivatives of Square") as error:
        assert_derivatives(Square.apply, x, order=2)
    assert "x[0],x[0]" in str(error.value)
    assert "order=2" in str(error.value)
