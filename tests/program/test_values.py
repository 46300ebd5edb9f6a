"""Values of tensors: what is accepted, the numbers and the dtype, and the messages of refusals."""

import math

import numpy as np
import pytest
import torch

from symdiff.engines.base import TensorProblem
from symdiff.errors import UsageError
from symdiff.program import parse, values
from symdiff.program.values import (
    DTYPES,
    FLOATING_DTYPES,
    MAX_DIMENSIONS,
    MAX_SIZE,
    Dtype,
    Value,
    component_name,
    component_names,
    index_inputs,
    read_value,
    tensor_dtypes,
    uses_tensors,
)

ACCEPTED = [
    # data, numbers, dtype
    (3, 3.0, "float64"),
    (-2.5, -2.5, "float64"),
    ([1, 2.5], [1.0, 2.5], "float64"),
    ((1, 2), [1.0, 2.0], "float64"),
    ([[1, 2], (3, 4)], [[1.0, 2.0], [3.0, 4.0]], "float64"),
    ([[[1]], [[2]]], [[[1.0]], [[2.0]]], "float64"),
    ([-0.0], [-0.0], "float64"),
    ([1e308, 5e-324], [1e308, 5e-324], "float64"),
    (np.array([1.5, 2.5]), [1.5, 2.5], "float64"),
    (np.float64(1.5), 1.5, "float64"),
    (np.array([[1.5], [2.5]], dtype=np.float32), [[1.5], [2.5]], "float32"),
    (np.array([1.5], dtype=np.float16), [1.5], "float16"),
    (np.array([1, 2]), [1.0, 2.0], "int64"),
    (np.arange(6.0).reshape(2, 3).T, [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]], "float64"),
    (torch.tensor(2.5), 2.5, "float32"),
    (torch.tensor([1.5, 2.5], dtype=torch.float64, requires_grad=True), [1.5, 2.5], "float64"),
    (torch.tensor([[0.1]], dtype=torch.float16), [[0.0999755859375]], "float16"),
    (torch.tensor([1, 2]), [1.0, 2.0], "int64"),
    ({"data": [1, 2]}, [1.0, 2.0], "float64"),
    ({"data": [[0.1]], "dtype": "float32"}, [[0.10000000149011612]], "float32"),
    ({"data": [0.1], "dtype": "float16"}, [0.0999755859375], "float16"),
    ({"data": [65504], "dtype": "float16"}, [65504.0], "float16"),
    ({"data": [1, 2], "dtype": "int64"}, [1.0, 2.0], "int64"),
    ({"data": torch.tensor([1.5]), "dtype": "float64"}, [1.5], "float64"),
    ({"data": {"data": 2}}, 2.0, "float64"),
]


@pytest.mark.parametrize(("data", "numbers", "dtype"), ACCEPTED, ids=repr)
def test_a_value_is_read_with_its_dtype(data, numbers, dtype):
    value = read_value("w", data)
    assert value.array.tolist() == numbers
    assert value.array.dtype == np.float64
    assert value.dtype == dtype
    assert value.shape == np.shape(numbers)


def test_signs_of_zeros_are_kept():
    assert math.copysign(1.0, read_value("w", [-0.0]).array.item()) == -1.0


def test_a_value_is_a_copy_of_the_data():
    array, tensor = np.ones(2), torch.ones(2, dtype=torch.float64)
    values = [read_value("w", array), read_value("w", tensor)]
    array[0], tensor[0] = 7.0, 7.0
    assert [value.array.tolist() for value in values] == [[1.0, 1.0], [1.0, 1.0]]


def test_a_value_is_returned_unchanged():
    value = Value(np.ones(3), "float16")
    assert read_value("w", value) is value


@pytest.mark.parametrize(
    ("numbers", "integral"), [([1, -2.0, 0], True), ([1, 2.5], False), (3, True), (1e300, True)]
)
def test_values_know_whether_they_are_integral(numbers, integral):
    assert read_value("w", numbers).is_integral is integral


# -- random numbers


@pytest.mark.parametrize("shape", [[2, 3], (4,), [1, 1, 2], []])
@pytest.mark.parametrize("seed", [0, 7, 2**40])
def test_shape_and_seed_are_normal_random_numbers(shape, seed):
    expected = np.random.default_rng(seed).standard_normal(tuple(shape))
    value = read_value("w", {"shape": shape, "seed": seed})
    assert value.shape == tuple(shape)
    assert (value.array == expected).all()


