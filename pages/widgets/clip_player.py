"""A player of one short sound (`assets/clip/`): the piece that was picked last, played at once, stopped by leaving the page.

The sound comes from our own route, named by its content: Streamlit's own player could play another one.
"""

from pathlib import Path
from typing import Any

import streamlit as st

from cadenza_core.embedding.clips import CLIP, clip_sound
from cadenza_core.embedding.collection import Item

from .messages import clock
from .services import services

__all__ = ["clip_player", "item_title", "play", "span_text"]

_ASSETS = Path(__file__).resolve().parents[2] / "assets" / "clip"
_HTML = """
<div class="cadenza-clip" role="group" aria-label="Picked sound">
  <button type="button" aria-label="Play"></button>
  <span class="clip-title"></span>
  <span class="clip-detail"></span>
  <div class="clip-bar" role="progressbar" aria-label="Position" aria-valuemin="0" aria-valuemax="100"><i></i></div>
  <span class="clip-fault" role="alert"></span>
</div>
"""
_component = st.components.v2.component(
    "cadenza_clip",
    html=_HTML,
    css=(_ASSETS / "clip.css").read_text(encoding="utf-8"),
    js=(_ASSETS / "clip.js").read_text(encoding="utf-8"),
)


def play(item: Item) -> None:
    """Ask for a piece to be played; the player of this run or the next one does."""
    st.session_state["clip"] = item
    st.session_state["clip_nonce"] = st.session_state.get("clip_nonce", 0) + 1


def clip_player() -> None:
    """Show the player with what was picked last."""
    item: Item | None = st.session_state.get("clip")
    data: dict[str, Any] = {"url": "", "title": "Nothing picked yet", "seconds": 1.0, "nonce": 0}
    data["detail"] = "Click a point, a neighbour or a section to hear it."
    if item is not None:
        sound = clip_sound(item, services().settings)
        data |= {"url": f"/audio/{sound.id}/{sound.sounds[CLIP].file}", "title": item_title(item)}
        data |= {
            "detail": span_text(item),
            "seconds": sound.frames / sound.rate,
            "nonce": st.session_state["clip_nonce"],
        }
    _component(key="clip_player", data=data)


def item_title(item: Item) -> str:
    """Give what a piece is of: the song, and which of its stems."""
    part = "" if item.track.part == "mixture" else f", {item.track.part}"
    return f"{item.track.song.name}{part}"


def span_text(item: Item) -> str:
    """Give from when to when it is."""
    return f"{clock(item.start)} to {clock(item.stop)}"
