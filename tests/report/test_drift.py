"""What changed between two runs: verdicts and conventions, and not the last digit."""

import json

import pytest

import symdiff
from symdiff.batch.store import Store, open_store
from symdiff.batch.task import lost
from symdiff.batch.workers import Limits
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
    """A report in which something is changed in every record that `change` wants."""
    content = json.loads((folder / "old.json").read_text())
    for record in content["records"]:
        change(record)
    (folder / name).write_text(json.dumps(content))
    return folder / name


def found(folder, change):
    return drift(read_run(folder / "old.json"), read_run(planted(folder, change)))


def is_kink(record, engine="autograd"):
    return (record["expression"], record["engine"], record["role"]) == ("a", engine, "kink")


def test_a_run_did_not_drift_from_itself(report):
    for one in ("old.db", "old.json"):
        for other in ("old.db", "old.json"):
            same = drift(read_run(report / one), read_run(report / other))
            assert not same.found and not same.missing and not same.added
    assert rendered(same) == "changed: nothing"


def test_a_verdict_that_changed_is_found(report):
    def change(record):
        if record["expression"] == "b" and record["engine"] == "symbolic":
            record["verdict"], record["value"] = "wrong", 7.0

    changed = found(report, change)
    assert changed.found and {c.what for c in changed.changes} == {"verdict"}
    assert "b x -1 symbolic agrees -2 wrong 7" in " ".join(rendered(changed).split())


def test_a_convention_that_changed_is_found_though_its_verdict_did_not(report):
    def change(record):
        if is_kink(record):
            record["value"] = 1.0

    (changed,) = found(report, change).changes
    assert changed.what == "convention"
    assert (changed.old["value"], changed.new["value"]) == (0.0, 1.0)


def test_last_digits_are_no_drift(report):
    def change(record):
        if isinstance(record["value"], float):
            record["value"] *= 1 + 1e-15

    assert not found(report, change).found


def test_a_number_where_there_was_none_is_found(report):
    def change(record):
        if record["expression"] == "c" and record["value"] == "inf":
            record["value"] = 0.0

    content = json.loads((report / "old.json").read_text())
    assert any(r["expression"] == "c" and r["value"] == "inf" for r in content["records"])
    assert found(report, change).found


def test_another_truth_is_found(report):
    def change(record):
        if is_kink(record):
            record["kind"] = "jump"

    assert {c.what for c in found(report, change).changes} == {"truth"}


def streamed(folder, name, points, kept):
    """A report of a long range that kept some points: (x, verdict, value)."""
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


def test_what_a_long_range_only_counted_agreed(report):
    old = streamed(report, "old_range.json", 10**7, [(0.5, "wrong", 7.0), (2.0, "agrees", 4.0)])
    new = streamed(report, "new_range.json", 10**7, [(0.25, "wrong", 8.0)])
    changed = drift(old, new)
    pairs = {(c.old["verdict"], c.new["verdict"], c.old["point"]["x"]) for c in changed.changes}
    assert pairs == {("wrong", "agrees", 0.5), ("agrees", "wrong", 0.25)}
    assert changed.found and not changed.unpaired


def test_ranges_of_other_lengths_have_other_points(report):
    old = streamed(report, "old_range.json", 10**7, [(0.5, "wrong", 7.0)])
    other = drift(old, streamed(report, "new_range.json", 10**7 + 1, [(0.25, "wrong", 8.0)]))
    assert other.unpaired == 2 and not other.found


def test_records_that_only_one_has_are_counted(report):
    content = json.loads((report / "old.json").read_text())
    del content["records"][3:]
    (report / "less.json").write_text(json.dumps(content))
    less = drift(read_run(report / "old.json"), read_run(report / "less.json"))
    assert less.unpaired > 0 and not less.found
    assert f"{less.unpaired} records without a counterpart" in rendered(less)


def test_expressions_and_versions_are_compared_by_name(report):
    content = json.loads((report / "old.json").read_text())
    content["versions"]["torch"] = "1.0"
    gone = content["expressions"].pop(0)["name"]
    content["records"] = [r for r in content["records"] if r["expression"] != gone]
    content["expressions"][0]["text"] = "x**3"
    content["records"][0]["verdict"] = "wrong"  # of an expression that is another one now
    (report / "less.json").write_text(json.dumps(content))
    changed = drift(read_run(report / "old.json"), read_run(report / "less.json"))
    assert not changed.found
    assert (changed.missing, changed.rewritten, changed.added) == ((gone,), ("b",), ())
    assert changed.versions["torch"][1] == "1.0"
    told = rendered(changed)
    assert "only in the old run: a" in told and "another text under the same name: b" in told
    content["lost"] = [gone]
    (report / "less.json").write_text(json.dumps(content))
    worse = drift(read_run(report / "old.json"), read_run(report / "less.json"))
    assert worse.found and worse.lost == (gone,)


def test_of_a_store_the_last_run_under_a_name_counts(report):
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
def test_what_is_neither_a_store_nor_a_report_is_told(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=name):
        read_run(tmp_path / name)
