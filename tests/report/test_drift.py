"""Drift: verdicts, conventions and truths that changed, but not last digits."""

import json

import pytest
from typer.testing import CliRunner

import symdiff
from symdiff.batch.store import Store, open_store
from symdiff.batch.task import lost
from symdiff.batch.workers import Limits
from symdiff.cli.app import app
from symdiff.errors import InputError
from symdiff.report.drift import drift, read_run, rendered
from symdiff.request.request import Label, Request

TEXT = "a: relu(x) ; x = -1:1:3\nb: x**2 ; x = -1:1:3\nc: heaviside(x, 0.5) ; x = -1:1:3\n"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drift")
    (folder / "file.txt").write_text(TEXT)
    report = symdiff.compare_files(folder / "file.txt", store=folder / "old.db")
    (folder / "old.json").write_text(report.to_json())
    return folder


def planted(folder, change, name="new.json"):
    """Write a report after calling `change` on each of its records; return its path."""
    content = json.loads((folder / "old.json").read_text())
    for record in content["records"]:
        change(record)
    (folder / name).write_text(json.dumps(content))
    return folder / name


def changes_from(folder, change):
    return drift(read_run(folder / "old.json"), read_run(planted(folder, change)))


def is_kink(record, engine="autograd"):
    return (record["expression"], record["engine"], record["role"]) == ("a", engine, "kink")


def test_a_run_does_not_drift_from_itself(report):
    for one in ("old.db", "old.json"):
        for other in ("old.db", "old.json"):
            same = drift(read_run(report / one), read_run(report / other))
            assert not same.has_changes and not same.missing and not same.added
    assert rendered(same) == "changed: nothing"


def test_a_verdict_that_changed_is_found(report):
    def change(record):
        if record["expression"] == "b" and record["engine"] == "symbolic":
            record["verdict"], record["value"] = "wrong", 7.0

    changed = changes_from(report, change)
    assert changed.has_changes and {c.what for c in changed.changes} == {"verdict"}
    assert "b x -1 symbolic agrees -2 wrong 7" in " ".join(rendered(changed).split())


def test_a_convention_that_changed_is_found_though_its_verdict_did_not(report):
    def change(record):
        if is_kink(record):
            record["value"] = 1.0

    (changed,) = changes_from(report, change).changes
    assert changed.what == "convention"
    assert (changed.old["value"], changed.new["value"]) == (0.0, 1.0)


def test_rounding_noise_in_place_of_a_choice_of_0_is_no_drift(report):
    def change(record):
        if is_kink(record):
            record["value"] = 4e-15

    assert changes_from(report, change).changes == ()


def test_different_last_digits_are_no_drift(report):
    def change(record):
        if isinstance(record["value"], float):
            record["value"] *= 1 + 1e-15

    assert not changes_from(report, change).has_changes


def test_a_finite_value_that_was_infinite_is_found(report):
    def change(record):
        if record["expression"] == "c" and record["value"] == "inf":
            record["value"] = 0.0

    content = json.loads((report / "old.json").read_text())
    assert any(r["expression"] == "c" and r["value"] == "inf" for r in content["records"])
    assert changes_from(report, change).has_changes


def test_a_truth_that_changed_is_found(report):
    def change(record):
        if is_kink(record):
            record["kind"] = "jump"

    assert {c.what for c in changes_from(report, change).changes} == {"truth"}


def test_a_derivative_that_changed_is_found(report):
    def change(record):
        if record["expression"] == "b" and record["derivative"]:
            record["derivative"] += 1.0

    assert {c.what for c in changes_from(report, change).changes} == {"truth"}


def long_range(folder, name, points, kept):
    """Write a report of a long range that kept some points (x, verdict, value); return the run."""
    content = json.loads((folder / "old.json").read_text())
    pattern = next(r for r in content["records"] if r["expression"] == "b")
    head = next(head for head in content["expressions"] if head["name"] == "b")
    content["expressions"] = [{**head, "points": points, "counted_only": {"points": points - 1}}]
    content["records"] = [
        {**pattern, "point": {"x": x}, "verdict": verdict, "value": value}
        for x, verdict, value in kept
    ]
    (folder / name).write_text(json.dumps(content))
    return read_run(folder / name)


def test_engines_agreed_at_points_of_a_long_range_that_were_not_kept(report):
    old = long_range(report, "old_range.json", 10**7, [(0.5, "wrong", 7.0), (2.0, "agrees", 4.0)])
    new = long_range(report, "new_range.json", 10**7, [(0.25, "wrong", 8.0)])
    changed = drift(old, new)
    pairs = {(c.old["verdict"], c.new["verdict"], c.old["point"]["x"]) for c in changed.changes}
    assert pairs == {("wrong", "agrees", 0.5), ("agrees", "wrong", 0.25)}
    assert changed.has_changes and not changed.vanished and not changed.appeared