def test_random_numbers_depend_on_the_seed_only():
    first, again, other = (
        read_value(name, {"shape": [50], "seed": seed}).array.tolist()
        for name, seed in (("w", 1), ("v", 1), ("w", 2))
    )
    assert first == again
    assert not set(first) & set(other)


def test_the_seed_defaults_to_0_and_the_scale_to_1():
    explicit = {"shape": [3], "seed": 0, "scale": 1.0, "dtype": "float64"}
    assert (read_value("w", {"shape": [3]}).array == read_value("w", explicit).array).all()


@pytest.mark.parametrize("scale", [0.1, 2, -1, 0])
def test_the_scale_is_a_factor(scale):
    plain, scaled = (
        read_value("w", {"shape": [2, 2], "seed": 3, **more}).array
        for more in ({}, {"scale": scale})
    )
    assert (scaled == plain * scale).all()


@pytest.mark.parametrize("dtype", tensor_dtypes())
def test_random_numbers_are_rounded_to_their_dtype(dtype):
    described = {"shape": [20], "seed": 3, "scale": 5}
    exact, value = read_value("w", described), read_value("w", {**described, "dtype": dtype})
    assert value.dtype == dtype
    assert (value.array == DTYPES[dtype].rounded(exact.array)).all()
    assert (value.array == exact.array).all() == (dtype == "float64")


@pytest.mark.parametrize("data", [[0.1, 1 / 3], {"shape": [4], "seed": 1}])
@pytest.mark.parametrize("dtype", tensor_dtypes())
def test_a_value_has_the_numbers_that_torch_has_in_its_dtype(data, dtype):
    described = data if isinstance(data, dict) else {"data": data}
    value = read_value("w", {**described, "dtype": dtype})
    tensor = torch.tensor(value.array).to(getattr(torch, dtype))
    assert tensor.double().tolist() == value.array.tolist()


# -- dtypes

AT_THE_ENDS = [2.0**k * m for k in (-1074, -1022, -150, -149, -127, -25, -24, 0) for m in (1, 1.5)]
AT_THE_ENDS += [3.4028235e38, 3.40282356e38, 3.4028236e38, 65504.0, 65519.9, 65520.0, 1e300]
FLOATING = [DTYPES[name] for name in FLOATING_DTYPES]


@pytest.mark.parametrize("dtype", FLOATING, ids=lambda dtype: dtype.name)
def test_a_dtype_rounds_as_numpy_and_torch_do(dtype):
    generator = np.random.default_rng(5)
    spread = generator.standard_normal(4000) * 2.0 ** generator.integers(-180, 180, 4000)
    numbers = np.concatenate([AT_THE_ENDS, np.negative(AT_THE_ENDS), [0.0, -0.0], spread])
    in_numpy = hasattr(np, dtype.name)
    if not in_numpy:  # torch rounds doubles to float32 first
        numbers = DTYPES["float32"].rounded(numbers)
    if dtype.name == "float8_e4m3fn":  # it has no infinities: torch gives 448 or NaN
        numbers = numbers[np.abs(numbers) <= dtype.largest]
    rounded = dtype.rounded(numbers)
    if in_numpy:
        with np.errstate(over="ignore"):
            assert rounded.tobytes() == numbers.astype(dtype.name).astype(float).tobytes()
    in_torch = torch.tensor(numbers).to(getattr(torch, dtype.name)).double()
    assert rounded.tobytes() == in_torch.numpy().tobytes()


@pytest.mark.parametrize("dtype", FLOATING, ids=lambda dtype: dtype.name)
def test_the_largest_doubles_become_infinite_without_a_warning(dtype):
    ends = np.array([1.7976931348623157e308, -np.inf, 1.7e308])
    with np.errstate(all="raise"):
        rounded = dtype.rounded(ends)
    assert np.isinf(rounded).all() == (dtype.name != "float64")


@pytest.mark.parametrize("dtype", FLOATING, ids=lambda dtype: dtype.name)
def test_a_unit_is_the_distance_to_the_next_number(dtype):
    numbers = dtype.rounded(np.array([0.0, 1.0, 1.5, 3.0, 200.0, dtype.smallest_normal / 2]))
    steps = dtype.units(numbers)
    assert (dtype.rounded(numbers + steps) == numbers + steps).all()
    assert (dtype.rounded(numbers + 0.49 * steps) == numbers).all()


