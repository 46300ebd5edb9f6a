"""Draw a case, ask symdiff, and compare the answers with those of the routes."""

from __future__ import annotations

import collections
import dataclasses
import math
import random
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from hypothesis import strategies as st

from fuzz import cones, contradictions, programs, rewritings, sympy_limits, tensor_programs
from fuzz.points import FAR, Coordinate, around, double, exact_coordinates, unique
from fuzz.product import ENGINES, Planted, Question, RefusedError, Word, ask, double_of
from fuzz.quotients import LEVELS, Answer, Shape, quotients
from fuzz.trees import VARIABLE, Tree, call, number, variable

Draw = Callable[[st.SearchStrategy[Any]], Any]

_DEPTHS: Final = (1, 2, 2, 3, 3, 4)
_FAILED: Final = "symdiff itself failed"
_COMPONENTS: Final = 4  # components of tensors along which quotients are taken, per program


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """A contradiction.

    Attributes
    ----------
    route
        The route that contradicts symdiff.
    question
        The program and the points.
    where
        The variable and the point.
    said
        What symdiff says.
    found
        What the route says.
    """

    route: str
    question: str
    where: str
    said: str
    found: str

    def __str__(self) -> str:
        """Return the finding as five lines."""
        return f"{self.route}\n  {self.question}\n  {self.where}\n  symdiff: {self.said}\n  route:   {self.found}"


@dataclasses.dataclass(slots=True)
class Counts:
    """What was tried.

    Attributes
    ----------
    of
        Numbers by name: programs, points, verdicts, and answers of each route.
    undecided
        Truths and verdicts that are undecided, by reason.
    refused
        Programs that symdiff does not take, by reason.
    """

    of: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    undecided: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    refused: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def update(self, other: Counts) -> None:
        """Add other counts."""
        for name in ("of", "undecided", "refused"):
            getattr(self, name).update(getattr(other, name))


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """A question, what to check about it, and the choices that the check needs.

    Attributes
    ----------
    question
        The program and the points.
    check
        The name of the check, a key of `CHECKS`.
    rewriting
        For the check of that name.
    seed
        Of the directions of `cones`.
    """

    question: Question
    check: str
    rewriting: rewritings.Rewriting | None = None
    seed: int = 0

    def __str__(self) -> str:
        """Return the check and the question as text."""
        return f"{self.check}: {self.question}"


# -- cases


@st.composite
def cases(draw: Draw, checks: Sequence[str]) -> Case:
    """Draw a case for one of some checks."""
    check = draw(st.sampled_from(checks))
    if check == "tensors":
        return Case(_on_tensors(draw), check)
    if check == "cones":
        return Case(_piecewise(draw), check, seed=draw(st.integers(0, 2**32)))
    if check == "sympy":
        return Case(_smooth(draw), check)
    several = draw(st.integers(0, 2)) == 2
    question = _on_numbers(draw, several=several)
    if check == "rewritings" and question.at:
        return Case(question, check, rewriting=draw(rewritings.rewritings(question)))
    return Case(question, check)


def _point(draw: Draw, names: Sequence[str], *, with_pi: bool = True) -> dict[str, Coordinate]:
    return {name: draw(exact_coordinates(with_pi=with_pi)) for name in names}


def _axes(draw: Draw, point: Mapping[str, Coordinate]) -> dict[str, tuple[Coordinate, ...]]:
    far = double(draw(st.sampled_from(FAR)))
    if len(point) == 1:
        return {n: tuple(_tried(draw, c, far)) for n, c in point.items()}
    axes = {n: tuple(unique([c, draw(st.sampled_from(around(c)))])) for n, c in point.items()}
    first = min(axes)
    return {**axes, first: tuple(unique([*axes[first], far]))}


def _tried(draw: Draw, at: Coordinate, far: Coordinate) -> list[Coordinate]:
    """Return a coordinate, its neighbours by an ulp, and one that is further away."""
    *close, below, above = around(at)
    return [*close, draw(st.sampled_from((above, below, far)))]


