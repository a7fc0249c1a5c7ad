"""Where a score comes from: by stem, by hearing loss, by song, by listener; what is out of line, and what would help most.

Each view takes a :class:`ScoreTable` and a :class:`Filter` and gives a data frame. A *pair* is a song for a listener; its
score is the mean over its stems and ears.
"""

import numpy as np
import pandas as pd

from ..errors import CadenzaError
from ..statistics import mean_interval, mean_intervals
from .scores import PAIR, Filter, ScoreTable, mean_by

__all__ = [
    "against_sdr",
    "by_listener",
    "by_pure_tone_average",
    "by_severity",
    "by_song",
    "by_stem",
    "difference",
    "heat_map",
    "outliers",
    "what_would_help",
]

_ALL = Filter()
#: From this modified z-score on a value is called an outlier (Iglewicz & Hoaglin 1993, "How to detect and handle outliers").
OUTLYING = 3.5
#: The median absolute deviation of a normal distribution with standard deviation 1.
_MAD = 0.6744897501960817


def _rows(table: ScoreTable, chosen: Filter, target: str) -> pd.DataFrame:
    chosen.check(table)
    return table.rows(chosen, target=target or table.targets[0])


def _pairs(table: ScoreTable, chosen: Filter, target: str) -> pd.DataFrame:
    chosen.check(table)
    return table.pairs(chosen, target=target)