@pytest.mark.parametrize("dtype", FLOATING, ids=lambda dtype: dtype.name)
def test_the_row_of_a_dtype_is_what_torch_says_of_it(dtype):
    said = torch.finfo(getattr(torch, dtype.name))
    assert said.eps == 2.0 ** (1 - dtype.bits)
    assert said.tiny == dtype.smallest_normal
    assert said.max == dtype.largest
    assert dtype.smallest_subnormal == dtype.smallest_normal * said.eps


@pytest.mark.parametrize(
    ("number", "flushed"),
    [
        (5e-324, 0.0),
        (-1e-310, -0.0),
        (2.0**-1022, 2.0**-1022),
        (-(2.0**-1022), -(2.0**-1022)),
        (0.1, 0.1),
    ],
)
def test_a_dtype_without_subnormals_has_0_in_their_place(number, flushed):
    rounded = DTYPES["float64 without subnormals"].rounded(np.array([number]))
    assert rounded.tobytes() == np.array([flushed]).tobytes()


def test_a_dtype_of_engines_alone_is_not_one_of_tensors():
    with pytest.raises(UsageError, match="unknown dtype 'float64 without subnormals'"):
        read_value("x", {"data": [1.0], "dtype": "float64 without subnormals"})


def test_a_dtype_without_a_row_is_an_error_and_never_taken_for_float64():
    planted = {"x": Value(np.ones(2)), "y": Value(np.ones(2), "int32")}
    problem = TensorProblem(parse("x + y"), planted)
    with pytest.raises(KeyError, match="int32"):
        _ = problem.dtype


def test_a_new_dtype_is_one_row(monkeypatch):
    row = Dtype("float8_e5m2", 3, 2.0**-14, 2.0**-16)
    monkeypatch.setattr(values, "DTYPES", {**DTYPES, row.name: row})
    value = read_value("x", {"data": [0.1, 3.0], "dtype": "float8_e5m2"})
    assert value.array.tolist() == [0.09375, 3.0]
    with pytest.raises(UsageError, match="too large for float8_e5m2"):
        read_value("x", {"data": [1e5], "dtype": "float8_e5m2"})


def test_bfloat16_has_8_bits_and_the_range_of_float32():
    value = read_value("x", {"data": [0.1, 3.0, 1e38], "dtype": "bfloat16"})
    assert value.array.tolist() == torch.tensor([0.1, 3.0, 1e38]).bfloat16().tolist()
    with pytest.raises(UsageError, match="too large for bfloat16"):
        read_value("x", {"data": [1e39], "dtype": "bfloat16"})


# -- refusals

NO_NUMBERS = "the lists have different lengths, or an item is not a number"
NO_SHAPE = "shape must be a list of positive integers"
NO_SEED = "seed must be an integer of at least 0"
NOT_A_NUMBER = "a component is not a number"
TOO_DEEP = f"more than {MAX_DIMENSIONS} nested lists"
EMPTY = f"a tensor must have 1 to {MAX_SIZE} components, not 0"


def nested(depth):
    data = 1.0
    for _ in range(depth):
        data = [data]
    return data