def _on_numbers(draw: Draw, *, several: bool) -> Question:
    names = ("x", "y") if several else ("x",)
    point = _point(draw, names)
    spoken = programs.language(point)
    tree = draw(programs.numbers(spoken, draw(st.sampled_from(_DEPTHS))))
    return Question(tree, _used(tree.variables, _axes(draw, point)))


def _smooth(draw: Draw) -> Question:
    point = _point(draw, ("x",))
    spoken = programs.language(point, programs.SMOOTH)
    tree = draw(programs.numbers(spoken, draw(st.sampled_from(_DEPTHS))))
    return Question(tree, _used(tree.variables, {"x": (point["x"],)}))


def _piecewise(draw: Draw) -> Question:
    names = ("x", "y", "z") if draw(st.booleans()) else ("x", "y")
    point = _point(draw, names, with_pi=False)
    spoken = dataclasses.replace(programs.language(point, programs.PIECEWISE), continuous=True)
    tree = draw(programs.numbers(spoken, draw(st.sampled_from((2, 3, 3, 4)))))
    return Question(tree, _used(tree.variables, {n: (c,) for n, c in point.items()}))


def _on_tensors(draw: Draw) -> Question:
    tree = draw(tensor_programs.tensors(0, draw(st.sampled_from((1, 2, 2, 3)))))
    return Question(tree, {}, draw(tensor_programs.values(tree.variables)))


def _used(names: Sequence[str], at: Mapping[str, Any]) -> dict[str, Any]:
    return {name: at[name] for name in names}


# -- checks


def examine(case: Case, counts: Counts) -> Finding | None:
    """Return a contradiction, or None; count what was tried.

    Any exception that symdiff raises, other than a refusal, is a contradiction too.
    """
    question = case.question
    if not question.tree.variables:
        return None  # a constant
    counts.of["programs"] += 1
    counts.of[f"programs for {case.check}"] += 1
    try:
        return CHECKS[case.check](case, counts)
    except FailedInsideError as error:
        return Finding("crash", str(question), "", general(str(error)), "symdiff itself failed")
    except RefusedError as error:
        counts.refused[general(str(error))] += 1
        return None
    except sympy_limits.OutOfTime:
        counts.of["programs that took too long"] += 1
        return None
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        if not any("/symdiff/" in frame.filename for frame in frames):
            raise
        last = frames[-1]
        text = f"{type(error).__name__}: {error}"[:300]
        where = f"{last.filename.rpartition('/symdiff/')[2]}:{last.lineno}"
        return Finding("crash", str(question), where, text, "symdiff itself failed")


def general(reason: str) -> str:
    """Return a reason without the numbers and names in it."""
    reason = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "'...'", reason)
    return re.sub(r"[-+]?\d[\d.]*(?:e[-+]?\d+)?", "N", reason)[:110]


class FailedInsideError(Exception):
    """symdiff reports that it failed at a point."""


def _count(words: Sequence[Word], counts: Counts) -> None:
    """Count the points and the verdicts.

    Raises
    ------
    FailedInsideError
        A point is undecided since something failed.
    """
    points = {(w.where, w.kind): w for w in words}
    counts.of["points"] += len(points)
    counts.of["verdicts"] += len(words)
    for word in words:
        if _FAILED in word.detail:
            raise FailedInsideError(word.detail)
    for word in points.values():
        counts.of[f"points of kind {word.kind}"] += 1
        if word.kind == "undecided":
            counts.undecided[f"truth: {general(word.detail)}"] += 1
    for word in words:
        if word.verdict == "undecided" and word.kind != "undecided":
            counts.undecided[f"verdict: {general(word.detail)}"] += 1


def _by_quotients(case: Case, counts: Counts) -> Finding | None:
    words = ask(case.question, ENGINES if case.question.at else ENGINES[1:2])
    _count(words, counts)
    answers: dict[str, Answer] = {}
    for word in _some_components(words):
        if word.where not in answers:
            answers[word.where] = _answer(case.question, word)
            counts.of["points with quotients"] += 1
            counts.of["points with clear quotients"] += answers[word.where].is_clear
        found = contradictions.of_truth(word, answers[word.where])
        said = word.truth
        if not found:
            found = contradictions.of_verdict(word, answers[word.where])
            said = f"{word.engine} {word.value!r}: {word.verdict} ({word.detail}); {word.truth}"
        if found:
            found = _confirmed(case.question, word)
        if found:
            return Finding("quotients", str(case.question), word.where, said, found)
    return _along_directions(case, words, counts) or _by_planted_numbers(
        case, answers, words, counts
    )


