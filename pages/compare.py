"""Compare: remixes of one song for one listener side by side, and in the ear at the press of a key."""

import streamlit as st

from pages.widgets.jobs import follow
from pages.widgets.messages import guarded
from pages.widgets.picker import picker
from pages.widgets.selection import current
from pages.widgets.services import services
from pages.widgets.versus import versus


def compare() -> None:
    """Show the page."""
    bar, main = st.container(), st.container()
    warm = services().warm_up()
    if warm.is_active:
        with bar:
            st.markdown("**Preparing the demo song**, at the first start only.")
            follow(warm.key, cancel=False, quiet=True)
        return
    catalog = services().catalog()
    selection, faults = current(catalog)
    with bar, guarded():
        for fault in faults:
            st.warning(fault)
        picker(selection, catalog, with_system=False)
    with main, guarded():
        versus(selection)


compare()
