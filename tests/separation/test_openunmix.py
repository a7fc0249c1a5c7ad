"""Open-Unmix: real separators with random weights in the published and the trainer's file formats, against the package."""

import importlib
import json
import subprocess
import sys

import numpy as np
import pytest

from cadenza_core.audio import Audio
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.separation import get_system, openunmix
from cadenza_core.separation.base import SystemInfo
from cadenza_core.separation.official import decompose_signal
from cadenza_core.separation.vectors import verify
from cadenza_core.separation.weights import WeightFile
from cadenza_core.settings import Settings

TARGETS = ("vocals", "drums", "bass", "other")
RATE = 44100


@pytest.fixture(autouse=True)
def one_thread(monkeypatch, tmp_path):
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no_cache"))
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", models=tmp_path / "models", device="cpu")


def states(targets=TARGETS, hidden=16, seed=0, n_fft=4096, max_bin=1487):
    """Random networks of the real class; statistics and scales as a trained one has them: not 0 and 1."""
    import torch

    model = openunmix.import_openunmix()
    torch.manual_seed(seed)
    made = {}
    for target in targets:
        bins = n_fft // 2 + 1
        network = model.OpenUnmix(nb_bins=bins, nb_channels=2, hidden_size=hidden, max_bin=max_bin).eval()
        for name, value in network.state_dict().items():
            if name.startswith(("input_", "output_")) or "running" in name:
                value.copy_(torch.rand_like(value) + 0.5)
        made[target] = network.state_dict()
    return made


def published(folder, made, surplus=True):
    """Save as the published files are: PyTorch's format of 2019, with entries that the class no longer has."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for target, state in made.items():
        old = {"sample_rate": torch.tensor(44100.0), "stft.window": torch.hann_window(4096)} if surplus else {}
        old |= {"transform.0.window": torch.hann_window(4096)} if surplus else {}
        torch.save({**state, **old}, folder / f"{target}.pth", _use_new_zipfile_serialization=False)
        files.append(WeightFile(f"{target}.pth", folder=folder))
    return tuple(files)


def trained(folder, made, hidden=16, n_fft=4096, n_hop=1024):
    """Write a folder as the package's trainer does, for ``openunmix.utils.load_separator``."""
    published(folder, made, surplus=False)
    separator = {"sample_rate": 44100.0, "nfft": n_fft, "nhop": n_hop, "nb_channels": 2}
    (folder / "separator.json").write_text(json.dumps(separator))
    for target in made:
        args = {"nfft": n_fft, "nb_channels": 2, "hidden_size": hidden}
        (folder / f"{target}.json").write_text(json.dumps({"args": args, "epochs_trained": 3}))
    return folder


def by_package(folder, samples, targets=TARGETS, niter=1, residual=False):
    """What the package gives by itself on the whole signal."""
    import torch

    openunmix.import_openunmix()
    utils = sys.modules["openunmix.utils"]
    separator = utils.load_separator(str(folder), targets=list(targets), niter=niter, residual=residual)
    separator.freeze()
    with torch.no_grad():
        return separator(torch.from_numpy(samples)[None])[0].numpy()


def system(files, settings, **changes):
    values = {"targets": TARGETS, "files": files, "hidden_size": (16,) * len(files), **changes}
    spec = openunmix.Unmix(**values)
    info = SystemInfo("test", "Test", "MIT", "nothing", False, 0.0, "", stems=spec.stems)
    return openunmix.UnmixSeparator(info, spec, settings)


def noise(samples, seed=1):
    return np.random.default_rng(seed).uniform(-0.4, 0.6, (2, samples)).astype(np.float32)