def _with_interval(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Give mean, interval and number of the pairs' means for each combination of keys."""
    per_pair = rows.groupby([*keys, *PAIR], observed=True, sort=True)["value"].mean()
    found = []
    for key, values in per_pair.groupby(level=list(range(len(keys))), observed=True, sort=True):
        interval = mean_interval(values.to_numpy())
        names = key if isinstance(key, tuple) else (key,)
        found.append((*names, interval.mean, interval.low, interval.high, interval.count))
    return pd.DataFrame(found, columns=[*keys, "haaqi", "low", "high", "pairs"])


def by_stem(table: ScoreTable, chosen: Filter = _ALL, *, target: str = "") -> pd.DataFrame:
    """Give HAAQI by system, stem and ear: `system`, `stem`, `ear`, `haaqi`, `low`, `high` (95 %), `pairs`."""
    frame = _with_interval(_rows(table, chosen, target), ["system", "stem", "ear"])
    order = {stem: place for place, stem in enumerate(table.choices("stem"))}
    place = frame["stem"].map(order)
    return (
        frame.assign(_place=place)
        .sort_values(["system", "_place", "ear"])
        .drop(columns="_place")
        .reset_index(drop=True)
    )


def by_severity(table: ScoreTable, chosen: Filter = _ALL, *, target: str = "") -> pd.DataFrame:
    """Give HAAQI by the severity of the better ear's loss: `system`, `severity`, `haaqi`, `low`, `high`, `pairs`."""
    frame = _with_interval(_rows(table, chosen, target), ["system", "severity"])
    order = {name: place for place, name in enumerate(table.choices("severity"))}
    place = frame["severity"].map(order)
    return frame.assign(_place=place).sort_values(["system", "_place"]).drop(columns="_place").reset_index(drop=True)


def by_pure_tone_average(table: ScoreTable, chosen: Filter = _ALL, *, target: str = "") -> pd.DataFrame:
    """Give each ear's mean HAAQI beside its pure-tone average.

    Columns `system`, `listener`, `ear`, `average` (dB HL), `haaqi`, `scores`. Listeners without a known
    audiogram are left out.
    """
    rows = _rows(table, chosen, target)
    frame = mean_by(rows[rows["ear"] != ""], ["system", "listener", "ear"])
    ears = table.listeners[["left", "right"]].stack().rename("average")
    frame = frame.astype({"listener": str, "ear": str}).join(ears, on=["listener", "ear"])
    frame = frame.dropna(subset="average").rename(columns={"value": "haaqi", "count": "scores"})
    return frame[["system", "listener", "ear", "average", "haaqi", "scores"]].reset_index(drop=True)


def by_song(table: ScoreTable, chosen: Filter = _ALL, *, target: str = "") -> pd.DataFrame:
    """Give HAAQI by song and system: `song`, `genre`, `system`, `haaqi`, `low`, `high`, `pairs`; the hardest songs first."""
    pairs = _pairs(table, chosen, target)
    found = []
    for song, part in pairs.groupby(level="song", observed=True, sort=True):
        intervals = mean_intervals(part.to_numpy().T)
        for system, interval in zip(pairs.columns, intervals, strict=True):
            if interval.count:
                found.append((song, system, interval.mean, interval.low, interval.high, interval.count))
    frame = pd.DataFrame(found, columns=["song", "system", "haaqi", "low", "high", "pairs"])
    frame.insert(1, "genre", frame["song"].map(table.songs["genre"]))
    hardness = frame.groupby("song")["haaqi"].transform("mean")
    order = frame.assign(_mean=hardness).sort_values(["_mean", "song", "system"], kind="stable")
    return order.drop(columns="_mean").reset_index(drop=True)


def by_listener(table: ScoreTable, chosen: Filter = _ALL, *, target: str = "") -> pd.DataFrame:
    """Give the distribution of the pairs' scores for each listener and system.

    Returns
    -------
    pd.DataFrame
        `system`, `listener`, `severity`, `average` (pure-tone average of the better ear, dB HL), `pairs`, `mean`, `low`,
        `q1`, `median`, `q3`, `high`: quartiles, and the lowest and highest score.
    """
    pairs = _pairs(table, chosen, target)
    long = pairs.stack().rename("value").rename_axis([*PAIR, "system"])
    grouped = long.groupby(level=["system", "listener"], sort=True)
    quartiles = grouped.quantile([0.0, 0.25, 0.5, 0.75, 1.0]).unstack()
    quartiles.columns = ["low", "q1", "median", "q3", "high"]
    frame = grouped.agg(["size", "mean"]).rename(columns={"size": "pairs"}).join(quartiles).reset_index()
    frame.insert(2, "severity", frame["listener"].map(table.listeners["severity"]))
    frame.insert(3, "average", frame["listener"].map(table.listeners[["left", "right"]].min(axis=1)))
    return frame.sort_values(["system", "average", "listener"], kind="stable").reset_index(drop=True)


def heat_map(table: ScoreTable, system: str, chosen: Filter = _ALL, *, target: str = "") -> pd.DataFrame:
    """Give a system's score of every pair: songs down, listeners across (mildest loss first); NaN where there is none.

    Where a pair has several excerpts or scenes, their mean.

    Raises
    ------
    CadenzaError
        If the system has no scores there.
    """
    pairs = _pairs(table, chosen, target)
    _known(system, pairs)
    grid = pairs[system].dropna().groupby(level=["song", "listener"], sort=True).mean().unstack("listener")
    average = table.listeners[["left", "right"]].min(axis=1).reindex(grid.columns)
    order = pd.DataFrame({"average": average, "name": grid.columns}, index=grid.columns)
    grid = grid[order.sort_values(["average", "name"]).index]
    return grid.loc[grid.mean(axis=1).sort_values(kind="stable").index]


def against_sdr(table: ScoreTable, chosen: Filter = _ALL, *, target: str = "") -> pd.DataFrame:
    """Give HAAQI (mean of listeners and ears) beside SDR for each song and stem: `system`, `song`, `stem`, `sdr`, `haaqi`.

    Only where both are stored.
    """
    chosen.check(table)
    keys = ["system", "song", "excerpt", "stem"]
    target = target or table.targets[0]
    scores = mean_by(table.rows(chosen, target=target), keys)
    # SDR is of both ears together: a filter for one of them must not lose it.
    both_ears = Filter(**{**vars(chosen), "ear": ()})
    ratios = mean_by(table.rows(both_ears, metric="sdr", target=target), keys)
    both = scores.merge(ratios, on=keys, suffixes=("", "_sdr"))
    frame = both.rename(columns={"value": "haaqi", "value_sdr": "sdr"})
    return frame[["system", "song", "excerpt", "stem", "sdr", "haaqi"]].reset_index(drop=True)


def difference(table: ScoreTable, system: str, other: str, chosen: Filter = _ALL, *, target: str = "") -> pd.DataFrame:
    """Give the difference of two systems by song, on the pairs that both have, the greatest gain first.

    Returns
    -------
    pd.DataFrame
        `song`, `genre`, `difference` (`system` less `other`), `low`, `high` (95 %), `share_better`, `pairs`.

    Raises
    ------
    CadenzaError
        If one of them has no scores there, or they have no pair in common.
    """
    pairs = _pairs(table, chosen, target)
    for name in (system, other):
        _known(name, pairs)
    both = (pairs[system] - pairs[other]).dropna()
    if not len(both):
        raise CadenzaError(f"{system!r} and {other!r} have no song-listener pair in common.")
    found = []
    for song, values in both.groupby(level="song", observed=True, sort=True):
        interval = mean_interval(values.to_numpy())
        share = float(((values > 0) + 0.5 * (values == 0)).mean())
        found.append((song, interval.mean, interval.low, interval.high, share, interval.count))
    frame = pd.DataFrame(found, columns=["song", "difference", "low", "high", "share_better", "pairs"])
    frame.insert(1, "genre", frame["song"].map(table.songs["genre"]))
    return frame.sort_values(["difference", "song"], ascending=[False, True], kind="stable").reset_index(drop=True)


def outliers(table: ScoreTable, chosen: Filter = _ALL, *, target: str = "", most: int = 200) -> pd.DataFrame:
    """Give the pairs whose score is out of line with what song and listener let expect.

    Expected is the song's mean plus the listener's mean less the system's mean. A pair is listed if the modified z-score of
    its deviation (0.6745 times it over the median absolute deviation) is beyond 3.5.

    Returns
    -------
    pd.DataFrame
        `system`, `song`, `listener`, `excerpt`, `haaqi`, `expected`, `deviation`, `z`, the farthest first.
    """
    pairs = _pairs(table, chosen, target)
    found = []
    for system in pairs.columns:
        scores = pairs[system].dropna()
        by_song, by_listener = (scores.groupby(level=name).transform("mean") for name in ("song", "listener"))
        expected = by_song + by_listener - scores.mean()
        deviation = scores - expected
        spread = float((deviation - deviation.median()).abs().median())
        if spread <= 1e-12:
            continue
        z = _MAD * (deviation - deviation.median()) / spread
        frame = pd.DataFrame({"system": system, "haaqi": scores, "expected": expected, "deviation": deviation, "z": z})
        found.append(frame[frame["z"].abs() > OUTLYING].reset_index())
    columns = ["system", *PAIR, "haaqi", "expected", "deviation", "z"]
    if not found:
        return pd.DataFrame(columns=columns)
    frame = pd.concat(found, ignore_index=True)[columns]
    return frame.sort_values("z", key=np.abs, ascending=False, kind="stable").head(most).reset_index(drop=True)


def what_would_help(table: ScoreTable, chosen: Filter = _ALL) -> pd.DataFrame:
    """Give which stem costs the score: what the mean would gain if one stem were better.

    Returns
    -------
    pd.DataFrame
        `system`, `stem`, `haaqi` (its mean), `share_worst` (of the pairs where it is the worst stem), `gain_own` (of the
        score, were it as good as the system's best stem), `best_system` and `gain_best` (were it as good as in the system
        with the best such stem); the greatest gain first within each system.
    """
    rows = _rows(table, chosen, "stems")
    means = rows.groupby(["system", "stem"], observed=True)["value"].mean().unstack("stem")
    per_pair = rows.groupby(["system", *PAIR, "stem"], observed=True)["value"].mean().unstack("stem")
    worst = per_pair.idxmin(axis=1) if len(per_pair) else pd.Series(dtype=object)
    found = []
    for system in means.index:
        own = means.loc[system].dropna()
        shares = worst.loc[system].value_counts(normalize=True)
        for stem, mean in own.items():
            best = means[stem].idxmax()
            gains = {"gain_own": (own.max() - mean) / len(own), "gain_best": (means[stem].max() - mean) / len(own)}
            share = float(shares.get(stem, 0.0))
            found.append(
                {"system": system, "stem": stem, "haaqi": mean, "share_worst": share, "best_system": best, **gains}
            )
    columns = ["system", "stem", "haaqi", "share_worst", "gain_own", "best_system", "gain_best"]
    frame = pd.DataFrame(found, columns=columns)
    return frame.sort_values(["system", "gain_own"], ascending=[True, False], kind="stable").reset_index(drop=True)


def _known(system: str, pairs: pd.DataFrame) -> None:
    if system not in pairs:
        raise CadenzaError(f"{system!r} has no scores here; {', '.join(pairs.columns) or 'no system'} has.")