_DIRECTIONS: Final = ((1, 1), (1, -1), (2, -3))


def _along_directions(case: Case, words: Sequence[Word], counts: Counts) -> Finding | None:
    """Check that a function of two variables that is called smooth is linear along directions."""
    by_point: dict[str, dict[str, Word]] = {}
    for word in words:
        if len(word.inputs) == 2 and not word.index and word.kind == "smooth":
            by_point.setdefault(str(word.inputs), {})[word.variable] = word
    for group in [g for g in by_point.values() if len(g) == 2][:3]:
        first = next(iter(group.values()))
        for direction in _DIRECTIONS:
            answer = _directional(case.question.tree, first, direction)
            counts.of["slopes along other directions"] += answer.is_clear
            slopes = [group[n].derivative for n in sorted(group)]
            parts = [d * s for d, s in zip(direction, slopes, strict=True) if s is not None]
            tolerance = 1e-9 * sum(map(abs, parts)) + 1e-300
            sides = (answer.left, answer.right)
            if not answer.is_clear or not math.isfinite(sum(parts)):
                continue
            if all(
                s.shape is Shape.SLOPE and abs(double_of(s.slope) - sum(parts)) <= tolerance
                for s in sides
            ):
                continue
            if not _directional(case.question.tree, first, direction, 2).is_clear:
                continue
            text = ", ".join(f"{s.shape.value} {s.slope}" for s in sides)
            said = "; ".join(f"d/d{n}: {w.truth}" for n, w in group.items())
            return Finding(
                "directions", str(case.question), f"{first.where}, along {direction}", said, text
            )
    return None


def _directional(tree: Tree, word: Word, direction: Sequence[int], level: int = 0) -> Answer:
    """Return the quotients along a direction: those by t of f(x + a*t, y + b*t) at t = 0."""
    names = sorted(word.inputs)
    moved = {
        name: call("add", variable(name), call("multiply", number(a), variable("t")))
        for name, a in zip(names, direction, strict=True)
    }
    along = tree.replaced(lambda part: moved.get(part.name) if part.function == VARIABLE else None)
    inputs = {n: c.value for n, c in word.inputs.items()}
    return quotients(along, {**inputs, "t": Fraction(0)}, ("t", ()), level)


def _some_components(words: Sequence[Word]) -> list[Word]:
    names = list(dict.fromkeys((w.variable, w.index) for w in words if w.index))
    chosen = set(random.Random(len(words)).sample(names, min(_COMPONENTS, len(names))))
    return [w for w in words if not w.index or (w.variable, w.index) in chosen]


def _answer(question: Question, word: Word, level: int = 0) -> Answer:
    inputs = {n: c.value if isinstance(c, Coordinate) else c for n, c in word.inputs.items()}
    return quotients(question.tree, inputs, (word.variable, word.index), level)


def _confirmed(question: Question, word: Word) -> str:
    """Return the contradiction if smaller steps and more digits say the same."""
    found = ""
    for level in range(1, len(LEVELS)):
        answer = _answer(question, word, level)
        found = contradictions.of_truth(word, answer) or contradictions.of_verdict(word, answer)
        if not found:
            return ""
    return found


def _by_planted_numbers(
    case: Case, answers: Mapping[str, Answer], words: Sequence[Word], counts: Counts
) -> Finding | None:
    """Plant the true derivative, its ends, and other numbers as engines, at one point."""
    by_point: dict[str, list[Word]] = {}
    for word in words:
        if word.engine == ENGINES[0]:
            by_point.setdefault(str(word.inputs), []).append(word)
    for group in list(by_point.values())[:2]:
        if any(w.index or w.where not in answers for w in group):
            return None
        sides = [(answers[w.where].left, answers[w.where].right) for w in group]
        if any(s.shape is not Shape.SLOPE for pair in sides for s in pair):
            continue
        if any(answers[w.where].value is None for w in group):
            continue
        slopes = [tuple(double_of(s.slope) for s in pair) for pair in sides]
        if not all(
            math.isfinite(s) and (s == 0 or abs(s) > 1e-300) for pair in slopes for s in pair
        ):
            continue
        finding = _plant(case, group, slopes, counts)
        if finding:
            return finding
    return None


