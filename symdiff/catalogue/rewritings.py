"""Pairs of expressions for the same function, of which the second one is safe for PyTorch.

The inputs of a first expression stand for any expressions, its settings for any settings.
"""

from __future__ import annotations

from typing import Final

# What people write, and what has the same value and a gradient that does not break down.
REWRITINGS: Final[tuple[tuple[str, str], ...]] = (
    ("log(sigmoid(x))", "logsigmoid(x)"),
    ("log(1 - sigmoid(x))", "logsigmoid(-x)"),
    ("log(1/(1 + exp(-x)))", "logsigmoid(x)"),
    ("log(1 + exp(x))", "softplus(x)"),
    ("log1p(exp(x))", "softplus(x)"),
    ("log(1 + exp(x))", "logaddexp(x, 0)"),
    ("log1p(exp(x))", "logaddexp(x, 0)"),
    ("log(exp(x) + exp(y))", "logaddexp(x, y)"),
    ("log(softmax(x, dim=0))", "log_softmax(x, dim=0)"),
    ("log(sum(exp(x)))", "logsumexp(x, dim=0)"),
    ("log(sum(exp(x), dim=0))", "logsumexp(x, dim=0)"),
    ("log(sum(exp(x), dim=0, keepdim=True))", "logsumexp(x, dim=0, keepdim=True)"),
    ("log(exp(x))", "x"),
    ("exp(x)/sum(exp(x))", "softmax(x, dim=0)"),
    ("exp(x)/sum(exp(x), dim=0, keepdim=True)", "softmax(x, dim=0)"),
    ("1/(1 + exp(-x))", "sigmoid(x)"),
    ("exp(x)/(1 + exp(x))", "sigmoid(x)"),
    ("(exp(x) - exp(-x))/(exp(x) + exp(-x))", "tanh(x)"),
    ("logaddexp(logaddexp(x, y), z)", "logsumexp(stack([x, y, z]), dim=0)"),
    ("logaddexp(logaddexp(x, y), z)", "logaddexp(x, logaddexp(y, z))"),
    ("sqrt(sum(x**2))", "norm(x)"),
    ("sqrt(sum(x*x))", "norm(x)"),
    ("sqrt(sum(x**2, dim=0))", "norm(x, dim=0)"),
    ("sqrt(sum(x*x, dim=0))", "norm(x, dim=0)"),
    ("sqrt(sum(x**2, dim=0, keepdim=True))", "norm(x, dim=0, keepdim=True)"),
    ("hypot(x, y)", "norm(stack([x, y]), dim=0)"),
    ("sqrt(x**2)", "abs(x)"),
    ("sqrt(x*x)", "abs(x)"),
    ("(x**2)**0.5", "abs(x)"),
    ("sqrt(x)**2", "x"),
    ("sqrt(x)*sqrt(x)", "x"),
    ("x*sqrt(x)", "x**1.5"),
    ("sqrt(var(x))", "std(x)"),
    ("sqrt(var(x, correction=0))", "std(x, correction=0)"),
    ("sqrt(var(x, dim=0, correction=0))", "std(x, dim=0, correction=0)"),
    (
        "sqrt(var(x, dim=0, correction=0, keepdim=False))",
        "std(x, dim=0, correction=0, keepdim=False)",
    ),
    ("exp(sum(log(x)))", "prod(x)"),
    ("exp(y*log(x))", "x**y"),
    ("x*log(y)", "xlogy(x, y)"),
    ("sin(pi*x)/(pi*x)", "sinc(x)"),
    ("relu(x) - relu(-x)", "x"),
    ("relu(x) + relu(-x)", "abs(x)"),
    ("(exp(x) - 1)/x", "expm1(x)/x"),
)
