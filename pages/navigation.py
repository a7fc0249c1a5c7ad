"""What runs for every page: its frame, and which pages there are."""

from pathlib import Path

import streamlit as st

_PAGES = Path(__file__).resolve().parent

st.set_page_config(page_title="Cadenza Studio", page_icon="🎛️", layout="wide", initial_sidebar_state="collapsed")
st.html(_PAGES / "widgets" / "frame.css")
st.navigation(
    [
        st.Page(_PAGES / "studio.py", title="Studio", icon=":material/tune:", default=True),
        st.Page(_PAGES / "challenge.py", title="Challenge", icon=":material/stacks:"),
        st.Page(_PAGES / "leaderboard.py", title="Leaderboard", icon=":material/leaderboard:"),
        st.Page(_PAGES / "analysis.py", title="Analysis", icon=":material/query_stats:"),
        st.Page(_PAGES / "compare.py", title="Compare", icon=":material/compare_arrows:"),
        st.Page(_PAGES / "panels.py", title="Listening tests", icon=":material/hearing:"),
        st.Page(_PAGES / "ratings.py", title="Listening results", icon=":material/how_to_vote:"),
        st.Page(_PAGES / "lyrics.py", title="Lyrics", icon=":material/lyrics:"),
        st.Page(_PAGES / "predictions.py", title="Compare predictions", icon=":material/compare:"),
        st.Page(_PAGES / "similar.py", title="Similar sounds", icon=":material/hub:"),
    ],
    position="top",
).run()
