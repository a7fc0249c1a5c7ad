"""Keep embeddings: one file a sound, named by the sound's samples, in a folder named by the model's space.

``<home>/cache/embeddings/<space>/{space.json, scene/<xx>/<digest>.npy, timestamps/<xx>/<digest>.npz}``. A space is a digest of
the model's code and weights, a sound's name the digest of what the model is given; so nothing stored can be of another model
or sound. What is there is used again by every command and page, and a run that was stopped goes on where it stood.
"""

import contextlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CadenzaError
from ..files import atomic_file, disk_errors, parse_json
from ..progress import Progress, silent
from ..separation.digest import digest_samples
from ..settings import Settings
from .api import Embedder, Timestamps
from .models import EmbeddingModel

__all__ = ["Embeddings", "Space", "given", "remove_space", "spaces"]

_SPACE = "space.json"
_NAME = re.compile("[0-9a-f]{16}")
#: Seconds of sound that are embedded at once, of a model for 16 kHz: what HEAR's evaluation kit takes.
_BATCH_SECONDS = 84.0

#: Gives a sound's samples, mono, at the model's sample rate: read when they are needed.
Sound = Callable[[], np.ndarray]


def given(samples: np.ndarray) -> Sound:
    """Give samples that are in memory already as a sound."""
    return lambda: samples


