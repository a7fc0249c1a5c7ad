"""Demucs systems: real architectures with random weights, saved by the package itself, against the package (1e-5)."""

import json
import sys
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from cadenza_core.audio import Audio
from cadenza_core.errors import CadenzaError, Cancelled, WeightsMissing
from cadenza_core.separation import demucs, get_system
from cadenza_core.separation.base import SystemInfo
from cadenza_core.separation.checkpoints import demucs_bag, demucs_model
from cadenza_core.separation.neural import pick_device, version_of
from cadenza_core.separation.weights import WeightFile, sha256_of
from cadenza_core.settings import Settings

SOURCES = ("drums", "bass", "other", "vocals")
RATE = 44100


@pytest.fixture(autouse=True)
def one_thread(monkeypatch, tmp_path):
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small models: more threads only wait for each other
    for variable in ("TORCH_HOME", "HF_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "no_cache"))
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", models=tmp_path / "models", device="cpu")


def network(kind, seed=0, **options):
    import torch
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(seed)
    if kind == "htdemucs":
        small = {"channels": 8, "bottom_channels": 16, "t_layers": 1, "t_heads": 2, "segment": Fraction(2, 5)}
        return HTDemucs(sources=list(SOURCES), **{**small, **options})
    return {"hdemucs": HDemucs, "demucs": Demucs}[kind](sources=list(SOURCES), channels=8, segment=0.4, **options)


def save(model, folder, signature, half=True):
    """Save as Demucs' trainer does: ``<signature>-<checksum>.th``."""
    from demucs.states import save_with_checksum, serialize_model
    from omegaconf import OmegaConf

    folder.mkdir(parents=True, exist_ok=True)
    training = OmegaConf.create({"epochs": 360, "optim": {"lr": 3e-4}, "dset": {"segment": 11.0}})
    save_with_checksum(serialize_model(model, training, half=half), folder / f"{signature}.th")
    (path,) = folder.glob(f"{signature}-*.th")
    return path


def separator(folder, paths, settings, **options):
    weights, segment = options.pop("weights", None), options.pop("bag_segment", None)
    digests = [path.stem.partition("-")[2] for path in paths]
    files = tuple(WeightFile(path.name, sha256=sha, folder=folder) for path, sha in zip(paths, digests, strict=True))
    info = SystemInfo("test", "Test", "MIT", "nothing", False, 0.0, "", stems=SOURCES)
    return demucs.DemucsSeparator(info, demucs.Bag(files, weights, segment), settings, **options)


def noise(samples, seed=1):
    return np.random.default_rng(seed).uniform(-0.4, 0.6, (2, samples)).astype(np.float32)


def by_package(folder, name, samples, segment=None):
    """What the package gives by itself: its repository, bag, standardisation and ``apply_model``, without shifts."""
    import torch
    from demucs.api import Separator

    package = Separator(model=name, repo=folder, device="cpu", shifts=0, segment=segment)
    return {name: stem.numpy() for name, stem in package.separate_tensor(torch.from_numpy(samples))[1].items()}


def assert_same(stems, expected, tolerance=1e-5):
    assert list(stems) == list(expected) == list(SOURCES)
    for name in SOURCES:
        assert np.max(np.abs(expected[name])) > 1e-3  # else any silent result would pass
        np.testing.assert_allclose(stems[name], expected[name], rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", ["htdemucs", "hdemucs", "demucs"])
def test_one_network_gives_what_the_package_gives(kind, tmp_path, settings):
    path = save(network(kind), tmp_path / "repo", "0123abcd")
    samples = noise(26000)  # two segments of 0.4 s, the second cut off
    stems = separator(tmp_path / "repo", [path], settings).separate(Audio(samples, RATE))
    assert stems.length == 26000
    assert_same(stems, by_package(tmp_path / "repo", "0123abcd", samples))


def test_a_mixed_bag_with_weights_gives_what_the_package_gives(tmp_path, settings):
    """As `mdx`: time-domain Demucs and Hybrid Demucs, weights per source, a segment length for all."""
    repo = tmp_path / "repo"
    paths = [save(network(kind, seed), repo, f"aaaa000{seed}") for seed, kind in enumerate(("demucs", "hdemucs"))]
    weights = ((1.0, 1.0, 0.0, 0.25), (0.0, 1.0, 1.0, 1.0))
    bag = {"models": ["aaaa0000", "aaaa0001"], "weights": weights, "segment": 0.3}
    (repo / "mixed.yaml").write_text(json.dumps(bag))
    samples = noise(20000)
    ours = separator(repo, paths, settings, weights=weights, bag_segment=0.3)
    assert_same(ours.separate(Audio(samples, RATE)), by_package(repo, "mixed", samples))


def test_one_specialist_per_source_gives_what_the_package_gives(tmp_path, settings):
    """As `htdemucs_ft`."""
    repo = tmp_path / "repo"
    paths = [save(network("htdemucs", seed), repo, f"bbbb000{seed}") for seed in range(4)]
    weights = demucs.BAGS["htdemucs_ft"].weights
    (repo / "ft.yaml").write_text(json.dumps({"models": [f"bbbb000{i}" for i in range(4)], "weights": weights}))
    samples = noise(9000)
    stems = separator(repo, paths, settings, weights=weights).separate(Audio(samples, RATE))
    assert_same(stems, by_package(repo, "ft", samples))


@pytest.mark.slow
def test_the_full_size_architecture_gives_what_the_package_gives(tmp_path, settings):
    """HTDemucs with its default widths and the 512 channels of the published model; only the segment is shorter."""
    path = save(
        network("htdemucs", channels=48, bottom_channels=512, t_layers=5, t_heads=8), tmp_path / "repo", "ffff0000"
    )
    assert path.stat().st_size > 80e6
    samples = noise(26000)
    stems = separator(tmp_path / "repo", [path], settings).separate(Audio(samples, RATE))
    assert_same(stems, by_package(tmp_path / "repo", "ffff0000", samples))


def test_a_shorter_segment_is_applied_and_named_in_the_identity(tmp_path, settings):
    path = save(network("hdemucs"), tmp_path / "repo", "cccc0000")
    samples = noise(20000)
    usual, short = (separator(tmp_path / "repo", [path], settings, segment=length) for length in (None, 0.2))
    stems = short.separate(Audio(samples, RATE))
    assert_same(stems, by_package(tmp_path / "repo", "cccc0000", samples, segment=0.2))
    assert np.max(np.abs(stems["drums"] - usual.separate(Audio(samples, RATE))["drums"])) > 1e-4
    assert usual.identity() != short.identity()


def test_a_segment_longer_than_the_transformer_allows_is_refused(tmp_path, settings):
    path = save(network("htdemucs"), tmp_path / "repo", "cccc0001")
    with pytest.raises(CadenzaError, match=r"up to 0\.4 s"):
        separator(tmp_path / "repo", [path], settings, segment=0.5).separate(Audio(noise(9000), RATE))


@pytest.mark.parametrize("options", [{"segment": 0}, {"segment": float("nan")}, {"overlap": 1.0}, {"overlap": -0.1}])
def test_senseless_options_are_refused(options, settings, tmp_path):
    with pytest.raises(CadenzaError, match="overlap"):
        separator(tmp_path, [], settings, **options)


def test_the_same_song_gives_the_same_stems_and_leaves_python_s_random_numbers_alone(tmp_path, settings):
    import random

    path = save(network("hdemucs"), tmp_path / "repo", "dddd0000")
    system = separator(tmp_path / "repo", [path], settings)
    random.seed(5)
    first = system.separate(Audio(noise(9000), RATE))
    assert random.random() == random.Random(5).random()
    second = system.separate(Audio(noise(9000), RATE))
    for name in SOURCES:
        np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.parametrize("kind", ["hdemucs", "demucs"])
@pytest.mark.parametrize("samples", [np.full((2, 1), 0.5), np.tile([[0.3], [-0.3]], 500), np.full((2, 500), 0.25)])
def test_one_sample_opposite_channels_and_a_constant_give_finite_stems(kind, samples, tmp_path, settings):
    path = save(network(kind), tmp_path / "repo", "dddd0001")
    stems = separator(tmp_path / "repo", [path], settings).separate(Audio(samples.astype(np.float32), RATE))
    assert stems.length == samples.shape[1]  # Stems itself refuses what is not finite


@pytest.mark.parametrize("kind", ["htdemucs", "hdemucs", "demucs"])
def test_silence_gives_silence(kind, tmp_path, settings):
    path = save(network(kind), tmp_path / "repo", "dddd0002")
    stems = separator(tmp_path / "repo", [path], settings).separate(Audio(np.zeros((2, 5000), np.float32), RATE))
    for stem in stems.values():
        assert np.max(np.abs(stem)) < 1e-7


@pytest.mark.parametrize("audio", [Audio(noise(500)[:1], RATE), Audio(noise(500), 48000)])
def test_mono_and_another_rate_are_refused(audio, tmp_path, settings):
    with pytest.raises(CadenzaError, match="2 channels at 44100 Hz"):
        separator(tmp_path, [], settings).separate(audio)


def test_progress_rises_from_0_to_1_over_all_models_and_segments(tmp_path, settings):
    repo, seen = tmp_path / "repo", []
    paths = [save(network("demucs", seed), repo, f"eeee000{seed}") for seed in range(2)]
    system = separator(repo, paths, settings)
    system.separate(Audio(noise(40000), RATE), progress=lambda done, text: seen.append((done, text)))
    shares = [done for done, _ in seen]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.1
    assert 0.7 < shares[-1] <= 1
    assert len(shares) >= 2 * 2 * 3  # two models, three segments, before and after each
    assert any("model 2 of 2" in text for _, text in seen)


def test_cancelling_stops_the_work_at_the_next_segment(tmp_path, settings):
    path = save(network("demucs"), tmp_path / "repo", "eeee0009")
    system, calls = separator(tmp_path / "repo", [path], settings), []

    def progress(done, text):
        calls.append(done)
        if "separating" in text:
            raise Cancelled("stopped by the user")

    with pytest.raises(Cancelled, match="stopped by the user"):
        system.separate(Audio(noise(60000), RATE), progress=progress)
    before = len(calls)
    assert system.separate(Audio(noise(9000), RATE)).length == 9000  # and it can be used again
    assert len(calls) == before


def test_no_memory_is_said_plainly_with_what_to_do(tmp_path, settings, monkeypatch):
    import torch

    path = save(network("demucs"), tmp_path / "repo", "eeee0008")
    system = separator(tmp_path / "repo", [path], settings)

    def fail(*args):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(system, "run", fail)
    with pytest.raises(CadenzaError, match=r"memory\. Close other programs"):
        system.separate(Audio(noise(9000), RATE))
    monkeypatch.setattr("cadenza_core.separation.neural.pick_device", lambda wanted: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    with pytest.raises(CadenzaError, match=r"GPU .*CADENZA_DEVICE=cpu"):
        system.separate(Audio(noise(9000), RATE))


def test_other_errors_of_a_model_are_not_taken_for_a_lack_of_memory(tmp_path, settings, monkeypatch):
    path = save(network("demucs"), tmp_path / "repo", "eeee0007")
    system = separator(tmp_path / "repo", [path], settings)

    def fail(*args):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(system, "run", fail)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        system.separate(Audio(noise(9000), RATE))


def test_devices(monkeypatch):
    import torch

    assert pick_device("cpu").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto").type == "cpu"
    for wanted in ("cuda", "cuda:1", "gpu", ""):
        with pytest.raises(CadenzaError, match="auto"):
            pick_device(wanted)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert pick_device("auto") == torch.device("cuda")
    with pytest.raises(CadenzaError, match="'cuda:1' is not on this machine"):
        pick_device("cuda:1")


def test_published_bags_are_those_of_the_package():
    """Files, weights and segments against the package's own lists (no download)."""
    import yaml

    remote = Path(find_spec("demucs").submodule_search_locations[0]) / "remote"
    urls, root = {}, ""
    for line in (remote / "files.txt").read_text().split("\n"):
        if line.startswith("root:"):
            root = line.partition(":")[2].strip()
        elif line and not line.startswith("#"):
            urls[line] = f"https://dl.fbaipublicfiles.com/demucs/{root}{line}"
    for name, bag in demucs.BAGS.items():
        published = yaml.safe_load((remote / f"{name}.yaml").read_text())
        assert [file.name.split("-")[0] for file in bag.files] == published["models"]
        assert bag.segment == published.get("segment")
        assert [list(row) for row in bag.weights or ()] == published.get("weights", [])
        for file in bag.files:
            assert file.url == urls[file.name]
            assert file.sha256.startswith(file.name.split("-")[1].removesuffix(".th"))
            assert len(file.sha256) in (8, 64)


def test_hub_repositories_are_those_of_the_package():
    from demucs.hf import DEFAULT_NAMESPACE, hf_repo_name

    for name, bag in demucs.BAGS.items():
        for file in bag.files:
            assert file.hub.repo == f"{DEFAULT_NAMESPACE}/{hf_repo_name(name)}"
            assert file.hub.name == f"{file.name.split('-')[0]}.safetensors"


def test_facts_and_identity_of_the_published_systems(settings):
    for name, size, closed in [
        ("htdemucs", 84, False), ("htdemucs_ft", 337, False), ("hdemucs_mmi", 167, False), ("mdx", 691, True),
        ("mdx_extra", 670, False),
    ]:  # fmt: skip
        system = get_system(name, settings)
        assert system.info.licence == "MIT"
        assert system.info.stems == SOURCES
        assert (round(system.info.size_mb), system.info.cad1_closed) == (size, closed)
        identity = system.identity()
        assert json.loads(json.dumps(identity)) == identity
        assert identity["demucs"] == version_of("demucs") != ""
        assert identity["shifts"] == 0
        for file in demucs.BAGS[name].files:
            assert f"{file.name}:{file.sha256}" in identity["weights"]


def test_identity_needs_no_torch(settings, tmp_path):
    import subprocess

    code = (
        "import sys; from pathlib import Path; from cadenza_core.settings import Settings;"
        "from cadenza_core.separation import demucs, hdemucs, openunmix, get_system;"
        "s = Settings(home=Path('x'), models=Path('x')); [get_system(i, s).identity() for i in ('mdx', 'umxhq', 'umxl')];"
        "assert get_system('mdx', s).unavailable_reason();"
        "print([m for m in ('torch', 'torchaudio', 'demucs', 'openunmix') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == "[]"


def test_identity_of_a_file_without_published_digest_is_its_own_digest(tmp_path, settings):
    path = save(network("demucs"), tmp_path, "abcd0123").rename(tmp_path / "plain.th")
    system = separator(tmp_path, [path], settings)
    assert sha256_of(path) in system.identity()["weights"]
    path.write_bytes(path.read_bytes() + b"more")
    assert sha256_of(path) in system.identity()["weights"]  # a change is seen
    path.unlink()
    with pytest.raises(WeightsMissing, match=r"plain\.th"):
        system.identity()


def test_models_that_do_not_belong_together_are_refused(tmp_path):
    first = demucs_model(save(network("demucs"), tmp_path, "0000aaaa"))
    other = demucs_model(save(network("demucs", samplerate=48000), tmp_path, "0000bbbb"))
    with pytest.raises(CadenzaError, match="48000"):
        demucs_bag([first, other])
    for weights in ([[1, 1, 1, 1]], [[1, 1, 1], [1, 1, 1]], [[1, 1, 1, 0], [1, 1, 1, 0]]):
        with pytest.raises(CadenzaError, match="weight"):
            demucs_bag([first, first], weights)
