"""Whisper by faster-whisper: OpenAI's weights in CTranslate2's format, run as CLIP1's baseline runs them.

The baseline calls ``transcribe(language="en", temperature=0.0)`` of `openai-whisper`: greedy search, each window conditioned
on the text before it. The same is asked of faster-whisper here (Radford et al. 2022, "Robust speech recognition via
large-scale weak supervision"). Weights and decoding are the same, the arithmetic is another program's, so a word may differ
now and then.

Weights are looked for in ``<models>/whisper-<size>/`` and in the Hugging Face hub's cache, else downloaded, if the user
says so. A folder of your own, converted by ``ct2-transformers-converter``, may lie there under any name. The publisher gives
no digests to compare with: what was downloaded is noted and compared from then on.
"""

import importlib.metadata
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CadenzaError, WeightsMissing
from ..files import atomic_file, check_name, parse_json
from ..progress import Progress, part, silent
from ..separation.download import DownloadFailed, download, one_at_a_time
from ..separation.weights import hub_cache, sha256_of
from ..settings import Settings
from .recognisers import SPEECH_RATE, Transcript

__all__ = ["SIZES", "Whisper", "fetch_whisper", "is_known"]

#: Sizes with their repository on the Hugging Face hub and the download in MB (float16 weights; MIT, OpenAI).
SIZES: Mapping[str, tuple[str, int]] = {
    "tiny.en": ("Systran/faster-whisper-tiny.en", 78),
    "base.en": ("Systran/faster-whisper-base.en", 148),
    "small.en": ("Systran/faster-whisper-small.en", 486),
    "medium.en": ("Systran/faster-whisper-medium.en", 1530),
    "tiny": ("Systran/faster-whisper-tiny", 78),
    "base": ("Systran/faster-whisper-base", 148),
    "small": ("Systran/faster-whisper-small", 486),
    "medium": ("Systran/faster-whisper-medium", 1530),
    "large-v3": ("Systran/faster-whisper-large-v3", 3090),
}
_NEEDED = ("config.json", "model.bin", "tokenizer.json")
_VOCABULARY = ("vocabulary.txt", "vocabulary.json")
_NOTE = "sha256.json"
_HUB = "https://huggingface.co"


def is_known(size: str, settings: Settings) -> bool:
    """Tell whether there are such weights to be had: a published size, or a folder of the user's own."""
    if size in SIZES:
        return True
    try:
        return _is_model(settings.models / f"whisper-{check_name(size, 'model')}")
    except CadenzaError:
        return False


def _is_model(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _NEEDED) and any((folder / name).is_file() for name in _VOCABULARY)


def _places(size: str, settings: Settings) -> list[Path]:
    places = [settings.models / f"whisper-{size}"]
    if size in SIZES:
        snapshots = hub_cache() / f"models--{SIZES[size][0].replace('/', '--')}" / "snapshots"
        places += sorted(snapshots.iterdir()) if snapshots.is_dir() else []
    return places


