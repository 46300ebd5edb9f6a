"""Engines by name: the built-in table, engines of one process, and plug-in packages."""

import ast
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from symdiff.engines import registry
from symdiff.engines.base import Traits
from symdiff.errors import UsageError
from tests.fakes import Fixed

PLUGIN = """
import numpy as np

from symdiff.engines.base import Allowance, Samples, Traits


class Polynomial:
    '''Knows the derivative of x**2 alone.'''

    traits = Traits(modes=("formula",))

    def __init__(self, name, factor):
        self.name = name
        self.factor = factor

    def differentiate(self, problem):
        return Samples({"x": self.factor * problem.columns["x"]})

    def estimate_errors(self, problem, variable):
        return None

    def allowance(self, problem, variable, point):
        return Allowance()


RIGHT = Polynomial("polynomial", 2.0)
WRONG = Polynomial("wrong-polynomial", 3.0)
MISNAMED = Polynomial("another", 2.0)
INCOMPLETE = object()
"""
ENTRY_POINTS = """
[symdiff.engines]
polynomial = polynomials:RIGHT
wrong-polynomial = polynomials:WRONG
misnamed = polynomials:MISNAMED
incomplete = polynomials:INCOMPLETE
absent = polynomials.absent:ENGINE
central = polynomials:RIGHT
"""
METADATA = """
Metadata-Version: 2.1
Name: symdiff-polynomials
Version: 0.3
Summary: Derivatives of polynomials
Requires-Dist: sympy>=1.13
Requires-Dist: hypothesis (>=6) ; extra == 'test'
"""


@pytest.fixture
def plugin(tmp_path):
    """A folder with an installed plug-in package."""
    info = tmp_path / "symdiff_polynomials-0.3.dist-info"
    info.mkdir()
    (tmp_path / "polynomials.py").write_text(PLUGIN)
    (info / "METADATA").write_text(METADATA.strip() + "\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return tmp_path


def run(folder, *command):
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)},
    )


def symdiff(folder, *arguments):
    return run(folder, "-m", "symdiff", *arguments)


ABSENT = {
    "absent": registry.BuiltIn("not there", ("symdiff-unknown",), "unknown"),
    "central": registry.BUILT_IN["central"],
}


class TestPlugins:
    def test_an_engine_of_a_plug_in_is_used_by_name(self, plugin):
        done = symdiff(plugin, "eval", "x**2", "--engine", "polynomial", "--quiet")
        assert (done.returncode, done.stderr) == (0, "")
        assert "polynomial" in done.stdout

    def test_a_wrong_engine_of_a_plug_in_is_found(self, plugin):
        done = symdiff(plugin, "eval", "x**2", "--engine", "wrong-polynomial")
        assert (done.returncode, done.stderr) == (1, "")
        assert "wrong-polynomial wrong at" in done.stdout

    def test_workers_have_it_too(self, plugin, tmp_path):
        (tmp_path / "f.txt").write_text("x**2\nx**2 + 1\n")
        arguments = ["run", str(tmp_path / "f.txt"), "--engine", "polynomial", "--jobs", "2"]
        done = symdiff(plugin, *arguments, "--quiet")
        assert (done.returncode, done.stderr) == (0, "")

    def test_it_is_listed_with_its_package_and_without_being_imported(self, plugin):
        (plugin / "polynomials.py").write_text("raise SystemExit('imported')\n")
        done = symdiff(plugin, "engines")
        assert done.returncode == 0
        lines = [line.split() for line in done.stdout.splitlines()]
        words = "polynomial Derivatives of polynomials symdiff-polynomials 0.3 (plug-in)"
        assert words.split() in lines

    def test_a_mistyped_name_is_corrected(self, plugin):
        done = symdiff(plugin, "eval", "x**2", "--engine", "polynomal")
        assert done.returncode == 2
        assert "unknown engine 'polynomal' (did you mean 'polynomial'?)" in done.stderr

    def test_a_built_in_name_stays_with_the_built_in_engine(self, plugin):
        done = symdiff(plugin, "engines")
        assert done.stderr == (
            "symdiff: the engine central of the plug-in symdiff-polynomials 0.3 is not used:"
            " symdiff has an engine of this name\n"
        )
        assert symdiff(plugin, "eval", "x**3", "--engine", "central", "--quiet").returncode == 0

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("misnamed", "TypeError: its name is 'another', not 'misnamed'"),
            ("incomplete", "TypeError: its name is None, not 'incomplete'"),
            ("absent", "ModuleNotFoundError: No module named 'polynomials.absent'"),
        ],
    )
    def test_one_that_cannot_be_loaded_is_one_clear_line(self, plugin, name, reason):
        done = symdiff(plugin, "eval", "x", "--engine", name)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        what = f"the engine {name} of the plug-in symdiff-polynomials 0.3 cannot be loaded"
        assert line.startswith(f"symdiff: {what}: {reason}")

    def test_results_depend_on_the_package_and_on_what_it_requires(self, plugin):
        code = """
            from symdiff.engines.registry import distributions
            from symdiff.versions import computing_versions
            names = distributions(["polynomial"])
            print(sorted(names), computing_versions(names)["symdiff-polynomials"])
        """
        done = run(plugin, "-c", textwrap.dedent(code))
        assert done.stdout == "['symdiff-polynomials', 'sympy'] 0.3\n"


