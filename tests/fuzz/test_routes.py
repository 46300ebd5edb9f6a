"""The routes give textbook answers, and know every function of the catalogue."""

import math
import random
from fractions import Fraction

import mpmath
import pytest
import sympy

from fuzz import contradictions
from fuzz.cones import distance_outside, limit_gradients
from fuzz.meanings import NUMBERS, SELECTIONS, Missing
from fuzz.points import Coordinate
from fuzz.product import Word, array
from fuzz.quotients import LEVELS, Shape, quotients
from fuzz.reals import Reals
from fuzz.sympy_limits import limits
from fuzz.sympy_limits import number as number_of
from fuzz.tensors import TENSORS
from fuzz.trees import CONSTANT, NUMBER, Tree, call, number, text, variable
from fuzz.values import Values
from symdiff.catalogue import CATALOGUE
from symdiff.program import parse

X, Y = variable("x"), variable("y")
HALF = Fraction(1, 2)


def test_every_function_of_the_catalogue_has_a_meaning_of_its_own():
    meanings = {*NUMBERS, *SELECTIONS, *TENSORS, "detach"}
    assert meanings == set(CATALOGUE)


REFERENCE = [
    # function, arguments, the value by mpmath's own function or by hand
    ("gelu", (1,), lambda: mpmath.ncdf(1)),
    ("silu", (2,), lambda: 2 / (1 + mpmath.exp(-2))),
    ("mish", (1,), lambda: mpmath.tanh(mpmath.log(1 + mpmath.e))),
    ("logaddexp", (1, 2), lambda: mpmath.log(mpmath.e + mpmath.e**2)),
    ("softplus", (-3,), lambda: mpmath.log(1 + mpmath.exp(-3))),
    ("sinc", (HALF,), lambda: 2 / mpmath.pi),
    ("atan2", (0, -1), lambda: mpmath.pi),
    ("atan2", (-1, 0), lambda: -mpmath.pi / 2),
    ("hypot", (3, 4), lambda: 5),
    ("rint", (Fraction(5, 2),), lambda: 2),
    ("rint", (Fraction(-3, 2),), lambda: -2),
    ("round", (Fraction(26, 10), 0), lambda: 3),
    ("remainder", (-7, 3), lambda: 2),
    ("fmod", (-7, 3), lambda: -1),
    ("frac", (Fraction(-5, 4),), lambda: mpmath.mpf(-1) / 4),
    ("copysign", (3, -2), lambda: -3),
    ("heaviside", (0, HALF), lambda: mpmath.mpf(1) / 2),
    ("xlogy", (0, 5), lambda: 0),
    ("elu", (-1,), lambda: mpmath.exp(-1) - 1),
    ("celu", (-1, 2), lambda: 2 * (mpmath.exp(-0.5) - 1)),
    ("hardswish", (1,), lambda: mpmath.mpf(2) / 3),
    ("softshrink", (-2,), lambda: mpmath.mpf(-3) / 2),
    ("lgamma", (Fraction(-1, 2),), lambda: mpmath.log(2 * mpmath.sqrt(mpmath.pi))),
    ("polygamma", (1, 1), lambda: mpmath.pi**2 / 6),
    ("erfinv", (HALF,), lambda: mpmath.erfinv(0.5)),
    ("power", (-8, 3), lambda: -512),
    ("cbrt", (-8,), lambda: -2),
]


@pytest.mark.parametrize(("function", "arguments", "expected"), REFERENCE)
def test_a_function_of_numbers_has_its_value(function, arguments, expected):
    value = NUMBERS[function](Reals(60), *map(Fraction, arguments))
    assert float(value) == pytest.approx(float(expected()), rel=1e-15)


