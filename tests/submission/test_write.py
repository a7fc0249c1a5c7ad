"""Writing a pair: the same samples and scale texts as pyclarity's own function, and never half a pair."""

import os
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest
import soundfile
import soxr
from clarity.utils.flac_encoder import save_flac_signal

from cadenza_core.catalog.segments import Segments
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.remix import Gains
from cadenza_core.submission import pair_complete, pair_folder, read_stem, validate, write_pair
from cadenza_core.submission.layout import pair_file, scale_path

RATE = 44100
LISTENER, SONG = "L5001", "Al James - Schoolboy Facination"
SEGMENTS = Segments(objective=(0.1, 0.2503), subjective=(0.05, 0.1701))


def recipe_remix(stems):
    """`remix_signal` of recipes/cad1/task1/baseline/enhance.py, which cannot be imported without torchaudio."""
    out = {"left": np.zeros(len(next(iter(stems.values())))), "right": np.zeros(len(next(iter(stems.values()))))}
    for name, stem in stems.items():
        out["left" if name.startswith("l") else "right"] += stem
    return np.stack([out["left"], out["right"]], axis=1)


def write_as_the_recipe(folder, processed, segments=None, soft_clip=True):
    """What enhance.py, and with segments test.py, do for one listener and song."""
    target = folder / LISTENER / SONG
    target.mkdir(parents=True)
    objective = subjective = slice(None)
    if segments:
        objective, subjective = (
            slice(int(start * RATE), int(end * RATE)) for start, end in (segments.objective, segments.subjective)
        )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # a silent stem is divided by zero
        for name, stem in processed.items():
            path = target / f"{LISTENER}_{SONG}_{name}.flac"
            save_flac_signal(stem[objective], path, RATE, 24000, do_scale_signal=True)
        path = target / f"{LISTENER}_{SONG}_remix.flac"
        mix = recipe_remix(processed)[subjective]
        save_flac_signal(mix, path, RATE, 32000, do_clip_signal=True, do_soft_clip=soft_clip)
    return target


def assert_same_files(ours, theirs):
    assert {file.name for file in ours.iterdir()} == {file.name for file in theirs.iterdir()}
    for file in ours.iterdir():
        other = theirs / file.name
        if file.suffix == ".txt":
            assert file.read_text() == other.read_text(), file.name
        else:
            assert np.array_equal(soundfile.read(file, dtype="int16")[0], soundfile.read(other, dtype="int16")[0])
            assert soundfile.info(file).samplerate == soundfile.info(other).samplerate
            assert soundfile.info(file).subtype == soundfile.info(other).subtype == "PCM_16"


