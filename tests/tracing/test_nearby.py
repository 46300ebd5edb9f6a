"""Where inputs nearby make another choice in Python, a trace has one side only, and is refused."""

import pytest
import torch

import symdiff
from symdiff.tracing.trace import trace

D = torch.float64
OFF_BORDER = torch.tensor([2.5, -1.25, 0.75], dtype=D)


def at(*numbers):
    return torch.tensor(numbers, dtype=D)


def every_one_positive(x):
    return x.sum() if (x > 0).all() else 2 * x.sum()


def any_positive(x):
    return x.sum() if torch.any(x > 0) else 2 * x.sum()


def negated_test(x):
    return 2 * x.sum() if ~(x[0] > 0) else x.sum()


def both_tests(x):
    return x.sum() if (x[0] > 0) & (x[1] < 1) else 2 * x.sum()


def number_as_a_test(x):
    return x * 5 if x.sum() else x * x


def python_number(x):
    return x * 2 if x[0].item() > 0 else x


def loop_over_numbers(x):
    h = x
    while h.abs().max().item() > 2:
        h = h / 2
    return h


def mask_reads(x):
    return x[x > 0].sum() * 2


def found_positions(x):
    return x[(x > 0).nonzero()[:, 0]].sum()


def sorted_by_positions(x):
    return x[x.argsort()] * torch.arange(3, dtype=D)


CASES = [
    # function, inputs on the border
    (lambda x: x[x.argmax()], at(2.0, 2.0, 1.0)),
    (lambda x: x.gather(0, x.sort().indices[:1]), at(2.0, 1.0, 1.0)),
    (lambda x: x[int(x.argmin())] ** 2, at(-1.0, -1.0, 1.0)),
    (sorted_by_positions, at(0.0, 1.0, 1.0)),
    (lambda x: x * x.long(), at(1.0, 2.5, 0.5)),
    (lambda x: x * x.int().double(), at(0.5, -3.0, 0.5)),
    (every_one_positive, at(0.0, 1.0, 1.0)),
    (any_positive, at(0.0, -1.0, -1.0)),
    (negated_test, at(0.0, 1.0, 1.0)),
    (both_tests, at(0.0, 0.5, 1.0)),
    (number_as_a_test, at(1.0, -1.0, 0.0)),
    (python_number, at(0.0, 1.0, 1.0)),
    (loop_over_numbers, at(2.0, 1.0, 0.5)),
    (mask_reads, at(0.0, 1.0, -1.0)),
    (found_positions, at(0.0, 1.0, -1.0)),
]


@pytest.mark.parametrize(("fn", "x"), CASES)
def test_a_trace_on_the_border_of_a_choice_is_refused_and_nothing_is_said_of_it(fn, x):
    with pytest.raises(symdiff.InputError, match="border of a choice"):
        trace(fn, x)
    records = list(symdiff.compare(fn, values={"x": x}, engines=["autograd"]).records())
    words = {r["verdict"] for r in records}
    assert "undecided" in words
    assert "wrong" not in words


@pytest.mark.parametrize(("fn", "x"), CASES)
def test_off_the_border_the_trace_holds_and_is_proved(fn, x):
    del x
    comparison = symdiff.compare(fn, values={"x": OFF_BORDER}, engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} == {"agrees"}


def caught(x):
    try:
        return torch.linalg.matrix_exp(x.outer(x))
    except Exception:  # noqa: BLE001  (people write this)
        return x * 1


def caught_and_raised_again(x):
    try:
        return torch.linalg.matrix_exp(x.outer(x))
    except Exception as error:
        message = "no transform"
        raise ValueError(message) from error


@pytest.mark.parametrize("fn", [caught, caught_and_raised_again])
def test_code_that_catches_the_refusal_of_a_call_is_not_traced_on_its_other_way(fn):
    with pytest.raises(symdiff.InputError, match=r"return torch.linalg.matrix_exp\("):
        trace(fn, OFF_BORDER)


def names_of_definitions(t1, c1, t2):
    a, b = torch.tensor([1.0, 2.0, 3.0], dtype=D), torch.tensor([4.0, 5.0, 6.0], dtype=D)
    return t1 * a * c1 + (t2 * b).exp()


def names_on_a_border(ta1, tb2, c1b):
    table = torch.tensor([1.0, 2.0, 3.0], dtype=D)
    return ta1 * tb2 + c1b * table if ta1.sum() > 0 else (ta1 - tb2) * (table + 1) * c1b


@pytest.mark.parametrize("fn", [names_of_definitions, names_on_a_border])
def test_inputs_may_have_the_names_of_definitions_and_constants(fn):
    x = at(1.0, -0.5, -0.5)
    program = trace(fn, x, OFF_BORDER, x + 1)
    assert torch.equal(program.function(*program.values.values()), fn(x, OFF_BORDER, x + 1))
    comparison = symdiff.compare(program, engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} <= {"agrees", "subgradient", "silent"}


def raises_on_one_side(x):
    if x.max().item() > 1:
        raise ValueError("too large")
    return x.sin().sum()


def test_an_exception_at_inputs_nearby_is_no_side_of_a_smooth_function():
    x = torch.tensor([1.0, 0.5], dtype=torch.float64)
    with pytest.raises(symdiff.InputError, match=r"nearby the function raises .*too large"):
        symdiff.trace(raises_on_one_side, x)
    assert symdiff.trace(raises_on_one_side, x - 0.25).text == "sum(sin(x))"
