"""Roles of people who sign in, and what is theirs alone."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from cadenza_core.catalog import own
from cadenza_core.catalog.library import library
from cadenza_core.catalog.listeners import all_listeners, make_listener
from cadenza_core.catalog.own import add_place, add_upload, save_listeners, with_own
from cadenza_core.errors import CadenzaError
from cadenza_core.people import Person, Role, read_roles, role_of
from cadenza_core.remix import MixSettings, Presets


def person(settings, name):
    return replace(settings, person=Person(name, Role.RESEARCHER).digest)


def sound(path, seed=0, seconds=0.2, channels=2, rate=44100):
    noise = np.random.default_rng(seed).uniform(-0.2, 0.2, (int(seconds * rate), channels))
    soundfile.write(path, noise, rate)
    return path.read_bytes()


def test_the_exact_address_wins_over_patterns_and_the_first_pattern_over_others(tmp_path):
    (tmp_path / "people.toml").write_text(
        '"*@lab.org" = "participant"\n"Ana@Lab.org" = "researcher"\n"*" = "viewer"\n', encoding="utf-8"
    )
    roles = read_roles(tmp_path)
    assert role_of("ana@lab.org", roles) is Role.RESEARCHER
    assert role_of("BO@lab.org", roles) is Role.PARTICIPANT
    assert role_of("eve@lab.org.evil.com", roles) is Role.VIEWER
    assert role_of("anyone", {}) is Role.VIEWER


@pytest.mark.parametrize(
    "text", ['"a" = "king"', '"a" = 3', "[people]\na = 1", "not toml", '"a" = "researcher"\n"a" = "viewer"']
)
def test_faulty_roles_are_refused_with_the_file(tmp_path, text):
    (tmp_path / "people.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CadenzaError, match=r"people\.toml"):
        read_roles(tmp_path)


def test_no_address_is_part_of_a_path():
    for address in ("../../etc/passwd", "a/b", "", "x\0y", "\ud800"):
        assert set(Person(address, Role.VIEWER).digest) <= set("0123456789abcdef")


def test_uploads_listeners_and_presets_are_private_unless_shared(settings, tmp_path):
    ana, bo = person(settings, "ana"), person(settings, "bo")
    mine = add_upload("mine.wav", sound(tmp_path / "a.wav"), ana)
    ours = add_upload("ours.wav", sound(tmp_path / "b.wav", 1), ana, shared=True)
    save_listeners([make_listener("Ana's", [250, 500, 1000, 2000, 4000, 6000], [20] * 6, [20] * 6)], ana)
    names = {who: {song.name for song in library(with_own(one))} for who, one in (("ana", ana), ("bo", bo))}
    assert {mine.name, ours.name} <= names["ana"]
    assert ours.name in names["bo"] and mine.name not in names["bo"]
    assert "Ana's" in all_listeners(with_own(ana).listeners)
    assert "Ana's" not in all_listeners(with_own(bo).listeners)
    Presets(ana.own / "presets").save("s", "l", "loud", MixSettings())
    assert not Presets(bo.own / "presets").all("s", "l")
    assert not Presets(settings.own / "presets").all("s", "l")


def test_a_person_cannot_name_a_folder_of_the_server(settings, tmp_path):
    sound(tmp_path / "a.wav")
    with pytest.raises(CadenzaError, match="added by who runs it"):
        add_place(str(tmp_path), person(settings, "ana"))
    assert add_place(str(tmp_path), settings)


def test_the_quota_counts_files_and_bytes_of_each_person_alone(settings, tmp_path, monkeypatch):
    content = [sound(tmp_path / "a.wav", seed) for seed in range(3)]
    ana, bo = person(settings, "ana"), person(settings, "bo")
    monkeypatch.setattr(own, "QUOTA", 2 * len(content[0]) + 10)
    for number in (0, 1):
        add_upload(f"{number}.wav", content[number], ana)
    with pytest.raises(CadenzaError, match="2 of 200 uploads"):
        add_upload("2.wav", content[2], ana)
    add_upload("0.wav", content[0], ana)  # what is there already takes no room
    add_upload("2.wav", content[2], bo)
    monkeypatch.setattr(own, "MAX_UPLOADS", 1)
    with pytest.raises(CadenzaError, match="1 of 1 uploads"):
        add_upload("1.wav", content[1], bo)
    add_upload("1.wav", content[1], settings)  # one's own machine has no quota


def test_what_unpacks_to_too_much_or_lasts_too_long_is_refused_before_it_is_decoded(settings, tmp_path, monkeypatch):
    bomb = tmp_path / "bomb.flac"
    soundfile.write(bomb, np.zeros((44100 * 180, 2), np.int16), 44100, subtype="PCM_16")
    monkeypatch.setattr(own, "_check_quota", None)
    reads = []
    monkeypatch.setattr("cadenza_core.catalog.songs.read_audio", lambda *args, **kwargs: reads.append(args))
    with pytest.raises(CadenzaError, match="this is no music"):
        add_upload("bomb.flac", bomb.read_bytes(), settings)
    monkeypatch.setattr(own, "MAX_SECONDS", 0.1)
    with pytest.raises(CadenzaError, match="is the most"):
        add_upload("long.wav", sound(tmp_path / "a.wav"), settings)
    assert not reads
    assert not any((settings.home / "uploads").rglob("*.*"))


def test_a_third_channel_is_refused(settings, tmp_path):
    with pytest.raises(CadenzaError, match="3 channels"):
        add_upload("a.wav", sound(tmp_path / "a.wav", channels=3), settings)


def test_an_upload_is_removed_by_its_owner_and_nothing_else_is(settings, tmp_path):
    ana, bo = person(settings, "ana"), person(settings, "bo")
    add_upload("mine.wav", sound(tmp_path / "a.wav"), ana)
    (path,) = own.uploads(ana)
    own.remove_upload(path, bo)
    own.remove_upload(tmp_path / "a.wav", ana)
    assert path.is_file() and (tmp_path / "a.wav").is_file()
    own.remove_upload(path, ana)
    assert own.uploads(ana) == [] and not path.parent.exists()
