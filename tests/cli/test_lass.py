"""`cadenza lass`: from a folder of clips to a model, its scores, an extraction and a submission."""

import csv
import json

import numpy as np
import pytest
import soundfile

from cadenza_core.cli import app
from cadenza_core.separation.lass.clips import read_clips
from cadenza_core.separation.lass.mixtures import pair_clips, write_mixtures
from tests.lass import clips_folder, sound, tiny_checkpoint  # noqa: F401

from .test_commands import home, run, run_json  # noqa: F401


@pytest.fixture
def model(home, tiny_checkpoint):  # noqa: F811
    folder = home / "models" / "lass"
    folder.mkdir(parents=True)
    for path in (tiny_checkpoint, tiny_checkpoint.with_suffix(".json")):
        (folder / path.name).write_bytes(path.read_bytes())
    return "tiny"


def test_models_are_listed_with_what_is_missing(home, model):  # noqa: F811
    rows = {row["id"]: row for row in run_json("lass")}
    assert rows["tiny"]["ready"] and rows["tiny"]["captions"] == ["high tone", "hiss", "low tone"]
    assert "vocab.json" in rows["lass-32k"]["reason"]
    assert {"lass-16k", "lass-32k", "lass-text"} <= {row["id"] for row in run_json("models")}
    assert run("models", "verify", "lass-32k").exit_code == 1


def test_training_makes_a_model_that_is_then_found(home, clips_folder):  # noqa: F811
    made = run_json(
        "lass", "train", "--clips", clips_folder, "--name", "mine", "--steps", 1, "--batch", 2, "--hold-out", "1-"
    )
    assert (made["clips"], made["held_out"], made["steps"]) == (3, 3, 1)
    assert "mine" in {row["id"] for row in run_json("lass")}
    again = run("lass", "train", "--clips", clips_folder, "--name", "mine")
    assert again.exit_code == 1 and "There is a model" in again.stderr


def test_synthesise_evaluate_and_the_published_rows(model, clips_folder, tmp_path):  # noqa: F811
    out = tmp_path / "mixed"
    made = run_json(
        "lass", "synthesise", "--clips", clips_folder, "--out", out, "--count", 4, "--only", "1-", "--seed", 2
    )
    assert made["mixtures"] == 4
    rows = list(csv.DictReader((out / "mixtures.csv").open()))
    assert set(rows[0]) == {"source", "noise", "snr", "query"} and all(row["source"].startswith("1-") for row in rows)
    assert len(list((out / "mixtures").iterdir())) == len(list((out / "sources").iterdir())) == 4
    call = ("lass", "evaluate", "--csv", out / "mixtures.csv", "--clips", clips_folder, "--out", tmp_path / "scores")
    scores = run_json(*call)
    assert scores["lines"] == 4 and set(scores) >= {"sdr", "sdri", "si_sdr", "per_snr", "per_query"}
    assert (tmp_path / "scores" / "tiny.csv").is_file() and (tmp_path / "scores" / "tiny.json").is_file()
    shown = run(*call)
    assert "5.708" in shown.stdout and "published" in shown.stdout
    wrong = run_json(*call, "--wrong-query")
    assert wrong["wrong_query"] and wrong["sdri"] != scores["sdri"]
    assert {row["set"] for row in run_json("lass", "results")} >= {"lass-esc-50", "lass-dcase-2024-validation"}


def test_scores_are_stored_once_and_ranked_beside_the_published_ones(model, clips_folder, tmp_path):  # noqa: F811
    rows = pair_clips(read_clips(clips_folder), 5, seed=3)
    write_mixtures(tmp_path / "set.csv", rows)
    name = "lass-dcase-2024-validation"
    call = (
        "lass",
        "evaluate",
        "--csv",
        tmp_path / "set.csv",
        "--clips",
        clips_folder,
        "--out",
        tmp_path,
        "--set",
        name,
    )
    made = run_json(*call, "--system", "ours")
    assert "15 scores added" in run(*call, "--system", "second").stderr.replace("\n", " ")
    assert "0 scores added, 15 were there already" in run(*call, "--system", "ours").stderr.replace("\n", " ")
    board = {row["system"]: row for row in run_json("leaderboard", "--set", name)["systems"]}
    assert next(iter(board)) == "Baseline (AudioSep, 16 kHz)" and board["ours"]["rank"] == 2
    for measure in ("sdr", "sdri", "si_sdr"):
        assert board["ours"][measure] == pytest.approx(made[measure], abs=1e-12)
    assert board["ours"]["low"] <= board["ours"]["sdr"] <= board["ours"]["high"]
    assert (board["ours"]["pairs"], board["ours"]["haaqi"]) == (5, None)
    refused = run(*call, "--wrong-query")
    assert refused.exit_code == 1 and "no scores of a system" in " ".join(refused.stderr.split())


