"""FPCore files: what a benchmark means here, what is refused and where, and hostile text."""

import time
from pathlib import Path

import pytest

from symdiff.errors import InputError
from symdiff.request.files import read_file
from symdiff.request.fpcore import fpcore_entries, fpcore_entry

HAMMING = Path(__file__).parents[2] / "examples" / "hamming.fpcore"


def entry(text):
    """Return the request of the only benchmark of a text."""
    (raw,) = fpcore_entries(text, "bench.fpcore")
    return fpcore_entry(raw, "bench.fpcore")


MEANINGS = [
    # body of (FPCore (x y) ...)                      expression           definitions
    ("(- (sqrt (+ x 1)) (sqrt x))",                   "sqrt(x + 1) - sqrt(x)", {}),
    ("(- x (- y 1))",                                 "x - (y - 1)",       {}),
    ("(/ x (* y 2))",                                 "x/(y*2)",           {}),
    ("(pow (- x) 2)",                                 "(-x)**2",           {}),
    ("(- (pow x 2))",                                 "-x**2",             {}),
    ("(pow (pow x y) 3)",                             "(x**y)**3",         {}),
    ("(+ x 1/3)",                                     "x + 1/3",           {}),
    ("(pow x 1/3)",                                   "x**(1/3)",          {}),
    ("(pow x -2.5e-1)",                               "x**(-2.5e-1)",      {}),
    ("(* -1/2 x)",                                    "-1/2*x",            {}),
    ("(* x 0x1.8p1)",                                 "x*3.0",             {}),
    ("(* x (digits 3 -1 10))",                        "x*(3*10**-1)",      {}),
    ("(fabs (fmax x y))",                             "abs(fmax(x, y))",   {}),
    ("(if (< 0 x 1) x (- y))",                        "x if 0 < x and x < 1 else -y", {}),
    ("(if (!= x y 1) x y)",                           "x if x != y and x != 1 and y != 1 else y", {}),
    ("(if (and (> x 0) (or (< y 1) (not (== x 2)))) x y)",
     "x if x > 0 and (y < 1 or not x == 2) else y", {}),
    ("(+ (if (> x 0) 1 2) y)",                        "(1 if x > 0 else 2) + y", {}),
    ("(if TRUE x y)",                                 "x if True else y",  {}),
    ("(* PI (/ E PI_2))",                             "pi*(e/(pi/2))",     {}),
    ("(fma x y 1)",                                   "x*y + 1",           {}),
    ("(fdim x y)",                                    "maximum(x - y, 0)", {}),
    ("(+ x y 1 2)",                                   "x + y + 1 + 2",     {}),
    ("(tgamma (lgamma (nearbyint x)))",               "gamma(lgamma(rint(x)))", {}),
    ("(let ([h (+ x 1)]) (* h h))",                   "h*h",               {"h": "x + 1"}),
    ("(let* ([h x] [h (* h y)]) (+ h x))",            "h_ + x",            {"h": "x", "h_": "h*y"}),
    ("(let ([x y] [y x]) (- x y))",                   "x_ - y_",           {"x_": "y", "y_": "x"}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "text", "let"), MEANINGS)
def test_an_expression_has_this_meaning(body, text, let):
    request = entry(f"(FPCore (x y) {body})")
    assert request.text == text
    assert dict(request.let) == let


def test_the_properties_of_a_benchmark():
    request = entry("""
        ; a comment (with brackets
        (FPCore f (x eps)
          :name "2sin" :cite (hamming-1987 3) :description "two sines"
          :precision binary32 :alt ignored
          :pre (and (<= -1 x 1/3) (< 0 eps) (< (* 2 x) eps))
          (- (sin (+ x eps)) (sin x)))
    """)
    label = request.label
    assert (label.name, label.line, label.source, label.note) == (
        "2sin", 3, "hamming-1987, 3", "two sines",
    )  # fmt: skip
    assert request.dtype == ("float32",)
    assert request.grid == {"x": "-1:0.333333333333:9", "eps": "0.5:4.5:9"}
    assert request.expression.notes == (":pre (< (* 2 x) eps) is ignored",)


