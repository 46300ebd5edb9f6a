"""Pictures of comparisons, as statements about what is drawn."""

import re

import numpy as np
import pytest
from defusedxml import ElementTree
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from typer.testing import CliRunner

import symdiff
from symdiff.cli.app import app
from symdiff.errors import UsageError
from symdiff.report.curves.terminal import plotted
from symdiff.report.pictures import figure, svg
from symdiff.report.report import Report
from tests import shipped

# A picture of a page has at most this many bytes.
MOST_BYTES = 12_000


def evidence(expression, grid=None, **request):
    return symdiff.compare(expression, grid, **request).evidence[0]


@pytest.mark.parametrize("expression", ["relu(x)", "floor(x)", "sqrt(x)"])
def test_a_picture_is_small_well_formed_and_always_the_same(expression):
    e = evidence(expression)
    text = svg(e)
    assert text == svg(e)
    assert len(text.encode()) < MOST_BYTES
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg") and root[0].tag.endswith("title")


@pytest.mark.parametrize(
    ("expression", "at"),
    [("x**2", {"x": [-1e306, 1e306]}), ("x*y", {"x": [-1e308, 0, 1e308], "y": [0, 1]})],
)
def test_nothing_is_drawn_so_far_away_that_an_axis_overflows(expression, at):
    far = symdiff.compare(expression, at=at)
    assert svg(far.evidence[0]) == ""
    assert "<table" in far.page()
    with pytest.raises(UsageError, match=re.escape("coordinates up to 1e+300")):
        far.picture("svg")
    near = {name: [x * 1e-10 for x in values] for name, values in at.items()}
    assert svg(evidence(expression, at=near))  # negative control


def test_every_tensor_program_of_a_file_has_a_small_picture_of_its_own():
    pictures = [svg(e) for e in shipped.report("vector_jacobian_products").evidence]
    assert all(0 < len(text.encode()) < MOST_BYTES for text in pictures)
    names = [ElementTree.fromstring(text)[0].get("id") for text in pictures]
    assert len(set(names)) == len(names)


def test_text_of_a_picture_is_text_without_markup():
    text = svg(evidence("relu(x)", {"x": [-1, 0, 1]}))
    assert ">autograd</text>" in text and "currentColor" in text
    assert "style=" not in text and "<script" not in text


def figure_of(expression, grid=None, **request):
    return figure(evidence(expression, grid, **request))


def drawn(ax, gid):
    """Return what is drawn on axes under a name."""
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def vertices(ax, gid):
    return [tuple(xy) for artist in drawn(ax, gid) for xy in artist.get_xydata().tolist()]


def test_a_kink_has_a_bar_from_the_left_to_the_right_slope():
    _, below = figure_of("abs(x)").axes
    (bars,) = drawn(below, "clarke")
    assert [path.tolist() for path in bars.get_segments()] == [[[0, -1], [0, 1]]]
    assert not drawn(figure_of("x**2").axes[1], "clarke")


def test_a_jump_has_an_open_and_a_closed_end():
    above, below = figure_of("heaviside(x, 0)", {"x": [-1, 0, 1]}).axes
    assert (vertices(above, "closed"), vertices(above, "open")) == ([(0, 0)], [(0, 1)])
    assert set(vertices(below, "open")) == {(0, 0)}
    assert not vertices(figure_of("x**2").axes[0], "open")


def test_the_value_at_a_jump_is_that_at_the_exact_point():
    above, _ = figure_of("heaviside(x**2 - 2, 0.25)", {"x": "1:2:3"}).axes
    assert {y for _, y in vertices(above, "closed")} == {0.25}  # at the nearest double it is 1
    assert {y for _, y in vertices(above, "open")} == {0, 1}


def test_a_wrong_number_is_drawn_last_larger_and_ringed():
    below = figure_of("x**2", {"x": [-1, 0, 1]}, claims={"x": "2*x + (1 if x > 0 else 0)"}).axes[1]
    good, bad = sorted(drawn(below, "claim"), key=lambda line: line.get_zorder())
    (ring,) = drawn(below, "alarm")
    assert vertices(below, "alarm") == [(1, 3)]
    assert bad.get_markersize() > good.get_markersize()
    assert ring.get_markersize() > bad.get_markersize()
    assert bad.get_zorder() > max(
        good.get_zorder(), *(line.get_zorder() for line in drawn(below, "truth"))
    )
    assert not drawn(figure_of("x**2").axes[1], "alarm")


def test_nan_and_numbers_far_off_are_on_the_edge_with_a_label():
    below = figure_of("sqrt(x**2)", {"x": [-1, 0, 1]}).axes[1]
    assert [label.get_text() for label in drawn(below, "label")] == ["-inf, NaN"]
    bottom, top = below.get_ylim()
    assert all(bottom < y < top for _, y in vertices(below, "alarm"))
    far = figure_of("x**2", {"x": [-1, 0, 1]}, claims={"x": "2*x if x < 1 else 1e9"}).axes[1]
    assert [label.get_text() for label in drawn(far, "label")] == ["1e+09"]
    assert far.get_ylim()[1] < 10


