"""The page: what it has, what it links to, and that no text becomes markup or script."""

import base64
import dataclasses
import hashlib
import html
import re
from html.parser import HTMLParser

import jinja2
import pytest

import symdiff
from symdiff.comparison.evidence import Evidence
from symdiff.errors import Crash
from symdiff.program import parse
from symdiff.report.colours import printable
from symdiff.report.curves.terminal import plotted
from symdiff.report.page import contents, writing
from symdiff.report.page.formulas import mathml
from symdiff.report.pictures import svg
from symdiff.report.report import Report
from symdiff.request.request import Label

# What somebody may write into a name, a note, a message: all of it has to stay text.
HOSTILE = (
    "</script><script>alert(1)</script>",
    "</style><style>*{display:none}</style>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg/onload=alert(1)//",
    "<math><mtext></mtext><script>alert(1)</script></math>",
    "<math href='javascript:alert(1)'>x</math>",
    "<maction actiontype='statusline#http://x.org'>x</maction>",
    "<annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<iframe srcdoc='&lt;script&gt;alert(1)&lt;/script&gt;'>",
    "<object data='data:text/html,<script>alert(1)</script>'>",
    "<embed src=javascript:alert(1)>",
    "<base href='https://example.org/'>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "<link rel=stylesheet href=https://example.org/x.css>",
    "<form action=https://example.org><input name=q>",
    "<a href='javascript:alert(1)'>x</a>",
    "<details open ontoggle=alert(1)>",
    "<body onload=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<input autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<title></title><script>alert(1)</script>",
    "<textarea></textarea><script>alert(1)</script>",
    "<xmp></xmp><script>alert(1)</script>",
    "<plaintext>",
    "<!-- ",
    "--><script>alert(1)</script>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?>",
    "<!doctype html><script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    "` onmouseover=`alert(1)",
    'x" autofocus onfocus=alert(1) y="',
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    "javascript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "vbscript:msgbox(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;",
    "&#x3c;script&#x3e;alert(1)",
    "&amp;lt;b&amp;gt;",
    "&notanentity; &nbsp &copy",
    "{{ 7*7 }}",
    "{{ ''.__class__.__mro__ }}",
    "{% raw %}<b>{% endraw %}",
    "{# comment #}",
    "{{ '<b>'|safe }}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "\\u003cscript\\u003e",
    "\ufeff<script>alert(1)</script>",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "\x00\x08\x1b[31m\x7f",
    "\u202e<gnp.tpircs>\u202c",
    "\u2066\u2067\u2069 \u200b\u200d",
    "\ud800 half of a pair",
    "\u2028\u2029 lines",
    "ＳＣＲＩＰＴ ＜script＞",
    "é 漢字 𝒙 🧮 עברית",
    "a" * 4000,
    "<b>" * 500,
    '#relu/x=0"><b>',
    "relu(x)<mark>",
    "] ]]> }} %} */ <!-- ",
    "expression(alert(1)); background:url(javascript:alert(1))",
    "</bdi></h3></summary></details></main><script>alert(1)</script>",
    "</td></tr></table><img src=x>",
    "</code></pre><b>",
)
COLUMNS = 12  # strings in one report


class Tree(HTMLParser):
    """The elements of a page with the names of their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.links = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value for name, value in attrs if name in {"href", "src", "action"}]

    def handle_endtag(self, tag):
        self.elements.append((f"/{tag}", ()))

    def handle_comment(self, data):
        self.elements.append(("comment", ()))

    def handle_decl(self, decl):
        self.elements.append((f"declaration {decl}", ()))

    handle_pi = unknown_decl = handle_comment

    def handle_data(self, data):
        self.text.append(data)


def poisoned(evidence, text):
    """Return evidence with a text in every place that a user or a library can write to."""
    (trial,) = evidence.trials
    rename = dict(
        zip(evidence.engines, [f"{text}{k}" for k in range(len(evidence.engines))], strict=True)
    )
    explanations = {
        (rename[engine], variable): dataclasses.replace(
            e, texts=("", *(f"{text}{k}" for k in range(1, len(e.texts))))
        )
        for (engine, variable), e in trial.explanations.items()
    }
    source = dataclasses.replace(evidence.program.sources[-1], text=text, place=text)
    program = dataclasses.replace(evidence.program, sources=(source,))
    trial = dataclasses.replace(
        trial,
        samples={rename[name]: s for name, s in trial.samples.items()},
        judgements={(rename[name], v): j for (name, v), j in trial.judgements.items()},
        explanations=explanations,
        spelling=text,
        output=text,
    )
    grid = dataclasses.replace(
        evidence.grid,
        exact=dict.fromkeys(evidence.grid.exact, text),
        notes=(text,),
    )
    return dataclasses.replace(
        evidence,
        label=Label(name=text, file=text, line=1, source=text, note=text, expect={text: (text,)}),
        program=program,
        engines=tuple(rename.values()),
        trials=(trial,),
        grid=grid,
    )


def poisoned_page(evidence, texts):
    report = Report(
        tuple(poisoned(evidence, text) for text in texts),
        tuple(Crash(text, text, text) for text in texts),
        command="".join(texts),
        versions=dict.fromkeys(texts, texts[0]),
    )
    return report.page()


@pytest.fixture(scope="module")
def wrong():
    """Evidence with a finding, a kink that is no double, and an engine that fails."""
    (evidence,) = symdiff.compare(
        "relu(x) - relu(-x) + abs(3*x - 1)",
        {"x": "-1:1:3"},
        engines=["autograd"],
        claims={"x": "2"},
    ).evidence
    return evidence


@pytest.fixture
def without_pictures(monkeypatch):
    """Pages without pictures, which take longest; hostile pictures are tested by themselves."""
    monkeypatch.setattr(contents, "svg", lambda evidence: "")


@pytest.mark.parametrize("first", range(0, len(HOSTILE), COLUMNS))
def test_no_text_becomes_markup(wrong, first, monkeypatch, without_pictures):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    texts = HOSTILE[first : first + COLUMNS]
    harmless = [f"harmless{k}" for k in range(len(texts))]
    found, expected = Tree(poisoned_page(wrong, texts)), Tree(poisoned_page(wrong, harmless))
    assert found.elements == expected.elements
    assert all(link.startswith("#") for link in found.links)
    shown = "".join(found.text)
    assert all(printable(text) in shown for text in texts)


def test_no_text_becomes_markup_in_a_picture(wrong):
    harmless = [e for e in Tree(svg(poisoned(wrong, "harmless"))).elements if e[0] != "path"]
    for text in ("".join(HOSTILE[:40]), "".join(HOSTILE[40:])):
        picture = Tree(svg(poisoned(wrong, text)))
        assert [e for e in picture.elements if e[0] != "path"] == harmless
        assert printable(text)[:40] in "".join(picture.text)


def test_a_page_that_does_not_escape_is_caught(wrong, monkeypatch, without_pictures):
    plain = jinja2.Environment(
        loader=jinja2.PackageLoader("symdiff.report.page"),
        autoescape=False,  # noqa: S701  (the planted fault)
        trim_blocks=True,
        lstrip_blocks=True,
    )
    monkeypatch.setattr(writing, "environment", lambda: plain)
    harmless = Tree(poisoned_page(wrong, ["harmless"])).elements
    caught = [
        text for text in HOSTILE[:40:4] if Tree(poisoned_page(wrong, [text])).elements != harmless
    ]
    assert len(caught) >= 8


def test_the_text_of_the_page_says_what_is_not_shown(wrong, without_pictures):
    assert len(HOSTILE) == len(set(HOSTILE)) >= 60
    assert "\\u202e" in poisoned_page(wrong, ["\u202e"])


def test_a_formula_is_escaped_and_not_simplified():
    import sympy as sp

    evil = sp.Symbol("<script>alert(1)</script>")
    assert "<script" not in mathml(evil + 1)
    assert "<script" in html.unescape(mathml(evil + 1))
    page = symdiff.compare("sqrt(x**2) + 0*x", {"x": [1]}, engines=["autograd"]).page()
    assert "<msqrt><msup><mi>x</mi><mn>2</mn></msup></msqrt>" in page
    assert "<mn>0</mn>" in page


def test_only_the_style_and_the_script_of_the_page_are_allowed(relu):
    page = relu.page()
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    for element in ("style", "script"):
        (text,) = re.findall(rf"<{element}>(.*?)</{element}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert not re.search(r"\sstyle=|\son\w+=|https?://(?!www\.w3\.org)|@import|url\(", page)


def test_the_page_has_the_answer_the_reasons_and_how_it_was_made(wrong):
    report = Report((wrong,), command="symdiff run a.toml", versions={"torch": "9.9"})
    page = report.page()
    text = re.sub(r"\s+", " ", "".join(Tree(page.replace("</", " </")).text))
    assert "FAIL: autograd wrong at 1 of" in text
    assert "symdiff run a.toml" in text and "torch 9.9" in text and "seed 0" in text
    assert "<mark>relu(x)</mark> - relu(-x)" in page
    assert "1/3" in text and "[-2, 4]" in text
    assert 'href="#relu(x)---relu(-x)-+-abs(3*x---1)/x=0"' in page


@pytest.mark.parametrize(
    ("expression", "options", "expect", "state", "verdict", "failing"),
    [
        ("sqrt(x)", {}, {}, "passes", "undefined", 0),
        ("sqrt(x)", {"strict": True}, {}, "fails", "nonfinite", 2),
        ("floor(x)", {}, {}, "passes", "silent", 0),
        ("floor(x)", {"strict": True}, {}, "fails", "silent", 1),
        ("x**2", {}, {"central": ("wrong",)}, "fails", contents.UNMET, 0),
        ("1/x", {}, {"central": ("wrong",)}, "expected", "wrong", 4),
    ],
)
def test_the_page_and_its_plot_fail_what_the_report_fails(  # noqa: PLR0913, PLR0917  (a table)
    expression, options, expect, state, verdict, failing, without_pictures
):
    (evidence,) = symdiff.compare(
        expression, {"x": "0:0.5:2"}, engines=["central"], **options
    ).evidence
    label = dataclasses.replace(evidence.label, expect=expect)
    evidence = dataclasses.replace(evidence, label=label)
    (entry,) = contents.contents(Report((evidence,)), everything=True).entries
    assert (entry.state, entry.verdict) == (state, verdict)
    assert sum(line.fails for line in entry.table.lines) == failing
    assert ("does not pass" in plotted(evidence)) == (failing > 0)


def test_every_link_has_its_target_and_no_name_is_used_twice(wrong, relu, pole):
    other = dataclasses.replace(wrong, label=Label(name="a/b c"))
    page = Report((wrong, other, *relu.evidence, *pole.evidence)).page()
    names = re.findall(r'\bid="([^"]*)"', page)
    assert len(names) == len(set(names))
    assert {link.removeprefix("#") for link in Tree(page).links} <= set(map(html.unescape, names))
    assert 'id="a-b-c/x=1/3"' in page


def test_the_blamed_part_of_a_definition_is_marked():
    program = parse("h + 1", definitions={"h": "x + relu(x)"})
    from symdiff.report.page.marked import texts

    marked = [(t.name, t.marked) for t in texts(program, ["no place", "relu(x) (let h, column 5)"])]
    assert marked == [("h", "relu(x)"), ("", "")]
    assert not any(t.marked for t in texts(program, ["relu(y) (let h, column 5)"]))


def test_evidence_has_no_place_for_text_that_the_test_does_not_know():
    # A new attribute may hold text: then `poisoned` has to put hostile text there.
    known = "label options program variables grid engines trials tensors left_out requested"
    assert [f.name for f in dataclasses.fields(Evidence)] == known.split()
