"""The page of similar sounds: what is shown when, and that what is picked is what is played."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cadenza_core.embedding.collection import Item
from cadenza_core.embedding.tracks import Track

from .conftest import ROOT, settle

pytest.importorskip("streamlit")


@pytest.fixture
def page(home: Path) -> Iterator[Any]:
    from streamlit.testing.v1 import AppTest

    from pages.widgets.services import services

    settle(services().warm_up())

    def open_tab() -> AppTest:
        return AppTest.from_file(str(ROOT / "pages" / "similar.py"), default_timeout=120).run()

    yield open_tab


def texts(tab: Any) -> str:
    kinds = ("markdown", "caption", "error", "warning", "info", "text")
    return "\n".join(element.value for kind in kinds for element in getattr(tab, kind)).replace("\\", "")


def done(tab: Any, word: str) -> Any:
    """Wait for the job with that word in its title, then show the page again."""
    from pages.widgets.services import services

    for job in [job for job in services().jobs if word in job.title]:
        settle(job)
        assert job.state == "done", job.error
    return tab.run()


def choose(tab: Any, kind: str, label: str, value: Any) -> Any:
    return next(one for one in getattr(tab, kind) if one.label == label).set_value(value).run()


def test_it_embeds_the_demo_by_itself_and_maps_it(page):
    tab = page()
    assert not tab.exception
    tab = done(tab, "Embedding 1 tracks")
    assert not tab.exception and not tab.error
    words = texts(tab)
    assert "3 points, PCA" in words and "Click a point to hear it" in words
    chosen = {box.label: box.value for box in tab.selectbox}
    assert chosen["Embedding"] == "logmel" and chosen["Pieces"] == 10.0


def test_a_picked_point_is_what_is_played_and_its_neighbours_are_listed(page):
    from pages.widgets.services import services

    tab = done(page(), "Embedding 1 tracks")
    found = next(job.result for job in services().jobs if job.key.startswith("map-")).collection
    tab.session_state["similar_pick"] = (found.key, 1)
    tab.session_state["clip"] = found.items[1]
    tab.session_state["clip_nonce"] = 1
    tab.run()
    assert not tab.exception and not tab.error
    words = texts(tab)
    assert "Of Cadenza Demo, 0:10 to 0:20" in words
    rows = tab.dataframe[0].value
    assert list(rows["Time"]) != [] and set(rows["Time"]) == {"0:00 to 0:10", "0:20 to 0:30"}
    assert all(0 <= value <= 100 for value in rows["Closer than"])


def test_songs_and_stems_are_other_points(page):
    tab = done(page(), "Embedding 1 tracks")
    tab = done(next(one for one in tab.button_group if one.label == "Compare").set_value("Songs").run(), "Embedding")
    assert "1 points, PCA" in texts(tab)
    tab = done(
        next(one for one in tab.button_group if one.label == "Compare").set_value("Stems").run(), "Embedding 4 tracks"
    )
    assert "12 points, PCA" in texts(tab)


def test_a_model_without_its_weights_says_so_and_offers_to_get_them(page, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    tab = choose(page(), "selectbox", "Embedding", "clap")
    words = texts(tab)
    assert "is not ready on this machine" in words and "776 MB, Apache-2.0" in words
    assert any("cadenza hear get clap" in block.value for block in tab.code)
    assert any(one.label.startswith("Get it (776 MB, licence Apache-2.0)") for one in tab.button)
    assert not tab.exception


def test_sections_of_a_song_are_found(page):
    tab = page()
    tab.session_state["similar_panel"] = "Sections"
    tab = done(tab.run(), "Embedding Cadenza Demo")
    assert not tab.exception and not tab.error
    assert "Sections of one letter sound alike" in texts(tab)


def test_a_remix_is_compared_when_asked(page):
    tab = page()
    tab.session_state["similar_panel"] = "Remix and reference"
    tab.run()
    tab = choose(tab, "selectbox", "Separation", "ideal-mask")
    next(one for one in tab.button if one.label == "Compare the remix with its reference").click().run()
    tab = done(tab, "Comparing")
    tab = done(tab, "Embedding")
    values = {metric.label: float(metric.value) for metric in tab.metric}
    assert len(values) == 2 and values["l1 distance of the remix to the reference"] > 0
    assert "vocals +0 dB" in texts(tab)
    assert not tab.exception


def test_a_lesson_is_taught_and_says_what_it_needs(page):
    from pages.widgets.services import services

    song = services().catalog().songs["demo"]
    tab = page()
    tab.session_state["similar_panel"] = "Teach by example"
    tab.session_state["clip"] = Item(Track(song), 0.0, 5.0)
    tab.session_state["clip_nonce"] = 1
    tab.run()
    assert "Picked: Cadenza Demo, 0:00 to 0:05" in texts(tab)
    next(field for field in tab.text_input if field.label == "Label of the picked sound").set_value("noise")
    next(one for one in tab.button if one.label == "Add").click().run()
    assert "Regions: noise 1" in texts(tab)
    next(one for one in tab.button if one.label == "Teach and tag").click().run()
    job = next(job for job in services().jobs if job.title.startswith("Teaching"))
    settle(job)
    assert "nothing to tell apart: 1 label" in texts(tab.run())
    assert not tab.exception


def test_an_error_inside_is_a_sentence_and_the_page_goes_on(page, monkeypatch):
    monkeypatch.setattr("pages.widgets.similar_map.collect", lambda *a: 1 / 0)
    from pages.widgets.services import services

    tab = choose(page(), "selectbox", "Pieces", 20.0)
    for job in [job for job in services().jobs if job.key.startswith("map-") and job.is_active]:
        settle(job)
    words = texts(tab.run())
    assert "failed unexpectedly (ZeroDivisionError)" in words and "Traceback" not in words
    assert any(one.label == "Try again" for one in tab.button)
