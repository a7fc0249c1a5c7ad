"""Listening tests: make one, invite people by their links, and watch the answers come in."""

import streamlit as st

from pages.widgets.messages import guarded
from pages.widgets.panel_design import new_panel
from pages.widgets.panel_people import panels


def listening() -> None:
    """Show the page."""
    left, right = st.columns([1.25, 1], gap="medium")
    with left, guarded():
        panels()
    with right, guarded():
        new_panel()


listening()
