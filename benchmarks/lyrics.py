"""Lyric intelligibility: the figures of the predictors, the offline recogniser on read speech, reading at scale.

With the CLIP1 texts and precomputed scores beside the checkout (`../shared/data/clip1`): the two baselines' fits and figures
on valid, the regression's, and its gain over the Whisper baseline on held-out songs. With `../shared/data/speech`:
PocketSphinx on four LibriVox sentences. On generated data: 50 prediction files of 10,000 lines compared, and 1,000 clips
loaded in batches.
"""

import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import SHARED_DATA, header, table
from cadenza_core.audio import read_audio, write_audio
from cadenza_core.intelligibility.clips import Clip, ClipFolder, read_metadata
from cadenza_core.intelligibility.compare import compare_files
from cadenza_core.intelligibility.figures import figures
from cadenza_core.intelligibility.models import Model
from cadenza_core.intelligibility.recognisers import to_speech
from cadenza_core.intelligibility.regression import compare_by_folds, fit_ridge, truth_of
from cadenza_core.intelligibility.run import fit_baseline
from cadenza_core.intelligibility.scores import read_scores
from cadenza_core.intelligibility.sphinx import PocketSphinx
from cadenza_core.intelligibility.words import align

RATE = 44100


def main() -> None:
    bar = (
        "valid RMSE 29.122 (Whisper), 35.986 (STOI) and at most 28.2 (regression), gain's interval above 0; PocketSphinx "
        "65 %; 50 files of 10,000 lines in 5 s; memory by the batch"
    )
    header("Lyric intelligibility", bar, ("numpy", "scipy", "pocketsphinx", "rapidfuzz"))
    if (SHARED_DATA / "clip1").is_dir():
        _predictors(SHARED_DATA / "clip1")
    if (SHARED_DATA / "speech").is_dir():
        _speech(SHARED_DATA / "speech" / "librivox")
    with tempfile.TemporaryDirectory() as folder:
        _many_files(Path(folder))
        _many_clips(Path(folder))


def _predictors(place: Path) -> None:
    clips = {split: read_metadata(place / f"{split}_metadata.json") for split in ("train", "valid")}
    scores = {
        split: read_scores([place / f"cadenza_data.{split}.{name}.jsonl" for name in ("whisper", "stoi")])
        for split in ("train", "valid")
    }
    rows = []
    for name in ("whisper.mixture", "stoi"):
        model, fit = fit_baseline(clips["train"], scores["train"], name)
        curve = f"x0 {fit.curve.midpoint:.4f}, k {fit.curve.slope:.4f}"
        rows.append(_row(f"{name} calibrated ({curve})", model, clips["valid"], scores["valid"]))
    ridge = Model(fit_ridge(clips["train"], scores["train"]))
    rows.append(_row("regression on both scores, lyric, hearing loss, song", ridge, clips["valid"], scores["valid"]))
    table(("predictor, trained on train", "valid RMSE", "±", "NCC", "tau"), rows)
    found = compare_by_folds(clips["train"], scores["train"], "whisper.mixture")
    low, high = found.interval
    print(
        f"\nHeld-out songs of train ({found.songs} songs, {found.folds} folds): regression {found.model.rmse:.3f}, Whisper "
        f"baseline {found.baseline.rmse:.3f}, gain {found.gain:.3f} ({low:.3f} to {high:.3f}, 95 %)\n"
    )


def _row(name: str, model: Model, clips: list[Clip], scores) -> tuple:
    found = figures(model.predict(clips, scores), truth_of(clips))
    return name, f"{found.rmse:.3f}", f"{found.rmse_error:.3f}", f"{found.ncc:.4f}", f"{found.kt:.4f}"


def _speech(place: Path) -> None:
    recogniser = PocketSphinx()
    hits = words = 0
    began, seconds = time.perf_counter(), 0.0
    for path in sorted(place.glob("*.wav")):
        sound = read_audio(path)
        heard = recogniser.transcribe(to_speech(sound.samples[0], sound.rate))
        found = align(path.with_suffix(".txt").read_text(encoding="utf-8"), heard.text)
        hits, words, seconds = hits + found.hits, words + found.words, seconds + sound.duration
    taken = time.perf_counter() - began
    print(
        f"PocketSphinx, read speech: {hits} of {words} words ({hits / words:.1%}); {seconds:.1f} s of sound in {taken:.1f} s\n"
    )


def _many_files(folder: Path) -> None:
    rng = np.random.default_rng(0)
    names = ("No Loss", "Mild", "Moderate")
    clips = [
        Clip(f"{n:024x}", str(n // 6), "a b", names[n % 3], None, float(rng.integers(0, 9)) / 8) for n in range(10000)
    ]
    paths = []
    for number in range(50):
        scores = rng.uniform(0, 100, len(clips))
        lines = [f"{clip.signal},{score:.6f}" for clip, score in zip(clips, scores, strict=True)]
        paths.append(folder / f"{number:02d}.csv")
        paths[-1].write_text("\n".join(["signal_id,intelligibility_score", *lines]) + "\n", encoding="ascii")
    times = []
    for _ in range(3):
        began = time.perf_counter()
        done = compare_files(clips, paths)
        times.append(time.perf_counter() - began)
    assert len(done.rows) == 50
    print(f"50 prediction files of 10,000 lines read and compared: {min(times):.2f} s (the fastest of 3)\n")


def _many_clips(folder: Path) -> None:
    from cadenza_core.intelligibility.loader import clip_loader  # PyTorch: not before the others are measured

    sound = (0.1 * np.random.default_rng(0).standard_normal((2, 5 * RATE))).astype(np.float32)
    data = folder / "cadenza_data" / "valid"
    write_audio(data / "signals" / "0.flac", sound, RATE)
    for number in range(1, 1000):
        (data / "signals" / f"{number}.flac").hardlink_to(data / "signals" / "0.flac")
    clips = tuple(Clip(str(number), "s", "a", "Mild") for number in range(1000))
    split = ClipFolder(folder, "valid", data, clips)
    next(iter(clip_loader(split, 8)))
    before = _memory()
    began, seen = time.perf_counter(), 0
    for batch in clip_loader(split, 8):
        seen += len(batch["metadata"])
    batch_mb = 8 * sound.nbytes / 1e6
    print(
        f"{seen} clips of 5 s in batches of 8: {time.perf_counter() - began:.1f} s; peak memory grew by "
        f"{_memory() - before:.0f} MB (a batch is {batch_mb:.0f} MB, all clips {seen / 8 * batch_mb:.0f} MB)"
    )


def _memory() -> float:
    """Give this process's largest memory so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
