"""Enhance CLIP1's clips: (stereo signal, listener) to enhanced signal, and a folder of them that can be interrupted.

The guide's example, NLR1, amplifies each ear by NAL-R for the severity's audiogram and compresses the result. Others raise
the vocals first: a separation system gives the stems, which are remixed with the studio's gains. Results are
``<out>/<model>/<signal>.wav``, 32-bit float, so that nothing is clipped, as long as the signal and in time with it.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from clarity.utils.audiogram import Listener

from ..audio import RATE, Audio, Stems, audio_info, resample
from ..errors import CadenzaError
from ..files import atomic_file, check_name, parse_json
from ..hearing import Compressor, amplify, compensate_delay, ear_of, nalr_filter
from ..progress import Progress, silent
from ..remix import EARS, Gains, mix
from ..separation import Separator, get_system
from ..settings import Settings
from .clips import Clip, ClipFolder, read_clip
from .severities import severity_listener

__all__ = [
    "ENHANCERS",
    "SOURCES",
    "Enhanced",
    "Enhancement",
    "Enhancer",
    "clip_stems",
    "enhance_clips",
    "enhanced_reader",
    "make_enhancer",
    "reader_of",
]

#: Which of a clip's two files is taken.
SOURCES = ("signals", "unprocessed")
#: What the ready-made enhancers do, in words.
ENHANCERS: Mapping[str, str] = {
    "none": "nothing: the signal as it is",
    "nlr1": "NAL-R and the compressor, for the severity's audiogram (the guide's example)",
    "vocals": "vocals raised by a separation system, 6 dB unless gains are given",
    "vocals-nlr1": "vocals raised, then NAL-R and the compressor",
}
_VOCALS = 6.0
_RECORD = "enhancement.json"


class Enhancer(Protocol):
    """From a signal and a listener to a better signal."""

    @property
    def name(self) -> str:
        """The model's name: its results' folder."""

    def identity(self) -> Mapping[str, Any]:
        """Everything besides the input that the result depends on, for the record; plain JSON."""

    def __call__(self, sound: Audio, listener: Listener, progress: Progress = silent) -> np.ndarray:
        """Give the enhanced signal, (2, n) at 44.1 kHz, as long as `sound` and in time with it; it may exceed 1.0."""


@dataclass(frozen=True)
class Enhancement:
    """Separate and remix, amplify, compress: each of them or none.

    Parameters
    ----------
    name : str
    system : Separator, optional
        Gives the stems for `gains`; without it the signal stays one.
    gains : Gains
    amplified : bool
        NAL-R and the compressor for the listener's audiogram.
    """

    name: str
    system: Separator | None = None
    gains: Gains = field(default_factory=Gains)
    amplified: bool = False

    def identity(self) -> dict[str, Any]:
        """Give what the result depends on."""
        separation = None
        if self.system is not None:
            separation = {"system": self.system.info.id, **self.system.identity(), "gains": self.gains.as_dict()}
        compressor = Compressor().settings() if self.amplified else None
        return {"separation": separation, "nal_r": self.amplified, "compressor": compressor}

    def __call__(self, sound: Audio, listener: Listener, progress: Progress = silent) -> np.ndarray:
        """Enhance a stereo signal at 44.1 kHz; raises CadenzaError as the separation system does."""
        samples = sound.samples
        if self.system is not None:
            samples = mix(clip_stems(self.system, sound, progress), self.gains)
        if self.amplified:
            samples = np.stack([_nlr1(row, listener, ear) for row, ear in zip(samples, EARS, strict=True)])
        return samples


def _nlr1(samples: np.ndarray, listener: Listener, ear: str) -> np.ndarray:
    return compensate_delay(Compressor()(amplify(samples, nalr_filter(ear_of(listener, ear)))))


def clip_stems(system: Separator, sound: Audio, progress: Progress = silent) -> Stems:
    """Separate a clip without storing anything; stems at 44.1 kHz, as long as the clip.

    Raises
    ------
    CadenzaError
        If the system cannot be used here, or needs true stems.
    """
    if system.info.oracle:
        raise CadenzaError(f"{system.info.title} needs true stems, which a clip does not have. Choose another system.")
    if reason := system.unavailable_reason():
        raise CadenzaError(reason)
    stems = system.separate(sound.at(system.info.rate), progress=progress)
    if stems.rate == sound.rate:
        return stems
    frames = sound.samples.shape[1]
    back = {name: resample(samples, stems.rate, sound.rate)[:, :frames] for name, samples in stems.items()}
    return Stems({name: np.pad(s, ((0, 0), (0, frames - s.shape[1]))) for name, s in back.items()}, sound.rate)


def make_enhancer(
    model: str, settings: Settings, *, system: str = "preview", gains: Gains | None = None, name: str = ""
) -> Enhancement:
    """Make one of :data:`ENHANCERS`.

    Parameters
    ----------
    model : str
    settings : Settings
    system : str
        Separation system, for those that raise the vocals.
    gains : Gains, optional
        Instead of 6 dB more vocals.
    name : str
        The results' folder; `model` if empty.

    Raises
    ------
    CadenzaError
        If there is no such model or system, or the name cannot be a folder's.
    """
    if model not in ENHANCERS:
        raise CadenzaError(f"There is no enhancer {model!r}. Known are {', '.join(ENHANCERS)}.")
    raises = model.startswith("vocals")
    louder = gains or Gains({("vocals", ear): _VOCALS for ear in EARS})
    return Enhancement(
        check_name(name or model, "model"),
        get_system(system, settings) if raises else None,
        louder if raises else Gains(),
        amplified=model.endswith("nlr1"),
    )


@dataclass(frozen=True)
class Enhanced:
    """What became of a folder.

    Parameters
    ----------
    folder : Path
        ``<out>/<model>``.
    made, kept : int
        Clips done now, and found done from before.
    faults : mapping of str to str
        By signal, why it could not be done.
    notes : tuple of str
        What the user should know.
    """

    folder: Path
    made: int
    kept: int
    faults: Mapping[str, str]
    notes: tuple[str, ...]


def reader_of(folder: ClipFolder, source: str) -> Callable[[Clip], Audio]:
    """Give the function that reads a clip of one of :data:`SOURCES`."""
    if source not in SOURCES:
        raise CadenzaError(f"{source!r} is not one of a clip's files: {' or '.join(SOURCES)}.")
    return folder.signal if source == "signals" else folder.unprocessed


def enhance_clips(
    folder: ClipFolder, enhancer: Enhancer, out: Path, *, source: str = "signals", progress: Progress = silent
) -> Enhanced:
    """Enhance all clips of a split for their severities' audiograms; what is there already is kept.

    A killed run leaves whole files only and goes on where it was. One faulty clip does not stop the others.

    Parameters
    ----------
    folder : ClipFolder
    enhancer : Enhancer
    out : Path
        ``<out>/<name of the enhancer>`` is made in it.
    source : {"signals", "unprocessed"}
    progress : Progress
        May raise Cancelled.

    Raises
    ------
    CadenzaError
        If the folder holds results of something else, or cannot be written to.
    """
    import scipy.io.wavfile

    place = out / enhancer.name
    read = reader_of(folder, source)
    _claim(place, {"enhancer": enhancer.identity(), "source": source})
    made, kept, loud, faults = 0, 0, 0, {}
    for number, clip in enumerate(folder.clips):
        progress(number / len(folder), f"{number + 1} of {len(folder)}: {clip.signal}")
        path = place / f"{clip.signal}.wav"
        if path.is_file():
            kept += 1
            continue
        try:
            sound = read(clip)
            samples = enhancer(sound, severity_listener(clip.severity), _alive(progress, number, len(folder)))
        except CadenzaError as error:
            if type(error) is not CadenzaError:  # cancelled, weights missing: true of all
                raise
            faults[clip.signal] = str(error)
            continue
        with atomic_file(path) as temporary:  # not by libsndfile, which notes the time of writing in a float file
            scipy.io.wavfile.write(temporary, RATE, np.asarray(samples.T, dtype=np.float32))
        made += 1
        loud += bool(np.max(np.abs(samples)) > 1.0)
    progress(1.0, "done")
    notes = [f"{loud} of the new files exceed full scale; as float files they are kept whole"] if loud else []
    return Enhanced(place, made, kept, faults, tuple(notes))


def _alive(progress: Progress, number: int, total: int) -> Progress:
    """Let a clip's own progress be cancelled, and show it as a part of the whole."""
    return lambda done, text: progress((number + min(1.0, done)) / total, f"{number + 1} of {total}: {text}")


