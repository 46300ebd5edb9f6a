"""Tensors that fit together have torch's shape; the error for others quotes the shapes."""

import dataclasses
import itertools
import warnings

import numpy as np
import pytest
import torch

from symdiff.arithmetics.components import shapes
from symdiff.arithmetics.components.shapes import shape_of
from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import TENSORS
from symdiff.catalogue import CATALOGUE
from symdiff.errors import ExpressionError
from symdiff.program import parse

FITTING = [
    # text, shapes of the inputs, shape of the value
    ("relu(x @ w).sum(dim=0)", {"x": (64, 1000), "w": (1000, 100)}, (100,)),
    ("x*y + z", {"x": (3, 1), "y": (4,), "z": ()}, (3, 4)),
    ("x @ w @ v", {"x": (5, 2), "w": (2, 3), "v": (3,)}, (5,)),
    ("x @ w", {"x": (7, 1, 2, 3), "w": (5, 3, 4)}, (7, 5, 2, 4)),
    ("conv2d(x, w, padding=1)", {"x": (8, 3, 32, 32), "w": (16, 3, 3, 3)}, (8, 16, 32, 32)),
    ("cross_entropy(x, [0, 1])", {"x": (2, 10)}, ()),
    ("x[:, None, ::2]", {"x": (3, 5)}, (3, 1, 3)),
    ("1 + 2", {}, ()),
    ("[1, 2, 3]", {}, (3,)),
    ("x.expand(1000, 1000)", {"x": ()}, (1000, 1000)),
    ("x if x.sum() > 0 else -x", {"x": (2, 3)}, (2, 3)),
    ("where(x > 0, x, 0)", {"x": (2, 3)}, (2, 3)),
]


@pytest.mark.parametrize(("text", "input_shapes", "shape"), FITTING)
def test_a_program_whose_tensors_fit_together_has_a_shape(text, input_shapes, shape):
    assert shape_of(parse(text), input_shapes) == shape


def test_an_integer_index_determines_the_shape():
    program = parse("x.gather(1, i)")
    assert shape_of(program, {"x": (2, 3)}, {"i": np.array([[2, 0, 1, 1], [0, 0, 0, 0]])}) == (2, 4)


