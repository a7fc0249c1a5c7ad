"""An excerpt for one listener, as proposals are sought on it."""

from collections.abc import Mapping

import numpy as np
from clarity.utils.audiogram import Listener

from ..audio import RATE, STEMS
from ..errors import CadenzaError
from ..hearing import DEFAULT_PRESCRIPTION, compensate_delay, ear_of, get_prescription
from ..hearing.audibility import AudibilityModel, band_powers
from ..hearing.prescriptions import ear_responses
from ..hearing.thresholds import CALIBRATION_DB_SPL
from ..progress import Progress, part, silent
from ..remix import EARS, Gains, mix
from .heard import HeardStems

__all__ = ["LONGEST", "Material", "check_duration"]

#: Longest excerpt that proposals are sought on, s.
LONGEST = 120.0


def check_duration(seconds: float) -> None:
    """Check that an excerpt is short enough.

    Raises
    ------
    CadenzaError
        If it is not.
    """
    if seconds > LONGEST:
        raise CadenzaError(
            f"The excerpt lasts {seconds:.0f} s; proposals are sought on up to {LONGEST:g} s. Pick a part of the song."
        )


class Material:
    """An excerpt for one listener: its stems as they are, as they are heard, and what is audible of them.

    Parameters
    ----------
    song : str
        Name: it seeds HAAQI's noise.
    listener : Listener
    stems : mapping of str to np.ndarray [shape=(2, n)]
        The stems to be remixed, at 44.1 kHz, full scale 1.0.
    truth : mapping of str to np.ndarray [shape=(2, n)], optional
        The true stems.
    prescription : str or None
        Id of the listener's amplification; None: there is none.
    calibration_db_spl : float
        Level of 0 dB FS at the ear, dB SPL.
    progress : Progress

    Raises
    ------
    CadenzaError
        If all stems are silent or they last over two minutes, the prescription is unknown or its gain follows the level, or
        from `progress`.
    """

    def __init__(
        self,
        song: str,
        listener: Listener,
        stems: Mapping[str, np.ndarray],
        truth: Mapping[str, np.ndarray] | None = None,
        *,
        prescription: str | None = DEFAULT_PRESCRIPTION,
        calibration_db_spl: float = CALIBRATION_DB_SPL,
        progress: Progress = silent,
    ) -> None:
        self.song, self.listener, self.truth, self.prescription = song, listener, truth, prescription
        #: Stems with any sound in them: a gain for the others would do nothing.
        self.stems = {name: stems[name] for name in STEMS if name in stems and np.any(stems[name])}
        if not self.stems:
            raise CadenzaError("This excerpt is silent; there is nothing to remix. Pick another one.")
        self.names = tuple(self.stems)
        check_duration(next(iter(self.stems.values())).shape[1] / RATE)
        response = None if prescription is None else ear_responses(listener, prescription, RATE)
        amplified = {}
        for number, (name, samples) in enumerate(self.stems.items()):
            progress(0.5 * number / len(self.stems), f"amplifying {name}")
            amplified[name] = self._amplified(samples)
        #: The stems as the listener gets them.
        self.heard = HeardStems(amplified, RATE)
        sound = band_powers(self.stems, RATE, progress=part(progress, 0.5, 1.0))
        self.audibility = AudibilityModel(sound, listener, calibration_db_spl=calibration_db_spl, response_db=response)

    def _amplified(self, samples: np.ndarray) -> np.ndarray:
        if self.prescription is None:
            return samples
        chosen = get_prescription(self.prescription)
        ears = [chosen.amplify(samples[row], ear_of(self.listener, ear), RATE) for row, ear in enumerate(EARS)]
        return np.stack([compensate_delay(ear) for ear in ears]).astype(np.float32)

    def reference(self, target: Gains) -> np.ndarray:
        """Give the remix of the true stems, not amplified, shape (2, n).

        Raises
        ------
        CadenzaError
            If the true stems are not known.
        """
        if self.truth is None:
            raise CadenzaError("HAAQI compares with the true stems, and this song has none. Choose another objective.")
        return mix(self.truth, target)
