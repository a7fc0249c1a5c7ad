"""A MUSDB18-HQ tree with Cadenza's metadata, and a demo song that needs no rendering."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cadenza_core.settings import Settings

METADATA = {
    "train": [
        {"Track Name": "Train Song", "Genre": "Rock", "Source": "MedleyDB", "License": "CC BY", "Split": "train"}
    ],
    "valid": [{"Track Name": "Valid Song", "Genre": "Pop", "Source": "DSD", "License": "Restricted", "Split": "valid"}],
    "test": [{"Track Name": "Test Song", "Genre": "Jazz", "Source": "NI", "License": None, "Split": "test"}],
}


@pytest.fixture
def metadata() -> dict[str, list[dict[str, Any]]]:
    """The song lists that `make_tree` writes."""
    return METADATA


@pytest.fixture
def demo_is_there(make_song_folder: Callable[..., Path], settings: Settings) -> None:
    """Noise in the place of the demo song, which takes seconds to make and is tested elsewhere."""
    make_song_folder(settings.home / "demo" / "v1" / "Cadenza Demo")


@pytest.fixture
def make_tree(make_song_folder: Callable[..., Path]) -> Callable[..., Path]:
    """Write three songs below ``root/audio/musdb18hq``, and their lists in ``root/<place>``; give `root`."""

    def make(root: Path, place: str = "metadata", suffix: str = ".wav") -> Path:
        for split, name in (("train", "Train Song"), ("train", "Valid Song"), ("test", "Test Song")):
            make_song_folder(root / "audio" / "musdb18hq" / split / name, suffix=suffix)
        (root / place).mkdir(parents=True)
        for part, entries in METADATA.items():
            (root / place / f"musdb18.{part}.json").write_text(json.dumps(entries), encoding="utf-8")
        return root

    return make
