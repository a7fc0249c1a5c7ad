"""Leaderboard, analysis and compare: what they show when, and that no name or fault reaches them as markup or traceback."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cadenza_core.quality import PairScore, write_scores

from .conftest import settle

pytest.importorskip("streamlit")
ROOT = Path(__file__).resolve().parents[2]
SET = "cad1-validation"
HOSTILE = "<script>alert(1)</script> **bold** =1+1 [x](http://evil) :material/close: $x$"


def said(tab: Any) -> str:
    kinds = ("markdown", "caption", "error", "warning", "info", "success")
    return "\n".join(element.value for kind in kinds for element in getattr(tab, kind))


@pytest.fixture
def page(home: Path):
    """Open one of the pages in a new tab."""
    from streamlit.testing.v1 import AppTest

    from pages.widgets.services import services

    settle(services().warm_up())

    def open_page(name: str, **query: str) -> Any:
        tab = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=60)
        for key, value in query.items():
            tab.query_params[key] = value
        tab = tab.run()
        assert not tab.exception
        return tab

    return open_page


@pytest.fixture
def stored(home: Path):
    """A database with two systems, one of a hostile name, of hostile songs and listeners."""
    from pages.widgets.services import services

    rows = [
        (system, song, f"{HOSTILE} {n}", stem, ear, 0.3 + 0.1 * n + bonus)
        for system, bonus in ((HOSTILE, 0.1), ("plain", 0.0))
        for song in (HOSTILE, "A - B")
        for n in range(3)
        for stem in ("vocals", "drums", "bass", "other")
        for ear in ("left", "right")
    ]
    frame = pd.DataFrame(rows, columns=["system", "song", "listener", "stem", "ear", "value"])
    services().scores.store.add_scores(frame, evaluation_set=SET)
    return frame


def test_an_empty_database_shows_what_was_published_and_how_to_begin(page):
    tab = page("leaderboard", set="cad1-evaluation")
    board = tab.dataframe[0].value
    assert board.loc[board["system"] == "Demucs", "haaqi"].item() == 0.706
    assert board.loc[board["system"] == "OpenUnmix", "baq"].item() == "not rated"
    assert set(board["origin"]) == {"published 2023"}
    assert "No scores of your own in this set yet" in said(tab)
    tab.toggle(key="scored_published").set_value(False).run()
    assert not tab.exception and "Switch the published results on" in said(tab)
    assert "This set has no scores of your own yet" in said(page("analysis", set="cad1-evaluation"))


def test_hostile_names_are_data_on_every_view(page, stored):
    from cadenza_core.analysis.catalogue import VIEWS

    tab = page("leaderboard", set=SET)
    board = tab.dataframe[0].value
    assert HOSTILE in set(board["system"])
    tab = page("analysis", set=SET)
    for name in VIEWS:
        tab.session_state["scored_view"] = name
        tab.run()
        assert not tab.exception, name
        assert not tab.error, (name, said(tab))
        assert "<script>" not in said(tab).replace("\\<script\\>", "")


def test_a_filter_narrows_and_is_kept_on_the_next_page(page, stored):
    tab = page("leaderboard", set=SET)
    whole = tab.dataframe[0].value.set_index("system").loc["plain", "haaqi"]
    next(one for one in tab.get("button_group") if one.key == "scored_listener").set_value([f"{HOSTILE} 2"]).run()
    assert not tab.exception
    narrowed = tab.dataframe[0].value.set_index("system").loc["plain", "haaqi"]
    assert (whole, narrowed) == (pytest.approx(0.4), pytest.approx(0.5))
    assert "with a filter they have no rank" in said(tab)


def test_the_test_against_a_system_is_on_the_page(page, stored):
    tab = page("leaderboard", set=SET)
    tab.session_state["board_panel"] = "Is the difference significant?"
    tab.run()
    (found,) = [one.value for one in tab.dataframe if "p_holm" in one.value]
    assert len(found) == 1 and found["count"].item() == 6


def test_the_drawing_of_the_tests_names_what_the_set_is_ranked_by(page, stored, monkeypatch):
    from pages.widgets import ranking
    from pages.widgets.services import services

    drawn = []
    monkeypatch.setattr(ranking, "dot_drawing", lambda plot, key: drawn.append(plot.title))
    sdr = stored.assign(metric="sdr", stem="", ear="", value=10 * stored["value"]).drop_duplicates(
        ["system", "song", "listener"]
    )
    services().scores.store.add_scores(sdr, evaluation_set="lass-mine")
    for name, measure in ((SET, "HAAQI"), ("lass-mine", "SDR")):
        tab = page("leaderboard", set=name)
        tab.session_state["board_panel"] = "Is the difference significant?"
        tab.run()
        assert not tab.exception and not tab.error
        assert drawn[-1] == f"difference of the mean {measure}"


def test_only_what_there_is_a_choice_of_can_be_filtered(page, stored):
    tab = page("leaderboard", set=SET)
    # Nothing is known of the songs' genres and the listeners' losses: all are "unknown".
    shown = {one.key for one in tab.get("button_group")} | {one.key for one in tab.multiselect}
    offered = {name for name in shown if name and name.startswith("scored_") and not name.startswith("scored_unit")}
    assert offered == {f"scored_{name}" for name in ("system", "song", "stem", "ear", "listener")}


def test_new_scores_are_on_the_page_at_its_next_run(page, stored):
    from pages.widgets.services import services

    tab = page("leaderboard", set=SET)
    frame = stored[stored["system"] == "plain"].assign(system="newcomer", value=0.9)
    services().scores.store.add_scores(frame, evaluation_set=SET)
    assert "newcomer" in set(tab.run().dataframe[0].value["system"])


def test_an_import_on_the_page_is_a_job_whose_faults_name_the_users_file(home, tmp_path):
    from pages.widgets.services import services
    from pages.widgets.take_in import _work

    folder = tmp_path / "upload"
    (folder / "001").mkdir(parents=True)
    path = folder / "001" / "my scores.csv"
    names = [f"{ear}_{stem}" for ear in ("left", "right") for stem in ("bass", "drums", "other", "vocals")]
    write_scores(path, [PairScore("S", "L", dict.fromkeys(names, 0.5))])
    path.write_text(path.read_text().replace("0.5,", "1.5,"))
    job = settle(services().jobs.submit("bad import", "Importing", _work(folder, "mine", None, False)))
    assert job.error == "my scores.csv, line 2, left_bass: 1.5 cannot be HAAQI; 0 to 1 is accepted."
    assert job.state == "failed"
    assert not folder.exists()


def test_a_database_of_a_newer_version_is_a_sentence_on_the_page(page, home, monkeypatch):
    import sqlite3

    from pages.widgets.services import services

    services().scores.store.close()
    monkeypatch.setattr(services(), "_scores", None)
    path = home / "cadenza.sqlite"
    kept = path.read_bytes()
    with sqlite3.connect(path) as file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
    file.close()
    for name in ("leaderboard", "analysis"):
        assert said(page(name)).replace("\\", "").count("newer version of Cadenza Studio") == 1
    path.write_bytes(kept)


def test_compare_plays_the_original_and_two_remixes(page, monkeypatch):
    """Without scores, which wait for HAAQI to be compiled: those are tested where they are computed."""
    from pages.widgets import versus
    from pages.widgets.services import services

    monkeypatch.setattr(versus, "SCORED_SECONDS", 0.0)
    tab = page("compare", song="demo", part="3-5", listener="N3")
    for job in [one for one in services().jobs if one.title == "Mixing"]:
        assert settle(job).state == "done", job.error
    tab.run()
    assert not tab.exception and not tab.error
    (table,) = [one.value for one in tab.dataframe if "Remix" in one.value]
    assert len(table) == 3 and table["Remix"].iloc[0] == "Original"
    assert (table["Lowered"] < 0).all()
    tab.multiselect(key="scored_versus_demo-N3").set_value(["Original"]).run()
    assert "Choose two remixes or more" in said(tab)


def test_the_studios_scores_are_kept_once_and_shown(app):
    from pages.widgets.services import services

    tab = app(song="demo", part="3-5", listener="N3", system="preview", vocals="3")
    settle(next(one for one in services().jobs if "0:03 to 0:05" in one.title))
    tab.run()
    next(one for one in tab.button if one.label == "Score this mix").click().run()
    for job in [one for one in services().jobs if one.title == "Scoring"]:
        settle(job)
    tab = tab.run()
    next(one for one in tab.button if one.label == "Save scores").click().run()
    assert not tab.exception
    assert "scores added" in said(tab).replace("\\", "")
    frame = services().scores.store.scores("studio")
    assert set(frame["system"]) == {"preview", "preview, vocals +3.0 dB"}
    assert set(frame["metric"]) == {"haaqi", "sdr"}
    assert (frame["excerpt"] == "3-5").all() and set(frame["stem"]) == {"vocals", "drums", "bass", "other", "remix"}
