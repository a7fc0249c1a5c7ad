"""Score files: what is in them, that a killed run goes on to the same file, and that nothing is mixed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.intelligibility.clips import find_clips
from cadenza_core.intelligibility.enhance import enhance_clips, make_enhancer
from cadenza_core.intelligibility.judge import RecogniserJudge, StoiJudge, judge_clips
from cadenza_core.intelligibility.recognisers import get_recogniser
from cadenza_core.intelligibility.scores import pick_score, read_lines, read_scores, values_for
from cadenza_core.intelligibility.words import Rules
from cadenza_core.separation import get_system

from .test_recognisers import Fixed
from .tiny_whisper import write_whisper

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(make_clips, tmp_path):
    return find_clips(make_clips(tmp_path), "valid")


def test_a_line_has_signal_score_and_both_transcripts(folder, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    write_whisper(settings.models / "whisper-base.en", "love me tender and never let go of summer rain")
    judge = RecogniserJudge(get_recogniser("whisper-base.en", settings))
    done = judge_clips(folder, judge, tmp_path / "scores.jsonl")
    assert (done.score, done.made, done.kept, done.faults) == ("whisper-base.en.mixture", 6, 0, {})
    rows = read_lines(done.path)
    assert [row["signal"] for row in rows] == [clip.signal for clip in folder.clips]
    for row, clip in zip(rows, folder.clips, strict=True):
        left = row["left"]
        assert left["text"] == "love me tender and never let go of summer rain"
        assert left["words"] == len(clip.prompt.split())
        assert row[done.score] == max(row[ear]["hits"] / row[ear]["words"] for ear in ("left", "right"))
        assert left["confidence"] > 0.9
    assert read_scores([done.path])[done.score][rows[0]["signal"]] == rows[0][done.score]


def test_stoi_compares_with_the_vocals_of_the_unprocessed_signal(make_clips, settings, tmp_path):
    folder = find_clips(make_clips(tmp_path, clips=2, samples=60000), "valid")
    done = judge_clips(folder, StoiJudge(get_system("preview", settings)), tmp_path / "stoi.jsonl")
    assert (done.score, done.faults) == ("stoi", {})
    for row in read_lines(done.path):
        assert row["stoi"] == max(row["left"], row["right"])
        assert 0.2 < row["stoi"] <= 1.0


def test_scores_of_enhanced_clips_are_named_after_them(folder, settings, tmp_path):
    place = enhance_clips(folder, make_enhancer("none", settings, name="mine"), tmp_path).folder
    judge = RecogniserJudge(Fixed(["love", "love"]))
    assert judge_clips(folder, judge, tmp_path / "a.jsonl", enhanced=place).score == "fixed.mine"
    assert judge_clips(folder, judge, tmp_path / "b.jsonl", source="unprocessed").score == "fixed.unprocessed"


def test_a_stopped_run_goes_on_behind_the_last_whole_line(folder, tmp_path):
    judge = RecogniserJudge(Fixed(["love me", "tender"]))
    whole = judge_clips(folder, judge, tmp_path / "whole.jsonl").path

    def stop(share, text):
        if share > 0.5:
            raise Cancelled("stopped")

    path = tmp_path / "stopped.jsonl"
    with pytest.raises(Cancelled):
        judge_clips(folder, judge, path, progress=stop)
    assert 0 < len(read_lines(path)) < 6
    with path.open("a") as file:
        file.write('{"signal": "half a li')
    done = judge_clips(folder, judge, path)
    assert done.kept + done.made == 6 and done.kept >= 2
    assert path.read_bytes() == whole.read_bytes()
    again = judge_clips(folder, judge, path)
    assert (again.made, again.kept) == (0, 6)


@pytest.mark.slow
def test_an_enhanced_folder_of_100_clips_is_killed_and_resumed_to_the_same_result(make_clips, settings, tmp_path):
    root = make_clips(tmp_path, clips=100, samples=2000)
    folder = find_clips(root, "valid")
    enhanced = enhance_clips(folder, make_enhancer("nlr1", settings), tmp_path / "results").folder
    judge = RecogniserJudge(get_recogniser("pocketsphinx", settings))
    whole = judge_clips(folder, judge, tmp_path / "whole.jsonl", enhanced=enhanced).path
    path = tmp_path / "killed.jsonl"
    arguments = ["lyrics", "recognise", "--data", root, "--enhanced", enhanced, "--out", path]
    command = [sys.executable, "-c", "from cadenza_core.cli import main; main()", *map(str, arguments)]
    environment = {**os.environ, "CADENZA_HOME": str(settings.home), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    end = time.monotonic() + 400
    while (not path.exists() or path.read_bytes().count(b"\n") < 20) and time.monotonic() < end:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 20 <= path.read_bytes().count(b"\n") < 100
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    assert "Recognising valid: 90% 91 of 100" in done.stderr
    assert " were there" in done.stdout
    assert path.read_bytes() == whole.read_bytes()


def test_a_file_of_other_settings_is_not_mixed_with(folder, tmp_path):
    path = tmp_path / "scores.jsonl"
    judge_clips(folder, RecogniserJudge(Fixed(["a", "b"])), path)
    with pytest.raises(CadenzaError, match="holds scores of other settings"):
        judge_clips(folder, RecogniserJudge(Fixed(["a", "b"]), Rules.RELEASED), path)
    with pytest.raises(CadenzaError, match="holds scores of other settings"):
        judge_clips(folder, RecogniserJudge(Fixed(["a", "b"])), path, source="unprocessed")
    (tmp_path / "scores.jsonl.about.json").unlink()
    with pytest.raises(CadenzaError, match="does not say what made it"):
        judge_clips(folder, RecogniserJudge(Fixed(["a", "b"])), path)


def test_faulty_clips_are_named_and_stop_no_other(make_clips, tmp_path):
    root = make_clips(tmp_path)
    metadata = root / "metadata" / "valid_metadata.json"
    listed = json.loads(metadata.read_text())
    listed[1]["prompt"] = "..."
    metadata.write_text(json.dumps(listed))
    folder = find_clips(root, "valid")
    folder.signal_path(folder.clips[4]).unlink()
    done = judge_clips(folder, RecogniserJudge(Fixed(["a", "b"])), tmp_path / "scores.jsonl")
    assert done.made == 4
    assert "has no words" in done.faults[folder.clips[1].signal]
    assert "no file" in done.faults[folder.clips[4].signal]


def test_missing_weights_stop_before_anything_is_written(folder, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(CadenzaError, match="weights of Whisper tiny"):
        judge_clips(folder, RecogniserJudge(get_recogniser("whisper-tiny.en", settings)), tmp_path / "scores.jsonl")
    assert not (tmp_path / "scores.jsonl").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no scores"),
        ('{"signal": "a", "left": {}}', "holds no scores"),
        ("signal,score", "line 1: not JSON"),
        ('{"whisper": 1}', "has no signal"),
        ('{"signal": "a", "whisper": NaN}', "a number is wanted"),
        ('{"signal": "a", "whisper": 0.5}\n{"signal": "a", "whisper": 0.6}', "two different scores"),
    ],
)
def test_faulty_score_files_are_refused_with_a_sentence(tmp_path, text, words):
    path = tmp_path / "scores.jsonl"
    path.write_text(text)
    with pytest.raises(CadenzaError) as error:
        read_scores([path])
    assert words in str(error.value)


def test_which_score_is_meant_must_be_clear(folder):
    assert pick_score({"whisper": {}}) == "whisper"
    assert pick_score({"whisper": {}, "stoi": {}}, "stoi") == "stoi"
    with pytest.raises(CadenzaError, match="Say which one is meant; the files hold stoi, whisper"):
        pick_score({"whisper": {}, "stoi": {}})
    with pytest.raises(CadenzaError, match="There is no score 'haspi'"):
        pick_score({"whisper": {}}, "haspi")
    with pytest.raises(CadenzaError, match="5 of 6 signals have no score 'whisper'"):
        values_for(folder.clips, {folder.clips[0].signal: 0.5}, "whisper")


def test_silent_vocals_are_a_fault_of_that_clip(make_clips, settings, tmp_path):
    folder = find_clips(make_clips(tmp_path, clips=2, samples=60000), "valid")
    soundfile.write(folder.unprocessed_path(folder.clips[0]), np.zeros((60000, 2)), 44100)
    done = judge_clips(folder, StoiJudge(get_system("preview", settings)), tmp_path / "stoi.jsonl")
    assert list(done.faults) == [folder.clips[0].signal]
    assert "silent" in done.faults[folder.clips[0].signal]
