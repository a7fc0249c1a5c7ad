"""Ratings on a scale: means with intervals, paired comparisons, excerpts, participants.

The mean of a condition is the mean of its participants' means. Its interval is a percentile bootstrap with 2,000 draws, shared
by all conditions ("paired"): of participants, or of participants and excerpts (see :mod:`cadenza_core.statistics.crossed`).
Two systems are compared on what a participant has rated of both.
"""

import itertools

import numpy as np
import pandas as pd

from ...errors import CadenzaError
from ...statistics import Interval, crossed_intervals, holm, mean_intervals, mean_of_participants, paired_test
from .choice import Choice
from .tidy import Answers

__all__ = ["comparisons", "condition_means", "cube", "excerpt_means", "intervals_of", "participant_means", "spread"]

_ROLE_ORDER = {"system": 0, "reference": 1, "anchor": 2}


def cube(rows: pd.DataFrame) -> tuple[np.ndarray, list[str], list[str], list[str]]:
    """Give the ratings as an array, and its labels.

    Parameters
    ----------
    rows : pd.DataFrame
        Answers on one scale.

    Returns
    -------
    np.ndarray [shape=(conditions, participants, items)]
        NaN where there is no rating; repeated ones are averaged.
    list of str
        Conditions, participants, items; three lists.
    """
    labels = [sorted(set(rows[name])) for name in ("condition", "participant", "item")]
    shape = tuple(len(each) for each in labels)
    codes = [
        pd.Categorical(rows[name], categories=each).codes.astype(np.int64)
        for name, each in zip(("condition", "participant", "item"), labels, strict=True)
    ]
    place = np.ravel_multi_index(codes, shape)
    counts = np.bincount(place, minlength=int(np.prod(shape)))
    sums = np.bincount(place, weights=rows["value"].to_numpy(dtype=float), minlength=int(np.prod(shape)))
    with np.errstate(invalid="ignore"):
        return (sums / counts).reshape(shape), labels[0], labels[1], labels[2]


def intervals_of(values: np.ndarray, over: str) -> list[Interval]:
    """Give the interval of each condition's mean; `values` and `over` as :func:`cube` and :class:`Choice` have them."""
    return crossed_intervals(values) if over == "both" else mean_intervals(mean_of_participants(values))


def condition_means(answers: Answers, choice: Choice) -> pd.DataFrame:
    """Give each condition's mean with its interval.

    Returns
    -------
    pd.DataFrame
        `condition`, `role`, `participants`, `answers`, `mean`, `low`, `high` (95 %), `sd` (of participants' means), `median`,
        `q1`, `q3` (of all answers); the highest mean first.
    """
    rows = answers.of(choice.scale)
    values, conditions, _, _ = cube(rows)
    means = mean_of_participants(values)
    roles = rows.groupby("condition")["role"].first()
    found = []
    for number, (condition, interval) in enumerate(zip(conditions, intervals_of(values, choice.over), strict=True)):
        own = rows.loc[rows["condition"] == condition, "value"].to_numpy(dtype=float)
        each = means[number][~np.isnan(means[number])]
        found.append(
            {
                "condition": condition,
                "role": roles[condition],
                "participants": len(each),
                "answers": len(own),
                "mean": interval.mean,
                "low": interval.low,
                "high": interval.high,
                "sd": float(np.std(each, ddof=1)) if len(each) > 1 else np.nan,
                **dict(zip(("median", "q1", "q3"), np.percentile(own, [50, 25, 75]).tolist(), strict=True)),
            }
        )
    frame = pd.DataFrame(found)
    return frame.sort_values(["mean", "condition"], ascending=[False, True], kind="stable").reset_index(drop=True)


def comparisons(answers: Answers, choice: Choice) -> pd.DataFrame:
    """Test which conditions differ, on participants' means of what they have rated of both; p corrected by Holm.

    Returns
    -------
    pd.DataFrame
        `system`, `other`, `count` (participants), `difference`, `low`, `high` (95 %), `share_better`, `statistic`, `p`,
        `p_holm`, `significant` (corrected p below 0.05); the smallest p first.

    Raises
    ------
    CadenzaError
        If there are fewer than two conditions, or none of the name that is compared with.
    """
    rows = answers.of(choice.scale)
    if not choice.anchors:
        rows = rows[(rows["role"] == "system") | (rows["condition"] == choice.against)]
    if rows["condition"].nunique() < 2:
        raise CadenzaError(
            "Two systems at least are wanted for a comparison. Reference and anchors can be compared too."
        )
    values, names, _, _ = cube(rows)
    if choice.against and choice.against not in names:
        raise CadenzaError(f"There is no condition {choice.against!r} among {', '.join(names)}.")
    pairs = (
        [(name, choice.against) for name in names if name != choice.against]
        if choice.against
        else list(itertools.combinations(names, 2))
    )
    found = []
    for one, other in pairs:
        both = values[[names.index(one), names.index(other)]]
        both = np.where(np.isnan(both).any(axis=0), np.nan, both)
        first, second = mean_of_participants(both)
        result = paired_test(first, second, choice.test)
        found.append({"system": one, "other": other, **vars(result)})
    frame = pd.DataFrame(found).drop(columns="test")
    frame["p_holm"] = holm(frame["p"].to_numpy(dtype=float))
    frame["significant"] = frame["p_holm"] < 0.05
    return frame.sort_values(["p", "system", "other"], kind="stable").reset_index(drop=True)


def excerpt_means(answers: Answers, choice: Choice) -> pd.DataFrame:
    """Give the mean of each condition for each excerpt.

    Returns
    -------
    pd.DataFrame
        `item`, `condition`, `role`, `answers`, `mean`; the excerpt with the lowest mean first.
    """
    return _means(answers, choice, "item", lowest_first=True)


def participant_means(answers: Answers, choice: Choice) -> pd.DataFrame:
    """Give the mean of each participant for each condition.

    Returns
    -------
    pd.DataFrame
        `participant`, `condition`, `role`, `answers`, `mean`, in the order of the codes.
    """
    return _means(answers, choice, "participant", lowest_first=False)


def _means(answers: Answers, choice: Choice, key: str, *, lowest_first: bool) -> pd.DataFrame:
    rows = answers.of(choice.scale)
    grouped = rows.groupby([key, "condition", "role"], sort=True)["value"].agg(["size", "mean"]).reset_index()
    frame = grouped.rename(columns={"size": "answers"})
    if lowest_first:
        order = rows.groupby(key)["value"].mean()
        frame = frame.sort_values([key, "condition"], kind="stable")
        frame = frame.iloc[np.argsort(frame[key].map(order).to_numpy(), kind="stable")]
    return frame.reset_index(drop=True)


def spread(answers: Answers, choice: Choice) -> pd.DataFrame:
    """Give all answers on the scale, the conditions with the highest median first: systems, reference, anchors.

    Returns
    -------
    pd.DataFrame
        `condition`, `role`, `participant`, `item`, `value`.
    """
    rows = answers.of(choice.scale)
    medians = rows.groupby("condition")["value"].median()
    ordered = rows.assign(_role=rows["role"].map(_ROLE_ORDER), _median=-rows["condition"].map(medians))
    ordered = ordered.sort_values(["_role", "_median", "condition", "participant", "item"], kind="stable")
    return ordered[["condition", "role", "participant", "item", "value"]].reset_index(drop=True)
