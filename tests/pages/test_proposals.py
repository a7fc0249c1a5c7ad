"""Proposals and explained scores on the studio page: asked for, shown, tried, undone, saved; what is drawn is known."""

import re
import threading
from typing import Any

import numpy as np
import pytest

from .conftest import settle

pytest.importorskip("streamlit")

from cadenza_core.errors import CadenzaError
from cadenza_core.quality.explain import BEST, TERMS, HaaqiExplanation, Term


def explanation() -> HaaqiExplanation:
    losses = np.array([0.4, 0.1, 0.06, 0.02])
    regions = np.linspace(0, 1, 8) / 4
    terms = tuple(Term(name, 0.5, lost, 0.9, lost * regions) for name, lost in zip(TERMS, losses, strict=True))
    return HaaqiExplanation(BEST - losses.sum(), terms, np.linspace(-12, 3, 8))


def test_the_picture_of_a_score_has_its_losses_in_scale():
    from pages.widgets.why import why_svg

    svg = why_svg(explanation())
    widths = [float(width) for width in re.findall(r'<rect x="[\d.]+" y="4" width="([\d.]+)"', svg)]
    assert len(widths) == 5
    assert widths[1] / widths[2] == pytest.approx(4.0, rel=0.01)
    assert widths[0] / sum(widths) == pytest.approx((BEST - 0.58) / BEST, rel=0.01)
    assert svg.count("<title>envelope:") == 8
    assert ">-12<" in svg and ">+3<" in svg
    assert "nan" not in why_svg(HaaqiExplanation(0.5, explanation().terms, np.full(8, np.nan)))


@pytest.fixture
def tab(app: Any) -> Any:
    from pages.widgets.services import services

    opened = app(part="1-3", listener="N4", system="reference")
    for job in list(services().jobs):
        if "0:01 to 0:03" in job.title:
            settle(job)
    opened.session_state["desk_panel"] = "Propose"
    return opened.run()


def button(tab: Any, label: str) -> Any:
    return next(one for one in tab.button if one.label.replace("\\", "") == label)


def said(tab: Any) -> str:
    kinds = ("markdown", "caption", "error", "warning", "info")
    return "\n".join(element.value for kind in kinds for element in getattr(tab, kind)).replace("\\", "")


def proposed(tab: Any) -> Any:
    from pages.widgets.services import services

    button(tab, "Propose a remix").click().run()
    for job in list(services().jobs):
        if job.title == "Proposing a remix":
            settle(job)
    return tab.run()


def test_a_proposal_is_asked_for_tried_undone_and_saved(tab):
    from pages.widgets.services import services

    tab.session_state["mix"]["demo"]["gains"]["bass"]["left"] = -2.0
    tab.session_state["mix"]["demo"]["gains"]["bass"]["linked"] = False
    before = tab.session_state["mix"]["demo"]
    tab = proposed(tab.run())
    assert not tab.exception and "→" in said(tab) and "Vocals +" in said(tab)
    button(tab, "Try it").click().run()
    gains = tab.session_state["mix"]["demo"]["gains"]
    assert gains["vocals"]["left"] > 0 and gains["bass"]["left"] == gains["bass"]["right"]
    assert "As set now" in [one.label for one in tab.button]
    button(tab, "Back to before").click().run()
    assert tab.session_state["mix"]["demo"]["gains"] == before["gains"]
    next(one for one in tab.button if one.label == "Save" and one.form_id == "save_proposal").click().run()
    (preset,) = services().presets.all("demo", "N4")
    assert preset.settings.lane("vocals").left == gains["vocals"]["left"]
    assert "audible share of vocals" in preset.description


def test_the_choices_outlast_the_panel_and_nonsense_is_a_sentence(tab):
    next(box for box in tab.selectbox if box.label == "Aim").select("preference").run()
    tab.session_state["desk_panel"] = "Presets"
    tab.run()
    tab.session_state["desk_panel"] = "Propose"
    tab.run()
    assert next(box for box in tab.selectbox if box.label == "Aim").value == "preference"
    tab.session_state["proposal_options"]["stems"] = []
    tab.run()
    assert not tab.exception
    assert "The lead's stems are none" in said(tab)
    assert button(tab, "Propose a remix").disabled


def test_what_cannot_be_improved_is_told_as_such(tab):
    # all stems shall be heard better, and none may be raised
    tab.session_state["proposal_options"].update(stems=["vocals", "drums", "bass", "other"], range=(-3.0, 0.0))
    tab = proposed(tab.run())
    assert "Nothing better than equal gains was found" in said(tab)
    assert "Try it" not in [one.label for one in tab.button]


def test_a_failed_search_is_a_sentence(tab):
    next(box for box in tab.selectbox if box.label == "Amplification").select("camfit-compressor").run()
    tab = proposed(tab)
    assert not tab.exception and "follows the level" in said(tab)
    assert "Propose a remix" in [one.label for one in tab.button]


def test_a_search_goes_on_while_the_whole_page_runs_again(tab, monkeypatch):
    from pages.widgets.services import services

    begun, go = threading.Event(), threading.Event()

    def search(*args: Any, progress: Any, **options: Any) -> None:
        begun.set()
        while not go.wait(0.01):
            progress(0.5, "searching")
        raise CadenzaError("It came to its own end.")

    monkeypatch.setattr("pages.widgets.proposals.propose_remix", search)
    tab.session_state["proposal_options"].update(range=(-7.0, 2.5))
    button(tab.run(), "Propose a remix").click().run()
    assert begun.wait(60)
    tab.run()
    go.set()
    settle([job for job in services().jobs if job.title == "Proposing a remix"][-1])
    assert "It came to its own end." in said(tab.run())
