"""One view of a listening test at a time: what it says and by which method, its figure, its table, its files."""

import hashlib
from typing import Any

import pandas as pd
import streamlit as st

from cadenza_core.listening.analysis import Answers, Beside, Choice, Shown, View, views_for
from cadenza_core.listening.analysis.choice import OPTIONS
from cadenza_core.listening.analysis.haaqi import stored_haaqi
from cadenza_core.listening.analysis.scales import CHOICES, scale_named
from cadenza_core.listening.analysis.screening import RULE
from cadenza_core.store.published import set_title

from .files_out import files_out
from .listening_answers import PickedAnswers
from .messages import plain
from .preselection import preselection_panel
from .scored import kept
from .services import services

__all__ = ["listening_results"]

_ICONS = {
    "ranking": "leaderboard", "systems": "equalizer", "comparisons": "balance", "spread": "candlestick_chart",
    "excerpts": "music_note", "participants": "groups", "haaqi": "scatter_plot", "agreement": "handshake",
    "screening": "filter_alt", "preferences": "thumbs_up_down", "strengths": "trophy", "abx": "hearing",
    "preselection": "playlist_add_check",
}  # fmt: skip
_LABELS = {
    "over": "Intervals over",
    "test": "Test",
    "points": "Points are",
    "unit": "Each counts once",
    "interval": "Interval",
}
_PRESELECTION = "preselection"
_CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d"]}
#: Titles of columns that their names do not tell.
_TITLES = {
    "low": "95 % from", "high": "to", "sd": "SD of participants", "q1": "Quartile 1", "q3": "Quartile 3", "other": "less",
    "share_better": "Higher in", "p_holm": "p (Holm)", "relevance": "REL", "relevance_low": "REL from",
    "relevance_high": "REL to", "overall": "OVL", "overall_low": "OVL from", "overall_high": "OVL to", "item": "Excerpt",
    "reference_items": "Reference, items", "reference_low": "below 90", "reference_share": "share", "anchor_items":
    "7 kHz anchor, items", "anchor_high": "above 90", "anchor_share": "Share", "left_out": "Left out", "haaqi": "HAAQI",
    "against_average": "Chosen against average", "p": "p",
}  # fmt: skip
_PERCENT = ("share", "share_better", "reference_share", "anchor_share", "against_average")


def listening_results(picked: PickedAnswers, scale: Any, screening: Any, export: Any) -> None:
    """Show the choice of views and the chosen one; scale, screening and files are in places of their own."""
    answers = picked.answers
    _counted(answers)
    views = {view.name: view for view in views_for(answers)}
    names = [*views, *([_PRESELECTION] if answers.design == "relovl" else [])]
    name = st.pills(
        "View",
        names,
        key=kept(f"ratings_view_{'-'.join(names)}", names, names[0]),
        format_func=lambda one: f":material/{_ICONS[one]}: {views[one].title if one in views else 'Preselection'}",
        label_visibility="collapsed",
    )
    name = name or names[0]
    chosen_scale = _scale(answers, name, scale)
    screened = _screening(answers, screening)
    if name == _PRESELECTION:
        preselection_panel()
        return
    view = views[name]
    choice = Choice(scale=chosen_scale, screened=screened, **_options(view, answers))
    beside, key = _beside(view, picked.key)
    if view.name == "haaqi" and beside.haaqi is None:
        st.info(
            "No scores are stored yet. Import a scores.csv on the Leaderboard, or score in the Studio and save.",
            icon=":material/scatter_plot:",
        )
        return
    shown = view.of(answers, choice, beside)
    st.caption(plain(f"{shown.about}."))
    for note in shown.notes:
        st.caption(f":material/info: {plain(note[0].upper() + note[1:])}.")
    with export:
        digest = hashlib.sha256(repr((key, name, shown.choice)).encode()).hexdigest()[:16]
        files_out(f"{name}-{answers.test}-{shown.choice.scale}", shown.frame, lambda: view.figure(shown), digest)
    _draw(view, shown)
    with st.expander("Table", icon=":material/table:", expanded=len(shown.frame) <= 12):
        _table(shown.frame)
    for title, frame in shown.further.items():
        with st.expander(title.capitalize(), icon=":material/table:"):
            _table(frame)
            files_out(f"{name}-{title}-{answers.test}-{shown.choice.scale}", frame, None, f"{digest}-{title}")


