"""Check a submission file by file and name everything that is wrong with it.

What is checked is what CAD1's submission page asks for and what the baseline's evaluate.py would fail on: the names,
the 17 files of each listener and song, their sample rates, bits, channels and lengths, that each FLAC file is whole,
and that each scale file holds a number that its stem can have been divided by.
"""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import CadenzaError
from ..files import check_name
from ..progress import Progress, silent
from .ears import Landmark, looks_swapped
from .flac import SubmissionFault, decode_flac, parse_scale
from .layout import (
    REMIX_RATE,
    SIDES,
    STEM_NAMES,
    STEM_RATE,
    check_listener,
    file_part,
    is_partial,
    looks_official,
    pair_file,
)
from .report import Fault, Report
from .sources import Entry, Source, open_source

__all__ = ["EVALUATION_SECONDS", "Landmarks", "validate"]

#: Lengths of the stems and the remix of the evaluation set, seconds.
EVALUATION_SECONDS = (30.0, 15.0)
#: By how much a length may differ, s: the hearing aid's filter adds 5 ms to a whole song.
TOLERANCE = 0.02
#: Share of samples at full scale from which a stem counts as clipped; one that was divided by its peak has a few.
CLIPPED = 0.01
#: The same for a remix: the recipe's own, soft-clipped, have up to 7 % where a loud song is amplified for a severe loss.
REMIX_CLIPPED = 0.5
_FULL_SCALE = 32767
#: Most threads: decoding and checksums need no interpreter.
_WORKERS = 16
#: Gives a song's landmarks by part: "vocals" to "other" at 24 kHz, "remix" at 32 kHz; a part may be missing.
Landmarks = Callable[[str], Mapping[str, Landmark | None]]


@dataclass
class _Pair:
    """The files of one listener's song by name; `place` is its folder's path."""

    listener: str
    song: str
    place: str
    evaluation: bool
    files: dict[str, Entry] = field(default_factory=dict)


@dataclass(frozen=True)
class _Sound:
    """What a decoded FLAC file is like: samples a channel, sample rate (Hz), peak (int16), samples (n, channels)."""

    frames: int
    rate: int
    peak: int
    samples: np.ndarray = field(repr=False)


def validate(
    path: Path,
    *,
    songs: Collection[str] | None = None,
    listeners: Collection[str] | None = None,
    durations: Mapping[str, tuple[float, float]] | None = None,
    evaluation: bool | None = None,
    landmarks: Landmarks | None = None,
    progress: Progress = silent,
) -> Report:
    """Check a submission.

    Parameters
    ----------
    path : Path
        ``enhanced_signals``, the folder it is in, an ``evaluation`` folder, or a zip archive of one of these.
    songs, listeners : collection of str, optional
        What must be there, each song for each listener, and nothing else.
    durations : mapping of str to (float, float), optional
        Song -> seconds of the stems and of the remix (``Segments.durations``). Without it, 30 s and 15 s are expected
        of the evaluation set; of other sets, only that the lengths of a pair agree.
    evaluation : bool, optional
        True: only the ``evaluation`` folder, False: only what is beside it; None: both.
    landmarks : function, optional
        Gives where the ears of a song's true stems and mixture differ, cut as the submission is: left and right are then
        compared with them. Called by several threads.
    progress : Progress
        Called after each pair; may raise Cancelled.

    Returns
    -------
    Report
        With every fault; nothing stops at the first.

    Raises
    ------
    CadenzaError
        If there is nothing at `path`.
    """
    with closing(open_source(path)) as source:
        entries = [entry for entry in source.entries if evaluation in (None, entry.evaluation)]
        faults = list(source.faults)
        pairs = _arrange(entries, songs, listeners, faults)
        if not pairs and not (faults and not source.entries):
            faults.append(Fault(".", "empty", "there is no folder of a listener and song here"))
        files = 0
        pool = ThreadPoolExecutor(min(_WORKERS, os.cpu_count() or 1))
        try:
            results = pool.map(lambda pair: _check_pair(source, pair, durations, landmarks), pairs)
            for done, (pair, (found, count)) in enumerate(zip(pairs, results, strict=True), 1):
                faults += found
                files += count
                progress(done / len(pairs), f"{pair.listener}, {pair.song}")
        finally:
            pool.shutdown(cancel_futures=True)
    return Report(path, tuple(sorted(faults)), files, len(pairs))


