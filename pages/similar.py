"""Similar sounds: a map of songs, excerpts and stems by what they sound like; sections, remixes, and teaching by example."""

import functools

import streamlit as st

from pages.widgets.clip_player import clip_player
from pages.widgets.jobs import follow
from pages.widgets.messages import guarded, plain
from pages.widgets.opened import one_of
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
        panels = {
            "Map": map_panel,
            "Sections": sections_panel,
            "Remix and reference": remix_panel,
            "Teach by example": teach_panel,
        }
        one_of({name: functools.partial(panel, choice) for name, panel in panels.items()}, key="similar_panel")
    with player, guarded():  # last, though it stands above: a click in a panel is played in the same run
        clip_player()


similar()