MISMATCHES = [
    # text, shapes of the inputs, start of the message, column in the text
    (
        "x @ w",
        {"x": (4, 3), "w": (2, 2)},
        "matmul of x (4, 3) and w (2, 2): the inner dimensions 3 and 2 are not equal",
        1,
    ),
    (
        "1 + relu(x @ w)",
        {"x": (3,), "w": (2, 2)},
        "matmul of x (3,) and w (2, 2): the inner dimensions 3 and 2 are not equal",
        10,
    ),
    ("x @ 2", {"x": (3,)}, "matmul of x (3,) and 2 (): a matrix product needs vectors or matrices", 1),
    ("x @ w", {"x": (2, 3, 4), "w": (3, 4, 5)}, "matmul of x (2, 3, 4) and w (3, 4, 5): these shapes do not broadcast", 1),
    ("mm(x, w)", {"x": (2, 3), "w": (3,)}, "mm of x (2, 3) and w (3,): tensors with 2 and 2 dimensions are needed, not 2 and 1", 1),
    ("x.mv(w)", {"x": (2, 3), "w": (3, 1)}, "mv of x (2, 3) and w (3, 1): tensors with 2 and 1 dimensions are needed", 1),
    ("bmm(x, w)", {"x": (2, 3), "w": (3, 4)}, "bmm of x (2, 3) and w (3, 4): tensors with 3 and 3 dimensions are needed", 1),
    ("bmm(x, w)", {"x": (1, 2, 3), "w": (2, 3, 4)}, "bmm of x (1, 2, 3) and w (2, 3, 4): the batches have 1 and 2 matrices", 1),
    ("dot(x, y)", {"x": (2,), "y": (3,)}, "dot of x (2,) and y (3,): the inner dimensions 2 and 3 are not equal", 1),
    ("dot(x, y)", {"x": (2, 2), "y": (2, 2)}, "dot of x (2, 2) and y (2, 2): tensors with 1 and 1 dimensions are needed", 1),
    ("x + y", {"x": (2,), "y": (3,)}, "add of x (2,) and y (3,): these shapes do not broadcast", 1),
    ("2*max(x, y)", {"x": (2, 3), "y": (2,)}, "maximum of x (2, 3) and y (2,): these shapes do not broadcast", 3),
    ("where(c > 0, x, y)", {"c": (2,), "x": (3,), "y": ()}, "where of c > 0 (2,) and x (3,) and y (): these shapes do not broadcast", 1),
    ("x.reshape(2, 3)", {"x": (5,)}, "reshape of x (5,): 5 components do not fit the shape (2, 3)", 1),
    ("x.view(2, -1)", {"x": (5,)}, "reshape of x (5,): 5 components do not fit the shape (2, -1)", 1),
    ("x.reshape(-1, -1)", {"x": (4,)}, "reshape of x (4,): only one length of (-1, -1) may be -1", 1),
    ("x.expand(2, 3)", {"x": (2,)}, "expand of x (2,): the shape (2,) cannot be expanded to (2, 3)", 1),
    ("x.expand(-1, 3)", {"x": (3,)}, "expand of x (3,): a new dimension needs a length", 1),
    ("cat([x, y])", {"x": (2, 3), "y": (2, 4)}, "cat of (2, 3) and (2, 4): the tensors differ in dimensions other than 0", 1),
    ("cat([x, y], dim=-1)", {"x": (2, 3), "y": (3, 3)}, "cat of (2, 3) and (3, 3): the tensors differ in dimensions other than -1", 1),
    ("cat([x, 1])", {"x": (2,)}, "cat of (2,) and (): a number cannot be concatenated; stack makes a vector", 1),
    ("stack([x, y])", {"x": (2,), "y": (3,)}, "stack of (2,) and (3,): stack needs tensors of equal shape", 1),
    ("[x, y]", {"x": (2,), "y": ()}, "tensor of (2,) and (): stack needs tensors of equal shape", 1),
    ("conv2d(x, w)", {"x": (1, 3, 8, 8), "w": (4, 2, 3, 3)}, "conv2d of x (1, 3, 8, 8) and w (4, 2, 3, 3): the input has 3 channels, the weight 2", 1),
    ("conv2d(x, w)", {"x": (1, 1, 2, 5), "w": (1, 1, 3, 3)}, "conv2d of x (1, 1, 2, 5) and w (1, 1, 3, 3): a kernel of shape (3, 3) is larger than the padded input (2, 5)", 1),
    ("conv1d(x, w, dilation=3)", {"x": (1, 1, 3), "w": (1, 1, 2)}, "conv1d of x (1, 1, 3) and w (1, 1, 2): a kernel of shape (2,) is larger than the padded input (3,)", 1),
    ("conv1d(x, w)", {"x": (3,), "w": (1, 1, 2)}, "conv1d of x (3,) and w (1, 1, 2): the input must have 3 dimensions (N, C, ...)", 1),
    ("conv2d(x, w)", {"x": (1, 1, 3, 3), "w": (1, 1, 2)}, "conv2d of x (1, 1, 3, 3) and w (1, 1, 2): the weight must have 4 dimensions", 1),
    ("conv1d(x, w, b)", {"x": (1, 1, 3), "w": (2, 1, 2), "b": (1,)}, "conv1d of x (1, 1, 3) and w (2, 1, 2) and b (1,): the bias must have the shape (2,)", 1),
    ("conv1d(x, w, stride=0)", {"x": (1, 1, 3), "w": (1, 1, 2)}, "conv1d of x (1, 1, 3) and w (1, 1, 2): kernels, strides and dilations must be at least 1", 1),
    ("unfold(x, 3)", {"x": (1, 1, 2, 2)}, "unfold of x (1, 1, 2, 2): a kernel of shape (3, 3) is larger than the padded input (2, 2)", 1),
    ("unfold(x, (2,))", {"x": (1, 1, 2, 2)}, "unfold of x (1, 1, 2, 2): one integer or a pair is needed, not 1", 1),
    ("fold(x, 3, 2)", {"x": (1, 4, 5)}, "fold of x (1, 4, 5): the input must have the shape (N, C*4, 4), not (1, 4, 5)", 1),
    ("fold(x, 2, 0)", {"x": (1, 4, 1)}, "fold of x (1, 4, 1): kernels, strides and dilations must be at least 1", 1),
    ("linear(x, w)", {"x": (4, 3), "w": (3, 2)}, "linear of x (4, 3) and w (3, 2): the inner dimensions 3 and 2 are not equal", 1),
    ("linear(x, w)", {"x": (2,), "w": (2, 3, 2)}, "linear of x (2,) and w (2, 3, 2): the weight must be a matrix or a vector", 1),
    ("linear(x, w, b)", {"x": (3,), "w": (2, 3), "b": (3,)}, "linear of x (3,) and w (2, 3) and b (3,): these shapes do not broadcast", 1),
    ("linear(x, w, b)", {"x": (3,), "w": (2, 3), "b": (4, 2)}, "linear of x (3,) and w (2, 3) and b (4, 2): a bias of shape (4, 2) does not fit", 1),
    ("x.sum(dim=2)", {"x": (2, 3)}, "sum of x (2, 3): the shape (2, 3) has no dimension 2", 1),
    ("x.mean((0, -2))", {"x": (2, 3)}, "mean of x (2, 3): a dimension is repeated in (0, -2)", 1),
    ("x.sum(keepdim=True)", {"x": (2, 3)}, "sum of x (2, 3): keepdim=True needs dim", 1),
    ("softmax(x, -2)", {"x": (3,)}, "softmax of x (3,): the shape (3,) has no dimension -2", 1),
    ("x.max(1).values", {"x": ()}, "max_along of x (): the shape () has no dimension 1", 1),
    ("cumsum(x, 1)", {"x": (2,)}, "cumsum of x (2,): the shape (2,) has no dimension 1", 1),
    ("x.var()", {"x": (1,)}, "var of x (1,): the variance of 1 numbers with correction 1", 1),
    ("x.unsqueeze(3)", {"x": (2, 3)}, "unsqueeze of x (2, 3): the shape (2, 3) has no dimension 3", 1),
    ("x.flip((0, 0))", {"x": (2, 3)}, "flip of x (2, 3): a dimension is repeated in (0, 0)", 1),
    ("x.permute(0)", {"x": (2, 3)}, "permute of x (2, 3): dims must name every dimension of (2, 3) once, not (0,)", 1),
    ("x.permute(0, 1, 2)", {"x": (2, 3)}, "permute of x (2, 3): the shape (2, 3) has no dimension 2", 1),
    ("flatten(x, 1, 0)", {"x": (2, 3)}, "flatten of x (2, 3): start_dim 1 comes after end_dim 0", 1),
    ("x[5:].amax(0)", {"x": (2, 3)}, "index of x (2, 3): the result is empty, of shape (0, 3)", 1),
    ("x.t()", {"x": (2, 3, 4)}, "t of x (2, 3, 4): t() takes at most 2 dimensions", 1),
    ("x.T", {"x": (2, 3, 4)}, "transpose_all of x (2, 3, 4): t() takes at most 2 dimensions", 1),
    ("diag(x)", {"x": (2, 2, 2)}, "diag of x (2, 2, 2): diag takes a vector or a matrix", 1),
    ("mse_loss(x, y)", {"x": (3,), "y": (3, 1)}, "mse_loss of x (3,) and y (3, 1): input and target of a loss must have the same shape", 1),
    ("huber_loss(x, y, delta=0)", {"x": (3,), "y": (3,)}, "huber_loss of x (3,) and y (3,): delta must be more than 0, not 0", 1),
    ("smooth_l1_loss(x, y, beta=-1)", {"x": (3,), "y": (3,)}, "smooth_l1_loss of x (3,) and y (3,): beta must be at least 0, not -1", 1),
    ("nll_loss(x, [0, 1, 0])", {"x": (2, 3)}, "nll_loss of x (2, 3): the target must have the shape (2,), not (3,)", 1),
    ("cross_entropy(x, [0, 3])", {"x": (2, 3)}, "cross_entropy of x (2, 3): the index 3 is not between 0 and 2", 1),
    ("cross_entropy(x, 0)", {"x": ()}, "cross_entropy of x (): ", 1),
    ("sort(x, 1)", {"x": (3,)}, "sort of x (3,): the shape (3,) has no dimension 1", 1),
    ("topk(x, 4)", {"x": (3,)}, "topk of x (3,): k must be between 0 and 3, the length of the dimension, not 4", 1),
    ("topk(x, 2, sorted=False)", {"x": (3,)}, "topk of x (3,): with sorted=False the order", 1),
    ("kthvalue(x, 0)", {"x": (3,)}, "kthvalue of x (3,): k must be between 1 and 3", 1),
    ("median(x, keepdim=True)", {"x": (3,)}, "median of x (3,): keepdim=True needs dim", 1),
    ("quantile(x, 1.5)", {"x": (3,)}, "quantile of x (3,): q must be between 0 and 1, not 1.5", 1),
    ("layer_norm(x, 2)", {"x": (2, 3)}, "layer_norm of x (2, 3): the last dimensions of the shape (2, 3) are not (2,)", 1),
    ("layer_norm(x, 3, weight=w)", {"x": (2, 3), "w": (2,)}, "layer_norm of x (2, 3) and w (2,): the weight must have the shape (3,), not (2,)", 1),
    ("group_norm(x, 2)", {"x": (2, 3)}, "group_norm of x (2, 3): 3 channels cannot be divided into 2 groups", 1),
    ("batch_norm(x)", {"x": (2, 3)}, "batch_norm of x (2, 3): without training=True running_mean and running_var are needed", 1),
    ("batch_norm(x, m, m)", {"x": (2, 3), "m": (2,)}, "batch_norm of x (2, 3) and m (2,) and m (2,): running_mean must have the shape (3,)", 1),
    ("max_pool1d(x, 4)", {"x": (1, 3)}, "max_pool1d of x (1, 3): a window of length 4 is longer than the padded input 3", 1),
    ("max_pool2d(x, 2, padding=2)", {"x": (1, 3, 3)}, "max_pool2d of x (1, 3, 3): the padding (2, 2) is more than half of the kernel", 1),
    ("avg_pool2d(x, 2)", {"x": (3, 3)}, "avg_pool2d of x (3, 3): the input must have 3 or 4 dimensions", 1),
    ("avg_pool2d(x, (1, 2, 3))", {"x": (1, 3, 3)}, "avg_pool2d of x (1, 3, 3): one integer or 2 are needed, not 3", 1),
    ("F.pad(x, (1, 2, 3))", {"x": (3,)}, "pad of x (3,): pad has two lengths for each of the last dimensions", 1),
    ("F.pad(x, (3, 0), mode='reflect')", {"x": (1, 3)}, "pad of x (1, 3): a dimension of length 3 cannot be padded by (3, 0)", 1),
    ("F.pad(x, (-2, -2))", {"x": (3,)}, "pad of x (3,): a dimension of length 3 cannot be padded by (-2, -2)", 1),
    ("F.embedding([0, 2], w)", {"w": (2, 3)}, "embedding of w (2, 3): the index 2 is not between 0 and 1", 1),
    ("roll(x, (1, 2), 0)", {"x": (2, 3)}, "roll of x (2, 3): 2 shifts for 1 dimensions", 1),
    ("x.repeat(2)", {"x": (2, 3)}, "repeat of x (2, 3): repeat needs a number for every dimension", 1),
    ("torch.cdist(x, y)", {"x": (2, 3), "y": (2, 2)}, "cdist of x (2, 3) and y (2, 2): matrices with rows of equal length", 1),
    ("F.pairwise_distance(x, y)", {"x": (), "y": ()}, "pairwise_distance of x () and y (): vectors are needed", 1),
    ("F.kl_div(x, y)", {"x": (2,), "y": (3,)}, "kl_div of x (2,) and y (3,): input and target of a loss must have the same shape", 1),
    ("F.gaussian_nll_loss(x, y, v)", {"x": (2,), "y": (2,), "v": (3,)}, "gaussian_nll_loss of x (2,) and y (2,) and v (3,): input, target and var", 1),
    ("F.triplet_margin_loss(x, x, y)", {"x": (2,), "y": (3,)}, "triplet_margin_loss of x (2,) and x (2,) and y (3,): the tensors of a loss", 1),
    ("F.triplet_margin_loss(x, x, x, margin=0)", {"x": (2,)}, "triplet_margin_loss of x (2,) and x (2,) and x (2,): margin must be more than 0", 1),
    ("F.cosine_embedding_loss(x, x, t)", {"x": (2, 3), "t": (3,)}, "cosine_embedding_loss of x (2, 3) and x (2, 3) and t (3,): the target must have the shape (2,)", 1),
    ("cross_entropy(x, [0, 1], weight=w)", {"x": (2, 3), "w": (2,)}, "cross_entropy of x (2, 3) and w (2,): the weight must have the shape (3,)", 1),
    ("cross_entropy(x, [0, 1], label_smoothing=2)", {"x": (2, 3)}, "cross_entropy of x (2, 3): label_smoothing must be between 0 and 1, not 2", 1),
    ("cross_entropy(x, [7], ignore_index=7)", {"x": (1, 3)}, "cross_entropy of x (1, 3): every target is ignored, so that there is no loss", 1),
    ("scatter(x, 0, [1, 1], y)", {"x": (3,), "y": (2,)}, "scatter of x (3,) and y (2,): the index names a place twice", 1),
    ("scatter_add(x, 0, [0, 3], y)", {"x": (3,), "y": (2,)}, "scatter_add of x (3,) and y (2,): the index 3 is not between 0 and 2", 1),
    ("scatter_add(x, 0, [0, 1, 2], y)", {"x": (3,), "y": (2,)}, "scatter_add of x (3,) and y (2,): the index of shape (3,) is larger", 1),
    ("index_add(x, 0, [0], y)", {"x": (3,), "y": (2,)}, "index_add of x (3,) and y (2,): 1 rows to add need a source of shape (1,), not (2,)", 1),
    ("F.scaled_dot_product_attention(x, y, y)", {"x": (2, 3), "y": (2, 2)}, "scaled_dot_product_attention of x (2, 3) and y (2, 2) and y (2, 2): query, key and value need", 1),
    ("det(x)", {"x": (2, 3)}, "det of x (2, 3): a square matrix is needed", 1),
    ("inv(x)", {"x": (7, 7)}, "inverse of x (7, 7): a matrix must have 1 to 6 rows, not 7", 1),
    ("solve(x, y)", {"x": (2, 2), "y": (3, 2)}, "solve of x (2, 2) and y (3, 2): a right-hand side with 2 rows is needed", 1),
    ("solve_triangular(x, y, upper=True)", {"x": (2, 2), "y": (2,)}, "solve_triangular of x (2, 2) and y (2,): a right-hand side with 2 rows", 1),
    ("eigvalsh(x)", {"x": (3, 3)}, "eigvalsh of x (3, 3): eigenvalues of at most 2 rows can be written out, not of 3", 1),
    ("svdvals(x)", {"x": (2, 3)}, "svdvals of x (2, 3): singular values of vectors and of 2 rows and columns", 1),
    ("trace(x)", {"x": (3,)}, "trace of x (3,): trace takes a matrix", 1),
    ("outer(x, x)", {"x": (2, 2)}, "outer of x (2, 2) and x (2, 2): outer takes vectors", 1),
    ("cross(x, x)", {"x": (2,)}, "cross of x (2,) and x (2,): the dimension -1 must have the length 3", 1),
    ("gather(x, 1, [[0, 3], [1, 1]])", {"x": (2, 3)}, "gather of x (2, 3): the index 3 is not between 0 and 2", 1),
    ("gather(x, 0, [0])", {"x": (2, 3)}, "gather of x (2, 3): the index has 1 dimensions, the tensor 2", 1),
    ("gather(x, 0, [[0, 1]])", {"x": (3, 1)}, "gather of x (3, 1): the index of shape (1, 2) is too long in a dimension other than 0", 1),
    ("index_select(x, 0, [-1])", {"x": (2, 3)}, "index_select of x (2, 3): the index -1 is not between 0 and 1", 1),
    ("index_select(x, 0, [[0]])", {"x": (2, 3)}, "index_select of x (2, 3): the index must be a vector, not of shape (1, 1)", 1),
    ("one_hot([0, 3], num_classes=3) @ x", {"x": (3,)}, "one_hot: the index 3 is not between 0 and 2", 1),
    ("masked_fill(x, x > 0, x)", {"x": (2,)}, "masked_fill of x (2,) and x > 0 (2,) and x (2,): value must be a number", 1),
    ("y*x[2]", {"x": (2, 3), "y": ()}, "index of x (2, 3): index 2 is out of bounds for axis 0 with size 2", 3),
    ("x[0, 0, 0]", {"x": (2, 3)}, "index of x (2, 3): too many indices for array", 1),
    ("1 if x > 0 else 0", {"x": (2,)}, "ifelse of x > 0 (2,) and 1 () and 0 (): the condition of `if` is a tensor", 1),
    ("x if x.sum() > 0 else 0", {"x": (2,)}, "ifelse of x.sum() > 0 () and x (2,) and 0 (): the branches differ in shape", 1),
    ("x[:, None] + x", {"x": (20_000,)}, "add of x[:, None] (20000, 1) and x (20000,): a result of shape (20000, 20000) has more than 100000000 components", 1),
]  # fmt: skip


