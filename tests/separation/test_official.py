"""The CAD1 baseline's segments, fades and overlap-add against the recipe's own code (exact), and HDemucs through it."""

import ast
import math
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from cadenza_core.audio import Audio
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.separation import get_system, hdemucs, openunmix
from cadenza_core.separation.official import Segment, decompose_signal, overlap_add, recipe_plan, smooth_plan
from cadenza_core.separation.vectors import verify
from cadenza_core.settings import Settings

RATE = 44100
CHUNK, FADE = 485100, 4410
VECTORS = Path(__file__).parents[3] / "shared" / "data" / "regression"
SOURCES = ("drums", "bass", "other", "vocals")


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


@pytest.fixture(scope="module")
def recipe():
    """The official functions, cut out of pyclarity's and torchaudio's files, which cannot be imported everywhere."""
    import torch
    from clarity.utils.signal_processing import denormalize_signals, normalize_signal, resample

    names = {
        "torch": torch, "Tensor": torch.Tensor, "math": math, "np": np, "ndarray": np.ndarray, "resample": resample,
        "denormalize_signals": denormalize_signals, "normalize_signal": normalize_signal,
    }  # fmt: skip
    wanted = [
        ("torchaudio", "transforms/_transforms.py", ["Fade"]),
        ("recipes", "cad1/task1/baseline/enhance.py", ["separate_sources", "map_to_dict", "decompose_signal"]),
    ]
    for package, file, definitions in wanted:
        path = Path(next(iter(find_spec(package).submodule_search_locations))) / file
        tree = ast.parse("from __future__ import annotations\n" + path.read_text().replace("from __future__", "#"))
        keep = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        body = [tree.body[0], *(keep[name] for name in definitions)]
        exec(compile(ast.Module(body, []), str(path), "exec"), names)
    return names


class Toy:
    """Four stems that depend on where a segment starts and ends, so that a wrong cut shows."""

    def __init__(self):
        self.lengths = []

    def forward(self, x):
        import torch

        self.lengths.append(x.shape[-1])
        ramp = torch.linspace(0.5, 2, x.shape[-1], dtype=x.dtype)
        return torch.stack([x, x * ramp, -0.5 * x.flip(-1), torch.full_like(x, len(self.lengths))], dim=1)

    __call__ = forward


def noise(samples, seed=1):
    return np.random.default_rng(seed).uniform(-0.5, 0.7, (2, samples)).astype(np.float32)


LENGTHS = [
    1, FADE - 1, FADE, FADE + 1, 100_000, CHUNK - FADE, CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + FADE, 2 * CHUNK - FADE,
    2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 2 * CHUNK + FADE + 1, 3 * CHUNK, 3 * CHUNK + 12345,
]  # fmt: skip


@pytest.mark.parametrize("length", LENGTHS)
def test_segments_and_sums_are_exactly_the_recipe_s(length, recipe):
    import torch

    mix, theirs, ours = noise(length), Toy(), Toy()
    expected = recipe["separate_sources"](theirs, torch.from_numpy(mix), RATE, device="cpu")[0]
    given = overlap_add(ours, mix, recipe_plan(length, RATE), 4)
    assert ours.lengths == theirs.lengths
    assert given.dtype == np.float32
    np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("length", [3000, 60_000, CHUNK + 100])
def test_decompose_signal_is_exactly_the_recipe_s(length, normalise, recipe):
    mix = noise(length)
    expected = recipe["decompose_signal"](Toy(), RATE, mix, RATE, "cpu", SOURCES, None, normalise)
    given = decompose_signal(Toy(), mix, 4, rate=RATE, normalise=normalise)
    for i, name in enumerate(SOURCES):
        np.testing.assert_array_equal(given[i], np.stack([expected[f"left_{name}"], expected[f"right_{name}"]]))
    np.testing.assert_array_equal(mix, noise(length))  # the caller's samples are left alone