def _counted(answers: Answers) -> None:
    frame = answers.frame
    people, items = frame["participant"].nunique(), frame["item"].nunique()
    conditions = frame["condition"].nunique()
    counts = (
        f"{people:,} participant{'s' * (people != 1)}, {conditions:,} condition{'s' * (conditions != 1)}, {items:,} "
        f"excerpt{'s' * (items != 1)}, {len(frame):,} answers"
    )
    st.caption(plain("; ".join((counts, *answers.notes))) + ".")


def _scale(answers: Answers, view: str, place: Any) -> str:
    scales = answers.scales
    if answers.design in CHOICES or view in ("ranking", "screening", _PRESELECTION) or len(scales) < 2:
        return scales[0]
    chosen = place.selectbox(
        "Scale", scales, key=kept("ratings_scale", scales, scales[0]), format_func=lambda one: scale_named(one).title
    )
    return str(chosen)


def _screening(answers: Answers, place: Any) -> bool:
    if not answers.has_reference:
        return False
    key = kept("ratings_screened", (True, False), False)
    return bool(place.toggle("Post-screening", key=key, help=f"{RULE}."))


def _options(view: View, answers: Answers) -> dict[str, Any]:
    """Show the options that a view has, and give what is chosen."""
    chosen: dict[str, Any] = {}
    if not view.options:
        return chosen
    places = st.columns(
        [2.2] * len(view.options) + [max(0.1, 6.6 - 2.2 * len(view.options))], vertical_alignment="bottom"
    )
    for name, place in zip(view.options, places, strict=False):
        if name == "anchors":
            chosen[name] = (
                place.toggle("Reference and anchors too", key=kept("ratings_anchors", (True, False), False))
                if (answers.frame["role"] != "system").any()
                else False
            )
        elif name == "against":
            options = ["", *sorted(set(answers.frame["condition"]))]
            chosen[name] = place.selectbox(
                "Compare with",
                options,
                key=kept("ratings_against", options, ""),
                format_func=lambda one: one or "all with all",
            )
        else:
            options = list(OPTIONS[name])
            picked = place.segmented_control(
                _LABELS[name],
                options,
                key=kept(f"ratings_{name}", options, options[0]),
                format_func=OPTIONS[name].__getitem__,
            )
            chosen[name] = picked or options[0]
    return chosen


def _beside(view: View, key: str) -> tuple[Beside, str]:
    """Give the scores that stand beside the ratings, where the view wants any, and what changes when they do."""
    scores = services().scores
    if view.name == "ranking":
        teams = scores.store.systems().rename(columns={"name": "system"})[["system", "team"]]
        return Beside(teams=teams), key
    if view.name != "haaqi":
        return Beside(), key
    names = scores.store.evaluation_sets()
    if not names:
        return Beside(), key
    which, of, _ = st.columns([3.4, 1.6, 3], vertical_alignment="bottom")
    name = which.selectbox(
        "HAAQI of", names, key=kept("ratings_set", names, names[0]), format_func=lambda one: plain(set_title(one))
    )
    table = scores.table(name)
    targets = [target for target in ("stems", "remix") if len(table.rows(target=target))] or ["stems"]
    target = of.segmented_control(
        "Score of",
        targets,
        key=kept("ratings_target", targets, targets[-1]),
        format_func=str.capitalize,
        disabled=len(targets) < 2,
    )
    target = target or targets[-1]
    haaqi = scores.once(table, ("rated", target), lambda: stored_haaqi(table, target))
    return Beside(haaqi=haaqi), f"{key}-{table.state}-{name}-{target}"


def _draw(view: View, shown: Shown) -> None:
    if view.name == "strengths" and shown.frame["strength"].isna().all():
        return
    st.plotly_chart(view.figure(shown), key=f"ratings_{view.name}", width="stretch", config=_CONFIG)


def _table(frame: pd.DataFrame) -> None:
    st.dataframe(
        frame.drop(columns="statistic", errors="ignore"),
        hide_index=True,
        height=min(38 + 35 * max(1, len(frame)), 480),
        column_config={name: _column(name, frame[name]) for name in frame.columns},
    )


def _column(name: str, values: pd.Series) -> Any:
    title = _TITLES.get(name, name.replace("_", " ").capitalize())
    if pd.api.types.is_bool_dtype(values):
        return st.column_config.CheckboxColumn(title)
    if not pd.api.types.is_numeric_dtype(values):
        return st.column_config.TextColumn(title)
    if name in _PERCENT:
        return st.column_config.NumberColumn(title, format="percent")
    if name in ("p", "p_holm"):
        return st.column_config.NumberColumn(title, format="%.3g")
    if pd.api.types.is_float_dtype(values):
        return st.column_config.NumberColumn(title, format="%.4f" if name == "haaqi" else "%.3f")
    return st.column_config.NumberColumn(title)