def refusal(text, input_shapes, definitions=None):
    with pytest.raises(ExpressionError) as caught:
        shape_of(parse(text, definitions=definitions), input_shapes)
    return caught.value


@pytest.mark.parametrize(("text", "input_shapes", "start", "column"), MISMATCHES)
def test_a_mismatch_is_reported_with_its_shapes_and_its_column(text, input_shapes, start, column):
    error = refusal(text, input_shapes)
    assert error.message.startswith(start)
    assert error.place.text == text and error.place.start == column - 1
    assert f" at column {column}\n" in str(error)


# Texts with a tensor that is not an argument of the function that fails.
ELSEWHERE = {"one_hot([0, 3], num_classes=3) @ x", "y*x[2]"}


@pytest.mark.parametrize(
    ("text", "input_shapes"),
    [case[:2] for case in MISMATCHES if case[0] not in ELSEWHERE],
    ids=str,
)
def test_the_message_quotes_all_shapes(text, input_shapes):
    message = refusal(text, input_shapes).message
    assert [shape for shape in input_shapes.values() if str(shape) not in message] == []


def test_a_missing_check_is_noticed(monkeypatch):
    # Negative control: a matrix product without a check.
    row = dataclasses.replace(CATALOGUE["matmul"], array=lambda a, x, y: a.each("add", 0, x))
    monkeypatch.setattr(shapes, "CATALOGUE", {**CATALOGUE, "matmul": row})
    with pytest.raises(pytest.fail.Exception):
        refusal("x @ w", {"x": (4, 3), "w": (2, 2)})


