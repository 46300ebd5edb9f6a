"""The store: no result is lost or computed twice, and no other file is overwritten."""

import dataclasses
import os
import sqlite3
import subprocess
import sys
import textwrap

import pytest

import symdiff
from symdiff import versions
from symdiff.batch import store as storing
from symdiff.batch import task
from symdiff.batch.store import key_of, open_store
from symdiff.batch.workers import Limits
from symdiff.errors import StoreError
from symdiff.request.options import Options
from symdiff.request.request import Label, Request
from tests.processes import prepared

TEXT = "a: relu(x)\nb: abs(x - y) ; x = 0:1:3\nc: x**2\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def compared(monkeypatch):
    """The names of the requests that are compared and not read from the store."""
    names, real = [], task.compare

    def compare(request, options, *columns):
        names.append(request.label.name)
        return real(request, options, *columns)

    monkeypatch.setattr(task, "compare", compare)
    return names


def rows(path):
    with sqlite3.connect(path) as connection:
        query = "SELECT number, name, key FROM names JOIN results USING (key) ORDER BY number"
        return connection.execute(query).fetchall()


def test_stored_results_are_not_compared_again(file, tmp_path, compared):
    path = tmp_path / "results.db"
    first = symdiff.compare_files(file, store=path)
    assert compared == ["a", "b", "c"]
    second = symdiff.compare_files(file, store=path)
    assert compared == ["a", "b", "c"]
    assert second.to_json() == first.to_json() == symdiff.compare_files(file).to_json()


def test_stored_results_keep_the_options_of_their_entries(tmp_path):
    # The order is the entry's own, and the engines are those that have this order.
    file = tmp_path / "file.toml"
    tensors = "values = { x = [1, 2] }\ntangent = { x = [1, 0] }"
    file.write_text(f'[[expression]]\nexpr = "(x**3).sum()"\norder = 2\n{tensors}\n')
    first, second = (symdiff.compare_file(file, store=tmp_path / "results.db") for _ in "12")
    assert first.evidence[0].options == second.evidence[0].options
    assert second.evidence[0].options.order == 2
    assert second.table() == first.table()


def test_with_columns_every_expression_is_compared(file, tmp_path, compared):
    symdiff.compare_files(file, store=tmp_path / "results.db")
    symdiff.compare_files(file, store=tmp_path / "results.db", columns=tmp_path / "columns")
    assert compared == ["a", "b", "c", "a", "b", "c"]
    folders = sorted(path.name for path in (tmp_path / "columns").iterdir())
    assert folders == ["a", "b", "c"]


def test_only_changed_expressions_are_compared(file, tmp_path, compared):
    path = tmp_path / "results.db"
    symdiff.compare_files(file, store=path)
    file.write_text(TEXT.replace("x**2", "x**3").replace("a:", "renamed:"))
    report = symdiff.compare_files(file, store=path)
    assert compared == ["a", "b", "c", "c"]
    assert [e.name for e in report.evidence] == ["renamed", "b", "c"]
    assert report.evidence[2].program.text == "x**3"


def test_two_names_of_one_expression_share_a_result(tmp_path, compared):
    path, file = tmp_path / "s.db", tmp_path / "twice.txt"
    file.write_text("a: relu(x)\nb: relu(x)\n")
    first = symdiff.compare_files(file, store=path)
    again = symdiff.compare_files(file, store=path)
    assert [e.name for e in again.evidence] == ["a", "b"] and again.to_json() == first.to_json()
    with open_store(path) as store:
        assert [name for name, _, _ in store.outcomes()] == ["a", "b"]
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM results").fetchone() == (1,)


REQUEST = Request(expression="relu(x)", grid={"x": "-1:1:3"}, label=Label(name="f"))


