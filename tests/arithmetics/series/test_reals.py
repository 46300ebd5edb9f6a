"""Exact numbers: proved signs, equality by form, and nearest doubles."""

import itertools
import math
import random
from fractions import Fraction

import flint
import pytest
import sympy as sp

from symdiff.arithmetics.series import germs, identities, zero_tests
from symdiff.arithmetics.series.germ_values import Unknown
from symdiff.arithmetics.series.puiseux import Germ, constant_germ
from symdiff.arithmetics.series.reals import (
    ONE,
    PI,
    ZERO,
    E,
    Real,
    UndecidedError,
    apply,
    is_proved_zero,
    nearest,
    nearest_in,
    scientific,
    sign,
    sympy_zero_is_credible,
)
from symdiff.program import parse
from symdiff.truth.joint import decide_jointly

PI_DIGITS = (
    "3141592653589793238462643383279502884197169399375105820974944592307816406286208998628034825342"
    "1170679821480865132823066470938446095505822317253594081284811174502841027019385211055596446229"
    "4895493038196442881097566593344612847564823378678316527120190914564856692346034861045432664821"
    "3393607260249141273"
)
PI_CUT = Real.of(Fraction(int(PI_DIGITS), 10 ** (len(PI_DIGITS) - 1)))  # 301 digits


def half(n=1):
    return Real.of(Fraction(n, 2))


def number(text):
    """Return the exact value of a constant expression; a decimal is its double."""
    germ = germs.evaluate(parse(text), {})
    assert isinstance(germ, Germ) and germ.is_constant
    return germ.constant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sin(pi)", 0),
        ("cos(pi) + 1", 0),
        ("sin(pi/6) - 1/2", 0),
        ("sqrt(2)**2 - 2", 0),
        ("sqrt(2)*sqrt(3) - sqrt(6)", 0),
        ("sqrt(8) - 2*sqrt(2)", 0),
        ("cbrt(2)**3 - 2", 0),
        ("sqrt(5 + 2*sqrt(6)) - sqrt(2) - sqrt(3)", 0),
        ("exp(1) - e", 0),
        ("exp(2)*exp(-2) - 1", 0),
        ("log(e) - 1", 0),
        ("log(8) - 3*log(2)", 0),
        ("log(1/2) + log(2)", 0),
        ("exp(log(3)) - 3", 0),
        ("log(exp(3)) - 3", 0),
        ("atan(1)*4 - pi", 0),
        ("asin(1) - pi/2", 0),
        ("tanh(0)", 0),
        ("erf(0)", 0),
        ("sqrt(0)", 0),
        ("gamma(5) - 24", 0),
        ("gamma(1/2) - sqrt(pi)", 0),
        ("abs(-pi) - pi", 0),
        ("floor(pi) - 3", 0),
        ("ceil(-pi) + 3", 0),
        ("floor(sqrt(2)**2) - 2", 0),
        ("(pi - 1)*(pi + 1) - pi**2 + 1", 0),
        ("e*pi - pi*e", 0),
        ("1/3 + 1/6 - 1/2", 0),
        ("0.1 + 0.2 - 0.3", 1),  # doubles, exactly
        ("pi - 3.14159", 1),
        ("3.1416 - pi", 1),
        ("pi - 22/7", -1),
        ("355/113 - pi", 1),
        ("e - 2.718281828459045", 1),  # the nearest double lies below
        ("pi - 3.141592653589793", 1),
        ("exp(pi) - pi - 20", -1),
        ("exp(pi) - pi - 19.999", 1),
        ("exp(pi*sqrt(163)) - 262537412640768744", -1),  # by 7.5e-13
        ("pi**e - e**pi", -1),
        ("sqrt(2) + sqrt(3) - pi", 1),
        ("sin(3)", 1),
        ("sin(4)", -1),
        ("sin(1e22)", -1),
        ("cos(11)", 1),
        ("log(2) - 0.6931471805599453", 1),
        ("lgamma(3/2)", -1),
        ("digamma(1)", -1),
        ("exp(-1000)", 1),
        ("-exp(-1000)", -1),
        ("exp(-1000) - exp(-1001)", 1),
        ("tanh(30) - 1", -1),
        ("erfc(20)", 1),
        ("floor(exp(45)) - 34934271057485095348", 0),
        ("ceil(exp(45)) - 34934271057485095349", 0),
        ("floor(-exp(45)) + 34934271057485095349", 0),
        ("exp(700) - floor(exp(700))", 1),
        ("ceil(exp(700)) - exp(700)", 1),
        ("ceil(exp(700)) - floor(exp(700)) - 1", 0),
        ("floor(10**22*sqrt(2)*sqrt(2)) - 2*10**22", 0),
        ("floor(tanh(400)*7) - 6", 0),
        # sympy's is_zero is True for these tiny numbers: it evaluates only a few digits
        ("tanh(log(cosh(3e-6)))", 1),
        ("sin(log(1 + 3*2**(-50)))", 1),
        ("tanh(log(1 + 3*2**(-50)))", 1),
        ("tanh(log(1 + 1e-300**2))", 1),
        ("tanh(log(cosh(3e-6)))*(pi - 1)", 1),
        ("sin(pi) - tanh(log(cosh(1e-150)))", -1),
    ],
)
def test_a_sign_is_proved(text, expected):
    assert sign(number(text)) == expected
    assert sign(-number(text)) == -expected


