"""The player: switch at once between sounds that are mixed already, at the same place and without a gap (`assets/player/`).

All sounds run together from one context time; what is heard is a crossfade of gains. One player per page.

`data`
------
``key``: str
    Another key: other sounds. The same key: nothing is loaded, whatever else is given.
``place``: str
    Sounds of the same place are the same moment of the same song: the position stays when they change.
``rate``: int; ``frames``: int; ``offset_s``: float
    Sample rate, length of all sounds in samples, and where in the song they start.
``sounds``: [{"id", "label", "note", "url", "peaks_url", "level_db", "plain_db"}, ...]
    In the order to be shown, keys 1 to 9. ``level_db``: what it is lowered by to be as loud as the quietest; ``plain_db``
    (0 if left out): what it is lowered by otherwise, so that it does not clip. Both 0 or less: nothing is raised.
``loudness``: float or None (left out)
    Integrated loudness of each once it is lowered by its ``level_db``, LUFS: what they are matched to. The level at the ear is
    shown with it.
``calibration_db_spl``, ``ceiling_db_spl``: float, the core's defaults if left out
    What full scale is at the ear at volume 0, and what no peak there exceeds, as for the mixer. The volume is the page's own.
``aided``: bool, false if left out
    Whether they are amplified for a listener: the warning of loud sound says so.
``may_unmatch``: bool, true if left out
    Whether the user may hear them as they are.
``blind``: bool, false if left out
    No waveform is drawn: it would tell which is which.
``report``: bool, false if left out
    Whether what was heard comes back, and so runs the script again (300 ms after each change).

What comes back, if ``report``
------------------------------
``{"key", "selected", "matched", "plays": {id: n}, "heard_s": {id: s}, "switches": [{"at_ms", "position_s", "from", "to"}]}``,
or None before anything was heard.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from cadenza_core.hearing.safe_levels import CEILING_DB_SPL
from cadenza_core.hearing.thresholds import CALIBRATION_DB_SPL

from .mixer import SOUND_STYLE

__all__ = ["PLAYER_ASSETS", "PLAYER_URL", "player"]

PLAYER_ASSETS = Path(__file__).resolve().parents[2] / "assets" / "player"
PLAYER_URL = "/assets/player"
# Several lines: Streamlit takes a script of one line for the path of a file.
_SCRIPT = """
export default async function (component) {
  const { mount } = await import(new URL(component.data.script, document.baseURI).href);
  return mount(component);
}
"""
_component = st.components.v2.component(
    "cadenza_player",
    html='<div class="cadenza-player"></div>',
    css="".join(path.read_text(encoding="utf-8") for path in (SOUND_STYLE, PLAYER_ASSETS / "player.css")),
    js=_SCRIPT,
)


def player(data: Mapping[str, Any], key: str = "player") -> dict[str, Any] | None:
    """Show the player; give what was heard, if the data ask for a report.

    Parameters
    ----------
    data : mapping
        See the top of this module.
    key : str
        Streamlit's key of the component.
    """
    levels = {"calibration_db_spl": CALIBRATION_DB_SPL, "ceiling_db_spl": CEILING_DB_SPL}
    sent = {**levels, **data, "script": f"{PLAYER_URL}/index.js"}
    result = _component(key=key, data=sent, on_log_change=lambda: None)
    log: dict[str, Any] | None = result.log
    return log if log and log.get("key") == data["key"] else None
