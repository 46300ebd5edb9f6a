"""Tensor programs written out: a scalar program for each component, with its place in the text."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from symdiff.arithmetics.arrays import evaluate, evaluate_tensor
from symdiff.arithmetics.components import components
from symdiff.arithmetics.components.components import (
    MAX_NODES,
    TooLargeError,
    along,
    literals,
    variables,
    write_out,
)
from symdiff.arithmetics.reading import read
from symdiff.arithmetics.series.reals import Real
from symdiff.arithmetics.tensors import TENSORS
from symdiff.catalogue import CATALOGUE
from symdiff.program import Call, Input, Literal, parse
from symdiff.program import values as names
from symdiff.program.nodes import Builder
from symdiff.truth.gradient import smooth_gradient

CLOSE = 1e-12


def arrays(seed, **shapes):
    rng = np.random.default_rng(seed)
    return {name: np.asarray(rng.normal(size=shape)) for name, shape in shapes.items()}


def shapes_of(values):
    return {name: array.shape for name, array in values.items()}


def coordinates(values):
    return {
        component: float(number)
        for name, array in values.items()
        for component, number in zip(
            names.component_names(name, array.shape), array.reshape(-1), strict=True
        )
    }


def value_at(program, numbers):
    return float(evaluate(program, {n: np.float64(numbers[n]) for n in program.inputs}))


def spelled(program, node=None):
    """Return a scalar program as text, with calls as name(...)."""
    root = program.nodes[program.output if node is None else node]
    if isinstance(root, Call):
        return f"{root.function}({', '.join(spelled(program, a) for a in root.operands)})"
    return root.name if isinstance(root, Input) else repr(root.value)


# -- writing out

WRITTEN = [
    # text, shapes, multi-index, the component as a scalar program
    ("x + y", {"x": (2,), "y": ()}, (1,), "add(x[1], y)"),
    ("x + y", {"x": (2, 1), "y": (3,)}, (1, 2), "add(x[1,0], y[2])"),
    ("x.T", {"x": (2, 3)}, (2, 0), "x[0,2]"),
    ("x[1:, None]", {"x": (3,)}, (1, 0), "x[2]"),
    ("x @ y", {"x": (1, 2), "y": (2, 2)}, (0, 1), "add(multiply(x[0,0], y[0,1]), multiply(x[0,1], y[1,1]))"),
    ("x.sum()", {"x": (3,)}, (), "add(add(x[0], x[1]), x[2])"),
    ("x.sum()", {"x": (4,)}, (), "add(add(x[0], x[2]), add(x[1], x[3]))"),
    ("x.sum()", {"x": ()}, (), "x"),
    ("x.mean(0)", {"x": (2, 2)}, (1,), "divide(add(x[0,1], x[1,1]), 2)"),
    ("relu(x)*pi", {"x": (2,)}, (0,), None),
    ("x.amax()", {"x": (3,)}, (), "maximum(maximum(x[0], x[1]), x[2])"),
    ("x.norm(1)", {"x": (2,)}, (), "add(abs(x[0]), abs(x[1]))"),
    ("[x, 2*x]", {"x": ()}, (1,), "multiply(2, x)"),
    ("gelu(x, approximate='tanh')", {"x": (1,)}, (0,), "gelu(x[0], 'tanh')"),
    ("gather(x, 0, [1, 0])", {"x": (2,)}, (0,), "x[1]"),
    ("x.detach()", {"x": (2,)}, (1,), "detach(x[1])"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shapes", "index", "expected"), WRITTEN)
def test_a_component_is_a_scalar_program(text, shapes, index, expected):
    component = write_out(parse(text), variables(shapes)).at(index)
    if expected is None:
        assert isinstance(component.nodes[component.output], Call)
    else:
        assert spelled(component) == expected


def test_a_component_has_only_the_variables_that_it_depends_on():
    written = write_out(parse("relu(x @ w)"), variables({"x": (2,), "w": (2, 3)}))
    assert written.output.shape == (3,)
    assert [written.at((k,)).inputs for k in range(3)] == [
        ("x[0]", "x[1]", f"w[0,{k}]", f"w[1,{k}]") for k in range(3)
    ]


@pytest.mark.parametrize(
    ("text", "shapes", "count"),
    [
        ("x.expand(50, 40) + 1", {"x": ()}, 1),
        ("x + x.T", {"x": (3, 3)}, 9),  # x + y and y + x are different nodes
        ("x*ones_like(x)", {"x": (4,)}, 4),
        ("stack([x, x, -x])", {"x": (2,)}, 4),
    ],
)
def test_equal_components_share_a_node(text, shapes, count):
    output = write_out(parse(text), variables(shapes)).output
    assert len(set(output.reshape(-1).tolist())) == count


INTEGERS = np.array([[1, 0, 1], [0, 0, 1]])


def test_integer_indices_do_not_become_variables():
    written = write_out(parse("gather(x, 0, i).sum(1)"), variables({"x": (2, 3)}), {"i": INTEGERS})
    assert [spelled(written.at((k,))) for k in range(2)] == [
        "add(add(x[1,0], x[0,1]), x[1,2])",
        "add(add(x[0,0], x[0,1]), x[1,2])",
    ]


VALUES = arrays(1, x=(2, 3), w=(3, 2), b=(2,), c=())
EVALUATED = [
    "x @ w + b",
    "softmax(relu(x @ w + b), dim=1)*c",
    "(x - x.mean(1, keepdim=True))/x.std(1, keepdim=True)",
    "where(x > 0, x, 0.1*x).norm(dim=0)",
    "x.flatten().cumsum(0).reshape(2, 3)[:, ::2] @ b.diag()",
    "c if c > 0 else -c",
    "cross_entropy(x @ w, [1, 0])",
]


def components_of(text, values):
    written = write_out(parse(text), variables(shapes_of(values)))
    numbers = coordinates(values)
    array = np.empty(written.output.shape)
    for index in np.ndindex(array.shape):
        array[index] = value_at(written.at(index), numbers)
    return array


def used(text):
    return {n: VALUES[n] for n in parse(text).inputs}


@pytest.mark.parametrize("text", EVALUATED)
def test_the_components_have_the_values_that_numpy_computes(text):
    expected = evaluate_tensor(parse(text), used(text))
    assert components_of(text, used(text)) == pytest.approx(expected, rel=CLOSE, abs=CLOSE)


def test_components_in_a_wrong_position_are_noticed(monkeypatch):
    # Negative control: a transpose that does nothing.
    row = dataclasses.replace(CATALOGUE["transpose_all"], array=lambda a, x: x)
    monkeypatch.setattr(components, "CATALOGUE", {**CATALOGUE, "transpose_all": row})
    x = np.arange(9.0).reshape(3, 3)
    value = components_of("x.T - 1", {"x": x})
    assert (value == x - 1).all()
    assert not (value == x.T - 1).all()


# -- inputs


def names_of(inputs, name):
    builder = Builder()
    nodes = inputs(builder, name)
    programs = [builder.program(int(n), ()) for n in nodes.reshape(-1)]
    return nodes.shape, [spelled(program) for program in programs]


@pytest.mark.parametrize(
    ("shape", "parts"),
    [
        ((), ["x"]),
        ((2,), ["x[0]", "x[1]"]),
        ((2, 2), ["x[0,0]", "x[0,1]", "x[1,0]", "x[1,1]"]),
        ((1, 2, 1), ["x[0,0,0]", "x[0,1,0]"]),
    ],
)
def test_variables_are_the_components_in_order(shape, parts):
    assert names_of(variables({"x": shape}), "x") == (shape, parts)


def test_literals_are_the_numbers_and_an_input_without_numbers_is_a_variable():
    inputs = literals({"x": np.array([[1.0, -0.0], [0.1, 0.0]])})
    assert names_of(inputs, "x") == ((2, 2), ["1.0", "-0.0", "0.1", "0.0"])
    assert names_of(inputs, "t") == ((), ["t"])
    total = write_out(parse("(x*t).sum()"), inputs).at(())
    assert total.inputs == ("t",)
    assert value_at(total, {"t": 2.0}) == pytest.approx(2.2)


def test_one_variable_moves_an_input_along_its_tangent():
    tangent = {"x": np.array([0.0, 1.0, -0.5])}
    inputs = along(variables({"x": (3,), "y": (2,)}), tangent, "t")
    moved = ["x[0]", "add(x[1], t)", "add(x[2], multiply(-0.5, t))"]
    assert names_of(inputs, "x") == ((3,), moved)
    # An input without a tangent does not move.
    assert names_of(inputs, "y") == ((2,), ["y[0]", "y[1]"])


def test_one_variable_moves_literals_along_their_tangent():
    inputs = along(literals({"x": np.array([3.0, 4.0])}), {"x": np.array([1.0, 2.0])}, "t")
    norm = write_out(parse("x.norm()"), inputs).at(())
    assert norm.inputs == ("t",)
    assert value_at(norm, {"t": 0.5}) == pytest.approx(math.hypot(3.5, 5.0), rel=CLOSE)
    # The derivative of |(3 + t, 4 + 2t)| at 0 is 11/5.
    assert smooth_gradient(norm, ["t"], {"t": Real.of(0)}) == {"t": 2.2}


TEXT_OF_LAYERS = "log_softmax(tanh(x @ w) @ v + b, dim=1)"
LAYERS = arrays(2, x=(3, 2), w=(2, 4), v=(4, 3), b=(3,))
TANGENT = arrays(3, w=(2, 4), b=(3,))


def test_the_slope_along_a_tangent_agrees_with_torch():
    assert slopes_along(TANGENT) == pytest.approx(torch_slopes(TANGENT), rel=CLOSE, abs=CLOSE)


def test_the_slope_along_a_wrong_tangent_is_noticed():
    # Negative control: one component of the tangent is off by a millionth.
    other = {**TANGENT, "b": TANGENT["b"] * [1, 1, 1 + 1e-6]}
    assert slopes_along(other) != pytest.approx(torch_slopes(TANGENT), rel=CLOSE, abs=CLOSE)


def slopes_along(tangent):
    written = write_out(parse(TEXT_OF_LAYERS), along(literals(LAYERS), tangent, "t"))
    slopes = np.empty(written.output.shape)
    for index in np.ndindex(slopes.shape):
        slopes[index] = smooth_gradient(written.at(index), ["t"], {"t": Real.of(0)})["t"]
    return slopes


def torch_slopes(tangent):
    leaves = {n: torch.tensor(a, requires_grad=n in tangent) for n, a in LAYERS.items()}
    value = read(parse(TEXT_OF_LAYERS), TENSORS, leaves)
    slopes = np.empty(value.shape)
    for index in np.ndindex(slopes.shape):
        moving = [leaves[n] for n in tangent]
        gradients = torch.autograd.grad(value[index], moving, retain_graph=True)
        slopes[index] = sum(
            float((gradient * torch.tensor(tangent[n])).sum())
            for n, gradient in zip(tangent, gradients, strict=True)
        )
    return slopes


# -- sums with weights


def weighted(text, values, weights):
    written = write_out(parse(text), variables(shapes_of(values)))
    return written.weighted([(np.asarray(array), count) for array, count in weights])


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([([1.0, 2.0, 3.0], 1)], "add(add(multiply(1.0, x[0]), multiply(2.0, x[1])), multiply(3.0, x[2]))"),
        # a component with weight 0 is left out
        ([([0.0, 0.5, 0.0], 1)], "multiply(0.5, x[1])"),
        ([([0.0, -0.0, 0.0], 7)], "0"),
        ([], "0"),
        # a sum that counts several times is added once
        ([([0.0, 1.0, 0.0], 3)], "multiply(3, multiply(1.0, x[1]))"),
        ([([1.0, 0.0, 0.0], 1), ([0.0, 0.0, 2.0], 2)], "add(multiply(1.0, x[0]), multiply(2, multiply(2.0, x[2])))"),
        ([([0.0, 0.0, 0.0], 2), ([0.0, 0.0, 2.0], 1)], "multiply(2.0, x[2])"),
    ],
)  # fmt: skip
def test_components_are_added_with_weights(weights, expected):
    assert spelled(weighted("x", {"x": np.zeros(3)}, weights)) == expected


def test_an_undefined_component_with_weight_0_does_not_matter():
    x = np.array([-1.0, 2.0])
    numbers = coordinates({"x": x})
    assert value_at(weighted("log(x)", {"x": x}, [([0.0, 3.0], 1)]), numbers) == 3 * math.log(2)
    assert math.isnan(value_at(weighted("log(x)", {"x": x}, [([1.0, 3.0], 1)]), numbers))


def test_a_value_that_is_a_number_is_weighted_too():
    program = weighted("x.sum()", {"x": np.zeros(2)}, [(2.5, 1), (1.0, 3)])
    assert value_at(program, {"x[0]": 1.0, "x[1]": 2.0}) == 2.5 * 3 + 3 * 3


def test_the_gradient_with_weights_agrees_with_torch_after_several_backward_passes():
    text = "relu(x @ w + b)"
    passes = [(arrays(seed, y=(2, 2))["y"], count) for seed, count in ((4, 1), (5, 3))]
    leaves = {n: torch.tensor(a, requires_grad=True) for n, a in used(text).items()}
    for weights, count in passes:
        for _ in range(count):
            read(parse(text), TENSORS, leaves).backward(torch.tensor(weights))
    gradient = gradient_of(weighted(text, used(text), passes), used(text))
    expected = coordinates({n: leaf.grad.numpy() for n, leaf in leaves.items()})
    assert gradient == pytest.approx(expected, rel=CLOSE, abs=CLOSE)


def gradient_of(program, values):
    numbers = coordinates(values)
    return smooth_gradient(program, list(numbers), {n: Real.of(v) for n, v in numbers.items()})


# -- sizes


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("x.sum()", {"x": (MAX_NODES + 1,)}),
        ("x.sum()", {"x": (201, 200)}),
        ("x @ w", {"x": (40, 40), "w": (40, 40)}),
        ("x @ w", {"x": (64, 1000), "w": (1000, 100)}),
        ("x[:, None]*x", {"x": (210,)}),
        ("x.expand(5000, 2000) + 1", {"x": ()}),  # refused before any component is written
        ("x @ y", {"x": (2, 2), "y": (10000, 2, 2)}),
    ],
)
def test_too_large_a_program_is_refused(text, shapes):
    with pytest.raises(TooLargeError):
        write_out(parse(text), variables(shapes))


def test_too_many_numbers_are_refused():
    with pytest.raises(TooLargeError):
        write_out(parse("x.sum()"), literals({"x": np.ones(MAX_NODES + 1)}))


def test_a_large_program_up_to_the_limit_is_written_out():
    # Negative control of the refusals.
    written = write_out(parse("x"), variables({"x": (200, 200)}))
    assert written.output.shape == (200, 200) and len(written.builder.nodes) == MAX_NODES
    written = write_out(parse("x @ w"), variables({"x": (20, 20), "w": (20, 20)}))
    assert len(written.builder.nodes) == 800 + 8000 + 7600


# -- places in the text


def places_of(text, shapes, definitions=None):
    """Return a program written out, and its nodes as a Program that knows their places."""
    written = write_out(parse(text, definitions=definitions), variables(shapes))
    program = written.builder.program(int(written.output.reshape(-1)[0]), written.program.sources)
    return written, program


def test_a_component_is_named_with_its_place_in_the_text():
    written, program = places_of("relu(x @ w)", {"x": (2, 2), "w": (2, 2)})
    assert [program.place(int(n)) for n in written.output.reshape(-1)] == [
        "relu(x @ w)[0,0] (expr, column 1)",
        "relu(x @ w)[0,1] (expr, column 1)",
        "relu(x @ w)[1,0] (expr, column 1)",
        "relu(x @ w)[1,1] (expr, column 1)",
    ]
    (inner,) = written.at((0, 1)).nodes[int(written.output[0, 1])].operands
    assert program.place(inner) == "x @ w[0,1] (expr, column 6)"


def test_a_number_is_named_without_brackets():
    written, program = places_of("1 + x.sum()", {"x": (3,)})
    assert program.place(int(written.output)) == "1 + x.sum() (expr, column 1)"


def test_a_component_of_a_definition_is_named_where_it_is_defined():
    written, program = places_of("h*2", {"x": (2,)}, {"h": "exp(x)"})
    (inner, two) = program.nodes[int(written.output[1])].operands
    assert program.place(inner) == "exp(x)[1] (let h, column 1)"
    assert program.place(two) == "2 (expr, column 3)"


def test_nodes_that_the_formula_of_a_function_adds_have_no_place():
    written, program = places_of("softmax(x, 0)", {"x": (2,)})
    (one, total) = program.nodes[int(written.output[0])].operands
    assert isinstance(program.nodes[one], Literal)
    assert (program.place(one), program.place(total)) == ("", "")
    assert program.place(int(written.output[0])) == "softmax(x, 0)[0] (expr, column 1)"


def test_a_component_of_a_view_is_named_like_that_of_the_input():
    written, program = places_of("x.T + 1", {"x": (1, 2)})
    (moved, _) = program.nodes[int(written.output[1, 0])].operands
    assert program.place(moved) == "x[0,1] (expr, column 1)"


# -- a network

NETWORK = {
    "text": "mse_loss(h @ w2 + b2, y, reduction='sum')",
    "definitions": {"h": "relu(x @ w1 + b1)"},
}
WEIGHTS = arrays(6, x=(4, 3), w1=(3, 5), b1=(5,), w2=(5, 2), b2=(2,), y=(4, 2))


def network():
    return parse(NETWORK["text"], definitions=NETWORK["definitions"])


def test_the_gradient_of_a_network_agrees_with_torch():
    written = write_out(network(), variables(shapes_of(WEIGHTS)))
    assert gradient_of(written.at(()), WEIGHTS) == pytest.approx(
        torch_gradient(network()), rel=CLOSE, abs=CLOSE
    )


def torch_gradient(program):
    leaves = {n: torch.tensor(a, requires_grad=True) for n, a in WEIGHTS.items()}
    read(program, TENSORS, leaves).backward()
    return coordinates({n: leaf.grad.numpy() for n, leaf in leaves.items()})


def test_the_gradient_of_another_network_differs():
    # Negative control: a slope of a millionth where that of relu is 0.
    leaky = {"h": "leaky_relu(x @ w1 + b1, negative_slope=1e-6)"}
    written = write_out(parse(NETWORK["text"], definitions=leaky), variables(shapes_of(WEIGHTS)))
    gradient, expected = gradient_of(written.at(()), WEIGHTS), torch_gradient(network())
    assert gradient != pytest.approx(expected, rel=CLOSE, abs=CLOSE)


def test_no_gradient_of_a_network_is_proved_at_a_kink():
    dead = {**WEIGHTS, "x": np.zeros((4, 3)), "b1": np.zeros(5)}
    written = write_out(network(), variables(shapes_of(dead)))
    assert gradient_of(written.at(()), dead) == {}
