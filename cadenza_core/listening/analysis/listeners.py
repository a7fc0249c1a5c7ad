"""Do participants agree? Coefficients of agreement, and each one against the others."""

import numpy as np
import pandas as pd

from ...statistics import correlation, intraclass_correlations, krippendorff_alpha
from .choice import Choice
from .ratings import cube
from .tidy import Answers

__all__ = ["agreement", "with_the_others"]


def _table(answers: Answers, choice: Choice) -> tuple[np.ndarray, list[str]]:
    """Give the ratings of each sound (condition and item), a column for each participant."""
    values, _, participants, _ = cube(answers.of(choice.scale))
    return values.transpose(0, 2, 1).reshape(-1, len(participants)), participants


def agreement(answers: Answers, choice: Choice) -> pd.DataFrame:
    """Give Krippendorff's alpha and the intraclass correlations of the participants' ratings of each sound.

    Returns
    -------
    pd.DataFrame
        `coefficient`, `value`, `low`, `high` (95 %), `sounds`, `participants`.
    """
    table, _ = _table(answers, choice)
    level = "ordinal" if choice.level == "ordinal" else "interval"
    found = [krippendorff_alpha(table, level), *intraclass_correlations(table)]
    rows = [(one.name, one.value, one.low, one.high, one.targets, one.raters) for one in found]
    return pd.DataFrame(rows, columns=["coefficient", "value", "low", "high", "sounds", "participants"])


def with_the_others(answers: Answers, choice: Choice) -> pd.DataFrame:
    """Correlate each participant's ratings with the means of the others' (Pearson).

    Returns
    -------
    pd.DataFrame
        `participant`, `correlation`, `sounds`, `mean`, `sd` (of their answers); the lowest correlation first.
    """
    table, participants = _table(answers, choice)
    given = ~np.isnan(table)
    count, total = given.sum(axis=1), np.where(given, table, 0.0).sum(axis=1)
    rows = []
    for number, participant in enumerate(participants):
        own = table[:, number]
        others = count - given[:, number]
        with np.errstate(invalid="ignore", divide="ignore"):
            rest = np.where(others > 0, (total - np.where(given[:, number], own, 0.0)) / others, np.nan)
        found, kept = correlation(own, rest), own[given[:, number]]
        sd = float(np.std(kept, ddof=1)) if len(kept) > 1 else np.nan
        rows.append((participant, found.value, found.count, float(kept.mean()), sd))
    frame = pd.DataFrame(rows, columns=["participant", "correlation", "sounds", "mean", "sd"])
    return frame.sort_values(["correlation", "participant"], kind="stable").reset_index(drop=True)
