"""NaNs in a gradient: the lines in which they arise, the true gradient, and remedies.

    python examples/nan_hunt.py

The derivatives are finite, and the gradients are not: `where` multiplies the slope of the branch
that it does not take by 0, and `sigmoid` is rounded to 0 before its logarithm is taken.
"""

import torch

import symdiff


def loss(x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """Return a loss with two places where a gradient fails."""
    root = torch.where(x > 0, torch.sqrt(x), torch.zeros_like(x))
    likelihood = torch.log(torch.sigmoid(z))
    return root.sum() - likelihood.sum()


def main() -> None:
    """Show where the NaNs come from."""
    x = torch.tensor([4.0, -1.0, 0.25], dtype=torch.float64, requires_grad=True)
    z = torch.tensor([2.0, -800.0], dtype=torch.float64, requires_grad=True)
    loss(x, z).backward()
    print("gradients:", x.grad.tolist(), z.grad.tolist())
    print(symdiff.explain(loss, x.detach(), z.detach()))


if __name__ == "__main__":
    main()