def test_long_ranges_of_different_lengths_have_different_points(report):
    old = long_range(report, "old_range.json", 10**7, [(0.5, "wrong", 7.0)])
    other = drift(old, long_range(report, "new_range.json", 10**7 + 1, [(0.25, "wrong", 8.0)]))
    assert (other.vanished, other.appeared) == (1, 1) and not other.has_changes


def without(folder, name, is_gone):
    """Write a report without some of its records and expressions; return the run."""
    content = json.loads((folder / "old.json").read_text())
    content["records"] = [r for r in content["records"] if not is_gone(r)]
    left = {r["expression"] for r in content["records"]}
    content["expressions"] = [head for head in content["expressions"] if head["name"] in left]
    (folder / name).write_text(json.dumps(content))
    return read_run(folder / name)


# What the new run lacks, the words on it, and the words on the reverse comparison.
GONE = {
    "an engine": (
        lambda r: r["engine"] == "central",
        "engines only in the old run: central",
        "engines only in the new run: central",
    ),
    "two engines": (
        lambda r: r["engine"] in {"central", "symbolic"},
        "engines only in the old run: central, symbolic",
        "engines only in the new run: central, symbolic",
    ),
    "an expression": (
        lambda r: r["expression"] == "a",
        "only in the old run: a",
        "only in the new run: a",
    ),
    "a point": (
        lambda r: r["expression"] == "b" and r["point"]["x"] == 1,
        "3 records only in the old run: their points differ",
        "3 records only in the new run: their points differ",
    ),
    "a point of one engine": (
        is_kink,
        "1 records only in the old run: their points differ",
        "1 records only in the new run: their points differ",
    ),
    "everything": (lambda _: True, "only in the old run: a, b, c", "only in the new run: a, b, c"),
}


@pytest.mark.parametrize("what", GONE)
def test_lost_coverage_is_reported_and_new_coverage_is_no_loss(report, what):
    is_gone, words, reverse = GONE[what]
    old, new = read_run(report / "old.json"), without(report, "less.json", is_gone)
    less, more = drift(old, new), drift(new, old)
    assert less.has_lost_coverage and words in rendered(less)
    assert "--allow-missing" in rendered(less) and "nothing" not in rendered(less)
    assert not more.has_lost_coverage and reverse in rendered(more)
    assert not less.has_changes and not more.has_changes


def test_the_status_is_1_if_coverage_is_lost_unless_that_is_allowed(report):
    without(report, "less.json", lambda r: r["engine"] == "central")
    paths = [str(report / "old.json"), str(report / "less.json")]
    runner = CliRunner()
    assert runner.invoke(app, ["drift", *paths]).exit_code == 1
    assert runner.invoke(app, ["drift", *paths, "--allow-missing"]).exit_code == 0
    assert runner.invoke(app, ["drift", *reversed(paths)]).exit_code == 0


def test_expressions_and_versions_are_compared_by_name(report):
    content = json.loads((report / "old.json").read_text())
    content["versions"]["torch"] = "1.0"
    gone = content["expressions"].pop(0)["name"]
    content["records"] = [r for r in content["records"] if r["expression"] != gone]
    content["expressions"][0]["text"] = "x**3"
    content["records"][0]["verdict"] = "wrong"  # of an expression with a different text
    (report / "less.json").write_text(json.dumps(content))
    changed = drift(read_run(report / "old.json"), read_run(report / "less.json"))
    assert not changed.has_changes and changed.has_lost_coverage
    assert (changed.missing, changed.rewritten, changed.added) == ((gone,), ("b",), ())
    assert changed.versions["torch"][1] == "1.0"
    text = rendered(changed)
    assert "only in the old run: a" in text and "different expressions under one name: b" in text
    content["lost"] = [gone]
    (report / "less.json").write_text(json.dumps(content))
    worse = drift(read_run(report / "old.json"), read_run(report / "less.json"))
    assert worse.has_changes and worse.lost == (gone,)


def test_a_store_counts_with_the_last_run_of_each_name(report):
    entry = Request(expression="x**2", label=Label(name="b"))
    with open_store(report / "old.db") as store:
        assert isinstance(store, Store)
        store.put("other key", entry, lost(entry, "it hung", "wait"), Limits())
    run = read_run(report / "old.db")
    assert "b" not in run.expressions and run.lost == ("b",)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.json", "{"),
        ("x.json", "[1, 2"),
        ("x.json", ""),
        ("x.json", '{"format": "other"}'),
        ("x.json", '{"format": "symdiff report", "expressions": [], "records": [{}]}'),
        ("x.db", "no store"),
        ("missing.db", None),
    ],
)
def test_a_file_that_is_neither_a_store_nor_a_report_is_refused(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=name):
        read_run(tmp_path / name)
