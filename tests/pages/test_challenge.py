"""The page Challenge: what it says when there is nothing, what a run will need, how one goes, and what failed."""

from pathlib import Path
from typing import Any

import pytest

from cadenza_core.catalog.own import add_place
from tests.challenge.tree import make_tree

from .conftest import ROOT, settle

pytest.importorskip("streamlit")


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One song for two listeners, 0.5 s."""
    return make_tree(tmp_path_factory.mktemp("songs"), songs=1, people=2, seconds=0.5)


@pytest.fixture
def tab(home: Path) -> Any:
    from streamlit.testing.v1 import AppTest

    return AppTest.from_file(str(ROOT / "pages" / "challenge.py"), default_timeout=60)


def texts(tab: Any) -> str:
    kinds = ("markdown", "caption", "error", "warning", "success", "info")
    return "\n".join(element.value for kind in kinds for element in getattr(tab, kind)).replace("\\", "")


def press(tab: Any, label: str) -> Any:
    return next(one for one in tab.button if one.label == label).click().run()


def jobs() -> list[Any]:
    from pages.widgets.services import services

    return list(services().long_jobs)


def test_without_data_and_runs_it_says_what_to_do(tab):
    tab.run()
    assert not tab.exception
    assert "Name the folder of the challenge's data to begin" in texts(tab)
    assert "No run yet." in texts(tab)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("/nowhere/at all", "is no tree of songs"),
        ("<b>x</b>", "is no tree of songs"),
        ("~nobody-here/x", "no home folder"),
    ],
)
def test_a_place_that_is_none_is_a_sentence(tab, place, words):
    tab.session_state["challenge_data"] = place
    tab.run()
    assert not tab.exception
    assert words in texts(tab)


def test_a_run_from_its_estimate_to_its_scores_with_a_failure_that_is_tried_again(tab, songs):
    from cadenza_core.challenge.kept import kept_runs
    from pages.widgets.services import services

    add_place(str(songs), services().settings)  # as the library's form does
    tab.run()
    assert not tab.exception
    needs = {metric.label: metric.value for metric in tab.metric}
    assert needs["Pairs"] == "2" and needs["Disk"].endswith("MB")
    press(tab, "Start")
    assert [job.title for job in jobs()] == ["valid-preview-1"]
    assert settle(jobs()[0]).state == "done", jobs()[0].error
    (run,) = kept_runs(services().settings)
    assert len(run.table.read_text().splitlines()) == 3
    tab.run()
    assert not tab.exception
    assert "Checked: 34 files of 2 pairs" in texts(tab)
    assert {"Check", "Pack"} <= {button.label for button in tab.button}

    broken = next((run.folder / "enhanced_signals").rglob("*_left_bass.flac"))
    whole = broken.read_bytes()
    broken.write_bytes(whole[:100])
    assert settle(begin(run, ["evaluate"])).state == "done"
    tab.run()
    assert "Retry failed" in {button.label for button in tab.button}
    why = tab.dataframe[0].value
    assert list(why["Song"]) == [next(iter(run.spec.read().songs)).name]
    assert "cut off" in why["Why"][0]
    broken.write_bytes(whole)
    press(tab, "Retry failed")
    assert settle(jobs()[0]).state == "done"
    assert not run.status("evaluate").failed
    press(tab.run(), "Pack")
    assert settle(jobs()[0]).state == "done"
    assert run.archive() is not None and run.archive().name == "submission_T001.zip"


def begin(run: Any, steps: list[str]) -> Any:
    from pages.widgets.challenge_runs import begin

    return begin(run, steps)


def test_only_tables_and_archives_of_runs_can_be_fetched(home, songs):
    from cadenza_core.challenge.kept import RunSpec, keep_run
    from pages.widgets.services import services

    run = keep_run(RunSpec(str(songs), "valid", "a/../../b"), services().settings)
    assert run.folder.parent == home / "challenge"
    (run.folder / "scores.csv").write_text("scores")
    (run.folder / "submission_T001.zip").write_bytes(b"PK")
    assert fetch(run.name, "scores.csv") == (200, "scores.csv")
    assert fetch(run.name, "submission_T001.zip") == (200, "submission_T001.zip")
    for other in ("run.json", "..", "../run.json", "scores.csv/../run.json", ""):
        assert fetch(run.name, other)[0] == 404
    for name in ("..", "", "nowhere", "../challenge", "*"):
        assert fetch(name, "scores.csv")[0] == 404
    run.remove()
    assert fetch(run.name, "scores.csv")[0] == 404


def fetch(run: str, name: str) -> tuple[int, str]:
    """Ask our route; give the status and the file's name."""
    from starlette.requests import Request

    from pages.routes import _result

    scope = {"type": "http", "method": "GET", "headers": [], "path_params": {"run": run, "name": name}}
    answer = _result(Request(scope))
    return answer.status_code, Path(getattr(answer, "path", "")).name
