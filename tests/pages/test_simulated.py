"""Hearing as the listener does, on the page: rendered on request, stale with a gain, found again; its numbers by address."""

from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from cadenza_core.catalog import standard_listeners
from cadenza_core.errors import CadenzaError
from cadenza_core.hearing.live import live_parameters

from .conftest import settle
from .test_hearing import given
from .test_studio import button, jobs_of, texts

pytest.importorskip("streamlit")


def open_hearing(app, **query):
    from pages.widgets.services import services

    tab = app(part="3-4", **query)
    for job in [job for job in services().jobs if "0:03 to 0:04" in job.title]:
        settle(job)
    tab.session_state["desk_panel"] = "Hearing"
    return tab.run()


def test_the_mix_is_rendered_on_request_turns_stale_and_is_found_again(app):
    tab = open_hearing(app, vocals="2")
    button(tab, "Render what the listener hears").click().run()
    (job,) = jobs_of("Rendering what the listener hears")
    assert settle(job).state == "done"
    tab = tab.run()
    assert not tab.exception
    assert "Rendered with these settings" in "\n".join(element.value for element in tab.success)
    sounds = job.result.sounds
    assert set(sounds.sounds) == {"unaided", "aided"} and sounds.frames == 44100
    assert 0 < sounds.sounds["unaided"].peak < sounds.sounds["aided"].peak
    told = given(tab.run(), "mixer")["msbg"]
    assert sounds.id in told["urls"]["msbg"] and told["gains"]["vocals"]["left"] == 2 and told["stale"] is False

    tab.session_state["mix"]["demo"]["gains"]["vocals"] |= {"left": -5.0, "right": -5.0}
    tab = tab.run()
    assert "Stale" in texts(tab)
    assert button(tab, "Render again with these settings")

    other = open_hearing(app, vocals="2")  # another tab finds it: it is kept by content
    assert "Rendered with these settings" in "\n".join(element.value for element in other.success)


def test_a_listener_beyond_the_model_is_told_about(app):
    tab = open_hearing(app, listener="N7")
    button(tab, "Render what the listener hears").click().run()
    for job in jobs_of("Rendering what the listener hears"):
        settle(job)
    assert "above 100 dB HL are simulated as 100" in texts(tab.run())


def test_the_address_of_the_numbers_leads_to_the_listeners_numbers():
    from pages.widgets.hearing import hearing_numbers, hearing_url

    listener = standard_listeners()["N3"]
    address = urlsplit(hearing_url(listener, 97.5))
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    numbers, wanted = hearing_numbers(query), live_parameters(listener, 97.5)
    assert address.path == "/hearing"
    assert np.allclose(numbers["left"]["exponent"], wanted["left"]["exponent"])
    assert numbers["left"]["reference"] == pytest.approx(wanted["left"]["reference"])
    for broken in (
        {},
        {**query, "left_levels": "1,2"},
        {**query, "right_levels": query["right_levels"].replace("35", "nan", 1)},
        {**query, "calibration": "1000"},
        {**query, "left_frequencies": "x"},
    ):
        with pytest.raises(CadenzaError):
            hearing_numbers(broken)