@pytest.mark.parametrize(
    ("request_", "options"),
    [
        (dataclasses.replace(REQUEST, expression="relu( x)"), Options()),
        (dataclasses.replace(REQUEST, grid={"x": "-1:1:5"}), Options()),
        (dataclasses.replace(REQUEST, claims={"x": "1"}), Options()),
        (dataclasses.replace(REQUEST, spellings={"s": "relu(x)"}), Options()),
        (dataclasses.replace(REQUEST, values={"x": [1]}), Options()),
        (REQUEST, Options(engines=("central",))),
        (REQUEST, Options(kinks=False)),
        (REQUEST, Options(rtol=1e-6)),
        (REQUEST, Options(max_proofs=3)),
        (dataclasses.replace(REQUEST, accumulate=2), Options()),
        (REQUEST, Options(seed=1)),
    ],
)
def test_the_key_depends_on_everything_that_a_result_depends_on(request_, options):
    assert key_of(request_, options) != key_of(REQUEST, Options())


def test_the_key_depends_on_the_versions(monkeypatch):
    before = key_of(REQUEST, Options())
    monkeypatch.setattr(storing, "computing_versions", lambda _: {"torch": "0.1"})
    assert key_of(REQUEST, Options()) != before


def test_the_key_depends_on_the_versions_that_the_engines_of_the_run_use(monkeypatch):
    with_symengine, without = Options(engines=("symengine",)), Options(engines=("central",))
    before = key_of(REQUEST, with_symengine), key_of(REQUEST, without)
    real = versions._version
    upgraded = {"symengine": "99.0"}
    monkeypatch.setattr(versions, "_version", lambda name: upgraded.get(name) or real(name))
    after = key_of(REQUEST, with_symengine), key_of(REQUEST, without)
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_labels_are_those_of_the_present_request(tmp_path):
    label = Label(name="g", note="see there", file="other.toml")
    labelled = dataclasses.replace(REQUEST, label=label)
    outcome = task.attempt(REQUEST, Options())
    with open_store(tmp_path / "s.db") as store:
        store.put("key", REQUEST, outcome, Limits())
        back = store.get("key", labelled, Options(strict=True), Limits())
    assert (back.label, back.options.strict) == (label, True)


def test_a_lost_expression_is_tried_again_with_other_limits(tmp_path):
    gone = task.lost(REQUEST, "it took more than 1 s", "raise --timeout")
    with open_store(tmp_path / "s.db") as store:
        store.put("key", REQUEST, gone, Limits(timeout=1))
        assert str(store.get("key", REQUEST, Options(), Limits(timeout=1))) == str(gone)
        assert store.get("key", REQUEST, Options(), Limits(timeout=2)) is None


def write_unusable(path, kind, file):
    """Write a file that is not a store, or a store that is damaged or of a different version."""
    if kind == "text":
        path.write_text("nothing of ours\n" * 100)
    elif kind == "short":
        path.write_bytes(b"SQLite format 3\x00")
    elif kind == "database":
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE results (key TEXT)")
    else:
        symdiff.compare_files(file, store=path)
        content = bytearray(path.read_bytes())
        if kind == "version":
            content[60:64] = (99).to_bytes(4, "big")
        elif kind == "truncated":
            content = content[: len(content) // 2]
        elif kind == "overwritten":
            content[4096:8192] = b"\xff" * 4096
        path.write_bytes(content)


@pytest.mark.parametrize(
    "kind", ["text", "short", "database", "version", "truncated", "overwritten"]
)
def test_a_foreign_or_damaged_file_is_refused_and_left_untouched(file, tmp_path, kind):
    path = tmp_path / "some.db"
    write_unusable(path, kind, file)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"some\.db"):
        symdiff.compare_files(file, store=path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.glob("some.db*")) == ["some.db"]


