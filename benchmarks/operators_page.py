"""Write docs/operators.md from the results of benchmarks/operators.py."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

EXPLAINED: Final = Path(__file__).parent / "operators_explained.toml"
NOT_READ: Final = "(Not explained yet.)"


def status(cases: list[dict[str, Any]]) -> str:
    """Return one word for an operator.

    `crash`: an exception that is not a message for users. `not traced`: a sample could not be
    traced. `proved`: every derivative of every sample is proved. `undecided`: one is not.
    `out of scope`: there is nothing to compare.
    """
    outcomes = {case["outcome"] for case in cases} - {"out of scope"}
    if not outcomes:
        return "out of scope"
    if outcomes & {"crash", "not traced"}:
        return "crash" if "crash" in outcomes else "not traced"
    compared = [case for case in cases if case["outcome"] == "compared"]
    if not sum(case["derivatives"] for case in compared):
        return "out of scope" if outcomes == {"compared"} else "undecided"
    is_proved = outcomes == {"compared"} and all(_is_proved(case) for case in compared)
    return "proved" if is_proved else "undecided"


def findings(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the verdicts on an operator that do not pass: the first few of every sample."""
    return [finding for case in cases for finding in case.get("findings", ())]


def _is_proved(case: Mapping[str, Any]) -> bool:
    return bool(case["proved"] == case["derivatives"])


# -- the page


def is_traced(cases: list[dict[str, Any]]) -> bool:
    """Return whether every sample of an operator was traced and compared, or ran out of time."""
    outcomes = {case["outcome"] for case in cases} - {"out of scope"}
    return bool(outcomes) and outcomes <= {"compared", "stopped", "not run"}


def page(results: Mapping[str, list[dict[str, Any]]], how: str) -> str:
    """Return docs/operators.md; `how` says how the results were obtained."""
    explained = tomllib.loads(EXPLAINED.read_text())
    words = {name: status(cases) for name, cases in results.items()}
    scope = {name: cases for name, cases in results.items() if words[name] != "out of scope"}
    lines = [
        "# The operators of PyTorch's own tests",
        "",
        *how.splitlines(),
        "",
        *_totals(words, scope),
        "",
        "`proved`: every derivative of every sample is proved. `undecided`: some are not, or a",
        "sample took too long. A finding is a verdict that does not pass. The column `samples`",
        "has the number of samples that were compared, and of all. Each sample counts twice: as",
        "it is, and rounded to whole numbers.",
        "",
        *_findings(scope, explained),
        "",
        "## All operators",
        "",
        "| operator | result | samples | derivatives | proved | at ties, kinks, edges | why not |",
        "|---|---|--:|--:|--:|--:|---|",
        *(_row(name, cases, words[name]) for name, cases in scope.items()),
        "",
        "## Out of scope",
        "",
        "| operator | why |",
        "|---|---|",
        *(
            f"| {name} | {_why_not_at_all(cases)} |"
            for name, cases in results.items()
            if words[name] == "out of scope"
        ),
        "",
    ]
    return "\n".join(lines)


def _totals(words: Mapping[str, str], scope: Mapping[str, list[dict[str, Any]]]) -> Iterator[str]:
    traced = sum(is_traced(cases) for cases in scope.values())
    counted = Counter(words.values())
    share = {n: f"{k} ({100 * k / max(1, len(scope)):.0f} %)" for n, k in counted.items()}
    yield "| | operators |"
    yield "|---|--:|"
    yield f"| with gradients in float64 | {len(words)} |"
    yield f"| out of scope | {counted['out of scope']} |"
    yield f"| in scope | {len(scope)} |"
    part = f"{traced} ({100 * traced / max(1, len(scope)):.0f} %)"
    yield f"| all samples traced and compared | {part} |"
    for word in ("proved", "undecided", "not traced", "crash"):
        yield f"| {word} | {share.get(word, '0')} |"
    yield f"| with findings | {sum(bool(findings(cases)) for cases in scope.values())} |"


def _findings(
    scope: Mapping[str, list[dict[str, Any]]], explained: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    yield "## Findings"
    yield ""
    for name in (n for n, cases in scope.items() if findings(cases)):
        for first in _of_each_kind(findings(scope[name])):
            truth = _truth(first)
            where = f", of output {first['output']}" if first["output"] else ""
            yield (
                f"- `{name}`, {first['verdict']} ({first['kind']}): d/d{first['variable']}{where} "
                f"is {truth}, autograd gives {first['value']}. "
                f"{_explanation(name, first, explained)}"
            )


def _truth(finding: Mapping[str, Any]) -> str:
    if finding["derivative"] is not None:
        return str(finding["derivative"])
    if finding["left"] is None and finding["right"] is None:
        return "undefined"
    return f"{finding['left']} on the left and {finding['right']} on the right"


def _of_each_kind(several: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first finding with each verdict."""
    return list({finding["verdict"]: finding for finding in reversed(several)}.values())


def _explanation(
    name: str, finding: Mapping[str, Any], explained: Mapping[str, Mapping[str, str]]
) -> str:
    """Return the cause of a finding: that of the operator, or that of NaN where 0 is right."""
    by_operator = explained.get("operators", {}).get(name)
    if by_operator is not None:
        return by_operator
    is_product = finding["value"] == "nan" and finding["derivative"] == 0
    return explained["mechanisms"]["0*inf"] if is_product else NOT_READ


def _row(name: str, cases: list[dict[str, Any]], word: str) -> str:
    compared = [case for case in cases if case["outcome"] == "compared"]
    derivatives = sum(case["derivatives"] for case in compared)
    proved = sum(case["proved"] for case in compared)
    special = sum(n for case in compared for k, n in case["kinds"].items() if k != "smooth")
    return (
        f"| {name} | {word} | {len(compared)}/{len(cases)} | {derivatives} | {proved} | {special} "
        f"| {_short(_why(cases))} |"
    )


def _why(cases: list[dict[str, Any]]) -> str:
    for case in cases:
        if case["outcome"] not in {"compared", "out of scope"}:
            return str(case["reason"])
    for case in cases:
        if case["outcome"] == "compared" and not _is_proved(case):
            return str(case["undecided"] or "shown by error bounds along random directions")
    return ""


def _why_not_at_all(cases: list[dict[str, Any]]) -> str:
    if not cases:
        return "has no small sample"
    return _short(cases[0].get("reason", "its value does not depend on its inputs"))


def _short(text: str) -> str:
    """Return a reason without the line of the script and the hint."""
    reason = text.partition("keywords): ")[2] or text
    return reason.partition(" (")[0].replace("|", "/").replace("\n", " ")[:110]
