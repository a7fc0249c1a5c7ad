"""The studio: pick a song and a listener, hear the separated stems, tune the remix."""

import streamlit as st

from pages.widgets.desk import desk
from pages.widgets.jobs import follow
from pages.widgets.messages import guarded, plain
from pages.widgets.picker import picker
from pages.widgets.selection import current
from pages.widgets.separation import rest_of_song, separated
from pages.widgets.services import services


def studio() -> None:
    """Show the page: bar, messages, mixer, what goes on behind."""
    # The containers come first, so that nothing below moves into another place while things come and go.
    bar, messages, main, below = (st.container() for _ in range(4))
    warm = services().warm_up()
    if warm.is_active:
        with bar:
            st.markdown("**Preparing the demo song**, at the first start only.")
            follow(warm.key, cancel=False, quiet=True)
        return
    catalog = services().catalog()
    selection, faults = current(catalog)
    st.session_state["link_faults"] = faults or st.session_state.get("link_faults", [])
    with messages:
        _faults()
    with bar:
        picker(selection, catalog)
    ready = None
    with main, guarded():
        ready = separated(selection)
        if ready is not None:
            desk(selection, ready)
    with below, guarded():
        rest_of_song(selection, ready is not None)


def _faults() -> None:
    faults = st.session_state["link_faults"]
    if faults:
        text, button = st.columns([12, 1], vertical_alignment="center")
        text.warning("  \n".join(plain(fault) for fault in faults), icon=":material/link_off:")
        if button.button("", icon=":material/close:", help="Close this message"):
            st.session_state["link_faults"] = []
            st.rerun()


studio()
