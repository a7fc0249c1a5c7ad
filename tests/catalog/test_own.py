"""What a user adds: uploads, folders, listeners; bad ones leave a sentence and no file."""

import io

import numpy as np
import pytest
import soundfile

from cadenza_core.catalog import library, make_listener
from cadenza_core.catalog.own import (
    add_place,
    add_upload,
    own_listeners,
    places,
    remove_place,
    save_listeners,
    with_own,
)
from cadenza_core.errors import CadenzaError
from cadenza_core.settings import Settings


@pytest.fixture
def wav(noise):
    file = io.BytesIO()
    soundfile.write(file, noise(8820).T, 44100, format="WAV", subtype="PCM_16")
    return file.getvalue()


def names(settings: Settings) -> set[str]:
    return {song.name for song in library(with_own(settings)) if song.kind != "demo"}


@pytest.fixture(autouse=True)
def quick_demo(monkeypatch):
    from cadenza_core.audio import Stems

    quiet = Stems({name: np.zeros((2, 10), np.float32) for name in ("vocals", "drums", "bass", "other")}, 44100)
    monkeypatch.setattr("cadenza_core.catalog.demo.render_demo", lambda: quiet)


def test_an_upload_is_a_song_of_the_library(settings, wav):
    song = add_upload("My song.wav", wav, settings)
    assert song.name == "My song"
    assert names(settings) == {"My song"}
    add_upload("My song.wav", wav, settings)
    assert len(list((settings.home / "uploads").rglob("*.wav"))) == 1


@pytest.mark.parametrize(
    ("name", "cut"),
    [("empty.wav", 0), ("cut.wav", 3000), ("text.wav", None), ("page.html", 4000), ("..", 4000), ("", 4000)],
)
def test_a_bad_upload_is_a_sentence_and_leaves_nothing(settings, wav, name, cut):
    content = b"this is no sound" * 99 if cut is None else wav[:cut]
    with pytest.raises(CadenzaError) as caught:
        add_upload(name, content, settings)
    assert str(settings.home) not in str(caught.value)
    uploads = settings.home / "uploads"
    assert not uploads.exists() or not list(uploads.iterdir())


def test_a_file_over_the_limit_is_refused(settings, wav, monkeypatch):
    monkeypatch.setattr("cadenza_core.catalog.own.MAX_UPLOAD", 1000)
    with pytest.raises(CadenzaError, match="the most"):
        add_upload("long.wav", wav, settings)


def test_an_upload_stays_in_its_folder(settings, wav):
    add_upload("../../..\\evil.wav", wav, settings)
    (path,) = settings.home.rglob("evil.wav")
    assert path.is_relative_to(settings.home / "uploads")


def test_folders_are_remembered_and_forgotten(settings, tmp_path, make_song_folder):
    place = tmp_path / "music"
    make_song_folder(place / "One")
    assert [song.name for song in add_place(f" {place} ", settings)] == ["One"]
    add_place(str(place), settings)
    assert places(settings) == [place]
    assert names(settings) == {"One"}
    remove_place(place, settings)
    assert names(settings) == set()
    assert (place / "One").is_dir()


@pytest.mark.parametrize("text", ["", "/no/such/folder", "a\0b"])
def test_a_folder_that_is_none_is_a_sentence(settings, text):
    with pytest.raises(CadenzaError):
        add_place(text, settings)
    assert places(settings) == []


def test_a_folder_that_is_gone_does_not_hide_the_rest(settings, tmp_path, make_song_folder, wav):
    place = tmp_path / "music"
    make_song_folder(place / "One")
    add_place(str(place), settings)
    place.rename(tmp_path / "elsewhere")
    add_upload("Two.wav", wav, settings)
    assert names(settings) == {"Two"}


def test_own_listeners_are_kept_and_replaced(settings):
    hertz = [250, 500, 1000, 2000, 4000, 6000]
    save_listeners([make_listener("Ana", hertz, [10] * 6, [20] * 6)], settings)
    save_listeners(
        [make_listener("Bo", hertz, [10] * 6, [20] * 6), make_listener("Ana", hertz, [30] * 6, [20] * 6)], settings
    )
    found = own_listeners(settings)
    assert set(found) == {"Ana", "Bo"}
    assert found["Ana"].audiogram_left.levels.tolist() == [30] * 6
    assert with_own(settings).listeners[-1].is_relative_to(settings.home)
