"""The mixer: stems, gains and what the listener hears, played by the browser itself (`assets/mixer/`).

The mixer is a component of the page. Its sliders act on Web Audio in the browser; Python is told afterwards, 300 ms
after the last change. Sound and settings live in the page, outlast reruns, rebuilt elements and a server that is gone,
and pause when the page is left.

What the server must offer
--------------------------
`ASSETS_URL` (``/assets/mixer/...``)
    The files of ``assets/mixer``, JavaScript as ``text/javascript``, with an ETag and ``Cache-Control: no-cache``.
``lanes[].url``, ``original_url``, ``reference[].url``
    A sound each: FLAC, stereo, `rate` Hz, `frames` samples of the excerpt, with ``Content-Length`` (for the progress).
    Any URL of our own server; its content must never change under one URL.
``lanes[].peaks_url``
    ``application/octet-stream``: int8 pairs ``min, max`` for each of any number of bins, 127 = full scale. Bin b of B
    covers frames ``floor(b * frames / B)`` to ``floor((b + 1) * frames / B)`` of both channels; min is rounded down and
    max up, neither beyond 0, so that no click is lost. 8192 bins (16 KiB) serve every zoom. None: the browser computes
    them once the sound has come.

`data`
------
``song``: {"id": str, "title": str}
    The settings below are the song's: with another id, those given here count.
``rate``: 44100; ``frames``: int; ``offset_s``: float
    Sample rate, length of the excerpt in samples, and where in the song it starts.
``lanes``: [{"name", "label", "url", "peaks_url"}, ...]
    In the order to be shown. Names key `gains`; vocals, drums, bass and other have colours of their own.
``original_url``: str or None
    The original mixture; None: the plain sum of the stems.
``reference``: None or [{"name", "url"}, ...]
    The true stems, where there are any. Fetched when first listened to; equal URLs are loaded once.
``fir``: None or {"left": [...], "right": [...]}
    Taps of the amplification for each ear, an odd number up to 221 (a linear prescription of
    `cadenza_core.hearing.prescriptions`). A change is heard at once. None: the aided modes are not offered.
``listener_label``: str; ``aid_label``: str
    Names of the listener and of the amplification.
``calibration_db_spl``, ``ceiling_db_spl``: float, 100 each if left out
    What full scale is at the ear at volume 0, and what no peak there exceeds. The volume is the page's own: it starts at
    -12 dB each time the page is opened, and is no part of the mix.
``hearing_url``: str or None
    JSON of `cadenza_core.hearing.live.live_parameters` for the listener: the numbers of the live approximation of what they
    hear. Fetched when it is first switched on. None: it is not offered.
``msbg``: None or {"urls": {"msbg": url, "msbg_aided": url}, "gains", "master_db", "stale": bool}
    MSBG's rendering of the remix as the listener hears it (`cadenza_core.playback.simulated`): sounds like the others, with
    the gains and the master they were made with, in the form below; the mixer says that they are stale when those are
    others now. `stale`: something else has changed.
``gains``: {name: {"left": dB, "right": dB, "linked": bool, "mute": bool, "solo": bool}}
    -60 to 24 dB; None is silent. Mute wins over solo.
``master_db``: float; ``limiter``: bool; ``match_loudness``: bool
``hear``: "original", "remix", "aided", "reference", "reference_aided", "msbg" or "msbg_aided"
``simulation``: "off", "both", "left" or "right"
    The ears that hear as the listener's do, by the live approximation. It has no effect in MSBG's modes.
``revision``: int, 0 if left out
    `gains` ... `simulation` are where the song starts; after that, what the user sets counts, and giving other values has no
    effect. To set them again (a preset recalled), raise `revision` with them. Do not echo what the mixer returns.

What comes back
---------------
The settings as they are: ``gains``, ``master_db``, ``limiter``, ``hear``, ``match_loudness``, ``simulation``. The position
is not sent.
Each change runs the script again: stand the mixer in an ``st.fragment``, and in a container made before anything that
comes and goes above it. One mixer per page.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from cadenza_core.hearing.safe_levels import CEILING_DB_SPL
from cadenza_core.hearing.thresholds import CALIBRATION_DB_SPL

__all__ = ["ASSETS", "ASSETS_URL", "SETTINGS", "SOUND_STYLE", "lane_settings", "mixer"]

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "mixer"
ASSETS_URL = "/assets/mixer"
#: What the mixer's and the player's looks share.
SOUND_STYLE = ASSETS.parent / "sound.css"
#: What the user sets, and what :func:`mixer` returns.
SETTINGS = ("gains", "master_db", "limiter", "hear", "match_loudness", "simulation")

# Several lines: Streamlit takes a script of one line for the path of a file.
_SCRIPT = """
export default async function (component) {
  const [data] = component.data;
  const { mount } = await import(new URL(data.script, document.baseURI).href);
  return mount({ ...component, data });
}
"""
_HTML = '<div class="cadenza-mixer"></div>'
_CSS = "".join(path.read_text(encoding="utf-8") for path in (SOUND_STYLE, ASSETS / "mixer.css"))
_component = st.components.v2.component("cadenza_mixer", html=_HTML, css=_CSS, js=_SCRIPT)


def lane_settings(left: float | None = 0.0, right: float | None = None, *, mute: bool = False) -> dict[str, Any]:
    """Give one lane's entry of `gains`: dB, None for silent; `right` as `left` if left out."""
    both = left if right is None else right
    return {"left": left, "right": both, "linked": left == both, "mute": mute, "solo": False}


def mixer(data: Mapping[str, Any], key: str = "mixer") -> dict[str, Any]:
    """Show the mixer and give its settings.

    Parameters
    ----------
    data : mapping
        The song and where its settings start: see the top of this module.
    key : str
        Streamlit's key of the component.

    Returns
    -------
    dict
        `SETTINGS`, as last sent by the page for this song and revision, else as given in `data`.
    """
    # Each browser tab's session has a mark: after a restart of the server the page keeps what it plays, and tells us.
    session = st.session_state.setdefault(f"_{key}_session", secrets.token_hex(4))
    sent = {
        "revision": 0,
        "listener_label": "",
        "aid_label": "",
        "calibration_db_spl": CALIBRATION_DB_SPL,
        "ceiling_db_spl": CEILING_DB_SPL,
        "hearing_url": None,
        "msbg": None,
        "simulation": "off",
        **data,
        "session": session,
        "script": f"{ASSETS_URL}/index.js",
    }
    # In a list, which Streamlit does not search for data frames: for that it would load pandas before the first sound.
    result = _component(key=key, data=[sent], on_mix_change=lambda: None)
    state = result.mix
    known = state and state["song"] == sent["song"]["id"] and state["revision"] == sent["revision"]
    return {name: (state if known else sent)[name] for name in SETTINGS}
