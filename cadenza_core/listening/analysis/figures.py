"""The views of a listening test as Plotly figures; colours, labels and axes are those of the scores' figures."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ...analysis.figure_parts import empty_figure, error_bars
from ...analysis.figures import significance_figure
from ...analysis.marks import GREY, SYSTEM_COLOURS, colours_of, labels_of, ordered, short, text_of
from .choice import Choice
from .scales import scale_named

__all__ = [
    "abx_figure",
    "agreement_figure",
    "comparisons_figure",
    "excerpts_figure",
    "haaqi_figure",
    "means_figure",
    "participants_figure",
    "preferences_figure",
    "preselection_figure",
    "ranking_figure",
    "screening_figure",
    "spread_figure",
    "strengths_figure",
]

_SYMBOLS = {"system": "circle", "reference": "diamond-open", "anchor": "square-open"}


def means_figure(frame: pd.DataFrame, choice: Choice) -> go.Figure:
    """Draw each condition's mean with its interval; reference and anchors hollow."""
    return _intervals(frame, "condition", "mean", f"{choice.title}, mean and 95 % interval", frame["role"], choice)


def comparisons_figure(frame: pd.DataFrame, choice: Choice) -> go.Figure:
    """Draw the differences of means with their intervals."""
    return significance_figure(frame, f"difference of mean {choice.title}", "participants")


def spread_figure(frame: pd.DataFrame, choice: Choice) -> go.Figure:
    """Draw the answers of each condition as boxes, with each answer beside them."""
    labels = labels_of(ordered(frame["condition"]))
    colours = colours_of([name for name, part in frame.groupby("condition", sort=False) if _role(part) == "system"])
    figure = empty_figure("", choice.title, height=440, showlegend=False)
    for name, part in frame.groupby("condition", sort=False):
        figure.add_box(
            y=part["value"],
            name=labels[str(name)],
            boxpoints="all" if len(part) <= 400 else "outliers",
            jitter=0.5,
            pointpos=0,
            marker={"color": colours.get(str(name), GREY), "size": 3, "opacity": 0.6},
            line={"width": 1.2},
            text=[
                f"{text_of(who)}<br>{text_of(item)}"
                for who, item in zip(part["participant"], part["item"], strict=True)
            ],
            hovertemplate="%{y:g}<br>%{text}<extra></extra>",
        )
    return _limited(figure, choice, "y")


def excerpts_figure(frame: pd.DataFrame, choice: Choice) -> go.Figure:
    """Draw the mean of each condition for each excerpt, the lowest on top."""
    return _marks(frame, "item", choice)


def participants_figure(frame: pd.DataFrame, choice: Choice) -> go.Figure:
    """Draw each participant's mean of each condition."""
    return _marks(frame, "participant", choice)


def haaqi_figure(frame: pd.DataFrame, choice: Choice) -> go.Figure:
    """Draw ratings over HAAQI, a colour for each system, with the straight line of least squares."""
    figure = empty_figure("HAAQI", choice.title, height=460)
    colours = colours_of(sorted(ordered(frame["system"])))
    for system, part in frame.groupby("system", sort=True):
        about = [name for name in ("song", "excerpt", "listener") if name in part]
        rows = part[about].to_dict("records") if about else [{}] * len(part)
        figure.add_scatter(
            x=part["haaqi"],
            y=part["rating"],
            name=short(system),
            mode="markers",
            marker={"color": colours[str(system)], "size": 11 if choice.points == "system" else 7, "opacity": 0.75},
            text=["<br>".join(text_of(value) for value in row.values() if value) for row in rows],
            customdata=part["answers"],
            hovertemplate=(
                f"{text_of(system)}<br>%{{text}}<br>HAAQI %{{x:.4f}}, rated %{{y:.1f}} "
                "(%{customdata} answers)<extra></extra>"
            ),
        )
    if frame["haaqi"].nunique() > 1:
        slope, start = np.polyfit(frame["haaqi"], frame["rating"], 1)
        ends = np.array([frame["haaqi"].min(), frame["haaqi"].max()])
        line = {"color": GREY, "dash": "dot", "width": 1.5}
        figure.add_scatter(x=ends, y=start + slope * ends, mode="lines", line=line, showlegend=False, hoverinfo="skip")
    return figure


