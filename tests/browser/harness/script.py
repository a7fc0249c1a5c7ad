"""A page with the mixer, a job that is polled, elements that come and go above it, and another page."""

import json
import os
import time
from pathlib import Path

import streamlit as st

from pages.widgets.mixer import mixer


def studio() -> None:
    data = json.loads((Path(os.environ["MIXER_SOUNDS"]) / "song.json").read_text())
    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    st.caption(f"Run {st.session_state['runs']}")
    st.button("Rerun")
    if st.checkbox("Element above"):
        st.success("An element inserted above the mixer.")
    if st.button("Preset"):
        st.session_state["revision"] = st.session_state.get("revision", 0) + 1
    data["revision"] = st.session_state.get("revision", 0)
    if data["revision"]:
        data["gains"]["vocals"] |= {"left": -9.0, "right": -9.0}
    elsewhere = st.checkbox("Elsewhere")
    polled_job()
    with st.columns([1, 40])[1] if elsewhere else st.container():
        settings = mixer(data)
    st.code(json.dumps(settings, sort_keys=True), language=None)


@st.fragment(run_every=0.4)
def polled_job() -> None:
    st.progress(time.time() % 10 / 10, "A job")


st.set_page_config(layout="wide")
st.navigation(
    [
        st.Page(studio, title="Studio", default=True),
        st.Page(lambda: st.write("Nothing here"), title="Other", url_path="other"),
    ]
).run()