def _arrange(
    entries: list[Entry], songs: Collection[str] | None, listeners: Collection[str] | None, faults: list[Fault]
) -> list[_Pair]:
    """Sort the files into pairs; note whatever is in no pair, or expected and not there."""
    pairs: dict[tuple[bool, str, str], _Pair] = {}
    folders: dict[tuple[bool, str], str] = {}
    for entry in entries:
        inside = entry.parts if entry.is_folder else entry.parts[:-1]  # names of the folders: (listener, song)
        where = entry.path.rstrip("/").split("/")
        above = len(where) - len(entry.parts)
        if inside:
            folders[entry.evaluation, inside[0]] = "/".join(where[: above + 1])
        if len(inside) == 2:
            new = _Pair(*inside, "/".join(where[: above + 2]), entry.evaluation)
            pair = pairs.setdefault((entry.evaluation, *inside), new)
            if not entry.is_folder:
                pair.files[entry.parts[2]] = entry
        elif not entry.parts:
            faults.append(Fault(entry.path, "empty-folder", "the folder of the evaluation set is empty"))
        elif not entry.is_folder or len(inside) > 2:  # an empty listener's folder is named below
            faults.append(_stray(entry))
    faults += _compare(pairs.values(), folders, songs, listeners)
    return [pairs[key] for key in sorted(pairs)]


def _stray(entry: Entry) -> Fault:
    """Name the fault of a file or folder that is not one of a pair's 17."""
    name = entry.parts[-1]
    if is_partial(name):
        return Fault(entry.path, "partial-file", "is left over from writing that was stopped. Delete it")
    if looks_official(name):
        wanted = f"the names of its folders, {'/'.join(entry.parts[:-1])!r}"
        return Fault(entry.path, "wrong-name", f"has another listener or song in its name than {wanted}")
    kind = "folder" if entry.is_folder else "file"
    return Fault(entry.path, "unexpected-file", f"is no {kind} of a submission. Move it elsewhere")


def _compare(
    pairs: Collection[_Pair],
    folders: Mapping[tuple[bool, str], str],
    songs: Collection[str] | None,
    listeners: Collection[str] | None,
) -> Iterator[Fault]:
    """Compare the folders with what is expected, and check their names."""
    for (evaluation, listener), place in folders.items():
        yield from _name_faults(place, listener, check_listener)
        if listeners is not None and listener not in listeners:
            yield Fault(place, "unknown-listener", f"{listener!r} is none of the {len(listeners)} expected listeners")
        done = {pair.song for pair in pairs if (pair.evaluation, pair.listener) == (evaluation, listener)}
        if not done:
            yield Fault(place, "empty-folder", "there is no folder of a song in this listener's folder")
        for song in sorted(set(songs or ()) - done):
            yield Fault(place, "missing-song", f"there is no folder of the song {song!r}")
    for evaluation in sorted({evaluation for evaluation, _ in folders}):
        theirs = {name: place for (in_set, name), place in folders.items() if in_set == evaluation}
        top = min(theirs.values()).rpartition("/")[0] or "."
        for listener in sorted(set(listeners or ()) - set(theirs)):
            yield Fault(top, "missing-listener", f"there is no folder of the listener {listener!r}")
    for pair in pairs:
        yield from _name_faults(pair.place, pair.song, lambda name: check_name(name, "song"))
        if songs is not None and pair.song not in songs:
            yield Fault(pair.place, "unknown-song", f"{pair.song!r} is none of the {len(songs)} expected songs")


def _name_faults(place: str, name: str, check: Callable[[str], str]) -> Iterator[Fault]:
    try:
        check(name)
    except CadenzaError as error:
        yield Fault(place, "unsafe-name", str(error))


def _check_pair(
    source: Source,
    pair: _Pair,
    durations: Mapping[str, tuple[float, float]] | None,
    landmarks: Landmarks | None,
) -> tuple[list[Fault], int]:
    """Check the files of one listener's song; give the faults and the number of files read."""
    if not pair.files:
        return [Fault(pair.place, "empty-folder", "there is no file in it")], 0
    known = {file_part(pair.listener, pair.song, name): entry for name, entry in pair.files.items()}
    faults = [_stray(entry) for name, entry in pair.files.items() if file_part(pair.listener, pair.song, name) is None]
    known.pop(None, None)
    sounds: dict[str, _Sound] = {}
    for part in (*STEM_NAMES, "remix"):
        place = f"{pair.place}/{pair_file(pair.listener, pair.song, part)}.flac"
        entry = known.get(f"{part}.flac")
        if entry is None:
            code = "missing-remix" if part == "remix" else "missing-stem"
            faults.append(Fault(place, code, "is not there"))
        else:
            sound = _check_sound(source, entry, part == "remix", faults)
            if sound is not None:
                sounds[part] = sound
        if part != "remix":
            scale = known.get(f"{part}.txt")
            faults += _check_scale(source, scale, place.removesuffix("flac") + "txt", sounds.get(part))
    faults += _check_lengths(pair, sounds, durations)
    if landmarks is not None:
        faults += _check_ears(pair, sounds, landmarks(pair.song))
    return faults, len(known)


