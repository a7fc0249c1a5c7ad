"""The views as Plotly figures."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from .dots import DotPlot, leaderboard_dots, significance_dots
from .figure_parts import empty_figure, error_bars
from .marks import GREY, STEM_COLOURS, colours_of, labels_of, ordered, short, text_of

__all__ = [
    "against_sdr_figure",
    "by_listener_figure",
    "by_pure_tone_average_figure",
    "by_severity_figure",
    "by_song_figure",
    "by_stem_figure",
    "difference_figure",
    "dot_figure",
    "heat_map_figure",
    "leaderboard_figure",
    "outliers_figure",
    "significance_figure",
    "spectra_figure",
    "what_would_help_figure",
]


#: Most systems whose intervals can be told apart on one line.
_CLEAR = 3


def leaderboard_figure(board: pd.DataFrame) -> go.Figure:
    """Draw what :func:`.dots.leaderboard_dots` gives."""
    return dot_figure(leaderboard_dots(board))


def dot_figure(plot: DotPlot) -> go.Figure:
    """Draw values with their intervals, one line each."""
    figure = empty_figure(plot.title, "", height=max(220, 70 + 26 * len(plot.dots)))
    for number, kind in enumerate(plot.kinds):
        dots = [dot for dot in plot.dots if dot.kind == number]
        if not dots:
            continue
        numbers = pd.DataFrame([{"value": dot.value, "low": dot.low, "high": dot.high} for dot in dots])
        figure.add_scatter(
            x=numbers["value"],
            y=[dot.label for dot in dots],
            mode="markers",
            name=kind.name,
            marker={"symbol": "diamond-open" if kind.is_hollow else "circle", "size": 10, "color": kind.colour},
            error_x=error_bars(numbers, "value") if numbers["low"].notna().any() else None,
            hovertext=["<br>".join(dot.words) for dot in dots],
            hovertemplate="%{y}<br>%{hovertext}<extra></extra>",
        )
    if plot.has_zero:
        figure.add_vline(x=0, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_yaxes(categoryorder="array", categoryarray=[dot.label for dot in reversed(plot.dots)])
    return figure


def by_stem_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw HAAQI by stem and ear, grouped by system."""
    figure = empty_figure("", "HAAQI", barmode="group")
    systems = labels_of(ordered(frame["system"]))
    for stem in ordered(frame["stem"]):
        for ear, pattern in (("left", ""), ("right", "/"), ("", "")):
            part = frame[(frame["stem"] == stem) & (frame["ear"] == ear)]
            if not len(part):
                continue
            figure.add_bar(
                x=[systems[str(name)] for name in part["system"]],
                y=part["haaqi"],
                name=f"{stem}, {ear}" if ear else stem,
                marker={"color": STEM_COLOURS.get(stem, GREY), "pattern": {"shape": pattern, "solidity": 0.25}},
                error_y=error_bars(part, "haaqi"),
                customdata=part["pairs"],
                hovertemplate=f"%{{x}}<br>{text_of(stem)} {ear}: %{{y:.4f}}<br>%{{customdata}} pairs<extra></extra>",
            )
    figure.update_xaxes(categoryorder="array", categoryarray=list(systems.values()))
    return figure


def by_severity_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw HAAQI by severity of the loss, a line for each system."""
    figure = empty_figure("severity of the better ear's loss", "HAAQI")
    bands = ordered(frame["severity"])
    colours = colours_of(ordered(frame["system"]))
    for system, part in frame.groupby("system", sort=False, observed=True):
        figure.add_scatter(
            x=part["severity"].astype(str),
            y=part["haaqi"],
            name=short(system),
            mode="lines+markers",
            line={"color": colours[str(system)]},
            error_y=error_bars(part, "haaqi"),
            customdata=part["pairs"],
            hovertemplate=f"{text_of(system)}<br>%{{x}}: %{{y:.4f}}<br>%{{customdata}} pairs<extra></extra>",
        )
    figure.update_xaxes(categoryorder="array", categoryarray=bands)
    return figure


def by_pure_tone_average_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw each ear's mean HAAQI over its pure-tone average, with a straight line through each system's points."""
    figure = empty_figure("pure-tone average of the ear, dB HL", "HAAQI")
    colours = colours_of(ordered(frame["system"]))
    for system, part in frame.groupby("system", sort=False, observed=True):
        colour = colours[str(system)]
        figure.add_scatter(
            x=part["average"],
            y=part["haaqi"],
            name=short(system),
            legendgroup=str(system),
            mode="markers",
            marker={"color": colour, "size": 6, "opacity": 0.6},
            text=[f"{text_of(listener)}, {ear}" for listener, ear in zip(part["listener"], part["ear"], strict=True)],
            hovertemplate=f"{text_of(system)}<br>%{{text}}: %{{x:.1f}} dB HL<br>%{{y:.4f}}<extra></extra>",
        )
        if part["average"].nunique() > 1:
            slope, start = np.polyfit(part["average"], part["haaqi"], 1)
            ends = np.array([part["average"].min(), part["average"].max()])
            line = {"color": colour, "width": 1.5}
            figure.add_scatter(
                x=ends, y=start + slope * ends, mode="lines", line=line, legendgroup=str(system), showlegend=False,
                hovertemplate=f"{text_of(system)}: {10 * slope:+.4f} for 10 dB<extra></extra>",
            )  # fmt: skip
    return figure


