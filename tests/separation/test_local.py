"""A user's own checkpoint folders: registered, used as systems, refused with a reason; and their vectors."""

import json
import shutil
from fractions import Fraction

import numpy as np
import pytest

from cadenza_core.audio import Audio
from cadenza_core.errors import CadenzaError, WeightsMissing
from cadenza_core.separation import get_system, systems
from cadenza_core.separation.local import load_local, local_names, register_local, remove_local
from cadenza_core.separation.openunmix import import_openunmix
from cadenza_core.separation.vectors import verify, write_vectors
from cadenza_core.separation.weights import fetch, remove, status
from cadenza_core.settings import Settings

SOURCES = ["drums", "bass", "other", "vocals"]
RATE = 44100


@pytest.fixture(autouse=True)
def one_thread():
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def settings(tmp_path):
    yield Settings(home=tmp_path / "home", models=tmp_path / "models", device="cpu")
    load_local(Settings(home=tmp_path / "empty", models=tmp_path / "models"))  # withdraw what the test registered


def demucs_file(folder, signature="0a0b0c0d", seed=0, checksum=True, **options):
    import torch
    from demucs.demucs import Demucs
    from demucs.states import save_with_checksum, serialize_model
    from omegaconf import OmegaConf

    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    whole = {"sources": SOURCES, "channels": 4, "segment": Fraction(2, 5), **options}
    content = serialize_model(Demucs(**whole), OmegaConf.create({"lr": 3e-4}))
    if checksum:
        save_with_checksum(content, folder / f"{signature}.th")
        return next(folder.glob(f"{signature}-*.th"))
    torch.save(content, folder / f"{signature}.th")
    return folder / f"{signature}.th"


