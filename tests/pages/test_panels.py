"""The page Listening tests: what it says when there is none, faults of a design, making one, watching and removing."""

from pathlib import Path
from typing import Any

import pytest

from cadenza_core.listening import read_design
from cadenza_core.listening.panels import participants_frame
from cadenza_core.listening.running import Running
from cadenza_core.listening.writing import EXAMPLE, design_yaml
from tests.listening.made import answer_to, design_text, write_sounds

from .conftest import ROOT, settle

pytest.importorskip("streamlit")


@pytest.fixture
def tab(home: Path) -> Any:
    from streamlit.testing.v1 import AppTest

    return AppTest.from_file(str(ROOT / "pages" / "panels.py"), default_timeout=60)


def texts(tab: Any) -> str:
    kinds = ("markdown", "caption", "error", "warning", "success", "info")
    return "\n".join(element.value for kind in kinds for element in getattr(tab, kind)).replace("\\", "")


def press(tab: Any, label: str, number: int = -1) -> Any:
    return [one for one in tab.button if one.label == label][number].click().run()


def test_the_form_and_the_example_are_designs_that_can_be_made(tab):
    tab.run()
    assert not tab.exception and "No test yet. Design one on the right" in texts(tab)
    for code in tab.code:
        design = read_design(code.value)
        assert design.name == "my-test" and len(design.systems) == 2 and design.excerpts[0].song == "demo"
    assert read_design(EXAMPLE).kind.name == "mushra"
    for kind in ("preference", "abx", "mushra"):
        tab.selectbox(key="panel_kind").set_value(kind).run()
        assert not tab.exception and read_design(tab.code[0].value).kind.name == kind


def test_rows_of_a_form_become_yaml_that_reads_back():
    systems = [
        {"name": "A: 'x'", "system": "preview", "gains": "vocals=3, drums=mute", "preset": None, "file": ""},
        {"name": "B", "system": "preview", "gains": "", "preset": "", "file": "b/{excerpt}.wav"},
        {"name": None, "system": None, "gains": float("nan"), "preset": None, "file": None},
    ]
    excerpts = [
        {"name": "yes", "song": "demo", "start": 2.5, "stop": 10.0, "query": "", "training": False},
        {"name": "2", "song": "demo", "start": None, "stop": 8.0, "query": None, "training": True},
    ]
    fields = {"name": "n", "title": "Größe: 1", "design": "mushra", "seed": 3, "participants": {"N2": 1}, "hear": None}
    design = read_design(design_yaml({**fields, "reference": {"system": "reference", "gains": ""}}, systems, excerpts))
    assert [(one.name, one.system, one.file) for one in design.systems] == [
        ("A: 'x'", "preview", ""),
        ("B", "", "b/{excerpt}.wav"),
    ]
    assert design.systems[0].gains is not None and design.systems[0].gains.factor("drums", "left") == 0
    assert [(one.name, str(one.at), one.training) for one in design.excerpts] == [
        ("yes", "2.5-10", False),
        ("2", "0-8", True),
    ]
    assert design.title == "Größe: 1" and design.participants == ("N2",)


def test_a_test_is_made_watched_and_removed(tab, tmp_path):
    from pages.widgets.services import services

    write_sounds(tmp_path, 2, 2, 0.6)
    tab.run()
    tab.text_area(key="panel_yaml").set_value("name: [").run()
    assert "The design, line 1" in texts(tab)
    tab.text_area(key="panel_yaml").set_value(design_text("panel", 2, 2, name="paged")).run()
    press(tab, "Make the test")
    settle(services().jobs.get(next(key for key in tab.session_state["panel_asked"])))
    tab.run()
    assert "there is no file" in texts(tab)  # without the folder
    tab.text_input(key="panel_folder_text").set_value(str(tmp_path)).run()
    assert "4 trials for each of 2 participants, 0 for practice before; 4 sounds" in texts(tab)
    press(tab, "Make the test")
    for key in list(tab.session_state["panel_asked"]):
        settle(services().jobs.get(key))
    tab.run()
    store = services().scores.store
    people = participants_frame(store, "paged")
    assert len(people) == 2 and not tab.exception
    running = Running(store, services().settings)
    code = people["participant"][0]
    state = running.open(code)
    running.answer(code, state["tab"], answer_to(state))
    tab.run()
    assert [one.value for one in tab.metric] == ["The Cadenza panel", "0 of 2", "1"]
    press(tab, "Invite")
    settle(services().jobs.get(next(job.key for job in services().jobs if job.title == "Inviting")))
    tab.run()
    assert len(participants_frame(store, "paged")) == 3
    tab.selectbox(key="remove_paged").set_value(code).run()
    press(tab, "Remove the participant and all answers")
    assert f"{code} was removed with 1 answered trials." in texts(tab)
    tab.checkbox(key="sure_paged").check().run()
    press(tab, "Remove the test")
    assert "No test yet." in texts(tab) and not tab.exception
