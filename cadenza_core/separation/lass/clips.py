"""Captioned clips: the sounds that mixtures are made of, and what each of them is.

Three forms of a collection are read:

- a folder of folders, each named as its sounds' caption; a number in front, as in ``001 - Dog bark``, is left out;
- a folder with ``captions.csv``: ``file,caption``, one line for each caption of a file;
- the official code's JSON: ``{"data": [{"wav": PATH, "caption": TEXT}, ...]}``.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...audio import read_audio
from ...audio.reading import AUDIO_SUFFIXES
from ...errors import CadenzaError
from ...files import is_file, parse_json

__all__ = ["Clip", "read_clips", "read_mono"]

_NUMBER = re.compile(r"^\d+\s*[-_.]+\s*")
_CAPTIONS = "captions.csv"


@dataclass(frozen=True)
class Clip:
    """One sound and its caption."""

    path: Path
    caption: str

    @property
    def name(self) -> str:
        """Its file's name without the ending, as the official CSV has it."""
        return self.path.stem


def read_clips(place: Path) -> list[Clip]:
    """Read a collection of captioned clips, in order.

    Parameters
    ----------
    place : Path
        A folder, or the official code's JSON.

    Raises
    ------
    CadenzaError
        If there is nothing, a file that is named is not there, or a caption is empty.
    """
    if place.is_file():
        clips = _from_json(place)
    elif (place / _CAPTIONS).is_file():
        clips = _from_csv(place / _CAPTIONS)
    elif place.is_dir():
        clips = [
            Clip(path, _NUMBER.sub("", folder.name).replace("_", " ").strip())
            for folder in sorted(place.iterdir())
            if folder.is_dir() and not folder.name.startswith(".")
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in AUDIO_SUFFIXES
        ]
    else:
        raise CadenzaError(f"There is no folder or file {place}.")
    if not clips:
        raise CadenzaError(
            f"{place} holds no captioned clips. Accepted are folders named as their sounds' caption, a folder with "
            f"{_CAPTIONS} (file,caption), and a JSON {{'data': [{{'wav': ..., 'caption': ...}}]}}."
        )
    if missing := [clip.path for clip in clips if not is_file(clip.path)]:
        raise CadenzaError(f"{place} names {len(missing)} files that are not there, such as {missing[0]}.")
    if bare := [clip.path for clip in clips if not clip.caption]:
        raise CadenzaError(f"{place}: {bare[0].name} has no caption.")
    return clips


def _from_json(path: Path) -> list[Clip]:
    try:
        rows = parse_json(path.read_text(encoding="utf-8"))["data"]
        return [Clip(path.parent / row["wav"], str(row["caption"]).strip()) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CadenzaError(
            f"{path} is not a list of captioned clips ({error!r}): {{'data': [{{'wav': ..., 'caption': ...}}]}} is accepted."
        ) from error


def _from_csv(path: Path) -> list[Clip]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        return [Clip(path.parent / row["file"], (row["caption"] or "").strip()) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError) as error:
        raise CadenzaError(f"{path} is not a list of captions ({error!r}): its header must be file,caption.") from error


def read_mono(path: Path, rate: int) -> np.ndarray:
    """Read a sound as the official evaluation does: resampled (soxr, HQ), the mean of its channels.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]

    Raises
    ------
    CadenzaError
        If it cannot be read.
    """
    samples: np.ndarray = read_audio(path).at(rate).samples
    return samples[0] if len(samples) == 1 else samples.mean(axis=0, dtype=np.float64).astype(np.float32)
