"""Find songs in everything that a user may point at; `make_tree` and `metadata` are in conftest.py."""

import json
import os
import shutil
import subprocess
import sys
import unicodedata
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from cadenza_core.audio import RATE, STEMS
from cadenza_core.catalog import Song, all_listeners, demo_song, find_song, library, listener_files, songs_in
from cadenza_core.errors import CadenzaError

PLACES = ["metadata", "metadata/musdb18hq"]


pytestmark = pytest.mark.usefixtures("demo_is_there")


def names(songs: list[Song]) -> list[str]:
    return [song.name for song in songs]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("below", ["", "audio", "audio/musdb18hq"])
def test_a_musdb18_hq_tree(below, place, suffix, tmp_path, make_tree):
    songs = {song.name: song for song in songs_in(make_tree(tmp_path / "task1", place, suffix) / below)}
    assert list(songs) == ["Train Song", "Valid Song", "Test Song"]
    for song in songs.values():
        assert (song.kind, song.true_stems, "mixture" in song.tracks) == ("musdb18hq", STEMS, True)
        song.check()
    facts = {name: (song.split, song.genre, song.source, song.licence) for name, song in songs.items()}
    assert facts == {
        "Train Song": ("train", "Rock", "MedleyDB", "CC BY"),
        "Valid Song": ("valid", "Pop", "DSD", "Restricted"),
        "Test Song": ("test", "Jazz", "NI", ""),
    }


@pytest.mark.parametrize(
    ("below", "found"),
    [
        ("audio/musdb18hq/train", ["Train Song", "Valid Song"]),
        ("audio/musdb18hq/test", ["Test Song"]),
        ("audio/musdb18hq/train/Valid Song", ["Valid Song"]),
    ],
)
def test_a_part_of_a_tree_has_its_facts_too(below, found, tmp_path, make_tree):
    songs = songs_in(make_tree(tmp_path) / below)
    assert names(songs) == found
    assert {song.kind for song in songs} == {"musdb18hq"}
    assert songs[-1].genre == {"Valid Song": "Pop", "Test Song": "Jazz"}[found[-1]]


@pytest.mark.parametrize("root", ["cadenza_data/task1", "cad1/task1"])
def test_the_folder_above_task1(root, tmp_path, make_tree):
    make_tree(tmp_path / root)
    assert names(songs_in((tmp_path / root).parent)) == ["Train Song", "Valid Song", "Test Song"]


def test_a_relative_path(tmp_path, make_tree, monkeypatch):
    make_tree(tmp_path)
    monkeypatch.chdir(tmp_path / "audio/musdb18hq/train/Train Song")
    for text in (".", "../Train Song", "../../train/Train Song/"):
        (song,) = songs_in(type(tmp_path)(text))
        assert (song.name, song.genre) == ("Train Song", "Rock")
        assert all(file.is_absolute() for file in song.files())


def test_valid_wins_over_train(tmp_path, make_tree, metadata):
    """On disk the songs for validation are in `train`, and some lists of the training set hold them as well."""
    root = make_tree(tmp_path)
    both = metadata["train"] + [{**metadata["valid"][0], "Split": "train"}]
    (root / "metadata/musdb18.train.json").write_text(json.dumps(both))
    assert {song.name: song.split for song in songs_in(root)}["Valid Song"] == "valid"


def test_a_tree_without_metadata(tmp_path, make_tree):
    root = make_tree(tmp_path)
    shutil.rmtree(root / "metadata")
    assert [(song.split, song.genre) for song in songs_in(root)] == [("train", ""), ("train", ""), ("test", "")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[", "is not a JSON text file in UTF-8"),
        (b'[{"Track Name": "A', "is not a JSON text file in UTF-8"),
        (b"\xff\xfe[]", "is not a JSON text file in UTF-8"),
        (b"[" * 100_000, "is not a JSON text file in UTF-8"),
        (b"", "is not a JSON text file in UTF-8"),
        (b"{}", "is not a song list"),
        (b"null", "is not a song list"),
        (b'["A Song"]', "is not a song list"),
        (b'[{"Genre": "Rock"}]', "is not a song list"),
        (b'[{"Track Name": ["A"]}]', "is not a song list"),
        (b'[{"Track Name": null}]', "is not a song list"),
        (b'[{"Track Name": "A", "Genre": 3}]', "is not a song list"),
    ],
)
def test_a_faulty_song_list(content, words, tmp_path, make_tree, settings):
    """It is named, with what is wanted, and never makes the songs vanish without a word."""
    root = make_tree(tmp_path / "root")
    (root / "metadata/musdb18.valid.json").write_bytes(content)
    settings = replace(settings, music=(root,))
    for find in (lambda: songs_in(root), lambda: library(settings), lambda: find_song("Train Song", settings)):
        with pytest.raises(CadenzaError, match=rf'musdb18\.valid\.json {words}.*A song list holds \[{{"Track Name": '):
            find()
    assert find_song("demo", settings).name == "Cadenza Demo"