@pytest.mark.parametrize("segments", [None, SEGMENTS])
@pytest.mark.parametrize("soft_clip", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_samples_and_scale_texts_are_pyclaritys_to_the_bit(tmp_path, make, segments, soft_clip, dtype):
    processed = {name: stem.astype(dtype) for name, stem in make(seconds=0.5, seed=3).items()}
    report = write_pair(tmp_path / "ours", LISTENER, SONG, processed, RATE, segments=segments, soft_clip=soft_clip)
    theirs = write_as_the_recipe(tmp_path / "theirs", processed, segments, soft_clip)
    assert report.folder == tmp_path / "ours" / LISTENER / SONG
    assert_same_files(report.folder, theirs)


def test_the_remix_is_summed_in_the_order_of_the_mapping(tmp_path, make):
    """Float64 sums differ with the order in their last bit, which only truncation to 16 bit could show."""
    processed = make(seconds=0.5)
    for index, names in enumerate((list(processed), list(processed)[::-1], sorted(processed))):
        stems = {name: processed[name] for name in names}
        report = write_pair(tmp_path / f"ours{index}", LISTENER, SONG, stems, RATE)
        assert_same_files(report.folder, write_as_the_recipe(tmp_path / f"theirs{index}", stems))


def test_the_report_says_what_was_written(tmp_path, make):
    processed = make(level=0.6)
    report = write_pair(tmp_path, LISTENER, SONG, processed, RATE)
    loud = np.stack(
        [np.sum([s for n, s in processed.items() if n.startswith(ear)], axis=0) for ear in ("left", "right")]
    )
    resampled = soxr.resample(loud.T, RATE, 32000, quality="HQ")
    assert report.clipped == np.count_nonzero(np.abs(resampled) > 1) > 1000
    assert report.remix_samples == resampled.size
    assert report.remix_peak == pytest.approx(np.abs(resampled).max())
    assert report.notes == ()
    assert set(report.files) == set(report.folder.iterdir())
    for name, scale in report.scales.items():
        assert scale == float((report.folder / pair_file(LISTENER, SONG, f"{name}.txt")).read_text())


def test_gains_change_the_remix_and_not_the_stems(tmp_path, processed):
    plain = write_pair(tmp_path / "a", LISTENER, SONG, processed, RATE)
    muted = write_pair(tmp_path / "b", LISTENER, SONG, processed, RATE, gains=Gains.parse(["vocals=mute", "bass=6"]))
    assert muted.scales == plain.scales
    factors = {"vocals": 0.0, "bass": 10 ** (6 / 20)}
    gained = {name: factors.get(name.split("_")[1], 1.0) * stem for name, stem in processed.items()}
    by_hand = write_pair(tmp_path / "c", LISTENER, SONG, gained, RATE)
    remix = [soundfile.read(r.folder / pair_file(LISTENER, SONG, "remix.flac"))[0] for r in (muted, by_hand, plain)]
    assert np.array_equal(remix[0], remix[1])
    assert not np.array_equal(remix[0], remix[2])


def test_a_silent_stem_is_zeros_with_scale_zero_and_a_note(tmp_path, processed):
    processed["right_bass"][:] = -0.0
    report = write_pair(tmp_path, LISTENER, SONG, processed, RATE)
    path = report.folder / pair_file(LISTENER, SONG, "right_bass.flac")
    assert path.with_suffix(".txt").read_text() == "0.0"
    assert not read_stem(path)[0].any()
    assert report.scales["right_bass"] == 0.0
    assert report.notes == ("right bass is silent: written as zeros with scale 0.0",)
    assert validate(tmp_path).ok


@pytest.mark.parametrize("peak", [5e-324, 1e-300, 1e-20, 1e20])
def test_extreme_peaks_are_kept(tmp_path, processed, peak):
    processed["left_bass"] *= peak / np.abs(processed["left_bass"]).max()
    report = write_pair(tmp_path / "ours", LISTENER, SONG, processed, RATE)
    assert_same_files(report.folder, write_as_the_recipe(tmp_path / "theirs", processed))


@pytest.mark.parametrize("rate", [24000, 32000, 48000])
def test_the_callers_arrays_are_not_changed(tmp_path, processed, rate):
    before = {name: stem.copy() for name, stem in processed.items()}
    for stem in processed.values():
        stem.flags.writeable = False
    write_pair(tmp_path, LISTENER, SONG, processed, rate)
    assert all(np.array_equal(processed[name], before[name]) for name in before)


def test_strided_and_other_float_arrays_are_written_as_float64(tmp_path, processed):
    odd = {name: np.repeat(stem, 2)[::2].astype(">f8") for name, stem in processed.items()}
    odd["left_bass"] = odd["left_bass"].astype(np.longdouble)
    assert not odd["left_vocals"].flags.c_contiguous or odd["left_vocals"].dtype.byteorder == ">"
    ours = write_pair(tmp_path / "a", LISTENER, SONG, odd, RATE)
    assert_same_files(ours.folder, write_pair(tmp_path / "b", LISTENER, SONG, processed, RATE).folder)


def test_a_segment_beyond_the_end_is_cut_as_in_the_recipe_and_noted(tmp_path, processed):
    segments = Segments(objective=(0.1, 0.5), subjective=(0.2, 9.0))
    report = write_pair(tmp_path / "ours", LISTENER, SONG, processed, RATE, segments=segments)
    assert [note.split(" segment")[0] for note in report.notes] == ["the objective", "the subjective"]
    assert_same_files(report.folder, write_as_the_recipe(tmp_path / "theirs", processed, segments))
    for bad in ((5.0, 6.0), (0.1, 0.10001)):
        with pytest.raises(CadenzaError, match="holds less than 1 ms of a song"):
            write_pair(tmp_path / "bad", LISTENER, SONG, processed, RATE, segments=Segments((0.0, 0.1), bad))
    tiny = {name: stem[:40] for name, stem in processed.items()}
    with pytest.raises(CadenzaError, match="the whole song, holds less than 1 ms"):
        write_pair(tmp_path / "bad", LISTENER, SONG, tiny, RATE)
    assert not (tmp_path / "bad").exists()


def with_stem(processed, stem):
    return {**processed, "left_vocals": stem}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda p: {n: s for n, s in p.items() if n != "left_bass"}, "missing: left_bass"),
        (lambda p: {**p, "centre_bass": p["left_bass"]}, "unknown: centre_bass"),
        (lambda p: with_stem(p, p["left_vocals"][:-1]), "differ in length"),
        (lambda p: with_stem(p, np.stack([p["left_vocals"]] * 2)), "shape"),
        (lambda p: with_stem(p, p["left_vocals"].astype(np.int16)), "int16"),
        (lambda p: {n: s[:0] for n, s in p.items()}, "shape"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is(tmp_path, processed, change, fault):
    with pytest.raises(CadenzaError, match=fault):
        write_pair(tmp_path / "enhanced_signals", LISTENER, SONG, change(processed), RATE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 6000, -1])