def test_extract_writes_target_and_rest_that_sum_to_the_sound(model, tmp_path):
    song = np.stack([sound(1500, 0.5, 0, 48000) + sound(200, 0.5, 1, 48000)] * 2, axis=1)
    soundfile.write(tmp_path / "song.wav", song, 48000, subtype="FLOAT")
    data = run_json("lass", "extract", tmp_path / "song.wav", "high tone", "--not", "hiss", "--out", tmp_path / "out")
    target, rest = (soundfile.read(tmp_path / "out" / f"{name}.wav", dtype="float32") for name in ("target", "rest"))
    assert target[1] == 48000
    assert np.abs(target[0] + rest[0] - song).max() < 1e-6
    assert data["presence"]["verdict"] in {"there", "unsure", "absent"}
    assert any("hears up to 4 kHz" in note for note in data["notes"])


def test_a_submission_is_written_validated_and_its_faults_are_said(model, tmp_path):
    for name in ("a", "b"):
        soundfile.write(tmp_path / f"{name}.wav", sound(500, 0.3, 1, 16000), 16000)
    (tmp_path / "set.csv").write_text("wav,query\na,hiss\na,low tone\nb,high tone\n")
    sets = ("--set", f"synth={tmp_path / 'set.csv'}:{tmp_path}", "--set", f"real={tmp_path / 'set.csv'}:{tmp_path}")
    call = ("lass", "submit", "--author", "Doe", "--institute", "XYZ", "--out", tmp_path / "out", *sets, "--zip")
    made = run_json(*call, "--link", "https://drive.google.com/x")
    assert not made["ok"] and any("submission.authors is missing" in fault for fault in made["faults"])
    result = run("lass", "validate", tmp_path / "out" / "doe_xyz", *sets, "--json")
    assert result.exit_code == 1
    assert {fault["code"] for fault in json.loads(result.stdout)["faults"]} == {"lass-meta", "lass-report"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("lass", "extract", "nowhere.wav", "x", "--out", "o"), "There is no song 'nowhere.wav'"),
        (("lass", "extract", "{song}", "", "--out", "o"), "The description is empty"),
        (("lass", "extract", "{song}", "xylophone", "--out", "o"), "knows none of the words"),
        (("lass", "extract", "{song}", "hiss", "--out", "o", "--within", "50-60"), "not in the excerpt"),
        (
            ("lass", "extract", "{song}", "hiss", "--out", "o", "--model", "nothing"),
            "no language-queried separator 'nothing'",
        ),
        (("lass", "evaluate", "--csv", "no.csv", "--clips", ".", "--out", "o"), "cannot be read as a CSV"),
        (("lass", "train", "--clips", "nowhere", "--name", "x"), "There is no folder or file nowhere"),
        (("lass", "train", "--clips", "{clips}", "--name", "../x"), "cannot be used as a file name"),
        (("lass", "train", "--clips", "{clips}", "--name", "x", "--size", "huge"), "no size 'huge'"),
        (("lass", "train", "--clips", "{clips}", "--name", "x", "--size", "dcase"), "cadenza models get lass-text"),
        (("lass", "submit", "--author", "D", "--institute", "X", "--out", "o"), "Say which sets"),
        (
            ("lass", "submit", "--author", "D", "--institute", "X", "--out", "o", "--set", "x=y"),
            "not of the form NAME=CSV",
        ),
        (("lass", "validate", "nowhere"), "There is no folder nowhere"),
    ],
)
def test_errors_are_sentences(model, clips_folder, tmp_path, monkeypatch, arguments, words):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    soundfile.write(tmp_path / "song.wav", sound(500, 0.3, 1), 8000)
    places = {"{song}": tmp_path / "song.wav", "{clips}": clips_folder}
    result = run(*(places.get(argument, argument) for argument in arguments))
    assert result.exit_code == 1
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_without_a_model_the_command_says_how_to_get_one(home, tmp_path):  # noqa: F811
    result = run("lass", "extract", tmp_path / "x.wav", "crowd", "--out", tmp_path)
    assert result.exit_code == 1 and "cadenza models get lass-32k" in " ".join(result.stderr.split())
    assert app is not None
