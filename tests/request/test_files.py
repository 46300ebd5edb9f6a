"""Expression files: all keys are read, and an error in one entry does not lose the others."""

from pathlib import Path

import pytest

from symdiff.errors import FileError
from symdiff.request.files import find_files, read_file

FULL = """
# a comment
[[expression]]
name = "relu"
expr = "relu(h)"
let = { h = "2*x" }
grid = { x = "-2:2:9", y = [0, 0.5, "1/3", "pi"], z = 3 }
wrt = ["x"]
claims = { x = "2.0" }
source = "somewhere"
note = "something"
expect = { autograd = ["failed"], central = "undecided" }

[expression.spellings]
clamp = "h.clamp(min=0)"

[[expression]]
expr = "x**2"
"""


def write(folder: Path, text: str, name: str = "file.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_toml_entries_are_read_with_all_their_keys(tmp_path):
    first, second = read_file(write(tmp_path, FULL)).entries
    assert (first.label.name, first.expression, first.let) == ("relu", "relu(h)", {"h": "2*x"})
    assert first.grid == {"x": "-2:2:9", "y": [0, 0.5, "1/3", "pi"], "z": [3]}
    assert (first.wrt, first.claims, first.spellings) == (
        ("x",),
        {"x": "2.0"},
        {"clamp": "h.clamp(min=0)"},
    )
    assert first.label.expect == {"autograd": ("failed",), "central": ("undecided",)}
    assert (first.label.source, first.label.note, first.label.line) == ("somewhere", "something", 3)
    assert (second.label.name, second.label.line) == ("x**2", 17)


def test_plain_text_has_one_expression_a_line(tmp_path):
    text = "# comment\n\nrelu: relu(x) ; x = -2:2:9  # the end\nx**2 - y ; x = 0:1:3 ; y = 1\n  a b : sin(x)\n日本 a|b 'q': x\n"
    entries = read_file(write(tmp_path, text, "file.txt")).entries
    assert [(e.label.name, e.expression, e.grid, e.label.line) for e in entries] == [
        ("relu", "relu(x)", {"x": "-2:2:9"}, 3),
        ("x**2 - y", "x**2 - y", {"x": "0:1:3", "y": "1"}, 4),
        ("a b", "sin(x)", {}, 5),
        ("日本 a|b 'q'", "x", {}, 6),
    ]


TENSORS = '''
[[expression]]
name = "network"
expr = "(x @ w).sum()"
claims = """
g = 1 + 0*(x @ w)
grad_w = x.T @ g
"""
cotangent = 2
accumulate = 3
dtype = ["float32", "bfloat16"]
tangent = { w = [[1], [0]] }

[expression.values]
x = [[1, 2]]
w = { shape = [2, 1], seed = 0 }
'''


def test_tensors_are_read_as_typed(tmp_path):
    (entry,) = read_file(write(tmp_path, TENSORS)).entries
    assert entry.values == {"x": [[1, 2]], "w": {"shape": [2, 1], "seed": 0}}
    assert entry.claims == ("g = 1 + 0*(x @ w)", "grad_w = x.T @ g")
    assert entry.dtype == ("float32", "bfloat16")
    assert (entry.cotangent, entry.accumulate, entry.tangent) == (2, 3, {"w": [[1], [0]]})
    assert entry.label.lines["values"] > entry.label.lines["claims"]


ERRORS = [
    ("expr = 'x'\nvalues = [1]", "line 3, values: must be a table with a key for each tensor"),
    ("expr = 'x'\ncotangent = true", "line 3, cotangent: must be numbers, or a string"),
    ("expr = 'x'\naccumulate = 2.5", "line 3, accumulate: must be an integer"),
    ("expr = 'x'\ndtype = 32", "line 3, dtype: must be a list of formats, or a string"),
    ("expr = 'x'\ndtype = ['float23']", "line 3, dtype: dtype cannot be 'float23'"),
    ("expr = 'x'\ndtype = 'complex64'", "line 3, dtype: complex64: complex numbers are out"),
    ("expr = 'x'\ndtype = [1]", "line 3, dtype: dtype cannot be '[1]'"),
    ("expr = 'x'\naccumulate = true", "line 3, accumulate: must be an integer"),
    ("expr = 'x'\ntangent = [1]", "line 3, tangent: must be a table with a key for each variable"),
    ("expr = 'x'\nclaims = [1]", "line 3, claims: must be a list of words"),
    (
        "expr = 'x'\nclaims = 1",
        "line 3, claims: must be a table with a key for each input, or a list",
    ),
    ("name = 'a'", "line 1, entry 'a', expr: is missing (expr = \"relu(x)\")"),
    ("name = 'a'\nexpr = 1", "line 3, entry 'a', expr: must be a string (expr = \"relu(x)\")"),
    ("expr = 'x'\ngird = 1", "line 3, gird: unknown key (did you mean 'grid'?)"),
    ("expr = 'x'\nzzz = 1", "line 3, zzz: unknown key (known keys: name, expr,"),
    ("expr = 'x'\nlet = { h = 1 }", "line 3, let h: must be a string"),
    ("expr = 'x'\n[expression.let]\nh = 1", "line 3, let h: must be a string"),
    ("expr = 'x'\ngrid = { x = { a = 1 } }", "line 3, grid x: must be a range or a list"),
    ("expr = 'x'\nwrt = [1]", "line 3, wrt: must be a list of words"),
    ("name = ' '\nexpr = 'x'", "line 2, entry ' ', name: ' ' is not a name"),
]


@pytest.mark.parametrize(("lines", "message"), ERRORS)
def test_an_error_is_reported_with_its_line_and_the_other_entries_are_read(
    tmp_path, lines, message
):
    path = write(tmp_path, f"[[expression]]\n{lines}\n[[expression]]\nname = 'good'\nexpr = 'y'\n")
    reading = read_file(path)
    assert [e.label.name for e in reading.entries] == ["good"]
    assert str(reading.errors[0]).startswith(f"{path}, {message}")


@pytest.mark.parametrize("name", ["empty.toml", "empty.txt"])
def test_a_file_without_expressions_is_refused(tmp_path, name):
    with pytest.raises(FileError, match="no expression in this file"):
        read_file(write(tmp_path, "# nothing\n", name))


def test_a_repeated_name_is_reported_with_the_line_of_the_first(tmp_path):
    path = write(tmp_path, "a: x\nb: y\na: z\n", "file.txt")
    reading = read_file(path)
    assert [e.expression for e in reading.entries] == ["x", "y"]
    assert "line 3: the name 'a' is taken by line 1" in str(reading.errors[0])


BROKEN = [
    ("[[expression]]\nexpr = relu", "broken TOML: Invalid value (at line 2, column 8)"),
    ("[[expresion]]\nexpr = 'x'", "expresion: unknown key (did you mean 'expression'?)"),
    ("[expression]\nexpr = 'x'", "entries are a list of tables (write [[expression]])"),
    ("a" + ".a" * 100 + " = 1", "line 1: broken TOML: a key of more than 64 parts"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_a_broken_file_is_refused(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(FileError) as caught:
        read_file(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_bytes_that_are_not_utf8_are_reported_with_their_line(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"a: x\nb: y # \xe9\n")
    with pytest.raises(FileError, match=r"latin.txt, line 2: byte 12 is not UTF-8"):
        read_file(path)


def test_a_missing_path_suggests_a_neighbour(tmp_path):
    write(tmp_path, "a: x", "kinks.txt")
    with pytest.raises(FileError, match=r"no such file or folder \(did you mean 'kinks.txt'\?\)"):
        find_files([tmp_path / "kink.txt"])


def test_a_folder_stands_for_its_expression_files_sorted(tmp_path):
    for name in ("b.toml", "a.txt", "c.md"):
        write(tmp_path, "", name)
    assert [p.name for p in find_files([tmp_path])] == ["a.txt", "b.toml"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="no expression file in this folder"):
        find_files([tmp_path / "empty"])
