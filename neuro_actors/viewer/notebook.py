"""The page in a notebook, through anywidget (extra `notebook`), which is imported on use.

A front end with widgets, such as JupyterLab or VS Code, shows the widget. One without, such as a
notebook exported to HTML, shows the same page in a frame, which is a part of the notebook.
"""

from __future__ import annotations

from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..support.hints import explains_arguments
from ..support.markup import Markup, element
from ..support.optional import import_optional
from ..support.scalars import as_whole_number
from ..support.signal_exceptions import passes_handler_exceptions
from ..support.text import escape_controls

if TYPE_CHECKING:
    from anywidget import AnyWidget

    from ..log.log import Log

MOST_PIXELS = 100_000
MOST_STATIC = 3_000_000  # characters of a page that is a part of the notebook, and saved with it

# The page is in a frame of its own, with its own policy and without the notebook's origin.
SCRIPT = """
function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.title = "neuro_actors";
  frame.setAttribute("sandbox", "allow-scripts");
  frame.style.cssText = "width: 100%; border: 1px solid #8888; border-radius: 6px";
  const fill = () => {
    frame.style.height = `${model.get("height")}px`;
    frame.srcdoc = model.get("page");
  };
  model.on("change:page change:height", fill);
  fill();
  el.append(frame);
}
export default { render };
"""


@explains_arguments
@passes_handler_exceptions
def show(
    log: Log | str | PathLike[str],
    *,
    height: int = 720,
    max_mb: float = 12.0,
    picture: tuple[int, int] | str | None = "look",
) -> AnyWidget:
    """Show a log in a notebook, with the same page that `neuro-actors view` writes.

    JupyterLab, Jupyter Notebook, VS Code and Colab show it. A notebook that is exported to HTML
    contains the page if it has at most 3 MB.

    Args:
        log: An opened log, or the path of its file.
        height: The height of the widget in pixels.
        max_mb: The greatest size of the page in megabytes.
        picture: (rows, columns) if the inputs are a picture, None if not, "look" to find out.

    Returns:
        The widget.

    Raises:
        InputError: An argument is wrong, or the log has nothing to show.
        LogError: The log cannot be read.
        NeuroActorsError: anywidget is not installed; the message says how to install it.

    Examples:
        >>> net = na.Network.layered([2, 2, 1], seed=0)
        >>> sgd = na.SGD(0.1)
        >>> result = na.train(net, [[0, 1]], [[1]], optimizer=sgd, epochs=3, log="run.arrows")
        >>> na.show("run.arrows")  # the last line of a cell
        <na.show: run.arrows>
    """
    height = as_whole_number("height", height, 1, MOST_PIXELS)
    missing = "na.show needs anywidget: pip install 'neuro-actors[notebook]'"
    for module in ("anywidget", "traitlets"):
        import_optional(module, missing)
    import anywidget
    import traitlets

    from ..log.log import Log as Opened
    from .page import render_page
    from .page_data import collect_page_data

    class View(anywidget.AnyWidget):  # type: ignore[misc]
        _esm = SCRIPT
        page = traitlets.Unicode().tag(sync=True)
        height = traitlets.Int().tag(sync=True)

        def __repr__(self) -> str:
            return f"<na.show: {escape_controls(Path(opened.path).name)}>"

        def _repr_mimebundle_(self, **how: Any) -> tuple[dict[str, Any], dict[str, Any]]:
            data, metadata = super()._repr_mimebundle_(**how)
            return data | {"text/html": static_frame(self.page, self.height)}, metadata

    opened = log if isinstance(log, Opened) else Opened(log)
    return View(page=render_page(collect_page_data(opened, max_mb, picture)), height=height)


def static_frame(page: str, height: int) -> str:
    """Return the page in a frame, as HTML for front ends without widgets.

    Args:
        page: The page.
        height: The height of the frame in pixels.

    Returns:
        The frame; a sentence instead if the page is too large to be saved in a notebook.
    """
    if len(page) > MOST_STATIC:
        size = f"This page has {len(page) / 1e6:.0f} MB, so the notebook does not contain it."
        return element("p", f"{size} Run the cell again, or use: neuro-actors view")
    style = f"width: 100%; height: {height}px; border: 1px solid #8888; border-radius: 6px"
    frame = {"title": "neuro_actors", "sandbox": "allow-scripts", "style": style}
    return element("iframe", srcdoc=Markup(escape(page)), **frame)
