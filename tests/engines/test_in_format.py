"""Engines that are asked for a format: their names, their numbers, and negative controls."""

import numpy as np
import pytest
import torch

import symdiff
from symdiff.engines.base import Problem, Samples, Traits
from symdiff.engines.in_format import dtype_of_points, in_formats, split_format
from symdiff.engines.registry import load, registered, resolve
from symdiff.engines.torch_rounding import allowance_at
from symdiff.errors import UsageError
from symdiff.program import parse
from symdiff.program.formats import FORMATS, shared
from symdiff.program.values import DTYPES
from tests.catalogue.test_rows import ROWS, texts


def judged(text, points, engines, **more):
    return list(symdiff.compare(text, at={"x": points}, engines=engines, **more).records())


# -- names


@pytest.mark.parametrize(
    ("options", "left", "form"),
    [
        (None, None, None),
        ("float32", None, "float32"),
        ("cuda,float32", "cuda", "float32"),
        ("bfloat16, h=1", " h=1", "bfloat16"),
        ("autocast-bfloat16", None, "autocast-bfloat16"),
        ("h=1e-4", "h=1e-4", None),
    ],
)
def test_a_format_stands_among_the_options_of_an_engine(options, left, form):
    found = split_format(options)
    assert found == (left, form and FORMATS[form])


# What is typed, and the message.
REFUSED = [
    ("autograd:float23", "the engine autograd has no option 'float23'"),
    ("autograd:float32,bfloat16", "two formats, float32 and bfloat16, for one engine"),
    ("central:float32", "the engine central does not compute in float32"),
    ("central:h=1,float16", "the engine central does not compute in float16"),
    ("nothing:float32", "unknown engine 'nothing'"),
]


@pytest.mark.parametrize(("name", "message"), REFUSED)
def test_a_format_that_an_engine_does_not_have_is_refused_in_a_line(name, message):
    with pytest.raises(UsageError) as caught:
        resolve([name])
    assert message in str(caught.value)


def test_engines_are_run_in_every_format_that_they_have():
    engines = ("symbolic", "autograd", "autograd:float16", "central:h=1e-4")
    loaded = {name: load(name) for name in engines}
    assert in_formats(engines, ("float64", "bfloat16"), loaded) == (
        *("symbolic", "autograd", "autograd:bfloat16", "autograd:float16", "central:h=1e-4"),
    )
    assert in_formats(engines, (), loaded) == engines


def test_points_have_the_numbers_that_all_formats_have():
    assert dtype_of_points(["central", "autograd"]) is None
    assert dtype_of_points(["central", "autograd:bfloat16"]) == DTYPES["bfloat16"]
    assert dtype_of_points(["autograd:bfloat16", "autograd:float32"]) == DTYPES["bfloat16"]
    both = dtype_of_points(["autograd:bfloat16", "forward:float16"])
    numbers = both.rounded(
        np.random.default_rng(0).standard_normal(2000) * 2.0 ** np.arange(-20, 20).repeat(50)
    )
    numbers = numbers[np.isfinite(numbers)]
    assert len(numbers) > 1500
    for name in ("bfloat16", "float16"):
        assert (DTYPES[name].rounded(numbers) == numbers).all()
    assert shared([DTYPES["float32"], DTYPES["float32"]]) == DTYPES["float32"]


# -- numbers


@pytest.mark.parametrize("engine", ["autograd", "forward", "double-backward"])
@pytest.mark.parametrize("form", ["float32", "bfloat16", "float16"])
def test_an_engine_computes_in_the_format_as_torch_does(engine, form):
    x = torch.tensor([0.3, 1.7, -2.1], dtype=getattr(torch, form), requires_grad=True)
    (torch.sin(x) * torch.exp(x)).sum().backward()
    rows = judged("sin(x)*exp(x)", [0.3, 1.7, -2.1], [f"{engine}:{form}"])
    by_point = {r["point"]["x"]: r for r in rows}
    for at, slope in zip(x.tolist(), x.grad.tolist(), strict=True):
        assert by_point[at]["value"] == slope
        assert by_point[at]["verdict"] in {"agrees", "inexact"}
        assert by_point[at]["ulps"] < 4


@pytest.mark.parametrize("engine", ["jax", "jax-forward"])
@pytest.mark.parametrize("form", ["float32", "bfloat16", "float16"])
def test_jax_computes_in_the_format(engine, form):
    pytest.importorskip("jax")
    rows = judged("sin(x)*exp(x) + 0.1*x**2", [0.3, 1.7, -2.1], [f"{engine}:{form}"])
    assert {r["verdict"] for r in rows} <= {"agrees", "inexact"}
    for row in rows:
        assert float(DTYPES[form].rounded(np.float64(row["value"]))) == row["value"]


