"""The sounds of a test, made from what the studio has: songs, systems, presets, listeners; or read from files."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from clarity.utils.audiogram import Listener

from ..audio import RATE, STEMS
from ..catalog import WHOLE, Song, Track, find_listener, find_song, listener_files
from ..errors import CadenzaError
from ..files import expand
from ..hearing import ear_of
from ..playback import fitted_stems
from ..progress import Progress, part, silent
from ..remix import EARS, Lane, MixSettings, Presets, mixdown
from ..separation import get_system, separate, systems
from ..separation.lass.models import LassModel, lass_models
from ..separation.lass.prompt import Prompt
from ..separation.lass.stored import TARGET, stored_extraction
from ..settings import Settings
from .designs import LONGEST_S, Condition, Design, Passage
from .kinds import ANCHORS, REFERENCE
from .stimuli import Group, anchor, equal_loudness, faded, read_group, write_group

__all__ = ["MIXTURE", "Renderer", "stimuli_folder"]

#: Name of the mixture that is shown in a test of what a sentence extracts.
MIXTURE = "mixture"
_VERSION = 1
#: Sounds of a group may differ in length by so much, s: codecs and filters do.
_SLACK = 0.01
_SHORTEST_S = 0.5
_SHOWN = 8


def stimuli_folder(settings: Settings) -> Path:
    """Give the folder of all tests' sounds."""
    return settings.home / "listening"


