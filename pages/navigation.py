"""What runs for every page: its frame, who looks at it, and which pages there are for them."""

from pathlib import Path

import streamlit as st

from cadenza_core.people import Role
from pages.access import person
from pages.widgets.sign_in import sign_in, signed_in

_PAGES = Path(__file__).resolve().parent

st.set_page_config(page_title="Cadenza Studio", page_icon="🎛️", layout="wide", initial_sidebar_state="collapsed")
st.html(_PAGES / "widgets" / "frame.css")
RESEARCHER = Role.RESEARCHER
#: Each page, and from which role on people have it.
PAGES = [
    (RESEARCHER, st.Page(_PAGES / "challenge.py", title="Challenge", icon=":material/stacks:")),
    (RESEARCHER, st.Page(_PAGES / "leaderboard.py", title="Leaderboard", icon=":material/leaderboard:")),
    (RESEARCHER, st.Page(_PAGES / "analysis.py", title="Analysis", icon=":material/query_stats:")),
    (RESEARCHER, st.Page(_PAGES / "compare.py", title="Compare", icon=":material/compare_arrows:")),
    (RESEARCHER, st.Page(_PAGES / "panels.py", title="Listening tests", icon=":material/hearing:")),
    (RESEARCHER, st.Page(_PAGES / "ratings.py", title="Listening results", icon=":material/how_to_vote:")),
    (RESEARCHER, st.Page(_PAGES / "lyrics.py", title="Lyrics", icon=":material/lyrics:")),
    (RESEARCHER, st.Page(_PAGES / "predictions.py", title="Compare predictions", icon=":material/compare:")),
    (RESEARCHER, st.Page(_PAGES / "similar.py", title="Similar sounds", icon=":material/hub:")),
]
studio = st.Page(_PAGES / "studio.py", title="Studio", icon=":material/tune:", default=True)
who = person()
if who is None:
    st.navigation([st.Page(sign_in, title="Sign in", default=True)], position="hidden").run()
else:
    signed_in(who)
    st.navigation([studio, *(page for role, page in PAGES if who.role >= role)], position="top").run()
