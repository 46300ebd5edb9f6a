"""Real functions by way of complex numbers: Fourier transforms, spectra, filters."""

import pytest
import torch
from torch import fft

import symdiff
from symdiff.errors import UsageError
from symdiff.tracing.trace import trace

D = torch.float64
V = torch.tensor([0.5, -1.5, 2.0, 0.25], dtype=D)
LONG = torch.tensor([1.0, -0.5, 2.0, 0.75, -1.25, 0.5, 3.0], dtype=D)
X = torch.tensor([[1.5, -2.0, 0.5], [0.25, 3.0, -1.0]], dtype=D)
FACTORS = torch.tensor([1j, 2 + 1j, 3 - 1j, 0.5], dtype=torch.complex128)

TRANSFORMS = [
    lambda x: fft.rfft(x).real + fft.rfft(x, norm="ortho").imag,
    lambda x: fft.rfft(x).abs() + fft.rfft(x).abs().square(),
    lambda x: fft.fft(x).angle() + fft.fft(x).abs(),
    lambda x: fft.ifft(fft.fft(x, norm="ortho"), norm="ortho").real,
    lambda x: fft.irfft(fft.rfft(x, norm="forward"), n=len(x), norm="forward"),
    lambda x: fft.irfft(fft.rfft(x, n=9), n=5) + fft.irfft(fft.rfft(x), n=6)[:5],
    lambda x: fft.hfft(x)[:3] + fft.ihfft(x).imag[:1],
    lambda x: fft.fftshift(fft.fft(x)).imag * fft.ifftshift(x),
    lambda x: torch.view_as_real(fft.rfft(x)),
]
TWO_DIMENSIONS = [
    lambda x: fft.fft2(x).abs() * fft.ifft2(x).imag,
    lambda x: fft.irfft2(fft.rfft2(x) * 2, s=x.shape),
    lambda x: fft.irfftn(fft.rfftn(x) * fft.rfftn(x), s=(2, 3), dim=(0, 1)),
    lambda x: fft.rfft(x, dim=0).abs() + fft.fft(x, dim=0).real,
]
FILTERS = [
    lambda x: fft.irfft(fft.rfft(x) * x[:3], n=4),
    lambda x: fft.irfft(fft.rfft(x, n=6) * fft.rfft(x[:3], n=6), n=6),
    lambda x: fft.irfft(fft.rfft(x, n=8).abs() ** 2, n=8),
    lambda x: (fft.rfft(x) * fft.rfft(x).conj()).real,
    lambda x: fft.irfft(torch.polar(x.square(), x)),
]
ARITHMETIC = [
    lambda x: (fft.fft(x) * (2 + 1j) + 1 - x).imag + (1 - fft.fft(x) - 1j * x).imag,
    lambda x: torch.sub(fft.fft(x), fft.fft(x * x), alpha=3).real + (-fft.fft(x)).imag,
    lambda x: (fft.fft(x) / fft.fft(x + 1)).real + (fft.fft(x) / x).imag,
    lambda x: (fft.fft(x) ** 2).real + fft.fft(x).square().imag + (fft.fft(x) ** 3).imag,
    lambda x: torch.exp(1j * x).real * torch.exp(fft.fft(x) / 8).imag,
    lambda x: (fft.fft(x) * FACTORS).abs() + (fft.fft(x) / fft.fft(x).abs()).real,
    lambda x: fft.fft(x).sum().abs() + fft.fft(x).mean().real,
    lambda x: fft.fft(x)[1:].reshape(3, 1).T.abs() + torch.cat([fft.fft(x)[:1], fft.fft(x)[2:]]).imag,
    lambda x: torch.where(x > 0, fft.fft(x), 0).imag + fft.fft(x).masked_fill(x > 1, 2.0).real,
    lambda x: (fft.fft(x).reshape(2, 2) @ torch.complex(x, x * x).reshape(2, 2)).abs(),
    lambda x: torch.view_as_complex(x.reshape(2, 2)).abs() + torch.stack(fft.fft(x).split(2)).imag,
]  # fmt: skip
CASES = [
    *((f, V) for f in (*TRANSFORMS, *FILTERS, *ARITHMETIC)),
    *((f, LONG) for f in TRANSFORMS[:4]),
    *((f, X) for f in TWO_DIMENSIONS),
]


def records(function, x):
    value = function(x)
    weights = 1 + torch.arange(value.numel(), dtype=D).reshape(value.shape) % 3
    comparison = symdiff.compare(
        function, values={"x": x}, engines=["autograd"], cotangent=weights if value.ndim else None
    )
    return list(comparison.records())


@pytest.mark.parametrize(("function", "x"), CASES)
def test_the_gradient_is_proved_through_complex_numbers(function, x):
    found = records(function, x)
    assert {r["verdict"] for r in found} <= {"agrees", "inexact"}
    assert all(r["proved"] for r in found)
    assert len(found) == x.numel()


@pytest.mark.parametrize("count", [2, 3, 4])
def test_the_amplitudes_of_a_constant_signal_have_kinks(count):
    found = records(lambda x: fft.rfft(x).abs(), torch.ones(count, dtype=D))
    assert {r["verdict"] for r in found} == {"subgradient"}
    assert {r["kind"] for r in found} == {"kink"}


def test_the_power_of_a_spectrum_is_smooth_at_0():
    found = records(lambda x: fft.rfft(x).abs().square(), torch.zeros(4, dtype=D))
    assert {(r["kind"], r["derivative"], r["verdict"]) for r in found} == {
        ("smooth", 0.0, "agrees")
    }


def test_torch_s_gradient_of_polar_is_wrong_for_a_negative_size():
    found = records(lambda x: torch.polar(x, x * 0 + 1).real, torch.tensor([2.0, -2.0], dtype=D))
    assert [r["verdict"] for r in found] == ["agrees", "wrong"]
    assert found[1]["value"] == pytest.approx(-found[1]["derivative"])


class WrongFilter(torch.autograd.Function):
    """Its backward pass forgets to conjugate the filter."""

    @staticmethod
    def forward(ctx, x):
        return fft.ifft(fft.fft(x) * FACTORS).real

    @staticmethod
    def backward(ctx, gradient):
        return fft.ifft(fft.fft(gradient) * FACTORS).real


class RightFilter(WrongFilter):
    """The same with the conjugate."""

    @staticmethod
    def backward(ctx, gradient):
        return fft.ifft(fft.fft(gradient) * FACTORS.conj()).real


def test_a_wrong_backward_pass_of_a_filter_is_found():
    assert "wrong" in {r["verdict"] for r in records(WrongFilter.apply, V)}
    assert {r["verdict"] for r in records(RightFilter.apply, V)} == {"agrees"}


def written(x):
    z = fft.fft(x)
    z[0] = 0
    return z.abs()


REFUSED = [
    (written, "a write into complex numbers"),
    (lambda x: torch.sin(fft.fft(x)).real, "sin of complex numbers"),
    (lambda x: (fft.fft(x) ** 0.5).real, "sqrt of complex numbers"),
    (fft.fft, "not a tensor of real numbers"),
]


@pytest.mark.parametrize(("function", "reason"), REFUSED)
def test_what_complex_numbers_do_not_have_is_refused(function, reason):
    with pytest.raises(UsageError, match=reason):
        trace(function, V)
