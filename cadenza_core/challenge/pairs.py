"""What CAD1 asks of a worker: write the files of one listener and song, score them."""

import math
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from clarity.utils.audiogram import Listener

from .. import __version__
from ..audio import RATE
from ..catalog import Excerpt, Song
from ..catalog.segments import Segments
from ..errors import CadenzaError
from ..hearing import DEFAULT_PRESCRIPTION, NFIR, Compressor, Spectra, ear_of, get_prescription
from ..quality import StemReference, engine_by_name, score_against, stem_references
from ..quality.scores import HAAQI_RATE
from ..remix import UNITY, Gains, ear_stems
from ..separation import separate
from ..submission import STEM_NAMES, PairWriter, pair_folder, read_stem
from ..submission.layout import pair_file, scale_path
from .gains import Proposed
from .sets import excerpt_of
from .tasks import Place, Separate, Source, Unfit, check_version, compile_haaqi, hold, state_of

__all__ = ["TOLERANCE", "Enhance", "Score", "files_state"]

#: Most memory in which a worker keeps a song's transformed stems, bytes: 170 s of eight stems. Longer ones are transformed
#: anew for each listener, which takes a tenth longer.
SPECTRA = 512 * 1024**2
#: Most memory for a song's resampled references, bytes: 11 min.
REFERENCES = 512 * 1024**2
#: By how much a stem's length may differ from the reference's, s: the hearing aid's filter adds 5 ms.
TOLERANCE = 0.1


class _Stems:
    """The stems of a song, ready for the ears of many listeners."""

    def __init__(self, task: "Enhance") -> None:
        made = separate(task.source.song, task.source.system_id, task.source.settings)
        stems = made.stems
        self.rate, self.length, self.notes = stems.rate, stems.length, made.notes
        signals = ear_stems(stems)
        writer = task.writer(self, UNITY)
        parts = _merge([(part.start, part.stop) for part in (writer.stem_part, writer.remix_part)])
        samples = sum(stop - start for start, stop in parts)
        self._spectra: dict[str, list[Spectra]] = {}
        self._signals: dict[str, np.ndarray] = {}
        linear = get_prescription(task.prescription).is_linear and task.compressor is None
        if linear and len(signals) * Spectra.size(samples) <= SPECTRA:
            for name, signal in signals.items():
                self._spectra[name] = [Spectra(signal, start, stop) for start, stop in parts]
        else:
            self._signals = signals
        self.excerpt: dict[str, np.ndarray] = {}
        if isinstance(task.gains, Proposed):
            heard = task.segments.subjective if task.segments else None
            start, stop = (int(second * RATE) for second in task.gains.span(self.length / self.rate, heard))
            self.excerpt = {name: samples[:, start:stop].copy() for name, samples in made.stems.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._spectra or self._signals)

    def amplified(self, name: str, task: "Enhance", parts: tuple[slice, ...]) -> list[np.ndarray]:
        """Give parts of a stem amplified for the task's listener."""
        chosen, ear = get_prescription(task.prescription), ear_of(task.listener, name.split("_")[0])
        if not self._spectra:
            whole = chosen.amplify(self._signals[name], ear, self.rate, NFIR)
            return [(whole if task.compressor is None else task.compressor(whole))[part] for part in parts]
        assert chosen.fir is not None
        fir = chosen.fir(ear, self.rate, NFIR)
        made = [(one.start, one.stop, one.filtered(fir)) for one in self._spectra[name]]
        given = []
        for part in parts:
            start, stop, signal = next(one for one in made if one[0] <= part.start < one[1])
            given.append(signal[part.start - start : min(part.stop, stop) - start])
        return given


