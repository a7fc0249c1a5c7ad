"""Listening results: what participants answered, how surely one system is better, and whether HAAQI knew."""

import streamlit as st

from pages.widgets.listening_answers import pick_answers, take_answers
from pages.widgets.listening_results import listening_results
from pages.widgets.messages import guarded


def ratings() -> None:
    """Show the page."""
    bar, main = st.container(), st.container()
    picked = None
    with bar, guarded():
        which, scale, screening, export, upload = st.columns([3.4, 2.0, 1.9, 1.3, 1.3], vertical_alignment="bottom")
        with upload:
            take_answers()
        with main, guarded():
            picked = pick_answers(which)
    if picked is not None:
        with main, guarded():
            listening_results(picked, scale, screening, export)


ratings()