DEFINED = [
    # definitions, text, shapes of the inputs, first line of the error
    (
        {"h": "relu(x @ w)"},
        "h.sum()",
        {"x": (4, 3), "w": (2, 2)},
        "let h: matmul of x (4, 3) and w (2, 2): the inner dimensions 3 and 2 are not equal at column 6",
    ),
    (
        {"h": "x @ w", "k": "1 + h @ v"},
        "k",
        {"x": (4, 3), "w": (3, 2), "v": (3,)},
        "let k: matmul of x @ w (4, 2) and v (3,): the inner dimensions 2 and 3 are not equal at column 5",
    ),
    (
        {"h": "x @ w"},
        "h + x",
        {"x": (4, 3), "w": (3, 2)},
        "add of x @ w (4, 2) and x (4, 3): these shapes do not broadcast at column 1",
    ),
    (
        {"a_name_longer_than_a_message_takes": "x.sum(dim=0, keepdim=True).exp().log()"},
        "a_name_longer_than_a_message_takes @ y",
        {"x": (2, 3), "y": (2,)},
        "matmul of x.sum(dim=0, keepdim=... (1, 3) and y (2,): the inner dimensions 3 and 2 are not equal at column 1",
    ),
]


@pytest.mark.parametrize(("definitions", "text", "input_shapes", "line"), DEFINED)
def test_the_message_names_the_definition_that_fails(definitions, text, input_shapes, line):
    assert str(refusal(text, input_shapes, definitions)).splitlines()[0] == line


