"""Panels of which one shows, and doors: what is not opened is not made."""

from typing import Any

import pytest

pytest.importorskip("streamlit")


def panels() -> None:
    import streamlit as st

    from pages.widgets.opened import door, one_of

    names = st.session_state.get("names", ["One", "Two"])
    one_of({name: lambda name=name: st.markdown(f"panel {name}") for name in names}, key="choice")
    door("Open", lambda: st.markdown("inside"), key="door")


def said(tab: Any) -> list[str]:
    return [element.value for element in tab.markdown]


@pytest.fixture
def tab(home: Any) -> Any:
    from streamlit.testing.v1 import AppTest

    return AppTest.from_function(panels, default_timeout=60).run()


def test_the_first_panel_shows_until_another_is_chosen(tab):
    assert said(tab) == ["panel One"]
    tab.session_state["choice"] = "Two"
    assert said(tab.run()) == ["panel Two"]


def test_a_choice_that_is_not_offered_any_more_is_the_first_one_again(tab):
    tab.session_state["choice"] = "Two"
    tab.run()
    tab.session_state["names"] = ["One", "Three"]
    tab.run()
    assert not tab.exception and not tab.warning and said(tab) == ["panel One"]


def test_what_is_behind_a_door_is_made_when_it_is_opened(tab):
    tab.session_state["door"] = True
    assert said(tab.run()) == ["panel One", "inside"]