class Embeddings:
    """The embeddings of one model: from the cache, else computed and stored.

    The model is loaded when the first sound needs it: where all is cached, never.

    Parameters
    ----------
    model : EmbeddingModel
    progress : Progress
        Shown while weights are fetched.

    Raises
    ------
    CadenzaError
        If the model is not there or does not load.
    """

    def __init__(self, model: EmbeddingModel, progress: Progress = silent) -> None:
        model.weights(progress)
        self.model = model
        self.space = model.space
        self.folder = spaces_folder(model.settings) / self.space
        self.damaged = 0
        self._embedder: Embedder | None = None
        facts = _read_space(self.folder)
        if not facts:
            embedder = self.embedder
            facts = {"model": model.id, "title": model.title, **model.identity(), "sample_rate": embedder.sample_rate}
            facts |= {"scene_size": embedder.scene_size, "timestamp_size": embedder.timestamp_size}
            with atomic_file(self.folder / _SPACE) as temporary:
                temporary.write_text(json.dumps(facts, indent=1), encoding="utf-8")
        self.sample_rate = int(facts["sample_rate"])
        self.scene_size = int(facts["scene_size"])
        self.timestamp_size = int(facts["timestamp_size"])

    @property
    def embedder(self) -> Embedder:
        """The loaded model."""
        if self._embedder is None:
            self._embedder = self.model.load()
        return self._embedder

    def scenes(self, sounds: Sequence[Sound], progress: Progress = silent) -> np.ndarray:
        """Embed sounds.

        Parameters
        ----------
        sounds : sequence of functions
            Each gives mono samples, shape (n_samples,), at `sample_rate`.
        progress : Progress
            Called after each batch; may raise Cancelled, and what is done stays.

        Returns
        -------
        np.ndarray [shape=(n_sounds, scene_size), dtype=float32]

        Raises
        ------
        CadenzaError
            If a sound cannot be read, the model fails, or the cache cannot be written.
        """
        found = np.empty((len(sounds), self.scene_size), np.float32)
        for batch in self._missing(sounds, self._recall_scene, found.__setitem__, progress):
            embedded = self.embedder.scenes(np.stack([samples for _, _, samples in batch]))
            for (number, digest, _), row in zip(batch, embedded, strict=True):
                found[number] = row
                self._put("scene", digest, ".npy", partial(np.save, arr=row))
        return found

    def timestamps(self, sounds: Sequence[Sound], progress: Progress = silent) -> Iterator[Timestamps]:
        """Embed sounds over time, in their order, one at a time in memory; else as :meth:`scenes`."""
        for number, sound in enumerate(sounds):
            progress(number / len(sounds), f"embedding {number + 1} of {len(sounds)}")
            samples = _checked(sound())
            digest = digest_samples([samples], self.sample_rate)
            result = self._recall_timestamps(digest)
            if result is None:
                result = self.embedder.timestamps(samples[None])[0]

                save = partial(np.savez, embeddings=result.embeddings, times=result.times)
                self._put("timestamps", digest, ".npz", save)
            yield result

    def _missing(
        self,
        sounds: Sequence[Sound],
        recall: Callable[[str], np.ndarray | None],
        use: Callable[[int, np.ndarray], None],
        progress: Progress,
    ) -> Iterator[list[tuple[int, str, np.ndarray]]]:
        """Use what is cached; give the rest in batches of one length: number, digest, samples."""
        batch: list[tuple[int, str, np.ndarray]] = []
        for number, sound in enumerate(sounds):
            progress(number / len(sounds), f"embedding {number + 1} of {len(sounds)}")
            samples = _checked(sound())
            digest = digest_samples([samples], self.sample_rate)
            if (known := recall(digest)) is not None:
                use(number, known)
                continue
            limit = max(1, int(_BATCH_SECONDS * 16000 / len(samples)))
            if batch and (len(batch) >= limit or len(batch[0][2]) != len(samples)):
                yield batch
                batch = []
            batch.append((number, digest, samples))
        if batch:
            yield batch

    def _path(self, kind: str, digest: str, suffix: str) -> Path:
        return self.folder / kind / digest[:2] / f"{digest}{suffix}"

    def _recall_scene(self, digest: str) -> np.ndarray | None:
        path = self._path("scene", digest, ".npy")
        return self._read(path, lambda: _fitting(np.load(path, allow_pickle=False), (self.scene_size,)))

    def _recall_timestamps(self, digest: str) -> Timestamps | None:
        path = self._path("timestamps", digest, ".npz")

        def read() -> Timestamps:
            with np.load(path, allow_pickle=False) as content:
                times = content["times"]
                return Timestamps(_fitting(content["embeddings"], (len(times), self.timestamp_size)), times)

        return self._read(path, read)

    def _read(self, path: Path, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except FileNotFoundError:
            return None
        except Exception:  # whatever a damaged file makes numpy raise: it is made anew, and counted
            self.damaged += 1
            return None

    def _put(self, kind: str, digest: str, suffix: str, save: Callable[[Path], object]) -> None:
        with atomic_file(self._path(kind, digest, suffix)) as temporary:
            save(temporary)


def _checked(samples: np.ndarray) -> np.ndarray:
    if samples.ndim != 1 or not len(samples):
        raise CadenzaError(
            f"A sound to be embedded has shape {samples.shape}; mono samples, at least one, are accepted."
        )
    return np.ascontiguousarray(samples, dtype=np.float32)


def _fitting(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if array.shape != shape or array.dtype != np.float32:
        raise ValueError(f"{array.dtype} {array.shape}")
    return array


@dataclass(frozen=True)
class Space:
    """What is stored of one space: its name, its model, its sounds and bytes on disk."""

    name: str
    model: str
    files: int
    size: int


def spaces_folder(settings: Settings) -> Path:
    """Give the folder of all spaces."""
    return settings.home / "cache" / "embeddings"


def spaces(settings: Settings) -> list[Space]:
    """Give what is stored."""
    folder = spaces_folder(settings)
    found = []
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        if _NAME.fullmatch(place.name) and (facts := _read_space(place)):
            sizes = list(_sizes(place.rglob("*.np[yz]")))
            found.append(Space(place.name, str(facts["model"]), len(sizes), sum(sizes)))
    return found


def remove_space(name: str, settings: Settings) -> None:
    """Delete what is stored of a space.

    Raises
    ------
    CadenzaError
        If there is none of that name, or it cannot be deleted.
    """
    if name not in {space.name for space in spaces(settings)}:
        raise CadenzaError(f"There is no space {name[:40]!r} in the cache (`cadenza hear cache` lists them).")
    with disk_errors(spaces_folder(settings) / name):
        shutil.rmtree(spaces_folder(settings) / name)


def _sizes(paths: Iterable[Path]) -> Iterator[int]:
    for path in paths:
        with contextlib.suppress(OSError):
            yield path.stat().st_size


def _read_space(folder: Path) -> dict[str, Any]:
    try:
        facts = parse_json((folder / _SPACE).read_text(encoding="utf-8"))
        sizes = [facts["sample_rate"], facts["scene_size"], facts["timestamp_size"]]
        return dict(facts) if "model" in facts and all(isinstance(size, int) and size > 0 for size in sizes) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