@pytest.mark.parametrize(
    ("close", "bits", "enough"),
    [
        (PI - PI_CUT, 128, 2048),
        (apply("exp", ONE) - apply("exp", Real.of(Fraction(10**60 + 1, 10**60))), 64, 256),
        (apply("sin", Real.of(Fraction(10**8, 3))) - apply("sin", Real.of(Fraction(10**8, 3) + Fraction(1, 10**80))), 128, 512),
        (apply("sqrt", Real.of(10**40 + 1)) - Real.of(10**20), 64, 256),
    ],
)  # fmt: skip
def test_the_sign_of_a_tiny_number_is_undecided_until_there_are_enough_bits(close, bits, enough):
    with pytest.raises(UndecidedError, match="could not be proved"):
        sign(close, bits)
    assert sign(close, enough) != 0
    assert not is_proved_zero(close)


@pytest.mark.parametrize(
    "text",
    [
        "tanh(log(1 + 1e-323**4))",  # 1e-1292, or 2**-4292
        "tanh(log(cosh(3e-323**2)))",
        "sqrt(2)*sqrt(3) - sqrt(6) + 1e-300**5",  # sympy would not terminate
        "(tanh(log(cosh(3e-20))))**40",
    ],
)
def test_a_number_below_the_last_bit_is_not_taken_for_zero(text):
    value = number(text)
    assert not sympy_zero_is_credible(value) and not is_proved_zero(value)


def test_the_message_gives_the_size_of_a_number_that_is_smaller_than_any_double():
    with pytest.raises(UndecidedError, match="the sign of a number within 2e-1233 of 0"):
        sign(number("tanh(log(1 + 1e-323**4))"))


def test_sympy_is_not_believed_where_a_ball_excludes_zero(monkeypatch):
    # Planted: sympy sometimes takes this number for zero, since it checks facts in random order.
    monkeypatch.setattr(zero_tests, "_sympy_is_zero", lambda _: True)
    text = "tanh(log(1 + 1e-40))"
    assert not is_proved_zero(number(text)) and not is_proved_zero(number(f"{text}**20"))
    monkeypatch.setattr(zero_tests, "sympy_zero_is_credible", lambda _: True)
    assert is_proved_zero(number(text))


def test_sympy_simplifies_short_numbers_only(monkeypatch):
    """For long ones sympy tries to solve for roots, which takes minutes."""
    asked = []
    equals = sp.Expr.equals

    def spy(x, y):
        asked.append(x)
        return len(asked) == 1 and equals(x, y)  # a second question gets a quick no

    monkeypatch.setattr(sp.Expr, "equals", spy)
    assert is_proved_zero(number("log(9) - 2*log(3)")) and len(asked) == 1
    assert not is_proved_zero(number("exp2(0.7)/asinh(sinh(exp2(0.7)/2)) - 2")) and len(asked) == 1


def test_the_integer_part_of_an_enormous_number_is_not_guessed():
    floor = parse("floor(exp(x))")
    large, enormous = (
        germs.evaluate(floor, {"x": constant_germ(Real.of(x))}) for x in (2000, 5000)
    )
    assert isinstance(large, Germ) and sign(large.constant - apply("exp", Real.of(2000))) == -1
    assert isinstance(enormous, Unknown) and "could not be determined" in enormous.reason