def by_song_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw HAAQI by song, the hardest first, a mark for each system."""
    songs = labels_of(ordered(frame["song"]))
    figure = empty_figure("HAAQI", "", height=max(320, 80 + 17 * len(songs)))
    colours = colours_of(sorted(ordered(frame["system"])))
    for system, part in frame.groupby("system", sort=True, observed=True):
        figure.add_scatter(
            x=part["haaqi"],
            y=[songs[str(song)] for song in part["song"]],
            name=short(system),
            mode="markers",
            marker={"color": colours[str(system)], "size": 7},
            error_x={**error_bars(part, "haaqi"), "thickness": 0.8, "width": 0} if len(colours) <= _CLEAR else None,
            customdata=part["pairs"],
            hovertemplate=f"%{{y}}<br>{text_of(system)}: %{{x:.4f}}<br>%{{customdata}} pairs<extra></extra>",
        )
    figure.update_yaxes(categoryorder="array", categoryarray=list(songs.values())[::-1])
    return figure


def by_listener_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw the distribution of each listener's scores as boxes from lowest to highest, the mildest loss first."""
    figure = empty_figure("listener, the mildest loss first", "HAAQI", boxmode="group")
    colours = colours_of(ordered(frame["system"]))
    listeners = frame.sort_values(["average", "listener"])["listener"]
    for system, part in frame.groupby("system", sort=False, observed=True):
        figure.add_box(
            x=[text_of(listener) for listener in part["listener"]],
            name=short(system),
            lowerfence=part["low"],
            q1=part["q1"],
            median=part["median"],
            q3=part["q3"],
            upperfence=part["high"],
            mean=part["mean"],
            marker={"color": colours[str(system)]},
            line={"width": 1},
        )
    figure.update_xaxes(categoryorder="array", categoryarray=[text_of(name) for name in dict.fromkeys(listeners)])
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
    figure = empty_figure("listener, the mildest loss first", "", height=height)
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
    plain = {"showgrid": False, "zeroline": False}
    names = [text_of(name) for name in listeners]
    figure.update_xaxes(tickvals=across, ticktext=names, tickangle=-90, range=[-0.5, len(listeners) - 0.5], **plain)
    titles = [short(name) for name in songs]
    figure.update_yaxes(tickvals=down, ticktext=titles, range=[len(songs) - 0.5, -0.5], **plain)
    figure.update_layout(margin={"t": 8})
    return figure


_HOVER = "%{customdata[0]}<br>%{customdata[1]}: %{text}<extra></extra>"


def _pairs(songs: Sequence[str], listeners: Sequence[str]) -> np.ndarray:
    cells = np.empty((len(songs), len(listeners), 2), dtype=object)
    cells[..., 0] = np.array([text_of(song) for song in songs], dtype=object)[:, None]
    cells[..., 1] = np.array([text_of(listener) for listener in listeners], dtype=object)[None, :]
    return cells


