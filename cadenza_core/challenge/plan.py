"""A run as data: what there is to do, song by song, and what its results are made of."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from clarity.utils.audiogram import Listener

from .. import __version__
from ..errors import CadenzaError
from ..separation import Separator, get_system
from ..settings import Settings
from .folder import RunFolder
from .tasks import Task

__all__ = ["Group", "Plan", "Unit", "agree", "ear_facts", "results_folder", "songs_at_once", "usable_system"]

#: Is there where NVIDIA's driver is loaded.
_NVIDIA = Path("/proc/driver/nvidia/version")

Key = tuple[str, str]


@dataclass(frozen=True)
class Unit:
    """One song (or scene) and listener: what the journal counts."""

    key: Key
    task: Task


@dataclass(frozen=True)
class Group:
    """What belongs to one song.

    Parameters
    ----------
    song : str
    seconds : float
        Length of what each unit works on: its share of the progress.
    prepare : Task or None
        Is done once, before the units.
    units : tuple of Unit
    """

    song: str
    seconds: float
    prepare: Task | None
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class Plan:
    """Everything that one run does.

    Parameters
    ----------
    kind : {"enhance", "evaluate"}
    folder : RunFolder
        Of plan and journal.
    facts : mapping
        What all results depend on. A folder holds results of the same facts only.
    each : mapping of str to mapping
        What some results depend on, by a name: audiograms by listener, segments by song. What two runs in one folder both
        name must agree.
    groups : tuple of Group
        In the order of the results.
    found : function of a key
        Whether its result is there and whole although the journal does not know it: the run was killed in between.
    is_stale : function of a key and the journal's event
        Whether what the result was made from has changed since, or the result is gone.
    place : function of a key
        The folder that its files are written to.
    preparing : int
        How many songs are prepared at once; 0: as many as there are workers.
    about : mapping
        For people: where the data and the results are.
    files, pcm : int, float
        How many files there will be, and how many bytes their samples have before FLAC packs them.
    """

    kind: Literal["enhance", "evaluate"]
    folder: RunFolder
    facts: Mapping[str, Any]
    each: Mapping[str, Mapping[str, Any]]
    groups: tuple[Group, ...] = field(repr=False)
    found: Callable[[Key], bool] = field(default=lambda _: False, repr=False)
    is_stale: Callable[[Key, Mapping[str, Any]], bool] = field(default=lambda *_: False, repr=False)
    place: Callable[[Key], Path | None] = field(default=lambda _: None, repr=False)
    preparing: int = 0
    about: Mapping[str, Any] = field(default_factory=dict)
    files: int = 1
    pcm: float = 0.0

    @property
    def units(self) -> Iterator[Unit]:
        """All units, in order."""
        return (unit for group in self.groups for unit in group.units)

    @property
    def keys(self) -> list[Key]:
        """Their keys."""
        return [unit.key for unit in self.units]

    def content(self, each: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Give what ``plan.json`` says."""
        groups = [{"song": g.song, "seconds": g.seconds, "keys": [list(u.key) for u in g.units]} for g in self.groups]
        about = {"cadenza_studio": __version__, **self.about}
        return {"kind": self.kind, "facts": dict(self.facts), "each": dict(each), "about": about, "groups": groups}


def agree(plan: Plan, stored: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Check that a plan goes on with what a folder holds; give `each` of both together.

    Raises
    ------
    CadenzaError
        If it does not: results of different origin would be mixed.
    """
    place = plan.folder.path
    advice = f"Choose another folder, or delete {place} together with its results to start anew."
    before = stored["facts"]
    now = json.loads(json.dumps(dict(plan.facts)))
    for name in sorted({*now, *before}):
        if now.get(name) != before.get(name):
            raise CadenzaError(
                f"{place.parent} holds results made with another {name.replace('_', ' ')}: {_short(before.get(name))} then, "
                f"{_short(now.get(name))} now. {advice}"
            )
    together: dict[str, dict[str, Any]] = {what: dict(known) for what, known in stored["each"].items()}
    for what, entries in json.loads(json.dumps({what: dict(known) for what, known in plan.each.items()})).items():
        known = together.setdefault(what, {})
        for name, value in entries.items():
            if name in known and known[name] != value:
                raise CadenzaError(f"{place.parent} holds results of {name!r} with other {what}. {advice}")
            known[name] = value
    return together


def ear_facts(listener: Listener) -> str:
    """Give a digest of a listener's audiograms."""
    ears = (listener.audiogram_left, listener.audiogram_right)
    numbers = [array.tolist() for ear in ears for array in (ear.frequencies, ear.levels)]
    return hashlib.sha256(json.dumps(numbers).encode()).hexdigest()[:16]


def usable_system(system_id: str, settings: Settings) -> Separator:
    """Give a separation system that can be used here.

    Raises
    ------
    CadenzaError
        If it is unknown, or cannot be.
    """
    system = get_system(system_id, settings)
    if reason := system.unavailable_reason():
        raise CadenzaError(f"The system {system_id!r} cannot be used: {reason}")
    return system


def results_folder(out: Path, results: Path) -> RunFolder:
    """Give the folder of a run whose files go to `results` below `out`.

    Raises
    ------
    CadenzaError
        If there are files already, and no run that made them.
    """
    folder = RunFolder(out / "challenge")
    if not folder.exists and results.is_dir() and any(results.iterdir()):
        raise CadenzaError(
            f"{results} holds files that were not made by such a run (there is no {folder.path / 'plan.json'}). Choose an "
            "empty folder."
        )
    return folder


def songs_at_once(settings: Settings) -> int:
    """Give how many songs are separated at once: one where a GPU does it, else as many as there are workers (0)."""
    gpu = settings.device not in {"auto", "cpu"} or (settings.device == "auto" and _NVIDIA.exists())
    return 1 if gpu else 0


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
