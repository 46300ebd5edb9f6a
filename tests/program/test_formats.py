"""Names of formats: what is read, and what to type instead of other names."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch

import symdiff
from symdiff.errors import InputError, UsageError
from symdiff.program.formats import read_formats

READ = [
    ("float32", ("float32",)),
    ("float32, bfloat16", ("float32", "bfloat16")),
    (["float32", "bfloat16", "float32"], ("float32", "bfloat16")),
    ("torch.float32", ("float32",)),
    (torch.float32, ("float32",)),
    ([torch.float16, "torch.bfloat16"], ("float16", "bfloat16")),
    (torch.float8_e4m3fn, ("float8_e4m3fn",)),
    (np.float32, ("float32",)),
    (np.dtype("float16"), ("float16",)),
    (jnp.bfloat16, ("bfloat16",)),
]
REFUSED = [
    ("float8", "dtype cannot be 'float8' (write float8_e4m3fn or float8_e5m2)"),
    ("half", "dtype cannot be 'half' (write float16)"),
    ("bf16", "dtype cannot be 'bf16' (write bfloat16)"),
    ("autocast", "dtype cannot be 'autocast' (write autocast-bfloat16 or autocast-float16)"),
    ("flaot32", "dtype cannot be 'flaot32' (did you mean 'float32'?)"),
    ("int32", "dtype cannot be 'int32' (one of float64, "),
    (torch.int32, "dtype cannot be 'int32' (one of float64, "),
    (32, "dtype cannot be '32' (a list of formats, "),
    (None, "dtype cannot be 'None' (a list of formats, "),
    (["float32", ""], "dtype cannot be '' (one of float64, "),
]
COMPLEX = "complex numbers are out of scope, inputs and outputs are real"


@pytest.mark.parametrize(("given", "names"), READ, ids=str)
def test_a_format_is_a_name_or_a_dtype(given, names):
    assert read_formats("dtype", given) == names


@pytest.mark.parametrize(("given", "message"), REFUSED, ids=str)
def test_another_name_is_refused_with_what_to_type(given, message):
    with pytest.raises(UsageError) as error:
        read_formats("dtype", given)
    assert str(error.value).startswith(message)


def test_a_dtype_of_torch_is_an_option_of_the_library():
    report = symdiff.compare("x**2", at={"x": 1}, engines=["autograd"], dtype=torch.float32)
    assert [(r["engine"], r["dtype"]) for r in report.records()] == [
        ("autograd:float32", "float32")
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"dtype": torch.complex64},
        {"dtype": "complex128"},
        {"at": {"x": 1 + 2j}},
        {"at": {"x": [1, 2j]}},
        {"at": {"x": np.array([1j])}},
        {"values": {"x": [1, 2j]}},
        {"values": {"x": torch.tensor([1j])}},
    ],
    ids=str,
)
def test_complex_numbers_are_refused_in_a_clear_line(given):
    with pytest.raises(InputError, match=COMPLEX):
        symdiff.compare("sum(x)" if "values" in given else "x**2", **given)


@pytest.mark.parametrize("text", ["torch.complex(x, 0).abs()", "abs(fft.fft(x))", "x.conj()"])
def test_complex_functions_of_a_formula_are_refused_with_the_way_to_have_them(text):
    with pytest.raises(InputError, match=r"may stand inside a Python function alone"):
        symdiff.compare(text)
