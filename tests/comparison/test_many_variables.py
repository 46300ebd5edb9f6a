"""What depends on the program alone is found once, however many variables it has."""

import pytest

import symdiff
from symdiff.program.nodes import Program
from symdiff.verdict import accuracy, blame, explain


def counted(monkeypatch, owner, name):
    """Return a list that gets an entry at every call of a function of a program."""
    function, calls = getattr(owner, name), []

    def counting(*arguments, **options):
        calls.append(arguments)
        return function(*arguments, **options)

    monkeypatch.setattr(owner, name, counting)
    return calls


@pytest.mark.parametrize("text", ["(relu(v)*sin(v)).sum()", "floor(v).sum()"])
def test_what_is_asked_of_a_program_does_not_grow_with_its_variables(text, monkeypatch):
    found = []
    for count in (4, 24):
        blame.first_call.cache_clear()
        with monkeypatch.context() as patched:
            sizes = counted(patched, Program, "tree_size")
            depths = counted(patched, accuracy, "units_of_operations")
            each = counted(patched, explain, "_explanations")
            symdiff.compare(text, values={"v": [k - 1.5 for k in range(count)]})
        assert len(each) == 3 * count  # the counters count
        found.append((len(sizes), len(depths), blame.first_call.cache_info().misses))
    assert found[0] == found[1]
    assert found[0][0] <= 3
    assert found[0][1] == 1
