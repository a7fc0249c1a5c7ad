"""How good a result is: HAAQI, SDR, and the challenge's score tables."""

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
    "HaaqiPair",
    "HaaqiParts",
    "PairScore",
    "RemixScore",
    "check_haaqi",
    "compute_haaqi",
    "engine_by_name",
    "fast_engine",
    "haaqi_parts",
    "haaqi_parts_of_pairs",
    "read_scores",
    "reference_engine",
    "reference_level",
    "score_remix",
    "score_stems",
    "sdr",
    "song_seed",
    "stem_sdr",
    "warm_up",
    "warm_up_aside",
    "write_scores",
]
