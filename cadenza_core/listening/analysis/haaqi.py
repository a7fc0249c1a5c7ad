"""Do ratings follow HAAQI? Ratings of stimuli beside the stored scores of the same system, song, listener and excerpt."""

import pandas as pd

from ...analysis import ScoreTable
from ...errors import CadenzaError
from ...statistics import CORRELATIONS, correlation
from .choice import Choice
from .tidy import Answers

__all__ = ["correlations", "rated_points", "stored_haaqi"]

_STIMULUS = ["system", "song", "listener", "excerpt"]


def stored_haaqi(table: ScoreTable, target: str = "") -> pd.DataFrame:
    """Give the HAAQI of each system, song, listener and excerpt of an evaluation set: the mean over stems and ears.

    Returns
    -------
    pd.DataFrame
        `system`, `song`, `listener`, `excerpt`, `haaqi`.
    """
    pairs = table.pairs(target=target)
    long = pairs.melt(ignore_index=False, var_name="system", value_name="haaqi").dropna().reset_index()
    return long[[*_STIMULUS, "haaqi"]].astype(dict.fromkeys(_STIMULUS, str))


def rated_points(answers: Answers, choice: Choice, haaqi: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Give rating and HAAQI of what was rated, and how the two were brought together.

    A stimulus takes the HAAQI of its system, song, listener and excerpt; where the set has no such excerpt, that of the song
    for the listener (mean over excerpts); where the participant has no audiogram of a listener, that of the song (mean over
    listeners). What has none is left out.

    Parameters
    ----------
    haaqi : pd.DataFrame
        As :func:`stored_haaqi`.

    Returns
    -------
    pd.DataFrame
        `system`, and as far as the points have them `song`, `listener`, `excerpt`; `rating`, `answers`, `haaqi`.
    list of str
    """
    rows = answers.of(choice.scale)
    rows = rows[rows["role"] == "system"]
    stimuli = rows.groupby(_STIMULUS, sort=True)["value"].agg(["mean", "size"]).reset_index()
    stimuli = stimuli.rename(columns={"mean": "rating", "size": "answers"})
    exact = haaqi.groupby(_STIMULUS)["haaqi"].mean()
    by_song = haaqi.groupby(_STIMULUS[:3])["haaqi"].mean()
    by_any = haaqi.groupby(_STIMULUS[:2])["haaqi"].mean()
    stimuli["haaqi"] = _looked_up(stimuli, exact)
    found = stimuli["haaqi"].notna()
    notes = [f"{int(found.sum()):,} of {len(stimuli):,} rated stimuli have a HAAQI of the same excerpt"]
    for series, which, said in (
        (by_song, stimuli["listener"] != "", "take that of the whole song for the listener"),
        (by_any, stimuli["listener"] == "", "are of no listener and take the song's mean over listeners"),
    ):
        further = _looked_up(stimuli, series).where(stimuli["haaqi"].isna() & which)
        stimuli["haaqi"] = stimuli["haaqi"].fillna(further)
        notes += [f"{int(further.notna().sum()):,} {said}"] if further.notna().any() else []
    missing = stimuli["haaqi"].isna()
    notes += [f"{int(missing.sum()):,} have none and are left out"] if missing.any() else []
    stimuli = stimuli[~missing]
    if choice.points != "stimulus":
        key = ["system"] if choice.points == "system" else ["system", "song"]
        stimuli = stimuli.groupby(key, sort=True).agg(
            rating=("rating", "mean"), answers=("answers", "sum"), haaqi=("haaqi", "mean")
        )
        stimuli = stimuli.reset_index()
    return stimuli.reset_index(drop=True), notes


def correlations(points: pd.DataFrame) -> pd.DataFrame:
    """Correlate ratings with HAAQI.

    Returns
    -------
    pd.DataFrame
        `correlation`, `value`, `low`, `high` (95 %), `p`, `points`: Pearson, Spearman, Kendall.

    Raises
    ------
    CadenzaError
        If there are no points.
    """
    if points.empty:
        raise CadenzaError(
            "Nothing that was rated has a HAAQI in this evaluation set: the names of systems and songs (and listeners) must "
            "be the same in both. Choose another set, or import the scores."
        )
    found = [correlation(points["haaqi"].to_numpy(), points["rating"].to_numpy(), kind) for kind in CORRELATIONS]
    rows = [(CORRELATIONS[one.kind], one.value, one.low, one.high, one.p, one.count) for one in found]
    return pd.DataFrame(rows, columns=["correlation", "value", "low", "high", "p", "points"])


def _looked_up(stimuli: pd.DataFrame, values: pd.Series) -> pd.Series:
    keys = pd.MultiIndex.from_frame(stimuli[list(values.index.names)])
    return pd.Series(values.reindex(keys).to_numpy(dtype=float), index=stimuli.index)
