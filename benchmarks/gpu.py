"""What a GPU gives beside the processor: the same stems, vectors and training, and how much faster.

``python -m benchmarks.gpu`` needs an NVIDIA card that PyTorch can use; everywhere else it says so and ends. Full sizes with
random weights: neither time nor rounding depends on what a network has learnt. A difference is the largest one of all samples,
as a share of the largest sample; the processor runs once, the card twice, of which the second counts (the first one loads
kernels). Then what a full card says, and a training that begins on the card and goes on on the processor.
"""

import contextlib
import dataclasses
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import header, music, table

if TYPE_CHECKING:
    from cadenza_core.audio import Audio
    from cadenza_core.separation.neural import NeuralSeparator
    from cadenza_core.settings import Settings

SECONDS, SONG = 30.0, 240.0
SOURCES = ("drums", "bass", "other", "vocals")
BAR = "the same stems to about 1e-5, on the card within its memory; a full card is said in words"
RATE = 44100


def main() -> None:
    import torch

    header("A GPU beside the processor", BAR, ("numpy", "torch", "demucs", "openunmix", "transformers"))
    if not torch.cuda.is_available():
        print("No NVIDIA card that PyTorch can use is here: nothing measured.")
        return
    print(f"Card: {torch.cuda.get_device_name(0)}, {torch.cuda.mem_get_info()[1] / 2**30:.0f} GiB\n")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        separation(place)
        query_and_embedding(place)
        full_card(place)
        training(place)
        predictor(place)


def separation(place: Path) -> None:
    """Each neural system on 30 s, and a whole song of 4 min on the card."""
    mixture, song = _mixture(SECONDS), _mixture(SONG)
    rows = []
    for name in ("htdemucs", "hdemucs_high_musdb", "umxhq"):
        at = {device: _system(name, place, device) for device in ("cpu", "cuda")}
        row = _beside(lambda device, at=at: _array(at[device].separate(mixture)))
        whole, peak = _timed(lambda at=at: at["cuda"].separate(song))[1:]
        rows.append([name, *row, f"{whole:.1f}", f"{peak:.0f}"])
    table(
        (f"{SECONDS:.0f} s of music", "CPU s", "GPU s", "ratio", "difference", "GPU MB", "4 min, GPU s", "GPU MB"), rows
    )


def query_and_embedding(place: Path) -> None:
    """The network of language-queried separation, and the models that make vectors."""
    import torch

    from cadenza_core.embedding import logmel, naive, wav2vec2
    from cadenza_core.embedding.api import Embedder
    from cadenza_core.separation.lass.chunks import separate_long
    from cadenza_core.separation.lass.network import AUDIOSEP, ResUNet
    from cadenza_core.separation.precision import full_precision

    torch.manual_seed(0)
    networks = {device: ResUNet(AUDIOSEP).eval() for device in ("cpu", "cuda")}
    networks["cuda"].load_state_dict(networks["cpu"].state_dict())
    networks["cuda"].to("cuda")
    mono = np.ascontiguousarray(music(SECONDS).mixture().mean(0, keepdims=True))[:, : int(SECONDS * 32000)]
    condition = torch.nn.functional.normalize(torch.randn(1, 512))

    def extract(device: str) -> np.ndarray:
        with torch.no_grad(), full_precision(torch.device(device)):
            return np.asarray(separate_long(networks[device], mono, condition.to(device)))

    rows = [["AudioSep's network, 30 s at 32 kHz", *_beside(extract)]]
    checkpoint = _wav2vec2(place)
    sounds = mono[:, : 16000 * 30]
    for name, module, arguments in (
        ("naive", naive, ()),
        ("logmel", logmel, ()),
        ("wav2vec2", wav2vec2, (checkpoint,)),
    ):
        model = module.load_model(*arguments)

        def embed(device: str, name: str = name, module: Any = module, model: Any = model) -> np.ndarray:
            (found,) = Embedder(name, module, model, device).timestamps(sounds)
            return found.embeddings

        rows.append([f"{name}, {sounds.shape[1]} samples", *_beside(embed)])
    print()
    table(("one call", "CPU s", "GPU s", "ratio", "difference", "GPU MB"), rows)


