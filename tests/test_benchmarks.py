"""benchmarks/: the measurements run on tiny sizes, and the fit of a growth is right."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
TINY = {"points": 9, "variables": 2, "components of a vector": 2, "kinks on a line": 1}


@pytest.fixture(scope="module")
def imported():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        yield importlib.import_module


def test_the_memory_of_a_process_is_its_own(imported):
    measuring = imported("measuring")
    printed, small = measuring.launched([sys.executable, "-c", "print('a'); print('b')"])
    _, large = measuring.launched([sys.executable, "-c", "bytearray(100 * 2**20)"])
    assert printed.split() == ["a", "b"]
    # This process has imported torch, and takes hundreds of MiB.
    assert small.memory < 100 < large.memory
    with pytest.raises(subprocess.CalledProcessError):
        measuring.cost([sys.executable, "-c", "import sys; sys.exit(3)"])


def test_every_part_has_a_title_of_its_own(imported):
    parts = imported("run").PARTS
    assert len({part.title for part in parts.values()}) == len(parts)


def test_the_fit_of_a_growth_finds_its_exponent(imported):
    exponent = imported("parts.growth").exponent
    sizes = np.array([10, 100, 1000])
    assert exponent(sizes, 3e-6 * sizes**1.2) == pytest.approx(1.2)
    assert exponent(sizes, [0.5, 0.5, 0.5]) == pytest.approx(0)
    # A quadratic step behind fixed costs is seen in the last step.
    assert exponent(sizes[-2:], 1 + 1e-3 * sizes[-2:] ** 2) > 1.9


def test_the_last_row_of_a_growth_has_the_exponents_and_the_bound(imported):
    growth = imported("parts.growth")
    costs = [{"seconds": 0.1 * n, "memory": float(n)} for n in (1, 2, 4)]
    rows = growth.rows_of("points", [1, 2, 4], costs)
    assert [row[1] for row in rows] == [1, 2, 4]
    assert rows[-1] == ["points", 4, "0.4000", "4", "1.00", "1.00", "1"]
    assert rows[0][4:] == ["", "", ""]


def test_work_of_every_growth_can_be_done(imported):
    growth = imported("parts.growth")
    for name, about in growth.GROWTHS.items():
        size = TINY.get(name, 3)
        assert size <= min(about.sizes)
        about.work(size)()


def test_a_growth_is_measured_in_processes(imported, monkeypatch):
    growth = imported("parts.growth")
    tiny = growth.GROWTHS["kinks on a line"]._replace(sizes=(1, 2))
    monkeypatch.setitem(growth.GROWTHS, "kinks on a line", tiny)
    headers, rows = growth.growth(["kinks on a line"])
    assert len(rows) == 2
    assert {len(row) for row in rows} == {len(headers)}


def test_formats_of_records_are_measured(imported):
    headers, rows = imported("parts.records").records(2, ("jsonl", "store"))
    assert [row[0] for row in rows] == ["jsonl", "store"]
    assert {len(row) for row in rows} == {len(headers)}


def test_runs_are_compared_with_the_plain_script(imported):
    many = imported("parts.many")
    headers, (row,) = many.many([many.Workload(2, 3, kinks=True, rounds=1)])
    assert row[:3] == [2, 3, "with"]
    assert len(row) == len(headers)


def test_the_plain_script_finds_the_derivatives(imported, tmp_path):
    script, generated = imported("plain_script"), imported("generated")
    path = generated.written(tmp_path / "a.txt", ["sin(x)", "relu(x - 0.5)*x"], "-1:1:4")
    entries = script.entries(path)
    assert [text for text, _ in entries] == ["sin(x)", "relu(x - 0.5)*x"]
    assert [script.compare(*entry) for entry in entries] == [4, 4]
    assert script.compare("relu(x)", np.array([0.0])) == 0  # torch says 0, sympy 1/2


def test_generated_expressions_have_kinks_only_if_asked_for(imported):
    generated = imported("generated")
    smooth, rough = generated.nests(30, kinks=False), generated.nests(30)
    assert not any(re.search("abs|relu", text) for text in smooth)
    assert any(re.search("abs|relu", text) for text in rough)
    assert len(set(rough)) == 30
    assert rough[0] == "cos(cos(atan(cos(x))))"  # a seed gives the same everywhere


@pytest.mark.parametrize("name", ["parts of a sum", "nested parts"])
def test_sympy_is_given_the_largest_expressions(imported, name):
    about = imported("parts.growth").GROWTHS[name]
    size = about.work(about.sizes[-1])().program.written_out
    assert 0.9 * about.sizes[-1] < size <= 3000
