"""Questions that users asked about gradients: the figures in their texts, from the shipped files."""

import numpy as np
import pytest
import torch

from symdiff.verdict.words import Verdict
from tests import shipped

FILES = (
    "relu_and_clamp",
    "vector_jacobian_products",
    "functional",
    "two_layer_network",
    "relu_jacobian",
)


@pytest.fixture(scope="module")
def reports():
    return {stem: shipped.report(stem) for stem in FILES}


@pytest.fixture(scope="module")
def entry(reports):
    def of_name(stem, name):
        return next(e for e in reports[stem].evidence if e.name == name)

    return of_name


def gradient(evidence, engine, variable, spelling=""):
    """Return an engine's gradient in the shape of the input, or a Jacobian (outputs, *shape)."""
    shape = evidence.tensors.wrt[variable]
    rows = [
        [t.samples[engine].derivatives[n][0] for n in t.variables if n.split("[")[0] == variable]
        for t in evidence.trials
        if t.spelling == spelling
    ]
    outer = () if len(rows) == 1 and not evidence.trials[0].output else (len(rows),)
    return np.array(rows).reshape((*outer, *shape))


def words(evidence, engine, spelling=""):
    """Return the set of verdicts on an engine."""
    return {
        str(Verdict.from_code(code))
        for t in evidence.trials
        if t.spelling == spelling and engine in t.samples
        for variable in t.covered(engine)
        for code in t.verdicts(engine, variable)
    }


@pytest.mark.parametrize("stem", FILES)
def test_every_entry_passes(reports, stem):
    report = reports[stem]
    assert report.errors == ()
    assert [e.name for e in report.evidence if not e.ok] == []
    assert report.status == 0


def test_every_file_begins_with_a_question_and_its_answer():
    for stem in FILES:
        first = (shipped.FOLDER / f"{stem}.toml").read_text().split("[[expression]]", maxsplit=1)[0]
        lines = first.strip().splitlines()
        assert all(line.startswith("#") for line in lines) and len(lines) >= 5
        assert "?" in lines[0]


class TestReluAndClamp:
    def test_the_gradients_differ_by_38_in_one_component_of_w1_and_nowhere_in_w2(self, entry):
        network = entry("relu_and_clamp", "network")
        w1, w2 = (
            gradient(network, "autograd", name) - gradient(network, "autograd", name, "clamp")
            for name in ("w1", "w2")
        )
        assert w1.tolist() == [[0, 0], [0, 0], [0, -38]]
        assert w2.tolist() == [[0, 0], [0, 0]]

    def test_the_gradients_are_those_of_the_question_s_code_in_torch(self, entry):
        # The code of the question.
        x = torch.tensor([[3.0, 2, 1], [1, 0, 2], [4, 1, 2], [0, 0, 1]])
        w1 = torch.tensor([[1.0, 2], [0, 1], [4, 0]], requires_grad=True)
        w2 = torch.tensor([[-1.0, 1], [-2, 3]], requires_grad=True)
        (torch.relu(x.mm(w1)).mm(w2) - 1).pow(2).sum().backward()
        network = entry("relu_and_clamp", "network")
        assert gradient(network, "autograd", "w1").tolist() == w1.grad.tolist()
        assert gradient(network, "autograd", "w2").tolist() == w2.grad.tolist()

    def test_the_hidden_unit_that_is_0_is_blamed(self, reports, entry):
        network = entry("relu_and_clamp", "network")
        records = [r for r in reports["relu_and_clamp"].records() if r["expression"] == "network"]
        off = {r["variable"]: r for r in records if r["engine"] == "autograd" and not r["spelling"]}
        assert {v for v, r in off.items() if r["kind"] == "kink"} == {"w1[2,1]"}
        assert off["w1[2,1]"]["blame"] == "relu(h)[3,1] (expr, column 2)"
        assert (off["w1[2,1]"]["left"], off["w1[2,1]"]["right"]) == (1260, 1298)
        assert words(network, "autograd") == words(network, "autograd", "clamp")
        assert words(network, "autograd") == {"agrees", "subgradient"}

    def test_every_spelling_is_in_the_clarke_set_at_0(self, reports):
        at_zero = {
            r["spelling"]: r
            for r in reports["relu_and_clamp"].records()
            if r["expression"] == "relu against clamp"
            and r["engine"] == "autograd"
            and r["role"] == "kink"
        }
        chosen = {name: r["value"] for name, r in at_zero.items()}
        assert chosen[None] == chosen["where x > 0"] == chosen["if x > 0"] == 0
        assert chosen["maximum"] == chosen["max"] == chosen["mean with abs"] == 0.5
        assert chosen["clamp(min=0)"] == chosen["clamp_min"] == chosen["where x >= 0"] == 1
        assert {r["verdict"] for r in at_zero.values()} == {"subgradient"}
        assert {(r["left"], r["right"]) for r in at_zero.values()} == {(0, 1)}


