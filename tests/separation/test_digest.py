"""Digests of songs: equal for equal samples, and never a remembered one for a changed file."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cadenza_core.audio import RATE, STEMS
from cadenza_core.catalog import WHOLE, Excerpt, Song
from cadenza_core.catalog.songs import Track
from cadenza_core.errors import CadenzaError
from cadenza_core.separation import digest as module
from cadenza_core.separation.digest import digest_samples, mixture_digest, truth_digest


def write(path: Path, seed: int = 0, seconds: float = 1.0, rate: int = RATE) -> Path:
    samples = np.random.default_rng(seed).integers(-8000, 8000, (int(seconds * rate), 2), dtype=np.int16)
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


def song_of(**paths: Path) -> Song:
    return Song("id", "Song", "file", {name: Track(path) for name, path in paths.items()})


class Counter:
    """Counts how often samples are really read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        real = module.digest_samples

        def counted(*arguments: object) -> str:
            self.count += 1
            return real(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(module, "digest_samples", counted)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Count readings, with files taken for settled at once, so that no test has to wait."""
    monkeypatch.setattr(module, "_SETTLED", -1e9)
    return Counter(monkeypatch)


def test_same_samples_in_wav_and_flac_anywhere_under_any_name(tmp_path: Path) -> None:
    wav = write(tmp_path / "one.wav")
    (tmp_path / "else where").mkdir()
    flac = write(tmp_path / "else where" / "two.flac")
    digest = mixture_digest(song_of(mixture=wav), WHOLE, tmp_path / "memory")
    assert digest == mixture_digest(song_of(mixture=flac), WHOLE, tmp_path / "memory")
    other = Song("another id", "Another name", "folder", {"mixture": Track(wav)})
    assert digest == mixture_digest(other, WHOLE, tmp_path / "memory")


def test_digest_hangs_on_samples_shape_rate_and_excerpt(tmp_path: Path) -> None:
    signal = np.arange(8, dtype=np.float32).reshape(2, 4)
    changed = signal.copy()
    changed[1, 3] = np.nextafter(changed[1, 3], np.float32(9))
    digests = {
        digest_samples([signal], 44100),
        digest_samples([changed], 44100),
        digest_samples([signal], 48000),
        digest_samples([signal.reshape(1, 8)], 44100),
        digest_samples([signal[:, :2], signal[:, 2:]], 44100),
        digest_samples([signal, signal], 44100),
    }
    assert len(digests) == 6
    song = song_of(mixture=write(tmp_path / "song.wav"))
    parts = [WHOLE, Excerpt(0.0, 0.5), Excerpt(0.5, 1.0), Excerpt(0.5)]
    assert len({mixture_digest(song, part, tmp_path / "memory") for part in parts}) == 3  # the last two are the same


def test_memory_layout_of_the_array_does_not_matter() -> None:
    signal = np.random.default_rng(0).standard_normal((2, 100)).astype(np.float32)
    assert digest_samples([signal], RATE) == digest_samples([np.asfortranarray(signal)], RATE)
    assert digest_samples([signal], RATE) == digest_samples([signal.astype(">f4")], RATE)


def test_digest_is_the_same_tomorrow() -> None:
    """It names every cached separation: a change makes users' caches worthless."""
    expected = "dfef1d12ae76b12d7729240f561aaca6196eb38f0b0de5294624371f4e44fbf1"
    assert digest_samples([np.zeros((2, 4), np.float32)], 44100) == expected


def test_truth_hangs_on_which_stem_is_which(tmp_path: Path) -> None:
    paths = {name: write(tmp_path / f"{name}.wav", seed) for seed, name in enumerate(STEMS)}
    swapped = {**paths, "vocals": paths["drums"], "drums": paths["vocals"]}
    memory = tmp_path / "memory"
    assert truth_digest(song_of(**paths), WHOLE, memory) != truth_digest(song_of(**swapped), WHOLE, memory)


def test_remembered_digest_needs_no_reading(tmp_path: Path, reads: Counter) -> None:
    song = song_of(mixture=write(tmp_path / "song.wav"))
    first = mixture_digest(song, WHOLE, tmp_path / "memory")
    assert mixture_digest(song_of(mixture=tmp_path / "song.wav"), WHOLE, tmp_path / "memory") == first
    assert reads.count == 1


def test_same_file_replaced_has_a_new_digest(tmp_path: Path, reads: Counter) -> None:
    song = song_of(mixture=write(tmp_path / "song.wav"))
    first = mixture_digest(song, WHOLE, tmp_path / "memory")
    write(tmp_path / "new.wav", seed=1).replace(tmp_path / "song.wav")
    assert mixture_digest(song, WHOLE, tmp_path / "memory") != first
    assert reads.count == 2


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps no time of status change: the documented limit")
def test_change_with_the_old_size_and_a_restored_time_is_seen(tmp_path: Path, reads: Counter) -> None:
    """The same inode, size and time of modification: only the time of status change tells."""
    path = write(tmp_path / "song.wav")
    long_ago = time.time_ns() - 10**12
    os.utime(path, ns=(long_ago, long_ago))
    song = song_of(mixture=path)
    first, before = mixture_digest(song, WHOLE, tmp_path / "memory"), path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(long_ago, long_ago))
    after = path.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns)
    assert mixture_digest(song, WHOLE, tmp_path / "memory") != first


