"""What a proposal shall aim at and keep to. The choices outlast the panel: they are kept apart from the widgets' keys."""

from typing import Any

import streamlit as st

from cadenza_core.audio import STEMS
from cadenza_core.errors import CadenzaError
from cadenza_core.playback import Playable
from cadenza_core.remix import UNITY, MixSettings
from cadenza_core.tuning import Audible, Constraints, Objective, Preference, Quality, preferred_raise

from .messages import plain
from .selection import Selection

__all__ = ["AIMS", "options_panel"]

AIMS = {"audibility": "Hear stems better", "preference": "Raise the lead", "haaqi": "Sound like clean stems"}
_HELP = {
    "audibility": "The audible share of the chosen stems' energy rises; what the others lose counts against it.",
    "preference": (
        "Hearing-impaired listeners set the lead louder against its accompaniment than normal-hearing ones do (Benjamin & "
        "Siedenburg 2023, JASA 154). How much suits an audiogram is our choice between published findings."
    ),
    "haaqi": "HAAQI of the amplified remix against the same remix of the true stems; separated stems leak into each other.",
}
_TARGETS = {"mixture": "Original mixture", "now": "Gains set now"}
_DEFAULTS: dict[str, Any] = {
    "aim": "audibility",
    "stems": ["vocals"],
    "trade_off": 0.5,
    "raise_db": None,
    "target": "mixture",
    "range": (-12.0, 6.0),
    "step": 0.5,
    "loudness": 1.0,
    "peak": -1.0,
    "each_ear": False,
}


def options_panel(
    selection: Selection, ready: Playable, mix: MixSettings
) -> tuple[Objective | None, Constraints | None]:
    """Show the choices; give what they come to, None while something is missing."""
    kept: dict[str, Any] = st.session_state.setdefault("proposal_options", dict(_DEFAULTS))
    aim: str = st.selectbox("Aim", list(AIMS), format_func=AIMS.__getitem__, **_bound(kept, "aim"))
    st.caption(plain(_HELP[aim]))
    objective = None
    try:
        objective = _objective(aim, kept, selection, ready, mix)
        return objective, _constraints(kept)
    except CadenzaError as error:
        st.warning(plain(str(error)))
    return None, None


def _bound(kept: dict[str, Any], name: str) -> dict[str, Any]:
    """Give a widget's key and callback, so that it starts from what is kept and keeps what is chosen."""
    key = f"proposal_{name}"
    st.session_state[key] = kept[name]

    def keep() -> None:
        kept[name] = st.session_state[key]

    return {"key": key, "on_change": keep}


def _objective(
    aim: str, kept: dict[str, Any], selection: Selection, ready: Playable, mix: MixSettings
) -> Objective | None:
    if aim == "haaqi":
        if ready.truth is None:
            st.caption("HAAQI compares with the true stems, and this song has none. The demo song has them.")
            return None
        words = "What the remix is compared with: the true stems at these gains"
        st.segmented_control(
            "Target",
            list(_TARGETS),
            format_func=_TARGETS.__getitem__,
            required=True,
            help=words,
            **_bound(kept, "target"),
        )
        if kept["target"] == "now" and mix.gains.is_unity:
            st.caption("All gains are 0 dB now: the target is the original mixture.")
        return Quality(mix.gains if kept["target"] == "now" else UNITY)
    label = "Stems to be heard" if aim == "audibility" else "Lead"
    st.pills(label, STEMS, selection_mode="multi", format_func=str.capitalize, **_bound(kept, "stems"))
    stems = tuple(stem for stem in STEMS if stem in kept["stems"])
    if aim == "audibility":
        words = "What a lost share of the other stems counts against a won one: 0 nothing, 1 the same"
        st.slider("The others count", 0.0, 2.0, step=0.1, help=words, **_bound(kept, "trade_off"))
        return Audible(stems, kept["trade_off"])
    suits = preferred_raise(selection.listener)
    words = f"Left empty: {suits:g} dB, as suits this audiogram"
    st.number_input(
        "Raise by, dB",
        0.5,
        20.0,
        step=0.5,
        placeholder=f"{suits:g} for this audiogram",
        help=words,
        **_bound(kept, "raise_db"),
    )
    return Preference(stems, kept["raise_db"])


def _constraints(kept: dict[str, Any]) -> Constraints:
    with st.expander("Constraints", key="proposal_constraints"):
        st.slider("Range of gains, dB", -24.0, 12.0, step=0.5, **_bound(kept, "range"))
        left, right = st.columns(2, gap="small")
        words = "How much louder or softer than with equal gains the mix may be"
        left.number_input("Loudness, ± LU", 0.5, 12.0, step=0.5, help=words, **_bound(kept, "loudness"))
        words = (
            "Highest true peak of the amplified mix; where equal gains exceed it already, it may rise with the loudness"
        )
        right.number_input("True peak, dBTP", -20.0, 60.0, step=0.5, help=words, **_bound(kept, "peak"))
        left.selectbox("Step, dB", [0.1, 0.5, 1.0, 2.0, 3.0], **_bound(kept, "step"))
        right.toggle("Each ear by itself", **_bound(kept, "each_ear"))
    lowest, highest = kept["range"]
    return Constraints(lowest, highest, kept["step"], kept["loudness"], kept["peak"], linked=not kept["each_ear"])
