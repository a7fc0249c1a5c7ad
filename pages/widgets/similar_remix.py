"""A remix and its reference: how far the same gains on separated stems are from those on the true ones."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from cadenza_core.audio import STEMS
from cadenza_core.catalog import WHOLE
from cadenza_core.embedding.collection import Collection
from cadenza_core.embedding.compare import Comparison, compare_remix
from cadenza_core.embedding.tracks import Track, tracks_key
from cadenza_core.errors import CadenzaError
from cadenza_core.progress import Progress, part
from cadenza_core.remix import MixSettings
from cadenza_core.separation import get_system, systems

from .messages import plain
from .services import services
from .similar_choice import Choice
from .similar_drawing import COLOURS, time_ticks
from .similar_map import embedded
from .similar_sections import pick_song
from .similar_work import embedder_for, result_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["remix_panel"]

_NAMES = {"remix": "the remix", "original": "the original mixture"}
_COLOURS = dict(zip(_NAMES, COLOURS, strict=False))


def remix_panel(choice: Choice) -> None:
    """Show how far a remix is from its reference."""
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        song = pick_song(choice, "similar_remix_song", true_stems=True)
    if song is None:
        return
    settings = services().settings
    ready = {info.id: info for info in systems() if not get_system(info.id, settings).unavailable_reason()}
    with right:
        system = st.selectbox(
            "Separation",
            list(ready),
            key="similar_remix_system",
            format_func=lambda key: ready[key].title.partition(" (")[0],
        )
    mix = _mix(song.id)
    gains = mix.gains
    st.caption(f"Gains as the Studio has them now for this song: {_gains_text(mix)}. Change them there and come back.")

    def work(progress: Progress) -> Mapping[str, Comparison]:
        embeddings = embedder_for(choice.model, progress)
        return compare_remix(song, str(system), gains, WHOLE, embeddings, settings, part(progress, 0.05, 1.0))

    key = f"compare-{tracks_key([Track(song)], choice.model.space, system, gains.as_dict())}"
    found = result_of(key, f"Comparing {song.name}", work, label="Compare the remix with its reference", auto=False)
    if found is None:
        return
    st.plotly_chart(_figure(found), key=f"curve_{key}", width="stretch", config={"displayModeBar": False})
    _numbers(found, choice)


def _mix(song_id: str) -> MixSettings:
    content = st.session_state.get("mix", {}).get(song_id)
    try:
        return MixSettings.from_mixer(content) if content else MixSettings()
    except CadenzaError as error:
        st.warning(plain(str(error)))
        return MixSettings()


def _gains_text(mix: MixSettings) -> str:
    def one(name: str) -> str:
        lane = mix.lane(name)
        if lane.mute:
            return f"{name} muted"
        both = f"{lane.left:+g}" if lane.left == lane.right else f"{lane.left:+g}/{lane.right:+g}"
        return f"{name} {both.replace('-inf', 'silent')} dB"

    return ", ".join(one(name) for name in STEMS)


def _numbers(found: Mapping[str, Comparison], choice: Choice) -> None:
    """Set the distances against those of the map's pairs, in the same space only."""
    mapped = embedded(choice)
    for column, (name, one) in zip(st.columns(2), found.items(), strict=True):
        text = f"{one.distance:.4g}"
        delta = None
        if mapped is not None:
            delta = _percentile(mapped.collection, one)
        column.metric(
            f"l1 distance of {_NAMES[name]} to the reference", text, delta, delta_color="off", delta_arrow="off"
        )
    st.caption(
        "The reference is the same remix of the true stems. A remix that is nearer to it than the original mixture is has "
        "gained something. Both are brought to one level first."
    )


def _percentile(collection: Collection, one: Comparison) -> str | None:
    collection.check_space(one.space)
    share = collection.percentile(one.distance)
    return None if math.isnan(share) else f"closer than {share:.1f} % of the map's pairs"


def _figure(found: Mapping[str, Comparison]) -> "go.Figure":
    import plotly.graph_objects as go

    figure = go.Figure()
    last = 0.0
    for name, one in found.items():
        line = {"color": _COLOURS[name], "dash": "solid" if name == "remix" else "dot"}
        figure.add_trace(go.Scatter(x=one.times, y=one.curve, mode="lines", name=_NAMES[name], line=line))
        last = max(last, float(one.times[-1]))
    values, words = time_ticks(last)
    figure.update_xaxes(tickvals=values, ticktext=words)
    figure.update_yaxes(title="l1 distance to the reference", rangemode="tozero")
    figure.update_layout(height=300, margin={"l": 8, "r": 8, "t": 8, "b": 8}, legend={"orientation": "h", "y": 1.1})
    return figure
