"""Amplification and audibility on the studio page: what is chosen reaches mixer, picture, link, presets, scores."""

import json
from typing import Any

import numpy as np
import pytest

from .conftest import settle

pytest.importorskip("streamlit")

from cadenza_core.catalog import find_listener
from cadenza_core.hearing import ear_of, get_prescription
from cadenza_core.hearing.prescriptions import ear_responses
from cadenza_core.hearing.thresholds import threshold_spl


@pytest.fixture
def ready(app: Any) -> Any:
    """The studio with an excerpt whose sounds are there."""
    from pages.widgets.services import services

    tab = app(part="1-3", listener="N4-S1")
    for job in list(services().jobs):
        if "0:01 to 0:03" in job.title:
            settle(job)
    return tab.run()


def given(tab: Any, key: str) -> dict[str, Any]:
    """What a component of the page was last given."""
    found = [one.proto for one in tab.get("bidi_component") if one.proto.id.endswith(f"-{key}")]
    assert len(found) == 1
    (data,) = json.loads(found[0].json)
    return data


def choose(tab: Any, prescription: str) -> Any:
    return next(box for box in tab.selectbox if box.label == "Amplification").select(prescription).run()


def test_the_picture_gets_thresholds_amplification_and_where_the_levels_are(ready: Any) -> None:
    data = given(ready, "audibility")
    listener = find_listener("N4-S1")
    assert data["threshold"][0] == threshold_spl(ear_of(listener, "left")).tolist()
    np.testing.assert_allclose(data["response"], ear_responses(listener, "nalr"))
    assert data["levels"]["remix"].split("/")[2] in given(ready, "mixer")["lanes"][0]["url"]
    assert (data["aid_label"], data["calibration_db_spl"], data["listener_label"]) == ("NAL-R", 100.0, "N4-S1")


def test_another_prescription_reaches_mixer_picture_and_link(ready: Any) -> None:
    before = given(ready, "mixer")
    tab = choose(ready, "half-gain")
    assert not tab.exception
    taps = get_prescription("half-gain").fir(find_listener("N4-S1").audiogram_left, 44100, 220)
    assert given(tab, "mixer")["fir"]["left"] == taps.tolist() != before["fir"]["left"]
    assert given(tab, "mixer")["aid_label"] == given(tab, "audibility")["aid_label"] == "Half-gain rule"
    assert given(tab, "mixer")["revision"] == before["revision"]  # the gains stay as the user has set them
    assert tab.query_params["prescription"] == "half-gain"
    assert choose(tab, "nalr").query_params.get("prescription") is None


def test_a_compressor_is_said_to_be_in_exports_only(ready: Any) -> None:
    tab = choose(ready, "camfit-compressor")
    assert given(tab, "mixer")["fir"] is None and given(tab, "audibility")["response"] is None
    words = "\n".join(caption.value for caption in tab.caption)
    assert "heard in exports and renders, not live" in words.replace("\\", "")


def test_a_preset_brings_its_prescription_back_and_leaves_the_calibration(ready: Any) -> None:
    from cadenza_core.remix import MixSettings
    from pages.widgets.services import services

    kept = MixSettings(prescription="camfit", calibration_db_spl=90.0)
    services().presets.save("demo", "N4-S1", "with camfit", kept)
    ready.session_state["desk_panel"] = "Presets"
    tab = ready.run()
    next(one for one in tab.button if one.label.startswith("with camfit")).click().run()
    assert given(tab.run(), "mixer")["aid_label"] == "CAMFIT (linear)"
    assert given(tab, "audibility")["calibration_db_spl"] == 100.0
    assert any("as set now" in one.label for one in tab.button)


def test_the_calibration_is_for_all_songs_and_in_the_link(ready: Any) -> None:
    next(one for one in ready.number_input if "dB SPL" in one.label).set_value(94.0).run()
    assert given(ready, "audibility")["calibration_db_spl"] == 94.0
    assert ready.query_params["calibration"] == "94"


def test_a_link_with_an_unknown_prescription_is_a_sentence(app: Any) -> None:
    tab = app(prescription="dsl", part="1-3")
    assert any("no prescription 'dsl'" in warning.value.replace("\\", "") for warning in tab.warning)
    assert {box.label: box.value for box in tab.selectbox}.get("Amplification", "nalr") == "nalr"


def test_a_link_does_not_set_the_rooms_calibration_and_says_so(app: Any) -> None:
    tab = app(calibration="80")
    assert given(tab, "mixer")["calibration_db_spl"] == 100.0
    assert any("0 dB FS is 80 dB SPL. Here it stays 100" in box.value.replace("\\", "") for box in tab.warning)