class Whisper:
    """One size of Whisper.

    Parameters
    ----------
    size : str
        One of :data:`SIZES`, or the NAME of a folder ``whisper-NAME`` in the models folder.
    settings : Settings
    """

    def __init__(self, size: str, settings: Settings) -> None:
        self.size = size
        self.id = f"whisper-{size}"
        self.title = f"Whisper {size}"
        self._settings = settings

    @property
    def size_mb(self) -> int:
        """Download in MB; 0 for a folder of the user's own."""
        return SIZES[self.size][1] if self.size in SIZES else 0

    def _folder(self) -> Path | None:
        return next((place for place in _places(self.size, self._settings) if _is_model(place)), None)

    def unavailable_reason(self) -> str | None:
        """Say where the weights were looked for, if they are not there."""
        if self._folder():
            return None
        places = ", ".join(map(str, [*_places(self.size, self._settings)[:1], hub_cache()]))
        return (
            f"The weights of Whisper {self.size} are not on this machine ({self.size_mb} MB); looked for in {places}. "
            f"`cadenza lyrics weights {self.id}` gets them."
        )

    def identity(self) -> Mapping[str, Any]:
        """Give version, weights (by digest) and parameters.

        Raises
        ------
        WeightsMissing
            If the weights are not there.
        """
        version = importlib.metadata.version("faster-whisper")
        digest = sha256_of(self._require() / "model.bin")[:16]
        return {"recogniser": self.id, "version": version, "weights": digest, "language": "en", "temperature": 0.0}

    def _require(self) -> Path:
        if folder := self._folder():
            return folder
        raise WeightsMissing(self.unavailable_reason() or "")

    def transcribe(self, samples: np.ndarray, progress: Progress = silent) -> Transcript:
        """Recognise one channel, (n,) at 16 kHz.

        Raises
        ------
        WeightsMissing
            If the weights are not there.
        CadenzaError
            If they cannot be loaded.
        """
        if not np.any(samples):
            return Transcript("")
        model = _load(self._require(), self._settings.device)
        progress(0.05, "recognising")
        segments, _ = model.transcribe(
            samples,
            language="en",
            task="transcribe",
            temperature=0.0,
            beam_size=1,
            best_of=1,
            condition_on_previous_text=True,
        )
        texts, weights = [], []
        duration = len(samples) / SPEECH_RATE
        for segment in segments:  # it works while it is asked for the next one
            texts.append(segment.text)
            weights.append((segment.avg_logprob, max(1e-3, segment.end - segment.start)))
            progress(min(1.0, segment.end / duration), "recognising")
        confidence = None
        if weights:
            values, lengths = np.transpose(weights)
            confidence = float(np.exp(np.average(values, weights=lengths)))
        return Transcript("".join(texts).strip(), confidence)


_LOADED: dict[tuple[str, str], Any] = {}
_LOCK = threading.Lock()


def _load(folder: Path, device: str) -> Any:
    """Load a model once; only the last one is kept."""
    kind, _, index = ("cpu" if device == "mps" else device).partition(":")
    key = (str(folder), device)
    with _LOCK:
        if key not in _LOADED:
            _check_note(folder)
            from faster_whisper import WhisperModel

            _LOADED.clear()
            try:
                _LOADED[key] = WhisperModel(
                    str(folder),
                    device=kind,
                    device_index=int(index or 0),
                    compute_type="float16" if kind == "cuda" else "float32",
                    local_files_only=True,
                )
            except (RuntimeError, ValueError, OSError, KeyError) as error:
                raise CadenzaError(
                    f"{folder} cannot be loaded as a Whisper model in CTranslate2's format: {error}."
                ) from error
        return _LOADED[key]


def _check_note(folder: Path) -> None:
    try:
        noted = parse_json((folder / _NOTE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return
    for name, digest in noted.items():
        if name in (*_NEEDED, *_VOCABULARY) and (folder / name).is_file() and sha256_of(folder / name) != digest:
            raise CadenzaError(
                f"{folder / name} is not the file that was downloaded: it is damaged. Delete the folder."
            )


def fetch_whisper(size: str, settings: Settings, progress: Progress = silent) -> Path:
    """Download the weights of a size, unless they are there; give their folder.

    Raises
    ------
    CadenzaError
        If there is no such size.
    DownloadFailed
        If the network does not give them; files that came whole stay.
    """
    if size not in SIZES:
        raise CadenzaError(f"There is no Whisper {size[:40]!r} to download. Known are {', '.join(SIZES)}.")
    if found := Whisper(size, settings)._folder():
        return found
    folder = settings.models / f"whisper-{size}"
    with one_at_a_time(folder, progress):
        digests: dict[str, str] = {}
        small = ("config.json", "tokenizer.json")
        for number, name in enumerate(small):
            digests |= _get(size, folder, name, part(progress, number * 0.01, number * 0.01 + 0.01))
        try:
            digests |= _get(size, folder, _VOCABULARY[0], part(progress, 0.02, 0.03))
        except DownloadFailed:  # the large ones have it as JSON
            digests |= _get(size, folder, _VOCABULARY[1], part(progress, 0.02, 0.03))
        digests |= _get(size, folder, "model.bin", part(progress, 0.03, 1.0))
        with atomic_file(folder / _NOTE) as temporary:
            temporary.write_text(json.dumps(digests, indent=2), encoding="ascii")
    return folder


def _get(size: str, folder: Path, name: str, progress: Progress) -> dict[str, str]:
    path = folder / name
    if path.is_file():
        return {name: sha256_of(path)}
    return {name: download(f"{_HUB}/{SIZES[size][0]}/resolve/main/{name}", path, progress=progress)}
