"""Weights: where they are looked for, whether they are whole, how they are fetched; and files that must be refused."""

import hashlib
import http.server
import json
import os
import pickle
import subprocess
import sys
import threading
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

from cadenza_core.errors import CadenzaError, Cancelled, WeightsMissing
from cadenza_core.separation import demucs, weights
from cadenza_core.separation.base import SystemInfo, register, registered
from cadenza_core.separation.checkpoints import demucs_model, read_state, read_torch
from cadenza_core.separation.download import DownloadFailed, download
from cadenza_core.separation.weights import HubFile, WeightFile, fetch, find, remove, require, sha256_of, status
from cadenza_core.settings import Settings

SOURCES = ("drums", "bass", "other", "vocals")


@pytest.fixture(autouse=True)
def caches(monkeypatch, tmp_path):
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", models=tmp_path / "models", device="cpu")


def sha(content):
    return hashlib.sha256(content).hexdigest()


def put(path, content=b"weights"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# --- where weights are found --------------------------------------------------------------------------------------


CACHES = """
import importlib, os, pathlib, torch.hub
from huggingface_hub import constants
from cadenza_core.separation import weights
names = ("TORCH_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME")
for given in (
    {}, {"XDG_CACHE_HOME": "/x"}, {"TORCH_HOME": "/t"}, {"TORCH_HOME": "~/t"}, {"HF_HOME": "/h"}, {"HF_HOME": "$HOME/h"},
    {"HF_HUB_CACHE": "/c", "HF_HOME": "/h"}, {"HUGGINGFACE_HUB_CACHE": "/old"}, {"HF_HUB_CACHE": "~/c"},
):
    for name in names:
        os.environ.pop(name, None)
    os.environ.update(given)
    importlib.reload(constants)
    assert pathlib.Path(torch.hub.get_dir()) == weights.torch_cache(), given
    assert pathlib.Path(constants.HF_HUB_CACHE) == weights.hub_cache(), given
print("all alike")
"""


def test_caches_are_where_torch_and_huggingface_hub_say():
    done = subprocess.run([sys.executable, "-c", CACHES], capture_output=True, text=True)
    assert done.stdout.strip() == "all alike", done.stderr


def test_places_are_searched_in_order(settings, tmp_path):
    hub = HubFile("adefossez/HTDemucs", "955717e8.safetensors")
    file = WeightFile("a.th", sha256="00", cached_as="checkpoints/a.th", hub=hub)
    repo = tmp_path / "hf" / "hub" / "models--adefossez--HTDemucs"
    places = [
        settings.models / "sys" / "a.th", settings.models / "a.th", tmp_path / "torch" / "hub" / "checkpoints" / "a.th",
        settings.models / "sys" / hub.name, settings.models / hub.name, repo / "snapshots" / "new" / hub.name,
        repo / "snapshots" / "old" / hub.name,
    ]  # fmt: skip
    put(repo / "refs" / "main", b"new\n")
    for place in places:
        put(place)
    os.utime(repo / "snapshots" / "old", (2e9, 2e9))  # newer on disk, but not where the main branch points to
    for place in places:
        assert find(file, "sys", settings).path == place
        place.unlink()
    assert find(file, "sys", settings) is None


def test_a_folder_of_that_name_and_a_broken_link_are_no_weights(settings):
    folder = settings.models / "sys"
    (folder / "a.th").mkdir(parents=True)
    (folder / "b.th").symlink_to(folder / "nowhere")
    for name in ("a.th", "b.th"):
        assert find(WeightFile(name), "sys", settings) is None


def test_missing_weights_are_one_error_with_files_places_and_command(settings, monkeypatch):
    monkeypatch.setattr(weights, "download", partial(_offline))
    with pytest.raises(WeightsMissing) as caught:
        require("mdx", demucs.BAGS["mdx"].files, settings)
    text = str(caught.value)
    for file in demucs.BAGS["mdx"].files:
        assert file.name in text
    for place in (settings.models / "mdx", settings.models, weights.torch_cache() / "checkpoints", weights.hub_cache()):
        assert str(place) in text
    assert "`cadenza models get mdx`" in text
    assert "no network" in text


def _offline(url, path, **options):
    raise DownloadFailed("no network")


# --- whether they are whole -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("digits", [8, 64])
def test_a_wrong_digest_is_said_and_nothing_is_fetched_instead(digits, settings, monkeypatch):
    monkeypatch.setattr(weights, "download", lambda *args, **options: pytest.fail("downloaded"))
    file = WeightFile("a.th", url="http://127.0.0.1:9/a.th", sha256=sha(b"right")[:digits])
    path = put(settings.models / "sys" / "a.th", b"right")
    assert require("sys", [file], settings) == [path]
    put(path, b"wrong, and longer")
    with pytest.raises(CadenzaError, match=r"damaged.*Delete it") as caught:
        require("sys", [file], settings)
    assert not isinstance(caught.value, WeightsMissing)
    assert path.read_bytes() == b"wrong, and longer"


def test_a_file_changed_in_this_process_is_hashed_again(tmp_path):
    path = put(tmp_path / "a", b"one")
    assert sha256_of(path) == sha(b"one")
    put(path, b"two")
    os.utime(path, ns=(1, 1))
    assert sha256_of(path) == sha(b"two")


def test_the_hub_s_blob_name_is_the_digest_where_none_is_published(settings, tmp_path):
    repo = tmp_path / "hf" / "hub" / "models--adefossez--Demucs-mdx"
    blob = put(repo / "blobs" / sha(b"content"), b"content")
    link = repo / "snapshots" / "c0ffee" / "0d19c1c6.safetensors"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    file = demucs.BAGS["mdx"].files[0]
    located = find(file, "mdx", settings)
    located.check()
    assert located.fingerprint == f"0d19c1c6.safetensors:{sha(b'content')}"
    blob.write_bytes(b"conte")  # cut off
    with pytest.raises(CadenzaError, match="damaged"):
        find(file, "mdx", settings).check()


# --- how they are fetched -------------------------------------------------------------------------------------------

CONTENT = bytes(range(256)) * 8000  # 2 MB: several blocks


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path.startswith("/missing"):
            return self.send_error(404)
        self.send_response(200)
        if not self.path.startswith("/unsized"):
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:500_000] if self.path.startswith("/cut") else CONTENT)
        return None

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        running.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def left(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


@pytest.mark.parametrize("page", ["ok", "unsized"])
def test_a_download_is_whole_checked_and_tells_its_progress(page, server, tmp_path):
    seen = []
    digest = download(
        f"{server.url}/{page}/a.th", tmp_path / "x" / "a.th", sha256=sha(CONTENT)[:8],
        progress=lambda done, text: seen.append(done),
    )  # fmt: skip
    assert digest == sha(CONTENT)
    assert (tmp_path / "x" / "a.th").read_bytes() == CONTENT
    assert left(tmp_path) == ["a.th"]
    assert seen == sorted(seen)
    assert page == "unsized" or (len(seen) > 3 and seen[-1] == 1)


@pytest.mark.parametrize(
    ("page", "digest", "error", "text"),
    [
        ("cut", "", DownloadFailed, r"after 0\.5 MB of 2\.0 MB"),
        ("missing", "", DownloadFailed, "Not Found"),
        ("ok", "0" * 64, CadenzaError, "SHA-256"),
        ("ok", "0" * 8, CadenzaError, "thrown away"),
    ],
)
def test_a_bad_download_leaves_nothing(page, digest, error, text, server, tmp_path):
    with pytest.raises(error, match=text):
        download(f"{server.url}/{page}/a.th", tmp_path / "a.th", sha256=digest)
    assert left(tmp_path) == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a", "http://name.invalid/a", "nonsense", "http://[::1"])
def test_no_server_is_a_failed_download(url, tmp_path):
    with pytest.raises(DownloadFailed):
        download(url, tmp_path / "a")


def test_cancelling_a_download_leaves_nothing(server, tmp_path):
    def stop(done, text):
        if done > 0.3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        download(f"{server.url}/ok/a.th", tmp_path / "a.th", progress=stop)
    assert left(tmp_path) == []


@pytest.fixture
def system(server, tmp_path):
    """A system of three files on the local server; the third has no published digest."""
    files = [WeightFile(f"{n}.th", f"{server.url}/ok/{n}.th", sha(CONTENT)[:8], len(CONTENT)) for n in "ab"]
    files.append(WeightFile("c.th", f"{server.url}/ok/c.th", "", len(CONTENT)))
    info = SystemInfo("fetched", "Fetched", "MIT", "nothing", False, 6.0, "", stems=SOURCES)
    register(info, lambda settings: demucs.DemucsSeparator(info, demucs.Bag(tuple(files)), settings))
    yield files
    registered().pop("fetched")


def test_fetch_gets_what_is_missing_and_status_follows(system, server, settings):
    before = status("fetched", settings)
    assert [file.name for file in before.missing] == ["a.th", "b.th", "c.th"]
    assert not before.ready
    put(settings.models / "b.th", CONTENT)
    seen = []
    after = fetch("fetched", settings, lambda done, text: seen.append(done))
    assert server.asked == ["/ok/a.th", "/ok/c.th"]
    assert after.ready
    assert after.size == 3 * len(CONTENT)
    assert [entry.path.parent.name for entry in after.files] == ["fetched", "models", "fetched"]
    assert seen == sorted(seen)
    assert seen[-1] == 1
    fetch("fetched", settings)
    assert len(server.asked) == 2
    assert {path.name for path in remove("fetched", settings)} == {"a.th", "c.th"}
    assert left(settings.models) == ["b.th"]


def test_without_a_published_digest_the_one_of_the_download_is_kept(system, settings):
    """And so later damage is noticed."""
    fetch("fetched", settings)
    path = settings.models / "fetched" / "c.th"
    assert (path.parent / "c.th.sha256").read_text() == sha(CONTENT)
    path.write_bytes(CONTENT[:-1])
    assert status("fetched", settings).ready  # a glance
    checked = status("fetched", settings, check=True)
    assert checked.files[2].sha256 == sha(CONTENT)
    assert not checked.ready
    assert "damaged" in checked.files[2].fault
    with pytest.raises(CadenzaError, match="damaged"):
        fetch("fetched", settings)


def test_an_empty_file_is_seen_at_a_glance(system, settings):
    put(settings.models / "a.th", b"")
    assert status("fetched", settings).files[0].fault == "empty"


def test_what_was_fetched_whole_stays_when_a_later_file_fails(system, server, settings):
    system[1:] = [WeightFile("b.th", f"{server.url}/cut/b.th", sha(CONTENT), 1)]
    with pytest.raises(WeightsMissing, match=r"b\.th.*the connection ended"):
        fetch("fetched", settings)
    assert left(settings.models) == ["a.th"]
    system[1:] = [WeightFile("b.th", f"{server.url}/ok/b.th", sha(CONTENT), 1)]
    assert fetch("fetched", settings).ready
    assert server.asked == ["/ok/a.th", "/cut/b.th", "/ok/b.th"]


def test_what_a_killed_download_left_is_swept_and_never_taken_for_whole(system, settings):
    put(settings.models / "fetched" / ".partial-0123.th", CONTENT[:1000])
    assert not status("fetched", settings).ready
    fetch("fetched", settings)
    assert left(settings.models) == ["a.th", "b.th", "c.th", "c.th.sha256"]


def test_two_that_fetch_the_same_download_it_once(system, server, settings):
    threads = [threading.Thread(target=fetch, args=("fetched", settings)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(server.asked) == ["/ok/a.th", "/ok/b.th", "/ok/c.th"]
    assert status("fetched", settings, check=True).ready


def test_waiting_for_another_download_can_be_cancelled(system, settings):
    import filelock

    def stop(done, text):
        assert "another process" in text
        raise Cancelled("enough")

    (settings.models / "fetched").mkdir(parents=True)
    with filelock.FileLock(settings.models / "fetched" / ".lock"), pytest.raises(Cancelled):
        fetch("fetched", settings, stop)


def test_a_model_folder_that_cannot_be_written_is_said(system, settings, tmp_path):
    put(settings.models, b"a file, not a folder")
    with pytest.raises(CadenzaError, match="Cannot write"):
        fetch("fetched", settings)


def test_unknown_systems_and_systems_without_weights(settings):
    for ask in (status, fetch, remove):
        with pytest.raises(CadenzaError, match=r"no separation system 'nothing'"):
            ask("nothing", settings)
    assert status("reference", settings).ready
    assert fetch("reference", settings).files == ()
    assert remove("reference", settings) == ()


# --- files that must be refused -------------------------------------------------------------------------------------


def package(**changes):
    """What a Demucs file holds, from a small network."""
    import torch
    from demucs.demucs import Demucs
    from demucs.states import get_state

    torch.manual_seed(0)
    model = Demucs(sources=list(SOURCES), channels=4, segment=Fraction(2, 5))
    args, kwargs = model._init_args_kwargs
    whole = {"klass": Demucs, "args": args, "kwargs": kwargs, "state": get_state(model, None, half=True)}
    return {**whole, "training_args": {"lr": 3e-4}, **changes}


def saved(path, content):
    import torch

    torch.save(content, path)
    return path


def test_half_precision_becomes_float32_and_fractions_and_numpy_numbers_are_read(tmp_path):
    import torch
    from demucs.states import load_model

    content = package(training_args={"lr": np.float64(3e-4), "epochs": np.int64(3), "dset": [1, {"a": None}]})
    path = saved(tmp_path / "a.th", content)
    ours, theirs = demucs_model(path), load_model(path)
    assert ours.segment == Fraction(2, 5)
    for name, value in theirs.state_dict().items():
        assert ours.state_dict()[name].dtype == torch.float32
        assert torch.equal(ours.state_dict()[name], value)


def test_the_class_name_of_the_mdx_models_is_read(tmp_path):
    """They were pickled as ``demucs.wdemucs.WDemucs``, today an alias."""
    import torch
    from demucs.hdemucs import HDemucs
    from demucs.states import get_state

    model = HDemucs(sources=list(SOURCES), channels=8)
    args, kwargs = model._init_args_kwargs
    content = {"klass": HDemucs, "args": args, "kwargs": kwargs, "state": get_state(model, None)}
    HDemucs.__module__, HDemucs.__qualname__, HDemucs.__name__ = "demucs.wdemucs", "WDemucs", "WDemucs"
    try:
        path = saved(tmp_path / "a.th", content)
    finally:
        HDemucs.__module__, HDemucs.__qualname__, HDemucs.__name__ = "demucs.hdemucs", "HDemucs", "HDemucs"
    assert b"wdemucs" in path.read_bytes()
    assert isinstance(demucs_model(path), HDemucs)
    assert torch.equal(
        demucs_model(path).state_dict()["freq_emb.embedding.weight"], content["state"]["freq_emb.embedding.weight"]
    )


def hub_file(path, model, **changes):
    """Write what Demucs' export to the Hugging Face hub writes, as ``demucs.hf`` reads it."""
    from safetensors.torch import save_file

    def encoded(value):
        if isinstance(value, Fraction):
            return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}
        return value

    args, kwargs = model._init_args_kwargs
    facts = {
        "klass": f"{type(model).__module__}.{type(model).__qualname__}",
        "args": json.dumps([encoded(value) for value in args]),
        "kwargs": json.dumps({key: encoded(value) for key, value in kwargs.items()}),
    }
    state = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(state, str(path), {**facts, **changes})
    return path


def test_safetensors_give_the_model_that_the_package_reads(tmp_path):
    import torch
    from demucs.demucs import Demucs
    from demucs.hf import load_safetensors_model

    torch.manual_seed(0)
    path = hub_file(tmp_path / "a.safetensors", Demucs(sources=list(SOURCES), channels=4, segment=Fraction(2, 5)))
    ours, theirs = demucs_model(path), load_safetensors_model(path)
    assert ours.segment == theirs.segment == Fraction(2, 5)
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in theirs.state_dict().items())


def test_safetensors_that_name_another_class_are_refused_and_nothing_is_run(tmp_path):
    from demucs.demucs import Demucs

    trap = tmp_path / "trap"
    path = hub_file(
        tmp_path / "a.safetensors", Demucs(sources=list(SOURCES), channels=4), klass="os.mkdir",
        args=json.dumps([str(trap)]), kwargs="{}",
    )  # fmt: skip
    with pytest.raises(CadenzaError, match=r"os\.mkdir"):
        demucs_model(path)
    assert not trap.exists()


class Trap:
    """A pickle that makes a folder when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_that_would_run_a_program_is_refused_and_not_run(tmp_path):
    trap = tmp_path / "trap"
    in_archive = saved(tmp_path / "a.th", package(training_args=Trap(str(trap))))
    bare = tmp_path / "b.th"
    bare.write_bytes(pickle.dumps({"state": Trap(str(trap))}))
    for path in (in_archive, bare):
        for read in (demucs_model, read_state):
            with pytest.raises(CadenzaError) as caught:
                read(path)
            assert "weights_only=False" not in str(caught.value)  # torch's own advice would undo the protection
    with pytest.raises(CadenzaError, match=r"mkdir\) and was not loaded"):
        demucs_model(in_archive)
    assert not trap.exists()
    pickle.loads(bare.read_bytes())
    assert trap.exists()  # the trap works


def test_what_is_allowed_for_one_file_is_not_allowed_afterwards(tmp_path):
    path = saved(tmp_path / "a.th", package())
    demucs_model(path)
    with pytest.raises(CadenzaError, match="Demucs"):
        read_torch(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.th", b"this is a text\n"), ("a.th", b""), ("a.th", b"PK\x03\x04 but no archive"), ("a.th", b"\x80\x02"),
        ("a.th", pickle.dumps([1, 2])), ("a.safetensors", b"this is a text\n"), ("a.safetensors", b""),
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_said(name, content, tmp_path):
    path = put(tmp_path / name, content)
    with pytest.raises(CadenzaError, match=r"a\.(th|safetensors)"):
        demucs_model(path)


@pytest.mark.parametrize("keep", [10, 1000, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(keep, tmp_path):
    content = saved(tmp_path / "whole.th", package()).read_bytes()
    path = put(tmp_path / "a.th", content[: keep if keep > 1 else int(keep * len(content))])
    with pytest.raises(CadenzaError, match=r"a\.th"):
        demucs_model(path)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"klass": Fraction}, "Fraction"),
        ({"klass": "Demucs"}, "not a Demucs package"),
        ({"state": {}}, "does not fit the architecture Demucs"),
        ({"state": {"__quantized": True}}, "quantised"),
        ({"kwargs": {"sources": ["a"], "channels": "many"}}, "does not fit"),
        ({"args": None}, "not a Demucs package"),
    ],
)
def test_packages_that_do_not_fit_are_refused(changes, text, tmp_path):
    with pytest.raises(CadenzaError, match=text):
        demucs_model(saved(tmp_path / "a.th", package(**changes)))


def test_a_state_that_holds_more_than_tensors_is_refused(tmp_path):
    for content in ({"a": 1}, [1], {"state_dict": {}}):
        with pytest.raises(CadenzaError, match="tensors by name"):
            read_state(saved(tmp_path / "a.pt", content))
