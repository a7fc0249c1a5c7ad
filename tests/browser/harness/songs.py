"""Songs for the browser tests: FLAC files, peaks, and the data that the mixer is given for them."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

RATE = 44100
STEMS = ("vocals", "drums", "bass", "other")


def peaks(samples: np.ndarray, bins: int = 2048) -> bytes:
    """Give int8 pairs min, max of samples of shape (2, n), as the mixer's contract says."""
    edges = np.arange(bins) * samples.shape[1] // bins
    low = np.minimum(np.minimum.reduceat(samples, edges, axis=1).min(axis=0), 0.0)
    high = np.maximum(np.maximum.reduceat(samples, edges, axis=1).max(axis=0), 0.0)
    pairs = np.stack([np.floor(127 * low), np.ceil(127 * high)], axis=1)
    return np.clip(pairs, -128, 127).astype(np.int8).tobytes()


def write_song(
    folder: Path, name: str, stems: Mapping[str, np.ndarray], *, reference: bool = False, **settings: Any
) -> dict[str, Any]:
    """Write stems of shape (2, n) under `folder`/`name`, and give the mixer's data for them."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    mixture = np.sum(list(stems.values()), axis=0)
    for stem, samples in {**stems, "mixture": mixture}.items():
        soundfile.write(place / f"{stem}.flac", samples.T, RATE, subtype="PCM_16")
        (place / f"{stem}.peaks").write_bytes(peaks(samples))
    lane = {"left": 0.0, "right": 0.0, "linked": True, "mute": False, "solo": False}
    url = f"/audio/{name}"
    data: dict[str, Any] = {
        "song": {"id": name, "title": name.title()},
        "rate": RATE,
        "frames": int(mixture.shape[1]),
        "offset_s": 0.0,
        "lanes": [
            {"name": s, "label": s.title(), "url": f"{url}/{s}.flac", "peaks_url": f"{url}/{s}.peaks"} for s in stems
        ],
        "original_url": f"{url}/mixture.flac",
        "reference": [{"name": stem, "url": f"{url}/{stem}.flac"} for stem in stems] if reference else None,
        "fir": None,
        "listener_label": "",
        "gains": {stem: dict(lane) for stem in stems},
        "master_db": 0.0,
        "limiter": False,
        "hear": "remix",
        "match_loudness": False,
        "revision": 0,
    }
    return {**data, **settings}


def decoded(rows: Sequence[str]) -> np.ndarray:
    """Give what the page has sent, a row of base64 an ear [shape=(2, n), dtype=float64]."""
    return np.stack([np.frombuffer(base64.b64decode(row), dtype="<f4") for row in rows]).astype(np.float64)


def quantised(samples: np.ndarray) -> np.ndarray:
    """Give samples as they come out of a 16-bit file."""
    return (np.round(samples * 32768) / 32768).astype(np.float32)


def clicks(seconds: float = 4.0, every: int = 11025) -> dict[str, np.ndarray]:
    """Give four stems that click on the same samples, and are silent otherwise."""
    track = np.zeros((2, round(seconds * RATE)), dtype=np.float32)
    track[:, 1000::every] = 0.125
    return {stem: track.copy() for stem in STEMS}


def constant(seconds: float = 20.0, level: float = 0.0625) -> dict[str, np.ndarray]:
    """Give four stems of one constant value each: any change of gain shows at once."""
    return {stem: np.full((2, round(seconds * RATE)), level, dtype=np.float32) for stem in STEMS}


def tone(seconds: float = 20.0, period: int = 32, level: float = 0.125) -> dict[str, np.ndarray]:
    """Give four stems, one of them a tone of so many samples, the others silent: its amplitude shows any change of gain."""
    wave = level * np.sin(2 * np.pi * np.arange(round(seconds * RATE)) / period)
    silence = np.zeros((2, wave.size), dtype=np.float32)
    return {stem: quantised(np.stack([wave, wave])) if stem == STEMS[0] else silence for stem in STEMS}


def music(seconds: float = 6.0, seed: int = 3) -> dict[str, np.ndarray]:
    """Give four stems of tones and noise, different in each ear, that swell and rest."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    stems = {}
    for number, stem in enumerate(STEMS):
        tone = np.sin(2 * np.pi * 110 * 2**number * time)
        swell = np.abs(np.sin(2 * np.pi * (0.3 + 0.21 * number) * time)) ** (1 + number)
        noise = rng.normal(size=(2, len(time)))
        samples = swell * np.stack([0.12 * tone + 0.02 * noise[0], 0.07 * tone + 0.04 * noise[1]])
        stems[stem] = quantised(np.clip(samples, -0.24, 0.24))
    return stems