ENGINES = ("symbolic", "autograd", "central", "claim")
PRODUCTS = [
    ("with a cotangent", "a", [0.3, 3, 3e-4]),
    ("with a cotangent", "b", [1.2, 16, 2e-3]),
    ("with a cotangent", "c", [1.6667e-2, 1.4286e-1, 1.25e-5]),
    ("a number needs no cotangent", "a", 3),
    ("a number needs no cotangent", "b", 4),
    ("a number needs no cotangent", "c", 10),
    ("backward twice", "a", 6),
    ("backward twice", "b", 8),
    ("backward twice", "c", 2),
    ("first element", "x", [[2, 0, 0, 0]]),
    ("second element", "x", [[0, 2, 0, 0]]),
    ("all elements", "x", [[2, 2, 2, 2]]),
    ("sum of all elements", "x", [[2, 2, 2, 2]]),
    ("one call after the other", "x", [[2, 2, 0, 0]]),
    ("weights of several losses", "w", [0.6003, 0.4002]),
]


class TestVectorJacobianProducts:
    @pytest.mark.parametrize("engine", ENGINES)
    @pytest.mark.parametrize(("name", "variable", "figures"), PRODUCTS)
    def test_figures_of_the_text(self, entry, name, variable, figures, engine):
        # The text prints five digits.
        numbers = gradient(entry("vector_jacobian_products", name), engine, variable)
        assert numbers == pytest.approx(np.array(figures, dtype=float), rel=4e-5, abs=1e-12)

    @pytest.mark.parametrize(
        ("variable", "diagonal"),
        [("a", [3, 3, 3]), ("b", [12, 16, 20]), ("c", [1 / 6, 1 / 7, 1 / 8])],
    )
    def test_jacobians_are_diagonal(self, entry, variable, diagonal):
        jacobian = entry("vector_jacobian_products", "Jacobian")
        assert gradient(jacobian, "autograd", variable) == pytest.approx(np.diag(diagonal))
        assert jacobian.tensors.structure[variable] == "3 x 3, diagonal"

    def test_the_jvp_is_the_jacobian_times_the_tangent(self, entry):
        along = entry("vector_jacobian_products", "with a tangent")
        for engine in ("symbolic", "autograd", "central"):
            products = [t.samples[engine].derivatives["tangent"][0] for t in along.trials]
            assert products == pytest.approx([3, 16, 1 / 8])

    def test_at_c_of_0_autograd_gives_inf_and_the_point_is_a_pole(self, reports):
        records = {
            r["variable"]: r
            for r in reports["vector_jacobian_products"].records()
            if r["expression"] == "logarithm of 0" and r["engine"] == "autograd"
        }
        assert records["c[0]"]["value"] == "inf"
        assert records["c[0]"]["kind"] == "pole"
        assert records["c[0]"]["verdict"] == "undefined"
        assert records["a[0]"]["value"] == pytest.approx(3.3003)  # as in the text
        assert records["b[0]"]["value"] == 0