def test_a_damaged_result_is_reported(file, tmp_path):
    path = tmp_path / "s.db"
    symdiff.compare_files(file, store=path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE results SET content = ? WHERE number = 2", (b"garbage",))
    with pytest.raises(StoreError, match=r"s\.db: a result is damaged"):
        symdiff.compare_files(file, store=path)


def test_a_folder_and_a_missing_folder_are_refused(file, tmp_path):
    with pytest.raises(StoreError, match="mkdir -p"):
        symdiff.compare_files(file, store=tmp_path / "no" / "s.db")
    with pytest.raises(StoreError):
        symdiff.compare_files(file, store=tmp_path)


def test_an_empty_file_becomes_a_store(file, tmp_path):
    path = tmp_path / "s.db"
    path.touch()  # as after a run that was killed at its first step
    symdiff.compare_files(file, store=path)
    assert len(rows(path)) == 3


def test_two_runs_at_the_same_time_lose_nothing(tmp_path):
    path = tmp_path / "s.db"
    script = "import sys, symdiff; symdiff.compare_files(sys.argv[1], store=sys.argv[2])"
    runs = []
    for k in (1, 2):
        file = tmp_path / f"{k}.txt"
        file.write_text("".join(f"f{k}_{i}: relu(x - {i})*{k}\n" for i in range(30)) + "both: x\n")
        runs.append(subprocess.Popen([sys.executable, "-c", script, str(file), str(path)]))
    assert [run.wait() for run in runs] == [0, 0]
    names = [name for _, name, _ in rows(path)]
    expected = {"both", *(f"f{k}_{i}" for k in (1, 2) for i in range(30))}
    assert set(names) == expected and len(names) == len(expected)


def test_a_full_disk_ends_with_an_error_and_a_readable_store(tmp_path):
    """The operating system limits the size of files."""
    many = tmp_path / "many.txt"
    many.write_text("".join(f"f{i}: relu(x - {i})\n" for i in range(60)))
    path = tmp_path / "s.db"
    limited = prepared("import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000,) * 2)")
    command = [sys.executable, "-m", "symdiff", "run", str(many), "--store", str(path), "--quiet"]
    ended = subprocess.run(
        [*limited, *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    (line,) = ended.stderr.strip().splitlines()
    assert line.startswith(f"symdiff: {path}: ") and "what was stored before is safe" in line
    done = len(rows(path))
    assert 0 < done < 60
    report = symdiff.compare_files(many, store=path)
    assert len(rows(path)) == 60
    assert report.to_json() == symdiff.compare_files(many).to_json()


COUNT = 80  # expressions of a run that is killed
KILLING_SCRIPT = """
    import os, random, signal, sqlite3, sys, time
    import numpy, scipy.special, sympy, torch  # once, without threads: the runs below are forked
    import symdiff, symdiff.api, symdiff.comparison.compare
    from symdiff.engines.registry import load

    for name in ("autograd", "central"):
        load(name)
    file, folder = sys.argv[1:3]
    seed, kills, count = map(int, sys.argv[3:])
    rng = random.Random(seed)

    def run(store, report):
        child = os.fork()
        if not child:
            engines = ["autograd", "central"]
            text = symdiff.compare_files(file, store=store, engines=engines).to_json()
            with open(report, "w") as target:
                target.write(text)
            os._exit(0)
        return child

    def rows(store):
        if not os.path.exists(store) or not os.path.getsize(store):
            return {}
        with sqlite3.connect(store) as connection:
            tables = connection.execute("SELECT 1 FROM sqlite_master").fetchall()
            query = "SELECT number, key, content FROM results"
            return {n: rest for n, *rest in connection.execute(query)} if tables else {}

    assert len(os.listdir("/proc/self/task")) == 1, "threads do not survive a fork"
    os.waitpid(run(f"{folder}/whole.db", f"{folder}/whole.json"), 0)
    whole = open(f"{folder}/whole.json").read()
    number = killed = 0
    while number < kills:
        store, report = f"{folder}/{number}.db", f"{folder}/{number}.json"
        child = run(store, report)
        least = rng.randrange(count - 10)  # some are left, on however fast a machine
        while len(rows(store)) < least:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        assert os.WIFSIGNALED(status), "it ended before the kill"
        before = rows(store)
        killed += 0 < len(before) < count
        os.waitpid(run(store, report), 0)
        after = rows(store)
        assert len(after) == len({key for key, _ in after.values()}) == count, number
        assert all(after[n] == kept for n, kept in before.items()), number
        assert open(report).read() == whole, number
        number += 1
    print(killed)
"""


@pytest.mark.parametrize("seed", [0, 1])
def test_a_run_killed_at_random_moments_can_go_on(tmp_path, seed):
    """Ten kills for each seed: no row is lost or doubled, and the report is the same."""
    many = tmp_path / "many.txt"
    many.write_text("".join(f"f{i}: abs(x - {i}) ; x = 0:1:2\n" for i in range(COUNT)))
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(KILLING_SCRIPT),
            str(many),
            str(tmp_path),
            str(seed),
            "10",
            str(COUNT),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) >= 5  # most were killed in the middle
