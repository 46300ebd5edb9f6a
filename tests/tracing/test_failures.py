"""Exceptions of a user's function, and inputs that cannot be used: one clear line each."""

import traceback

import pytest
import torch
from torch import nn

import symdiff
from symdiff.errors import CallableError

D = torch.float64
X = torch.tensor([1.5, -2.0, 0.5], dtype=D)


def wrong_shapes(x):
    h = x @ torch.ones(2, dtype=D)
    return h.sin()


def raising(x):
    raise ValueError("not today\nand not tomorrow")


def missing_key(x):
    return {"a": x}["b"]


def further_inside(x):
    return wrong_shapes(x.exp())


def divided_by_zero(x):
    return x * (1 / (x.numel() - 3))


def writing_to_a_leaf(x):
    return x.mul_(2)


def without_a_row(x):
    return torch.fft.fft(x).abs() @ x[:2]


RAISING = [
    (wrong_shapes, 1, RuntimeError, "h = x @ torch.ones(2, dtype=D)"),
    (raising, 1, ValueError, "ValueError: not today"),
    (missing_key, 1, KeyError, "KeyError: 'b'"),
    (divided_by_zero, 1, ZeroDivisionError, "ZeroDivisionError: "),
    (writing_to_a_leaf, 1, RuntimeError, "(a leaf cannot be written to: work on a copy"),
    (without_a_row, 1, RuntimeError, "return torch.fft.fft(x).abs() @ x[:2]: RuntimeError: "),
]
DOORS = [
    lambda f: symdiff.trace(f, X),
    lambda f: symdiff.compare(f, values={"x": X}),
    lambda f: symdiff.explain(f, X),
    lambda f: symdiff.assert_derivatives(f, X),
]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("function", "line", "kind", "words"), RAISING)
def test_an_exception_is_reported_in_one_line_with_the_users(door, function, line, kind, words):
    with pytest.raises(CallableError) as raised:
        door(function)
    message = str(raised.value)
    assert f"test_failures.py:{function.__code__.co_firstlineno + line}: " in message
    assert words in message
    assert "\n" not in message
    assert isinstance(raised.value.__cause__, kind)


def test_the_innermost_line_is_named_and_the_cause_starts_in_the_persons_code():
    with pytest.raises(CallableError, match=r"test_failures.py:\d+: h = x @ torch") as raised:
        symdiff.compare(further_inside, values={"x": X})
    frames = traceback.extract_tb(raised.value.__cause__.__traceback__)
    assert frames[0].name == "further_inside"
    assert not any("symdiff/tracing" in frame.filename for frame in frames[:2])


def test_other_dtypes_have_a_remedy():
    with pytest.raises(CallableError, match=r"module.double\(\), or x.float\(\)"):
        symdiff.trace(nn.Linear(3, 3), X)


ARGUMENTS = [
    (("abs(x)", X), {}, "str is not a function or a module"),
    ((3, X), {}, "int is not a function or a module"),
    ((None,), {}, "NoneType is not a function or a module"),
    ((lambda x, y: x, X), {}, "missing a required argument: 'y'"),
    ((lambda x: x, X, X), {}, "too many positional arguments"),
    ((lambda x: x,), {"y": X}, "missing a required argument: 'x'"),
    ((torch.sin, X, X), {}, "takes 1 positional argument but 2 were given"),
    ((nn.Linear(3, 3).double(), X, X), {}, "too many positional arguments"),
    ((lambda x: x, 3.0), {}, "there is no tensor among the arguments"),
    ((torch.matmul, X, X[:2]), {}, "inconsistent tensor size"),
    ((lambda x: x.abs(), torch.complex(X, X)), {}, "x is of complex128"),
    ((lambda x: x[0].abs(), [torch.complex(X, X)]), {}, "x_0 is of complex128"),
    ((lambda x: x.sum(), torch.eye(3).to_sparse()), {}, "x is sparse"),
    ((lambda x: x.sum(), torch.ones(3, device="meta")), {}, "x is on the device meta"),
    ((nn.Linear(2, 2, dtype=torch.complex128), X), {}, "weight is of complex128"),
    ((lambda x: torch.complex(x, x), X), {}, "not a tensor of real numbers"),
    ((lambda x: (x, torch.complex(x, x)), X), {}, "not a tensor of real numbers"),
    ((lambda x: (x > 0).sum(), X), {}, "returned a tensor of torch.int64"),
    ((lambda x: x.sum().item(), X), {}, "returned float"),
    ((lambda x: None, X), {}, "returned NoneType"),
    ((lambda x: (1, 2), X), {}, "returned tuple"),
    ((lambda x: (v for v in x), X), {}, "returned generator"),
]


@pytest.mark.parametrize(("arguments", "keywords", "words"), ARGUMENTS)
def test_what_cannot_be_traced_is_refused_in_one_line(arguments, keywords, words):
    with pytest.raises(symdiff.InputError) as raised:
        symdiff.trace(*arguments, **keywords)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_complex_results_are_refused_without_a_trace_too():
    for function in (lambda x: torch.complex(x, x), lambda x: (x, torch.complex(x, x))):
        with pytest.raises(symdiff.InputError, match=r"a tensor of torch\.complex128"):
            symdiff.compare(function, values={"x": X})


def test_a_scripted_module_is_refused():
    with pytest.warns(DeprecationWarning, match=r"torch\.jit"):
        module = torch.jit.script(nn.Linear(3, 2).double())
    with pytest.raises(symdiff.InputError, match=r"is compiled by torch\.jit"):
        symdiff.trace(module, X)


def test_there_has_to_be_a_real_input():
    with pytest.raises(symdiff.InputError, match="no input of real numbers to differentiate by"):
        symdiff.compare(lambda i: i.double() ** 2, values={"i": torch.tensor([1, 2])})
