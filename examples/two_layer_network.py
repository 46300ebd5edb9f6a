"""The two-layer network of PyTorch's tutorials, with its backward pass written by hand.

    python examples/two_layer_network.py

https://pytorch.org/tutorials/beginner/examples_autograd/two_layer_net_custom_function.html

One call compares all gradients of the module. The backward pass as it stands in the tutorial is
right, also where a hidden unit is exactly 0; each altered one is found.
"""

import torch
from torch import nn
from torch.autograd import Function

import symdiff

ALTERATIONS = ("", "no mask", "no factor 2", "w2 for w1", "not transposed")


class TwoLayers(nn.Module):
    """The loss of the network, with parameters w1 and w2."""

    def __init__(self, altered: str = "") -> None:
        """Store the weights; `altered` names what is wrong in the backward pass."""
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.w1 = nn.Parameter(torch.randn(5, 3, dtype=torch.float64, generator=generator))
        self.w2 = nn.Parameter(torch.randn(3, 2, dtype=torch.float64, generator=generator))
        self.altered = altered

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the sum of the squared errors."""
        return Loss.apply(x, y, self.w1, self.w2, self.altered)


class Loss(Function):
    """The loss, and its gradients by hand."""

    @staticmethod
    def forward(ctx, x, y, w1, w2, altered):
        """Return the loss."""
        h = x.mm(w1)
        h_relu = h.clamp(min=0)
        y_pred = h_relu.mm(w2)
        ctx.save_for_backward(x, y, w1, w2, h, h_relu, y_pred)
        ctx.altered = altered
        return (y_pred - y).pow(2).sum()

    @staticmethod
    def backward(ctx, gradient):
        """Return the gradients with respect to x, y, w1 and w2."""
        x, y, w1, w2, h, h_relu, y_pred = ctx.saved_tensors
        factor = 1.0 if ctx.altered == "no factor 2" else 2.0
        grad_y_pred = gradient * factor * (y_pred - y)
        grad_w2 = h_relu.t().mm(grad_y_pred)
        grad_h = grad_y_pred.mm(w2.t()).clone()
        if ctx.altered != "no mask":
            grad_h[h < 0] = 0
        if ctx.altered == "not transposed":
            grad_h = grad_h.flip(0)
        grad_w1 = x.t().mm(grad_h)
        if ctx.altered == "w2 for w1":
            grad_w1 = grad_w1 * w2.sum()
        return grad_h.mm(w1.t()), -grad_y_pred, grad_w1, grad_w2, None


def compared(altered: str) -> symdiff.Comparison:
    """Return the comparison of a network's gradients with respect to its parameters."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(4, 5, dtype=torch.float64, generator=generator)
    x[0] = 0  # its hidden units are 0: the clamp has a kink there
    y = torch.randn(4, 2, dtype=torch.float64, generator=generator)
    module = TwoLayers(altered)
    return symdiff.compare(module, values={"x": x, "y": y}, wrt="parameters", engines=["autograd"])


def main() -> None:
    """Compare the right backward pass and the altered ones."""
    for altered in ALTERATIONS:
        comparison = compared(altered)
        print(f"{altered or 'as in the tutorial'}: {comparison!r}")
    print(compared("no mask"))


if __name__ == "__main__":
    main()
