"""MUSDB18 trees: where the folders ``train`` and ``test`` lie, and what the Cadenza metadata beside them says.

The challenge's own tree is ``<root>/audio/musdb18hq/{train,test}/<song>/``, with the metadata in ``<root>/metadata/`` or
``<root>/metadata/musdb18hq/``; ``<root>`` is ``cadenza_data/task1`` or ``cad1/task1``.
"""

import re
import unicodedata
from pathlib import Path
from typing import Any

from ..errors import CadenzaError
from ..files import parse_json

__all__ = [
    "SPLITS",
    "listener_lists",
    "metadata_folders",
    "plain",
    "printable",
    "read_song_list",
    "song_facts",
    "tree_below",
    "tree_of",
]

#: The folders of a tree. The songs for validation lie in ``train``; only the metadata tells them.
SPLITS = ("train", "test")
_ABOVE = ("", "musdb18hq", "audio/musdb18hq", "task1/audio/musdb18hq")
_LISTS = ("train", "test", "valid")
_FORM = (
    'A song list holds [{"Track Name": "...", "Genre": "...", "Source": "...", "License": "...", "Split": "..."}, ...]'
)


def printable(text: str) -> str:
    """Replace what stands for the bytes of a path that are not UTF-8, which no page or terminal takes, by U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


def plain(name: str) -> str:
    """Give a name as people type it: printable, and composed Unicode (NFC) where a disk has it decomposed."""
    return unicodedata.normalize("NFC", printable(name))


def tree_below(place: Path) -> Path | None:
    """Give the tree that `place` is or holds: the folder that holds ``train`` or ``test``."""
    for below in _ABOVE:
        if any((place / below / split).is_dir() for split in SPLITS):
            return place / below
    return None


def tree_of(place: Path) -> Path | None:
    """Give the tree that `place` is, holds, or is a split or a song of."""
    for split in (place, place.parent):
        if split.name in SPLITS:
            return split.parent
    return tree_below(place)


def song_facts(tree: Path) -> dict[str, dict[str, str]]:
    """Read the song lists beside a tree, by plain name; `valid` wins over `train`, of which it is a part on disk.

    Raises
    ------
    CadenzaError
        If a list is not JSON of the form above.
    """
    facts = {}
    for folder in metadata_folders(tree):
        for part in _LISTS:
            path = folder / f"musdb18.{part}.json"
            if path.is_file():
                facts.update({plain(entry["Track Name"]): entry for entry in read_song_list(path)})
    return facts


def listener_lists(tree: Path) -> list[Path]:
    """Give the listener files beside a tree: train, validation, evaluation."""
    files = (
        folder / f"listeners.{part}.json" for folder in metadata_folders(tree) for part in ("train", "valid", "test")
    )
    return [file for file in files if file.is_file()]


def metadata_folders(tree: Path) -> list[Path]:
    """Give the folders in which Cadenza's metadata of a tree may lie."""
    root = tree.parent.parent if tree.parent.name == "audio" else tree.parent
    return [root / "metadata", root / "metadata" / "musdb18hq"]


def read_song_list(path: Path) -> list[dict[str, str]]:
    """Read one song list: ``Track Name`` of each song, and what else of it is text.

    Raises
    ------
    CadenzaError
        If it cannot be read or is not of the form above.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CadenzaError(f"{path} cannot be read: {error.strerror or error}. A song list is wanted.") from error
    except ValueError as error:
        raise CadenzaError(f"{path} is not a JSON text file in UTF-8 ({error}). {_FORM}.") from error
    if not isinstance(content, list) or not all(_is_entry(entry) for entry in content):
        raise CadenzaError(f"{path} is not a song list. {_FORM}.")
    return [{key: value for key, value in entry.items() if isinstance(value, str)} for entry in content]


def _is_entry(entry: Any) -> bool:
    texts = ("Genre", "Source", "License", "Split")
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("Track Name"), str)
        and all(entry.get(key) is None or isinstance(entry[key], str) for key in texts)
    )
