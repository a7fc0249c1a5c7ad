"""One view of the analysis at a time: its figure, its table, its files; and the way from a pair to the studio."""

import hashlib
from typing import Any

import pandas as pd
import streamlit as st

from cadenza_core.analysis.catalogue import VIEWS, View
from cadenza_core.analysis.figures import heat_map_figure
from cadenza_core.separation import systems

from .files_out import files_out
from .messages import plain
from .scored import Picked, kept
from .selection import open_pair
from .services import services

__all__ = ["insight"]

_ICONS = {
    "stem": "equalizer", "severity": "hearing", "average": "scatter_plot", "song": "music_note", "listener": "person",
    "heatmap": "grid_on", "sdr": "bubble_chart", "difference": "difference", "outliers": "error", "help": "lightbulb",
    "significance": "balance",
}  # fmt: skip
_CONFIG = {"displaylogo": False}


def insight(picked: Picked, export: Any) -> None:
    """Show the choice of views and the chosen one; its files are offered in the place `export`."""
    table = picked.table
    names_here = list(picked.chosen.system) or table.choices("system")
    if not names_here:
        st.info(
            "This set has no scores of your own yet; published figures are on the Leaderboard. Import a scores.csv there.",
            icon=":material/query_stats:",
        )
        return
    names = list(VIEWS)
    name = st.pills(
        "View",
        names,
        key=kept("view", names, "stem"),
        format_func=lambda one: f":material/{_ICONS[one]}: {VIEWS[one].title}",
        label_visibility="collapsed",
    )
    view = VIEWS[name or "stem"]
    chosen = _systems(view, names_here)
    if chosen is None:
        return
    frame = services().scores.once(
        table,
        ("view", view.name, *picked.key, chosen),
        lambda: view.of(table, picked.chosen, target=picked.target, systems=chosen),
    )
    if not len(frame):
        st.info(_nothing(view), icon=":material/query_stats:")
        return
    st.caption(plain(_about(view, frame)))
    key = hashlib.sha256(repr((table.state, table.evaluation_set, view.name, picked.key, chosen)).encode()).hexdigest()[
        :16
    ]
    with export:
        files_out(f"{view.name}-{table.evaluation_set}", frame, lambda: view.figure(frame, chosen), key)
    _draw(picked, view, frame, chosen)
    with st.expander("Table", icon=":material/table:"):
        st.dataframe(frame, hide_index=not frame.index.name, height=min(38 + 35 * len(frame), 480))


def _systems(view: View, names: list[str]) -> tuple[str, ...] | None:
    if view.systems == 0:
        return ()
    if view.systems == 1:
        return (str(st.selectbox("System", names, key=kept("of", names, names[0]))),)
    if len(names) < 2:
        st.info("A difference needs two names with scores in this set.", icon=":material/difference:")
        return None
    left, right = st.columns(2)
    one = left.selectbox("System", names, key=kept("of", names, names[0]))
    others = [name for name in names if name != one]
    return str(one), str(right.selectbox("less", others, key=kept("less", others, others[0])))


def _nothing(view: View) -> str:
    if view.name == "sdr":
        return "There is no SDR stored beside HAAQI here. `cadenza scores export` shows what there is."
    if view.name == "outliers":
        return "No pair is out of line: all are within 3.5 robust standard deviations of what song and listener let expect."
    if view.name == "average":
        return "No listener's audiogram is known here. Set CADENZA_LISTENERS to the listener file, and import again."
    if view.name == "help":
        return "This needs scores of the stems; the filters, or the set, leave none."
    return "No score passes these filters. Widen them, or choose another set."


def _about(view: View, frame: pd.DataFrame) -> str:
    if view.name == "help":
        first = frame.sort_values("gain_own", ascending=False).iloc[0]
        return (
            f"{first['system']}: {first['stem']} costs most. As good as its best stem, the score would be "
            f"{first['gain_own']:.4f} higher; it is the worst stem in {first['share_worst']:.0%} of the pairs."
        )
    return f"{view.about[0].upper()}{view.about[1:]}."


def _draw(picked: Picked, view: View, frame: pd.DataFrame, chosen: tuple[str, ...]) -> None:
    if view.name == "heatmap":
        st.caption(":material/ads_click: Click a cell to open the song and the listener in the Studio.")
        event: Any = st.plotly_chart(
            heat_map_figure(frame, selectable=True),
            key="heat_map",
            width="stretch",
            on_select="rerun",
            selection_mode="points",
            config=_CONFIG,
        )
        points = event["selection"]["points"]
        if points:
            song, listener = points[0]["customdata"][:2]
            open_pair(str(song), str(listener), _separation(picked, chosen[0]))
        return
    st.plotly_chart(view.figure(frame, chosen), key=f"view_{view.name}", width="stretch", config=_CONFIG)
    if view.name == "outliers":
        _open_outlier(picked, frame)


def _separation(picked: Picked, system: str) -> str:
    """Give the separation of a stored system, if the studio has it."""
    name = str(picked.table.systems["separation"].get(system, ""))
    return name if name in {info.id for info in systems()} else ""


def _open_outlier(picked: Picked, frame: pd.DataFrame) -> None:
    rows = [
        f"{row.song} for {row.listener}: {row.haaqi:.3f}, expected {row.expected:.3f}" for row in frame.itertuples()
    ]
    number, button = st.columns([5, 1.2], vertical_alignment="bottom")
    chosen = number.selectbox("Listen to", range(len(rows)), format_func=rows.__getitem__, key="outlier")
    if button.button("Open in the Studio", icon=":material/tune:", width="stretch"):
        row = frame.iloc[chosen]
        open_pair(str(row["song"]), str(row["listener"]), _separation(picked, str(row["system"])))
