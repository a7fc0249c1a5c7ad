"""``cadenza propose``, ``cadenza why`` and ``cadenza score --explain``: what they print, save and refuse."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from cadenza_core.catalog import standard_listeners
from cadenza_core.cli import app
from cadenza_core.remix import Presets, render

from ..tuning.conftest import make_stems

RATE = 44100


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("CADENZA_MUSIC", "CADENZA_LISTENERS", "CADENZA_MODELS", "CADENZA_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CADENZA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def song(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("music") / "Zoë's “Song”"
    folder.mkdir()
    stems = make_stems(1.5)
    for name, samples in {**stems, "mixture": sum(stems.values())}.items():
        soundfile.write(folder / f"{name}.wav", samples.T, RATE, subtype="PCM_16")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def run_json(*arguments: object):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_propose_prints_gains_reasons_and_limits_and_saves_a_preset(home, song):
    asked = ["propose", "--song", song, "--listener", "N4", "--system", "reference"]
    data = run_json(*asked, "--save", "For the words")
    assert data["improved"] and data["value"]["proposal"] > data["value"]["equal_gains"]
    assert data["gains_db"]["vocals"]["left"] > data["gains_db"]["other"]["left"]
    assert len(data["reasons"]) == 4 and "audible" in data["reasons"][0]["words"]
    (preset,) = Presets(home / "presets").all(song.name, "N4")
    assert preset.name == "For the words" and "audible share of vocals" in preset.description
    assert preset.settings.lane("vocals").left == data["gains_db"]["vocals"]["left"]
    said = run(*asked)
    assert said.exit_code == 0
    assert "vocals" in said.stdout and "→" in said.stdout and "with the proposal" in said.stdout


def test_propose_says_when_nothing_is_better(home, song):
    options = ["--objective", "haaqi", "--system", "reference", "--step", "2", "--loudness", "2", "--excerpt", "0-0.8"]
    data = run_json("propose", "--song", song, "--listener", "N2", *options)
    assert not data["improved"] and data["reasons"] == []
    assert set(data["gains_db"]["vocals"].values()) == {0.0}
    assert "Nothing better than equal gains" in data["summary"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--stems", "kazoo"], "one or more of vocals, drums, bass, other"),
        (["--trade-off", "-1"], "0 (only the chosen stems count) to 10"),
        (["--raise", "3"], "--raise is for --objective preference"),
        (["--target", "vocals=3"], "--target is for --objective haaqi"),
        (["--objective", "haaqi", "--target", "vocals=loud"], "not of the form STEM=DB"),
        (["--objective", "haaqi", "--unaided"], "Choose a prescription"),
        (["--objective", "preference", "--raise", "99"], "0.5 to 20 dB"),
        (["--highest", "-1"], "must hold 0 dB"),
        (["--step", "0"], "0.1 to 6 dB"),
        (["--loudness", "0.1"], "a step of the gains"),
        (["--prescription", "camfit-compressor"], "follows the level"),
        (["--calibration", "7"], "dB SPL"),
        (["--save", " "], "A preset needs a name"),
        (["--excerpt", "9-3"], "start before the stop"),
    ],
)
def test_propose_names_bad_input(home, song, options, words):
    result = run("propose", "--song", song, "--listener", "N4", "--system", "reference", *options)
    assert result.exit_code == 1
    assert words in " ".join(result.stderr.split()) and "Traceback" not in result.output


def test_score_explain_tells_terms_regions_and_words(home, song, tmp_path):
    run_json("export", "--song", song, "--listener", "N4", "--system", "ideal-mask", "--out", tmp_path)
    asked = ["score", "--song", song, "--listener", "N4", "--enhanced", tmp_path / "enhanced_signals"]
    plain, explained = run_json(*asked), run_json(*asked, "--explain")
    assert "why" not in plain and plain["score"] == explained["score"]
    why = explained["why"]
    assert set(why) == {f"{ear}_{stem}" for ear in ("left", "right") for stem in ("vocals", "drums", "bass", "other")}
    for name, one in why.items():
        assert one["score"] == explained[name]
        assert one["score"] + sum(term["lost"] for term in one["terms"].values()) == pytest.approx(0.999, abs=1e-9)
    assert "costs most" in run(*asked, "--explain").stdout
    refused = run(*asked, "--explain", "--reference")
    assert refused.exit_code == 1 and "Only the fast engine" in refused.stderr


def test_why_explains_two_files_and_names_a_silent_channel(home, song, tmp_path):
    listener = standard_listeners()["N4"]
    drums = make_stems(1.5)["drums"]
    drums[1] = 0
    aided = render({"drums": drums}, RATE, listener=listener)
    for name, samples in (("reference", drums), ("same", aided), ("silence", 0 * drums)):
        soundfile.write(tmp_path / f"{name}.wav", samples.T, RATE, subtype="FLOAT")
    result = run("why", tmp_path / "same.wav", tmp_path / "reference.wav", "--listener", "N4", "--json")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert set(data) == {"left"} and data["left"]["score"] > 0.9
    assert "silent in the right channel" in result.stderr
    assert np.shape(data["left"]["terms"]["slope"]["lost_by_region"]) == (8,)
    refused = run("why", tmp_path / "same.wav", tmp_path / "silence.wav")
    assert refused.exit_code == 1 and "nothing can be scored" in refused.stderr
