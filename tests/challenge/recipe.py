"""The challenge's own functions, from pyclarity's package `recipes`, put together as its scripts do.

Their modules import torchaudio for the separation, which is not needed here and not everywhere installed: where it is
missing, an empty module stands in while they are imported.
"""

import importlib
import json
import os
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from clarity.enhancer.compressor import Compressor
from clarity.enhancer.nalr import NALR
from clarity.utils.audiogram import Listener

RATE = 44100
NALR_SETTINGS = {"nfir": 220, "sample_rate": RATE}
COMPRESSOR = {"threshold": 0.35, "attenuation": 0.1, "attack": 50, "release": 1000, "rms_buffer_size": 0.064}


@contextmanager
def _without_torchaudio() -> Iterator[None]:
    stand_ins = {
        name: types.ModuleType(name) for name in ("torchaudio", "torchaudio.pipelines", "torchaudio.transforms")
    }
    stand_ins["torchaudio.pipelines"].HDEMUCS_HIGH_MUSDB = None  # type: ignore[attr-defined]
    stand_ins["torchaudio.transforms"].Fade = None  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def module(name: str) -> Any:
    """Import ``recipes.<name>``."""
    with _without_torchaudio():
        return importlib.import_module(f"recipes.{name}")


class Config(dict):
    """What hydra gives the recipe: entries as attributes."""

    def __getattr__(self, name: str) -> Any:
        value = self[name]
        return Config(value) if isinstance(value, dict) else value


def enhance_pair(
    folder: Path,
    song: str,
    listener: Listener,
    stems: Mapping[str, np.ndarray],
    segments: Mapping[str, Any] | None = None,
    *,
    compressor: bool = False,
    soft_clip: bool = True,
) -> None:
    """Steps 2 to 5 of enhance.py for one pair; with `segments`, as test.py. `stems`: ``left_drums``, ..., (n,), float32."""
    recipe = module("cad1.task1.baseline.enhance")
    processed = recipe.process_stems_for_listener(
        stems, NALR(**NALR_SETTINGS), Compressor(fs=RATE, **COMPRESSOR), listener, compressor
    )
    parts = {"objective_evaluation": slice(None), "subjective_evaluation": slice(None)}
    if segments is not None:
        parts = {what: slice(int(segments[what]["start"] * RATE), int(segments[what]["end"] * RATE)) for what in parts}
    target = folder / listener.id / song
    target.mkdir(parents=True, exist_ok=True)
    with np.errstate(all="ignore"):
        for name, signal in processed.items():
            path = target / f"{listener.id}_{song}_{name}.flac"
            cut = signal[parts["objective_evaluation"]]
            recipe.save_flac_signal(cut, path, RATE, 24000, do_scale_signal=True)
    remix = recipe.remix_signal(processed)[parts["subjective_evaluation"]]
    path = target / f"{listener.id}_{song}_remix.flac"
    recipe.save_flac_signal(remix, path, RATE, 32000, do_clip_signal=True, do_soft_clip=soft_clip)


def score_pair(
    music: Path, split: str, song: str, listener: Listener, enhanced: Path
) -> tuple[float, dict[str, float]]:
    """Score one pair with evaluate.py's own `_evaluate_song_listener`."""
    recipe = module("cad1.task1.baseline.evaluate")
    config = Config(
        evaluate={"set_random_seed": True}, path={"music_dir": str(music)}, stem_sample_rate=24000, sample_rate=RATE
    )
    return recipe._evaluate_song_listener(song, listener, config, split, enhanced)


def scores_csv(
    path: Path, music: Path, split: str, songs: list[str], listeners: Mapping[str, Listener], enhanced: Path
) -> None:
    """Write scores.csv as evaluate.py's `run_calculate_aq` does."""
    from clarity.utils.results_support import ResultsFile

    recipe = module("cad1.task1.baseline.evaluate")
    stems = [f"{ear}_{stem}" for stem in ("bass", "drums", "other", "vocals") for ear in ("left", "right")]
    results = ResultsFile(file_name=path, header_columns=["song", "listener", "score", *stems])
    for song, name in recipe.make_song_listener_list(songs, listeners):
        score, each = score_pair(music, split, song, listeners[name], enhanced)
        results.add_result({"song": song, "listener": listeners[name].id, "score": score, **each})


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in another folder, as hydra does."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def evaluate_scenes(root: Path, work: Path) -> Path:
    """Run ICASSP 2024's evaluate.py as it is on ``work/enhanced_signals``; give its table."""
    recipe = module("cad_icassp_2024.baseline.evaluate")
    metadata = root / "metadata"
    config = Config(
        path={
            "music_dir": str(root / "audio" / "at_mic_music"),
            "gains_file": str(metadata / "gains.json"),
            "scenes_file": str(metadata / "scenes.train.json"),
            "scene_listeners_file": str(metadata / "scene_listeners.train.json"),
            "listeners_file": str(metadata / "listeners.train.json"),
            "music_file": str(metadata / "at_mic_music.train.json"),
        },
        nalr=NALR_SETTINGS,
        evaluate={"set_random_seed": True, "small_test": False, "batch_size": 1, "batch": 0},
        sample_rate=RATE,
        remix_sample_rate=32000,
        HAAQI_sample_rate=24000,
    )
    with inside(work):
        recipe.run_calculate_aq.__wrapped__(config)
    return work / "scores.csv"


def enhance_scene(
    path: Path,
    stems: Mapping[str, np.ndarray],
    mixture: np.ndarray,
    gains: Mapping[str, float],
    listener: Listener,
    *,
    soft_clip: bool = False,
) -> None:
    """Write one remix as ICASSP 2024's enhance.py. `stems`: (n, 2) float32; `mixture`: (n, 2) float64."""
    recipe = module("cad_icassp_2024.baseline.enhance")
    raised = recipe.apply_gains(dict(stems), RATE, gains)
    remix = recipe.remix_stems(raised, mixture, RATE)
    compressor = Compressor(fs=RATE, **COMPRESSOR)
    signal = recipe.process_remix_for_listener(remix, NALR(**NALR_SETTINGS), compressor, listener, False)
    path.parent.mkdir(parents=True, exist_ok=True)
    recipe.save_flac_signal(signal, path, RATE, 32000, do_clip_signal=True, do_soft_clip=soft_clip)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
