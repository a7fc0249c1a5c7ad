"""Listening results: what the page shows when there is nothing, a table of one's own, or a test of the database."""

from pathlib import Path
from typing import Any

import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.listening.analysis import answers_of, view_named
from cadenza_core.store.exporting import to_csv

from ..listening.analysis import simulated
from .conftest import settle

pytest.importorskip("streamlit")
ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "<script>alert(1)</script> **bold** =1+1 [x](http://evil) $x$"


def said(tab: Any) -> str:
    kinds = ("markdown", "caption", "error", "warning", "info", "success")
    return "\n".join(element.value for kind in kinds for element in getattr(tab, kind))


@pytest.fixture
def page(home: Path):
    """Open the page in a new tab, with a table that was uploaded."""
    from streamlit.testing.v1 import AppTest

    from pages.widgets.services import services

    settle(services().warm_up())

    def open_page(frame: Any = None, **state: Any) -> Any:
        tab = AppTest.from_file(str(ROOT / "pages" / "ratings.py"), default_timeout=60).run()
        if frame is not None:
            tab.file_uploader(key="answers_file").set_value(("mine.csv", to_csv(frame)[0].encode(), "text/csv"))
        for name, value in state.items():
            tab.session_state[name] = value
        tab.run()
        assert not tab.exception
        return tab

    return open_page


def test_nothing_says_how_to_begin(page):
    tab = page()
    assert "There are no listening tests yet" in said(tab)
    assert not tab.error and not tab.dataframe


def test_a_table_is_analysed_and_says_its_method(page):
    frame = simulated.rated(people=6, songs=3)
    tab = page(frame)
    expected = view_named("systems").of(answers_of(frame)).frame
    assert tab.dataframe[0].value["mean"].tolist() == pytest.approx(expected["mean"].tolist())
    assert "paired percentile bootstrap over participants" in said(tab)
    assert "6 participants, 4 conditions, 3 excerpts, 432 answers" in said(tab).replace("\\", "")
    tab.selectbox(key="scored_ratings_scale").set_value("harshness").run()
    assert "Harshness: less is better" in said(tab).replace("\\", "")


@pytest.mark.parametrize(
    "frame",
    [
        simulated.rated("mushra", people=3, songs=2, scales=("quality",)),
        simulated.rated("relovl", people=3, songs=2, scales=("relevance", "overall")),
        simulated.chosen(4, 2),
        simulated.identified(3, 6),
    ],
    ids=["mushra", "relovl", "preference", "abx"],
)
def test_hostile_names_are_data_on_every_view(page, frame):
    frame = frame.replace({"alpha": HOSTILE, "p00": HOSTILE, "Song 0": HOSTILE})
    tab = page(frame)
    (pills,) = [one for one in tab.get("button_group") if one.key.startswith("scored_ratings_view")]
    for number in range(len(pills.options)):
        key = pills.key
        names = key.removeprefix("scored_ratings_view_").split("-")
        tab.session_state[key] = names[number]
        tab.run()
        assert not tab.exception, names[number]
        assert not tab.error, (names[number], said(tab))
        assert "<script>" not in said(tab).replace("\\<script\\>", "")


def test_the_post_screening_is_an_option_that_says_who_is_out(page):
    frame = simulated.rated("mushra", people=4, songs=3, scales=("quality",))
    frame.loc[(frame["participant"] == "p02") & (frame["role"] == "reference"), "value"] = 40.0
    tab = page(frame)
    before = tab.dataframe[0].value["mean"].tolist()
    tab.toggle(key="scored_ratings_screened").set_value(True).run()
    assert "leaves out 1 of 4 participants: p02 (reference below 90 for 3 of 3 items)" in said(tab).replace("\\", "")
    assert tab.dataframe[0].value["mean"].tolist() != before


def test_a_bad_table_is_a_sentence_with_its_line(page):
    tab = page(simulated.rated(people=2, songs=1).assign(value=101.0))
    assert any("mine" in one.value and "line 2" in one.value.replace("\\", "") for one in tab.error)
    from pages.widgets.listening_answers import _read

    with pytest.raises(CadenzaError, match=r'^"mine\.csv" is no table of answers'):
        _read("mine.csv", b"a,b\n1,2\n")


def test_a_test_of_the_database_is_shown_and_new_answers_come_in(page):
    from pages.widgets.services import services

    frame = simulated.rated(people=3, songs=2)
    store = services().scores.store
    simulated.store_answers(store, frame[frame["participant"] != "p02"])
    tab = page()
    assert "2 participants" in said(tab)
    simulated.store_answers(store, frame[frame["participant"] == "p02"])
    tab.run()
    expected = view_named("systems").of(answers_of(frame)).frame
    assert tab.dataframe[0].value["mean"].tolist() == pytest.approx(expected["mean"].tolist(), abs=1e-9)


def test_a_test_without_answers_says_so(page):
    from sqlalchemy import insert

    from cadenza_core.store import schema
    from pages.widgets.services import services

    with services().scores.store.writing() as connection:
        values = {"name": "new", "title": "New", "kind": "abx", "key": "k", "design": {}}
        connection.execute(insert(schema.ListeningTest).values(**values))
    tab = page()
    tab.selectbox(key="scored_answers_stored").set_value(("test", "new")).run()
    assert "Nobody has answered in new yet" in said(tab)
