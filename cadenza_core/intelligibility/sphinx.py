"""PocketSphinx: a small recogniser for read English that brings its acoustic model, dictionary and language model.

Its model is CMU Sphinx's ``en-us`` (BSD). With its defaults it gets about 70 % of the words of clean read speech, and
hardly any of a singer with a band: for demonstrations and tests, not for predictions.
"""

import functools
import importlib.metadata
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..progress import Progress, silent
from .recognisers import SPEECH_RATE, Transcript

__all__ = ["PocketSphinx"]

_LOCK = threading.Lock()


@functools.cache
def _decoder() -> Any:
    import pocketsphinx

    return pocketsphinx.Decoder(samprate=SPEECH_RATE, loglevel="FATAL")


class PocketSphinx:
    """CMU PocketSphinx with its own English model."""

    id = "pocketsphinx"
    title = "PocketSphinx (offline)"

    def identity(self) -> Mapping[str, Any]:
        """Give name and version; the model comes with the package."""
        return {"recogniser": self.id, "version": importlib.metadata.version("pocketsphinx"), "model": "en-us"}

    def unavailable_reason(self) -> None:
        """It is always there."""

    def transcribe(self, samples: np.ndarray, progress: Progress = silent) -> Transcript:
        """Recognise one channel, (n,) at 16 kHz. The same sound always gives the same words."""
        if not np.any(samples):
            return Transcript("")  # it hears words in digital silence
        data = (np.clip(samples, -1.0, 1.0) * 32767.0).astype(np.int16).tobytes()
        with _LOCK:  # one decoder serves all, one utterance at a time
            progress(0.1, "recognising")
            decoder = _decoder()
            decoder.reinit_feat()  # else noise and mean are tracked from one utterance to the next
            decoder.start_utt()
            decoder.process_raw(data, full_utt=True)
            decoder.end_utt()
            found = decoder.hyp()
            return Transcript(found.hypstr if found else "")
