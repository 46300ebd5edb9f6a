"""Stores that were written when there were fewer verdicts, kinds and functions."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import symdiff

ROOT = Path(__file__).parent.parent.parent
TEXTS = ("relu(x) - relu(-x)", "log(x)", "floor(x)", "abs(x)")
READ = """
import sys
from pathlib import Path
from symdiff.report.drift import read_run
for key, record in read_run(Path(sys.argv[1])).records.items():
    print(record["expression"], record["engine"], record["point"], record["role"],
          record["verdict"], record["kind"], record["detail"], sep="|")
"""


def shifted_from(number, text):
    """Add one to every code that is not less than a number."""

    def shift(match):
        code = int(match.group(2))
        return f"{match.group(1)}{code + (code >= number)},"

    return re.sub(r"^(    [A-Z_]+ +=? ?= )(\d+),", shift, text, flags=re.MULTILINE)


def with_a_verdict_in_the_middle(text):
    new = '    PUZZLING = 4, "puzzling", True, 20, "never given"\n'
    shifted = shifted_from(4, text)
    assert shifted != text
    return shifted.replace("    # fmt: on", f"{new}    # fmt: on")


def with_a_kind_in_the_middle(text):
    shifted = shifted_from(1, text)
    assert shifted != text
    return shifted.replace(
        '    KINK = 2, "kink"', '    CUSP = 1, "cusp", "never given"\n    KINK = 2, "kink"'
    )


def with_a_function_in_front(text):
    return text.replace(
        '    Function("sqrt",',
        '    Function("zzz", "x", formula="x", definition="x"),\n    Function("sqrt",',
        1,
    )


CHANGES = [
    ("verdict/words.py", with_a_verdict_in_the_middle),
    ("truth/kinds.py", with_a_kind_in_the_middle),
    ("catalogue/elementary.py", with_a_function_in_front),
]


def read(package, store):
    done = subprocess.run(
        [sys.executable, "-c", READ, store],
        env={"PYTHONPATH": str(package), "PATH": "/usr/bin:/bin"},
        cwd=package,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("old")
    path = folder / "a.txt"
    path.write_text("".join(f"{text} ; x = -2:2:5\n" for text in TEXTS))
    symdiff.compare_file(path, store=folder / "old.db")
    return folder / "old.db"


@pytest.mark.parametrize(("module", "change"), CHANGES)
def test_a_new_member_in_the_middle_changes_no_label_in_an_old_store(
    module, change, store, tmp_path
):
    shutil.copytree(ROOT / "symdiff", tmp_path / "symdiff")
    before = read(tmp_path, store)
    assert any("|wrong|" in line for line in before) and any("|kink|" in line for line in before)
    assert any("a logarithm of a negative number" in line for line in before)
    path = tmp_path / "symdiff" / module
    changed = change(path.read_text())
    assert changed != path.read_text()
    path.write_text(changed)
    assert read(tmp_path, store) == before
