"""The analysis: where the scores come from, for whom, and what would help most."""

import streamlit as st

from pages.widgets.insight import insight
from pages.widgets.messages import guarded
from pages.widgets.scored import pick_scores


def analysis() -> None:
    """Show the page."""
    bar, main = st.container(), st.container()
    picked = None
    with bar, guarded():
        which, of, narrow, export = st.columns([3.4, 1.3, 1.3, 1.3], vertical_alignment="bottom")
        picked = pick_scores(which, of, narrow)
    if picked is not None:
        with main, guarded():
            insight(picked, export)


analysis()
