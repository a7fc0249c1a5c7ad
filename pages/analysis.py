"""The analysis: where the scores come from, for whom, and what would help most."""

import streamlit as st

from pages.widgets.insight import insight
from pages.widgets.messages import guarded
from pages.widgets.scored import bar, choice_of_set, filters, picked_scores


def analysis() -> None:
    """Show the page."""
    with guarded():
        picked = picked_scores()
        with bar():
            choice_of_set(picked)
            filters(picked)
            export = st.container(width="content")
        insight(picked, export)


analysis()
