"""Kinds, roles and verdicts are stored and shown by their labels."""

import pytest

from symdiff.grid.grid import Role
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict


@pytest.mark.parametrize("enum", [Kind, Role, Verdict])
def test_every_code_and_every_label_belongs_to_one_member(enum):
    assert len({int(member) for member in enum}) == len(set(enum.labels())) == len(enum)
    for member in enum:
        assert enum.of(member.label) is enum.from_code(int(member)) is member
        assert f"{member}" == str(member) == member.label


@pytest.mark.parametrize("enum", [Kind, Verdict])
def test_every_kind_and_every_verdict_has_a_meaning(enum):
    assert [member.label for member in enum if not member.meaning] == []


def test_an_unknown_label_is_refused():
    with pytest.raises(ValueError, match="'cusp' is not a label of Kind"):
        Kind.of("cusp")


def test_no_two_verdicts_are_equally_grave():
    assert len({verdict.gravity for verdict in Verdict}) == len(Verdict)
