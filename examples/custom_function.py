"""A custom Function whose backward is wrong in one case, found without a formula for it.

    python examples/custom_function.py

The forward of `SmoothAbs` is the Huber function. Its backward forgets the sign outside [-1, 1]. A
check at positive inputs does not see it; `symdiff.assert_derivatives` names the inputs, both
numbers and the line.
"""

import torch
from torch.autograd import Function

import symdiff


class SmoothAbs(Function):
    """x**2/2 near 0, and abs(x) - 1/2 elsewhere."""

    @staticmethod
    def forward(ctx, x):
        """Return the values."""
        ctx.save_for_backward(x)
        return torch.where(x.abs() < 1, x * x / 2, x.abs() - 0.5)

    @staticmethod
    def backward(ctx, gradient):
        """Return the gradient; for x < -1 it should be -1."""
        (x,) = ctx.saved_tensors
        return gradient * torch.where(x.abs() < 1, x, torch.ones_like(x))


def main() -> None:
    """Check the function at inputs where it is right, and at others."""
    symdiff.assert_derivatives(SmoothAbs.apply, torch.tensor([0.5, 1.5], dtype=torch.float64))
    print("right at 0.5 and 1.5")
    try:
        symdiff.assert_derivatives(SmoothAbs.apply, torch.tensor([0.5, -1.5], dtype=torch.float64))
    except AssertionError as error:
        print(error)


if __name__ == "__main__":
    main()
