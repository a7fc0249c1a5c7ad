"""Lanes of what was extracted by description, beside the stems or beside one lane of the rest.

Beside the stems, each stem is what it was less its share of what was extracted: with all lanes at 0 dB the mix sounds
as before. Beside the rest, the rest is the mixture less what was extracted: at 0 dB the mix is the mixture. Muting an
extracted lane gives what is left without it either way. What two requests both claim is taken out twice, which is said.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from ..audio import RATE
from ..catalog import Excerpt, Song
from ..files import atomic_file, parse_json
from ..progress import Progress, part, silent
from ..separation import Separation, separate
from ..separation.lass.models import LassModel
from ..separation.lass.prompt import Prompt
from ..separation.lass.stored import TARGET, StoredExtraction, find_extraction, stored_extraction
from ..settings import Settings
from .library import Playable, fitted_stems, playable, playback_sounds, sums_to
from .sounds import Sounds, SoundSet, sound_id

__all__ = ["REST", "Extracted", "Wish", "extracted_lanes", "extracted_playable", "find_extracted", "wish_key"]

#: Name of the lane that holds what is left.
REST = "x_rest"
#: Share of the weaker one's energy above which two extracted sounds count as the same.
_SAME = 0.3


@dataclass(frozen=True)
class Wish:
    """What shall be extracted.

    Parameters
    ----------
    model : LassModel
    prompts : tuple of Prompt
    one_rest : bool
        Whether what is left is one lane; else it is the stems, each less its share.
    """

    model: LassModel
    prompts: tuple[Prompt, ...]
    one_rest: bool = False

    @property
    def labels(self) -> dict[str, str]:
        """What the lanes are called."""
        return {REST: "The rest", **{prompt.lane: prompt.title for prompt in self.prompts}}


@dataclass(frozen=True)
class Extracted:
    """What a wish gave: the sounds to play, and each request's result.

    Parameters
    ----------
    playable : Playable
    results : tuple of StoredExtraction
        In the order of the prompts.
    """

    playable: Playable
    results: tuple[StoredExtraction, ...]

    @property
    def sound_sets(self) -> tuple[SoundSet, ...]:
        """The sets of sounds that are played."""
        return self.playable.sound_sets


def wish_key(song: Song, system_id: str, settings: Settings, excerpt: Excerpt, wish: Wish) -> str:
    """Give a name of the request, the same for all who ask for the same.

    Raises
    ------
    CadenzaError
        If the model's checkpoint is not there.
    """
    facts = [song.id, str(excerpt), system_id, wish.model.fingerprint(settings), wish.one_rest]
    return f"extract-{sound_id(json.dumps([*facts, *(prompt.facts for prompt in wish.prompts)]))}"


def extracted_lanes(
    song: Song, system_id: str, settings: Settings, excerpt: Excerpt, wish: Wish, *, progress: Progress = silent
) -> tuple[dict[str, np.ndarray], tuple[StoredExtraction, ...], tuple[str, ...]]:
    """Give the lanes of a wish, (2, n) each at 44.1 kHz, the results they were made of, and what the user should know.

    Raises
    ------
    CadenzaError
        As `separate` and `stored_extraction`.
    """
    separation = separate(song, system_id, settings, excerpt, progress=part(progress, 0.0, 0.1))
    results = _results(song, separation, settings, wish, part(progress, 0.1, 0.95))
    progress(0.95, "mixing the lanes")
    mixture = song.mixture(excerpt).samples
    lanes, notes = _compose(separation, mixture, results, wish)
    return lanes, results, notes


def _results(
    song: Song, separation: Separation, settings: Settings, wish: Wish, progress: Progress
) -> tuple[StoredExtraction, ...]:
    def stems() -> Mapping[str, np.ndarray]:
        return fitted_stems(separation, song.mixture(separation.excerpt).samples.shape[1])

    results = []
    for number, prompt in enumerate(wish.prompts):
        show = _named(part(progress, number / len(wish.prompts), (number + 1) / len(wish.prompts)), prompt.query[:40])
        place = (song, wish.model, prompt, settings, separation.excerpt)
        results.append(stored_extraction(*place, stems=stems, stems_key=separation.key, progress=show))
    return tuple(results)


def _named(progress: Progress, name: str) -> Progress:
    return lambda done, text: progress(done, f"{name}: {text}")


def _compose(
    separation: Separation, mixture: np.ndarray, results: Sequence[StoredExtraction], wish: Wish
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    sounds = [result.sounds() for result in results]
    targets = {prompt.lane: each[TARGET] for prompt, each in zip(wish.prompts, sounds, strict=True)}
    if wish.one_rest:
        rest = mixture - np.sum(list(targets.values()), axis=0, dtype=np.float32)
        lanes = {**targets, REST: rest}
    else:
        stems = fitted_stems(separation, mixture.shape[1])
        lanes = {name: stem - np.sum([each[name] for each in sounds], axis=0) for name, stem in stems.items()} | targets
    titles = {prompt.lane: prompt.query for prompt in wish.prompts}
    notes = dict.fromkeys(note for result in results for note in result.notes)
    return lanes, (*notes, *_overlaps(targets, titles))


def _overlaps(targets: Mapping[str, np.ndarray], titles: Mapping[str, str]) -> list[str]:
    """Name pairs of requests that claim the same sound."""
    notes = []
    energies = {name: float(np.sum(np.square(sound, dtype=np.float64))) for name, sound in targets.items()}
    for one, other in combinations(targets, 2):
        weaker = min(energies[one], energies[other])
        common = float(np.sum(targets[one].astype(np.float64) * targets[other]))
        if weaker > 0 and common > _SAME * weaker:
            notes.append(
                f"“{titles[one]}” and “{titles[other]}” hold much of the same sound; it is taken out of the rest twice. "
                "Remove one of them, or mute one to hear the other with its rest"
            )
    return notes


def extracted_playable(
    song: Song, system_id: str, settings: Settings, excerpt: Excerpt, wish: Wish, *, progress: Progress = silent
) -> Extracted:
    """Extract (or take from the cache) and make the sounds of all lanes.

    Raises
    ------
    CadenzaError
        As :func:`extracted_lanes`; if sounds cannot be written.
    """
    base = playable(song, system_id, settings, excerpt, progress=part(progress, 0.0, 0.1))
    lanes, results, notes = extracted_lanes(
        song, system_id, settings, excerpt, wish, progress=part(progress, 0.1, 0.85)
    )
    sounds = playback_sounds(settings)
    sounds.put(_sounds_id(results, wish), lanes, RATE, part(progress, 0.85, 0.97))
    mixture = song.mixture(excerpt).samples
    original = base.original
    if original is None and not sums_to(lanes, mixture):
        original = sounds.put(sound_id(base.separation, "mixture"), {"mixture": mixture}, RATE)
    content = {"notes": notes, "original": original and original.id}
    with atomic_file(_memo(sounds, results, wish)) as temporary:
        temporary.write_text(json.dumps(content), encoding="utf-8")
    progress(1.0, "ready to play")
    found = _recall(sounds, base, results, wish)
    assert found is not None
    return found


def find_extracted(
    song: Song, system_id: str, settings: Settings, excerpt: Excerpt, wish: Wish, base: Playable
) -> Extracted | None:
    """Give what :func:`extracted_playable` has made before; None if something of it is missing.

    Raises
    ------
    CadenzaError
        If the model's checkpoint or the song is not there.
    """
    results = []
    for prompt in wish.prompts:
        found = find_extraction(song, wish.model, prompt, settings, excerpt, base.separation)
        if found is None:
            return None
        results.append(found)
    return _recall(playback_sounds(settings), base, tuple(results), wish)


def _sounds_id(results: Sequence[StoredExtraction], wish: Wish) -> str:
    return sound_id("extracted", str(wish.one_rest), *(result.entry.key for result in results))


def _memo(sounds: Sounds, results: Sequence[StoredExtraction], wish: Wish) -> Any:
    return sounds.folder / "requests" / f"{_sounds_id(results, wish)}.json"


def _recall(sounds: Sounds, base: Playable, results: tuple[StoredExtraction, ...], wish: Wish) -> Extracted | None:
    try:
        content = parse_json(_memo(sounds, results, wish).read_text(encoding="utf-8"))
        stems, original = sounds.get(_sounds_id(results, wish)), content["original"] and sounds.get(content["original"])
        notes = tuple(map(str, content["notes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if stems is None or (content["original"] and original is None):
        return None
    truth = None if wish.one_rest else base.truth
    together = replace(
        base, stems=stems, original=original or None, truth=truth, notes=(*base.notes, *notes), labels=wish.labels
    )
    return Extracted(together, results)
