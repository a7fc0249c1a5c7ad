"""A CLIP1 data set of noise, as the archives unpack to it or as the baseline's code expects it."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

RATE = 44100
SEVERITIES = ("No Loss", "Mild", "Moderate")


def records(number: int, seed: int = 0) -> list[dict[str, Any]]:
    """Records of `number` clips: lines in three renderings, two lines a song, answers drawn at random."""
    rng = np.random.default_rng(seed)
    words = [
        "love",
        "me",
        "tender",
        "hold",
        "on",
        "to",
        "the",
        "night",
        "and",
        "never",
        "let",
        "go",
        "of",
        "summer",
        "rain",
    ]
    made = []
    for index in range(number):
        line = np.random.default_rng((seed, index // 3))
        prompt = " ".join(line.choice(words, int(line.integers(4, 9))))
        total = len(prompt.split())
        right = int(rng.integers(0, total + 1))
        made.append(
            {
                "signal": f"{seed:04x}{index:020x}",
                "fma": f"{seed}{index // 6:05d}",
                "original_prompt": prompt,
                "prompt": prompt,
                "original_response": " ".join(prompt.split()[:right]) or "#",
                "response": " ".join(prompt.split()[:right]),
                "n_words": total,
                "words_correct": right,
                "correctness": round(right / total, 10),
                "hearing_loss": SEVERITIES[index % 3],
            }
        )
    return made


@pytest.fixture(scope="session")
def make_clips() -> Callable[..., Path]:
    """Write a data set and give its folder ``cadenza_data``."""

    def make(
        parent: Path,
        splits: Sequence[str] = ("valid",),
        *,
        clips: int = 6,
        samples: int = 6000,
        layout: str = "{root}/{split}",
        one_file: bool = False,
    ) -> Path:
        root = parent / "cadenza_data"
        (root / "metadata").mkdir(parents=True)
        for number, split in enumerate(splits):
            listed = records(clips, number + 1)
            (root / "metadata" / f"{split}_metadata.json").write_text(json.dumps(listed), encoding="utf-8")
            folder = Path(layout.format(root=root, split=split))
            for kind in ("signals", "unprocessed"):
                (folder / kind).mkdir(parents=True)
            for index, record in enumerate(listed):
                heard = folder / "signals" / f"{record['signal']}.flac"
                clean = folder / "unprocessed" / f"{record['signal']}_unproc.flac"
                if one_file and index:  # a thousand names of one sound
                    os.link(folder / "signals" / f"{listed[0]['signal']}.flac", heard)
                    os.link(folder / "unprocessed" / f"{listed[0]['signal']}_unproc.flac", clean)
                    continue
                rng = np.random.default_rng((number, index))
                sound = 0.1 * rng.standard_normal((samples + 40 * index, 2))
                soundfile.write(clean, sound, RATE, subtype="PCM_16")
                soundfile.write(heard, 0.5 * sound[: samples + 30 * index], RATE, subtype="PCM_16")
        return root

    return make
