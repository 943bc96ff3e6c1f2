"""The page in a notebook, through anywidget (extra `notebook`), which is imported on use."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from ..support.optional import import_optional
from ..support.scalars import as_whole_number
from ..support.signal_exceptions import passes_handler_exceptions

if TYPE_CHECKING:
    from anywidget import AnyWidget

    from ..log.log import Log

MOST_PIXELS = 100_000

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


@passes_handler_exceptions
def show(
    log: Log | str | PathLike[str],
    *,
    height: int = 720,
    max_mb: float = 12.0,
    picture: tuple[int, int] | str | None = "look",
) -> AnyWidget:
    """Show a log in a notebook, with the same page that `neuro-actors view` writes.

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

    opened = log if isinstance(log, Opened) else Opened(log)
    return View(page=render_page(collect_page_data(opened, max_mb, picture)), height=height)
