"""Write the files of one listener and song as CAD1's baseline does: eight scaled stems and the remix.

The numbers are those of pyclarity 0.9.0's `save_flac_signal` (recipes/cad1/task1/baseline/enhance.py; for excerpts
test.py). Stems: 24 kHz (soxr HQ), divided by the peak, 16-bit mono FLAC, the peak as text beside it. Remix: sum of each
ear's stems, 32 kHz, tanh ("soft clip"), 16-bit stereo FLAC.

The order of writing makes a stopped export recognisable: the old remix is deleted first and the new one written last;
of each stem, the old FLAC file is deleted before its scale file is replaced, and written after it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from ..audio import resample
from ..audio.writing import to_int16, write_audio
from ..catalog.segments import Segments
from ..errors import CadenzaError
from ..files import atomic_file, disk_errors
from ..progress import Progress, silent
from ..remix import UNITY, Gains
from .layout import PAIR_FILES, REMIX_RATE, SIDES, STEM_NAMES, STEM_RATE, pair_file, pair_folder, scale_path

__all__ = ["PairReport", "PairWriter", "write_pair", "write_remix"]

_BLOCK = 16384


@dataclass(frozen=True)
class PairReport:
    """What was written for one listener and song.

    Parameters
    ----------
    listener_id, song_name : str
    folder : Path
        Where the 17 `files` are.
    scales : mapping of str to float
        Peak of each stem at 24 kHz, full scale 1.0; it is in the scale file.
    remix_peak : float
        Largest magnitude of the remix at 32 kHz before it was clipped, full scale 1.0.
    clipped : int
        Samples of both ears beyond full scale before the soft or hard clip, of `remix_samples`. (The recipe counts
        after tanh, which always gives 0.)
    notes : tuple of str
        What a user should know: silent stems, excerpts cut short.
    """

    listener_id: str
    song_name: str
    folder: Path
    scales: Mapping[str, float]
    remix_peak: float
    clipped: int
    remix_samples: int
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = field(default=(), repr=False)


def write_pair(
    folder: Path,
    listener_id: str,
    song_name: str,
    processed: Mapping[str, np.ndarray],
    rate: int,
    *,
    segments: Segments | None = None,
    gains: Gains = UNITY,
    soft_clip: bool = True,
    progress: Progress = silent,
) -> PairReport:
    """Write the stems, their scale files and the remix of one listener and song.

    Parameters
    ----------
    folder : Path
        ``enhanced_signals``, or ``enhanced_signals/evaluation``: see :func:`~.layout.enhanced_folder`.
    listener_id, song_name : str
        They become folder and file names.
    processed : mapping of str to np.ndarray [shape=(n,), floating point]
        ``left_vocals`` to ``right_other``, all of one length, full scale 1.0, after the hearing aid (NAL-R makes them
        longer than the song; nothing is cut). float64, as NAL-R gives them; float32 is computed with in float32, as
        the recipe would. The remix is summed in this mapping's order, the recipe's being that of the separation system.
    rate : int > 0
        Sample rate of `processed`, Hz; CAD1: 44100.
    segments : Segments, optional
        For the evaluation set: the stems are cut to the objective, the remix to the subjective segment, at
        ``int(seconds * rate)``, before anything else.
    gains : Gains
        For the remix only; the recipe's are all 0 dB. The stems are scored as they are.
    soft_clip : bool
        tanh over the whole remix; False: hard clip at full scale.
    progress : Progress
        Called before each file; may raise Cancelled.

    Returns
    -------
    PairReport

    Raises
    ------
    CadenzaError
        Before anything is written, if a name cannot be used, a stem is missing, unknown, not 1-D, not floating point
        or of another length, or a segment holds less than 1 ms of the song. Later, if a stem is not finite or the files
        cannot be written (disk full, read-only, no permission): what has been written by then has no remix, and
        :func:`~.layout.pair_complete` is False.
    """
    signals, length = _check(processed)
    writer = PairWriter(
        folder, listener_id, song_name, length, rate, segments=segments, gains=gains, soft_clip=soft_clip
    )
    for name, signal in signals.items():
        writer.add(name, signal[writer.stem_part], signal[writer.remix_part], progress=progress)
    return writer.finish(progress=progress)


class PairWriter:
    """Write a pair stem by stem, so that no more than one has to be in memory: what :func:`write_pair` does.

    All eight stems are added once, in the order in which the remix shall sum them, then `finish` writes the remix. Making
    a writer touches nothing on the disk; the first `add` does.

    Parameters
    ----------
    length : int
        Samples of each processed stem, before it is cut to a segment.

    Notes
    -----
    The others are those of :func:`write_pair`.

    Attributes
    ----------
    stem_part, remix_part : slice
        The samples of a processed stem that go into its file and into the remix.

    Raises
    ------
    CadenzaError
        If a name cannot be used, or a segment holds less than 1 ms of the song.
    """

    def __init__(
        self,
        folder: Path,
        listener_id: str,
        song_name: str,
        length: int,
        rate: int,
        *,
        segments: Segments | None = None,
        gains: Gains = UNITY,
        soft_clip: bool = True,
    ) -> None:
        self._target = pair_folder(folder, listener_id, song_name)
        self._names, self._rate, self._gains, self._soft_clip = (listener_id, song_name), rate, gains, soft_clip
        self._notes: list[str] = []
        objective, subjective = (segments.objective, segments.subjective) if segments else (None, None)
        self.stem_part = _part(objective, rate, length, "objective", self._notes)
        self.remix_part = _part(subjective, rate, length, "subjective", self._notes)
        self._paths = {part: self._target / pair_file(listener_id, song_name, part) for part in PAIR_FILES}
        self._scales: dict[str, float] = {}
        self._remix: dict[str, np.ndarray] = {}

    def add(self, name: str, stem: np.ndarray, in_remix: np.ndarray, *, progress: Progress = silent) -> None:
        """Write one stem and take it into the remix.

        Parameters
        ----------
        name : str
            ``left_vocals`` to ``right_other``, each once.
        stem, in_remix : np.ndarray [shape=(n,), floating point]
            The samples :attr:`stem_part` and :attr:`remix_part` of the processed stem.
        progress : Progress
            Called before the file is written; may raise Cancelled.

        Raises
        ------
        CadenzaError
            If a sample is not finite or a file cannot be written.
        """
        if not self._scales:
            _clear(self._target, self._paths["remix.flac"])
        shown = name.replace("_", " ")
        progress(len(self._scales) / 9, f"{', '.join(self._names)}: {shown}")
        self._scales[name] = _write_stem(self._paths[f"{name}.flac"], stem, self._rate)
        if self._scales[name] == 0:
            self._notes.append(f"{shown} is silent: written as zeros with scale 0.0")
        if not np.isfinite(_peak(in_remix)):
            raise _not_finite({name: in_remix})
        side, stem_name = name.split("_")
        # From zeros, in float64: as the recipe's `remix_signal`, with gains.
        total = self._remix.setdefault(side, np.zeros(len(in_remix)))
        factor = self._gains.factor(stem_name, side)
        total += in_remix if factor == 1.0 else factor * in_remix

    def finish(self, *, progress: Progress = silent) -> PairReport:
        """Write the remix, after all eight stems.

        Raises
        ------
        CadenzaError
            If the remix is too loud to be computed or cannot be written.
        """
        if missing := sorted(set(STEM_NAMES) - set(self._scales)):
            raise ValueError(f"stems are missing: {', '.join(missing)}")
        where = ", ".join(self._names)
        progress(8 / 9, f"{where}: remix")
        ears = [self._remix.pop(side) for side in SIDES]
        peak, clipped, samples = write_remix(self._paths["remix.flac"], ears, self._rate, soft_clip=self._soft_clip)
        progress(1.0, f"{where}: written")
        scales, files = MappingProxyType(self._scales), tuple(self._paths.values())
        return PairReport(*self._names, self._target, scales, peak, clipped, samples, tuple(self._notes), files)


def write_remix(path: Path, ears: Sequence[np.ndarray], rate: int, *, soft_clip: bool = True) -> tuple[float, int, int]:
    """Write a remix: resampled to 32 kHz, limited, 16-bit stereo FLAC.

    Parameters
    ----------
    ears : two of np.ndarray [shape=(n,)]
        Left and right, after the hearing aid, full scale 1.0.
    rate : int
        Of `ears`, Hz.
    soft_clip : bool
        tanh over all samples; False: hard clip at full scale.

    Returns
    -------
    (float, int, int)
        Peak before the limiting, samples beyond full scale before it, and samples of both ears, at 32 kHz.

    Raises
    ------
    CadenzaError
        If a sample is not finite or the file cannot be written.
    """
    remix = [resample(ear, rate, REMIX_RATE) for ear in ears]
    peaks, clipped = [_peak(ear) for ear in remix], sum(_count_beyond_full_scale(ear) for ear in remix)
    if not np.isfinite(peaks).all():
        raise CadenzaError(f"{path.stem}: samples are not finite, or too large to be summed and resampled.")
    limited = _quantise(remix, np.tanh if soft_clip else _hard_clip)
    write_audio(path, limited, REMIX_RATE)
    return max(peaks), clipped, limited.size


def _check(processed: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], int]:
    """Check the eight signals; give them in their order, and their length."""
    if set(processed) != set(STEM_NAMES):
        missing, unknown = sorted(set(STEM_NAMES) - set(processed)), sorted(set(processed) - set(STEM_NAMES))
        faults = [
            f"{what}: {', '.join(names)}" for what, names in (("missing", missing), ("unknown", unknown)) if names
        ]
        raise CadenzaError(f"The eight stems {STEM_NAMES[0]} to {STEM_NAMES[-1]} are needed ({'; '.join(faults)}).")
    for name, signal in processed.items():
        if signal.ndim != 1 or not len(signal):
            raise CadenzaError(f"Stem {name} has shape {signal.shape}; one channel, (n,), is needed.")
        if not np.issubdtype(signal.dtype, np.floating):
            raise CadenzaError(f"Stem {name} is {signal.dtype}; floating point, full scale 1.0, is needed.")
    lengths = {name: len(signal) for name, signal in processed.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise CadenzaError(f"The stems differ in length (samples): {shown}. They must be equally long.")
    signals: dict[str, np.ndarray] = {
        name: np.ascontiguousarray(signal, _computing_type(signal)) for name, signal in processed.items()
    }
    return signals, lengths[STEM_NAMES[0]]


def _computing_type(signal: np.ndarray) -> type:
    return np.float32 if signal.dtype == np.float32 else np.float64


def _part(segment: tuple[float, float] | None, rate: int, length: int, what: str, notes: list[str]) -> slice:
    start, stop = (0, length) if segment is None else (int(seconds * rate) for seconds in segment)
    if min(stop, length) - start < rate / 1000:
        span = "the whole song" if segment is None else f"{segment[0]} s to {segment[1]} s"
        raise CadenzaError(f"The {what} segment, {span}, holds less than 1 ms of a song of {length / rate:.3f} s.")
    if stop > length:
        notes.append(
            f"the {what} segment ends at {stop / rate:.2f} s, the song at {length / rate:.2f} s: it is shorter"
        )
    return slice(start, stop)


def _clear(folder: Path, remix: Path) -> None:
    """Delete the old remix, so that the pair is not complete until it is, and what a killed export left."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        remix.unlink(missing_ok=True)
        for file in folder.iterdir():
            if file.name.startswith(".partial-"):
                file.unlink(missing_ok=True)


