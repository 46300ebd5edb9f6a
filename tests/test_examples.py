"""The examples run, and show what they say."""

import json
import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "examples"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

SHOWN = {
    "custom_function.py": [
        "right at 0.5 and 1.5\n1 of 4 derivatives of SmoothAbs.apply by autograd does not pass",
        "where(abs(x) < 1, x * x / 2, abs(x) - 0.5) (custom_function.py:",
    ],
    "nan_hunt.py": [
        "gradients: [0.25, nan, 1.0] [-0.119",
        "root = torch.where(x > 0, torch.sqrt(x), torch.zeros_like(x))",
        "write       logsigmoid(z)",
        "write       sqrt(torch.where(x > 0, x, 1))",
    ],
    "two_layer_network.py": [
        "as in the tutorial: <Comparison of 'TwoLayers': ok>",
        "no mask: <Comparison of 'TwoLayers': 15 findings>",
        "no factor 2: <Comparison of 'TwoLayers': ",
        "w2 for w1: <Comparison of 'TwoLayers': ",
        "not transposed: <Comparison of 'TwoLayers': ",
        "autograd: wrong 15",
        "autograd: agrees 6",
    ],
}


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.py")))
def test_a_script_runs_and_shows_what_it_says(name, capsys):
    runpy.run_path(str(FOLDER / name), run_name="__main__")
    printed = capsys.readouterr().out
    assert SHOWN[name]
    for text in SHOWN[name]:
        assert text in printed


def test_each_alteration_of_the_network_is_found_where_it_is():
    example = runpy.run_path(str(FOLDER / "two_layer_network.py"))
    findings = {a: example["compared"](a).findings for a in example["ALTERATIONS"]}
    inputs = {a: {r["variable"].split("[")[0] for r in found} for a, found in findings.items()}
    assert inputs == {
        "": set(),
        "no mask": {"w1"},
        "no factor 2": {"w1", "w2"},
        "w2 for w1": {"w1"},
        "not transposed": {"w1"},
    }
    assert {r["verdict"] for found in findings.values() for r in found} == {"wrong"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_cells_of_a_notebook_run(path):
    interactive = pytest.importorskip("IPython.core.interactiveshell")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert all(cell.get("outputs", []) == [] for cell in cells)
    shell = interactive.InteractiveShell.instance(history_length=0)
    shell.history_manager.enabled = False
    try:
        for cell in cells:
            if cell["cell_type"] == "code":
                result = shell.run_cell("".join(cell["source"]))
                result.raise_error()
    finally:
        interactive.InteractiveShell.clear_instance()