def test_file_changed_just_now_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second change within the clock's grain could leave size and times as they are."""
    reads = Counter(monkeypatch)
    song = song_of(mixture=write(tmp_path / "song.wav"))
    mixture_digest(song, WHOLE, tmp_path / "memory")
    mixture_digest(song, WHOLE, tmp_path / "memory")
    assert reads.count == 2
    assert not (tmp_path / "memory").exists()


def test_file_changed_while_it_is_read_is_not_remembered(
    tmp_path: Path, reads: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "song.wav")
    song, real = song_of(mixture=path), Song.mixture

    def read_and_change(self: Song, excerpt: Excerpt) -> object:
        audio = real(self, excerpt)
        write(path, seed=7)
        return audio

    monkeypatch.setattr(Song, "mixture", read_and_change)
    mixture_digest(song, WHOLE, tmp_path / "memory")
    assert not (tmp_path / "memory").exists()


def test_excerpts_that_look_alike_in_print_are_not_mixed_up(tmp_path: Path, reads: Counter) -> None:
    """100.0001 s and 100.0004 s are 13 samples apart; with six digits, as `:g` prints, both would be 100."""
    song = song_of(mixture=write(tmp_path / "song.wav", seconds=100.2, rate=8000))
    one, two = Excerpt(100.0001, 100.1), Excerpt(100.0004, 100.1)
    memory = tmp_path / "memory"
    assert mixture_digest(song, one, memory) != mixture_digest(song, two, memory)
    assert reads.count == 2


def test_tracks_of_the_same_files_in_other_roles_are_not_mixed_up(tmp_path: Path, reads: Counter) -> None:
    one, two = write(tmp_path / "a.wav", seed=1), write(tmp_path / "b.wav", seed=2)
    memory = tmp_path / "memory"
    first = mixture_digest(song_of(mixture=one, vocals=two), WHOLE, memory)
    assert mixture_digest(song_of(mixture=two, vocals=one), WHOLE, memory) != first


def test_streams_of_one_file_are_not_mixed_up(tmp_path: Path, reads: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "song.wav")
    answers = iter(["a" * 64, "b" * 64])
    monkeypatch.setattr(module, "digest_samples", lambda *_: next(answers))
    songs = [Song("id", "Song", "file", {"mixture": Track(path, stream)}) for stream in (0, 1)]
    digests = [mixture_digest(song, WHOLE, tmp_path / "memory") for song in songs]
    assert digests == ["a" * 64, "b" * 64]


def test_mixture_and_truth_are_not_mixed_up(tmp_path: Path, reads: Counter) -> None:
    song = song_of(**{name: write(tmp_path / f"{name}.wav", seed) for seed, name in enumerate(STEMS)})
    memory = tmp_path / "memory"
    assert mixture_digest(song, WHOLE, memory) != truth_digest(song, WHOLE, memory)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 64, b"z" * 64, b"A" * 63 + b"\n"])
def test_damaged_memory_is_ignored(content: bytes, tmp_path: Path, reads: Counter) -> None:
    song = song_of(mixture=write(tmp_path / "song.wav"))
    first = mixture_digest(song, WHOLE, tmp_path / "memory")
    (note,) = (tmp_path / "memory").iterdir()
    note.write_bytes(content)
    assert mixture_digest(song, WHOLE, tmp_path / "memory") == first
    assert reads.count == 2
    assert note.read_text() == first


def test_memory_that_cannot_be_written_is_no_error(tmp_path: Path, reads: Counter) -> None:
    (tmp_path / "file").write_text("in the way")
    song = song_of(mixture=write(tmp_path / "song.wav"))
    assert len(mixture_digest(song, WHOLE, tmp_path / "file" / "memory")) == 64


def test_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CadenzaError, match=r"There is no file .*none\.wav"):
        mixture_digest(song_of(mixture=tmp_path / "none.wav"), WHOLE, tmp_path / "memory")


def test_song_without_true_stems_has_no_truth(tmp_path: Path) -> None:
    with pytest.raises(CadenzaError, match="no true stems"):
        truth_digest(song_of(mixture=write(tmp_path / "song.wav")), WHOLE, tmp_path / "memory")
