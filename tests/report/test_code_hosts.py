"""JUnit and SARIF: their structure, what they say, and hostile names."""

import dataclasses
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch
from defusedxml import ElementTree

import symdiff
from symdiff.report.formats import junit
from symdiff.report.report import Report

HOSTILE = "a\x1b[31m\x00<&\"']]>\ufffe\n=cmd|'1'!A1"
_TOML = """
[[expression]]
name = "good"
expr = "abs(x)"
grid = { x = [0] }

[[expression]]
name = "bad"
expr = "x**2"
grid = { x = [0, 1, 2] }
claims = { x = "3*x" }

[[expression]]
name = "unreadable"
expr = "asb(x)"
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "my file.toml"
    path.write_text(_TOML)
    return symdiff.compare_files([path], engines=["autograd"])


@pytest.fixture(scope="module")
def hostile(report):
    """The same report with a hostile name in every expression."""
    return Report(
        tuple(
            dataclasses.replace(e, label=dataclasses.replace(e.label, name=HOSTILE))
            for e in report.evidence
        ),
        report.errors,
    )


def junit_faults(text):
    """Return what JUnit's common schema forbids in a document."""
    faults, root = [], ElementTree.fromstring(text)
    allowed = {
        "testsuites": ({"name", "tests", "failures", "errors"}, {"testsuite"}),
        "testsuite": (
            {"name", "tests", "failures", "errors", "skipped"},
            {"properties", "testcase"},
        ),
        "properties": (set(), {"property"}),
        "property": ({"name", "value"}, set()),
        "testcase": ({"classname", "name"}, {"failure", "error", "skipped"}),
        "failure": ({"message", "type"}, set()),
        "error": ({"message", "type"}, set()),
        "skipped": ({"message"}, set()),
    }
    if root.tag != "testsuites":
        faults.append(f"root {root.tag}")
    for element in root.iter():
        attributes, children = allowed.get(element.tag, (set(), set()))
        if set(element.attrib) != attributes:
            faults.append(f"attributes of {element.tag}")
        faults += [
            f"{child.tag} in {element.tag}" for child in element if child.tag not in children
        ]
    for suite in root.iter("testsuite"):
        for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            if int(suite.get(name)) != len(list(suite.iter(tag))):
                faults.append(f"count of {name}")
    return faults


def sarif_faults(log):
    """Return what the schema of SARIF 2.1.0 forbids in the parts that are written."""
    faults = [] if log["version"] == "2.1.0" else ["version"]
    for run in log["runs"]:
        driver = run["tool"]["driver"]
        rules = [rule["id"] for rule in driver["rules"]]
        faults += ["rules twice"] if len(set(rules)) != len(rules) else []
        for result in run["results"]:
            faults += _result_faults(result, rules)
        hashes = [r["partialFingerprints"]["symdiff/v1"] for r in run["results"]]
        faults += ["fingerprint twice"] if len(set(hashes)) != len(hashes) else []
    return faults


def _result_faults(result, rules):
    faults = [] if rules[result["ruleIndex"]] == result["ruleId"] else ["ruleIndex"]
    faults += [] if result["level"] in {"none", "note", "warning", "error"} else ["level"]
    faults += [] if result["message"]["text"] else ["message"]
    for location in result["locations"]:
        place = location.get("physicalLocation")
        if place:
            uri = place["artifactLocation"]["uri"]
            is_relative = not urlsplit(uri).scheme and not uri.startswith("/")
            faults += [] if is_relative and re.fullmatch(r"[\w%./~-]+", uri) else ["uri"]
            faults += [] if place.get("region", {"startLine": 1})["startLine"] >= 1 else ["line"]
    return faults


def test_junit_has_a_test_for_each_expression_and_engine(report):
    text = report.rendered("junit")
    assert junit_faults(text) == []
    cases = {
        (c.get("classname"), c.get("name")): c
        for c in ElementTree.fromstring(text).iter("testcase")
    }
    outcomes = {key: [child.tag for child in case] for key, case in cases.items()}
    assert outcomes == {
        ("good", "autograd"): [],
        ("bad", "autograd"): [],
        ("bad", "claim"): ["failure"],
        ("symdiff", "entry 1"): ["error"],
    }
    (failure,) = cases["bad", "claim"]
    assert failure.get("type") == "wrong"
    assert re.match(r"wrong: d/dx at .*: 3, the truth is 2 at x = 1 ", failure.get("message"))
    assert "asb" in cases["symdiff", "entry 1"][0].get("message")


