"""LaTeX tables: their structure, and that no name or message is a command."""

import re
import shutil
import subprocess

import pytest

import symdiff
from symdiff.report import typeset
from symdiff.report.formats import latex
from symdiff.report.report import Report
from tests.report.test_markdown import HOSTILE, renamed

# Commands that the output consists of; a name that brings another one has become a command.
_COMMANDS = {
    "begin", "end", "noindent", "textbf", "par", "medskip", "centering", "caption", "label",
    "toprule", "midrule", "bottomrule", "footnotesize", "raggedright", "linewidth", "texttt",
    "left", "right", "operatorname", "mid", "infty", "approx", "cdot", "frac", "pi", "partial",
    "mathrm", "ldots", "alpha",
    *re.findall(r"text\w+", "textbackslash textasciitilde textasciicircum textasciigrave"),
    "textless", "textgreater", "textbar",
}  # fmt: skip
_TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|\\\n|[{}$&#%~^_`]|\n\n|.", re.DOTALL)
_COMMENT_OR_MARK = set("#%~`")
_TEXT_HOSTILE = [
    *HOSTILE,
    r"\input{/etc/passwd} \end{table} \write18{ls}",
    "100% & more_things #1 ~tilde ^^M {open",
    "[1pt] & *",
    "$math",
    "}}}} --- -- ≈ … ∂ ∞ é 中 😀",
]


def faults(text):
    """Return what is wrong with the structure of LaTeX."""
    found, groups, environments, is_math, ends, columns = [], 0, [], False, [], 0
    pieces = _TOKEN.findall(text)
    for k, piece in enumerate(pieces):
        if piece == "$":
            is_math = not is_math
        elif piece in "{}":
            groups += 1 if piece == "{" else -1
            if groups < 0:
                found.append("brace")
                groups = 0
        elif piece in _COMMENT_OR_MARK or (piece in "^_" and not is_math):
            found.append(f"special {piece}")
        elif piece == "&":
            columns += 1
        elif piece == r"\\":
            ends.append(columns)
            columns = 0
            found += ["option of a row"] if "".join(pieces[k + 1 :]).lstrip()[:1] in "[*" else []
        elif re.fullmatch(r"\\[A-Za-z]+", piece):
            name = piece[1:]
            found += [] if name in _COMMANDS else [f"command {name}"]
            argument = "".join(pieces[k + 1 : k + 12]).partition("}")[0][1:]
            if name == "begin":
                environments.append(argument)
                ends = []
            elif name == "end":
                if not environments or environments.pop() != argument:
                    found.append(f"end of {argument}")
                found += ["columns"] if len(set(ends)) > 1 or columns else []
                ends, columns = [], 0
        elif piece == "\n\n" and (is_math or groups):
            found.append("paragraph in a group")
    found += ["open brace"] * groups + [f"open {name}" for name in environments]
    found += ["open math"] if is_math else []
    labels = re.findall(r"\\label\{(.*)\}", text)
    return found + (["label twice"] if len(set(labels)) < len(labels) else [])


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "file.toml"
    path.write_text(
        '[[expression]]\nname = "a_b"\nexpr = "abs(x)*alpha"\ngrid = {x = [0], alpha = [2]}\n'
        '[[expression]]\nname = "bad"\nexpr = "x"\n'
        'claims = {x = "3"}\nspellings = {other = "relu(x) - relu(-x)"}\n'
        '[[expression]]\nname = "long"\nexpr = "1/x if x > 0 else log(x)"\ngrid = {x = [0]}\n'
        '[[expression]]\nname = "tensor"\nexpr = "relu(x)"\nvalues = {x = [-1.0, 0.0]}\n'
    )
    return symdiff.compare_files([path], engines=["autograd", "central"])


def test_tables_have_the_structure_of_latex(report):
    assert not report.errors
    text = report.rendered("latex")
    assert faults(text) == []
    assert r"\caption{Derivatives of $\left|x\right| \alpha$ (a\_b)}" in text
    assert r"\caption{Derivatives of \texttt{1/x if x \textgreater{} 0 else log(x)} (long)}" in text
    assert r"\label{tab:a-b}" in text
    assert (
        r"$x$ & $\alpha$ & at & $\partial/\partial$ & truth & autograd & central & verdict \\"
        in text
    )
    assert re.search(
        r"^\$0\$ & \$2\$ & kink & \$x\$ & \$\[-2, 2\]\$ & \$0\$ mean", text, re.MULTILINE
    )
    assert r"\noindent\textbf{FAIL}: " in text
    tables = text.count(r"\toprule"), text.count(r"\midrule"), text.count(r"\bottomrule")
    assert tables == (text.count(r"\begin{tabular}"),) * 3


def test_no_name_or_message_is_a_command(report):
    for name in _TEXT_HOSTILE:
        text = renamed(report, name).rendered("latex")
        assert faults(text) == [], name
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)


def test_many_engines_have_rows_of_their_own():
    found = symdiff.compare("abs(x)", at={"x": [0]}, dtype="float64,float32,bfloat16,float16")
    text = found.table("latex")
    assert faults(text) == []
    assert "number & verdict & engines" in text


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (r"\bottomrule", "\\bottomrule %", "special %"),
        (r"a\_b", "a_b", "special _"),
        (r" & truth", "", "columns"),
        (r"\end{minipage}", "", "end of table"),
        (r"\end{table}", "}", "brace"),
        (r"\midrule", r"\midrule \input", "command input"),
        (r"\toprule", "x \\\\\n[1pt]", "option of a row"),
        ("$x$", "$x", "open math"),
        ("tab:bad", "tab:a-b", "label twice"),
    ],
)
def test_planted_faults_are_found(report, old, new, fault):
    text = report.rendered("latex")
    assert old in text
    assert fault in faults(text.replace(old, new, 1))


def test_without_the_escapes_names_are_commands(report, monkeypatch):
    monkeypatch.setattr(typeset, "_ESCAPES", {})
    assert "command input" in faults(renamed(report, _TEXT_HOSTILE[-5]).rendered("latex"))
    assert latex.text("a_b") == "a_b"


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_a_document_with_the_tables_compiles(report, tmp_path):
    name = "".join(map(chr, range(32, 127)))
    body = renamed(report, name).rendered("latex")
    packages = r"\usepackage[T1]{fontenc}\usepackage{amsmath,booktabs}"
    document = rf"\documentclass{{article}}{packages}\begin{{document}}{body}\end{{document}}"
    (tmp_path / "a.tex").write_text(document)
    command = ["pdflatex", "-interaction=batchmode", "-halt-on-error", "a.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)


def test_expressions_of_one_name_have_labels_of_their_own(report):
    labels = re.findall(r"\\label\{(.*)\}", Report(report.evidence[:1] * 3, ()).table("latex"))
    assert labels == ["tab:a-b", "tab:a-b-2", "tab:a-b-3"]
