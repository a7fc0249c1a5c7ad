"""Teach by example: label regions, train on them, tag the rest, correct what is wrong, export the events."""

import html
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from cadenza_core.audio import STEMS
from cadenza_core.embedding.collection import Item
from cadenza_core.embedding.events import GRID, Postprocessing
from cadenza_core.embedding.teach import (
    NONE,
    Lesson,
    Region,
    Tag,
    Taught,
    corrected,
    events_csv,
    events_json,
    lesson_names,
    read_lesson,
    save_lesson,
    tag,
    teach,
    track_key,
)
from cadenza_core.embedding.tracks import MIXTURE, Track, tracks_key, tracks_of
from cadenza_core.errors import CadenzaError
from cadenza_core.progress import Progress, part

from .clip_player import item_title, play, span_text
from .messages import plain
from .services import services
from .similar_choice import Choice
from .similar_drawing import COLOURS, time_ticks
from .similar_work import embedder_for, result_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["teach_panel"]

_FIRST = "My lesson"


@dataclass(frozen=True)
class Tagged:
    """What a lesson taught, and what it found."""

    taught: Taught
    tags: tuple[Tag, ...]
    notes: tuple[str, ...]


def teach_panel(choice: Choice) -> None:
    """Show the lesson on the left, what it finds on the right."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        lesson = _lesson()
        lesson = _regions(lesson, choice)
    with right:
        if not lesson.regions:
            st.markdown("**Teach by example**")
            st.markdown(
                "1. Pick a sound on the map or a section, or type in a region, and give it a label. Two kinds at least; "
                f"`{NONE}` stands for what is none of them. Twenty regions go a long way.\n"
                "2. Press *Teach and tag*: the labels are looked for in all chosen songs.\n"
                "3. Correct what is wrong and teach again; export the events."
            )
            return
        _tagged(lesson, choice)


def _lesson() -> Lesson:
    settings = services().settings
    names = lesson_names(settings) or [_FIRST]
    chosen = st.session_state.get("lesson_name", names[0])
    names = list(dict.fromkeys([*names, chosen]))
    name_place, new_place = st.columns([3, 2], vertical_alignment="bottom")
    picked = name_place.selectbox("Lesson", names, index=names.index(chosen))
    with new_place.popover("New", width="stretch"), st.form("new_lesson", border=False, clear_on_submit=True):
        text = st.text_input("Name of the new lesson")
        if st.form_submit_button("Begin") and text.strip():
            save_lesson(Lesson(text.strip(), ()), settings)
            picked = text.strip()
            st.session_state["lesson_name"] = picked
            st.rerun()
    st.session_state["lesson_name"] = picked
    return read_lesson(str(picked), settings)


def _regions(lesson: Lesson, choice: Choice) -> Lesson:
    """Show the labelled regions, to be added, changed and removed; give the lesson as it is now."""
    item: Item | None = st.session_state.get("clip")
    with st.form("label_picked", border=False, clear_on_submit=True):
        words, button = st.columns([3, 2], vertical_alignment="bottom")
        known = sorted({region.label for region in lesson.regions})
        label = words.text_input("Label of the picked sound", placeholder=", ".join(known) or "chorus")
        if (
            button.form_submit_button("Add", disabled=item is None, width="stretch")
            and item is not None
            and label.strip()
        ):
            made = Region(item.track.song.id, item.start, item.stop, label.strip(), item.track.part, item.track.system)
            return _keep(lesson, [*lesson.regions, made])
    picked = "Nothing is picked yet." if item is None else f"Picked: {item.track.song.name}, {span_text(item)}"
    st.caption(plain(picked) + " Or add a row below.")
    turn = st.session_state.setdefault("lesson_turn", 0)
    columns = ("song", "part", "start", "stop", "label", "system")
    edited = st.data_editor(
        {name: [getattr(region, name) for region in lesson.regions] for name in columns},
        key=f"lesson_{lesson.name}_{turn}",
        num_rows="dynamic",
        hide_index=True,
        column_order=columns[:-1],
        column_config={
            "song": st.column_config.SelectboxColumn("Song", options=[song.id for song in choice.songs], required=True),
            "part": st.column_config.SelectboxColumn("Part", options=[MIXTURE, *STEMS], default=MIXTURE, required=True),
            "start": st.column_config.NumberColumn("From (s)", min_value=0.0, format="%.2f", required=True),
            "stop": st.column_config.NumberColumn("To (s)", min_value=0.0, format="%.2f", required=True),
            "label": st.column_config.TextColumn("Label", required=True),
        },
    )
    return _from_rows(lesson, edited)


def _from_rows(lesson: Lesson, edited: Any) -> Lesson:
    count = len(edited["song"])
    rows = [{name: values[k] for name, values in edited.items()} for k in range(count)]
    regions = []
    for row in rows:
        if any(_is_missing(row[name]) for name in ("song", "start", "stop", "label")):
            continue  # a row that is being written
        facts = {"part": row["part"] or MIXTURE, "system": "" if _is_missing(row["system"]) else row["system"]}
        try:
            regions.append(
                Region(str(row["song"]), float(row["start"]), float(row["stop"]), str(row["label"]).strip(), **facts)
            )
        except CadenzaError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return lesson
    if tuple(regions) == lesson.regions:
        return lesson
    made = Lesson(lesson.name, tuple(regions))
    save_lesson(made, services().settings)
    return made


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _keep(lesson: Lesson, regions: Sequence[Region]) -> Lesson:
    """Save changed regions and show them in a new table."""
    save_lesson(Lesson(lesson.name, tuple(regions)), services().settings)
    st.session_state["lesson_turn"] += 1
    st.rerun()


def _tagged(lesson: Lesson, choice: Choice) -> None:
    labels = sorted({region.label for region in lesson.regions})
    counts = ", ".join(f"{label} {sum(r.label == label for r in lesson.regions)}" for label in labels)
    st.markdown(f"**What it finds** in {len(choice.songs)} songs. Regions: {plain(counts)}")
    shortest = st.segmented_control(
        "Shortest event",
        [p.min_duration for p in GRID],
        format_func=lambda ms: f"{ms:g} ms",
        default=125.0,
        key="teach_shortest",
        required=True,
    )
    processing = Postprocessing(min_duration=float(shortest or 125.0))
    targets = _targets(lesson, choice)
    songs = services().catalog().songs
    known = {song.id: song for song in (*songs.values(), *choice.songs)}
    settings = services().settings

    def work(progress: Progress) -> Tagged:
        embeddings = embedder_for(choice.model, progress)
        tracks = {
            track_key(r.song, r.part, r.system): Track(known[r.song], r.part, r.system)
            for r in lesson.regions
            if r.song in known
        }
        taught = teach(lesson.regions, tracks, embeddings, settings, part(progress, 0.05, 0.4))
        tags: list[Tag] = []
        notes = list(taught.notes)
        for number, target in enumerate(targets):
            show = part(progress, 0.4 + 0.6 * number / len(targets), 0.4 + 0.6 * (number + 1) / len(targets))
            try:
                tags += tag(target, taught, embeddings, settings, processing, show)
            except CadenzaError as error:
                if type(error) is not CadenzaError:
                    raise
                notes.append(f"{target.song.name} is left out: {error}")
        return Tagged(taught, tuple(tags), tuple(notes))

    key = f"teach-{tracks_key(targets, choice.model.space, [asdict(r) for r in lesson.regions], shortest)}"
    now = bool(st.session_state.pop("teach_now", False))
    found: Tagged | None = result_of(key, f"Teaching {lesson.name}", work, label="Teach and tag", auto=now)
    if found is None:
        return
    if not math.isnan(found.taught.right):
        st.caption(
            f"On regions that it was not trained on, {100 * found.taught.right:.0f} % of the frames got the right labels."
        )
    for note in found.notes:
        st.caption(plain(note))
    _tags(lesson, found, targets, key)


def _targets(lesson: Lesson, choice: Choice) -> list[Track]:
    """Give the tracks to look in: of all chosen songs the parts that have regions."""
    targets: list[Track] = []
    for name in dict.fromkeys(region.part for region in lesson.regions):
        system = next((region.system for region in lesson.regions if region.part == name and region.system), "")
        targets += tracks_of(choice.songs, [name], system)[0]
    return targets


def _tags(lesson: Lesson, found: Tagged, targets: Sequence[Track], key: str) -> None:
    if not found.tags:
        st.info("None of the labels was found. Label more regions, or regions that differ more.")
        return
    st.plotly_chart(_figure(found, targets), key=f"events_{key}", width="stretch", config={"displayModeBar": False})
    turn = st.session_state.setdefault("tags_turn", 0)
    rows = {
        "hear": [False] * len(found.tags),
        "song": [one.song for one in found.tags],
        "start": [one.start for one in found.tags],
        "stop": [one.stop for one in found.tags],
        "label": [one.label for one in found.tags],
        "confidence": [one.confidence for one in found.tags],
        "right": [False] * len(found.tags),
    }
    labels = [*found.taught.labels, NONE]
    edited: dict[str, list[Any]] = st.data_editor(
        rows,
        key=f"tags_{key}_{turn}",
        hide_index=True,
        height=min(38 + 35 * len(found.tags), 420),
        disabled=["song", "start", "stop", "confidence"],
        column_config={
            "hear": st.column_config.CheckboxColumn("Hear", width="small"),
            "song": "Song",
            "start": st.column_config.NumberColumn("From (s)", format="%.2f"),
            "stop": st.column_config.NumberColumn("To (s)", format="%.2f"),
            "label": st.column_config.SelectboxColumn("Label", options=labels, required=True),
            "confidence": st.column_config.ProgressColumn("Confidence", min_value=0.0, max_value=1.0, format="%.2f"),
            "right": st.column_config.CheckboxColumn("Right", width="small", help="Learn it as an example"),
        },
    )
    heard = [number for number, value in enumerate(edited["hear"]) if value]
    if heard:
        one = found.tags[heard[-1]]
        track = next(track for track in targets if (track.song.id, track.part) == (one.song, one.part))
        if st.session_state.get("tag_heard") != (key, turn, heard):
            st.session_state["tag_heard"] = (key, turn, heard)
            play(Item(track, one.start, max(one.stop, one.start + 0.05)))
    systems = {(track.song.id, track.part): track.system for track in targets}
    events = corrected(found.tags, [str(label) for label in edited["label"]])
    learned = [
        Region(one.song, one.start, max(one.stop, one.start + 0.05), str(label), one.part, systems[one.song, one.part])
        for one, label, right in zip(found.tags, edited["label"], edited["right"], strict=True)
        if right or label != one.label
    ]
    with st.container(horizontal=True):
        if st.button(f"Learn from {len(learned)} corrections", disabled=not learned, icon=":material/school:"):
            st.session_state["tags_turn"] += 1
            st.session_state["teach_now"] = True
            _keep(lesson, [*lesson.regions, *learned])
        st.download_button("Events (CSV)", events_csv(events), "events.csv", "text/csv", icon=":material/download:")
        st.download_button(
            "Events (HEAR JSON)", events_json(events), "events.json", "application/json", icon=":material/download:"
        )


def _figure(found: Tagged, targets: Sequence[Track]) -> "go.Figure":
    """Draw the events over time, a row a track."""
    import plotly.graph_objects as go

    names = {(track.song.id, track.part): item_title(Item(track, 0.0, track.song.duration)) for track in targets}
    rows = list(dict.fromkeys(names[one.song, one.part] for one in found.tags))
    figure = go.Figure()
    for number, label in enumerate(found.taught.labels):
        own = [one for one in found.tags if one.label == label]
        texts = [f"{html.escape(label)}, {one.start:.2f} to {one.stop:.2f} s" for one in own]
        figure.add_trace(
            go.Bar(
                base=[one.start for one in own],
                x=[one.stop - one.start for one in own],
                y=[html.escape(names[one.song, one.part]) for one in own],
                orientation="h",
                name=html.escape(label),
                hovertext=texts,
                hoverinfo="text",
                marker={"color": COLOURS[number % len(COLOURS)], "line": {"width": 0}},
            )
        )
    values, words = time_ticks(max(track.song.duration for track in targets))
    figure.update_xaxes(tickvals=values, ticktext=words, fixedrange=True, zeroline=False)
    figure.update_yaxes(autorange="reversed", fixedrange=True, automargin=True)
    figure.update_layout(height=90 + 34 * len(rows), barmode="overlay", margin={"l": 8, "r": 8, "t": 8, "b": 8})
    figure.update_layout(legend={"orientation": "h", "y": 1.0, "yanchor": "bottom"}, showlegend=True)
    return figure