def test_samples_that_are_not_finite_are_refused_and_the_pair_is_not_complete(tmp_path, processed, value, place):
    processed["right_vocals"][place] = value
    with pytest.raises(CadenzaError, match=r"_right_vocals holds 1 samples that are NaN or infinite"):
        write_pair(tmp_path, LISTENER, SONG, processed, RATE)
    assert not pair_complete(tmp_path, LISTENER, SONG)
    assert {fault.code for fault in validate(tmp_path).errors} == {"missing-stem", "missing-scale", "missing-remix"}
    apart = Segments(objective=(0.05, 0.06), subjective=(0.1, 0.3))  # it is in the remix only, or nowhere
    if place == 6000:
        with pytest.raises(CadenzaError, match="Stem right_vocals holds 1 samples"):
            write_pair(tmp_path, LISTENER, SONG, processed, RATE, segments=apart)
    else:
        write_pair(tmp_path, LISTENER, SONG, processed, RATE, segments=apart)


@pytest.mark.parametrize("name", ["..", "../../x", "a/b", "", ".x", "a\\b", "a\0b"])
def test_names_that_leave_the_folder_are_refused(tmp_path, processed, name):
    for listener, song in ((name, SONG), (LISTENER, name)):
        with pytest.raises(CadenzaError, match="cannot be used as a file name"):
            write_pair(tmp_path / "x" / "enhanced_signals", listener, song, processed, RATE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "song", ["\"Quoted\" & 'single'", "Ünïcödé - 音楽 🎵", "dots. and ... more.flac", "under_score_left_bass"]
)
def test_odd_names_are_written_and_valid(tmp_path, processed, song):
    write_pair(tmp_path / "enhanced_signals", LISTENER, song, processed, RATE)
    assert pair_complete(tmp_path / "enhanced_signals", LISTENER, song)
    assert validate(tmp_path, songs=[song], listeners=[LISTENER]).ok


def test_cancelling_leaves_no_complete_pair_and_no_temporary_file(tmp_path, processed):
    for step in range(9):
        calls = []

        def progress(done, text, calls=calls, step=step):
            calls.append((done, text))
            if len(calls) > step:
                raise Cancelled

        with pytest.raises(Cancelled):
            write_pair(tmp_path, LISTENER, SONG, processed, RATE, progress=progress)
        assert not pair_complete(tmp_path, LISTENER, SONG)
        assert not [file for file in tmp_path.rglob("*") if file.name.startswith(".")]


def test_progress_goes_from_0_to_1(tmp_path, processed):
    calls = []
    write_pair(tmp_path, LISTENER, SONG, processed, RATE, progress=lambda done, text: calls.append(done))
    assert calls == sorted(calls)
    assert (calls[0], calls[-1], len(calls)) == (0.0, 1.0, 10)


KILLED = textwrap.dedent(
    """
    # Write a pair again and again in forked children; each is killed one file later than the last.
    import os, signal, sys
    from pathlib import Path
    import numpy as np
    import cadenza_core.files as files
    from cadenza_core.submission import STEM_NAMES, write_pair

    root, when, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    rng = np.random.default_rng(9)
    processed = {name: rng.standard_normal(5000) for name in STEM_NAMES}
    sync = files._sync
    for step in range(count):
        if (child := os.fork()) == 0:
            left = [step]
            def dying_sync(path):
                if left[0] == 0 and when == "before":   # written, not renamed
                    os.kill(os.getpid(), signal.SIGKILL)
                sync(path)
                left[0] -= 1
            files._sync = dying_sync
            def progress(done, text):
                if left[0] <= 0 and when == "between":
                    os.kill(os.getpid(), signal.SIGKILL)
            write_pair(root / str(step), "L5001", "A - B", processed, 44100, progress=progress)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, step
    """
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@pytest.mark.parametrize("when", ["before", "between"])
@pytest.mark.parametrize("over_an_old_export", [False, True])
def test_a_killed_writer_leaves_nothing_that_validates_as_whole(tmp_path, processed, names, when, over_an_old_export):
    count = 17 if when == "before" else 16  # 17 files are renamed; after the last there is nothing to do
    for step in range(count if over_an_old_export else 0):
        write_pair(tmp_path / str(step), "L5001", "A - B", processed, RATE)
        assert validate(tmp_path / str(step)).ok
    rng = np.random.default_rng(9)  # the children's samples
    new = write_pair(tmp_path / "new", "L5001", "A - B", {n: rng.standard_normal(5000) for n in names}, RATE).folder
    old = write_pair(tmp_path / "old", "L5001", "A - B", processed, RATE).folder
    result = subprocess.run([sys.executable, "-c", KILLED, tmp_path, when, str(count)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr  # each child was killed
    for step in range(count):
        folder = tmp_path / str(step)
        report = validate(folder)
        assert not report.ok
        assert not pair_complete(folder, "L5001", "A - B")
        assert ("partial-file" in {fault.code for fault in report.faults}) == (when == "before")
        target = pair_folder(folder, "L5001", "A - B")
        for flac in target.glob("L5001*.flac"):  # a stem never stands beside another's scale
            stem_and_scale = [(place / flac.name, scale_path(place / flac.name)) for place in (target, new, old)]
            written, *whole = ([file.read_bytes() for file in files] for files in stem_and_scale)
            assert written in whole
        write_pair(folder, "L5001", "A - B", processed, RATE)  # writing it again clears up
        assert validate(folder).ok
