"""What the listener hears: the picture below the mixer. It follows the mixer in the browser (`assets/audibility/`).

The page gives it the listener's thresholds, the amplification in bands and the address of the stems' levels, once for each
choice of song, listener and prescription; gains it takes from the mixer's engine itself, so no slider asks the server.
"""

import functools
from pathlib import Path

import streamlit as st
from clarity.utils.audiogram import Audiogram, Listener

from cadenza_core.hearing import get_prescription
from cadenza_core.hearing.prescriptions import ear_responses
from cadenza_core.hearing.thresholds import threshold_spl
from cadenza_core.playback import Playable
from cadenza_core.remix import MixSettings

__all__ = ["AUDIBILITY_ASSETS", "AUDIBILITY_URL", "audibility_panel"]

AUDIBILITY_ASSETS = Path(__file__).resolve().parents[2] / "assets" / "audibility"
AUDIBILITY_URL = "/assets/audibility"

# Several lines: Streamlit takes a script of one line for the path of a file. The mixer's sounds come first.
_SCRIPT = """
export default async function (component) {
  const [data] = component.data;
  const turn = (globalThis.cadenzaAudibilityTurn = (globalThis.cadenzaAudibilityTurn ?? 0) + 1);
  while (!globalThis.cadenzaMixer?.engine.loaded) await new Promise((done) => setTimeout(done, 100));
  const { mount } = await import(new URL(data.script, document.baseURI).href);
  if (turn === globalThis.cadenzaAudibilityTurn) mount({ ...component, data }); // else what was given later counts
}
"""
_component = st.components.v2.component(
    "cadenza_audibility",
    html='<div class="cadenza-audibility"></div>',
    css=(AUDIBILITY_ASSETS / "audibility.css").read_text(encoding="utf-8"),
    js=_SCRIPT,
)


def audibility_panel(ready: Playable, listener: Listener, label: str, mix: MixSettings) -> None:
    """Show the picture of these stems for a listener; of the settings, those are used that the mixer does not hold."""
    chosen = get_prescription(mix.prescription)
    names = list(ready.stems.sounds)
    ears = tuple(_plain(ear) for ear in (listener.audiogram_left, listener.audiogram_right))
    data = {
        "script": f"{AUDIBILITY_URL}/index.js",
        "levels": {"remix": f"/levels/{ready.stems.id}", "reference": _reference(ready, names)},
        "names": names,
        "labels": [ready.label(name) for name in names],
        "threshold": [list(_threshold(*ear)) for ear in ears],
        "response": [list(row) for row in _response(ears, chosen.id)] if chosen.is_linear else None,
        "aid_label": chosen.title if chosen.is_linear else None,
        "calibration_db_spl": mix.calibration_db_spl,
        "listener_label": label,
        "note": _note(chosen.title, chosen.is_linear),
    }
    _component(key="audibility", data=[data])  # in a list: see drawing


def _reference(ready: Playable, names: list[str]) -> str | None:
    """Give where the levels of the true stems are, for when the mixer plays these."""
    return f"/levels/{ready.truth.id}" if ready.truth and list(ready.truth.sounds) == names else None


def _note(title: str, is_linear: bool) -> str:
    heard = "Levels at the ear in dB SPL over Hz, in third-octave bands. "
    if is_linear:
        return f"{heard}Curves with {title}; the limiter is not in them."
    return f"{heard}The gain of {title} follows the level, so the picture is without it."


def _plain(ear: Audiogram) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(ear.frequencies.tolist()), tuple(ear.levels.tolist())


@functools.lru_cache(maxsize=400)
def _threshold(frequencies: tuple[float, ...], levels: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(threshold_spl(Audiogram(levels=list(levels), frequencies=list(frequencies))).tolist())


@functools.lru_cache(maxsize=200)
def _response(
    ears: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...], prescription: str
) -> tuple[tuple[float, ...], ...]:
    left, right = (Audiogram(levels=list(levels), frequencies=list(hertz)) for hertz, levels in ears)
    return tuple(tuple(row) for row in ear_responses(Listener(left, right), prescription).tolist())