def test_the_quirks_that_the_description_names():
    ones = np.ones((2, CHUNK + 1000), np.float32)

    def identity(x):
        return x[:, None]

    assert recipe_plan(FADE, RATE) == []
    assert not overlap_add(identity, ones[:, :FADE], recipe_plan(FADE, RATE), 1).any()
    short = overlap_add(identity, ones[:, :50_000], recipe_plan(50_000, RATE), 1)[0, 0]
    assert short[0] == 1  # no fade in
    assert short[-1] == 0  # but one out
    assert short[-FADE - 1] == 1
    plan = recipe_plan(3 * CHUNK, RATE)
    assert [segment.stop - segment.start for segment in plan] == [CHUNK, CHUNK + FADE, CHUNK + FADE]
    assert recipe_plan(CHUNK + 1, RATE)[-1] == Segment(CHUNK - FADE, CHUNK + 1, FADE, 0)
    whole = overlap_add(identity, ones, recipe_plan(ones.shape[1], RATE), 1)
    np.testing.assert_allclose(whole, ones[None], atol=1e-6)  # the fades add up to 1


@pytest.mark.parametrize("length", [1, 99, 100, 101, 120, 180, 181, 1000])
def test_smooth_segments_cover_the_song_and_their_fades_add_up_to_1(length):
    plan = smooth_plan(length, segment=100, fade=20)
    mix = noise(length)
    np.testing.assert_allclose(overlap_add(lambda x: x[:, None], mix, plan, 1)[0], mix, atol=1e-6)
    assert len(plan) == (1 if length <= 100 else math.ceil((length - 20) / 80))
    assert all(20 < segment.stop - segment.start <= 100 for segment in plan[1:])


def test_smooth_segments_of_a_short_song_are_the_song():
    assert smooth_plan(100, segment=100, fade=20) == [Segment(0, 100, 0, 0)]


def test_a_long_song_is_never_given_to_the_model_whole():
    toy = Toy()
    overlap_add(toy, noise(5 * CHUNK), recipe_plan(5 * CHUNK, RATE), 4)
    assert len(toy.lengths) == 5
    assert max(toy.lengths) == CHUNK + FADE


def test_progress_and_cancel():
    seen, toy = [], Toy()

    def progress(done, text):
        seen.append(done)
        if done > 0.3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        overlap_add(toy, noise(1000), smooth_plan(1000, 300, 50), 4, progress=progress)
    assert seen[0] == 0
    assert len(toy.lengths) == len(seen) - 1


# --- HDemucs, with torchaudio's own class ---------------------------------------------------------------------------


@pytest.fixture
def baseline(monkeypatch, settings):
    """The official system with a narrow network of the same class, and random weights in the official file."""
    import torch

    module = hdemucs._module()
    monkeypatch.setattr(hdemucs, "_network", lambda: module.HDemucs(list(SOURCES), channels=8))

    def write(seed):
        torch.manual_seed(seed)
        path = settings.models / "hdemucs_high_musdb" / "hdemucs_high_musdbhq_only.pt"
        path.parent.mkdir(parents=True, exist_ok=True)
        network = module.HDemucs(list(SOURCES), channels=8).eval()
        torch.save(network.state_dict(), path)
        return network

    return write


def test_hdemucs_gives_what_the_recipe_gives(baseline, recipe, settings):
    """Two segments, so that overlap-add and standardisation are both in it; exact to 1e-5."""
    network, mix = baseline(seed=3), noise(CHUNK + 8000)
    expected = recipe["decompose_signal"](network, RATE, mix, RATE, "cpu", SOURCES, None, True)
    stems = get_system("hdemucs_high_musdb", settings).separate(Audio(mix, RATE))
    assert tuple(stems) == SOURCES
    for name in SOURCES:
        both = np.stack([expected[f"left_{name}"], expected[f"right_{name}"]])
        assert np.max(np.abs(both)) > 1e-3
        np.testing.assert_allclose(stems[name], both, rtol=0, atol=1e-5)


def test_opposite_channels_and_silence_give_finite_stems_where_the_recipe_gives_nan(baseline, settings):
    baseline(seed=3)
    left = noise(9000)[0]
    system = get_system("hdemucs_high_musdb", settings)
    assert system.separate(Audio(np.stack([left, -left]), RATE))["drums"].any()  # Stems refuses what is not finite
    assert not system.separate(Audio(np.zeros((2, 9000), np.float32), RATE))["drums"].any()


def test_the_model_s_code_is_torchaudio_s_and_needs_no_compiled_torchaudio():
    before = set(sys.modules)
    network = hdemucs._network()
    assert sum(parameter.numel() for parameter in network.parameters()) == 83_639_368
    assert Path(type(network).__init__.__code__.co_filename).parts[-3:] == ("torchaudio", "models", "_hdemucs.py")
    assert not {name for name in set(sys.modules) - before if name.startswith("torchaudio")}


