"""What is made only once it is opened: doors to a panel, and panels of which one shows. The rest costs nothing."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from .messages import guarded

__all__ = ["door", "one_of"]


def door(label: str, panel: Callable[[], Any], *, key: str, always: bool = False, **look: Any) -> None:
    """Show a button that opens a panel.

    Parameters
    ----------
    always : bool
        Make the panel though the door is shut: something in it goes on.
    look : str
        `icon`, `help` and `width` of the button.
    """
    popover = st.popover(label, key=key, on_change="rerun", **look)
    if popover.open or always:
        with popover, guarded():
            panel()


def one_of(panels: Mapping[str, Callable[[], Any]], *, key: str) -> None:
    """Show a choice of panels, and the chosen one; which it was is kept for the session.

    `st.tabs` would do it, but loses a click that meets an answer of the server.
    """
    names = list(panels)
    if len(names) == 1:  # nothing to choose
        with guarded():
            panels[names[0]]()
        return
    if st.session_state.get(key) not in names:  # nothing was chosen yet, or what is not offered here
        st.session_state[key] = names[0]
    chosen = st.segmented_control(
        "Panel",
        names,
        required=True,
        key=key,
        label_visibility="collapsed",
        width="stretch",
        persist_state="session",
    )
    for name, place in [(name, st.container()) for name in names]:
        if name == chosen:
            with place, guarded():
                panels[name]()
