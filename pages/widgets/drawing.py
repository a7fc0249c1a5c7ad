"""A drawing in a page: plain SVG or HTML, without a chart library of megabytes. (Streamlit's st.html throws SVG away.)"""

import streamlit as st

__all__ = ["drawing"]

# Several lines: Streamlit takes a script of one line for the path of a file.
_SCRIPT = """
export default function ({ data, parentElement }) {
  parentElement.querySelector(".drawing").innerHTML = data[0];
}
"""
_STYLE = """
.drawing { color: var(--st-text-color); min-height: 8rem; }
.drawing svg { width: 100%; height: auto; display: block; }
"""
_component = st.components.v2.component("cadenza_drawing", html='<div class="drawing"></div>', css=_STYLE, js=_SCRIPT)


def drawing(markup: str, key: str) -> None:
    """Show a drawing, SVG or HTML: names from users in it must have been escaped."""
    # In a list, which Streamlit does not search for data frames: it loads pandas for that.
    _component(key=key, data=[markup])
