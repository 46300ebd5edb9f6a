"""Cases of normalizations, pooling and moved components: see test_tensor_rows."""

import torch
from torch.nn import functional as F  # noqa: N812  (torch's own name for it)

from tests.catalogue.shapes import ANY, MANY_DIMS, MATRICES, SEVERAL, table

IMAGES = [(2, 2, 4, 5), (1, 3, 3), (1, 1, 2, 2)]
VOLUMES = [(1, 1, 2, 3, 2), (1, 2, 2, 2)]
SIGNALS = [(2, 2, 5), (1, 4), (1, 1, 3)]

LAYER_CASES = [
    *table(
        "layer_norm",
        ("F.layer_norm(x, (3,))", lambda x: F.layer_norm(x, (3,)), [(3,), (2, 3), (2, 1, 3)]),
        ("layer_norm(x, 3)", lambda x: F.layer_norm(x, (3,)), [(3,), (2, 3)]),
        ("layer_norm(x, (2, 3), eps=0.5)", lambda x: F.layer_norm(x, (2, 3), eps=0.5), [(2, 3), (2, 2, 3)]),
        ("layer_norm(x, [3], w, b)", lambda x, w, b: F.layer_norm(x, [3], w, b), [((2, 3), (3,), (3,))]),
        ("layer_norm(x, (2, 2), weight=w)", lambda x, w: F.layer_norm(x, (2, 2), w), [((3, 2, 2), (2, 2))]),
    ),
    *table(
        "rms_norm",
        ("F.rms_norm(x, (3,), eps=0.1)", lambda x: F.rms_norm(x, (3,), eps=0.1), [(3,), (2, 3)]),
        ("rms_norm(x, (2, 3), w, 1e-3)", lambda x, w: F.rms_norm(x, (2, 3), w, 1e-3), [((2, 3), (2, 3)), ((2, 2, 3), (2, 3))]),
        ("rms_norm(x, 3)", lambda x: F.rms_norm(x, (3,)), [(2, 3)]),
    ),
    *table(
        "group_norm",
        ("F.group_norm(x, 2)", lambda x: F.group_norm(x, 2), [(2, 4), (1, 2, 3), (2, 4, 2, 1)]),
        ("group_norm(x, 1, w, b, eps=0.1)", lambda x, w, b: F.group_norm(x, 1, w, b, 0.1), [((2, 2, 3), (2,), (2,))]),
    ),
    *table(
        "instance_norm",
        ("F.instance_norm(x, weight=w, bias=b)", lambda x, w, b: F.instance_norm(x, weight=w, bias=b), [((2, 2, 3), (2,), (2,))]),
        ("instance_norm(x, eps=0.1)", lambda x: F.instance_norm(x, eps=0.1), [(2, 1, 3), (1, 2, 2, 2)]),
    ),
    *table(
        "batch_norm",
        (
            "F.batch_norm(x, m.detach(), (v**2).detach(), w, b)",
            lambda x, m, v, w, b: F.batch_norm(x, m.detach(), (v**2).detach(), w, b),
            [((2, 3), (3,), (3,), (3,), (3,)), ((1, 2, 2), (2,), (2,), (2,), (2,))],
        ),
        ("batch_norm(x, None, None, training=True)", lambda x: F.batch_norm(x, None, None, training=True), [(3, 2), (2, 2, 2), (2, 1, 2, 2)]),
        (
            "batch_norm(x, weight=w, bias=b, training=True, momentum=0.5, eps=0.1)",
            lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True, eps=0.1),
            [((3, 2), (2,), (2,)), ((2, 2, 2), (2,), (2,))],
        ),
    ),
    *table(
        "max_pool1d",
        ("F.max_pool1d(x, 2)", lambda x: F.max_pool1d(x, 2), SIGNALS),
        ("max_pool1d(x, 3, stride=1, padding=1)", lambda x: F.max_pool1d(x, 3, 1, 1), SIGNALS),
        ("max_pool1d(x, 2, 2, 1, dilation=2, ceil_mode=True)", lambda x: F.max_pool1d(x, 2, 2, 1, 2, ceil_mode=True), SIGNALS),
    ),
    *table(
        "max_pool2d",
        ("F.max_pool2d(x, 2)", lambda x: F.max_pool2d(x, 2), IMAGES),
        ("max_pool2d(x, (2, 1), stride=1, padding=(1, 0))", lambda x: F.max_pool2d(x, (2, 1), 1, (1, 0)), IMAGES),
        ("max_pool2d(x, 2, 2, ceil_mode=True)", lambda x: F.max_pool2d(x, 2, 2, ceil_mode=True), IMAGES),
    ),
    *table(
        "avg_pool1d",
        ("F.avg_pool1d(x, 2)", lambda x: F.avg_pool1d(x, 2), SIGNALS),
        ("avg_pool1d(x, 3, stride=2, padding=1, ceil_mode=True)", lambda x: F.avg_pool1d(x, 3, 2, 1, ceil_mode=True), SIGNALS),
        ("avg_pool1d(x, 2, 1, 1, count_include_pad=False)", lambda x: F.avg_pool1d(x, 2, 1, 1, count_include_pad=False), SIGNALS),
    ),
    *table(
        "avg_pool2d",
        ("F.avg_pool2d(x, 2)", lambda x: F.avg_pool2d(x, 2), IMAGES),
        ("avg_pool2d(x, 2, stride=1, padding=1)", lambda x: F.avg_pool2d(x, 2, 1, 1), IMAGES),
        ("avg_pool2d(x, 2, divisor_override=3)", lambda x: F.avg_pool2d(x, 2, divisor_override=3), IMAGES),
        (
            "avg_pool2d(x, (2, 3), 2, (1, 1), ceil_mode=True)",
            lambda x: F.avg_pool2d(x, (2, 3), 2, (1, 1), ceil_mode=True),
            IMAGES,
        ),
    ),
    *table(
        "adaptive_avg_pool1d",
        ("F.adaptive_avg_pool1d(x, 2)", lambda x: F.adaptive_avg_pool1d(x, 2), SIGNALS),
        ("adaptive_avg_pool1d(x, 4)", lambda x: F.adaptive_avg_pool1d(x, 4), SIGNALS),
    ),
    *table(
        "adaptive_avg_pool2d",
        ("F.adaptive_avg_pool2d(x, 1)", lambda x: F.adaptive_avg_pool2d(x, 1), IMAGES),
        ("adaptive_avg_pool2d(x, (2, 3))", lambda x: F.adaptive_avg_pool2d(x, (2, 3)), IMAGES),
    ),
    *table(
        "max_pool3d",
        ("F.max_pool3d(x, 2)", lambda x: F.max_pool3d(x, 2), VOLUMES),
        ("max_pool3d(x, (1, 2, 2), stride=1)", lambda x: F.max_pool3d(x, (1, 2, 2), 1), VOLUMES),
    ),
    *table(
        "avg_pool3d",
        ("F.avg_pool3d(x, 2)", lambda x: F.avg_pool3d(x, 2), VOLUMES),
        ("avg_pool3d(x, 2, 1, 1, divisor_override=3)", lambda x: F.avg_pool3d(x, 2, 1, 1, divisor_override=3), VOLUMES),
    ),
    *table(
        "adaptive_avg_pool3d",
        ("F.adaptive_avg_pool3d(x, (1, 2, 2))", lambda x: F.adaptive_avg_pool3d(x, (1, 2, 2)), VOLUMES),
    ),
    *table(
        "adaptive_max_pool1d",
        ("F.adaptive_max_pool1d(x, 2)", lambda x: F.adaptive_max_pool1d(x, 2), SIGNALS),
        ("adaptive_max_pool1d(x, 3)", lambda x: F.adaptive_max_pool1d(x, 3), SIGNALS),
    ),
    *table(
        "adaptive_max_pool2d",
        ("F.adaptive_max_pool2d(x, (2, 1))", lambda x: F.adaptive_max_pool2d(x, (2, 1)), IMAGES),
    ),
    *table(
        "adaptive_max_pool3d",
        ("F.adaptive_max_pool3d(x, (1, 2, 1))", lambda x: F.adaptive_max_pool3d(x, (1, 2, 1)), VOLUMES),
    ),
    *table(
        "pad",
        ("F.pad(x, (1, 2))", lambda x: F.pad(x, (1, 2)), SEVERAL),
        ("pad(x, (1, 0, 0, 2), 'constant', 3)", lambda x: F.pad(x, (1, 0, 0, 2), "constant", 3.0), MANY_DIMS),
        ("pad(x, (-1, 1))", lambda x: F.pad(x, (-1, 1)), SEVERAL),
        ("pad(x, [1, 2], mode='reflect')", lambda x: F.pad(x, [1, 2], mode="reflect"), [(2, 3), (1, 2, 4)]),
        ("pad(x, (2, 1), mode='replicate')", lambda x: F.pad(x, (2, 1), mode="replicate"), [(2, 3), (1, 2, 1)]),
        ("pad(x, (2, 1), mode='circular')", lambda x: F.pad(x, (2, 1), mode="circular"), [(2, 3), (1, 2, 2)]),
    ),
    *table(
        "embedding",
        ("F.embedding(i, w)", F.embedding, [((3,), (2, 3)), ((2, 2), (3, 1)), ((), (2, 2))]),
        ("embedding([2, 0], w)", lambda w: F.embedding(torch.tensor([2, 0]), w), [(3, 2)]),
        ("embedding([1, 0], w, padding_idx=-1)", lambda w: F.embedding(torch.tensor([1, 0]), w, -1), [(2, 3)]),
    ),
    *table(
        "scaled_dot_product_attention",
        (
            "F.scaled_dot_product_attention(q, k, v)",
            F.scaled_dot_product_attention,
            [((2, 3), (4, 3), (4, 2)), ((2, 1, 2), (2, 3, 2), (2, 3, 1))],
        ),
        (
            "scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.5)",
            lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.5),
            [((3, 2), (3, 2), (3, 2)), ((2, 2, 2), (2, 3, 2), (2, 3, 1))],
        ),
        (
            "scaled_dot_product_attention(q, k, v, attn_mask=v.T <= 1e9)",
            F.scaled_dot_product_attention,
            [((1, 2), (3, 2), (3, 1))],
        ),
    ),
    *table(
        "scatter",
        ("x.scatter(0, [1, 0], y)", lambda x, y: x.scatter(0, torch.tensor([1, 0]), y), [((3,), (2,))]),
        ("scatter(x, 1, [[2, 0], [1, 2]], y)", lambda x, y: x.scatter(1, torch.tensor([[2, 0], [1, 2]]), y), [((2, 3), (2, 2)), ((3, 3), (2, 2))]),
    ),
    *table(
        "scatter_add",
        ("x.scatter_add(0, [1, 1, 0], y)", lambda x, y: x.scatter_add(0, torch.tensor([1, 1, 0]), y), [((2,), (3,))]),
        ("scatter_add(x, -1, [[2, 2], [1, 2]], y)", lambda x, y: x.scatter_add(-1, torch.tensor([[2, 2], [1, 2]]), y), [((2, 3), (2, 2))]),
        ("scatter_add(x, 0, i, y)", lambda x, i, y: x.scatter_add(0, i, y), [((2, 3), (4, 2), (4, 2))]),
    ),
    *table(
        "index_add",
        ("x.index_add(0, [1, 1, 0], y)", lambda x, y: x.index_add(0, torch.tensor([1, 1, 0]), y), [((2,), (3,)), ((2, 2), (3, 2))]),
        ("index_add(x, 1, i, y, alpha=-2)", lambda x, i, y: x.index_add(1, i, y, alpha=-2), [((2, 3), (3,), (2, 3))]),
    ),
    *table(
        "roll",
        ("x.roll(1, 0)", lambda x: x.roll(1, 0), SEVERAL),
        ("roll(x, -2)", lambda x: torch.roll(x, -2), ANY),
        ("torch.roll(x, shifts=(1, 2), dims=(0, -1))", lambda x: torch.roll(x, (1, 2), (0, -1)), MANY_DIMS),
    ),
    *table(
        "repeat",
        ("x.repeat(2, 1, 3)", lambda x: x.repeat(2, 1, 3), ANY),
        ("x.repeat((1, 2))", lambda x: x.repeat((1, 2)), MATRICES),
    ),
    *table(
        "tile",
        ("x.tile(2)", lambda x: x.tile(2), ANY),
        ("torch.tile(x, (2, 1, 2, 1))", lambda x: torch.tile(x, (2, 1, 2, 1)), ANY),
    ),
]  # fmt: skip
