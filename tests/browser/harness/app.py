"""The harness's server: Streamlit with the routes that the mixer needs."""

import os
from pathlib import Path

import streamlit as st

from tests.browser.harness.server import routes

app = st.App(Path(__file__).with_name("script.py"), routes=routes(Path(os.environ["MIXER_SOUNDS"])))