def full_card(place: Path) -> None:
    """Fill the card, separate, and separate again when there is room."""
    import torch

    from cadenza_core.errors import CadenzaError

    system = _system("htdemucs", place, "cuda")
    mixture = _mixture(SECONDS)
    torch.cuda.empty_cache()
    free = torch.cuda.mem_get_info()[0]
    taken = torch.empty(free - 300 * 2**20, dtype=torch.uint8, device="cuda")
    try:
        system.separate(mixture)
        print("\nA full card: it fitted all the same")
    except CadenzaError as error:
        print(f"\nA full card: {error}")
    del taken
    torch.cuda.empty_cache()
    system.separate(mixture)
    print("With room again: separated")


def training(place: Path) -> None:
    """Begin on the card, stop, go on on the processor; and the same steps on each alone."""
    import soundfile

    from cadenza_core.errors import Cancelled
    from cadenza_core.separation.lass.clips import read_clips
    from cadenza_core.separation.lass.training import SETUPS, train

    random = np.random.default_rng(0)
    for number in range(8):
        folder = place / "clips" / f"{number % 4 + 1:03d} - {('hum', 'hiss', 'tone', 'click')[number % 4]}"
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{number}.wav", 0.1 * random.standard_normal(5 * 16000), 16000)
    clips = read_clips(place / "clips")
    setup = dataclasses.replace(SETUPS["small"], steps=30)
    rows = []
    for device in ("cpu", "cuda"):
        done = train(clips, place / f"{device}.ckpt", setup, seed=1, device=device)
        rows.append([f"{setup.steps} steps on {device}", f"{done.seconds:.1f}", f"{done.loss:.5f}"])

    def stop(share: float, text: str) -> None:
        if text.startswith("step 15 "):
            raise Cancelled

    with contextlib.suppress(Cancelled):
        train(clips, place / "both.ckpt", setup, seed=1, device="cuda", progress=stop)
    rest = train(clips, place / "both.ckpt", setup, seed=1, device="cpu")
    rows.append([f"15 on cuda, then {rest.steps} on cpu", f"{rest.seconds:.1f}", f"{rest.loss:.5f}"])
    print()
    table(("training of the setup 'small'", "s", "mean loss"), rows)


def predictor(place: Path) -> None:
    """HEAR's predictor on the pitch task of generated tones, one setting of its grid, on each device."""
    from cadenza_core.embedding import find_model
    from cadenza_core.embedding.evaluate import evaluate
    from cadenza_core.embedding.store import Embeddings
    from cadenza_core.embedding.task_writing import write_task
    from cadenza_core.embedding.tones import tone_pitch

    task = write_task(tone_pitch(), place / "tones", [44100])
    rows = []
    for device in ("cpu", "cuda"):
        settings = _settings(place / device, device)
        found = evaluate(task, Embeddings(find_model("logmel", settings)), settings, points=1)
        rows.append(
            [device, *(f"{found.scores[score]:.3f}" for score in ("pitch_acc", "chroma_acc")), f"{found.seconds:.1f}"]
        )
    print()
    table(("HEAR predictor on log-mel", "pitch", "chroma", "s"), rows)


def _beside(call: Callable[[str], np.ndarray]) -> list[str]:
    """Give CPU s, GPU s, their ratio, the largest difference as a share of the peak, the card's peak in MB."""
    expected, slow, _ = _timed(lambda: call("cpu"))
    call("cuda")
    found, fast, peak = _timed(lambda: call("cuda"))
    largest = float(np.abs(expected).max())
    assert np.isfinite(found).all() and largest > 1e-6, "random weights gave silence: nothing was compared"
    difference = float(np.abs(found - expected).max()) / largest
    return [f"{slow:.2f}", f"{fast:.2f}", f"{slow / fast:.0f}", f"{difference:.1e}", f"{peak:.0f}"]


