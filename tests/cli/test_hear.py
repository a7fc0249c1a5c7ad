"""``cadenza hear``: what it prints, writes and returns."""

import json

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from cadenza_core.cli import app

RATE = 44100


@pytest.fixture
def home(tmp_path, monkeypatch, with_demo):
    for name in ("CADENZA_MUSIC", "CADENZA_LISTENERS", "CADENZA_MODELS", "CADENZA_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CADENZA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    return with_demo(tmp_path / "home")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["hear", *(str(argument) for argument in arguments)])


def run_json(*arguments: object):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def tone(path, frequency: float, seconds: float = 2.0) -> None:
    time = np.arange(int(seconds * RATE)) / RATE
    noise = np.random.default_rng(int(frequency)).standard_normal((len(time), 2)) * 1e-3
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, (0.2 * np.sin(2 * np.pi * frequency * time))[:, None] + noise, RATE)


def test_models_are_listed_with_licence_and_readiness(home):
    rows = {row["id"]: row for row in run_json("models")}
    assert list(rows) == ["naive", "logmel", "wav2vec2", "hubert", "clap"]
    assert rows["naive"]["ready"] and rows["naive"]["module"] == "cadenza_core.embedding.naive"
    assert not rows["clap"]["ready"] and "Apache-2.0" in rows["clap"]["licence"] and "776 MB" in rows["clap"]["reason"]
    assert "cadenza hear get" in run("models").stderr


def test_validate_reports_each_check_and_fails_by_its_exit_status(home, tmp_path):
    result = run("validate", "naive", "--minutes", "0.3")
    assert result.exit_code == 0, result.output
    assert "Looks good! 0 errors, 0 warnings" in result.stdout
    (tmp_path / "theirs.py").write_text("def load_model(path=''):\n    return 3\n")  # found in the current folder
    result = run("validate", "theirs", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert not report["passed"] and report["findings"][0]["verdict"] == "error"
    assert "get_timestamp_embeddings, get_scene_embeddings" in report["findings"][0]["text"]
    assert {"check": "scenes", "verdict": "not run", "text": ""} in report["findings"]


def test_from_the_tone_task_to_a_table_beside_the_leaderboard(home, tmp_path):
    made = run_json("tasks", "make", "tone-pitch", "--out", tmp_path / "tasks", "--rate", 44100)
    assert made["splits"] == {"train": 288, "valid": 96, "test": 96} and made["labels"] == 24
    assert run_json("tasks", "list", tmp_path / "tasks")[0]["fault"] == ""
    (row,) = run_json("evaluate", "logmel", "--tasks", tmp_path / "tasks", "--retrieval")
    assert row["scores"]["retrieval_p_at_1"] > 0.5 and row["standing"] is None
    (kept,) = run_json("results")
    assert kept["scores"] == row["scores"]
    assert "retrieval_mAP" in run("results").stdout
    (space,) = run_json("cache")
    assert (space["model"], space["files"]) == ("logmel", 96)
    assert run_json("cache", "--remove", space["name"]) == []


def test_embed_writes_arrays_with_their_space(home, tmp_path):
    tone(tmp_path / "a.wav", 440)
    (row,) = run_json("embed", tmp_path / "a.wav", "--with", "logmel", "--out", tmp_path / "out")
    with np.load(tmp_path / "out" / "a.npz") as content:
        assert content["scene_embedding"].shape == (336,) and str(content["space"]) == row["space"]
    run_json("embed", tmp_path / "a.wav", "--with", "logmel", "--timestamps", "--out", tmp_path / "out")
    with np.load(tmp_path / "out" / "a.npz") as content:
        assert content["timestamp_embeddings"].shape == (81, 168) and content["timestamps"][-1] == 2000


def test_neighbours_sections_and_distance(home, tmp_path):
    for name, frequency in (("low", 110), ("lower", 98), ("high", 3000)):
        tone(tmp_path / "music" / f"{name}.wav", frequency, 8.0)
    result = CliRunner().invoke(
        app, ["--music", str(tmp_path / "music"), "hear", "neighbours", "--song", "low", "--count", "1", "--json"]
    )
    assert result.exit_code == 0, result.output
    assert [row["song"] for row in json.loads(result.stdout)["neighbours"]] == ["lower"]
    found = run_json("sections", "--song", tmp_path / "music" / "low.wav")
    assert found["sections"] == [{"start": 0.0, "stop": 8.0, "letter": "A"}]
    files = [tmp_path / "music" / f"{name}.wav" for name in ("low", "lower", "high")]
    near, far = (run_json("distance", files[0], other)["distance"] for other in files[1:])
    assert 0 < near < far and run_json("distance", files[0], files[0])["distance"] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("validate", "nothing.of.that.name"), "cannot be"),
        (("evaluate", "magic"), "There is no task in tasks"),
        (("tasks", "make", "gtzan"), "no task 'gtzan'"),
        (("tasks", "make", "dcase2016", "nowhere"), "There is no folder nowhere"),
        (("tasks", "check", "nowhere"), "There is no task in nowhere"),
        (("embed", "nowhere.wav"), "There is no file"),
        (("embed", "a/x.wav", "b/x.wav"), "the same name"),
        (("get", "naive"), "No weights are published for 'naive'"),
        (("add", "x y", "cadenza_core.embedding.naive"), "not accepted"),
        (("remove", "naive"), "No module is registered"),
        (("cache", "--remove", "../.."), "There is no space"),
        (("neighbours", "--song", "nowhere"), "There is no song"),
        (("embed", "a.wav", "--with", "clap"), "776 MB, Apache-2.0"),
    ],
)
def test_errors_are_sentences_with_status_1_and_never_a_traceback(home, monkeypatch, arguments, words):
    from cadenza_core.separation.download import DownloadFailed

    def refused(*arguments, **options):
        raise DownloadFailed("no connection")

    monkeypatch.setattr("cadenza_core.embedding.published.download", refused)
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert words in " ".join((result.stderr + result.stdout).split())
    assert "Traceback" not in result.output