def test_the_sign_of_pi_minus_300_of_its_digits():
    assert sign(PI - PI_CUT) == 1  # digits were cut off
    one_more = PI_CUT + Real.of(Fraction(1, 10**300))
    assert sign(PI - one_more) == -1
    with pytest.raises(UndecidedError):
        sign(PI - PI_CUT, bits=64)


def test_zero_is_proved_and_not_guessed_from_digits():
    # Negative control: zero to 250 digits is not zero.
    small = apply("sin", PI) + Real.of(Fraction(1, 10**250))
    assert sign(small) == 1
    with pytest.raises(UndecidedError):
        sign(apply("log", Real.of(8)) - apply("log", Real.of(2)) * Real.of(3) + PI - PI_CUT, 256)


A, B, C = PI, apply("exp", Real.of(2)), apply("sin", ONE)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (A * B, B * A),
        (A + B, B + A),
        (A - B, -(B - A)),
        (-(A - B), B - A),
        (ONE - A, -(A - ONE)),
        (A - ONE, -(ONE - A)),
        (A + A, A * Real.of(2)),
        (A - A, ZERO),
        (A * ZERO, ZERO),
        (A + ZERO, A),
        (A * ONE, A),
        (-(A * Real.of(-1)), A),
        (-A * B, A * -B),
        (-A * -B, A * B),
        ((A * Real.of(2)) * (B * Real.of(3)), (B * A) * Real.of(6)),
        (half() * A + half() * A, A),
        (half(3) * A - half() * A, A),
        ((A * Real.of(3)).inverse(), A.inverse() * Real.of(Fraction(1, 3))),
        (Real.of(4).power(Fraction(1, 2)), Real.of(2)),
        (Real.of(Fraction(8, 27)).power(Fraction(-2, 3)), Real.of(Fraction(9, 4))),
        (Real.of(2).power(-3), Real.of(Fraction(1, 8))),
        (A.power(1), A),
        (apply("floor", Real.of(2.5)), Real.of(2)),
        (apply("sqrt", Real.of(9)), Real.of(3)),
        (apply("exp", ZERO), ONE),
        (apply("sin", ONE), apply("sin", ONE)),
        (Real.of(0.5), half()),
        ((A + B) * Real.of(-2), (-A - B) * Real.of(2)),
    ],
)
def test_equal_numbers_are_brought_to_one_form(x, y):
    assert x.same_as(y) and y.same_as(x)
    assert sign(x - y, 64) == 0


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (A + B, A - B),
        (A, -A),
        (A * B, A + B),
        (A, B),
        (A, ONE),
        (ONE, Real.of(2)),
        (A.inverse(), A),
        (A - B, B - A),
        (apply("sin", ONE), apply("cos", ONE)),
        (apply("sin", ONE), apply("sin", Real.of(2))),
        (half() * A, half(3) * A),
        (A * B * C, A * B),
    ],
)
def test_different_numbers_are_not_the_same(x, y):
    assert not x.same_as(y) and not y.same_as(x)
    assert sign(x - y) != 0


def test_equal_numbers_of_different_form_are_equal_by_sign_only():
    x, y = apply("log", Real.of(8)), apply("log", Real.of(2)) * Real.of(3)
    assert not x.same_as(y)
    assert sign(x - y) == 0


@pytest.mark.parametrize("bits", [64, 100, 128, 300, 512, 1000, 4096])
def test_zero_is_proved_at_any_precision(bits):
    assert sign(apply("log", Real.of(8)) - apply("log", Real.of(2)) * Real.of(3), bits) == 0


def test_numbers_that_are_the_same_are_equal_over_random_expressions():
    rng = random.Random(1)  # noqa: S311  (samples)
    rational = [Real.of(Fraction(n, d)) for n, d in ((1, 2), (-3, 1), (2, 3), (1, 1), (0, 1))]
    pool = [A, B, C, *rational]
    for _ in range(300):
        x, y = rng.choice(pool), rng.choice(pool)
        pool.append(rng.choice((x + y, x - y, x * y, -x)))
    values = [float(x.ball(256).mid()) for x in pool]
    for (x, v), (y, w) in itertools.combinations(zip(pool, values, strict=True), 2):
        if x.same_as(y):
            assert v == w


