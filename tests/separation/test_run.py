"""Separating through the cache in one process: never with the wrong song's stems, whole or not at all."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cache_worker as worker
import numpy as np
import pytest
import soundfile

from cadenza_core.audio import RATE, STEMS, Audio, Stems
from cadenza_core.catalog import WHOLE, Excerpt, Song
from cadenza_core.catalog.songs import Track
from cadenza_core.errors import CadenzaError, Cancelled, WeightsMissing
from cadenza_core.separation import Cache, base, get_system, separate, systems


def entries(folder: Path) -> list[Path]:
    return [entry.folder for entry in Cache(worker.settings_in(folder).cache).entries()]


def right(made: Any, folder: Path) -> bool:
    expected = soundfile.read(folder / "song.wav", dtype="float32")[0].T
    return all(np.array_equal(made.stems[name], np.float32(worker.SHARES[name]) * expected) for name in STEMS)


def test_second_time_is_read_and_equal_to_the_bit(folder: Path, counting: Any) -> None:
    first = worker.run(folder)
    second = worker.run(folder)
    assert worker.runs(counting.log) == 1
    assert (first.was_cached, second.was_cached) == (False, True)
    assert right(first, folder)
    assert right(second, folder)
    assert first.key == second.key
    assert second.seconds == pytest.approx(first.seconds, abs=1e-3)
    assert first.notes == second.notes == ()


def test_part_of_the_stems_is_the_same_from_memory_and_from_the_cache(folder: Path, counting: Any) -> None:
    first, second = worker.run(folder), worker.run(folder)
    for made in (first, second):
        part = made.read(1000, 3000)
        assert all(np.array_equal(part[name], first.stems[name][:, 1000:3000]) for name in STEMS)


def test_notes_about_the_song_come_back_from_the_cache(folder: Path, counting: Any) -> None:
    soundfile.write(folder / "song.wav", np.random.default_rng(0).standard_normal(24000) * 0.1, 24000)
    first, second = worker.run(folder), worker.run(folder)
    assert first.notes == second.notes == ("mono copied to both sides", "resampled from 24000 Hz to 44100 Hz")
    assert first.stems.length == 44100


def test_force_separates_again_and_replaces(folder: Path, counting: Any) -> None:
    worker.run(folder)
    made = worker.run(folder, force=True)
    assert not made.was_cached
    assert made.notes == ()
    assert worker.runs(counting.log) == 2
    assert len(entries(folder)) == 1
    assert worker.run(folder).was_cached


def test_progress_goes_from_0_to_1_and_never_back(folder: Path, counting: Any) -> None:
    shown: list[float] = []
    worker.run(folder, lambda done, text: shown.append(done))
    assert shown[0] == 0.0
    assert shown[-1] == 1.0
    assert shown == sorted(shown)


# The key


def key(song: Song, folder: Path, excerpt: Excerpt = WHOLE, system: str = "counting") -> str:
    return separate(song, system, worker.settings_in(folder), excerpt).key


def test_key_does_not_hang_on_path_format_or_name(folder: Path, counting: Any) -> None:
    samples = soundfile.read(folder / "song.wav", dtype="int16")[0]
    (folder / "elsewhere").mkdir()
    soundfile.write(folder / "elsewhere" / "other.flac", samples, RATE)
    first = worker.song_of(folder / "song.wav")
    second = Song("id", "Another name", "folder", {"mixture": Track(folder / "elsewhere" / "other.flac")}, "test")
    assert key(first, folder) == key(second, folder)
    assert worker.runs(counting.log) == 1


def test_key_hangs_on_samples_excerpt_system_version_and_parameters(
    folder: Path, counting: Any, offer: Callable[[Any], Any]
) -> None:
    song = worker.song_of(folder / "song.wav")
    other = worker.song_of(folder / "other.wav")
    samples = soundfile.read(folder / "song.wav", dtype="int16")[0]
    samples[-1, 1] ^= 1
    soundfile.write(folder / "other.wav", samples, RATE)
    keys = [key(song, folder), key(other, folder), key(song, folder, Excerpt(0.0, 0.5))]
    offer(worker.Counting(folder / "log", worker.info("twin")))
    keys.append(key(song, folder, system="twin"))
    counting.version = 2
    keys.append(key(song, folder))
    counting.scale = 2.0
    keys.append(key(song, folder))
    assert len(set(keys)) == len(keys) == worker.runs(counting.log) == 6


def test_key_does_not_hang_on_the_device(folder: Path, counting: Any) -> None:
    settings = worker.settings_in(folder)
    song = worker.song_of(folder / "song.wav")
    keys = {separate(song, "counting", replace(settings, device=device)).key for device in ("cpu", "cuda")}
    assert len(keys) == 1


def song_with_stems(folder: Path, seeds: tuple[int, int, int, int]) -> Song:
    tracks = {"mixture": Track(folder / "song.wav")}
    for name, seed in zip(STEMS, seeds, strict=True):
        path = folder / f"{name}-{seed}.wav"
        worker.write_song(path, seed=seed)
        tracks[name] = Track(path)
    return Song("id", "Song", "folder", tracks)


def test_key_hangs_on_the_truth_for_oracles_only(folder: Path, counting: Any, offer: Callable[[Any], Any]) -> None:
    offer(worker.Counting(folder / "log", worker.info("oracle", oracle=True)))
    one, two = song_with_stems(folder, (1, 2, 3, 4)), song_with_stems(folder, (1, 2, 3, 5))
    assert key(one, folder) == key(two, folder)
    assert key(one, folder, system="oracle") != key(two, folder, system="oracle")


def test_oracle_without_true_stems_is_a_sentence_before_the_work(folder: Path, offer: Callable[[Any], Any]) -> None:
    offer(worker.Counting(folder / "log", worker.info("oracle", oracle=True)))
    with pytest.raises(CadenzaError, match="no true stems"):
        key(worker.song_of(folder / "song.wav"), folder, system="oracle")
    assert worker.runs(folder / "log") == 0


# Damage


def truncate(entry: Path) -> None:
    with (entry / "bass.wav").open("r+b") as file:
        file.truncate(3000)


@pytest.mark.parametrize(
    "damage",
    [truncate, lambda entry: (entry / "manifest.json").unlink(), lambda entry: (entry / "drums.wav").unlink()],
    ids=["truncated stem", "missing manifest", "missing stem"],
)
def test_damaged_entry_is_replaced_with_a_note(damage: Callable[[Path], None], folder: Path, counting: Any) -> None:
    worker.run(folder)
    damage(entries(folder)[0])
    made = worker.run(folder)
    assert not made.was_cached
    assert any("damaged" in note for note in made.notes)
    assert right(made, folder)
    again = worker.run(folder)
    assert again.was_cached
    assert again.notes == ()
    assert right(again, folder)
    assert worker.runs(counting.log) == 2


def test_changed_byte_is_found_thoroughly_removed_and_made_anew(folder: Path, counting: Any) -> None:
    worker.run(folder)
    place = Cache(worker.settings_in(folder).cache)
    (entry,) = place.entries()
    content = bytearray(entry.path("vocals").read_bytes())
    content[5000] ^= 1
    entry.path("vocals").write_bytes(content)
    assert not right(worker.run(folder), folder)  # why `cadenza cache verify` is there
    assert "vocals.wav" in entry.fault(thorough=True)
    assert place.remove(entry)
    assert right(worker.run(folder), folder)


# Stopping


@pytest.mark.parametrize("share", [0.0, 0.3, 0.98])
def test_cancelled_stores_nothing_and_releases_the_claim(share: float, folder: Path, counting: Any) -> None:
    def cancel(done: float, text: str) -> None:
        if done >= share:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        worker.run(folder, cancel)
    place = worker.settings_in(folder).cache
    assert not place.exists() or [path.name for path in place.iterdir()] in ([], [".locks"])
    made = worker.run(folder, lambda done, text: None if "waiting" not in text else pytest.fail(text))
    assert not made.was_cached
    assert right(made, folder)


def test_system_that_fails_stores_nothing(folder: Path, counting: Any) -> None:
    def fail() -> None:
        raise RuntimeError("out of memory")

    counting.during = fail
    with pytest.raises(RuntimeError):
        worker.run(folder)
    assert entries(folder) == []
    counting.during = lambda: None
    assert not worker.run(folder).was_cached


@pytest.mark.parametrize("fault", ["a stem is missing", "too short", "at another rate"])
def test_stems_that_are_not_what_the_system_promises_are_not_stored(
    fault: str, folder: Path, counting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(mixture: Audio, **_: object) -> Stems:
        names = STEMS[:3] if fault == "a stem is missing" else STEMS
        samples = mixture.samples[:, :-1] if fault == "too short" else mixture.samples
        return Stems(dict.fromkeys(names, samples), 48000 if fault == "at another rate" else RATE)

    monkeypatch.setattr(counting, "separate", wrong)
    with pytest.raises(CadenzaError, match=r"'counting' gave .* with 44100 at 44100 Hz were expected"):
        worker.run(folder)
    assert entries(folder) == []


def test_system_at_another_rate_gets_and_gives_that_rate(folder: Path, offer: Callable[[Any], Any]) -> None:
    offer(worker.Counting(folder / "log", worker.info("slow", rate=22050)))
    song = worker.song_of(folder / "song.wav")
    for _ in range(2):
        made = separate(song, "slow", worker.settings_in(folder))
        assert made.stems.rate == 22050
        assert made.stems.length == 22050


# Refusing before the work


def test_song_too_long_for_wav_files_is_refused_before_it_is_read(folder: Path, counting: Any) -> None:
    """4 h at 8 kHz, as a file with a hole: only its header is there."""
    rate, frames = 8000, 4 * 3600 * 8000
    with (folder / "song.wav").open("wb") as file:
        fields = (b"RIFF", frames * 2 + 36, b"WAVEfmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", frames * 2)
        for field, width in zip(fields, (0, 4, 0, 4, 2, 2, 4, 4, 2, 2, 0, 4), strict=True):
            file.write(field if isinstance(field, bytes) else field.to_bytes(width, "little"))
        file.truncate(44 + frames * 2)
    with pytest.raises(CadenzaError, match=r"4\.00 h .* more than 4 GiB"):
        worker.run(folder)
    assert worker.runs(counting.log) == 0
    assert worker.run(folder, excerpt=Excerpt(3600.0, 3601.0)).stems.length == RATE


def test_room_is_asked_for_the_excerpt_not_the_song(
    folder: Path, counting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.write_song(folder / "song.wav", seconds=3.0)
    asked = []
    monkeypatch.setattr(Cache, "check_room", lambda self, frames, stems: asked.append((frames, stems)))
    worker.run(folder, excerpt=Excerpt(0.5, 1.5))
    worker.run(folder, excerpt=Excerpt(1.0))
    worker.run(folder)
    assert asked == [(RATE, 4), (2 * RATE, 4), (3 * RATE, 4)]


def test_miss_in_a_read_only_cache_fails_before_the_work_and_a_hit_does_not(
    folder: Path, counting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stand-in for the disk; the real one is below, where it may be mounted."""
    worker.run(folder)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for name in ("mkdir", "write_text", "rename", "replace"):
        monkeypatch.setattr(Path, name, refuse)
    monkeypatch.setattr(os, "utime", refuse)
    assert right(worker.run(folder), folder)
    with pytest.raises(CadenzaError, match="read-only"):
        worker.run(folder, excerpt=Excerpt(0.0, 0.5))
    assert worker.runs(counting.log) == 1


