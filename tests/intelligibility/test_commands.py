"""``cadenza lyrics``: the commands as the documentation gives them, their JSON, and what they say of bad input."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cadenza_core.cli import app

from .conftest import records


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("CADENZA_MUSIC", "CADENZA_LISTENERS", "CADENZA_MODELS", "CADENZA_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CADENZA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["lyrics", *map(str, arguments)])


def run_json(*arguments: object):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    """Metadata and scores of a training and a validation set, as the baseline's are."""
    made = {}
    for seed, split in enumerate(("train", "valid"), 1):
        listed = records(90, seed)
        made[split] = tmp_path / f"{split}_metadata.json"
        made[split].write_text(json.dumps(listed))
        made[f"{split}_scores"] = tmp_path / f"{split}.whisper.jsonl"
        lines = [
            {"signal": r["signal"], "whisper.mixture": (r["correctness"] + i % 3 / 4) / 1.5}
            for i, r in enumerate(listed)
        ]
        made[f"{split}_scores"].write_text("\n".join(map(json.dumps, lines)) + "\n")
    return made


@pytest.mark.parametrize("kind", ["logistic", "ridge"])
def test_fit_predict_compare(home, files, tmp_path, kind):
    model, predicted = tmp_path / "model.json", tmp_path / "ICASSP2026_valid_T001.csv"
    options = ("--metadata", files["train"], "--scores", files["train_scores"], "--out", model)
    fitted = run_json("fit", *options, *(() if kind == "logistic" else ("--kind", kind)))
    assert fitted["kind"] == kind
    if kind == "logistic":
        assert {"x0", "k", "x0_error", "k_error", "train"} <= set(fitted)
    else:
        assert fitted["cross_validation"]["songs"] == 15
        assert len(fitted["cross_validation"]["gain_interval_95"]) == 2
    run_json(
        "predict", "--model", model, "--metadata", files["valid"], "--scores", files["valid_scores"], "--csv", predicted
    )
    with predicted.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["signal_id", "intelligibility_score"]
    assert len(rows) == 90
    assert all(0 <= float(row["intelligibility_score"]) <= 100 for row in rows)
    compared = run_json("compare", "--truth", files["valid"], predicted)
    (row,) = compared["predictions"]
    assert (row["name"], row["n"], row["missing"], row["unknown"]) == (predicted.name, 90, 0, 0)
    assert 0 < row["rmse"] < 40
    assert set(row["by_severity"]) == {"No Loss", "Mild", "Moderate"}
    assert compared["faults"] == {}


def test_compare_ranks_names_faults_and_shows_published_results(home, files, tmp_path):
    good, bad = tmp_path / "[good].csv", tmp_path / "bad.csv"
    lines = [f"{record['signal']},50" for record in json.loads(files["valid"].read_text())]
    good.write_text("\n".join(["signal_ID,intelligibility_score", *lines]))
    bad.write_text("signal_id;intelligibility_score\na;5\n")
    result = run("compare", "--truth", files["valid"], good, bad, "--published", "eval")
    assert result.exit_code == 1
    assert "[good].csv" in result.stdout
    assert "published: T045 *" in result.stdout and "26.44" in result.stdout
    assert "separates its fields by ';'" in " ".join(result.stderr.split())
    assert run("compare", "--truth", files["valid"], good).exit_code == 0


def test_fit_says_what_is_wrong(home, files, tmp_path):
    result = run("fit", "--metadata", files["train"], "--scores", files["valid_scores"], "--out", tmp_path / "m.json")
    assert result.exit_code == 1
    assert "90 of 90 signals have no score 'whisper.mixture'" in " ".join(result.stderr.split())
    assert not (tmp_path / "m.json").exists()
    assert run("fit", "--metadata", files["train"]).exit_code == 2


def test_check_enhance_and_recognise_on_a_data_set(home, make_clips, tmp_path):
    root = make_clips(tmp_path, clips=3, samples=3000)
    assert run_json("check", "--data", root, "--split", "valid")["faults"] == []
    enhanced = run_json("enhance", "--data", root, "--model", "nlr1", "--out", tmp_path / "results")
    assert (enhanced["made"], enhanced["folder"]) == (3, str(tmp_path / "results" / "nlr1"))
    scored = run_json("recognise", "--data", root, "--enhanced", enhanced["folder"], "--out", tmp_path / "s.jsonl")
    assert (scored["made"], scored["score"]) == (3, "pocketsphinx.nlr1")
    assert (
        run_json("recognise", "--data", root, "--enhanced", enhanced["folder"], "--out", tmp_path / "s.jsonl")["kept"]
        == 3
    )
    next((root / "valid" / "signals").iterdir()).unlink()
    result = run("check", "--data", root, "--split", "valid")
    assert result.exit_code == 1
    assert "(missing-audio)" in result.stdout


def test_the_whole_run_is_one_command(home, make_clips, tmp_path):
    root = make_clips(tmp_path, ("train", "valid"), clips=6, samples=20000)
    done = run_json("run", "--data", root, "--out", tmp_path / "out", "--model", "none", "--recogniser", "stoi")
    assert Path(done["files"]["predictions"]).name == "ICASSP2026_valid_T001.csv"
    assert done["figures"]["n"] == 6
    assert {"x0", "k", "rmse"} <= set(done["fit"])


def test_recognisers_are_listed_with_what_is_missing(home):
    rows = {row["recogniser"]: row for row in run_json("weights")}
    assert rows["pocketsphinx"]["ready"] is True
    assert rows["whisper-base.en"]["ready"] is False
    assert "cadenza lyrics weights whisper-base.en" in rows["whisper-base.en"]["reason"]


def test_missing_weights_and_unknown_names_are_sentences(home, make_clips, tmp_path):
    root = make_clips(tmp_path, clips=2)
    for options, words in (
        (("recognise", "--recogniser", "whisper-base.en"), "are not on this machine"),
        (("recognise", "--recogniser", "siri"), "There is no recogniser 'siri'"),
        (("enhance", "--model", "magic"), "There is no enhancer 'magic'"),
        (("enhance", "--split", "train"), "has no metadata/train_metadata.json"),
    ):
        result = run(*options, "--data", root)
        assert result.exit_code == 1
        assert words in " ".join(result.stderr.split())
        assert "Traceback" not in result.output
