"""The database: systems and their scores, remixes, presets, runs and ratings; what was tried, kept.

Nothing in it is overwritten silently: what is stored again with the same value changes nothing, with another value it is
reported as a conflict.

>>> from cadenza_core.settings import Settings
>>> from cadenza_core.store import Origin, ScoredSystem, Store, pairs_frame
>>> with Store.open(Settings.load()) as store:  # doctest: +SKIP
...     report = store.add_scores(
...         pairs_frame([pair_score]),
...         evaluation_set="cad1-evaluation",
...         system=ScoredSystem("ours", team="E099", separation="htdemucs"),
...         origin=Origin("evaluation", "enhanced_signals", "fast", __version__, {"remix": "default"}),
...     )
...     print(report.text)
...     table = store.scores("cad1-evaluation", system="ours")
"""

from .facts import METRICS, SCORE_COLUMNS, ImportReport, Metric, Origin, ScoredSystem
from .frames import excerpt_frames, lass_frame, pairs_frame, remix_frame
from .store import Store

__all__ = [
    "METRICS",
    "SCORE_COLUMNS",
    "ImportReport",
    "Metric",
    "Origin",
    "ScoredSystem",
    "Store",
    "excerpt_frames",
    "lass_frame",
    "pairs_frame",
    "remix_frame",
]