def test_sarif_names_the_line_of_the_expression(report):
    log = json.loads(report.rendered("sarif"))
    assert sarif_faults(log) == []
    wrong, unusable = log["runs"][0]["results"]
    assert (wrong["ruleId"], wrong["level"]) == ("wrong", "error")
    place = wrong["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%20file.toml"
    assert place["region"]["startLine"] == 1 + _TOML.splitlines().index('expr = "x**2"')
    assert unusable["ruleId"] == "unusable-entry"
    assert unusable["locations"][0]["physicalLocation"]["region"]["startLine"] == (
        1 + _TOML.splitlines().index('expr = "asb(x)"')
    )


def test_sarif_has_the_columns_of_the_part_to_blame(tmp_path):
    path = tmp_path / "parts.toml"
    text = """
[[expression]]
expr = "1 + h"
let = { h = "relu(x) - relu(-x)" }
grid = { x = [0] }
[[expression]]
expr = "\\u0078 + relu(x) - relu(-x)"
grid = { x = [0] }
"""
    path.write_text(text)
    found = symdiff.compare_files([path], engines=["autograd"])
    results = json.loads(found.rendered("sarif"))["runs"][0]["results"]
    regions = [r["locations"][0]["physicalLocation"]["region"] for r in results]
    let, escaped = (text.splitlines().index(line) for line in text.splitlines() if "relu" in line)
    where = text.splitlines()[let].index("relu(x)")
    assert regions == [
        {
            "startLine": let + 1,
            "startColumn": where + 1,
            "endColumn": where + 1 + len("relu(x)"),
            "snippet": {"text": "relu(x)"},
        },
        {"startLine": escaped + 1},  # the text does not stand in the line
    ]
    path.unlink()
    results = json.loads(found.rendered("sarif"))["runs"][0]["results"]
    (_, region) = results[0]["locations"][0]["physicalLocation"].values()
    assert region == {"startLine": let + 1}


class Flipped(torch.autograd.Function):
    """The square, with a backward pass that forgets a factor."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[0]


def test_sarif_names_the_line_of_traced_code():
    found = symdiff.compare(Flipped.apply, values={"x": [2.0]})
    (result,) = json.loads(found.rendered("sarif"))["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    source = Path(__file__).read_text().splitlines()
    assert place["artifactLocation"]["uri"] == "test_code_hosts.py"
    assert place["region"] == {
        "startLine": 1 + source.index("        return x * x"),
        "snippet": {"text": "return x * x"},
    }
    assert result["message"]["text"].startswith("autograd gives 2 for d/dx[0] of Flipped.apply")


def test_fingerprints_are_stable_between_runs_and_do_not_depend_on_numbers(report, tmp_path):
    def hashes(found):
        results = json.loads(found.rendered("sarif"))["runs"][0]["results"]
        return [r["partialFingerprints"]["symdiff/v1"] for r in results if r["ruleId"] == "wrong"]

    def rewritten(old, new):
        path = tmp_path / "other.toml"
        path.write_text(_TOML.replace(old, new))
        return hashes(symdiff.compare_files([path], engines=["autograd"]))

    assert hashes(report) == rewritten("[0, 1, 2]", "[0, 1, 3]") != []
    assert hashes(report) == rewritten('"x**2"', '"   x**2"')  # another column
    assert hashes(report) == rewritten(
        '[[expression]]\nname = "good"', '\n[[expression]]\nname = "good"'
    )
    assert hashes(report) != rewritten('"bad"', '"worse"')


def test_hostile_names_are_escaped_and_still_recognizable(hostile):
    text = hostile.rendered("junit")
    assert junit_faults(text) == []
    assert r"a\x1b[31m\x00<&" in ElementTree.fromstring(text).find(".//testcase").get("classname")
    assert sarif_faults(json.loads(hostile.rendered("sarif"))) == []


def test_planted_faults_are_found_by_the_checks(report, hostile, monkeypatch):
    text = report.rendered("junit")
    assert junit_faults(text.replace('failures="1"', 'failures="9"')) == ["count of failures"]
    assert "odd in testcase" in junit_faults(
        text.replace("failure ", "odd ").replace("</failure", "</odd")
    )
    monkeypatch.setattr(junit, "_allowed", str)
    with pytest.raises((ElementTree.ParseError, ValueError)):
        ElementTree.fromstring(hostile.rendered("junit"))
    log = json.loads(report.rendered("sarif"))
    first, second = log["runs"][0]["results"]
    first["level"], second["ruleIndex"] = "grave", 0 if second["ruleIndex"] else 1
    first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] = "/home/a.toml"
    second["partialFingerprints"] = first["partialFingerprints"]
    assert sarif_faults(log) == ["level", "uri", "ruleIndex", "fingerprint twice"]