def _merge(parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join two parts that overlap."""
    (first, first_stop), (second, second_stop) = sorted(parts)
    return [(first, max(first_stop, second_stop))] if second <= first_stop else sorted(parts)


@dataclass(frozen=True)
class Enhance:
    """Write the files of one listener and song: what `export_pair` does, for many.

    Parameters
    ----------
    folder : Path
        Of the listeners' folders.
    segments : Segments or None
        To which stems and remix are cut.
    gains : Gains or Proposed
        Of the remix.
    prescription : str
        Id of the amplification; the recipe's is NAL-R.
    compressor : Compressor or None
        After NAL-R, on each stem.
    """

    place: Place
    source: Source
    listener: Listener
    folder: Path
    segments: Segments | None = None
    gains: Gains | Proposed = UNITY
    prescription: str = DEFAULT_PRESCRIPTION
    compressor: Compressor | None = None
    soft_clip: bool = True
    version: str = __version__

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"{self.source.song.name} for {self.listener.id}"

    def ready(self) -> None:
        """Raise `Unfit` if this process lacks something."""
        Separate(self.place, self.source, self.version).ready()

    def writer(self, stems: _Stems, gains: Gains) -> PairWriter:
        """Give the writer of the pair's files."""
        return PairWriter(
            self.folder,
            self.listener.id,
            self.source.song.name,
            stems.length + NFIR,
            stems.rate,
            segments=self.segments,
            gains=gains,
            soft_clip=self.soft_clip,
        )

    def run(self) -> dict[str, Any]:
        """Do it."""
        song = self.source.song
        key = (self.place.token, "stems", self.source.system_id, song.id, str(song.files()[0]))
        stems = hold(key, lambda: _Stems(self))
        notes: tuple[str, ...] = ()
        gains = self.gains
        if isinstance(gains, Proposed):
            gains, notes = gains.gains(song.name, self.listener, stems.excerpt, self.prescription)
        writer = self.writer(stems, gains)
        parts = writer.stem_part, writer.remix_part
        for name in stems:
            writer.add(name, *stems.amplified(name, self, parts))
        report = writer.finish()
        result: dict[str, Any] = {"bytes": sum(path.stat().st_size for path in report.files)}
        result |= {"beyond_full_scale": report.clipped, "notes": [*stems.notes, *notes, *report.notes]}
        return {**result, "gains": gains.as_dict()} if isinstance(self.gains, Proposed) else result


@dataclass(frozen=True)
class Score:
    """Score the files of one listener and song: what `score_pair` does, for many.

    Parameters
    ----------
    folder : Path
        Of the listeners' folders.
    segments : Segments or None
        The files are cut to the objective one, so the references are.
    engine : str
        ``fast`` or ``reference``.
    allow_unscaled : bool
        Take a missing scale file for a factor of 1.
    """

    place: Place
    song: Song
    listener: Listener
    folder: Path
    segments: Segments | None = None
    engine: str = "fast"
    allow_unscaled: bool = False
    version: str = __version__

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"{self.song.name} for {self.listener.id}"

    def ready(self) -> None:
        """Raise `Unfit` if this process lacks something."""
        check_version(self.version)
        self.place.check()
        if not self.folder.is_dir():
            raise Unfit(
                f"the worker on {socket.gethostname()} does not see the results: there is no folder {self.folder}."
            )

    def run(self) -> dict[str, Any]:
        """Do it."""
        state = files_state(self.folder, self.listener.id, self.song.name)
        place = pair_folder(self.folder, self.listener.id, self.song.name)
        if not place.is_dir():
            raise CadenzaError(f"there are no files of this pair: no folder {place}")
        if self.engine == "fast":
            compile_haaqi()
        excerpt = excerpt_of(self.song, self.segments.objective if self.segments else None)
        wanted = (self.song.duration if excerpt.stop is None else excerpt.stop) - excerpt.start
        references = self._references(excerpt, wanted)

        def processed(name: str) -> np.ndarray:
            path = place / pair_file(self.listener.id, self.song.name, f"{name}.flac")
            samples, rate = read_stem(path, allow_unscaled=self.allow_unscaled)
            if rate != HAAQI_RATE:
                raise CadenzaError(f"{path} has {rate} Hz; a stem has {HAAQI_RATE} Hz. Write it again.")
            self._check_length(path, len(samples) / rate, wanted)
            return samples

        pair = score_against(
            self.song.name, self.listener, processed, references, engine=engine_by_name(self.engine), threads=1
        )
        haaqi = {name: None if math.isnan(score) else float(score) for name, score in pair.haaqi.items()}
        return {"haaqi": haaqi, "files": state, "notes": list(pair.notes)}

    def _references(self, excerpt: Excerpt, seconds: float) -> Iterable[StemReference]:
        def make() -> Iterable[StemReference]:
            self.song.check()
            return stem_references(lambda stem: self.song.stem(stem, excerpt), RATE)

        if seconds * HAAQI_RATE * 4 * len(STEM_NAMES) > REFERENCES:
            return make()
        key = (self.place.token, "references", self.song.id, str(self.song.files()[0]))
        return hold(key, lambda: list(make()))

    def _check_length(self, path: Path, seconds: float, wanted: float) -> None:
        if abs(seconds - wanted) > TOLERANCE:
            what = "whole song" if self.segments is None else "objective segment"
            raise CadenzaError(
                f"{path} lasts {seconds:.2f} s, the {what} {wanted:.2f} s. Is it of this set, and cut as the set is?"
            )


def files_state(folder: Path, listener_id: str, song_name: str) -> str:
    """Give a digest of the sizes and times of a pair's stems and scale files: another one means that they were changed."""
    place = pair_folder(folder, listener_id, song_name)
    stems = [place / pair_file(listener_id, song_name, f"{name}.flac") for name in STEM_NAMES]
    return state_of([path for stem in stems for path in (stem, scale_path(stem))])