TENSOR_REFERENCE = [
    (call("amax", variable("v")), [1, 3, 3], 3),
    (call("norm", variable("v")), [2, 3, 6], 7),
    (call("norm", variable("v"), p=1), [2, -3, 6], 11),
    (call("var", variable("v")), [1, 2, 6], 7),  # ((-2)^2 + (-1)^2 + 3^2)/2
    (call("logsumexp", variable("v"), dim=0), [0, 0, 0], float(mpmath.log(3))),
    (call("index", call("softmax", variable("v"), dim=0), index=(1,)), [0, 0, 0], 1 / 3),
    (call("index", call("cumsum", variable("v"), dim=0), index=(2,)), [1, 2, 6], 9),
    (call("dot", variable("v"), variable("v")), [1, 2, 3], 14),
    (call("index", call("sort", variable("v")), index=(1,)), [5, 1, 3], 3),
    (call("index", call("topk", variable("v"), k=2), index=(1,)), [5, 1, 3], 3),
    (call("kthvalue", variable("v"), k=3), [5, 1, 3], 5),
    (call("det", variable("A")), [[1, 2], [3, 4]], -2),
    (
        call(
            "index",
            call(
                "scaled_dot_product_attention",
                call("zeros_like", variable("A")),
                variable("A"),
                variable("A"),
            ),
            index=(0, 1),
        ),
        [[1, 2], [3, 6]],
        4,
    ),
    (call("index", call("solve", variable("A"), variable("A")), index=(1, 0)), [[1, 2], [3, 4]], 0),
    (
        call(
            "index",
            call("solve_triangular", variable("A"), variable("A"), upper=False),
            index=(0, 1),
        ),
        [[1, 2], [3, 4]],
        2,
    ),
    (call("index", call("eigvalsh", variable("A")), index=(0,)), [[2, 1], [1, 2]], 1),
    (call("index", call("svdvals", variable("A")), index=(0,)), [[3, 0], [4, 0]], 5),
    (call("trace", variable("A")), [[1, 2], [3, 4]], 5),
    (
        call(
            "index",
            call("cross", variable("v"), call("flip", variable("v"), dims=(0,))),
            index=(1,),
        ),
        [1, 2, 3],
        8,
    ),
    (call("det", variable("A")), [[0, 2, 0], [1, 0, 0], [0, 0, 3]], -6),
    (call("index", call("inverse", variable("A")), index=(0, 1)), [[1, 2], [3, 4]], 1),
    (call("index", call("cholesky", variable("A")), index=(1, 0)), [[4, 6], [6, 25]], 3),
    (call("index", call("cholesky", variable("A")), index=(1, 1)), [[4, 6], [6, 25]], 4),
    (call("vector_norm", variable("v")), [2, 3, 6], 7),
    (
        call("index", call("cdist", variable("A"), variable("A"), p=1), index=(0, 1)),
        [[1, 3], [2, 7]],
        5,
    ),
    (call("hinge_embedding_loss", variable("v"), variable("v")), [1, -1], 1.5),  # (1 + 2)/2
    (
        call(
            "margin_ranking_loss",
            variable("v"),
            call("zeros_like", variable("v")),
            variable("v"),
            margin=5,
        ),
        [1, -2, 3],
        5 / 3,
    ),
    (call("triplet_margin_loss", variable("v"), variable("v"), variable("v")), [1, 2, 3], 1),
    (
        call("kl_div", variable("v"), call("zeros_like", variable("v")), log_target=True),
        [1, -1, 3],
        -1,
    ),
    (call("poisson_nll_loss", call("zeros_like", variable("v")), variable("v")), [1, -1, 3], 1),
    (
        call("index", call("layer_norm", variable("v"), normalized_shape=(3,), eps=0), index=(2,)),
        [1, 2, 3],
        1.5**0.5,
    ),
    (
        call("index", call("rms_norm", variable("v"), normalized_shape=(2,), eps=0), index=(0,)),
        [1, 7],
        0.2,
    ),
    (call("index", call("max_pool1d", variable("A"), kernel_size=2), index=(0, 0)), [[1, 3, 9]], 3),
    (
        call("index", call("avg_pool1d", variable("A"), kernel_size=2, padding=1), index=(0, 0)),
        [[1, 3, 9]],
        0.5,
    ),
    (
        call("index", call("adaptive_avg_pool1d", variable("A"), output_size=2), index=(0, 1)),
        [[1, 3, 9]],
        6,
    ),
    (call("index", call("roll", variable("v"), shifts=1, dims=0), index=(0,)), [1, 2, 3], 3),
    (call("index", call("pad", variable("v"), pad=(2, 0), value=7), index=(1,)), [1, 2, 3], 7),
    (call("index", call("tile", variable("v"), dims=(2,)), index=(4,)), [1, 2, 3], 2),
    (call("median", variable("v")), [5, 1, 3, 4], 3),
    (call("quantile", variable("v"), q=0.25), [5, 1, 3], 2),
    (call("index", call("cummax", variable("v"), dim=0), index=(2,)), [1, 5, 3], 5),
    (call("index", call("cumprod", variable("v"), dim=0), index=(2,)), [2, 5, 3], 30),
    (call("cross_entropy", variable("v"), target=1), [0, 0, 0], float(mpmath.log(3))),
    (call("huber_loss", variable("v"), call("zeros_like", variable("v"))), [0, 1, 3], 1),
]


