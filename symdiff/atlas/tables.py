"""An atlas as a table: a line for every different answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from tabulate import tabulate

from symdiff.atlas.files import as_json
from symdiff.atlas.rows import Answer, Atlas, Number, Row
from symdiff.atlas.rules import BY_LIBRARY, Rule
from symdiff.errors import UsageError, did_you_mean
from symdiff.verdict.words import Verdict

# By format, tabulate's name of it; None for JSON.
FORMATS: Final[Mapping[str, str | None]] = MappingProxyType(
    {"table": "simple", "github": "github", "json": None}
)
_HEADER: Final = (
    "call",
    "d/d",
    "at",
    "left | right",
    "value",
    "verdict",
    "which",
    "engines",
    "as its rule says",
)
_SUBGRADIENTS: Final = frozenset({Verdict.SUBGRADIENT.label, Verdict.NOT_SUBGRADIENT.label})


def rendered(atlas: Atlas, form: str) -> str:
    """Return an atlas in one of `FORMATS`.

    Raises
    ------
    UsageError
        There is no such format.
    """
    check(form)
    style = FORMATS[form]
    if style is None:
        return as_json(atlas)
    lines = [
        line for row, by_engine in atlas.answers.items() for line in _lines(atlas, row, by_engine)
    ]
    table = tabulate(lines, headers=_HEADER, tablefmt=style, disable_numparse=True)
    lost = [f"{text}: {reason}" for text, reason in atlas.lost.items()]
    return "\n".join([table, "", *lost, summary(atlas)]) + "\n"


def check(form: str) -> None:
    """Raise UsageError if there is no such format."""
    if form not in FORMATS:
        message = f"unknown format {form[:40]!r}"
        hint = did_you_mean(form, FORMATS) or f"formats: {', '.join(FORMATS)}"
        raise UsageError(message, hint=hint)


def summary(atlas: Atlas) -> str:
    """Return the numbers of rows and calls, and how often each rule is followed."""
    calls = len({row.text for row in atlas.answers})
    lines = [f"{len(atlas.answers)} derivatives of {calls} calls"]
    for engine in atlas.engines:
        rule = rule_of(atlas, engine)
        if rule is None:
            continue
        followed = [
            rule.is_followed(row, by_engine[engine])
            for row, by_engine in atlas.answers.items()
            if engine in by_engine
        ]
        counts = f"follows it at {followed.count(True)}, and not at {followed.count(False)}"
        lines.append(f"{engine}: {rule.name} says what to choose; it {counts}")
    return "\n".join(lines)


def rule_of(atlas: Atlas, engine: str) -> Rule | None:
    """Return the documented rule of an engine's library, or None."""
    return BY_LIBRARY.get(atlas.libraries.get(engine, ("", ""))[0])


def _lines(atlas: Atlas, row: Row, by_engine: Mapping[str, Answer]) -> Iterator[list[str]]:
    """Yield a line for every different answer; the truth stands in the first one."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for engine, answer in by_engine.items():
        key = (shown(answer.value), answer.verdict, which(answer))
        groups.setdefault(key, []).append(engine)
    output = f"{row.output} of " if row.output else ""
    heads = [[row.text, f"{output}{row.variable}", row.at, truth(row)]]
    heads += [[""] * 4] * (len(groups) - 1)
    for head, (key, engines) in zip(heads, groups.items(), strict=True):
        rules = {e: followed(rule_of(atlas, e), row, by_engine[e]) for e in engines}
        yield [
            *head,
            *key,
            ", ".join(engines),
            ", ".join(f"{engine}: {word}" for engine, word in rules.items() if word),
        ]


def truth(row: Row) -> str:
    """Return the one-sided derivatives of a row, once if they are equal; the kind if none are."""
    if row.left is row.right is None:
        return row.kind
    if row.left == row.right:
        return shown(row.left)
    return f"{shown(row.left) or '-'} | {shown(row.right) or '-'}"


def which(answer: Answer) -> str:
    """Return which subgradient an answer is: left, right, mean, min-norm or other; else ""."""
    return answer.detail.split(";")[0] if answer.verdict in _SUBGRADIENTS else ""


def followed(rule: Rule | None, row: Row, answer: Answer) -> str:
    """Return yes or no where a rule predicts a number, else ""."""
    is_followed = None if rule is None else rule.is_followed(row, answer)
    return "" if is_followed is None else "yes" if is_followed else "no"


def shown(value: Number) -> str:
    """Return a number with six digits; "" if there is none."""
    return "" if value is None else f"{float(value):.6g}"
