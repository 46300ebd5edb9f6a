"""Options of engines: how they are typed, and what is said about a wrong one."""

import dataclasses

import numpy as np
import pytest
from typer.testing import CliRunner

import symdiff
from symdiff.cli.app import app
from symdiff.engines import registry
from symdiff.engines.options import EngineOption, positive, read_options
from symdiff.errors import InputError, UsageError
from tests.fakes import Fake

OPTIONS = (
    EngineOption("h", "a positive number", positive),
    EngineOption("device", "a device", words=("cpu", "cuda")),
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("h=1e-4", {"h": 1e-4}),
        (" h = 0.5 ", {"h": 0.5}),
        ("cuda", {"device": "cuda"}),
        ("device=cpu", {"device": "cpu"}),
        ("cuda, h=2", {"device": "cuda", "h": 2.0}),
    ],
)
def test_options_are_read(text, values):
    assert read_options("some", text, OPTIONS) == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the engine some has no option '' (options: h=..., device=cpu|cuda)"),
        ("step=1", "the engine some has no option 'step' (options: h=..., device=cpu|cuda)"),
        ("devise=cpu", "the engine some has no option 'devise' (did you mean 'device'?)"),
        ("cuda0", "the engine some has no option 'cuda0' (did you mean 'cuda'?)"),
        ("h", "the option h of the engine some has no value (options: h=..., device=cpu|cuda)"),
        ("h=", "the option h of the engine some cannot be '' (a positive number)"),
        ("h=0", "the option h of the engine some cannot be '0' (a positive number)"),
        ("h=-1", "the option h of the engine some cannot be '-1' (a positive number)"),
        ("h=nan", "the option h of the engine some cannot be 'nan' (a positive number)"),
        ("h=inf", "the option h of the engine some cannot be 'inf' (a positive number)"),
        ("h=a()", "the option h of the engine some cannot be 'a()' (a positive number)"),
        (
            "device=gpu",
            "the option device of the engine some cannot be 'gpu' (write cuda)",
        ),
        ("h=1,h=2", "the engine some is given the option h twice (keep one)"),
    ],
)
def test_a_wrong_option_is_one_clear_line(text, message):
    with pytest.raises(UsageError) as error:
        read_options("some", text, OPTIONS)
    assert str(error.value) == message


@dataclasses.dataclass(frozen=True)
class Constant(Fake):
    """An engine that returns the number that its option sets."""

    name: str = "constant"
    value: float = 1.0
    options = (EngineOption("value", "a number", float),)

    def configured(self, name, values):
        return Constant(name, **values)

    def differentiate(self, problem):
        from symdiff.engines.base import Samples

        return Samples({n: np.full(problem.count, self.value) for n in problem.variables})


def test_the_engine_gets_its_options_and_keeps_the_name_that_was_typed():
    with registry.registered(Constant()):
        comparison = symdiff.compare("3*x", {"x": [1]}, engines=["constant", "constant:value=3"])
    evidence = comparison.evidence[0]
    assert comparison.values("constant:value=3").tolist() == [3.0]
    assert {n: str(next(iter(c))) for n, c in evidence.counts().items()} == {
        "constant": "wrong",
        "constant:value=3": "agrees",
    }


@pytest.mark.parametrize("h", [1e-2, 1e-4, 0.25])
def test_the_step_of_central_differences(h):
    comparison = symdiff.compare("x**3", {"x": [1]}, engines=[f"central:h={h}"])
    # ((1+h)**3 - (1-h)**3)/2h = 3 + h**2
    np.testing.assert_allclose(comparison.values(f"central:h={h}"), 3 + h**2, rtol=1e-10)
    assert comparison.ok


def test_central_differences_that_are_not_those_of_their_step_are_found(monkeypatch):
    from symdiff.engines import central

    right = central._quotient

    def wrong(moves, h):
        derivative, *others = right(moves, h)
        return derivative + 1e-3, *others

    monkeypatch.setattr(central, "_quotient", wrong)
    comparison = symdiff.compare("x**3", {"x": [1]}, engines=["central:h=0.01"])
    assert not comparison.ok


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("central:h=zero", "the option h of the engine central cannot be 'zero'"),
        ("symbolic:h=1", "the engine symbolic takes no options, and 'h=1' stands after its name"),
        ("cntral:h=1", "unknown engine 'cntral' (did you mean 'central'?)"),
    ],
)
def test_command_line_library_and_files_refuse_a_wrong_option(engine, message, tmp_path):
    done = CliRunner().invoke(app, ["eval", "x", "--engine", engine])
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"symdiff: {message}")
    with pytest.raises(InputError) as error:
        symdiff.compare("x", engines=[engine])
    assert str(error.value).startswith(message)
    file = tmp_path / "f.toml"
    expect = f"expect = {{ '{engine}' = ['agrees'] }}"
    file.write_text(f"[[expression]]\nexpr = 'x'\n{expect}\n")
    report = symdiff.compare_files([file])
    assert message in str(report.errors[0])


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("all:h=1", "all takes no options (write them after an engine"),
        (
            "autograd, central:h=1",
            "unknown engine 'autograd, central' (name each separately: --engine autograd --engine ",
        ),
        ("autograd:gpu", "the engine autograd has no option 'gpu' (write cuda)"),
        ("jax:cuda", "the engine jax has no option 'cuda' (formats: float64, float32, float16, "),
        ("jax:autocast-bfloat16", "the engine jax does not compute in autocast-bfloat16"),
    ],
)
def test_a_wrong_engine_is_one_line_that_says_what_to_type(engine, message):
    done = CliRunner().invoke(app, ["eval", "x", "--engine", engine])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"symdiff: {message}")


def test_files_expect_verdicts_of_an_engine_with_options(tmp_path):
    file = tmp_path / "f.toml"
    file.write_text(
        "[[expression]]\nexpr = 'x**3'\ngrid = { x = '1:2:2' }\n"
        "expect = { 'central:h=0.01' = ['inexact'] }\n"
    )
    assert symdiff.compare_files([file], engines=["central:h=0.01"]).ok
    assert symdiff.compare_files([file], engines=["symbolic"]).ok
