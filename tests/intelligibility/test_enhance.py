"""Enhancers: the guide's NLR1 as pyclarity has it, vocals raised, and folders that can be interrupted."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from clarity.enhancer.compressor import Compressor as ClarityCompressor
from clarity.enhancer.nalr import NALR

from cadenza_core.audio import Audio
from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.intelligibility.clips import find_clips
from cadenza_core.intelligibility.enhance import clip_stems, enhance_clips, enhanced_reader, make_enhancer
from cadenza_core.intelligibility.severities import LEVELS, severity_listener
from cadenza_core.remix import Gains
from cadenza_core.separation import get_system

RATE = 44100
ROOT = Path(__file__).resolve().parents[2]


def music(seconds=1.0, seed=0):
    return Audio(0.2 * np.random.default_rng(seed).standard_normal((2, int(seconds * RATE))), RATE)


@pytest.mark.parametrize("severity", LEVELS)
def test_nlr1_is_pyclaritys_nal_r_and_compressor_to_1e9(settings, severity):
    listener, sound = severity_listener(severity), music()
    given = make_enhancer("nlr1", settings)(sound, listener)
    nalr = NALR(nfir=220, sample_rate=RATE)
    for row, ear in enumerate((listener.audiogram_left, listener.audiogram_right)):
        compressor = ClarityCompressor(
            fs=RATE, threshold=0.35, attenuation=0.1, attack=50.0, release=1000.0, rms_buffer_size=0.064
        )
        amplified = nalr.apply(nalr.build(ear)[0], sound.samples[row].astype(np.float64))
        expected = np.array(compressor.process(amplified)[0])[110:-110]
        np.testing.assert_allclose(given[row], expected, atol=1e-9)


def test_nothing_is_done_by_none(settings):
    sound = music()
    np.testing.assert_array_equal(make_enhancer("none", settings)(sound, severity_listener("Mild")), sound.samples)


def test_vocals_are_raised_by_the_gains(settings):
    sound = music(2.0)
    stems = clip_stems(get_system("preview", settings), sound)
    raised = make_enhancer("vocals", settings)(sound, severity_listener("Mild"))
    np.testing.assert_allclose(raised - sound.samples, (10 ** (6 / 20) - 1) * stems["vocals"], atol=1e-5)
    muted = make_enhancer("vocals", settings, gains=Gains.parse(["vocals=mute"]))(sound, severity_listener("Mild"))
    np.testing.assert_allclose(sound.samples - muted, stems["vocals"], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "magic"}, "There is no enhancer 'magic'"),
        ({"model": "vocals", "system": "magic"}, "There is no separation system 'magic'"),
        ({"model": "none", "name": "../x"}, "cannot be used as a file name"),
    ],
)
def test_an_unknown_enhancer_is_refused(settings, change, words):
    with pytest.raises(CadenzaError) as error:
        make_enhancer(**{"settings": settings, **change})
    assert words in str(error.value)


def test_systems_that_cannot_work_on_a_clip_say_so(settings):
    for system, words in (("reference", "needs true stems"), ("htdemucs", "are not on this machine")):
        with pytest.raises(CadenzaError, match=words):
            make_enhancer("vocals", settings, system=system)(music(), severity_listener("Mild"))


def test_a_folder_is_enhanced_to_float_files_in_time_with_the_clips(make_clips, settings, tmp_path):
    folder = find_clips(make_clips(tmp_path), "valid")
    shown = []
    done = enhance_clips(
        folder, make_enhancer("nlr1", settings), tmp_path / "results", progress=lambda share, text: shown.append(share)
    )
    assert (done.made, done.kept, done.faults) == (6, 0, {})
    assert done.folder == tmp_path / "results" / "nlr1"
    assert shown == sorted(shown) and shown[-1] == 1.0
    for clip in folder.clips:
        samples, rate = soundfile.read(done.folder / f"{clip.signal}.wav", always_2d=True)
        assert soundfile.info(done.folder / f"{clip.signal}.wav").subtype == "FLOAT"
        assert (rate, samples.T.shape) == (RATE, folder.signal(clip).samples.shape)


def test_a_stopped_run_goes_on_and_ends_with_the_same(make_clips, settings, tmp_path):
    folder = find_clips(make_clips(tmp_path), "valid")
    enhancer = make_enhancer("nlr1", settings)

    def stop(share, text):
        if share > 0.5:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        enhance_clips(folder, enhancer, tmp_path / "stopped", progress=stop)
    place = tmp_path / "stopped" / "nlr1"
    first = {path.name: path.stat().st_mtime_ns for path in place.glob("*.wav")}
    assert 0 < len(first) < 6
    done = enhance_clips(folder, enhancer, tmp_path / "stopped")
    assert (done.made, done.kept) == (6 - len(first), len(first))
    assert all((place / name).stat().st_mtime_ns == time for name, time in first.items())
    enhance_clips(folder, enhancer, tmp_path / "whole")
    for path in (tmp_path / "whole" / "nlr1").iterdir():
        assert (place / path.name).read_bytes() == path.read_bytes()


def test_a_killed_run_of_100_clips_goes_on_and_ends_with_the_same(make_clips, settings, tmp_path):
    root = make_clips(tmp_path, clips=100, samples=3000)
    folder, enhancer = find_clips(root, "valid"), make_enhancer("nlr1", settings)
    place, whole = tmp_path / "killed" / "nlr1", tmp_path / "whole" / "nlr1"
    command = [sys.executable, "-c", "from cadenza_core.cli import main; main()"]
    command += ["lyrics", "enhance", "--data", root, "--out", place.parent]
    environment = {**os.environ, "CADENZA_HOME": str(settings.home), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while len(list(place.glob("[!.]*.wav"))) < 10:
            assert process.poll() is None, process.communicate()[0].decode()
        process.kill()
    kept = len(list(place.glob("[!.]*.wav")))
    assert 10 <= kept < 100
    done = enhance_clips(folder, enhancer, place.parent)
    assert (done.made, done.kept, done.faults) == (100 - kept, kept, {})
    enhance_clips(folder, enhancer, whole.parent)
    names = {path.name for path in whole.iterdir()}
    assert len(names) == 101  # and the record of what made them
    assert {path.name for path in place.glob("[!.]*")} == names
    assert all((place / name).read_bytes() == (whole / name).read_bytes() for name in names)


def test_a_folder_of_other_settings_is_not_mixed_with(make_clips, settings, tmp_path):
    folder = find_clips(make_clips(tmp_path), "valid")
    enhance_clips(folder, make_enhancer("none", settings, name="mine"), tmp_path)
    with pytest.raises(CadenzaError, match="holds results of other settings"):
        enhance_clips(folder, make_enhancer("nlr1", settings, name="mine"), tmp_path)
    (tmp_path / "mine" / "enhancement.json").unlink()
    with pytest.raises(CadenzaError, match="unknown origin"):
        enhance_clips(folder, make_enhancer("none", settings, name="mine"), tmp_path)


def test_faulty_clips_are_named_and_stop_no_other(make_clips, settings, tmp_path):
    root = make_clips(tmp_path)
    path = root / "metadata" / "valid_metadata.json"
    listed = json.loads(path.read_text())
    listed[1]["hearing_loss"] = "Profound"
    path.write_text(json.dumps(listed))
    folder = find_clips(root, "valid")
    folder.signal_path(folder.clips[2]).unlink()
    done = enhance_clips(folder, make_enhancer("nlr1", settings), tmp_path)
    assert done.made == 4
    assert "'Profound' is not one of" in done.faults[folder.clips[1].signal]
    assert "no file" in done.faults[folder.clips[2].signal]


def test_what_exceeds_full_scale_is_kept_and_said(make_clips, settings, tmp_path):
    root = make_clips(tmp_path, clips=3)
    folder = find_clips(root, "valid")
    for clip in folder.clips[:2]:
        soundfile.write(folder.signal_path(clip), np.full((6000, 2), 0.01), RATE)
    loud = 0.9 * np.sign(np.sin(np.arange(30000) / 20))
    soundfile.write(folder.signal_path(folder.clips[2]), np.stack([loud, loud], axis=1), RATE)
    done = enhance_clips(folder, make_enhancer("nlr1", settings), tmp_path)
    assert done.notes == ("1 of the new files exceed full scale; as float files they are kept whole",)
    assert np.abs(soundfile.read(done.folder / f"{folder.clips[2].signal}.wav")[0]).max() > 1.0


def test_an_enhanced_file_of_another_length_is_refused(make_clips, settings, tmp_path):
    folder = find_clips(make_clips(tmp_path), "valid")
    place = enhance_clips(folder, make_enhancer("none", settings), tmp_path).folder
    read = enhanced_reader(place, folder)
    np.testing.assert_array_equal(read(folder.clips[0]).samples, folder.signal(folder.clips[0]).samples)
    soundfile.write(place / f"{folder.clips[0].signal}.wav", np.zeros((60000, 2)), RATE)
    with pytest.raises(CadenzaError, match="its signal does not"):
        read(folder.clips[0])
    with pytest.raises(CadenzaError, match="There is no folder"):
        enhanced_reader(tmp_path / "nothing", folder)


def test_the_record_tells_what_the_results_hang_on(settings):
    one, other = (make_enhancer("vocals-nlr1", settings, gains=Gains.parse([f"vocals={gain}"])) for gain in (3, 4))
    assert one.identity() != other.identity()
    assert dataclasses.replace(one, amplified=False).identity() != one.identity()
    assert json.loads(json.dumps(one.identity()))["compressor"]["threshold"] == 0.35
