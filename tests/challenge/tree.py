"""A small MUSDB18-HQ tree with CAD1's metadata, and one of ICASSP 2024, of generated sound."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

RATE = 44100
STEMS = ("drums", "bass", "other", "vocals")
FREQUENCIES = [250, 500, 1000, 2000, 3000, 4000, 6000, 8000]
AWKWARD = ("Zoë's “Song” - No. 1", "A_b.c - d_left_bass", "Al James - Schoolboy Facination", "Actions [live] - What?")


def song_names(count: int) -> list[str]:
    return [AWKWARD[n] if n < len(AWKWARD) else f"Artist {n:02d} - Song {n:02d}" for n in range(count)]


def listeners(count: int, first: int = 5000) -> dict[str, Any]:
    """Listeners with sloping losses, another in each ear."""
    made = {}
    for number in range(count):
        left = [10 + 2 * (number % 9) + 5 * k for k in range(8)]
        right = [5 + 3 * (number % 7) + 4 * k for k in range(8)]
        name = f"L{first + number}"
        made[name] = {"name": name, "audiogram_cfs": FREQUENCIES}
        made[name] |= {"audiogram_levels_l": left, "audiogram_levels_r": right}
    return made


def stems(seconds: float, seed: int) -> dict[str, np.ndarray]:
    """Four stems, shape (n, 2), on the 16-bit grid: decaying tones and some noise, other ones in each ear."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    made = {}
    for number, name in enumerate(STEMS):
        ears = []
        for ear in range(2):
            base = 90 * (number + 1) * (1 + 0.07 * (seed % 11)) * (1 + 0.03 * ear)
            tones = sum(np.sin(2 * np.pi * base * k * time + ear) / k for k in range(1, 5))
            swing = 0.2 + np.exp(-6 * ((time * (2 + number) + 0.3 * ear) % 1.0))
            ears.append(0.05 * tones * swing + 0.004 * rng.standard_normal(len(time)))
        made[name] = np.round(np.stack(ears, axis=1) * 32768) / 32768
    return made


def write_song(folder: Path, seconds: float, seed: int, parts: Sequence[str] = ("mixture", *STEMS)) -> None:
    folder.mkdir(parents=True)
    sound = stems(seconds, seed)
    sound["mixture"] = sum(sound.values())
    for part in parts:
        soundfile.write(folder / f"{part}.wav", sound[part], RATE, subtype="PCM_16")


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def entry(name: str, split: str) -> dict[str, str]:
    return {"Track Name": name, "Genre": "Pop", "Source": "generated", "License": "CC0", "Split": split}


def make_tree(root: Path, songs: int = 2, people: int = 2, seconds: float = 1.0) -> Path:
    """Make a tree: `songs` songs for train and valid, as many for test, each for `people` listeners."""
    metadata = root / "metadata" / "musdb18hq"
    names = {"train": song_names(songs), "test": [f"Test {name}" for name in song_names(songs)]}
    for split, some in names.items():
        for number, name in enumerate(some):
            write_song(root / "audio" / "musdb18hq" / split / name, seconds, number + 100 * (split == "test"))
    for part, split in (("train", "train"), ("valid", "train"), ("test", "test")):
        write_json(metadata / f"musdb18.{part}.json", [entry(name, split) for name in names[split]])
        write_json(metadata / f"listeners.{part}.json", listeners(people))
    cuts = {}
    for name in names["test"]:
        scored, heard = (0.1 * seconds, 0.8 * seconds), (0.3 * seconds, 0.7 * seconds)
        spans = {"objective_evaluation": scored, "subjective_evaluation": heard}
        cuts[name] = {what: {"start": a, "end": b, "duration": b - a} for what, (a, b) in spans.items()}
    write_json(metadata / "musdb18.segments.test.json", cuts)
    return root


def make_scenes(root: Path, seconds: float = 1.0) -> Path:
    """Make a tree of ICASSP 2024: two songs, three scenes, two listeners each."""
    metadata = root / "metadata"
    songs = {f"{name}-hp_{number:04d}": name for number, name in enumerate(song_names(2))}
    for number, name in enumerate(songs):
        write_song(root / "audio" / "at_mic_music" / "train" / name, seconds, number)
    music = {name: {"Track Name": name, "Split": "train", "Path": f"train/{name}"} for name in songs}
    gains = {
        "gain_1": {"vocals": 6, "drums": 0, "bass": -3, "other": 0},
        "gain_2": {"vocals": 0, "drums": 3.5, "bass": 0, "other": -10},
    }
    scenes = {}
    for number, (song, gain) in enumerate(((0, "gain_1"), (0, "gain_2"), (1, "gain_1"))):
        name = list(songs)[song]
        scenes[f"scene_{10001 + number}"] = {
            "music": songs[name],
            "gain": gain,
            "head_loudspeaker_positions": name.rpartition("-")[2],
        }
    write_json(metadata / "at_mic_music.train.json", music)
    write_json(metadata / "gains.json", gains)
    write_json(metadata / "scenes.train.json", scenes)
    write_json(metadata / "listeners.train.json", listeners(3))
    heard = {"scene_10001": ["L5000", "L5001"], "scene_10002": ["L5001", "L5002"], "scene_10003": ["L5000", "L5002"]}
    write_json(metadata / "scene_listeners.train.json", heard)
    return root
