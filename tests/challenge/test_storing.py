"""Every score of an evaluation is in the database as it is in the table, and storing it again changes nothing."""

import csv

import pytest

from cadenza_core.challenge import LocalPool, enhance_plan, gains_from, read_scenes, read_set, run, set_name, system_of
from cadenza_core.settings import Settings
from cadenza_core.store import Store
from tests.challenge.conftest import lines
from tests.challenge.tree import make_scenes, make_tree


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """One song for two listeners, enhanced."""
    place = tmp_path_factory.mktemp("results")
    root = make_tree(place / "tree", songs=1, people=2, seconds=0.5)
    settings = Settings(home=place / "home", models=place / "models")
    data = read_set(root, "valid")
    plan = enhance_plan(data, "ideal-mask", place / "out", settings, gains_from("", [], data, settings))
    assert run(plan, LocalPool(1)).is_complete
    return root, place / "out"


def stored(evaluation_set: str):
    with Store.open(Settings.load()) as store:
        return store.scores(evaluation_set), store.systems()


def test_scores_are_stored_as_they_are_in_the_table_and_only_once(results, home, call, tmp_path):
    root, out = results
    evaluate = ("evaluate", "--data", root, "--enhanced", out, "--csv", tmp_path / "s.csv", "--workers", 1)
    assert call(*evaluate).exit_code == 0
    frame, systems = stored("cad1-validation")
    with (tmp_path / "s.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(frame) == 16
    for row in frame.itertuples():
        cell = next(one for one in table if (one["song"], one["listener"]) == (row.song, row.listener))
        assert float(cell[f"{row.ear}_{row.stem}"]) == row.value
    (facts,) = systems.to_dict("records")
    assert (facts["name"], facts["separation"], facts["allowed_data"]) == ("ideal-mask", "ideal-mask", "oracle")
    again = lines(call(*evaluate, "--json"))[-2]
    assert (again["event"], again["added"], again["unchanged"], again["conflicts"]) == ("stored", 0, 16, 0)
    scale = next((out / "enhanced_signals").rglob("*_left_bass.txt"))
    text = scale.read_text()
    scale.write_text("0.01")
    told = lines(call(*evaluate, "--json"))[-2]
    assert (told["conflicts"], told["unchanged"]) == (1, 15)
    assert lines(call(*evaluate, "--json", "--replace"))[-2]["replaced"] == 1
    scale.write_text(text)


def test_others_folders_are_named_after_themselves_or_as_one_says(results, settings, tmp_path):
    _, out = results
    assert system_of(out, settings).name == system_of(out / "enhanced_signals", settings).name == "ideal-mask"
    assert system_of(tmp_path / "E012" / "enhanced_signals", settings).name == "E012"
    assert system_of(tmp_path / "E012", settings, "Team 12").name == "Team 12"


def test_a_database_that_cannot_be_written_costs_no_score(results, home, call, tmp_path):
    root, out = results
    home.mkdir()
    (home / "cadenza.sqlite").write_text("no database" * 100)
    call_ = ("evaluate", "--data", root, "--enhanced", out, "--csv", tmp_path / "s.csv", "--workers", 1)
    result = call(*call_, "--listeners", "L5000")
    assert result.exit_code == 0
    assert "the scores are in the table, but not in the database" in " ".join(result.stderr.split())
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 2


def test_sets_have_the_names_of_the_published_results(tree, tmp_path):
    assert set_name(read_set(tree, "valid")) == "cad1-validation"
    assert set_name(read_set(tree, "test")) == "cad1-evaluation"
    assert set_name(read_set(tree, "test", whole=True)) == "cad1-evaluation-whole"
    scenes = make_scenes(tmp_path / "scenes", seconds=0.1)
    assert set_name(read_scenes(scenes, "train")) == "icassp-2024-training"
