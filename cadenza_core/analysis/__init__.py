"""Questions to the stored scores: which system is better, for whom, how surely, and why."""

from .leaderboard import UNITS, common_pairs, leaderboard, ranked_by, significance
from .scores import TARGETS, UNKNOWN, Filter, ScoreSource, ScoreTable, pair_scores, read_table
from .views import (
    against_sdr,
    by_listener,
    by_pure_tone_average,
    by_severity,
    by_song,
    by_stem,
    difference,
    heat_map,
    outliers,
    what_would_help,
)

__all__ = [
    "TARGETS",
    "UNITS",
    "UNKNOWN",
    "Filter",
    "ScoreSource",
    "ScoreTable",
    "against_sdr",
    "by_listener",
    "by_pure_tone_average",
    "by_severity",
    "by_song",
    "by_stem",
    "common_pairs",
    "difference",
    "heat_map",
    "leaderboard",
    "outliers",
    "pair_scores",
    "ranked_by",
    "read_table",
    "significance",
    "what_would_help",
]