def _plant(
    case: Case, group: Sequence[Word], slopes: Sequence[tuple[float, ...]], counts: Counts
) -> Finding | None:
    names = [w.variable for w in group]
    is_smooth = all(answer[0] == answer[1] for answer in slopes)
    if len(group) > 1 and not is_smooth:
        return None  # the gradient is judged as a whole: see `cones`
    offset = [max(1.0, abs(a), abs(b)) for a, b in slopes]
    planted = {
        "left": [a for a, _ in slopes],
        "right": [b for _, b in slopes],
        "mean": [a / 2 + b / 2 for a, b in slopes],
        "above": [max(a, b) + d for (a, b), d in zip(slopes, offset, strict=True)],
        "below": [min(a, b) - d for (a, b), d in zip(slopes, offset, strict=True)],
    }
    engines = [
        Planted(f"planted {k}", dict(zip(names, v, strict=True))) for k, v in planted.items()
    ]
    # Elsewhere an engine gets a different number than the exact one, which is allowed near a kink.
    doubles = all(c.is_double for c in group[0].inputs.values())
    question = dataclasses.replace(case.question, at={n: (c,) for n, c in group[0].inputs.items()})
    for word in ask(question, engines=(), planted=engines):
        if not all(word.inputs[n] == c for n, c in group[0].inputs.items()):
            continue
        if contradictions.is_judged_elsewhere(word):
            continue
        counts.of["planted numbers"] += 1
        counts.of["planted numbers undecided"] += word.verdict == "undecided"
        outside = word.engine.endswith(("above", "below"))
        bad = (
            {"agrees", "subgradient"}
            if outside and not doubles
            else {"agrees", "inexact", "inaccurate", "subgradient"}
            if outside
            else {"wrong", "not-subgradient", "nonfinite", "value"}
        )
        if word.verdict in bad:
            confirmed = all(
                _answer(question, word, level).is_clear
                and tuple(
                    double_of(s.slope)
                    for s in (
                        _answer(question, word, level).left,
                        _answer(question, word, level).right,
                    )
                    if s.slope is not None
                )
                == tuple(slopes[names.index(word.variable)])
                for level in (1, 2)
            )
            if confirmed:
                said = f"{word.engine} {word.value!r}: {word.verdict} ({word.detail}); {word.truth}"
                return Finding(
                    "planted",
                    str(question),
                    word.where,
                    said,
                    f"the slopes are {dict(zip(names, slopes, strict=True))}",
                )
    return None


