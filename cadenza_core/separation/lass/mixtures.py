"""Synthetic mixtures by the rule of DCASE 2024 task 9, and the CSV files that say which.

``source,noise,snr,query`` names two clips (without ``.wav``), the signal-to-noise ratio in dB and what the source is called;
``wav,query`` (the evaluation sets) names a mixture that is there already.
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...audio import audio_info
from ...audio.reading import AUDIO_SUFFIXES
from ...errors import CadenzaError
from ...files import atomic_file, is_file
from .clips import Clip, read_mono

__all__ = ["MixtureRow", "QueryRow", "clip_file", "mix_at_snr", "mixture_of", "pair_clips", "read_mixtures", "read_queries",
           "write_mixtures"]  # fmt: skip

_MIXTURES, _QUERIES = ("source", "noise", "snr", "query"), ("wav", "query")
#: Signal-to-noise ratios of the official sets, dB.
SNR_RANGE = (-15, 15)
_NAMED = 5


@dataclass(frozen=True)
class MixtureRow:
    """One line of a synthetic set: names of two clips, dB, and the source's description."""

    source: str
    noise: str
    snr: float
    query: str


@dataclass(frozen=True)
class QueryRow:
    """One line of an evaluation set: a mixture's name and what is wanted of it."""

    wav: str
    query: str


def mix_at_snr(source: np.ndarray, noise: np.ndarray, snr: float) -> tuple[np.ndarray, np.ndarray]:
    """Mix two signals by the official rule.

    ``noise *= sqrt(mean(s^2) / 10^(snr/10) / mean(n^2))``, the mixture is the sum; if its peak exceeds 1, source and mixture
    are both scaled by 0.9 / peak.

    Parameters
    ----------
    source, noise : np.ndarray [shape=(n,), dtype=float32]
    snr : float
        dB.

    Returns
    -------
    np.ndarray, np.ndarray [shape=(n,), dtype=float32]
        Source and mixture.

    Raises
    ------
    CadenzaError
        If the noise is silent or their lengths differ.
    """
    if source.shape != noise.shape:
        raise CadenzaError(
            f"Source and noise must be equally long; they have {source.shape[-1]} and {noise.shape[-1]} samples."
        )
    power = float(np.mean(np.square(noise, dtype=np.float64)))
    if power == 0:
        raise CadenzaError("The noise is silent: no signal-to-noise ratio can be made with it.")
    wanted = float(np.mean(np.square(source, dtype=np.float64))) / 10 ** (snr / 10)
    mixture = source + noise * np.float32(math.sqrt(wanted / power))
    peak = float(np.max(np.abs(mixture), initial=0.0))
    if peak > 1:
        factor = np.float32(0.9 / peak)
        return source * factor, mixture * factor
    return source.copy(), mixture


