"""Stored scores as the views need them: one evaluation set, with what is known of its songs and listeners, and filters."""

import functools
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from clarity.utils.audiogram import Audiogram

from ..audio import STEMS
from ..catalog import pure_tone_average
from ..errors import CadenzaError
from ..hearing.severity import BANDS, severity
from ..store import Store
from ..store.schema import Listener, Song, System

__all__ = [
    "PAIR",
    "TARGETS",
    "UNKNOWN",
    "Filter",
    "ScoreSource",
    "ScoreTable",
    "mean_by",
    "of_pairs",
    "pair_scores",
    "system_means",
]

#: What is scored as one: a song for a listener (and an excerpt or scene, where a set has several).
PAIR = ["song", "listener", "excerpt"]
#: What a score may be of: the separated stems (CAD1) or the remix (ICASSP 2024).
TARGETS = ("stems", "remix")
#: Genre of a song, or severity of a listener, that nothing is known about.
UNKNOWN = "unknown"
_SETS_KEPT = 4
#: Rows and pairs of a table, and results of views, that are kept.
_FRAMES_KEPT = 8
_RESULTS_KEPT = 64
_T = TypeVar("_T")


@dataclass(frozen=True)
class Filter:
    """Which scores count; empty: all of them.

    Parameters
    ----------
    system, song, genre, stem, ear, severity, listener : tuple of str
        Accepted values. The severity is of the listener's better ear.
    """

    system: tuple[str, ...] = ()
    song: tuple[str, ...] = ()
    genre: tuple[str, ...] = ()
    stem: tuple[str, ...] = ()
    ear: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    listener: tuple[str, ...] = ()

    @property
    def narrows(self) -> bool:
        """Whether it leaves out scores of a system, and not only whole systems."""
        return any(getattr(self, one.name) for one in fields(self) if one.name != "system")

    def check(self, table: "ScoreTable") -> None:
        """Raise a CadenzaError that names the first value which no score has."""
        for one in fields(self):
            known = table.choices(one.name)
            for value in getattr(self, one.name):
                if value not in known:
                    some = ", ".join(known[:10]) + (" ..." if len(known) > 10 else "")
                    raise CadenzaError(f"No score has the {one.name} {value!r}; there are {some or 'none'}.")


