"""`cadenza panel`: from a design to links, answers and their removal, from a shell."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from cadenza_core.cli import app
from cadenza_core.listening.running import Running
from cadenza_core.settings import Settings
from cadenza_core.store import Store
from tests.listening.made import answer_to, design_text, write_sounds


@pytest.fixture
def run(tmp_path, monkeypatch):
    for name in ("MUSIC", "LISTENERS", "MODELS", "DEVICE", "DATABASE"):
        monkeypatch.delenv(f"CADENZA_{name}", raising=False)
    monkeypatch.setenv("CADENZA_HOME", str(tmp_path / "home"))

    def run(*arguments, code=0):
        result = CliRunner().invoke(app, ["panel", *(str(argument) for argument in arguments)])
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if "--json" in arguments and not code else result.output

    return run


def test_from_a_design_to_the_answers_and_away(run, tmp_path):
    assert "No listening test yet." in run("list")
    write_sounds(tmp_path, 2, 2, 0.6)
    design = tmp_path / "design.yaml"
    design.write_text(design_text("preference", 2, 2))
    made = run("make", design, "--base", "http://lab:1/", "--json")
    links = [row["link"] for row in made["participants"]]
    assert len(links) == 2 and all(link.startswith("http://lab:1/listen/") for link in links)
    assert "already" in run("make", design, code=1)
    code = links[0].rpartition("/")[2]
    settings = Settings(home=tmp_path / "home", models=tmp_path / "home" / "models")
    with Store.open(settings) as store:
        running = Running(store, settings)
        state = running.open(code)
        running.answer(code, state["tab"], answer_to(state))
    (listed,) = run("list", "--json")
    assert (listed["name"], listed["participants"], listed["answers"]) == ("test1", 2, 1)
    assert "1 of 2" in run("links", "test1") and len(run("add", "test1", "--count", 2, "--json")["participants"]) == 2
    assert "2 rows written" in run("export", "test1", "--out", tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv")["value"].sum() == 1
    assert "must end with" in run("export", "test1", "--out", tmp_path / "out.doc", code=1)
    run("remove", "test1", "--participant", code, "--yes")
    assert run("export", "test1", "--out", tmp_path / "out.csv", "--json")["rows"] == 0
    run("remove", "test1", code=1)  # nobody says yes
    run("remove", "test1", "--yes")
    assert "There is no listening test 'test1'" in run("links", "test1", code=1)


def test_faults_are_sentences_with_the_file_and_line(run, tmp_path):
    assert "cannot be read as a text file" in run("make", tmp_path / "none.yaml", code=1)
    design = tmp_path / "design.yaml"
    design.write_text(design_text("panel", 2, 2).replace("seed: 11", "seed: many"))
    assert "design.yaml, line 3, seed: a whole number" in run("make", design, code=1)
    design.write_text(design_text("panel", 2, 2))
    assert "there is no file" in run("make", design, code=1)
    design.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read as a text file" in run("make", design, code=1)
