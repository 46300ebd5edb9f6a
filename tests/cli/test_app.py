"""The command line, run in this process, or in another where signals or streams matter."""

import contextlib
import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import time
import weakref

import pytest
from typer.testing import CliRunner

from symdiff.cli import interrupts
from symdiff.cli.app import app
from tests.fakes import Faulty
from tests.processes import prepared

COMMAND = [sys.executable, "-m", "symdiff"]


def run(*arguments):
    """Run the command line in this process: loading torch for every case would take minutes."""
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file.toml"
    path.write_text(
        '[[expression]]\nname = "relu"\nexpr = "relu(x)"\n[[expression]]\nname = "sine"\nexpr = "sin(x)"\n'
    )
    return path


def test_eval_prints_the_table_and_the_summary():
    done = run("eval", "relu(x)", "--grid", "x=-1:1:3")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "0  kink  [0, 1]  0.5 mean    0 left  0.5 mean  subgradient" in done.stdout
    assert "1 expression, 13 points" in done.stdout


@pytest.mark.parametrize("text", ["-abs(x)", "-1/(x + 3)", "-x"])
def test_an_expression_may_begin_with_a_minus(text):
    done = run("eval", text, "--at", "x=1")
    assert done.exit_code == 0
    assert done.output.splitlines()[2] == text


def test_a_syntax_error_after_a_minus_is_shown_at_its_column():
    done = run("eval", "-abs(y", "--at", "y=1")
    assert done.exit_code == 2
    assert "\n    -abs(y\n" in done.output


def test_strict_makes_the_verdict_silent_a_finding():
    assert run("eval", "floor(x)", "--at", "x=1").exit_code == 0
    assert run("eval", "floor(x)", "--at", "x=1", "--strict").exit_code == 1


def test_prove_all_proves_every_point():
    done = run("eval", "sin(x)", "--grid", "x=0:1:301", "--prove", "all", "--quiet")
    assert "301 of 301 derivatives proved point by point" in done.stdout
    done = run("eval", "sin(x)", "--grid", "x=0:1:301", "--quiet")
    assert "10 of 301 derivatives proved point by point" in done.stdout
    done = run("eval", "sin(x)", "--prove", "some")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "prove cannot be 'some' (filter or all)" in done.stderr


def test_a_finding_gives_status_one():
    assert run("eval", "relu(x) - relu(-x)").exit_code == 1


def test_at_adds_no_neighbours_and_accepts_exact_numbers():
    done = run("eval", "abs(x)", "--at", "x=0,1/3", "--format", "jsonl")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(r["point"]["x"], r["exact"]) for r in records[:2]] == [(0.0, None), (1 / 3, "1/3")]
    assert len(records) == 6


def test_run_accepts_files_and_folders(file):
    for path in (file, file.parent):
        done = run("run", path, "--only", "relu")
        assert done.exit_code == 0
        assert "relu: relu(x)" in done.stdout
        assert "1 expression" in done.stdout


@pytest.mark.parametrize("name", ["r.md", "r.tex", "r.html", "r.csv", "r.json", "r.jsonl", "r.txt"])
def test_the_format_of_the_output_follows_the_ending_of_its_name(file, name):
    done = run("run", file, "--output", file.parent / name, "--quiet")
    assert done.exit_code == 0
    text = (file.parent / name).read_text()
    assert "relu" in text
    if name.endswith(".json"):
        json.loads(text)
    assert {p.name for p in file.parent.iterdir()} == {"file.toml", name}


def test_a_store_is_filled_reused_and_compared_by_drift(file):
    store, report = file.parent / "s.db", file.parent / "r.json"
    assert run("run", file, "--store", store, "--quiet").exit_code == 0
    again = run("run", file, "--store", store, "--output", report, "--quiet")
    assert again.exit_code == 0 and "2 expressions" in again.stdout
    same = run("drift", store, report)
    assert (same.exit_code, same.stdout) == (0, "changed: nothing\n")
    content = json.loads(report.read_text())
    content["records"][0]["verdict"] = "wrong"
    report.write_text(json.dumps(content))
    changed = run("drift", store, report)
    assert changed.exit_code == 1
    assert "changed: 1 verdict" in changed.stdout


def test_a_file_that_is_not_a_store_is_refused_in_one_line(file):
    done = run("run", file, "--store", file)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"symdiff: {file} is not a store of symdiff (give another file, or move this one away)\n"
    )