def mixture_of(row: MixtureRow, folder: Path, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Give source and mixture of a line, float32 at `rate` Hz.

    A noise that lasts longer than the source is cut to its length; the official code takes no such pairs.

    Raises
    ------
    CadenzaError
        Naming the line, if a clip cannot be read, or the noise is shorter than the source, or silent.
    """
    source, noise = (read_mono(clip_file(folder, name), rate) for name in (row.source, row.noise))
    try:
        return mix_at_snr(source, noise[: len(source)], row.snr)
    except CadenzaError as error:
        raise CadenzaError(f"The line {row.source},{row.noise},{row.snr:g}: {error}") from error


def clip_file(folder: Path, name: str) -> Path:
    """Give the file of a clip that a CSV names, with or without its ending, in `folder` or one folder below.

    Raises
    ------
    CadenzaError
        If there is none.
    """
    if not name or Path(name).name != name:
        raise CadenzaError(f"{name[:80]!r} is not the name of a clip in {folder}.")
    for pattern in (name, *(f"{name}{suffix}" for suffix in sorted(AUDIO_SUFFIXES))):
        for place in (folder / pattern, *(sub / pattern for sub in _subfolders(folder))):
            if is_file(place):
                return place
    raise CadenzaError(f"There is no sound {name!r} in {folder}.")


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def read_mixtures(path: Path, folder: Path) -> list[MixtureRow]:
    """Read ``source,noise,snr,query``, and look whether every clip is there and long enough.

    Raises
    ------
    CadenzaError
        If it is no such file; or naming the lines whose clips are missing or whose noise is shorter than their source.
    """
    rows = []
    for line, cells in _read(path, _MIXTURES):
        try:
            snr = float(cells["snr"])
            if not math.isfinite(snr):
                raise ValueError
        except ValueError:
            raise CadenzaError(f"{path}, line {line}: the snr {cells['snr']!r} is not a number of dB.") from None
        rows.append(MixtureRow(cells["source"], cells["noise"], snr, cells["query"]))
    _check_clips(path, folder, rows)
    return rows


def _check_clips(path: Path, folder: Path, rows: Sequence[MixtureRow]) -> None:
    seconds: dict[str, float] = {}
    missing, short = [], []
    for line, row in enumerate(rows, start=2):
        for name in (row.source, row.noise):
            if name not in seconds:
                try:
                    seconds[name] = audio_info(clip_file(folder, name)).duration
                except CadenzaError as error:
                    seconds[name] = math.nan
                    missing.append(f"line {line}: {error}")
        if seconds[row.noise] < seconds[row.source] - 1e-3:
            short.append(f"line {line}: noise {row.noise}, {seconds[row.noise]:.2f} of {seconds[row.source]:.2f} s")
    if missing:
        raise CadenzaError(f"{path} names clips that cannot be used: {_some(missing)}")
    if short:
        raise CadenzaError(
            f"{path} has noise that is shorter than its source: {_some(short)}. Use clips of one length."
        )


def _some(texts: Sequence[str]) -> str:
    more = f"; and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return "; ".join(texts[:_NAMED]) + more


def read_queries(path: Path, folder: Path) -> list[QueryRow]:
    """Read ``wav,query``, and look whether every mixture is there.

    Raises
    ------
    CadenzaError
        If it is no such file; or naming the lines whose mixtures are missing.
    """
    rows = [QueryRow(cells["wav"].removesuffix(".wav"), cells["query"]) for _, cells in _read(path, _QUERIES)]
    missing = []
    for line, row in enumerate(rows, start=2):
        try:
            clip_file(folder, row.wav)
        except CadenzaError as error:
            missing.append(f"line {line}: {error}")
    if missing:
        raise CadenzaError(f"{path} names mixtures that are not there: {_some(missing)}")
    return rows


def _read(path: Path, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = tuple(reader.fieldnames or ())
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CadenzaError(f"{path} cannot be read as a CSV file: {error}.") from error
    if not set(columns) <= set(header):
        raise CadenzaError(f"{path} has the columns {', '.join(header) or 'none'}; {','.join(columns)} are needed.")
    if not rows:
        raise CadenzaError(f"{path} has no lines.")
    faulty = [line for line, row in rows if None in row or any(not (row[name] or "").strip() for name in columns)]
    if faulty:
        raise CadenzaError(f"{path}, line {faulty[0]}: a cell is empty, or there are too many.")
    return [(line, {name: row[name].strip() for name in columns}) for line, row in rows]


def pair_clips(clips: Sequence[Clip], count: int, seed: int) -> list[MixtureRow]:
    """Choose pairs of clips with different captions, and ratios of -15 to 15 dB, as the official sets have them.

    Each clip is a source about equally often.

    Parameters
    ----------
    clips : sequence of Clip
    count : int > 0
    seed : int >= 0

    Raises
    ------
    CadenzaError
        If all clips have one caption.
    """
    if len({clip.caption for clip in clips}) < 2:
        raise CadenzaError("Mixtures need clips of at least two captions.")
    if len({clip.name for clip in clips}) < len(clips):
        raise CadenzaError("Two clips have the same file name, by which the CSV could not tell them apart. Rename one.")
    noise = np.random.default_rng(seed)
    order = np.concatenate([noise.permutation(len(clips)) for _ in range(-(-count // len(clips)))])[:count]
    rows = []
    for place in order:
        source = clips[place]
        others = [clip for clip in clips if clip.caption != source.caption]
        other = others[noise.integers(len(others))]
        rows.append(
            MixtureRow(source.name, other.name, float(noise.integers(*SNR_RANGE, endpoint=True)), source.caption)
        )
    return rows


def write_mixtures(path: Path, rows: Sequence[MixtureRow]) -> None:
    """Write lines as the official CSV.

    Raises
    ------
    CadenzaError
        If it cannot be written.
    """
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_MIXTURES)
        writer.writerows((row.source, row.noise, f"{row.snr:g}", row.query) for row in rows)
