"""The page Challenge in a browser: a run is started, shows how far it is by itself, and its results can be fetched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cadenza_core.catalog.own import add_place
from cadenza_core.settings import Settings
from tests.challenge.tree import make_tree

from .harness import server
from .studio_server import ask, serve


@pytest.mark.slow
def test_a_run_is_started_followed_and_its_archive_fetched(
    chromium: Any, tmp_path_factory: pytest.TempPathFactory, with_demo: Callable[[Path], Path]
) -> None:
    if reason := server.missing():
        pytest.skip(f"no browser tests: {reason}")
    place = tmp_path_factory.mktemp("challenge")
    home = with_demo(place / "home")
    root = make_tree(place / "tree", songs=2, people=3, seconds=0.3)
    add_place(str(root), Settings(home=home, models=home / "models"))
    with serve(home) as (url, _):
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{url}/challenge")
        page.get_by_text("2 songs, 3 listeners").wait_for(timeout=90000)
        for name in ("Score", "Check", "Pack"):  # only pack
            page.get_by_role("button", name=name, exact=True).first.click()
        page.get_by_role("button", name="Start").click()
        page.get_by_text("Files: 6 of 6").wait_for(timeout=120000)
        page.locator(".js-plotly-plot").first.wait_for(timeout=60000)
        link = page.get_by_role("link", name="Submission")
        link.wait_for(timeout=60000)
        status, headers, content = ask(url + str(link.get_attribute("href")))
        assert status == 200 and content[:2] == b"PK"
        assert 'filename="submission_T001.zip"' in headers["content-disposition"]
        assert faults == []
        context.close()