@dataclass(frozen=True)
class ScoreTable:
    """The scores of one evaluation set.

    Parameters
    ----------
    evaluation_set : str
    frame : pd.DataFrame
        `system`, `song`, `listener`, `excerpt`, `metric`, `stem`, `ear`, `genre`, `severity` (categories), `value`, `run`.
    systems, songs, listeners : pd.DataFrame
        By name: facts of the systems; `genre`; `severity` (better ear), `left`, `right` (pure-tone averages, dB HL).
    state : tuple
        The database's state that this was read in.
    """

    evaluation_set: str
    frame: pd.DataFrame
    systems: pd.DataFrame
    songs: pd.DataFrame
    listeners: pd.DataFrame
    state: tuple[object, ...] = ()
    _choices: dict[str, list[str]] = field(default_factory=dict, compare=False)
    _kept: "Kept" = field(default_factory=lambda: Kept(_FRAMES_KEPT), compare=False)

    def choices(self, name: str) -> list[str]:
        """Give the values that a column has, in order: stems and severities in theirs, the rest by name."""
        if name not in self._choices:
            found = [str(value) for value in self.frame[name].cat.categories]
            order = {"stem": [*STEMS, "remix"], "severity": [band for band, _ in BANDS], "ear": ["left", "right"]}.get(
                name
            )
            rank = {value: place for place, value in enumerate(order or [])}
            self._choices[name] = sorted((v for v in found if v), key=lambda value: (rank.get(value, len(rank)), value))
        return self._choices[name]

    def once(self, key: Hashable, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """Give what `make` gives, computed once for a key while it is among the last ones asked for."""
        return self._kept.once(key, make).copy(deep=False)  # who changes it changes a copy

    def rows(self, chosen: Filter = Filter(), *, metric: str = "haaqi", target: str = "stems") -> pd.DataFrame:
        """Give the scores of a metric that pass a filter.

        Parameters
        ----------
        target : str
            ``stems`` or ``remix``: their scores are never averaged together.
        """
        if target not in TARGETS:
            raise CadenzaError(f"Scores are of {' or '.join(TARGETS)}, not of {target!r}.")
        frame = self.frame
        if metric not in frame["metric"].cat.categories:
            return frame.iloc[:0]

        def passing() -> pd.DataFrame:
            mask = _is(frame["metric"], (metric,)) & (_is(frame["stem"], ("remix",)) == (target == "remix"))
            for one in fields(chosen):
                if values := getattr(chosen, one.name):
                    mask &= _is(frame[one.name], values)
            return frame[mask]

        return self.once(("rows", chosen, metric, target), passing)

    def pairs(self, chosen: Filter = Filter(), *, metric: str = "haaqi", target: str = "") -> pd.DataFrame:
        """Give each pair's score for each system, see :func:`pair_scores`; empty target: what the set has."""
        target = target or self.targets[0]
        return self.once(
            ("pairs", chosen, metric, target), lambda: pair_scores(self.rows(chosen, metric=metric, target=target))
        )

    @functools.cached_property
    def metric(self) -> str:
        """What the systems are ranked by: HAAQI, or SDR where there is only that (language-queried separation)."""
        has_haaqi, has_sdr = (_is(self.frame["metric"], (name,)).any() for name in ("haaqi", "sdr"))
        return "sdr" if has_sdr and not has_haaqi else "haaqi"

    @functools.cached_property
    def targets(self) -> list[str]:
        """What the set's HAAQI is of, the stems first; a set without any counts as one of stems."""
        return [target for target in TARGETS if len(self.rows(target=target))] or ["stems"]


def _is(column: pd.Series, values: Sequence[str]) -> np.ndarray:
    wanted = np.zeros(len(column.cat.categories) + 1, dtype=bool)  # the last one is of no value, whose code is -1
    codes = column.cat.categories.get_indexer(list(values))
    wanted[codes[codes >= 0]] = True
    found: np.ndarray = wanted[column.cat.codes.to_numpy()]
    return found


def mean_by(rows: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Give the mean and the number of the scores for each combination of keys that occurs.

    Returns
    -------
    pd.DataFrame
        The keys, `value` and `count`, in the keys' order.
    """
    grouped = rows.groupby(list(keys), observed=True, sort=True)["value"].agg(["mean", "size"])
    return grouped.rename(columns={"mean": "value", "size": "count"}).reset_index()


def pair_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Give each pair's score for each system: the mean over its stems and ears, as CAD1 and ICASSP 2024 score.

    Returns
    -------
    pd.DataFrame
        A row for each pair (index `song`, `listener`, `excerpt`), a column for each system; NaN where it has no score.
    """
    names = [*PAIR, "system"]
    codes = [rows[name].cat.codes.to_numpy().astype(np.int64) for name in names]
    sizes = [len(rows[name].cat.categories) for name in names]
    pair = np.ravel_multi_index(codes[:3], sizes[:3]) if len(rows) else np.empty(0, dtype=np.int64)
    found, place = np.unique(pair, return_inverse=True)
    cells = place * sizes[3] + codes[3]
    total = len(found) * sizes[3]
    counts = np.bincount(cells, minlength=total)
    sums = np.bincount(cells, weights=rows["value"].to_numpy(), minlength=total)
    with np.errstate(invalid="ignore"):
        means = (sums / counts).reshape(len(found), sizes[3])
    here = np.flatnonzero(counts.reshape(len(found), sizes[3]).any(axis=0))
    labels = [
        rows[name].cat.categories[code] for name, code in zip(PAIR, np.unravel_index(found, sizes[:3]), strict=True)
    ]
    index = pd.MultiIndex.from_arrays(labels, names=PAIR)
    return pd.DataFrame(means[:, here], index=index, columns=list(rows["system"].cat.categories[here]))


def system_means(rows: pd.DataFrame, systems: Sequence[str], by: str = "") -> dict[str, np.ndarray]:
    """Give each system's mean score, NaN where it has none, for each value of the column `by`; without one, for ``""``."""
    names = rows["system"].cat.categories
    kinds = list(rows[by].cat.categories) if by else [""]
    kind = rows[by].cat.codes.to_numpy() if by else np.zeros(len(rows), dtype=np.int64)
    cells = (rows["system"].cat.codes.to_numpy().astype(np.int64) * len(kinds) + kind)[kind >= 0]
    counts, sums = (
        np.bincount(cells, weights=weights, minlength=len(names) * len(kinds)).reshape(len(names), len(kinds))
        for weights in (None, rows["value"].to_numpy()[kind >= 0])
    )
    with np.errstate(invalid="ignore"):
        means = (sums / counts)[names.get_indexer(list(systems))]
    return {name: means[:, number] for number, name in enumerate(kinds)}


def of_pairs(rows: pd.DataFrame, pairs: pd.MultiIndex) -> pd.DataFrame:
    """Give the scores of some pairs only."""
    if not len(rows):
        return rows
    sizes = [len(rows[name].cat.categories) for name in PAIR]
    levels = [rows[name].cat.categories.get_indexer(pairs.get_level_values(name)) for name in PAIR]
    known = np.all([level >= 0 for level in levels], axis=0)
    wanted = np.ravel_multi_index([level[known] for level in levels], sizes) if known.any() else []
    codes = [rows[name].cat.codes.to_numpy().astype(np.int64) for name in PAIR]
    return rows[np.isin(np.ravel_multi_index(codes, sizes), wanted)]


class Kept:
    """The last results, each computed once for its key; may be used by several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._results: OrderedDict[Hashable, Any] = OrderedDict()

    def once(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Give what `make` gives, or gave for this key."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                kept: _T = self._results[key]
                return kept
        made = make()
        with self._lock:
            self._results[key] = made
            while len(self._results) > self._most:
                self._results.popitem(last=False)
        return made


class ScoreSource:
    """Tables of a database, read again only when it has changed; may be used by several threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._tables: OrderedDict[str, ScoreTable] = OrderedDict()
        self._results = Kept(_RESULTS_KEPT)

    def table(self, evaluation_set: str) -> ScoreTable:
        """Give the scores of a set as the database has them now."""
        with self._lock:
            # Before the reading: what is stored meanwhile makes the table old, never stale.
            state = self.store.state()
            table = self._tables.get(evaluation_set)
            if table is None or table.state != state:
                table = read_table(self.store, evaluation_set, state)
                self._tables[evaluation_set] = table
            self._tables.move_to_end(evaluation_set)
            while len(self._tables) > _SETS_KEPT:
                self._tables.popitem(last=False)
            return table

    def once(self, table: ScoreTable, key: Hashable, make: Callable[[], _T]) -> _T:
        """Give what `make` gives, computed once for a key as long as the database stays as it was for `table`."""
        return self._results.once((table.state, table.evaluation_set, key), make)


def read_table(store: Store, evaluation_set: str, state: tuple[object, ...] = ()) -> ScoreTable:
    """Read the scores of a set."""
    frame = store.scores(evaluation_set)
    systems = store.table(System).set_index("name").drop(columns="id")
    songs = store.table(Song).set_index("name").drop(columns="id")
    stored = store.table(Listener)
    listeners = _listeners(dict(zip(stored["name"], stored["audiogram"], strict=True)))
    genres = songs["genre"].where(songs["genre"].astype(bool), UNKNOWN)
    frame["genre"] = _mapped(frame["song"], genres.to_dict())
    frame["severity"] = _mapped(frame["listener"], listeners["severity"].to_dict())
    return ScoreTable(evaluation_set, frame, systems, songs.assign(genre=genres), listeners, state)


def _listeners(audiograms: Mapping[str, Mapping[str, list[float]]]) -> pd.DataFrame:
    rows = []
    for name, levels in audiograms.items():
        averages = dict.fromkeys(("left", "right"), math.nan)
        if levels:
            hertz = np.array(levels["frequencies"])
            averages = {ear: pure_tone_average(Audiogram(np.array(levels[ear]), hertz)) for ear in averages}
        better = min(averages.values()) if levels else math.nan
        rows.append({"name": name, "severity": severity(better) if levels else UNKNOWN, **averages})
    return pd.DataFrame(rows, columns=["name", "severity", "left", "right"]).set_index("name")


def _mapped(column: pd.Series, facts: Mapping[str, str]) -> pd.Categorical:
    """Give the fact of each row's name, by way of the categories: no row is looked at."""
    values = [facts.get(name, UNKNOWN) for name in column.cat.categories]
    labels = sorted(set(values))
    codes = np.array([labels.index(value) for value in values] or [0])
    return pd.Categorical.from_codes(codes[column.cat.codes.to_numpy()], labels) if len(column) else pd.Categorical([])
