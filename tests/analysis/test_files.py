"""Views as files: figures by the machine's browser, and a sentence where there is none."""

import shutil

import pandas as pd
import plotly.graph_objects as go
import pytest

from cadenza_core.analysis import files
from cadenza_core.errors import CadenzaError

FIGURE = go.Figure(go.Bar(x=["a", "&lt;b&gt;"], y=[1, 2]), layout={"height": 300})
FRAME = pd.DataFrame({"a": [1.0]})


@pytest.fixture
def chromium():
    if not files.browser():
        pytest.skip("no Chrome or Chromium here")


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), pytest.param(".svg", b"<svg", marks=pytest.mark.slow)]
)
def test_a_figure_is_drawn_by_the_browser(chromium, tmp_path, suffix, start):
    path = tmp_path / f"figure{suffix}"
    files.write_view(path, FRAME, FIGURE)
    assert path.read_bytes().startswith(start)


def test_a_page_of_html_needs_no_browser_and_no_other_host(tmp_path):
    path = tmp_path / "figure.html"
    files.write_view(path, FRAME, FIGURE)
    text = path.read_text()
    assert "Plotly.newPlot" in text and 'src="http' not in text


def test_without_a_browser_the_error_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr("choreographer.browsers.chromium.Chromium.find_browser", lambda **_: None)
    with pytest.raises(CadenzaError, match=r"Chrome or Chromium, and none was found\. Install one, name it in"):
        files.write_view(tmp_path / "figure.png", FRAME, FIGURE)
    assert list(tmp_path.iterdir()) == []


def test_a_browser_that_fails_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("BROWSER_PATH", shutil.which("true") or "/bin/true")
    with pytest.raises(CadenzaError, match=r"The browser that draws figures failed|none was found"):
        files.write_view(tmp_path / "figure.png", FRAME, FIGURE)


def test_endings(tmp_path):
    with pytest.raises(CadenzaError, match=r"must end with \.csv, \.parquet, \.tex, \.json, \.png, \.svg, \.html"):
        files.write_view(tmp_path / "figure.gif", FRAME, FIGURE)
    with pytest.raises(CadenzaError, match="This view has no figure"):
        files.write_view(tmp_path / "figure.png", FRAME, None)