def against_sdr_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw HAAQI over SDR, a point for each song and stem."""
    figure = empty_figure("SDR, dB", "HAAQI")
    systems = ordered(frame["system"])
    symbols = ("circle", "square", "diamond", "cross", "x", "triangle-up", "star", "hexagon", "bowtie", "hourglass")
    for stem, part in frame.groupby("stem", sort=False, observed=True):
        figure.add_scattergl(
            x=part["sdr"],
            y=part["haaqi"],
            name=text_of(stem),
            mode="markers",
            marker={
                "color": STEM_COLOURS.get(str(stem), GREY),
                "size": 7,
                "opacity": 0.75,
                "symbol": [symbols[systems.index(str(name)) % len(symbols)] for name in part["system"]],
            },
            text=[f"{text_of(s)}<br>{text_of(song)}" for s, song in zip(part["system"], part["song"], strict=True)],
            hovertemplate="%{text}<br>SDR %{x:.2f} dB, HAAQI %{y:.4f}<extra></extra>",
        )
    return figure


def difference_figure(frame: pd.DataFrame, system: str, other: str) -> go.Figure:
    """Draw the difference of two systems by song, the greatest gain on top."""
    title = f"HAAQI of {short(system)} less that of {short(other)}"
    figure = empty_figure(title, "", height=max(320, 80 + 17 * len(frame)))
    songs = labels_of(frame["song"])
    colours = np.where(frame["low"] > 0, "#0072B2", np.where(frame["high"] < 0, "#D55E00", GREY))
    figure.add_bar(
        x=frame["difference"],
        y=list(songs.values()),
        orientation="h",
        marker={"color": colours},
        error_x=error_bars(frame, "difference"),
        customdata=np.stack([100 * frame["share_better"], frame["pairs"]], axis=-1),
        hovertemplate="%{y}<br>%{x:+.4f}<br>better in %{customdata[0]:.0f} % of %{customdata[1]} pairs<extra></extra>",
    )
    figure.update_yaxes(categoryorder="array", categoryarray=list(songs.values())[::-1])
    return figure


def outliers_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw the pairs that are out of line: what they got over what was to be expected."""
    figure = empty_figure("expected from song and listener", "HAAQI")
    colours = colours_of(sorted(ordered(frame["system"])))
    for system, part in frame.groupby("system", sort=True, observed=True):
        figure.add_scatter(
            x=part["expected"],
            y=part["haaqi"],
            name=short(system),
            mode="markers",
            marker={"color": colours[str(system)], "size": 8},
            text=[
                f"{text_of(song)}<br>{text_of(one)}" for song, one in zip(part["song"], part["listener"], strict=True)
            ],
            hovertemplate="%{text}<br>%{y:.4f}, expected %{x:.4f}<extra></extra>",
        )
    if len(frame):
        ends = [float(frame[["expected", "haaqi"]].min().min()), float(frame[["expected", "haaqi"]].max().max())]
        figure.add_scatter(
            x=ends, y=ends, mode="lines", line={"color": GREY, "dash": "dot"}, showlegend=False, hoverinfo="skip"
        )
    return figure


def what_would_help_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw what the score would gain were a stem as good as the system's best one, stacked by system."""
    figure = empty_figure(
        "gain of the score", "", barmode="stack", height=max(240, 80 + 30 * frame["system"].nunique())
    )
    systems = labels_of(ordered(frame["system"]))
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


def significance_figure(
    frame: pd.DataFrame, title: str = "difference of the mean HAAQI", unit: str = "pairs"
) -> go.Figure:
    """Draw what :func:`.dots.significance_dots` gives."""
    return dot_figure(significance_dots(frame, title, unit))


def spectra_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw the third-octave spectra of remixes as loud as each other: the left ear solid, the right dashed."""
    figure = empty_figure("Hz", "dB FS in a third of an octave")
    names = ordered(frame["remix"])
    colours = colours_of(names)
    for name in names:
        for ear, dash in (("left", "solid"), ("right", "dot")):
            part = frame[(frame["remix"] == name) & (frame["ear"] == ear)]
            shown = part[np.isfinite(part["matched"])]
            figure.add_scatter(
                x=shown["frequency"],
                y=shown["matched"],
                name=short(name),
                legendgroup=name,
                showlegend=ear == "left",
                mode="lines",
                line={"color": colours[name], "dash": dash, "width": 1.8},
                hovertemplate=f"{text_of(name)}, {ear}<br>%{{x:.0f}} Hz: %{{y:.1f}} dB<extra></extra>",
            )
    ticks = [31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000]
    figure.update_xaxes(
        type="log",
        range=[math.log10(25), math.log10(18000)],
        tickvals=ticks,
        ticktext=[f"{hz / 1000:g}k" if hz >= 1000 else f"{hz:g}" for hz in ticks],
    )
    return figure