@pytest.mark.parametrize(
    ("condition", "grid"),
    [
        ("(<= 0 x 1)", "0:1:9"),
        ("(< 0 x 1)", "0.1:0.9:9"),
        ("(and (> 3 x) (>= x 1))", "1:2.77777777778:9"),
        ("(< (- 2) x (/ 1 2))", "-1.75:0.25:9"),
        ("(>= x 0)", "0:4:9"),
        ("(< x -1)", "-5.5:-1.5:9"),
        ("(< 0 x 1e300)", "0.222222222222:2:9"),
        ("(== x x)", None),
        ("TRUE", None),
    ],
)
def test_ranges_become_grids(condition, grid):
    assert entry(f"(FPCore (x) :pre {condition} (sin x))").grid.get("x") == grid


def test_a_wide_range_of_positive_numbers_has_points_at_equal_ratios():
    points = entry("(FPCore (x) :pre (< 1e-10 x 1e10) (sin x))").grid["x"]
    assert points == pytest.approx([10**k for k in range(-8, 9, 2)], rel=1e-5)


REFUSED = [
    # text                                            line, column, message
    ("(FPCore (n)\n (while (< i n) ([i 0 (+ i 1)]) i))", 2, 2, "while is refused: a loop"),
    ("(FPCore (x)\n (+ 1\n  (! :precision binary32 x)))", 3, 3, "! is refused: an annotation"),
    ("(FPCore (x) (tensor ([i 3]) x))", 1, 13, "tensor is refused: a tensor"),
    ("(FPCore (x) (cast x))", 1, 13, "cast is refused: a rounding"),
    ("(FPCore (x) (isnan x))", 1, 13, "isnan is refused: a question"),
    ("(FPCore ((A 3)) (ref A 1))", 1, 10, "a variable is a name here"),
    ("(FPCore (x x) x)", 1, 12, "'x' is listed twice"),
    ("(FPCore (x) (+ x (foo x)))", 1, 18, "unknown operation 'foo'"),
    ("(FPCore (x) (+ x y))", 1, 18, "unknown variable 'y'"),
    ("(FPCore (x) (+ x NAN))", 1, 18, "NAN is no real number"),
    ('(FPCore (x) (+ x "1"))', 1, 18, "a string is not a number"),
    ("(FPCore (x) (sqrt x 1))", 1, 13, "sqrt takes one argument, not 2"),
    ("(FPCore (x) (pow x))", 1, 13, "pow takes 2 arguments, not 1"),
    ("(FPCore (x) (+ x 0x1p9999))", 1, 18, "too large for a double"),
    ("(FPCore (x) ((+) x))", 1, 13, "the name of an operation is missing"),
    ("(FPCore (x) (let (h) x))", 1, 19, "a binding has a name and an expression"),
    ("(FPCore (x) (let x))", 1, 13, "let takes bindings and an expression"),
    ("(FPCore x)", 1, 1, "the list of variables is missing"),
    ("(FPCore (x) x x)", 1, 1, "2 expressions, not one"),
    ('(FPCore (x) "" x)', 1, 1, "2 expressions, not one"),
    ("(FPCore (x) :pre (and (< 1 x) (< x 0)) x)", 1, 18, "no x satisfies this precondition"),
    ("(FPCore (x) :pre (< 0 y) x)", 1, 23, "unknown variable 'y'"),
    ("(define (f x) x)", 1, 1, "a benchmark begins with (FPCore"),
    ("(FPCore (x) (+ x 1]", 1, 19, "'(' is closed by ']'"),
    ("(FPCore (x) (+ x 1)", 1, 1, "this bracket is not closed"),
    ("hello", 1, 1, "'hello' stands outside brackets"),
    (")", 1, 1, "this bracket was not opened"),
]


