"""A renderer of matplotlib that writes small SVG for a page.

One SVG of matplotlib's own takes 30 kB; a page has hundreds. Here coordinates are whole tenths of a
point, and black is ``currentColor``: a page shows it in the colour of its text, also on a dark
background. White is ``canvas``, the colour of the background.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.colors import to_hex
from matplotlib.path import Path
from numpy.typing import NDArray

from symdiff.report.colours import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.text import Text

Vertices = NDArray[np.int64]  # shape (n, 2)

# Units of the SVG in one point.
_UNITS: Final = 10
# Colours that follow the page.
_OF_PAGE: Final = {"#000000": "currentColor", "#ffffff": "Canvas"}
_CIRCLE: Final = Path.unit_circle()
_ANCHORS: Final = {"left": "", "center": ' text-anchor="middle"', "right": ' text-anchor="end"'}


def compact_svg(figure: Figure, title: str, description: str) -> str:
    """Return a figure as an SVG element to be put into a page.

    Parameters
    ----------
    figure
        The figure. Its resolution is taken to be 72 dots per inch.
    title, description
        What screen readers read.
    """
    width, height = (round(72 * inches) for inches in figure.get_size_inches())
    renderer = _Renderer(width, height)
    figure.draw(renderer)
    body = "".join(renderer.parts)
    name = "p" + hashlib.blake2s(f"{printable(title)}\0{body}".encode(), digest_size=6).hexdigest()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img" width="{width}pt" '
        f'height="{height}pt" viewBox="0 0 {_UNITS * width} {_UNITS * height}" '
        f'aria-labelledby="{name}t {name}d" font-family="system-ui,sans-serif" '
        f'font-size="{_UNITS * 8}" fill="none" stroke="none">'
        f'<title id="{name}t">{escape(printable(title))}</title>'
        f'<desc id="{name}d">{escape(printable(description))}</desc>'
        f"{body}</svg>"
    )


class _Renderer(RendererBase):
    """Writes what matplotlib draws as elements of an SVG."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self.width, self.height = width, height
        self.parts: list[str] = []

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Return the size in points."""
        return self.width, self.height

    def flipy(self) -> bool:
        """Return that y grows downwards."""
        return True

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> Any:  # noqa: ANN401
        """Return the size of a text as it is written."""
        return super().get_text_width_height_descent(printable(s), prop, ismath)

    def draw_path(self, gc: Any, path: Path, transform: Any, rgbFace: Any = None) -> None:  # noqa: ANN401, N803  (matplotlib's)
        """Write a path."""
        clip = None if rgbFace is not None else _clip(gc)
        data = self._path_data(path, transform, clip)
        if data:
            self.parts.append(f'<path d="{data}"{_paint(gc, rgbFace)}/>')

    def draw_markers(  # noqa: PLR0913, PLR0917  (matplotlib's)
        self,
        gc: Any,  # noqa: ANN401
        marker_path: Path,
        marker_trans: Any,  # noqa: ANN401
        path: Path,
        trans: Any,  # noqa: ANN401
        rgbFace: Any = None,  # noqa: ANN401, N803
    ) -> None:
        """Write one path that has the marker at all positions."""
        places = dict.fromkeys(map(tuple, self._units(trans.transform(path.vertices)).tolist()))
        if not places:
            return
        if marker_path is _CIRCLE and _is_dot(gc, rgbFace):  # the round end of a stroke
            diameter = 2 * _radius(marker_trans) + round(_UNITS * gc.get_linewidth())
            shape = "h0"
            paint = f' stroke="{_colour(rgbFace)}" stroke-width="{diameter}" stroke-linecap="round"'
        else:
            shape, paint = _marker_data(marker_path, marker_trans), _paint(gc, rgbFace)
        data = "".join(f"M{x} {y}{shape}" for x, y in places)
        self.parts.append(f'<path d="{data}"{paint}/>')

    def draw_text(  # noqa: PLR0913, PLR0917  (matplotlib's)
        self,
        gc: Any,  # noqa: ANN401
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Any = False,  # noqa: ANN401, FBT002
        mtext: Text | None = None,
    ) -> None:
        """Write text as text."""
        del ismath
        anchor = ""
        if mtext is not None:  # the alignment holds whatever the font of the page is
            place = mtext.get_transform().transform(mtext.get_unitless_position())
            alignment = mtext.get_horizontalalignment()
            anchor = _ANCHORS[alignment]
            if angle == 0:
                x = place[0]
            else:
                y = self.height - place[1]
        px, py = round(_UNITS * x), round(_UNITS * y)
        turned = f' transform="rotate({-angle:g} {px} {py})"' if angle else ""
        size = round(_UNITS * prop.get_size_in_points())
        sized = "" if size == 8 * _UNITS else f' font-size="{size}"'
        bold = ' font-weight="bold"' if prop.get_weight() == "bold" else ""
        self.parts.append(
            f'<text x="{px}" y="{py}"{anchor}{turned}{sized}{bold} fill="{_colour(gc.get_rgb())}">'
            f"{escape(printable(s))}</text>"
        )

    def _units(self, points: Any) -> Vertices:  # noqa: ANN401  (matplotlib's array)
        """Return points of the canvas as whole units of the SVG, whose y grows downwards."""
        flipped = np.array([0, self.height]) + np.asarray(points, dtype=np.float64) * [1, -1]
        return np.round(_UNITS * flipped).astype(np.int64)

    def _path_data(self, path: Path, transform: Any, clip: Any) -> str:  # noqa: ANN401
        cleaned = path.cleaned(
            transform, remove_nans=True, clip=clip, simplify=path.should_simplify, curves=False
        )
        return _data(self._units(cleaned.vertices), cleaned.codes)


def _clip(gc: Any) -> Any:  # noqa: ANN401
    box = gc.get_clip_rectangle()
    return None if box is None else tuple(box.extents)


def _data(points: Vertices, codes: Any, here: tuple[int, int] | None = None) -> str:  # noqa: ANN401
    """Return the data of a path of straight lines.

    Parameters
    ----------
    points, codes
        The vertices in units, and what matplotlib's path does at each.
    here
        The place that all moves are relative to; None: moves are absolute.
    """
    parts: list[str] = []
    is_relative = here is not None
    x, y = start = here or (0, 0)
    for (to_x, to_y), code in zip(points.tolist(), codes.tolist(), strict=True):
        if code == Path.STOP:
            break
        if code == Path.CLOSEPOLY:
            parts.append("z")
            x, y = start
        elif code == Path.MOVETO:
            if parts and parts[-1][0] in "Mm":  # no stroke follows that move
                parts.pop()
            parts.append(f"m{to_x - x} {to_y - y}" if is_relative else f"M{to_x} {to_y}")
            x, y = start = to_x, to_y
        elif (to_x, to_y) != (x, y):
            parts.append(_stroke(to_x - x, to_y - y))
            x, y = to_x, to_y
    if parts and parts[-1][0] in "Mm":
        parts.pop()
    return "".join(parts)


def _stroke(right: int, down: int) -> str:
    if not down:
        return f"h{right}"
    return f"l{right}{'' if down < 0 else ' '}{down}" if right else f"v{down}"


def _is_dot(gc: Any, face: Any) -> bool:  # noqa: ANN401
    return face is not None and tuple(face[:3]) == tuple(gc.get_rgb()[:3])


def _radius(transform: Any) -> int:  # noqa: ANN401
    """Return the radius of the transformed unit circle, in units."""
    return round(_UNITS * float(np.abs(transform.transform(_CIRCLE.vertices)).max()))


def _marker_data(path: Path, transform: Any) -> str:  # noqa: ANN401
    """Return the data of a marker relative to its position."""
    if path is _CIRCLE:
        r = _radius(transform)
        return f"m-{r} 0a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0-{2 * r} 0"
    cleaned = path.cleaned(transform, curves=False)
    flipped = np.asarray(cleaned.vertices, dtype=np.float64) * [_UNITS, -_UNITS]
    return _data(np.round(flipped).astype(np.int64), cleaned.codes, (0, 0))


def _paint(gc: Any, face: Any) -> str:  # noqa: ANN401
    """Return the attributes of a path: how it is filled and stroked."""
    text = ""
    if face is not None and (len(face) < 4 or face[3] > 0):
        text += f' fill="{_colour(face)}"{_opacity("fill", face)}'
    width = gc.get_linewidth()
    rgb = gc.get_rgb()
    if width > 0 and rgb[3] > 0:
        text += f' stroke="{_colour(rgb)}" stroke-width="{round(width * _UNITS)}"'
        text += _opacity("stroke", rgb)
        offset, dashes = gc.get_dashes()
        del offset
        if dashes is not None:
            text += f' stroke-dasharray="{" ".join(str(round(d * _UNITS)) for d in dashes)}"'
    return text


def _opacity(what: str, rgba: Any) -> str:  # noqa: ANN401
    return f' {what}-opacity="{rgba[3]:.2g}"' if len(rgba) == 4 and rgba[3] < 1 else ""


def _colour(rgba: Any) -> str:  # noqa: ANN401
    colour = to_hex(rgba[:3])
    return _OF_PAGE.get(colour, colour)
