"""Choices: A/B preference (proportions, Bradley-Terry strengths) and ABX (a binomial test)."""

import itertools

import numpy as np
import pandas as pd

from ...errors import CadenzaError
from ...statistics import bradley_terry, holm, proportion
from .choice import Choice
from .tidy import Answers

__all__ = ["abx", "pairs_of", "preferences", "strengths"]


def pairs_of(answers: Answers) -> pd.DataFrame:
    """Give a row for each A/B answer: which condition was chosen, and against which.

    Returns
    -------
    pd.DataFrame
        `participant`, `trial`, `item`, `winner`, `loser`.

    Raises
    ------
    CadenzaError
        If a trial has not two conditions, one chosen and the other not.
    """
    key = ["participant", "trial", "item"]
    rows = answers.of("preference")
    of_trial = rows.groupby(key, sort=False)["value"]
    bad = (of_trial.transform("size") != 2) | (of_trial.transform("sum") != 1.0)
    if bad.any():
        first = rows[bad].iloc[0]
        part = rows[(rows[key] == first[key]).all(axis=1)]
        given = ", ".join(f"{row.condition} {row.value:g}" for row in part.itertuples())
        raise CadenzaError(
            f"{first['participant']}, trial {first['trial'] or first['item']}: an A/B answer is two conditions, 1 for the "
            f"chosen one and 0 for the other; here: {given}."
        )
    won, lost = (rows.loc[rows["value"] == value, [*key, "condition"]] for value in (1.0, 0.0))
    both = won.rename(columns={"condition": "winner"}).merge(lost.rename(columns={"condition": "loser"}), on=key)
    return both[[*key, "winner", "loser"]]


def preferences(answers: Answers, choice: Choice) -> pd.DataFrame:
    """Give for each pair of conditions how often the first was chosen, and test it against one half; p corrected by Holm.

    With ``unit="participants"`` each participant counts once, for what they chose more often; who chose both equally often
    is left out of `count` and is in `tied`.

    Returns
    -------
    pd.DataFrame
        `system`, `other`, `chosen`, `count`, `tied`, `share`, `low`, `high` (95 %), `p` (exact binomial, two-sided), `p_holm`,
        `significant`; the first of a pair is the one that was chosen more often.
    """
    pairs = pairs_of(answers)
    names = sorted({*pairs["winner"], *pairs["loser"]})
    found = []
    for one, other in itertools.combinations(names, 2):
        for_it = pairs[(pairs["winner"] == one) & (pairs["loser"] == other)].groupby("participant").size()
        against = pairs[(pairs["winner"] == other) & (pairs["loser"] == one)].groupby("participant").size()
        balance = for_it.sub(against, fill_value=0)
        if not len(balance):
            continue
        if choice.unit == "participants":
            counts, tied = (int((balance > 0).sum()), int((balance < 0).sum())), int((balance == 0).sum())
        else:
            counts, tied = (int(for_it.sum()), int(against.sum())), 0
        first, second = (one, other) if counts[0] >= counts[1] else (other, one)
        result = proportion(max(counts), sum(counts), interval=choice.interval)
        found.append(
            {
                "system": first,
                "other": second,
                "chosen": result.successes,
                "count": result.count,
                "tied": tied,
                "share": result.share,
                "low": result.low,
                "high": result.high,
                "p": result.p,
            }
        )
    return _corrected(pd.DataFrame(found)).sort_values(["p", "system", "other"], kind="stable").reset_index(drop=True)


def strengths(answers: Answers) -> tuple[pd.DataFrame, str]:
    """Give each condition's Bradley-Terry strength, and why there is none where that is so.

    Returns
    -------
    pd.DataFrame
        `condition`, `strength` (log odds, mean 0), `low`, `high` (95 %), `against_average` (probability to be chosen
        against one of strength 0), `chosen`, `count`, `participants`; the strongest first.
    str
    """
    pairs = pairs_of(answers)
    names = sorted({*pairs["winner"], *pairs["loser"]})
    people = sorted(set(pairs["participant"]))
    wins = np.zeros((len(people), len(names), len(names)))
    codes = [pd.Categorical(pairs[column], categories=names).codes for column in ("winner", "loser")]
    np.add.at(wins, (pd.Categorical(pairs["participant"], categories=people).codes, *codes), 1.0)
    found = bradley_terry(wins, names)
    total = wins.sum(axis=0)
    frame = pd.DataFrame(
        {
            "condition": names,
            "strength": found.values,
            "low": found.low,
            "high": found.high,
            "against_average": 1.0 / (1.0 + np.exp(-found.values)),
            "chosen": total.sum(axis=1).astype(int),
            "count": (total + total.T).sum(axis=1).astype(int),
            "participants": len(people),
        }
    )
    frame = frame.assign(_share=frame["chosen"] / frame["count"])
    frame = frame.sort_values(["strength", "_share", "condition"], ascending=[False, False, True], kind="stable")
    return frame.drop(columns="_share").reset_index(drop=True), found.missing


def abx(answers: Answers, choice: Choice) -> pd.DataFrame:
    """Give how often X was told right: all answers, by pair and by what X was, by participant; tested against guessing.

    Returns
    -------
    pd.DataFrame
        `group` ("all", "pair" where there are several, "X was", "participant"), `name`, `correct`, `count`, `share`, `low`,
        `high` (95 %), `p` (exact binomial, one-sided: better than guessing), `p_holm` (corrected within its group),
        `significant`.
    """
    rows = answers.of("correct")
    rows = rows.assign(pair=_pair_of(rows))
    found = []
    for group, column in (("all", ""), ("pair", "pair"), ("X was", "condition"), ("participant", "participant")):
        if column == "pair" and rows["condition"].nunique() < 3:
            continue
        parts = rows.groupby(column, sort=True) if column else [("all answers", rows)]
        tested = []
        for name, part in parts:
            result = proportion(int(part["value"].sum()), len(part), alternative="greater", interval=choice.interval)
            tested.append(
                {
                    "group": group,
                    "name": str(name),
                    "correct": result.successes,
                    "count": result.count,
                    "share": result.share,
                    "low": result.low,
                    "high": result.high,
                    "p": result.p,
                }
            )
        found.append(_corrected(pd.DataFrame(tested)))
    return pd.concat(found, ignore_index=True)


def _pair_of(rows: pd.DataFrame) -> pd.Series:
    """Name the two systems of each ABX trial: what X was in it, over all participants."""
    names = rows.groupby("trial")["condition"].agg(lambda seen: sorted(set(seen)))
    labels = {trial: " / ".join(seen if len(seen) > 1 else [*seen, "?"]) for trial, seen in names.items()}
    return rows["trial"].map(labels)


def _corrected(frame: pd.DataFrame) -> pd.DataFrame:
    frame["p_holm"] = holm(frame["p"].to_numpy(dtype=float))
    frame["significant"] = frame["p_holm"] < 0.05
    return frame
