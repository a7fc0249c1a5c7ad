"""How good a result is: HAAQI, SDR, and the challenge's score tables."""

from .explain import HaaqiExplanation, Term, explain_haaqi
from .explain_words import headline, sentences
from .haaqi import (
    HaaqiCheck,
    HaaqiPair,
    HaaqiParts,
    check_haaqi,
    compute_haaqi,
    engine_by_name,
    fast_engine,
    haaqi_parts,
    haaqi_parts_of_pairs,
    reference_engine,
    reference_level,
    warm_up,
    warm_up_aside,
)
from .scores import PairScore, RemixScore, read_scores, score_remix, score_stems, song_seed, write_scores
from .sdr import sdr, stem_sdr

__all__ = [
    "HaaqiCheck",
    "HaaqiExplanation",
    "HaaqiPair",
    "HaaqiParts",
    "PairScore",
    "RemixScore",
    "Term",
    "check_haaqi",
    "compute_haaqi",
    "engine_by_name",
    "explain_haaqi",
    "fast_engine",
    "haaqi_parts",
    "haaqi_parts_of_pairs",
    "headline",
    "read_scores",
    "reference_engine",
    "reference_level",
    "score_remix",
    "score_stems",
    "sdr",
    "sentences",
    "song_seed",
    "stem_sdr",
    "warm_up",
    "warm_up_aside",
    "write_scores",
]
