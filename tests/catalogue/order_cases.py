"""Cases of order statistics and running reductions: see test_tensor_rows."""

import torch

from tests.catalogue.shapes import ANY, MANY_DIMS, SEVERAL, VECTORS, table

LONG = [(7,), (5, 2), (2, 6)]

ORDER_CASES = [
    *table(
        "sort",
        ("x.sort().values", lambda x: x.sort().values, [*ANY, *LONG]),
        ("sort(x, 0)", lambda x: torch.sort(x, 0).values, [*ANY, *LONG]),
        ("torch.sort(x, dim=0, descending=True).values", lambda x: torch.sort(x, 0, descending=True).values, [*ANY, *LONG]),
        ("x.sort(1, True).values", lambda x: x.sort(1, descending=True).values, MANY_DIMS),
        ("x.sort(0).values[0]", lambda x: x.sort(0).values[0], [(9,)]),
    ),
    *table(
        "topk",
        ("x.topk(1).values", lambda x: x.topk(1).values, ANY),
        ("topk(x, 2, dim=-1, largest=False)", lambda x: torch.topk(x, 2, largest=False).values, LONG),
        ("torch.topk(x, k=2, dim=0, sorted=True).values", lambda x: torch.topk(x, 2, 0).values, LONG),
    ),
    *table(
        "kthvalue",
        ("x.kthvalue(1).values", lambda x: x.kthvalue(1).values, ANY),
        ("kthvalue(x, 2, dim=0)", lambda x: torch.kthvalue(x, 2, 0).values, LONG),
        ("torch.kthvalue(x, 2, -1, True).values", lambda x: torch.kthvalue(x, 2, -1, keepdim=True).values, LONG),
    ),
    *table(
        "median",
        ("x.median()", lambda x: x.median(), [*ANY, *LONG]),
        ("x.median(0).values", lambda x: x.median(0).values, [*ANY, *LONG]),
        ("median(x, dim=-1, keepdim=True)", lambda x: x.median(-1, keepdim=True).values, [*ANY, *LONG]),
    ),
    *table(
        "quantile",
        ("x.quantile(0.3)", lambda x: x.quantile(0.3), [*ANY, *LONG]),
        ("quantile(x, 0.75, 0)", lambda x: torch.quantile(x, 0.75, 0), [*ANY, *LONG]),
        ("quantile(x, 1/4, dim=-1, keepdim=True)", lambda x: torch.quantile(x, 0.25, -1, keepdim=True), [*ANY, *LONG]),
        ("quantile(x, 0.1, interpolation='lower')", lambda x: torch.quantile(x, 0.1, interpolation="lower"), SEVERAL),
        ("quantile(x, 0.1, interpolation='higher')", lambda x: torch.quantile(x, 0.1, interpolation="higher"), SEVERAL),
        ("quantile(x, 0.7, interpolation='midpoint')", lambda x: torch.quantile(x, 0.7, interpolation="midpoint"), SEVERAL),
        ("quantile(x, 0.5, 0, interpolation='nearest')", lambda x: torch.quantile(x, 0.5, 0, interpolation="nearest"), [(2,), (3,), (4,), (6,)]),
        ("quantile(x, 1)", lambda x: torch.quantile(x, 1.0), SEVERAL),
    ),
    *table(
        "cummax",
        ("x.cummax(0).values", lambda x: x.cummax(0).values, [*ANY, *LONG]),
        ("cummax(x, dim=-1)", lambda x: torch.cummax(x, -1).values, ANY),
    ),
    *table(
        "cummin",
        ("x.cummin(0).values", lambda x: x.cummin(0).values, [*ANY, *LONG]),
        ("cummin(x, dim=-1)", lambda x: torch.cummin(x, -1).values, ANY),
    ),
    *table(
        "cumprod",
        ("x.cumprod(0)", lambda x: x.cumprod(0), [*ANY, *VECTORS]),
        ("cumprod(x, dim=-1)", lambda x: torch.cumprod(x, -1), ANY),
    ),
    *table(
        "logcumsumexp",
        ("x.logcumsumexp(0)", lambda x: x.logcumsumexp(0), [*ANY, *VECTORS]),
        ("logcumsumexp(x, dim=-1)", lambda x: torch.logcumsumexp(x, -1), ANY),
    ),
]  # fmt: skip
