"""Language-queried separation: speed and memory of the official sizes, and what a small model learns in minutes.

``python -m benchmarks.lass`` does all; ``speed``, ``memory`` or ``train`` only that.

- speed: 10 s at 16 kHz through `separate_long`, against the same network called once with all of its blocks at once (CPU time,
  one thread, in turn). Random weights: the time does not depend on them.
- memory: 5 min at 32 kHz, peak of a process of its own.
- train: the recipe of the setup "small" (see `cadenza_core/separation/lass/training.py`), seed 1, on ESC-10's clips of folds 1
  to 3; then 200 mixtures of fold 4's clips by the official rule (seed 7): SDRi with the right query, and with that of a third
  sound. How often the estimate of presence is right is counted on the same mixtures: the query's sound is there, the third
  one is not.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import SHARED_DATA, alternating, header, table

SECONDS, MINUTES, SEED, PAIRS = 10, 5, 1, 200
BAR = "10 s: at most 1.1 of the plain call; 5 min at 32 kHz: below 2.5 GB; small model: SDRi > 2 dB, a wrong query 2 dB worse"


def main() -> None:
    header("Language-queried separation", BAR, ("numpy", "torch", "transformers"))
    wanted = sys.argv[1:] or ["speed", "memory", "train"]
    for name in wanted:
        {"speed": speed, "memory": memory, "train": train}[name]()


def speed() -> None:
    import numpy as np
    import torch

    from cadenza_core.separation.lass import network
    from cadenza_core.separation.lass.chunks import separate_long

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = network.ResUNet(network.DCASE).eval()
    sound = (0.1 * np.random.default_rng(0).standard_normal((1, SECONDS * 16000))).astype(np.float32)
    condition = torch.nn.functional.normalize(torch.randn(1, 512))
    strip = network._STRIP

    def ours() -> None:
        with torch.inference_mode():
            separate_long(model, sound, condition)

    def plain() -> None:
        network._STRIP = 1 << 30
        try:
            with torch.inference_mode():
                model(torch.from_numpy(sound)[None], condition)
        finally:
            network._STRIP = strip

    times = alternating({"ours": ours, "the network called once": plain}, repeats=3)
    base = times["the network called once"]
    table(
        (f"{SECONDS} s at 16 kHz", "CPU s, median", "ratio"),
        [[name, f"{seconds:.2f}", f"{seconds / base:.2f}"] for name, seconds in times.items()],
    )


def memory() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.lass", "--child"], check=True, capture_output=True, text=True
    )
    peak, seconds = done.stdout.split()
    table(
        (f"{MINUTES} min at 32 kHz", "peak GB", "CPU s"),
        [["ours, in chunks", f"{float(peak) / 1e9:.2f}", f"{float(seconds):.0f}"]],
    )


def child() -> None:
    import resource

    import numpy as np
    import torch

    from cadenza_core.separation.lass.chunks import separate_long
    from cadenza_core.separation.lass.network import AUDIOSEP, ResUNet

    torch.set_num_threads(1)
    model = ResUNet(AUDIOSEP).eval()
    sound = (0.1 * np.random.default_rng(0).standard_normal((1, MINUTES * 60 * 32000))).astype(np.float32)
    began = time.process_time()
    with torch.inference_mode():
        separate_long(model, sound, torch.nn.functional.normalize(torch.randn(1, 512)))
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, time.process_time() - began)


def train() -> None:
    import torch

    from cadenza_core.quality.lass_evaluation import evaluate, other_query
    from cadenza_core.separation.lass.clips import read_clips
    from cadenza_core.separation.lass.loading import load_model
    from cadenza_core.separation.lass.mixtures import pair_clips
    from cadenza_core.separation.lass.models import find_model
    from cadenza_core.separation.lass.training import SETUPS
    from cadenza_core.separation.lass.training import train as train_model
    from cadenza_core.settings import Settings

    folder = SHARED_DATA / "sounds" / "esc10"
    if not folder.is_dir():
        print(f"train: skipped, ESC-10's clips are not at {folder}")
        return
    torch.set_num_threads(1)
    clips = read_clips(folder)
    held = [clip for clip in clips if clip.name.startswith("4-")]
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(Path(name), Path(name) / "models", device="cpu")
        path = settings.models / "lass" / "esc10.ckpt"
        path.parent.mkdir(parents=True)
        began = time.process_time()
        rest = [clip for clip in clips if clip not in held]
        train_model(rest, path, SETUPS["small"], seed=SEED, device="cpu", progress=_sparse())
        seconds = time.process_time() - began
        loaded = load_model(find_model("esc10", settings), settings)
        rows = pair_clips(held, PAIRS, seed=7)
        results = {
            "the right query": evaluate(loaded, rows, folder, Path(name) / "right.jsonl", "esc10"),
            "a third sound's": evaluate(
                loaded, rows, folder, Path(name) / "wrong.jsonl", "esc10", asked=other_query(rows)
            ),
        }
        lines = [[query, *(f"{value:.2f}" for value in made.means().values())] for query, made in results.items()]
        table((f"small model, {seconds:.0f} s of CPU time", "SDR", "SDRi", "SI-SDR"), lines)
        _presence(loaded, rows, folder, other_query(rows))


def _sparse():  # type: ignore[no-untyped-def]
    last = -1

    def show(done: float, text: str) -> None:
        nonlocal last
        if int(10 * done) > last:
            last = int(10 * done)
            print(f"  {done:.0%} {text}", flush=True)

    return show


def _presence(loaded, rows, folder, third) -> None:  # type: ignore[no-untyped-def]
    import numpy as np
    import torch

    from cadenza_core.separation.lass.mixtures import mixture_of
    from cadenza_core.separation.lass.presence import ABSENT, UNSURE, presence_of

    levels: dict[str, list[float]] = {"there": [], "not there": []}
    with torch.inference_mode():
        for row in rows:
            _, mixture = mixture_of(row, folder, loaded.rate)
            for kind, text in (("there", row.query), ("not there", third(row))):
                target = loaded.separator(torch.from_numpy(mixture)[None, None], loaded.condition(text))[0].numpy()
                levels[kind].append(presence_of(mixture[None], target, loaded.rate).strongest)
    there, absent = (np.array(levels[kind]) for kind in ("there", "not there"))
    area = np.mean(there[:, None] > absent[None]) + 0.5 * np.mean(there[:, None] == absent[None])
    lines = []
    for kind, values in (("there", there), ("not there", absent)):
        shares = [np.mean(values < ABSENT), np.mean((values >= ABSENT) & (values < UNSURE)), np.mean(values >= UNSURE)]
        quartiles = np.percentile(values, (10, 25, 50, 75, 90))
        lines.append([kind, *(f"{share:.0%}" for share in shares), " ".join(f"{value:.1f}" for value in quartiles)])
    print()
    table(("presence", f"below {ABSENT:g} dB", "unsure", f"from {UNSURE:g} dB", "10, 25, 50, 75, 90 % (dB)"), lines)
    print(f"area under the curve {area:.2f}: how often a sound that is there has the higher level")


if __name__ == "__main__":
    child() if sys.argv[1:] == ["--child"] else main()
