"""`symdiff explain module:function --inputs batch.pt`, and what it says of bad input."""

import pickle

import pytest
import torch
from typer.testing import CliRunner

from symdiff.cli.app import app

CODE = """
import torch

def loss(x, y=None):
    r = torch.sqrt(x)
    return torch.where(x > 0, r, torch.zeros_like(x)).sum()

def failing(x):
    return x @ torch.ones(7, 7)

def constant(x):
    return torch.ones(())

def item(x):
    return torch.sqrt(x).sum().item()

def written(x):
    h = torch.exp(x)
    h[0] = 1
    return h.sum()

class Net(torch.nn.Module):
    def forward(self, x):
        return loss(x)

net = Net()
number = 3
"""
X = torch.tensor([-1.0, 4.0])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "explained_model.py").write_text(CODE)
    (tmp_path / "with_error.py").write_text("1/0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    return tmp_path


def run(function, inputs):
    done = CliRunner().invoke(app, ["explain", function, "--inputs", str(inputs)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


@pytest.mark.parametrize("inputs", [X, [X], (X,), {"x": X}, {"x": X, "y": [X, X]}])
@pytest.mark.parametrize("name", ["explained_model.py:loss", "explained_model:loss"])
def test_inputs_are_a_tensor_a_list_or_a_dict(folder, name, inputs):
    torch.save(inputs, "batch.pt")
    done = run(name, "batch.pt")
    assert (done.exit_code, done.stderr) == (1, "")
    assert "explained_model.py:5: r = torch.sqrt(x)\n" in done.stdout
    assert "x[0]: autograd nan, truth 0\n" in done.stdout
    assert "write       sqrt(torch.where(x > 0, x, 1))\n" in done.stdout


@pytest.mark.parametrize("name", ["explained_model.py:net", "explained_model.py:loss"])
def test_the_status_is_0_if_nothing_is_found(folder, name):
    torch.save(X.abs(), "batch.pt")
    done = run(name, "batch.pt")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "nothing found in 2 derivatives with respect to 1 tensor" in done.stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("explained_model.py", "'explained_model.py' does not name a function"),
        (":loss", "':loss' does not name a function"),
        ("explained_model.py:los", "explained_model.py has no 'los' (did you mean 'loss'?)"),
        ("explained_model.py:Net", "is a class, not a function or a module object"),
        ("explained_model.py:number", "is of type int, not a function"),
        ("explained_model.py:constant", "the value is no tensor that depends on the inputs"),
        ("explained_model.py:item", "return the loss itself, not loss.item()"),
        ("explained_model.py:written", "has been modified by an inplace operation"),
        ("explained_model.py:failing", "explained_model.py:9: return x @ torch.ones(7, 7)"),
        ("no_such_module:loss", "there is no module 'no_such_module'"),
        ("no_such_file.py:loss", "there is no file no_such_file.py"),
        ("with_error.py:loss", "with_error.py cannot be imported: ZeroDivisionError"),
    ],
)
def test_a_bad_name_gets_one_clear_line(folder, name, message):
    torch.save(X, "batch.pt")
    done = run(name, "batch.pt")
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch's, of a file without its magic number
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file batch.pt"),
        (b"hello", "batch.pt is not a file that torch.save wrote"),
        (b"", "batch.pt is not a file that torch.save wrote"),
        (pickle.dumps(print), "has more in it than tensors in lists and dicts"),
        ({"x": X, "f": print}, "has more in it than tensors in lists and dicts"),
        (torch.ones(3, dtype=torch.int64), "no input is a tensor of real numbers"),
        ({"z": X}, "the function does not take these arguments"),
        ({1: X}, "batch.pt has dict, not tensors"),
        ([1.0, "a"], "batch.pt has list, not tensors"),
        (5, "batch.pt has int, not tensors"),
    ],
)
def test_a_bad_file_gets_one_clear_line(folder, content, message):
    if isinstance(content, bytes):
        (folder / "batch.pt").write_bytes(content)
    elif content is not None:
        torch.save(content, "batch.pt")
    done = run("explained_model.py:loss", "batch.pt")
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


class Planted:
    """Would make a file if it were unpickled."""

    def __reduce__(self):
        return open, ("planted", "w")


def test_a_file_runs_no_code(folder):
    torch.save({"x": X, "y": Planted()}, "batch.pt")
    assert run("explained_model.py:loss", "batch.pt").exit_code == 2
    assert not (folder / "planted").exists()
