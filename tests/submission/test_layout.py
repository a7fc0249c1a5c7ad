"""Names: what is made can be read back whatever the song is called, and nothing leaves the folder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza_core.errors import CadenzaError
from cadenza_core.submission.layout import (
    PAIR_FILES,
    STEM_NAMES,
    enhanced_folder,
    file_part,
    is_partial,
    looks_official,
    pair_complete,
    pair_file,
    pair_folder,
    scale_path,
    zip_name,
)

NAMES = [
    "L5040",
    "Al James - Schoolboy Facination",
    'We\'ll "Talk"',
    "a_b_left_vocals",
    "St. Vitus feat. X.flac",
    "Ünï 音",
]


def test_the_pair_has_the_challenges_17_names(tmp_path):
    folder = pair_folder(enhanced_folder(tmp_path, evaluation=True), "L5040", "Al James - Schoolboy Facination")
    assert folder == tmp_path / "enhanced_signals/evaluation/L5040/Al James - Schoolboy Facination"
    names = [pair_file("L5040", "A - B", part) for part in PAIR_FILES]
    assert len(set(names)) == 17
    assert "L5040_A - B_left_vocals.flac" in names
    assert "L5040_A - B_right_other.txt" in names
    assert "L5040_A - B_remix.flac" in names
    assert enhanced_folder(tmp_path, evaluation=False) == tmp_path / "enhanced_signals"
    assert scale_path(tmp_path / "L_a.b_left_bass.flac").name == "L_a.b_left_bass.txt"
    assert len(STEM_NAMES) == 8


@given(listener=st.sampled_from(NAMES), song=st.sampled_from(NAMES), part=st.sampled_from(PAIR_FILES))
def test_a_name_is_read_back_with_its_folders(listener, song, part):
    name = pair_file(listener, song, part)
    assert file_part(listener, song, name) == part
    assert looks_official(name)
    others = [(a, b) for a in NAMES for b in NAMES if (a, b) != (listener, song)]
    assert all(file_part(a, b, name) is None for a, b in others)


@given(text=st.text(max_size=40))
def test_any_other_name_is_not_taken_for_a_part(text):
    assert (file_part("L1", "song", text) is not None) == (
        text in {pair_file("L1", "song", part) for part in PAIR_FILES}
    )


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "a\nb", "x" * 201, "\udc80"])
def test_unsafe_names_are_rejected(tmp_path, name):
    for listener, song in ((name, "song"), ("L1", name)):
        with pytest.raises(CadenzaError):
            pair_folder(tmp_path, listener, song)
    with pytest.raises(CadenzaError):
        zip_name(name)


@pytest.mark.parametrize("name", ["evaluation", "enhanced_signals"])
def test_a_listener_cannot_have_the_name_of_the_folder_above(tmp_path, name):
    with pytest.raises(CadenzaError, match="cannot be named"):
        pair_folder(tmp_path, name, "song")


def test_names_too_long_together_are_rejected(tmp_path):
    with pytest.raises(CadenzaError, match=r"255 is the most"):
        pair_folder(tmp_path, "L" * 100, "s" * 150)


def test_partial_names():
    for name in (".partial-0123.flac", "a.flac.part", "x.tmp", "x~", "x.crdownload", ".x.flac.swp"):
        assert is_partial(name)
    for name in ("L_a.part.b_remix.flac", "L_a_left_vocals.txt"):
        assert not is_partial(name)


def test_a_pair_is_complete_only_with_all_17_files(submission, names):
    song = next((submission / "L5001").iterdir())
    assert pair_complete(submission, "L5001", song.name)
    for file in sorted(song.iterdir()):
        content = file.read_bytes()
        file.unlink()
        assert not pair_complete(submission, "L5001", song.name)
        file.write_bytes(content)
    assert zip_name("T001") == "submission_T001.zip"