class TestFunctional:
    @pytest.mark.parametrize(
        ("name", "root"),
        [
            ("addition", "AddBackward0"),
            ("division", "DivBackward0"),
            ("linear", "AddmmBackward0"),
            ("sigmoid", "SigmoidBackward0"),
            ("softmax", "SoftmaxBackward0"),
            ("log_softmax", "LogSoftmaxBackward0"),
            ("cat", "CatBackward0"),
            ("mean", "MeanBackward0"),
            ("conv2d", "ConvolutionBackward0"),
            ("cross_entropy", "NllLossBackward0"),
        ],
    )
    def test_the_root_of_the_graph_is_named(self, entry, name, root):
        assert entry("functional", name).tensors.root == root

    def test_every_entry_shows_its_root(self, reports):
        for evidence in reports["functional"].evidence:
            assert evidence.tensors.root.rstrip("0123456789").endswith("Backward"), evidence.name
        table = reports["functional"].table()
        assert table.count("PyTorch's node at the root: ") == len(reports["functional"].evidence)

    @pytest.mark.parametrize(
        ("name", "how"),
        [
            ("sigmoid, as the text has it", "the sign is flipped"),
            (
                "softmax, as the text has it",
                "the sign is flipped, and the off-diagonal terms are missing",
            ),
        ],
    )
    def test_the_formulas_y_squared_minus_y_are_wrong_and_the_detail_says_how(
        self, reports, entry, name, how
    ):
        records = [
            r
            for r in reports["functional"].records()
            if r["expression"] == name and r["engine"] == "claim" and r["verdict"] == "wrong"
        ]
        assert records and {r["detail"] for r in records} == {how}
        assert how in " ".join(reports["functional"].table().split())
        assert words(entry("functional", name), "autograd") == {"agrees"}

    def test_the_softmax_jacobian_is_y_i_times_delta_minus_y_j(self, entry):
        y = np.exp([3.0, 1.0, 0.2]) / np.exp([3.0, 1.0, 0.2]).sum()
        jacobian = gradient(entry("functional", "softmax"), "autograd", "x")
        assert jacobian == pytest.approx(np.diag(y) - np.outer(y, y), rel=1e-12)
        assert words(entry("functional", "softmax"), "claim") == {"agrees"}

    def test_the_formula_for_the_cross_entropy_is_right(self, entry):
        evidence = entry("functional", "cross_entropy")
        z = np.exp([3.0, 1.0, 0.2]) / np.exp([3.0, 1.0, 0.2]).sum()
        numbers = gradient(evidence, "autograd", "x")
        assert numbers == pytest.approx([z[0], z[1] - 1, z[2]], rel=1e-12)
        assert words(evidence, "claim") == {"agrees"}

    @pytest.mark.parametrize(
        ("name", "spelling"),
        [
            ("conv1d", "unfold and matmul"),
            ("conv2d", "unfold, matmul, fold"),
            ("conv2d", "unfold, matmul, view"),
            ("1x1 conv1d", "linear"),
            ("1x1 conv2d", "linear"),
            ("log_softmax", "log of softmax"),
            ("cross_entropy", "nll of log_softmax"),
        ],
    )
    def test_spellings_have_the_same_gradient(self, entry, name, spelling):
        evidence = entry("functional", name)
        for variable in evidence.tensors.wrt:
            first, second = (gradient(evidence, "autograd", variable, s) for s in ("", spelling))
            assert first == pytest.approx(second, rel=1e-12)
        assert words(evidence, "autograd", spelling) == {"agrees"}

    @pytest.mark.parametrize(
        ("name", "finite"),
        [
            ("softmax at small scores", True),
            ("softmax at a score of 1000", False),
            ("softmax at scores of 1e20 and 1e10", False),
        ],
    )
    def test_the_naive_softmax_is_nan_at_large_scores_and_the_stable_one_is_not(
        self, entry, name, finite
    ):
        evidence = entry("functional", name)
        assert np.isfinite(gradient(evidence, "autograd", "x", "naive")).all() == finite
        assert np.isfinite(gradient(evidence, "autograd", "x")).all()
        assert words(evidence, "autograd") == {"agrees"}
        assert ("nonfinite" in words(evidence, "autograd", "naive")) == (not finite)

    def test_no_gradient_passes_through_detach(self, entry):
        evidence = entry("functional", "detach in the middle of a network")
        for spelling in ("", "no_grad"):
            assert not gradient(evidence, "autograd", "w1", spelling).any()
            assert gradient(evidence, "autograd", "w2", spelling).tolist() == [[3], [2.25]]


