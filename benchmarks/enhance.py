"""CPU time of enhancement without separation: eight stems of a 60 s song, for one listener.

NAL-R, 24 kHz, division by the peak, 16-bit FLAC and the scale file: ours against the same steps through pyclarity's own
functions (`NALR.apply` and `clarity.utils.flac_encoder.save_flac_signal`, as recipes/cad1/task1/baseline/enhance.py calls
them). Both in one process, in turn.
"""

import tempfile
from pathlib import Path

import numpy as np
import soundfile
from clarity.enhancer.nalr import NALR
from clarity.utils.flac_encoder import save_flac_signal

from benchmarks import alternating, header, music, music_source, table
from cadenza_core.catalog import standard_listeners
from cadenza_core.hearing import process_stems
from cadenza_core.remix import ear_stems
from cadenza_core.submission.write import _write_stem

SECONDS, REPEATS = 60, 5
RATE, STEM_RATE, NFIR = 44100, 24000, 220


def main() -> None:
    header(
        f"Enhancement without separation: 8 stems, {SECONDS} s, one listener",
        "at most half of pyclarity's CPU time",
        ("numpy", "scipy", "soxr", "soundfile", "pyclarity", "pyflac"),
    )
    stems = ear_stems(music(SECONDS))
    listener = standard_listeners()["N3"]
    ears = {"left": listener.audiogram_left, "right": listener.audiogram_right}
    with tempfile.TemporaryDirectory() as name:
        folders = {who: Path(name, who) for who in ("ours", "pyclarity")}
        for folder in folders.values():
            folder.mkdir()

        def ours() -> None:
            for stem, signal in process_stems(stems, listener, RATE).items():
                _write_stem(folders["ours"] / f"{stem}.flac", signal, RATE)

        def pyclarity() -> None:
            enhancer = NALR(nfir=NFIR, sample_rate=RATE)
            processed = {}
            for stem, signal in stems.items():
                fir, _ = enhancer.build(ears[stem.split("_")[0]])
                processed[stem] = enhancer.apply(fir, signal)
            for stem, signal in processed.items():
                path = folders["pyclarity"] / f"{stem}.flac"
                save_flac_signal(signal, path, RATE, STEM_RATE, do_scale_signal=True)

        times = alternating({"ours": ours, "pyclarity": pyclarity}, REPEATS)
        rows = [[who, f"{seconds:.2f}", f"{seconds / times['pyclarity']:.3f}"] for who, seconds in times.items()]
        table(("who", "CPU s, median", "ratio"), rows)
        print(f"\nMusic: {music_source()}; {REPEATS} repetitions in turn, after one for warming up.")
        print(f"Largest difference of the files: {_difference(folders['ours'], folders['pyclarity'])}.")


def _difference(one: Path, other: Path) -> str:
    samples, scales = 0, 0.0
    for path in sorted(one.glob("*.flac")):
        mine, theirs = (soundfile.read(folder / path.name, dtype="int16")[0].astype(int) for folder in (one, other))
        samples = max(samples, int(np.abs(mine - theirs).max()))
        mine, theirs = (float((folder / f"{path.stem}.txt").read_text()) for folder in (one, other))
        scales = max(scales, abs(mine - theirs) / theirs)
    return f"{samples} of 32768 in samples, {scales:.1e} in scale factors (relative)"


if __name__ == "__main__":
    main()