def test_libsndfile_error_without_a_reason_is_a_sentence_and_leaves_nothing(
    folder: Path, counting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise soundfile.LibsndfileError(2)

    monkeypatch.setattr(soundfile, "write", fail)
    with pytest.raises(CadenzaError, match="cannot be written"):
        worker.run(folder)
    assert worker.what_is_left(folder) == []


def test_unknown_system_is_a_sentence_with_the_known_ones() -> None:
    with pytest.raises(CadenzaError, match=r"'spleeter'.*reference"):
        get_system("spleeter", worker.settings_in(Path("unused")))


def test_key_error_inside_a_system_is_not_taken_for_an_unknown_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(settings: object) -> Any:
        raise KeyError("weights")

    monkeypatch.setitem(base._REGISTRY, "broken", base._Entry(worker.info("broken"), make))
    with pytest.raises(KeyError, match="weights"):
        get_system("broken", worker.settings_in(Path("unused")))


# The reference


def test_reference_gives_the_true_stems_and_is_not_cached(folder: Path) -> None:
    song = song_with_stems(folder, (1, 2, 3, 4))
    made = separate(song, "reference", worker.settings_in(folder), Excerpt(0.25, 0.75))
    assert all(np.array_equal(made.stems[name], song.stems(Excerpt(0.25, 0.75))[name]) for name in STEMS)
    part = made.read(10, 20)
    assert np.array_equal(part["bass"], made.stems["bass"][:, 10:20])
    assert not made.was_cached
    assert made.entry is None
    assert entries(folder) == []
    assert "reference" in [facts.id for facts in systems()]


def test_reference_of_a_song_without_stems_is_a_sentence(folder: Path) -> None:
    with pytest.raises(CadenzaError, match="no true stems"):
        separate(worker.song_of(folder / "song.wav"), "reference", worker.settings_in(folder))
    with pytest.raises(CadenzaError, match="has none"):
        get_system("reference", worker.settings_in(folder)).separate(Audio(np.zeros((2, 9), np.float32), RATE))


def test_weights_whose_digest_is_not_published_are_fetched_before_the_cache_is_asked(
    folder: Path, offer: Callable[[Any], Any]
) -> None:
    """Their identity hangs on the file, so without fetching first such a system could never be used."""

    class Late(worker.Counting):
        fetched = 0

        def identity(self) -> dict[str, Any]:
            if not self.fetched:
                raise WeightsMissing("no weights")
            return {"weights": "digest"}

        def paths(self, progress: Any) -> None:
            self.fetched += 1

    late = offer(Late(folder / "log"))
    assert right(worker.run(folder), folder)
    assert worker.run(folder).was_cached
    assert late.fetched == 1
