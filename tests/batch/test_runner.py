"""Runs of many expressions: an error in one does not affect the others."""

import concurrent.futures
from pathlib import Path

import pytest

import symdiff
from symdiff.batch import task
from symdiff.batch.work import collect, shipped_expressions
from symdiff.errors import Crash, UsageError

TEXT = "a: relu(x)\nbad: asb(x)\nb: abs(x - y) ; x = 0:1:3\nworse: x ; z = 0:1:2\nc: x**2\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text(TEXT)
    return path


def names(report):
    return [e.name for e in report.evidence]


def test_bad_entries_are_reported_and_the_others_run(file):
    report = symdiff.compare_file(file)
    assert names(report) == ["a", "b", "c"]
    first, second = map(str, report.errors)
    assert first.startswith(f"{file}, line 2, entry 'bad': unknown function 'asb' at column 1")
    assert second.startswith(f"{file}, line 4, entry 'worse': the expression has no variable 'z'")
    assert report.status == 2


def test_a_broken_file_does_not_affect_the_others(file, tmp_path):
    (tmp_path / "broken.toml").write_text("[[expression")
    report = symdiff.compare_files([tmp_path])
    assert names(report) == ["a", "b", "c"]
    assert "broken TOML" in str(report.errors[0])


def test_workers_give_the_same_report_as_one_process(file):
    in_process, in_workers = (symdiff.compare_files([file], jobs=jobs) for jobs in (1, 2))
    assert in_process.to_json() == in_workers.to_json()


def test_an_executor_can_run_the_comparisons(file):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        report = symdiff.compare_files([file], executor=pool)
    assert names(report) == ["a", "b", "c"]


def test_a_crash_of_symdiff_affects_one_expression(file, monkeypatch):
    real = task.compare

    def compare(request, options, *columns):
        if request.label.name == "b":
            raise ZeroDivisionError("planted")
        return real(request, options, *columns)

    monkeypatch.setattr(task, "compare", compare)
    report = symdiff.compare_file(file)
    assert names(report) == ["a", "c"]
    (crash,) = [m for m in report.errors if isinstance(m, Crash)]
    assert "symdiff itself failed (ZeroDivisionError: planted)" in str(crash)


def test_a_name_used_in_two_files_is_prefixed_with_the_file_s_name(tmp_path):
    for stem in ("one", "two"):
        (tmp_path / f"{stem}.txt").write_text("f: x\n" + ("g: x\n" if stem == "one" else ""))
    assert [e.label.name for e in collect([tmp_path]).entries] == ["one/f", "g", "two/f"]


def test_names_stay_unique_for_files_with_the_same_stem(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a.txt", "sub/a.txt"):
        (tmp_path / name).write_text("f: x\n")
    (tmp_path / "a.toml").write_text('[[expression]]\nname = "f"\nexpr = "x"\n')
    names = [e.label.name for e in collect([tmp_path, tmp_path / "sub"]).entries]
    assert names == ["a.toml/f", f"{tmp_path}/a.txt/f", f"{tmp_path}/sub/a.txt/f"]


def test_a_single_path_can_be_given_without_a_list(file):
    assert names(symdiff.compare_files(str(file))) == ["a", "b", "c"]


def test_only_selects_entries_by_name(file):
    assert names(symdiff.compare_file(file, only="[ab]")) == ["a", "b"]
    with pytest.raises(UsageError, match=r"no entry's name matches 'z\*' \(the first is 'a'\)"):
        symdiff.compare_file(file, only="z*")


def test_no_path_means_the_shipped_expressions():
    assert collect([]).entries == collect([shipped_expressions()]).entries


@pytest.mark.parametrize("jobs", [0, -1])
def test_jobs_below_one_are_refused(file, jobs):
    with pytest.raises(UsageError):
        symdiff.compare_file(file, jobs=jobs)


def test_expected_verdicts_pass(tmp_path):
    toml = '[[expression]]\nname = "f"\nexpr = "heaviside(x, 0.5)"\n'
    (tmp_path / "a.toml").write_text(toml)
    assert symdiff.compare_file(tmp_path / "a.toml").status == 1
    (tmp_path / "a.toml").write_text(toml + 'expect = { autograd = ["failed"] }\n')
    assert symdiff.compare_file(tmp_path / "a.toml").status == 0


def test_an_error_in_an_entry_is_reported_with_the_line_of_its_key(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(
        '[[expression]]\nname = "f"\n\nexpr = "asb(x)"\n[[expression]]\nname = "g"\nexpr = "x"\n'
        'grid = { y = "0:1:2" }\n[[expression]]\nname = "h"\nexpr = "x"\n\nclaims = { x = "asb(x)" }\n'
    )
    messages = [str(m).splitlines()[0] for m in symdiff.compare_file(path).errors]
    assert [m.split(f"{path}, ")[1].split(":")[0] for m in messages] == [
        "line 4, entry 'f'",
        "line 7, entry 'g'",
        "line 13, entry 'h', claim x",
    ]


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ('{ autogard = ["failed"] }', "unknown engine 'autogard' (did you mean 'autograd'?)"),
        ('{ autograd = ["fialed"] }', "unknown verdict 'fialed' (did you mean 'failed'?)"),
    ],
)
def test_expected_engines_and_verdicts_are_checked(tmp_path, expect, message):
    (tmp_path / "a.toml").write_text(f'[[expression]]\nexpr = "x"\nexpect = {expect}\n')
    (error,) = symdiff.compare_file(tmp_path / "a.toml").errors
    assert message in str(error)


def test_a_file_is_named_in_the_report_without_its_folder(file):
    assert str(Path(file).parent) not in "".join(
        str(d) for d in symdiff.compare_file(file).to_json().split('"errors"')[0]
    )