@pytest.mark.parametrize("niter", [0, 1])
def test_a_separator_gives_what_the_package_gives(niter, tmp_path, settings):
    """To 1e-5."""
    made = states()
    files, folder = published(tmp_path / "hub", made), trained(tmp_path / "trained", made)
    samples = noise(60_000)
    stems = system(files, settings, niter=niter).separate(Audio(samples, RATE))
    expected = by_package(folder, samples, niter=niter)
    assert tuple(stems) == TARGETS
    for name, stem in zip(TARGETS, expected, strict=True):
        assert np.max(np.abs(stem)) > 1e-3
        np.testing.assert_allclose(stems[name], stem, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_full_size_umxhq_through_the_official_path(tmp_path, settings, monkeypatch):
    """`umxhq` as registered, with full-size random networks in its place: two segments, faded and added (1e-5)."""
    made = states(hidden=512)
    files = published(settings.models / "umxhq", made)
    for file, official in zip(files, openunmix.SYSTEMS["umxhq"].files, strict=True):
        path = settings.models / "umxhq" / file.name
        assert abs(path.stat().st_size - official.size) < 0.002 * official.size
        path.rename(path.with_name(official.name))
    monkeypatch.setattr(
        "cadenza_core.separation.weights.Located.check", lambda located: None
    )  # random, so no digest fits
    samples, folder = noise(485_100 + 9000), trained(tmp_path / "trained", made, hidden=512)
    stems = get_system("umxhq", settings).separate(Audio(samples, RATE))
    first = by_package(folder, samples[:, :485_100], niter=0)
    second = by_package(folder, samples[:, 485_100 - 4410 :], niter=0)
    rise = np.linspace(0, 1, 4410, dtype=np.float32)
    first[..., -4410:] *= 1 - rise
    second[..., :4410] *= rise
    expected = np.zeros((4, *samples.shape), np.float32)
    expected[..., :485_100] = first
    expected[..., 485_100 - 4410 :] += second
    for name, stem in zip(TARGETS, expected, strict=True):
        np.testing.assert_allclose(stems[name], stem, rtol=0, atol=1e-5)


def test_a_long_song_is_cut_and_blended_with_linear_fades(tmp_path, settings):
    """Each segment as the package gives it, neighbours faded into each other over 0.2 s (1e-5); none longer than 1 s."""
    made = states()
    folder, samples, fade = trained(tmp_path / "trained", made), noise(2 * RATE), round(0.2 * RATE)
    separator = system(published(tmp_path / "hub", made), settings, segment=1.0, fade=0.2)
    stems = separator.separate(Audio(samples, RATE))
    expected = np.zeros((4, *samples.shape), np.float32)
    rise = np.linspace(0, 1, fade, dtype=np.float32)
    for start in (0, RATE - fade, 2 * (RATE - fade)):
        part = by_package(folder, samples[:, start : start + RATE])
        if start:
            part[..., :fade] *= rise
        if start + RATE < 2 * RATE:
            part[..., -fade:] *= 1 - rise
        expected[..., start : start + RATE] += part
    for name, stem in zip(TARGETS, expected, strict=True):
        np.testing.assert_allclose(stems[name], stem, rtol=0, atol=1e-5)


def test_one_target_gets_the_rest_as_a_second_stem(tmp_path, settings):
    made = states(targets=("vocals",))
    changes = {"targets": ("vocals",)}
    separator = system(published(tmp_path / "hub", made), settings, **changes)
    samples = noise(30_000)
    stems = separator.separate(Audio(samples, RATE))
    expected = by_package(trained(tmp_path / "trained", made), samples, targets=("vocals",), residual=True)
    assert tuple(stems) == ("vocals", "residual")
    for stem, other in zip(stems.values(), expected, strict=True):
        np.testing.assert_allclose(stem, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 100, 2048, 2049, 4096])
def test_sounds_shorter_than_a_frame_are_separated(samples, tmp_path, settings):
    separator = system(published(tmp_path, states()), settings)
    stems = separator.separate(Audio(noise(samples), RATE))
    assert stems.length == samples
    assert stems["drums"].any()


@pytest.mark.parametrize("niter", [0, 1])
def test_silence_gives_silence(niter, tmp_path, settings):
    separator = system(published(tmp_path, states()), settings, niter=niter)
    stems = separator.separate(Audio(np.zeros((2, 9000), np.float32), RATE))
    assert not any(stem.any() for stem in stems.values())


def test_progress_and_cancel(tmp_path, settings):
    separator = system(published(tmp_path, states()), settings, segment=0.5, fade=0.1)
    seen = []
    separator.separate(Audio(noise(2 * RATE), RATE), progress=lambda done, text: seen.append(done))
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len(seen) >= 5

    def stop(done, text):
        if done > 0.5:
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        separator.separate(Audio(noise(2 * RATE), RATE), progress=stop)