def test_keep_all_writes_columns_next_to_the_output(file):
    done = run("run", file, "--keep", "all", "--output", file.parent / "r.json", "--quiet")
    assert done.exit_code == 0
    assert done.stderr == f"symdiff: all columns are in {file.parent / 'r.columns'}\n"
    folders = sorted(p.name for p in (file.parent / "r.columns").iterdir())
    assert folders == ["relu", "sine"]
    assert (file.parent / "r.columns" / "sine" / "autograd.verdict.npy").exists()


def test_a_lost_expression_is_named_and_the_status_is_one(planted, tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("hang: x\na: relu(x)\n")
    done = run("run", path, "--timeout", "8", "--quiet")
    assert done.exit_code == 1
    assert done.stderr == (
        f"symdiff: {path}, entry 'hang': no result: it took more than 8 s (raise --timeout)\n"
    )


BAD = [
    (["eval", "1 + asb(x)"], "symdiff: unknown function 'asb' at column 5 (did you mean 'abs'?)"),
    (
        ["eval", "x", "--grid", "y=0:1:2"],
        "symdiff: the expression has no variable 'y' (its variables: x)",
    ),
    (["eval", "x", "--grid", "x"], "symdiff: --grid 'x' is not an assignment (--grid x=-2:2:9)"),
    (["eval", "x", "--grid", "x=0:1"], "symdiff: grid x: '0:1' is not a range"),
    (["eval", "x", "--at", "x=z"], "symdiff: grid x: 'z' is not a number"),
    (
        ["eval", "x", "--engine", "qx"],
        "symdiff: unknown engine 'qx' (engines: symbolic, autograd, ",
    ),
    (["eval", "x", "--format", "docx"], "symdiff: unknown format 'docx'"),
    (
        ["eval", "x", "--output", "a.docx"],
        "symdiff: a.docx: no format ends in '.docx'",
    ),
    (
        ["eval", "x", "--output", "/no/such/a.json"],
        "symdiff: /no/such/a.json: there is no folder /no/such",
    ),
    (["eval", "x", "--rtol", "-1"], "symdiff: rtol cannot be -1 (a finite number, at least 0)"),
    (["eval", "x", "--seed", "-1"], "symdiff: seed cannot be -1"),
    (
        ["eval", "x", "--max-points", "0"],
        "symdiff: max_points cannot be 0 (an integer, at least 1)",
    ),
    (["eval", "x", "--output", "/"], "symdiff: --output / is a folder (give the name of a file"),
    (["eval", "x", "--output", ""], "symdiff: --output . is a folder"),
    (["eval", "x", "--let", "h=1", "--let", "h=2"], "symdiff: --let h is given twice (keep one)"),
    (
        ["eval", "x", "--at", "x=floor(10**30*tanh(9999))"],
        "symdiff: grid x: 'floor(10**30*tanh(9999))' cannot be evaluated exactly",
    ),
    (["eval", "x, y"], "symdiff: a tuple is not allowed in an expression at column 1"),
    (["eval", "x", "--let", "h"], "symdiff: --let 'h' is not an assignment"),
    (["eval", "x", "--wrt", "y"], "symdiff: the expression has no variable 'y'"),
    (["eval", "x", "--claim", "x=z"], "symdiff: claim x: unknown variable 'z'"),
    (["eval", "x", "--keep", "some"], "symdiff: keep cannot be 'some' (findings or all)"),
    (["eval", "x", "--grid", "x=0:1:99999999999"], "symdiff: grid x: a range has 1 to 10000000000"),
    (["run", "--timeout", "0"], "symdiff: timeout cannot be 0 (a number of seconds"),
    (["run", "--memory", "-1"], "symdiff: memory cannot be -1 (a number of GiB"),
    (["run", "--jobs", "0"], "symdiff: jobs cannot be 0 (an integer, at least 1)"),
    (["run", "--store", "/no/such/s.db"], "symdiff: /no/such/s.db: there is no folder /no/such"),
    (["run", "--dask", "nowhere"], "symdiff: no Dask scheduler at 'nowhere'"),
    (["drift", "no.db", "no.json"], "symdiff: no.db: No such file or directory (two files"),
    (["run", "missing.toml"], "symdiff: missing.toml: no such file or folder"),
    (["eval", "x", "--value", "x"], "symdiff: --value 'x' is not an assignment (--value w=[[1, 2]"),
    (["eval", "x", "--value", "x=[1"], "symdiff: --value x: '[1' is not a tensor (--value 'w=[[1,"),
    (["eval", "x", "--value", "x=[[1], 2]"], "symdiff: values x: the lists have different lengths"),
    (
        ["eval", "x", "--value", "x={shap=[2]}"],
        "symdiff: values x: shape must be a list of positive integers",
    ),
    (["eval", "x", "--value", "y=1"], "symdiff: values: no expression has a variable 'y'"),
    (
        ["eval", "x", "--value", "x=[1, 2]", "--cotangent", "[1]"],
        "symdiff: cotangent: the cotangent has",
    ),
    (
        ["eval", "x", "--value", "x=[1, 2]", "--tangent", "x=1"],
        "symdiff: tangent: the tangent of x has",
    ),
    (["eval", "x", "--value", "x=[1, 2]", "--accumulate", "0"], "symdiff: accumulate cannot be 0"),
    (["eval", "x", "--max-components", "-1"], "symdiff: max_components cannot be -1"),
    (
        ["eval", "x @ w", "--value", "x=[[1, 2]]", "--value", "w=[[1, 2]]"],
        "symdiff: matmul of x (1, 2) and w (1, 2): the inner dimensions 2 and 1 are not equal at column 1\n    x @ w\n    ^^^^^",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_gives_one_message_and_status_two(arguments, message):
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith(message)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_bad_entry_is_reported_and_the_others_are_compared(file):
    file.write_text(file.read_text() + '[[expression]]\nname = "bad"\nexpr = "asb(x)"\n')
    done = run("run", file)
    assert done.exit_code == 2
    assert (
        f"symdiff: {file}, line 9, entry 'bad': unknown function 'asb' at column 1" in done.stderr
    )
    assert "2 expressions" in done.stdout
    assert "1 entry could not be used" in done.stdout


def test_a_failed_engine_gives_status_one():
    done = run("eval", "heaviside(x, 0.5)")
    assert done.exit_code == 1
    message = "autograd failed: RuntimeError: derivative for aten::heaviside is not implemented"
    assert message in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "command", [["functions"], ["engines"], ["--version"], ["--help"], ["eval", "--help"]]
)
def test_listings_and_help_print_something(command):
    done = run(*command)
    assert done.exit_code == 0
    assert done.stdout


def test_every_function_is_listed():
    from symdiff.catalogue import BY_NAME

    listed = run("functions").stdout
    assert [name for name in BY_NAME if not re.search(rf"\b{name}\b", listed)] == []


def many(folder, count=2000):
    """Write a file with so many expressions that comparing them takes half a minute or more."""
    path = folder / "many.txt"
    path.write_text("".join(f"f{i}: abs(x - {i})*exp(x) ; x = -1:1:50\n" for i in range(count)))
    return path


def started(folder, *options):
    """Start a run of many expressions that does not ignore SIGINT, as a background process does."""
    interruptible = prepared("import signal; signal.signal(signal.SIGINT, signal.SIG_DFL)")
    return subprocess.Popen(
        [*interruptible, *COMMAND, "run", many(folder), "--quiet", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def interrupted(process):
    """Press Ctrl-C; return what a process writes until it ends."""
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in re.sub(r"Exception ignored in.*\n(Traceback.*\n( .*\n)*)?", "", err)
    return out, err


def stored(path):
    """Return how many results are in a store."""
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'results'")
        if tables.fetchone() == (0,):
            return 0
        return connection.execute("SELECT count(*) FROM results").fetchone()[0]


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_writes_finished_results_and_gives_status_130(tmp_path, jobs):
    output, store = tmp_path / "report.json", tmp_path / "store.db"
    process = started(tmp_path, "--jobs", str(jobs), "--output", output, "--store", store)
    # Results are stored as they arrive and reported in order: the first may arrive after others.
    while process.poll() is None and stored(store) < 20:
        time.sleep(0.05)
    out, err = interrupted(process)
    done = re.search(r"interrupted: (\d+) of 2000 expressions are done", err)
    assert 0 < int(done.group(1)) < 2000
    report = json.loads(output.read_text())
    assert len(report["expressions"]) == int(done.group(1))
    assert f"{done.group(1)} expression" in out


@pytest.mark.parametrize(("jobs", "seconds"), [(1, 0.5), (2, 0.8)])
def test_ctrl_c_while_libraries_load_gives_status_130(tmp_path, jobs, seconds):
    process = started(tmp_path, "--jobs", str(jobs), "--output", tmp_path / "report.json")
    time.sleep(seconds)
    _, err = interrupted(process)
    if "expressions are done" not in err:  # a fast machine has loaded them by then
        assert err.endswith("symdiff: interrupted: nothing is done yet, and nothing is written\n")
        assert not (tmp_path / "report.json").exists()


class Interrupted(Faulty):
    """An engine during which Ctrl-C is pressed, in a finalizer: Python drops the exception."""

    def __init__(self):
        super().__init__("interrupted", lambda derivatives: derivatives)

    def differentiate(self, problem):
        weakref.finalize(set(), signal.raise_signal, signal.SIGINT)
        return super().differentiate(problem)


@pytest.fixture
def during(register, monkeypatch):
    """The name of an engine during which Ctrl-C is pressed."""
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    # A process that is started in the background ignores SIGINT by default.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield register(Interrupted())
    signal.signal(signal.SIGINT, former)


class Forgetful(interrupts.Interrupts):
    """It remembers nothing."""

    def check(self):
        pass


def test_a_ctrl_c_that_python_drops_ends_the_run(during, file):
    done = run("run", file, "--engine", during)
    assert (done.exit_code, done.stderr) == (
        130,
        "symdiff: interrupted: 1 of 2 expressions are done\n",
    )
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_remembers_nothing_would_lose_it(during, file, monkeypatch):
    monkeypatch.setattr(interrupts, "Interrupts", Forgetful)
    assert run("run", file, "--engine", during).exit_code == 0


def test_the_handler_of_somebody_else_stays():
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.remembered() as remembered:
            signal.raise_signal(signal.SIGINT)
            remembered.check()
    finally:
        signal.signal(signal.SIGINT, former)


def test_a_separate_process_prints_the_same(file):
    done = subprocess.run([*COMMAND, "run", file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, run("run", file).stdout, "")
    bad = subprocess.run([*COMMAND, "eval", "asb(x)"], capture_output=True, text=True, check=False)
    assert bad.returncode == 2
    assert bad.stderr.startswith("symdiff: unknown function 'asb' at column 1")


def test_an_error_in_the_expression_is_reported_before_heavy_libraries_load():
    probe = (
        "import sys; from typer.testing import CliRunner; from symdiff.cli.app import app\n"
        "print(CliRunner().invoke(app, ['eval', 'asb(x)']).exit_code)\n"
        "print([m for m in ('torch', 'sympy', 'numpy', 'flint') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["2", "[]"]


def test_a_defect_of_symdiff_is_reported_in_one_line(monkeypatch):
    from symdiff.report import report

    monkeypatch.setattr(report.Report, "rendered", lambda *_, **__: 1 / 0)
    done = run("eval", "x")
    assert done.exit_code == 1
    assert (
        done.stderr
        == "symdiff: this call: symdiff itself failed (ZeroDivisionError: division by zero); please report this\n"
    )


def test_a_closed_pipe_is_not_an_error(file):
    done = subprocess.run(
        f"{sys.executable} -m symdiff run --only 'abs*' --all | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("options", "has_line", "has_table"),
    [((), True, False), (("--brief",), False, False), (("--verbose",), False, True)],
)
def test_many_expressions_have_a_line_each_or_a_table(file, options, has_line, has_table):
    printed = run("run", file, *options).stdout
    assert printed.startswith("PASS: all 2 expressions\n\n")
    assert ("\nsine  ok    " in printed) == has_line
    assert ("\nsine: sin(x)\n" in printed) == has_table
    assert "\n2 expressions, " in printed


def test_a_progress_bar_is_shown_on_a_terminal_only(file):
    assert run("run", file).stderr == ""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "run", file],
        stdout=subprocess.DEVNULL,
        stderr=follower,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(follower)
    # Read while it runs: the process blocks when the terminal's buffer is full.
    output = b"".join(iter(lambda: read_terminal(leader), b""))
    os.close(leader)
    assert process.wait() == 0
    assert b"comparing" in output
    assert b"2/2" in output
    assert b"left" in output


def read_terminal(leader):
    """Return the next bytes of a terminal; b"" after its last writer has ended."""
    try:
        return os.read(leader, 2**16)
    except OSError:  # how Linux reports the end
        return b""


TENSORS = [
    (["softmax(x, dim=0)", "--value", "x=[3, 1, 0.2]"], 0, "Jacobian with respect to x: 3 x 3, dense"),
    (["2*x", "--value", "x=[1, 2, 3]", "--cotangent", "[0.1, 1, 0.0001]"], 0, "0.2      2  0.0002"),
    (["2*x", "--value", "x=[1, 2]", "--value", "g=[5, 7]", "--cotangent", "g"], 0, "10     14"),
    (["x**2", "--value", "x=[1, 2]", "--tangent", "x=[1, 1]"], 0, "along the tangent"),
    (["x**2", "--value", "x=3", "--accumulate", "2"], 0, "12"),
    (["x.sum()", "--value", "x={shape=[30, 30], seed=1}"], 0, "x along v1"),
    (["x.sum()", "--value", "x={shape=[3, 3], seed=1}", "--max-components", "4"], 0, "x along v3"),
    (["x.sum()", "--value", "x=[1, 2]", "--claim", "x=[1, 1]"], 0, "claim: agrees 2"),
    (["x.sum()", "--value", "x=[1, 2]", "--claim", "x=[1, 3]"], 1, "wrong: claim"),
    (["x.sum()", "--value", "x=[1, 2]", "--claim", "x=1"], 1, "claim failed: the claim has shape ()"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "status", "text"), TENSORS)
def test_eval_accepts_tensors(arguments, status, text):
    done = run("eval", *arguments)
    assert (done.exit_code, done.stderr) == (status, "")
    assert text in done.stdout


def test_points_of_a_file_are_compared_in_its_order(tmp_path):
    file = tmp_path / "points.csv"
    file.write_text("y,x\n5,2\n7,-1\n5,2\n")
    done = run("eval", "relu(x)*y", "--points", str(file), "--wrt", "x", "--format", "jsonl")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    autograd = [r for r in records if r["engine"] == "autograd"]
    assert [r["point"] for r in autograd] == [
        {"x": 2.0, "y": 5.0},
        {"x": -1.0, "y": 7.0},
        {"x": 2.0, "y": 5.0},
    ]
    assert [r["value"] for r in autograd] == [5.0, 0.0, 5.0]
    both = run("eval", "relu(x)*y", "--points", str(file), "--at", "x=1")
    assert (both.exit_code, both.stderr.count("\n")) == (2, 1)
    assert "--at cannot be combined with --points" in both.stderr


@pytest.mark.parametrize("form", ["plain", "github", "latex", "html", "csv", "json", "jsonl"])
def test_tensors_are_shown_in_every_format(form):
    done = run("eval", "relu(x)", "--value", "x=[-1, 0, 2]", "--format", form)
    assert done.exit_code == 0
    assert any(text in done.stdout for text in ("kink", "0 | 1", r"0 \| 1", r"$0 \mid 1$"))


def test_no_line_is_wider_than_a_terminal_of_80_columns():
    done = run("eval", "tanh(x @ w)", "--value", "x={shape=[3, 5], seed=0}", "--value",
               "w={shape=[5, 6], seed=1}", "--wrt", "x")  # fmt: skip
    assert done.exit_code == 0
    assert max(map(len, done.stdout.splitlines())) < 80
    assert "shown; records have them all" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (
            [
                "linear(x, w, b)",
                "--value",
                "x=[[1, 2]]",
                "--value",
                "w=[[1, 2]]",
                "--value",
                "b=[1]",
            ],
            0,
            "AddmmBackward0\n├─ b\n├─ x\n└─ TBackward0\n   └─ w\n",
        ),
        (
            ["x @ w"],
            2,
            "symdiff: torch refused the expression: RuntimeError: both arguments to matmul",
        ),
        (["relu(x)*x"], 0, "MulBackward0\n├─ ReluBackward0\n│  └─ x\n└─ x\n"),
        (["-x"], 0, "NegBackward0\n└─ x\n"),
        (
            ["h**2", "--let", "h=sin(x)", "--at", "x=pi"],
            0,
            "PowBackward0\n└─ SinBackward0\n   └─ x\n",
        ),
        (["exp(x)", "--format", "dot"], 0, '  n1 [label="x", shape=box];'),
        (["exp(x)", "--format", "png"], 2, "symdiff: unknown format 'png' (formats: text, dot)"),
        (["exp(x)", "--at", "x=0,1"], 2, "symdiff: --at x has several points"),
        (["exp(x)", "--at", "y=0"], 2, "symdiff: the expression has no variable 'y'"),
        (["cbrt(x)"], 2, "symdiff: torch cannot run the expression: cbrt"),
        (["exp(x"], 2, "symdiff: "),
    ],
)
def test_graph_prints_the_graph_that_torch_records(arguments, status, text):
    done = run("graph", *arguments)
    assert done.exit_code == status
    assert text in (done.stderr if status else done.stdout)


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["-x**2", "--as", "sympy"], 0, "-x**2\n"),
        (["h/2", "--let", "h=abs(x)", "--as", "fpcore"], 0, "(let* ([h (fabs x)])"),
        (["x", "--as", "latx"], 2, "unknown language 'latx' (did you mean 'latex'?)"),
        (["x", "--as", "latex", "--output", "x.txt"], 2, "--as latex > FILE"),
    ],
)
def test_an_expression_is_printed_in_another_language(arguments, status, text):
    done = run("eval", *arguments)
    assert (done.exit_code, text in done.output) == (status, True), done.output
