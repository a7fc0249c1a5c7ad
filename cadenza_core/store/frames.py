"""Scores as they are computed, as the tables that are stored."""

import math
from collections.abc import Iterable

import pandas as pd

from ..quality import PairScore, RemixScore
from ..quality.excerpt import ExcerptScores
from ..quality.lass_evaluation import MEASURES, Evaluation

__all__ = ["NO_LISTENER", "excerpt_frames", "lass_frame", "pairs_frame", "remix_frame"]

#: Stands for the listener where a score is of nobody's ears.
NO_LISTENER = "-"

_COLUMNS = ["song", "listener", "excerpt", "metric", "stem", "ear", "value"]


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
    return pd.DataFrame(rows, columns=_COLUMNS)


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
    return pd.DataFrame(rows, columns=_COLUMNS)


def excerpt_frames(song: str, listener: str, scores: ExcerptScores, excerpt: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give the studio's scores of an excerpt, to be stored: of the stems (HAAQI, and SDR of both ears together), of the remix.

    An SDR that is infinite (the true stems themselves) is no score.
    """
    pair = PairScore(song, listener, scores.stems)
    ratios = [(song, listener, excerpt, "sdr", stem, "", value) for stem, value in scores.sdr.items()]
    sdr = pd.DataFrame([row for row in ratios if math.isfinite(row[-1])], columns=_COLUMNS)
    stems = pd.concat([frame for frame in (pairs_frame([pair], excerpt=excerpt), sdr) if len(frame)] or [sdr])
    remix = RemixScore(scores.remix["left"], scores.remix["right"]) if len(scores.remix) == 2 else None
    return stems, remix_frame(song, listener, remix, excerpt=excerpt)


def lass_frame(evaluation: Evaluation) -> pd.DataFrame:
    """Give the scores of a language-queried separator, to be stored: a mixture is the song, its ratio and query the excerpt.

    Returns
    -------
    pd.DataFrame
        As :func:`pairs_frame`; the metrics are ``sdr``, ``sdri`` and ``si_sdr``, dB, of the stem ``target``.
    """
    rows = [
        (f"{row.source} + {row.noise}", NO_LISTENER, f"{row.snr:g} dB: {row.query}"[:200], name, "target", "", value)
        for row in evaluation.rows
        for name, value in ((name, getattr(row, name)) for name in MEASURES)
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)