def _write_stem(path: Path, signal: np.ndarray, rate: int) -> float:
    """Write one stem and its scale file; give the scale."""
    stem = resample(signal, rate, STEM_RATE)
    peak = abs(max(stem.max(), -stem.min()))
    if not np.isfinite(peak):
        raise _not_finite({path.stem: signal})
    with disk_errors(path):
        path.unlink(missing_ok=True)
    with atomic_file(scale_path(path)) as temporary:
        temporary.write_text(f"{peak}", encoding="utf-8")
    divisor = peak if peak > 0 else stem.dtype.type(1)
    write_audio(path, _quantise([stem], lambda block, out: np.divide(block, divisor, out=out)), STEM_RATE)
    return float(peak)


def _quantise(channels: Sequence[np.ndarray], change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Change samples and convert them to 16 bit, in blocks that stay in the processor's cache: twice as fast.

    The channels [shape=(n,) each] are not changed; ``change(block, out)`` writes to `out`. The result [shape=(channels,
    n), dtype=int16] is interleaved in memory, as libsndfile wants it.
    """
    result = np.empty((len(channels[0]), len(channels)), dtype=np.int16)
    buffer = np.empty(_BLOCK, dtype=channels[0].dtype)
    for index, channel in enumerate(channels):
        for start in range(0, len(channel), _BLOCK):
            block = channel[start : start + _BLOCK]
            result[start : start + _BLOCK, index] = to_int16(change(block, buffer[: len(block)]), overwrite=True)
    return result.T


def _hard_clip(block: np.ndarray, out: np.ndarray) -> np.ndarray:
    return np.clip(block, -1.0, 1.0, out=out)


def _peak(samples: np.ndarray) -> float:
    return float(max(samples.max(), -samples.min()))


def _count_beyond_full_scale(samples: np.ndarray) -> int:
    return int(np.count_nonzero(samples > 1.0) + np.count_nonzero(samples < -1.0))


def _not_finite(signals: Mapping[str, np.ndarray]) -> CadenzaError:
    """Make the error for signals in which there are NaN or infinite samples."""
    for name, signal in signals.items():
        if bad := int(np.count_nonzero(~np.isfinite(signal))):
            return CadenzaError(f"Stem {name} holds {bad} samples that are NaN or infinite, after the hearing aid.")
    return CadenzaError(f"{', '.join(signals)}: the samples are too large to be resampled.")
