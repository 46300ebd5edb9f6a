"""The shipped files of the atlas as Markdown, for docs/atlas.md and README.md."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from symdiff.atlas import files
from symdiff.atlas.cases import telling_calls
from symdiff.atlas.drift import NO_NOTE, compared, documented, numbers_of
from symdiff.atlas.findings import Finding, contradictions, explanation, findings
from symdiff.atlas.rows import Answer, Atlas, Row
from symdiff.atlas.rules import BY_LIBRARY, CHAIN_RULES, Rule, chain_rules_value
from symdiff.atlas.tables import shown, truth, which
from symdiff.engines.registry import load
from symdiff.report.drift import Change
from symdiff.verdict.words import Verdict

# Verdicts on numbers that are neither the derivative nor an element of the Clarke set.
_OUTSIDE: Final = frozenset(
    map(str, (Verdict.WRONG, Verdict.NOT_SUBGRADIENT, Verdict.NONFINITE, Verdict.VALUE))
)
_SAME: Final = frozenset(map(str, (Verdict.AGREES, Verdict.INEXACT)))
_WITHOUT_NUMBER: Final = "-"
_MARKS: Final = {True: " ✓", False: " ✗", None: ""}

Version = tuple[str, str]  # a library and its version


@functools.cache
def atlases() -> Mapping[Version, Atlas]:
    """Return the shipped atlases by library and version, the versions in order."""
    read = [files.read(path) for path in files.shipped().values()]
    by_version = {next(iter(atlas.libraries.values())): atlas for atlas in read}
    return dict(sorted(by_version.items(), key=lambda item: _order(item[0])))


def _order(version: Version) -> tuple[bool, str, tuple[int, ...]]:
    """Return a key that sorts libraries with a rule first, and versions by their numbers."""
    library, number = version
    return library not in BY_LIBRARY, library, numbers_of(number)


def versions() -> str:
    """Return a table of the shipped files: libraries, versions, engines and rules."""
    lines = [("library", "versions", "engines", "its rule")]
    for library in _libraries():
        recorded = {version: atlas for version, atlas in atlases().items() if version[0] == library}
        engines = dict.fromkeys(e for atlas in recorded.values() for e in atlas.libraries)
        rule = BY_LIBRARY.get(library)
        lines.append(
            (
                library,
                ", ".join(number for _, number in recorded),
                ", ".join(f"`{engine}`" for engine in engines),
                f"[{rule.text}]({rule.url})" if rule else "",
            )
        )
    return _markdown(lines)


def followed() -> str:
    """Return a table of how often each rule predicts what an engine gives."""
    lines = [("engine", "library", "as documented", "not as documented", "as ChainRules")]
    for (library, number), atlas in atlases().items():
        rule = BY_LIBRARY.get(library)
        for engine in atlas.engines:
            answers = [(row, by[engine]) for row, by in atlas.answers.items() if engine in by]
            own = [rule.is_followed(*pair) for pair in answers] if rule else []
            page = [CHAIN_RULES.is_followed(*pair) for pair in answers]
            lines.append(
                (
                    f"`{engine}`",
                    f"{library} {number}",
                    str(own.count(True)) if rule else "",
                    str(own.count(False)) if rule else "",
                    f"{page.count(True)} of {len(page) - page.count(None)}",
                )
            )
    return _markdown(lines)


def tables() -> str:
    """Return a heading and a table for each function: rows on which not all engines agree."""
    rows = _rows()
    header = ("call", "d/d", "at", "slopes", *map(_title, _libraries()), "ChainRules")
    parts = []
    for function, chosen in itertools.groupby(rows, key=lambda row: row.function):
        lines = [_line(row, rows[row]) for row in chosen if not _all_agree(rows[row])]
        if lines:
            parts.append(f"### {function}\n\n{_markdown([header, *lines])}")
    return "\n".join(parts)


def explained() -> str:
    """Return a table of the numbers that contradict the truth, and why."""
    calls: dict[Finding, dict[str, None]] = {}
    engines: dict[Finding, dict[str, None]] = {}
    for atlas in atlases().values():
        for row, engine, _ in contradictions(atlas):
            finding = explanation(row, engine)
            if finding is not None:
                calls.setdefault(finding, {})[row.text] = None
                engines.setdefault(finding, {})[engine] = None
    lines = [("calls", "engines", "why")]
    lines += [(_calls(calls[f]), _calls(engines[f]), f.text) for f in findings() if f in calls]
    return _markdown(lines)


def telling(calls: Sequence[str] = ()) -> str:
    """Return a table of what libraries give at 0 for some calls; default: those that tell most."""
    rows = _rows()
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.text, row)
    libraries = [library for library in _libraries() if library in BY_LIBRARY]
    lines = [("at 0", "slopes", *map(_title, libraries))]
    for text in calls or telling_calls():
        row = first[text]
        answers = {version: _of_rules(found) for version, found in rows[row].items()}
        cells = (_cell(library, row, answers, brief=True) for library in libraries)
        lines.append((f"`{text}`", truth(row), *cells))
    return _markdown(lines)


def _of_rules(answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """Return the answers of engines that differentiate by rules, and not by differences."""
    return {e: answer for e, answer in answers.items() if "differences" not in load(e).traits.modes}


def changes() -> str:
    """Return what changed between the versions of a library, and where that is documented."""
    parts = []
    for (library, old), (_, new) in _pairs():
        shipped = files.shipped()
        found, _ = compared(shipped[f"{library}-{old}"], shipped[f"{library}-{new}"])
        lines = [("call", "d/d", "at", "engines", old, new), *_changed(found.changes)]
        parts.append(f"### {library} {old} to {new}\n\n{_changes_or_nothing(lines)}")
        notes = (
            f"- {f'{note.text} [Thread]({note.url})' if note else NO_NOTE}: {_calls(calls)}\n"
            for note, calls in documented(found).items()
        )
        parts.append("".join(notes))
    return "\n".join(part for part in parts if part.strip())


def _changes_or_nothing(lines: Sequence[Sequence[str]]) -> str:
    return _markdown(lines) if len(lines) > 1 else "Nothing.\n"


def _calls(calls: Iterable[str]) -> str:
    return ", ".join(f"`{call}`" for call in calls)


def _pairs() -> Iterator[tuple[Version, Version]]:
    """Yield every version of a library with the next one."""
    for one, other in itertools.pairwise(atlases()):
        if one[0] == other[0]:
            yield one, other


def _changed(found: Iterable[Change]) -> Iterator[tuple[str, ...]]:
    """Yield a line for each change; engines that changed in the same way share it."""
    engines: dict[tuple[str, ...], list[str]] = {}
    for change in found:
        old, new = change.old, change.new
        values = [f"{shown(r['value'])} {r['verdict']}".strip() for r in (old, new)]
        place = (old["expression"], old["variable"], old["exact"])
        engines.setdefault((*place, *values), []).append(old["engine"])
    for (call, variable, at, before, after), names in engines.items():
        yield f"`{call}`", variable, at, ", ".join(names), before, after


def _title(library: str) -> str:
    return BY_LIBRARY[library].library if library in BY_LIBRARY else library


def _libraries() -> tuple[str, ...]:
    return tuple(dict.fromkeys(library for library, _ in atlases()))


@functools.cache
def _rows() -> Mapping[Row, Mapping[Version, Mapping[str, Answer]]]:
    """Return the answers by row, library and version, and engine."""
    rows: dict[Row, dict[Version, Mapping[str, Answer]]] = {}
    for version, atlas in atlases().items():
        for row, by_engine in atlas.answers.items():
            rows.setdefault(row, {})[version] = by_engine
    return rows


def _all_agree(answers: Mapping[Version, Mapping[str, Answer]]) -> bool:
    return all(a.verdict in _SAME for by_engine in answers.values() for a in by_engine.values())


def _line(row: Row, answers: Mapping[Version, Mapping[str, Answer]]) -> tuple[str, ...]:
    output = f"{row.output} of " if row.output else ""
    page = chain_rules_value(row)
    return (
        f"`{row.text}`",
        f"{output}{row.variable}",
        row.at,
        truth(row),
        *(_cell(library, row, answers) for library in _libraries()),
        "" if page is None else shown(page),
    )


def _cell(
    library: str,
    row: Row,
    answers: Mapping[Version, Mapping[str, Answer]],
    *,
    brief: bool = False,
) -> str:
    """Return the answers of a library: each once, with the engines and versions that give it.

    A brief cell has the engines alone that were recorded for every version.
    """
    rule = BY_LIBRARY.get(library)
    known = [set(atlas.libraries) for (name, _), atlas in atlases().items() if name == library]
    common = set.intersection(*known)
    given = {
        (number, engine): _words(rule, row, answer, brief=brief)
        for (name, number), by_engine in answers.items()
        if name == library
        for engine, answer in by_engine.items()
        if engine in common or not brief
    }
    numbers = tuple(dict.fromkeys(number for number, _ in given))
    engines = tuple(dict.fromkeys(engine for _, engine in given))
    by_words: dict[str, list[tuple[str, str]]] = {}
    for key, words in given.items():
        by_words.setdefault(words, []).append(key)
    if len(by_words) < 2:
        return next(iter(by_words), "")
    parts = []
    for words, keys in by_words.items():
        those = tuple(number for number in numbers if any(number == n for n, _ in keys))
        names = tuple(engine for engine in engines if any(engine == e for _, e in keys))
        who = [] if names == engines else list(names)
        who += [] if those == numbers else _span(those, numbers)
        parts.append(f"{words} ({', '.join(who)})" if who else words)
    return "; ".join(parts)


def _span(those: tuple[str, ...], numbers: tuple[str, ...]) -> list[str]:
    """Return some of the versions in words: up to one, from one on, or each of them.

    Examples
    --------
    >>> versions = ("1", "2", "3")
    >>> _span(("1", "2"), versions), _span(("3",), versions), _span(("2",), versions)
    (['to 2'], ['from 3'], ['2'])
    """
    if those == numbers[: len(those)]:
        return [f"to {those[-1]}"]
    return [f"from {those[0]}"] if those == numbers[-len(those) :] else list(those)


def _words(rule: Rule | None, row: Row, answer: Answer, *, brief: bool) -> str:
    """Return a number, which subgradient it is, and whether the rule says so.

    A number outside the Clarke set, or NaN where there is a derivative, is in bold.
    """
    if answer.value is None:
        return _WITHOUT_NUMBER
    number = shown(answer.value)
    number = f"**{number}**" if answer.verdict in _OUTSIDE else number
    words = "" if brief else which(answer)
    mark = "" if brief or rule is None else _MARKS[rule.is_followed(row, answer)]
    return " ".join(part for part in (number, words) if part) + mark


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, without padding."""
    header, *rows = lines
    cells = [[cell.replace("|", "\\|") for cell in line] for line in (header, *rows)]
    cells.insert(1, ["---"] * len(header))
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)