def test_a_byte_order_mark_in_a_song_list(tmp_path, make_tree):
    path = make_tree(tmp_path) / "metadata/musdb18.train.json"
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert songs_in(tmp_path)[0].genre == "Rock"


def test_composed_and_decomposed_names_are_the_same(tmp_path, make_song_folder, settings):
    """A disk from a Mac has decomposed names; the metadata and what people type are composed."""
    name = "Bj\u00f6rk - J\u00f3ga"
    folder = tmp_path / "musdb18hq/test" / unicodedata.normalize("NFD", name)
    make_song_folder(folder)
    (tmp_path / "metadata").mkdir()
    entries = [{"Track Name": name, "Genre": "Pop"}]
    (tmp_path / "metadata/musdb18.test.json").write_text(json.dumps(entries))
    settings = replace(settings, music=(tmp_path,))
    for text in (name, unicodedata.normalize("NFD", name), str(folder)):
        song = find_song(text, settings)
        assert (song.name, song.genre) == (name, "Pop")
        assert song.mixture().samples.shape == (2, 4410)


@pytest.mark.parametrize("below", ["", "train"])
def test_musdb18_with_stem_mp4(below, tmp_path, write_aac, noise):
    """MUSDB18 as it is distributed: train/*.stem.mp4 and test/*.stem.mp4."""
    for split in ("train", "test"):
        (tmp_path / "musdb18" / split).mkdir(parents=True)
        write_aac(
            tmp_path / "musdb18" / split / f"A {split} song.stem.mp4", [noise(2048, seed=seed) for seed in range(5)]
        )
    (tmp_path / "metadata").mkdir()
    entries = [{"Track Name": "A train song", "Genre": "Rock"}]
    (tmp_path / "metadata/musdb18.train.json").write_text(json.dumps(entries))
    songs = songs_in(tmp_path / "musdb18" / below)
    assert names(songs) == ["A train song", "A test song"][: 1 if below else 2]
    assert (songs[0].kind, songs[0].split, songs[0].genre, songs[0].has_stems) == ("stem.mp4", "train", "Rock", True)
    assert songs_in(tmp_path / "musdb18/train/A train song.stem.mp4") == [songs[0]]


def test_a_folder_of_anything(tmp_path, make_song_folder, write_aac, noise):
    make_song_folder(tmp_path / "Stems", ["vocals"])
    soundfile.write(tmp_path / "a.wav", noise().T, RATE)
    soundfile.write(tmp_path / "b.FLAC", noise().T, RATE, format="FLAC")
    soundfile.write(tmp_path / "c.mp3", noise().T, RATE)
    soundfile.write(tmp_path / "d.ogg", noise().T, RATE)
    write_aac(tmp_path / "e.m4a", [noise()])
    write_aac(tmp_path / "f.aac", [noise()])
    write_aac(tmp_path / "g.stem.mp4", [noise()] * 5)
    (tmp_path / "notes.txt").write_text("no sound")
    (tmp_path / "x.wav").mkdir()
    (tmp_path / "empty").mkdir()
    songs = songs_in(tmp_path)
    kinds = {song.name: song.kind for song in songs}
    assert kinds == {"Stems": "folder", **dict.fromkeys("abcdef", "file"), "g": "stem.mp4"}
    for song in songs:
        if song.name != "Stems":
            assert song.mixture().samples.shape[0] == 2
    for name in ("a.wav", "c.mp3", "e.m4a", "f.aac"):
        (song,) = songs_in(tmp_path / name)
        assert (song.name, song.kind, list(song.tracks)) == (name[0], "file", ["mixture"])


def test_what_is_hidden_is_left_out(tmp_path, make_song_folder, noise):
    """Among them what a killed process leaves (.partial-...), and what a Mac writes beside every file (._...)."""
    make_song_folder(tmp_path / ".partial-A Song-1234")
    make_song_folder(tmp_path / "train" / ".partial-B Song-1234")
    make_song_folder(tmp_path / "train" / "B Song")
    (tmp_path / "._a.wav").write_bytes(b"\0")
    (tmp_path / "train" / "B Song" / "._vocals.wav").write_bytes(b"\0")
    soundfile.write(tmp_path / "a.wav", noise().T, RATE)
    assert names(songs_in(tmp_path)) == ["B Song", "a"]


