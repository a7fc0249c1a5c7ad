"""`cadenza scores`, `leaderboard`, `analyse` and `compare`: the same numbers as the pages, from a shell."""

import json

import numpy as np
import pandas as pd
import pytest
import soundfile
from typer.testing import CliRunner

from cadenza_core.cli import app
from cadenza_core.quality import PairScore, write_scores

NAMES = tuple(f"{ear}_{stem}" for ear in ("left", "right") for stem in ("bass", "drums", "other", "vocals"))


@pytest.fixture
def run(tmp_path, monkeypatch):
    for name in ("MUSIC", "LISTENERS", "MODELS", "DEVICE", "DATABASE"):
        monkeypatch.delenv(f"CADENZA_{name}", raising=False)
    monkeypatch.setenv("CADENZA_HOME", str(tmp_path / "home"))

    def run(*arguments, code=0):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if "--json" in arguments else result.output

    return run


@pytest.fixture
def tables(tmp_path):
    """Two systems' scores.csv in folders of their own."""
    rng = np.random.default_rng(0)
    for name, bonus in (("ours", 0.1), ("theirs", 0.0)):
        pairs = [
            PairScore(
                f"Song {s}", f"L{n}", dict(zip(NAMES, (0.5 + bonus + rng.normal(0, 0.05, 8)).tolist(), strict=True))
            )
            for s in range(5)
            for n in range(6)
        ]
        write_scores(tmp_path / "in" / name / "scores.csv", pairs)
    return tmp_path / "in"


def test_from_tables_to_a_ranking_a_test_and_files(run, tables, tmp_path):
    assert "no scores yet" in run("scores")
    said = run("scores", "import", tables, "--set", "cad1-validation", "--team", "E099", "--json")
    assert (said["added"], said["conflicts"]) == (480, 0)
    listed = run("scores", "--json")["systems"]
    assert [(row["system"], row["scores"], row["songs"], row["listeners"]) for row in listed] == [
        ("ours", 240, 5, 6),
        ("theirs", 240, 5, 6),
    ]
    board = run("leaderboard", "--json")  # there is one set
    frame = pd.read_csv(tables / "ours" / "scores.csv")
    (ours,) = [row for row in board["systems"] if row["system"] == "ours"]
    assert ours["haaqi"] == pytest.approx(frame["score"].mean(), abs=1e-12)
    assert ours["rank"] == 1 and ours["published"] is False and ours["team"] == "E099"
    assert {row["system"] for row in board["systems"] if row["published"]} == {"Demucs", "OpenUnmix"}
    only = run("leaderboard", "--song", "Song 1", "--stem", "bass", "--no-published", "--json")["systems"]
    part = frame[frame["song"] == "Song 1"][["left_bass", "right_bass"]].mean().mean()
    assert only[0]["haaqi"] == pytest.approx(part, abs=1e-12)
    tests = run("analyse", "significance", "--json")["rows"]
    assert tests[0]["significant"] is True and tests[0]["p_holm"] < 0.05
    out = tmp_path / "out"
    run("leaderboard", "--out", out / "b.csv", "--out", out / "b.tex", "--out", out / "b.html")
    assert pd.read_csv(out / "b.csv")["haaqi"].max() == pytest.approx(ours["haaqi"], abs=0)
    assert "toprule" in (out / "b.tex").read_text() and "Plotly.newPlot" in (out / "b.html").read_text()
    grid = run("analyse", "heatmap", "--of", "ours", "--out", out / "grid.parquet")
    assert "Song 4" in grid
    assert pd.read_parquet(out / "grid.parquet").shape == (5, 7)
    assert "Song" in run("analyse", "difference", "--of", "ours", "--of", "theirs")


def test_a_conflict_ends_with_1_and_shows_both_values(run, tables, tmp_path):
    table = tables / "ours" / "scores.csv"
    importing = ("scores", "import", table, "--set", "cad1-validation", "--system", "ours")
    run(*importing)
    assert "0 scores added, 240 were there already" in run(*importing)
    changed = pd.read_csv(table, dtype=str)
    changed.loc[3, "left_bass"] = "0.125"
    changed.to_csv(table, index=False)
    said = run(*importing, code=1)
    assert "1 in conflict and not stored" in said and "0.1250" in said
    said = run(*importing, "--replace", "--json")
    assert said["replaced"] == 1


def test_all_scores_go_out_and_come_back_into_another_database(run, tables, tmp_path):
    run("scores", "import", tables, "--set", "cad1-validation")
    run("scores", "export", "--out", tmp_path / "all.csv")
    other = ("--database", tmp_path / "other.sqlite")
    assert run(*other, "scores", "import", tmp_path / "all.csv", "--json")["added"] == 480
    assert run(*other, "leaderboard", "--json") == run("leaderboard", "--json")


def test_published_results_are_imported_with_source_and_date(run, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"data": [{"id": "E001", "HAAQI": 0.5}]}))
    run("scores", "import", path, code=1)
    run("scores", "import", path, "--set", "cad9", "--source", "https://page", "--date", "2027")
    (row,) = run("leaderboard", "--set", "cad9", "--json")["systems"]
    assert (row["system"], row["haaqi"], row["source"], row["date"]) == ("E001", 0.5, "https://page", "2027")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("leaderboard",), "Say which evaluation set, with --set: cad1-evaluation"),
        (("leaderboard", "--set", "cad7"), "no evaluation set 'cad7'"),
        (("leaderboard", "--set", "cad1-evaluation", "--song", "x"), "No score has the song 'x'"),
        (("analyse", "colour"), "no view 'colour': stem, severity"),
        (("analyse", "heatmap", "--set", "cad1-evaluation"), "needs one system to be named, not 0"),
        (("scores", "import", "gone.csv"), "There is no file or folder gone.csv"),
        (("scores", "export", "--out", "x.xls"), "must end with .csv, .parquet, .tex, .json"),
        (("--database", "nonsense://x", "scores"), "is no database that can be used"),
    ],
)
def test_a_wrong_call_is_a_sentence(run, arguments, words):
    assert words in " ".join(run(*arguments, code=1).split())


def test_compare(run, tmp_path):
    folder = tmp_path / "Song"
    folder.mkdir()
    rng = np.random.default_rng(3)
    stems = {name: 0.05 * rng.standard_normal((2 * 44100, 2)) for name in ("vocals", "drums", "bass", "other")}
    for name, samples in {**stems, "mixture": sum(stems.values())}.items():
        soundfile.write(folder / f"{name}.wav", samples, 44100, subtype="PCM_16")
    out = tmp_path / "out"
    said = run(
        "compare", "--song", folder, "--listener", "N3", "--remix", "original", "--remix", "reference:vocals=6",
        "--out", out / "t.csv", "--spectra", out / "s.parquet", "--sounds", out / "wav", "--json",
    )  # fmt: skip
    assert [row["remix"] for row in said["remixes"]] == ["original", "reference: vocals=6"]
    assert all(0 <= row["haaqi"] <= 1 and row["matched_db"] < 0 for row in said["remixes"])
    assert len(pd.read_csv(out / "t.csv")) == 2 and len(pd.read_parquet(out / "s.parquet")) == 2 * 2 * 28
    assert [soundfile.info(out / "wav" / f"{n}.wav").subtype for n in (1, 2)] == ["PCM_24"] * 2
