"""The views as Plotly figures. Names come from files of others: none of them is markup here.

One colour per stem everywhere, from the Okabe-Ito set, which is told apart without colour vision: vocals vermillion, drums
blue, bass bluish green, other reddish purple; the right ear is red, the left blue.
"""

import html
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

__all__ = [
    "EAR_COLOURS",
    "STEM_COLOURS",
    "against_sdr_figure",
    "by_listener_figure",
    "by_pure_tone_average_figure",
    "by_severity_figure",
    "by_song_figure",
    "by_stem_figure",
    "difference_figure",
    "heat_map_figure",
    "leaderboard_figure",
    "outliers_figure",
    "significance_figure",
    "what_would_help_figure",
]

STEM_COLOURS = {"vocals": "#D55E00", "drums": "#0072B2", "bass": "#009E73", "other": "#CC79A7", "remix": "#7D8A99"}
EAR_COLOURS = {"left": "#3a82de", "right": "#d9443e", "": "#7D8A99"}
#: Colours of systems: Tol's "bright" set and three of his "vibrant", told apart without colour vision on light and dark.
_SYSTEMS = (
    "#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#EE7733", "#009988", "#994455", "#999999",
)  # fmt: skip
_GREY = "#7D8A99"
_LONGEST = 34


def _text(name: object) -> str:
    """Give a name as it is: Plotly takes some HTML for markup."""
    return html.escape(str(name), quote=False)


def _short(name: object) -> str:
    text = str(name)
    return _text(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def _labels(names: Iterable[object]) -> dict[str, str]:
    """Give a short label for each name; no two are alike."""
    found: dict[str, str] = {}
    for name in map(str, names):
        label, number = _short(name), 1
        while found.get(name, "") != label and label in found.values():
            number += 1
            label = f"{_short(name)} ({number})"
        found[name] = label
    return found


def _colours(systems: Sequence[str]) -> dict[str, str]:
    return {system: _SYSTEMS[number % len(_SYSTEMS)] for number, system in enumerate(systems)}


def _figure(x: str, y: str, height: int = 420, **layout: Any) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 30, "b": 8},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        hoverlabel={"align": "left"},
        template="plotly_white",
        **layout,
    )
    figure.update_xaxes(title=x, automargin=True)
    figure.update_yaxes(title=y, automargin=True)
    return figure


def _error(frame: pd.DataFrame, mean: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": (frame["high"] - frame[mean]).fillna(0.0),
        "arrayminus": (frame[mean] - frame["low"]).fillna(0.0),
        "thickness": 1.2,
        "width": 3,
    }


def _ordered(column: pd.Series) -> list[str]:
    return [str(value) for value in dict.fromkeys(column)]


def leaderboard_figure(board: pd.DataFrame) -> go.Figure:
    """Draw the mean HAAQI of each system with its interval; published figures hollow."""
    shown = board[board["haaqi"].notna()].iloc[::-1]
    names = [f"{row.system} (published)" if row.published else str(row.system) for row in shown.itertuples()]
    shown = shown.assign(label=list(map(_labels(names).get, names)))
    figure = _figure("HAAQI, mean and 95 % interval", "", height=max(220, 60 + 26 * len(shown)))
    for published, symbol, name in ((False, "circle", "here"), (True, "diamond-open", "published")):
        part = shown[shown["published"].astype(bool) == published]
        if not len(part):
            continue
        figure.add_scatter(
            x=part["haaqi"],
            y=part["label"],
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 10, "color": _GREY if published else _SYSTEMS[0]},
            error_x=None if published else _error(part, "haaqi"),
            hovertemplate="%{y}<br>HAAQI %{x:.4f}<extra></extra>",
        )
    figure.update_yaxes(categoryorder="array", categoryarray=shown["label"].tolist())
    return figure


