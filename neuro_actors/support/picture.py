"""A picture of lines, discs, boxes and labels, as SVG or as a matplotlib figure.

Both are drawn from the same shapes. The unit is a pixel; x goes right and y goes down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

from . import palette
from .markup import Markup, element, join

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Point: TypeAlias = tuple[float, float]
INK = "currentColor"  # in SVG: that of the text around it
DASHES = 4.0, 2.2  # dash and gap, in widths of the line
POINT = 0.75  # of a pixel: matplotlib's unit of text and lines


@dataclass(frozen=True, slots=True)
class Line:
    """A line through some points.

    Attributes:
        points: The points.
        colour: Its colour.
        width: Its width.
        is_dashed: Whether it is dashed.
        is_curved: Whether it is a curve from the first of three points to the last one, bent
            towards the second one.
        title: What a pointer on it shows.
        opacity: How much it covers what is below it, from 0 to 1.
    """

    points: tuple[Point, ...]
    colour: str = INK
    width: float = 1.0
    is_dashed: bool = False
    is_curved: bool = False
    title: str = ""
    opacity: float = 1.0

    def to_svg(self) -> Markup:
        """Return the line as an element."""
        places = [f"{x:.1f} {y:.1f}" for x, y in self.points]
        path = f"M{places[0]}Q{' '.join(places[1:])}" if self.is_curved else f"M{'L'.join(places)}"
        dash, gap = (max(3.0, self.width) * part for part in DASHES)
        return element(
            "path",
            _title(self.title),
            d=path,
            stroke=self.colour,
            stroke_width=self.width,
            stroke_opacity=None if self.opacity == 1 else self.opacity,
            stroke_dasharray=f"{dash / 2:.1f} {gap / 2:.1f}" if self.is_dashed else None,
        )

    def draw(self, axis: Any) -> None:
        """Draw the line.

        Args:
            axis: A matplotlib axis.
        """
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        step = Path.CURVE3 if self.is_curved else Path.LINETO
        way = Path(self.points, [Path.MOVETO, *[step] * (len(self.points) - 1)])
        style = {
            "edgecolor": palette.INK if self.colour == INK else self.colour,
            "linestyle": (0, DASHES) if self.is_dashed else "-",
            "linewidth": self.width * POINT,
            "alpha": self.opacity,
        }
        axis.add_patch(PathPatch(way, fill=False, clip_on=False, **style))


@dataclass(frozen=True, slots=True)
class Disc:
    """A filled circle.

    Attributes:
        x: Its centre from the left.
        y: Its centre from the top.
        radius: Its radius.
        has_ring: Whether there is a second circle around it.
        title: What a pointer on it shows.
    """

    x: float
    y: float
    radius: float
    has_ring: bool = False
    title: str = ""

    def to_svg(self) -> Markup:
        """Return the disc as elements."""
        place = {"cx": self.x, "cy": self.y, "stroke": INK}
        ring = element("circle", r=self.radius * 1.35, **place) if self.has_ring else ""
        disc = element("circle", _title(self.title), r=self.radius, fill=palette.DISC, **place)
        return join([Markup(ring), disc])

    def draw(self, axis: Any) -> None:
        """Draw the disc.

        Args:
            axis: A matplotlib axis.
        """
        from matplotlib.patches import Circle

        for radius, fill in ((self.radius * 1.35, "none"), (self.radius, palette.DISC)):
            if radius == self.radius or self.has_ring:
                style = {"facecolor": fill, "edgecolor": palette.INK, "linewidth": 0.8}
                axis.add_patch(Circle((self.x, self.y), radius, **style))


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle with round corners.

    Attributes:
        x: Its left side.
        y: Its upper side.
        width: Its width.
        height: Its height.
    """

    x: float
    y: float
    width: float
    height: float

    def to_svg(self) -> Markup:
        """Return the box as an element."""
        place = {"x": self.x, "y": self.y, "width": self.width, "height": self.height, "rx": 6}
        return element("rect", fill=palette.DISC, stroke=INK, **place)

    def draw(self, axis: Any) -> None:
        """Draw the box.

        Args:
            axis: A matplotlib axis.
        """
        from matplotlib.patches import FancyBboxPatch

        box = FancyBboxPatch(
            (self.x, self.y), self.width, self.height, "round,pad=0,rounding_size=6"
        )
        box.set(facecolor=palette.DISC, edgecolor=palette.INK, linewidth=0.8)
        axis.add_patch(box)


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text.

    Attributes:
        x: Where it is anchored.
        y: Its base line.
        text: The text.
        anchor: "start", "middle" or "end": which part of the text is at x.
        size: The size of its text.
        on_fill: Whether it stands on a disc or a box, and is dark on each page.
    """

    x: float
    y: float
    text: str
    anchor: str = "middle"
    size: float = 11.0
    on_fill: bool = False

    def to_svg(self) -> Markup:
        """Return the label as an element."""
        return element(
            "text",
            self.text,
            x=self.x,
            y=self.y,
            text_anchor=self.anchor,
            font_size=self.size,
            fill=palette.INK if self.on_fill else INK,
            stroke="none",
        )

    def draw(self, axis: Any) -> None:
        """Draw the label.

        Args:
            axis: A matplotlib axis.
        """
        from .text import escape_controls

        side = {"start": "left", "middle": "center", "end": "right"}[self.anchor]
        style = {"ha": side, "va": "baseline", "fontsize": self.size * POINT, "parse_math": False}
        axis.text(self.x, self.y, escape_controls(self.text), color=palette.INK, **style)


Shape: TypeAlias = Line | Disc | Box | Label


@dataclass(frozen=True, slots=True)
class Picture:
    """Shapes; later ones are above earlier ones.

    Attributes:
        width: Its width.
        height: Its height.
        title: What it shows, in a sentence.
        shapes: The shapes.
    """

    width: float
    height: float
    title: str
    shapes: list[Shape] = field(default_factory=list)

    def to_svg(self) -> str:
        """Return the picture as SVG.

        Inside a page its lines and labels have the colour of the text. A file of its own is light
        or dark, as the reader's screen is.
        """
        light = f"svg:root{{color:{palette.INK};background:{palette.PAPER}}}"
        dark = f"svg:root{{color:{palette.INK_DARK};background:{palette.PAPER_DARK}}}"
        svg = element(
            "svg",
            element("title", self.title),
            element("style", f"{light}@media (prefers-color-scheme:dark){{{dark}}}"),
            *(shape.to_svg() for shape in self.shapes),
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {self.width:.0f} {self.height:.0f}",
            width=f"{self.width:.0f}",
            height=f"{self.height:.0f}",
            style="max-width: 100%",
            role="img",
            fill="none",
            font_family="system-ui, sans-serif",
        )
        return str(svg)

    def to_figure(self, path: str | PathLike[str] | None = None) -> Figure:
        """Return the picture as a matplotlib figure.

        Args:
            path: The file to write the figure to. None: it is not written.

        Raises:
            InputError: The file cannot be written, or matplotlib does not know its format.
            NeuroActorsError: matplotlib is not installed.
        """
        from .figures import make_figure, save_figure
        from .validation import as_path

        file = None if path is None else as_path("a figure", path)
        size = self.width / 96, self.height / 96
        figure, axes = make_figure(1, 1, size, shows=file is None)
        axis = axes[0, 0]
        axis.set(xlim=(0, self.width), ylim=(self.height, 0), aspect="equal")
        axis.set_axis_off()
        for shape in self.shapes:
            shape.draw(axis)
        save_figure(figure, file)
        return figure


def _title(text: str) -> Markup:
    return element("title", text) if text else Markup()
