"""The formats of a report: the table of formats and their modules fit together."""

import importlib
from pathlib import Path

import pytest

import symdiff
from symdiff.errors import UsageError
from symdiff.report import formats

FOLDER = Path(formats.__file__).parent


def test_every_format_has_a_module_and_every_module_a_format():
    modules = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert modules == set(formats.FORMATS)


def test_no_two_formats_have_the_same_ending():
    assert len(set(formats.FORMATS.values())) == len(formats.FORMATS)


@pytest.mark.parametrize("name", formats.FORMATS)
def test_a_file_s_ending_names_its_format(name):
    assert formats.format_of(Path(f"report{formats.FORMATS[name]}")) == name


def test_an_unknown_ending_is_refused_with_an_example():
    with pytest.raises(UsageError, match=r"no format ends in '\.doc' \(give --format, or a name"):
        formats.format_of(Path("report.doc"))


@pytest.mark.parametrize("name", formats.FORMATS)
def test_tables_are_asked_of_formats_of_tables_only(name):
    comparison = symdiff.compare("abs(x)", at={"x": [0]})
    module = importlib.import_module(f"symdiff.report.formats.{name}")
    if hasattr(module, "tables"):
        assert "kink" in comparison.table(name)
    else:
        with pytest.raises(UsageError, match=f"the format '{name}' has no tables"):
            comparison.table(name)