@pytest.mark.parametrize(("text", "line", "column", "message"), REFUSED)
def test_what_is_refused_is_named_with_its_place(text, line, column, message):
    with pytest.raises(InputError) as caught:
        entry(text)
    place = caught.value.place
    assert message in caught.value.message
    assert (place.line, place.start) == (line, column - 1)
    assert "FPCore" in str(caught.value) or caught.value.hint or "takes" in message


def test_a_condition_as_a_value_is_refused():
    with pytest.raises(InputError, match="condition, not a number"):
        entry('(FPCore (x) :name "c" (< x 1))')


def test_names_that_the_language_lacks_are_changed_and_noted():
    request = entry("(FPCore (x.re x_re lambda e -x) (+ (* x.re x_re) (* lambda (+ e -x))))")
    assert request.text == "x_re*x_re_ + lambda_*(e_ + v_x)"
    assert request.expression.notes == (
        "x.re is called x_re",
        "x_re is called x_re_",
        "lambda is called lambda_",
        "e is called e_",
        "-x is called v_x",
    )


def test_the_other_benchmarks_of_a_file_are_read(tmp_path):
    path = tmp_path / "bench.fpcore"
    path.write_text(
        '(FPCore (x) :name "a" (sin x))\n(FPCore (x) :name "b" (for x))\n(FPCore (x) :name "a" x)\n'
        '(FPCore (x) :name "c" (cos x))\n(FPCore (x) (tan x)'
    )
    reading = read_file(path)
    assert [request.label.name for request in reading.entries] == ["a", "c"]
    assert [(error.place.line, error.place.entry) for error in reading.errors] == [
        (2, "b"), (3, None), (5, None),
    ]  # fmt: skip
    assert str(reading.errors[0]).startswith(f"{path}, line 2, entry 'b': for is refused: a loop")


def test_hamming_s_formulas_are_read():
    reading = read_file(HAMMING)
    assert reading.errors == ()
    assert len(reading.entries) >= 30
    texts = {request.label.name: request.text for request in reading.entries}
    assert texts["2isqrt"] == "1/sqrt(x) - 1/sqrt(x + 1)"


HOSTILE = {
    "deep": "(FPCore (x) " + "(- " * 10_000 + "x" + ")" * 10_001,
    "deep and open": "(" * 50_000,
    "closed": ")" * 5_001,
    "doubling": "(FPCore (x) " + "(round " * 90 + "x" + ")" * 91,
    "squares": "(FPCore (x) (if (!= " + "x " * 9_000 + ") 1 2))",
    "a long sum": "(FPCore (x) (+ " + "x " * 100_000 + "))",
    "lets": "(FPCore (x) " + "(let ([h (+ x 1)]) " * 90 + "h" + ")" * 91,
    "many lets": "(FPCore (x) (let* (" + "[h x]" * 4_000 + ") h))",
    "variables": "(FPCore (" + " ".join(f"x{i}" for i in range(15_000)) + ") x0)",
    "same names": "(FPCore (" + " ".join("." * i for i in range(1, 99)) + ") .)",
    "properties": "(FPCore (x) " + ":a b " * 9_000 + "x)",
    "digits": "(FPCore (x) (+ x " + "9" * 900_000 + "))",
    "an exponent": "(FPCore (x) (+ x 1e999999999))",
    "a power": "(FPCore (x) (+ x (digits 1 999999999 10)))",
    "strings": '(FPCore (x) :name "' + '"' * 50_001,
    "a comment": ";" * 900_000,
    "code": "(FPCore (x) (__import__ os))",
    "a name": "(FPCore (__class__) (exec __class__))",
    "nul": "(FPCore (x) (+ x \0))",
    "unicode": "(FPCore (x) (+ x \N{GREEK SMALL LETTER PI}\u202e))",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_refused_soon(text):
    start = time.perf_counter()
    try:
        raws = fpcore_entries(text, "f")
    except InputError:
        raws = []
    for raw in raws:
        try:
            fpcore_entry(raw, "f")
        except InputError as error:
            assert len(str(error)) < 600
    assert time.perf_counter() - start < 2
