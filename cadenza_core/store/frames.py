"""Scores as they are computed, as the tables that are stored."""

import math
from collections.abc import Iterable

import pandas as pd

from ..quality import PairScore, RemixScore

__all__ = ["pairs_frame", "remix_frame"]


def pairs_frame(pairs: Iterable[PairScore], *, excerpt: str = "") -> pd.DataFrame:
    """Give the stems' HAAQI of song-listener pairs, one row for each stem and ear, to be stored.

    Returns
    -------
    pd.DataFrame
        Columns `song`, `listener`, `excerpt`, `metric`, `stem`, `ear`, `value`; NaN where the reference is silent.
    """
    rows = [
        (pair.song, pair.listener, excerpt, "haaqi", name.partition("_")[2], name.partition("_")[0], value)
        for pair in pairs
        for name, value in pair.haaqi.items()
    ]
    return pd.DataFrame(rows, columns=["song", "listener", "excerpt", "metric", "stem", "ear", "value"])


def remix_frame(
    song: str, listener: str, score: RemixScore | None = None, *, excerpt: str = "", **others: float | None
) -> pd.DataFrame:
    """Give a remix's HAAQI of both ears, and further numbers of it by their metric's name, to be stored.

    Parameters
    ----------
    **others : float or None
        ``loudness``, ``true_peak``, ``clipped``; None or NaN is left out.
    """
    found = [("haaqi", "left", score.left), ("haaqi", "right", score.right)] if score else []
    found += [(name, "", value) for name, value in others.items() if value is not None and math.isfinite(value)]
    rows = [(song, listener, excerpt, metric, "remix", ear, value) for metric, ear, value in found]
    return pd.DataFrame(rows, columns=["song", "listener", "excerpt", "metric", "stem", "ear", "value"])