def _timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    import torch

    torch.cuda.reset_peak_memory_stats()
    began = time.monotonic()
    result = call()
    torch.cuda.synchronize()
    return result, time.monotonic() - began, torch.cuda.max_memory_allocated() / 1e6


def _mixture(seconds: float) -> "Audio":
    from cadenza_core.audio import Audio

    return Audio(music(seconds).mixture(), RATE)


def _array(stems: Any) -> np.ndarray:
    return np.stack([stems[name] for name in stems])


def _settings(place: Path, device: str) -> "Settings":
    from cadenza_core.settings import Settings

    return Settings(home=place / "home", models=place / "models", device=device)


def _system(name: str, place: Path, device: str) -> "NeuralSeparator":
    """Make a system of the published size, its random weights in the published format."""
    make = {"htdemucs": _htdemucs, "hdemucs_high_musdb": _hdemucs, "umxhq": _umxhq}[name]
    return make(place / "models" / name, _settings(place, device))


def _htdemucs(folder: Path, settings: "Settings") -> "NeuralSeparator":
    import torch
    from demucs.htdemucs import HTDemucs
    from demucs.states import save_with_checksum, serialize_model
    from omegaconf import OmegaConf

    from cadenza_core.separation.base import SystemInfo
    from cadenza_core.separation.demucs import Bag, DemucsSeparator
    from cadenza_core.separation.weights import WeightFile

    if not folder.is_dir():
        folder.mkdir(parents=True)
        torch.manual_seed(0)
        network = HTDemucs(sources=list(SOURCES), segment=7.8, bottom_channels=512)
        state = serialize_model(network, OmegaConf.create({"dset": {"segment": 11.0}}), half=True)
        save_with_checksum(state, folder / "0123abcd.th")
    (path,) = folder.glob("*.th")
    info = SystemInfo("htdemucs", "HTDemucs", "MIT", "nothing", False, 0.0, "", stems=SOURCES)
    file = WeightFile(path.name, sha256=path.stem.partition("-")[2], folder=folder)
    return DemucsSeparator(info, Bag((file,)), settings)


def _hdemucs(folder: Path, settings: "Settings") -> "NeuralSeparator":
    import torch

    from cadenza_core.separation import hdemucs

    if not folder.is_dir():
        folder.mkdir(parents=True)
        torch.manual_seed(0)
        torch.save(hdemucs._network().state_dict(), folder / "hdemucs_high_musdbhq_only.pt")
    return hdemucs.HDemucsBaseline(settings)


def _umxhq(folder: Path, settings: "Settings") -> "NeuralSeparator":
    import torch

    from cadenza_core.separation import openunmix
    from cadenza_core.separation.base import SystemInfo
    from cadenza_core.separation.weights import WeightFile

    targets = ("vocals", "drums", "bass", "other")
    if not folder.is_dir():
        folder.mkdir(parents=True)
        torch.manual_seed(0)
        for target in targets:
            network = openunmix.import_openunmix().OpenUnmix(nb_bins=2049, nb_channels=2, hidden_size=512, max_bin=1487)
            torch.save(network.state_dict(), folder / f"{target}.pth")
    files = tuple(WeightFile(f"{target}.pth", folder=folder) for target in targets)
    info = SystemInfo("umxhq", "Open-Unmix", "MIT", "nothing", False, 0.0, "", stems=targets)
    return openunmix.UnmixSeparator(info, openunmix.Unmix(targets, files, (512,) * 4), settings)


def _wav2vec2(place: Path) -> str:
    import torch

    from cadenza_core.separation.torchaudio_absent import import_without_torchaudio

    import_without_torchaudio("transformers.models.wav2vec2.modeling_wav2vec2")
    import transformers

    torch.manual_seed(0)
    transformers.Wav2Vec2Model(transformers.Wav2Vec2Config()).save_pretrained(place / "wav2vec2")
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(place / "wav2vec2")
    return str(place / "wav2vec2")


if __name__ == "__main__":
    main()