def test_exact_arithmetic_agrees_with_ball_arithmetic():
    for x, y in itertools.product([A, B, C, half(), Real.of(-3), A * B, A - B, ZERO], repeat=2):
        with flint.ctx.workprec(128):
            p, q = x.ball(128), y.ball(128)
            assert (x + y).ball(128).overlaps(p + q)
            assert (x - y).ball(128).overlaps(p - q)
            assert (x * y).ball(128).overlaps(p * q)
            if sign(y):
                assert (x * y.inverse()).ball(128).overlaps(p / q)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (PI, math.pi),
        (E, math.e),
        (-PI, -math.pi),
        (Real.of(Fraction(1, 3)), 1 / 3),
        (Real.of(0.1), 0.1),
        (Real.of(2**53 + 1), 2.0**53),  # a tie, to even
        (Real.of(2**53 + 3), 2.0**53 + 4),
        (Real.of(Fraction(2**54 + 3, 2)), 2.0**53 + 2),
        # subnormals
        (Real.of(Fraction(1, 2**1074)), 5e-324),
        (Real.of(Fraction(3, 2**1075)), 1e-323),  # a tie, to even
        (Real.of(Fraction(1, 2**1075)), 0.0),  # a tie, to even
        (Real.of(Fraction(5, 2**1077)), 5e-324),
        (Real.of(Fraction(1, 10**400)), 0.0),
        (PI * Real.of(Fraction(1, 10**310)), 3.141592653589793e-310),
        (PI * Real.of(Fraction(1, 10**322)), 3.14e-322),
        (PI * Real.of(Fraction(1, 10**400)), 0.0),
        (apply("exp", Real.of(-740)), math.exp(-740)),
        (apply("exp", Real.of(-745)), 5e-324),
        (apply("exp", Real.of(-746)), 0.0),
        (apply("exp", Real.of(-10**9)), 0.0),
        # overflow
        (apply("exp", Real.of(709)), 8.218407461554972e307),
        (apply("exp", Real.of(710)), math.inf),
        (-apply("exp", Real.of(710)), -math.inf),
        (apply("exp", Real.of(10**6)), math.inf),
        (Real.of(10**400), math.inf),
        (Real.of(-(10**400)), -math.inf),
        (Real.of(2**1024 - 2**970), math.inf),  # a tie, whose even neighbour is beyond the doubles
        (Real.of(2**1024 - 2**970 - 1), 1.7976931348623157e308),
        (Real.of(Fraction(1.7976931348623157e308)), 1.7976931348623157e308),
        # zero, proved
        (apply("sin", PI), 0.0),
        (apply("log", Real.of(8)) - apply("log", Real.of(2)) * Real.of(3), 0.0),
        # digits that cancel
        (PI - Real.of(math.pi), 1.2246467991473532e-16),
        (apply("exp", Real.of(1e-30)) - ONE, 1e-30),
        (PI - PI_CUT, 7.245870066063155882e-301),
    ],
)  # fmt: skip
def test_the_nearest_double(value, expected):
    double = nearest(value)
    assert double == expected
    assert type(double) is float


def test_irrational_numbers_next_to_a_tie_are_rounded_to_the_right_side():
    tie = Real.of(2**53 + 1)
    for digits in (20, 40, 200):
        tiny = PI * Real.of(Fraction(1, 10**digits))
        assert nearest(tie + tiny) == 2.0**53 + 2, digits
        assert nearest(tie - tiny) == 2.0**53, digits


def test_the_nearest_double_over_all_magnitudes():
    rng = random.Random(2)  # noqa: S311  (samples)
    for _ in range(500):
        factor = Fraction(rng.getrandbits(60) + 1) * Fraction(2) ** rng.randint(-1140, 970)
        value = PI * Real.of(factor)
        cut = Fraction(int(PI_DIGITS), 10 ** (len(PI_DIGITS) - 1)) * factor
        try:
            expected = float(cut)
        except OverflowError:
            expected = math.inf
        assert nearest(value) == expected, factor
        assert nearest(-value) == -expected, factor


def test_irrational_numbers_at_the_overflow_threshold():
    edge = Real.of(2**1024 - 2**970)
    below = edge - PI * Real.of(10**250)
    assert nearest(below) == 1.7976931348623157e308
    assert nearest(edge + PI * Real.of(10**250)) == math.inf


def test_a_wide_ball_is_not_rounded_to_a_double():
    with flint.ctx.workprec(128):
        assert nearest_in(flint.arb(1, 1e-3)) is None
        assert nearest_in(flint.arb("nan")) is None
        assert nearest_in(flint.arb.pos_inf()) is None
        assert nearest_in(flint.arb(1.5)) == 1.5
        assert nearest_in(flint.arb(0)) == 0.0
        assert nearest_in(flint.arb(0, 1e-200) * flint.arb(0, 1e-200)) == 0.0
        assert nearest_in(flint.arb(0, 1e-300)) is None