COMPLEX = ": complex numbers are out of scope, inputs and outputs are real"
REFUSED = [
    # ragged
    ([[1, 2], [3]], NO_NUMBERS),
    ([1, [2]], NO_NUMBERS),
    ({"data": [[1], [2, 3]]}, NO_NUMBERS),
    # NaN
    (math.nan, NOT_A_NUMBER),
    ([1, math.nan], NOT_A_NUMBER),
    (np.array([1.0, np.nan]), NOT_A_NUMBER),
    (torch.tensor([math.nan]), NOT_A_NUMBER),
    ({"data": [math.nan]}, NOT_A_NUMBER),
    # not numbers
    (True, "'True' is not a number"),
    ([1, False], "'False' is not a number"),
    ("abc", "'abc' is not a number"),
    ([[1], ["a"]], "'a' is not a number"),
    (None, "'None' is not a number"),
    ([1, None], "'None' is not a number"),
    ([1 + 2j], f"(1+2j){COMPLEX}"),
    ("9" * 100, f"'{'9' * 40}' is not a number"),
    (np.array(["a"]), "an array of dtype <U1 does not contain real numbers"),
    (np.array([True]), "an array of dtype bool does not contain real numbers"),
    ([np.True_], "'True' is not a number"),
    # empty
    ([], EMPTY),
    ([[], []], EMPTY),
    (np.ones((2, 0)), EMPTY),
    # too deep
    (nested(MAX_DIMENSIONS + 1), TOO_DEEP),
    (nested(5_000), TOO_DEEP),
    ({"data": nested(MAX_DIMENSIONS + 1)}, TOO_DEEP),
    # too large
    ([10**400], "a number is too large for a double"),
    ([1, -(10**400)], "a number is too large for a double"),
    (np.broadcast_to(1.0, (MAX_SIZE + 1,)), f"a tensor must have 1 to {MAX_SIZE} components, not {MAX_SIZE + 1}"),
    ({"shape": [MAX_SIZE + 1]}, f"the shape [{MAX_SIZE + 1}] is too large: at most {MAX_SIZE} components and {MAX_DIMENSIONS} dimensions"),
    ({"shape": [10**5, 10**5]}, f"the shape [100000, 100000] is too large: at most {MAX_SIZE} components and {MAX_DIMENSIONS} dimensions"),
    ({"shape": [1] * 100}, f"the shape {[1] * 9} is too large: at most {MAX_SIZE} components and {MAX_DIMENSIONS} dimensions"),
    # a shape
    ({}, NO_SHAPE),
    ({"seed": 1}, NO_SHAPE),
    ({"shape": 3}, NO_SHAPE),
    ({"shape": "23"}, NO_SHAPE),
    ({"shape": [2, 0]}, NO_SHAPE),
    ({"shape": [-1]}, NO_SHAPE),
    ({"shape": [2.0]}, NO_SHAPE),
    ({"shape": [True]}, NO_SHAPE),
    ({"shape": [[2]]}, NO_SHAPE),
    # a seed, a scale
    ({"shape": [2], "seed": -1}, NO_SEED),
    ({"shape": [2], "seed": 1.0}, NO_SEED),
    ({"shape": [2], "seed": True}, NO_SEED),
    ({"shape": [2], "seed": "1"}, NO_SEED),
    ({"shape": [2], "scale": "a"}, "scale must be a number between -1e+300 and 1e+300"),
    ({"shape": [2], "scale": math.inf}, "scale must be a number between -1e+300 and 1e+300"),
    ({"shape": [2], "scale": None}, "scale must be a number between -1e+300 and 1e+300"),
    ({"shape": [2], "scale": True}, "scale must be a number between -1e+300 and 1e+300"),
    ({"shape": [2], "scale": 10**400}, "scale must be a number between -1e+300 and 1e+300"),
    ({"shape": [2], "scale": 1.5e308}, "scale must be a number between -1e+300 and 1e+300"),
    # keys
    ({"shape": [2], "sede": 1}, "unknown key 'sede'"),
    ({"data": [1], "shape": [1]}, "unknown key 'shape'"),
    ({"data": [1], "seed": 1}, "unknown key 'seed'"),
    ({"shape": [2], 5: 1}, "unknown key '5'"),
    ({"shape": [2], "k" * 100: 1}, f"unknown key '{'k' * 40}'"),
    # dtypes
    ({"shape": [2], "dtype": "float"}, "unknown dtype 'float'"),
    ({"data": [1], "dtype": "complex64"}, f"complex64{COMPLEX}"),
    ({"shape": [1], "dtype": "complex128"}, f"complex128{COMPLEX}"),
    (torch.ones(2, dtype=torch.complex64), f"complex64{COMPLEX}"),
    (np.ones(2) * 1j, f"complex128{COMPLEX}"),
    ({"data": [1], "dtype": 64}, "unknown dtype '64'"),
    ({"data": [1], "dtype": ["float64"]}, "unknown dtype \"['float64']\""),
    (np.ones(2, dtype=np.int32), "an array of dtype int32 cannot be the value of a tensor"),
    (np.ones(2, dtype=np.uint8), "an array of dtype uint8 cannot be the value of a tensor"),
    (torch.ones(2).to(torch.float8_e5m2fnuz), "unknown dtype 'float8_e5m2fnuz'"),
    (torch.ones(2, dtype=torch.bool), "unknown dtype 'bool'"),
    (np.ones((1,) * 9), "more than 8 dimensions"),
    # too large for the dtype
    ({"data": [1e300], "dtype": "int64"}, "an integer is larger than 9007199254740992"),
    ({"data": [1.0, 65520.0], "dtype": "float16"}, "a component is too large for float16"),
    ({"data": [-1e39], "dtype": "float32"}, "a component is too large for float32"),
    ({"shape": [50], "scale": 1e5, "dtype": "float16"}, "a component is too large for float16"),
]  # fmt: skip


def test_a_list_may_contain_numpy_numbers():
    assert read_value("w", [np.int64(1), np.float32(2)]).array.tolist() == [1, 2]


def test_data_in_a_mapping_keeps_its_dtype():
    assert read_value("w", {"data": torch.ones(2)}).dtype == "float32"