def agreement_figure(frame: pd.DataFrame, choice: Choice) -> go.Figure:
    """Draw the coefficients of agreement with their intervals."""
    figure = _intervals(frame, "coefficient", "value", "agreement, with 95 % interval")
    figure.update_xaxes(range=[min(0.0, float(frame["low"].min(skipna=True))) - 0.05, 1.03])
    return figure


def screening_figure(frame: pd.DataFrame, choice: Choice) -> go.Figure:
    """Draw for each participant the share of items that speak against them, and the limit of 15 %."""
    labels = labels_of(frame["participant"])
    figure = empty_figure("share of items, %", "", height=max(260, 90 + 30 * len(frame)), barmode="group")
    for column, name, colour in (
        ("reference_share", "reference below 90", SYSTEM_COLOURS[0]),
        ("anchor_share", "7 kHz anchor above 90", SYSTEM_COLOURS[6]),
    ):
        figure.add_bar(
            x=100.0 * frame[column],
            y=[
                labels[str(who)] + (" (left out)" if out else "")
                for who, out in zip(frame["participant"], frame["left_out"], strict=True)
            ],
            orientation="h",
            name=name,
            marker={"color": colour},
            hovertemplate=f"%{{y}}<br>{name}: %{{x:.0f}} % of the items<extra></extra>",
        )
    figure.add_vline(x=15.0, line={"color": GREY, "width": 1.5, "dash": "dot"})
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


def preferences_figure(frame: pd.DataFrame, choice: Choice) -> go.Figure:
    """Draw how often the first of each pair was chosen, with its interval; grey: not significant after Holm's correction."""
    shown = frame.assign(
        name=[f"{short(a)} against {short(b)}" for a, b in zip(frame["system"], frame["other"], strict=True)]
    )
    return _shares(shown, "share that chose the first, %")


def abx_figure(frame: pd.DataFrame, choice: Choice) -> go.Figure:
    """Draw the share of right answers with its interval: all, by what X was, by participant."""
    start = {"all": "", "pair": "", "X was": "X was ", "participant": ""}
    names = [f"{start[group]}{short(name)}" for group, name in zip(frame["group"], frame["name"], strict=True)]
    return _shares(frame.assign(name=names), "right answers, %")


def strengths_figure(frame: pd.DataFrame, choice: Choice) -> go.Figure:
    """Draw the Bradley-Terry strengths with their intervals."""
    figure = _intervals(frame, "condition", "strength", "strength (log odds), with 95 % interval")
    figure.add_vline(x=0, line={"color": GREY, "width": 1, "dash": "dot"})
    return figure


def ranking_figure(frame: pd.DataFrame, choice: Choice) -> go.Figure:
    """Draw REL, OVL and their mean of each system, the best on top."""
    labels = labels_of(frame["system"])
    figure = empty_figure("1 to 5, with 95 % interval", "", height=max(260, 100 + 44 * len(frame)))
    for name, title, symbol, colour in (
        ("overall", "OVL", "diamond-open", SYSTEM_COLOURS[6]),
        ("relevance", "REL", "square-open", SYSTEM_COLOURS[2]),
        ("mean", "mean of both", "circle", SYSTEM_COLOURS[0]),
    ):
        start = "" if name == "mean" else f"{name}_"
        bars = frame.assign(low=frame[f"{start}low"], high=frame[f"{start}high"])
        figure.add_scatter(
            x=frame[name],
            y=[labels[str(system)] for system in frame["system"]],
            name=title,
            mode="markers",
            marker={"symbol": symbol, "size": 10, "color": colour},
            error_x=error_bars(bars, name) if name == "mean" else None,
            hovertemplate=f"%{{y}}<br>{title} %{{x:.3f}}<extra></extra>",
        )
    figure.update_yaxes(categoryorder="array", categoryarray=list(labels.values())[::-1], type="category")
    return figure


def preselection_figure(frame: pd.DataFrame) -> go.Figure:
    """Draw the systems' SDR; grey: not chosen."""
    labels = labels_of(frame["system"])
    figure = empty_figure("SDR, dB", "", height=max(240, 90 + 26 * len(frame)))
    for selected, name, colour in ((True, "chosen", SYSTEM_COLOURS[0]), (False, "not chosen", GREY)):
        part = frame[frame["selected"] == selected]
        figure.add_bar(
            x=part["sdr"],
            y=[labels[str(system)] for system in part["system"]],
            orientation="h",
            name=name,
            marker={"color": colour},
            text=[text_of(team) for team in part["team"]],
            customdata=[text_of(why) for why in part["why"]],
            hovertemplate="%{y}: %{x:.3f} dB<br>%{text}<br>%{customdata}<extra></extra>",
        )
    figure.update_yaxes(categoryorder="array", categoryarray=list(labels.values())[::-1], type="category")
    return figure


