"""Every fault of a folder is planted once and found where it is; archives have test_validate_archives.py."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cadenza_core.catalog.segments import Segments
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.submission import CODES, STEM_NAMES, Fault, enhanced_folder, pack, validate, write_pair
from cadenza_core.submission import flac as flac_module
from cadenza_core.submission import sources as sources_module

LISTENER, SONG = "L5001", "Ben Carrigan - We'll Talk About It All Tonight"
OTHER = 'A_b.c "d" - Ünïcode_remix'
PLACE = f"{LISTENER}/{SONG}"
STEM, SCALE = f"{PLACE}/{LISTENER}_{SONG}_left_bass.flac", f"{PLACE}/{LISTENER}_{SONG}_left_bass.txt"
REMIX = f"{PLACE}/{LISTENER}_{SONG}_remix.flac"


def codes(report):
    return {(fault.path, fault.code) for fault in report.faults}


def rewrite(path, *, rate=None, subtype="PCM_16", channels=None, change=None):
    """Write a FLAC file again, changed."""
    samples, old_rate = soundfile.read(path, dtype="int16")
    if channels:
        samples = np.stack([samples.reshape(len(samples), -1)[:, 0]] * channels, axis=1)
    if change:
        samples = change(samples)
    soundfile.write(path, samples, rate or old_rate, subtype=subtype)


def one_at_full_scale(samples):
    """Give the samples with one of them at the largest value that 16 bit can hold."""
    changed = samples.copy()
    changed.flat[7] = 32767
    return changed


def cut(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)


def promise(path, frames):
    """Change the number of samples that a FLAC file's header states."""
    data = bytearray(path.read_bytes())
    packed = int.from_bytes(data[18:26], "big") >> 36 << 36 | frames
    data[18:26] = packed.to_bytes(8, "big")
    path.write_bytes(data)


