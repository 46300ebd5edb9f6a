"""Fixtures: engines for one test, and faults in workers, chosen by the name of the entry."""

import contextlib
import multiprocessing
import os

import pytest

from symdiff.engines import registry
from symdiff.libraries import collect_rarely

# As the command line does: the suite keeps millions of objects that are never freed.
collect_rarely()

# Worker processes run this at their start. The name of an entry says which fault it has.
PLANTED = """
import os, signal, time
from symdiff.batch import task

real = task.compare
marks = os.environ["SYMDIFF_TEST_MARKS"]


def compare(request, options, writer):
    name = request.label.name
    if name.startswith("hang"):
        time.sleep(3600)
    if name.startswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if name.startswith("once") and not os.path.exists(os.path.join(marks, name)):
        open(os.path.join(marks, name), "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("hog"):
        kept = [bytearray(2**26) for _ in range(2**10)]
    if name.startswith("slow"):
        time.sleep(0.3)
    return real(request, options, writer)


task.compare = compare
"""


@pytest.fixture
def register():
    """A function that registers an engine until the test ends, and returns its name."""
    with contextlib.ExitStack() as stack:

        def enter(engine):
            return stack.enter_context(registry.registered(engine)).name

        yield enter


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """Plant the faults in every process started from now on; return the folder of their marks."""
    stop_forks()
    folder = tmp_path / "planted"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(PLANTED)
    former = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), former])))
    monkeypatch.setenv("SYMDIFF_TEST_MARKS", str(folder))
    yield folder
    stop_forks()


def stop_forks():
    """Stop the process that workers are forked from: it keeps the environment of its start."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        from multiprocessing import forkserver

        forkserver._forkserver._stop()
