"""How good a result is: HAAQI, SDR, and the challenge's score tables."""

from .haaqi import compute_haaqi, reference_engine, reference_level
from .scores import PairScore, RemixScore, read_scores, score_remix, score_stems, song_seed, write_scores
from .sdr import sdr, stem_sdr

__all__ = [
    "PairScore",
    "RemixScore",
    "compute_haaqi",
    "read_scores",
    "reference_engine",
    "reference_level",
    "score_remix",
    "score_stems",
    "sdr",
    "song_seed",
    "stem_sdr",
    "write_scores",
]
