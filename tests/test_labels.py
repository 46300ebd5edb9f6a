"""Enumerations that are stored and shown by their labels."""

import pytest

from symdiff.grid.grid import Role
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict


@pytest.mark.parametrize("listing", [Kind, Role, Verdict])
def test_codes_and_labels_are_unique_and_lead_back_to_their_member(listing):
    assert len({int(member) for member in listing}) == len(set(listing.labels())) == len(listing)
    for member in listing:
        assert listing.of(member.label) is listing.from_code(int(member)) is member
        assert f"{member}" == str(member) == member.label


@pytest.mark.parametrize("listing", [Kind, Verdict])
def test_every_kind_and_every_verdict_has_a_meaning(listing):
    assert [member.label for member in listing if not member.meaning] == []


def test_an_unknown_label_is_refused():
    with pytest.raises(ValueError, match="'crooked' is not a label of Kind"):
        Kind.of("crooked")


def test_no_two_verdicts_are_equally_grave():
    assert len({verdict.gravity for verdict in Verdict}) == len(Verdict)