def test_recipe_s_vectors_of_openunmix_are_verified(tmp_path, settings, monkeypatch):
    """Made as pyclarity's test makes them: default filter, standardised, double precision, names by position."""
    import torch

    made = states()
    narrow = openunmix.Unmix(TARGETS, openunmix.SYSTEMS["umxhq"].files, (16,) * 4, niter=0, recipe=True)
    monkeypatch.setattr(openunmix.UnmixSeparator, "__init__", _init_with(narrow))
    for file, official in zip(published(settings.models / "umxhq", made), narrow.files, strict=True):
        (settings.models / "umxhq" / file.name).rename(settings.models / "umxhq" / official.name)
    monkeypatch.setattr("cadenza_core.separation.weights.Located.check", lambda located: None)
    openunmix.import_openunmix()
    folder = trained(tmp_path / "trained", made)
    theirs = sys.modules["openunmix.utils"].load_separator(str(folder), targets=list(TARGETS)).double()
    theirs.freeze()
    signal = np.random.RandomState(123456789).uniform(size=(1, 2, 22050))
    with torch.no_grad():
        stems = decompose_signal(theirs, signal, 4, rate=RATE, normalise=True)
    names = ("drums", "bass", "other", "vocals")
    arrays = {f"left_{name}": stem[0] for name, stem in zip(names, stems, strict=True)}
    arrays |= {f"right_{name}": stem[1] for name, stem in zip(names, stems, strict=True)}
    np.savez(tmp_path / "vectors.npz", **arrays)
    result = verify("umxhq", settings, tmp_path / "vectors.npz")
    assert tuple(result.differences) == TARGETS
    assert max(result.differences.values()) < 1e-6
    arrays["left_other"], arrays["left_bass"] = arrays["left_bass"], arrays["left_other"]
    np.savez(tmp_path / "swapped.npz", **arrays)
    assert not verify("umxhq", settings, tmp_path / "swapped.npz").passed


def _init_with(spec):
    original = openunmix.UnmixSeparator.__init__
    return lambda self, info, given, settings: original(self, info, spec, settings)


def test_weights_that_lack_an_entry_or_have_one_too_many_are_refused(tmp_path, settings):
    """The package loads them without a word (``strict=False``)."""
    import torch

    for change, name in [(lambda s: s.pop("fc2.weight"), "fc2.weight"), (lambda s: s.update(x=torch.ones(1)), "x")]:
        made = states()
        change(made["bass"])
        with pytest.raises(CadenzaError, match=name):
            system(published(tmp_path, made), settings).load()


@pytest.mark.parametrize(
    ("name", "licence", "closed", "niter"),
    [("umxhq", "MIT", True, 0), ("umxl", "CC BY-NC-SA 4.0", False, 1), ("umx", "MIT", False, 1)],
)
def test_facts_and_files_are_those_of_the_package(name, licence, closed, niter, settings):
    import inspect

    openunmix.import_openunmix()
    separator = get_system(name, settings)
    source = inspect.getsource(getattr(sys.modules["openunmix"], f"{name}_spec"))
    for target, file in zip(TARGETS, separator.files, strict=True):
        assert f'"{target}": "{file.url}"' in source
        assert file.sha256.startswith(file.name.rpartition("-")[2].removesuffix(".pth"))
        assert len(file.sha256) in (8, 64)
    assert f"hidden_size={separator.spec.hidden_size[0]}" in source
    assert separator.info.licence.startswith(licence)
    assert (separator.info.cad1_closed, separator.identity()["niter"]) == (closed, niter)
    size = sum(file.size for file in separator.files) / 1e6
    assert separator.info.size_mb == pytest.approx(size, abs=0.1)


IMPORT = """
import builtins, importlib, sys
if {broken}:
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "torchaudio":
                raise {error}("libc10_cuda.so: cannot open shared object file")
    sys.meta_path.insert(0, Broken())
else:
    import types
    sys.modules["torchaudio"] = real = types.ModuleType("torchaudio")
from cadenza_core.separation import openunmix
model = openunmix.import_openunmix()
assert model is openunmix.import_openunmix()
utils = sys.modules["openunmix.utils"]
if {broken}:
    assert "torchaudio" not in sys.modules
    try:
        utils.torchaudio.transforms
    except AttributeError as error:
        assert "cannot be imported on this machine" in str(error)
    else:
        raise SystemExit("the stand-in gave something")
else:
    assert sys.modules["torchaudio"] is real is utils.torchaudio
print(model.Separator.__name__)
"""


@pytest.mark.parametrize("error", ["OSError", "RuntimeError", None])
def test_openunmix_imports_with_and_without_torchaudio(error):
    code = IMPORT.format(broken=error is not None, error=error)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "Separator", done.stderr


def test_a_missing_package_is_said_plainly(tmp_path, settings, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "openunmix" else real(name))
    separator = get_system("umxl", settings)
    assert "openunmix, which is not installed" in separator.unavailable_reason()
    with pytest.raises(CadenzaError, match="openunmix, which is not installed"):
        separator.separate(Audio(noise(100), RATE))
