"""The levels of a set of sounds as the browser gets them: the core's numbers, measured once."""

import os

import numpy as np
import pytest

from cadenza_core.audio import read_audio
from cadenza_core.errors import CadenzaError
from cadenza_core.hearing.audibility import band_powers
from cadenza_core.playback import Sounds, levels_file
from cadenza_core.playback.sounds import sound_id

ID = sound_id("levels")


@pytest.fixture
def sounds(tmp_path, noise) -> Sounds:
    made = Sounds(tmp_path / "playback")
    made.put(ID, {"vocals": noise(30000), "drums": 9 * noise(30000, seed=1)}, 44100)
    return made


def test_they_are_the_cores_of_the_sounds_as_they_are_played(sounds):
    path = levels_file(sounds, ID)
    powers = np.frombuffer(path.read_bytes(), "<f4").reshape(2, 2, 25, -1)
    played = {
        name: read_audio(sounds.path(ID, file)).samples
        for name, file in (("vocals", "vocals.flac"), ("drums", "drums.wav"))
    }
    assert np.array_equal(powers, band_powers(played).powers)


def test_they_are_measured_once(sounds):
    path = levels_file(sounds, ID)
    os.utime(path, (1, 1))
    assert levels_file(sounds, ID) == path and path.stat().st_mtime == 1
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["0" * 32, "../secret", "levels", ""])
def test_there_are_none_of_an_unknown_set(sounds, name):
    assert levels_file(sounds, name) is None


def test_a_sound_that_is_damaged_is_a_sentence_and_a_set_that_lacks_one_is_none(sounds):
    path = sounds.folder / ID / "vocals.flac"
    content = path.read_bytes()
    path.write_bytes(bytes(50) + content[50:])
    with pytest.raises(CadenzaError):
        levels_file(sounds, ID)
    path.write_bytes(content[:50])  # the page then makes it anew
    assert levels_file(sounds, ID) is None
    path.unlink()
    assert levels_file(sounds, ID) is None