@pytest.mark.parametrize("name", ["test", "train"])
def test_a_folder_that_only_looks_like_a_tree_hides_nothing(name, tmp_path, make_song_folder, noise):
    soundfile.write(tmp_path / "a.wav", noise().T, RATE)
    make_song_folder(tmp_path / "Stems")
    (tmp_path / name).mkdir()
    assert names(songs_in(tmp_path)) == ["Stems", "a"]
    soundfile.write(tmp_path / name / "b.wav", noise().T, RATE)
    assert names(songs_in(tmp_path)) == ["b", "Stems", "a"]


def test_names_of_stems_in_capitals(tmp_path, make_song_folder):
    folder = make_song_folder(tmp_path / "A Song")
    for file in list(folder.iterdir()):
        file.rename(folder / file.name.upper())
    (song,) = songs_in(folder)
    assert song.has_stems
    assert song.mixture().samples.shape == (2, 4410)


def test_two_files_for_one_stem(tmp_path, make_song_folder):
    folder = make_song_folder(tmp_path / "A Song")
    make_song_folder(folder, ["vocals"], suffix=".flac")
    with pytest.raises(CadenzaError, match=r"A Song has two files for vocals: vocals\.flac and vocals\.wav\. Move one"):
        songs_in(tmp_path)


def test_a_place_without_songs(tmp_path):
    (tmp_path / "notes.txt").write_text("no sound")
    with pytest.raises(CadenzaError, match=r"No songs in .*: no .*train,test.*no \.stem\.mp4.*vocals.*\.flac.*\.wav"):
        songs_in(tmp_path)
    with pytest.raises(
        CadenzaError, match=r"notes\.txt is not taken for sound: names that end in .*\.flac.* are accepted"
    ):
        songs_in(tmp_path / "notes.txt")


def test_a_place_that_is_not_there(tmp_path):
    for name in ("gone", "gone.wav", "x" * 300, "a\0b"):
        with pytest.raises(CadenzaError, match=r"There is no folder or file|cannot be read: File name too long"):
            songs_in(tmp_path / name)
    (tmp_path / "link.wav").symlink_to("gone.wav")
    with pytest.raises(CadenzaError, match=r"link\.wav is a link to gone\.wav, which is not there"):
        songs_in(tmp_path / "link.wav")


def test_a_link_keeps_its_name(tmp_path, make_song_folder):
    make_song_folder(tmp_path / "x123")
    (tmp_path / "A Song").symlink_to("x123")
    assert names(songs_in(tmp_path / "A Song")) == ["A Song"]
    (tmp_path / "gone.wav").symlink_to("nowhere.wav")
    gone = {song.name: song for song in songs_in(tmp_path)}["gone"]
    with pytest.raises(CadenzaError, match=r"gone\.wav is a link to nowhere\.wav, which is not there"):
        gone.mixture()


def test_a_place_without_permission(unprivileged, noise, caplog):
    with unprivileged() as place:
        soundfile.write(place / "a.wav", noise().T, RATE)
        (place / "lost+found").mkdir(mode=0)
        assert names(songs_in(place)) == ["a"]
        assert "lost+found was passed over: Permission denied" in caplog.text
        for inside in ("lost+found", "lost+found/a.wav"):
            with pytest.raises(CadenzaError, match=r"lost\+found.* cannot be read: Permission denied"):
                songs_in(place / inside)


@pytest.mark.parametrize(
    "name",
    ["with space", 'it\'s "quoted"', "caf\u00e9", "\u6b4c", "two\nlines", "a..b", "~tilde", "demo", "[1]*", "C:x"],
)
def test_any_name_is_found(name, tmp_path, make_song_folder, settings):
    folder = make_song_folder(tmp_path / "music" / name)
    settings = replace(settings, music=(tmp_path / "music",))
    assert find_song(str(folder), settings).mixture().samples.shape == (2, 4410)
    found = find_song(name, settings)
    assert found.kind == ("demo" if name == "demo" else "folder")


def test_a_name_that_is_not_utf_8(tmp_path, make_song_folder, settings):
    """It can be printed and found again."""
    folder = tmp_path / "music" / os.fsdecode(b"caf\xe9")
    try:
        make_song_folder(tmp_path / "music" / "cafe").rename(folder)
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")
    settings = replace(settings, music=(tmp_path / "music",))
    song = library(settings)[1]
    assert (song.id, song.name) == ("caf\ufffd", "caf\ufffd")
    assert find_song(song.id, settings) == find_song(str(folder), settings) == song
    assert song.mixture().samples.shape == (2, 4410)


