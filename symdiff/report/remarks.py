"""Remarks below the table of one expression: what is not shown, how verdicts are explained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from symdiff.comparison.evidence import Evidence
from symdiff.engines.base import Samples
from symdiff.report.choices import Choice, choice_of
from symdiff.report.findings import failing
from symdiff.report.numbers import formatted
from symdiff.report.points import where
from symdiff.report.rendering import FIRST, SECOND
from symdiff.report.selection import Row, Selection
from symdiff.truth.kinds import Kind
from symdiff.verdict.at_doubles import AT_DOUBLE
from symdiff.verdict.words import Verdict

# The most explanations below one table; records have all of them.
_MAX_EXPLANATIONS: Final = 8
# The most remarks on subgradients, the most kinks that one of them names, and the most kinks of one
# variable that are looked at for them.
_MAX_CHOICES: Final = 4
_MAX_PLACES: Final = 3
_MAX_KINKS: Final = 64
# The most remarks on derivatives along an axis only.
_MAX_PARTIALS: Final = 4
_MAX_AXES: Final = 4  # the most axes that such a remark names
# Verdicts that are explained below a table.
_EXPLAINED: Final = (
    Verdict.VALUE,
    Verdict.WRONG,
    Verdict.NOT_SUBGRADIENT,
    Verdict.NONFINITE,
    Verdict.INACCURATE,
    Verdict.UNDECIDED,
    Verdict.SILENT,
)
# Verdicts on numbers that are right: they deviate by explained errors at most.
_RIGHT: Final = frozenset({Verdict.AGREES, Verdict.INEXACT})


def remarks(evidence: Evidence, selections: Sequence[Selection], shown: int) -> list[str]:
    """Return the remarks below a table.

    Parameters
    ----------
    evidence
        The result of the comparison.
    selections
        The derivatives that were selected for the table.
    shown
        How many derivatives the rows of the table stand for.
    """
    selected = sum(int(selection.alike.sum()) for selection in selections)
    lines = [
        *_counts(evidence, selected, shown),
        *_rounded_points(evidence),
        *_tensors(evidence),
        *_choices(evidence, selections),
        *_partials(evidence, selections),
        *_explanations(evidence, selections),
        *_at_doubles(evidence, selections),
        *_unmet(evidence),
        *_unsupported(evidence),
    ]
    # The components of an output often have the same remarks.
    return [*dict.fromkeys(lines), *(f"note: {note}" for note in evidence.notes)]


def _rounded_points(evidence: Evidence) -> list[str]:
    """Return to which numbers the points were rounded, if they were."""
    dtype = evidence.points_dtype
    return [] if dtype is None else [f"the points are numbers of {dtype.name}"]


def _counts(evidence: Evidence, selected: int, shown: int) -> list[str]:
    """Return whether all engines agree, and how many derivatives the table does not show."""
    if not evidence.variables:
        return ["no variable to differentiate with respect to"]
    total = len(evidence.trials) * len(evidence.variables) * evidence.points
    is_by_point = total == evidence.points and evidence.tensors is None
    word = "point" if is_by_point else "derivative"
    phrase = f" {'at' if is_by_point else 'for'} {{}}" if total > 1 else ""
    agreement = _agreement(evidence, phrase, f"all {total} {word}s")
    hidden = total - shown
    if not hidden:
        return [agreement] if agreement else []
    left_out = selected - shown
    among = "" if left_out == hidden else f", {left_out} of them"
    cut = f"{among} left out for length" if left_out else ""
    only_counted = evidence.left_out.points
    how = f"{only_counted} agree and are only counted: --keep all writes them"
    proved = (
        f"({how if only_counted else '--all shows all'}); {evidence.proved_count} of {total} proved"
    )
    if agreement and not shown:
        return [f"{agreement} {proved}"]
    more = "more " if shown else ""
    count = f"{hidden} {more}{word if hidden == 1 else f'{word}s'}{cut} {proved}"
    return [agreement, count] if agreement else [count]


def _agreement(evidence: Evidence, phrase: str, everywhere: str) -> str:
    """Return a sentence that says that all engines are right, or "" if one is not.

    `phrase` is a format such as " at {}", for a number of points or `everywhere`.
    """
    counts = {
        engine: count
        for engine, count in evidence.counts().items()
        if count.keys() != {Verdict.UNSUPPORTED}
    }
    if not counts or any(count.keys() - _RIGHT for count in counts.values()):
        return ""
    is_all = len(counts) == len(evidence.engines) > 1
    engines = "all engines" if is_all else _listed(list(counts))
    inexact = [
        f", {engine if len(counts) > 1 else 'but'} inexact{phrase.format(count[Verdict.INEXACT])}"
        for engine, count in counts.items()
        if Verdict.INEXACT in count
    ]
    singular, plural = ("is right", "are right") if inexact else ("agrees", "agree")
    verb = singular if len(counts) == 1 else plural
    return f"{engines} {verb}{phrase.format(everywhere)}{''.join(inexact)}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _tensors(evidence: Evidence) -> list[str]:
    """Return the structure of the Jacobian of a tensor program, and notes on it."""
    tensors = evidence.tensors
    if tensors is None:
        return []
    structure = [
        f"Jacobian with respect to {name}: {words}" for name, words in tensors.structure.items()
    ]
    root = [f"PyTorch's node at the root: {tensors.root}"] if tensors.root else []
    return [*structure, *root, *tensors.notes]


def _choices(evidence: Evidence, selections: Sequence[Selection]) -> list[str]:
    """Return what the cells do not say of choices at kinks: each sentence with its first points.

    These are rules that an engine documents, properties of the whole gradient, and for tensors the
    part of the program that has the kink.
    """
    rows: dict[str, list[Row]] = {}
    kinks = [
        selection.row(k)
        for selection in selections
        if not selection.trial.spelling
        for k in np.flatnonzero(_has_subgradient(evidence, selection))[:_MAX_KINKS].tolist()
    ]
    kinks.sort(key=lambda row: row.i)
    for row in kinks:
        for sentence in _sentences(evidence, row):
            rows.setdefault(sentence, []).append(row)
    lines = [f"at {_places(evidence, at)}: {sentence}" for sentence, at in rows.items()]
    if kinks and evidence.tensors is not None and not kinks[0].trial.is_directional:
        first = kinks[0]
        blame = evidence.blame(first.trial, _choosing(evidence, first)[0], first.variable, first.i)
        lines.insert(0, f"at {_where(evidence, first)}: a kink of {blame}")
    return lines[:_MAX_CHOICES]


def _places(evidence: Evidence, rows: Sequence[Row]) -> str:
    """Return the first of some kinks, with the variables of each."""
    variables: dict[int, list[Row]] = {}
    for row in rows:
        variables.setdefault(row.i, []).append(row)
    places = [_place(evidence, at) for at in [*variables.values()][:_MAX_PLACES]]
    more = len(variables) - len(places)
    return _listed([*places, *([f"{more} more kinks"] if more else [])])


def _place(evidence: Evidence, rows: Sequence[Row]) -> str:
    """Return one point, with the variables that a sentence is about."""
    if evidence.tensors is not None:
        return _where(evidence, rows[0])
    several = len(evidence.variables) > 1
    labels = f" ({_listed([_derivative(row) for row in rows])})" if several else ""
    return f"{where(evidence, rows[0].i)}{labels}"


def _sentences(evidence: Evidence, row: Row) -> list[str]:
    """Return what the details of the choices at one kink say besides the word in the cell."""
    engines: dict[str, list[str]] = {}
    tolerance = evidence.tolerance
    for engine in _choosing(evidence, row):
        choice = choice_of(row.trial.detail(engine, row.variable, row.i))
        value = float(row.trial.samples[engine].derivatives[row.variable][row.i])
        (number,) = formatted([value], tolerance)
        if choice.owner:
            engines.setdefault(_rule(choice, number), []).append(engine)
        if choice.rest:
            names = "" if choice.rest.startswith(f"{engine} ") else "{}: "
            engines.setdefault(f"{names}{choice.rest}", []).append(engine)
    return [
        sentence.replace("{}", _listed(names)).replace("{s}", "s" if len(names) == 1 else "")
        for sentence, names in engines.items()
    ]


def _choosing(evidence: Evidence, row: Row) -> list[str]:
    """Return the engines that chose a subgradient."""
    verdicts = row.verdicts(evidence.engines).items()
    return [engine for engine, verdict in verdicts if verdict is Verdict.SUBGRADIENT]


def _rule(choice: Choice, number: str) -> str:
    """Return what a documented rule means for an engine's number, "{}" for the engines' names."""
    documentation = f"{choice.owner}'s documentation"
    if choice.documented == "so":
        return f"{{}} give{{s}} {number}, as {documentation} says"
    if choice.documented:
        says = f"{documentation} says {choice.documented}, the shortest subgradient"
        return f"{{}} give{{s}} {number}; {says}"
    return f"{documentation} leaves the choice open: f is neither convex nor concave here"


def _partials(evidence: Evidence, selections: Sequence[Selection]) -> list[str]:
    """Return what holds in all variables, at the first points where a derivative is partial.

    Where a verdict is explained too, the explanation says it.
    """
    rows: dict[tuple[int, str, str], list[Row]] = {}
    for selection in selections:
        truths = selection.trial.truths[selection.variable]
        partial = selection.points[truths.kinds[selection.points] == Kind.PARTIAL]
        for i in partial[:1].tolist():
            row = Row(selection.trial, selection.variable, i)
            sentence = truths.detail(i).partition("; ")[2]
            if not set(row.verdicts(evidence.engines).values()) & set(_EXPLAINED):
                rows.setdefault((i, selection.trial.output, sentence), []).append(row)
    lines = []
    for (_, _, sentence), along in rows.items():
        names = list(dict.fromkeys(row.variable for row in along))
        axes = f"{len(names)} axes" if len(names) > _MAX_AXES else _listed(names)
        lines.append(f"at {_where(evidence, along[0])}: along {axes} only; {sentence}")
    return lines[:_MAX_PARTIALS]


def _has_subgradient(evidence: Evidence, selection: Selection) -> np.ndarray:
    """Return at which points of a selection an engine chose a subgradient, shape (k,)."""
    trial, variable, points = selection.trial, selection.variable, selection.points
    is_chosen = np.zeros(len(points), dtype=bool)
    for engine in evidence.engines:
        if variable in trial.covered(engine):
            is_chosen |= trial.verdicts(engine, variable)[points] == Verdict.SUBGRADIENT
    is_kink = trial.truths[variable].kinds[points] == Kind.KINK
    has_subgradient: np.ndarray = is_kink & is_chosen
    return has_subgradient


def _first(mask: np.ndarray) -> int | None:
    return int(np.argmax(mask)) if mask.any() else None


def _explanations(evidence: Evidence, selections: Sequence[Selection]) -> list[str]:
    """Return why engines got their verdicts, each at the first point where it occurs."""
    engines_by_reason: dict[tuple[str, str], list[str]] = {}
    explained: set[tuple[str, ...]] = set()
    for row, engine, verdict in _first_occurrences(evidence, selections):
        # Asserted derivatives are explained separately for each input.
        is_asserted = row.trial.samples[engine].traits.is_asserted
        asserted = row.variable.split("[", maxsplit=1)[0] if is_asserted else ""
        key = (engine, verdict.label, row.trial.spelling, asserted)
        if key not in explained and len(explained) < _MAX_EXPLANATIONS:
            explained.add(key)
            label = f"{row.trial.spelling}: " if row.trial.spelling else ""
            reason = f"{verdict} at {_where(evidence, row)}: {_why(evidence, row, engine)}"
            engines_by_reason.setdefault((label, reason), []).append(engine)
    return [
        f"{label}{_listed(engines)} {reason}"
        for (label, reason), engines in engines_by_reason.items()
    ]


def _at_doubles(evidence: Evidence, selections: Sequence[Selection]) -> list[str]:
    """Return which engines were judged at a double, at the first point where any passes there."""
    engines_by_note: dict[tuple[int, str], list[str]] = {}
    for selection in selections:
        for engine in evidence.engines:
            if selection.variable not in selection.trial.covered(engine):
                continue
            judgement = selection.trial.judgements[engine, selection.variable]
            for i, note in sorted(judgement.notes.items()):
                verdict = Verdict.from_code(judgement.codes[i])
                if AT_DOUBLE in note and verdict not in _EXPLAINED and i in selection.points:
                    words = f"{verdict}, {note[note.index(AT_DOUBLE) :]}"
                    engines_by_note.setdefault((i, words), []).append(engine)
    if not engines_by_note:
        return []
    (_, words), engines = min(engines_by_note.items(), key=lambda item: item[0])
    return [f"{_listed(list(dict.fromkeys(engines)))}: {words}"]


def _first_occurrences(
    evidence: Evidence, selections: Sequence[Selection]
) -> Iterator[tuple[Row, str, Verdict]]:
    """Yield the first selected point of each verdict to explain, by selection and engine."""
    occurrences = []
    for selection in selections:
        for engine in evidence.engines:
            if selection.variable not in selection.trial.covered(engine):
                continue
            trial, variable, points = selection.trial, selection.variable, selection.points
            verdicts = trial.verdicts(engine, variable)[points]
            # What does not pass is stated above the table.
            is_stated = failing(evidence, trial, engine, variable)[points]
            for verdict in _EXPLAINED:
                k = _first((verdicts == verdict) & ~is_stated)
                if k is not None:
                    occurrences.append((selection.row(k), engine, verdict))
    # Sorting keeps the order of selections and engines at the same point.
    yield from sorted(occurrences, key=lambda occurrence: occurrence[0].i)


def _why(evidence: Evidence, row: Row, engine: str) -> str:
    parts = (
        row.trial.detail(engine, row.variable, row.i),
        evidence.blame(row.trial, engine, row.variable, row.i),
    )
    return "; ".join(part for part in parts if part)


def _where(evidence: Evidence, row: Row) -> str:
    """Return the point of a row, with the output and the variable of a tensor program."""
    coordinates = [text for text in (where(evidence, row.i),) if text]
    output = [f"output {row.trial.output}"] if row.trial.output else []
    variable = [_derivative(row)] if evidence.tensors is not None else []
    return ", ".join([*coordinates, *output, *variable])


def _derivative(row: Row) -> str:
    """Return the derivative of a row as text: d/dx, or d²/dx,y for d/dy of d/dx."""
    head = FIRST if row.trial.problem.order == 1 else SECOND
    return f"{head}{row.trial.problem.label(row.variable)}"


def _unmet(evidence: Evidence) -> list[str]:
    return [
        f"{engine}: expected {', '.join(words)}, which did not occur"
        for engine, words in evidence.unmet().items()
    ]


def _unsupported(evidence: Evidence) -> list[str]:
    """Return which engines do not support the expression, and why."""
    engines: dict[tuple[str, str], list[str]] = {}
    for trial in evidence.trials:
        label = f"{trial.spelling}: " if trial.spelling else ""
        for engine, samples in trial.samples.items():
            for reason, names in _missing(samples).items():
                engines.setdefault((label, f"unsupported{names}: {reason}"), []).append(engine)
    return [
        f"{label}{_listed(list(dict.fromkeys(names)))} {words}"
        for (label, words), names in engines.items()
    ]


def _missing(samples: Samples) -> dict[str, str]:
    """Return for each reason the variables, as the end of a phrase; "" for all variables."""
    variables: dict[str, list[str]] = {}
    for name, gap in samples.unsupported.items():
        variables.setdefault(gap.reason, []).append(name)
    return {
        reason: "" if len(names) == len(samples.derivatives) else f" for {', '.join(names)}"
        for reason, names in variables.items()
    }