def _check_sound(source: Source, entry: Entry, is_remix: bool, faults: list[Fault]) -> _Sound | None:
    """Decode one FLAC file and note its faults; None if it cannot be decoded."""
    try:
        samples, header = decode_flac(source.read(entry))
    except SubmissionFault as fault:
        faults.append(Fault(entry.path, fault.code, str(fault)))
        return None
    rate, channels, kind = (REMIX_RATE, 2, "remix") if is_remix else (STEM_RATE, 1, "stem")
    peak = int(max(int(samples.max()), -int(samples.min())))
    full = np.count_nonzero(samples >= _FULL_SCALE) + np.count_nonzero(samples <= -_FULL_SCALE)

    def note(code: str, message: str) -> None:
        faults.append(Fault(entry.path, code, message))

    if header.rate != rate:
        note("sample-rate", f"has {header.rate} Hz; a {kind} has {rate} Hz")
    if header.bits != 16:
        note("bit-depth", f"has {header.bits} bits a sample; 16 are needed")
    if header.channels != channels:
        note("channels", f"has {header.channels} channels; a {kind} has {channels}")
    if peak == 0:
        note(f"silent-{kind}", "is silent: all samples are 0")
    elif full > (REMIX_CLIPPED if is_remix else CLIPPED) * samples.size:
        note("clipped", f"{full} of {samples.size} samples are at full scale: it is clipped. Lower its level")
    elif is_remix and full:
        note("remix-clips", f"{full} of {samples.size} samples are at full scale: it may be clipped")
    elif not is_remix and peak < _FULL_SCALE - 1:
        share = 100 * peak / (_FULL_SCALE + 1)
        note("stem-not-scaled", f"its peak is at {share:.1f} % of full scale: it was not divided by its peak")
    return _Sound(len(samples), header.rate, peak, samples)


def _check_scale(source: Source, entry: Entry | None, place: str, sound: _Sound | None) -> list[Fault]:
    """Check the scale file of a stem; `sound` is None if the stem could not be decoded."""
    if entry is None:
        return [Fault(place, "missing-scale", "is not there: the stem's level is unknown without it")]
    try:
        scale = parse_scale(source.read(entry))
    except SubmissionFault as fault:
        return [Fault(entry.path, fault.code, str(fault))]
    if scale == 0 and sound is not None and sound.peak > 0:
        return [Fault(entry.path, "scale-not-positive", "holds 0, but the stem is not silent")]
    if scale > 0 and sound is not None and sound.peak == 0:
        return [Fault(entry.path, "lost-stem", f"holds {scale:g}, so the stem had sound once, but it is silent")]
    return []


def _check_lengths(
    pair: _Pair, sounds: Mapping[str, _Sound], durations: Mapping[str, tuple[float, float]] | None
) -> Iterator[Fault]:
    """Compare the lengths of the stems with each other, and all with what is expected."""
    expected = (durations or {}).get(pair.song) or (EVALUATION_SECONDS if pair.evaluation else None)
    stems = {part: sound for part, sound in sounds.items() if part != "remix"}
    usual = Counter(sound.frames for sound in stems.values()).most_common(1)
    for part, sound in sounds.items():
        place = f"{pair.place}/{pair_file(pair.listener, pair.song, part)}.flac"
        seconds = sound.frames / sound.rate
        wanted = None if expected is None else expected[part == "remix"]
        if part != "remix" and sound.frames != usual[0][0]:
            message = f"has {sound.frames} samples; {usual[0][1]} stems of this pair have {usual[0][0]}"
            yield Fault(place, "stem-lengths", message)
        elif wanted is not None and abs(seconds - wanted) > TOLERANCE:
            yield Fault(place, "duration", f"lasts {seconds:.3f} s; {wanted:.3f} s are needed")
        elif wanted is None and part == "remix" and usual and abs(seconds - usual[0][0] / STEM_RATE) > TOLERANCE:
            message = f"lasts {seconds:.3f} s, the stems {usual[0][0] / STEM_RATE:.3f} s"
            yield Fault(place, "remix-duration", message)


def _check_ears(pair: _Pair, sounds: Mapping[str, _Sound], landmarks: Mapping[str, Landmark | None]) -> Iterator[Fault]:
    """Compare left and right of the stems and the remix with the true ones."""
    for part, landmark in landmarks.items():
        if part == "remix":
            names, ears = ["remix"], [sounds["remix"].samples.T] if "remix" in sounds else []
        else:
            names = [f"{side}_{part}" for side in SIDES]
            ears = [sounds[name].samples.T for name in names if name in sounds]
        both = np.concatenate(ears) if ears and len({ear.shape[1] for ear in ears}) == 1 else np.empty((0, 0))
        rates = {sounds[name].rate for name in names if name in sounds}
        if landmark is None or len(both) != 2 or rates != {REMIX_RATE if part == "remix" else STEM_RATE}:
            continue  # nothing to tell them apart by, or named as another fault
        if looks_swapped(landmark, both[0], both[1]):
            place = f"{pair.place}/{pair_file(pair.listener, pair.song, names[0])}.flac"
            yield Fault(place, "swapped-ears", f"left and right of {part} look exchanged, compared with the true ones")
