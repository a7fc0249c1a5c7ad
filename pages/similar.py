"""Similar sounds: a map of songs, excerpts and stems by what they sound like; sections, remixes, and teaching by example."""

import streamlit as st

from pages.widgets.clip_player import clip_player
from pages.widgets.jobs import follow
from pages.widgets.messages import guarded, plain
from pages.widgets.services import services
from pages.widgets.similar_choice import choose
from pages.widgets.similar_map import map_panel
from pages.widgets.similar_remix import remix_panel
from pages.widgets.similar_sections import sections_panel
from pages.widgets.similar_teach import teach_panel


def similar() -> None:
    """Show the page: what is compared, the player, and a panel."""
    bar, player, body = (st.container() for _ in range(3))
    warm = services().warm_up()
    if warm.is_active:
        with bar:
            st.markdown("**Preparing the demo song**, at the first start only.")
            follow(warm.key, cancel=False, quiet=True)
        return
    catalog = services().catalog()
    choice = None
    with bar, guarded():
        choice = choose(catalog)
    for fault in catalog.faults:
        bar.warning(plain(fault))
    if choice is None:
        return
    with body:
        names = ["Map", "Sections", "Remix and reference", "Teach by example"]
        panels = (map_panel, sections_panel, remix_panel, teach_panel)
        for tab, panel in zip(st.tabs(names, key="similar_tabs", on_change="rerun"), panels, strict=True):
            if tab.open:
                with tab, guarded():
                    panel(choice)
    with player, guarded():  # last, though it stands above: a click in a panel is played in the same run
        clip_player()


similar()