def test_the_weights_are_those_without_the_test_set():
    path = Path(
        next(iter(find_spec("torchaudio").submodule_search_locations)), "pipelines/_source_separation_pipeline.py"
    )
    bundle = path.read_text().partition("\nHDEMUCS_HIGH_MUSDB = ")[2]
    (file,) = get_system("hdemucs_high_musdb", Settings(home=Path("x"), models=Path("x"))).files
    assert file.url == "https://download.pytorch.org/torchaudio/" + bundle.split('_model_path="')[1].split('"')[0]
    assert file.cached_as == "torchaudio/" + bundle.split('_model_path="')[1].split('"')[0]


def test_identity_follows_the_weights(baseline, settings):
    baseline(seed=3)
    system = get_system("hdemucs_high_musdb", settings)
    first = system.identity()
    assert first == get_system("hdemucs_high_musdb", settings).identity()
    baseline(seed=4)
    assert system.identity() != first


def recipe_vectors(path, outputs):
    """Store what the recipe gave as pyclarity stores it: eight arrays, named drums, bass, other, vocals by position."""
    np.savez(path, **{key: np.asarray(value, np.float32) for key, value in outputs.items()})


def test_recipe_s_vectors_are_verified(baseline, recipe, settings, tmp_path):
    network = baseline(seed=3)
    signal = np.random.RandomState(123456789).uniform(size=(1, 2, 22050))
    outputs = recipe["decompose_signal"](network.double(), RATE, signal, RATE, "cpu", SOURCES, None, True)
    recipe_vectors(tmp_path / "v.npz", outputs)
    result = verify("hdemucs_high_musdb", settings, tmp_path / "v.npz")
    assert set(result.differences) == set(SOURCES)
    assert max(result.differences.values()) < 1e-6
    assert result.passed
    baseline(seed=4)
    other = verify("hdemucs_high_musdb", settings, tmp_path / "v.npz")
    assert max(other.differences.values()) > 1e-3
    assert not other.passed


def test_weights_of_another_architecture_are_refused(baseline, settings, monkeypatch):
    baseline(seed=3)
    monkeypatch.setattr(hdemucs, "_network", lambda: hdemucs._module().HDemucs(list(SOURCES), channels=16))
    with pytest.raises(CadenzaError, match="does not fit the architecture HDemucs"):
        get_system("hdemucs_high_musdb", settings).separate(Audio(noise(9000), RATE))


@pytest.mark.parametrize(("system", "name"), [(hdemucs.INFO.id, "demucs"), ("umxhq", "openunmix")])
def test_published_weights_give_the_recipe_s_stored_outputs(system, name, monkeypatch):
    """To 1e-5; only where both the weights and the shared test data are."""
    assert "umxhq" in openunmix.SYSTEMS  # importing the module has registered it
    monkeypatch.undo()  # look where the user's caches are
    vectors, settings = VECTORS / f"cad1_decompose_signal_{name}.npz", Settings.load()
    if not vectors.exists():
        pytest.skip(f"no shared test data at {VECTORS}")
    if reason := get_system(system, settings).unavailable_reason():
        pytest.skip(reason)
    assert verify(system, settings, vectors).passed


def test_the_stored_openunmix_outputs_are_as_the_description_of_vectors_says():
    """One filter iteration makes the stems add up to the mixture; "other" is the bass: names go by position."""
    path = VECTORS / "cad1_decompose_signal_openunmix.npz"
    if not path.exists():
        pytest.skip(f"no shared test data at {VECTORS}")
    with np.load(path) as file:
        left = {name: file[f"left_{name}"][:17000].astype(float) for name in SOURCES}
    mix = np.random.RandomState(123456789).uniform(size=(1, 2, 22050))[0]
    surplus = sum(left.values()) - mix[0, :17000]
    np.testing.assert_allclose(surplus, 3 * mix.mean(), atol=1e-3)  # each stem got the mean back

    def share_below_300_hz(x):
        power = np.abs(np.fft.rfft((x - x.mean()) * np.hanning(len(x)))) ** 2
        return power[: 300 * len(x) // RATE].sum() / power.sum()

    shares = {name: share_below_300_hz(x) for name, x in left.items()}
    assert shares["other"] > 0.9
    assert max(shares[name] for name in ("drums", "bass", "vocals")) < 0.2