PLANTED = [
    ("a stem is not there", lambda f: (f / STEM).unlink(), {(STEM, "missing-stem")}),
    ("a scale is not there", lambda f: (f / SCALE).unlink(), {(SCALE, "missing-scale")}),
    ("the remix is not there", lambda f: (f / REMIX).unlink(), {(REMIX, "missing-remix")}),
    (
        "a stem has another song's name",
        lambda f: (f / STEM).rename(f / PLACE / f"{LISTENER}_Other_left_bass.flac"),
        {(STEM, "missing-stem"), (f"{PLACE}/{LISTENER}_Other_left_bass.flac", "wrong-name")},
    ),
    (
        "a stem has another listener's name",
        lambda f: (f / STEM).rename(f / PLACE / f"L5002_{SONG}_left_bass.flac"),
        {(STEM, "missing-stem"), (f"{PLACE}/L5002_{SONG}_left_bass.flac", "wrong-name")},
    ),
    (
        "a stem is in another song's folder",
        lambda f: (f / STEM).rename(f / LISTENER / OTHER / Path(STEM).name),
        {(STEM, "missing-stem"), (f"{LISTENER}/{OTHER}/{Path(STEM).name}", "wrong-name")},
    ),
    (
        "a stem is in the listener's folder",
        lambda f: (f / STEM).rename(f / LISTENER / Path(STEM).name),
        {(STEM, "missing-stem"), (f"{LISTENER}/{Path(STEM).name}", "wrong-name")},
    ),
    (
        "the ending is in capitals",
        lambda f: (f / STEM).rename(f / STEM.replace(".flac", ".FLAC")),
        {(STEM, "missing-stem"), (STEM.replace(".flac", ".FLAC"), "unexpected-file")},
    ),
    (
        "a file of another kind",
        lambda f: (f / PLACE / "Thumbs.db").write_bytes(b"x"),
        {(f"{PLACE}/Thumbs.db", "unexpected-file")},
    ),
    (
        "a scale of the remix",
        lambda f: (f / REMIX).with_suffix(".txt").write_text("1.0"),
        {(REMIX.replace(".flac", ".txt"), "unexpected-file")},
    ),
    ("a file beside the listeners", lambda f: (f / "scores.csv").write_text("x"), {("scores.csv", "unexpected-file")}),
    ("a file beside the songs", lambda f: (f / LISTENER / "x").write_text("x"), {(f"{LISTENER}/x", "unexpected-file")}),
    (
        "a file further down",
        lambda f: ((f / PLACE / "a").mkdir(), (f / PLACE / "a/b").write_text("x")),
        {(f"{PLACE}/a/b", "unexpected-file")},
    ),
    ("an empty folder further down", lambda f: (f / PLACE / "a").mkdir(), {(f"{PLACE}/a", "unexpected-file")}),
    (
        "a writer's temporary file",
        lambda f: (f / PLACE / ".partial-0a.flac").write_bytes(b"fLaC"),
        {(f"{PLACE}/.partial-0a.flac", "partial-file")},
    ),
    (
        "a download's temporary file",
        lambda f: (f / LISTENER / "x.zip.part").write_bytes(b"x"),
        {(f"{LISTENER}/x.zip.part", "partial-file")},
    ),
    ("an empty listener", lambda f: (f / "L5009").mkdir(), {("L5009", "empty-folder")}),
    ("an empty song", lambda f: (f / LISTENER / "C").mkdir(), {(f"{LISTENER}/C", "empty-folder")}),
    ("an empty evaluation set", lambda f: (f / "evaluation").mkdir(), {("evaluation", "empty-folder")}),
    ("a broken link", lambda f: ((f / STEM).unlink(), (f / STEM).symlink_to("nowhere")), {(STEM, "unreadable")}),
    ("a pipe", lambda f: ((f / STEM).unlink(), os.mkfifo(f / STEM)), {(STEM, "unreadable")}),
    (
        "a folder in a stem's place",
        lambda f: ((f / STEM).unlink(), (f / STEM).mkdir()),
        {(STEM, "missing-stem"), (STEM, "wrong-name")},
    ),
    ("a linked folder", lambda f: (f / "L5003").symlink_to(f / LISTENER), {("L5003", "unsafe-name")}),
    # sound
    ("an empty stem", lambda f: (f / STEM).write_bytes(b""), {(STEM, "not-flac")}),
    ("a WAV file", lambda f: soundfile.write(f / STEM, np.ones(9), 24000, format="WAV"), {(STEM, "not-flac")}),
    ("a header that is cut off", lambda f: cut(f / STEM, 0.002), {(STEM, "not-flac")}),
    ("a stem that is cut off", lambda f: cut(f / STEM, 0.6), {(STEM, "flac-damaged")}),
    ("a stem without its last byte", lambda f: cut(f / STEM, 0.9999), {(STEM, "flac-damaged")}),
    ("a stem with a wrong byte", lambda f: flip(f / STEM, 9000), {(STEM, "flac-damaged")}),
    ("a wrong checksum of the samples", lambda f: flip(f / STEM, 30), {(STEM, "flac-damaged")}),
    ("a header that promises less", lambda f: promise(f / STEM, 100), {(STEM, "flac-damaged")}),
    ("a header that promises more", lambda f: promise(f / STEM, 100000), {(STEM, "flac-damaged")}),
    ("a header that promises nothing", lambda f: promise(f / STEM, 0), {(STEM, "flac-damaged")}),
    ("a header that promises weeks", lambda f: promise(f / STEM, 2**36 - 1), {(STEM, "too-long")}),
    ("a remix that is cut off", lambda f: cut(f / REMIX, 0.6), {(REMIX, "flac-damaged")}),
    ("a stem of another rate", lambda f: rewrite(f / STEM, rate=44100), {(STEM, "sample-rate")}),
    ("a stem of the remix's rate", lambda f: rewrite(f / STEM, rate=32000), {(STEM, "sample-rate")}),
    ("a stem of 24 bits", lambda f: rewrite(f / STEM, subtype="PCM_24"), {(STEM, "bit-depth")}),
    ("a stereo stem", lambda f: rewrite(f / STEM, channels=2), {(STEM, "channels")}),
    ("a mono remix", lambda f: rewrite(f / REMIX, channels=1), {(REMIX, "channels")}),
    (
        "a shorter stem",
        lambda f: rewrite(f / STEM, change=lambda s: np.roll(s, -int(np.abs(s.astype(int)).argmax()))[:-9]),
        {(STEM, "stem-lengths")},
    ),
    ("a shorter remix", lambda f: rewrite(f / REMIX, change=lambda s: s[:-4000]), {(REMIX, "remix-duration")}),
    (
        "a silent stem",
        lambda f: rewrite(f / STEM, change=np.zeros_like),
        {(STEM, "silent-stem"), (STEM.removesuffix("flac") + "txt", "lost-stem")},
    ),
    (
        "a silent stem with scale 0",
        lambda f: (rewrite(f / STEM, change=np.zeros_like), (f / SCALE).write_text("0.0")),
        {(STEM, "silent-stem")},
    ),
    ("a silent remix", lambda f: rewrite(f / REMIX, change=np.zeros_like), {(REMIX, "silent-remix")}),
    (
        "a clipped remix",
        lambda f: rewrite(f / REMIX, change=lambda s: np.where(s > 0, 32767, -32768).astype(np.int16)),
        {(REMIX, "clipped")},
    ),
    ("a sample at full scale", lambda f: rewrite(f / REMIX, change=one_at_full_scale), {(REMIX, "remix-clips")}),
    ("a stem that is not scaled", lambda f: rewrite(f / STEM, change=lambda s: s // 2), {(STEM, "stem-not-scaled")}),
    # scale files
    ("words for a scale", lambda f: (f / SCALE).write_text("one"), {(SCALE, "scale-text")}),
    ("no scale", lambda f: (f / SCALE).write_text(""), {(SCALE, "scale-text")}),
    ("a book for a scale", lambda f: (f / SCALE).write_text("1" * 10**6), {(SCALE, "scale-text")}),
    ("bytes for a scale", lambda f: (f / SCALE).write_bytes(b"\xff\x00"), {(SCALE, "scale-text")}),
    ("a scale that is NaN", lambda f: (f / SCALE).write_text("nan"), {(SCALE, "scale-not-finite")}),
    ("a scale that is infinite", lambda f: (f / SCALE).write_text("inf"), {(SCALE, "scale-not-finite")}),
    ("a scale beyond float32", lambda f: (f / SCALE).write_text("1e39"), {(SCALE, "scale-not-finite")}),
    ("a negative scale", lambda f: (f / SCALE).write_text("-0.5"), {(SCALE, "scale-not-positive")}),
    ("scale 0 of a sound", lambda f: (f / SCALE).write_text("0.0"), {(SCALE, "scale-not-positive")}),
]


def test_what_write_pair_writes_is_valid(whole):
    report = validate(whole)
    assert report.ok
    assert report.faults == ()
    assert (report.files, report.pairs, report.path) == (68, 4, whole)
    assert validate(whole.parent).faults == ()


@pytest.mark.parametrize(("plant", "expected"), [case[1:] for case in PLANTED], ids=[case[0] for case in PLANTED])
def test_each_planted_fault_is_found_where_it_is_and_nothing_else(submission, plant, expected):
    plant(submission)
    report = validate(submission)
    assert codes(report) == expected
    assert report.ok == all(CODES[code] == "warning" for _, code in expected)
    assert report.pairs >= 4
    for fault in report.faults:
        assert str(fault).startswith(f"{fault.severity}: {fault.path}: ")
        assert fault.message


def test_folders_whose_names_are_unsafe(submission):
    (submission / LISTENER / OTHER).rename(submission / LISTENER / ".x")
    (submission / "L5002").rename(submission / ".y")
    found = codes(validate(submission))
    assert {(f"{LISTENER}/.x", "unsafe-name"), (".y", "unsafe-name")} <= found
    assert {code for _, code in found} == {
        "unsafe-name",
        "wrong-name",
        "missing-stem",
        "missing-scale",
        "missing-remix",
    }


def test_nothing_stops_at_the_first_fault_and_the_order_is_fixed(submission):
    (submission / STEM).write_bytes(b"x")
    (submission / REMIX).unlink()
    (submission / f"L5002/{OTHER}/x").write_bytes(b"x")
    (submission / f"L5002/{SONG}/L5002_{SONG}_left_bass.txt").write_text("nan")
    first = validate(submission)
    assert [fault.code for fault in first.faults] == [
        "not-flac",
        "missing-remix",
        "unexpected-file",
        "scale-not-finite",
    ]
    assert all(validate(submission).faults == first.faults for _ in range(3))
    assert validate(submission.parent).faults == tuple(
        Fault(f"enhanced_signals/{fault.path}", fault.code, fault.message) for fault in first.faults
    )


def test_expected_listeners_and_songs(submission, make):
    songs, listeners = [SONG, OTHER], ["L5001", "L5002"]
    assert validate(submission, songs=songs, listeners=listeners).ok
    found = codes(validate(submission, songs=[SONG, "New"], listeners=["L5001", "L5003"]))
    assert found == {
        (".", "missing-listener"),
        ("L5002", "unknown-listener"),
        ("L5001", "missing-song"),
        ("L5002", "missing-song"),
        (f"L5001/{OTHER}", "unknown-song"),
        (f"L5002/{OTHER}", "unknown-song"),
    }


def test_durations_are_compared_with_the_song(submission):
    right = {SONG: (0.3, 0.3), OTHER: (0.3, 0.3)}
    assert validate(submission, durations=right).ok
    found = codes(validate(submission, durations={SONG: (0.3, 0.2), OTHER: (0.4, 0.3)}))
    assert ("L5001/" + OTHER + f"/L5001_{OTHER}_right_other.flac", "duration") in found
    assert (REMIX, "duration") in found
    assert len(found) == 2 * (8 + 1)


def test_the_evaluation_set_lasts_30_and_15_seconds(tmp_path, make):
    folder = enhanced_folder(tmp_path, evaluation=True)
    long = make(seconds=31.0, level=0.1)
    write_pair(folder, LISTENER, SONG, long, 44100, segments=Segments((0.5, 30.5), (3.7, 18.7)))
    for path in (tmp_path, tmp_path / "enhanced_signals", folder, pack(tmp_path, "T001", tmp_path)):
        report = validate(path)
        assert (report.ok, report.faults, report.pairs) == (True, (), 1)
    assert {code for _, code in codes(validate(folder, durations={SONG: (20.0, 15.0)}))} == {"duration"}
    write_pair(folder, LISTENER, SONG, long, 44100)  # whole: 31 s
    report = validate(folder)
    assert [fault.code for fault in report.faults] == ["duration"] * 9
    assert "lasts 31.005 s; 30.000 s are needed" in {fault.message for fault in report.faults}


def test_both_sets_or_one(submission, make, tmp_path):
    write_pair(submission / "evaluation", LISTENER, SONG, make(level=0.1), 44100)
    (submission / STEM).unlink()
    durations = {SONG: (0.3, 0.3)}
    assert codes(validate(submission, durations=durations)) == {(STEM, "missing-stem")}
    assert validate(submission, durations=durations).pairs == 5
    assert validate(submission, durations=durations, evaluation=True).ok
    assert validate(submission, evaluation=False).pairs == 4
    wrong = codes(validate(submission, evaluation=True))
    assert {path.split("/")[0] for path, _ in wrong} == {"evaluation"}


def test_an_empty_place_is_a_fault_and_no_place_an_error(tmp_path):
    for path in (tmp_path, tmp_path / "enhanced_signals"):
        path.mkdir(exist_ok=True)
        assert codes(validate(path)) == {(".", "empty")}
    with pytest.raises(CadenzaError, match="There is no folder or file"):
        validate(tmp_path / "none")


@pytest.mark.skipif(os.name != "posix", reason="such names are POSIX's")
def test_names_that_are_not_utf8_are_shown_escaped(submission):
    place = os.fsencode(submission / PLACE)
    (Path(os.fsdecode(place + b"/\xff.flac"))).write_bytes(b"x")
    report = validate(submission)
    assert codes(report) == {(f"{PLACE}/\\udcff.flac", "unexpected-file")}
    assert str(report.faults[0]).encode()


def test_progress_and_cancelling(whole):
    calls = []
    validate(whole, progress=lambda done, text: calls.append((done, text)))
    assert [done for done, _ in calls] == [0.25, 0.5, 0.75, 1.0]

    def cancel(done, text):
        raise Cancelled

    with pytest.raises(Cancelled):
        validate(whole, progress=cancel)


def test_a_fault_has_a_known_code():
    with pytest.raises(ValueError, match="unknown fault code"):
        Fault("x", "nonsense", "x")


def test_files_larger_than_any_submissions(submission, tmp_path, monkeypatch):
    archive = pack(submission, "T001", tmp_path)
    size = max(file.stat().st_size for file in submission.rglob("*.txt"))
    monkeypatch.setattr(sources_module, "MAX_FILE", size)
    for path in (submission, archive):
        found = {code for _, code in codes(validate(path))}
        assert found == {"too-large"}


def test_a_sound_longer_than_any_songs(submission, monkeypatch):
    monkeypatch.setattr(flac_module, "MAX_SAMPLES", 8000)
    assert {code for _, code in codes(validate(submission))} == {"too-long"}


def test_every_code_is_planted_somewhere():
    """The others have tests of their own: here, in test_validate_archives.py, test_lass.py, tests/challenge/test_check.py."""
    own_tests = {
        "empty", "missing-listener", "missing-song", "unknown-listener", "unknown-song", "duration", "too-large",
        "zip-damaged", "zip-duplicate", "zip-encrypted", "zip-bomb",
        "swapped-ears", "score-row", "score-value", "score-mean",
        "lass-name", "lass-systems", "lass-meta", "lass-url", "lass-report", "lass-no-audio",
        "missing-output", "unknown-output", "not-wav", "not-finite", "silent-output",
    }  # fmt: skip
    assert {code for _, _, expected in PLANTED for _, code in expected} | own_tests == set(CODES)


def test_stems_are_named_in_the_report_of_a_pair_without_any(submission):
    for file in (submission / PLACE).glob("*.flac"):
        file.unlink()
    report = validate(submission)
    expected = {(f"{PLACE}/{LISTENER}_{SONG}_{name}.flac", "missing-stem") for name in STEM_NAMES}
    assert codes(report) == expected | {(REMIX, "missing-remix")}