# -- comparison with torch

SHAPES = [(), (1,), (3,), (1, 1), (2, 3), (3, 1), (3, 3), (2, 2, 3), (2, 3, 4), (1, 1, 4, 4)]
DIMENSIONS = ["0", "1", "-1", "-2", "2", "-3", "(0, 1)", "(0, -1)", "(0, 0)", "()"]
INTEGERS = ["0", "1", "-1", "-2", "2", "-3"]
INDICES = ["0", "[0]", "[0, 2]", "[1, 0, 0]", "[3]", "[[0, 1], [1, 0]]", "[[2], [0]]", "[[[0, 1, 2]]]"]  # fmt: skip
ONE_INPUT = [
    *(f"{f}(x)" for f in ("sum", "mean", "prod", "amax", "amin", "max", "min", "norm")),
    *(f"{f}(x, dim={d})" for f in ("sum", "mean", "amax", "norm") for d in DIMENSIONS),
    *(f"x.{f}(dim={d}, keepdim=True)" for f in ("sum", "amin", "norm") for d in DIMENSIONS),
    *(f"logsumexp(x, {d}, True)" for d in DIMENSIONS),
    *(f"{f}(x, {d})" for f in ("prod", "softmax", "log_softmax", "cumsum") for d in INTEGERS),
    *(f"{f}(x, {d})" for f in ("unsqueeze", "squeeze", "flip", "flatten") for d in INTEGERS),
    *(f"flip(x, {d})" for d in DIMENSIONS),
    *(f"permute(x, {d})" for d in ("0", "(1, 0)", "(0, 0)", "(-1, 1, 0)", "(0, 2, 3, 1)", "()")),
    *(f"x.{f}({d}).values" for f in ("max", "min") for d in INTEGERS),
    *(f"transpose(x, {d}, {e})" for d in INTEGERS for e in ("0", "1", "-1")),
    *(f"flatten(x, {d}, {e})" for d in ("0", "1", "-2") for e in INTEGERS),
    *(f"{f}(x, {p})" for f in ("tril", "triu") for p in ("0", "1", "-4")),
    *(f"normalize(x, dim={d})" for d in INTEGERS),
    *(f"cat([x, x], {d})" for d in INTEGERS),
    *(f"cat([x, x[..., :1]], {d})" for d in INTEGERS),
    *(f"stack([x, x], {d})" for d in INTEGERS),
    *(f"gather(x, {d}, {i})" for d in INTEGERS for i in INDICES),
    *(f"index_select(x, {d}, {i})" for d in INTEGERS for i in INDICES),
    *(f"x.reshape({s})" for s in ("-1", "3", "2, 3", "-1, 2", "1, 1", "-1, -1", "()", "2, 3, -1")),
    *(f"x.expand({s})" for s in ("3", "2, 3", "2, -1", "-1, 3", "-1, -1, -1", "2, 2, 3", "()")),
    *(f"x[{i}]" for i in ("0", "2", "-3", "1:", "::2", "None", "...", "0, 0", ":, 1", "..., -1")),
    *(f"x[{i}]" for i in ("0, ..., 0", "None, 0, None", "..., None, 1:", "5:", ":, :, 0")),
    "x.t()", "x[None].mT", "diag(x)", "x.squeeze()", "x.clone()", "zeros_like(x)",
    *(f"unfold(x, {k})" for k in ("2", "(2, 3)", "(2,)", "2, padding=1", "5", "0", "2, stride=3")),
    *(f"unfold(x, 2, {k})" for k in ("dilation=2", "padding=(0, 1)", "padding=-1", "stride=0")),
    *(f"fold(x, {k})" for k in ("2, 1", "(2, 2), 2", "2, 2, padding=1", "3, (3, 1)", "2, 0", "4, 5")),
    *(f"nll_loss(x, {i})" for i in INDICES),
    *(f"cross_entropy(x, {i}, reduction='none')" for i in INDICES),
    "masked_fill(x, x > 0, 1)", "masked_fill(x, x > 0, x)", "masked_fill(2, x > 0, 1)",
    "[x, 1]", "[x, x]", "one_hot([0, 2]) @ x", "[[1, 2], [3, 4]] @ x", "stack([x.sum(), 1])",
    "x.sum(keepdim=True)", "x.prod(keepdim=True)", "x.amax(keepdim=True)",
]  # fmt: skip
TWO_INPUTS = [
    "x @ y",
    "mm(x, y)",
    "mv(x, y)",
    "bmm(x, y)",
    "dot(x, y)",
    "x + y",
    "where(x > 0, x, y)",
    "max(x, y)",
    "linear(x, y)",
    "conv1d(x, y)",
    "conv2d(x, y)",
    "conv2d(x, y, padding=(1, 2), stride=2)",
    "conv1d(x, y, stride=2, dilation=2)",
    "conv1d(x, y, stride=0)",
    "conv1d(x, y, y)",
    "cat([x, y])",
    "cat([x, y], -1)",
    "stack([x, y], 1)",
    "[x, y]",
    "masked_fill(x, y > 0, 1)",
    *(f"cosine_similarity(x, y, dim={d})" for d in ("0", "1", "-1")),
    "masked_fill(x, x > 0, y)",
    "clamp(x, min=y)",
    "hypot(x, y)",
    "linear(x, x, y)",
    "binary_cross_entropy_with_logits(x, y)",
    "smooth_l1_loss(x, x, beta=-1) + y",
]
SHAPES_OF_PAIRS = [(), (1,), (2,), (3,), (1, 3), (2, 3), (3, 2), (3, 3), (1, 2, 3), (2, 3, 2), (1, 2, 4, 3), (2, 1, 3, 2)]  # fmt: skip


