"""PocketSphinx: a small recogniser for read English that brings its acoustic model, dictionary and language model.

Its model is CMU Sphinx's ``en-us`` (BSD). With its defaults it gets about 70 % of the words of clean read speech, and
hardly any of a singer with a band: for demonstrations and tests, not for predictions.
"""

import importlib.metadata
import json
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CadenzaError
from ..progress import Progress, silent
from .recognisers import Transcript

__all__ = ["PocketSphinx"]

_WORKER = Path(__file__).with_name("sphinx_worker.py")
#: Seconds between two looks at whether the work shall stop.
_PATIENCE = 0.1


class _Worker:
    """The process that decodes, started when it is first needed; one sound at a time. It ends with this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, data: bytes, progress: Progress) -> str:
        while not self._lock.acquire(timeout=_PATIENCE):
            progress(0.0, "waiting for another sound to be recognised")
        try:
            return self._ask(data, progress)
        except BaseException:
            self._stop()  # what it is at is of no use any more
            raise
        finally:
            self._lock.release()

    def _ask(self, data: bytes, progress: Progress) -> str:
        if self._process is None or self._process.poll() is not None:
            command = [sys.executable, str(_WORKER)]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process, answer = self._process, [b""]

        def exchange() -> None:
            assert process.stdin and process.stdout
            try:
                process.stdin.write(struct.pack("<I", len(data)) + data)
                process.stdin.flush()
                answer[0] = process.stdout.readline()
            except OSError:  # it is gone: there is no answer
                return

        thread = threading.Thread(target=exchange, daemon=True)
        thread.start()
        while thread.is_alive():
            progress(0.1, "recognising")
            thread.join(_PATIENCE)
        if not answer[0]:
            raise CadenzaError("PocketSphinx has ended without an answer. Install its package anew, or take Whisper.")
        text: str = json.loads(answer[0])
        return text

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


_worker = _Worker()


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
        """Recognise one channel, (n,) at 16 kHz. The same sound always gives the same words.

        Raises
        ------
        CadenzaError
            If the recogniser's process ends by itself.
        """
        if not np.any(samples):
            return Transcript("")  # it hears words in digital silence
        return Transcript(_worker((np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes(), progress))
