"""Rows for functions on tensors: all columns agree with torch, and so do their derivatives."""

import dataclasses
import functools
import math
import zlib

import flint
import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812  (torch's own name for it)

from symdiff.arithmetics import arrays, reading
from symdiff.arithmetics.arrays import evaluate, evaluate_tensor
from symdiff.arithmetics.balls import EMPTY, enclose
from symdiff.arithmetics.components import components, shapes
from symdiff.arithmetics.components.components import variables, write_out
from symdiff.arithmetics.components.shapes import shape_of
from symdiff.arithmetics.reading import read
from symdiff.arithmetics.series.reals import Real
from symdiff.arithmetics.tensors import TENSORS
from symdiff.catalogue import CATALOGUE
from symdiff.program import parse
from symdiff.program import values as names
from symdiff.program.values import index_inputs
from symdiff.truth.gradient import smooth_gradient
from tests.catalogue.layer_cases import LAYER_CASES
from tests.catalogue.loss_cases import LOSS_CASES
from tests.catalogue.matrix_cases import MATRIX_CASES
from tests.catalogue.order_cases import ORDER_CASES
from tests.catalogue.shapes import (
    ANY,
    MANY_DIMS,
    MATRICES,
    NUMBERS,
    PAIRS,
    SEVERAL,
    SQUARE,
    VECTORS,
    table,
)

ROWS = [row for row in CATALOGUE.values() if row.array is not None]
WITHOUT_CASES = {"sequence"}  # a list of tensors, tested as an argument of other rows
CLOSE = 1e-12  # relative and absolute tolerance
D = torch.tensor([7.0, -8.0], dtype=torch.float64)  # a diagonal without zeros

CASES = [
    *table(
        "sum",
        ("x.sum()", lambda x: x.sum(), ANY),
        ("torch.sum(x, 0)", lambda x: torch.sum(x, 0), ANY),
        ("x.sum(dim=-1, keepdim=True)", lambda x: x.sum(dim=-1, keepdim=True), ANY),
        ("x.sum((0, -1))", lambda x: x.sum((0, -1)), MANY_DIMS),
        ("x.sum([0, 1], True)", lambda x: x.sum([0, 1], keepdim=True), MANY_DIMS),
        ("x.sum(dim=())", lambda x: x.sum(dim=()), ANY),
        ("x.sum(dim=(), keepdim=True)", lambda x: x.sum(dim=(), keepdim=True), ANY),
        ("x.sum(dim=None)", lambda x: x.sum(dim=None), SEVERAL),
    ),
    *table(
        "mean",
        ("x.mean()", lambda x: x.mean(), ANY),
        ("mean(x, 0)", lambda x: torch.mean(x, 0), ANY),
        ("x.mean(dim=(1, 0), keepdim=True)", lambda x: x.mean((1, 0), keepdim=True), MANY_DIMS),
        ("x.mean(dim=-2)", lambda x: x.mean(dim=-2), MANY_DIMS),
    ),
    *table(
        "prod",
        ("x.prod()", lambda x: x.prod(), ANY),
        ("prod(x, 0)", lambda x: torch.prod(x, 0), ANY),
        ("x.prod(dim=-1, keepdim=True)", lambda x: x.prod(dim=-1, keepdim=True), ANY),
    ),
    *table(
        "amax",
        ("x.amax()", lambda x: x.amax(), ANY),
        ("amax(x, dim=-1)", lambda x: torch.amax(x, dim=-1), ANY),
        ("x.amax((0, 1), keepdim=True)", lambda x: x.amax((0, 1), keepdim=True), MANY_DIMS),
        ("x.amax(keepdim=True)", lambda x: x.amax(keepdim=True), SEVERAL),
    ),
    *table(
        "amin",
        ("x.amin()", lambda x: x.amin(), ANY),
        ("amin(x, 0, True)", lambda x: torch.amin(x, 0, keepdim=True), ANY),
        ("x.amin(dim=(-1, 0))", lambda x: x.amin(dim=(-1, 0)), MANY_DIMS),
    ),
    *table(
        "max_all",
        ("max(x)", torch.max, ANY),
        ("x.max()", lambda x: x.max(), SEVERAL),
        ("torch.max(x - x[0])", lambda x: torch.max(x - x[0]), [(4,)]),
    ),
    *table("min_all", ("torch.min(x)", torch.min, ANY), ("x.min()", lambda x: x.min(), SEVERAL)),
    *table(
        "max_along",
        ("x.max(0).values", lambda x: x.max(0).values, ANY),
        ("x.max(dim=-1, keepdim=True).values", lambda x: x.max(-1, keepdim=True).values, ANY),
        ("torch.max(x, 1)[0]", lambda x: torch.max(x, 1)[0], MANY_DIMS),
    ),
    *table(
        "min_along",
        ("x.min(-1).values", lambda x: x.min(-1).values, ANY),
        ("torch.min(x, 0, True).values", lambda x: torch.min(x, 0, keepdim=True).values, ANY),
    ),
    *table(
        "norm",
        ("x.norm()", lambda x: x.norm(), ANY),
        ("norm(x, 2, 0)", lambda x: torch.norm(x, 2, 0), SEVERAL),
        ("norm(x, 1)", lambda x: torch.norm(x, 1), ANY),
        ("x.norm(p=3, dim=-1)", lambda x: x.norm(p=3, dim=-1), SEVERAL),
        ("x.norm(inf)", lambda x: x.norm(math.inf), ANY),
        (
            "norm(x, p=inf, dim=1, keepdim=True)",
            lambda x: torch.norm(x, math.inf, 1, keepdim=True),
            MANY_DIMS,
        ),
        ("norm(x, -inf, -1)", lambda x: torch.norm(x, -math.inf, -1), SEVERAL),
        ("norm(x, p=2.5, dim=(0, 1))", lambda x: torch.norm(x, 2.5, (0, 1)), MANY_DIMS),
        ("norm(x, p=0.5)", lambda x: torch.norm(x, 0.5), SEVERAL),
        ("norm(x, p=-1, dim=0)", lambda x: torch.norm(x, -1, 0), SEVERAL),
        ("norm(x, p=0, dim=-1)", lambda x: torch.norm(x, 0, -1), ANY),
        ("x.norm(p=1, dim=None, keepdim=True)", lambda x: x.norm(1, None, keepdim=True), SEVERAL),
    ),
    *table(
        "logsumexp",
        ("logsumexp(x, 0)", lambda x: torch.logsumexp(x, 0), ANY),
        ("x.logsumexp(dim=-1, keepdim=True)", lambda x: x.logsumexp(-1, keepdim=True), ANY),
        ("logsumexp(x, (0, 1))", lambda x: torch.logsumexp(x, (0, 1)), MANY_DIMS),
        ("logsumexp(x, (), True)", lambda x: torch.logsumexp(x, (), keepdim=True), SEVERAL),
    ),
    *table(
        "softmax",
        ("softmax(x, 0)", lambda x: torch.softmax(x, 0), ANY),
        ("x.softmax(dim=-1)", lambda x: x.softmax(dim=-1), ANY),
        ("F.softmax(x, dim=1)", lambda x: F.softmax(x, dim=1), MANY_DIMS),
    ),
    *table(
        "softmin",
        ("softmin(x, 0)", lambda x: F.softmin(x, 0), ANY),
        ("F.softmin(x, dim=-2)", lambda x: F.softmin(x, dim=-2), MANY_DIMS),
    ),
    *table(
        "log_softmax",
        ("log_softmax(x, 0)", lambda x: torch.log_softmax(x, 0), ANY),
        ("x.log_softmax(-1)", lambda x: x.log_softmax(-1), ANY),
        ("F.log_softmax(x, dim=1)", lambda x: F.log_softmax(x, dim=1), MANY_DIMS),
    ),
    *table(
        "var",
        ("x.var()", lambda x: x.var(), SEVERAL),
        ("var(x, dim=-1)", lambda x: torch.var(x, dim=-1), SEVERAL),
        ("x.var(0, correction=0)", lambda x: x.var(0, correction=0), ANY),
        (
            "var(x, dim=(0, -1), correction=2, keepdim=True)",
            lambda x: torch.var(x, (0, -1), correction=2, keepdim=True),
            MANY_DIMS,
        ),
        ("x.var(correction=-1)", lambda x: x.var(correction=-1), ANY),
    ),
    *table(
        "std",
        ("x.std()", lambda x: x.std(), SEVERAL),
        ("std(x, dim=0)", lambda x: torch.std(x, dim=0), MANY_DIMS),
        ("x.std(-1, keepdim=True)", lambda x: x.std(-1, keepdim=True), SEVERAL),
        ("x.std(dim=-1, correction=0)", lambda x: x.std(dim=-1, correction=0), SEVERAL),
    ),
    *table(
        "cumsum",
        ("cumsum(x, 0)", lambda x: torch.cumsum(x, 0), ANY),
        ("x.cumsum(dim=-1)", lambda x: x.cumsum(dim=-1), ANY),
    ),
    *table(
        "matmul",
        (
            "x @ y",
            lambda x, y: x @ y,
            [
                ((2, 3), (3, 2)),
                ((1, 1), (1, 1)),
                ((3,), (3,)),
                ((2, 3), (3,)),
                ((3,), (3, 2)),
                ((2, 2, 3), (2, 3, 2)),
                ((2, 1, 2, 3), (2, 3, 1)),
                ((2, 2, 3), (3, 2)),
                ((2, 3), (2, 3, 2)),
                ((2, 2, 3), (3,)),
                ((3,), (2, 3, 2)),
            ],
        ),
        ("torch.matmul(x, y.T)", lambda x, y: torch.matmul(x, y.T), [((2, 3), (4, 3))]),
    ),
    *table("mm", ("x.mm(y)", lambda x, y: x.mm(y), [((2, 3), (3, 2)), ((1, 2), (2, 1))])),
    *table("mv", ("mv(x, y)", torch.mv, [((2, 3), (3,)), ((1, 1), (1,))])),
    *table("bmm", ("bmm(x, y)", torch.bmm, [((2, 2, 3), (2, 3, 2)), ((1, 1, 2), (1, 2, 3))])),
    *table("dot", ("x.dot(y)", torch.dot, [((3,), (3,)), ((1,), (1,))])),
    *table(
        "tensor",
        ("[x, y, 1]", lambda x, y: torch.stack([x, y, torch.tensor(1.0).double()]), NUMBERS),
        (
            "torch.tensor([[x, 1], [2, x*y]])",
            lambda x, y: torch.stack([x, x * 0 + 1, x * 0 + 2, x * y]).reshape(2, 2),
            NUMBERS,
        ),
        (
            "[[1, 2], [3, 4]] @ x",
            lambda x: torch.tensor([[1.0, 2.0], [3.0, 4.0]]).double() @ x,
            [(2,), (2, 3)],
        ),
    ),
    *table("t", ("x.t()", lambda x: x.t(), [(), (3,), *MATRICES])),
    *table("transpose_all", ("x.T", lambda x: x.T, MATRICES)),
    *table("transpose_last", ("x.mT", lambda x: x.mT, [*MATRICES, (2, 3, 1), (2, 1, 2, 3)])),
    *table(
        "transpose",
        ("transpose(x, 0, -1)", lambda x: torch.transpose(x, 0, -1), ANY),
        ("x.transpose(1, 0)", lambda x: x.transpose(1, 0), MANY_DIMS),
        ("x.swapaxes(-1, -2)", lambda x: x.swapaxes(-1, -2), MANY_DIMS),
    ),
    *table(
        "permute",
        ("x.permute(1, 2, 0)", lambda x: x.permute(1, 2, 0), [(2, 3, 1)]),
        ("permute(x, (-1, 0))", lambda x: torch.permute(x, (-1, 0)), MATRICES),
    ),
    *table(
        "reshape",
        ("x.reshape(-1)", lambda x: x.reshape(-1), ANY),
        ("x.view(3, -1)", lambda x: x.view(3, -1), [(3,), (2, 3), (1, 3, 2)]),
        ("reshape(x, (1, 3, 2))", lambda x: torch.reshape(x, (1, 3, 2)), [(6,), (2, 3)]),
        ("x.reshape(())", lambda x: x.reshape(()), [(), (1,), (1, 1)]),
    ),
    *table(
        "flatten",
        ("x.flatten()", lambda x: x.flatten(), ANY),
        ("flatten(x, 1)", lambda x: torch.flatten(x, 1), [(2, 3), (2, 1, 3), (1, 2, 2, 3)]),
        ("flatten(x, start_dim=-3, end_dim=1)", lambda x: torch.flatten(x, -3, 1), [(2, 3, 2)]),
    ),
    *table(
        "unsqueeze",
        ("x.unsqueeze(0)", lambda x: x.unsqueeze(0), ANY),
        ("unsqueeze(x, -1)", lambda x: torch.unsqueeze(x, -1), ANY),
        ("x.unsqueeze(-2)", lambda x: x.unsqueeze(-2), SEVERAL),
    ),
    *table(
        "squeeze",
        ("x.squeeze()", lambda x: x.squeeze(), ANY),
        ("squeeze(x, 0)", lambda x: torch.squeeze(x, 0), ANY),
        ("x.squeeze(dim=-2)", lambda x: x.squeeze(dim=-2), MANY_DIMS),
    ),
    *table(
        "expand",
        ("x.expand(2, 3)", lambda x: x.expand(2, 3), [(), (1,), (3,), (1, 3), (2, 1)]),
        ("x.expand(2, -1, 3)", lambda x: x.expand(2, -1, 3), [(2, 1), (1, 2, 3)]),
    ),
    *table(
        "flip",
        ("x.flip(0)", lambda x: x.flip(0), ANY),
        ("flip(x, (0, -1))", lambda x: torch.flip(x, (0, -1)), MANY_DIMS),
        ("flip(x, ())", lambda x: torch.flip(x, ()), ANY),
    ),
    *table(
        "cat",
        ("torch.cat([x, y])", lambda x, y: torch.cat([x, y]), [((2,), (1,)), ((2, 3), (1, 3))]),
        ("cat((x, y, x), -1)", lambda x, y: torch.cat((x, y, x), -1), [((2, 3), (2, 1))]),
        ("concat([x, [1, 2]])", lambda x: torch.cat([x, torch.tensor([1.0, 2.0]).double()]), VECTORS),
    ),
    *table(
        "stack",
        ("torch.stack([x, y])", lambda x, y: torch.stack([x, y]), PAIRS),
        ("stack([x, y, x], dim=-1)", lambda x, y: torch.stack([x, y, x], dim=-1), PAIRS),
        ("stack([x, 1])", lambda x: torch.stack([x, torch.tensor(1.0).double()]), [()]),
    ),
    *table("clone", ("x.clone()", lambda x: x.clone(), ANY), ("x.contiguous()", lambda x: x, ANY)),
    *table("zeros_like", ("zeros_like(x)", torch.zeros_like, ANY)),
    *table("ones_like", ("x*torch.ones_like(x)", lambda x: x * torch.ones_like(x), ANY)),
    *table(
        "index",
        ("x[0]", lambda x: x[0], SEVERAL),
        ("x[-1]", lambda x: x[-1], SEVERAL),
        ("x[1:]", lambda x: x[1:], [(3,), (2, 3)]),
        ("x[:, 0]", lambda x: x[:, 0], MANY_DIMS),
        ("x[..., ::2]", lambda x: x[..., ::2], SEVERAL),
        ("x[1:4:2, -2:]", lambda x: x[1:4:2, -2:], [(4, 3)]),
        ("x[None]", lambda x: x[None], ANY),
        ("x[..., None]", lambda x: x[..., None], ANY),
        ("x[0, None, ...]", lambda x: x[0, None, ...], SEVERAL),
        ("x[:, None, -1]", lambda x: x[:, None, -1], MANY_DIMS),
        ("x[0, ..., 1:]", lambda x: x[0, ..., 1:], MANY_DIMS),
    ),
    *table(
        "gather",
        ("gather(x, 0, [1, 1, 0])", lambda x: x.gather(0, torch.tensor([1, 1, 0])), [(3,)]),
        ("x.gather(-1, [[2], [0]])", lambda x: x.gather(-1, torch.tensor([[2], [0]])), [(2, 3), (3, 3)]),
        ("gather(x, dim=0, index=i)", lambda x, i: x.gather(0, i), [((2, 3), (2, 2)), ((3, 1), (4, 1))]),
        ("gather(x, 1, i)", lambda x, i: x.gather(1, i), [((2, 3, 2), (1, 4, 2))]),
        ("gather(x, 0, 1)", lambda x: x.gather(0, torch.tensor(1)), [(3,)]),
        ("gather(x, -1, [0])", lambda x: x.gather(-1, torch.tensor([0])), [()]),
    ),
    *table(
        "det",
        ("det(x)", torch.det, SQUARE),
        ("x.det()", torch.det, [(5, 5)]),
    ),
    *table(
        "inverse",
        ("inverse(x + diag([7, -8]))", lambda x: torch.inverse(x + D.diag()), [(2, 2), (3, 2, 2)]),
        ("inverse(4*x + 1/4)", lambda x: torch.inverse(4 * x + 1 / 4), [(1, 1)]),
    ),
    *table(
        "cholesky",
        (
            "cholesky(x @ x.mT + diag([7, 8]))",
            lambda x: torch.linalg.cholesky(x @ x.mT + D.abs().diag()),
            [(2, 2), (3, 2, 2)],
        ),
        ("cholesky(x*x + 1/4)", lambda x: torch.linalg.cholesky(x * x + 1 / 4), [(1, 1)]),
    ),
    *table(
        "take",
        ("take(x, [3, 0, 0])", lambda x: x.take(torch.tensor([3, 0, 0])), [(4,), (2, 3)]),
        ("x.take([[1], [2]])", lambda x: x.take(torch.tensor([[1], [2]])), [(3,), (2, 2, 2)]),
        ("take(x, i)", lambda x, i: x.take(i), [((3, 4), (3,))]),
    ),
    *table(
        "put",
        (
            "put(x, [2, 0], y)",
            lambda x, y: x.put(torch.tensor([2, 0]), y),
            [((3,), (2,)), ((2, 3), (2,))],
        ),
        ("x.put([1], 7*y)", lambda x, y: x.put(torch.tensor([1]), 7 * y), [((2, 2), (1,))]),
    ),
    *table(
        "index_select",
        (
            "x.index_select(0, [1, 0, 1])",
            lambda x: x.index_select(0, torch.tensor([1, 0, 1])),
            [(2,), (2, 3), (2, 1, 3)],
        ),
        ("index_select(x, -1, i)", lambda x, i: x.index_select(-1, i), [((3,), (2,)), ((3, 2), (3,))]),
        ("index_select(x, 0, 0)", lambda x: x.index_select(0, torch.tensor(0)), ANY),
    ),
    *table(
        "masked_fill",
        ("masked_fill(x, x > 0, 1.5)", lambda x: x.masked_fill(x > 0, 1.5), ANY),
        ("x.masked_fill(y > 0, 0)", lambda x, y: x.masked_fill(y > 0, 0), [((2, 3), (3,)), ((3,), (2, 1))]),
        ("x.masked_fill(x < 0, y)", lambda x, y: x.masked_fill(x < 0, y), [((2, 3), ())]),
    ),
    *table(
        "one_hot",
        ("one_hot([0, 2, 1]) @ x", lambda x: F.one_hot(torch.tensor([0, 2, 1])).double() @ x, [(3, 2)]),
        ("F.one_hot([[1], [0]], num_classes=3)", lambda: F.one_hot(torch.tensor([[1], [0]]), 3), [()]),
        ("one_hot(i, 2) @ x", lambda i, x: F.one_hot(i, 2).double() @ x, [((3,), (2,)), ((), (2, 3))]),
    ),
    *table(
        "diag",
        ("diag(x)", torch.diag, [(1,), (3,), *MATRICES, (2, 4)]),
        ("x.diag().sum()", lambda x: x.diag().sum(), MATRICES),
    ),
    *table(
        "tril",
        ("tril(x)", torch.tril, [*MATRICES, (2, 3, 3)]),
        ("x.tril(diagonal=-1)", lambda x: x.tril(diagonal=-1), [*MATRICES, (2, 3, 1)]),
        ("tril(x, 1)", lambda x: torch.tril(x, 1), MATRICES),
    ),
    *table(
        "triu",
        ("x.triu()", lambda x: x.triu(), [*MATRICES, (2, 3, 3)]),
        ("triu(x, diagonal=2)", lambda x: torch.triu(x, diagonal=2), MATRICES),
    ),
    *table(
        "linear",
        ("F.linear(x, w)", F.linear, [((3,), (2, 3)), ((4, 3), (1, 3)), ((2, 2, 3), (2, 3)), ((2, 3), (3,))]),
        ("linear(x, w, b)", F.linear, [((3,), (2, 3), (2,)), ((4, 3), (2, 3), (2,)), ((1, 2, 3), (2, 3), (2,))]),
        ("linear(x, w, bias=b)", F.linear, [((3,), (3,), ()), ((2, 3), (4, 3), (1,)), ((2, 3), (4, 3), (2, 1))]),
    ),
    *table(
        "conv1d",
        ("F.conv1d(x, w)", F.conv1d, [((2, 2, 5), (3, 2, 3)), ((1, 1, 2), (1, 1, 2)), ((2, 4), (1, 2, 2))]),
        ("conv1d(x, w, b)", F.conv1d, [((2, 2, 4), (3, 2, 2), (3,)), ((2, 4), (3, 2, 2), (3,))]),
        ("conv1d(x, w, None, 2)", lambda x, w: F.conv1d(x, w, None, 2), [((1, 1, 6), (1, 1, 2))]),
        (
            "conv1d(x, w, stride=2, padding=1, dilation=2)",
            lambda x, w: F.conv1d(x, w, stride=2, padding=1, dilation=2),
            [((2, 1, 5), (2, 1, 3))],
        ),
        ("conv1d(x, w, padding=(2,))", lambda x, w: F.conv1d(x, w, padding=(2,)), [((1, 1, 2), (1, 1, 3))]),
    ),
    *table(
        "conv2d",
        ("conv2d(x, w)", F.conv2d, [((2, 2, 3, 4), (3, 2, 2, 2)), ((1, 1, 1, 1), (1, 1, 1, 1)), ((1, 3, 3), (2, 1, 3, 2))]),
        ("conv2d(x, w, b)", F.conv2d, [((1, 2, 3, 3), (3, 2, 2, 2), (3,))]),
        (
            "conv2d(x, w, stride=(2, 1), padding=(0, 1))",
            lambda x, w: F.conv2d(x, w, stride=(2, 1), padding=(0, 1)),
            [((1, 1, 4, 3), (2, 1, 2, 2))],
        ),
        (
            "conv2d(x, w, padding=2, dilation=(1, 2))",
            lambda x, w: F.conv2d(x, w, padding=2, dilation=(1, 2)),
            [((1, 1, 2, 3), (1, 1, 2, 2))],
        ),
    ),
    *table(
        "unfold",
        ("F.unfold(x, 2)", lambda x: F.unfold(x, 2), [(2, 2, 3, 3), (1, 1, 2, 2), (2, 3, 2)]),
        (
            "unfold(x, (2, 1), dilation=(2, 1), padding=(0, 1), stride=(1, 2))",
            lambda x: F.unfold(x, (2, 1), (2, 1), (0, 1), (1, 2)),
            [(1, 2, 4, 3)],
        ),
    ),
    *table(
        "fold",
        ("F.fold(x, (2, 3), 2)", lambda x: F.fold(x, (2, 3), 2), [(2, 4, 2), (1, 8, 2), (4, 2)]),
        (
            "fold(x, (3, 4), (2, 1), dilation=(2, 1), padding=(0, 1), stride=(1, 2))",
            lambda x: F.fold(x, (3, 4), (2, 1), (2, 1), (0, 1), (1, 2)),
            [(2, 4, 3)],
        ),
    ),
    *table(
        "normalize",
        ("F.normalize(x)", F.normalize, MANY_DIMS),
        ("normalize(x, dim=0)", lambda x: F.normalize(x, dim=0), [(3,), (2, 3)]),
        ("normalize(x, p=1, dim=-1)", lambda x: F.normalize(x, p=1, dim=-1), SEVERAL),
        ("normalize(x, p=3, dim=-1)", lambda x: F.normalize(x, p=3, dim=-1), SEVERAL),
        ("normalize(x, p=inf)", lambda x: F.normalize(x, p=math.inf), MANY_DIMS),
        ("normalize(x, eps=100)", lambda x: F.normalize(x, eps=100), MANY_DIMS),
    ),
    *table(
        "cosine_similarity",
        ("F.cosine_similarity(x, y)", F.cosine_similarity, [((2, 3), (2, 3)), ((2, 3), (1, 3)), ((2, 3, 1), (3, 2))]),
        (
            "cosine_similarity(x, y, dim=0)",
            lambda x, y: F.cosine_similarity(x, y, dim=0),
            [((3,), (3,)), ((2, 3), (2, 3)), ((2, 1), (3,))],
        ),
        (
            "cosine_similarity(x, y, dim=-1)",
            lambda x, y: F.cosine_similarity(x, y, dim=-1),
            [((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 1))],
        ),
    ),
    *table(
        "mse_loss",
        ("F.mse_loss(x, y)", F.mse_loss, PAIRS),
        ("mse_loss(x, y, reduction='sum')", lambda x, y: F.mse_loss(x, y, reduction="sum"), PAIRS),
        ("mse_loss(x, y, reduction='none')", lambda x, y: F.mse_loss(x, y, reduction="none"), PAIRS),
        ("mse_loss(x, [1, 2])", lambda x: F.mse_loss(x, torch.tensor([1.0, 2.0]).double()), [(2,)]),
    ),
    *table(
        "l1_loss",
        ("F.l1_loss(x, y)", F.l1_loss, PAIRS),
        ("l1_loss(x, y, reduction='sum')", lambda x, y: F.l1_loss(x, y, reduction="sum"), PAIRS),
        ("l1_loss(x, y, reduction='none')", lambda x, y: F.l1_loss(x, y, reduction="none"), PAIRS),
    ),
    *table(
        "smooth_l1_loss",
        ("F.smooth_l1_loss(x, y)", F.smooth_l1_loss, PAIRS),
        (
            "smooth_l1_loss(x, y, 'none', 0.5)",
            lambda x, y: F.smooth_l1_loss(x, y, reduction="none", beta=0.5),
            PAIRS,
        ),
        (
            "smooth_l1_loss(x, y, reduction='sum', beta=0)",
            lambda x, y: F.smooth_l1_loss(x, y, reduction="sum", beta=0.0),
            PAIRS,
        ),
    ),
    *table(
        "huber_loss",
        ("F.huber_loss(x, y)", F.huber_loss, PAIRS),
        (
            "huber_loss(x, y, reduction='sum', delta=2)",
            lambda x, y: F.huber_loss(x, y, reduction="sum", delta=2.0),
            PAIRS,
        ),
        (
            "huber_loss(x, y, 'none', 0.25)",
            lambda x, y: F.huber_loss(x, y, reduction="none", delta=0.25),
            PAIRS,
        ),
    ),
    *table(
        "binary_cross_entropy",
        (
            "F.binary_cross_entropy(sigmoid(x), sigmoid(y))",
            lambda x, y: F.binary_cross_entropy(x.sigmoid(), y.sigmoid()),
            PAIRS,
        ),
        (
            "binary_cross_entropy(sigmoid(x), sigmoid(y), reduction='sum')",
            lambda x, y: F.binary_cross_entropy(x.sigmoid(), y.sigmoid(), reduction="sum"),
            PAIRS,
        ),
        (
            "binary_cross_entropy(sigmoid(x), [1, 0], reduction='none')",
            lambda x: F.binary_cross_entropy(
                x.sigmoid(), torch.tensor([1.0, 0.0]).double(), reduction="none"
            ),
            [(2,)],
        ),
    ),
    *table(
        "binary_cross_entropy_with_logits",
        (
            "F.binary_cross_entropy_with_logits(x, y)",
            F.binary_cross_entropy_with_logits,
            PAIRS,
        ),
        (
            "binary_cross_entropy_with_logits(x, [1, 0], reduction='none')",
            lambda x: F.binary_cross_entropy_with_logits(
                x, torch.tensor([1.0, 0.0]).double(), reduction="none"
            ),
            [(2,)],
        ),
    ),
    *table(
        "nll_loss",
        ("F.nll_loss(x, i)", F.nll_loss, [((3, 2), (3,)), ((2,), ()), ((2, 3, 2), (2, 2))]),
        ("nll_loss(x, [2, 0], 'sum')", lambda x: F.nll_loss(x, torch.tensor([2, 0]), reduction="sum"), [(2, 3)]),
        ("nll_loss(x, i, reduction='none')", lambda x, i: F.nll_loss(x, i, reduction="none"), [((3, 2), (3,)), ((2,), ())]),
    ),
    *table(
        "cross_entropy",
        ("F.cross_entropy(x, i)", F.cross_entropy, [((3, 2), (3,)), ((2,), ()), ((2, 3, 2), (2, 2))]),
        ("cross_entropy(x, 1, 'sum')", lambda x: F.cross_entropy(x, torch.tensor(1), reduction="sum"), [(3,)]),
        (
            "cross_entropy(x, i, reduction='none')",
            lambda x, i: F.cross_entropy(x, i, reduction="none"),
            [((3, 4), (3,)), ((1, 2, 1, 2), (1, 1, 2))],
        ),
    ),
    *ORDER_CASES,
    *LAYER_CASES,
    *LOSS_CASES,
    *MATRIX_CASES,
]  # fmt: skip


read_once = functools.cache(parse)


@dataclasses.dataclass(frozen=True)
class Case:
    """A text at random inputs of some shapes, and the same function written in torch."""

    row: str
    text: str
    plain: object
    shapes: tuple
    scale: float = 1.0

    def __str__(self):
        return f"{self.text} at {self.shapes}"

    @property
    def program(self):
        return read_once(self.text)

    @property
    def indices(self):
        """Random integers for the inputs that are indices: 0 or 1, valid in every case."""
        program, rng = self.program, self._rng("places")
        shapes = zip(program.inputs, self.shapes, strict=True)
        indices = index_inputs(program)
        return {n: np.asarray(rng.integers(0, 2, s)) for n, s in shapes if n in indices}

    @property
    def values(self):
        """Normal random numbers for the other inputs; almost surely distinct and not at a kink."""
        program, rng = self.program, self._rng("numbers")
        shapes = zip(program.inputs, self.shapes, strict=True)
        indices = index_inputs(program)
        return {
            n: self.scale * np.asarray(rng.normal(size=s)) for n, s in shapes if n not in indices
        }

    def weights(self, shape):
        return self._rng("weights").normal(size=shape)

    def _rng(self, what):
        return np.random.default_rng(zlib.crc32(f"{self}, {what}".encode()))

    def leaves(self):
        numbers = {n: torch.tensor(v, requires_grad=True) for n, v in self.values.items()}
        return numbers | {n: torch.tensor(v) for n, v in self.indices.items()}

    def in_torch(self):
        """Return the value in torch, and its inputs by name."""
        leaves = self.leaves()
        return self.plain(*(leaves[n] for n in self.program.inputs)), leaves

    def written_out(self, *, backward_formula=False):
        sizes = {n: v.shape for n, v in self.values.items()}
        return write_out(
            self.program, variables(sizes), self.indices, backward_formula=backward_formula
        )

    def coordinates(self):
        """Return every component of the inputs by its name."""
        return {
            component: float(number)
            for name, array in self.values.items()
            for component, number in zip(
                names.component_names(name, array.shape), array.reshape(-1), strict=True
            )
        }


def every_case():
    for row, text, plain, choices in CASES:
        inputs = read_once(text).inputs
        for chosen in choices:
            yield Case(row, text, plain, (chosen,) if len(inputs) == 1 else chosen)


EVERY = list(every_case())
# The first case of every row.
FIRST = list({case.row: case for case in reversed(EVERY)}.values())


def results(case, *, backward_formula):
    """Yield the value of a case in every arithmetic: torch, numpy, components, balls."""
    program = case.program
    yield "torch", read(program, TENSORS, case.leaves()).detach().double().numpy()
    yield "numpy", evaluate_tensor(program, {**case.values, **case.indices})
    written, numbers = case.written_out(backward_formula=backward_formula), case.coordinates()
    yield "components", each_component(written, numbers, evaluated)
    yield "balls", each_component(written, numbers, enclosed)


def each_component(written, numbers, value):
    values = np.empty(written.output.shape)
    for multi_index in np.ndindex(values.shape):
        program = written.at(multi_index)
        values[multi_index] = value(program, {n: numbers[n] for n in program.inputs})
    return values


def evaluated(program, numbers):
    return evaluate(program, {n: np.float64(v) for n, v in numbers.items()})


def enclosed(program, numbers):
    ball = enclose(program, {n: flint.arb(v) for n, v in numbers.items()})
    assert ball is not EMPTY and ball.is_finite()
    return float(ball.mid())


def differences(case, *, backward_formula=False):
    """Return the arithmetics whose result differs from torch's in shape or in value."""
    expected = case.in_torch()[0].detach().double().numpy()
    wrong = [
        name
        for name, value in results(case, backward_formula=backward_formula)
        if value.shape != expected.shape or not np.allclose(value, expected, rtol=CLOSE, atol=CLOSE)
    ]
    sizes = {n: v.shape for n, v in case.values.items()}
    shape = shape_of(case.program, sizes, case.indices)
    return wrong if shape == expected.shape else ["shape", *wrong]


def slope_differences(case, *, backward_formula=False):
    """Return the inputs at which torch's gradient of a random functional is not the proved one."""
    value, leaves = case.in_torch()
    weights = case.weights(value.shape)
    expected = gradient(value, weights, {n: leaves[n] for n in case.values})
    numbers = case.coordinates()
    functional = case.written_out(backward_formula=backward_formula).weighted([(weights, 1)])
    point = {n: Real.of(v) for n, v in numbers.items()}
    proved = smooth_gradient(functional, list(numbers), point)
    return [
        name
        for name in numbers
        if name not in proved or proved[name] != pytest.approx(expected[name], rel=CLOSE, abs=CLOSE)
    ]


def gradient(value, weights, leaves):
    """Return torch's gradient by component; 0 for inputs that the value does not depend on."""
    if not value.requires_grad:
        gradients = [torch.zeros_like(leaf) for leaf in leaves.values()]
    else:
        total = (value * torch.tensor(weights)).sum()
        gradients = torch.autograd.grad(
            total, list(leaves.values()), allow_unused=True, materialize_grads=True
        )
    return {
        component: float(number)
        for name, slopes in zip(leaves, gradients, strict=True)
        for component, number in zip(
            names.component_names(name, slopes.shape), slopes.reshape(-1), strict=True
        )
    }


def test_every_row_on_tensors_has_cases():
    assert {row for row, *_ in CASES} == {row.name for row in ROWS} - WITHOUT_CASES


def test_every_case_calls_its_row():
    functions = {
        text: {call.function for _, call in read_once(text).calls()} for _, text, *_ in CASES
    }
    assert [text for row, text, *_ in CASES if row not in functions[text]] == []


TEXTS = list(dict.fromkeys(case.text for case in EVERY))


def failing(text, compared):
    """Return the differences by shapes, for the cases that have some."""
    by_shapes = {case.shapes: compared(case) for case in EVERY if case.text == text}
    assert by_shapes
    return {at: wrong for at, wrong in by_shapes.items() if wrong}


@pytest.mark.parametrize("text", TEXTS)
def test_every_arithmetic_agrees_with_torch(text):
    assert failing(text, differences) == {}


@pytest.mark.parametrize("text", TEXTS)
def test_the_proved_gradient_agrees_with_torch(text):
    assert failing(text, slope_differences) == {}


def test_a_gradient_that_torch_gets_wrong_is_noticed():
    # Where a norm is below eps, torch differentiates as if it were not clamped.
    text = "cosine_similarity(x, y, dim=0, eps=100)"
    plain = functools.partial(F.cosine_similarity, dim=0, eps=100.0)
    case = Case("cosine_similarity", text, plain, ((2,), (2,)))
    assert differences(case) == []
    assert slope_differences(case) == ["x[0]", "x[1]", "y[0]", "y[1]"]


WITH_BACKWARD_FORMULA = [case for case in EVERY if CATALOGUE[case.row].backward_formula is not None]


@pytest.mark.parametrize("case", WITH_BACKWARD_FORMULA, ids=str)
def test_torch_s_backward_formulas_compute_the_same_function(case):
    assert differences(case, backward_formula=True) == []
    assert slope_differences(case, backward_formula=True) == []


@pytest.mark.parametrize("row", sorted({case.row for case in WITH_BACKWARD_FORMULA}))
def test_a_wrong_backward_formula_is_noticed(row, monkeypatch):
    # Negative control.
    case = next(case for case in WITH_BACKWARD_FORMULA if case.row == row and is_steep(case))
    true = CATALOGUE[row].backward_formula
    plant(
        monkeypatch, row, backward_formula=lambda a, *x: a.each("multiply", true(a, *x), 1 + 1e-6)
    )
    assert differences(case, backward_formula=True) == ["components", "balls"]
    assert slope_differences(case, backward_formula=True) != []
    assert differences(case) == []


# A negative power of 0 is undefined over the reals; torch returns the limit.
UNDEFINED_AT_ZERO = {"norm(x, p=-1, dim=0)"}
# The last case of every text.
LAST = list({case.text: case for case in EVERY if case.text not in UNDEFINED_AT_ZERO}.values())


@pytest.mark.parametrize("row", sorted({case.row for case in LAST}))
def test_every_arithmetic_agrees_with_torch_where_all_inputs_are_0(row):
    cases = [dataclasses.replace(case, scale=0.0) for case in LAST if case.row == row]
    by_case = {str(case): differences(case) for case in cases}
    assert {case: wrong for case, wrong in by_case.items() if wrong} == {}


# Rows whose formula has exponentials that overflow at large inputs.
WITH_EXPONENTIALS = [
    "softmax",
    "softmin",
    "log_softmax",
    "logsumexp",
    "cross_entropy",
    "binary_cross_entropy_with_logits",
]
FAR_OUT = [
    dataclasses.replace(case, scale=2e3)
    for case in EVERY
    if case.row in WITH_EXPONENTIALS and any(case.shapes)
]


@pytest.mark.parametrize("case", FAR_OUT, ids=str)
def test_large_inputs_overflow_only_where_they_do_in_torch(case):
    assert differences(case) == []


def test_an_overflow_is_noticed(monkeypatch):
    # Negative control: e**2000 overflows as a double, not as a ball.
    def overflowing(a, x, dim):
        powers = a.each("exp", x)
        return a.each("log", a.each("divide", powers, a.total(powers, (dim,), keep=True)))

    plant(monkeypatch, "log_softmax", numpy=None, array=overflowing)
    case = next(case for case in FAR_OUT if case.text == "F.log_softmax(x, dim=1)")
    assert set(differences(case)) == {"numpy", "components"}


def plant(monkeypatch, name, **changes):
    """Replace columns of a row of the catalogue."""
    row = dataclasses.replace(CATALOGUE[name], **changes)
    for module in (arrays, components, reading, shapes):
        monkeypatch.setattr(module, "CATALOGUE", {**CATALOGUE, name: row})


@pytest.mark.parametrize("case", FIRST, ids=lambda case: case.row)
def test_a_wrong_value_of_a_row_is_noticed(case, monkeypatch):
    # Negative control: an error of 1e-6.
    true = CATALOGUE[case.row].array
    plant(monkeypatch, case.row, numpy=None, array=lambda a, *x: a.each("add", true(a, *x), 1e-6))
    assert differences(case) == ["numpy", "components", "balls"]


@pytest.mark.parametrize("case", FIRST, ids=lambda case: case.row)
def test_a_wrong_shape_of_a_row_is_noticed(case, monkeypatch):
    # Negative control: one dimension too many.
    true = CATALOGUE[case.row].array
    plant(
        monkeypatch,
        case.row,
        numpy=None,
        array=lambda a, *x: a.arrange(lambda v: v[None], true(a, *x)),
    )
    assert {"shape", "numpy", "components", "balls"} <= set(differences(case))


@pytest.mark.parametrize("case", FIRST, ids=lambda case: case.row)
def test_a_wrong_torch_column_is_noticed(case, monkeypatch):
    # Negative control.
    true = CATALOGUE[case.row].column("torch")
    plant(monkeypatch, case.row, torch=lambda *x, **named: true(*x, **named) + 1e-6)
    assert differences(case) == ["torch"]


CONSTANT = {"zeros_like"}  # rows whose value depends on no input


def is_steep(case):
    """Return whether a component of torch's gradient of the random functional is not near 0."""
    value, leaves = case.in_torch()
    slopes = gradient(value, case.weights(value.shape), {n: leaves[n] for n in case.values})
    return any(abs(slope) > 1e-3 for slope in slopes.values())


@pytest.mark.parametrize("row", sorted({case.row for case in EVERY} - CONSTANT))
def test_a_wrong_derivative_of_a_row_is_noticed(row, monkeypatch):
    # Negative control: a relative error of 1e-6.
    case = next(case for case in EVERY if case.row == row and is_steep(case))
    true = CATALOGUE[row].array
    plant(monkeypatch, row, array=lambda a, *x: a.each("multiply", true(a, *x), 1 + 1e-6))
    assert slope_differences(case) != []


def test_the_derivative_of_a_constant_row_is_0():
    assert [case for case in EVERY if case.row in CONSTANT and is_steep(case)] == []
