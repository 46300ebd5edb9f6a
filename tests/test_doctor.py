"""symdiff doctor: an installation that works passes, and each fault in one is named."""

import functools
import importlib.metadata

import pytest
from typer.testing import CliRunner

from symdiff import api, doctor
from symdiff.cli.app import app
from symdiff.doctor import examine


def test_an_installation_that_works_passes():
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0
    assert done.stdout.startswith("PASS: symdiff works here\n")
    assert f"torch         {importlib.metadata.version('torch')}" in done.stdout
    assert "found at 3 of 3 points, and at 0 others" in done.stdout


def test_an_absent_extra_is_named_with_its_command_and_is_no_failure(monkeypatch):
    monkeypatch.setattr(doctor, "_version", without("casadi"))
    diagnosis = examine()
    assert diagnosis.ok
    assert "casadi        not installed: pip install 'symdiff-compare[casadi]'" in str(diagnosis)


def without(name, version=None):
    """Return a function for `_version` that finds a different version of a library, or none."""
    right = doctor._version
    return lambda requirement: version if requirement.name == name else right(requirement)


@pytest.mark.parametrize(
    ("attribute", "fault", "line"),
    [
        ("_version", without("sympy"), "FAIL: sympy: not installed: pip install"),
        ("_version", without("sympy", "1.0"), "FAIL: sympy: 1.0 is too old: pip install 'sympy>="),
        ("_version", without("jax", "0.1"), "FAIL: jax: jax 0.1; too old: pip install --upgrade"),
        # A planted fault that is none: a judge that found it would be wrong.
        ("_FAULT", 0.0, "FAIL: planted fault: found at 0 of 3 points, and at 0 others"),
    ],
)
def test_a_fault_is_named_in_the_first_line(monkeypatch, attribute, fault, line):
    monkeypatch.setattr(doctor, attribute, fault)
    assert str(examine()).startswith(line)


def test_a_judge_that_misses_the_planted_fault_is_noticed(monkeypatch):
    monkeypatch.setattr(api, "compare", functools.partial(api.compare, rtol=1e-3))
    assert str(examine()).startswith("FAIL: planted fault: found at 0 of 3 points")
