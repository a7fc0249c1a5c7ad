"""Which system is better, and how surely: means with intervals, and paired tests between systems."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..audio import STEMS
from ..errors import CadenzaError
from ..statistics import holm, mean_intervals, paired_test
from ..statistics.intervals import RESAMPLES
from ..store.published import MEASURES, published_results
from ..store.store import Store
from .scores import Filter, ScoreTable, of_pairs, system_means

__all__ = ["UNITS", "common_pairs", "leaderboard", "ranked_by", "significance"]

#: What the interval of a mean is over: draws of pairs, or of songs or listeners with all their pairs.
UNITS = ("pair", "song", "listener")
_OTHER_METRICS = ("sdr", "sdri", "si_sdr", "loudness", "true_peak", "clipped")
#: Of the stems, if those are what is ranked; the others are of the remix.
_OF_STEMS = ("sdr", "sdri", "si_sdr")
#: What systems are ranked by: the first that a set has.
_FIRST = ("haaqi", "rmse", "sdr", "sdri")


def leaderboard(
    table: ScoreTable,
    chosen: Filter = Filter(),  # noqa: B008 - frozen
    *,
    target: str = "",
    unit: str = "pair",
    common: bool = False,
    published: bool = True,
    resamples: int = RESAMPLES,
    store: Store | None = None,
) -> pd.DataFrame:
    """Rank the systems of a set by the challenge's score: the mean over all pairs of each pair's mean over stems and ears.

    The score is HAAQI; in sets of language-queried separation SDR, and a pair is a mixture with what was asked for.

    Parameters
    ----------
    table : ScoreTable
    chosen : Filter
    target : str
        ``stems``, ``remix``, or empty: what the set has.
    unit : str
        One of :data:`UNITS`: what the interval assumes to be independent. Pairs of one song are alike, so intervals over
        songs or listeners are wider and hold beyond the songs or listeners that were tried.
    common : bool
        Only the pairs that all chosen systems have.
    published : bool
        Also the published figures of this set. They are of the whole set: with a filter that narrows they have no rank.
    store : Store, optional
        Where further published figures are.

    Returns
    -------
    pd.DataFrame
        `rank`, `system`, `team`, `published` (bool), `haaqi`, `low`, `high` (95 % of what :func:`ranked_by` names), `pairs`,
        `songs`, `listeners`, the means `vocals`, `drums`, `bass`, `other`, `left`, `right`, `sdr`, `sdri`, `si_sdr` (dB),
        `loudness` (LUFS), `true_peak` (dBTP), `clipped` (samples), `baq`, further published measures, `allowed_data`,
        `source`, `date`; best first, what a row has not is NaN.

    Raises
    ------
    CadenzaError
        If a value of the filter, the target or the unit is unknown.
    """
    chosen.check(table)
    target = target or table.targets[0]
    rows = table.rows(chosen, metric=table.metric, target=target)
    pairs = table.pairs(chosen, metric=table.metric, target=target)
    if common:
        pairs = pairs.dropna()
        rows = of_pairs(rows, pairs.index)
    own = _own_rows(table, rows, pairs, target, chosen, _unit_means(pairs, unit), resamples)
    state = store.state() if store is not None else None
    others = (
        table.once(("published", state), lambda: _published_rows(table.evaluation_set, store))
        if published
        else pd.DataFrame()
    )
    frames = [frame for frame in (own, others) if len(frame)]
    board = pd.concat(frames, ignore_index=True) if frames else own
    return _ranked(board, published_counts=not (chosen.narrows or common))


def _unit_means(pairs: pd.DataFrame, unit: str) -> pd.DataFrame:
    if unit not in UNITS:
        raise CadenzaError(f"Intervals are over {', '.join(UNITS)}, not over {unit!r}.")
    return pairs if unit == "pair" else pairs.groupby(level=unit, observed=True).mean()


def _own_rows(
    table: ScoreTable,
    rows: pd.DataFrame,
    pairs: pd.DataFrame,
    target: str,
    chosen: Filter,
    units: pd.DataFrame,
    resamples: int,
) -> pd.DataFrame:
    systems = list(pairs.columns)
    intervals = mean_intervals(units.to_numpy().T, resamples=resamples)
    has = pairs.notna().to_numpy().T
    songs, listeners = (pairs.index.codes[pairs.index.names.index(name)] for name in ("song", "listener"))
    facts = table.systems.reindex(systems)
    board: dict[str, Any] = {
        "system": systems,
        "published": False,
        "haaqi": pairs.mean().to_numpy() if table.metric == "haaqi" else np.nan,
        "low": [interval.low for interval in intervals],
        "high": [interval.high for interval in intervals],
        "pairs": has.sum(axis=1),
        "songs": [len(np.unique(songs[of_one])) for of_one in has],
        "listeners": [len(np.unique(listeners[of_one])) for of_one in has],
        "team": facts["team"].to_list(),
        "allowed_data": facts["allowed_data"].to_list(),
    }
    for column, names in (("stem", STEMS), ("ear", ("left", "right"))):
        means = system_means(rows, systems, column)
        board |= {name: means.get(name, np.nan) for name in names}
    for metric in _OTHER_METRICS:
        found = of_pairs(
            table.rows(chosen, metric=metric, target=target if metric in _OF_STEMS else "remix"), pairs.index
        )
        board[metric] = system_means(found, systems)[""] if len(found) else np.nan
    return pd.DataFrame(board)


def _published_rows(evaluation_set: str, store: Store | None) -> pd.DataFrame:
    found = published_results(evaluation_set, store)
    if not len(found):
        return pd.DataFrame()
    about = found.groupby("system", sort=False)[["team", "source", "paper", "published", "digits"]].first()
    values = found.pivot_table(index="system", columns="measure", values="value", sort=False, dropna=False)
    values = values.reindex(about.index).rename(columns={"haaqi_left": "left", "haaqi_right": "right"})
    board = values.join(about.rename(columns={"published": "date"})).reset_index()
    board["published"] = True
    return board


def ranked_by(board: pd.DataFrame) -> str:
    """Give the column that a leaderboard is ranked by."""
    return next((name for name in _FIRST if name in board and board[name].notna().any()), _FIRST[0])


def _ranked(board: pd.DataFrame, *, published_counts: bool) -> pd.DataFrame:
    measure = ranked_by(board)
    ascending = not MEASURES[measure][1]
    last = board["published"].to_numpy(dtype=bool) & (not published_counts)
    values = board[measure].to_numpy(dtype=float)
    order = np.lexsort((board["system"].to_numpy(dtype=str), values if ascending else -values, last))
    rank = board[measure].mask(last).rank(method="min", ascending=ascending).astype("Int64")
    board = board.assign(rank=rank).take(order)
    first = ["rank", "system", "team", "published", "haaqi", "low", "high", "pairs", "songs", "listeners"]
    about = ["allowed_data", "paper", "source", "date", "digits"]
    middle = [name for name in board if name not in {*first, *about}]
    board = board.reindex(columns=[*first, *middle, *about]).reset_index(drop=True)
    for name in ("pairs", "songs", "listeners", "digits"):
        board[name] = board[name].astype("Int64")
    for name in ("team", "allowed_data", "paper", "source", "date"):
        board[name] = board[name].astype(object).where(board[name].notna(), "")
    return board


def significance(
    table: ScoreTable,
    chosen: Filter = Filter(),  # noqa: B008 - frozen
    *,
    reference: str = "",
    target: str = "",
    test: str = "wilcoxon",
    unit: str = "pair",
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Test which systems differ, on the pairs that two have in common; the p-values are corrected by Holm for all tests.

    Parameters
    ----------
    reference : str
        Test each system against this one; empty: all against all.
    test : str
        ``wilcoxon`` or ``t``; two-sided.
    unit : str
        One of :data:`UNITS`: test pairs, or the means of songs or of listeners.

    Returns
    -------
    pd.DataFrame
        `system`, `other`, `count`, `difference`, `low`, `high` (95 %), `share_better`, `statistic`, `p`, `p_holm`,
        `significant` (corrected p below 0.05), smallest p first.

    Raises
    ------
    CadenzaError
        If a name is unknown or there are fewer than two systems.
    """
    chosen.check(table)
    scores = _unit_means(table.pairs(chosen, metric=table.metric, target=target), unit)
    names: Sequence[str] = list(scores.columns)
    if reference and reference not in names:
        raise CadenzaError(f"There is no system {reference!r} among {', '.join(names) or 'none'}.")
    couples = [(name, reference) for name in names if name != reference] if reference else []
    found = []
    for one, other in couples or itertools.combinations(names, 2):
        result = paired_test(scores[one].to_numpy(), scores[other].to_numpy(), test, resamples=resamples)
        found.append({"system": one, "other": other, **vars(result)})
    columns = ["system", "other", "count", "difference", "low", "high", "share_better", "statistic", "p", "test"]
    frame = pd.DataFrame(found, columns=columns).drop(columns="test")
    frame["p_holm"] = holm(frame["p"].to_numpy(dtype=float))
    frame["significant"] = frame["p_holm"] < 0.05
    return frame.sort_values(["p", "system", "other"], kind="stable").reset_index(drop=True)


def common_pairs(table: ScoreTable, chosen: Filter, target: str = "") -> tuple[int, int]:
    """Give how many pairs all chosen systems have, and how many any has."""
    pairs = table.pairs(chosen, metric=table.metric, target=target)
    return len(pairs.dropna()), len(pairs)