class Renderer:
    """Makes the sounds of a design.

    Parameters
    ----------
    design : Design
    settings : Settings
        With what the user has added (:func:`~cadenza_core.catalog.own.with_own`).
    """

    def __init__(self, design: Design, settings: Settings) -> None:
        self.design = design
        self.settings = settings
        self._songs: dict[str, Song] = {}

    @cached_property
    def listeners(self) -> dict[str, Listener | None]:
        """The listeners that sounds are made for, by id; the empty id: nothing is amplified."""
        files = listener_files(self.settings)
        wanted = dict.fromkeys(self.design.participants or ("",))
        return {name: find_listener(name, files) if name else None for name in wanted}

    def check(self) -> None:
        """Check that everything is there, before anything is made.

        Raises
        ------
        CadenzaError
            Naming every fault, with its line.
        """
        faults: list[str] = []
        listeners = [""]
        try:
            listeners = list(self.listeners)
        except CadenzaError as error:
            faults.append(f"participants: {error}")
        for condition in self.design.conditions:
            faults += _said(condition.line, lambda one=condition: self._check_system(one))
        for passage in self.design.excerpts:
            faults += _said(passage.line, lambda one=passage: self._check_passage(one))
        for condition in self.design.conditions:
            for passage in self.design.excerpts if condition.file else ():
                for listener in listeners:
                    path = self._path(condition, passage, listener)
                    if not path.is_file():
                        faults.append(f"line {condition.line}: there is no file {path}")
        if faults:
            more = f" And {len(faults) - _SHOWN} more." if len(faults) > _SHOWN else ""
            text = "; ".join(fault.removesuffix(".") for fault in dict.fromkeys(faults[:_SHOWN]))
            raise CadenzaError(f"The design {self.design.name} cannot be made: {text}.{more}")

    def _check_system(self, condition: Condition) -> None:
        if not condition.system or condition.system == "original":
            return
        if model := self._follower(condition):
            if condition.gains is not None or condition.preset:
                raise CadenzaError(f"what {model.id} extracts is heard as it is: it takes no gains and no preset")
            if reason := model.unavailable_reason(self.settings):
                raise CadenzaError(reason)
            return
        known = [info.id for info in systems()]
        if self._is_described:
            known += [model.id for model in lass_models(self.settings)]
        if condition.system not in known:
            raise CadenzaError(f"there is no system {condition.system!r}; known are original, {', '.join(known)}")
        if reason := get_system(condition.system, self.settings).unavailable_reason():
            raise CadenzaError(reason)

    @property
    def _is_described(self) -> bool:
        return self.design.kind.name == "relovl"

    def _follower(self, condition: Condition) -> LassModel | None:
        """Give the model that extracts what an excerpt's description asks for, if a condition names one."""
        models = lass_models(self.settings) if self._is_described else []
        return next((model for model in models if model.id == condition.system), None)

    def _check_passage(self, passage: Passage) -> None:
        if any(map(self._follower, self.design.conditions)):
            Prompt(passage.query)
        rendered = [one for one in self.design.conditions if one.system]
        if not passage.song:
            if rendered:
                raise CadenzaError(f"the excerpt {passage.name} needs a 'song': {rendered[0].name} is made from one")
            return
        song = self._song(passage)
        stop = song.duration if passage.at.stop is None else passage.at.stop
        if stop > song.duration + _SLACK:
            raise CadenzaError(f"the excerpt {passage.at} goes beyond the end of {song.name}, {song.duration:.1f} s")
        if stop - passage.at.start > LONGEST_S:
            raise CadenzaError(
                f"{passage.name} lasts {stop - passage.at.start:.0f} s; {LONGEST_S:g} s are the most: give 'at'"
            )
        oracles = {info.id for info in systems() if info.oracle}
        if not song.has_stems and (needing := [one for one in rendered if one.system in oracles]):
            raise CadenzaError(f"{song.name} has no true stems, and {needing[0].name} is made from them")

    def groups(self) -> list[tuple[str, str]]:
        """Give what is made one after the other: (listener, excerpt)."""
        return [(listener, passage.name) for listener in self.listeners for passage in self.design.excerpts]

    def songs(self) -> dict[str, str]:
        """Give the name of each song, by what the design calls it."""
        return {passage.song: self._song(passage).name for passage in self.design.excerpts if passage.song}

    def group(self, listener: str, excerpt: str, progress: Progress = silent) -> tuple[str, Group, tuple[str, ...]]:
        """Make the sounds of one excerpt for one listener, or find them made.

        Returns
        -------
        str
            Name of the group's folder.
        Group
        tuple of str
            What the researcher should know.

        Raises
        ------
        CadenzaError
            If something cannot be separated, read, matched or written, or the sounds are not of one length.
        """
        passage = self.design.excerpt(excerpt)
        key = self._key(listener, passage)
        folder = stimuli_folder(self.settings) / self.design.name / key
        if found := read_group(folder):
            return key, found, ()
        sounds, notes = self._sounds(listener, passage, progress)
        progress(0.9, f"{excerpt}: matching loudness")
        shaped = {name: faded(samples, RATE, self.design.fade) for name, samples in sounds.items()}
        try:
            levelled, lowered = equal_loudness(shaped, RATE, self.design.loudness)
        except CadenzaError as error:
            raise CadenzaError(f"The excerpt {excerpt}: {error}") from error
        return key, write_group(folder, levelled, RATE, lowered, notes=notes), notes

    def _sounds(
        self, listener: str, passage: Passage, progress: Progress
    ) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
        made: dict[str, np.ndarray] = {}
        notes: list[str] = []
        count = len(self.design.conditions)
        for number, condition in enumerate(self.design.conditions):
            show = part(progress, 0.9 * number / count, 0.9 * (number + 1) / count)
            show(0.0, f"{passage.name}: {condition.name}")
            samples, said = (
                self._read(condition, passage, listener)
                if condition.file
                else self._render(condition, passage, listener, show)
            )
            made[condition.name] = samples
            notes += [f"{passage.name}, {condition.name}: {note}" for note in said]
        if self._is_described:
            made[MIXTURE] = self._song(passage).mixture(passage.at).samples
        made, cut = _of_one_length(passage.name, made)
        for name in self.design.anchors:
            made[name] = anchor(made[REFERENCE], RATE, ANCHORS[name])
        return made, (*notes, *cut)

    def _read(self, condition: Condition, passage: Passage, listener: str) -> tuple[np.ndarray, tuple[str, ...]]:
        at = passage.at if condition.cut else WHOLE
        audio = Track(self._path(condition, passage, listener)).read(at)
        if audio.duration > LONGEST_S + _SLACK:
            raise CadenzaError(
                f"{condition.name} lasts {audio.duration:.0f} s in {passage.name}; {LONGEST_S:g} s are the most. "
                "Give 'at' and 'cut: true', or a shorter file."
            )
        return audio.samples, audio.notes

    def _render(
        self, condition: Condition, passage: Passage, listener: str, progress: Progress
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Mix as the studio does, amplified for the listener if there is one; or extract what the excerpt asks for."""
        song, at = self._song(passage), passage.at
        if model := self._follower(condition):
            found = stored_extraction(song, model, Prompt(passage.query), self.settings, at, progress=progress)
            return found.sounds()[TARGET], found.notes
        original = song.mixture(at).samples
        notes: tuple[str, ...] = ()
        settings = self._mix(condition, song, listener)
        if condition.system == "original":
            stems: Mapping[str, np.ndarray] = {"other": original}  # one stem that no gain touches
        else:
            result = separate(song, condition.system, self.settings, at, progress=progress)
            stems, notes = fitted_stems(result, original.shape[1]), result.notes
        heard = replace(
            settings.only(stems),
            limiter=False,
            hear="aided" if listener else "remix",
            match_loudness=False,
            simulation="off",
        )
        return mixdown(heard, RATE, stems, original, listener=self.listeners[listener]).samples, notes

    def _mix(self, condition: Condition, song: Song, listener: str) -> MixSettings:
        if condition.preset:
            mix = _preset(Presets(self.settings.home / "presets"), condition, song.id, listener)
            if set(mix.lanes) - set(STEMS):
                raise CadenzaError(
                    f"line {condition.line}, {condition.name}: the preset {condition.preset!r} also sets what was "
                    "extracted by description, which is not in the stems here. Export that mix, and give the file."
                )
            return mix
        if condition.gains is None:
            return MixSettings()
        decibels = condition.gains.decibels
        stems = dict.fromkeys(stem for stem, _ in decibels)
        left, right = EARS
        return MixSettings(
            {stem: Lane(decibels.get((stem, left), 0.0), decibels.get((stem, right), 0.0)) for stem in stems}
        )

    def _song(self, passage: Passage) -> Song:
        if passage.song not in self._songs:
            beside = Path(self.design.folder) / passage.song
            text = str(beside) if self.design.folder and beside.exists() else passage.song
            self._songs[passage.song] = find_song(text, self.settings)
        return self._songs[passage.song]

    def _path(self, condition: Condition, passage: Passage, listener: str) -> Path:
        song = self._song(passage).name if passage.song else ""
        filled = condition.file.format(excerpt=passage.name, song=song, listener=listener)
        return Path(self.design.folder) / expand(Path(filled))

    def _key(self, listener: str, passage: Passage) -> str:
        """Name a group by everything that its sounds hang on."""
        files: list[Path] = self._song(passage).files() if passage.song else []
        facts: list[Any] = [
            _VERSION,
            self.design.loudness,
            self.design.fade,
            self.design.kind.name,
            self.design.anchors,
        ]
        facts += [passage.name, passage.song, str(passage.at), listener, _audiograms(self.listeners[listener])]
        for one in self.design.conditions:
            if one.file:
                files.append(self._path(one, passage, listener))
                facts.append([one.name, one.file, one.cut])
            elif model := self._follower(one):
                facts.append([one.name, one.system, model.fingerprint(self.settings), passage.query])
            else:
                mix = self._mix(one, self._song(passage), listener).as_mixer()
                identity = {} if one.system == "original" else dict(get_system(one.system, self.settings).identity())
                facts.append([one.name, one.system, identity, mix])
        facts.append([[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files])
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _said(line: int, work: Any) -> Iterable[str]:
    try:
        work()
    except CadenzaError as error:
        return [f"line {line}: {error}"]
    return []


def _of_one_length(excerpt: str, sounds: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Cut sounds that differ by a few samples to the shortest; refuse others."""
    lengths = {name: samples.shape[1] for name, samples in sounds.items()}
    short, long = min(lengths.values()), max(lengths.values())
    if long - short > _SLACK * RATE:
        said = ", ".join(f"{name} {length / RATE:.2f} s" for name, length in lengths.items())
        raise CadenzaError(f"The sounds of the excerpt {excerpt} differ in length: {said}. They must be of one length.")
    if short < _SHORTEST_S * RATE:
        raise CadenzaError(f"The excerpt {excerpt} lasts {short / RATE:.2f} s; {_SHORTEST_S:g} s are the least.")
    notes = (f"{excerpt}: cut by up to {long - short} samples, to the shortest sound",) if long > short else ()
    return {name: samples[:, :short] for name, samples in sounds.items()}, notes


def _preset(presets: Presets, condition: Condition, song: str, listener: str) -> MixSettings:
    """Give the preset of that name: of this song and listener, or the only one of that name."""
    own = next((one for one in presets.all(song, listener) if one.name == condition.preset), None)
    if own:
        return own.settings
    everywhere = presets.named(condition.preset)
    different = {json.dumps(one.settings.as_mixer(), sort_keys=True): one.settings for one in everywhere}
    if len(different) == 1:
        return everywhere[0].settings
    where = f"line {condition.line}, {condition.name}"
    if not everywhere:
        raise CadenzaError(
            f"{where}: no preset is named {condition.preset!r}. Save a mix under that name in the studio."
        )
    raise CadenzaError(
        f"{where}: {len(everywhere)} presets named {condition.preset!r} differ, and none is of {song} for "
        f"{listener or 'no listener'}. Save one for it, or write the gains out."
    )


def _audiograms(listener: Listener | None) -> list[Any]:
    ears = [ear_of(listener, ear) for ear in EARS] if listener else []
    return [[ear.frequencies.tolist(), ear.levels.tolist()] for ear in ears]
