"""Say how a call of torch comes to return a NaN or an infinity, from its own numbers alone."""

from __future__ import annotations

from symdiff.catalogue import CATALOGUE
from symdiff.explanation.calls import Step
from symdiff.explanation.findings import Mechanism
from symdiff.explanation.finite import is_finite, nonfinite
from symdiff.explanation.mechanisms import of_numbers
from symdiff.explanation.origins import has_row_of_minus_infinity


def reason_of(step: Step) -> tuple[Mechanism, str] | None:
    """Return the mechanism and the reason; None if the call's results or arguments do not tell.

    Parameters
    ----------
    step
        A call.
    """
    if has_row_of_minus_infinity(step):
        return Mechanism.MINUS_INFINITY, f"{step.name} of a row that is -inf throughout"
    operands = [t.detach() for t in step.operands if t.is_floating_point()]
    result = next((r.detach() for r in step.results if r.is_floating_point()), None)
    mask = None if result is None else nonfinite(result)
    if result is None or mask is None or not all(is_finite(t) for t in operands):
        return None
    if any(t.shape == result.shape for t in operands) and step.name in CATALOGUE:
        row = CATALOGUE[step.name]
        if row.array is None:
            at = [float(t.expand(mask.shape)[mask][0]) for t in operands]
            value = float(result[mask][0])
            return of_numbers(row, at, value, "", str(result.dtype).removeprefix("torch."))
    if bool(result.isnan().any()):
        return Mechanism.DOMAIN, f"{step.name} of these finite numbers is nan"
    return None