def test_a_line_is_broken_at_a_pole_and_where_the_function_is_undefined():
    above, _ = figure_of("1/x").axes
    (line,) = drawn(above, "truth")
    assert np.isnan(line.get_ydata()).any() and above.get_ylim()[1] < 100
    above, _ = figure_of("log(x)").axes
    (shade,) = drawn(above, "undefined")
    assert (shade.get_bbox().x0, shade.get_bbox().x1) == pytest.approx((-2, 0), abs=1e-2)


def test_errors_too_small_to_be_seen_have_a_panel():
    assert len(figure_of("sin(x)", claims={"x": "cos(x)*(1 + 1e-6)"}).axes) == 3
    assert len(figure_of("sin(x)", claims={"x": "cos(x) + 1"}).axes) == 2


def test_a_map_shows_the_gravest_verdict_at_every_point():
    first, second = figure_of(
        "max(x, y)", at={"x": [-1, 0, 1], "y": [-1, 0, 1]}, claims={"x": "1"}
    ).axes
    assert {(-1, 0), (-1, 1), (0, 1)} == {(round(x), round(y)) for x, y in vertices(first, "wrong")}
    assert vertices(second, "subgradient") and drawn(second, "switch")


def test_findings_in_matrices_are_framed():
    shape = figure_of("x*abs(x)", values={"x": [1.0, -2.0]}, claims={"x": "2*x"})
    truth, claim = shape.axes
    assert [t.get_text() for t in drawn(truth, "number")] == ["2", "0", "0", "4"]
    assert len(drawn(claim, "finding")) == 1
    assert not drawn(figure_of("x*abs(x)", values={"x": [1.0, -2.0]}).axes[0], "finding")


def test_a_figure_has_the_axes_of_the_picture_and_given_axes_get_the_derivative():
    comparison = symdiff.compare("relu(x)", {"x": [-1, 0, 1]})
    above, below = comparison.plot()
    assert above.figure.texts[-1].get_text() == "relu(x)"
    assert plt.get_fignums()
    plt.close("all")
    ax = Figure().add_subplot()
    assert comparison.plot(ax) is ax
    assert [len(drawn(a, "clarke")) for a in (ax, below, above)] == [1, 1, 0]
    assert not plt.get_fignums()  # pyplot did not see these axes
    plane = symdiff.compare("max(x, y)", {"x": [-1, 1], "y": [-1, 1]})
    with pytest.raises(UsageError, match="one variable"):
        plane.plot(ax)


@pytest.mark.parametrize(
    ("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_a_picture_is_written_to_a_file_the_same_every_time(tmp_path, form, start):
    comparison = symdiff.compare("relu(x)", {"x": [-1, 0, 1]})
    comparison.write(tmp_path / f"relu.{form}")
    written = (tmp_path / f"relu.{form}").read_bytes()
    assert written.startswith(start)
    assert written == comparison.picture(form)


def test_many_expressions_have_no_picture_and_one_line_says_what_to_do(tmp_path):
    e = evidence("relu(x)", {"x": [-1, 0, 1]})
    report = Report((e, e))
    for make in (lambda: report.write(tmp_path / "a.png"), report.plotted):
        with pytest.raises(UsageError, match=r"has 2 .*report\.html"):
            make()
    assert not list(tmp_path.iterdir())


def test_a_terminal_shows_the_kink_its_interval_and_the_numbers_that_do_not_pass():
    wrong = {"x": "1 if x > 0 else 0.25"}
    e = evidence("relu(x)", {"x": [-1, 0, 1]}, claims=wrong)
    text = plotted(e, 60)
    below = text.split("\n\n")[1]
    assert max(map(len, text.splitlines())) < 60
    assert below.count("○") == 2 + 1 and below.count("┃") >= 5 and "┬" in below  # + the legend
    assert next(line.count("X") for line in below.splitlines() if "X" in line) == 2
    assert "X" not in plotted(evidence("relu(x)", {"x": [-1, 0, 1]}), 60)
    assert plotted(e, 60, ascii_only=True).isascii()
    assert not plotted(evidence("max(x, y)", {"x": [-1, 1], "y": [-1, 1]}))


def test_the_command_line_draws(tmp_path):
    drawing = ["eval", "abs(x)", "--grid", "x=-1,0,1", "--quiet"]
    done = CliRunner().invoke(app, [*drawing, "--plot", "--output", str(tmp_path / "abs.svg")])
    assert done.exit_code == 0 and "Clarke" in done.stdout
    assert (tmp_path / "abs.svg").read_text().count("<svg") == 1
    for options, message in (
        (["--plot", "--format", "csv"], "leave one of them out"),
        (["--format", "png"], "--output picture.png"),
    ):
        refused = CliRunner().invoke(app, [*drawing, *options])
        assert (refused.exit_code, message in refused.stderr) == (2, True)