# A program, a point, a format, the verdict and what the detail says.
DETAILS = [
    ("exp(x)", 12.0, "float16", "inexact", "beyond the largest number of float16, 65504"),
    ("exp(-x)", 18.0, "float16", "agrees", None),  # 0 is the nearest number
    ("log(1 + exp(x))", 89.0, "float32", "nonfinite", "it is inf in float32"),
    ("log(1 + exp(x))", 12.0, "float16", "nonfinite", "inf in float16 (largest number 65504)"),
    ("tanh(x)", 5.0, "float32", "inexact", "rounding in float32 leaves 12 of 24 bits"),
    ("tanh(x)", 5.0, "bfloat16", "inaccurate", "rounding in bfloat16 leaves no right bits"),
    ("sinc(x)", 2.0**-10, "float32", "inaccurate", "rounding in float32 leaves"),
    ("sqrt(x*x)", 2.0**-100, "float32", "nonfinite", "its derivative is infinite in float32"),
    ("norm(stack([x]))", 2.0**-100, "float32", "agrees", None),
    ("atan2(x, 2e-3)", 2e-3, "float16", "nonfinite", ""),
    ("hardtanh(x, -0.7, 0.7)", 0.69921875, "bfloat16", "agrees", None),
]


@pytest.mark.parametrize(("text", "point", "form", "word", "detail"), DETAILS)
def test_what_a_format_does_is_explained(text, point, form, word, detail):
    (row,) = judged(text, [point], [f"autograd:{form}"])
    assert row["verdict"] == word
    assert row["detail"] is None if detail is None else detail in (row["detail"] or "")


@pytest.mark.parametrize("engine", ["forward", "double-backward"])
def test_what_overflows_is_named_for_an_engine_without_a_backward_pass(engine):
    (row,) = judged("log(1 + exp(x))", [12.0], [f"{engine}:float16"])
    assert row["verdict"] == "nonfinite"
    assert "it is inf in float16 (largest number 65504)" in row["detail"]
    assert row["blame"].startswith("exp(x)")


@pytest.mark.parametrize("form", ["float8_e4m3fn", "float8_e5m2"])
def test_a_format_in_which_torch_does_not_compute_is_unsupported_by_name(form):
    (row,) = judged("exp(x)", [0.5], [f"autograd:{form}"])
    assert row["verdict"] == "unsupported"
    assert f"{form}: torch does not compute exp" in row["detail"]


def test_kinks_and_their_neighbours_are_numbers_of_the_coarsest_format():
    report = symdiff.compare(
        "abs(3*x - 1)", {"x": "0:1:3"}, engines=["autograd", "central"], dtype="float32,bfloat16"
    )
    rows = list(report.records())
    points = {r["point"]["x"] for r in rows}
    assert points == set(DTYPES["bfloat16"].rounded(np.array(sorted(points))).tolist())
    roles = {r["role"]: r["point"]["x"] for r in rows}
    assert roles["kink"] == 0.333984375  # the nearest to 1/3
    assert roles["+1 ulp"] == roles["kink"] + 2.0**-9
    assert {r["exact"] for r in rows} == {None, "1/3"}
    assert {r["engine"] for r in rows} == {"autograd:float32", "autograd:bfloat16", "central"}
    assert {r["verdict"] for r in rows} <= {"agrees", "inexact", "subgradient"}
    notes = [r["detail"] for r in rows if r["exact"] and r["engine"] == "autograd:float32"]
    assert "the number of bfloat16 for 1/3" in notes[0] or "subgradient" in {
        r["verdict"] for r in rows
    }


def test_a_kink_at_a_decimal_stays_exact():
    """0.1 is no number of float32: the kink stays there, and engines get the nearest number."""
    rows = list(
        symdiff.compare(
            "abs(x - 0.1)", {"x": "-1:1:3"}, engines=["autograd"], dtype="float32"
        ).records()
    )
    (kink,) = (r for r in rows if r["role"] == "kink")
    assert kink["exact"] == "0.1"
    assert (kink["left"], kink["right"]) == (-1.0, 1.0)
    assert kink["point"]["x"] == float(np.float32(0.1))
    assert {r["verdict"] for r in rows} <= {"agrees", "subgradient", "inexact"}


def test_tensors_have_the_numbers_that_all_formats_have():
    report = symdiff.compare(
        "(w @ x).sum()",
        values={"w": [[0.1, 0.2], [0.3, 0.4]], "x": [1.1, 2.3]},
        cotangent=0.7,
        engines=["autograd", "central"],
        dtype=["bfloat16", "float32"],
    )
    rows = list(report.records())
    assert len(rows) == 3 * 6
    assert {r["verdict"] for r in rows} <= {"agrees", "inexact"}
    assert {r["derivative"] for r in rows if r["variable"] == "w[0,0]"} == {
        float(torch.tensor(1.1).bfloat16()) * float(torch.tensor(0.7).bfloat16())
    }


def test_autocast_rounds_products_of_matrices_and_nothing_else():
    values = {"w": [[0.1, 0.2], [0.3, 0.4]], "x": [[1.1], [2.3]]}
    report = symdiff.compare(
        "exp(w @ x).sum()", values=values, engines=["autograd"], dtype="float32,autocast-bfloat16"
    )
    ulps = {}
    for row in report.records():
        assert row["verdict"] in {"agrees", "inexact"}
        ulps.setdefault(row["engine"], []).append(row["ulps"])
    assert max(ulps["autograd:float32"]) < 4 < min(ulps["autograd:autocast-bfloat16"])
    (row,) = judged("exp(x)", [0.3], ["autograd:autocast-bfloat16"])
    assert row["verdict"] == "agrees"