@pytest.mark.parametrize(("tree", "v", "expected"), TENSOR_REFERENCE)
def test_a_function_of_tensors_has_its_value(tree, v, expected):
    value = Values(Reals(60), {"v": array(v), "A": array(v)}).number(tree)
    assert float(value) == pytest.approx(expected, rel=1e-15)


UNDEFINED_UNLESS_SELECTED = [
    ("fmax", True),
    ("maximum", False),
    ("multiply", False),
    ("power", False),
    ("xlogy", False),
]


@pytest.mark.parametrize(("function", "is_defined"), UNDEFINED_UNLESS_SELECTED)
def test_a_program_is_undefined_where_a_value_that_it_uses_is(function, is_defined):
    tree = call(function, call("log", X), number(0))
    side = quotients(tree, {"x": Fraction(-1)}, ("x", ())).left
    assert (side.shape is Shape.SLOPE) is is_defined


@pytest.mark.parametrize(
    "pole", [call("log", X), call("divide", number(1), X), call("digamma", X), call("atan2", X, X)]
)
def test_no_answer_is_given_where_an_operand_may_be_ignored_or_infinite(pole):
    tree = call("fmin", pole, number(0))
    answer = quotients(tree, {"x": Fraction(0)}, ("x", ()))
    assert answer.left.shape is answer.right.shape is Shape.UNCLEAR


def test_no_answer_is_given_where_the_part_that_varies_is_too_small_to_be_kept():
    huge = call("sqrt", call("exp", call("power", number(37), number(37))))
    answer = quotients(call("add", call("exp", X), huge), {"x": Fraction(0)}, ("x", ()))
    assert answer.left.shape is answer.right.shape is Shape.UNCLEAR


TEXTBOOK = [
    # program, point, left, right: a one-sided derivative, or the shape of the side
    (call("abs", X), 0, -1, 1),
    (call("multiply", X, call("abs", X)), 0, 0, 0),
    (call("sqrt", X), 0, Shape.UNDEFINED, Shape.VERTICAL),
    (call("multiply", X, call("log", X)), 0, Shape.UNDEFINED, Shape.VERTICAL),
    (call("floor", X), 2, Shape.JUMP, 0),
    (call("divide", number(1), X), 0, Shape.POLE, Shape.POLE),
    (call("exp", call("divide", number(1), X)), 0, 0, Shape.POLE),
    (call("divide", call("sin", X), X), 0, 0, 0),
    (call("sin", call("divide", number(1), X)), 0, Shape.UNCLEAR, Shape.UNCLEAR),
    (call("maximum", X, number("1e-300")), 0, 0, 0),
]


@pytest.mark.parametrize(("tree", "point", "left", "right"), TEXTBOOK)
def test_the_quotients_are_right_at_textbook_points(tree, point, left, right):
    level = 2 if "1e-300" in str(tree) else 0  # a kink so close to 0 needs smaller steps
    answer = quotients(tree, {"x": Fraction(point)}, ("x", ()), level)
    for side, expected in ((answer.left, left), (answer.right, right)):
        if isinstance(expected, Shape):
            assert side.shape is expected
        else:
            assert side.shape is Shape.SLOPE
            assert float(side.slope) == pytest.approx(expected, abs=1e-15)


def test_every_level_resolves_a_kink_one_ulp_beside_the_point():
    for level in range(len(LEVELS)):
        for x in (1 + 2.0**-52, 5e-324):
            at = Fraction(x)
            tree = call("abs", call("subtract", X, Tree(NUMBER, name="1") if x > 1 else number(0)))
            answer = quotients(tree, {"x": at}, ("x", ()), level)
            assert [float(answer.left.slope), float(answer.right.slope)] == [1, 1]


