"""Proposals and explained scores in a browser: gains reach the mixer, and go back."""

from collections.abc import Iterator
from typing import Any

import pytest

from .studio_server import ENGINE, open_page

#: The drawing in the open panel; the audiogram above it is one too.
PICTURE = ":is(.st-key-proposal_picture, .st-key-why_picture) .drawing svg"


@pytest.fixture
def page(chromium: Any, studio: str) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1280, "height": 1400})
    context.set_default_timeout(120000)
    page = open_page(context, studio, "?part=9-11&listener=N4&system=reference&bass=-2")
    yield page
    faults = page.faults
    context.close()
    assert faults == []


def gains(page: Any) -> dict[str, float]:
    return page.evaluate(
        f"Object.fromEntries(Object.entries({ENGINE}.settings.gains).map(([name, lane]) => [name, lane.left]))"
    )


def fits(page: Any, selector: str) -> bool:
    """Whether a drawing is as wide as its column and no wider."""
    return page.locator(selector).evaluate("svg => svg.scrollWidth <= svg.parentElement.clientWidth + 1")


def check(page: Any, axe: str) -> None:
    page.wait_for_timeout(1000)
    page.evaluate(axe)
    found = page.evaluate("axe.run(document)")["violations"]
    serious = [each for each in found if each["impact"] in {"serious", "critical"}]
    assert {each["id"]: [node["html"][:200] for node in each["nodes"]] for each in serious} == {}


@pytest.mark.slow
def test_a_proposal_sets_the_mixer_and_is_undone_without_a_new_sound(page: Any, axe: str) -> None:
    before = gains(page)
    assert before["bass"] == -2
    page.get_by_role("radio", name="Propose").click()
    page.get_by_role("button", name="Propose a remix").click()
    page.get_by_text("Why each dB").wait_for()
    assert fits(page, PICTURE)
    check(page, axe)
    page.asked.clear()
    page.get_by_role("button", name="Try it").click()
    page.wait_for_function(f"{ENGINE}.settings.gains.vocals.left > 0")
    assert gains(page) != before
    assert [url for url in page.asked if "/audio/" in url] == []
    page.get_by_role("button", name="Back to before").click()
    page.wait_for_function(f"{ENGINE}.settings.gains.bass.left === -2")
    assert gains(page) == before


@pytest.mark.slow
def test_a_score_is_explained_beside_it_and_loads_no_chart_library(page: Any, axe: str) -> None:
    page.get_by_role("button", name="Score this mix").click()
    page.get_by_text("HAAQI per ear, took").wait_for()
    page.get_by_text("Why this score?").click()
    page.locator(PICTURE).wait_for()
    page.get_by_text("lost, by frequency").wait_for()
    assert fits(page, PICTURE)
    assert not [url for url in page.asked if "plotly" in url.lower()]
    check(page, axe)
