"""The leaderboard: which system is better, and how surely; one's own beside what was published."""

import streamlit as st

from pages.widgets.messages import guarded
from pages.widgets.ranking import ranking
from pages.widgets.scored import pick_scores
from pages.widgets.take_in import take_in


@st.fragment  # a filter runs this again, not what is around it
def leaderboard() -> None:
    """Show the page."""
    bar, main = st.container(), st.container()
    picked = None
    with bar, guarded():
        which, of, narrow, columns, export, importing = st.columns(
            [3.4, 1.3, 1.3, 1.3, 1.3, 1.3], vertical_alignment="bottom"
        )
        with importing:
            take_in()
        picked = pick_scores(which, of, narrow)
    if picked is not None:
        with main, guarded():
            ranking(picked, columns, export)


leaderboard()
