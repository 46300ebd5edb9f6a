"""Which element of the Clarke interval an engine chose, read from the detail of a verdict."""

from __future__ import annotations

import dataclasses
import re

from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Truths
from symdiff.verdict.words import Verdict

# The end of what a detail says about the rule that an engine documents.
_RULE = re.compile(r"(?P<owner>\w+)'s rule (?:says (?P<says>.*)|does not apply)")


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """What the detail of a verdict at a kink says.

    Attributes
    ----------
    word
        The element in one word: ``left``, ``right``, ``mean``, ``min-norm``, ``other``, or
        ``outside``.
    owner
        Who documents a rule of choice, ``torch``; "" if the engine has none.
    documented
        What the rule picks: a number, ``so`` if it is the engine's number, "" if it does not apply.
    rest
        What else the detail says.

    Examples
    --------
    >>> choice_of("left, min-norm; torch's rule says so")
    Choice(word='left', owner='torch', documented='so', rest='')
    >>> choice_of("outside [0, 1]; torch's rule says 0; a flipped sign")
    Choice(word='outside', owner='torch', documented='0', rest='a flipped sign')
    """

    word: str
    owner: str
    documented: str
    rest: str


def choice_of(detail: str) -> Choice:
    """Return the parts of the detail of a verdict at a kink."""
    element, *phrases = detail.split("; ")
    rule = next((found for p in phrases if (found := _RULE.fullmatch(p))), None)
    rest = [p for p in phrases if rule is None or p != rule[0]]
    return Choice(
        word=element.replace(",", " ").split(" ")[0],
        owner=rule["owner"] if rule else "",
        documented=(rule["says"] or "") if rule else "",
        rest="; ".join(rest),
    )


def has_choice(truths: Truths, i: int, verdict: Verdict) -> bool:
    """Return whether a verdict is about a choice at a kink, which its detail names."""
    is_about = verdict in {Verdict.SUBGRADIENT, Verdict.NOT_SUBGRADIENT}
    return is_about and Kind.from_code(truths.kinds[i]) is Kind.KINK
