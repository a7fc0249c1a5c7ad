"""Scores of an excerpt as it is being mixed: SDR of the stems, HAAQI of the remix and of the eight stems, with the time."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from clarity.utils.audiogram import Listener

from ..audio import RATE, resample
from ..hearing import DEFAULT_PRESCRIPTION, get_prescription, process_stems
from ..hearing.prescriptions import HAAQI_NOTE
from ..progress import Progress, part, silent
from ..remix import Gains, ear_stems, mix, render
from .explain import HaaqiExplanation
from .scores import HAAQI_RATE, score_remix, score_stems
from .sdr import stem_sdr

__all__ = ["ExcerptScores", "score_excerpt"]


@dataclass(frozen=True)
class ExcerptScores:
    """Scores of one excerpt.

    Parameters
    ----------
    sdr : mapping of str to float
        dB, by stem; infinite for the truth itself, NaN where the reference is silent.
    remix : mapping of str to float
        HAAQI of the amplified remix, ``left`` and ``right``.
    stems : mapping of str to float
        HAAQI of the amplified stems, ``left_drums`` and so on; NaN where the reference is silent.
    seconds : float
        Time it took.
    notes : tuple of str
    explanations : mapping of str to HaaqiExplanation
        Why the scores are what they are: ``left_drums`` and so on, and ``left_remix`` and ``right_remix``.
    """

    sdr: Mapping[str, float]
    remix: Mapping[str, float]
    stems: Mapping[str, float]
    seconds: float
    notes: tuple[str, ...] = field(default=())
    explanations: Mapping[str, HaaqiExplanation] = field(default_factory=dict)

    @property
    def remix_mean(self) -> float:
        """Mean of both ears; NaN if there is none."""
        return sum(self.remix.values()) / 2 if len(self.remix) == 2 else math.nan

    @property
    def stems_mean(self) -> float:
        """Mean of the stems that have a score; NaN if none has."""
        values = [value for value in self.stems.values() if not math.isnan(value)]
        return sum(values) / len(values) if values else math.nan


def score_excerpt(
    song_name: str,
    listener: Listener,
    stems: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    gains: Gains,
    *,
    prescription: str = DEFAULT_PRESCRIPTION,
    with_stems: bool = True,
    progress: Progress = silent,
) -> ExcerptScores:
    """Score an excerpt.

    The remix is scored against the same gains on the true stems, amplified; the stems, which the gains do not touch,
    as CAD1 scores them. Both with the engine that :mod:`.scores` takes by default. With the stems, all are explained.

    Parameters
    ----------
    song_name : str
        Seeds HAAQI's noise.
    stems, truth : mapping of str to np.ndarray [shape=(2, n)]
        Separated and true stems at 44.1 kHz.
    gains : Gains
    prescription : str
        What amplifies the separated stems and their remix; HAAQI's reference always has NAL-R.
    with_stems : bool
        Also compute the eight stems' HAAQI.

    Raises
    ------
    CadenzaError
        If a signal is too short to be scored, or cancelled.
    """
    began = time.perf_counter()
    progress(0.0, "SDR of the stems")
    sdr = stem_sdr(stems, truth)
    notes: tuple[str, ...] = ()
    if prescription != DEFAULT_PRESCRIPTION:
        notes = (HAAQI_NOTE.format(get_prescription(prescription).title),)
    reference = mix(truth, gains)
    remix: dict[str, float] = {}
    explanations: dict[str, HaaqiExplanation] = {}
    share = 0.2 if with_stems else 1.0
    if min(float(np.abs(ear).max()) for ear in reference) > 0:
        heard = render(stems, RATE, gains, listener=listener, prescription=prescription)
        rest = part(progress, 0.01, share)
        score = score_remix(song_name, listener, heard, reference, RATE, explain=with_stems, progress=rest)
        remix = {"left": score.left, "right": score.right}
        explanations = {f"{ear}_remix": explanation for ear, explanation in score.explanations.items()}
    else:
        notes = (*notes, "the remix is silent in one ear, which HAAQI cannot score")
    eight: Mapping[str, float] = {}
    if with_stems:
        processed = process_stems(ear_stems(stems), listener, prescription=prescription)

        def read_processed(name: str) -> np.ndarray:
            return resample(processed[name].astype(np.float32), RATE, HAAQI_RATE)

        rest = part(progress, share, 1.0)
        pair = score_stems(song_name, listener, read_processed, truth.__getitem__, RATE, explain=True, progress=rest)
        eight, notes = pair.haaqi, notes + pair.notes
        explanations |= pair.explanations
    return ExcerptScores(sdr, remix, eight, time.perf_counter() - began, notes, explanations)
