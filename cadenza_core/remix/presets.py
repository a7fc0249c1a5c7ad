"""Presets: mixer settings with a name, for one song and listener, a JSON file each, written whole or not at all.

``<folder>/<digest of song and listener>/<digest of name>.json``: names of people and songs are content of the file, never
part of a path.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import CadenzaError
from ..files import atomic_file, parse_json
from .settings import MixSettings

__all__ = ["Preset", "Presets"]

_LONGEST = 80


@dataclass(frozen=True)
class Preset:
    """Settings under a name; `saved` in seconds since 1970; `description`: what they are meant for, if anybody said."""

    name: str
    settings: MixSettings
    saved: float = 0.0
    description: str = ""


class Presets:
    """The presets of all songs and listeners.

    Parameters
    ----------
    folder : Path
        Made when something is saved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self, song: str, listener: str) -> list[Preset]:
        """Give the presets of a song and listener, the last saved first; a file that cannot be read is left out."""
        place = self._place(song, listener)
        return _read(place.glob("*.json") if place.is_dir() else ())

    def named(self, name: str) -> list[Preset]:
        """Give the presets of that name of all songs and listeners, the last saved first."""
        return _read(self.folder.glob(f"*/{_digest(name)}.json") if self.folder.is_dir() else ())

    def everywhere(self) -> list[Preset]:
        """Give all presets of all songs and listeners, the last saved first."""
        return _read(self.folder.glob("*/*.json") if self.folder.is_dir() else ())

    def save(self, song: str, listener: str, name: str, settings: MixSettings, description: str = "") -> Preset:
        """Save settings under a name, with a text of any length; an older preset of that name is replaced.

        Raises
        ------
        CadenzaError
            If the name is empty or too long, or the file cannot be written.
        """
        name = " ".join(name.split())
        if not name or len(name) > _LONGEST or not name.isprintable():
            raise CadenzaError(f"A preset needs a name of 1 to {_LONGEST} printable characters.")
        preset = Preset(name, settings, time.time(), description)
        content = {"name": name, "saved": preset.saved, "song": song, "listener": listener, "description": description}
        content["settings"] = settings.as_mixer()
        with atomic_file(self._path(song, listener, name)) as temporary:
            temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return preset

    def remove(self, song: str, listener: str, name: str) -> None:
        """Delete a preset; nothing happens if there is none of that name.

        Raises
        ------
        CadenzaError
            If it cannot be deleted.
        """
        path = self._path(song, listener, name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise CadenzaError(f"{path} cannot be deleted: {error.strerror or error}.") from error

    def _place(self, song: str, listener: str) -> Path:
        return self.folder / _digest(json.dumps([song, listener]))

    def _path(self, song: str, listener: str, name: str) -> Path:
        return self._place(song, listener) / f"{_digest(name)}.json"


def _read(paths: Iterable[Path]) -> list[Preset]:
    found = []
    for path in paths:
        try:
            content = parse_json(path.read_text(encoding="utf-8"))
            settings = MixSettings.from_mixer(content["settings"])
            description = str(content.get("description", ""))
            found.append(Preset(str(content["name"]), settings, float(content["saved"]), description))
        except (OSError, ValueError, KeyError, TypeError, CadenzaError):
            continue
    return sorted(found, key=lambda preset: -preset.saved)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