class TestRegistered:
    def test_an_engine_is_known_within_the_block_only(self):
        engine = Fixed("fixed", {"x": 1.0})
        with registry.registered(engine):
            assert registry.load("fixed") is engine
            assert "fixed" in registry.names()
        with pytest.raises(UsageError, match="unknown engine 'fixed'"):
            registry.check("fixed")

    def test_a_name_that_is_taken_is_refused(self):
        with (
            pytest.raises(UsageError, match="there is an engine 'central' already"),
            registry.registered(Fixed("central", {})),
        ):
            pass

    @pytest.mark.parametrize("attribute", ["differentiate", "estimate_errors", "allowance"])
    def test_an_object_without_a_method_of_engines_is_refused(self, attribute):
        engine = Fixed("fixed", {})
        setattr(engine, attribute, None)
        with (
            pytest.raises(TypeError, match=f"it has no method {attribute}"),
            registry.registered(engine),
        ):
            pass


def test_a_mode_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="unknown mode 'guess', not one of symbolic, reverse"):
        Traits(modes=("guess",))


class TestListing:
    def test_a_library_is_listed_with_its_version(self):
        import sympy

        assert registry.listed()["symbolic"].library == f"sympy {sympy.__version__}"

    def test_an_absent_library_is_listed_with_the_extra_that_installs_it(self, monkeypatch):
        monkeypatch.setattr(registry, "BUILT_IN", ABSENT)
        line = registry.listed()["absent"]
        assert line.library == "not installed: pip install 'symdiff-compare[unknown]'"
        assert not line.is_installed

    def test_all_are_the_engines_that_are_installed(self, monkeypatch):
        monkeypatch.setattr(registry, "BUILT_IN", ABSENT)
        assert registry.resolve(["all"]) == ("central",)

    def test_all_includes_the_engines_of_plug_ins(self, plugin):
        code = "from symdiff.engines.registry import resolve; print(resolve(['all']))"
        assert "'polynomial'" in run(plugin, "-c", code).stdout

    def test_one_that_is_absent_names_the_extra_that_installs_it(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "symengine", None)
        for module in ("symdiff.engines.symengine", "symdiff.arithmetics.symengine"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        with pytest.raises(UsageError, match=r"symdiff-compare\[symengine\]"):
            registry.load("symengine")


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_built_in_engines_keep_the_contract(name):
    engine = registry.load(name)
    registry._check_contract(name, engine)
    assert engine.traits.modes


SOURCE = Path(registry.__file__).parent.parent
# Where an engine may be named: the package of engines, the default list, the module named after the
# library symengine, what speaks of PyTorch's own gradients, the list of
# distributions, and the rules that libraries document.
NAMED_IN = (
    "engines/", "request/options.py", "arithmetics/symengine.py",
    "explanation/problems.py", "testing/assertions.py", "versions.py", "atlas/rules.py",
)  # fmt: skip


def is_lookup(call):
    return isinstance(call.func, ast.Name) and call.func.id in {"getattr", "hasattr"}


def names_in(source):
    nodes = list(ast.walk(ast.parse(source)))
    # An attribute may be called as an engine is: a module of torch has a method `forward`.
    lookups = {n.args[1] for n in nodes if isinstance(n, ast.Call) and is_lookup(n)}
    texts = (n.value for n in nodes if isinstance(n, ast.Constant) and n not in lookups)
    return {text for text in texts if isinstance(text, str) and text in registry.BUILT_IN}


# Words that are names of engines, and mean something else.
HOMONYMS = {
    "tracing/state.py": {"scipy"},  # the package
    # the language that programs are written in
    "catalogue/activations.py": {"jax"},
    "catalogue/elementary.py": {"jax"},
    "catalogue/reductions.py": {"jax"},
    "catalogue/steps.py": {"jax"},
    "printing/languages.py": {"jax"},
    "printing/python_code.py": {"jax"},
}


def test_no_engine_is_named_outside_its_file_the_registry_and_the_default_list():
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if not name.startswith(NAMED_IN):
            names = names_in(path.read_text(encoding="utf-8"))
            assert names == HOMONYMS.get(name, set()), path


def test_a_planted_name_is_found():
    # Negative control of the test above.
    assert names_in('if engine == "autograd":\n    pass\n') == {"autograd"}
    assert names_in('getattr(module, "forward")') == set()
    assert names_in('getattr("forward", name)') == {"forward"}


def test_versions_of_libraries_are_read_only_for_all(monkeypatch):
    read = []
    monkeypatch.setattr(registry, "_version", lambda name: read.append(name) or "1")
    assert registry.resolve(["symbolic", "autograd", "central"])
    assert read == []  # every comparison resolves its engines, and reading takes milliseconds
    assert "numdifftools" in registry.resolve(["all"])
    assert "numdifftools" in read