REFUSED = {("nll_loss(x, [0])", (1,))}  # see STRICTER


def choices(text):
    count = len(parse(text).inputs)
    several = itertools.product(SHAPES if count == 1 else SHAPES_OF_PAIRS, repeat=count)
    return [chosen for chosen in several if (text, *chosen) not in REFUSED]


def torch_shape(program, input_shapes):
    """Return the shape of torch's value; None if it or its gradient raises, or it is empty."""
    leaves = {
        n: torch.full(input_shapes[n], 0.5, dtype=torch.float64, requires_grad=True)
        for n in program.inputs
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = read(program, TENSORS, leaves)
            if value.requires_grad:
                value.sum().backward()
        except (RuntimeError, IndexError, TypeError, ValueError):
            return None
    return None if 0 in value.shape else tuple(value.shape)


def symdiff_shape(program, input_shapes):
    try:
        return shape_of(program, input_shapes)
    except ExpressionError:
        return None


def disagreements(text, combinations):
    """Return the input shapes at which torch and symdiff differ in the shape, or one raises."""
    program = parse(text)
    differences = []
    for chosen in combinations:
        input_shapes = dict(zip(program.inputs, chosen, strict=True))
        shapes = torch_shape(program, input_shapes), symdiff_shape(program, input_shapes)
        if shapes[0] != shapes[1]:
            differences.append((chosen, *shapes))
    return differences


@pytest.mark.parametrize("text", [*dict.fromkeys(ONE_INPUT), *TWO_INPUTS])
def test_symdiff_accepts_the_shapes_that_torch_accepts(text):
    assert disagreements(text, choices(text)) == []


def test_some_shapes_fit_together_and_others_do_not():
    # Otherwise the test above would compare nothing.
    for texts in (ONE_INPUT, TWO_INPUTS):
        accepted = [
            symdiff_shape(parse(text), dict(zip(parse(text).inputs, chosen, strict=True)))
            for text in texts[::7]
            for chosen in choices(text)
        ]
        share = sum(shape is not None for shape in accepted) / len(accepted)
        assert 0.1 < share < 0.9


@pytest.mark.parametrize(
    ("name", "text", "array"),
    [
        # numpy would broadcast the batches
        ("bmm", "bmm(x, y)", CATALOGUE["matmul"].array),
        # the tensor is indexed instead of reversed
        ("flip", "flip(x, -1)", lambda a, x, dims: a.arrange(lambda v: v[dims], x)),
        # torch sums over all dimensions
        ("sum", "sum(x)", lambda a, x, dim, keepdim: a.total(x, (0,), keep=False)),
    ],
)
def test_a_row_that_accepts_other_shapes_than_torch_is_noticed(monkeypatch, name, text, array):
    # Negative control.
    row = dataclasses.replace(CATALOGUE[name], array=array)
    monkeypatch.setattr(shapes, "CATALOGUE", {**CATALOGUE, name: row})
    assert disagreements(text, choices(text)) != []


STRICTER = [
    # text, shapes that torch accepts, the reason for which symdiff refuses them
    # torch warns that this is likely a mistake
    (
        "mse_loss(x, y)",
        {"x": (3,), "y": (3, 1)},
        "input and target of a loss must have the same shape",
    ),
    (
        "l1_loss(x, y)",
        {"x": (2, 3), "y": ()},
        "input and target of a loss must have the same shape",
    ),
    ("x.T", {"x": (2, 3, 4)}, "t() takes at most 2 dimensions"),
    ("x.mT", {"x": ()}, "has no dimension -2"),
    # torch returns NaN here
    ("x.var()", {"x": ()}, "the variance of 1 numbers with correction 1"),
    ("x.std(dim=0, correction=3)", {"x": (2, 3)}, "the variance of 2 numbers with correction 3"),
    # the shape would depend on the condition
    ("x if y > 0 else 1", {"x": (2,), "y": ()}, "the branches differ in shape"),
    # torch accepts one score for one class, but cannot differentiate several
    ("nll_loss(x, [0])", {"x": (1,)}, "the target must have the shape (), not (1,)"),
    # torch ignores this target
    ("x[..., ...]", {"x": (2, 3)}, "an index can only have a single ellipsis"),
    # torch documents the bias as a vector
    ("linear(x, w, b)", {"x": (2, 2, 3), "w": (4, 3), "b": (1, 4)}, "a bias of shape (1, 4)"),
]


@pytest.mark.parametrize(("text", "input_shapes", "reason"), STRICTER)
def test_some_shapes_that_torch_accepts_are_refused(text, input_shapes, reason):
    assert torch_shape(parse(text), input_shapes) is not None
    assert reason in refusal(text, input_shapes).message