def refusal(data):
    with pytest.raises(UsageError) as caught:
        read_value("w", data)
    return caught.value


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_infinities_are_values_of_every_floating_dtype(dtype):
    value = read_value("m", {"data": [0.0, -math.inf, math.inf], "dtype": dtype})
    assert value.array.tolist() == [0.0, -math.inf, math.inf]


@pytest.mark.parametrize(("data", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_invalid_data_is_refused(data, message):
    error = refusal(data)
    assert error.message == message
    assert error.hint
    assert str(error).startswith(f"values w: {message} (")


def test_a_long_name_is_shortened_in_a_message():
    with pytest.raises(UsageError, match=f"^values {'w' * 40}: 'True' is not a number"):
        read_value("w" * 300, True)  # noqa: FBT003  (a value)


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        ({"shape": [2], "sede": 1}, "did you mean 'seed'?"),
        ({"shape": [2], "scael": 1}, "did you mean 'scale'?"),
        ({"dat": [2], "shape": [1]}, "did you mean 'data'?"),
        ([[1, 2], [3]], "w = [[1, 2], [3, 4]], or w = { shape = [64, 10], seed = 0 }"),
        ({"shape": [2], "scale": "a"}, "x = { shape = [2], seed = 0, scale = 0.1 }"),
    ],
)
def test_a_refusal_says_what_to_type(data, hint):
    assert refusal(data).hint == hint


def test_a_missing_check_is_noticed(monkeypatch):
    # Negative control: without the check of the nesting, True is accepted.
    monkeypatch.setattr(values, "_check_nesting", lambda data: None)
    with pytest.raises(pytest.fail.Exception):
        refusal(True)  # noqa: FBT003  (a value)


# -- programs


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cross_entropy(z, t)", {"t"}),
        ("nll_loss(log_softmax(z, 1), target=k) + x", {"k"}),
        ("gather(x, 1, index=i) + index_select(x, 0, j).sum()", {"i", "j"}),
        ("one_hot(i, 3) @ one_hot([0, 1], 2)", {"i"}),
        ("cross_entropy(z, [0, 2])", set()),
        ("x @ w + x[0]", set()),
        ("x*t", set()),
        ("cross_entropy(z, t) + t.sum()", {"t"}),
    ],
)
def test_inputs_that_are_indices_are_found(text, names):
    assert index_inputs(parse(text)) == names


def test_indices_in_a_definition_are_found_if_it_is_used():
    definitions = {"loss": "cross_entropy(z, t)"}
    assert index_inputs(parse("2*loss", definitions=definitions)) == {"t"}
    assert index_inputs(parse("2*z", definitions=definitions)) == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("relu(x)*y + 1", False),
        ("max(x, y)", False),
        ("x if x > 0 else 2", False),
        ("x", False),
        ("max(x)", True),
        ("x @ w", True),
        ("relu(x).sum()", True),
        ("x[0]", True),
        ("x.T + 1", True),
        ("[x, y]", True),
        ("x.detach()", False),
    ],
)
def test_programs_on_tensors_are_distinguished_from_those_on_numbers(text, expected):
    assert uses_tensors(parse(text)) is expected


def test_a_definition_on_tensors_counts_if_it_is_used():
    definitions = {"h": "x.sum()"}
    assert uses_tensors(parse("h + 1", definitions=definitions)) is True
    assert uses_tensors(parse("x + 1", definitions=definitions)) is False


# -- names of components


@pytest.mark.parametrize(
    ("name", "multi_index", "expected"),
    [
        ("w1", (2, 1), "w1[2,1]"),
        ("x", [0], "x[0]"),
        ("x", (10, 0, 3), "x[10,0,3]"),
        ("c", (), "c"),
        ("", (1,), "[1]"),
    ],
)
def test_a_component_is_named_by_its_multi_index(name, multi_index, expected):
    assert component_name(name, multi_index) == expected


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((), ["x"]),
        ((3,), ["x[0]", "x[1]", "x[2]"]),
        ((2, 2), ["x[0,0]", "x[0,1]", "x[1,0]", "x[1,1]"]),
        ((1, 2, 1), ["x[0,0,0]", "x[0,1,0]"]),
    ],
)
def test_components_are_named_in_row_major_order(shape, expected):
    assert list(component_names("x", shape)) == expected


def test_names_of_components_are_unique():
    shape = (11, 12)
    names = list(component_names("x", shape))
    assert len(set(names)) == len(names) == math.prod(shape)