class TestTwoLayerNetwork:
    @pytest.mark.parametrize("layers", ["two", "three"])
    def test_the_backward_pass_is_right_at_full_size_and_at_a_reduced_size(self, entry, layers):
        full = entry("two_layer_network", f"{layers} layers, full size")
        reduced = entry("two_layer_network", f"{layers} layers, reduced")
        assert words(full, "claim") == words(full, "autograd") == {"agrees"}
        assert words(reduced, "claim") == words(reduced, "symbolic") == {"agrees"}
        assert full.tensors.values["x"].shape == (64, 1000)
        assert full.tensors.wrt["w1"] == (1000, 100)

    def test_the_claim_agrees_with_autograd_in_every_component_at_full_size(self, entry):
        notes = entry("two_layer_network", "two layers, full size").tensors.notes
        assert notes[0].startswith(
            "101000 derivatives, more than 512: judged along 3 random direct"
        )
        assert "claim for w1 compared with autograd: 100000 of 100000 components agree" in notes
        assert "claim for w2 compared with autograd: 1000 of 1000 components agree" in notes

    def test_sympy_is_unsupported_at_full_size(self, entry):
        full = entry("two_layer_network", "two layers, full size")
        assert words(full, "symbolic") == {"unsupported"}
        assert len(full.variables) == 6

    def test_the_gradient_of_w2_needs_only_the_value_of_h_relu(self, entry):
        whole = entry("two_layer_network", "two layers, reduced")
        detached = entry("two_layer_network", "w2 needs only h_relu")
        assert gradient(whole, "autograd", "w2") == pytest.approx(
            gradient(detached, "autograd", "w2")
        )

    def test_without_the_mask_only_w1_is_wrong(self, reports):
        verdicts = {
            r["variable"].split("[")[0]: set()
            for r in reports["two_layer_network"].records()
            if r["expression"] == "a mask that is forgotten"
        }
        for r in reports["two_layer_network"].records():
            if r["expression"] == "a mask that is forgotten" and r["engine"] == "claim":
                verdicts[r["variable"].split("[")[0]].add(r["verdict"])
        assert "wrong" in verdicts["w1"] and verdicts["w2"] == {"agrees"}


class TestReluJacobian:
    def test_the_jacobian_of_a_vector_is_diagonal_0_and_1(self, entry):
        evidence = entry("relu_jacobian", "relu of a vector")
        assert gradient(evidence, "autograd", "h").tolist() == np.diag([0, 1, 1, 0]).tolist()
        assert evidence.tensors.structure["h"] == "4 x 4, diagonal"
        assert words(evidence, "claim") == {"agrees"}

    @pytest.mark.parametrize("name", ["relu of a batch", "relu of a batch, flattened"])
    def test_on_a_batch_the_product_with_the_6400_by_6400_jacobian_is_the_mask(self, entry, name):
        evidence = entry("relu_jacobian", name)
        assert evidence.tensors.structure["h"].startswith("6400 x 6400, diagonal")
        assert words(evidence, "claim") == words(evidence, "autograd") == {"agrees"}
        assert (
            "claim for h compared with autograd: 6400 of 6400 components agree"
            in evidence.tensors.notes
        )

    def test_rows_of_a_batch_do_not_mix(self, entry):
        relu = entry("relu_jacobian", "relu of a batch").tensors.structure["h"]
        assert relu.endswith("64 blocks of 100 x 100 on the diagonal")
        softmax = entry("relu_jacobian", "softmax of a batch").tensors.structure["h"]
        assert softmax == "12 x 12, 4 blocks of 3 x 3 on the diagonal"

    def test_at_0_the_mask_passes_the_gradient_like_clamp_and_unlike_relu(self, entry):
        evidence = entry("relu_jacobian", "a hidden unit that is 0")
        assert gradient(evidence, "claim", "h").tolist() == [[0, 7, 3]]
        assert gradient(evidence, "autograd", "h", "clamp").tolist() == [[0, 7, 3]]
        assert gradient(evidence, "autograd", "h").tolist() == [[0, 0, 3]]
        assert words(evidence, "claim") == words(evidence, "autograd") == {"agrees", "subgradient"}

    def test_a_claim_of_the_wrong_shape_fails_with_an_explanation(self, reports, entry):
        name = "a square matrix of the wrong shape"
        assert words(entry("relu_jacobian", name), "claim") == {"failed"}
        reasons = {
            r["detail"]
            for r in reports["relu_jacobian"].records()
            if r["expression"] == name and r["engine"] == "claim"
        }
        assert reasons == {
            "the claim has shape (4, 4), and h has (4, 3): a gradient has the shape of its input"
        }
        assert "claim failed: the claim has shape (4, 4)" in reports["relu_jacobian"].table()
