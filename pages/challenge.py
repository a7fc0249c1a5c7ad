"""The challenge: many songs for many listeners; set runs up, follow them, take their scores and archives away."""

import streamlit as st

from pages.widgets.challenge_runs import runs_panel
from pages.widgets.challenge_setup import setup_panel
from pages.widgets.messages import guarded


def challenge() -> None:
    """Show the page."""
    setup, runs = st.columns([1, 1.9], gap="medium")
    with setup, guarded():
        setup_panel()
    with runs, guarded():
        runs_panel()


challenge()