def test_a_double_is_taken_exactly():
    assert Real.of(0.1).rational == flint.fmpq(3602879701896397, 2**55)
    assert sign(Real.of(0.1) - Real.of(Fraction(1, 10))) == 1


def test_a_number_that_cannot_be_enclosed_is_undecided():
    nothing = apply("log", -apply("exp", ONE))
    with pytest.raises(UndecidedError):
        nearest(nothing, 256)
    with pytest.raises(UndecidedError, match="cannot be enclosed with 256 bits"):
        sign(nothing, 256)


def test_a_rational_that_grows_too_long_is_kept_as_an_expression():
    long = Real.of(Fraction(3**20_000, 2**20_000))
    product = long * long
    assert product.rational is None
    assert sign(product) == 1
    assert nearest(product) == math.inf
    assert nearest(product * product.inverse()) == 1.0


@pytest.mark.parametrize("exponent", [1e300, -1e300])
def test_enormous_numbers_are_not_computed_to_the_last_digit(exponent):
    # sympy would rewrite exp(n*log(b)) as b**n and compute all digits
    n = Real.of(exponent)
    number = apply("exp", apply("multiply", n, apply("log", Real.of(1e300))))
    assert not is_proved_zero(number)


def test_a_factor_that_occurs_many_times_is_examined_once():
    forward = reverse = Real.of(0)
    for k in range(1, 40):
        forward = forward + apply("sin", Real.of(k))
        reverse = reverse + apply("sin", Real.of(40 - k))
    close = forward - reverse  # zero, but too long for sympy
    zero = apply("sin", PI * Real.of(Fraction(1, 3))) * Real.of(2) - Real.of(3).power(
        Fraction(1, 2)
    )
    for _ in range(60):
        close, zero = Real(None, "multiply", (close, close)), Real(None, "multiply", (zero, zero))
    assert not is_proved_zero(close)
    assert is_proved_zero(zero)


# The exponent of ten of exp(exp(x)) is exp(x)/log(10), computed with mpmath at 50 digits.
@pytest.mark.parametrize(
    ("text", "x", "expected"),
    [
        ("exp(x)", 1000, "1.97007e434"),
        ("-exp(exp(x))", 10, "-9.38751e9565"),  # exp(10)/log(10) = 9565.97255...
        ("exp(exp(x))", 100, "10^1.16743e43"),
        ("exp(exp(x))", 2000, "10^1.68558e868"),
        ("2*x*exp(square(x))*exp(exp(square(x)))", -41.5, "-10^3.99444e747"),
        ("exp(exp(exp(x)))", 7.5, "10^7.25484e784"),  # log10(exp(exp(7.5))/log(10)) = 784.86062...
    ],
)
def test_the_size_of_a_large_number_is_never_infinite(text, x, expected):
    germ = germs.evaluate(parse(text), {"x": constant_germ(Real.of(x))})
    assert scientific(germ.constant) == expected


def numbers_read_as_fractions(monkeypatch):
    """The number of exact numbers that are read as fractions to follow curves on the sphere."""
    read = []

    def is_zero_if(number, zeros):
        read.append(number.key)
        return identities.is_zero_if(number, zeros)

    zero_tests._is_zero_if.cache_clear()
    program = parse("acos(sin(a)*sin(b) + cos(a)*cos(b)*cos(c))")
    point = {"a": Real.of(0.5), "b": Real.of(0.5), "c": Real.of(0)}
    with monkeypatch.context() as patches:
        patches.setattr(zero_tests, "is_zero_if", is_zero_if)
        decide_jointly(program, point)
    zero_tests._is_zero_if.cache_clear()
    return len(read)


def test_a_number_is_proved_zero_once_for_all_curves(monkeypatch):
    once = numbers_read_as_fractions(monkeypatch)
    # Negative control: without memory it is read for every curve.
    with monkeypatch.context() as patches:
        forgetful = zero_tests._is_zero_if.__wrapped__
        forgetful.cache_clear = lambda: None
        patches.setattr(zero_tests, "_is_zero_if", forgetful)
        assert numbers_read_as_fractions(monkeypatch) > 10 * once