def test_the_library(tmp_path, make_tree, settings, noise):
    soundfile.write(tmp_path / "a.wav", noise().T, RATE)
    root = make_tree(tmp_path / "root")
    songs = library(replace(settings, music=(root, tmp_path / "a.wav")))
    assert [song.id for song in songs] == ["demo", "Train Song", "Valid Song", "Test Song", "a"]
    assert find_song("Test Song", replace(settings, music=(root,))).split == "test"


def test_ids_are_unique(tmp_path, make_song_folder, settings, noise):
    one, other = make_song_folder(tmp_path / "1" / "A Song"), make_song_folder(tmp_path / "2" / "A Song")
    for name in ("b.wav", "b.flac"):
        soundfile.write(tmp_path / "1" / name, noise().T, RATE)
    make_song_folder(tmp_path / "2" / "demo")
    settings = replace(settings, music=(tmp_path / "1", tmp_path / "2"))
    songs = library(settings)
    ids = [song.id for song in songs]
    assert len(set(ids)) == len(ids) == 6
    assert ids[0] == "demo"
    assert {str(one), str(other), str(tmp_path / "1/b.wav"), str(tmp_path / "1/b.flac")} < set(ids)
    for song in songs:
        assert find_song(song.id, settings).files() == song.files()
    with pytest.raises(CadenzaError, match=f"'A Song' is the name of several songs: {one}, {other}"):
        find_song("A Song", settings)


def test_a_song_that_is_reached_in_two_ways_is_there_once(tmp_path, make_tree, settings):
    root = make_tree(tmp_path / "root")
    places = (root, root / "audio", root / "audio/musdb18hq/train/Train Song", root)
    assert [song.id for song in library(replace(settings, music=places))] == [
        "demo",
        "Train Song",
        "Valid Song",
        "Test Song",
    ]


@pytest.mark.parametrize(
    "text", ["", "no such song", "/no/such/path", "~nobody-of-this-name/a", "x" * 5000, "a\0b", "\ud800"]
)
def test_a_song_that_is_not_there(text, settings):
    with pytest.raises(CadenzaError, match=r"There is no song .*`cadenza songs` lists them; CADENZA_MUSIC or --music"):
        find_song(text, settings)


def test_a_path_of_several_songs(tmp_path, make_tree, settings):
    with pytest.raises(
        CadenzaError, match=r"holds 3 songs \(Train Song, Valid Song, Test Song\)\. Give the path of one"
    ):
        find_song(str(make_tree(tmp_path / "root")), settings)


def test_a_path_below_the_home_folder(tmp_path, make_song_folder, settings, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    make_song_folder(tmp_path / "A Song")
    assert find_song("~/A Song", settings).name == "A Song"


def test_a_folder_of_the_settings_that_is_not_there(tmp_path, settings):
    with pytest.raises(CadenzaError, match=r"There is no folder or file .*gone"):
        library(replace(settings, music=(tmp_path / "gone",)))


def test_the_demo_song_is_made_once(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "cadenza_core.catalog.demo", None)  # what makes it cannot be imported
    song = demo_song(settings)
    assert (song.id, song.kind, song.true_stems) == ("demo", "demo", STEMS)
    assert find_song("demo", settings) == song
    assert library(settings) == [song]


def test_the_real_tree(shared_data, tmp_path, settings):
    subprocess.run([sys.executable, shared_data / "musdb_tree.py", tmp_path], check=True)
    settings = replace(settings, music=(tmp_path,))
    sodium, lithium = library(settings)[1:]
    assert (sodium.name, sodium.split, sodium.licence) == ("Software-Entwicklungskit - Sodium", "train", "CC0")
    assert (lithium.name, lithium.split, lithium.genre) == ("Software-Entwicklungskit - Lithium", "test", "Electronic")
    assert [file.name for file in listener_files(settings)] == [
        f"listeners.{p}.json" for p in ("train", "valid", "test")
    ]
    assert len(all_listeners(listener_files(settings))) == 11 + 83 + 2
    lithium.check()
    assert np.abs(lithium.stems().mixture() - lithium.mixture().samples).max() == 0
    flac = find_song(str(shared_data / "musdb18hq/test/Software-Entwicklungskit - Lithium"), settings)
    assert np.array_equal(flac.stem("bass"), lithium.stem("bass"))
    assert names(songs_in(shared_data / "musdb18hq")) == [sodium.name, lithium.name]
    assert len(songs_in(shared_data / "music")) == 3
