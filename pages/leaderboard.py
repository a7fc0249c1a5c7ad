"""The leaderboard: which system is better, and how surely; one's own beside what was published."""

import streamlit as st

from pages.widgets.messages import guarded
from pages.widgets.ranking import rank, ranking
from pages.widgets.scored import picked_scores, scores_bar
from pages.widgets.take_in import take_in


@st.fragment  # a filter runs this again, not what is around it
def leaderboard() -> None:
    """Show the page: first all is computed, then drawn, as a browser draws all of it again for each part that comes."""
    picked = ranked = None
    with guarded():
        picked = picked_scores()
        ranked = rank(picked)
    if picked is None:
        take_in()  # an import may be going on
        return
    columns, export, importing = scores_bar(picked, 3)
    with importing, guarded():
        take_in()
    if ranked is not None:
        with guarded():
            ranking(picked, ranked, columns, export)


leaderboard()