def _by_cones(case: Case, counts: Counts) -> Finding | None:
    names = case.question.tree.variables
    rng = random.Random(case.seed)
    point = {n: cs[0].factor for n, cs in case.question.at.items()}
    found = cones.limit_gradients(case.question.tree, names, point, rng, 60)
    if not found:
        return None
    size = max(1.0, *(abs(float(x)) for g in found for x in g))
    chosen = found[:6]
    mixed = [[float(sum(x) / len(found)) for x in zip(*found, strict=True)]]
    offs = [
        [float(x) + rng.choice((-1, 0, 1)) * size / 2 for x in rng.choice(found)] for _ in range(4)
    ]
    inside = [[double_of(x) for x in g] for g in chosen] + mixed
    engines = [
        Planted(f"inside {k}", dict(zip(names, g, strict=True))) for k, g in enumerate(inside)
    ]
    engines += [Planted(f"off {k}", dict(zip(names, g, strict=True))) for k, g in enumerate(offs)]
    words = ask(case.question, engines=(), planted=engines)
    _count(words, counts)
    counts.of["sampled gradients"] += len(engines)
    gradients = {e.name: g for e, g in zip(engines, inside + offs, strict=True)}
    by_engine: dict[str, list[Word]] = {}
    for word in words:
        by_engine.setdefault(word.engine, []).append(word)
    for engine, group in by_engine.items():
        verdicts = {w.verdict for w in group}
        counts.of["sampled gradients undecided"] += "undecided" in verdicts
        said = f"{gradients[engine]} is {', '.join(f'{w.verdict} ({w.detail})' for w in group)}; {'; '.join(w.truth for w in group)}"
        if engine.startswith("inside") and verdicts & {"wrong", "not-subgradient", "nonfinite"}:
            return Finding(
                "cones",
                str(case.question),
                f"gradient with respect to {names}",
                said,
                f"limits of gradients: {_texts(found)}",
            )
        if engine.startswith("off") and verdicts <= {"agrees", "subgradient"}:
            far = cones.distance_outside(gradients[engine], found)
            if far > 1e-6 * size:
                more = cones.limit_gradients(case.question.tree, names, point, rng, 4000)
                if cones.distance_outside(gradients[engine], more) > 1e-6 * size:
                    return Finding(
                        "cones",
                        str(case.question),
                        f"gradient with respect to {names}",
                        said,
                        f"all limits of gradients that were found: {_texts(more)}",
                    )
    return None


def _texts(gradients: Sequence[Sequence[Fraction]]) -> str:
    return ", ".join(str(tuple(map(float, g))) for g in gradients[:12])


def _by_sympy(case: Case, counts: Counts) -> Finding | None:
    tree = case.question.tree
    if not sympy_limits.is_covered(tree):
        return None
    words = ask(case.question, engines=ENGINES[:1])
    _count(words, counts)
    for word in words:
        at = word.inputs["x"]
        answer = _answer(case.question, word)
        for which, side, mine in (("left", -1, word.left), ("right", 1, word.right)):
            if word.kind in {"undecided", "jump"} or mine is None:
                continue
            limits = sympy_limits.limits(tree, at, side)
            counts.of["limits by sympy"] += limits is not None
            if limits is None or limits[1] is None:
                continue
            theirs = limits[1]
            if not theirs.is_extended_real or theirs.has(sympy_limits.T):
                continue
            number = sympy_limits.number(theirs)
            if number is None:
                counts.of["limits by sympy that it cannot evaluate"] += 1
                continue
            quotient = getattr(answer, which)
            agrees = (
                number == mine or abs(number - mine) <= 1e-9 * max(abs(mine), abs(number)) + 1e-300
            )
            if not agrees and not contradictions.fits(mine, quotient):
                said = f"{word.truth}"
                return Finding(
                    "sympy",
                    str(case.question),
                    word.where,
                    said,
                    f"the {which} slope is {theirs} by sympy",
                )
            counts.of["limits by sympy that the quotients refute"] += not agrees
    return None


def _by_rewriting(case: Case, counts: Counts) -> Finding | None:
    rewriting = case.rewriting
    if rewriting is None:
        return None
    words = ask(case.question, engines=ENGINES[1:2])
    others = {(str(w.inputs), w.variable): w for w in ask(rewriting.question, engines=ENGINES[1:2])}
    _count(words, counts)
    names = dict(rewriting.renamed)
    for word in words:
        key = (str(rewriting.point_of(dict(word.inputs))), names.get(word.variable, word.variable))
        other = others.get(key) or others.get(
            (str(dict(sorted(rewriting.point_of(dict(word.inputs)).items()))), key[1])
        )
        if other is None:
            continue
        counts.of["pairs of truths"] += 1
        counts.of["pairs of which one is undecided"] += (word.kind == "undecided") != (
            other.kind == "undecided"
        )
        found = rewritings.contradiction(rewriting, word, other)
        if found:
            return Finding(
                f"rewriting: {rewriting.name}", str(case.question), word.where, word.truth, found
            )
    return None


CHECKS: Final[Mapping[str, Callable[[Case, Counts], Finding | None]]] = {
    "quotients": _by_quotients,
    "tensors": _by_quotients,
    "rewritings": _by_rewriting,
    "cones": _by_cones,
    "sympy": _by_sympy,
}
