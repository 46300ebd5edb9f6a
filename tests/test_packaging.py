"""The wheel, the imports, and the agreement of the project's files with each other."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import symdiff
from symdiff.catalogue import CATALOGUE

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "sympy", "numpy", "scipy", "flint", "pandas", "rich", "tabulate")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize(
    "code",
    [
        "import symdiff",
        "import symdiff.cli.app",
        "from typer.testing import CliRunner; from symdiff.cli.app import app; CliRunner().invoke(app, ['--help'])",
        "import symdiff.catalogue; symdiff.catalogue.CATALOGUE['relu'].usage",
        "import symdiff; symdiff.parse('relu(x) + gelu(y)*sin(1)')",
    ],
)
def test_help_the_catalogue_and_parsing_load_no_heavy_library(code):
    probe = f"{code}\nimport sys; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    loaded = done.stdout.strip().splitlines()[-1]
    allowed = ["[]", "['rich']"] if "CliRunner" in code else ["[]"]
    assert loaded in allowed


def test_a_comparison_loads_only_what_it_needs():
    # sympy is not optional: the engine `symbolic` differentiates with it.
    optional = ("scipy", "matplotlib", "jinja2", "pebble", "rich", "pandas", "symengine")
    probe = (
        "import sys; from typer.testing import CliRunner; from symdiff.cli.app import app\n"
        "loaded = set(sys.modules)\n"
        "print(CliRunner().invoke(app, ['eval', 'relu(x)']).exit_code)\n"
        f"print([m for m in {(*optional, 'torch')} if m in sys.modules and m not in loaded])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    # The probe notices what is imported: torch is needed.
    assert done.stdout.split("\n")[:2] == ["0", "['torch']"]


LOADING = """
import gc
from symdiff.libraries import collect_rarely
collect_rarely(is_loading=True)
before = gc.get_stats()
import sys, sympy, torch
assert gc.get_stats() == before, "garbage was collected while libraries were imported"
kept = [[] for _ in range(400_000)]
assert gc.get_freeze_count() > 400_000 and gc.get_threshold()[0] == 100_000
gc.collect()
frozen = gc.get_freeze_count()
kept = [[] for _ in range(400_000)]
assert gc.get_freeze_count() <= frozen, "objects that are not libraries' were frozen"
"""


def test_the_objects_of_libraries_are_never_visited_by_the_garbage_collector():
    subprocess.run([sys.executable, "-c", LOADING], check=True)
    # Negative control: otherwise imports collect garbage.
    usual = LOADING.replace("is_loading=True", "")
    done = subprocess.run(
        [sys.executable, "-c", usual], capture_output=True, text=True, check=False
    )
    assert "garbage was collected" in done.stderr


def test_the_probe_notices_a_heavy_import():
    # Negative control: comparing does load torch.
    probe = "import symdiff; symdiff.compare('x'); import sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_public_names_are_sorted_and_documented():
    assert symdiff.__all__ == sorted(symdiff.__all__)
    for name in symdiff.__all__:
        assert getattr(symdiff, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = symdiff.nothing


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_is_typed_and_has_the_shipped_expressions(wheel):
    assert wheel.name.startswith("symdiff_compare-")
    names = zipfile.ZipFile(wheel).namelist()
    assert "symdiff/py.typed" in names
    shipped = {f"symdiff/expressions/{p.name}" for p in (ROOT / "expressions").glob("*.toml")}
    assert shipped <= set(names)
    assert not [n for n in names if n.startswith("tests")]
    page = "symdiff/report/page/templates"
    assert {f"{page}/{p.name}" for p in (ROOT / page).iterdir()} <= set(names)
    assert f"{page}/page.html" in names
    (entry_points,) = (n for n in names if n.endswith("entry_points.txt"))
    text = zipfile.ZipFile(wheel).read(entry_points).decode()
    assert "[pytest11]\nsymdiff = symdiff.testing.pytest_plugin\n" in text


def test_the_wheel_runs_the_shipped_expressions_from_another_folder(wheel, tmp_path):
    # The unpacked wheel is first on the path; its dependencies are those of this environment.
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import symdiff; assert symdiff.__file__.startswith(sys.path[0]), symdiff.__file__\n"
        "from symdiff.batch.work import collect; print(len(collect([]).entries))\n"
        "print(len(symdiff.compare_files(only='ReLU*').evidence))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    entries, compared = map(int, done.stdout.split())
    assert entries >= 250
    assert compared == 2


def test_the_wheel_brings_the_plugin_of_pytest(wheel, tmp_path):
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    (tmp_path / "one.txt").write_text("good: x**2 ; x = 1:2:2\nbad: nosuch(x)\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--symdiff", "one.txt", "-p", "no:cacheprovider", "-q"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert done.stderr == ""


def test_every_pip_install_names_symdiff_compare():
    for path in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("symdiff/**/*.py"),
        ROOT / "Makefile",
    ]:
        assert not re.search(r"pip install ['\"]?symdiff(?!-compare)\b", path.read_text()), path


def test_dependencies_are_ranges_and_all_are_pinned_in_the_constraints():
    assert "torch>=2.6" in PROJECT["project"]["dependencies"]
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    assert "torch==2.13.0" in constraints
    pinned = {line.split("==")[0].lower() for line in constraints if "==" in line}
    required = (
        PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["test"]
    )
    assert {re.split(r"[<>=]", w)[0].lower() for w in required} <= pinned


@pytest.mark.parametrize("apt", [0, 1])
@pytest.mark.parametrize("present", [True, False])
def test_continuous_integration_runs_make_test_as_the_readme_says(tmp_path, present, apt):
    # Every command that .ci/run may call is a fake that writes down how it was called.
    log, folder = tmp_path / "log", tmp_path / "bin"
    folder.mkdir()
    fakes = {
        "make": 0,
        "apt-get": apt,
        "id": 0,
        **({"chromium": 0, "chromedriver": 0} if present else {}),
    }
    for name, status in fakes.items():
        script = folder / name
        said = "echo 0" if name == "id" else f'echo "{name} $*" >> {log}'
        script.write_text(f"#!/bin/sh\n{said}\nexit {status}\n")
        script.chmod(0o755)
    for name in ("dirname", "bash"):
        (folder / name).symlink_to(shutil.which(name))
    done = subprocess.run(
        ["bash", ROOT / ".ci" / "run"],
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    called = log.read_text().splitlines()
    assert (done.returncode, called[-1]) == (0, "make test"), done.stderr
    assert ("are skipped" in done.stderr) == (apt == 1 and not present)
    installs = [line for line in called if line.startswith("apt-get install")]
    assert [line.split()[-2:] for line in installs] == [["chromium", "chromium-driver"]] * (
        apt == 0 and not present
    )
    assert "make test" in (ROOT / "README.md").read_text()


def test_the_workflow_runs_make_test_on_the_oldest_supported_python():
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text()
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert f'python: ["{oldest}", ' in workflow
    assert re.findall(r"- run: (.*)", workflow) == ["make test PYTHON=python"]


def test_pre_commit_runs_the_commands_of_make_check():
    makefile = (ROOT / "Makefile").read_text()
    checks = re.search(r"^check:.*\n((?:\t.*\n)*)", makefile, re.MULTILINE).group(1)
    commands = [line.strip().removesuffix(" .") for line in checks.splitlines()]
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    entries = re.findall(r"entry: \.venv/bin/(.*)", hooks)
    assert [command.removeprefix("$(BIN)/") for command in commands] == entries


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("errors.py", "", False),
        ("errors.py", "import symdiff.engines.base", True),  # upwards
        (
            "engines/central.py",
            "import symdiff.engines.symbolic",
            True,
        ),  # one engine imports another
        (
            "engines/torch_programs.py",
            "import symdiff.engines.autograd",
            True,
        ),  # a shared module imports an engine
    ],
)
def test_an_import_against_the_layers_is_reported(tmp_path, module, line, broken):
    shutil.copytree(ROOT / "symdiff", tmp_path / "symdiff")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    planted = tmp_path / "symdiff" / module
    planted.write_text(f"{planted.read_text()}\n{line}\n")
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert ("BROKEN" in done.stdout, done.returncode != 0) == (broken, broken), done.stdout


def test_every_function_has_a_formula():
    assert [row.name for row in CATALOGUE.values() if not row.formula] == []


FORBIDDEN = ["/work" + "/", "/root" + "/", "pypi" + ".org"]


def test_no_file_has_a_local_path_or_the_address_of_an_index():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        pytest.skip("not a git checkout: the tracked files are unknown")
    for name in tracked.stdout.split():
        path = ROOT / name
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not [word for word in FORBIDDEN if word in text], name
