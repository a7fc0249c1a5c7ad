"""The ranking of a set's systems, with intervals, and tests of one against the others."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from cadenza_core.analysis import UNITS, common_pairs, leaderboard, ranked_by, significance
from cadenza_core.analysis.dots import leaderboard_dots, significance_dots
from cadenza_core.store.published import MEASURES, NOT_RATED

from .dot_drawing import dot_drawing
from .files_out import files_out
from .messages import plain
from .opened import door, one_of
from .scored import Picked, bar, filters, kept
from .services import services

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["rank", "ranking", "ranking_options"]

#: Columns of the table: title, and decimals of numbers.
_COLUMNS: dict[str, tuple[str, int | None]] = {
    "rank": ("Rank", 0),
    "system": ("System", None),
    "team": ("Team", None),
    "origin": ("From", None),
    "haaqi": ("HAAQI", 4),
    "low": ("95 % from", 4),
    "high": ("to", 4),
    "pairs": ("Pairs", 0),
    "songs": ("Songs", 0),
    "listeners": ("Listeners", 0),
    "vocals": ("Vocals", 4),
    "drums": ("Drums", 4),
    "bass": ("Bass", 4),
    "other": ("Other", 4),
    "left": ("Left ear", 4),
    "right": ("Right ear", 4),
    "sdr": ("SDR, dB", 2),
    "sdri": ("SDRi, dB", 2),
    "si_sdr": ("SI-SDR, dB", 2),
    "loudness": ("LUFS", 1),
    "true_peak": ("dBTP", 1),
    "clipped": ("Clipped", 1),
    "baq": ("BAQ", None),
    "rel_ovl": ("REL and OVL", 2),
    "rmse": ("RMSE", 2),
    "correlation": ("Correlation", 2),
    "allowed_data": ("Data", None),
    "paper": ("Paper", None),
    "source": ("Source", None),
}
_HELP = {
    "haaqi": "The challenge's score: mean over all song-listener pairs of each pair's mean over stems and ears",
    "low": "Bootstrap interval of the mean (percentile, 2,000 draws)",
    "baq": "Basic audio quality, 0 to 100, as the challenge's listening panel rated it",
    "origin": "Published figures are those of the source; nothing is computed from them",
    "rmse": "Of predicted correctness, percentage points",
    "sdri": "How much better than the mixture itself",
    "rel_ovl": "Mean of relevance and overall quality, 1 to 5, as a listening panel rated them",
}
_STANDARD = (
    "rank",
    "system",
    "team",
    "origin",
    "haaqi",
    "low",
    "high",
    "pairs",
    "vocals",
    "drums",
    "bass",
    "other",
    "sdr",
    "sdri",
    "si_sdr",
)
_AS_WELL = ("baq", "rel_ovl", "rmse", "correlation", "left", "right")
#: What the ranking takes beside the filters; the first is the standard.
_OPTIONS: dict[str, tuple[Any, ...]] = {"unit": UNITS, "common": (False, True), "published": (True, False)}
_UNIT_NAMES = {"pair": "pairs", "song": "songs", "listener": "listeners"}


def rank(picked: Picked) -> pd.DataFrame:
    """Compute the ranking as its options stand."""
    options = _options()
    return services().scores.once(
        picked.table,
        ("board", *picked.key, *options.values()),
        lambda: leaderboard(
            picked.table, picked.chosen, target=picked.target, store=services().scores.store, **options
        ),
    )


def ranking(picked: Picked, board: pd.DataFrame) -> None:
    """Show the ranking below its filters: table, chart and tests."""
    options = _options()
    if not len(board):
        with bar():
            filters(picked)
        st.info(_nothing(picked, options["published"]), icon=":material/leaderboard:")
        return
    _table(board, picked)
    _remarks(board, picked, options["common"])
    if not (~board["published"].astype(bool)).any():
        st.info(_how_to_add(picked.table.evaluation_set), icon=":material/upload_file:")
    panels: dict[str, Callable[[], None]] = {}
    if ranked_by(board) != "rmse":
        panels["Means and intervals"] = lambda: dot_drawing(leaderboard_dots(board), "board_dots")
    own = board.loc[~board["published"].astype(bool), "system"].tolist()
    if len(own) > 1:
        panels["Is the difference significant?"] = lambda: _tests(picked, own, options["unit"])
    if panels:
        one_of(panels, key="board_panel")


def _how_to_add(name: str) -> str:
    if name.startswith("lass-"):
        return f"No scores of your own in this set yet. From a shell: cadenza lass evaluate ... --set {plain(name)}."
    return (
        "No scores of your own in this set yet. Import a scores.csv above, score in the Studio and save, or from a "
        f"shell: cadenza scores import scores.csv --set {plain(name)} --system NAME."
    )


def _options() -> dict[str, Any]:
    return {name: st.session_state[kept(name, offered, offered[0])] for name, offered in _OPTIONS.items()}


def ranking_options() -> None:
    """Show what else the ranking hangs on."""
    st.segmented_control(
        "Intervals over",
        UNITS,
        key=kept("unit", UNITS, UNITS[0]),
        required=True,
        format_func=_UNIT_NAMES.__getitem__,
        help="What is drawn at random. Pairs of one song are alike: intervals over songs or listeners are wider and say more "
        "about songs and listeners that were not tried",
    )
    st.toggle(
        "Common pairs only", key=kept("common", _OPTIONS["common"], False), help="Only pairs that all systems have"
    )
    st.toggle("Published results", key=kept("published", _OPTIONS["published"], True))


def _nothing(picked: Picked, published: bool) -> str:
    if len(picked.table.frame):
        return "No score passes these filters. Widen them, or choose another set."
    if not published:
        return "No scores of your own in this set yet. Switch the published results on, or import a scores.csv above."
    return "There is nothing in this set yet. Import a scores.csv above."


def _table(board: pd.DataFrame, picked: Picked) -> None:
    shown = _for_people(board)
    there = [name for name in _COLUMNS if name in shown and _has_content(shown[name])]
    is_published = bool(board["published"].astype(bool).any())
    standard = [name for name in there if name in _STANDARD or (name in _AS_WELL and is_published)]
    key = kept(f"columns_{'-'.join(there)}", there, standard, several=True)
    chosen = st.session_state[key]
    ordered = [name for name in _COLUMNS if name in chosen] or ["system"]
    styled = _styled(shown, ordered, board)
    state = hashlib.sha256(repr((picked.table.state, picked.table.evaluation_set, picked.key, ordered)).encode())
    with bar():
        filters(picked)
        door(
            "Columns", lambda: _columns(there, key), key="columns_door", width="content", icon=":material/view_column:"
        )
        with st.container(width="content"):
            files_out(
                f"leaderboard-{picked.table.evaluation_set}",
                shown[ordered].rename(columns={name: _COLUMNS[name][0] for name in ordered}),
                (lambda: _figure(board)) if ranked_by(board) != "rmse" else None,
                state.hexdigest()[:16],
            )
    st.dataframe(
        styled,
        hide_index=True,
        height=min(38 + 35 * len(shown), 640),
        column_config={name: _column(name) for name in ordered},
        placeholder="",
    )


def _figure(board: pd.DataFrame) -> "go.Figure":
    from cadenza_core.analysis.figures import leaderboard_figure  # Plotly is for files here, not for the page

    return leaderboard_figure(board)


def _columns(there: list[str], key: str) -> None:
    st.pills("Columns", there, selection_mode="multi", key=key, format_func=lambda name: _COLUMNS[name][0])


def _styled(shown: pd.DataFrame, ordered: list[str], board: pd.DataFrame) -> Any:
    """Give published figures the decimals that they were published with, and a colour of their own."""
    colours = np.where(board[["published"]].astype(bool), _PUBLISHED_STYLE, "").repeat(len(ordered), axis=1)
    styled = shown[ordered].style.apply(lambda _: colours, axis=None)
    decimals = {name: digits for name in ordered if (digits := _COLUMNS[name][1]) is not None}
    digits_of = board["digits"].where(board["published"].astype(bool)).astype("Int64")
    for digits in [None, *sorted(digits_of.dropna().unique())]:
        rows = shown.index[digits_of.isna() if digits is None else (digits_of == digits).fillna(False)]
        forms = {
            name: f"{{:.{standard if digits is None or name not in _OF_SOURCE else digits}f}}"
            for name, standard in decimals.items()
        }
        styled = styled.format(forms, subset=(rows, list(forms)), na_rep="")
    return styled


#: Columns that published tables have, with decimals of their own.
_OF_SOURCE = ("haaqi", "left", "right", "rmse", "correlation", "sdr", "sdri", "si_sdr", "rel_ovl")
_PUBLISHED_STYLE = "color: #7a8794"


def _column(name: str) -> Any:
    title, digits = _COLUMNS[name]
    if name in {"paper", "source"}:
        return st.column_config.LinkColumn(title)
    if digits is None:
        return st.column_config.TextColumn(title, help=_HELP.get(name))
    return st.column_config.NumberColumn(title, help=_HELP.get(name))


def _for_people(board: pd.DataFrame) -> pd.DataFrame:
    shown = board.copy()
    both = zip(board["published"], board["date"], strict=True)
    shown["origin"] = [f"published {date}".strip() if is_one else "here" for is_one, date in both]
    if "baq" in shown:
        rated = zip(shown["baq"], board["published"], board["digits"], strict=True)
        texts = [
            (f"{value:.{digits}f}" if value == value else NOT_RATED) if is_one else ""
            for value, is_one, digits in rated
        ]
        shown["baq"] = texts if shown["baq"].notna().any() else ""
    for name in ("paper", "source"):  # a link of an imported table may be anything
        shown[name] = [link if link.startswith(("https://", "http://")) else "" for link in shown[name].astype(str)]
    return shown


def _has_content(column: pd.Series) -> bool:
    found = column.array[column.notna().to_numpy()]
    return len(found) > 0 and (pd.api.types.is_numeric_dtype(column) or any(value != "" for value in found))


def _remarks(board: pd.DataFrame, picked: Picked, common: bool) -> None:
    both, any_of = common_pairs(picked.table, picked.chosen, picked.target)
    if both < any_of and not common:
        st.caption(
            f":material/info: The systems have {both:,} of {any_of:,} pairs in common; their means are not of the same "
            "pairs. Common pairs only compares them fairly."
        )
    if board["published"].any() and (picked.chosen.narrows or common):
        st.caption("Published figures are of the whole set: with a filter they have no rank and stand at the end.")
    unknown = [name for name in board.columns if name in MEASURES and MEASURES[name][1] is False]
    if unknown and board[unknown].notna().any().any():
        st.caption("Ranked by RMSE: less is better.")


def _tests(picked: Picked, own: list[str], unit: str) -> None:
    options = ["", *own]
    against, test = st.columns([3, 2], vertical_alignment="bottom")
    reference = against.selectbox(
        "Test against",
        options,
        key=kept("reference", options, own[0]),
        format_func=lambda name: name or "all against all",
    )
    kind = test.segmented_control(
        "Test",
        ["wilcoxon", "t"],
        key=kept("test", ["wilcoxon", "t"], "wilcoxon"),
        format_func={"wilcoxon": "Wilcoxon signed-rank", "t": "paired t"}.__getitem__,
    )
    asked = (*picked.key, reference, kind, unit)
    found = services().scores.once(
        picked.table,
        ("tests", *asked),
        lambda: significance(
            picked.table,
            picked.chosen,
            reference=reference,
            target=picked.target,
            test=kind or "wilcoxon",
            unit=unit,
        ),
    )
    st.caption(
        f"Two-sided, on the {_UNIT_NAMES[unit]} that both systems have; p corrected for {len(found)} tests (Holm). "
        "Significant: corrected p below 0.05."
    )
    left, right = st.columns([1, 1])
    with left:
        st.dataframe(
            found.drop(columns=["statistic"]),
            hide_index=True,
            height=min(38 + 35 * len(found), 460),
            column_config={
                "system": st.column_config.TextColumn("System"),
                "other": st.column_config.TextColumn("less"),
                "count": st.column_config.NumberColumn(_UNIT_NAMES[unit].capitalize()),
                "difference": st.column_config.NumberColumn("Difference", format="%+.4f"),
                "low": st.column_config.NumberColumn("95 % from", format="%+.4f"),
                "high": st.column_config.NumberColumn("to", format="%+.4f"),
                "share_better": st.column_config.NumberColumn("Better in", format="percent"),
                "p": st.column_config.NumberColumn("p", format="%.3g"),
                "p_holm": st.column_config.NumberColumn("p (Holm)", format="%.3g"),
                "significant": st.column_config.CheckboxColumn("Significant"),
            },
        )
    with right:
        title = f"difference of the mean {MEASURES[picked.table.metric][0]}"
        dot_drawing(significance_dots(found, title, _UNIT_NAMES[unit]), "tests_dots")
