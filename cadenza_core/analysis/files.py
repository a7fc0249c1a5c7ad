"""Any view as a file: a table as CSV, Parquet, LaTeX or JSON, a figure as PNG, SVG or a page of HTML."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..errors import CadenzaError
from ..files import atomic_file
from ..store.exporting import TABLE_SUFFIXES, write_table

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["FIGURE_SUFFIXES", "browser", "figure_bytes", "write_figure", "write_view"]

#: What a figure can be written as. PNG and SVG are drawn by the machine's Chrome or Chromium.
FIGURE_SUFFIXES = (".png", ".svg", ".html")
_WIDTH = 1000
#: Of figures as files; on a page they have the page's.
_TEMPLATE = "plotly_white"
_SCALE = 2


def write_view(path: Path, frame: pd.DataFrame, figure: "go.Figure | None", *, digits: int = 4) -> tuple[str, ...]:
    """Write a view as what the file's name ends with; give what should be said about it.

    Raises
    ------
    CadenzaError
        If it is no known ending, the view has no figure, no browser is found, or the file cannot be written.
    """
    if path.suffix.lower() in FIGURE_SUFFIXES:
        if figure is None:
            raise CadenzaError(f"This view has no figure; {path} can end with {', '.join(TABLE_SUFFIXES)}.")
        write_figure(figure, path)
        return ()
    if path.suffix.lower() not in TABLE_SUFFIXES:
        raise CadenzaError(f"{path} must end with {', '.join((*TABLE_SUFFIXES, *FIGURE_SUFFIXES))}.")
    return write_table(frame, path, digits=digits)


def write_figure(figure: "go.Figure", path: Path) -> None:
    """Write a figure as PNG (twice the size for print), SVG, or an HTML page that needs no other file.

    Raises
    ------
    CadenzaError
        As :func:`write_view`.
    """
    content = figure_bytes(figure, path.suffix.lower())
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def figure_bytes(figure: "go.Figure", suffix: str) -> bytes:
    """Give a figure as a file's content; `suffix` is one of :data:`FIGURE_SUFFIXES`.

    Raises
    ------
    CadenzaError
        If the suffix is another one, or no Chrome or Chromium is found, or it fails.
    """
    import plotly.graph_objects as go

    figure = go.Figure(figure).update_layout(template=_TEMPLATE)
    if suffix == ".html":
        return str(figure.to_html(include_plotlyjs=True, full_html=True)).encode("utf-8")
    if suffix not in FIGURE_SUFFIXES:
        raise CadenzaError(f"A figure can be written as {', '.join(FIGURE_SUFFIXES)}, not as {suffix!r}.")
    import kaleido
    from kaleido.errors import ChromeNotFoundError

    height = figure.layout.height or 420
    options = {"format": suffix[1:], "width": _WIDTH, "height": height, "scale": _SCALE if suffix == ".png" else 1}
    try:
        # No script from elsewhere: Plotly's comes with its package, and MathJax, from a CDN by default, is not needed.
        return bytes(kaleido.calc_fig_sync(figure.to_dict(), opts=options, kopts={"mathjax": False}))
    except ChromeNotFoundError:
        raise CadenzaError(
            f"A figure as {suffix[1:].upper()} is drawn by Chrome or Chromium, and none was found. Install one, name it in "
            "the environment variable BROWSER_PATH, or write .html, which any browser shows."
        ) from None
    except Exception as error:  # whatever a browser may do
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise CadenzaError(
            f"The browser that draws figures failed ({said}). Name another one in BROWSER_PATH, or write .html."
        ) from error


@functools.cache
def browser() -> str | None:
    """Give the path of the Chrome or Chromium that draws figures; None if there is none."""
    try:
        from choreographer.browsers.chromium import Chromium

        found = Chromium.find_browser(skip_local=False)
    except Exception:  # the package looks in many places; whatever goes wrong there, no browser was found
        return None
    return str(found) if found else None
