"""The leaderboard: which system is better, and how surely; one's own beside what was published."""

import streamlit as st

from pages.widgets.messages import guarded
from pages.widgets.ranking import rank, ranking, ranking_options
from pages.widgets.scored import bar, choice_of_set, picked_scores
from pages.widgets.take_in import take_in


def leaderboard() -> None:
    """Show the page."""
    picked = None
    with guarded():
        picked = picked_scores()
    if picked is None:
        take_in()  # an import may be going on
        return
    with bar():
        choice_of_set(picked)
        ranking_options()
        with st.container(width="content"):
            take_in()
    board()


@st.fragment
def board() -> None:
    """Show what a filter changes; it is computed before it is drawn, as a browser draws in pieces what comes in pieces."""
    with guarded():
        picked = picked_scores()
        ranking(picked, rank(picked))


leaderboard()
