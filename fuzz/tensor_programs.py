"""Random programs on small tensors: vectors v, w of shape (3,), matrices A, B of shape (2, 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from hypothesis import strategies as st

from fuzz.programs import constant
from fuzz.trees import Tree, call, number, variable
from symdiff.catalogue import CATALOGUE

Draw = Callable[[st.SearchStrategy[Any]], Any]
Part = Callable[[int], Tree]  # draws a sub-program with a number of dimensions

SHAPES: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {"v": (3,), "w": (3,), "A": (2, 3), "B": (2, 3), "k": (1, 2, 2), "K": (1, 1, 2, 2)}
)
COMPONENTS: Final = ("0", "1", "-1", "2", "1/2", "-1/2", "3", "1/4")
_MASKS: Final = ("less", "greater", "equal", "less_equal")
_BINARY: Final = ("add", "subtract", "multiply", "maximum", "minimum", "divide", "hypot", "fmax", "atan2", "xlogy")  # fmt: skip
# Functions of one number.
_UNARY: Final = tuple(
    row.name
    for row in CATALOGUE.values()
    if row.array is None and row.returns == "real" and row.name not in {"detach", "polygamma", "bessel_i"}
    and sum(p.default is None for p in row.parameters) == 1
    and row.parameters[0].kind in {"real", "any"}
)  # fmt: skip


def _reduction(name: str, **settings: Any) -> Callable[[Draw, Part, int], Tree]:
    return lambda _, part, rank: call(name, part(rank), **settings)


_WHOLE: Final = ("sum", "mean", "prod", "amax", "amin", "max_all", "min_all", "norm", "var", "std")
_ALONG: Final = ("sum", "mean", "prod", "amax", "amin", "max_along", "min_along", "norm",
                 "logsumexp", "var", "std")  # fmt: skip
_LOSSES: Final = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
                  "binary_cross_entropy_with_logits", "hinge_embedding_loss", "kl_div",
                  "poisson_nll_loss")  # fmt: skip
_SAME_SHAPE: Final = ("softmax", "softmin", "log_softmax", "cumsum", "sort", "cummax", "cummin",
                      "cumprod", "logcumsumexp")  # fmt: skip


def _whole(draw: Draw, part: Part) -> Tree:
    name = draw(st.sampled_from(_WHOLE))
    settings: dict[str, Any] = {}
    if name == "norm" and draw(st.booleans()):
        settings["p"] = draw(st.sampled_from((1, 3, "inf", "-inf", 0, 0.5)))
    return call(name, part(draw(st.sampled_from((1, 1, 2)))), **_floats(settings))


def _floats(settings: dict[str, Any]) -> dict[str, Any]:
    return {k: Infinite(v) if isinstance(v, str) else v for k, v in settings.items()}


class Infinite(float):
    """An infinity that is written as symdiff reads it."""

    def __repr__(self) -> str:
        """Return inf or -inf."""
        return "inf" if self > 0 else "-inf"


def _along(draw: Draw, part: Part) -> Tree:
    return call(draw(st.sampled_from(_ALONG)), part(2), dim=0)


def _loss(draw: Draw, part: Part) -> Tree:
    settings = {"reduction": "sum"} if draw(st.booleans()) else {}
    rank = draw(st.sampled_from((1, 2)))
    return call(draw(st.sampled_from(_LOSSES)), part(rank), part(rank), **settings)


def _class_loss(draw: Draw, part: Part) -> Tree:
    name = draw(st.sampled_from(("nll_loss", "cross_entropy")))
    if draw(st.booleans()):
        return call(name, part(1), target=1)
    return call(name, part(2), target=(2, 0))


def _layer(draw: Draw, part: Part) -> Tree:
    image = call("reshape", part(2), shape=(1, 2, 3))
    kernel = variable("K")
    layers = (
        lambda: call("linear", part(2), part(2)),
        lambda: call("mm", part(2), call("t", part(2))),
        lambda: call("mv", part(2), part(1)),
        lambda: call(
            "bmm",
            call("reshape", part(2), shape=(2, 1, 3)),
            call("reshape", part(2), shape=(2, 3, 1)),
        ),
        lambda: call("conv1d", part(2), variable("k"), padding=1),
        lambda: call("conv2d", image, kernel),
        lambda: call("unfold", call("unsqueeze", image, dim=0), kernel_size=2),
        lambda: call(
            "fold",
            call("unfold", call("unsqueeze", image, dim=0), kernel_size=2),
            output_size=(2, 3),
            kernel_size=2,
        ),
        lambda: call("layer_norm", part(2), normalized_shape=(3,)),
        lambda: call("batch_norm", part(2), training=True, eps=0.5),
        lambda: call("max_pool2d", call("unsqueeze", image, dim=0), kernel_size=2, stride=1),
        lambda: call("max_pool1d", part(2), kernel_size=2, stride=1, padding=1),
        lambda: call("avg_pool1d", part(2), kernel_size=2, stride=1, padding=1),
        lambda: call("scaled_dot_product_attention", part(2), part(2), part(2)),
        lambda: call("cdist", part(2), part(2)),
        lambda: call("pairwise_distance", part(2), part(2), p=1, eps=0),
        lambda: call("triplet_margin_loss", part(1), part(1), part(1), swap=True),
        lambda: call("margin_ranking_loss", part(1), part(1), part(1), margin=1),
        lambda: call("cosine_similarity", part(2), part(2)),
        lambda: call("normalize", part(2)),
        lambda: call("matmul", part(1), call("transpose_all", part(2))),
    )
    result = draw(st.sampled_from(layers))()
    if draw(st.booleans()):
        result = call(draw(st.sampled_from(("abs", "relu", "square"))), result)
    return call(draw(st.sampled_from(("sum", "amax", "norm"))), result)


def _component(draw: Draw, part: Part) -> Tree:
    return call("index", part(1), index=(draw(st.integers(0, 2)),))


_NUMBERS: Final = (
    _whole,
    _whole,
    lambda _, part: call("logsumexp", part(1), dim=0),
    lambda _, part: call("dot", part(1), part(1)),
    lambda draw, part: call("kthvalue", part(1), k=draw(st.integers(1, 3))),
    lambda draw, part: call("quantile", part(1), q=draw(st.sampled_from((0.25, 0.5, 0.9)))),
    lambda draw, part: call("median", part(draw(st.integers(1, 2)))),
    _component,
    _loss,
    _class_loss,
    _layer,
)
_ARRANGED: Final = (
    lambda part: call("flip", part(1), dims=(0,)),
    lambda part: call("index", part(2), index=(0,)),
    lambda part: call("gather", part(1), dim=0, index=(2, 0, 0)),
    lambda part: call("index_select", part(1), dim=0, index=(1, 1, 2)),
    lambda part: call("take", part(2), index=(3, 1, 1)),
    lambda part: call("index", call("topk", part(2), k=2, dim=0), index=(1,)),
    lambda part: call("put", part(1), index=(2, 0), source=call("take", part(1), index=(0, 1))),
    lambda part: call("diag", call("diag", part(1))),
    lambda part: call("stack", call("sequence", part(0), part(0), part(0))),
    lambda part: call(
        "cat",
        call(
            "sequence",
            call("reshape", part(0), shape=(1,)),
            call("index", part(2), index=(0, "1:")),
        ),
    ),
    lambda part: call("clone", part(1)),
    lambda part: call("cross", part(1), part(1)),
    lambda part: call("roll", part(1), shifts=2, dims=0),
    lambda part: call("pad", call("index", part(1), index=("1:",)), pad=(1, 0), value=2),
    lambda part: call("index", call("embedding", part(2), input=(1, 0, 1)), index=(2,)),
    lambda part: call("multiply", part(1), call("one_hot", tensor=1, num_classes=3)),
    lambda part: call("squeeze", call("unsqueeze", part(1), dim=0)),
)


_MATRICES: Final = (
    lambda part: call("stack", call("sequence", part(1), part(1))),
    lambda part: call("tril", part(2)),
    lambda part: call("repeat", part(1), repeats=(2, 1)),
    lambda part: call("rms_norm", part(2), normalized_shape=(3,), eps=0.25),
    lambda part: call("triu", part(2), diagonal=1),
    lambda part: call("transpose", call("transpose_all", part(2)), dim0=0, dim1=1),
    lambda part: call("permute", call("transpose_last", part(2)), dims=(1, 0)),
    lambda part: call("expand", part(1), shape=(2, 3)),
    lambda part: call("add", part(2), part(1)),
    lambda part: call("normalize", part(2)),
    lambda part: call("reshape", call("flatten", part(2)), shape=(2, 3)),
)


@st.composite
def tensors(draw: Draw, rank: int, depth: int) -> Tree:
    """Draw a program whose value has a number of dimensions: 0, (3,) or (2, 3)."""

    def part(wanted: int) -> Tree:
        tree: Tree = draw(tensors(wanted, depth - 1))
        return tree

    if depth <= 0:
        return _leaf(draw, rank)
    kind = draw(st.sampled_from(("special", "special", "elementwise")))
    if kind == "elementwise":
        return _elementwise(draw, part, rank)
    if rank == 0:
        how = draw(st.sampled_from(_NUMBERS))
        tree: Tree = how(draw, part)
        return tree
    if rank == 1:
        form = draw(st.sampled_from(("leaf", "along", "same", "arranged", "masked")))
        if form == "along":
            return _along(draw, part)
        if form == "same":
            return call(draw(st.sampled_from(_SAME_SHAPE)), part(1), dim=0)
        if form == "masked":
            mask = call(draw(st.sampled_from(_MASKS)), part(1), part(1))
            return call(
                "masked_fill", part(1), mask, constant(draw(st.sampled_from(("0", "1", "-1"))))
            )
        arranged: Callable[[Part], Tree] = draw(st.sampled_from(_ARRANGED))
        return _leaf(draw, 1) if form == "leaf" else arranged(part)
    if draw(st.booleans()):
        of_matrices: Callable[[Part], Tree] = draw(st.sampled_from(_MATRICES))
        return of_matrices(part)
    return call(draw(st.sampled_from(_SAME_SHAPE)), part(2), dim=1)


def _elementwise(draw: Draw, part: Part, rank: int) -> Tree:
    if draw(st.booleans()):
        return call(draw(st.sampled_from(_UNARY)), part(rank))
    if draw(st.integers(0, 4)) == 4:
        mask = call(draw(st.sampled_from(_MASKS)), part(rank), part(rank))
        return call("where", mask, part(rank), part(rank))
    return call(draw(st.sampled_from(_BINARY)), part(rank), part(rank))


def _leaf(draw: Draw, rank: int) -> Tree:
    if rank == 0:
        return call("sum", variable(draw(st.sampled_from(("v", "w")))))
    tree = variable(draw(st.sampled_from(("v", "w") if rank == 1 else ("A", "B"))))
    return call("multiply", number(2), tree) if draw(st.integers(0, 5)) == 5 else tree


@st.composite
def values(draw: Draw, names: tuple[str, ...]) -> dict[str, Any]:
    """Draw small dyadic numbers with ties for the components of some variables, nested in lists."""
    component = st.sampled_from(COMPONENTS).map(Fraction)

    def nested(shape: tuple[int, ...]) -> Any:
        if not shape:
            return draw(component)
        return [nested(shape[1:]) for _ in range(shape[0])]

    return {name: nested(SHAPES[name]) for name in names}
