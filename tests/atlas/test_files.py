"""Files of an atlas: written and read back, one line for a row, and refused if something else."""

import pytest

from symdiff.atlas import files
from symdiff.atlas.cases import cases
from symdiff.atlas.recording import record
from symdiff.errors import UsageError


@pytest.fixture(scope="module")
def atlas():
    return record(cases(["relu", "sqrt"]), ["autograd", "central", "symbolic"], jobs=1)


def test_a_file_has_what_was_written(atlas, tmp_path):
    paths = files.write(atlas, tmp_path)
    assert [path.name.rpartition("-")[0] for path in paths] == ["torch", "numpy", "sympy"]
    for path in paths:
        read = files.read(path)
        assert read == atlas.of(read.engines)
        assert files.as_json(read) == path.read_text()


def test_a_row_is_a_line_and_engines_share_an_answer(atlas, tmp_path):
    text = files.as_json(atlas)
    lines = [line for line in text.splitlines() if line.startswith('["relu", "relu(x)"')]
    assert len(lines) == 1
    assert '["symbolic central", 0.5, "subgradient", "mean"]' in lines[0].replace(
        "central symbolic", "symbolic central"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("", "not a file of an atlas"),
        ("[]", "not a file of an atlas"),
        ('{"format": "symdiff report"}', "not a file of an atlas"),
        ('{"format": "symdiff atlas", "rows": []}', "not a file of an atlas"),
        (
            (
                '{"format": "symdiff atlas", "engines": {}, "lost": {}, "columns": ["function"],'
                ' "rows": [["relu", 1]]}'
            ),
            "not a file of an atlas",
        ),
    ],
)
def test_another_file_is_refused_in_one_line(content, message, tmp_path):
    path = tmp_path / "file.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=message) as caught:
        files.read(path)
    assert "\n" not in str(caught.value)