def _intervals(
    frame: pd.DataFrame,
    key: str,
    value: str,
    title: str,
    roles: "pd.Series | None" = None,
    choice: Choice | None = None,
) -> go.Figure:
    """Draw values with intervals, the first row on top."""
    labels = labels_of(frame[key])
    figure = empty_figure(title, "", height=max(220, 80 + 32 * len(frame)), showlegend=roles is not None)
    given = pd.Series("system", index=frame.index) if roles is None else roles
    for role in dict.fromkeys(given):
        part = frame[given == role]
        figure.add_scatter(
            x=part[value],
            y=[labels[str(name)] for name in part[key]],
            name=str(role),
            mode="markers",
            marker={
                "symbol": _SYMBOLS[str(role)],
                "size": 10,
                "color": SYSTEM_COLOURS[0] if role == "system" else GREY,
            },
            error_x=error_bars(part, value),
            customdata=part[["low", "high"]],
            hovertemplate="%{y}<br>%{x:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})<extra></extra>",
        )
    figure.update_yaxes(categoryorder="array", categoryarray=list(labels.values())[::-1], type="category")
    return figure if choice is None else _limited(figure, choice, "x")


def _marks(frame: pd.DataFrame, key: str, choice: Choice) -> go.Figure:
    """Draw a mark for each condition in each row."""
    labels = labels_of(ordered(frame[key]))
    figure = empty_figure(f"mean {choice.title}", "", height=max(260, 100 + 22 * len(labels)))
    colours = colours_of(sorted(set(frame.loc[frame["role"] == "system", "condition"].astype(str))))
    for (role, name), part in frame.groupby(["role", "condition"], sort=True):
        figure.add_scatter(
            x=part["mean"],
            y=[labels[str(row)] for row in part[key]],
            name=short(name),
            mode="markers",
            marker={"symbol": _SYMBOLS[str(role)], "size": 9, "color": colours.get(str(name), GREY)},
            customdata=part["answers"],
            hovertemplate=f"%{{y}}<br>{text_of(name)}: %{{x:.1f}} (%{{customdata}} answers)<extra></extra>",
        )
    figure.update_yaxes(categoryorder="array", categoryarray=list(labels.values())[::-1], type="category")
    return _limited(figure, choice, "x")


def _shares(frame: pd.DataFrame, title: str) -> go.Figure:
    """Draw shares with their intervals beside one half."""
    labels = list(labels_of([f"{number}\0{name}" for number, name in enumerate(frame["name"])]).values())
    names = [label.partition("\0")[2] for label in labels]
    rows = list(range(len(frame)))
    figure = empty_figure(title, "", height=max(240, 100 + 28 * len(frame)))
    for significant, name, colour in ((True, "p < 0.05 (Holm)", SYSTEM_COLOURS[0]), (False, "not significant", GREY)):
        here = (frame["significant"] == significant).to_numpy()
        part = 100.0 * frame.loc[here, ["share", "low", "high"]]
        figure.add_scatter(
            x=part["share"],
            y=[row for row, is_here in zip(rows, here, strict=True) if is_here],
            name=name,
            mode="markers",
            marker={"size": 10, "color": colour},
            error_x=error_bars(part, "share"),
            text=[label for label, is_here in zip(names, here, strict=True) if is_here],
            customdata=frame.loc[here, ["count", "p_holm"]],
            hovertemplate="%{text}<br>%{x:.1f} % of %{customdata[0]}<br>p = %{customdata[1]:.3g} (Holm)<extra></extra>",
        )
    figure.add_vline(x=50, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_xaxes(range=[-2, 102])
    figure.update_yaxes(tickvals=rows, ticktext=names, range=[len(rows) - 0.5, -0.5], zeroline=False)
    return figure


def _limited(figure: go.Figure, choice: Choice, axis: str) -> go.Figure:
    """Show the whole of the scale."""
    scale = scale_named(choice.scale)
    if np.isfinite(scale.high):
        edge = 0.02 * (scale.high - scale.low)
        update = figure.update_xaxes if axis == "x" else figure.update_yaxes
        update(range=[scale.low - edge, scale.high + edge])
    return figure


def _role(part: pd.DataFrame) -> str:
    return str(part["role"].iloc[0])