def by_stem_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw HAAQI by stem and ear, grouped by system."""
    figure = _figure("", "HAAQI", barmode="group")
    systems = _labels(_ordered(frame["system"]))
    for stem in _ordered(frame["stem"]):
        for ear, pattern in (("left", ""), ("right", "/"), ("", "")):
            part = frame[(frame["stem"] == stem) & (frame["ear"] == ear)]
            if not len(part):
                continue
            figure.add_bar(
                x=[systems[str(name)] for name in part["system"]],
                y=part["haaqi"],
                name=f"{stem}, {ear}" if ear else stem,
                marker={"color": STEM_COLOURS.get(stem, _GREY), "pattern": {"shape": pattern, "solidity": 0.25}},
                error_y=_error(part, "haaqi"),
                customdata=part["pairs"],
                hovertemplate=f"%{{x}}<br>{_text(stem)} {ear}: %{{y:.4f}}<br>%{{customdata}} pairs<extra></extra>",
            )
    figure.update_xaxes(categoryorder="array", categoryarray=list(systems.values()))
    return figure


def by_severity_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw HAAQI by severity of the loss, a line for each system."""
    figure = _figure("severity of the better ear's loss", "HAAQI")
    bands = _ordered(frame["severity"])
    colours = _colours(_ordered(frame["system"]))
    for system, part in frame.groupby("system", sort=False, observed=True):
        figure.add_scatter(
            x=part["severity"].astype(str),
            y=part["haaqi"],
            name=_short(system),
            mode="lines+markers",
            line={"color": colours[str(system)]},
            error_y=_error(part, "haaqi"),
            customdata=part["pairs"],
            hovertemplate=f"{_text(system)}<br>%{{x}}: %{{y:.4f}}<br>%{{customdata}} pairs<extra></extra>",
        )
    figure.update_xaxes(categoryorder="array", categoryarray=bands)
    return figure


def by_pure_tone_average_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw each ear's mean HAAQI over its pure-tone average, with a straight line through each system's points."""
    figure = _figure("pure-tone average of the ear, dB HL", "HAAQI")
    colours = _colours(_ordered(frame["system"]))
    for system, part in frame.groupby("system", sort=False, observed=True):
        colour = colours[str(system)]
        figure.add_scatter(
            x=part["average"],
            y=part["haaqi"],
            name=_short(system),
            legendgroup=str(system),
            mode="markers",
            marker={"color": colour, "size": 6, "opacity": 0.6},
            text=[f"{_text(listener)}, {ear}" for listener, ear in zip(part["listener"], part["ear"], strict=True)],
            hovertemplate=f"{_text(system)}<br>%{{text}}: %{{x:.1f}} dB HL<br>%{{y:.4f}}<extra></extra>",
        )
        if part["average"].nunique() > 1:
            slope, start = np.polyfit(part["average"], part["haaqi"], 1)
            ends = np.array([part["average"].min(), part["average"].max()])
            line = {"color": colour, "width": 1.5}
            figure.add_scatter(
                x=ends, y=start + slope * ends, mode="lines", line=line, legendgroup=str(system), showlegend=False,
                hovertemplate=f"{_text(system)}: {10 * slope:+.4f} for 10 dB<extra></extra>",
            )  # fmt: skip
    return figure


def by_song_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw HAAQI by song, the hardest first, a mark for each system."""
    songs = _labels(_ordered(frame["song"]))
    figure = _figure("HAAQI", "", height=max(320, 80 + 17 * len(songs)))
    colours = _colours(sorted(_ordered(frame["system"])))
    for system, part in frame.groupby("system", sort=True, observed=True):
        figure.add_scatter(
            x=part["haaqi"],
            y=[songs[str(song)] for song in part["song"]],
            name=_short(system),
            mode="markers",
            marker={"color": colours[str(system)], "size": 7},
            error_x={**_error(part, "haaqi"), "thickness": 0.8, "width": 0},
            customdata=part["pairs"],
            hovertemplate=f"%{{y}}<br>{_text(system)}: %{{x:.4f}}<br>%{{customdata}} pairs<extra></extra>",
        )
    figure.update_yaxes(categoryorder="array", categoryarray=list(songs.values())[::-1])
    return figure


