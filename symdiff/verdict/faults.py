"""Judge derivatives that an engine itself found to be wrong, whatever the truth is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np

from symdiff.engines.base import Samples
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Truths
from symdiff.verdict.judge import Judgement, Key
from symdiff.verdict.words import Verdict

# Kinds of points at which there is no derivative, so that no number is wrong.
_WITHOUT_DERIVATIVE: Final = (
    Kind.JUMP,
    Kind.POLE,
    Kind.OUTSIDE,
    Kind.ISOLATED,
    Kind.OSCILLATING,
)


def judge_faults(
    truths: Mapping[str, Truths],
    samples: Mapping[str, Samples],
    judgements: Mapping[Key, Judgement],
) -> dict[Key, Judgement]:
    """Return the judgements that change because of `Samples.faults`.

    Parameters
    ----------
    truths, samples
        The truth by variable, and what the engines returned.
    judgements
        The verdicts on the derivatives, by engine and variable.
    """
    changed: dict[Key, Judgement] = {}
    for engine, sample in samples.items():
        for name, mask in sample.faults.items():
            if (engine, name) not in judgements:
                continue
            judgement = judgements[engine, name]
            points = np.flatnonzero(mask & ~np.isin(truths[name].kinds, _WITHOUT_DERIVATIVE))
            codes = judgement.codes.copy()
            codes[points] = Verdict.WRONG
            reasons = {
                **judgement.reasons,
                **dict.fromkeys(points.tolist(), sample.fault_reasons[name]),
            }
            changed[engine, name] = dataclasses.replace(judgement, codes=codes, reasons=reasons)
    return changed