def test_a_callable_is_run_in_the_format():
    seen = []

    def square(x):
        seen.append(x.dtype)
        return x * x

    report = symdiff.compare(
        square, {"x": [0.1, 0.7]}, math="x*x", engines=["autograd"], dtype="bfloat16"
    )
    assert report.ok
    assert torch.bfloat16 in seen  # float64 is what its trace and its graph are made in
    assert max(r["ulps"] for r in report.records()) < 1


@pytest.mark.parametrize("form", ["float32", "bfloat16"])
def test_a_long_grid_is_judged_in_whole_arrays(form):
    """More numbers are inexact than bounds are computed one by one."""
    report = symdiff.compare(
        "sin(x)*exp(x) + abs(3*x - 1)", {"x": "-3:3:60000"}, engines=["autograd"], dtype=form
    )
    (counts,) = report.evidence[0].counts().values()
    assert sum(counts.values()) > (900 if form == "bfloat16" else 60000)
    assert {v.label for v in counts} <= {"agrees", "inexact", "inaccurate", "subgradient"}
    details = {r["detail"] for r in report.records() if r["verdict"] == "inexact"}
    assert any(f"rounding in {form} leaves" in d for d in details)


# -- negative controls


class _Planted:
    """Computes as autograd does, with a relative error for some functions in some formats."""

    name = "planted"
    traits = Traits(modes=("reverse",), dtypes=tuple(DTYPES))

    def __init__(self, error, function="", form=""):
        self._error, self._function, self._form = error, function, form

    def differentiate(self, problem):
        samples = load("autograd").differentiate(problem)
        names = {call.function for _, call in problem.program.calls()}
        is_hit = (not self._function or self._function in names) and (
            not self._form or problem.format.name == self._form
        )
        factor = 1 + self._error * is_hit
        return Samples({n: x * factor for n, x in samples.derivatives.items()})

    def estimate_errors(self, problem, variable):
        return None

    def allowance(self, problem, variable, point):
        return allowance_at(problem, variable, point)


@pytest.mark.parametrize("text", ["exp(x)", "sin(x)*exp(x)", "1/(1 + exp(-x))", "log(1 + x**2)"])
def test_a_planted_error_is_found_in_the_formats_that_can_tell(text):
    with registered(_Planted(2.0**-6)):
        rows = judged(text, [0.3, 1.7], ["planted"], dtype="float64,float32,float16")
    words = {(r["engine"], r["point"]["x"]): r["verdict"] for r in rows}
    for (engine, _), word in words.items():
        assert word == "wrong" or engine.endswith("float16")


def test_a_planted_error_is_found_on_a_long_grid():
    with registered(_Planted(2.0**-6)):
        report = symdiff.compare(
            "sin(x)*exp(x)", {"x": "-3:3:1000"}, engines=["planted"], dtype="float32"
        )
    words = [r["verdict"] for r in report.records()]
    assert words.count("wrong") > 0.99 * len(words)


def test_an_engine_that_is_wrong_in_one_function_in_one_format_is_found_there_only():
    with registered(_Planted(2.0**-6, "tanh", "float32")):
        found = [
            (text, r["engine"])
            for text in ("sin(x)", "exp(x)", "tanh(x)", "x*sigmoid(x)")
            for r in judged(text, [0.3, 1.2], ["planted"], dtype="float64,float32,bfloat16")
            if r["verdict"] not in {"agrees", "inexact"}
        ]
    assert set(found) == {("tanh(x)", "planted:float32")}


@pytest.mark.parametrize(("form", "most"), [("float32", 2.0**-17), ("float16", 2.0**-4)])
def test_the_bounds_of_rounding_are_a_small_part_of_the_derivatives(form, most):
    x = DTYPES[form].rounded(np.array([0.3, 1.2]))
    for text in ("sin(x)", "exp(x)*x", "log(1 + x**2)", "sigmoid(x)", "gelu(x)"):
        problem = Problem(parse(text), {"x": x}, ("x",))
        engine = load(f"autograd:{form}")
        slopes = engine.differentiate(problem).derivatives["x"]
        for i in range(2):
            assert 0 < engine.allowance(problem, "x", i).radius < most * abs(slopes[i])


# -- every function of numbers, at random numbers of each format


@pytest.mark.parametrize("form", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_no_function_of_torch_is_wrong_in_a_coarse_format(row, form):
    generator = np.random.default_rng(len(row.name))
    sizes = 2.0 ** generator.integers(-12, 12, 8)
    spread = np.concatenate(
        [generator.standard_normal(8) * 2, generator.standard_normal(8) * sizes]
    )
    numbers = DTYPES[form].rounded(spread).tolist()
    for text in texts(row):
        at = {n: numbers if n == "x" else numbers[:2] for n in parse(text).inputs}
        rows = symdiff.compare(text, at=at, engines=[f"autograd:{form}"]).records()
        words = {r["verdict"] for r in rows}
        assert not words & {"wrong", "value", "not-subgradient"}
