"""Leaderboard and analysis in a real browser: the click on the heat map, and what the studio does not have to load."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cadenza_core.store import Store

from ..listening.analysis.simulated import rated, store_answers
from .studio_server import open_page, serve

LISTENERS = ("N2", "N3", "N4")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, chromium: Any, with_demo: Callable[[Path], Path]) -> Iterator[str]:
    """The studio's server with scores of the demo song."""
    home = with_demo(tmp_path_factory.mktemp("studio") / "home")
    rows = [
        (system, song, listener, stem, ear, 0.2 + 0.1 * n + bonus)
        for system, bonus in (("preview", 0.0), ("second", 0.05))
        for song in ("Cadenza Demo", "demo")
        for n, listener in enumerate(LISTENERS)
        for stem in ("vocals", "drums", "bass", "other")
        for ear in ("left", "right")
    ]
    frame = pd.DataFrame(rows, columns=["system", "song", "listener", "stem", "ear", "value"])
    with Store(f"sqlite:///{home / 'cadenza.sqlite'}") as store:
        store.add_scores(frame, evaluation_set="cad1-validation")
        store_answers(store, rated(people=4, songs=2))
    with serve(home) as (address, _):
        yield address


@pytest.fixture
def context(chromium: Any) -> Iterator[Any]:
    opened = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield opened
    opened.close()


@pytest.mark.slow
def test_a_click_on_the_heat_map_opens_the_pair_in_the_studio(context, url):
    page = open_page(context, url, "analysis", ready=False)
    page.get_by_text("Song and listener", exact=True).click(timeout=60000)
    plot = page.locator(".js-plotly-plot .heatmaplayer")
    plot.wait_for(timeout=60000)
    page.wait_for_timeout(1000)
    cells = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    # Songs are down, the hardest first; listeners across, the mildest loss first: the last column of the second row.
    page.mouse.click(cells["x"] + cells["width"] * 5 / 6, cells["y"] + cells["height"] * 3 / 4)
    page.wait_for_url("**song=demo**", timeout=60000)
    assert "listener=N4" in page.url
    page.get_by_role("combobox", name="Listener").wait_for(timeout=60000)
    assert page.faults == []


def test_the_leaderboard_shows_scores_and_asks_no_other_host(context, url):
    page = open_page(context, url, "leaderboard", ready=False)
    page.locator("[data-testid=stDataFrame]").first.wait_for(timeout=60000)
    page.locator(".dots .mark").nth(2).wait_for(timeout=60000)
    page.get_by_role("radio", name="Is the difference significant?").click()
    page.locator(".dots .bar").first.wait_for(timeout=60000)
    assert page.faults == []
    assert not [address for address in page.asked if "plotly" in address.lower()]


@pytest.mark.slow
def test_the_listening_results_are_drawn_and_ask_no_other_host(context, url):
    page = open_page(context, url, "ratings?test=sim", ready=False)
    page.get_by_text("paired percentile bootstrap over participants").wait_for(timeout=60000)
    page.locator(".js-plotly-plot .scatterlayer .point").nth(3).wait_for(timeout=60000)
    assert page.locator(".js-plotly-plot .ytick").all_text_contents() == ["delta", "gamma", "beta", "alpha"]
    assert page.faults == []


def test_the_studio_loads_no_chart_library(context, url):
    page = open_page(context, url)
    assert not [address for address in page.asked if "plotly" in address.lower()]