def by_listener_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw the distribution of each listener's scores as boxes from lowest to highest, the mildest loss first."""
    figure = _figure("listener, the mildest loss first", "HAAQI", boxmode="group")
    colours = _colours(_ordered(frame["system"]))
    listeners = frame.sort_values(["average", "listener"])["listener"]
    for system, part in frame.groupby("system", sort=False, observed=True):
        figure.add_box(
            x=[_text(listener) for listener in part["listener"]],
            name=_short(system),
            lowerfence=part["low"],
            q1=part["q1"],
            median=part["median"],
            q3=part["q3"],
            upperfence=part["high"],
            mean=part["mean"],
            marker={"color": colours[str(system)]},
            line={"width": 1},
        )
    figure.update_xaxes(categoryorder="array", categoryarray=[_text(name) for name in dict.fromkeys(listeners)])
    return figure


def heat_map_figure(grid: pd.DataFrame, *, selectable: bool = False) -> go.Figure:
    """Draw a system's scores of all pairs, songs down and listeners across.

    Parameters
    ----------
    selectable : bool
        Lay invisible marks over the cells, whose `customdata` is (song, listener): a page can tell which was clicked.
    """
    songs, listeners = [str(name) for name in grid.index], [str(name) for name in grid.columns]
    height = max(320, 90 + 17 * len(songs))
    figure = _figure("listener, the mildest loss first", "", height=height)
    values = grid.to_numpy(dtype=float)
    across, down = list(range(len(listeners))), list(range(len(songs)))
    figure.add_heatmap(
        z=values,
        x=across,
        y=down,
        colorscale="Viridis",
        colorbar={"title": "HAAQI", "thickness": 12},
        hoverongaps=False,
        hoverinfo="skip" if selectable else None,
        customdata=None if selectable else _pairs(songs, listeners),
        hovertemplate=None if selectable else _HOVER.replace("%{text}", "%{z:.4f}"),
    )
    if selectable:
        rows, columns = np.nonzero(~np.isnan(values))
        figure.add_scatter(
            x=columns,
            y=rows,
            mode="markers",
            marker={"symbol": "square", "size": 13, "opacity": 0.0},
            selected={"marker": {"opacity": 0.0}},
            unselected={"marker": {"opacity": 0.0}},
            text=[f"{value:.4f}" for value in values[rows, columns]],
            customdata=[(songs[row], listeners[column]) for row, column in zip(rows, columns, strict=True)],
            hovertemplate=_HOVER,
            showlegend=False,
        )
    figure.update_xaxes(tickvals=across, ticktext=[_text(name) for name in listeners], tickangle=-90, showgrid=False)
    figure.update_yaxes(tickvals=down, ticktext=[_short(name) for name in songs], autorange="reversed", showgrid=False)
    figure.update_layout(margin={"t": 8})
    return figure


_HOVER = "%{customdata[0]}<br>%{customdata[1]}: %{text}<extra></extra>"


def _pairs(songs: Sequence[str], listeners: Sequence[str]) -> np.ndarray:
    cells = np.empty((len(songs), len(listeners), 2), dtype=object)
    cells[..., 0] = np.array([_text(song) for song in songs], dtype=object)[:, None]
    cells[..., 1] = np.array([_text(listener) for listener in listeners], dtype=object)[None, :]
    return cells


