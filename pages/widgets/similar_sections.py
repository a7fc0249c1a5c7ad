"""The section timeline of a song: where it changes, and which parts sound alike; a click plays a section."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from cadenza_core.catalog import Song
from cadenza_core.embedding.collection import Item
from cadenza_core.embedding.sections import Section, Timeline, find_timeline
from cadenza_core.embedding.tracks import Track, over_time, tracks_key
from cadenza_core.progress import Progress, part

from .clip_player import play
from .messages import clock
from .services import services
from .similar_choice import Choice
from .similar_drawing import COLOURS, time_ticks
from .similar_work import embedder_for, result_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["pick_song", "sections_panel"]


def pick_song(choice: Choice, key: str, *, label: str = "Song", true_stems: bool = False) -> Song | None:
    """Ask for one of the chosen songs."""
    songs = {song.id: song for song in choice.songs if song.has_stems or not true_stems}
    if not songs:
        st.info("None of the chosen songs has its four true stems." if true_stems else "No song is chosen.")
        return None
    picked = st.selectbox(
        label, list(songs), key=key, format_func=lambda song: songs[song].name if song in songs else str(song)
    )
    return songs.get(str(picked)) or next(iter(songs.values()))


def sections_panel(choice: Choice) -> None:
    """Show the sections of a song."""
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    with left:
        song = pick_song(choice, "similar_section_song")
    if song is None:
        return
    sensitivity = right.slider(
        "Sensitivity: how small a change begins a section", 0.0, 1.0, 0.5, 0.05, key="similar_sensitivity"
    )
    settings, track = services().settings, Track(song)

    def work(progress: Progress) -> Timeline:
        embeddings = embedder_for(choice.model, progress)
        return find_timeline(over_time(track, embeddings, settings, part(progress, 0.05, 0.95)), song.duration)

    key = f"over-time-{tracks_key([track], choice.model.space)}"
    quick = choice.model.size_mb == 0
    line: Timeline | None = result_of(key, f"Embedding {song.name}", work, label=f"Embed {song.name}", auto=quick)
    if line is None:
        return
    sections = line.sections(sensitivity)
    event: Any = st.plotly_chart(
        _figure(line, sections),
        key=f"sections_{song.id}_{sensitivity}",
        on_select="rerun",
        selection_mode="points",
        width="stretch",
        config={"displayModeBar": False},
    )
    points = event["selection"]["points"]
    number = next((p["customdata"][0] for p in points if p.get("customdata")), None)
    seen = (song.id, sensitivity, number)
    if number is not None and st.session_state.get("section_click") != seen:
        st.session_state["section_click"] = seen
        section = sections[int(number)]
        play(Item(track, section.start, section.stop))
        st.rerun()
    if number is None:
        st.session_state.pop("section_click", None)
    st.caption("Sections of one letter sound alike. Click one to hear it; the curve tells how much the sound changes.")


def _figure(line: Timeline, sections: list[Section]) -> "go.Figure":
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.45, 0.55], vertical_spacing=0.04)
    for number, section in enumerate(sections):
        colour = COLOURS[(ord(section.letter[0]) - ord("A")) % len(COLOURS)]
        figure.add_trace(
            go.Bar(
                x=[section.stop - section.start],
                base=[section.start],
                y=[""],
                orientation="h",
                text=[section.letter],
                textposition="inside",
                insidetextanchor="middle",
                textfont={"size": 16, "color": "#ffffff"},
                marker={"color": colour, "line": {"width": 1, "color": "#ffffff"}},
                customdata=[[number]],
                hovertext=f"{section.letter}: {clock(section.start)} to {clock(section.stop)}",
                hoverinfo="text",
                unselected={"marker": {"opacity": 0.75}},
            ),
            row=1,
            col=1,
        )
    curve = go.Scatter(
        x=line.times, y=line.novelty, mode="lines", line={"color": "#7f7f7f"}, fill="tozeroy", hoverinfo="skip"
    )
    figure.add_trace(curve, row=2, col=1)
    last = line.duration
    values, words = time_ticks(last)
    figure.update_xaxes(range=[0, last], tickvals=values, ticktext=words, fixedrange=True)
    figure.update_yaxes(showticklabels=False, fixedrange=True, zeroline=False, showgrid=False)
    figure.update_layout(height=260, showlegend=False, barmode="overlay", bargap=0.05, clickmode="event+select")
    figure.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8})
    return figure
