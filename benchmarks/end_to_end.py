"""Export and score two songs for two listeners with the systems that need no weights, and say what the best possible is.

*Best possible* for a song and listener is the mean HAAQI of the true stems after the recipe's own amplification, in full
precision: what `reference` would score if nothing were quantised to 16 bit. It is not 1, because HAAQI compares with a
NAL-R filter of its own (141 taps at 24 kHz), and the recipe's (221 taps at 44.1 kHz) differs from it.
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks import SHARED_DATA, header, table
from cadenza_core.audio import RATE, resample
from cadenza_core.catalog import Song, demo_song, read_listeners, songs_in, standard_listeners
from cadenza_core.hearing import process_stems
from cadenza_core.quality import score_stems, stem_sdr
from cadenza_core.quality.scores import HAAQI_RATE
from cadenza_core.remix import ear_stems
from cadenza_core.separation import separate
from cadenza_core.settings import Settings
from cadenza_core.submission import export_pair, score_pair, validate

SYSTEMS = ("reference", "ideal-mask", "preview")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=4, help="how many of the four pairs to do")
    pairs = parser.parse_args().pairs
    bar = "reference within 0.02 of the best possible; SDR: ideal-mask > 8 dB, preview mean > 1 dB, each > -2 dB"
    header("End to end: export, validate and score", bar, ("pyclarity", "numpy"))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), models=Path(folder) / "models")
        songs, listeners = _songs(settings), _listeners()
        rows = []
        for song, listener in [(song, listener) for song in songs for listener in listeners][:pairs]:
            best = _best_possible(song, listener)
            for system in SYSTEMS:
                rows.append(_row(song, listener, system, settings, best))
                print(f"  {song.name}, {listener.id}, {system}: {rows[-1][6]}", flush=True)
    columns = (
        "song",
        "listener",
        "system",
        "SDR vocals",
        "drums",
        "bass",
        "other",
        "HAAQI",
        "best possible",
        "faults",
        "s",
    )
    print()
    table(columns, [(r[0], r[1], r[2], *r[3], r[4], r[5], r[7], r[8]) for r in rows])


def _row(song: Song, listener, system: str, settings: Settings, best: float) -> tuple:
    began = time.perf_counter()
    out = settings.home / "out" / system
    made = export_pair(song, listener, system, settings, out)
    faults = sum(f.severity == "error" for f in validate(out).faults)
    score = score_pair(song, listener, out / "enhanced_signals").score
    sdr = stem_sdr(separate(song, system, settings).stems, song.stems())
    cells = [f"{sdr[name]:.2f}" for name in ("vocals", "drums", "bass", "other")]
    seconds = f"{time.perf_counter() - began:.1f}"
    assert made.written.files
    return song.name, listener.id, system, cells, f"{score:.4f}", f"{best:.4f}", score, faults, seconds


def _best_possible(song: Song, listener) -> float:
    stems = song.stems()
    processed = process_stems(ear_stems(stems), listener, RATE)
    exact = {name: resample(signal, RATE, HAAQI_RATE) for name, signal in processed.items()}
    return score_stems(song.name, listener, exact.__getitem__, stems.__getitem__, RATE).score


def _songs(settings: Settings) -> list[Song]:
    tree = SHARED_DATA / "musdb18hq"
    return songs_in(tree) if tree.is_dir() else [demo_song(settings)]


def _listeners() -> list:
    file = SHARED_DATA / "listeners" / "cad1_L5042_L5071.json"
    return list(read_listeners(file).values()) if file.is_file() else [standard_listeners()[n] for n in ("N3", "S2")]


if __name__ == "__main__":
    main()