def against_sdr_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw HAAQI over SDR, a point for each song and stem."""
    figure = _figure("SDR, dB", "HAAQI")
    systems = _ordered(frame["system"])
    symbols = ("circle", "square", "diamond", "cross", "x", "triangle-up", "star", "hexagon", "bowtie", "hourglass")
    for stem, part in frame.groupby("stem", sort=False, observed=True):
        figure.add_scattergl(
            x=part["sdr"],
            y=part["haaqi"],
            name=_text(stem),
            mode="markers",
            marker={
                "color": STEM_COLOURS.get(str(stem), _GREY),
                "size": 7,
                "opacity": 0.75,
                "symbol": [symbols[systems.index(str(name)) % len(symbols)] for name in part["system"]],
            },
            text=[f"{_text(s)}<br>{_text(song)}" for s, song in zip(part["system"], part["song"], strict=True)],
            hovertemplate="%{text}<br>SDR %{x:.2f} dB, HAAQI %{y:.4f}<extra></extra>",
        )
    return figure


def difference_figure(frame: pd.DataFrame, system: str, other: str) -> go.Figure:
    """Draw the difference of two systems by song, the greatest gain on top."""
    title = f"HAAQI of {_short(system)} less that of {_short(other)}"
    figure = _figure(title, "", height=max(320, 80 + 17 * len(frame)))
    songs = _labels(frame["song"])
    colours = np.where(frame["low"] > 0, "#0072B2", np.where(frame["high"] < 0, "#D55E00", _GREY))
    figure.add_bar(
        x=frame["difference"],
        y=list(songs.values()),
        orientation="h",
        marker={"color": colours},
        error_x=_error(frame, "difference"),
        customdata=np.stack([100 * frame["share_better"], frame["pairs"]], axis=-1),
        hovertemplate="%{y}<br>%{x:+.4f}<br>better in %{customdata[0]:.0f} % of %{customdata[1]} pairs<extra></extra>",
    )
    figure.update_yaxes(categoryorder="array", categoryarray=list(songs.values())[::-1])
    return figure


def outliers_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw the pairs that are out of line: what they got over what was to be expected."""
    figure = _figure("expected from song and listener", "HAAQI")
    colours = _colours(sorted(_ordered(frame["system"])))
    for system, part in frame.groupby("system", sort=True, observed=True):
        figure.add_scatter(
            x=part["expected"],
            y=part["haaqi"],
            name=_short(system),
            mode="markers",
            marker={"color": colours[str(system)], "size": 8},
            text=[f"{_text(song)}<br>{_text(one)}" for song, one in zip(part["song"], part["listener"], strict=True)],
            hovertemplate="%{text}<br>%{y:.4f}, expected %{x:.4f}<extra></extra>",
        )
    if len(frame):
        ends = [float(frame[["expected", "haaqi"]].min().min()), float(frame[["expected", "haaqi"]].max().max())]
        figure.add_scatter(
            x=ends, y=ends, mode="lines", line={"color": _GREY, "dash": "dot"}, showlegend=False, hoverinfo="skip"
        )
    return figure


def what_would_help_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw what the score would gain were a stem as good as the system's best one, stacked by system."""
    figure = _figure("gain of the score", "", barmode="stack", height=max(240, 80 + 30 * frame["system"].nunique()))
    systems = _labels(_ordered(frame["system"]))
    for stem in [name for name in STEM_COLOURS if name in set(frame["stem"])]:
        part = frame[frame["stem"] == stem]
        figure.add_bar(
            x=part["gain_own"],
            y=[systems[str(system)] for system in part["system"]],
            orientation="h",
            name=stem,
            marker={"color": STEM_COLOURS[stem]},
            customdata=np.stack([100 * part["share_worst"], part["haaqi"]], axis=-1),
            hovertemplate=(
                f"%{{y}}, {stem}<br>+%{{x:.4f}} were it as good as the best stem<br>now %{{customdata[1]:.4f}}, "
                "the worst in %{customdata[0]:.0f} % of the pairs<extra></extra>"
            ),
        )
    figure.update_yaxes(autorange="reversed")
    return figure


def significance_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw the differences between systems with their intervals; grey: not significant after Holm's correction."""
    shown = frame.iloc[::-1]
    figure = _figure("difference of the mean HAAQI", "", height=max(240, 80 + 24 * len(frame)))
    names = [f"{_short(one)} - {_short(other)}" for one, other in zip(shown["system"], shown["other"], strict=True)]
    for is_significant, colour, name in ((True, _SYSTEMS[0], "p < 0.05 (Holm)"), (False, _GREY, "not significant")):
        chosen = (shown["significant"] == is_significant).to_numpy()
        part = shown[chosen]
        if not len(part):
            continue
        figure.add_scatter(
            x=part["difference"],
            y=[label for label, here in zip(names, chosen, strict=True) if here],
            name=name,
            mode="markers",
            marker={"color": colour, "size": 8},
            error_x=_error(part, "difference"),
            customdata=np.stack([part["p_holm"], 100 * part["share_better"], part["count"]], axis=-1),
            hovertemplate=(
                "%{y}: %{x:+.4f}<br>p = %{customdata[0]:.3g} (Holm)<br>better in %{customdata[1]:.0f} % of "
                "%{customdata[2]} pairs<extra></extra>"
            ),
        )
    figure.add_vline(x=0, line={"color": _GREY, "width": 1, "dash": "dot"})
    figure.update_yaxes(categoryorder="array", categoryarray=names)
    return figure