def unmix_folder(folder, targets=("vocals", "drums", "bass", "other"), seed=0, rate=44100, n_fft=1024):
    import torch

    model = import_openunmix()
    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    whole = {"sample_rate": rate, "nfft": n_fft, "nhop": n_fft // 4, "nb_channels": 2}
    (folder / "separator.json").write_text(json.dumps(whole))
    for target in targets:
        network = model.OpenUnmix(nb_bins=n_fft // 2 + 1, nb_channels=2, hidden_size=8, max_bin=300)
        torch.save(network.state_dict(), folder / f"{target}.pth")
        args = {"nfft": n_fft, "nb_channels": 2, "hidden_size": 8}
        (folder / f"{target}.json").write_text(json.dumps({"args": args}))
    return folder


def noise(samples=9000):
    return np.random.default_rng(3).uniform(-0.5, 0.5, (2, samples)).astype(np.float32)


def test_a_single_demucs_file_becomes_a_system(tmp_path, settings):
    import torch
    from demucs.api import Separator

    demucs_file(tmp_path / "repo")
    info = register_local("mine", tmp_path / "repo", settings, licence="CC0", trained_on="my own songs")
    assert info in systems()
    assert (info.id, info.licence, info.trained_on, info.cad1_closed) == ("mine", "CC0", "my own songs", False)
    assert info.stems == tuple(SOURCES)
    assert local_names(settings) == ["mine"]
    stems = get_system("mine", settings).separate(Audio(noise(), RATE))
    package = Separator(model="0a0b0c0d", repo=tmp_path / "repo", device="cpu", shifts=0)
    for name, stem in package.separate_tensor(torch.from_numpy(noise()))[1].items():
        np.testing.assert_allclose(stems[name], stem.numpy(), rtol=0, atol=1e-5)
    report = status("mine", settings, check=True)
    assert report.ready
    assert report.files[0].path.parent == tmp_path / "repo"


def test_a_bag_becomes_a_system(tmp_path, settings):
    import torch
    from demucs.api import Separator

    repo = tmp_path / "repo"
    demucs_file(repo, "11111111", seed=1)
    demucs_file(repo, "22222222", seed=2, checksum=False)
    bag = "models: ['11111111', '22222222']\nweights: [[1., 0.5, 0., 1.], [1., 1., 1., 0.]]\nsegment: 0.3\n"
    (repo / "mine.yaml").write_text(bag)
    (repo / "other.yaml").write_text("models: ['11111111']")
    register_local("mine", repo, settings)
    system = get_system("mine", settings)
    package = Separator(model="mine", repo=repo, device="cpu", shifts=0)
    stems = system.separate(Audio(noise(20_000), RATE))
    for name, stem in package.separate_tensor(torch.from_numpy(noise(20_000)))[1].items():
        np.testing.assert_allclose(stems[name], stem.numpy(), rtol=0, atol=1e-5)
    assert system.identity()["segment"] == 0.3


def test_an_openunmix_folder_becomes_a_system_with_its_own_rate_and_targets(tmp_path, settings):
    import sys

    import torch

    folder = unmix_folder(tmp_path / "unmix", targets=("piano", "vocals"), rate=48000)
    info = register_local("duo", folder, settings)
    assert (info.stems, info.rate) == (("vocals", "piano"), 48000)
    stems = get_system("duo", settings).separate(Audio(noise(), 48000))
    separator = sys.modules["openunmix.utils"].load_separator(str(folder), targets=["vocals", "piano"])
    separator.freeze()
    for name, stem in zip(info.stems, separator(torch.from_numpy(noise())[None])[0].numpy(), strict=True):
        np.testing.assert_allclose(stems[name], stem, rtol=0, atol=1e-5)


def test_registrations_are_found_in_a_new_process_and_can_be_removed(tmp_path, settings):
    from cadenza_core.separation.base import registered

    path = demucs_file(tmp_path / "repo")
    register_local("mine", tmp_path / "repo", settings)
    load_local(Settings(home=tmp_path / "empty", models=tmp_path / "models"))  # as a process with another home
    assert "mine" not in registered()
    load_local(settings)
    load_local(settings)
    assert get_system("mine", settings).info.id == "mine"
    assert remove("mine", settings) == ()  # only downloads are deleted
    assert remove_local("mine", settings)
    assert not remove_local("mine", settings)
    assert path.exists()
    with pytest.raises(CadenzaError, match="no separation system 'mine'"):
        get_system("mine", settings)
    register_local("mine", unmix_folder(tmp_path / "unmix"), settings)
    assert get_system("mine", settings).info.stems[0] == "vocals"


def test_identity_follows_the_files(tmp_path, settings):
    demucs_file(tmp_path / "repo", checksum=False)
    register_local("mine", tmp_path / "repo", settings)
    first = get_system("mine", settings).identity()
    assert first == get_system("mine", settings).identity()
    demucs_file(tmp_path / "repo", checksum=False, seed=9)
    assert get_system("mine", settings).identity() != first


def test_a_folder_that_went_away_is_said(tmp_path, settings):
    demucs_file(tmp_path / "repo", checksum=False)
    register_local("mine", tmp_path / "repo", settings)
    shutil.rmtree(tmp_path / "repo")
    system = get_system("mine", settings)
    assert "cadenza models remove mine" in system.unavailable_reason()
    for ask in (system.identity, lambda: system.separate(Audio(noise(), RATE)), lambda: fetch("mine", settings)):
        with pytest.raises(WeightsMissing, match="lacks"):
            ask()


@pytest.mark.parametrize("name", ["", "a b", "../x", ".hidden", "ä", "x" * 65])
def test_names_that_are_none_are_refused(name, tmp_path, settings):
    with pytest.raises(CadenzaError, match="not accepted"):
        register_local(name, tmp_path, settings)


def test_taken_names_are_refused(tmp_path, settings):
    demucs_file(tmp_path / "repo")
    register_local("mine", tmp_path / "repo", settings)
    for name in ("mine", "reference"):
        with pytest.raises(CadenzaError, match="already"):
            register_local(name, tmp_path / "repo", settings)


def change(path, **values):
    content = json.loads(path.read_text())
    for key, value in values.items():
        content[key] = value
    path.write_text(json.dumps(content))


BROKEN_DEMUCS = {
    "nothing was found": lambda repo: [path.unlink() for path in repo.iterdir()],
    "notes.txt was found": lambda repo: [*(path.unlink() for path in repo.iterdir()), (repo / "notes.txt").touch()],
    "holds several models": lambda repo: shutil.copy(next(repo.glob("*.th")), repo / "second.th"),
    "is damaged or is another file": lambda repo: next(repo.glob("*.th")).write_bytes(b"another"),
    "not a PyTorch checkpoint": lambda repo: [
        *(p.unlink() for p in repo.iterdir()),
        (repo / "a.th").write_text("text"),
    ],
    "cannot be read as YAML": lambda repo: (repo / "b.yaml").write_text("models: ["),
    "not a bag of models": lambda repo: (repo / "b.yaml").write_text("models: 0a0b0c0d"),
    "(in quotes)": lambda repo: (repo / "b.yaml").write_text("models: [12345678]"),
    "needs one file 99999999.th": lambda repo: (repo / "b.yaml").write_text("models: ['99999999']"),
    "list of rows of numbers": lambda repo: (repo / "b.yaml").write_text("models: ['0a0b0c0d']\nweights: [1, 1]"),
    "needs 1 rows of 4 weights": lambda repo: (repo / "b.yaml").write_text("models: ['0a0b0c0d']\nweights: [[1]]"),
    "number of seconds": lambda repo: (repo / "b.yaml").write_text("models: ['0a0b0c0d']\nsegment: long"),
}


@pytest.mark.parametrize("text", BROKEN_DEMUCS)
def test_broken_demucs_folders_are_refused_with_a_reason(text, tmp_path, settings):
    demucs_file(tmp_path / "repo")
    BROKEN_DEMUCS[text](tmp_path / "repo")
    with pytest.raises(CadenzaError) as caught:
        register_local("mine", tmp_path / "repo", settings)
    assert text in str(caught.value)
    assert str(tmp_path / "repo") in str(caught.value) or "bag of" in str(caught.value)
    assert local_names(settings) == []


def test_what_is_accepted_is_said_where_nothing_was_found(tmp_path, settings):
    with pytest.raises(CadenzaError, match=r"Demucs folder.*Open-Unmix folder"):
        register_local("mine", tmp_path, settings)
    with pytest.raises(CadenzaError, match="There is no folder"):
        register_local("mine", tmp_path / "nowhere", settings)


def test_mono_models_are_refused(tmp_path, settings):
    demucs_file(tmp_path / "repo", audio_channels=1)
    with pytest.raises(CadenzaError, match="stereo is needed"):
        register_local("mine", tmp_path / "repo", settings)
    change(unmix_folder(tmp_path / "unmix") / "separator.json", nb_channels=1)
    with pytest.raises(CadenzaError, match="stereo is needed"):
        register_local("mine", tmp_path / "unmix", settings)


BROKEN_UNMIX = {
    "cannot be read as JSON": lambda folder: (folder / "separator.json").write_text("{"),
    "`nfft` must be a whole number": lambda folder: change(folder / "separator.json", nfft="many"),
    "`nhop` must be a whole number": lambda folder: change(folder / "separator.json", nhop=0),
    "no TARGET.json": lambda folder: [(folder / f"{name}.json").unlink() for name in SOURCES],
    "needs one file bass.pth": lambda folder: (folder / "bass.pth").unlink(),
    "found was bass-00000000.pth, bass.pth": lambda folder: (folder / "bass-00000000.pth").touch(),
    "has no `args`": lambda folder: change(folder / "bass.json", args=None),
    "does not fit separator.json": lambda folder: change(folder / "separator.json", nfft=2048),
    "does not fit the architecture": lambda folder: change(
        folder / "bass.json", args={"nfft": 1024, "nb_channels": 2, "hidden_size": 10}
    ),
    "not a PyTorch checkpoint": lambda folder: (folder / "bass.pth").write_text("text"),
}


@pytest.mark.parametrize("text", BROKEN_UNMIX)
def test_broken_openunmix_folders_are_refused_with_a_reason(text, tmp_path, settings):
    BROKEN_UNMIX[text](unmix_folder(tmp_path / "unmix"))
    with pytest.raises(CadenzaError) as caught:
        register_local("mine", tmp_path / "unmix", settings)
    assert text in str(caught.value)
    assert local_names(settings) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": {"kind": "demucs"}}', '{"a": {"kind": "x"}}'])
def test_a_damaged_list_of_registrations_is_said(text, settings):
    settings.home.mkdir()
    (settings.home / "models.json").write_text(text)
    with pytest.raises(CadenzaError, match=r"models\.json.*move it away"):
        load_local(settings)


# --- vectors --------------------------------------------------------------------------------------------------------


def test_vectors_of_one_machine_are_verified_on_another_and_other_weights_fail(tmp_path, settings):
    demucs_file(tmp_path / "repo", checksum=False)
    register_local("mine", tmp_path / "repo", settings)
    write_vectors("mine", settings, tmp_path / "out" / "vectors.npz", seconds=0.3)
    same = verify("mine", settings, tmp_path / "out" / "vectors.npz")
    assert same.passed
    assert list(same.differences) == SOURCES
    assert max(same.differences.values()) <= 1e-6
    demucs_file(tmp_path / "repo", checksum=False, seed=9)
    other = verify("mine", settings, tmp_path / "out" / "vectors.npz")
    assert not other.passed
    assert max(other.differences.values()) > same.tolerance


def test_without_vectors_the_digests_are_compared(tmp_path, settings):
    path = demucs_file(tmp_path / "repo")
    register_local("mine", tmp_path / "repo", settings)
    assert verify("mine", settings).passed
    assert verify("mine", settings).differences == {}
    path.write_bytes(path.read_bytes()[:-1])
    result = verify("mine", settings)
    assert not result.passed
    assert "damaged" in result.files[0].fault


def test_a_difference_that_is_no_number_fails(tmp_path, settings):
    demucs_file(tmp_path / "repo")
    register_local("mine", tmp_path / "repo", settings)
    path = tmp_path / "vectors.npz"
    write_vectors("mine", settings, path, seconds=0.1)
    with np.load(path) as file:
        content = {key: file[key] for key in file.files}
    content["stem/bass"] = np.full_like(content["stem/bass"], np.nan)
    np.savez(path, **content)
    assert not verify("mine", settings, path).passed


def test_vectors_of_another_system_or_shape_and_other_files_are_refused(tmp_path, settings):
    demucs_file(tmp_path / "repo")
    register_local("mine", tmp_path / "repo", settings)
    path = tmp_path / "vectors"
    write_vectors("mine", settings, path, seconds=0.1)
    path = tmp_path / "vectors.npz"
    with np.load(path) as file:
        whole = {key: file[key] for key in file.files}
    for changes, text in [
        ({"system": np.array("other")}, "vectors of 'other'"),
        ({"format": np.array("cadenza-vectors-9")}, "cadenza-vectors-9"),
        ({"stem/bass": whole["stem/bass"][:, 1:]}, "shape"),
        ({"tolerance": np.array("wide")}, "lacks a part"),
    ]:
        np.savez(path, **{**whole, **changes})
        with pytest.raises(CadenzaError, match=text):
            verify("mine", settings, path)
    np.savez(path, **{key: value for key, value in whole.items() if key != "mixture"})
    with pytest.raises(CadenzaError, match="mixture"):
        verify("mine", settings, path)
    sides = {f"{side}_{name}": np.zeros(22050) for side in ("left", "right") for name in SOURCES}
    np.savez(path, **sides)
    with pytest.raises(CadenzaError, match="for hdemucs_high_musdb and umxhq"):
        verify("mine", settings, path)
    np.savez(path, left_drums=np.zeros(3))
    with pytest.raises(CadenzaError, match="neither"):
        verify("mine", settings, path)
    np.savez(path, format=np.array([{"a": 1}], dtype=object))
    for bad in (path, tmp_path / "nowhere.npz", tmp_path / "repo"):
        with pytest.raises(CadenzaError, match="cannot be read as vectors"):
            verify("mine", settings, bad)
    with pytest.raises(CadenzaError, match="no separation system"):
        verify("nothing", settings)
