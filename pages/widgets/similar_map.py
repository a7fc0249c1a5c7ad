"""The map: a point for each piece, near where it sounds alike; a click plays it and lists its neighbours."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from cadenza_core.embedding.collection import Collection, Item, Neighbour, collect
from cadenza_core.embedding.maps import METHODS, SpaceMap, draw_map, methods
from cadenza_core.embedding.tracks import tracks_key
from cadenza_core.progress import Progress, part

from .clip_player import item_title, play, span_text
from .messages import plain
from .services import services
from .similar_choice import Choice
from .similar_drawing import COLOURS
from .similar_work import embedder_for, result_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["embedded", "map_panel"]

#: As in the mixer.
_STEMS = {"vocals": "#d55e00", "drums": "#0072b2", "bass": "#009e73", "other": "#cc79a7", "mixture": "#0b7fab"}
_NEIGHBOURS = 10
#: Tracks that are embedded without being asked where a model is quick.
_UNASKED = 60
#: From here on points are drawn by WebGL.
_MANY = 1500


@dataclass(frozen=True)
class Mapped:
    """A collection and where it is drawn."""

    collection: Collection
    drawn: SpaceMap


def embedded(choice: Choice, method: str = "pca") -> Mapped | None:
    """Give the chosen pieces as points, once they are embedded; else show how far that is."""
    for fault in choice.faults:
        st.caption(f":material/info: {plain(fault)}")
    if not choice.tracks:
        st.info("There is nothing to compare: pick songs that have stems, or where they shall come from.")
        return None
    settings = services().settings

    def work(progress: Progress) -> Mapped:
        embeddings = embedder_for(choice.model, progress)
        found = collect(choice.tracks, embeddings, choice.cut, settings, part(progress, 0.05, 0.9))
        drawn = draw_map(found, settings, method, part(progress, 0.9, 0.98))
        _ = found.pair_distances  # a second for many points: now, not at the first click
        return Mapped(found, drawn)

    quick = choice.model.size_mb == 0 and len(choice.tracks) <= _UNASKED and not any(t.system for t in choice.tracks)
    key = f"map-{tracks_key(choice.tracks, choice.model.space, choice.cut.seconds, method)}"
    title = f"Embedding {len(choice.tracks)} tracks"
    result: Mapped | None = result_of(key, title, work, label=f"Embed {len(choice.tracks)} tracks", auto=quick)
    return result


def map_panel(choice: Choice) -> None:
    """Show the map and, beside it, the neighbours of what was picked."""
    method = "pca"
    if len(methods()) > 1:
        method = str(
            st.segmented_control(
                "Map", methods(), format_func=METHODS.__getitem__, default="pca", key="similar_method", required=True
            )
        )
    mapped = embedded(choice, method)
    if mapped is None:
        return
    found = mapped.collection
    picked = _picked(found)
    others = bool(st.session_state.get("similar_others"))
    near = [] if picked is None else found.neighbours(picked, _NEIGHBOURS, other_songs=others)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _chart(mapped, choice, picked, near)
    with right:
        _neighbours(found, picked, near)


def _chart(mapped: Mapped, choice: Choice, picked: int | None, near: Sequence[Neighbour]) -> None:
    found = mapped.collection
    key = f"similar_chart_{found.key}_{mapped.drawn.method}"
    event: Any = st.plotly_chart(
        _figure(mapped, choice.kind, picked, near),
        key=key,
        on_select="rerun",
        selection_mode="points",
        width="stretch",
        config={"displaylogo": False, "scrollZoom": True, "modeBarButtonsToRemove": ["select2d", "lasso2d", "toImage"]},
    )
    points = event["selection"]["points"]
    if points and (number := _number(points[0])) is not None and st.session_state.get("similar_click") != (key, number):
        st.session_state["similar_click"] = (key, number)
        _pick(found, number)
        st.rerun()
    if not points:
        st.session_state.pop("similar_click", None)
    shown = (
        "" if math.isnan(mapped.drawn.shown) else f"; its axes show {100 * mapped.drawn.shown:.0f} % of the variance"
    )
    silent = f"; {found.silent} silent pieces are left out" if found.silent else ""
    st.caption(f"{len(found)} points, {METHODS[mapped.drawn.method]}{shown}{silent}. Space {found.space}.")
    for note in found.notes:
        st.caption(plain(note))


def _number(point: Any) -> int | None:
    data = point.get("customdata")
    value = data[0] if isinstance(data, list | tuple) and data else data
    return int(value) if isinstance(value, int | float) else None


def _pick(found: Collection, number: int) -> None:
    st.session_state["similar_pick"] = (found.key, number)
    play(found.items[number])


def _picked(found: Collection) -> int | None:
    key, number = st.session_state.get("similar_pick", ("", 0))
    return number if key == found.key else None


def _figure(mapped: Mapped, kind: str, picked: int | None, near: Sequence[Neighbour]) -> "go.Figure":
    import plotly.graph_objects as go

    found, points = mapped.collection, mapped.drawn.points
    marks = go.Scattergl if len(found) > _MANY else go.Scatter
    figure = go.Figure()
    for name, colour, numbers in _groups(found.items, kind):
        figure.add_trace(
            marks(
                x=points[numbers, 0],
                y=points[numbers, 1],
                mode="markers",
                name=html.escape(name),
                customdata=numbers,
                text=[html.escape(f"{item_title(found.items[k])}, {span_text(found.items[k])}") for k in numbers],
                hovertemplate="%{text}<extra></extra>",
                marker={"size": 6 if len(found) > 500 else 10, "color": colour, "opacity": 0.85},
                unselected={"marker": {"opacity": 0.6}},
            )
        )
    if picked is not None:
        rings = (([one.number for one in near], "neighbours", 13, 1.5), ([picked], "picked", 17, 3))
        for numbers, name, size, width in rings:
            line = {"width": width, "color": "#888888" if name == "neighbours" else "#e69f00"}
            marker = {"size": size, "color": "rgba(0,0,0,0)", "line": line}
            spot = {"x": points[numbers, 0], "y": points[numbers, 1], "customdata": numbers}
            figure.add_trace(go.Scatter(**spot, mode="markers", name=name, hoverinfo="skip", marker=marker))
    figure.update_layout(
        height=560,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        dragmode="pan",
        clickmode="event+select",
        legend={"orientation": "h", "y": -0.02, "itemsizing": "constant"},
        uirevision=found.key,
    )
    axis = {"showticklabels": False, "title": None, "zeroline": False}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis, scaleanchor="x")
    return figure


def _groups(items: Sequence[Item], kind: str) -> list[tuple[str, str, list[int]]]:
    """Give name, colour and numbers of the points of each legend entry: stems by stem, else songs, the rest together."""
    by: dict[str, list[int]] = {}
    for number, item in enumerate(items):
        by.setdefault(item.track.part if kind == "Stems" else item.track.song.name, []).append(number)
    if kind == "Stems":
        return [(name, _STEMS.get(name, "#7f7f7f"), numbers) for name, numbers in by.items()]
    order = sorted(by, key=lambda name: -len(by[name])) if len(by) > len(COLOURS) else list(by)
    shown = order if len(by) <= len(COLOURS) else order[: len(COLOURS) - 1]
    groups = [(name, COLOURS[k], by[name]) for k, name in enumerate(shown)]
    rest = [number for name in order[len(shown) :] for number in by[name]]
    return [*groups, (f"{len(order) - len(shown)} other songs", COLOURS[-1], rest)] if rest else groups


def _neighbours(found: Collection, picked: int | None, near: Sequence[Neighbour]) -> None:
    st.markdown("**Nearest neighbours**")
    st.toggle("Other songs only", key="similar_others")
    if picked is None:
        st.caption("Click a point to hear it and to see what sounds most like it.")
        return
    item = found.items[picked]
    st.caption(plain(f"Of {item_title(item)}, {span_text(item)}"))
    if not near:
        st.caption("There is nothing else to compare with.")
        return
    rows = [
        {
            "Song": found.items[one.number].track.song.name,
            "Part": found.items[one.number].track.part,
            "Time": span_text(found.items[one.number]),
            "Closer than": one.percentile,
        }
        for one in near
    ]
    turn = st.session_state.setdefault("similar_turn", 0)
    bar = st.column_config.ProgressColumn(
        "Closer than",
        format="%.1f %%",
        min_value=0.0,
        max_value=100.0,
        help="Share of all pairs of the map that are farther apart",
    )
    chosen = st.dataframe(
        rows,
        key=f"similar_near_{found.key}_{picked}_{turn}",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        column_config={"Closer than": bar},
        height=38 + 35 * len(rows),
    )["selection"]["rows"]
    if chosen and chosen[0] < len(near):
        play(found.items[near[chosen[0]].number])
        st.session_state["similar_turn"] = turn + 1  # so that the same row can be clicked again
        st.rerun()
    st.caption("Click a row to hear it. Distances are taken in the space itself (l1), not on the map.")
    if st.button("Show the nearest on the map", icon=":material/near_me:"):
        _pick(found, near[0].number)
        st.rerun()
