"""`cadenza panel analyse` and `preselect`: the same as the page, from a table of answers, to files."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from cadenza_core.cli import app
from cadenza_core.listening.analysis import answers_of, view_named
from cadenza_core.store.exporting import write_table

from ..listening.analysis import simulated


@pytest.fixture
def run(tmp_path, monkeypatch):
    for name in ("MUSIC", "LISTENERS", "MODELS", "DEVICE", "DATABASE"):
        monkeypatch.delenv(f"CADENZA_{name}", raising=False)
    monkeypatch.setenv("CADENZA_HOME", str(tmp_path / "home"))

    def run(*arguments, code=0):
        result = CliRunner().invoke(app, ["panel", *map(str, arguments)])
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if "--json" in arguments else result.output

    return run


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "answers.csv"
    write_table(simulated.rated("mushra", people=6, songs=4, scales=("quality",)), path)
    return path


def test_views_options_and_files(run, table, tmp_path):
    frame = simulated.rated("mushra", people=6, songs=4, scales=("quality",))
    means = run("analyse", "--answers", table, "--json")
    assert (means["view"], means["test"]) == ("systems", "sim")
    expected = view_named("systems").of(answers_of(frame)).frame
    assert [row["mean"] for row in means["rows"]] == pytest.approx(expected["mean"].tolist(), abs=1e-9)
    assert "percentile bootstrap over participants" in means["about"]
    out = [tmp_path / f"out{end}" for end in (".csv", ".parquet", ".tex", ".html")]
    said = run(
        "analyse", "--answers", table, "--view", "comparisons", "--paired-test", "t", "--anchors", "--screened",
        *[word for path in out for word in ("--out", path)],
    )  # fmt: skip
    assert "p_holm" in said and "post-screening (BS.1534-3) leaves out 0 of 6" in said
    assert len(pd.read_csv(out[0])) == len(pd.read_parquet(out[1])) == 21
    assert out[2].read_text().startswith("% needs") and "plotly" in out[3].read_text()[:2000].lower()
    agreed = run("analyse", "--answers", table, "--view", "agreement", "--table", "participants", "--json")
    assert len(agreed["rows"]) == 6
    assert not (tmp_path / "home").exists()  # a table needs no database


def test_faults_are_sentences(run, table, tmp_path):
    assert "no table 'points'; it has participants" in run(
        "analyse", "--answers", table, "--view", "agreement", "--table", "points", code=1
    )
    assert "no view 'abc'" in run("analyse", "--answers", table, "--view", "abc", code=1)
    assert "Say which test" in run("analyse", code=1)
    assert "no listening test 'mine'" in run("analyse", "mine", code=1)
    assert "no evaluation set 'mine'" in run("analyse", "--answers", table, "--view", "haaqi", "--set", "mine", code=1)
    assert "cannot be read" in run("analyse", "--answers", tmp_path / "none.csv", code=1)
    table.write_text(table.read_text().replace(",main,", ",main,", 1) + "x\n")
    assert "answers.csv, line" in run("analyse", "--answers", table, code=1)


def test_ratings_against_stored_haaqi_and_the_preselection(run, table, tmp_path):
    from cadenza_core.settings import Settings
    from cadenza_core.store import Store

    rows = [
        (system, f"Song {song}", listener, metric, quality / scale + song / 100)
        for system, quality in simulated.SYSTEMS.items()
        for song in range(4)
        for listener in ("L0", "L1")
        for metric, scale in (("haaqi", 100), ("sdr", 10))
    ]
    scores = pd.DataFrame(rows, columns=["system", "song", "listener", "metric", "value"]).assign(stem="vocals")
    with Store.open(Settings.load(home=tmp_path / "home")) as store:
        store.add_scores(scores, evaluation_set="set")
    found = run("analyse", "--answers", table, "--view", "haaqi", "--set", "set", "--points", "system", "--json")
    assert [row["points"] for row in found["rows"]] == [4, 4, 4] and found["rows"][0]["value"] > 0.9
    chosen = run("preselect", "--set", "set", "--count", "2", "--json")["systems"]
    assert [row["system"] for row in chosen if row["selected"]] == ["alpha", "beta"]
    sdr = tmp_path / "sdr.csv"
    sdr.write_text("system,team,sdr\na,T,5\nb,T,6\nc,U,1\n")
    run("preselect", "--sdr", sdr, "--out", tmp_path / "chosen.csv")
    assert pd.read_csv(tmp_path / "chosen.csv")["selected"].tolist() == [True, False, True]
    assert "one of both" in run("preselect", code=1)


def test_a_test_of_the_database_has_the_same_numbers(run, table, tmp_path):
    from cadenza_core.settings import Settings
    from cadenza_core.store import Store

    with Store.open(Settings.load(home=tmp_path / "home")) as store:
        simulated.store_answers(store, simulated.rated("mushra", people=6, songs=4, scales=("quality",)))
    for view in ("systems", "comparisons", "agreement"):
        stored, read = (run("analyse", *of, "--view", view, "--json") for of in (["sim"], ["--answers", table]))
        assert stored["rows"] == read["rows"]
