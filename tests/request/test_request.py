"""Requests: the same one, whichever door it came through."""

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import symdiff
from symdiff.cli.app import app
from symdiff.comparison import compare as comparing
from symdiff.comparison.compare import compare
from symdiff.errors import InputError, Place, UsageError
from symdiff.request.files import read_file
from symdiff.request.options import Options
from symdiff.request.parsed import parse_request
from symdiff.request.request import Label, Request

FILE = """
[[expression]]
name = "product"
expr = "(h @ w).sum()"
let = { h = "2*x" }
wrt = ["w"]
claims = { w = "h.T @ ones" }
spellings = { other = "(w.T @ h.T).sum()" }
values = { x = [[1, 2]], w = [[3], [4]], ones = [[1]] }
cotangent = 1
accumulate = 1
source = "a book"
note = "a product"
"""


@pytest.fixture
def requests(monkeypatch):
    """The requests that reach the comparison."""
    seen, real = [], comparing.compare

    def compare_and_note(request, options, *columns):
        seen.append(request)
        return real(request, options, *columns)

    monkeypatch.setattr(comparing, "compare", compare_and_note)
    return seen


def test_the_file_the_command_line_and_the_library_ask_the_same(tmp_path, requests):
    path = tmp_path / "a.toml"
    path.write_text(FILE)
    (request,) = read_file(path).entries
    of_file = compare(request, Options())
    values = {"x": [[1, 2]], "w": [[3], [4]], "ones": [[1]]}
    of_library = symdiff.compare(
        "(h @ w).sum()",
        let={"h": "2*x"},
        wrt=["w"],
        claims={"w": "h.T @ ones"},
        spellings={"other": "(w.T @ h.T).sum()"},
        values=values,
        cotangent=1,
    )
    given = [
        argument for name, value in values.items() for argument in ("--value", f"{name}={value}")
    ]
    line = ["eval", "(h @ w).sum()", "--let", "h=2*x", "--wrt", "w", "--claim", "w=h.T @ ones",
            "--cotangent", "1", *given]  # fmt: skip
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 0, done.output
    first, second = requests
    for one in (first, second):
        assert one.let == request.let and list(one.wrt) == ["w"] and one.values == request.values
        assert dict(one.claims) == request.claims and one.cotangent == request.cotangent
        assert one.text == request.text
    assert of_file.label.source == "a book" and of_file.name == "product"
    assert of_library.evidence[0].label == Label(name="(h @ w).sum()")
    rows = [
        [r["value"] for r in symdiff.Report((e,)).records()]
        for e in (of_file, *of_library.evidence)
    ]
    assert rows[0] == rows[1]


def test_torch_tensors_on_the_grid_are_values_whichever_door_they_come_through():
    tensor, number = torch.tensor([1.0, 2.0]), torch.tensor(3.0)
    request = Request(expression="x.sum()*y", grid={"x": tensor, "y": number})
    assert request.grid == {"y": number} and request.values == {"x": tensor}
    evidence = compare(Request(expression="x.sum()", grid={"x": tensor}), Options())
    assert evidence.variables == ("x[0]", "x[1]")
    # a value given as such takes precedence
    other = Request(expression="x.sum()", grid={"x": tensor}, values={"x": [5, 6]})
    assert other.values == {"x": [5, 6]}


def test_arrays_on_the_grid_are_points():
    request = Request(expression="x", grid={"x": np.linspace(0, 1, 3)})
    assert list(request.grid) == ["x"] and request.values == {}


def test_a_request_without_a_name_is_called_after_its_text():
    assert Request(expression="relu(x)").text == "relu(x)"
    assert Request(expression=symdiff.parse("x + 1")).text == "x + 1"
    assert Request(expression=torch.relu, math="relu(x)").text == "relu(x)"
    assert compare(Request(expression="x"), Options(engines=["central"])).name == "x"


@pytest.mark.parametrize(
    ("label", "where"),
    [
        (Label(), "'x'"),
        (Label(name="f"), "'f'"),
        (Label(name="f", file="a.toml"), "a.toml, entry 'f'"),
    ],
)
def test_where_a_request_comes_from(label, where):
    assert Request(expression="x", label=label).where == where


def test_an_error_gets_the_line_of_its_key():
    label = Label(name="f", file="a.toml", line=3, lines={"claims": 7, "expr": 4})
    for key, line in (("claim x", 7), (None, 4), ("spelling s", 3)):
        place = label.locate(InputError("no", place=Place(key=key))).place
        assert (place.file, place.line, place.entry) == ("a.toml", line, "f")
    bare = Label().locate(InputError("no")).place
    assert bare == Place()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(expression=3), "an expression is a string, a Program or a callable, not int"),
        (Request(expression="x", math="x"), "math is the formula of a callable"),
        (Request(expression=abs), "a callable needs its formula"),
        (Request(expression="x", spellings={"s": "y"}), "spelling s: "),
        (Request(expression="x", claims={"x": "y"}), "claim x: "),
        (Request(expression="x +", let={"h": "1"}), "expr: "),
    ],
)
def test_what_cannot_be_parsed_is_an_input_error(request_, message):
    with pytest.raises(InputError, match=f"^{message}"):
        parse_request(request_)


def test_variables_are_checked_against_the_expression_and_the_claims():
    assert parse_request(Request(expression="x*y")).variables() == ("x", "y")
    assert parse_request(Request(expression="x*y", wrt=["y", "y"])).variables() == ("y",)
    with pytest.raises(UsageError, match="no variable 'z'"):
        parse_request(Request(expression="x*y", wrt=["z"])).variables()
    claimed = Request(expression="x*y", wrt=["y"], claims={"x": "y"})
    with pytest.raises(UsageError, match=r"there is a claim for 'x', but wrt leaves it out"):
        parse_request(claimed).variables()


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"claims": {"x": 3}}, "claims x: must be a string, not 3"),
        ({"claims": 3}, "claims: must be a mapping or a list of texts, not 3"),
        ({"let": {"u": 3}}, "let u: must be a string, not 3"),
        ({"spellings": 3}, "spellings: must be a mapping, not 3"),
        ({"values": 3}, "values: must be a mapping, not 3"),
        ({"tangent": 3}, "tangent: must be a mapping, not 3"),
        ({"wrt": [1]}, r"wrt: must be a list of variables, not \[1\]"),
        ({"math": 3}, "math is the formula of a callable"),
        ({"expression": torch.relu, "math": 3}, "math: must be a string or a Program, not 3"),
    ],
)
def test_an_argument_of_another_type_is_refused_in_one_line(keywords, message):
    with pytest.raises(UsageError, match=f"^{message}") as caught:
        symdiff.compare(**{"expression": "relu(x)", **keywords})
    assert caught.value.hint and "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", ["int32", "longdouble"])
def test_an_array_of_an_unknown_dtype_is_refused_as_the_value_of_a_tensor(dtype):
    array = np.ones(2, dtype=dtype)
    for keywords in (
        {"values": {"x": array}},
        {"values": {"x": {"data": array}}},
        {"values": {"x": [1, 2]}, "tangent": {"x": array}},
        {"values": {"x": [1, 2]}, "cotangent": array},
    ):
        with pytest.raises(
            UsageError, match=r"dtypes: float64, float32, float16, bfloat16, .*, int64"
        ):
            symdiff.compare("relu(x)", **keywords)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_an_array_of_a_known_dtype_is_the_value_of_a_tensor(dtype):
    values = {"x": np.ones(2, dtype=dtype)}
    assert symdiff.compare("relu(x)", values=values, engines=["autograd"]).records()
