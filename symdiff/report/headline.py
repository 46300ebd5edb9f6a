"""The first line of every report: PASS or FAIL, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from symdiff.comparison.evidence import Evidence
from symdiff.errors import SymdiffError
from symdiff.verdict.words import Verdict

# The most engines, and the most expressions, that the line names; the rest is counted.
_MAX_ENGINES: Final = 4
_MAX_NAMES: Final = 3
_LONGEST_NAME: Final = 30  # characters
# Verdicts that say nothing about a derivative.
_WITHOUT_JUDGEMENT: Final = frozenset({Verdict.UNSUPPORTED, Verdict.UNDECIDED})


def headline(evidence: Sequence[Evidence], errors: Sequence[SymdiffError] = ()) -> str:
    """Return PASS or FAIL and the reason, in one line.

    Parameters
    ----------
    evidence
        The result of each comparison.
    errors
        Why entries and files could not be used.

    Examples
    --------
    >>> from symdiff import compare
    >>> headline(compare("relu(x)", {"x": "-1:1:3"}, engines=["autograd"]).evidence)
    'PASS: autograd at all 13 points'
    >>> headline(compare("x**2", at={"x": [0, 1]}, claims={"x": "3*x"}).evidence)
    'FAIL: claim wrong at 1 of 2 points'
    """
    reasons = _errors(errors)
    if len(evidence) == 1:
        failing, passing = _of_one(evidence[0])
    else:
        failing, passing = _of_several(evidence)
    reasons += failing
    if reasons:
        return f"FAIL: {'; '.join(reasons)}"
    return f"PASS: {passing}"


def _errors(errors: Sequence[SymdiffError]) -> list[str]:
    if not errors:
        return []
    return [f"{counted(len(errors), 'entry', 'entries')} could not be used"]


def _of_one(e: Evidence) -> tuple[list[str], str]:
    """Return why a comparison does not pass, and what passes."""
    return [*reasons(e), *_unmet(e)], _passing(e)


def reasons(e: Evidence) -> list[str]:
    """Return which engines do not pass, at how many points: the gravest verdict first."""
    engines: dict[tuple[Verdict, int, int], list[str]] = {}
    totals = {engine: sum(counts.values()) for engine, counts in e.counts().items()}
    for engine, counts in e.findings().items():
        for verdict, count in counts.items():
            engines.setdefault((verdict, count, totals[engine]), []).append(engine)
    ordered = sorted(engines.items(), key=lambda item: -item[0][0].gravity)
    return [
        f"{listed(names)} {verdict}{_at(e, count, total)}{_reason(e, names[0], verdict)}"
        for (verdict, count, total), names in ordered
    ]


def _at(e: Evidence, count: int, total: int) -> str:
    if total == 1:
        return ""
    return f" {_preposition(e)} {count} of {counted(total, _word(e))}"


def _reason(e: Evidence, engine: str, verdict: Verdict) -> str:
    """Return why an engine failed, if it did."""
    if verdict is not Verdict.FAILED:
        return ""
    samples = (trial.samples[engine] for trial in e.trials if engine in trial.samples)
    texts = [text for s in samples for text in (*s.reasons[1:], *s.refusals.values())]
    return f" ({texts[0]})" if texts else ""


def _unmet(e: Evidence) -> list[str]:
    return [
        f"{engine} was expected to be {' and '.join(words)}" for engine, words in e.unmet().items()
    ]


def _passing(e: Evidence) -> str:
    """Return which engines pass, and what is undecided or was not judged."""
    counts = e.counts()
    if not any(counts.values()):
        return "no derivative was compared"
    judged = [engine for engine, count in counts.items() if count.keys() - _WITHOUT_JUDGEMENT]
    total = max(sum(count.values()) for count in counts.values())
    where = "" if total == 1 else f" {_preposition(e)} all {counted(total, _word(e))}"
    parts = [f"{listed(judged)}{where}"] if judged else []
    undecided = {engine: count.get(Verdict.UNDECIDED, 0) for engine, count in counts.items()}
    if any(undecided.values()):
        largest = max(undecided.values())
        engines = [engine for engine, number in undecided.items() if number]
        parts.append(f"undecided for {listed(engines)}{_at(e, largest, total)}")
    unsupported = [engine for engine, count in counts.items() if Verdict.UNSUPPORTED in count]
    if unsupported:
        parts.append(f"{listed(unsupported)} unsupported")
    return "; ".join(parts)


def _of_several(evidence: Sequence[Evidence]) -> tuple[list[str], str]:
    """Return which expressions do not pass, and how many do."""
    count = len(evidence)
    failing = sorted((e for e in evidence if not e.ok), key=lambda e: -_gravity(e))
    if failing:
        named = [f"{shortened(e.name, _LONGEST_NAME)} ({_first(e)})" for e in failing[:_MAX_NAMES]]
        more = len(failing) - len(named)
        rest = f" and {more} more" if more else ""
        verb = "does" if len(failing) == 1 else "do"
        reason = f"{len(failing)} of {counted(count, 'expression')} {verb} not pass"
        return [f"{reason}: {', '.join(named)}{rest}"], ""
    if not evidence:
        return ["nothing was compared"], ""
    undecided = sum(e.undecided_count for e in evidence)
    doubt = f"; {counted(undecided, 'derivative')} undecided" if undecided else ""
    return [], f"all {count} expressions{doubt}"


def _first(e: Evidence) -> str:
    """Return the gravest reason of a comparison in a few words: autograd wrong."""
    found = e.findings()
    if not found:
        return _unmet(e)[0]
    gravest = next(v for counts in found.values() for v in counts if v.gravity == _gravity(e))
    return f"{listed([n for n, counts in found.items() if gravest in counts])} {gravest}"


def _gravity(e: Evidence) -> int:
    """Return the gravity of the gravest finding; 0 if there is none."""
    return max((v.gravity for counts in e.findings().values() for v in counts), default=0)


def _word(e: Evidence) -> str:
    """Return what is counted: points, or derivatives where there are several at a point."""
    is_one = len(e.trials) == len(e.variables) == 1 and e.tensors is None
    return "point" if is_one else "derivative"


def _preposition(e: Evidence) -> str:
    return "at" if _word(e) == "point" else "for"


def listed(names: Sequence[str], limit: int = _MAX_ENGINES) -> str:
    """Return names in a sentence, at most `limit` of them.

    Examples
    --------
    >>> listed(["symbolic", "autograd", "central"])
    'symbolic, autograd and central'
    >>> listed(["a", "b", "c", "d", "e"], limit=3)
    'a, b, c and 2 more'
    """
    shown = list(names)
    if len(shown) > limit:
        shown = [*shown[:limit], f"{len(shown) - limit} more"]
    return " and ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part)


def shortened(text: str, width: int) -> str:
    """Return a text of at most `width` characters, with its middle left out if need be.

    Examples
    --------
    >>> shortened("the derivative of relu", 15)
    'the der…of relu'
    """
    if len(text) <= width:
        return text
    head = width // 2
    return f"{text[:head]}…{text[len(text) - (width - head - 1) :]}"


def counted(number: int, word: str, plural: str = "") -> str:
    """Return a number with a word, in the plural if need be: `plural`, or the word with an s."""
    return f"{number} {word}" if number == 1 else f"{number} {plural or f'{word}s'}"