def _claim(place: Path, facts: Mapping[str, Any]) -> None:
    """Note what a folder's results are made by; refuse one of something else."""
    record = place / _RECORD
    wanted = json.loads(json.dumps(facts))
    try:
        found = parse_json(record.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if place.is_dir() and any(place.glob("*.wav")):
            raise CadenzaError(f"{place} holds sound files of unknown origin. Choose another folder or name.") from None
        with atomic_file(record) as temporary:
            temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        return
    except (OSError, ValueError) as error:
        raise CadenzaError(f"{record} cannot be read ({error}). Delete the folder, or choose another name.") from error
    if found != wanted:
        raise CadenzaError(
            f"{place} holds results of other settings ({record.name} tells which). Choose another --name, or delete it."
        )


def enhanced_reader(place: Path, folder: ClipFolder) -> Callable[[Clip], Audio]:
    """Give the function that reads a clip's enhanced file, checked against the length of its signal.

    Raises
    ------
    CadenzaError
        If the folder is not there.
    """
    if not place.is_dir():
        raise CadenzaError(f"There is no folder {place} of enhanced clips. `cadenza lyrics enhance` makes one.")

    def read(clip: Clip) -> Audio:
        sound = read_clip(place / f"{clip.signal}.wav")
        original = folder.signal_path(clip)
        if original.is_file() and not math.isclose(audio_info(original).duration, sound.duration, abs_tol=0.5):
            raise CadenzaError(f"{place / clip.signal}.wav lasts {sound.duration:.2f} s, its signal does not.")
        return sound

    return read
