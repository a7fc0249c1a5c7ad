"""Gains of the remixes of a run: fixed, from a file, from a preset of the studio, or proposed for each listener."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from clarity.utils.audiogram import Listener

from ..audio import STEMS
from ..catalog import Song
from ..errors import CadenzaError
from ..files import expand, parse_json
from ..remix import EARS, UNITY, Gains, Preset, Presets
from ..settings import Settings
from .sets import ChallengeSet, named

__all__ = ["GainsOf", "Proposed", "gains_from"]

#: Length of the excerpt of a whole song on which a proposal is sought, s, and where it begins.
_EXCERPT, _BEGIN = 30.0, 0.3


@dataclass(frozen=True)
class Proposed:
    """Gains that the studio proposes for a song and listener; found by the worker that has the song's stems.

    Parameters
    ----------
    objective : {"audibility", "preference"}
        As `cadenza propose`, with its defaults.
    """

    objective: str = "audibility"

    def gains(
        self, song: str, listener: Listener, stems: Mapping[str, np.ndarray], prescription: str
    ) -> tuple[Gains, tuple[str, ...]]:
        """Seek them.

        Parameters
        ----------
        stems : mapping of str to np.ndarray [shape=(2, n)]
            The separated stems at 44.1 kHz: the excerpt that is listened to.
        prescription : str
            Id of the listener's amplification, a linear one.

        Returns
        -------
        Gains
        tuple of str
            Why there is no proposal, if there is none; the gains are equal then.
        """
        from ..tuning import Audible, Material, Preference, propose

        aim = Preference() if self.objective == "preference" else Audible()
        try:
            return propose(aim, Material(song, listener, stems, prescription=prescription)).gains, ()
        except CadenzaError as error:  # an excerpt without voices, for one: the files are needed all the same
            return UNITY, (f"equal gains, because there is no proposal: {error}",)

    def span(self, seconds: float, heard: tuple[float, float] | None) -> tuple[float, float]:
        """Give the excerpt on which it is sought, s: what the panel hears, or 30 s of a whole song."""
        if heard is not None:
            return heard[0], min(heard[1], seconds)
        start = max(0.0, min(_BEGIN * seconds, seconds - _EXCERPT))
        return start, min(start + _EXCERPT, seconds)


#: Gives the gains of one song and listener.
GainsOf = Callable[[Song, Listener], Gains | Proposed]
_FORM = 'A gains file holds {"vocals": 3, ...} for all, or {"L5042": {"vocals": 3, ...}, ...} by listener, in dB'


def gains_from(source: str, fixed: Sequence[str], data: ChallengeSet, settings: Settings) -> GainsOf:
    """Give the gains that a user asks for.

    Parameters
    ----------
    source : str
        Empty; ``proposal`` or ``proposal:OBJECTIVE``; ``preset:NAME``; or a JSON file.
    fixed : sequence of str
        ``STEM=DB``, as :meth:`~cadenza_core.remix.Gains.parse`; only if `source` is empty.

    Raises
    ------
    CadenzaError
        If both are given, the source is unknown, or it lacks gains for a song or listener.
    """
    if source and fixed:
        raise CadenzaError("Give --gain or --gains, not both.")
    if not source:
        same = Gains.parse(fixed)
        return lambda song, listener: same
    kind, colon, name = source.partition(":")
    if kind == "proposal" and name in {"", "audibility", "preference"}:
        proposed = Proposed(name or "audibility")
        return lambda song, listener: proposed
    if colon and kind == "preset":
        return _from_presets(name, data, Presets(settings.own / "presets"))
    if source.endswith(".json"):
        return _from_file(expand(Path(source)), data)
    raise CadenzaError(f"Gains come from 'proposal', 'preset:NAME' or a .json file, not {source!r}.")


def _from_file(path: Path, data: ChallengeSet) -> GainsOf:
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise CadenzaError(f"{path} cannot be read as JSON: {error}. {_FORM}.") from error
    if not isinstance(content, dict) or not content:
        raise CadenzaError(f"{path} holds no gains. {_FORM}.")
    if set(content) <= set(STEMS):
        same = _gains(content, path)
        return lambda song, listener: same
    each = {name: _gains(entry, path) for name, entry in content.items()}
    if missing := [listener.id for listener in data.listeners if listener.id not in each]:
        raise CadenzaError(f"{path} has no gains for {len(missing)} listeners: {named(missing)}. {_FORM}.")
    return lambda song, listener: each[listener.id]


def _gains(entry: Any, path: Path) -> Gains:
    """Read ``{stem: dB}`` or ``{stem: {ear: dB}}``; null mutes."""
    if not isinstance(entry, Mapping):
        raise CadenzaError(f"{path}: {entry!r} stands where gains are wanted. {_FORM}.")
    gains: dict[tuple[str, str], float] = {}
    for stem, value in entry.items():
        by_ear = value if isinstance(value, Mapping) else dict.fromkeys(EARS, value)
        for ear, gain in by_ear.items():
            if gain is not None and (isinstance(gain, bool) or not isinstance(gain, int | float)):
                raise CadenzaError(f"{path}: the gain of {stem} is {gain!r}; a number of dB is wanted. {_FORM}.")
            gains[stem, ear] = -math.inf if gain is None else float(gain)
    return Gains(gains)


def _from_presets(name: str, data: ChallengeSet, presets: Presets) -> GainsOf:
    """Give the gains of the presets of that name: each pair's own, or the one for all where only one was ever saved."""
    found: dict[tuple[str, str], Preset] = {}
    for song, listener in data.pairs:
        for preset in presets.all(song.id, listener.id):
            if preset.name == name:
                found.setdefault((song.id, listener.id), preset)
    if len(found) == len(data.pairs):
        return lambda song, listener: found[song.id, listener.id].settings.gains
    everywhere = presets.named(name)
    gains = {preset.settings.gains for preset in everywhere}
    if len(gains) == 1:
        same = gains.pop()
        return lambda song, listener: same
    if not everywhere:
        raise CadenzaError(f"No preset is named {name!r}. Save a mix under that name in the studio, or give --gain.")
    raise CadenzaError(
        f"{len(everywhere)} presets named {name!r} have different gains, and only {len(found)} of {len(data.pairs)} pairs "
        "have one of their own. Save one for each pair, or give one of them another name."
    )