def test_a_multiple_of_pi_is_exact():
    tree = call("abs", call("sin", X))
    at = Coordinate(Fraction(1), is_multiple_of_pi=True)
    answer = quotients(tree, {"x": at.value}, ("x", ()))
    assert [float(answer.left.slope), float(answer.right.slope)] == [-1, 1]


def test_a_detached_value_is_held_constant():
    tree = call("multiply", X, call("detach", X))
    assert float(quotients(tree, {"x": Fraction(3)}, ("x", ())).left.slope) == 3


def test_the_sampled_gradients_are_the_limits_and_no_others():

    origin = {"x": Fraction(0), "y": Fraction(0)}
    tree = call("add", call("maximum", X, Y), call("abs", call("square", X)))
    found = limit_gradients(tree, ("x", "y"), origin, random.Random(0), 50)  # noqa: S311  (directions)
    assert set(found) == {(1, 0), (0, 1)}
    assert distance_outside([0.5, 0.5], found) < 1e-12
    assert distance_outside([1.0, 1.0], found) == pytest.approx(0.5)


def test_sympy_finds_the_limits_of_a_quotient():
    tree = call("divide", call("sin", X), X)
    assert limits(tree, Coordinate(Fraction(0)), 1) == (1, 0)
    assert limits(call("exp", X), Coordinate(Fraction(0)), -1) == (1, 1)


WRITTEN = [
    call("clamp", X, number(Fraction(-1, 2))),
    Tree("clamp", (X, number(1)), keywords=("max",)),
    call("gelu", X, approximate="tanh"),
    call("ifelse", call("less", X, number(0)), X, Y),
    call("subtract", X, call("negative", Tree(CONSTANT, name="pi"))),
    call("logical_not", call("equal", X, Y)),
]


@pytest.mark.parametrize("tree", WRITTEN, ids=text)
def test_symdiff_reads_what_is_written(tree):
    assert parse(str(call("where", tree, X, Y) if "not" in str(tree) else tree)).inputs


def test_a_limit_in_which_all_digits_cancel_is_not_compared():
    x = sympy.Integer(10) ** 6
    assert number_of(1 - sympy.tanh(x) ** 2) is None
    assert number_of(1 - sympy.tanh(sympy.Integer(20)) ** 2) == pytest.approx(4 * math.exp(-40))


@pytest.mark.parametrize("words", ["limit is", "limit along x is"])
@pytest.mark.parametrize(("bound", "is_found"), [("-1e15", False), ("-5", True)])
def test_a_bound_far_out_of_a_logarithm_is_no_contradiction_and_a_near_one_is(
    words, bound, is_found
):
    # At 0 the value log(x) tends to -inf; a Word that states a limit is right for max(log(x), -b)
    # only, and the quotients see a bound that is reached within their steps.
    answer = quotients(call("log", X), {"x": Fraction(0)}, ("x", ()))
    word = Word(
        {"x": Fraction(0)}, "x", (), "outside", None, 1.0, None,
        f"a logarithm of zero; the right {words} {bound}", "autograd", None, "undefined",
    )  # fmt: skip
    assert bool(contradictions.of_truth(word, answer)) is is_found


@pytest.mark.parametrize("function", ["logical_and", "logical_or"])
@pytest.mark.parametrize("other", [Missing.UNDEFINED, Missing.NOT_NAN])
def test_a_condition_that_is_unclear_may_settle_one_with_an_undefined_part(function, other):
    meaning = SELECTIONS[function]
    assert meaning(Reals(60), other, Missing.UNCLEAR) is Missing.UNCLEAR
    assert meaning(Reals(60), other, function == "logical_or") is (function == "logical_or")


def test_values_that_hardly_grow_have_no_clear_limit():
    # t**-1e-16 tends to infinity, and erf of it to 1; at every step it is about erf(1).
    tree = call("erf", call("power", X, number(Fraction(-1, 10**16))))
    answer = quotients(tree, {"x": Fraction(0)}, ("x", ()))
    assert answer.right.shape is Shape.UNCLEAR
