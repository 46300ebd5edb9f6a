"""Packed requests and results: unpacking returns what was packed, and data only."""

import dataclasses
import hashlib
import json
import zlib

import numpy as np
import pytest

import symdiff
from symdiff.batch import packing
from symdiff.batch.packing import FORMAT, PackingError, pack, unpack
from symdiff.batch.work import collect
from symdiff.errors import Crash, ExpressionError, Lost, Place
from symdiff.program.nodes import Literal
from symdiff.report.report import Report
from symdiff.request.options import Options
from symdiff.verdict.words import Verdict

EXPRESSIONS = [
    ("relu(x) - relu(-x)", {}),
    ("log(x)*y", {"grid": {"x": "-1:1:5", "y": ["1/3", "pi"]}}),
    ("floor(x) + 1/x", {"spellings": {"other": "1/x + floor(x)"}}),
    ("x**3", {"claims": {"x": "2*x**2"}}),
    ("(x @ w).sum()", {"values": {"x": [[1, 2]], "w": [[3], [4]]}}),
    ("relu(x @ w).sum()", {"values": {"x": {"shape": [3, 50]}, "w": {"shape": [50, 20]}}}),
    ("x.floor_divide(2)", {}),
]


@pytest.mark.parametrize(("text", "keywords"), EXPRESSIONS)
def test_a_report_of_unpacked_evidence_is_the_same(text, keywords):
    comparison = symdiff.compare(text, **keywords)
    back = Report(tuple(unpack(pack(e)) for e in comparison.evidence))
    assert back.to_json() == comparison.to_json()
    assert back.table(everything=True) == comparison.table(everything=True)
    assert back.summary() == comparison.summary()


@pytest.mark.parametrize(
    "value",
    [
        None,
        (1, 1.5, True, "text", -0.0, float("inf")),
        {"nested": [{"a": (1,)}, []]},
        2**80,
        Verdict.WRONG,
        Options(seed=3),
        (Literal(1), Literal(1.0), Literal(value=True)),  # equal in Python, and different nodes
        {("autograd", "x"): 1},
    ],
)
def test_values_are_unpacked_unchanged(value):
    back = unpack(pack(value))
    assert back == value and repr(back) == repr(value)


def test_uncompressed_bytes_unpack_to_the_same():
    (evidence,) = symdiff.compare("relu(x)", {"x": "-1:1:101"}).evidence
    short, long = pack(evidence), pack(evidence, compress=False)
    assert len(long) > 2 * len(short)
    assert pack(unpack(long)) == pack(unpack(short)) == short


@pytest.mark.parametrize("dtype", [np.float64, np.int8, np.int16, np.int32, bool])
def test_arrays_keep_their_dtype_and_shape(dtype):
    column = np.arange(6).reshape(2, 3).astype(dtype)
    back = unpack(pack({"c": column}))["c"]
    assert back.dtype == column.dtype and np.array_equal(back, column)
    back[0, 0] = 1  # the array is a copy and can be written to


@pytest.mark.parametrize(
    "error",
    [
        ExpressionError("no", place=Place(text="x +", start=2, end=3), hint="add one"),
        Crash("file, entry 'a'", "ValueError: no", "a"),
        Lost("file, entry 'a'", "it hung", "a"),
    ],
)
def test_errors_keep_their_message(error):
    back = unpack(pack(error))
    assert type(back) is type(error) and str(back) == str(error)


def test_every_shipped_entry_can_be_packed():
    for entry in collect([]).entries:
        assert unpack(pack(entry)) == dataclasses.replace(entry)


def test_evidence_on_tensors_is_packed_without_the_program_written_out():
    evidence = symdiff.compare("amax([x, y])", at={"x": 0, "y": 0}).evidence[0]
    problem = unpack(pack(evidence)).trials[0].problem
    assert problem.tensor_problem is not None
    assert problem.tensor_problem.written is None


def test_values_that_are_not_data_are_refused():
    with pytest.raises(TypeError, match="function cannot be packed"):
        pack({"f": lambda x: x})
    with pytest.raises(TypeError, match="Popen"):
        pack(type("Popen", (), {})())


def hostile(head, tail=b""):
    text = json.dumps(head).encode()
    return zlib.compress(len(text).to_bytes(8, "little") + text + tail)


def test_bytes_of_another_format_are_refused_with_both_numbers():
    with pytest.raises(PackingError, match=rf"^of format 1, not {FORMAT}$"):
        unpack(hostile([1, [], None, []]))


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"not packed",
        pack({"a": 1})[:-3],
        hostile([FORMAT, [["Popen", "true"]], ["o", 0], []]),  # a class that is not in the list
        hostile([FORMAT, [["Literal", 1, 2]], ["o", 0], []]),
        hostile([FORMAT, [], ["i", "Popen", "true"], []]),
        hostile([FORMAT, [], ["f", "Popen", "true"], []]),
        hostile([FORMAT, [], ["f", "Literal", ["l", 1]], []]),
        hostile([FORMAT, [], ["o", 7], []]),
        hostile([FORMAT, [], ["x", 7], []]),
        hostile([FORMAT, [], ["a", 0], [["O", [1]]]], b"12345678"),  # a column of Python objects
        hostile([FORMAT, [], ["a", 0], [["<f8", [1000]]]], b"12345678"),  # too few bytes
        hostile([FORMAT, [], ["a", 0], [["<f8", [-1]]]], b"12345678"),
        hostile({"format": 1}),
    ],
)
def test_damaged_and_hostile_bytes_are_refused(packed):
    with pytest.raises(PackingError, match=r"^damaged"):
        unpack(packed)


def test_the_format_has_a_new_number_where_the_packed_classes_have_other_fields():
    # If this fails, raise FORMAT: a store of an older version would be read as damaged.
    fields = repr(sorted((kind.__name__, names) for kind, names in packing._FIELDS.items()))
    digest = hashlib.sha256(fields.encode()).hexdigest()[:16]
    assert (FORMAT, digest) == (16, "734bcb10f4309f37")
